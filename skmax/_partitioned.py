"""The objective J of rows that are spread over a Dask cluster.

Every partition returns its share of J and the gradient, by the same code as in memory.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dask
import dask.array as da
import numpy as np
from dask.sizeof import sizeof
from scipy.sparse import issparse
from sklearn.utils import check_array

from ._building import build_network, compute_dtype
from ._objective import Objective, Whole
from ._partitions import Partitions, itself, wait_for_a_worker, workers
from ._rows import Sample
from ._scaling import Scaling, checked_scaling, mean_and_deviation, moments
from ._targets import check_labels, class_indices, class_weights
from ._validation import check_settings, check_weights

# Kinds of labels by the kind of their dtype; all others are numbers.
KINDS = {"O": "strings", "U": "strings", "S": "bytes"}


@dataclass(frozen=True)
class Description:
    """What a fit has to know of some partitions before it begins."""

    n_features: int
    classes: np.ndarray
    heaviest: float
    dtype: np.dtype

    def __add__(self, other):
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


def _union(classes, others):
    """Return the classes of both; those of an empty partition are of no kind."""
    if not (len(classes) and len(others)):
        return classes if len(classes) else others
    kinds = [KINDS.get(labels.dtype.kind, "numbers") for labels in (classes, others)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            "All partitions must have labels of one kind; some have "
            f"{kinds[0]} ({classes[:3]}), others {kinds[1]} ({others[:3]})."
        )
    return np.unique(np.concatenate([classes, others]))


@dataclass(frozen=True)
class Statistics:
    """What is learnt from some partitions before the descent begins."""

    class_totals: np.ndarray
    n_rows: int
    moments: Any = None

    def __add__(self, other):
        """Return the statistics of both."""
        both = [part.moments for part in (self, other) if part.moments is not None]
        return Statistics(
            self.class_totals + other.class_totals,
            self.n_rows + other.n_rows,
            both[0] + both[1] if len(both) == 2 else (both or [None])[0],
        )


@dataclass(frozen=True)
class Share:
    """The share of J that some partitions have, and its gradient."""

    loss: float
    grad: np.ndarray

    def __add__(self, other):
        """Return the share of both, in new arrays."""
        return Share(self.loss + other.loss, self.grad + other.grad)


@dataclass(frozen=True)
class Problem:
    """All that a partition's share of J depends on, but its rows and the parameters."""

    network: Any
    scaling: Scaling | None
    class_weight: np.ndarray | None
    whole: Whole
    dtype: np.dtype


def load(number, X, y, sample_weight):
    """Return a partition's rows, labels and weights as clean arrays."""
    try:
        X = X.to_numpy() if hasattr(X, "to_numpy") else X
        X = check_array(
            X, accept_sparse="csr", dtype="numeric", ensure_min_samples=0, input_name="X"
        )
        y = check_labels(y) if len(y) else np.empty(0, dtype=object)
        if not X.shape[0] == len(y):
            raise ValueError(f"X has {X.shape[0]} rows, y has {len(y)}.")
        return X, y, check_weights(sample_weight, len(y), "sample_weight", part=True)
    except ValueError as error:
        raise ValueError(f"Partition {number}: {error}") from error


def describe(part):
    """Return the `Description` of a loaded partition."""
    X, y, weight = part
    heaviest = 1.0 if weight is None else float(weight.max(initial=0.0))
    return Description(X.shape[1], np.unique(y), heaviest, X.dtype)


def sample_of(part, classes, heaviest):
    """Return a loaded partition as a `Sample` of the rows that weigh anything."""
    X, y, weight = part
    if weight is None:
        return Sample(X, class_indices(y, classes))
    relative = weight / heaviest
    index = np.flatnonzero(relative >= np.finfo(np.float64).tiny)
    labels = class_indices(y[index], classes)
    return Sample(X, labels, relative[index], index, weight_scale=heaviest)


@sizeof.register(Sample)
def _size(sample):
    """Return the bytes of a sample: Dask would think it light, and move it or not spill it."""
    X = sample.X
    rows = (X.data, X.indices, X.indptr) if issparse(X) else X
    return sizeof((rows, sample.labels, sample.sample_weight, sample.index))


@np.errstate(over="ignore", invalid="ignore")
def statistics(sample, n_classes, scales):
    """Return the `Statistics` of a sample."""
    labels, weight = sample.labels, sample.sample_weight
    totals = np.bincount(labels, weights=weight, minlength=n_classes).astype(np.float64)
    learns = scales and len(labels) > 0
    return Statistics(
        totals, len(labels), moments(sample.X, sample.index, weight) if learns else None
    )


@np.errstate(over="ignore", invalid="ignore")
def share_of(sample, problem, params):
    """Return a sample's share of J and its gradient."""
    if len(sample.labels) == 0:
        return Share(0.0, np.zeros_like(params))
    weight = sample.sample_weight
    if problem.class_weight is not None:
        weight = problem.class_weight[sample.labels] * (1.0 if weight is None else weight)
    rows = sample.rows(problem.scaling, problem.dtype)
    objective = Objective(
        problem.network, rows, sample.labels, weight, alpha=0.0, whole=problem.whole
    )
    return Share(*objective(params))


