"""Run: one network in training, who follows it, and the result of its fit."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .._network.model import FittedModel
from .._optim.lbfgs import FullBatchEnd
from .._optim.stopping import StopReason
from .advice import convergence_message
from .config import TrainingConfig, published_dtype
from .dataset import InMemory, TrainingRows
from .monitor import Monitor
from .scoring import evaluator
from .state import TrainingState, UnfinishedFit
from .temperature import chosen_rows, fit_temperature, most_rows


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit ended with.

    Parameters
    ----------
    model : FittedModel
        To be published.
    state : TrainingState
        That a later fit goes on from.
    loss : float
        The last loss, J or the mean of the last epoch's estimates of it.
    convergence_message : str, default=None
        Why the fit has not converged, and what to do about it.
    interruption : KeyboardInterrupt, default=None
        To be raised when the model has been published.
    """

    model: FittedModel
    state: TrainingState
    loss: float
    convergence_message: str | None = None
    interruption: KeyboardInterrupt | None = None


class FitObserver:
    """Follows a fit: its own network, its held-out fits, and its end. This one does nothing."""

    def held_out_fits(self, n_iter: int) -> AbstractContextManager["FitObserver"]:
        """Return a context with who follows the held-out fits, of so many iterations in all."""
        return nullcontext(self)

    def begin_iteration(self, run: "Run") -> None:
        """Hear that an iteration of a network begins."""

    def end_iteration(self, run: "Run") -> StopReason | None:
        """Hear that it has ended; return why to stop, None to go on."""
        return None

    def end_fit(self, fitted: dict[str, Any]) -> None:
        """Hear that these attributes of the estimator have been published."""


