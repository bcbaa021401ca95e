"""The objective J of rows that are spread over a Dask cluster.

Every partition returns its share of J and the gradient, by the same code as in memory.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from dask.sizeof import sizeof
from scipy.sparse import issparse

from .._data.columns import Columns
from .._data.dataset import Dataset
from .._data.features.categories import Totals, learn_totals
from .._data.features.encoding import Encoding
from .._data.features.scaling import Moments, moments
from .._data.labels import class_indices, kind_of
from .._network.blas import ONE_THREAD, blas_threads, gains_from_threads
from .._network.network import Network
from .._optim.objective import Normalization, Objective, all_logits
from .partitions import Partitions


@dataclass(frozen=True, eq=False)
class Description:
    """What a fit has to know about some partitions before it begins."""

    n_features: int
    classes: np.ndarray
    heaviest: float
    dtype: np.dtype

    def __add__(self, other: "Description") -> "Description":
        """Return the description of both."""
        if self.n_features != other.n_features:
            raise ValueError(
                f"All partitions must have the same features; some have {self.n_features}, others "
                f"{other.n_features}."
            )
        return Description(
            self.n_features,
            _union(self.classes, other.classes),
            max(self.heaviest, other.heaviest),
            np.result_type(self.dtype, other.dtype),
        )


def _union(classes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the classes of both; an empty partition has none."""
    if not (len(classes) and len(others)):
        return classes if len(classes) else others
    if kind_of(classes) != kind_of(others):
        raise ValueError(
            "All partitions must have labels of one kind; some have "
            f"{kind_of(classes)} ({classes[:3]}), others {kind_of(others)} ({others[:3]})."
        )
    return np.unique(np.concatenate([classes, others]))


@dataclass(frozen=True, eq=False)
class Statistics:
    """What is learnt from some partitions before the descent begins."""

    class_totals: np.ndarray
    n_rows: int
    moments: Moments | None = None
    totals: Totals | None = None

    def __add__(self, other: "Statistics") -> "Statistics":
        """Return the statistics of both."""
        return Statistics(
            self.class_totals + other.class_totals,
            self.n_rows + other.n_rows,
            _sum(self.moments, other.moments),
            _sum(self.totals, other.totals),
        )


def _sum(first: Any, second: Any) -> Any:
    """Return the sum of two terms, of which each may be None."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


@dataclass(frozen=True, eq=False)
class Share:
    """The share of J that some partitions have, and its gradient."""

    loss: float
    grad: np.ndarray

    def __add__(self, other: "Share") -> "Share":
        """Return the share of both, in new arrays."""
        return Share(self.loss + other.loss, self.grad + other.grad)


@dataclass(frozen=True, eq=False)
class HeldOutPart:
    """Logits, class indices and weights of rows that were not trained on."""

    logits: np.ndarray
    labels: np.ndarray
    weight: np.ndarray

    def __add__(self, other: "HeldOutPart") -> "HeldOutPart":
        """Return the rows of both."""
        return HeldOutPart(
            np.concatenate([self.logits, other.logits]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.weight, other.weight]),
        )


@dataclass(frozen=True, eq=False)
class ObjectiveSpec:
    """All that a partition's share of J depends on, except its rows and the parameters."""

    network: Network
    encoding: Encoding
    class_weight: np.ndarray | None
    smoothing: np.ndarray | None
    normalization: Normalization
    dtype: np.dtype


def describe(part: tuple[Any, np.ndarray, np.ndarray | None]) -> Description:
    """Return the `Description` of a loaded partition."""
    X, y, weight = part
    heaviest = 1.0 if weight is None else float(weight.max(initial=0.0))
    return Description(X.shape[1], np.unique(y), heaviest, X.dtype)


def dataset_of(
    part: tuple[Any, np.ndarray, np.ndarray | None],
    classes: np.ndarray,
    heaviest: float,
) -> Dataset:
    """Return a loaded partition as a `Dataset` of the rows of positive weight.

    No encoded rows are kept, because Dask would neither count nor spill them.
    """
    X, y, weight = part
    if weight is None:
        return Dataset(X, class_indices(y, classes), kept=None)
    relative = weight / heaviest
    index = np.flatnonzero(relative >= np.finfo(np.float64).tiny)
    labels = class_indices(y[index], classes)
    return Dataset(X, labels, relative[index], index, weight_scale=heaviest, kept=None)


@sizeof.register(Dataset)
def _size(dataset: Dataset) -> int:
    """Return the bytes of a dataset. Dask would take it for small, and move or not spill it."""
    X = dataset.X
    rows = (X.data, X.indices, X.indptr) if issparse(X) else X
    return sizeof((rows, dataset.labels, dataset.sample_weight, dataset.index))


