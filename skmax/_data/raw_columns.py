"""The columns of a table as they come, of data frames and arrays: numbers, levels and gaps."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from numbers import Complex, Real
from typing import Any

import numpy as np

from .arrays import ADVICE, NO_NUMBERS, as_numpy

# The code of a level that is not known.
UNKNOWN = -1

# Types whose values can be no levels.
NO_LEVELS = (list, dict, set, tuple, np.ndarray)

# What cells are that are neither numbers nor levels, and what to do about it.
TIMES = {**NO_NUMBERS, "times of day": (time,)}
WHAT_TO_DO = ADVICE | {
    "dates": "Their parts are numbers: skrub's DatetimeEncoder makes columns of them, in a "
    "pipeline before this estimator.",
    "times of day": "Make numbers of them, such as hours.",
}


@dataclass(frozen=True, eq=False)
class RawColumn:
    """One column of a table as it came.

    Parameters
    ----------
    i : int
        Its position.
    name : object
        Its name, None if it has none.
    values : ndarray of shape (n_rows,)
    gaps : ndarray of bool of shape (n_rows,)
        Where a value is missing.
    declared : ndarray or None
        The levels that its dtype declares.
    is_category : bool
        Whether its dtype, or its values, say that it is a category.
    """

    i: int
    name: Any
    values: np.ndarray
    gaps: np.ndarray
    declared: np.ndarray | None
    is_category: bool

    @property
    def where(self) -> str:
        """What messages call the column."""
        name = self.name.item() if isinstance(self.name, np.generic) else self.name
        return f"column {self.i if name is None else name!r}"

    def check_cells(self, *, are_numbers: bool) -> None:
        """Raise an error if a cell can be no level, or no number, if they are to be numbers.

        Strings are left to `numbers`.
        """
        kind = self.values.dtype.kind
        present = self.values[~self.gaps] if kind in "OMm" else self.values
        if kind == "c" and are_numbers:
            raise ValueError(f"Complex data not supported, got some in {self.where} of X.")
        if kind in "Mm":
            self._raise_no_numbers("dates" if kind == "M" else "durations", present[:1])
        if kind != "O":
            return
        cells = present.tolist()
        for each in dict.fromkeys(map(type, cells)):
            example = next(value for value in cells if type(value) is each)
            for name in ("dates", "durations", "times of day"):
                if issubclass(each, TIMES[name]) or (name == "dates" and _is_period(each)):
                    self._raise_no_numbers(name, [example])
            is_complex = issubclass(each, Complex) and not issubclass(each, Real)
            if is_complex and are_numbers:
                raise ValueError(f"Complex data not supported, got {example!r} in {self.where}.")
            is_number = issubclass(each, Real | Decimal | np.bool_ | str | bytes)
            if issubclass(each, NO_LEVELS) or (are_numbers and not is_number):
                raise TypeError(
                    "argument must be a string or a number, not "
                    f"{each.__name__!r}, as in {self.where} of X: {example!r}."
                )

    def _raise_no_numbers(self, found: str, examples: Any) -> None:
        such_as = "".join(f", such as {str(example)!r}" for example in examples)
        raise ValueError(
            f"X must hold numbers and categories, got {found} in {self.where}{such_as}. "
            f"{WHAT_TO_DO[found]}"
        )

    def numbers(self) -> np.ndarray:
        """Return the values as numbers, with NaN for a gap."""
        if self.values.dtype.kind in "biuf":
            values = self.values
            if values.dtype.kind == "f" or not self.gaps.any():
                return self._finite(values)
        self.check_cells(are_numbers=True)
        if self.values.dtype.kind == "O":
            present = self.values[~self.gaps]
            text = next((value for value in present if isinstance(value, str | bytes)), None)
            if text is not None:
                raise ValueError(
                    f"X must hold numbers, got strings in {self.where}, such as {str(text)!r}. "
                    "Name it in categorical_features if it is a category, or convert digits (by "
                    "astype(float))."
                )
        values = np.full(self.values.shape, np.nan)
        try:
            values[~self.gaps] = self.values[~self.gaps].astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"X must hold numbers: of {self.where}, {error}.") from error
        return self._finite(values)

    def _finite(self, values: np.ndarray) -> np.ndarray:
        """Return the values; raise ValueError if one is infinite."""
        if values.dtype.kind == "f" and np.isinf(values).any():
            raise ValueError(
                "Input X contains infinity or a value too large for dtype('float64'), in "
                f"{self.where}."
            )
        return values

    def levels(self) -> np.ndarray:
        """Return the levels: those that the dtype declares, or those that occur, sorted."""
        if self.declared is not None:
            return _as_levels(self.declared.tolist(), ordered=True)
        present = self.values[~self.gaps]
        if present.dtype.kind in "biuf":
            return np.unique(present)
        return _as_levels(present.tolist(), ordered=False)

    def codes(self, levels: np.ndarray) -> np.ndarray:
        """Return the code of each value, if the column has these levels."""
        n_levels = len(levels)
        self.check_cells(are_numbers=False)
        if self.values.dtype.kind in "biuf" and levels.dtype.kind in "biuf":
            order = np.argsort(levels)
            ranks = np.searchsorted(levels[order], self.values)
            codes = order.take(ranks, mode="clip") if n_levels else np.zeros(len(ranks), int)
            known = levels[codes] == self.values if n_levels else np.zeros(len(ranks), bool)
            codes = np.where(known, codes, UNKNOWN)
        else:
            of_level: dict[Any, int] = {
                as_text(level): code for code, level in enumerate(levels.tolist())
            }
            cells: Any = self.values.tolist()
            if levels.dtype.kind == "O":
                cells = map(as_text, cells)
            else:  # a number is known by its value, too
                of_level |= {level: code for code, level in enumerate(levels.tolist())}
            codes = np.fromiter(
                (of_level.get(cell, UNKNOWN) for cell in cells), int, len(self.values)
            )
        codes[self.gaps] = n_levels
        return codes


def as_text(value: Any) -> str:
    """Return a level as a string: that of 1, 1.0 and "1" is the same."""
    if type(value) is str:
        return value
    if isinstance(value, str):  # a member of an enumeration is the string that it equals
        return str.__str__(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float | np.floating | Decimal) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _as_levels(values: list[Any], *, ordered: bool) -> np.ndarray:
    """Return distinct values as levels: numbers if all are, else strings."""
    if all(issubclass(each, Real | np.bool_) for each in set(map(type, values))):
        distinct = list(dict.fromkeys(values))
        levels = np.array(distinct)
        # Very large integers are kept as strings, because floats would lose their digits.
        if levels.dtype.kind in "biuf" and levels.tolist() == distinct:
            return levels if ordered else np.sort(levels)
    strings = list(dict.fromkeys(map(as_text, values)))
    return np.array(strings if ordered else sorted(strings), dtype=object)


def _is_period(kind: type) -> bool:
    """Return whether these are periods of pandas."""
    return kind.__name__ == "Period"


def is_frame(X: Any) -> bool:
    """Return whether X is a data frame, of pandas, polars or pyarrow."""
    return hasattr(X, "columns") and (hasattr(X, "dtypes") or hasattr(X, "column_names"))


def check_frame(X: Any) -> None:
    """Raise TypeError for a query, which is no frame yet; ValueError for one without columns."""
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise TypeError(f"X must be a data frame, got a {type(X).__name__}; pass X.collect().")
    if is_frame(X) and not X.shape[1]:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of 1 is required."
        )


def raw_columns(X: Any) -> Iterator[RawColumn]:
    """Yield the columns of a data frame, or of an array of two dimensions."""
    if not is_frame(X):
        X = as_table(X)
        for i in range(X.shape[1]):
            yield _raw_column(i, None, X[:, i])
        return
    import narwhals.stable.v2 as nw  # which scikit-learn brings

    for i, series in enumerate(nw.from_native(X, eager_only=True).iter_columns()):
        dtype, declared = series.dtype, None
        gaps = series.is_null().to_numpy()
        # Arrow cannot make an array of a dictionary of nothing; other gaps need no values either.
        is_empty = isinstance(dtype, nw.Categorical) and bool(gaps.all())
        values = np.full(len(series), None) if is_empty else series.to_numpy()
        is_category = isinstance(dtype, nw.Categorical | nw.Enum | nw.String)
        if isinstance(dtype, nw.Unknown) and 0 < len(series) == series.null_count():
            values = np.full(len(series), None)  # of no type, as objects that are all None
        if isinstance(dtype, nw.Enum):
            declared = np.array(dtype.categories, dtype=object)
        elif isinstance(dtype, nw.Categorical) and hasattr(series.to_native(), "cat"):
            if hasattr(series.to_native().cat, "codes"):  # polars shares levels among columns
                declared = series.cat.get_categories().to_numpy()
        if values.ndim > 1:  # a cell is an array or a record
            values = np.fromiter(iter(values), object, len(values))
        yield _raw_column(i, series.name, values, gaps, declared, is_category)


def _raw_column(
    i: int,
    name: Any,
    values: np.ndarray,
    gaps: np.ndarray | None = None,
    declared: np.ndarray | None = None,
    is_category: bool = False,
) -> RawColumn:
    kind = values.dtype.kind
    gaps = np.zeros(len(values), bool) if gaps is None else gaps.astype(bool)
    if kind == "f":
        gaps = gaps | np.isnan(values)
    elif kind in "UST":
        is_category = True
    elif kind == "O" and not is_category:
        gaps = gaps | np.fromiter(map(_is_gap, values.tolist()), bool, len(values))
        kinds = set(map(type, values[~gaps].tolist()))
        # A column without any value could be of strings, and a category takes any later.
        is_category = not kinds or any(issubclass(each, str | bytes) for each in kinds)
    return RawColumn(i, name, values, gaps, declared, is_category)


def _is_gap(value: Any) -> bool:
    """Return whether a cell of an object array is missing."""
    if isinstance(value, float | np.floating):
        return bool(value != value)
    if isinstance(value, Decimal):
        return value.is_nan()
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def as_table(X: Any) -> np.ndarray:
    """Return rows of an array or a list as an array, in which strings do not swallow numbers."""
    table = as_numpy(X, "X")
    if isinstance(table, np.ndarray):
        return table
    try:
        table = np.asarray(X)
        return np.asarray(X, dtype=object) if table.dtype.kind in "US" else table
    except ValueError:  # rows of different lengths: scikit-learn raises the error
        return np.empty(0)


def has_numbers_alone(X: Any) -> bool:
    """Return whether all columns of a frame have dtypes of numbers, by a look at the dtypes."""
    dtypes = getattr(X, "dtypes", None)
    if dtypes is None:
        return False
    return all(
        getattr(dtype, "kind", "O") in "biuf" and not hasattr(dtype, "categories")
        if hasattr(dtype, "kind")
        else hasattr(dtype, "is_numeric") and dtype.is_numeric()
        for dtype in dtypes
    )
