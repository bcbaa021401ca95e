"""Accuracy in bins of confidence, from labels and probabilities."""

import numpy as np
from sklearn.utils import check_consistent_length

from ._targets import class_indices

STRATEGIES = ("uniform", "quantile")

# How far the sum of a row of probabilities may be from 1: float16 rounds by 5e-4.
ROUNDING = 1e-3


def confidence_and_right(y_true, y_prob, labels):
    """Return the probability of each row's predicted class, and whether that is its label.

    `labels` are the classes of the columns, in any order; None takes those of `y_true`, sorted.
    ValueError if rows are not probabilities that sum to 1, or labels do not fit the columns.
    """
    P = np.asarray(y_prob, dtype=np.float64)
    if P.ndim != 2 or not P.size:
        raise ValueError(
            f"y_prob must be of shape (n_samples, n_classes), got {P.shape}. For the "
            "probabilities p of the second of two classes pass np.column_stack([1 - p, p])."
        )
    check_consistent_length(y_true, P)
    total = P.sum(axis=1)
    if not (P.min() >= 0 and np.abs(total - 1).max() <= ROUNDING):
        raise ValueError(
            "y_prob must hold probabilities >= 0, each row with a sum of 1, got values from "
            f"{P.min():.6g} on and sums from {total.min():.6g} to {total.max():.6g}."
        )
    if labels is None:
        labels = np.unique(y_true)
        if len(labels) != P.shape[1]:
            raise ValueError(
                f"y_true has {len(labels)} classes and y_prob {P.shape[1]} columns: pass the "
                "classes of the columns as labels."
            )
    labels = check_column_labels(labels, P.shape[1])
    order = np.argsort(labels)
    true = order[class_indices(y_true, labels[order])]
    return np.minimum(P.max(axis=1), 1.0), P.argmax(axis=1) == true


def binned(confidence, right, weight, n_bins, strategy):
    """Return mean confidence, accuracy, weight and edges of bins, as a dict of arrays.

    A bin has the rows with lower edge < confidence <= upper edge, the first one those on its
    lower edge too. Means are NaN where it has none. Of equal quantiles there is one.
    """
    edges = np.linspace(0, 1, n_bins + 1)
    if strategy == "quantile":
        present = weight > 0
        # The one method that knows weights, of which 2 is then a row twice.
        edges = np.quantile(
            confidence[present], edges, weights=weight[present], method="inverted_cdf"
        )
        edges = np.unique(edges) if edges[0] < edges[-1] else edges[:1].repeat(2)
    bins, n_bins = np.searchsorted(edges[1:-1], confidence), len(edges) - 1
    n_rows, sum_confidence, sum_right = (
        np.bincount(bins, weights=weight * values, minlength=n_bins)
        for values in (1.0, confidence, right)
    )
    n_filled = np.where(n_rows > 0, n_rows, np.nan)
    return {
        "confidence": sum_confidence / n_filled,
        "accuracy": sum_right / n_filled,
        "n_rows": n_rows,
        "bin_edges": edges,
    }


def check_column_labels(labels, n_classes):
    """Return the classes of the columns as an array; ValueError unless there is one each."""
    labels = np.asarray(labels)
    if labels.shape != (n_classes,) or len(np.unique(labels)) != n_classes:
        raise ValueError(
            f"labels must be one class per column, {n_classes} different ones, got {labels}."
        )
    return labels
