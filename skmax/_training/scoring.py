"""Loss and score of validation rows, for parameters that are still in training."""

import inspect
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring

from .._data.labels import listed
from .._network.model import FittedModel
from .._optim.objective import mean_cross_entropy
from .._sklearn_compat import has_labels, metric_of, needs_scores, with_labels
from .config import TrainingConfig, published_dtype


class Scorer:
    """The scorer that an estimator's `scoring` names or is, of models that are in training.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        A copy of it, with the current parameters of the network, is given to the scorer.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.outer = np.geterr()

    def of(self, model: FittedModel, validation: Any) -> Callable[[np.ndarray], float]:
        """Return ``score(params)`` of the validation rows."""
        scoring = self.estimator.scoring
        rows = validation.dataset
        scorer = check_scoring(self.estimator, scoring=scoring)
        X = rows.X if rows.index is None else rows.X[rows.index]
        X = X if rows.columns is None else rows.columns.table(X)  # what the estimator predicts of
        y = model.classes[rows.labels]
        score = over_all_classes(scorer, scoring, model.classes, y)
        weight = {}
        if rows.sample_weight is not None and takes_weights(scorer):
            with np.errstate(over="ignore"):
                weights = rows.sample_weight * rows.weight_scale
                too_large = not np.isfinite(weights.sum())
            weight = {"sample_weight": rows.sample_weight if too_large else weights}
        dtype = published_dtype(validation)
        candidate = copy(self.estimator)
        candidate.__dict__.pop("feature_names_in_", None)  # it is given arrays

        def score_of(params: np.ndarray) -> float:
            candidate._model = replace(model, params=params.astype(dtype))
            with np.errstate(**self.outer):
                return score(candidate, X, y, **weight)

        return score_of


def evaluator(
    config: TrainingConfig, model: FittedModel, validation: Any, dtype: np.dtype
) -> Callable[[np.ndarray], tuple[float, float]]:
    """Return ``evaluate(params) -> (loss, score)`` of the validation rows.

    The loss is in the precision of the fit, weighted by sample weights times class weights.
    The score is what the estimator's `scoring` says.
    """
    rows, labels = validation.dataset.reader(model.encoding, dtype), validation.dataset.labels
    weight, score = validation.row_weight, config.scorer and config.scorer.of(model, validation)

    def evaluate(params: np.ndarray) -> tuple[float, float]:
        loss = mean_cross_entropy(model.network, params, rows, labels, weight)
        return loss, score(params) if score else -loss

    return evaluate


def over_all_classes(scorer: Any, scoring: Any, classes: Any, y: Any) -> Callable[..., float]:
    """Return `score(estimator, X, y, **weight) -> float`, that of a scorer, for labels like `y`.

    If `y` lacks some of the classes, a metric of scores or probabilities is told all classes if
    it has a parameter for them. If a metric fails all the same, or its value is not a number,
    `score` raises a ValueError that names `scoring` and the classes.
    """
    classes, present = np.asarray(classes), set(np.ravel(y).tolist())
    missing = classes[np.array([label not in present for label in classes.tolist()], dtype=bool)]
    metric = metric_of(scorer)
    if len(missing) and metric is not None and needs_scores(scorer):
        if "labels" in inspect.signature(metric).parameters and not has_labels(scorer):
            scorer = with_labels(scorer, classes)

    def score(*arguments: Any, **weight: Any) -> float:
        if not len(missing):
            return float(scorer(*arguments, **weight))
        try:
            value = float(scorer(*arguments, **weight))
        except (ValueError, UserWarning) as error:  # a warning if warnings are errors
            raise _undefined(scoring, missing, str(error)) from error
        if metric is not None and np.isnan(value):
            raise _undefined(scoring, missing, "it is not a number")
        return value

    return score


def _undefined(scoring: Any, missing: np.ndarray, why: str) -> ValueError:
    return ValueError(
        f"scoring={scoring!r} cannot score the validation rows, which lack the classes "
        f"{listed(missing)}: {why}. Give validation rows of every class (X_val, y_val), or use a "
        "scoring that needs none, such as 'loss' or 'accuracy'."
    )


def takes_weights(scorer: Any) -> bool:
    """Return whether a scorer can be given weights: not every metric or callable can."""
    metric = metric_of(scorer)
    try:
        parameters = inspect.signature(metric or scorer).parameters
    except ValueError:  # some built-in functions have no signature
        return False
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return "sample_weight" in parameters or (metric is None and any_keyword)
