"""Softmax regression and networks on rows that are spread over a Dask cluster.

scipy's L-BFGS-B runs on the client. For each evaluation it sends the parameter vector;
every partition returns its share of J and the gradient, by the same code as in memory, and
the shares are added up in a tree. Its shape depends on the number of partitions alone: the
same partitions give the same bits, wherever they are computed, and again if a worker is
lost. Tasks are pure functions of data that Dask can compute again.
"""

import time
import warnings
from copy import copy
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

try:
    import dask
    import dask.array as da
    from distributed import CancelledError, KilledWorker, default_client
    from distributed.comm import CommClosedError
except ImportError as error:
    raise ImportError("skmax.dask needs Dask: pip install skmax[dask]") from error

from ._building import (
    build_monitor,
    build_network,
    compute_dtype,
    minimize,
    published_dtype,
)
from ._classifier import SoftmaxMLPClassifier, fitted_attributes
from ._fitting import Outcome, first_state
from ._model import Model
from ._objective import Objective, Whole
from ._rows import Sample
from ._scaling import Scaling, mean_and_deviation, moments
from ._targets import check_labels, class_indices, class_weights
from ._validation import check_settings, check_weights

__all__ = ["DaskSoftmaxMLPClassifier"]

# Children of a node in the tree of sums.
FAN_IN = 8

# Vectors of at most so many bytes travel within each task, larger ones as the result of one.
INLINE_BYTES = 256 * 1024

# Seconds without any worker that end a fit; seconds without an answer from an idle cluster, and
# errors, after which it is asked again; and how often that is tried.
NO_WORKERS = 40.0
NO_ANSWER = 60.0
LOST = (KilledWorker, CommClosedError, CancelledError, TimeoutError)
MAX_ATTEMPTS = 5

# Attributes of the local classifier that a fit publishes here, too.
PUBLISHED = (
    *("classes_", "coefs_", "intercepts_", "scaling_", "temperature_"),
    *("n_features_in_", "feature_names_in_", "n_layers_", "n_outputs_", "out_activation_"),
    *("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_"),
)


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
        classes = np.concatenate([self.classes, other.classes])
        return Description(
            self.n_features,
            np.unique(classes),
            max(self.heaviest, other.heaviest),
            np.result_type(self.dtype, other.dtype),
        )


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
        y = check_labels(y)
        if not X.shape[0] == len(y):
            raise ValueError(f"X has {X.shape[0]} rows, y has {len(y)}.")
        return X, y, check_weights(sample_weight, len(y), "sample_weight", part=True)
    except ValueError as error:
        raise ValueError(f"Partition {number}: {error}") from error


def describe(part):
    """Return the `Description` of a loaded partition."""
    X, y, weight = part
    heaviest = 1.0 if weight is None else float(weight.max(initial=0.0))
    counts = slice(None) if weight is None else weight > 0
    return Description(X.shape[1], np.unique(y[counts]), heaviest, X.dtype)


def sample_of(part, classes, heaviest):
    """Return a loaded partition as a `Sample` of the rows that weigh anything."""
    X, y, weight = part
    if weight is None:
        return Sample(X, class_indices(y, classes))
    relative = weight / heaviest
    index = np.flatnonzero(relative >= np.finfo(np.float64).tiny)
    labels = class_indices(y[index], classes)
    return Sample(X, labels, relative[index], index, weight_scale=heaviest)


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


def insert(nodes, level, index, value, n_leaves):
    """Put the value of a node among those known, and add up children that are complete.

    Node (l, i) stands for the leaves from i FAN_IN^l up to (i + 1) FAN_IN^l. Children are
    added in their order, so that the sum does not depend on which was there first.
    """
    nodes[level, index] = value
    while (n_level := ceil(n_leaves / FAN_IN**level)) > 1:
        parent = index // FAN_IN
        first = parent * FAN_IN
        children = [(level, i) for i in range(first, min(first + FAN_IN, n_level))]
        if not all(child in nodes for child in children):
            return
        value = nodes.pop(children[0])
        for child in children[1:]:
            value = value + nodes.pop(child)
        level, index = level + 1, parent
        nodes[level, index] = value


