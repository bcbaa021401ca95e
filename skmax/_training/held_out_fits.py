"""Held-out fits: they choose the training time and the temperature of the final network.

A held-out fit is trained like the final network, but without a seventh of the rows. These rows
choose after which cycle of the schedule to stop, and which temperature the logits need. If a
seventh is few rows, several fits leave out a quarter each. The final network is then trained on
all rows (Goodfellow, Bengio and Courville, "Deep learning", 2016, algorithm 7.2).
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from .._network.model import FittedModel
from .._optim.stopping import StopReason
from .config import TrainingConfig, published_dtype
from .dataset import HoldOutPlan, TrainingRows
from .run import FitObserver, FitResult, Run
from .start import HoldOut, Start
from .state import TrainingState
from .temperature import fit_temperature

# Reasons that end the whole fit if they end a held-out fit.
ENDS_ALL = (StopReason.REQUEST, StopReason.TIME_LIMIT)

# Reasons that cut a fit short, however good its network is by then.
CUT_SHORT = (StopReason.TIME_LIMIT, StopReason.INTERRUPTION)


@dataclass(frozen=True, eq=False)
class HoldOutChoice:
    """What the held-out rows choose.

    Parameters
    ----------
    n_iter : int
        Iterations to train for.
    temperature : float
    state : TrainingState, default=None
        Of the first held-out fit at its best: a network to fall back on. It has no optimizer,
        whose moments would be two more vectors as long as the parameters.
    fallback : FittedModel, default=None
        That network with its encoding; its params are not used.
    result : FitResult, default=None
        That of the whole fit, if it was stopped meanwhile.
    """

    n_iter: int
    temperature: float
    state: TrainingState | None = None
    fallback: FittedModel | None = None
    result: FitResult | None = None


def choose(
    config: TrainingConfig,
    plan: HoldOutPlan,
    model: FittedModel,
    training: TrainingRows,
    start: Start,
    observer: FitObserver,
) -> HoldOutChoice:
    """Return what held-out fits say about the fit that begins.

    If nothing is asked of them, or there are too few rows, the fit runs to its end, and its
    temperature is 1. If the fit goes on from one whose held-out fits are gone, it runs to its
    end and keeps the temperature, because new held-out fits would not go on from that fit.
    """
    state = start.state
    if start.holdout is HoldOut.KEEP:
        return HoldOutChoice(state.target_iter or config.max_iter, model.temperature)
    initial = start.first_params(model, training)
    if not plan.n_fits or (initial is None and len(state.held_out_fits) != plan.n_fits):
        state.held_out_fits = []
        keeps = initial is None and config.temperature_scaling
        choice = HoldOutChoice(plan.ends[-1], model.temperature if keeps else 1.0)
    else:
        with observer.held_out_fits(plan.n_fits * plan.ends[-1]) as follower:
            choice = HeldOutFits(config, plan, model, training, start, initial, follower).choose()
    least = max(choice.n_iter, state.n_iter)
    return replace(choice, n_iter=min(end for end in config.last_iterations if end >= least))


class HeldOutFits:
    """The held-out fits of a fit, side by side."""

    def __init__(
        self,
        config: TrainingConfig,
        plan: HoldOutPlan,
        model: FittedModel,
        training: TrainingRows,
        start: Start,
        initial: Any,
        observer: FitObserver,
    ) -> None:
        self.config, self.plan, self.model, self.main = config, plan, model, start.state
        states = self.main.held_out_fits or [
            # They begin with the parameters of the network itself, but in another order of rows.
            TrainingState(
                params=np.copy(initial),
                rng=np.random.default_rng([self.main.split_seed, i]),
                split_seed=0,
            )
            for i in range(plan.n_fits)
        ]
        folds = training.folds(plan, self.main.split_seed)
        for state in states:
            state.n_iter = 0
            state.cast(self.main.params.dtype)
        self.converged = [not state.stop_reason.is_pause for state in states]
        self.runs = [
            Run(
                config,
                replace(model, encoding=rows.own_shares(model.encoding)),
                *(rows, state, observer),
                batch_size=batch_size,
            )
            for state, (rows, _, batch_size) in zip(states, folds, strict=True)
        ]
        self.held_out: list[Any] = [held_out for _, held_out, _ in folds]
        self.main.held_out_fits = states

    def choose(self) -> HoldOutChoice:
        """Train and score them; return what they say."""
        config, ends = self.config, self.plan.ends
        choice, least_loss = HoldOutChoice(ends[-1], 1.0), np.inf
        try:
            for first, last in pairwise([0, *ends]):
                finite = [self._advance(i, range(first, last)) for i in range(len(self.runs))]
                if self.stop_reason is not None:
                    return replace(choice, result=self._result(choice, self.stop_reason))
                if not all(finite):
                    break
                temperature, loss = self._calibrate(self.runs)
                if not loss < least_loss:
                    break
                least_loss, kept = loss, temperature if config.temperature_scaling else 1.0
                run = self.runs[0]
                state = replace(run.state, optimizer=None).copy()
                choice = HoldOutChoice(last, kept, state, run.model)
        except KeyboardInterrupt as error:
            if not self.runs[0].state.n_iter:  # nothing has been learnt yet
                raise
            return replace(choice, result=self._result(choice, StopReason.INTERRUPTION, error))
        if config.verbose:
            print(
                f"{_count(len(self.runs), 'held-out fit')} choose{'s' * (len(self.runs) == 1)} "
                f"{_count(choice.n_iter, config.unit)} and temperature {choice.temperature:.3g}"
            )
        return choice

    @property
    def stop_reason(self) -> StopReason | None:
        """What ends the whole fit, or None."""
        reasons = [run.state.stop_reason for run in self.runs]
        return next((reason for reason in reasons if reason in ENDS_ALL), None)

    def _advance(self, i: int, iterations: range) -> bool:
        """Train a held-out fit for these iterations; return whether it has stayed finite."""
        state = self.runs[i].state
        if not self.converged[i] and self.stop_reason is None:
            if self.config.verbose:
                print(
                    f"Held-out fit {i + 1} of {len(self.runs)}: {self.config.unit}s "
                    f"{iterations.start + 1} to {iterations.stop}"
                )
            self.runs[i].advance(iterations)
        finite = state.stop_reason is not StopReason.DIVERGENCE
        return finite and bool(np.isfinite(state.params).all())

    def _calibrate(self, runs: list[Run]) -> tuple[float, float]:
        """Return the temperature that the rows held out of these fits need, and their loss."""
        parts = [
            held_out.held_out_logits(run.model, run.state.params)
            for run, held_out in zip(self.runs, self.held_out, strict=True)
            if run in runs
        ]
        if len(parts) == 1:
            return fit_temperature(*parts[0])
        Z, labels, weights = zip(*parts, strict=True)
        weight = None if weights[0] is None else np.concatenate(weights)
        return fit_temperature(np.concatenate(Z), np.concatenate(labels), weight)

    def _result(
        self,
        choice: HoldOutChoice,
        reason: StopReason,
        interruption: KeyboardInterrupt | None = None,
    ) -> FitResult:
        """Return the result of the fit that ends now: the first held-out fit at its best."""
        first, held_out = self.runs[0], self.held_out[0]
        state = first.state
        alike = [run for run in self.runs if run.state.n_iter == state.n_iter]
        temperature = self._calibrate(alike)[0] if self.config.temperature_scaling else 1.0
        if choice.state is not None:
            before = fit_temperature(*held_out.held_out_logits(first.model, choice.state.params))[
                1
            ]
            if before <= self._calibrate([first])[1]:
                state, temperature = choice.state, choice.temperature
        model = replace(first.model, temperature=temperature)
        return _held_out_result(first, state, model, self.main, reason, interruption)


def complete(run: Run, choice: HoldOutChoice) -> FitResult:
    """Train for as long as the held-out rows choose; return the result of the fit.

    If time runs out or the user interrupts before this network has all its iterations, the
    result is the network of the first held-out fit, provided that its J on all rows is lower.
    """
    state, other = run.state, choice.state
    model = replace(choice.fallback or run.model, temperature=choice.temperature)
    try:
        result = run.complete(choice.n_iter)
    except KeyboardInterrupt as error:
        if other is None:
            raise
        reason = StopReason.INTERRUPTION
        return _held_out_result(run, other, model, state, reason, error)
    is_whole = state.n_iter - run.n_iter_before == choice.n_iter
    if other is None or is_whole or result.state.stop_reason not in CUT_SHORT:
        return result
    if run.objective(run.final_params(state))[0] <= run.objective(other.params)[0]:
        return result
    reason = state.stop_reason
    return _held_out_result(run, other, model, state, reason, result.interruption)


def _held_out_result(
    run: Run,
    state: TrainingState,
    model: FittedModel,
    main: TrainingState,
    reason: StopReason,
    interruption: KeyboardInterrupt | None,
) -> FitResult:
    """Return the result of a fit that ends with the network of a held-out fit."""
    state = replace(state, split_seed=main.split_seed, seed=main.seed, stop_reason=reason)
    params = state.params.astype(published_dtype(run.rows))
    model = replace(model, params=params)
    # An interruption has restored the parameters of the least loss so far.
    restored = reason.restores_best and run.state is not main
    loss = run.objective(state.params)[0] if restored else state.history.loss_curve.last
    return FitResult(model, state, loss, None, interruption)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
