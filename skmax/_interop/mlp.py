"""Conversion of a fitted model to scikit-learn's MLPClassifier, and back.

((x - c) / s) W + b = x (W / s) + (b - (c / s) W)       scaling, into the first layer
(A W + b) / T = A (W / T) + b / T                       temperature, into the last one
softmax(z_0, z_1)_1 = logistic(z_1 - z_0)               two classes: one output, and back
u(x) = sum_k u(t_k) B_k(x)                              bins, into weights of B-splines

The last holds because a component u of the bins is linear between any two of the knots t, which
are the edges, and constant beyond them. So are the B-splines of degree 1, of which B_k is 1 at t_k
and 0 at all other knots.
"""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from math import inf, log
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from .._data.batches import MAX_SHIFT
from .._data.features.bins import Bins
from .._data.features.encoding import Encoding
from .._data.features.scaling import Scaling
from .._network.model import FittedModel
from .._network.network import Network
from .._optim.schedules import ScheduleState
from .._optim.stopping import StopReason
from .._training.config import TrainingConfig
from .._training.run import FitResult
from .._training.start import first_state
from .._training.state import Curve, History, TrainingState

# What MLPClassifier has of our choices.
ACTIVATIONS_IN_COMMON = ("identity", "logistic", "tanh", "relu")
SCHEDULES_IN_COMMON = ("constant", "invscaling", "adaptive")

# Most rows of its batches where batch_size is "auto".
PEER_BATCH_SIZE = 200

# Weight matrices and biases.
Layers = tuple[list[np.ndarray], list[np.ndarray]]

# Values of our own parameters with which an estimator is no more than an MLPClassifier.
NEUTRAL = {
    "weight_decay": 0.0,
    "learning_rate_scaling": None,
    "scoring": "loss",
    "class_weight": None,
    "label_smoothing": 0.0,
    "dropout": 0.0,
    "scaling": None,
    "numerical_encoding": "linear",
    "n_bins": 4,
    "categorical_features": "from_dtype",
    "max_one_hot": 50,
    "temperature_scaling": False,
    "dtype": "float64",
}


def to_sklearn_model(
    config: TrainingConfig,
    model: FittedModel,
    state: TrainingState,
    loss: float,
    feature_names: np.ndarray | None,
) -> Any:
    """Return a fitted MLPClassifier that predicts as the model does.

    If features have bins, it is the end of a Pipeline. Parameters are those of the config, and
    curves those of the state, whose last loss is given. ValueError if the activation or the
    scaling is none that MLPClassifier can express.
    """
    from sklearn.neural_network import MLPClassifier  # slow, and needed by nothing else
    from sklearn.pipeline import Pipeline

    _check_expressible(model)
    encoding = model.encoding
    steps: list[tuple[str, Any]] = []
    owners: list[Any] = []
    if encoding.bins is None:
        layers = folded_layers(model)
    else:
        knots = _knots(encoding.bins, encoding.n_features)
        features, owners = _features(encoding.scaling, knots)
        layers, steps = _spline_layers(model, encoding.bins, knots), [("features", features)]
    settings = {name: deepcopy(config.given[name]) for name in MLPClassifier().get_params()}
    mlp = MLPClassifier(**settings | _closest_settings(config, model.network, layers[1]))
    vars(mlp).update(_mlp_attributes(layers, model.classes, state, mlp.early_stopping), loss_=loss)
    for owner in owners or [mlp]:  # who is given the rows as they are
        if feature_names is not None:
            owner.feature_names_in_ = feature_names.copy()
    return Pipeline([*steps, ("mlp", mlp)]) if steps else mlp


def _check_expressible(model: FittedModel) -> None:
    network, scaling = model.network, model.encoding.scaling
    _check_numbers(model, "to_sklearn needs", ValueError)
    if scaling is not None and scaling.kind == "robust":
        raise ValueError(
            "scaling='robust' clips features smoothly, which no layer of MLPClassifier does; "
            "only models of scaling='standard' or None can be converted."
        )
    if network.hidden_sizes and network.activation not in ACTIVATIONS_IN_COMMON:
        raise ValueError(
            f"activation={network.activation!r} is none of MLPClassifier's; only models of "
            f"{', '.join(map(repr, ACTIVATIONS_IN_COMMON))} can be converted."
        )


