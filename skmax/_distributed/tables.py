"""Tables on a cluster: what the columns are, by their dtypes, and partitions as matrices.

Levels are those that a dtype declares, because no partition knows the levels of all rows.
"""

from typing import Any

import numpy as np
from sklearn.utils import check_array

from .._data.arrays import as_numeric, check_gaps
from .._data.checks import check_levels
from .._data.columns import Columns, learn_columns

# The parameters of checks that a partition may be empty.
OF_PART: dict[str, Any] = {"ensure_min_samples": 0, "input_name": "X"}


def columns_of(X: Any, categorical_features: Any) -> Columns | None:
    """Return what the columns of a collection are, or None if all are numbers.

    Parameters
    ----------
    X : dask Array or DataFrame
    categorical_features : "from_dtype", None or array-like of bool, int or str
        As the estimator has it.

    Raises
    ------
    ValueError
        If `categorical_features` does not fit X, levels are unknown, or there are too many.
    """
    if not hasattr(X, "columns"):
        by_dtype = isinstance(categorical_features, str) and categorical_features == "from_dtype"
        if by_dtype or categorical_features is None:
            return None
        chosen = np.asarray(categorical_features)
        if chosen.size == 0 or (chosen.dtype.kind == "b" and not chosen.any()):
            return None
        raise ValueError(
            "categorical_features needs a dask DataFrame, whose dtypes declare the levels of "
            "categories; those of an array are in the rows of all partitions."
        )
    columns = learn_columns(X._meta, categorical_features)
    if columns is not None:
        _check_known(X, columns)
        check_levels(columns, list(X.columns))
    return columns


def _check_known(X: Any, columns: Columns) -> None:
    """Raise ValueError unless the dtypes of a frame declare the levels of its categories."""
    dtypes = X._meta.dtypes
    unknown, others = [], []
    for i, name in enumerate(X.columns):
        if columns.is_categorical[i]:
            if not hasattr(dtypes.iloc[i], "categories"):
                others.append(name)
            elif not X[name].cat.known:
                unknown.append(name)
    if unknown or others:
        typed = "X" if not others else f"X.astype({dict.fromkeys(others, 'category')})"
        raise ValueError(
            "X must have categories whose dtype declares their levels, and does not in columns "
            f"{others + unknown}. X = {typed}.categorize(columns={others + unknown}) reads them "
            "from the rows."
        )


def as_matrix(X: Any, columns: Columns | None = None) -> Any:
    """Return a partition as ndarray or CSR of numbers, of which NaN is a gap; it may be empty."""
    if columns is not None:
        return check_array(columns.matrix(X), ensure_all_finite="allow-nan", **OF_PART)
    rows = {"accept_sparse": "csr", "dtype": "numeric", "ensure_all_finite": "allow-nan"}
    X = check_array(as_numeric(X), **rows, **OF_PART)
    check_gaps(X)
    return X.astype(float) if X.dtype == object else X
