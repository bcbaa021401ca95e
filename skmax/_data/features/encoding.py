"""The encoding of features: what the network sees of a row, learnt once from the training rows.

The scaled numbers come first. Then come gaps and categories as columns of 0 and 1, categories of
many levels by the labels of their rows, and the bins of the numbers. A network may see a row in
two ways, each with a tower of its own: in one all but the bins, in the other the bins, too.
"""

from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..columns import Columns
from .bins import Bins, learn_bins
from .categories import (
    MIN_COUNT,
    Indicators,
    LabelledRows,
    Levels,
    TargetShares,
    learn_categories,
    learn_shares,
)
from .scaling import Scaling, learn_scaling, scaling_backward

# Whether each tower of a network sees the bins beside the numbers.
VIEWS = {"linear": (False,), "piecewise_linear": (True,), "both": (False, True)}

# numerical_encoding="auto" is "linear" if encoded rows could have more columns than this.
MAX_AUTO_WIDTH = 1024


@dataclass(frozen=True, eq=False)
class Encoding:
    """What was learnt about the features.

    Parameters
    ----------
    n_features : int
        Columns of X.
    scaling : Scaling, default=None
        Of the numbers.
    kind : {"linear", "piecewise_linear", "both"}, default="linear"
    n_bins : int, default=0
        Most bins that a column could have.
    bins : Bins, default=None
        None if there are none: each tower would then see the same, so that there is one.
    columns : Columns, default=None
        What the columns of a table are. None: all are numbers.
    indicators : Indicators, default=None
        Gaps and categories as columns of 0 and 1; None if there are none.
    shares : TargetShares, default=None
        Categories of many levels; None if there are none.
    """

    n_features: int
    scaling: Scaling | None = None
    kind: str = "linear"
    n_bins: int = 0
    bins: Bins | None = None
    columns: Columns | None = None
    indicators: Indicators | None = None
    shares: TargetShares | None = None

    @property
    def n_numbers(self) -> int:
        """How many columns of X are numbers."""
        return self.n_features if self.columns is None else self.columns.n_numbers

    @property
    def places(self) -> tuple[slice, slice, slice, slice]:
        """Where numbers, indicators, shares and bins are in an encoded row."""
        first = self.n_numbers
        second, third, last = accumulate(
            0 if part is None else len(part) for part in (self.indicators, self.shares, self.bins)
        )
        ends = first + second, first + third, first + last
        return (
            slice(0, first),
            slice(first, ends[0]),
            slice(ends[0], ends[1]),
            slice(ends[1], ends[2]),
        )

    @property
    def width(self) -> int:
        """Columns of an encoded row."""
        return self.places[-1].stop

    @property
    def tower_inputs(self) -> list[int]:
        """How many columns of an encoded row each tower of the network sees, the first ones."""
        bins = self.places[-1]
        if self.bins is None:
            return [bins.stop]
        return [bins.stop if sees_bins else bins.start for sees_bins in VIEWS[self.kind]]

    @property
    def view_names(self) -> list[str]:
        """What each tower of the network sees, in words."""
        if self.bins is None:
            return ["numbers"]
        return ["numbers and bins" if sees_bins else "numbers" for sees_bins in VIEWS[self.kind]]

    @property
    def rare_levels(self) -> list[Any] | None:
        """The rare levels of each column of X, None for a number; None without categories."""
        if self.columns is None:
            return None
        rare: list[Any] = [None] * self.n_features
        parts = [part.levels for part in (self.indicators, self.shares) if part is not None]
        for levels in chain.from_iterable(parts):
            place = int(self.columns.order[levels.column])
            known = self.columns.categories[place]
            rare[place] = known[levels.are_rare[: len(known)]]
        return rare

    @property
    def fixed(self) -> tuple[Any, ...]:
        """All but what is learnt from labels: encoded rows are the same but for the shares."""
        return self.scaling, self.bins, self.indicators

    def names(self, feature_names: Any, classes: Any = ()) -> np.ndarray:
        """Return the names of the columns of an encoded row, for those of X and of classes."""
        raw = [str(name) for name in feature_names]
        columns = self.columns
        if columns is not None:
            raw = [raw[i] for i in columns.order]
        names = raw[: self.n_numbers]

        def of_groups(levels: Levels) -> list[str]:
            assert columns is not None  # for type checkers: categories have levels
            known = columns.levels[levels.column - self.n_numbers]
            return levels.names(raw[levels.column], known)

        if self.indicators is not None:
            names += [f"{raw[j]}=missing" for j in self.indicators.gaps]
            for levels in self.indicators.levels:
                names += of_groups(levels)
        if self.shares is not None:
            shown = classes[1:] if len(classes) == 2 else classes
            for levels in self.shares.levels:
                names += [f"{raw[levels.column]}: share of {label}" for label in shown]
        if self.bins is not None:
            bins = zip(self.bins.column, self.bins.start, self.bins.stop, strict=True)
            names += [f"{raw[j]} [{start:.6g}, {stop:.6g}]" for j, start, stop in bins]
        return np.array(names, dtype=object)

    def extended(
        self, X: Any, index: np.ndarray | None = None, sample_weight: np.ndarray | None = None
    ) -> "Encoding":
        """Return the encoding with what varies for the first time in these rows."""
        scaling, indicators = self.scaling, self.indicators
        if scaling is not None:
            unseen = np.zeros(self.n_numbers, dtype=bool)
            if indicators is not None:  # columns of which there are gaps alone
                unseen[indicators.gaps] = indicators.mean[: len(indicators.gaps)] == 1.0
            scaling = scaling.extended(X[:, : self.n_numbers], index, sample_weight, unseen)
        if indicators is not None:
            indicators = indicators.extended(X, index, sample_weight)
        if scaling is self.scaling and indicators is self.indicators:
            return self
        return replace(self, scaling=scaling, indicators=indicators)

    def with_shares(self, rows: LabelledRows) -> "Encoding":
        """Return the encoding with the shares of classes among these rows."""
        if self.shares is None:
            return self
        return replace(self, shares=learn_shares(self.shares.levels, rows))

    def varying(self, used: Any) -> np.ndarray:
        """Return which columns of encoded rows vary, so far as is known.

        ``used()`` returns which features are not 0 in all rows; it is asked only without scaling.
        """
        varying = np.ones(self.width, dtype=bool)
        numbers, indicators, _, _ = self.places
        if self.scaling is None:
            varying[numbers] = used()[: self.n_numbers]
        elif self.scaling.constant is not None:
            varying[numbers] = ~self.scaling.constant
        if self.indicators is not None:
            varying[indicators] = self.indicators.varying
        return varying

    def backward(self, A: Any, delta: np.ndarray) -> np.ndarray:
        """Return d/d(rows) for `delta`, d/d(encoded rows), and the encoded rows A.

        It is NaN for a category.
        """
        numbers, _, _, bins = self.places
        grad = delta[:, numbers]
        dense = isinstance(A, np.ndarray)
        scaling_backward(self.scaling, A[:, numbers] if dense else A, grad)
        if self.bins is not None:
            self.bins.backward(A[:, bins], delta[:, bins], out=grad)
        if self.columns is None:
            return grad
        whole = np.full((len(grad), self.n_features), np.nan, grad.dtype)
        whole[:, self.columns.order[: self.n_numbers]] = grad
        return whole


