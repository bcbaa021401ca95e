"""Softmax, one-hot rows and cross-entropy as public functions of arrays."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy


def _floating(values: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array of at least one axis, got a scalar.")
    if np.issubdtype(array.dtype, np.complexfloating):
        raise ValueError(f"{name} must be real, got dtype {array.dtype}.")
    if np.issubdtype(array.dtype, np.floating):
        return array
    return array.astype(np.float64)


def softmax(Z: ArrayLike) -> np.ndarray:
    """Return the softmax of logits, exp(z_j) / sum_k exp(z_k), over the last axis.

    The largest logit of a row is subtracted first, which changes nothing in exact
    arithmetic and keeps the exponential from overflowing.

    Parameters
    ----------
    Z : array-like of shape (..., n_classes)
        Logits, any finite values.

    Returns
    -------
    P : ndarray of shape (..., n_classes)
        Probabilities; each row sums to 1. A floating dtype is kept, any other becomes
        float64.

    Raises
    ------
    ValueError
        If `Z` is a scalar or complex.

    References
    ----------
    Bridle, "Probabilistic interpretation of feedforward classification network
    outputs, with relationships to statistical pattern recognition", 1990.

    Examples
    --------
    >>> from skmax import softmax
    >>> softmax([[5, 2, -1, 3]]).round(3)
    array([[0.842, 0.042, 0.002, 0.114]])
    """
    logits = _floating(Z, "Z")
    P = np.exp(logits - logits.max(axis=-1, keepdims=True))
    P /= P.sum(axis=-1, keepdims=True)
    return P


def log_softmax(Z: ArrayLike) -> np.ndarray:
    """Return the logarithm of the softmax, z_j - log sum_k exp(z_k), over the last axis.

    It is finite for finite logits, even if the softmax itself rounds to zero.

    Parameters
    ----------
    Z : array-like of shape (..., n_classes)
        Logits, any finite values.

    Returns
    -------
    log_P : ndarray of shape (..., n_classes)
        Log-probabilities, at most 0. A floating dtype is kept, any other becomes
        float64.

    Raises
    ------
    ValueError
        If `Z` is a scalar or complex.

    Examples
    --------
    >>> from skmax import log_softmax
    >>> log_softmax([[0.0, 10000.0]])
    array([[-10000.,      0.]])
    """
    logits = _floating(Z, "Z")
    log_P = logits - logits.max(axis=-1, keepdims=True)
    log_P -= np.log(np.exp(log_P).sum(axis=-1, keepdims=True))
    return log_P


def hardmax(Z: ArrayLike) -> np.ndarray:
    """Return the hardmax of logits: 1 at the largest of a row, 0 elsewhere.

    It is named after the softmax, its smooth counterpart. If several logits are the
    largest, the first is taken.

    Parameters
    ----------
    Z : array-like of shape (..., n_classes)
        Logits.

    Returns
    -------
    H : ndarray of shape (..., n_classes)
        One-hot rows. A floating dtype is kept, any other becomes float64.

    Raises
    ------
    ValueError
        If `Z` is a scalar or complex.

    Examples
    --------
    >>> from skmax import hardmax
    >>> hardmax([[5, 2, -1, 3]])
    array([[1., 0., 0., 0.]])
    """
    logits = _floating(Z, "Z")
    H = np.zeros_like(logits)
    np.put_along_axis(H, logits.argmax(axis=-1)[..., np.newaxis], 1, axis=-1)
    return H


def one_hot(labels: ArrayLike, n_classes: int) -> np.ndarray:
    """Return one-hot rows: 1 in the column of each label, 0 elsewhere.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Integer class indices from 0 to n_classes - 1.
    n_classes : int
        Number of columns, at least 1.

    Returns
    -------
    Y : ndarray of shape (n_samples, n_classes), dtype float64
        One-hot rows.

    Raises
    ------
    ValueError
        If `labels` is not one-dimensional, not of integers, or out of range.

    Examples
    --------
    >>> from skmax import one_hot
    >>> one_hot([1, 0, 3], n_classes=4)
    array([[0., 1., 0., 0.],
           [1., 0., 0., 0.],
           [0., 0., 0., 1.]])
    """
    labels = np.asarray(labels)
    if n_classes < 1:
        raise ValueError(f"n_classes must be at least 1, got {n_classes}.")
    if labels.ndim != 1:
        raise ValueError(f"labels must be one-dimensional, got shape {labels.shape}.")
    if labels.size and not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, got dtype {labels.dtype}.")
    if labels.size and not (0 <= labels.min() and labels.max() < n_classes):
        raise ValueError(
            f"labels must lie in [0, n_classes - 1] = [0, {n_classes - 1}], got values "
            f"from {labels.min()} to {labels.max()}."
        )
    Y = np.zeros((len(labels), n_classes))
    Y[np.arange(len(labels)), labels.astype(np.intp)] = 1.0
    return Y


def cross_entropy(Y: ArrayLike, P: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the mean cross-entropy, sum_i w_i (- sum_j y_ij log p_ij) / sum_i w_i.

    Parameters
    ----------
    Y : array-like of shape (n_samples, n_classes) or (n_classes,)
        One-hot or probability rows, values >= 0.
    P : array-like of the same shape
        Predicted probabilities, values >= 0. A zero costs nothing if `Y` is zero
        there, and infinity if `Y` is positive.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0 of the rows, not all zero. None gives all rows the weight 1.

    Returns
    -------
    loss : float
        In nats, at least 0 for one-hot rows.

    Raises
    ------
    ValueError
        If the shapes differ, there is no row, or a value is negative.

    Examples
    --------
    The loss of one example is minus the logarithm of its class's probability, -log 0.2:

    >>> from skmax import cross_entropy
    >>> round(cross_entropy([0, 1, 0, 0], [0.3, 0.2, 0.1, 0.4]), 4)
    1.6094
    """
    Y, P = np.atleast_2d(_floating(Y, "Y")), np.atleast_2d(_floating(P, "P"))
    if Y.shape != P.shape or Y.ndim != 2:
        raise ValueError(
            "Y and P must have the same shape (n_samples, n_classes), got "
            f"{Y.shape} and {P.shape}."
        )
    if Y.size == 0:
        raise ValueError(f"Y and P must have at least one row, got shape {Y.shape}.")
    if Y.min() < 0 or P.min() < 0:
        raise ValueError("Y and P must not hold negative values.")
    row_loss = -xlogy(Y, P).sum(axis=1, dtype=np.float64)
    weight = check_row_weight(sample_weight, len(row_loss))
    used = weight > 0  # a row of weight 0 costs nothing, even an infinite loss
    return float(np.average(row_loss[used], weights=weight[used] / weight.max()))


def check_row_weight(sample_weight: ArrayLike | None, n_rows: int) -> np.ndarray:
    """Return the weight of each row, 1 for None; raise ValueError if they are no weights."""
    if sample_weight is None:
        return np.ones(n_rows)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_rows,):
        raise ValueError(f"sample_weight must have shape ({n_rows},), got {weight.shape}.")
    if not (np.isfinite(weight).all() and weight.min() >= 0 and weight.max() > 0):
        raise ValueError("sample_weight must be finite, not negative and not all zero.")
    return weight


def relative_weights(weight: np.ndarray) -> np.ndarray:
    """Return weights divided by the largest, so that their sum neither overflows nor vanishes."""
    return weight / weight.max()
