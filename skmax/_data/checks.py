"""The checks of what comes into an estimator, which turn it into clean arrays.

Every message says what was wrong, what came and what is allowed.
"""

from collections.abc import Callable, Container
from functools import wraps
from numbers import Integral, Number
from typing import Any, ParamSpec, TypeVar

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array, check_consistent_length

from .arrays import as_numeric, as_numpy, check_gaps, check_numbers
from .columns import Columns
from .dataset import Dataset
from .features.categories import MAX_LEVELS
from .labels import check_labels, listed, positions, same_classes
from .raw_columns import check_frame, is_frame

# What other libraries call the arguments that validation rows are given by.
OTHER_NAMES = ("eval_set", "validation_data", "validation_set")

P = ParamSpec("P")
T = TypeVar("T")


def knows_other_names(method: Callable[P, T]) -> Callable[P, T]:
    """Return a method whose TypeError for one of OTHER_NAMES says what it is called here."""

    @wraps(method)  # hence the signature that inspect sees
    def with_hint(*args: P.args, **kwargs: P.kwargs) -> T:
        for name in OTHER_NAMES:
            if name in kwargs:
                raise TypeError(
                    f"{method.__name__}() got an unexpected keyword argument {name!r}. Validation "
                    "rows are given as fit(X, y, X_val=..., y_val=...)."
                )
        return method(*args, **kwargs)

    return with_hint


def last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline, or the estimator itself."""
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return estimator


def check_methods(estimator: Any, *methods: str) -> None:
    """Raise ValueError unless an estimator has these methods."""
    missing = [method for method in methods if not hasattr(estimator, method)]
    if missing:
        raise ValueError(
            f"The estimator must have {' and '.join(methods)}, got a "
            f"{type(last_step(estimator)).__name__} without {' and '.join(missing)}."
        )


def check_option(name: str, value: object, options: Container[object]) -> None:
    """Raise ValueError unless the value is one of the options."""
    if value not in options:
        raise ValueError(f"{name} must be one of {options}, got {value!r}.")


@np.errstate(over="ignore", invalid="ignore")
def check_rows(
    X: Any,
    y: Any,
    sample_weight: Any,
    *,
    columns: Columns | None,
    validate: Callable[..., Any],
    names: Any,
    scaling: str | None,
    caller: str,
    suffix: str,
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Return X as ndarray or CSR, y as labels, sample_weight as float64 or None.

    `columns`, `validate` and `names` are those of `checked_matrix`. In messages, `caller` is who
    needs y, and `suffix` that of the arguments' names.
    """
    X = checked_matrix(X, columns, validate, names)
    if y is None:
        raise ValueError(f"{caller} requires y to be passed, but the target y is None.")
    check_dense(X, scaling)
    y = check_labels(y)
    check_consistent_length(X, y)
    return X, y, check_weights(sample_weight, X.shape[0], "sample_weight" + suffix)


def checked_matrix(
    X: Any, columns: Columns | None, validate: Callable[..., Any], names: Any = None
) -> Any:
    """Return X as ndarray or CSR of numbers, of which NaN is a gap.

    Parameters
    ----------
    X : {array-like, sparse matrix, data frame}
    columns : Columns or None
        What the columns of X are; None: all are numbers.
    validate : callable
        scikit-learn's `validate_data` for an estimator, which is compared with X or learns its
        features.
    names : array-like of str, default=None
        Names of the columns of the fit before, which X may have in another order.
    """
    check_frame(X)
    if columns is None:
        X = as_numeric(X)
        X = validate(X, accept_sparse="csr", dtype="numeric", ensure_all_finite="allow-nan")
        check_gaps(X)
        return X.astype(np.float64) if X.dtype == object else X  # of a frame's Decimals
    if issparse(X):
        raise ValueError("X was a table with categories in fit, and cannot be sparse now.")
    X = in_order(X, names)
    if not is_frame(X):
        check_array(X, dtype=None, ensure_all_finite=False)
    validate(X, skip_check_array=True)
    # `Columns` has looked for infinity, and named the column.
    return check_array(columns.matrix(X), ensure_all_finite=False, input_name="X")


def in_order(X: Any, names: Any) -> Any:
    """Return a data frame with the columns in the order of these names, if it has them."""
    if names is None or not is_frame(X):
        return X
    # Any name is an attribute of a pandas or dask frame that has a column of it.
    is_pandas = hasattr(X, "iloc")
    named = not is_pandas and hasattr(X, "column_names")
    given = list(X.column_names if named else X.columns)
    if given == list(names) or sorted(map(str, given)) != sorted(names):
        return X  # scikit-learn says which are missing or new
    return X[list(names)] if is_pandas else X.select(list(names))


