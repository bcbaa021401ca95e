"""Feature scaling: learnt once from the training rows, applied to batches of rows.

    standard   (x - mean) / standard deviation
    robust     z / sqrt(1 + (z / 3)^2),  z = (x - median) / interquartile range

Weights are repetitions: a row of weight 2 counts as two rows, one of weight 0 as none.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse, vstack
from sklearn.preprocessing import StandardScaler

# Elements that are converted to float64 at once while statistics are computed.
BLOCK_ELEMENTS = 1_000_000

# The inverted CDF is the quantile for which weights are repetitions. If the cumulative weight is
# exactly a quarter, rounding must not decide, so that the value that reaches it is taken.
QUARTILES = np.array([0.25, 0.5, 0.75]) - 1e-12

# Smooth clipping keeps every scaled value within +- this bound.
CLIP = 3.0


def read_only(array: np.ndarray | None) -> np.ndarray | None:
    """Return a view that cannot be written to, None for None."""
    if array is not None:
        array = array.view()
        array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Scaling:
    """What was learnt: scaled = (X - center) / scale, smoothly clipped if robust.

    Parameters
    ----------
    kind : {"standard", "robust"}
    center, scale : ndarray of shape (n_features,), dtype float64
        The scale of a constant feature is 1, or the rounding of its mean if that is more.
    constant : ndarray of bool of shape (n_features,), default=None
        Features that have not varied. They enter the network as 0 in every row, because nothing
        has been learnt about them. None: there are none.
    """

    kind: str
    center: np.ndarray
    scale: np.ndarray
    constant: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("center", "scale", "constant"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    @property
    def inverse_scale(self) -> np.ndarray:
        """What X - center is multiplied by: 1 / scale, and 0 for constant features."""
        inverse = 1.0 / self.scale
        if self.constant is not None:
            inverse[self.constant] = 0.0
        return inverse

    def extended(
        self,
        X: Any,
        index: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
        unseen: np.ndarray | None = None,
    ) -> "Scaling":
        """Return the scaling with those constant features learnt that vary in these rows.

        Their value until now counts as one row of mean weight, unless they are `unseen`: of
        those there were gaps alone. Other features keep their scaling. If there is no feature to
        learn, this very scaling is returned. X, index and sample_weight are those of
        `learn_scaling`.
        """
        if self.constant is None or not self.constant.any():
            return self
        columns = np.flatnonzero(self.constant)
        rows = (X if index is None else X[index])[:, columns].astype(np.float64)
        until_now = self.center[np.newaxis, columns]
        if unseen is not None:
            until_now = np.where(unseen[columns], np.nan, until_now)
        if issparse(rows):
            rows = vstack([csr_array(until_now), csr_array(rows)], format="csr")
        else:
            rows = np.concatenate([until_now, rows])
        if sample_weight is not None:
            sample_weight = np.concatenate([[sample_weight.mean()], sample_weight])
        learnt: Any = learn_scaling(self.kind, rows, None, sample_weight)
        if learnt.constant.all():
            return self
        center, scale, constant = self.center.copy(), self.scale.copy(), self.constant.copy()
        varied = ~learnt.constant
        center[columns[varied]] = learnt.center[varied]
        scale[columns[varied]] = learnt.scale[varied]
        constant[columns[varied]] = False
        return Scaling(self.kind, center, scale, constant)


@np.errstate(over="ignore", invalid="ignore")
def learn_scaling(
    kind: str | None,
    X: Any,
    index: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
) -> Scaling | None:
    """Return the `Scaling` of the rows `index` of X, or None if `kind` is None.

    Parameters
    ----------
    kind : {None, "standard", "robust"}
    X : {ndarray, CSR} of shape (n_samples, n_features)
        Read in blocks, never copied whole (unless CSR with duplicate entries).
    index : ndarray of int, default=None
        Rows to learn from; None takes all.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows `index`. Only their ratios count.

    Raises
    ------
    ValueError
        If the spread of a feature overflows float64.
    """
    if kind is None:
        return None
    if not X.shape[1]:
        return Scaling(kind, np.empty(0), np.empty(0), np.empty(0, dtype=bool))
    center, scale, constant = SCALINGS[kind](X, index, sample_weight)
    if constant.any():  # the exact value of all rows, because rounding may change their mean
        first = X[[0]] if index is None else X[index[:1]]
        first = first[:, constant]
        first = (first.toarray() if issparse(first) else first)[0]
        center[constant] = np.where(np.isnan(first), center[constant], first)
    return checked_scaling(kind, center, scale, constant)


def checked_scaling(
    kind: str, center: np.ndarray, scale: np.ndarray, constant: np.ndarray
) -> Scaling:
    """Return the `Scaling`; raise ValueError if the spread of a feature is not finite."""
    if not np.isfinite(scale).all():
        raise ValueError(
            f"Features {np.flatnonzero(~np.isfinite(scale)).tolist()} are too large for "
            f"scaling={kind!r}: their spread is not finite. Divide them by a constant."
        )
    return Scaling(kind, center, scale, constant)


def _mean_and_deviation(
    X: Any, index: np.ndarray | None, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return mean_and_deviation(moments(X, index, weight))


@dataclass(frozen=True, eq=False)
class Moments:
    """Weight of some rows, and mean and variance of each of their features.

    If there are gaps, the weight is an array: that of the rows in which a feature has a value.
    """

    weight: Any
    mean: np.ndarray
    variance: np.ndarray

    @np.errstate(over="ignore", invalid="ignore")
    def __add__(self, other: "Moments") -> "Moments":
        """Return the moments of the rows of both (Chan, Golub and LeVeque, 1979)."""
        weight = self.weight + other.weight
        share = other.weight / np.where(weight > 0.0, weight, 1.0)
        difference = other.mean - self.mean
        within = self.variance * (1.0 - share) + other.variance * share
        # Where one of the two has gaps alone, nothing is between them, however large the other.
        both = share * (1.0 - share)
        between = np.where(both > 0.0, difference * difference * both, 0.0)
        return Moments(weight, self.mean + difference * share, within + between)


def moments(X: Any, index: np.ndarray | None = None, weight: np.ndarray | None = None) -> Moments:
    """Return the `Moments` of the rows `index` of X, read in blocks."""
    if issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    scaler = StandardScaler(with_mean=not issparse(X))
    n_rows = X.shape[0] if index is None else len(index)
    if not X.shape[1]:
        total = float(n_rows if weight is None else weight.sum())
        return Moments(total, np.empty(0), np.empty(0))
    row_size = X.nnz / X.shape[0] if issparse(X) else X.shape[1]
    step = max(1, int(BLOCK_ELEMENTS / max(1, row_size)))
    before: Any = (0, 0.0, 0.0)
    for start in range(0, n_rows, step):
        rows = slice(start, start + step)
        block = X[rows if index is None else index[rows]]
        # StandardScaler casts weights to the block's dtype, and tiny ones vanish in float32.
        if issparse(block) or weight is not None or block.dtype != np.float32:
            block = block.astype(np.float64, copy=False)
        scaler.partial_fit(block, sample_weight=None if weight is None else weight[rows])
        # StandardScaler has NaN for a column of which a block has gaps alone.
        same = (scaler.n_samples_seen_ == before[0]) & np.isnan(scaler.var_)
        if same.any():
            scaler.mean_ = np.where(same, before[1], scaler.mean_)
            scaler.var_ = np.where(same, before[2], scaler.var_)
        before = scaler.n_samples_seen_, scaler.mean_, scaler.var_
    total, mean, variance = before
    seen = np.asarray(total) > 0.0
    if np.min(total) < np.max(total) or not seen.all():  # there are gaps
        mean, variance = np.where(seen, mean, 0.0), np.where(seen, variance, 0.0)
        return Moments(np.asarray(total, float), mean, variance)
    total = float(np.max(total))
    return Moments(total, np.asarray(mean, float), np.asarray(variance, float))


@np.errstate(over="ignore", invalid="ignore")
def mean_and_deviation(all_rows: Moments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the centre and the scale of features with these moments, and which are constant."""
    total, mean, variance = all_rows.weight, all_rows.mean, all_rows.variance
    eps = np.finfo(np.float64).eps
    # The mean of a constant 1e20 may be off by 16384, which must not be taken for a deviation.
    rounding = total * eps * np.abs(mean)
    constant = variance <= total * eps * variance + rounding * rounding
    return mean, np.maximum(np.where(constant, 1.0, np.sqrt(variance)), rounding), constant


