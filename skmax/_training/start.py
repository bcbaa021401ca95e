"""Start: how a fit begins: fresh, warm, resumed, or as one portion of a stream."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
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
        Advanced by the fit.
    model : FittedModel
        Network, classes, scaling and temperature; its params are not used.
    learn : callable ``learn(start, rows) -> FittedModel``
        Learns what is to be learnt about the features, and returns the model with it.
    holdout : HoldOut
    dtype : numpy.dtype, default=None
        Precision that the fit has begun with; None if it is to be chosen.
    fingerprint : str, default=None
        Fingerprint that the fit must have; None if it may have any.
    n_iter_before : int, default=0
        Iterations that the state counts, and earlier calls of `partial_fit` have made.
    """

    state: TrainingState
    model: FittedModel
    learn: Callable[["Start", TrainingRows], FittedModel]
    holdout: HoldOut = HoldOut.ASK
    dtype: np.dtype | None = None
    fingerprint: str | None = None
    n_iter_before: int = 0

    def begin(self, config: TrainingConfig, rows: TrainingRows, plan: HoldOutPlan) -> FittedModel:
        """Bring the state to the precision of the fit; return the model to be trained."""
        n_rows = rows.n_rows
        random = plan.n_fits > 0 or n_rows > config.batch_rows(n_rows)
        self.state.cast(self.dtype or config.compute_dtype(rows, random=random))
        return self.learn(self, rows)

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
        forget_unvarying(model.network, params, rows.varying_features(model.scaling))
        return params


def fresh(
    config: TrainingConfig,
    network: Network,
    classes: np.ndarray,
    coefs_init: Any = None,
    intercepts_init: Any = None,
) -> Start:
    """Return the start of a new fit, with random parameters or those that are given."""
    state = first_state(config, network)
    coefs, intercepts = network.split(state.params)
    overwrite_layers(coefs, coefs_init, "coefs_init")
    overwrite_layers(intercepts, intercepts_init, "intercepts_init")
    if not (coefs_init is None and intercepts_init is None):
        state.initial_params = state.params
    learn = partial(learn_all, has_random_weights=coefs_init is None)
    return Start(state, FittedModel(state.params, network, classes), learn)


def warm(
    config: TrainingConfig, network: Network, state: TrainingState, model: FittedModel
) -> Start:
    """Return the start of a fit that goes on from a model, and from the state it ended in."""
    check_architecture(config, network, model)
    state = state.copy() if state.stop_reason.is_pause else state.reset(model.params)
    state.target_iter, state.n_iter = None, 0
    return Start(state, replace(model, network=network), learn_new, HoldOut.CONTINUE)


def resumed(config: TrainingConfig, network: Network, unfinished: UnfinishedFit) -> Start:
    """Return the start of a fit that was killed: it goes on from where its checkpoint is."""
    config.draw_seeds()  # as when the fit began: a RandomState instance ends in the same state
    state = unfinished.state.copy()
    if state.stop_reason.is_final:
        state.target_iter = state.n_iter
    elif config.max_iter > unfinished.parameters["max_iter"]:
        state.target_iter = None
    holdout = HoldOut.ASK if state.target_iter is None else HoldOut.KEEP
    model = replace(unfinished.model, params=state.params, network=network)
    return Start(state, model, keep, holdout, state.params.dtype, state.fingerprint)


def stream(
    config: TrainingConfig,
    network: Network,
    rows: TrainingRows,
    state: TrainingState | None,
    model: Any,
) -> Start:
    """Return the start of an epoch over one portion of a stream."""
    if state is None:
        state = first_state(config, network)
        model = FittedModel(state.params, network, rows.classes)
        dtype = config.compute_dtype(rows, random=True)
        return Start(state, model, learn_all, HoldOut.KEEP, dtype)
    check_architecture(config, network, model)
    # A stream goes on from the published parameters, never from later ones than the best.
    pauses = state.stop_reason.is_pause and state.history.best_params is None
    state = state.copy() if pauses else state.reset(model.params)
    state.target_iter = None
    model, dtype = replace(model, network=network), state.params.dtype
    return Start(state, model, learn_new, HoldOut.KEEP, dtype, n_iter_before=state.n_iter)


