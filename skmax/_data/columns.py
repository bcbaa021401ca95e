"""Tables with categories: which columns are categories, and the matrix of numbers that X becomes.

Columns of numbers come first in the matrix, and a gap is NaN. A category is its code, the position
of its level; the code after the last level is that of a gap, and -1 that of a level that is not
known. All that follows sees this matrix alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .raw_columns import as_table, check_frame, has_numbers_alone, is_frame, raw_columns


@dataclass(frozen=True, eq=False)
class Columns:
    """What the columns of a table are, in the order of X.

    Parameters
    ----------
    categories : list
        Of each column that is a category its levels, an ndarray of numbers or of strings; None
        for a column of numbers.
    """

    categories: list[Any]

    @property
    def is_categorical(self) -> np.ndarray:
        """Which columns are categories."""
        return np.array([levels is not None for levels in self.categories])

    @property
    def order(self) -> np.ndarray:
        """Positions in X of the columns of the matrix: numbers first, then categories."""
        return np.argsort(self.is_categorical, kind="stable")

    @property
    def n_numbers(self) -> int:
        """How many columns are numbers."""
        return int(np.count_nonzero(~self.is_categorical))

    @property
    def levels(self) -> list[np.ndarray]:
        """The levels of the categories, in their order in the matrix."""
        return [levels for levels in self.categories if levels is not None]

    def matrix(self, X: Any) -> np.ndarray:
        """Return a table with these columns as a matrix.

        Raises
        ------
        ValueError
            If there are dates, or strings in a column of numbers.
        TypeError
            If a cell holds a list or a dict.
        """
        columns = list(raw_columns(X))
        numbers = [column.numbers() for column in columns if self.categories[column.i] is None]
        narrow = all(values.dtype.itemsize <= 4 for values in numbers)
        narrow = narrow and all(values.dtype.kind == "f" for values in numbers)
        dtype = np.float32 if numbers and narrow else np.float64
        matrix = np.empty((len(columns[0].values), len(columns)), dtype)
        for j, values in enumerate(numbers):
            matrix[:, j] = values
        coded = [column for column in columns if self.categories[column.i] is not None]
        for j, column in enumerate(coded, start=len(numbers)):
            matrix[:, j] = column.codes(self.categories[column.i])
        return matrix

    def table(self, matrix: np.ndarray) -> np.ndarray:
        """Return an array of objects whose `matrix` this is; a level is new if it is not known."""
        out = np.empty(matrix.shape, dtype=object)
        for j, i in enumerate(self.order.tolist()):
            levels = self.categories[i]
            if levels is None:
                out[:, i] = matrix[:, j]
                continue
            new = "new"
            while new in levels.tolist():
                new += "_"
            cells = np.array([*levels.tolist(), None, new], dtype=object)
            out[:, i] = cells[matrix[:, j].astype(np.intp)]
        return out


def learn_columns(X: Any, categorical_features: Any) -> Columns | None:
    """Return what the columns of X are, or None if all are numbers, or X is no table at all.

    Parameters
    ----------
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
    categorical_features : "from_dtype", None or array-like of bool, int or str
        As the estimator has it.

    Raises
    ------
    ValueError
        If `categorical_features` does not fit X, or there are dates.
    TypeError
        If a cell holds a list or a dict.
    """
    check_frame(X)
    by_dtype = isinstance(categorical_features, str) and categorical_features == "from_dtype"
    if issparse(X):
        if by_dtype or not _mask(categorical_features, [None] * X.shape[1]).any():
            return None
        raise ValueError("categorical_features needs dense X; got a sparse one.")
    if is_frame(X):
        if by_dtype and has_numbers_alone(X):
            return None
    else:
        table = as_table(X)
        numeric = table.dtype.kind in "biufc" and (by_dtype or categorical_features is None)
        if table.ndim != 2 or not table.size or numeric:
            return None
        X = table
    columns = list(raw_columns(X))
    if by_dtype:
        chosen = np.array([column.is_category for column in columns])
    else:
        chosen = _mask(categorical_features, [column.name for column in columns])
    for column in columns:
        column.check_cells(are_numbers=not chosen[column.i])
    if not chosen.any():
        return None
    return Columns([column.levels() if chosen[column.i] else None for column in columns])


def _mask(categorical_features: Any, names: list[Any]) -> np.ndarray:
    """Return which of the columns are meant by a mask, indices or names."""
    mask = np.zeros(len(names), dtype=bool)
    if categorical_features is None:
        return mask
    chosen = np.asarray(categorical_features)
    if chosen.size == 0:
        return mask
    expected = "categorical_features must be an array-like of bool, int or str, got: "
    if chosen.ndim != 1:
        raise ValueError(f"{expected}an array of shape {chosen.shape}.")
    if chosen.dtype.kind not in "biuUO":
        raise ValueError(f"{expected}{chosen.dtype.name}.")
    kinds = set(map(type, chosen.tolist()))
    if chosen.dtype.kind == "O" and not all(issubclass(each, str) for each in kinds):
        raise ValueError(f"{expected}{', '.join(sorted(each.__name__ for each in kinds))}.")
    if chosen.dtype.kind == "b":
        if len(chosen) != len(names):
            raise ValueError(
                "categorical_features set as a boolean mask must have shape (n_features,), "
                f"({len(names)},), got shape {chosen.shape}."
            )
        return chosen.copy()
    if chosen.dtype.kind in "iu":
        if chosen.min() < 0 or chosen.max() >= len(names):
            raise ValueError(
                "categorical_features set as integer indices must be in [0, n_features - 1], "
                f"[0, {len(names) - 1}], got {chosen.tolist()}."
            )
        mask[chosen] = True
        return mask
    if names[0] is None:
        raise ValueError(
            "categorical_features should be passed as an array of integers or as a boolean mask "
            "when the model is fitted on data without feature names."
        )
    for name in chosen.tolist():
        if name not in names:
            raise ValueError(
                f"categorical_features has an item value {name!r} which is not a valid feature "
                f"name of the training data. Valid feature names are: {names}"
            )
    return np.array([name in set(chosen.tolist()) for name in names])
