"""The loop of mini-batch steps: epochs of an optimizer under a learning-rate schedule."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from .._data.batches import blocks
from .objective import Objective
from .schedules import Schedule, ScheduleState
from .stopping import Observer, StopReason, ends_with

# A fit has diverged if its loss exceeds so many times the first.
DIVERGENCE = 1e3

# The adaptive schedule stops the fit instead of going below this learning rate.
MIN_LEARNING_RATE = 1e-6


@dataclass(eq=False)
class BestIterate:
    """The best parameters so far by their loss: a fit that diverges goes back to them.

    Parameters
    ----------
    params : ndarray of shape (n_params,)
        After the epoch with the least loss, or before the first.
    least_loss : float, default=inf
    limit : float, default=inf
        A fit has diverged if the loss of an epoch is above this.
    """

    params: np.ndarray
    least_loss: float = np.inf
    limit: float = np.inf

    def observe(self, params: np.ndarray, loss: float) -> None:
        """Take the parameters, if their loss is the least."""
        if loss < self.least_loss:
            self.least_loss = loss
            self.params[:] = params

    def copy(self) -> "BestIterate":
        """Return one that can be written to without changing this one."""
        return replace(self, params=self.params.copy())


class LearningRate(NamedTuple):
    """The learning rate of a step: `initial` times the schedule's factor.

    The rate of each parameter is multiplied by its entry in `factors` (None: ones).
    """

    initial: float
    schedule: Schedule
    power_t: float
    factors: np.ndarray | None = None

    def __call__(self, position: ScheduleState) -> float:
        return self.initial * self.schedule.factor(position, self.power_t)


@dataclass(frozen=True, eq=False)
class MinibatchSolver:
    """Mini-batch steps of the optimizer that is in the state.

    Parameters
    ----------
    learning_rate : LearningRate
    max_iter : int
        Epochs of the whole fit, over which the schedule runs.
    weight_decay : float, default=0.0
        Decoupled decay: W <- (1 - rate weight_decay) W before each step, biases never
        (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019).
    shuffle : bool, default=True
        Whether rows are visited in a new order each epoch.
    uniform_loss : float, default=0.0
        The loss of equal probabilities.
    """

    learning_rate: LearningRate
    max_iter: int
    weight_decay: float = 0.0
    shuffle: bool = True
    uniform_loss: float = 0.0

    def run(self, objective: Objective, state: Any, observer: Observer, epochs: range) -> None:
        """Advance the state by these epochs of the fit, or fewer; its `stop_reason` says why.

        The loss of an epoch is the mean of its batches' estimates of J. The fit has diverged if
        that is not finite, or is above a thousand times the larger of the first batch's loss and
        `uniform_loss`. Then the parameters after the epoch with the least loss are restored, or
        the initial ones. An interruption restores them, too.
        """
        if not epochs:
            return
        if epochs.start == 0:
            state.best_iterate = BestIterate(state.params.copy())
        n_steps = -(-objective.n_rows // objective.batch_size)
        state.position.step, state.position.n_steps = (
            epochs.start * n_steps,
            self.max_iter * n_steps,
        )
        decays = self.learning_rate.schedule.decays
        state.stop_reason = StopReason.SCHEDULE if decays else StopReason.MAX_ITER
        try:
            for epoch in epochs:
                observer.begin()
                self._advance(objective, state, observer, is_first=epoch == 0)
                if ends_with(observer, state):
                    return
        except KeyboardInterrupt:
            state.params[:] = state.best_iterate.params  # the last step may be half done, or worse
            raise

    def _advance(
        self, objective: Objective, state: Any, observer: Observer, *, is_first: bool
    ) -> None:
        """Run an epoch, and end the fit if it has diverged or patience has run out."""
        best = state.best_iterate
        loss, first_loss = self._run_epoch(objective, state)
        if is_first:
            best.limit = DIVERGENCE * max(first_loss, self.uniform_loss)
        if not (loss <= best.limit and isfinite(loss + np.add.reduce(state.params))):
            state.params[:] = best.params
            state.optimizer = None  # its moments may not be finite
            state.stop_reason = StopReason.DIVERGENCE
            return
        best.observe(state.params, loss)
        if observer.record(state.params, loss):
            self._reduce_or_end(state)

    def _reduce_or_end(self, state: Any) -> None:
        """Reduce the learning rate if the schedule does so when patience runs out, else end."""
        reduces = self.learning_rate.schedule.reduces_on_plateau
        if reduces and self.learning_rate(state.position) > MIN_LEARNING_RATE:
            state.position.n_reductions += 1
            state.history.n_no_improvement = 0
        else:
            state.stop_reason = StopReason.PATIENCE

    def _run_epoch(self, objective: Objective, state: Any) -> tuple[float, Any]:
        """Take the steps of an epoch; return the mean loss of its batches, and the first."""
        n_rows, batch_size, position = objective.n_rows, objective.batch_size, state.position
        weights = state.params[: objective.network.n_weights]
        # A single batch has the same rows in any order.
        order = state.rng.permutation(n_rows) if self.shuffle and batch_size < n_rows else None
        loss_sum, first_loss = 0.0, None
        for rows in blocks(n_rows, batch_size):
            loss, grad = objective.estimate(state.params, rows if order is None else order[rows])
            rate = self.learning_rate(position)
            if self.weight_decay:
                weights *= 1.0 - rate * self.weight_decay
            state.optimizer.step(state.params, grad, rate, self.learning_rate.factors)
            position.step += 1
            loss_sum += loss * (rows.stop - rows.start)
            first_loss = loss if first_loss is None else first_loss
        position.t += n_rows
        state.n_iter += 1
        return loss_sum / n_rows, first_loss
