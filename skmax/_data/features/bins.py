"""Bins of numbers: a second view of a column, in which a threshold is linear.

For edges e_0 < ... < e_T of a column, which are quantiles of the training rows, component t is

    u_t = clip((x - e_{t-1}) / (e_t - e_{t-1}), 0, 1)

and enters the network standardised, as any other column. Weights are repetitions.

References
----------
Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep
learning", 2022.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .scaling import BLOCK_ELEMENTS, read_only


@dataclass(frozen=True, eq=False)
class Bins:
    """What was learnt: one component per bin, ``clip((x - start) / (stop - start), 0, 1)``.

    Parameters
    ----------
    column : ndarray of int of shape (n_bins,)
        Column of X that each bin belongs to.
    start, stop : ndarray of shape (n_bins,), dtype float64
        Edges of the bins, in units of X.
    mean, deviation : ndarray of shape (n_bins,), dtype float64
        Of each component on the training rows; deviations are above 0.
    """

    column: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    def __post_init__(self) -> None:
        for name in ("column", "start", "stop", "mean", "deviation"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __len__(self) -> int:
        return len(self.column)

    @property
    def slope(self) -> np.ndarray:
        """What a standardised component rises by per unit of X, within its bin."""
        return 1.0 / ((self.stop - self.start) * self.deviation)

    @property
    def highest(self) -> np.ndarray:
        """A component at 1, over its deviation."""
        return 1.0 / self.deviation

    @property
    def offset(self) -> np.ndarray:
        """Its mean, over its deviation."""
        return self.mean / self.deviation

    def backward(self, A: np.ndarray, delta: np.ndarray, out: np.ndarray) -> None:
        """Add d/d(rows) to `out`, for `delta`, d/d(components), and the components A."""
        u = A * self.deviation + self.mean
        # Rounding may leave a component a little off its bound.
        inside = (u > 1e-6) & (u < 1.0 - 1e-6)
        columns, first = np.unique(self.column, return_index=True)
        out[:, columns] += np.add.reduceat(
            np.where(inside, self.slope * delta, 0.0), first, axis=1
        )


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def learn_bins(
    X: Any, index: np.ndarray | None, sample_weight: np.ndarray | None, n_bins: int
) -> Bins | None:
    """Return the `Bins` of the rows `index` of X, or None if no column has two.

    A column has a bin between each two of its distinct quantiles, at most `n_bins`. It has none if
    that is one bin, because a single one tells no more than the column itself.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n_samples, n_features)
        Read some columns at a time, never copied whole.
    index : ndarray of int or None
        Rows to learn from; None takes all.
    sample_weight : ndarray of shape (n_rows,) or None
        Weights of the rows `index`. Only their ratios count.
    n_bins : int
        Most bins of a column, at least 2.
    """
    n_rows = X.shape[0] if index is None else len(index)
    step = max(1, BLOCK_ELEMENTS // n_rows)
    learnt = []
    for first in range(0, X.shape[1], step):
        block = X[:, first : first + step] if index is None else X[index, first : first + step]
        block = block.toarray() if issparse(block) else block
        for column, x in enumerate(np.ascontiguousarray(block.T), start=first):
            weight = sample_weight
            if x.dtype.kind == "f" and np.isnan(x).any():
                seen = ~np.isnan(x)
                x, weight = x[seen], None if weight is None else weight[seen]
                if not len(x):
                    continue
            bins = _bins_of(x, weight, n_bins)
            # One bin tells nothing new, and the slope of one that is too narrow is not finite.
            if len(bins[0]) > 1 and np.isfinite(1.0 / (bins[1] - bins[0]) / bins[3]).all():
                learnt.append((np.full(len(bins[0]), column), *bins))
    if not learnt:
        return None
    return Bins(*(np.concatenate(parts) for parts in zip(*learnt, strict=True)))


def _bins_of(
    x: np.ndarray, weight: np.ndarray | None, n_bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return start, stop, mean and deviation of each bin of one column.

    The column is sorted: rows within a bin are a slice of it, and the component of rows after that
    slice is 1.
    """
    # The weight of the first rows, as many as the position says.
    if weight is None:
        x, before = np.sort(x), np.arange(len(x) + 1.0)
    else:
        order = np.argsort(x, kind="stable")
        x, weight = x[order], weight[order]
        before = np.concatenate([[0.0], np.cumsum(weight)])
    # The inverted CDF is the quantile for which weights are repetitions; see QUARTILES.
    levels = np.clip(np.arange(n_bins + 1) / n_bins - 1e-12, 1e-12, None)
    edges = x[np.searchsorted(before[1:], levels * before[-1])].astype(np.float64)
    edges = np.unique(edges)
    start, stop, at = edges[:-1], edges[1:], np.searchsorted(x, edges)
    above = before[-1] - before[at[1:]]
    mean, square = above.copy(), above.copy()
    for i, (first, last) in enumerate(pairwise(at)):
        u = (x[first:last].astype(np.float64) - start[i]) / (stop[i] - start[i])
        weighted = u if weight is None else u * weight[first:last]
        mean[i] += weighted.sum()
        square[i] += weighted @ u
    mean, square = mean / before[-1], square / before[-1]
    return start, stop, mean, np.sqrt(square - mean * mean)