class PartitionedObjective:
    """J and its gradient on rows that are spread over a cluster.

    Parameters
    ----------
    partitions : Partitions
        Of samples.
    problem : Problem
    penalty : float
        alpha / S.
    """

    def __init__(self, partitions, problem, penalty):
        self.partitions, self.penalty = partitions, penalty
        self.problem = problem
        self.network, self.n_rows = problem.network, problem.whole.n_rows
        self._shared = partitions.share(problem)

    def __call__(self, params):
        """Return J and its gradient, a new array."""
        share = self.partitions.sum(share_of, self._shared, params)
        weights = params[: self.network.n_weights]
        grad = share.grad
        grad[: self.network.n_weights] += self.penalty * weights
        return share.loss + 0.5 * self.penalty * float(weights @ weights), grad


def header(X):
    """Return what scikit-learn can check of X without its rows: names, or the shape."""
    _check_collection(X, "X")
    if X.ndim != 2:
        raise ValueError(f"X must have shape (n_samples, n_features), got {X.shape}.")
    return X._meta if hasattr(X, "columns") else X


def _check_collection(value, name):
    if not hasattr(value, "to_delayed"):
        raise TypeError(
            f"{name} must be a dask Array or DataFrame, got {type(value).__name__}; "
            "dask.array.from_array makes one."
        )


def delayed_parts(X, y, sample_weight):
    """Return the partitions as (X, y, sample_weight), each delayed, or None for no weights."""
    columns = {"X": X, "y": y} | (
        {} if sample_weight is None else {"sample_weight": sample_weight}
    )
    for name, value in columns.items():
        _check_collection(value, name)
    arrays = [name for name, value in columns.items() if isinstance(value, da.Array)]
    for name in arrays:
        if columns[name].ndim == 2:
            columns[name] = columns[name].rechunk({1: -1})
    if arrays and len(arrays) == len(columns):
        if any(np.isnan(size) for name in arrays for size in columns[name].chunks[0]):
            # Of copies: it is done in place.
            columns = {name: value.copy().compute_chunk_sizes() for name, value in columns.items()}
        rows = {name: value.shape[0] for name, value in columns.items()}
        if len(set(rows.values())) > 1:
            raise ValueError(f"Found inconsistent numbers of rows: {rows}.")
        chunks = columns["X"].chunks[0]
        columns = {name: value.rechunk({0: chunks}) for name, value in columns.items()}
    parts = {name: list(np.ravel(value.to_delayed())) for name, value in columns.items()}
    counts = {name: len(delayed) for name, delayed in parts.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(f"Found inconsistent numbers of partitions: {counts}.")
    parts.setdefault("sample_weight", [None] * len(parts["X"]))
    return list(zip(parts["X"], parts["y"], parts["sample_weight"], strict=True))


def _loaded(client, X, y, sample_weight):
    """Return the loaded partitions, neighbours on one worker where that is free to choose."""
    with client.as_current():
        parts = delayed_parts(X, y, sample_weight)
    addresses = sorted(workers(client))
    futures = []
    groups = np.array_split(np.arange(len(parts)), len(addresses))
    for group, address in zip(groups, addresses, strict=True):
        tasks = [dask.delayed(load)(int(number), *parts[number]) for number in group]
        futures += client.compute(tasks, workers=[address], allow_other_workers=True)
    return Partitions(client, futures)


@contextmanager
def partitioned_objective(client, local, X, y, sample_weight=None):
    """Give the objective of rows that are spread over a cluster, and their description.

    At the end of the context the rows are dropped from the workers.

    Parameters
    ----------
    client : distributed.Client
    local : SoftmaxMLPClassifier
        Read for its parameters.
    X, y, sample_weight : dask Array, DataFrame or Series
        As `fit` takes them.

    Yields
    ------
    objective : PartitionedObjective
    found : Description
    """
    local._validate_params()
    hidden = check_settings(local)
    # A cluster that adapts starts workers for tasks only.
    with Partitions(client, [client.submit(itself, None, pure=False)]):
        wait_for_a_worker(client)
    with _loaded(client, X, y, sample_weight) as parts:
        found = parts.sum(describe)
        if not found.heaviest > 0.0:
            raise ValueError("sample_weight must not be zero for every row.")
        samples = parts.map(sample_of, found.classes, found.heaviest)
    with samples:
        n_classes = len(found.classes)
        learnt = samples.sum(statistics, n_classes, local.scaling is not None)
        totals = learnt.class_totals
        class_weight = class_weights(
            local.class_weight, found.classes, np.arange(n_classes), totals
        )
        total = float(totals.sum() if class_weight is None else class_weight @ totals)
        if not total > 0.0:
            raise ValueError("X must have a row with a weight above zero, and has none.")
        scaling = None
        if learnt.moments is not None:
            scaling = checked_scaling("standard", *mean_and_deviation(learnt.moments))
        problem = Problem(
            network=build_network(local, [found.n_features, *hidden, n_classes]),
            scaling=scaling,
            class_weight=class_weight,
            whole=Whole(learnt.n_rows, total / learnt.n_rows),
            dtype=compute_dtype(local, found, random=False),
        )
        penalty = problem.whole.penalty(float(local.alpha), found.heaviest)
        yield PartitionedObjective(samples, problem, penalty), found
