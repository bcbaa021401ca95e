"""The objective J of rows that are spread over a Dask cluster.

Every partition returns its share of J and the gradient, by the same code as in memory.
"""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import dask
import dask.array as da
import numpy as np
from dask.sizeof import sizeof
from scipy.sparse import issparse
from sklearn.utils import check_array

from .._data.arrays import as_numeric
from .._data.checks import check_settings, check_weights
from .._data.dataset import Sample, varying_features
from .._data.features.scaling import Scaling, checked_scaling, mean_and_deviation, moments
from .._data.labels import check_labels, class_indices, kind_of
from .._data.weights import class_weights, warn_of_small_weights
from .._network.blas import ONE_THREAD, blas_threads, gains_from_threads
from .._optim.objective import Objective, Whole, all_logits
from .._training.building import (
    build_monitor,
    build_network,
    compute_dtype,
    minimize,
    target_smoothing,
)
from .._training.helpers import N_FOLDS
from .._training.temperature import enough_rows, fit_temperature, most_rows
from .partitions import Partitions, itself, threads, wait_for_a_worker


@dataclass(frozen=True, eq=False)
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
    moments: Any = None

    def __add__(self, other):
        """Return the statistics of both."""
        both = [part.moments for part in (self, other) if part.moments is not None]
        return Statistics(
            self.class_totals + other.class_totals,
            self.n_rows + other.n_rows,
            both[0] + both[1] if len(both) == 2 else (both or [None])[0],
        )


@dataclass(frozen=True, eq=False)
class Share:
    """The share of J that some partitions have, and its gradient."""

    loss: float
    grad: np.ndarray

    def __add__(self, other):
        """Return the share of both, in new arrays."""
        return Share(self.loss + other.loss, self.grad + other.grad)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Logits, class indices and weights of rows that were not trained on."""

    logits: np.ndarray
    labels: np.ndarray
    weight: np.ndarray

    def __add__(self, other):
        """Return the rows of both."""
        return HeldOut(
            np.concatenate([self.logits, other.logits]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.weight, other.weight]),
        )


@dataclass(frozen=True, eq=False)
class Problem:
    """All that a partition's share of J depends on, but its rows and the parameters."""

    network: Any
    scaling: Scaling | None
    class_weight: np.ndarray | None
    smoothing: np.ndarray | None
    whole: Whole
    dtype: np.dtype


def load(number, X, y, sample_weight):
    """Return a partition's rows, labels and weights as clean arrays."""
    try:
        X = as_numeric(X)
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
    learnt = None
    if scales and len(labels) > 0:
        with ONE_THREAD:  # weighted sums are no large products
            learnt = moments(sample.X, sample.index, weight)
    return Statistics(totals, len(labels), learnt)


@np.errstate(over="ignore", invalid="ignore")
def share_of(sample, problem, params):
    """Return a sample's share of J and its gradient."""
    if len(sample.labels) == 0:
        return Share(0.0, np.zeros_like(params))
    objective = Objective(
        problem.network,
        sample.rows(problem.scaling, problem.dtype),
        sample.labels,
        _weight(sample, problem),
        alpha=0.0,
        smoothing=problem.smoothing,
        whole=problem.whole,
    )
    with _threads(sample, problem):
        return Share(*objective(params))


def _threads(sample, problem):
    """Return a context with the threads of BLAS that a sample is worth."""
    n_rows, sparse = len(sample.labels), issparse(sample.X)
    return blas_threads(gains_from_threads(problem.network.shapes, n_rows, sparse=sparse))


def _weight(sample, problem):
    """Return sample weight times class weight of a sample's rows, or None where all are 1."""
    weight = sample.sample_weight
    if problem.class_weight is None:
        return weight
    return problem.class_weight[sample.labels] * (1.0 if weight is None else weight)