def add_up(function, parts, first, n_leaves, *arguments):
    """Return the sums of `function(part, *arguments)` over consecutive partitions, as nodes."""
    nodes: dict[tuple[int, int], Any] = {}
    for number, part in enumerate(parts, first):
        insert(nodes, 0, number, function(part, *arguments), n_leaves)
    return nodes


def merge(many, n_leaves):
    """Return the nodes of several tasks, added up as far as they are complete."""
    merged: dict[tuple[int, int], Any] = {}
    for nodes in many:
        for (level, index), value in nodes.items():
            insert(merged, level, index, value, n_leaves)
    return merged


def _itself(value):
    return value


class Partitions:
    """Values of the partitions on a cluster, by number, and sums over them.

    Parameters
    ----------
    client : distributed.Client
    futures : list of Future
    """

    def __init__(self, client, futures):
        self.client = client
        self.futures = futures

    def map(self, function, *arguments):
        """Return the partitions' values of a function, where the partitions are."""
        submit = partial(self.client.submit, pure=False)
        return Partitions(
            self.client, [submit(function, future, *arguments) for future in self.futures]
        )

    def sum(self, function, *arguments):
        """Return the sum of `function(value, *arguments)` over the partitions.

        There is a task for each worker, and one for each eight of these.
        """
        failure = None
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                # A partition may have been blamed for the workers that were lost with it.
                self.client.retry([part for part in self.futures if part.status == "error"])
            pending: list[Any] = []
            try:
                self._submit(function, arguments, pending)
                return self._wait(pending[-1])
            except LOST as error:
                failure = error
            finally:
                self.client.cancel(pending)
        raise RuntimeError(
            f"The cluster has failed {MAX_ATTEMPTS} times to evaluate the objective."
        ) from failure

    def _submit(self, function, arguments, pending):
        """Append tasks to `pending`, the last of which has the sum."""

        def submit(*task):
            pending.append(self.client.submit(*task, pure=False))
            return pending[-1]

        arguments = [
            submit(_itself, value)
            if isinstance(value, np.ndarray) and value.nbytes > INLINE_BYTES
            else value
            for value in arguments
        ]
        n_leaves = len(self.futures)
        n_tasks = min(n_leaves, max(1, len(_workers(self.client))))
        level = [
            submit(
                add_up,
                function,
                [self.futures[number] for number in group],
                int(group[0]),
                n_leaves,
                *arguments,
            )
            for group in np.array_split(np.arange(n_leaves), n_tasks)
        ]
        while len(level) > 1:
            level = [
                submit(merge, level[i : i + FAN_IN], n_leaves)
                for i in range(0, len(level), FAN_IN)
            ]

    def _wait(self, future):
        """Return the one value in the result, or raise one of LOST."""
        begun = time.monotonic()
        while True:
            try:
                (value,) = future.result(timeout=1.0).values()
                return value
            except TimeoutError:
                if future.done():  # it is the task's own
                    raise
            _wait_for_a_worker(self.client)
            # As long as something is computed, an evaluation may take as long as it takes.
            if time.monotonic() - begun > NO_ANSWER and not any(self.client.processing().values()):
                raise TimeoutError(
                    f"No answer for {NO_ANSWER:.0f} seconds, and nothing is computed."
                )


def _workers(client):
    return client.scheduler_info(n_workers=-1)["workers"]


def _wait_for_a_worker(client):
    """Return when there is one; raise RuntimeError if there is none for too long."""
    begun = time.monotonic()
    while not _workers(client):
        if time.monotonic() - begun > NO_WORKERS:
            raise RuntimeError(
                f"The cluster has had no worker for {NO_WORKERS:.0f} seconds: the fit cannot go "
                "on."
            )
        time.sleep(0.1)


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
        # Known to the workers once, not sent with each task.
        self._shared = partitions.client.submit(_itself, problem, pure=False)

    def __call__(self, params):
        """Return J and its gradient, a new array."""
        share = self.partitions.sum(share_of, self._shared, params)
        weights = params[: self.network.n_weights]
        grad = share.grad
        grad[: self.network.n_weights] += self.penalty * weights
        return share.loss + 0.5 * self.penalty * float(weights @ weights), grad


