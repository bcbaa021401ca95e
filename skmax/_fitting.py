"""One fit: from checked rows and an estimator's parameters to a fitted model.

`train` wires what the lower layers offer: the objective of the rows, a monitor of the
held-out ones, a solver. It advances a `TrainingState` and writes to nothing else.
"""

import inspect
import warnings
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state

from ._calibration import enough_rows, fit_temperature
from ._model import Model
from ._monitor import Monitor
from ._network import Network
from ._newton import minimize_newton
from ._objective import Objective, logits_by_block, mean_cross_entropy
from ._optimizers import OPTIMIZERS
from ._rows import BLOCK_ROWS, checksum
from ._schedules import SCHEDULES
from ._solvers import LearningRate, TrainingState, minimize_lbfgs, minimize_minibatch
from ._targets import class_weights, row_weights

# Those that see all rows at once; the others are the OPTIMIZERS, on mini-batches.
FULL_BATCH_SOLVERS: dict[str, Callable[..., float]] = {
    "lbfgs": minimize_lbfgs,
    "newton-cg": minimize_newton,
}

# Rows of a batch where batch_size is "auto", as in MLPClassifier.
AUTO_BATCH_SIZE = 200


@dataclass(frozen=True)
class Outcome:
    """What a fit ended with.

    Parameters
    ----------
    model : Model
        To be published.
    loss : float
        The last loss, J or the mean of the last epoch's estimates of it.
    shortfall : str or None
        Why the fit has not converged, and what to do about it.
    """

    model: Model
    loss: float
    shortfall: str | None


def published_dtype(X):
    """Return float32 for float32 and float16 X, float64 for any other."""
    return np.dtype(np.float32 if X.dtype.kind == "f" and X.dtype.itemsize <= 4 else np.float64)


def compute_dtype(estimator, X, n_rows, streaming=False):
    """Return the precision of a fit: X's own where it is deterministic, else float32."""
    if estimator.dtype != "auto":
        return np.dtype(estimator.dtype)
    one_batch = n_rows <= batch_rows(estimator) and not streaming
    deterministic = estimator.solver not in OPTIMIZERS or one_batch
    return published_dtype(X) if deterministic else np.dtype(np.float32)


def batch_rows(estimator):
    """Return the largest number of rows that a step, or a block of all rows, has."""
    if estimator.solver not in OPTIMIZERS:
        return BLOCK_ROWS
    return AUTO_BATCH_SIZE if estimator.batch_size == "auto" else int(estimator.batch_size)


def build_network(estimator, layer_sizes):
    """Return the network of an estimator's parameters."""
    # A NumPy scalar among them would promote float32 arithmetic to float64.
    return Network(
        layer_sizes,
        estimator.activation,
        dropout=float(estimator.dropout),
        label_smoothing=float(estimator.label_smoothing),
    )


def first_state(estimator, network):
    """Return the state of a fit that begins, with random parameters in float64."""
    random_state = check_random_state(estimator.random_state)
    seed, split_seed = random_state.randint(np.iinfo(np.int32).max, size=2).tolist()
    rng = np.random.default_rng(seed)
    return TrainingState(params=network.initial_params(rng), rng=rng, split_seed=split_seed)


def continued_state(state, model, network, scaling, *, streaming=False):
    """Return the state of a fit that goes on from a fitted model.

    Parameters
    ----------
    state : TrainingState
        Where the fit before ended; left as it is.
    model : Model
        What it published.
    network, scaling : Network, {"standard", "robust"} or None
        What the parameters ask for now.
    streaming : bool, default=False

    Raises
    ------
    ValueError
        If these are not those of the model.
    """
    begun = model.network.layer_sizes, model.network.activation, _kind(model.scaling)
    wanted = network.layer_sizes, network.activation, scaling
    if begun != wanted:
        raise ValueError(
            "A fit can only be continued with the same layers, activation and scaling: it was "
            f"begun with {begun}, the parameters now ask for {wanted}."
        )
    # A stream goes on from what is published, never from beyond the best parameters.
    beyond_best = streaming and state.history.best_params is not None
    if state.ended_by == "max_iter" and not beyond_best:
        return state.copy()
    return state.restarted(model.params)


def _kind(scaling):
    return None if scaling is None else scaling.kind


