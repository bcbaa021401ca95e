"""The loops that minimise an objective: mini-batch steps, or scipy's L-BFGS-B.

They receive callables and a `TrainingState`, which they advance in place.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np
import scipy.optimize

from ._losses import rounding
from ._monitor import History
from ._rows import blocks
from ._schedules import Position, Schedule

# A loss so many times the first has diverged.
DIVERGENCE = 1e3

# The adaptive schedule stops the fit instead of going below this learning rate.
MIN_LEARNING_RATE = 1e-6


@dataclass
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
    optimizer : {SGD, Adam}, default=None
        With its moments; None for solvers that see all rows at once.
    position : Position
    history : History
    n_iter : int, default=0
        Passes of the last fit, or of all `partial_fit` calls since.
    ended_by : str, default="max_iter"
        What ended the last fit: "max_iter", "max_fun", "patience", "schedule",
        "convergence", "line search", "divergence" or "interruption". One that ended by
        "max_iter" has only been paused.
    problem : str, default=None
        Identifies the function and the data that `history` calls best on.
    helpers : list of TrainingState, default=()
        Those of the helper networks, while the fit is paused.
    """

    params: np.ndarray
    rng: np.random.Generator
    split_seed: int
    optimizer: object = None
    position: Position = field(default_factory=Position)
    history: History = field(default_factory=History)
    n_iter: int = 0
    ended_by: str = "max_iter"
    problem: str | None = None
    helpers: list = field(default_factory=list)

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


@dataclass(frozen=True)
class LearningRate:
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
    """
    if epochs is None:
        epochs = range(max_iter)
    schedule, position = learning_rate.schedule, state.position
    best_params, least_loss, limit = state.params.copy(), np.inf, np.inf
    steps_per_epoch = -(-objective.n_rows // objective.batch_size)
    position.step, position.n_steps = epochs.start * steps_per_epoch, max_iter * steps_per_epoch
    state.ended_by = "schedule" if schedule.decays else "max_iter"
    for epoch in epochs:
        try:
            loss, first_loss = _run_epoch(objective, state, learning_rate, weight_decay, shuffle)
        except KeyboardInterrupt:
            state.params[:] = best_params  # a step may be half done
            raise
        if epoch == epochs.start:
            limit = DIVERGENCE * max(first_loss, loss_of_ignorance)
        if not (loss <= limit and isfinite(np.add.reduce(state.params))):
            state.params[:] = best_params
            state.ended_by = "divergence"
            return
        if loss < least_loss:
            least_loss = loss
            best_params[:] = state.params
        if after_pass(state.params, loss):
            if not schedule.reduces_on_plateau or learning_rate(position) <= MIN_LEARNING_RATE:
                state.ended_by = "patience"
                return
            position.n_reductions += 1
            state.history.n_no_improvement = 0


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


class _BudgetSpent(Exception):
    """Raised out of an evaluation that `max_fun` does not allow."""


def minimize_lbfgs(objective, state, after_pass, *, tol, max_iter, max_fun):
    """Advance `state` by up to `max_iter` iterations of L-BFGS-B.

    `state.params` is always the last accepted iterate, never a trial point of the line
    search.

    Parameters
    ----------
    objective : Objective
        Called as ``objective(params) -> (loss, grad)``.
    state : TrainingState
        Overwritten.
    after_pass : callable ``after_pass(params, loss) -> bool``
        Called after each iteration with J; says whether patience has run out.
    tol : float
        Stops where the largest absolute component of the gradient is at most this.
    max_iter, max_fun : int
        Largest number of iterations and of evaluations.

    Returns
    -------
    gradient_size : float
        Largest absolute component of the gradient at the end.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained
    optimization", 1995.
    """
    trial = np.empty_like(state.params)
    n_evaluations, gradient_size = 0, np.inf

    def evaluate(x):
        nonlocal n_evaluations, gradient_size
        if n_evaluations == max_fun:
            raise _BudgetSpent
        n_evaluations += 1
        trial[:] = x
        loss, grad = objective(trial)
        gradient_size = float(np.abs(grad).max())
        return loss, grad.astype(np.float64, copy=False)

    def callback(intermediate_result):
        state.params[:] = intermediate_result.x
        state.n_iter += 1
        state.position.t += objective.n_rows
        if after_pass(state.params, float(intermediate_result.fun)):
            state.ended_by = "patience"
            raise StopIteration

    ftol = rounding(trial.dtype)
    options = {"maxiter": max_iter, "maxfun": max_fun, "gtol": tol, "ftol": ftol}
    state.ended_by = "max_fun"
    try:
        result = scipy.optimize.minimize(
            evaluate,
            state.params.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=callback,
            options=options,
        )
    except _BudgetSpent:
        return gradient_size
    gradient_size = float(np.abs(result.jac).max())
    if not isfinite(gradient_size):
        state.ended_by = "divergence"
    elif state.ended_by != "patience":
        state.ended_by = {0: "convergence", 1: "max_iter"}.get(result.status, "line search")
        if state.ended_by == "max_iter" and gradient_size <= tol:
            state.ended_by = "convergence"
    return gradient_size
