"""FitScope: one call of fit, all or nothing: checks, callbacks, and what is published."""

from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import validate_data

from .._data.arrays import n_rows_of
from .._data.checks import (
    check_groups,
    check_levels,
    check_rows,
    check_same_classes,
    stream_classes,
    weighted_sample,
)
from .._data.columns import learn_columns
from .._data.far_rows import warn_of_far_rows
from .._data.labels import class_indices, encode
from .._data.splits import units_of
from .._data.warning import warn
from .._sklearn_compat import BEGIN_CONTEXT, CALLBACKS
from .._training.advice import warn_of_idle_settings, warn_of_text
from .._training.config import TrainingConfig
from .._training.dataset import InMemory
from .._training.run import FitObserver, FitResult
from .._training.scoring import Scorer
from .._training.start import Start, check_no_initial_values, fresh, resumed, stream, warm
from .._training.state import UnfinishedFit
from .._training.temperature import MIN_ROWS
from .bridge import CallbackObserver


class FitScope:
    """One call of `fit` or `partial_fit` of an estimator.

    The estimator itself is not written to before the fit is published, in one assignment.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
    task_name : {"fit", "partial_fit"}
    X, y, sample_weight : as they were given
        For callbacks.
    local : SoftmaxMLPClassifier, default=None
        The classifier that is trained, if it is another than the estimator, which then has it
        as its attribute `_local`.
    """

    def __init__(
        self,
        estimator: Any,
        task_name: str,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        local: Any = None,
    ) -> None:
        self.estimator, self.trains_itself = estimator, local is None
        self.working_copy = copy(estimator) if local is None else local  # validation writes to it
        config = TrainingConfig.of(self.working_copy, n_rows_of(X))
        self.unfinished: UnfinishedFit | None = (
            vars(estimator).get("_unfinished") if task_name == "fit" else None
        )
        if self.unfinished is not None:
            self.unfinished.check_parameters(config)
        # What this fit goes on from, None if it begins anew or is resumed.
        self.model, self.state = vars(estimator).get("_model"), vars(estimator).get("_state")
        if task_name == "fit" and (self.unfinished is not None or not config.warm_start):
            self.model = self.state = None
        if task_name == "partial_fit":
            config = config.for_stream(0 if self.state is None else self.state.position.t)
        if config.scoring != "loss":
            config = replace(config, scorer=Scorer(self.working_copy))
        self.config = config
        # What the columns of X are, once it is known; None if all are numbers.
        self.columns = None if self.model is None else self.model.encoding.columns
        self.observer = self._begin_callbacks(task_name, X, y, sample_weight)

    def _begin_callbacks(self, task_name: str, X: Any, y: Any, sample_weight: Any) -> FitObserver:
        """Set up the callbacks and tell them that the fit begins; return its observer."""
        estimator, config = self.estimator, self.config
        if not getattr(estimator, CALLBACKS, []):
            return FitObserver()
        n_tasks = config.max_iter + (config.asks_held_out_rows and not config.holds_out)
        context = getattr(estimator, BEGIN_CONTEXT)(task_name=task_name, max_subtasks=n_tasks)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        news = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        return CallbackObserver(context, config.unit, news, self._attributes)

    def _attributes(self, result: FitResult) -> dict[str, Any]:
        features, keeps = vars(self.working_copy), self.config.warm_start
        fitted = fitted_attributes(features, result, keeps_held_out=keeps)
        if self.trains_itself:
            return fitted
        local = copy(self.working_copy)
        local.__dict__.update(fitted)
        return {"_local": local}

    def check(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        groups: Any,
        X_val: Any,
        y_val: Any,
        sample_weight_val: Any,
    ) -> tuple[InMemory, InMemory | None]:
        """Return the rows of a fit and its validation rows, or None for those."""
        config = self.config
        X, y, sample_weight = self._check_rows(X, y, sample_weight, reset=self.model is None)
        groups = check_groups(groups, X.shape[0], X_val)
        classes, labels = encode(y)
        if self.model is not None:
            check_same_classes(classes, self.model.classes)
        dataset = weighted_sample(X, labels, sample_weight, groups, self.columns)
        rows = InMemory(config, dataset, classes)
        given = self.check_validation(classes, X_val, y_val, sample_weight_val)
        warn_of_idle_settings(config, has_validation_rows=given is not None)
        if self.model is None:  # else it has been said
            names = getattr(self.working_copy, "feature_names_in_", None)
            warn_of_text(dataset, config.min_count, names)
        if given is not None:
            warn_of_far_rows(dataset, given.dataset)
            if config.temperature_scaling and len(classes) > 1 and given.n_rows < MIN_ROWS:
                warn(
                    f"X_val has {given.n_rows} rows, and calibration needs {MIN_ROWS}: the "
                    "temperature stays 1. Give more rows, or set temperature_scaling=False."
                )
        if dataset.groups is not None and config.asks_held_out_rows and not config.holds_out:
            if units_of(dataset.labels, dataset.groups).can_be_held_out.sum() < 2:
                warn(
                    "No group of rows can be held out, because there is one group, or each has a "
                    "class that no other has: the fit runs to its end, and nothing calibrates it."
                )
        return rows, given

    def _check_rows(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, suffix: str = ""
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """Return clean rows; of the first ones, `reset`, the working copy learns the features."""
        if reset:
            self.columns = learn_columns(X, self.config.categorical_features)
        return check_rows(
            *(X, y, sample_weight),
            columns=self.columns,
            validate=partial(validate_data, self.working_copy, reset=reset),
            names=None if reset else getattr(self.working_copy, "feature_names_in_", None),
            scaling=self.config.scaling,
            caller=type(self.working_copy).__name__,
            suffix=suffix,
        )

    def check_validation(
        self, classes: np.ndarray, X_val: Any, y_val: Any, sample_weight_val: Any
    ) -> InMemory | None:
        """Return the validation rows that the user has given, or None."""
        if X_val is None and y_val is None and sample_weight_val is None:
            return None
        if X_val is None or y_val is None:
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"X_val and y_val belong together, but {missing} is None.")
        arguments = (X_val, y_val, sample_weight_val)
        try:
            X, y, weight = self._check_rows(*arguments, reset=False, suffix="_val")
        except ValueError as error:
            raise ValueError(f"Of the validation rows, X_val and y_val: {error}") from error
        try:
            labels = class_indices(y, classes)
        except ValueError as error:
            raise ValueError(f"y_val does not fit y: {error}") from error
        dataset = weighted_sample(X, labels, weight, columns=self.columns)
        return InMemory(self.config, dataset, classes)

    def check_portion(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> InMemory:
        """Return the rows of one portion of a stream."""
        X, y, sample_weight = self._check_rows(X, y, sample_weight, reset=self.model is None)
        if self.model is None:
            check_levels(self.columns, getattr(self.working_copy, "feature_names_in_", None))
        classes = stream_classes(classes, None if self.model is None else self.model.classes)
        labels = class_indices(y, classes)
        dataset = weighted_sample(X, labels, sample_weight, columns=self.columns)
        return InMemory(self.config, dataset, classes)

    def start(self, rows: InMemory, coefs_init: Any, intercepts_init: Any) -> Start:
        """Return the start of a fit: fresh, warm or resumed."""
        config, (n_rows, n_features) = self.config, rows.dataset.X.shape
        if self.unfinished is not None:
            self.unfinished.check_data(n_rows, n_features, rows.classes)
            return resumed(config, self.unfinished)
        if self.model is None:
            return fresh(config, coefs_init, intercepts_init)
        check_no_initial_values(coefs_init, intercepts_init)
        return warm(config, self.state, self.model)

    def stream(self, rows: InMemory) -> Start:
        """Return the start of an epoch over one portion of a stream."""
        return stream(self.config, rows, self.state, self.model)

    def publish(self, result: FitResult) -> Any:
        """Rebind every fitted attribute; nothing else assigns to the estimator."""
        estimator = self.estimator
        if result.convergence_message:  # first: if warnings are errors, the old model is kept
            warn(result.convergence_message, ConvergenceWarning)
        fitted = self._attributes(result)
        gone = {"feature_names_in_", "_unfinished"} - fitted.keys()
        # In one assignment: an interruption or another thread finds the old or the new model.
        kept = {name: value for name, value in vars(estimator).items() if name not in gone}
        before, estimator.__dict__ = estimator.__dict__, kept | fitted
        if result.interruption is not None:
            raise result.interruption
        try:
            self.observer.end_fit(fitted)
        except Exception:  # of a callback: a fit that fails leaves the old model
            estimator.__dict__ = before
            raise
        return estimator


def fitted_attributes(
    features: dict[str, Any], result: FitResult, *, keeps_held_out: bool = False
) -> dict[str, Any]:
    """Return the attributes of an estimator whose fit has this result.

    Parameters
    ----------
    features : dict
        What the estimator knows of the features: `n_features_in_` and perhaps their names.
    result : FitResult
    keeps_held_out : bool, default=False
        Whether a warm start is to continue the held-out fits, too.
    """
    model, state, history = result.model, result.state, result.state.history
    keeps_best = history.best_params is not None
    # Only a fit that is not over has a target_iter: these are attributes for a callback.
    if not state.stop_reason.is_pause and state.target_iter is None:
        state = state.finalized()
    elif not keeps_held_out:
        state = replace(state, held_out_fits=[])
    best_score = history.best_score
    names = ("n_features_in_", "feature_names_in_")
    return {name: features[name] for name in names if name in features} | {
        "_model": model,
        "_state": state,
        "n_layers_": len(model.network.layer_sizes),
        "n_outputs_": len(model.classes),
        "out_activation_": "softmax",
        "n_iter_": state.n_iter,
        "t_": state.position.t,
        "loss_": result.loss,
        "best_loss_": None if keeps_best or not history.loss_curve else history.loss_curve.least,
        "best_validation_score_": None if np.isneginf(best_score) else best_score,
        "best_epoch_": history.best_epoch if keeps_best else None,
    }
