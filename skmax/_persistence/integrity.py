"""Whether what was read can be what a fit ended with: kinds, shapes, signs, finiteness.

A file may be complete and still be wrong, because another program has written it or somebody
has changed it. What predictions and continued fits rely on is checked here, once, when a file
is read.
"""

from math import inf, isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np

from .._data.columns import Columns
from .._data.features.bins import Bins
from .._data.features.categories import Indicators, Levels
from .._data.features.encoding import VIEWS, Encoding
from .._data.features.scaling import SCALINGS, Scaling
from .._data.features.shares import TargetShares
from .._data.labels import check_labels
from .._network.activations import ACTIVATIONS
from .._network.model import FittedModel
from .._network.network import Network
from .._optim.minibatch import BestIterate
from .._optim.optimizers import SGD, Adam
from .._optim.schedules import ScheduleState
from .._optim.stopping import StopReason
from .._training.state import CURVES, Curve, History, TrainingState, UnfinishedFit


def require(holds: object, what: str) -> None:
    """Raise a ValueError that says what must hold for a fitted state, unless it holds."""
    if not holds:
        raise ValueError(f"The fitted state is damaged: {what}.")


def check_integrity(value: object) -> None:
    """Raise ValueError if no fit can have ended with this model, state or unfinished fit."""
    if isinstance(value, FittedModel):
        _check_model(value)
        require(
            value.params.size == value.network.n_params, "params must be as many as its layers'"
        )
    elif isinstance(value, TrainingState):
        _check_state(value)
    elif isinstance(value, UnfinishedFit):
        _check_unfinished(value)


def check_belongs(model: Any, state: Any) -> None:
    """Raise ValueError unless a state belongs to a model: of its fit, finalized, or both None."""
    if model is None and state is None:
        return
    require(isinstance(model, FittedModel), f"it must have a model, got a {type(model).__name__}")
    require(isinstance(state, TrainingState), "it must have a state that a fit goes on from")
    n_params = state.params.size
    require(n_params in (0, model.network.n_params), "the state must have the model's parameters")


def _is_number(value: Any, low: float = -inf, high: float = inf) -> bool:
    """Return whether a value is a finite number within bounds."""
    is_real = isinstance(value, Real) and not isinstance(value, bool | np.bool)
    return is_real and isfinite(value) and low <= value <= high


def _is_count(value: Any, low: Any = 0) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= low


def _is_vector(value: Any, size: int) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.shape == (size,)


def _check_network(network: Any) -> None:
    require(isinstance(network, Network), "it must have a network")
    sizes = network.layer_sizes
    require(len(sizes) >= 2 and min(sizes) >= 1, f"layer_sizes must be > 0, got {sizes}")
    require(
        isinstance(network.activation, str) and network.activation in ACTIVATIONS,
        f"activation must be one of {sorted(ACTIVATIONS)}, got {network.activation!r}",
    )
    require(
        _is_number(network.dropout, 0.0) and network.dropout < 1.0,
        f"dropout must be in [0, 1), got {network.dropout!r}",
    )


def _check_scaling(scaling: Any, n_features: int) -> None:
    require(isinstance(scaling, Scaling), "scaling must be one, or None")
    require(
        isinstance(scaling.kind, str) and scaling.kind in SCALINGS,
        f"scaling must be one of {sorted(SCALINGS)}, got {scaling.kind!r}",
    )
    for name in ("center", "scale"):
        value = getattr(scaling, name)
        require(
            _is_vector(value, n_features),
            f"{name} must be of shape ({n_features},), got shape {np.shape(value)}",
        )
    least = scaling.scale.min(initial=1.0)  # there may be no numbers
    require(least > 0.0, f"scale must be > 0, got {least}")