def _median_and_interquartile_range(
    X: Any, index: np.ndarray | None, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n_rows, n_features = X.shape
    center, scale = np.empty(n_features), np.empty(n_features)
    step = max(1, BLOCK_ELEMENTS // n_rows)
    for start in range(0, n_features, step):
        columns = slice(start, start + step)
        block = X[:, columns] if index is None else X[index, columns]
        block = np.asarray(block, dtype=np.float64)
        if np.isnan(block).any():
            for j, x in enumerate(block.T, start=start):
                seen = ~np.isnan(x)
                of_seen = None if weight is None else weight[seen]
                center[j], scale[j] = 0.0, 0.0
                if seen.any():
                    center[[j]], scale[[j]] = _quartiles(x[seen, np.newaxis], of_seen)
            continue
        center[columns], scale[columns] = _quartiles(block, weight)
    constant = scale == 0.0
    scale[constant] = 1.0
    return center, scale, constant


def _quartiles(block: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the median and the interquartile range of columns without gaps."""
    low, center, high = np.quantile(
        block, QUARTILES, axis=0, weights=weight, method="inverted_cdf"
    )
    spread = high - low
    # If more than half of a column is one value, the scale is half the range, and 1 for a
    # constant column.
    half_range = (block.max(axis=0) - block.min(axis=0)) / 2.0
    return center, np.where(spread > 0.0, spread, half_range)


SCALINGS = {"standard": _mean_and_deviation, "robust": _median_and_interquartile_range}


def smooth_clip(Z: np.ndarray) -> None:
    """Overwrite Z with z / sqrt(1 + (z / 3)^2), which lies within +-3.

    References
    ----------
    Holzmueller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", 2024.
    """
    # Beyond 1e6 the result is 3 to float32's precision, and the square cannot overflow.
    np.clip(Z, -1e6, 1e6, out=Z)
    divisor = Z * Z
    divisor *= 1.0 / CLIP**2
    divisor += 1.0
    np.sqrt(divisor, out=divisor)
    Z /= divisor


def scaling_backward(scaling: Scaling | None, A: Any, delta: np.ndarray) -> None:
    """Overwrite `delta`, d/d(scaled rows), with d/d(rows).

    Parameters
    ----------
    scaling : Scaling or None
    A : {ndarray, SparseBatch} of shape (n_samples, n_features)
        The scaled rows. Sparse rows are never clipped.
    delta : ndarray of shape (n_samples, n_features)
    """
    if scaling is None:
        return
    if scaling.kind == "robust":
        # For a = z / sqrt(1 + (z / 3)^2), 1 - (a / 3)^2 is 1 / (1 + (z / 3)^2), so that
        # da/dz = (1 + (z / 3)^2)^(-3/2) = (1 - (a / 3)^2)^(3/2). Rounding may exceed a = 3.
        delta *= np.maximum(1.0 - (A / CLIP) ** 2, 0.0) ** 1.5
    delta *= scaling.inverse_scale
