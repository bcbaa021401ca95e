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
    # The inverted CDF is the quantile for which weights are repetitions; see QUARTILES.
    levels = np.clip(np.arange(n_bins + 1) / n_bins - 1e-12, 1e-12, None)
    n_rows = X.shape[0] if index is None else len(index)
    # A quarter of what scaling takes, because there are several arrays of such a size here.
    step = max(1, BLOCK_ELEMENTS // (4 * n_rows))
    learnt = []
    for first in range(0, X.shape[1], step):
        block = X[:, first : first + step] if index is None else X[index, first : first + step]
        block = np.asarray(block.toarray() if issparse(block) else block, dtype=np.float64)
        quantiles = np.quantile(
            block, levels, axis=0, weights=sample_weight, method="inverted_cdf"
        )
        for column, (x, edges) in enumerate(zip(block.T, quantiles.T, strict=True), start=first):
            edges = np.unique(edges)
            start, width = edges[:-1], np.diff(edges)
            if len(width) < 2 or not np.isfinite([width, 1.0 / width]).all():
                continue
            u = x[:, np.newaxis] - start
            u /= width
            np.clip(u, 0.0, 1.0, out=u)
            mean = np.average(u, axis=0, weights=sample_weight)
            u -= mean
            u *= u
            deviation = np.sqrt(np.average(u, axis=0, weights=sample_weight))
            learnt.append((np.full(len(width), column), start, edges[1:], mean, deviation))
    if not learnt:
        return None
    return Bins(*(np.concatenate(parts) for parts in zip(*learnt, strict=True)))