def _check_encoding(encoding: Any) -> None:
    require(isinstance(encoding, Encoding), "it must have an encoding")
    require(_is_count(encoding.n_features, 1), "n_features must be an integer > 0")
    known = sorted(VIEWS)
    require(
        isinstance(encoding.kind, str) and encoding.kind in known,
        f"the kind of encoding must be one of {known}, got {encoding.kind!r}",
    )
    require(_is_count(encoding.n_bins), "n_bins must be an integer >= 0")
    _check_columns(encoding.columns, encoding.n_features)
    if encoding.scaling is not None:
        _check_scaling(encoding.scaling, encoding.n_numbers)
    _check_categories(encoding)
    bins = encoding.bins
    if bins is None:
        return
    require(isinstance(bins, Bins) and any(VIEWS[encoding.kind]), "bins must be some, or None")
    column, size = bins.column, np.size(bins.column)
    is_one = isinstance(column, np.ndarray) and column.dtype.kind == "i" and column.ndim == 1
    require(is_one and size > 0 and (np.diff(column) >= 0).all(), "columns of bins must be sorted")
    require(0 <= column[0] and column[-1] < encoding.n_numbers, "bins must be of its columns")
    for name in ("start", "stop", "mean", "deviation"):
        value = getattr(bins, name)
        require(_is_vector(value, size), f"{name} must be of shape ({size},)")
    require((bins.start < bins.stop).all(), "each bin must end after its start")
    require((bins.deviation > 0.0).all(), "deviation must be > 0")


def _check_columns(columns: Any, n_features: int) -> None:
    if columns is None:
        return
    require(isinstance(columns, Columns), "columns must be some, or None")
    known = columns.categories
    require(isinstance(known, list) and len(known) == n_features, "each column must be known")
    for levels in known:
        is_one = isinstance(levels, np.ndarray) and levels.ndim == 1
        require(levels is None or is_one, "levels must be one array for each category")
    require(bool(columns.levels), "a table must have a category")


def _check_categories(encoding: Encoding) -> None:
    indicators, shares = encoding.indicators, encoding.shares
    levels = []
    if indicators is not None:
        require(isinstance(indicators, Indicators), "indicators must be some, or None")
        gaps = indicators.gaps
        is_one = isinstance(gaps, np.ndarray) and gaps.dtype.kind == "i" and gaps.ndim == 1
        require(is_one and (np.diff(gaps) > 0).all(), "columns with gaps must be sorted")
        inside = not gaps.size or (0 <= gaps[0] and gaps[-1] < encoding.n_numbers)
        require(inside, "gaps must be in its columns")
        _check_levels(indicators.levels, encoding)
        size = len(gaps) + sum(each.n_groups for each in indicators.levels)
        require(_is_vector(indicators.mean, size), f"mean must be of shape ({size},)")
        require(
            ((indicators.mean >= 0.0) & (indicators.mean <= 1.0)).all(), "mean must be in [0, 1]"
        )
        levels += indicators.levels
    if shares is not None:
        require(isinstance(shares, TargetShares), "shares must be some, or None")
        _check_levels(shares.levels, encoding)
        require(bool(shares.levels), "shares must be of a category")
        parts, n_outputs = shares.shares, np.size(shares.mean) // len(shares.levels)
        size = n_outputs * len(shares.levels)
        require(isinstance(parts, list) and len(parts) == len(shares.levels), "each has shares")
        for each, part in zip(shares.levels, parts, strict=True):
            shape = (each.n_groups + 1, n_outputs)
            require(np.shape(part) == shape, f"shares must be of shape {shape}")
        for name in ("mean", "deviation"):
            require(_is_vector(getattr(shares, name), size), f"{name} must be of shape ({size},)")
        require((shares.deviation > 0.0).all(), "deviation must be > 0")
        levels += shares.levels
    columns = {each.column for each in levels}
    require(
        columns == set(range(encoding.n_numbers, encoding.n_features)),
        "each category must be encoded",
    )


def _check_levels(levels: Any, encoding: Encoding) -> None:
    require(isinstance(levels, list), "levels must be a list")
    for each in levels:
        require(isinstance(each, Levels), "levels must be some")
        require(
            _is_count(each.column, encoding.n_numbers) and each.column < encoding.n_features,
            "levels must be of a category",
        )
        require(_is_count(each.n_groups), "n_groups must be an integer >= 0")
        assert encoding.columns is not None  # for type checkers: there are categories
        size = len(encoding.columns.levels[each.column - encoding.n_numbers]) + 2
        group = each.group
        is_one = isinstance(group, np.ndarray) and group.dtype.kind == "i"
        require(is_one and group.shape == (size,), f"group must be of shape ({size},)")
        inside = (group >= -1) & (group < each.n_groups)
        require(inside.all() and -1 <= each.rare < each.n_groups, "groups must be known")


