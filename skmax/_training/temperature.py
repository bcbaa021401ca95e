"""The temperature of a classifier: one number, fitted on held-out logits."""

import numpy as np
from scipy.optimize import minimize_scalar

from .._data.batches import blocks
from .._network.kernels import row_cross_entropy

# Fewer rows than this cannot say what the temperature is.
MIN_ROWS = 50

# So many held-out rows can say which cycle is best, and a temperature is not worth more rows.
ENOUGH_ROWS = 150

# At most so many held-out rows, and elements of their logits, are used, because they give a
# temperature to a percent, and logits of more would need more memory than the fit itself.
MAX_HELD_OUT = 100_000
MAX_LOGITS = 10_000_000

# Logits that are divided by a temperature at a time.
BLOCK_LOGITS = 2**18


def enough_rows(n_rows: int, n_classes: int) -> bool:
    """Return whether so many rows can say what the temperature of so many classes is."""
    return n_classes > 1 and n_rows >= MIN_ROWS


def most_rows(n_classes: int) -> int:
    """Return how many held-out rows are used at most if there are so many classes."""
    return max(ENOUGH_ROWS, min(MAX_HELD_OUT, MAX_LOGITS // n_classes))


def chosen_rows(n_rows: int, most: int, seed: int | list[int]) -> np.ndarray:
    """Return the positions of at most so many rows: all, or some by chance, in their order."""
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, most, replace=False))


def fit_temperature(
    Z: np.ndarray, labels: np.ndarray, row_weight: np.ndarray | None = None
) -> tuple[float, float]:
    """Return the T > 0 that minimises the mean cross-entropy of softmax(Z / T).

    The label of a row is smoothed by 1 / (n_samples + 1), as if there were one more row that
    carried every label in proportion to its frequency. Otherwise, if all rows are classified
    rightly, they would say by a temperature near 0 that the classifier never errs. Classes that
    no row has count as half a row together, or nothing would be known of their probabilities.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_classes)
        Logits of rows that were not trained on. Blocks of rows are cast to float64, not all
        at once.
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
    n_rows = len(Z) if row_weight is None else int(np.count_nonzero(row_weight))
    parts = list(blocks(len(Z), max(1, BLOCK_LOGITS // Z.shape[1])))
    # The cross-entropy of a smoothed label is that of the label, plus so much:
    # s (log p_label - sum_j q_j log p_j) = s (z_label - sum_j q_j z_j) / T.
    smoothing = 1.0 / (n_rows + 1)
    totals = np.bincount(labels, weights=row_weight, minlength=Z.shape[1])
    unseen = totals == 0
    if unseen.any():
        totals = np.where(unseen, 0.5 * totals.sum() / n_rows / np.count_nonzero(unseen), totals)
    shares = totals / totals.sum()
    extra = Z[np.arange(len(Z)), labels].astype(np.float64)
    for rows in parts:
        extra[rows] -= Z[rows].astype(np.float64, copy=False) @ shares
    extra *= smoothing

    def loss(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        row_loss = extra / temperature
        for rows in parts:
            scaled = np.divide(Z[rows], temperature, dtype=np.float64)
            row_loss[rows] += row_cross_entropy(scaled, labels[rows])
        return float(np.average(row_loss, weights=row_weight))

    if not enough_rows(n_rows, Z.shape[1]):
        return 1.0, loss(0.0)
    # The loss is convex in 1 / T, so it has one minimum in log T as well.
    result = minimize_scalar(loss, bounds=(-5.0, 5.0), method="bounded", options={"xatol": 1e-8})
    return float(np.exp(result.x)), float(result.fun)
