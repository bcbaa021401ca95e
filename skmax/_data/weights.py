"""Weights of classes and rows."""

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from .columns import Columns
from .labels import listed, positions
from .warning import warn

# If the mean weight is below the first number, and the total below the second times alpha, the
# penalty decides: digits are read 3 % worse with a total of 30 rows, 9 % with 10, 80 % with 1.
SMALL_MEAN_WEIGHT = 0.1
FEW_FOR_PENALTY = 30

# What is said besides if there are categories.
RARE_BY_WEIGHT = ", and levels of categories are rare if their rows weigh less than 5 in all"


def class_weights(
    class_weight: dict[Any, Any] | str | None,
    classes: np.ndarray,
    labels: np.ndarray,
    sample_weight: np.ndarray | None = None,
) -> np.ndarray | None:
    """Return the weight of each class, or None if all are 1.

    Parameters
    ----------
    class_weight : {None, "balanced"} or dict
        "balanced" weighs class c by S / (K S_c), where S is the weight of all rows, S_c
        that of the rows of the class, and K the number of classes that have rows (King and
        Zeng, 2001). A dict maps labels to weights, and a label that it lacks weighs 1. It may
        have labels that do not occur (in a fold of the rows, say) if it has all that do.
    classes : ndarray of shape (n_classes,)
    labels : ndarray of shape (n_samples,)
        Class indices of the training rows.
    sample_weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    weights : ndarray of shape (n_classes,) or None

    Raises
    ------
    ValueError
        If the dict has a key that is no class and lacks a class, or a weight is negative
        or not finite.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        totals = np.bincount(labels, weights=sample_weight, minlength=len(classes))
        present = totals > 0
        weights = np.ones(len(classes))
        weights[present] = totals.sum() / (present.sum() * totals[present])
        return weights
    if not all(isinstance(weight, Real | Decimal) for weight in class_weight.values()):
        raise ValueError(f"class_weight must hold numbers, got {class_weight}.")
    indices = positions(class_weight, classes)
    unknown = [label for label, i in zip(class_weight, indices, strict=True) if i is None]
    if unknown and len(set(indices) - {None}) < len(classes):
        raise ValueError(
            f"class_weight has keys {unknown} that are not in classes {listed(classes)}, and "
            "lacks others."
        )
    weights = np.ones(len(classes))
    for i, weight in zip(indices, class_weight.values(), strict=True):
        if i is not None:
            weights[i] = weight
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(f"class_weight must hold finite values >= 0, got {class_weight}.")
    return weights


def row_weights(
    labels: np.ndarray,
    sample_weight: np.ndarray | None = None,
    weight_of_class: np.ndarray | None = None,
) -> np.ndarray | None:
    """Return sample weight times class weight of every row, or None if all are 1.

    Class weights are taken relative to the largest, so that no sum of weights overflows.
    ValueError if no row has a weight above zero.
    """
    if weight_of_class is None:
        return sample_weight
    weight = (weight_of_class / max(weight_of_class.max(), np.finfo(float).tiny))[labels]
    if sample_weight is not None:
        weight = weight * sample_weight
    if not weight.any():
        raise ValueError(
            f"class_weight leaves no row with a weight above zero: the classes weigh "
            f"{weight_of_class.tolist()}."
        )
    return weight


def warn_of_small_weights(
    alpha: float, mean_weight: float, n_rows: int, columns: Columns | None = None
) -> None:
    """Warn if the total weight of the rows is so small that the penalty outweighs them.

    Weights that sum to 1, as those of boosting or of a survey, are meant relative to each other.
    Here their sum counts against `alpha`, and that of a level says whether it is rare, as the
    number of rows does: `columns` are those of a table, None if all are numbers.
    """
    total = mean_weight * n_rows
    if mean_weight >= SMALL_MEAN_WEIGHT or total >= FEW_FOR_PENALTY * alpha:
        return
    mean_weight = max(mean_weight, np.finfo(np.float64).tiny)
    warn(
        f"The weights of the rows have a mean of {mean_weight:.3g}: alpha={alpha:g}, which counts "
        f"against their sum, acts as alpha={alpha / mean_weight:.3g} does on unweighted rows"
        f"{RARE_BY_WEIGHT if columns else ''}. If that is not meant, multiply the weights "
        f"by their number over their sum, or set alpha={alpha * mean_weight:.3g}."
    )