class Run:
    """One network in training: it observes its solver, and is shown to the observer of the fit.

    Parameters
    ----------
    config : TrainingConfig
    model : FittedModel
        Network, classes, scaling and temperature; its params are not used.
    rows : TrainingRows
        Rows to train on.
    state : TrainingState
        Advanced. Its params are in the dtype of the arithmetic.
    observer : FitObserver
    validation : InMemory, default=None
        Validation rows.
    n_iter_before : int, default=0
        Iterations that the state counts, and earlier calls of `partial_fit` have made.
    batch_size : int, default=None
        Of the mini-batches; None for that of the config.
    verbose : bool, default=False
        Whether to print a line per iteration.
    """

    def __init__(
        self,
        config: TrainingConfig,
        model: FittedModel,
        rows: TrainingRows,
        state: TrainingState,
        observer: FitObserver,
        *,
        validation: InMemory | None = None,
        n_iter_before: int = 0,
        batch_size: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.config, self.model, self.rows, self.state = config, model, rows, state
        self.observer, self.validation, self.n_iter_before = observer, validation, n_iter_before
        state.optimizer = config.optimizer(state.optimizer)
        ends, dtype = config.last_iterations, state.params.dtype
        # If "auto" is given validation rows, it needs no held-out fits.
        stops_early = config.holds_out or (config.chooses_cycle and validation is not None)
        self.monitor = Monitor(
            state.history,
            tol=config.tol,
            n_iter_no_change=config.n_iter_no_change,
            validate=None if validation is None else evaluator(config, model, validation, dtype),
            early_stopping=stops_early,
            last_iterations=ends if stops_early and len(ends) > 1 else (),
            watch_loss=config.in_batches and not config.schedule.decays,
            n_iter=state.n_iter,
            verbose=verbose,
        )
        self.objective = rows.objective(model, state, batch_size)

    @cached_property
    def fingerprint(self) -> str:
        """What identifies the function and the rows. To compute it, all rows are read."""
        return self.rows.fingerprint(self.validation)

    def begin(self) -> None:
        """Hear from the solver that an iteration begins."""
        self.observer.begin_iteration(self)

    def record(self, params: np.ndarray, loss: float) -> bool:
        """Record an iteration; return whether patience has run out."""
        return self.monitor.record(params, loss)

    def end(self) -> StopReason | None:
        """Hear from the solver that an iteration has ended; return why to stop."""
        return self.observer.end_iteration(self)

    def advance(self, iterations: range) -> FullBatchEnd | None:
        """Run the solver for these iterations of the fit; return where it has ended."""
        network, state = self.model.network, self.state
        if not iterations and not self.config.in_batches and state.stop_reason.is_final:
            return None
        solver = self.config.build_solver(network, state.params.dtype)
        return solver.run(self.objective, state, self, iterations)

    def complete(self, n_iter: int) -> FitResult:
        """Train for so many iterations in all; return the result of the fit.

        Raises
        ------
        ValueError
            If the loss of the best parameters, or of the first ones, is not finite.
        """
        state, message, interruption = self.state, None, None
        state.target_iter = n_iter
        try:
            end = self.advance(range(state.n_iter - self.n_iter_before, n_iter))
            message = convergence_message(self.config, state, self.objective, end)
        except KeyboardInterrupt as error:
            if state.n_iter == self.n_iter_before:  # nothing has been learnt yet
                raise
            state.stop_reason, interruption = StopReason.INTERRUPTION, error
        if state.stop_reason in self.config.stream_pauses:
            state.stop_reason = StopReason.MAX_ITER
        loss = self.last_loss()
        state.target_iter = state.best_iterate = state.initial_params = None
        return self.result(state, loss, message, interruption)

    def last_loss(self) -> float:
        """Return the loss of the parameters that the fit ends with; ValueError if not finite."""
        state = self.state
        if state.n_iter > self.n_iter_before and not state.stop_reason.restores_best:
            loss = state.history.loss_curve.last
        else:  # a full-batch solver began at the optimum, or the best parameters are restored
            loss = self.objective(self.final_params(state))[0]
        if not (np.isfinite(loss) and np.isfinite(state.params).all()):
            raise ValueError(
                "The loss is not finite, even of the parameters that the fit began with. Scale "
                "the features (scaling='standard'); those beyond 3e38 need dtype='float64', and "
                "weights that are tiny against alpha need to be rescaled."
            )
        return loss

    def final_params(self, state: TrainingState) -> np.ndarray:
        """Return the parameters that a fit ends with: of the best score, or the last."""
        best = state.history.best_params if self.monitor.early_stopping else None
        return state.params if best is None else best.astype(state.params.dtype, copy=False)

    def result(
        self,
        state: TrainingState,
        loss: float,
        message: str | None = None,
        interruption: KeyboardInterrupt | None = None,
    ) -> FitResult:
        """Return the result of a fit that ends with the state."""
        if self.config.fingerprint is None:
            # A warm start compares it with that of its own rows. A fresh fit computes it only
            # here, and only if it has been paused, because all rows are read for it.
            state.fingerprint = self.fingerprint if state.stop_reason.is_pause else None
        if self.monitor.early_stopping and state.history.best_params is None:
            if self.monitor.n_iter and not state.stop_reason.restores_best:
                message = "No validation score was a number; the last parameters are kept."
        params = self.final_params(state)
        own = params is state.params  # the state goes on, and must not share its array
        params = params.astype(published_dtype(self.rows), copy=own)
        model = replace(self.model, params=params)
        if self.validation is not None:
            model = replace(model, temperature=self._temperature(model, self.validation))
        return FitResult(model, state, loss, message, interruption)

    def _temperature(self, model: FittedModel, rows: InMemory) -> float:
        """Return the temperature of the model on validation rows, or on some if they are many."""
        if not self.config.temperature_scaling:
            return 1.0
        weight = rows.row_weight
        weighing = np.arange(rows.n_rows) if weight is None else np.flatnonzero(weight)
        most = most_rows(model.network.layer_sizes[-1])
        if len(weighing) > most:
            chosen = chosen_rows(len(weighing), most, self.state.split_seed)
            rows = rows.take(weighing[chosen])
        return fit_temperature(*rows.held_out_logits(model, model.params))[0]

    def result_now(self) -> FitResult:
        """Return the result as if the fit ended now; the run goes on."""
        curve = self.state.history.loss_curve
        return self.result(self.state.snapshot(), curve.last if curve else np.nan)

    def unfinished(self, n_rows: int) -> UnfinishedFit:
        """Return what finishes the fit elsewhere, with so many rows of X."""
        state = replace(self.state.snapshot(), fingerprint=self.fingerprint)
        model = replace(self.model, params=state.params[:0])
        return UnfinishedFit(self.config.described, n_rows, state, model)
