"""Labels as arrays of class indices.

A label becomes its class index, and no one-hot row is ever made.
"""

from collections.abc import Callable, Hashable, Iterable
from datetime import date, timedelta
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from .arrays import as_numpy


def check_labels(y: Any) -> np.ndarray:
    """Return y as a one-dimensional array of labels of one kind, or raise ValueError."""
    y = _label_array(y)
    if y.ndim == 2 and y.shape[1] > 1:
        raise ValueError(
            f"y must hold one class label per row, got an array of shape {y.shape}. For "
            "one-hot rows pass y.argmax(axis=1); for probability rows (soft targets) repeat "
            "every row of X once per class and pass the probabilities as sample_weight."
        )
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    if y.dtype.kind in "mM" and np.isnat(y).any():
        raise ValueError("y must hold no missing values, got NaT.")
    if y.dtype.kind == "f" and (y != np.floor(y)).any():
        raise ValueError(
            "Unknown label type: continuous. y must hold class labels, and looks like what a "
            "regression is for."
        )
    return y


def encode(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted classes of labels, and the index of each label in them.

    If there are more than half as many classes as labels, it warns as scikit-learn does.
    """
    classes, indices = np.unique(y, return_inverse=True)
    if len(classes) > len(y) / 2 and y.dtype.kind != "S":
        check_classification_targets(y)
    return classes, indices


def _label_array(y: Any) -> np.ndarray:
    if hasattr(y, "to_numpy") and hasattr(y, "dtype"):
        # Columns of data frames (categorical, nullable, arrow) convert themselves, because
        # scikit-learn's conversion would turn integers into floats. (Arrays of pyarrow itself
        # have no dtype, and their `to_numpy` refuses whatever has to be copied.)
        array = y.to_numpy()
    elif issparse(y):
        raise ValueError(
            f"y must hold one class label per row, got a sparse array of shape {y.shape}. Pass "
            "y.toarray().argmax(axis=1) for one-hot rows, y.toarray().ravel() for a column."
        )
    elif hasattr(y, "__array__") or hasattr(y, "__dlpack__"):
        array = np.asarray(as_numpy(y, "y"))
    else:
        array = _listed(y)
    if array.dtype.kind == "T":  # StringDType
        return array.astype(object)
    return array if array.dtype != object else _plain(array)


def _listed(y: Any) -> np.ndarray:
    """Return a list of labels as an array."""
    labels = np.asarray(y, dtype=object)
    types = set(map(type, labels.flat))
    # NumPy would make strings of mixed lists, and call `__str__` of subclasses of str.
    if types not in ({str}, {bytes}) and any(issubclass(each, str | bytes) for each in types):
        return np.asarray(_plain(labels).tolist())
    return np.asarray(y)


def _plain(array: np.ndarray) -> np.ndarray:
    """Return an object array as one of a plain dtype, or of plain strings.

    Members of an enumeration of strings, and other values of a subclass of str, become plain
    strings, so that files name no class of the user's, and `classes_` equal the labels.
    """
    types = set(map(type, array.flat))
    if all(issubclass(each, str) for each in types):
        return array if types <= {str} else _each(str.__str__, array)
    if all(issubclass(each, bytes) for each in types):
        return _each(lambda label: memoryview(label).tobytes(), array).astype("S")
    plain = np.array(array.tolist())
    if plain.dtype.kind in "biuf":
        return plain
    if all(issubclass(each, Integral) for each in types):
        raise ValueError(
            "Unknown label type: y must hold integers of at most 64 bits, or strings, got "
            f"{max(array.flat, key=abs)}."
        )
    names = ", ".join(sorted({type(label).__name__ for label in array.flat}))
    raise ValueError(
        "Unknown label type: y must hold labels of one kind (strings, integers or booleans) "
        f"and no missing values, got an object array with values of type {names}."
    )


def _each(function: Callable[[Any], object], array: np.ndarray) -> np.ndarray:
    """Return an object array with what the function makes of each element."""
    return np.array([function(label) for label in array.flat], dtype=object).reshape(array.shape)


# Kinds of labels by the kind of their dtype. All others are numbers.
KINDS = {"O": "strings", "U": "strings", "S": "bytes", "M": "dates", "m": "durations"}


def kind_of(labels: np.ndarray) -> str:
    """Return what an array of labels holds, in a word."""
    return KINDS.get(labels.dtype.kind, "numbers")


def check_kind(y: np.ndarray, predicted: np.ndarray) -> None:
    """Raise ValueError if labels are of another kind than predictions, and can equal none."""
    if kind_of(y) != kind_of(predicted):
        raise ValueError(
            f"y must hold labels of the kind that was fitted, {kind_of(predicted)}; got "
            f"{kind_of(y)}, such as {listed(y[:1])[0]!r}."
        )


def listed(labels: np.ndarray) -> list[Any]:
    """Return labels as a list: dates as text that can be read, all others as plain values."""
    values = labels.tolist()
    # NumPy makes integers of nanoseconds.
    is_time = labels.dtype.kind in "mM" and any(isinstance(value, int) for value in values)
    return [str(label) for label in labels] if is_time else values


def same_classes(classes: np.ndarray, others: np.ndarray) -> bool:
    """Return whether classes are equal. A duration does not equal its number of units."""
    return kind_of(classes) == kind_of(others) and np.array_equal(classes, others)


def class_indices(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the index in the sorted `classes` of every label; ValueError if one is not there."""
    if len(y) == 0:  # they have no kind
        return np.zeros(0, dtype=np.intp)
    unknown = np.setdiff1d(y, classes) if kind_of(y) == kind_of(classes) else np.unique(y)
    if len(unknown):
        raise ValueError(f"y holds labels {unknown} that are not in classes {classes}.")
    return np.searchsorted(classes, y)


def positions(labels: Iterable[Any], classes: np.ndarray) -> list[int | None]:
    """Return the index in `classes` of each label that a user names, None if it is no class."""
    if classes.dtype.kind in "mM":
        found = [np.flatnonzero(classes == _time(label)) for label in labels]
        return [int(index[0]) if len(index) else None for index in found]
    index = {label: i for i, label in enumerate(classes.tolist())}
    return [index.get(label) if isinstance(label, Hashable) else None for label in labels]


def _time(label: Any) -> Any:
    """Return a date or duration as NumPy's or pandas', which equal those of any unit, or None."""
    if isinstance(label, np.datetime64 | np.timedelta64) or hasattr(label, "to_numpy"):
        return label
    if isinstance(label, date):
        return np.datetime64(label)
    return np.timedelta64(label) if isinstance(label, timedelta) else None
