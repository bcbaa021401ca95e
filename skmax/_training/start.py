"""Start: how a fit begins: fresh, warm, resumed, or as one portion of a stream."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

import numpy as np
from sklearn.utils import check_array

from .._data.arrays import as_numpy
from .._network.model import FittedModel
from .._network.network import Network
from .config import TrainingConfig
from .dataset import HoldOutPlan, InMemory, TrainingRows
from .state import TrainingState, UnfinishedFit


class HoldOut(Enum):
    """What is done about held-out fits.

    ASK trains them from the beginning, and CONTINUE from where they have paused. KEEP trains
    none: the fit keeps the number of iterations and the temperature that it has.
    """

    ASK = auto()
    CONTINUE = auto()
    KEEP = auto()


@dataclass(frozen=True, eq=False)
class Start:
    """How a fit begins.

    Parameters
    ----------
    state : TrainingState
        Advanced by the fit. Before a new fit has learnt its features, it has no parameters.
    learn : callable ``learn(start, config, rows) -> FittedModel``
        Learns what is to be learnt about the features, and returns the model with it.
    model : FittedModel, default=None
        Network, classes, encoding and temperature that the fit goes on from; its params are
        not used.
    given : tuple of (list of ndarray or None, list of ndarray or None), default=(None, None)
        Weights and biases to begin with.
    holdout : HoldOut
    dtype : numpy.dtype, default=None
        Precision that the fit has begun with; None if it is to be chosen.
    fingerprint : str, default=None
        Fingerprint that the fit must have; None if it may have any.
    n_iter_before : int, default=0
        Iterations that the state counts, and earlier calls of `partial_fit` have made.
    """

    state: TrainingState
    learn: Callable[["Start", TrainingConfig, TrainingRows], FittedModel]
    model: FittedModel | None = None
    given: tuple[Any, Any] = (None, None)
    holdout: HoldOut = HoldOut.ASK
    dtype: np.dtype | None = None
    fingerprint: str | None = None
    n_iter_before: int = 0

    def begin(self, config: TrainingConfig, rows: TrainingRows, plan: HoldOutPlan) -> FittedModel:
        """Bring the state to the precision of the fit; return the model to be trained."""
        n_rows = rows.n_rows
        random = plan.n_fits > 0 or n_rows > config.batch_rows(n_rows)
        self.state.cast(self.dtype or config.compute_dtype(rows, random=random))
        return self.learn(self, config, rows)

    def identify(
        self, config: TrainingConfig, rows: TrainingRows, validation: InMemory | None
    ) -> None:
        """Give the state its fingerprint; raise ValueError if it must be another one."""
        state = self.state
        if (config.fingerprint, self.fingerprint) == (None, None) and not state.history.loss_curve:
            return  # nothing is best yet, and the rows need not be read
        fingerprint = rows.fingerprint(validation)
        if self.fingerprint not in (None, fingerprint):
            raise ValueError(
                "A fit can only be resumed on the same data: these rows, labels, weights or "
                "validation rows have other values."
            )
        if fingerprint != state.fingerprint:  # nothing is best so far
            state.history, state.held_out_fits = state.history.reset(), []
        state.fingerprint = fingerprint

    def first_params(self, model: FittedModel, rows: TrainingRows) -> np.ndarray | None:
        """Return the parameters with which the fit has begun, None if it goes on from another."""
        state = self.state
        if not state.history.loss_curve:
            return state.params
        # A curve that is longer than the fit shows that the fit was a warm start itself.
        if self.holdout is HoldOut.CONTINUE or len(state.history.loss_curve) != state.n_iter:
            return None
        if state.initial_params is not None:
            return state.initial_params
        params = model.network.initial_params(np.random.default_rng(state.seed))
        forget_unvarying(model.network, params, rows.varying_inputs(model.encoding))
        return params


def fresh(config: TrainingConfig, coefs_init: Any = None, intercepts_init: Any = None) -> Start:
    """Return the start of a new fit, with random parameters or those that are given."""
    return Start(first_state(config), learn_all, given=(coefs_init, intercepts_init))


def warm(config: TrainingConfig, state: TrainingState, model: FittedModel) -> Start:
    """Return the start of a fit that goes on from a model, and from the state it ended in."""
    model = continued(config, model)
    state = state.copy() if state.stop_reason.is_pause else state.reset(model.params)
    state.target_iter, state.n_iter = None, 0
    return Start(state, learn_new, model, holdout=HoldOut.CONTINUE)


def resumed(config: TrainingConfig, unfinished: UnfinishedFit) -> Start:
    """Return the start of a fit that was killed: it goes on from where its checkpoint is."""
    config.draw_seeds()  # as when the fit began: a RandomState instance ends in the same state
    state = unfinished.state.copy()
    if state.stop_reason.is_final:
        state.target_iter = state.n_iter
    elif config.max_iter > unfinished.parameters["max_iter"]:
        state.target_iter = None
    holdout = HoldOut.ASK if state.target_iter is None else HoldOut.KEEP
    model = replace(continued(config, unfinished.model), params=state.params)
    dtype, fingerprint = state.params.dtype, state.fingerprint
    return Start(state, keep, model, holdout=holdout, dtype=dtype, fingerprint=fingerprint)


def stream(
    config: TrainingConfig, rows: TrainingRows, state: TrainingState | None, model: Any
) -> Start:
    """Return the start of an epoch over one portion of a stream."""
    if state is None:
        dtype = config.compute_dtype(rows, random=True)
        return Start(first_state(config), learn_all, holdout=HoldOut.KEEP, dtype=dtype)
    model = continued(config, model)
    # A stream goes on from the published parameters, never from later ones than the best.
    pauses = state.stop_reason.is_pause and state.history.best_params is None
    state = state.copy() if pauses else state.reset(model.params)
    state.target_iter = None
    dtype, before = state.params.dtype, state.n_iter
    return Start(state, learn_new, model, holdout=HoldOut.KEEP, dtype=dtype, n_iter_before=before)


def first_state(config: TrainingConfig) -> TrainingState:
    """Return the state of a fit that begins; its parameters come once features are learnt."""
    seed, split_seed = config.draw_seeds()
    rng = np.random.default_rng(seed)
    return TrainingState(params=np.empty(0), rng=rng, split_seed=split_seed, seed=seed)


def learn_all(start: Start, config: TrainingConfig, rows: TrainingRows) -> FittedModel:
    """Learn the features, build the network for them, and give it its first parameters.

    Random weights of features that do not vary are forgotten; weights that are given are kept.
    """
    state, (coefs, intercepts) = start.state, start.given
    encoding = rows.learn_encoding()
    network = config.build_network(encoding, len(rows.classes))
    params = network.initial_params(state.rng)
    if not (coefs is None and intercepts is None):
        shapes = [[layer.shape for layer in layers] for layers in network.split(params)]
        coefs = initial_layers(coefs, shapes[0], "coefs_init")
        intercepts = initial_layers(intercepts, shapes[1], "intercepts_init")
        network.overwrite(params, coefs, intercepts)
    if coefs is None:
        forget_unvarying(network, params, rows.varying_inputs(encoding))
    state.params = params.astype(state.params.dtype)
    if not (coefs is None and intercepts is None):
        state.initial_params = state.params.copy()
    return FittedModel(state.params, network, rows.classes, encoding)


def learn_new(start: Start, config: TrainingConfig, rows: TrainingRows) -> FittedModel:
    """Learn the features that vary for the first time; others keep their scaling and weights.

    Their weights, in the state's `params`, become those with which a fit begins.
    """
    state, before = start.state, start.model
    assert before is not None  # for type checkers: what goes on has a model
    network, encoding = before.network, rows.extend_encoding(before.encoding)
    model = replace(before, params=state.params, encoding=encoding)
    if not network.hidden_sizes:
        return model
    inputs = network.input_weights(state.params)
    if encoding.scaling is None:
        new = np.ones(encoding.width, dtype=bool)
        for W, seen in zip(inputs, network.tower_columns, strict=True):
            new[seen] &= (W == 0.0).all(axis=1)
    else:
        new = np.logical_not(rows.varying_inputs(before.encoding))
    if new.any():
        new &= rows.varying_inputs(encoding)
    if new.any():
        initial = network.initial_params(np.random.default_rng(state.seed))
        first = network.input_weights(initial)
        for W, W_first, seen in zip(inputs, first, network.tower_columns, strict=True):
            W[new[seen]] = W_first[new[seen]]
    return model


def keep(start: Start, config: TrainingConfig, rows: TrainingRows) -> FittedModel:
    """Learn nothing about the features, because a resumed fit has learnt it from these rows."""
    assert start.model is not None  # for type checkers: what goes on has a model
    return start.model


def forget_unvarying(network: Network, params: np.ndarray, varying: np.ndarray) -> None:
    """Zero the initial weights, in `params`, of features that are 0 in all rows to train on.

    Otherwise they would stay as they were drawn, and weights that nothing has trained would
    change the logits of a row that has such a feature.
    """
    for W, seen in zip(network.input_weights(params), network.tower_columns, strict=True):
        W[~varying[seen]] = 0.0


def continued(config: TrainingConfig, model: FittedModel) -> FittedModel:
    """Return a model as it is to be continued; raise ValueError if it has other parts.

    A parameter that is "auto" stays what it has become.
    """
    network, encoding = model.network, model.encoding
    kind = config.numerical_encoding
    begun: dict[str, Any] = {
        "hidden_layer_sizes": tuple(network.hidden_sizes),
        "activation": network.activation,
        "scaling": None if encoding.scaling is None else encoding.scaling.kind,
        "numerical_encoding": encoding.kind,
    }
    wanted: dict[str, Any] = {
        "hidden_layer_sizes": tuple(config.hidden_sizes(encoding)),
        "activation": config.activation,
        "scaling": config.scaling,
        "numerical_encoding": encoding.kind if kind == "auto" else kind,
    }
    if encoding.bins is not None:
        begun, wanted = begun | {"n_bins": encoding.n_bins}, wanted | {"n_bins": config.n_bins}
    differences = [
        f"{name}={begun[name]!r} there, {wanted[name]!r} here"
        for name in wanted
        if begun[name] != wanted[name]
    ]
    if differences:
        raise ValueError(
            "A fit can only be continued with the same layers, activation, scaling and encoding: "
            f"{'; '.join(differences)}. Set these back, or begin anew: with warm_start=False, or "
            "partial_fit of a clone."
        )
    return replace(model, network=config.build_network(encoding, len(model.classes)))


def check_no_initial_values(coefs_init: Any, intercepts_init: Any) -> None:
    """Raise ValueError if a warm start is given initial values as well."""
    if coefs_init is not None or intercepts_init is not None:
        raise ValueError(
            "coefs_init and intercepts_init begin a fit, and warm_start=True continues one; set "
            "warm_start=False to begin anew."
        )


def initial_layers(
    values: Any, shapes: list[tuple[int, ...]], name: str
) -> list[np.ndarray] | None:
    """Return the arrays of an argument `name`, of these shapes; None if it is None."""
    if values is None:
        return None
    if not isinstance(values, list | tuple | np.ndarray):
        raise ValueError(f"{name} must be a list of arrays, one per layer, got {values!r}.")
    arrays = [
        check_array(as_numpy(value, name), ensure_2d=False, dtype=np.float64, input_name=name)
        for value in values
    ]
    received = [array.shape for array in arrays]
    if received != shapes:
        raise ValueError(
            f"{name} must be a list of arrays of shapes {shapes}, one per layer; got shapes "
            f"{received}."
        )
    return arrays