def _closest_settings(
    config: TrainingConfig, network: Network, intercepts: list[np.ndarray]
) -> dict[str, Any]:
    """Return MLPClassifier's settings of what has values there that are not ours."""
    activation, schedule = network.activation, config.learning_rate
    return {
        "hidden_layer_sizes": tuple(len(b) for b in intercepts[:-1]),
        "activation": activation if activation in ACTIVATIONS_IN_COMMON else "identity",
        "solver": config.solver if config.in_batches else "lbfgs",
        "learning_rate": schedule if schedule in SCHEDULES_IN_COMMON else "constant",
        # What is larger than the number of rows, "auto" alone takes without a warning.
        "batch_size": "auto" if config.batch_size == PEER_BATCH_SIZE else config.batch_size,
        "max_iter": config.max_iter,
        "early_stopping": config.holds_out,
    }


def _mlp_attributes(
    layers: Layers, classes: np.ndarray, state: TrainingState, early_stopping: bool
) -> dict[str, Any]:
    """Return all that a fitted MLPClassifier has, and its own warm start goes on from."""
    coefs, intercepts = layers
    if len(classes) == 1:
        # The one output is of a second class, which there is not: as improbable as can be.
        coefs[-1][...], intercepts[-1][...] = 0.0, log(np.finfo(intercepts[-1].dtype).tiny)
    n_classes, history = len(classes), state.history
    # Its labels may be of kinds that LabelBinarizer cannot fit, and only predict.
    binarizer = LabelBinarizer().fit(np.arange(n_classes))
    binarizer.classes_ = classes.copy()
    return {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "classes_": binarizer.classes_,
        "n_features_in_": len(coefs[0]),
        "n_layers_": len(coefs) + 1,
        "n_outputs_": len(intercepts[-1]),
        "out_activation_": "softmax" if n_classes > 2 else "logistic",
        "n_iter_": state.n_iter,
        "t_": state.position.t,
        "loss_curve_": list(history.loss_curve),
        "best_loss_": None if early_stopping else min(history.loss_curve, default=inf),
        "validation_scores_": list(history.validation_scores) if early_stopping else None,
        "best_validation_score_": history.best_score if early_stopping else None,
        "_label_binarizer": binarizer,
        "_best_coefs": [W.copy() for W in coefs],
        "_best_intercepts": [b.copy() for b in intercepts],
        "_no_improvement_count": 0,
    }


def linear_coefficients(model: FittedModel) -> tuple[np.ndarray, np.ndarray]:
    """Return W^T and b with which rows as they are have decision_function X W + b.

    AttributeError where there are none: with hidden layers, bins, and features that are clipped.
    """
    if model.network.hidden_sizes:
        raise AttributeError(
            "coef_ and intercept_ exist without a hidden layer only; hidden layers have "
            f"{model.network.hidden_sizes} units. coefs_ and intercepts_ hold those of each."
        )
    _check_numbers(model, "coef_ and intercept_ need", AttributeError)
    if model.encoding.bins is not None:
        raise AttributeError(
            f"coef_ and intercept_ do not exist with numerical_encoding={model.encoding.kind!r}, "
            "whose bins make logits no linear function of X. Use numerical_encoding='linear'."
        )
    if model.encoding.scaling is not None and model.encoding.scaling.kind == "robust":
        raise AttributeError(
            "coef_ and intercept_ do not exist with scaling='robust', which clips features "
            "smoothly: logits are then no linear function of X. Use scaling='standard' or None."
        )
    (W,), (b,) = folded_layers(model)
    return W.T, b


def _check_numbers(model: FittedModel, what: str, error: type[Exception]) -> None:
    """Raise an error for a model of categories, or of numbers with gaps."""
    encoding = model.encoding
    if encoding.columns is None and encoding.indicators is None:
        return
    found = "gaps in numbers" if encoding.columns is None else "categories"
    raise error(
        f"{what} a model of numbers without gaps, and this one has been fitted to {found}. "
        "Encode them in a pipeline before the classifier."
    )


