"""Whether settings that were changed do nothing in a fit: a warning says when each acts."""

import inspect
import warnings

from .._optim.optimizers import OPTIMIZERS
from .._optim.schedules import SCHEDULES
from .building import chooses_cycle, holds_out, last_epochs


def warn_of_idle_settings(estimator, has_validation_rows, *, stacklevel):
    """Warn of settings that differ from their defaults, and yet change nothing of a fit.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
    has_validation_rows : bool
        Whether the fit is given some.
    stacklevel : int
        Of the caller.
    """
    parameters = inspect.signature(type(estimator)).parameters
    changed = {
        name: getattr(estimator, name)
        for name in ("scoring", "validation_fraction", "tol", "n_iter_no_change")
        if name in parameters and getattr(estimator, name) != parameters[name].default
    }
    if not changed:
        return
    stops_early = _stops_early(estimator, has_validation_rows)
    if "n_iter_no_change" in changed:
        # To wait for longer than by default is granted where nothing waits for improvements;
        # scikit-learn's own check of class weights asks for it, whatever else is set.
        if changed["n_iter_no_change"] > parameters["n_iter_no_change"].default:
            del changed["n_iter_no_change"]
    idle = _idle_settings(estimator, has_validation_rows, stops_early)
    messages = [f"{name}={changed[name]!r} acts {idle[name]}" for name in changed if name in idle]
    if messages:
        warnings.warn(
            f"Settings that change nothing of this fit: {'; '.join(messages)}.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def _stops_early(estimator, has_validation_rows):
    """Return whether a validation score can end the fit."""
    return holds_out(estimator) or (has_validation_rows and chooses_cycle(estimator))


def _idle_settings(estimator, has_validation_rows, stops_early):
    """Return the settings that a fit does not read, each with when a fit does."""
    idle, full_batch = {}, estimator.solver not in OPTIMIZERS
    if not holds_out(estimator) and not has_validation_rows:
        idle["scoring"] = "with early_stopping=True, or where fit is given X_val"
    if not holds_out(estimator) or has_validation_rows:
        idle["validation_fraction"] = "with early_stopping=True, where fit is given no X_val"
    steady = ", ".join(repr(name) for name, schedule in SCHEDULES.items() if not schedule.decays)
    steady = f"with a learning_rate that does not decay ({steady})"
    decays = not full_batch and SCHEDULES[estimator.learning_rate].decays
    if decays and not stops_early:
        idle["tol"] = f"{steady}, with early_stopping=True, or with solver='lbfgs' or 'newton-cg'"
    if full_batch and not stops_early:
        idle["n_iter_no_change"] = f"with early_stopping=True where solver={estimator.solver!r}"
    elif decays and stops_early and len(last_epochs(estimator)) > 1:
        idle["n_iter_no_change"] = (
            f"{steady}, or 'cosine' or 'one_cycle'; with {estimator.learning_rate!r} the first "
            "cycle without improvement is the last"
        )
    elif decays and not stops_early:
        idle["n_iter_no_change"] = f"{steady}, or with early_stopping=True and no cycles"
    return idle