def check_levels(columns: Columns | None, names: Any) -> None:
    """Raise ValueError if a category has too many levels for a column each.

    `names` are those of the columns of X, None if they have none.
    """
    for i, levels in enumerate([] if columns is None else columns.categories):
        if levels is not None and len(levels) > MAX_LEVELS:
            name = i if names is None else repr(names[i])
            raise ValueError(
                f"Column {name} of X has {len(levels):,} levels, and a category may have at most "
                f"{MAX_LEVELS:,} here, because each is a column of 0 and 1. Join rare ones, or "
                "replace the column by numbers."
            )


def check_dense(X: Any, scaling: str | None) -> None:
    """Raise ValueError for sparse rows where the scaling, a name or None, needs dense ones."""
    if scaling == "robust" and issparse(X):
        raise ValueError(
            "scaling='robust' needs dense X: its centring would densify a sparse one. Use "
            "scaling='standard' or None, or pass X.toarray()."
        )


def check_hidden_layer(layer: int, n_hidden: int) -> int:
    """Return the index from 0 of a hidden layer, which may count from the end."""
    if n_hidden == 0:
        raise ValueError("The network has no hidden layer: its hidden_layer_sizes is ().")
    if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
        raise ValueError(
            f"layer must be an integer from {-n_hidden} to {n_hidden - 1}, one of the hidden "
            f"layers; got {layer!r}."
        )
    return layer % n_hidden


def check_class(class_: Any, classes: np.ndarray) -> int | None:
    """Return the index of a class label, None for None."""
    if class_ is None:
        return None
    label = class_[()] if isinstance(class_, np.ndarray) else class_  # of no dimension
    index = positions([label], classes)[0]
    if index is None:
        raise ValueError(
            f"class_ must be None or one of the classes {listed(classes)}, got {class_!r}."
        )
    return index


def check_weights(
    sample_weight: Any, n_rows: int, name: str, *, part: bool = False
) -> np.ndarray | None:
    """Return weights as float64 or None; those of a part of the rows may all be zero."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        sample_weight = np.full(n_rows, sample_weight)
    sample_weight = as_numpy(sample_weight, name)
    check_numbers(np.asarray(sample_weight), name)
    weight = check_array(
        sample_weight,
        ensure_2d=False,
        dtype=np.float64,
        ensure_min_samples=0 if part else 1,
        input_name=name,
    )
    if weight.shape != (n_rows,):
        raise ValueError(
            f"{name} must have one weight per row, shape ({n_rows},), got shape {weight.shape}."
        )
    if (weight < 0).any():
        raise ValueError(f"{name} must not be negative, got {weight.min()}.")
    if not part and not weight.any():
        raise ValueError(f"{name} must not be zero for every row.")
    return weight


def weighted_sample(
    X: Any,
    labels: np.ndarray,
    sample_weight: np.ndarray | None,
    groups: np.ndarray | None = None,
    columns: Columns | None = None,
) -> Dataset:
    """Return the labelled rows whose weight is not zero: those are as good as absent.

    So are those whose share of the largest weight underflows: a split that held out no
    others would have no weight at all.
    """
    if sample_weight is None:
        return Dataset(X, labels, groups=groups, columns=columns)
    scale = float(sample_weight.max())
    relative = sample_weight / scale
    sample = Dataset(X, labels, relative, weight_scale=scale, groups=groups, columns=columns)
    counts = relative >= np.finfo(np.float64).tiny
    return sample if counts.all() else sample.take(np.flatnonzero(counts))


def check_groups(groups: Any, n_rows: int, X_val: Any) -> np.ndarray | None:
    """Return the groups of rows as integers, None for None."""
    if groups is None:
        return None
    if X_val is not None:
        raise ValueError(
            "groups say which rows of X are held out together, and with X_val none are; pass one "
            "of the two."
        )
    groups = np.asarray(groups)
    if groups.shape != (n_rows,):
        raise ValueError(
            f"groups must have one value per row, shape ({n_rows},), got shape {groups.shape}."
        )
    if groups.dtype.kind in "fc" and not np.isfinite(groups).all():
        raise ValueError("groups must hold no NaN or infinity; give rows of no group one each.")
    try:
        return np.unique(groups, return_inverse=True)[1]
    except TypeError as error:
        raise ValueError(
            f"groups must hold values of one kind and no missing ones: {error}."
        ) from error


def check_same_classes(classes: np.ndarray, previous: np.ndarray) -> None:
    """Raise ValueError unless a warm start has the classes of the fit before it."""
    if not same_classes(classes, previous):
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous "
            f"call to fit. Previously got {previous}, `y` has {classes}"
        )


def stream_classes(classes: Any, previous: np.ndarray | None) -> np.ndarray:
    """Return the classes of a `partial_fit` call, given those of earlier ones or None."""
    if classes is None:
        if previous is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return previous
    try:
        classes = np.unique(check_labels(classes))
    except ValueError as error:
        raise ValueError(
            f"classes must be an array-like of all labels, got {classes!r}: {error}"
        ) from error
    if previous is not None and not same_classes(classes, previous):
        raise ValueError(
            f"classes={classes} are not those of the last call to partial_fit, {previous}."
        )
    return classes
