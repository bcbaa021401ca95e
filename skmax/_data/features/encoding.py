"""The encoding of features: what the network sees of a row, learnt once from the training rows.

The scaled numbers come first, and the bins of the columns after them. A network may see a row in
two ways, each with a tower of its own: in one the numbers, in the other the numbers and the bins.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .bins import Bins, learn_bins
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
    kind : {"linear", "piecewise_linear", "both"}, default="linear"
    n_bins : int, default=0
        Most bins that a column could have.
    bins : Bins, default=None
        None if there are none: each tower would then see the same, so that there is one.
    """

    n_features: int
    scaling: Scaling | None = None
    kind: str = "linear"
    n_bins: int = 0
    bins: Bins | None = None

    @property
    def width(self) -> int:
        """Columns of an encoded row."""
        return self.n_features + (0 if self.bins is None else len(self.bins))

    @property
    def tower_inputs(self) -> list[int]:
        """How many columns of an encoded row each tower of the network sees, the first ones."""
        if self.bins is None:
            return [self.n_features]
        return [self.width if sees_bins else self.n_features for sees_bins in VIEWS[self.kind]]

    @property
    def view_names(self) -> list[str]:
        """What each tower of the network sees, in words."""
        if self.bins is None:
            return ["numbers"]
        return ["numbers and bins" if sees_bins else "numbers" for sees_bins in VIEWS[self.kind]]

    def names(self, feature_names: Any) -> np.ndarray:
        """Return the names of the columns of an encoded row, for those of X."""
        names = [str(name) for name in feature_names]
        if self.bins is not None:
            bins = zip(self.bins.column, self.bins.start, self.bins.stop, strict=True)
            names += [f"{names[j]} [{start:.6g}, {stop:.6g}]" for j, start, stop in bins]
        return np.array(names, dtype=object)

    def extended(
        self, X: Any, index: np.ndarray | None = None, sample_weight: np.ndarray | None = None
    ) -> "Encoding":
        """Return the encoding with the scaling of features that vary for the first time."""
        if self.scaling is None:
            return self
        return replace(self, scaling=self.scaling.extended(X, index, sample_weight))

    def varying(self, used: Any) -> np.ndarray:
        """Return which columns of encoded rows vary, so far as is known.

        ``used()`` returns which features are not 0 in all rows; it is asked only without scaling.
        """
        varying = np.ones(self.width, dtype=bool)
        if self.scaling is None:
            varying[: self.n_features] = used()
        elif self.scaling.constant is not None:
            varying[: self.n_features] = ~self.scaling.constant
        return varying

    def backward(self, A: Any, delta: np.ndarray) -> np.ndarray:
        """Return d/d(rows) for `delta`, d/d(encoded rows), and the encoded rows A."""
        grad = delta[:, : self.n_features]
        numbers = A if self.bins is None else A[:, : self.n_features]  # sparse rows have no bins
        scaling_backward(self.scaling, numbers, grad)
        if self.bins is not None:
            self.bins.backward(A[:, self.n_features :], delta[:, self.n_features :], out=grad)
        return grad


def learn_encoding(
    kind: str,
    scaling: str | None,
    n_bins: int,
    X: Any,
    index: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
) -> Encoding:
    """Return the `Encoding` of the rows `index` of X, in blocks; see `learn_scaling`."""
    learnt = learn_scaling(scaling, X, index, sample_weight)
    if not any(VIEWS[kind]):
        return Encoding(X.shape[1], learnt, kind)
    bins = learn_bins(X, index, sample_weight, n_bins)
    return Encoding(X.shape[1], learnt, kind, n_bins, bins)


def auto_encoding(X: Any, n_bins: int) -> str:
    """Return the kind of encoding that "auto" means for X: two views if they can be afforded.

    Bins would make sparse rows dense, and each of very many columns, such as pixels, says little.
    """
    affordable = X.shape[1] * (1 + n_bins) <= MAX_AUTO_WIDTH
    return "both" if affordable and not issparse(X) else "linear"
