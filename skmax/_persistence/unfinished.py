"""An unfinished fit: what finishes it elsewhere, and whether a fit is the same one."""

import re
import sys
import zlib
from dataclasses import dataclass, replace
from functools import partial
from numbers import Number
from types import CellType, CodeType, FunctionType, MethodType

import numpy as np

from .._network.model import Model
from .._optim.solvers import ENDS_EARLY, TrainingState
from .._training.building import iterations

# Parameters that change nothing of what is fitted, or that may have grown meanwhile.
FREE = ("verbose", "max_iter")


@dataclass(frozen=True, eq=False)
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
    layers = np.atleast_1d(estimator.hidden_layer_sizes).tolist()
    return {**described, "hidden_layer_sizes": str(layers), "max_iter": iterations(estimator)}


def describe(value):
    """Return a number, a string or None as it is, and any other value as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, Number | str):
        return value
    if isinstance(value, dict):
        items = {str(key): float(number) for key, number in value.items()}
        return str(dict(sorted(items.items())))
    return _text(value, ())


def _text(value, within):
    """Return a text of a value that is the same in another process: no address is in it.

    A function of a module is its name. Any other, which may be defined anew under its name,
    is its code, its defaults and what it encloses; other callables are their attributes.
    `within` are the ids of what the value is a part of.
    """
    if id(value) in within:
        return "..."
    text = partial(_text, within=(*within, id(value)))
    if isinstance(value, CodeType):
        parts = [value.co_code.hex(), value.co_names, *value.co_consts]
    elif isinstance(value, FunctionType):
        named = [value.__module__, value.__qualname__]
        if _is_found(value):
            return ".".join(named)
        # An empty cell is that of a name which has no value yet.
        enclosed = [cell.cell_contents for cell in value.__closure__ or () if cell != CellType()]
        parts = [*named, value.__code__, value.__defaults__, value.__kwdefaults__, *enclosed]
    elif isinstance(value, MethodType):
        parts = [value.__func__, value.__self__]
    elif isinstance(value, partial):
        parts = [value.func, value.args, value.keywords]
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        parts = [value.shape, value.dtype, zlib.crc32(np.ascontiguousarray(value).tobytes())]
    elif isinstance(value, dict):
        return f"{{{', '.join(sorted(f'{text(k)}: {text(v)}' for k, v in value.items()))}}}"
    elif isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(text, value)))}}}"
    elif isinstance(value, list | tuple):
        parts = list(value)
    elif callable(value) and not isinstance(value, type) and hasattr(value, "__dict__"):
        parts = [type(value).__module__, type(value).__qualname__, vars(value)]
    else:
        return re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))
    return f"{type(value).__name__}({', '.join(map(text, parts))})"


def _is_found(function):
    """Return whether a function is found in its module, which is not the running program."""
    found = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function and function.__module__ != "__main__"


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
    """Return a copy of the state of an unfinished fit, without a plan if it is to grow."""
    state = unfinished.state.copy()
    if state.ended_by in ENDS_EARLY:
        return replace(state, planned=state.n_iter)
    if iterations(estimator) > unfinished.parameters["max_iter"]:
        return replace(state, planned=None)
    return state