def first_state(config: TrainingConfig, network: Network) -> TrainingState:
    """Return the state of a fit that begins, with random parameters in float64."""
    seed, split_seed = config.draw_seeds()
    rng = np.random.default_rng(seed)
    params = network.initial_params(rng)
    return TrainingState(params=params, rng=rng, split_seed=split_seed, seed=seed)


def learn_all(start: Start, rows: TrainingRows, *, has_random_weights: bool = True) -> FittedModel:
    """Learn the scaling of the features, and forget random weights of those that do not vary."""
    model, state, scaling = start.model, start.state, rows.learn_scaling()
    if has_random_weights:
        forget_unvarying(model.network, state.params, rows.varying_features(scaling))
    if state.initial_params is not None:
        state.initial_params = state.params.copy()
    return replace(model, params=state.params, scaling=scaling)


def learn_new(start: Start, rows: TrainingRows) -> FittedModel:
    """Learn the features that vary for the first time; others keep their scaling and weights.

    Their weights, in the state's `params`, become those with which a fit begins.
    """
    state, network, scaling = start.state, start.model.network, start.model.scaling
    model = replace(start.model, params=state.params, scaling=rows.extend_scaling(scaling))
    if len(network.shapes) == 1:
        return model
    W = network.split(state.params)[0][0]
    new = ~W.any(axis=1) if scaling is None else ~rows.varying_features(scaling)
    if new.any():
        new &= rows.varying_features(model.scaling)
    if new.any():
        initial = network.initial_params(np.random.default_rng(state.seed))
        W[new] = network.split(initial)[0][0][new]
    return model


def keep(start: Start, rows: TrainingRows) -> FittedModel:
    """Learn nothing about the features, because a resumed fit has learnt it from these rows."""
    return start.model


def forget_unvarying(network: Network, params: np.ndarray, varying: np.ndarray) -> None:
    """Zero the initial weights, in `params`, of features that are 0 in all rows to train on.

    Otherwise they would stay as they were drawn, and weights that nothing has trained would
    change the logits of a row that has such a feature.
    """
    network.split(params)[0][0][~varying] = 0.0


def check_architecture(config: TrainingConfig, network: Network, model: FittedModel) -> None:
    """Raise ValueError unless the parameters ask for the model that the fit goes on from."""
    begun = _architecture(model.network, None if model.scaling is None else model.scaling.kind)
    wanted = _architecture(network, config.scaling)
    differences = [
        f"{name}={begun[name]!r} there, {wanted[name]!r} here"
        for name in wanted
        if begun[name] != wanted[name]
    ]
    if differences:
        raise ValueError(
            "A fit can only be continued with the same layers, activation and scaling: "
            f"{'; '.join(differences)}. Set these back, or begin anew: with warm_start=False, or "
            "partial_fit of a clone."
        )


def _architecture(network: Network, scaling: str | None) -> dict[str, Any]:
    """Return the parameters that decide what the numbers of a network mean, by name."""
    return {
        "hidden_layer_sizes": tuple(network.layer_sizes[1:-1]),
        "activation": network.activation,
        "scaling": scaling,
    }


def check_no_initial_values(coefs_init: Any, intercepts_init: Any) -> None:
    """Raise ValueError if a warm start is given initial values as well."""
    if coefs_init is not None or intercepts_init is not None:
        raise ValueError(
            "coefs_init and intercepts_init begin a fit, and warm_start=True continues one; set "
            "warm_start=False to begin anew."
        )


def overwrite_layers(layers: list[np.ndarray], values: Any, name: str) -> None:
    """Overwrite the arrays `layers` with `values`, an argument `name`, unless it is None."""
    if values is None:
        return
    shapes = [layer.shape for layer in layers]
    if not isinstance(values, list | tuple | np.ndarray):
        raise ValueError(f"{name} must be a list of arrays, one per layer, got {values!r}.")
    values = [
        check_array(as_numpy(value, name), ensure_2d=False, dtype=np.float64, input_name=name)
        for value in values
    ]
    received = [value.shape for value in values]
    if received != shapes:
        raise ValueError(
            f"{name} must be a list of arrays of shapes {shapes}, one per layer; got shapes "
            f"{received}."
        )
    for layer, value in zip(layers, values, strict=True):
        layer[...] = value
