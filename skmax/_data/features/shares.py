"""Categories by the labels of their levels: a column per class.

It is the share of that class among the rows of the level, drawn towards that among all rows,

    s = lambda mean + (1 - lambda) prior,   lambda = n v / (n v + var)

where n is the weight of the level's rows, var the variance of the class's indicator among them,
and v that among all rows. A training row gets the shares among the rows of other folds, or it
would know its own label. Weights are repetitions.

References
----------
Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes in
classification and prediction problems", 2001.
"""

from dataclasses import dataclass

import numpy as np

from .categories import Levels
from .scaling import read_only

# Shares that vary by less than this part of what single labels vary by say next to nothing, and
# are not brought to the variance of others.
MIN_SPREAD = 0.05


@dataclass(frozen=True, eq=False)
class TargetShares:
    """Columns of the share of each class among rows of a level, standardised.

    Parameters
    ----------
    levels : list of Levels
        Categories that have a column per class; of two classes, for the second.
    shares : list of ndarray of shape (n_groups + 1, n_outputs), dtype float64
        Of each category. The last row is that of all rows, for a level of no group.
    mean, deviation : ndarray of shape (n_columns,), dtype float64
        Of each column on the training rows; the deviation is at least `MIN_SPREAD` of that of
        the labels.
    """

    levels: list[Levels]
    shares: list[np.ndarray]
    mean: np.ndarray
    deviation: np.ndarray

    def __post_init__(self) -> None:
        for name in ("mean", "deviation"):
            object.__setattr__(self, name, read_only(getattr(self, name)))
        object.__setattr__(self, "shares", [read_only(each) for each in self.shares])

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def n_outputs(self) -> int:
        """Columns of each category."""
        return len(self.mean) // len(self.levels)

    @property
    def n_classes(self) -> int:
        """How many classes have shares."""
        return max(2, self.n_outputs)

    @property
    def tables(self) -> list[np.ndarray]:
        """The standardised columns of each category by fold, of which there is one, and group."""
        return self.standardised([shares[np.newaxis] for shares in self.shares])

    def standardised(self, tables: list[np.ndarray]) -> list[np.ndarray]:
        """Return shares by fold and group as columns of mean 0 and deviation 1."""
        parts = zip(
            tables,
            self.mean.reshape(-1, self.n_outputs),
            self.deviation.reshape(-1, self.n_outputs),
            strict=True,
        )
        return [(table - mean) / deviation for table, mean, deviation in parts]

    def encode(
        self,
        block: np.ndarray,
        fold: np.ndarray | int,
        tables: list[np.ndarray],
        out: np.ndarray,
    ) -> None:
        """Write the columns of a block of the matrix, whose rows are of these folds."""
        n_outputs = self.n_outputs
        for i, (levels, table) in enumerate(zip(self.levels, tables, strict=True)):
            out[:, i * n_outputs : (i + 1) * n_outputs] = table[fold, levels.of(block)]


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Rows whose labels say what a level means.

    Parameters
    ----------
    X : ndarray of shape (n_all, n_columns)
    index : ndarray of shape (n_rows,) or None
    labels : ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,)
        As the user has given them.
    fold : ndarray of shape (n_rows,)
        A row is encoded by the rows of other folds.
    n_folds : int
    n_classes : int
    """

    X: np.ndarray
    index: np.ndarray | None
    labels: np.ndarray
    weight: np.ndarray
    fold: np.ndarray
    n_folds: int
    n_classes: int

    def groups(self, levels: Levels) -> np.ndarray:
        """Return the group of each row."""
        codes = (
            self.X[:, levels.column] if self.index is None else self.X[self.index, levels.column]
        )
        return levels.group[codes.astype(np.intp)]

    def totals(self, levels: Levels) -> np.ndarray:
        """Return the weight of rows by fold, group and class; the last group is no group."""
        group = self.groups(levels)
        shape = self.n_folds, levels.n_groups + 1, self.n_classes
        group = np.where(group < 0, levels.n_groups, group)
        cell = np.ravel_multi_index((self.fold, group, self.labels), shape)
        return np.bincount(cell, weights=self.weight, minlength=np.prod(shape)).reshape(shape)


def cross_fitted(levels: list[Levels], rows: LabelledRows) -> list[np.ndarray]:
    """Return shares by fold and group, each without the rows of the fold."""
    tables = []
    for each in levels:
        totals = rows.totals(each)
        tables.append(shares_of(totals.sum(axis=0) - totals))
    return tables


def shares_of(totals: np.ndarray) -> np.ndarray:
    """Return the share of each class in each group, for the weight of its rows.

    Parameters
    ----------
    totals : ndarray of shape (..., n_groups + 1, n_classes)
        The last group is of rows in no group.

    Returns
    -------
    shares : ndarray of shape (..., n_groups + 1, n_outputs)
        The last is that of all rows.
    """
    totals = np.maximum(totals, 0.0)  # differences of sums, which rounding may make negative
    everywhere = totals.sum(axis=-2, keepdims=True)
    count = totals.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        prior = everywhere / everywhere.sum(axis=-1, keepdims=True)
        prior = np.where(np.isfinite(prior), prior, 1.0 / totals.shape[-1])
        mean = totals / count
        trust = count * prior * (1.0 - prior)
        trust = trust / (trust + mean * (1.0 - mean))
    trust = np.where(np.isfinite(trust), trust, 0.0)
    shares = np.where(trust > 0.0, trust * np.where(count > 0.0, mean, 0.0), 0.0)
    shares += (1.0 - trust) * prior
    shares[..., -1:, :] = prior
    return shares[..., 1:] if totals.shape[-1] == 2 else shares


def learn_shares(levels: list[Levels], rows: LabelledRows) -> TargetShares:
    """Return the `TargetShares` of the rows."""
    shares, means, deviations = [], [], []
    total = rows.weight.sum()
    for each in levels:
        totals = rows.totals(each)
        of_all = totals.sum(axis=0)
        shares.append(shares_of(of_all))
        values = shares_of(of_all - totals)[rows.fold, rows.groups(each)]
        mean = rows.weight @ values / total
        deviation = np.sqrt(rows.weight @ (values - mean) ** 2 / total)
        prior = shares[-1][-1]
        deviation = np.maximum(deviation, MIN_SPREAD * np.sqrt(prior * (1.0 - prior)))
        means.append(mean)
        deviations.append(np.where(deviation > 0.0, deviation, 1.0))
    return TargetShares(levels, shares, np.concatenate(means), np.concatenate(deviations))
