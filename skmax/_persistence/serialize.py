"""Fitted state as plain values: dicts, lists, arrays, numbers, strings and generators.

That is what files should hold: it names no class of ours, so that a file can be read by
another version, and by readers that ask which classes to trust. The outermost dict says
in which format it is; files from before there were several say nothing.
"""

import inspect
from dataclasses import fields, is_dataclass

import numpy as np

from .._data.features.scaling import Scaling
from .._network.model import Model
from .._network.network import Network
from .._optim.optimizers import SGD, Adam
from .._optim.schedules import Position
from .._optim.solvers import Fallback, TrainingState
from .._training.curve import Curve
from .._training.monitor import History
from .integrity import check_belongs, check_integrity, require
from .unfinished import Unfinished

# Of the format, to be raised where a version before would read it wrongly.
VERSION = 1

CLASSES = {
    cls.__name__: cls
    for cls in (
        *(Model, Network, Scaling, Unfinished),
        *(TrainingState, Fallback, History, Position, SGD, Adam),
    )
}
NETWORK_SETTINGS = ("layer_sizes", "activation", "dropout")

# What older files may have, and what is passed over where a class has it no more.
FORMER = {"Network": {"label_smoothing"}}

# Attributes of an estimator that are objects of ours.
PLAIN = ("_model", "_state", "_unfinished")


def to_plain(value):
    """Return an object of ours as a dict that names its class and the version of the format."""
    plain = _to_plain(value)
    return plain | {"version": VERSION} if isinstance(plain, dict) else plain


def _to_plain(value):
    if isinstance(value, Network):
        names = list(NETWORK_SETTINGS)
    elif is_dataclass(value):
        names = [field.name for field in fields(value)]
    elif isinstance(value, Curve):
        return list(value)
    elif isinstance(value, list):
        return [_to_plain(item) for item in value]
    else:
        return value
    return {"class": type(value).__name__} | {n: _to_plain(getattr(value, n)) for n in names}


def from_plain(value):
    """Return what `to_plain` was given.

    Raises
    ------
    ValueError
        If it is of a later version, or nothing that a fit can have ended with.
    """
    if isinstance(value, dict) and "class" in value:
        value = dict(value)
        version = value.pop("version", VERSION)
        if version != VERSION:
            raise ValueError(
                f"The fitted state is of format version {version!r}; this version of skmax reads "
                f"{VERSION}. Load it with the version that wrote it, or a later one."
            )
    loaded = _from_plain(value)
    check_integrity(loaded)
    return loaded


def attributes_from_plain(attributes):
    """Return the attributes of an estimator, of which `to_plain` was given the PLAIN ones."""
    loaded = {n: from_plain(value) if n in PLAIN else value for n, value in attributes.items()}
    check_belongs(loaded.get("_model"), loaded.get("_state"))
    return loaded


def _from_plain(value):
    if isinstance(value, dict):
        items = {name: _from_plain(item) for name, item in value.items() if name != "class"}
        return _built(value["class"], items) if "class" in value else items
    if isinstance(value, list):
        return [_from_plain(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        require(np.isfinite(value).all(), "it holds values that are not finite")
    return value


def _built(name, items):
    """Return an object of ours with these attributes."""
    require(
        isinstance(name, str) and name in CLASSES,
        f"it names {name!r}, which is none of {sorted(CLASSES)}",
    )
    parameters = inspect.signature(CLASSES[name]).parameters
    unknown = items.keys() - parameters.keys()
    require(unknown <= FORMER.get(name, set()), f"a {name} has no {', '.join(sorted(unknown))}")
    required = {n for n, p in parameters.items() if p.default is p.empty}
    lacking = sorted(required - items.keys())
    require(not lacking, f"a {name} lacks {', '.join(lacking)}")
    try:
        return CLASSES[name](**{n: item for n, item in items.items() if n not in unknown})
    except TypeError as error:
        raise ValueError(f"The fitted state is damaged: of a {name}, {error}.") from error
