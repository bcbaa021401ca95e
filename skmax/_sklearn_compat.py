"""Every private name of scikit-learn that skmax uses, in one place."""

from copy import copy
from typing import Any

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _num_samples as n_samples

__all__ = ["DescribedHTML", "Interval", "Options", "StrOptions", "fit_context", "n_samples"]

# What scikit-learn puts on an estimator for a fit, and leaves there if it is interrupted.
CONTEXTS = ("_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx")

# The callbacks that are set on an estimator; its method that sets them up for a fit and returns
# its context; and the one that raises InvalidParameterError for parameters not as constrained.
CALLBACKS, BEGIN_CONTEXT = "_skl_callbacks", "_init_callback_context"
VALIDATE = "_validate_params"


def metric_of(scorer: Any) -> Any:
    """Return the metric of a scorer, None for a callable of the user's."""
    return getattr(scorer, "_score_func", None)


def needs_scores(scorer: Any) -> bool:
    """Return whether a scorer is of scores or probabilities, not of predictions."""
    return scorer._response_method != "predict"


def has_labels(scorer: Any) -> bool:
    """Return whether a scorer has been told the labels of its metric."""
    return "labels" in scorer._kwargs


def with_labels(scorer: Any, labels: np.ndarray) -> Any:
    """Return a scorer whose metric is told the labels."""
    scorer = copy(scorer)
    scorer._kwargs = {**scorer._kwargs, "labels": labels}
    return scorer


class DescribedHTML:
    """Mixin: the HTML page of an estimator describes its parameters, and links to no site.

    scikit-learn shows the descriptions only if the parameters have links. These lead to the page
    that they are on.
    """

    def _get_doc_link(self) -> str:
        return ""

    def _get_params_html(self, deep: bool = True, doc_link: str = "") -> Any:
        return super()._get_params_html(deep, doc_link or " ")  # type: ignore[misc]

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        return super()._get_fitted_attr_html(doc_link or " ")  # type: ignore[misc]
