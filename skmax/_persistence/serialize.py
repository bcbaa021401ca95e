"""Fitted state as plain values: dicts, lists, arrays, numbers, strings and generators.

Files should hold these, because they name no class of ours: another version can read them, and
so can readers that ask which classes to trust. The outermost dict names the version of the
format. The oldest files have none.
"""

import inspect
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from .._data.columns import Columns
from .._data.features.bins import Bins
from .._data.features.categories import Indicators, Levels
from .._data.features.encoding import Encoding
from .._data.features.scaling import Scaling
from .._data.features.shares import TargetShares
from .._network.model import FittedModel
from .._network.network import Network
from .._optim.minibatch import BestIterate
from .._optim.optimizers import OPTIMIZERS
from .._optim.schedules import ScheduleState
from .._optim.stopping import StopReason
from .._training.state import Curve, History, TrainingState, UnfinishedFit
from .integrity import check_belongs, check_integrity, require

# Version of the format. It is raised if older versions of skmax would read a file wrongly.
VERSION = 3

# Names of classes in files, which stay as they are if a class is renamed. An optimizer that is
# registered has its own name there.
NAMES: dict[type, str] = {
    FittedModel: "Model",
    Network: "Network",
    Encoding: "Encoding",
    Scaling: "Scaling",
    Bins: "Bins",
    Columns: "Columns",
    Levels: "Levels",
    Indicators: "Indicators",
    TargetShares: "TargetShares",
    UnfinishedFit: "Unfinished",
    TrainingState: "TrainingState",
    BestIterate: "Fallback",
    History: "History",
    ScheduleState: "Position",
}

# Names of attributes in files, if they differ from those here.
ATTRIBUTES: dict[type, dict[str, str]] = {
    TrainingState: {
        "stop_reason": "ended_by",
        "target_iter": "planned",
        "best_iterate": "fallback",
        "fingerprint": "problem",
        "held_out_fits": "helpers",
        "initial_params": "initial",
    },
}
NETWORK_SETTINGS = ("layer_sizes", "activation", "dropout", "tower_inputs", "tower_starts")

# Attributes that older files may have, and classes no longer: they are ignored.
FORMER = {"Network": {"label_smoothing"}}

# Attributes of an estimator that are objects of ours.
PLAIN = ("_model", "_state", "_unfinished")


def to_plain(value: Any) -> Any:
    """Return an object of ours as a dict that names its class and the version of the format."""
    plain = _to_plain(value)
    return plain | {"version": VERSION} if isinstance(plain, dict) else plain


def _to_plain(value: Any) -> Any:
    if isinstance(value, Curve):
        return list(value)
    if isinstance(value, StopReason):
        return value.value
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    kind = type(value)
    if kind in NAMES or kind in OPTIMIZERS.values():
        name, called = NAMES.get(kind, kind.__name__), ATTRIBUTES.get(kind, {})
        return {"class": name} | {
            called.get(own, own): _to_plain(item) for own, item in _attributes(value).items()
        }
    return value


def _attributes(value: Any) -> dict[str, Any]:
    """Return the attributes of an object of ours, by name."""
    if isinstance(value, Network):
        return {name: getattr(value, name) for name in NETWORK_SETTINGS}
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value.to_dict()


def from_plain(value: Any) -> Any:
    """Return what `to_plain` was given.

    Raises
    ------
    ValueError
        If it is of a later version, or no fit can have ended with it.
    """
    if isinstance(value, dict) and "class" in value:
        value = dict(value)
        version = value.pop("version", 1)
        if version not in range(1, VERSION + 1):
            raise ValueError(
                f"The fitted state is of format version {version!r}; this version of skmax reads "
                f"1 to {VERSION}. Load it with the version that wrote it, or a later one."
            )
    loaded = _from_plain(value)
    check_integrity(loaded)
    return loaded


def attributes_from_plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an estimator from a file: the PLAIN ones become objects again."""
    loaded = {n: from_plain(value) if n in PLAIN else value for n, value in attributes.items()}
    check_belongs(loaded.get("_model"), loaded.get("_state"))
    return loaded


def _from_plain(value: Any) -> Any:
    if isinstance(value, dict):
        items = {name: _from_plain(item) for name, item in value.items() if name != "class"}
        return _built(value["class"], items) if "class" in value else items
    if isinstance(value, list):
        return [_from_plain(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        require(np.isfinite(value).all(), "it holds values that are not finite")
    return value


def _built(name: Any, items: dict[str, Any]) -> Any:
    """Return an object of ours with these attributes."""
    classes: dict[Any, type] = {called: kind for kind, called in NAMES.items()}
    classes |= {kind.__name__: kind for kind in OPTIMIZERS.values()}
    known = isinstance(name, str) and name in classes
    require(known, f"it names {name!r}, which is none of {sorted(classes)}")
    kind = classes[name]
    items = {n: item for n, item in items.items() if n not in FORMER.get(name, ())}
    if kind is FittedModel and "scaling" in items:  # of version 1, which knew no more of features
        network: Any = items.get("network")
        require(isinstance(network, Network), "it must have a network")
        items["encoding"] = Encoding(network.layer_sizes[0], items.pop("scaling"))
    names, parameters = ATTRIBUTES.get(kind, {}), inspect.signature(kind).parameters
    called = {names.get(own, own): own for own in parameters}
    unknown = sorted(items.keys() - called.keys())
    require(not unknown, f"a {name} has no {', '.join(unknown)}")
    values = {called[n]: item for n, item in items.items()}
    needed = {own for own, parameter in parameters.items() if parameter.default is parameter.empty}
    lacking = sorted(needed - values.keys())
    require(not lacking, f"a {name} lacks {', '.join(lacking)}")
    if "stop_reason" in values:
        reasons, reason = [reason.value for reason in StopReason], values["stop_reason"]
        require(reason in reasons, f"ended_by must be one of {reasons}, got {reason!r}")
        values["stop_reason"] = StopReason(reason)
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"The fitted state is damaged: of a {name}, {error}.") from error
