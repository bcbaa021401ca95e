"""What a fit says of its settings and columns: it has not converged, or some do nothing."""

from typing import Any

import numpy as np

from .._data.dataset import Dataset
from .._data.features.categories import learn_levels, totals_of
from .._data.warning import warn
from .._optim.lbfgs import FullBatchEnd
from .._optim.objective import scaled_step_gain
from .._optim.schedules import SCHEDULES
from .._optim.stopping import StopReason
from .config import TrainingConfig
from .state import Curve, TrainingState

# A fit on unscaled features has not converged if one step would lower the loss by this much,
# relative to max(1, loss). On scaled features, rounding and the kinks of "relu" hide 1e-6.
LARGE_GAIN = 1e-5

# Reasons with which a solver that sees all rows at once ends without convergence.
FELL_SHORT = (StopReason.MAX_ITER, StopReason.MAX_FUN, StopReason.LINE_SEARCH)

# What the patience is by default.
PATIENCE = 10


def convergence_message(
    config: TrainingConfig, state: TrainingState, objective: Any, end: FullBatchEnd | None
) -> str | None:
    """Return why a run fell short of convergence, or None if it did not.

    Parameters
    ----------
    config : TrainingConfig
    state : TrainingState
        As the run has left it.
    objective : callable ``objective(params) -> (loss, grad)``
    end : FullBatchEnd or None
        Where a solver that sees all rows at once has ended.
    """
    if state.stop_reason is StopReason.DIVERGENCE:
        advice = "lower learning_rate_init" if config.in_batches else "raise alpha"
        return (
            f"The fit diverged at {config.unit} {state.n_iter}; {advice}{_or_scale(config)}. The "
            "best parameters of those before are kept."
        )
    if state.stop_reason in config.stream_pauses:
        return None
    if end is not None:
        return _full_batch_message(config, state, objective, end)
    if state.stop_reason is not StopReason.MAX_ITER:
        return None
    return (
        f"The fit has not converged: it ended with max_iter={config.max_iter} epochs, and "
        f"converges where {config.n_iter_no_change} (n_iter_no_change) in a row improve the "
        f"loss or score by less than tol={config.tol}; {_slope(state.history.loss_curve)}. "
        "Raise max_iter, or let a decaying learning_rate such as 'cosine' end it."
    )


def _full_batch_message(
    config: TrainingConfig, state: TrainingState, objective: Any, end: FullBatchEnd
) -> str | None:
    size = end.gradient_size
    if state.stop_reason is StopReason.CONVERGENCE and config.scaling is None:
        if size > config.tol and _is_far_from_optimum(objective, state.params):
            return (
                f"{config.solver} has not converged after {state.n_iter} iterations, though "
                "rounding hides what one more would gain: the largest component of the gradient "
                f"is {size:.2g}, tol={config.tol}. The features are too far from zero or too "
                "different in scale; scale them (scaling='standard')."
            )
    if state.stop_reason not in FELL_SHORT:
        return None
    limits = "max_fun or max_iter" if config.solver == "lbfgs" else "max_iter"
    return (
        f"{config.solver} has not converged after {state.n_iter} iterations ({end.message}): the "
        f"largest component of the gradient is {size:.2g}, tol={config.tol}. Raise {limits}"
        f"{_or_scale(config)}."
    )


def _slope(loss_curve: Curve) -> str:
    """Say how the loss was still falling."""
    last = list(loss_curve)[-11:]
    if len(last) == 1:
        return f"the loss is {last[0]:.3g}"
    fall = (last[0] - last[-1]) / (len(last) - 1)
    moved = f"{'fell' if fall >= 0 else 'rose'} by {abs(fall):.1g}"
    return f"the loss is {last[-1]:.3g} and {moved} per epoch in the last {len(last)}"


def _or_scale(config: TrainingConfig) -> str:
    """Say that the features can be scaled, unless they are."""
    return "" if config.scaling else ", or scale the features (scaling='standard')"


