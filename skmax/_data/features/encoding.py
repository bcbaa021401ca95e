"""The encoding of features: what the network sees of a row, learnt once from the training rows.

A row is encoded as columns of 0 and 1 for the levels of categories and for gaps in numbers, then
the scaled numbers, then the share of each class among the rows of a level, and then the bins of
the numbers. A network may see a row in two ways, each with a tower of its own. In one are levels
and numbers, in the other shares instead of levels, and bins beside the numbers. Both see the
shares of categories of many levels, which have no columns of 0 and 1.
"""

from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..columns import Columns
from .bins import Bins, learn_bins
from .categories import MIN_COUNT, Indicators, Levels, categories_of, learn_totals
from .scaling import Scaling, learn_scaling, scaling_backward
from .shares import LabelledRows, TargetShares, learn_shares

# Whether each tower of a network sees bins beside the numbers, and shares instead of levels.
VIEWS = {"linear": (False,), "piecewise_linear": (True,), "both": (False, True)}

# If levels have more columns than this, they are sparse rows, and are never dense.
MAX_DENSE_LEVELS = 512

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
        None if there are none.
    columns : Columns, default=None
        What the columns of a table are. None: all are numbers.
    indicators : Indicators, default=None
        Gaps and categories as columns of 0 and 1; None if there are none.
    shares : TargetShares, default=None
        Of the categories of many levels first, and with two views of all others, too; None if
        there are none.
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
        """Where indicators, numbers, shares and bins are in an encoded row."""
        parts = (self.indicators, self.shares, self.bins)
        n_indicators, n_shares, n_bins = (0 if part is None else len(part) for part in parts)
        ends = accumulate((n_indicators, self.n_numbers, n_shares, n_bins))
        first, second, third, fourth = ends
        return slice(0, first), slice(first, second), slice(second, third), slice(third, fourth)

    @property
    def width(self) -> int:
        """Columns of an encoded row."""
        return self.places[-1].stop

    def parted(self) -> tuple[Indicators | None, "Encoding"]:
        """Return the levels, if they are to be sparse rows, and the encoding without them."""
        if self.indicators is None or self.n_levels <= MAX_DENSE_LEVELS:
            return None, self
        levels, gaps = self.indicators.parted()
        return levels, replace(self, indicators=gaps)

    @property
    def n_levels(self) -> int:
        """How many columns of 0 and 1 are levels: the first ones."""
        return 0 if self.indicators is None else self.indicators.starts[-1]

    @property
    def n_shares_alone(self) -> int:
        """How many columns of shares are of categories whose levels have no columns."""
        if self.shares is None:
            return 0
        one_hot = () if self.indicators is None else self.indicators.levels
        alone = {each.column for each in self.shares.levels} - {each.column for each in one_hot}
        return len(alone) * self.shares.n_outputs

    @property
    def tower_columns(self) -> list[slice]:
        """The columns of an encoded row that each tower of the network sees.

        The second of two sees bins, and the shares of classes instead of levels.
        """
        *_, shares, bins = self.places
        shared = shares.start + self.n_shares_alone
        if shared == bins.stop:  # both would see the same
            return [slice(0, bins.stop)]
        levels_are_shares = shared < shares.stop
        second = slice(self.n_levels if levels_are_shares else 0, bins.stop)
        views = {False: slice(0, shared), True: second}
        return [views[sees_bins] for sees_bins in VIEWS[self.kind]]

    @property
    def view_names(self) -> list[str]:
        """What each tower of the network sees, in words."""
        n_towers = len(self.tower_columns)
        if self.n_levels and n_towers == 2:
            return ["numbers and levels", "bins and shares of classes"]
        return ["numbers", "numbers and bins"][:n_towers]

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
        names: list[str] = []

        def of_groups(levels: Levels) -> list[str]:
            assert columns is not None  # for type checkers: categories have levels
            known = columns.levels[levels.column - self.n_numbers]
            return levels.names(raw[levels.column], known)

        if self.indicators is not None:
            for levels in self.indicators.levels:
                names += of_groups(levels)
            names += [f"{raw[j]}=missing" for j in self.indicators.gaps]
        names += raw[: self.n_numbers]
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
                unseen[indicators.gaps] = indicators.mean[indicators.starts[-1] :] == 1.0
            numbers = X if self.columns is None else X[:, : self.n_numbers]
            scaling = scaling.extended(numbers, index, sample_weight, unseen)
        if indicators is not None and not indicators.varying.all():
            indicators = indicators.extended(learn_totals(self.columns, X, index, sample_weight))
        if scaling is self.scaling and indicators is self.indicators:
            return self
        return replace(self, scaling=scaling, indicators=indicators)

    def with_shares(self, rows: LabelledRows) -> "Encoding":
        """Return the encoding, which has shares, with those of classes among these rows."""
        assert self.shares is not None  # for type checkers
        return replace(self, shares=learn_shares(self.shares.levels, rows))

    def varying(self, used: Any) -> np.ndarray:
        """Return which columns of encoded rows vary, so far as is known.

        ``used()`` returns which features are not 0 in all rows; it is asked only without scaling.
        """
        varying = np.ones(self.width, dtype=bool)
        indicators, numbers, _, _ = self.places
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
        _, numbers, _, bins = self.places
        grad = delta[:, numbers]
        if hasattr(A, "columns"):  # levels are sparse, and have no gradient
            seen = A.columns(slice(numbers.start, self.width))
        else:  # sparse rows have numbers alone
            seen = A[:, numbers.start :] if isinstance(A, np.ndarray) else None
        scaling_backward(self.scaling, A if seen is None else seen[:, : grad.shape[1]], grad)
        if self.bins is not None:
            assert seen is not None  # for type checkers: sparse rows have no bins
            first = bins.start - numbers.start
            self.bins.backward(seen[:, first:], delta[:, bins], out=grad)
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
        See `categories_of`.
    labelled : LabelledRows, default=None
        The same rows with their labels, which categories of many levels are encoded by.
    """
    n_features = X.shape[1]
    numbers = X if columns is None else X[:, : columns.n_numbers]
    learnt = learn_scaling(scaling, numbers, index, sample_weight)
    indicators: Indicators | None = None
    by_labels: list[Levels] = []
    if not issparse(X):
        indicators, by_labels = categories_of(
            learn_totals(columns, X, index, sample_weight),
            max_one_hot=max_one_hot,
            min_count=min_count,
            weight_scale=weight_scale,
        )
    if labelled is not None and len(VIEWS[kind]) > 1 and indicators is not None:
        by_labels = by_labels + indicators.levels
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


def auto_encoding(X: Any, n_bins: int, columns: Columns | None = None, n_classes: int = 2) -> str:
    """Return the kind of encoding that "auto" means for X: two views if they can be afforded.

    Bins would make sparse rows dense, and each of very many columns, such as pixels, says little.
    """
    n_numbers = X.shape[1] if columns is None else columns.n_numbers
    n_shares = (X.shape[1] - n_numbers) * (1 if n_classes == 2 else n_classes)
    affordable = n_numbers * (1 + n_bins) + n_shares <= MAX_AUTO_WIDTH
    return "both" if affordable and not issparse(X) else "linear"
