"""Fitted state as plain values: dicts, lists, arrays, numbers, strings and generators.

That is what files should hold: it names no class of ours, so that a file can be read by
another version, and by readers that ask which classes to trust.
"""

from dataclasses import fields, is_dataclass

import numpy as np

from ._model import Model
from ._monitor import History
from ._network import Network
from ._optimizers import SGD, Adam
from ._scaling import Scaling
from ._schedules import Position
from ._solvers import Fallback, TrainingState
from ._unfinished import Unfinished

CLASSES = {
    cls.__name__: cls
    for cls in (
        *(Model, Network, Scaling, Unfinished),
        *(TrainingState, Fallback, History, Position, SGD, Adam),
    )
}
NETWORK_SETTINGS = ("layer_sizes", "activation", "dropout")


def to_plain(value):
    """Return a value with every object of ours in it as a dict that names its class."""
    if isinstance(value, Network):
        names = list(NETWORK_SETTINGS)
    elif is_dataclass(value):
        names = [field.name for field in fields(value)]
    elif isinstance(value, list):
        return [to_plain(item) for item in value]
    else:
        return value
    return {"class": type(value).__name__} | {n: to_plain(getattr(value, n)) for n in names}


def from_plain(value):
    """Return what `to_plain` was given; ValueError if a floating array in it is not finite."""
    if isinstance(value, dict):
        items = {name: from_plain(item) for name, item in value.items() if name != "class"}
        return CLASSES[value["class"]](**items) if "class" in value else items
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
        raise ValueError("The fitted state is damaged: it holds values that are not finite.")
    return value
