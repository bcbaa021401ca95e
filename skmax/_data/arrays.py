"""Arrays of numbers: dates, durations and strings are errors, though NumPy would convert some."""

from datetime import date, timedelta
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse

# Types in object arrays that are not numbers, by the name that messages give them.
NO_NUMBERS = {
    "strings": (str, bytes),
    "dates": (date, np.datetime64),
    "durations": (timedelta, np.timedelta64),
}

# The same names, by the kind of an array's dtype.
KINDS = {"U": "strings", "S": "strings", "T": "strings", "M": "dates", "m": "durations"}

ADVICE = {
    "strings": "Name categories in categorical_features, and convert digits (by astype(float)).",
    "dates": "Subtract a date from them, and divide by a unit, np.timedelta64(1, 'D').",
    "durations": "Divide them by a unit, np.timedelta64(1, 's').",
}


def n_rows_of(X: Any) -> int | None:
    """Return how many rows X has, before anything of it is checked; None if X does not say."""
    shape = getattr(X, "shape", None)
    if isinstance(shape, tuple):
        return int(shape[0]) if shape and isinstance(shape[0], Integral) else None
    return len(X) if isinstance(X, list | tuple) else None


def as_numpy(values: Any, name: str) -> Any:
    """Return an array of another library, such as torch, as NumPy's; any other value as it is.

    An array in the memory of the CPU is not copied. One on another device is a TypeError.
    """
    if isinstance(values, np.ndarray) or not hasattr(values, "__dlpack__"):
        return values
    try:
        return np.asarray(values)
    except (TypeError, RuntimeError, ValueError) as error:
        kind = f"{type(values).__module__}.{type(values).__qualname__}"
        raise TypeError(
            f"{name} must be an array that NumPy can read where it is, in the memory of the CPU "
            f"and without a gradient; got a {kind}: {error}"
        ) from error


def as_numeric(X: Any) -> Any:
    """Return X, and a list as an array; raise ValueError if it holds what is not a number.

    Parameters
    ----------
    X : {array-like, sparse matrix, data frame}

    Raises
    ------
    ValueError
        If there are dates, durations or strings: in an array of such a dtype, in an object
        array, or in a column of a data frame.
    TypeError
        If it is an array in the memory of another device.
    """
    X = as_numpy(X, "X")
    if isinstance(X, list | tuple):
        try:
            X = np.asarray(X)
        except ValueError:  # rows of different lengths: scikit-learn raises the error
            return X
    if isinstance(X, np.ndarray):
        if X.dtype.kind not in "US":  # scikit-learn raises the error
            check_numbers(X, "X")
    elif hasattr(X, "columns") and hasattr(X, "dtypes"):
        for i, name in enumerate(X.columns):
            column = X.iloc[:, i] if hasattr(X, "iloc") else X[name]
            if not _is_numeric(column.dtype):
                check_numbers(np.asarray(column), "X", f" in column {name!r}")
    return X


def _is_numeric(dtype: Any) -> bool:
    """Return whether a column of this dtype, of pandas or polars, holds numbers."""
    if hasattr(dtype, "kind"):
        return dtype.kind in "biufc"
    return hasattr(dtype, "is_numeric") and dtype.is_numeric()


def check_numbers(values: np.ndarray, name: str, where: str = "") -> None:
    """Raise ValueError if an array holds dates, durations or strings.

    The message calls the argument `name`, and `where` is the place within it.
    """
    found, value = KINDS.get(values.dtype.kind), None
    if values.dtype.kind == "O":
        present = set(map(type, values.flat))
        for kind, types in NO_NUMBERS.items():
            if any(issubclass(each, types) for each in present):
                found, value = kind, next(v for v in values.flat if isinstance(v, types))
    elif found and values.size:
        value = values.flat[0]
    if found:
        raise ValueError(
            f"{name} must hold numbers, got {found}{where}, such as {str(value)!r}. "
            f"{ADVICE[found]}"
        )


def check_gaps(X: Any) -> None:
    """Raise ValueError if X, an array or CSR of numbers, is sparse and has NaN."""
    if issparse(X) and np.isnan(X.data).any():
        raise ValueError(
            "Sparse X contains NaN. A gap (NaN) is allowed in dense X alone: fill gaps with "
            "sklearn.impute.SimpleImputer, or call X.toarray()."
        )
