"""The loops that minimise an objective: mini-batch steps, or scipy's L-BFGS-B.

They receive callables and a `TrainingState`, which they advance in place.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import NamedTuple

import numpy as np
import scipy.optimize

from .._callbacks.bridge import NO_TASKS
from .._data.batches import blocks
from .._network.kernels import rounding
from .._training.monitor import History
from .schedules import Position, Schedule

# A loss so many times the first has diverged.
DIVERGENCE = 1e3

# What ends a fit though passes are left: the last state of one that ended so is final.
ENDS_EARLY = ("patience", "request", "divergence")

# The adaptive schedule stops the fit instead of going below this learning rate.
MIN_LEARNING_RATE = 1e-6


@dataclass(eq=False)
class Fallback:
    """Where a fit that diverges goes back to.

    Parameters
    ----------
    params : ndarray of shape (n_params,)
        After the epoch with the least loss, or before the first.
    least_loss : float, default=inf
    limit : float, default=inf
        The loss of an epoch that is above it has diverged.
    """

    params: np.ndarray
    least_loss: float = np.inf
    limit: float = np.inf

    def observe(self, params, loss):
        """Take the parameters, if their loss is the least."""
        if loss < self.least_loss:
            self.least_loss = loss
            self.params[:] = params

    def copy(self):
        """Return a fallback that can be written to without changing this one."""
        return replace(self, params=self.params.copy())


@dataclass(eq=False)
class TrainingState:
    """All that continues a fit: bit for bit, it is as if it had never paused.

    Parameters
    ----------
    params : ndarray of shape (n_params,)
        In the dtype of the arithmetic.
    rng : numpy.random.Generator
        Draws the order of rows and the dropout masks.
    split_seed : int
        Seed of the validation split, which a continued fit must repeat.
    seed : int, default=0
        Of `rng`, from whose first numbers come the initial parameters.
    optimizer : {SGD, Adam}, default=None
        With its moments; None for solvers that see all rows at once.
    position : Position
    history : History
    n_iter : int, default=0
        Passes of the last fit, or of all `partial_fit` calls since.
    ended_by : str, default="max_iter"
        What ended the last fit: "max_iter", "max_fun", "patience", "schedule",
        "convergence", "line search", "divergence", "request" or "interruption". One that
        ended by "max_iter" has only been paused. During a fit, what will end it if nothing
        else does.
    planned : int, default=None
        Passes that the fit is to have, on the advice of helper networks.
    fallback : Fallback, default=None
        Of a fit in progress.
    problem : str, default=None
        Identifies the function and the data that `history` calls best on.
    helpers : list of TrainingState, default=()
        Those of the helper networks, while the fit is paused.
    initial : ndarray of shape (n_params,), default=None
        Parameters with which the fit in progress began, where they are none of `seed`.
        Never written to.
    """

    params: np.ndarray
    rng: np.random.Generator
    split_seed: int
    seed: int = 0
    optimizer: object = None
    position: Position = field(default_factory=Position)
    history: History = field(default_factory=History)
    n_iter: int = 0
    ended_by: str = "max_iter"
    planned: int | None = None
    fallback: Fallback | None = None
    problem: str | None = None
    helpers: list = field(default_factory=list)
    initial: np.ndarray | None = None

    def cast(self, dtype):
        """Bring the parameters to `dtype`; moments of another one are given up."""
        if self.params.dtype != dtype:
            self.params, self.optimizer = self.params.astype(dtype), None

    def copy(self):
        """Return a state that can be advanced without changing this one."""
        return replace(
            self,
            params=self.params.copy(),
            rng=deepcopy(self.rng),
            optimizer=deepcopy(self.optimizer),
            position=replace(self.position),
            history=self.history.copy(),
            fallback=self.fallback and self.fallback.copy(),
            helpers=[helper.copy() for helper in self.helpers],
        )

    def retired(self):
        """Return the state without what only a paused fit goes on from."""
        return replace(
            self,
            params=np.empty(0, dtype=self.params.dtype),
            optimizer=None,
            history=replace(self.history, best_params=None),
            helpers=[],
        )

    def restarted(self, params):
        """Return a state at `params` with the curves of this one, and a new start."""
        return replace(
            self.copy(),
            params=params.astype(self.params.dtype),  # a copy, whatever the dtype
            optimizer=None,
            position=Position(t=self.position.t),
            history=self.history.restarted(),
            helpers=[],
        )


class LearningRate(NamedTuple):
    """The learning rate of a step: `initial` times the schedule's factor.

    That of one parameter is multiplied by its entry in `factors` (None: ones).
    """

    initial: float
    schedule: Schedule
    power_t: float
    factors: np.ndarray | None = None

    def __call__(self, position):
        return self.initial * self.schedule.factor(position, self.power_t)


def minimize_minibatch(
    objective,
    state,
    after_pass,
    *,
    learning_rate,
    weight_decay,
    max_iter,
    shuffle,
    epochs=None,
    loss_of_ignorance=0.0,
    tasks=NO_TASKS,
):
    """Advance `state` by up to `max_iter` epochs of mini-batch steps.

    Parameters
    ----------
    objective : Objective
        Its `estimate` is minimised, in batches of its `batch_size`.
    state : TrainingState
        Overwritten.
    after_pass : callable ``after_pass(params, loss) -> bool``
        Called after each epoch with the mean of its batches' estimates; says whether
        patience has run out.
    learning_rate : LearningRate
    weight_decay : float
        Decoupled decay: W <- (1 - rate weight_decay) W before each step, biases never
        (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019).
    max_iter : int
        Epochs of the whole fit, over which the schedule runs.
    shuffle : bool
        Whether rows are visited in a new order each epoch.
    epochs : range, default=range(max_iter)
        Those of the fit that are to be run now, where it runs in parts.
    loss_of_ignorance : float, default=0.0
        Of equal probabilities. An epoch's loss that is not finite, or above a thousand
        times the larger of this and the first batch's, has diverged: the parameters after
        the epoch with the least loss are restored, or the initial ones.
    tasks : NoTasks or Tasks
        Told when an epoch begins, and when all that it changes has been changed.
    """
    if epochs is None:
        epochs = range(max_iter)
    if not epochs:
        return
    schedule, position = learning_rate.schedule, state.position
    if epochs.start == 0:
        state.fallback = Fallback(state.params.copy())
    fallback = state.fallback
    steps_per_epoch = -(-objective.n_rows // objective.batch_size)
    position.step, position.n_steps = epochs.start * steps_per_epoch, max_iter * steps_per_epoch
    state.ended_by = "schedule" if schedule.decays else "max_iter"
    try:
        for epoch in epochs:
            tasks.begin()
            loss, first_loss = _run_epoch(objective, state, learning_rate, weight_decay, shuffle)
            if epoch == 0:
                fallback.limit = DIVERGENCE * max(first_loss, loss_of_ignorance)
            if not (loss <= fallback.limit and isfinite(loss + np.add.reduce(state.params))):
                state.params[:] = fallback.params
                state.optimizer = None  # its moments may not be finite
                state.ended_by = "divergence"
            else:
                fallback.observe(state.params, loss)
                if after_pass(state.params, loss):
                    _reduce_or_end(state, learning_rate)
            if tasks.end() and state.ended_by not in ENDS_EARLY:
                state.ended_by = "request"
            if state.ended_by in ENDS_EARLY:
                return
    except KeyboardInterrupt:
        state.params[:] = fallback.params  # a step may be half done, or a worse one done
        raise


def _reduce_or_end(state, learning_rate):
    """Reduce the learning rate where patience has run out, if the schedule does, or end."""
    position = state.position
    if learning_rate.schedule.reduces_on_plateau and learning_rate(position) > MIN_LEARNING_RATE:
        position.n_reductions += 1
        state.history.n_no_improvement = 0
    else:
        state.ended_by = "patience"


def _run_epoch(objective, state, learning_rate, weight_decay, shuffle):
    """Take the steps of an epoch; return the mean loss of its batches, and the first."""
    n_rows, batch_size, position = objective.n_rows, objective.batch_size, state.position
    weights = state.params[: objective.network.n_weights]
    # A single batch is the same rows in any order.
    order = state.rng.permutation(n_rows) if shuffle and batch_size < n_rows else None
    loss_sum, first_loss = 0.0, None
    for rows in blocks(n_rows, batch_size):
        loss, grad = objective.estimate(state.params, rows if order is None else order[rows])
        rate = learning_rate(position)
        if weight_decay:
            weights *= 1.0 - rate * weight_decay
        state.optimizer.step(state.params, grad, rate, learning_rate.factors)
        position.step += 1
        loss_sum += loss * (rows.stop - rows.start)
        if first_loss is None:
            first_loss = loss
    position.t += n_rows
    state.n_iter += 1
    return loss_sum / n_rows, first_loss


class _Ended(Exception):
    """Raised out of an evaluation that ends the fit, with what ended it and a message."""


def minimize_lbfgs(objective, state, after_pass, *, tol, max_iter, max_fun, tasks=NO_TASKS):
    """Advance `state` by up to `max_iter` iterations of L-BFGS-B; return how it ended.

    ``objective(params)`` returns J and its gradient; other parameters are those of
    `minimize_minibatch`. `state.params` is always the last accepted iterate, never a trial
    point of the line search, and a task is all between two of them. A trial point without a
    finite loss and gradient ends the fit: it has diverged.

    Parameters
    ----------
    tol : float
        Stops where the largest absolute component of the gradient is at most this.
    max_iter, max_fun : int
        Largest number of iterations and of evaluations.

    Returns
    -------
    gradient_size : float
        Largest absolute component of the gradient at the end.
    message : str
        What is said about the end.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained
    optimization", 1995.
    """
    if max_iter == 0:  # scipy takes one iteration even so
        state.ended_by = "max_iter"
        return float(np.abs(objective(state.params)[1]).max()), "no iteration was left"
    trial = np.empty_like(state.params)
    n_evaluations, gradient_size, in_iteration = 0, np.inf, False

    def evaluate(x):
        nonlocal n_evaluations, gradient_size, in_iteration
        if n_evaluations == max_fun:
            raise _Ended("max_fun", "all evaluations that max_fun allows have been made")
        if n_evaluations and not in_iteration:  # the first is that of the starting point
            in_iteration = True
            tasks.begin()
        n_evaluations += 1
        trial[:] = x
        loss, grad = objective(trial)
        gradient_size = float(np.abs(grad).max())
        if not isfinite(loss + gradient_size):
            # scipy would go on to a worse point, or stay, and call that convergence.
            raise _Ended("divergence", "a trial point has no finite loss and gradient")
        return loss, grad.astype(np.float64, copy=False)

    def callback(intermediate_result):
        nonlocal in_iteration
        in_iteration = False
        state.params[:] = intermediate_result.x
        state.n_iter += 1
        state.position.t += objective.n_rows
        if end_pass(state, after_pass, float(intermediate_result.fun), tasks):
            raise StopIteration

    ftol = rounding(trial.dtype)
    options = {"maxiter": max_iter, "maxfun": max_fun, "gtol": tol, "ftol": ftol}
    state.ended_by = "max_iter"
    try:
        result = scipy.optimize.minimize(
            evaluate,
            state.params.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=callback,
            options=options,
        )
    except _Ended as end:
        state.ended_by, message = end.args
        return gradient_size, message
    gradient_size = float(np.abs(result.jac).max())
    if state.ended_by not in ENDS_EARLY:
        state.ended_by = {0: "convergence", 1: "max_iter"}.get(result.status, "line search")
        if state.ended_by == "max_iter" and gradient_size <= tol:
            state.ended_by = "convergence"
    return gradient_size, result.message


def end_pass(state, after_pass, loss, tasks):
    """End an iteration over all rows; return whether something ends the fit with it."""
    if after_pass(state.params, loss):
        state.ended_by = "patience"
    if tasks.end() and state.ended_by != "patience":
        state.ended_by = "request"
    return state.ended_by in ENDS_EARLY
