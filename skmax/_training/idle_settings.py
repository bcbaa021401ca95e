"""A warning about changed settings that do nothing in a fit: it says when each acts."""

from .._data.warning import warn
from .._optim.schedules import SCHEDULES
from .config import TrainingConfig

# What the patience is by default.
PATIENCE = 10


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
    full_batch = not config.in_batches
    # Whether a validation score can end the fit.
    stops_early = config.holds_out or (has_validation_rows and config.chooses_cycle)
    if not config.holds_out and not has_validation_rows:
        idle["scoring"] = "with early_stopping=True, or where fit is given X_val"
    if not config.holds_out or has_validation_rows:
        idle["validation_fraction"] = "with early_stopping=True, where fit is given no X_val"
    steady = ", ".join(repr(name) for name, schedule in SCHEDULES.items() if not schedule.decays)
    steady = f"with a learning_rate that does not decay ({steady})"
    decays = not full_batch and config.schedule.decays
    if decays and not stops_early:
        idle["tol"] = f"{steady}, with early_stopping=True, or with solver='lbfgs' or 'newton-cg'"
    if full_batch and not stops_early:
        idle["n_iter_no_change"] = f"with early_stopping=True where solver={config.solver!r}"
    elif decays and stops_early and len(config.last_iterations) > 1:
        idle["n_iter_no_change"] = (
            f"{steady}, or 'cosine' or 'one_cycle'; with {config.learning_rate!r} the first "
            "cycle without improvement is the last"
        )
    elif decays and not stops_early:
        idle["n_iter_no_change"] = f"{steady}, or with early_stopping=True and no cycles"
    return idle
