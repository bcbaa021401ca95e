"""Kernels of softmax and cross-entropy, on arrays that they may overwrite."""

import numpy as np
from numpy.typing import DTypeLike

# For up to so many classes, logits are copied with a class per row, so that reductions over
# classes are vector operations over samples: the loss of 200 x 3 logits takes 13 us instead of 27.
FEW_CLASSES = 64


def row_cross_entropy(Z: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each row, log sum_k exp(z_k) - z_label.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_classes)
        Logits; overwritten.
    labels : ndarray of shape (n_samples,)
        Class indices.

    Returns
    -------
    row_loss : ndarray of shape (n_samples,), dtype of `Z`
    """
    Zt = _class_major(Z)
    Zt -= np.maximum.reduce(Zt, axis=0)
    z_label = Zt[labels, np.arange(len(Z))]
    np.exp(Zt, out=Zt)
    return np.log(np.add.reduce(Zt, axis=0)) - z_label


def positive_softmax(Z: np.ndarray) -> np.ndarray:
    """Return the softmax of each row, with no value below the smallest normal number.

    A softmax is never 0, but a small one may round to 0. The bound keeps the logarithm of a
    probability finite.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_classes)
        Logits; overwritten.

    Returns
    -------
    P : ndarray of shape (n_samples, n_classes), dtype of `Z`
    """
    Pt = _class_major(Z)
    Pt -= np.maximum.reduce(Pt, axis=0)
    np.exp(Pt, out=Pt)
    Pt /= np.add.reduce(Pt, axis=0)
    return np.maximum(Pt, np.finfo(Z.dtype).tiny, out=Pt).T


def rounding(dtype: DTypeLike) -> float:
    """Return the largest relative change of a loss that rounding in `dtype` can hide."""
    return 64 * np.finfo(dtype).eps if dtype == np.float64 else np.finfo(dtype).eps


def _class_major(Z: np.ndarray) -> np.ndarray:
    """Return Z^T: a copy that is fast to reduce over few classes, a view for many."""
    return np.ascontiguousarray(Z.T) if Z.shape[1] <= FEW_CLASSES else Z.T


def softmax_cross_entropy(
    Z: np.ndarray,
    labels: np.ndarray,
    row_weight: float | np.ndarray,
    smoothing: np.ndarray | None = None,
) -> float:
    """Return sum_i w_i L_i, and overwrite the logits with its gradient w (P - Y).

    With smoothing q the target row is (1 - sum_j q_j) one_hot(label) + q; it is never
    materialised.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_classes), C-contiguous
        Logits; overwritten with the gradient of the returned sum.
    labels : ndarray of shape (n_samples,)
        Class indices.
    row_weight : float or ndarray of shape (n_samples,)
        Weights w, one for all rows or one each.
    smoothing : ndarray of shape (n_classes,), default=None
        The part q of every target row that does not depend on its label, values >= 0
        whose sum is below 1. None stands for zeros.

    Returns
    -------
    loss : float
        Summed in float64.

    References
    ----------
    Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016
    (label smoothing).
    """
    n_rows, n_classes = Z.shape
    Zt, copied = _class_major(Z), n_classes <= FEW_CLASSES
    if copied:
        flat, at_label = Zt.reshape(-1), labels * n_rows + np.arange(n_rows)
    else:
        flat, at_label = Z.reshape(-1), labels + n_classes * np.arange(n_rows)
    Zt -= np.maximum.reduce(Zt, axis=0)
    # - sum_j y_j log p_j = log sum_k exp(z_k) - sum_j y_j z_j
    z_target = flat.take(at_label)
    label_share = 1.0
    if smoothing is not None:
        label_share = 1.0 - float(smoothing.sum())
        z_target *= label_share
        z_target += smoothing @ Zt
    np.exp(Zt, out=Zt)
    normaliser = np.add.reduce(Zt, axis=0)
    row_loss = np.log(normaliser)
    row_loss -= z_target
    Zt *= row_weight / normaliser
    flat[at_label] -= row_weight * label_share
    if smoothing is not None:
        Zt -= smoothing[:, np.newaxis] * row_weight
    if copied:
        Z[...] = Zt.T
    if isinstance(row_weight, float):
        return row_weight * float(np.add.reduce(row_loss, dtype=np.float64))
    return float(np.multiply(row_loss, row_weight, dtype=np.float64).sum())
