"""An unfinished fit: what finishes it elsewhere, and whether a fit is the same one."""

from dataclasses import dataclass, replace
from numbers import Number

import numpy as np

from ._building import iterations, last_epochs
from ._model import Model
from ._schedules import SCHEDULES
from ._solvers import ENDS_EARLY, TrainingState

# Parameters that change nothing of what is fitted, or that may have grown meanwhile.
FREE = ("verbose", "max_iter")


@dataclass(frozen=True)
class Unfinished:
    """A fit between two of its passes.

    Parameters
    ----------
    parameters : dict
        Of the estimator, as `described_parameters` has them.
    n_rows : int
        Rows of X.
    state : TrainingState
    model : Model
        Network, classes, scaling and temperature; its params do not count.
    fit : str, default=""
        Identifies the fit that has written it.
    """

    parameters: dict
    n_rows: int
    state: TrainingState
    model: Model
    fit: str = ""


def described_parameters(estimator):
    """Return the parameters of an estimator as numbers and strings that can be compared."""
    described = {name: describe(value) for name, value in estimator.get_params(False).items()}
    return {**described, "max_iter": iterations(estimator)}


def describe(value):
    """Return a number, a string or None as it is, and any other value as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, Number | str):
        return value
    if isinstance(value, list | tuple | np.ndarray):
        return ", ".join(str(item) for item in value) + ","
    # A function's repr has its address.
    return getattr(value, "__qualname__", None) or str(value)


def check_parameters(estimator, unfinished):
    """Raise ValueError if the parameters are not those of the unfinished fit."""
    now, then = described_parameters(estimator), unfinished.parameters
    differences = [
        f"{name}={then.get(name)!r} there, {now.get(name)!r} here"
        for name in sorted(now.keys() | then.keys())
        if name not in FREE and now.get(name) != then.get(name)
    ]
    if now["max_iter"] < then["max_iter"]:
        differences.append(
            f"max_iter={then['max_iter']} there, {now['max_iter']} here, which may be larger only"
        )
    if differences:
        raise ValueError(
            f"A fit can only be resumed with the same parameters: {'; '.join(differences)}. Set "
            "these, or delete the checkpoint to begin anew."
        )


def check_data(unfinished, X, classes):
    """Raise ValueError if the shape of X or the classes are not those of the unfinished fit."""
    network = unfinished.model.network
    then = {
        "rows": unfinished.n_rows,
        "features": network.layer_sizes[0],
        "classes": unfinished.model.classes.tolist(),
    }
    now = {"rows": X.shape[0], "features": X.shape[1], "classes": classes.tolist()}
    for name, value in then.items():
        if now[name] != value:
            raise ValueError(
                f"A fit can only be resumed on the same data: its {name} were {value}, these are "
                f"{now[name]}."
            )


def resumed_state(estimator, unfinished):
    """Return a copy of the state of an unfinished fit, planned for today's `max_iter`.

    Where helpers have chosen a cycle of the schedule, it stays that cycle.
    """
    state = unfinished.state.copy()
    then, now = unfinished.parameters["max_iter"], iterations(estimator)
    if state.ended_by in ENDS_EARLY:
        return replace(state, planned=state.n_iter)
    if now > then:
        ends_then = SCHEDULES[estimator.learning_rate].last_epochs(then)
        if state.planned in ends_then[:-1]:
            planned = last_epochs(estimator)[ends_then.index(state.planned)]
        else:
            planned = now
        return replace(state, planned=planned)
    return state