def rows_between(sample, number, class_weight, seed, low, high):
    """Return the rows whose random numbers lie in [low, high), at every call the same.

    Those of classes that weigh nothing can tell nothing, and are left out.
    """
    drawn = np.random.default_rng([seed, number]).random(len(sample.labels))
    chosen = (low <= drawn) & (drawn < high)
    if class_weight is not None:
        chosen &= class_weight[sample.labels] > 0.0
    return sample.take(np.flatnonzero(chosen))


@np.errstate(over="ignore", invalid="ignore")
def judge(sample, problem, params):
    """Return a sample as `HeldOut`."""
    weight = _weight(sample, problem)
    Z = np.empty((0, problem.network.layer_sizes[-1]), problem.dtype)
    if len(sample.labels) > 0:
        with _threads(sample, problem):
            Z = all_logits(problem.network, params, sample.rows(problem.scaling, problem.dtype))
    return HeldOut(Z, sample.labels, np.ones(len(Z)) if weight is None else weight)


class PartitionedObjective:
    """J and its gradient on rows that are spread over a cluster.

    Parameters
    ----------
    partitions : Partitions
        Of samples.
    problem : Problem
    alpha : float
        Strength of the L2 penalty, over the scale of the samples' weights.
    """

    def __init__(self, partitions, problem, alpha):
        self.partitions, self.problem, self.alpha = partitions, problem, alpha
        self.penalty = problem.whole.penalty(alpha, 1.0)
        self.network, self.n_rows = problem.network, problem.whole.n_rows
        self.shared = partitions.share(problem)

    def moments(self):
        """Return the `Moments` of the rows as they are in X."""
        return self.partitions.sum(statistics, self.network.layer_sizes[-1], True).moments

    def varying_features(self):
        """Return which features of the scaled rows are not 0 in all of them."""
        if self.problem.scaling is not None:
            return varying_features(self.problem.scaling, None)
        return self.partitions.sum(Sample.used_features)  # a sum of booleans is their "or"

    def __call__(self, params):
        """Return J and its gradient, a new array."""
        share = self.partitions.sum(share_of, self.shared, params)
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


def named(X):
    """Return X, of a data frame with the columns of every partition in the frame's own order."""
    if not hasattr(X, "columns"):
        return X
    return X.map_partitions(_in_order, list(X.columns), meta=X._meta)


def _in_order(part, columns, partition_info=None):
    """Return the columns of a partition by their names; raise ValueError if one is missing."""
    found = list(part.columns)
    if found == columns:
        return part
    missing = [column for column in columns if column not in found]
    if missing or len(set(found)) < len(found):
        raise ValueError(
            f"Partition {partition_info['number']}: X must have the columns {columns}, each "
            f"once; got {found}."
        )
    return part[columns]