def learn_encoding(
    kind: str,
    scaling: str | None,
    n_bins: int,
    X: Any,
    index: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    *,
    columns: Columns | None = None,
    max_one_hot: float = np.inf,
    min_count: float = MIN_COUNT,
    weight_scale: float = 1.0,
    labelled: LabelledRows | None = None,
) -> Encoding:
    """Return the `Encoding` of the rows `index` of X, in blocks; see `learn_scaling`.

    Parameters
    ----------
    columns : Columns, default=None
        What the columns of X are, if it is the matrix of a table.
    max_one_hot, min_count, weight_scale : float
        See `learn_categories`.
    labelled : LabelledRows, default=None
        The same rows with their labels, which categories of many levels are encoded by.
    """
    n_features = X.shape[1]
    numbers = X if columns is None else X[:, : columns.n_numbers]
    learnt = learn_scaling(scaling, numbers, index, sample_weight)
    indicators: Indicators | None = None
    by_labels: list[Levels] = []
    if not issparse(X):
        indicators, by_labels = learn_categories(
            *(columns, X, index, sample_weight),
            max_one_hot=max_one_hot,
            min_count=min_count,
            weight_scale=weight_scale,
        )
    shares = learn_shares(by_labels, labelled) if by_labels and labelled is not None else None
    bins = None
    if any(VIEWS[kind]):
        bins = learn_bins(numbers, index, sample_weight, n_bins)
    return Encoding(
        *(n_features, learnt, kind, n_bins if any(VIEWS[kind]) else 0, bins),
        columns=columns,
        indicators=indicators,
        shares=shares,
    )


def auto_encoding(X: Any, n_bins: int, columns: Columns | None = None) -> str:
    """Return the kind of encoding that "auto" means for X: two views if they can be afforded.

    Bins would make sparse rows dense, and each of very many columns, such as pixels, says little.
    """
    n_numbers = X.shape[1] if columns is None else columns.n_numbers
    affordable = n_numbers * (1 + n_bins) <= MAX_AUTO_WIDTH
    return "both" if affordable and not issparse(X) else "linear"
