"""Categories and gaps as columns of 0 and 1: one per level, and one per number that has gaps.

0 and 1 are centred and not scaled, because a rare level would be a large number. Rare levels share
one group, which levels that are not known join. Weights are repetitions.
"""

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import csr_array

from ..columns import Columns
from .scaling import read_only

# Levels of less weight than so many rows are rare.
MIN_COUNT = 5

# Where labels cannot encode categories, each level is a column, and there are at most so many.
MAX_LEVELS = 10_000

# Sums of weights may be off by so much.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of one category, in groups: each frequent one is a group, rare ones are one.

    Parameters
    ----------
    column : int
        Its column of the matrix of a table.
    group : ndarray of int of shape (n_levels + 2,)
        Group of each code: of the levels, of a gap, and, last, of levels that are not known
        (code -1). -1 is no group.
    n_groups : int
    rare : int
        The group of rare levels; -1 if there is none.
    """

    column: int
    group: np.ndarray
    n_groups: int
    rare: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "group", read_only(self.group))

    @property
    def are_rare(self) -> np.ndarray:
        """Which codes share the group of rare levels."""
        return (self.group == self.rare) & (self.rare >= 0)

    def of(self, block: np.ndarray) -> np.ndarray:
        """Return the group of each row of a block of the matrix."""
        return self.group[block[:, self.column].astype(np.intp)]

    def names(self, name: str, levels: np.ndarray) -> list[str]:
        """Return the name of each group, for the name of the column and its levels.

        A level that is called "missing" or "rare" itself is quoted.
        """
        names_of_levels = map(str, levels.tolist())
        named = [repr(each) if each in ("missing", "rare") else each for each in names_of_levels]
        named.append("missing")
        names = ["rare"] * self.n_groups
        for code, group in enumerate(self.group[:-1].tolist()):
            if group not in (-1, self.rare):
                names[group] = named[code]
        return [f"{name}={each}" for each in names]


def learn_levels(column: int, totals: np.ndarray, min_count: float) -> Levels:
    """Return the `Levels` of a column.

    Parameters
    ----------
    column : int
    totals : ndarray of shape (n_levels + 1,)
        Weight of the rows of each level, and of gaps.
    min_count : float
        Levels of less weight are rare; those of none are not known. With 0 each level has a
        group, and there is a group for those that are not known.
    """
    # Weights are shares of the largest, and the sum of five shares of 1/7 times 7 is below 5.
    frequent = totals >= min_count * (1.0 - ROUNDING)
    rare = (totals > 0.0) & ~frequent
    has_rare = bool(rare.any()) or min_count == 0.0
    n_frequent = int(np.count_nonzero(frequent))
    group = np.full(len(totals) + 1, n_frequent if has_rare else -1)
    group[:-1][frequent] = np.arange(n_frequent)
    return Levels(column, group, n_frequent + has_rare, n_frequent if has_rare else -1)


def totals_of(
    X: np.ndarray,
    index: np.ndarray | None,
    weight: np.ndarray | None,
    n_levels: int,
    column: int,
) -> np.ndarray:
    """Return the weight of the rows of each code: levels, gaps and levels that are not known."""
    codes = (X[:, column] if index is None else X[index, column]).astype(np.intp)
    codes[codes < 0] += n_levels + 2
    return np.bincount(codes, weights=weight, minlength=n_levels + 2).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Totals:
    """What some rows say about the columns of 0 and 1, of which parts add up.

    Parameters
    ----------
    codes : list of ndarray of shape (n_levels + 2,)
        Of each category the weight of the rows of each code, as `totals_of` returns it.
    gaps : ndarray of shape (n_numbers,)
        Weight of the rows in which a number is missing.
    weight : float
        Of all rows.
    """

    codes: list[np.ndarray]
    gaps: np.ndarray
    weight: float

    def __add__(self, other: "Totals") -> "Totals":
        """Return the totals of the rows of both."""
        codes = [ours + theirs for ours, theirs in zip(self.codes, other.codes, strict=True)]
        return Totals(codes, self.gaps + other.gaps, self.weight + other.weight)


def learn_totals(
    columns: Columns | None, X: np.ndarray, index: np.ndarray | None, weight: np.ndarray | None
) -> Totals:
    """Return the `Totals` of rows.

    Parameters
    ----------
    columns : Columns or None
        None: all columns of X are numbers.
    X : ndarray of shape (n_all, n_columns)
    index : ndarray of int or None
        Rows of X that count; None takes all.
    weight : ndarray of shape (n_rows,) or None
        Their weights.
    """
    n_numbers = X.shape[1] if columns is None else columns.n_numbers
    known = [] if columns is None else columns.levels
    codes = [
        totals_of(X, index, weight, len(levels), n_numbers + i) for i, levels in enumerate(known)
    ]
    n_rows = len(X) if index is None else len(index)
    gaps = np.zeros(n_numbers)
    for j in np.flatnonzero(_have_gaps(X, index, weight, n_numbers)):
        missing = np.isnan(X[:, j] if index is None else X[index, j])
        gaps[j] = np.count_nonzero(missing) if weight is None else weight[missing].sum()
    return Totals(codes, gaps, float(n_rows if weight is None else weight.sum()))


def categories_of(
    totals: Totals,
    *,
    max_one_hot: float = np.inf,
    min_count: float = MIN_COUNT,
    weight_scale: float = 1.0,
) -> "tuple[Indicators | None, list[Levels]]":
    """Return the columns of 0 and 1, None if there are none, and levels to encode by labels.

    Parameters
    ----------
    totals : Totals
        Of the training rows.
    max_one_hot : float
        Categories of more groups are encoded by labels.
    min_count : float
        See `learn_levels`.
    weight_scale : float
        What the totals are to be multiplied by.
    """
    one_hot: list[Levels] = []
    by_labels: list[Levels] = []
    for column, codes in enumerate(totals.codes, start=len(totals.gaps)):
        levels = learn_levels(column, codes[:-1] * weight_scale, min_count)
        (one_hot if levels.n_groups <= max_one_hot else by_labels).append(levels)
    gaps = np.flatnonzero(totals.gaps)
    mean = means_of(totals, one_hot, gaps)
    return (Indicators(gaps, one_hot, mean) if len(mean) else None), by_labels


def means_of(totals: Totals, levels: list[Levels], gaps: np.ndarray) -> np.ndarray:
    """Return the share of the rows that are 1, in each column of 0 and 1."""
    ones = []
    for each in levels:
        codes, has_group = totals.codes[each.column - len(totals.gaps)], each.group >= 0
        ones.append(np.bincount(each.group[has_group], codes[has_group], each.n_groups))
    mean = np.concatenate([*ones, totals.gaps[gaps]]) / totals.weight
    # A column that is 1 in all rows has a mean of exactly 1, however its weights are rounded.
    return np.where(mean > 1.0 - ROUNDING, 1.0, mean)


@dataclass(frozen=True, eq=False)
class Indicators:
    """Columns of 0 and 1, less their mean: groups of levels first, then gaps in numbers.

    Parameters
    ----------
    gaps : ndarray of int of shape (n_gaps,)
        Columns of numbers in which training rows have gaps.
    levels : list of Levels
        Categories that have a column per group.
    mean : ndarray of shape (n_columns,), dtype float64
        Share of the training rows that are 1.
    """

    gaps: np.ndarray
    levels: list[Levels]
    mean: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "gaps", read_only(self.gaps))
        object.__setattr__(self, "mean", read_only(self.mean))

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def starts(self) -> list[int]:
        """The first column of each category, and then that of gaps."""
        return [0, *accumulate(each.n_groups for each in self.levels)]

    def ones(self, block: np.ndarray) -> np.ndarray:
        """Return which columns are 1 in each row of a block of the matrix; -1 is none.

        The shape is (n_rows, n_categories + n_gaps).
        """
        *starts, first_gap = self.starts
        columns = np.empty((len(block), len(self.levels) + len(self.gaps)), dtype=np.intp)
        for i, (levels, start) in enumerate(zip(self.levels, starts, strict=True)):
            group = levels.of(block)
            columns[:, i] = np.where(group < 0, -1, start + group)
        missing = np.isnan(block[:, self.gaps])
        of_gaps = first_gap + np.arange(len(self.gaps))
        columns[:, len(self.levels) :] = np.where(missing, of_gaps, -1)
        return columns

    def parted(self) -> tuple["Indicators", "Indicators | None"]:
        """Return the levels alone, and the gaps alone, None if there are none."""
        first_gap = self.starts[-1]
        levels = Indicators(self.gaps[:0], self.levels, self.mean[:first_gap])
        gaps = Indicators(self.gaps, [], self.mean[first_gap:]) if len(self.gaps) else None
        return levels, gaps

    def sparse(self, block: np.ndarray, dtype: DTypeLike) -> csr_array:
        """Return the columns of a block of the matrix, before their mean is subtracted."""
        ones = self.ones(block)
        known = ones >= 0
        ends = np.concatenate([[0], np.cumsum(np.count_nonzero(known, axis=1))])
        data = np.ones(ends[-1], dtype)
        return csr_array((data, ones[known], ends), shape=(len(block), len(self)))

    def encode(self, block: np.ndarray, out: np.ndarray) -> None:
        """Write the columns of a block of the matrix."""
        out[...] = -self.mean
        ones = self.ones(block)
        rows, which = np.nonzero(ones >= 0)
        out[rows, ones[rows, which]] += 1.0

    @property
    def varying(self) -> np.ndarray:
        """Which columns are not the same in all training rows."""
        return (self.mean > 0.0) & (self.mean < 1.0)

    def extended(self, totals: Totals) -> "Indicators":
        """Return the indicators with the means of columns that vary for the first time."""
        mean = means_of(totals, self.levels, self.gaps)
        return replace(self, mean=np.where(self.varying, self.mean, mean))


def _have_gaps(X: np.ndarray, index: np.ndarray | None, weight: Any, n_numbers: int) -> np.ndarray:
    """Return which columns of numbers have gaps in these rows."""
    have = np.zeros(n_numbers, dtype=bool)
    if X.dtype.kind != "f":
        return have
    n_rows = len(X) if index is None else len(index)
    step = max(1, 1_000_000 // max(1, X.shape[1]))
    for start in range(0, n_rows, step):
        rows = slice(start, start + step)
        block = X[rows if index is None else index[rows]][:, :n_numbers]
        if np.isnan(np.add.reduce(block, axis=None)):
            have |= np.isnan(block).any(axis=0)
    return have
