"""What an estimator's parameters stand for: network, objective, monitor, optimizer, solver.

Nothing here is learnt; `_fitting` and `_helpers` put the parts together.
"""

from collections.abc import Callable
from math import ceil, log

import numpy as np
from scipy.sparse import issparse

from .._callbacks.bridge import NO_TASKS, pass_name
from .._data.batches import BLOCK_ROWS
from .._data.weights import row_weights
from .._network.blas import blas_threads, gains_from_threads
from .._network.network import Network
from .._optim.newton import minimize_newton
from .._optim.objective import Objective, scaled_step_gain
from .._optim.optimizers import OPTIMIZERS
from .._optim.schedules import SCHEDULES
from .._optim.solvers import ENDS_EARLY, LearningRate, minimize_lbfgs, minimize_minibatch
from .monitor import Monitor

# Those that see all rows at once; the others are the OPTIMIZERS, on mini-batches.
FULL_BATCH_SOLVERS: dict[str, Callable[..., tuple[float, str]]] = {
    "lbfgs": minimize_lbfgs,
    "newton-cg": minimize_newton,
}

# Most rows of a batch where batch_size is "auto".
AUTO_BATCH_SIZE = 256

# Share of each target that is spread over the classes where label_smoothing is "auto".
AUTO_LABEL_SMOOTHING = 0.1

# A step that would lower the loss by this much, relative to max(1, loss), is missing where the
# features are not scaled. With features that are, rounding and the kinks of "relu" hide 1e-6.
LARGE_GAIN = 1e-5

# Iterations where max_iter is "auto". Of the epochs, coslog4's cycles are whole numbers.
AUTO_EPOCHS = 60
AUTO_ITERATIONS = 200


def published_dtype(X):
    """Return float32 for float32 and float16 X, float64 for any other."""
    return np.dtype(np.float32 if X.dtype.kind == "f" and X.dtype.itemsize <= 4 else np.float64)


def compute_dtype(estimator, X, *, random):
    """Return the precision of a fit: X's own where it is deterministic, else float32.

    `random` says whether an epoch or the number of epochs is.
    """
    if estimator.dtype != "auto":
        return np.dtype(estimator.dtype)
    if estimator.solver not in OPTIMIZERS or not random:
        return published_dtype(X)
    return np.dtype(np.float32)


def batch_rows(estimator, n_rows):
    """Return the largest number of rows that a step, or a block of all rows, has."""
    if estimator.solver not in OPTIMIZERS:
        return BLOCK_ROWS
    if estimator.batch_size != "auto":
        return int(estimator.batch_size)
    # About equal parts: with 258 rows, every other step would be one of two rows.
    return ceil(n_rows / ceil(n_rows / AUTO_BATCH_SIZE))


def iterations(estimator):
    """Return the largest number of epochs, or of iterations of a full-batch solver."""
    if estimator.max_iter != "auto":
        return int(estimator.max_iter)
    return AUTO_EPOCHS if estimator.solver in OPTIMIZERS else AUTO_ITERATIONS


def last_epochs(estimator):
    """Return the epochs with which a fit can end: those of a cyclic schedule, or the last."""
    max_iter = iterations(estimator)
    if estimator.solver not in OPTIMIZERS:
        return [max_iter]
    return SCHEDULES[estimator.learning_rate].last_epochs(max_iter)


def holds_out(estimator):
    """Return whether early stopping holds out rows of X."""
    return not isinstance(estimator.early_stopping, str) and bool(estimator.early_stopping)


def chooses_cycle(estimator):
    """Return whether early stopping is left to choose among the cycles of a schedule.

    Softmax regression runs to the end: its objective is convex, and its optimum is the aim.
    """
    left = isinstance(estimator.early_stopping, str) and len(last_epochs(estimator)) > 1
    return left and np.size(estimator.hidden_layer_sizes) > 0


def asks_held_out_rows(estimator):
    """Return whether a fit without validation rows holds out rows of its own."""
    return holds_out(estimator) or estimator.temperature_scaling or chooses_cycle(estimator)


