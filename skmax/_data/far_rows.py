"""A warning if validation rows look unscaled beside scaled training rows."""

import numpy as np
from scipy.sparse import issparse

from .dataset import Dataset
from .warning import warn

# Fewer validation rows are not looked at, because all of them may be extreme.
LEAST_ROWS = 10

# Most rows of X and of X_val that are looked at.
MOST_TRAINING, MOST_VALIDATION = 10_000, 1_000

# On random splits of 30 tables the ratio below never exceeded 0.96. On splits by the order of a
# feature it never exceeded 5.2, and only one or few features differed so. For unscaled rows of
# iris, wine and breast_cancer it begins at 1.78, with 0.3 of the features.
LEAST_RATIO, LEAST_SHARE = 1.5, 0.25


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def warn_of_far_rows(dataset: Dataset, held_out: Dataset) -> None:
    """Warn if most validation rows lie far outside all training rows, in many features.

    Distances are in standard deviations of the training rows. Sparse rows, and fewer than ten
    rows, are not looked at.

    Parameters
    ----------
    dataset, held_out : Dataset
    """
    if issparse(dataset.X) or issparse(held_out.X) or len(held_out.labels) < LEAST_ROWS:
        return
    X, X_val = _some(dataset, MOST_TRAINING), _some(held_out, MOST_VALIDATION)
    center, scale = X.mean(axis=0), X.std(axis=0)
    varies = (scale > 0.0) & np.isfinite(X_val).all(axis=0)  # columns with gaps are left out
    if varies.sum() < 2:
        return
    center, scale = center[varies], scale[varies]
    Z, Z_val = (X[:, varies] - center) / scale, (X_val[:, varies] - center) / scale
    typical = np.median(Z_val, axis=0)
    outside = (typical < Z.min(axis=0)) | (typical > Z.max(axis=0))
    largest, distance = np.abs(Z).max(), np.median(np.abs(Z_val).max(axis=1))
    n_outside = np.count_nonzero(outside)
    if n_outside < max(2, LEAST_SHARE * len(outside)) or not distance > LEAST_RATIO * largest:
        return
    warn(
        f"X_val lies far outside X: in {n_outside} of {len(outside)} features its median is "
        f"beyond all rows of X, and a typical row is {distance:.3g} standard deviations away, "
        f"where none of X is more than {largest:.3g}. Is X scaled, and X_val not? A "
        "pipeline passes step__X_val by its transformers; with transform_input=['X_val'] it does "
        "not."
    )


def _some(dataset: Dataset, most: int) -> np.ndarray:
    """Return rows of a dataset, evenly chosen, in float64: what is a number, if it is a table."""
    n_rows = len(dataset.labels)
    chosen = np.linspace(0, n_rows - 1, min(n_rows, most)).astype(np.intp)
    rows = chosen if dataset.index is None else dataset.index[chosen]
    n_numbers = None if dataset.columns is None else dataset.columns.n_numbers
    return dataset.X[rows, :n_numbers].astype(np.float64)