def folded_layers(model: FittedModel) -> Layers:
    """Return weight matrices and biases for rows as they are, and one output for two classes."""
    coefs, intercepts = model.layers
    dtypes = [model.params.dtype] * len(coefs)
    if model.encoding.scaling is not None:
        center, inverse_scale = model.encoding.scaling.center, model.encoding.scaling.inverse_scale
        coefs[0] = coefs[0] * inverse_scale[:, np.newaxis]
        intercepts[0] = intercepts[0] - center @ coefs[0]
        if np.abs(center * inverse_scale).max() >= MAX_SHIFT:
            dtypes[0] = np.dtype(np.float64)  # of the difference, float32 would lose the digits
    return _with_last_folded(model, coefs, intercepts, dtypes)


def _spline_layers(model: FittedModel, bins: Bins, knots: np.ndarray) -> Layers:
    """Return weight matrices and biases for what `_features` makes of rows, likewise."""
    coefs, intercepts = model.layers
    encoding = model.encoding
    numbers, of_bins = np.split(coefs[0], [encoding.n_features])
    if encoding.scaling is not None and encoding.scaling.constant is not None:
        numbers = np.where(encoding.scaling.constant[:, np.newaxis], 0.0, numbers)
    # Of each bin the component at the knots of its column, standardised. Its mean needs no bias
    # because the B-splines of a column sum to 1.
    u = np.clip((knots[:, bins.column] - bins.start) / (bins.stop - bins.start), 0.0, 1.0)
    u = (u - bins.mean) / bins.deviation
    splines = np.zeros((encoding.n_features, len(knots), coefs[0].shape[1]))
    for column in np.unique(bins.column):
        own = bins.column == column
        splines[column] = u[:, own] @ of_bins[own]
    coefs[0] = np.concatenate([numbers, splines.reshape(-1, splines.shape[2])])
    return _with_last_folded(model, coefs, intercepts, [model.params.dtype] * len(coefs))


def _with_last_folded(
    model: FittedModel,
    coefs: list[np.ndarray],
    intercepts: list[np.ndarray],
    dtypes: list[np.dtype],
) -> Layers:
    """Return new arrays of these dtypes; temperature and differences are in the last layer."""
    W, b = coefs[-1] / model.temperature, intercepts[-1] / model.temperature
    if len(b) == 2:
        W, b = W[:, 1:] - W[:, :1], b[1:] - b[:1]
    coefs[-1], intercepts[-1] = W, b
    new_coefs, new_intercepts = (
        [np.array(array, dtype=dtype) for array, dtype in zip(layers, dtypes, strict=True)]
        for layers in (coefs, intercepts)
    )
    return new_coefs, new_intercepts


def _knots(bins: Bins, n_features: int) -> np.ndarray:
    """Return the edges of the bins of each column, rising, of shape (n_knots, n_features).

    Where a column has fewer edges than another, knots beyond its last one follow: all of its
    components are 1 there. Those of a column without bins are 0, 1, ...: their weights are 0.
    """
    edges = {
        column: np.unique([bins.start[bins.column == column], bins.stop[bins.column == column]])
        for column in np.unique(bins.column)
    }
    n_knots = max(map(len, edges.values()))
    knots = np.tile(np.arange(float(n_knots))[:, np.newaxis], n_features)
    for column, own in edges.items():
        # Less than two roundings of the last edge might not rise.
        step = max(own[-1] - own[-2], 2.0 * np.spacing(abs(own[-1])))
        knots[: len(own), column] = own
        knots[len(own) :, column] = own[-1] + step * np.arange(1, n_knots - len(own) + 1)
    return knots


