"""The temperature of a classifier: one number, fitted on held-out logits."""

import numpy as np
from scipy.optimize import minimize_scalar

from ._losses import row_cross_entropy

# Fewer rows than this cannot say what the temperature is.
MIN_ROWS = 50


def enough_rows(n_rows, n_classes):
    """Return whether so many rows can say what the temperature of so many classes is."""
    return n_classes > 1 and n_rows >= MIN_ROWS


def fit_temperature(Z, labels, row_weight=None):
    """Return the T > 0 that minimises the mean cross-entropy of softmax(Z / T).

    The label of a row is smoothed by 1 / (n_samples + 1), as if one more row than there
    are had carried every label, each in proportion to its frequency: rows that are all
    classified rightly would otherwise say that the classifier never errs, by a temperature
    near 0.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_classes)
        Logits of rows that were not trained on.
    labels : ndarray of shape (n_samples,)
        Their class indices.
    row_weight : ndarray of shape (n_samples,), default=None
        Their weights.

    Returns
    -------
    temperature : float
        Within [e^-5, e^5]; 1 for fewer than 50 rows of positive weight, and for a single
        class.
    loss : float
        The mean cross-entropy at that temperature.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.
    Platt, "Probabilistic outputs for support vector machines", 1999, for the smoothing.
    """
    n_rows = len(Z) if row_weight is None else np.count_nonzero(row_weight)
    Z = Z.astype(np.float64)
    # The cross-entropy of a smoothed label is that of the label, plus so much:
    # s (log p_label - sum_j q_j log p_j) = s (z_label - sum_j q_j z_j) / T.
    smoothing = 1.0 / (n_rows + 1)
    totals = np.bincount(labels, weights=row_weight, minlength=Z.shape[1])
    extra = smoothing * (Z[np.arange(len(Z)), labels] - Z @ (totals / totals.sum()))

    def loss(log_temperature):
        temperature = np.exp(log_temperature)
        row_loss = row_cross_entropy(Z / temperature, labels) + extra / temperature
        return float(np.average(row_loss, weights=row_weight))

    if not enough_rows(n_rows, Z.shape[1]):
        return 1.0, loss(0.0)
    # The loss is convex in 1 / T, hence has one minimum in log T as well.
    result = minimize_scalar(loss, bounds=(-5.0, 5.0), method="bounded", options={"xatol": 1e-8})
    return float(np.exp(result.x)), float(result.fun)