def train(estimator, state, model, sample, held_out=None, *, streaming=False):
    """Advance the state on a sample of rows; return the `Outcome`.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        Read for its parameters; scorers get a copy that holds the model of the moment.
    state : TrainingState
        Overwritten. Its params are in the dtype of the arithmetic.
    model : Model
        Network, classes and scaling; its params do not count.
    sample : Sample
        Training rows.
    held_out : Sample, default=None
        Validation rows.
    streaming : bool, default=False
        Whether this is one epoch of a stream: it has no end, and stops for nothing.

    Raises
    ------
    ValueError
        If the loss or the parameters do not stay finite.
    """
    class_weight = class_weights(
        estimator.class_weight, model.classes, sample.labels, sample.sample_weight
    )
    objective = Objective(
        model.network,
        sample.rows(model.scaling, state.params.dtype),
        sample.labels,
        row_weights(sample.labels, sample.sample_weight, class_weight),
        float(estimator.alpha),
        weight_scale=sample.weight_scale,
        batch_size=batch_rows(estimator),
        rng=state.rng,
    )
    held_out_weight = None
    if held_out is not None:
        held_out_weight = row_weights(held_out.labels, held_out.sample_weight, class_weight)
    _begin(estimator, state, sample, held_out, streaming)
    monitor = Monitor(
        state.history,
        tol=float(estimator.tol),
        n_iter_no_change=estimator.n_iter_no_change,
        validate=_validator(estimator, state, model, held_out, held_out_weight),
        early_stopping=estimator.early_stopping and not streaming,
        watch_loss=_watches_loss(estimator),
        verbose=bool(estimator.verbose),
    )
    n_passes_before = state.n_iter
    shortfall = _minimize(estimator, objective, state, monitor, streaming)
    if state.ended_by == "divergence":
        loss = np.nan
    elif state.n_iter > n_passes_before:
        loss = state.history.loss_curve[-1]
    else:  # a full-batch solver began at the optimum
        loss = objective(state.params)[0]
    if not (np.isfinite(loss) and np.isfinite(state.params).all()):
        raise ValueError(
            f"Training diverged in iteration {state.n_iter}: the loss, its gradient or the "
            "parameters are not finite. Lower learning_rate_init (of 'adam' and 'sgd'), or scale "
            "the features (scaling='standard'); features beyond 3e38 need dtype='float64', and "
            "weights that are tiny against alpha need to be rescaled."
        )
    params = state.params
    if monitor.early_stopping:
        if state.history.best_params is None:
            shortfall = "No validation score was a number; the last parameters are kept."
        else:
            params = state.history.best_params
    # A copy, whatever the dtype: the state goes on from its own.
    model = replace(model, params=params.astype(published_dtype(sample.X)))
    if not streaming:
        temperature = _temperature(estimator, model, held_out, held_out_weight)
        model = replace(model, temperature=temperature)
    return Outcome(model, loss, shortfall)


def _begin(estimator, state, sample, held_out, streaming):
    """Give the state an optimizer of today's settings, and patience for today's problem."""
    kind = OPTIMIZERS.get(estimator.solver)
    if kind is None:
        state.optimizer = None
    else:
        # Each setting in the type of its default, see build_network.
        settings = {
            name: type(getattr(kind, name))(getattr(estimator, name)) for name in kind.SETTINGS
        }
        if type(state.optimizer) is kind:
            state.optimizer = state.optimizer.retuned(**settings)
        else:
            state.optimizer = kind(**settings)
    # What is best so far, and how long it has been, holds for one function of one data set.
    problem = None
    if streaming:
        problem = "stream"
    elif estimator.warm_start:
        names = ("alpha", "class_weight", "label_smoothing", "early_stopping", "scoring")
        settings = {name: getattr(estimator, name) for name in names}
        problem = f"{settings} {checksum(sample)} {held_out and checksum(held_out)}"
    if problem is None or problem != state.problem:
        state.history = state.history.restarted()
    state.problem = problem


def _watches_loss(estimator):
    """Return whether patience is measured on the training loss without early stopping."""
    return estimator.solver in OPTIMIZERS and not SCHEDULES[estimator.learning_rate].decays


