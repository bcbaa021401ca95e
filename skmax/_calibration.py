"""The temperature of a classifier: one number, fitted on held-out logits."""

import numpy as np
from scipy.optimize import minimize_scalar

from ._losses import row_cross_entropy

# Fewer rows than this, or than this many per class, cannot say what the temperature is.
MIN_ROWS = 50
MIN_ROWS_PER_CLASS = 5


def enough_rows(n_rows, n_classes):
    """Return whether so many rows can say what the temperature of so many classes is."""
    return n_classes > 1 and n_rows >= max(MIN_ROWS, MIN_ROWS_PER_CLASS * n_classes)


def fit_temperature(Z, labels, row_weight=None):
    """Return the T > 0 that minimises the mean cross-entropy of softmax(Z / T).

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
        Within [e^-5, e^5]; 1 for fewer than max(50, 5 n_classes) rows of positive
        weight, and for a single class.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.
    """
    n_rows = len(Z) if row_weight is None else np.count_nonzero(row_weight)
    if not enough_rows(n_rows, Z.shape[1]):
        return 1.0
    Z = Z.astype(np.float64)

    def loss(log_temperature):
        row_loss = row_cross_entropy(Z / np.exp(log_temperature), labels)
        return float(np.average(row_loss, weights=row_weight))

    # The loss is convex in 1 / T, hence has one minimum in log T as well.
    result = minimize_scalar(loss, bounds=(-5.0, 5.0), method="bounded", options={"xatol": 1e-8})
    return float(np.exp(result.x))