def build_network(estimator, layer_sizes):
    """Return the network of an estimator's parameters."""
    # A NumPy scalar among them would promote float32 arithmetic to float64.
    return Network(layer_sizes, estimator.activation, dropout=float(estimator.dropout))


def target_smoothing(estimator, network, class_totals, *, streaming=False):
    """Return the part of every target row that does not depend on its label, or None.

    It is spread in proportion to the weight of each class: the mean of the targets is then
    that of the labels, and a rare class keeps its rate. "auto" is none for softmax
    regression, which has few parameters and gains nothing, and for a stream, which nothing
    calibrates.
    """
    share = estimator.label_smoothing
    if share == "auto":
        share = 0.0 if streaming or len(network.shapes) == 1 else AUTO_LABEL_SMOOTHING
    return float(share) * class_totals / class_totals.sum() if share else None


def summed(estimator, sample):
    """Return the sample as what is summed over: distinct rows, unless batches go by rows."""
    return sample if estimator.solver in OPTIMIZERS else sample.distinct


def fit_threads(estimator, network, X, n_rows):
    """Return a context with the threads of BLAS that a fit is worth."""
    shapes, sparse = network.shapes, issparse(X)
    if estimator.solver == "newton-cg" and not sparse:
        # The preconditioner takes the products of all pairs of features.
        shapes = [*shapes, (network.layer_sizes[0],) * 2]
    n_rows = min(n_rows, batch_rows(estimator, n_rows))
    return blas_threads(gains_from_threads(shapes, n_rows, sparse=sparse))


def build_objective(
    estimator, state, model, sample, class_weight, batch_size=None, *, streaming=False
):
    """Return the objective of a sample of rows, in the precision of the state."""
    n_rows = len(sample.labels)
    sample = summed(estimator, sample)
    # Of a stream these are some of the rows: the penalty is that of all seen so far.
    share = n_rows / (n_rows + state.position.t) if streaming else 1.0
    weight = row_weights(sample.labels, sample.sample_weight, class_weight)
    scale = 1.0 if class_weight is None else float(class_weight.max())
    totals = np.bincount(sample.labels, weights=weight, minlength=len(model.classes))
    return Objective(
        model.network,
        sample.rows(model.scaling, state.params.dtype),
        sample.labels,
        weight,
        float(estimator.alpha) * share,
        weight_scale=sample.weight_scale * scale,
        batch_size=batch_rows(estimator, n_rows) if batch_size is None else batch_size,
        smoothing=target_smoothing(estimator, model.network, totals, streaming=streaming),
        rng=state.rng,
        n_rows=n_rows,
    )


def build_monitor(estimator, history, **settings):
    """Return a monitor with the estimator's patience."""
    schedule = SCHEDULES[estimator.learning_rate]
    return Monitor(
        history,
        tol=float(estimator.tol),
        n_iter_no_change=estimator.n_iter_no_change,
        watch_loss=estimator.solver in OPTIMIZERS and not schedule.decays,
        **settings,
    )


def build_optimizer(estimator, previous=None):
    """Return the optimizer of today's settings, which goes on from the one before."""
    kind = OPTIMIZERS.get(estimator.solver)
    if kind is None:
        return None
    # Each setting in the type of its default, see build_network.
    settings = {
        name: type(getattr(kind, name))(getattr(estimator, name)) for name in kind.SETTINGS
    }
    return previous.retuned(**settings) if type(previous) is kind else kind(**settings)