class DaskSoftmaxMLPClassifier(ClassifierMixin, BaseEstimator):
    """SoftmaxMLPClassifier for rows that are spread over a Dask cluster.

    The same network and the same objective J, minimised by L-BFGS on all rows. The parameters
    mean what they mean there; these have other defaults or values:

    - `solver="lbfgs"` is the only one. A step of "adam" or "sgd" sees a few hundred rows, and
      would cost a round trip to the cluster: train on a sample of the rows, or stream them
      through `SoftmaxMLPClassifier.partial_fit` on one machine.
    - `temperature_scaling`, `early_stopping`, `dropout` and `warm_start` are off, and cannot
      be switched on. Calibrate `to_local()` on rows that were held out, with
      ``CalibratedClassifierCV(FrozenEstimator(...), method="temperature")``.
    - `scaling` is "standard" or None.

    Parameters
    ----------
    client : distributed.Client, default=None
        The cluster. None takes the current client.
    hidden_layer_sizes, activation, alpha, ... : as in SoftmaxMLPClassifier
        See there.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    coefs_, intercepts_ : list of ndarray
        Weight matrices and bias vectors.
    n_iter_ : int
        Iterations.
    loss_, loss_curve_ : float and list of float
        J at the end and after each iteration.
    n_features_in_ : int
        Number of features.

    See Also
    --------
    skmax.SoftmaxMLPClassifier : In memory, or memory-mapped, on one machine.

    Notes
    -----
    X is chunked along rows; what columns are chunked is joined. Each partition is read once and
    kept in the memory of the workers, and read again if a worker is lost. The result depends on
    how the rows are partitioned by rounding only, which long fits of hidden layers amplify to
    another local optimum of about the same objective.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained
    optimization", 1995.
    """

    def __init__(
        self,
        client: Any = None,
        hidden_layer_sizes: Any = (128, 128),
        activation: str = "relu",
        *,
        solver: str = "lbfgs",
        alpha: float = 1.0,
        max_iter: int | str = "auto",
        max_fun: int = 15000,
        tol: float = 1e-4,
        random_state: Any = None,
        verbose: bool | int = False,
        early_stopping: bool = False,
        class_weight: dict | str | None = None,
        label_smoothing: float = 0.1,
        dropout: float = 0.0,
        scaling: str | None = "standard",
        temperature_scaling: bool = False,
        dtype: str = "auto",
    ) -> None:
        self.client = client
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.max_iter = max_iter
        self.max_fun = max_fun
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose
        self.early_stopping = early_stopping
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.dropout = dropout
        self.scaling = scaling
        self.temperature_scaling = temperature_scaling
        self.dtype = dtype

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the network to rows X and labels y.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks of finite numbers; chunk sizes may be unknown.
        y : dask Array of shape (n_samples,) or Series
            Class labels, in the same partitions as X (of arrays with known chunk sizes, in any).
        sample_weight : dask Array of shape (n_samples,) or Series, default=None
            Weights >= 0 of the rows; their size counts against `alpha`.

        Returns
        -------
        self : DaskSoftmaxMLPClassifier
            Fitted. If fitting fails it is as before.

        Raises
        ------
        ValueError
            If a parameter or an argument is not as described; of what is found in the rows
            it names the partition.
        RuntimeError
            If the cluster has no workers, or fails again and again.
        """
        local = self._local_classifier()
        client = default_client() if self.client is None else self.client
        objective, found = partitioned_objective(client, local, X, y, sample_weight)
        problem = objective.problem
        state = first_state(local, problem.network)
        state.cast(problem.dtype)
        monitor = build_monitor(local, state.history, verbose=bool(self.verbose))
        shortfall = minimize(local, objective, state, monitor.after_pass)
        loss = state.history.loss_curve[-1] if state.n_iter else objective(state.params)[0]
        if not np.isfinite(loss):
            raise ValueError("The loss is not finite. Scale the features (scaling='standard').")
        params = state.params.astype(published_dtype(found), copy=False)
        model = Model(params, problem.network, found.classes, problem.scaling)
        local.n_features_in_ = found.n_features
        names = _feature_names(X)
        if names is not None:
            local.feature_names_in_ = names
        local.__dict__.update(fitted_attributes(local, Outcome(model, state, loss, shortfall)))
        if shortfall:  # first: where warnings are errors, the old model is kept
            warnings.warn(shortfall, ConvergenceWarning, stacklevel=2)
        fitted = {name: getattr(local, name) for name in PUBLISHED if hasattr(local, name)}
        self.__dict__.pop("feature_names_in_", None)
        self.__dict__.update(fitted, _local=local)
        return self

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each row, lazily.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks.

        Returns
        -------
        y : dask Array of shape (n_samples,)
            Class labels.
        """
        return self._by_block(X, "predict", self._fitted().classes_.dtype)

    def predict_proba(self, X: Any) -> Any:
        """Return the class probabilities, lazily.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks.

        Returns
        -------
        P : dask Array of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return self._by_block(X, "predict_proba", n_columns=len(self._fitted().classes_))

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of the class probabilities, lazily.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks.

        Returns
        -------
        log_P : dask Array of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return self._by_block(X, "predict_log_proba", n_columns=len(self._fitted().classes_))

    def decision_function(self, X: Any) -> Any:
        """Return the logits, lazily: their softmax is `predict_proba`.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks.

        Returns
        -------
        Z : dask Array of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two classes the difference of the second's and the first's.
        """
        n_classes = len(self._fitted().classes_)
        n_columns = None if n_classes == 2 else n_classes
        return self._by_block(X, "decision_function", n_columns=n_columns)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose predicted class is their label, computed.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks.
        y : dask Array of shape (n_samples,) or Series
            Labels.
        sample_weight : dask Array of shape (n_samples,) or Series, default=None
            Weights >= 0 of the rows.

        Returns
        -------
        accuracy : float
            In [0, 1].
        """
        parts = _delayed_parts(X, y, sample_weight)
        local = dask.delayed(self.to_local())
        scores = [dask.delayed(_score)(local, *part) for part in parts]
        right, total = np.sum(dask.compute(*scores), axis=0)
        return float(right / total)

    def to_local(self) -> SoftmaxMLPClassifier:
        """Return the fitted SoftmaxMLPClassifier, which needs no cluster.

        Returns
        -------
        clf : SoftmaxMLPClassifier
            A copy.
        """
        return copy(self._fitted())

    def __sklearn_is_fitted__(self):
        return "_local" in vars(self)

    def _fitted(self):
        check_is_fitted(self)
        return self._local

    def _local_classifier(self):
        """Return the classifier with these parameters; raise ValueError for those refused."""
        if self.solver != "lbfgs":
            raise ValueError(
                f"solver={self.solver!r} would make a round trip to the cluster for each step of "
                "a few hundred rows. Use solver='lbfgs' here; for mini-batches, "
                "SoftmaxMLPClassifier on one machine, whose partial_fit streams."
            )
        for name in ("early_stopping", "dropout", "temperature_scaling"):
            if getattr(self, name):
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is for SoftmaxMLPClassifier: here all rows "
                    "are trained on, and each evaluation is of one fixed function. (Calibrate "
                    "to_local() on other rows.)"
                )
        if self.scaling == "robust":
            raise ValueError(
                "scaling='robust' needs the median of all rows, which no partition knows; use "
                "scaling='standard' or None."
            )
        settings = self.get_params(deep=False)
        del settings["client"]
        return SoftmaxMLPClassifier(**settings)

    def _by_block(self, X, method, dtype=None, n_columns=None):
        local = self._fitted()
        X = X.to_dask_array() if hasattr(X, "to_dask_array") else X
        if X.ndim != 2 or X.shape[1] != local.n_features_in_:
            raise ValueError(
                f"X must have shape (n_samples, {local.n_features_in_}), got {X.shape}."
            )
        X = X.rechunk({1: -1})
        dtype = local.coefs_[0].dtype if dtype is None else dtype
        shape = (0,) if n_columns is None else (0, n_columns)
        columns = {"drop_axis": 1} if n_columns is None else {"chunks": (X.chunks[0], n_columns)}
        return X.map_blocks(
            _predict_block,
            dask.delayed(_anonymous(local)),
            method,
            meta=np.empty(shape, dtype),
            dtype=dtype,
            **columns,
        )