def _check_model(model: FittedModel) -> None:
    """Check all but the number of parameters, because an unfinished fit has them in its state."""
    _check_network(model.network)
    sizes = model.network.layer_sizes
    params, classes = model.params, model.classes
    require(_is_vector(params, np.size(params)), "params must be one vector of floats")
    require(
        isinstance(classes, np.ndarray) and classes.shape == (sizes[-1],),
        f"classes must be of shape ({sizes[-1]},), got shape {np.shape(classes)}",
    )
    try:
        ordered = np.array_equal(np.unique(check_labels(classes)), classes)
    except ValueError as error:
        raise ValueError(f"The fitted state is damaged: of its classes, {error}") from error
    require(ordered, f"classes must be different and sorted, got {classes}")
    _check_encoding(model.encoding)
    require(model.network.takes(model.encoding), "the network must take the encoded rows")
    require(
        _is_number(model.temperature) and model.temperature > 0.0,
        f"temperature must be finite and > 0, got {model.temperature!r}",
    )


def _check_state(state: TrainingState) -> None:
    size = np.size(state.params)
    require(_is_vector(state.params, size), "params must be one vector of floats")
    require(isinstance(state.rng, np.random.Generator), "rng must be a Generator of NumPy")
    require(isinstance(state.position, ScheduleState), "it must have a position")
    counts = {"split_seed": state.split_seed, "seed": state.seed, "n_iter": state.n_iter}
    counts |= {"planned": 0 if state.target_iter is None else state.target_iter}
    for name, value in {**counts, **vars(state.position)}.items():
        require(_is_count(value), f"{name} must be an integer >= 0, got {value!r}")
    require(
        isinstance(state.stop_reason, StopReason),
        f"ended_by must be a reason to stop, got {state.stop_reason!r}",
    )
    _check_history(state.history, size)
    _check_optimizer(state.optimizer, size)
    best, initial, fits = state.best_iterate, state.initial_params, state.held_out_fits
    require(
        best is None or (isinstance(best, BestIterate) and _is_vector(best.params, size)),
        "fallback must have as many params as the state",
    )
    require(
        initial is None or _is_vector(initial, size),
        "initial must be as many params as the state's",
    )
    require(
        isinstance(fits, list) and all(isinstance(fit, TrainingState) for fit in fits),
        "held_out_fits must be a list of states",
    )


def _check_history(history: Any, size: int) -> None:
    require(isinstance(history, History), "it must have a history")
    for name in CURVES:
        curve = getattr(history, name)
        require(
            isinstance(curve, Curve) and all(isinstance(value, Real) for value in curve),
            f"{name} must be a list of numbers",
        )
    for name in ("best_loss", "best_score"):
        value = getattr(history, name)
        require(isinstance(value, Real), f"{name} must be a number, got {value!r}")
    require(
        history.best_epoch is None or _is_count(history.best_epoch, 1),
        f"best_epoch must be an integer >= 1 or None, got {history.best_epoch!r}",
    )
    best = history.best_params
    require(best is None or _is_vector(best, size), "best_params must be as many as params")


def _check_optimizer(optimizer: Any, size: int) -> None:
    for name in ("velocity", "mean_sum", "square_sum"):
        moment = getattr(optimizer, name, None) if isinstance(optimizer, SGD | Adam) else None
        require(moment is None or _is_vector(moment, size), "moments must be as many as params")
    if isinstance(optimizer, Adam):
        require(_is_count(optimizer.n_steps), "n_steps must be an integer >= 0")
        squares = optimizer.square_sum
        require(squares is None or (squares >= 0.0).all(), "square_sum must be >= 0")
    for name in getattr(optimizer, "SETTINGS", ()):
        value = getattr(optimizer, name)
        require(isinstance(value, Real), f"{name} must be a number, got {value!r}")


def _check_unfinished(unfinished: UnfinishedFit) -> None:
    model, state = unfinished.model, unfinished.state
    require(isinstance(model, FittedModel), "an unfinished fit must have a model")
    require(isinstance(state, TrainingState), "an unfinished fit must have a state")
    _check_model(model)
    _check_state(state)
    require(
        state.params.size == model.network.n_params,
        "an unfinished fit must have the params of its network",
    )
    require(_is_count(unfinished.n_rows, 1), "an unfinished fit must know the number of its rows")
    parameters = unfinished.parameters
    require(
        isinstance(parameters, dict) and _is_count(parameters.get("max_iter"), 1),
        "an unfinished fit must know its parameters",
    )