def _features(scaling: Scaling | None, knots: np.ndarray) -> tuple[Any, list[Any]]:
    """Return a fitted FeatureUnion of scaled numbers and B-splines, and the two transformers."""
    from sklearn.pipeline import FeatureUnion
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    numbers = "passthrough" if scaling is None else StandardScaler()
    splines = SplineTransformer(degree=1, knots=knots, extrapolation="constant")
    union = FeatureUnion([("numbers", numbers), ("bins", splines)])
    with np.errstate(over="ignore", invalid="ignore"):
        union.fit(knots)  # of which it learns the number of columns, and no more
    transformers = [transformer for _, transformer in union.transformer_list]
    if scaling is not None:
        # That of a constant column has no effect, because its weights are 0.
        center, scale = scaling.center.copy(), scaling.scale.copy()
        vars(transformers[0]).update(mean_=center, scale_=scale, var_=scale**2)
    return union, transformers


def parameters_like(names: Iterable[str], peer: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with which our classifier is as an MLPClassifier.

    `names` are those of its parameters, and `peer` all of its attributes.
    """
    settings = {name: deepcopy(peer[name]) for name in names}
    if settings["solver"] != "sgd":
        settings["learning_rate"] = "constant"  # there, schedules are SGD's only
    if settings["solver"] == "lbfgs":
        settings["early_stopping"] = False  # nor does L-BFGS stop early
    if settings["batch_size"] == "auto":
        settings["batch_size"] = PEER_BATCH_SIZE
    settings |= NEUTRAL
    if settings["early_stopping"]:
        settings["scoring"] = "accuracy"  # which nothing reads otherwise
    if "coefs_" in peer and all(W.dtype == np.float32 for W in peer["coefs_"]):
        settings["dtype"] = "float32"
    return settings


def outcome_like(peer: dict[str, Any], config: TrainingConfig) -> FitResult:
    """Return the `FitResult` of a fit that ended with what an MLPClassifier has learnt.

    `peer` are its attributes, and the config is of parameters like its. ValueError if it is
    multilabel, or has parameters that are not finite.
    """
    classes = np.array(peer["classes_"])
    if peer["n_outputs_"] > 1 and peer["out_activation_"] == "logistic":
        raise ValueError(
            "The MLPClassifier is multilabel: each of its outputs is a probability of its own. "
            "Only those of one label per row can be converted."
        )
    params = _flat([*peer["coefs_"], *peer["intercepts_"]], len(classes))
    if not np.isfinite(params).all():
        raise ValueError("The MLPClassifier has coefs_ or intercepts_ that are not finite.")
    encoding = Encoding(peer["n_features_in_"])
    network = config.build_network(encoding, len(classes))
    state = replace(
        first_state(config),
        params=params.copy(),
        position=ScheduleState(t=int(peer["t_"])),
        history=_history_like(peer, params),
        n_iter=int(peer["n_iter_"]),
        stop_reason=StopReason.CONVERGENCE,
    )
    model = FittedModel(params, network, classes, encoding)
    return FitResult(model, state, loss=float(peer["loss_"]), convergence_message=None)


def _history_like(peer: dict[str, Any], params: np.ndarray) -> History:
    """Return what the fit of an MLPClassifier has recorded: of "lbfgs" only the last loss."""
    history = History(Curve(peer.get("loss_curve_", [peer["loss_"]])))
    scores = peer.get("validation_scores_")
    if scores:  # under early stopping only
        history.validation_loss_curve = Curve([np.nan] * len(scores))
        history.validation_scores = Curve(scores)
        history.best_score, history.best_params = peer["best_validation_score_"], params
        history.best_epoch = 1 + scores.index(history.best_score)
    return history


def _flat(arrays: list[np.ndarray], n_classes: int) -> np.ndarray:
    """Return every W, then every b, as one new vector with an output per class.

    Where MLPClassifier has one output, that of class 1, class 0 gets zeros. Overwrites the list.
    """
    if n_classes <= 2:
        for last in (len(arrays) // 2 - 1, -1):
            zeros = np.zeros_like(arrays[last])
            arrays[last] = np.hstack([zeros, arrays[last]])[..., :n_classes]
    return np.concatenate([np.ravel(array) for array in arrays])