def delayed_parts(X, y, sample_weight):
    """Return the partitions as (X, y, sample_weight), each delayed, or None for no weights."""
    columns = {"X": named(X), "y": y} | (
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


def _load_into(futures, client, X, y, sample_weight):
    """Load the partitions, neighbours on one worker where that is free to choose."""
    # A cluster that adapts starts workers for tasks only.
    with Partitions(client, lambda asked: asked.append(client.submit(itself, None, pure=False))):
        addresses = threads(wait_for_a_worker(client))
    with client.as_current():
        parts = delayed_parts(X, y, sample_weight)
    groups = np.array_split(np.arange(len(parts)), len(addresses))
    for group, address in zip(groups, addresses, strict=True):
        tasks = [dask.delayed(load)(int(number), *parts[number]) for number in group]
        futures += client.compute(tasks, workers=[address], allow_other_workers=True)


@contextmanager
def partitioned_objective(client, local, X, y, sample_weight=None):
    """Give the objective of rows that are spread over a cluster, and their description.

    X, y and sample_weight are as `fit` takes them. At the end of the context the rows are
    dropped from the workers.
    """
    local._validate_params()
    hidden = check_settings(local)
    load_rows = partial(_load_into, client=client, X=X, y=y, sample_weight=sample_weight)
    with Partitions(client, load_rows) as parts:
        found = parts.sum(describe)
        if not found.heaviest > 0.0:
            raise ValueError("sample_weight must not be zero for every row.")
        samples = parts.map(sample_of, classes=found.classes, heaviest=found.heaviest)
    with samples:
        n_classes = len(found.classes)
        learnt = samples.sum(statistics, n_classes, local.scaling is not None)
        totals = learnt.class_totals
        class_weight = class_weights(
            local.class_weight, found.classes, np.arange(n_classes), totals
        )
        weight_scale = found.heaviest
        if class_weight is not None and class_weight.max() > 0.0:
            # Relative, as weights of rows are, so that no sum of them overflows.
            weight_scale *= float(class_weight.max())
            class_weight = class_weight / class_weight.max()
        whole = _whole(learnt, class_weight)
        alpha = float(local.alpha)
        if alpha > 0.0:
            mean_weight = whole.mean_weight * weight_scale
            warn_of_small_weights(alpha, mean_weight, whole.n_rows, stacklevel=5)
        scaling = None
        if learnt.moments is not None:
            scaling = checked_scaling("standard", *mean_and_deviation(learnt.moments))
        network = build_network(local, [found.n_features, *hidden, n_classes])
        problem = Problem(
            network=network,
            scaling=scaling,
            class_weight=class_weight,
            whole=whole,
            smoothing=target_smoothing(
                local, network, totals if class_weight is None else class_weight * totals
            ),
            dtype=compute_dtype(local, found, random=False),
        )
        gains = gains_from_threads(problem.network.shapes, learnt.n_rows)
        with blas_threads(gains):  # of the client, for scipy's sums over the parameters
            yield PartitionedObjective(samples, problem, alpha / weight_scale), found


def _whole(learnt, class_weight):
    """Return the `Whole` of rows of which this has been learnt."""
    totals = learnt.class_totals
    total = float(totals.sum() if class_weight is None else class_weight @ totals)
    if not total > 0.0:
        raise ValueError("X must have a row with a weight above zero, and has none.")
    return Whole(learnt.n_rows, total / learnt.n_rows)


def held_out_temperature(local, objective, state):
    """Return the temperature of the fit that a state begins, by a helper network.

    The helper is trained just as the network itself, but without a seventh of the rows, which
    each partition holds out by chance. With fewer than 50 of these the temperature is 1.
    """
    samples, problem = objective.partitions, objective.problem
    n_classes = problem.network.layer_sizes[-1]
    share = 1.0 / N_FOLDS
    # The number that is expected, since each row is chosen by chance.
    judged = most_rows(n_classes) / problem.whole.n_rows
    choose = partial(rows_between, class_weight=problem.class_weight, seed=state.split_seed)
    training = samples.only(partial(choose, low=share, high=1.0))
    held_out = samples.only(partial(choose, low=0.0, high=min(share, judged)))
    if not enough_rows(held_out.sum(statistics, n_classes, False).n_rows, n_classes):
        return 1.0
    learnt = training.sum(statistics, n_classes, False)
    params = _helper_params(local, objective, training, learnt, state.copy())
    if params is None:
        return 1.0
    rows = held_out.sum(judge, objective.shared, params)
    # Of a class that the helper has not seen, nothing can be said.
    known = learnt.class_totals[rows.labels] > 0.0
    temperature, _ = fit_temperature(rows.logits[known], rows.labels[known], rows.weight[known])
    if local.verbose:
        print(f"1 helper network: temperature={temperature:.4g}")
    return temperature


def _helper_params(local, objective, training, learnt, state):
    """Return the parameters of a helper, or None if it diverges. Advances the state."""
    whole = _whole(learnt, objective.problem.class_weight)
    problem = replace(objective.problem, whole=whole)
    helper = PartitionedObjective(training, problem, objective.alpha)
    minimize(local, helper, state, build_monitor(local, state.history).after_pass)
    diverged = state.ended_by == "divergence" or not np.isfinite(state.params).all()
    return None if diverged else state.params