def _validator(estimator, state, model, held_out, weight):
    """Return `validate(params) -> (loss, score)` for the held-out rows, if there are any."""
    if held_out is None:
        return None
    rows = held_out.rows(model.scaling, state.params.dtype)
    score_of = None
    if estimator.scoring != "loss":
        score_of = _scorer(estimator, model, held_out)

    def validate(params):
        loss = mean_cross_entropy(model.network, params, rows, held_out.labels, weight)
        return loss, -loss if score_of is None else score_of(params)

    return validate


def _scorer(estimator, model, held_out):
    """Return `score_of(params)` by the scorer that `scoring` names or is."""
    scorer = check_scoring(estimator, scoring=estimator.scoring)
    X = held_out.X if held_out.index is None else held_out.X[held_out.index]
    y = model.classes[held_out.labels]
    weight = {}
    if held_out.sample_weight is not None and _takes_weights(scorer):
        weight = {"sample_weight": held_out.sample_weight * held_out.weight_scale}
    dtype = published_dtype(held_out.X)
    candidate = copy(estimator)
    candidate.__dict__.pop("feature_names_in_", None)  # it is given arrays

    def score_of(params):
        candidate._model = replace(model, params=params.astype(dtype))
        return float(scorer(candidate, X, y, **weight))

    return score_of


def _takes_weights(scorer):
    """Return whether a scorer can be given weights: not every metric or callable can."""
    metric = getattr(scorer, "_score_func", None)
    try:
        parameters = inspect.signature(metric or scorer).parameters
    except ValueError:  # some built-in functions have no signature
        return False
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return "sample_weight" in parameters or (metric is None and any_keyword)


def _minimize(estimator, objective, state, monitor, streaming):
    """Run the solver; return why it fell short of convergence, or None."""
    if estimator.solver not in OPTIMIZERS:
        limits = {"tol": float(estimator.tol), "max_iter": estimator.max_iter}
        if estimator.solver == "lbfgs":
            limits["max_fun"] = estimator.max_fun
        minimize = FULL_BATCH_SOLVERS[estimator.solver]
        gradient_size = minimize(objective, state, monitor.after_pass, **limits)
        if state.ended_by not in ("max_iter", "max_fun", "line search"):
            return None
        return (
            f"{estimator.solver} has not converged after {state.n_iter} iterations, ended by "
            f"{state.ended_by}: the largest component of the gradient is {gradient_size:.2g}, "
            f"tol={estimator.tol}. Raise {' or '.join(sorted(limits.keys() - {'tol'}))}, or scale "
            "the features (scaling='standard')."
        )
    schedule = SCHEDULES[estimator.learning_rate]
    if streaming and schedule.decays:
        schedule = SCHEDULES["constant"]
    minimize_minibatch(
        objective,
        state,
        monitor.after_pass,
        learning_rate=LearningRate(
            float(estimator.learning_rate_init), schedule, float(estimator.power_t)
        ),
        weight_decay=float(estimator.weight_decay),
        max_iter=1 if streaming else estimator.max_iter,
        shuffle=estimator.shuffle,
    )
    if streaming:
        state.ended_by = "max_iter"  # a stream is always only paused
        return None
    if state.ended_by != "max_iter":
        return None
    return (
        f"The fit has not converged: it ended with max_iter={estimator.max_iter} epochs, and "
        f"converges where {estimator.n_iter_no_change} (n_iter_no_change) in a row improve the "
        f"loss or score by less than tol={estimator.tol}. Raise max_iter, or let a decaying "
        "learning_rate such as 'cosine' end it."
    )


def _temperature(estimator, model, held_out, weight):
    if not estimator.temperature_scaling:
        return 1.0
    if held_out is None:
        warnings.warn(
            "temperature_scaling=True has no validation rows to fit the temperature on, it stays "
            "1. Pass X_val and y_val, or set early_stopping=True.",
            stacklevel=5,
        )
        return 1.0
    if not enough_rows(len(held_out.labels), len(model.classes)):
        return 1.0
    rows = held_out.rows(model.scaling, model.params.dtype)
    blocks = logits_by_block(model.network, model.params, rows)
    Z = np.concatenate([Z.astype(np.float64) for _, Z in blocks])
    return fit_temperature(Z, held_out.labels, weight)