def minimize(
    estimator, objective, state, after_pass, *, epochs=None, streaming=False, tasks=NO_TASKS
):
    """Run the solver; return why it fell short of convergence, or None.

    Advances the state, whose `ended_by` says what ended the run. `epochs` (or iterations) are
    the ones of the fit that are to be run, None for all; `streaming` is one epoch of a stream,
    which has no end.
    """
    max_iter = 1 if streaming else iterations(estimator)
    if epochs is None:
        epochs = range(max_iter)
    if estimator.solver not in OPTIMIZERS:
        if not epochs and state.ended_by in ENDS_EARLY:
            return None
        return _minimize_on_all_rows(estimator, objective, state, after_pass, len(epochs), tasks)
    schedule = SCHEDULES[estimator.learning_rate]
    if streaming and schedule.decays:
        schedule = SCHEDULES["constant"]
    factors = None
    if estimator.learning_rate_scaling is not None:
        factors = objective.network.learning_rate_factors(state.params.dtype)
    minimize_minibatch(
        objective,
        state,
        after_pass,
        learning_rate=LearningRate(
            float(estimator.learning_rate_init), schedule, float(estimator.power_t), factors
        ),
        weight_decay=float(estimator.weight_decay),
        max_iter=max_iter,
        shuffle=estimator.shuffle,
        epochs=epochs,
        loss_of_ignorance=log(objective.network.layer_sizes[-1]),
        tasks=tasks,
    )
    if state.ended_by == "divergence":
        return _diverged(estimator, state, "lower learning_rate_init")
    if streaming:
        state.ended_by = "max_iter"  # a stream is always only paused
        return None
    if state.ended_by != "max_iter":
        return None
    return (
        f"The fit has not converged: it ended with max_iter={max_iter} epochs, and "
        f"converges where {estimator.n_iter_no_change} (n_iter_no_change) in a row improve the "
        f"loss or score by less than tol={estimator.tol}; {_slope(state.history.loss_curve)}. "
        "Raise max_iter, or let a decaying learning_rate such as 'cosine' end it."
    )


def _slope(loss_curve):
    """Say how the loss was still falling."""
    last = list(loss_curve)[-11:]
    if len(last) == 1:
        return f"the loss is {last[0]:.3g}"
    fall = (last[0] - last[-1]) / (len(last) - 1)
    moved = f"{'fell' if fall >= 0 else 'rose'} by {abs(fall):.1g}"
    return f"the loss is {last[-1]:.3g} and {moved} per epoch in the last {len(last)}"


def _diverged(estimator, state, advice):
    return (
        f"The fit diverged at {pass_name(estimator)} {state.n_iter}; {advice}"
        f"{_or_scale(estimator)}. The best parameters of those before are kept."
    )


def _or_scale(estimator):
    """Advise to scale the features, unless they are."""
    return "" if estimator.scaling else ", or scale the features (scaling='standard')"


def _is_far_from_optimum(objective, params):
    """Return whether a step in terms of scaled features would lower the loss by much.

    Where features lie far from zero, J is so steep in one direction that rounding hides what
    a step gains, though J may fall far in others. Of scaled features it is about equally
    steep in all of them.
    """
    loss, grad = objective(params)
    gain = scaled_step_gain(objective.network, grad, objective.moments())
    return gain > LARGE_GAIN * max(1.0, abs(loss))


def _minimize_on_all_rows(estimator, objective, state, after_pass, max_iter, tasks):
    limits = {"tol": float(estimator.tol), "max_iter": max_iter}
    if estimator.solver == "lbfgs":
        limits["max_fun"] = estimator.max_fun
    solver = FULL_BATCH_SOLVERS[estimator.solver]
    gradient_size, message = solver(objective, state, after_pass, tasks=tasks, **limits)
    if state.ended_by == "divergence":
        return _diverged(estimator, state, "raise alpha")
    if state.ended_by == "convergence" and estimator.scaling is None:
        if gradient_size > estimator.tol and _is_far_from_optimum(objective, state.params):
            return (
                f"{estimator.solver} has not converged after {state.n_iter} iterations, though "
                "rounding hides what one more would gain: the largest component of the gradient "
                f"is {gradient_size:.2g}, tol={estimator.tol}. The features are too far from zero "
                "or too different in scale; scale them (scaling='standard')."
            )
    if state.ended_by not in ("max_iter", "max_fun", "line search"):
        return None
    return (
        f"{estimator.solver} has not converged after {state.n_iter} iterations ({message}): the "
        f"largest component of the gradient is {gradient_size:.2g}, tol={estimator.tol}. Raise "
        f"{' or '.join(sorted(limits.keys() - {'tol'}))}{_or_scale(estimator)}."
    )