def _anonymous(local):
    """Return a copy that expects no names of features: chunks have none."""
    anonymous = copy(local)
    anonymous.__dict__.pop("feature_names_in_", None)
    return anonymous


def _predict_block(X, local, method):
    if X.shape[0] > 0:
        return getattr(local, method)(X)
    one_row = getattr(local, method)(np.zeros((1, X.shape[1])))
    return one_row[:0]


def _score(local, X, y, sample_weight):
    """Return the weight of a partition's rows that are classified rightly, and of all."""
    if len(y) == 0:
        return 0.0, 0.0
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
    return local.score(X, y, weight) * weight.sum(), weight.sum()


def _delayed_parts(X, y, sample_weight):
    """Return the partitions as (X, y, sample_weight), each delayed, or None for no weights."""
    columns = {"X": X, "y": y} | (
        {} if sample_weight is None else {"sample_weight": sample_weight}
    )
    for name, value in columns.items():
        if not hasattr(value, "to_delayed"):
            raise TypeError(
                f"{name} must be a dask Array or DataFrame, got {type(value).__name__}; "
                "dask.array.from_array makes one."
            )
    arrays = [name for name, value in columns.items() if isinstance(value, da.Array)]
    for name in arrays:
        if columns[name].ndim == 2:
            columns[name] = columns[name].rechunk({1: -1})
    if arrays and len(arrays) == len(columns):
        if any(np.isnan(size) for name in arrays for size in columns[name].chunks[0]):
            columns = {name: value.compute_chunk_sizes() for name, value in columns.items()}
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
    parts = _delayed_parts(X, y, sample_weight)
    addresses = sorted(_workers(client))
    futures = []
    groups = np.array_split(np.arange(len(parts)), len(addresses))
    for group, address in zip(groups, addresses, strict=True):
        tasks = [dask.delayed(load)(int(number), *parts[number]) for number in group]
        futures += client.compute(tasks, workers=[address], allow_other_workers=True)
    return Partitions(client, futures)