def _is_far_from_optimum(objective: Any, params: np.ndarray) -> bool:
    """Return whether a step in terms of scaled features would lower the loss by much.

    If features lie far from zero, J is so steep in one direction that rounding hides what
    a step gains, though J may fall far in others. In terms of scaled features it
    is about equally steep in all directions.
    """
    loss, grad = objective(params)
    gain = scaled_step_gain(objective.network, grad, objective.moments())
    return gain > LARGE_GAIN * max(1.0, abs(loss))


def warn_of_idle_settings(config: TrainingConfig, *, has_validation_rows: bool) -> None:
    """Warn of settings that differ from their defaults, and yet change nothing of a fit."""
    changed = dict(config.changed)
    # A longer patience than the default is no reason to warn if nothing waits for improvements,
    # because scikit-learn's own check of class weights sets it, whatever else is set.
    if changed.get("n_iter_no_change", 0) > PATIENCE:
        del changed["n_iter_no_change"]
    if not changed:
        return
    idle = _idle_settings(config, has_validation_rows)
    messages = [f"{name}={changed[name]!r} acts {idle[name]}" for name in changed if name in idle]
    if messages:
        warn(f"Settings that change nothing of this fit: {'; '.join(messages)}.")


def _idle_settings(config: TrainingConfig, has_validation_rows: bool) -> dict[str, str]:
    """Return the settings that a fit does not read, each with when a fit does."""
    idle: dict[str, str] = {}
    # Whether a validation score can end the fit.
    stops_early = config.holds_out or (has_validation_rows and config.chooses_cycle)
    if not config.holds_out and not has_validation_rows:
        idle["scoring"] = "with early_stopping=True, or where fit is given X_val"
    if not config.holds_out or has_validation_rows:
        idle["validation_fraction"] = "with early_stopping=True, where fit is given no X_val"
    names = ", ".join(repr(name) for name, schedule in SCHEDULES.items() if not schedule.decays)
    steady = f"with a learning_rate that does not decay ({names})"
    decays = config.in_batches and config.schedule.decays
    if decays and not stops_early:
        idle["tol"] = f"{steady}, with early_stopping=True, or with solver='lbfgs' or 'newton-cg'"
    if not config.in_batches and not stops_early:
        idle["n_iter_no_change"] = f"with early_stopping=True where solver={config.solver!r}"
    elif decays and stops_early and len(config.last_iterations) > 1:
        idle["n_iter_no_change"] = (
            f"{steady}, or 'cosine' or 'one_cycle'; with {config.learning_rate!r} the first "
            "cycle without improvement is the last"
        )
    elif decays and not stops_early:
        idle["n_iter_no_change"] = f"{steady}, or with early_stopping=True and no cycles"
    return idle


def warn_of_text(dataset: Dataset, min_count: float, names: Any) -> None:
    """Warn of categories of which no level is frequent, such as free text: they say nothing.

    Parameters
    ----------
    dataset : Dataset
    min_count : float
        Levels of less weight are rare.
    names : array-like of str or None
        Of the columns of X; None if they have none.
    """
    columns = dataset.columns
    if columns is None:
        return
    messages = []
    for column, levels in enumerate(columns.levels, start=columns.n_numbers):
        rows = dataset.X, dataset.index, dataset.sample_weight
        totals = totals_of(*rows, len(levels), column)[:-1] * dataset.weight_scale
        n_levels = np.count_nonzero(totals)
        if n_levels > 1 and learn_levels(column, totals, min_count).n_groups == 1:
            place = int(columns.order[column])
            name = place if names is None else repr(names[place])
            messages.append(
                f"column {name} says nothing: none of its {n_levels} levels has {min_count} rows"
            )
    if messages:
        warn(
            f"Of X, {'; '.join(messages)}. Convert digits (by astype(float)); skrub's "
            "StringEncoder and TextEncoder make numbers of free text, in a pipeline before this "
            "estimator."
        )
