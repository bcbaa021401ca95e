"""Loss and score of held-out rows, for parameters that are still in training."""

import inspect
from copy import copy
from dataclasses import replace

import numpy as np
from sklearn.metrics import check_scoring

from .._data.labels import listed
from .._optim.objective import mean_cross_entropy
from .building import published_dtype


def validator(estimator, state, model, held_out, row_weight):
    """Return `validate(params) -> (loss, score)` for the held-out rows, if there are any.

    The loss is in the precision of the state, with `row_weight`: sample weights times class
    weights. The score is what the estimator's `scoring` says; scorers get a copy of it.
    """
    if held_out is None:
        return None
    rows = held_out.rows(model.scaling, state.params.dtype)
    score_of = None
    if estimator.scoring != "loss":
        score_of = _scorer(estimator, model, held_out)

    def validate(params):
        loss = mean_cross_entropy(model.network, params, rows, held_out.labels, row_weight)
        return loss, -loss if score_of is None else score_of(params)

    return validate


def _scorer(estimator, model, held_out):
    """Return `score_of(params)` by the scorer that `scoring` names or is."""
    scorer = check_scoring(estimator, scoring=estimator.scoring)
    X = held_out.X if held_out.index is None else held_out.X[held_out.index]
    y = model.classes[held_out.labels]
    score = over_all_classes(scorer, estimator.scoring, model.classes, y)
    weight = {}
    if held_out.sample_weight is not None and takes_weights(scorer):
        with np.errstate(over="ignore"):
            weights = held_out.sample_weight * held_out.weight_scale
            too_large = not np.isfinite(weights.sum())
        weight = {"sample_weight": held_out.sample_weight if too_large else weights}
    dtype = published_dtype(held_out.X)
    candidate = copy(estimator)
    candidate.__dict__.pop("feature_names_in_", None)  # it is given arrays

    def score_of(params):
        candidate._model = replace(model, params=params.astype(dtype))
        return score(candidate, X, y, **weight)

    return score_of


def over_all_classes(scorer, scoring, classes, y):
    """Return `score(estimator, X, y, **weight) -> float`, that of a scorer, for labels like `y`.

    Where `y` lacks some of the classes, a metric of scores or probabilities that can be told
    all of them is told. Any that fails all the same, or is no number, is a ValueError of
    `score` that names `scoring` and the classes.
    """
    classes, present = np.asarray(classes), set(np.ravel(y).tolist())
    missing = classes[np.array([label not in present for label in classes.tolist()], dtype=bool)]
    metric = getattr(scorer, "_score_func", None)  # a callable of the user's has none
    if len(missing) and metric is not None and scorer._response_method != "predict":
        if "labels" in inspect.signature(metric).parameters and "labels" not in scorer._kwargs:
            scorer = copy(scorer)
            scorer._kwargs = {**scorer._kwargs, "labels": classes}

    def score(estimator, X, y, **weight):
        if not len(missing):
            return float(scorer(estimator, X, y, **weight))
        try:
            value = float(scorer(estimator, X, y, **weight))
        except (ValueError, UserWarning) as error:  # a warning where warnings are errors
            raise _undefined(scoring, missing, str(error)) from error
        if metric is not None and np.isnan(value):
            raise _undefined(scoring, missing, "it is not a number")
        return value

    return score


def _undefined(scoring, missing, why):
    return ValueError(
        f"scoring={scoring!r} cannot score the validation rows, which lack the classes "
        f"{listed(missing)}: {why}. Give validation rows of every class (X_val, y_val), or use a "
        "scoring that needs none, such as 'loss' or 'accuracy'."
    )


def takes_weights(scorer):
    """Return whether a scorer can be given weights: not every metric or callable can."""
    metric = getattr(scorer, "_score_func", None)
    try:
        parameters = inspect.signature(metric or scorer).parameters
    except ValueError:  # some built-in functions have no signature
        return False
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return "sample_weight" in parameters or (metric is None and any_keyword)