def partitioned_objective(client, local, X, y, sample_weight=None):
    """Return the objective of rows that are spread over a cluster, and their description.

    Parameters
    ----------
    client : distributed.Client
    local : SoftmaxMLPClassifier
        Read for its parameters.
    X, y, sample_weight : dask Array, DataFrame or Series
        As `fit` takes them.

    Returns
    -------
    objective : PartitionedObjective
    found : Description
    """
    local._validate_params()
    hidden = check_settings(local)
    _wait_for_a_worker(client)
    parts = _loaded(client, X, y, sample_weight)
    found = parts.sum(describe)
    if not found.heaviest > 0.0:
        raise ValueError("sample_weight must not be zero for every row.")
    n_classes = len(found.classes)
    samples = parts.map(sample_of, found.classes, found.heaviest)
    learnt = samples.sum(statistics, n_classes, local.scaling is not None)
    totals = learnt.class_totals
    class_weight = class_weights(local.class_weight, found.classes, np.arange(n_classes), totals)
    total = float(totals.sum() if class_weight is None else class_weight @ totals)
    if not total > 0.0:
        raise ValueError("No row has a weight above zero.")
    scaling = None
    if learnt.moments is not None:
        scaling = Scaling("standard", *mean_and_deviation(learnt.moments))
    problem = Problem(
        network=build_network(local, [found.n_features, *hidden, n_classes]),
        scaling=scaling,
        class_weight=class_weight,
        whole=Whole(learnt.n_rows, total / learnt.n_rows),
        dtype=compute_dtype(local, found, random=False),
    )
    penalty = problem.whole.penalty(float(local.alpha), found.heaviest)
    return PartitionedObjective(samples, problem, penalty), found


def _feature_names(X):
    columns = getattr(X, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns):
        return None
    return np.asarray(columns, dtype=object)