@np.errstate(over="ignore", invalid="ignore")
def statistics(
    dataset: Dataset, n_classes: int, with_features: bool, columns: Columns | None = None
) -> Statistics:
    """Return the `Statistics` of a dataset; those of the features only if they are asked for.

    `columns` says what the columns of a table are; None: all are numbers.
    """
    labels, weight = dataset.labels, dataset.sample_weight
    class_totals = np.bincount(labels, weights=weight, minlength=n_classes).astype(np.float64)
    if not with_features or len(labels) == 0:
        return Statistics(class_totals, len(labels))
    X, index = dataset.X, dataset.index
    numbers = X if columns is None else X[:, : columns.n_numbers]
    with ONE_THREAD:  # weighted sums are no large products
        learnt = moments(numbers, index, weight)
    totals = None if issparse(X) else learn_totals(columns, X, index, weight)
    return Statistics(class_totals, len(labels), learnt, totals)


@np.errstate(over="ignore", invalid="ignore")
def share_of(dataset: Dataset, spec: ObjectiveSpec, params: np.ndarray) -> Share:
    """Return a dataset's share of J and its gradient."""
    if len(dataset.labels) == 0:
        return Share(0.0, np.zeros_like(params))
    objective = Objective(
        spec.network,
        dataset.reader(spec.encoding, spec.dtype),
        dataset.labels,
        _weight(dataset, spec),
        alpha=0.0,
        smoothing=spec.smoothing,
        whole=spec.normalization,
    )
    with _threads(dataset, spec):
        return Share(*objective(params))


def _threads(dataset: Dataset, spec: ObjectiveSpec) -> AbstractContextManager[None]:
    """Return a context with the threads of BLAS that a dataset is worth."""
    n_rows, sparse = len(dataset.labels), issparse(dataset.X)
    return blas_threads(gains_from_threads(spec.network.shapes, n_rows, sparse=sparse))


def _weight(dataset: Dataset, spec: ObjectiveSpec) -> np.ndarray | None:
    """Return sample weight times class weight of a dataset's rows, or None if all are 1."""
    weight = dataset.sample_weight
    if spec.class_weight is None:
        return weight
    return spec.class_weight[dataset.labels] * (1.0 if weight is None else weight)


def rows_between(
    dataset: Dataset,
    number: int,
    class_weight: np.ndarray | None,
    seed: int,
    low: float,
    high: float,
) -> Dataset:
    """Return the rows whose random numbers lie in [low, high): the same ones at every call.

    Rows of classes of weight zero are left out, because they cannot change the loss.
    """
    drawn = np.random.default_rng([seed, number]).random(len(dataset.labels))
    chosen = (low <= drawn) & (drawn < high)
    if class_weight is not None:
        chosen &= class_weight[dataset.labels] > 0.0
    return dataset.take(np.flatnonzero(chosen))


@np.errstate(over="ignore", invalid="ignore")
def held_out_logits(dataset: Dataset, spec: ObjectiveSpec, params: np.ndarray) -> HeldOutPart:
    """Return the logits, class indices and weights of a dataset as `HeldOutPart`."""
    weight = _weight(dataset, spec)
    with _threads(dataset, spec):
        Z = all_logits(spec.network, params, dataset.reader(spec.encoding, spec.dtype))
    return HeldOutPart(Z, dataset.labels, np.ones(len(Z)) if weight is None else weight)


class PartitionedObjective:
    """J and its gradient on rows that are spread over a cluster.

    Parameters
    ----------
    partitions : Partitions
        Of datasets.
    spec : ObjectiveSpec
    alpha : float
        Strength of the L2 penalty, divided by the scale of the datasets' weights.
    """

    def __init__(self, partitions: Partitions, spec: ObjectiveSpec, alpha: float) -> None:
        self.partitions, self.shared = partitions, partitions.share(spec)
        self.network, self.n_rows = spec.network, spec.normalization.n_rows
        self.columns = spec.encoding.columns
        self.penalty = spec.normalization.penalty(alpha, 1.0)

    def moments(self) -> Moments:
        """Return the `Moments` of the numbers as they are in X."""
        columns = self.columns and self.partitions.share(self.columns)
        n_classes = self.network.layer_sizes[-1]
        return self.partitions.sum(statistics, n_classes, True, columns).moments

    def __call__(self, params: np.ndarray) -> tuple[float, np.ndarray]:
        """Return J and its gradient, a new array."""
        share = self.partitions.sum(share_of, self.shared, params)
        weights = params[: self.network.n_weights]
        share.grad[: self.network.n_weights] += self.penalty * weights
        return share.loss + 0.5 * self.penalty * float(weights @ weights), share.grad
