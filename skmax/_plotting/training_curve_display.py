"""TrainingCurveDisplay: how a fit went, epoch by epoch."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from .._data.checks import check_option, last_step
from .._optim.optimizers import OPTIMIZERS
from .drawing import draw_curve, dressed_axes, legend_with_room, prefix_of, pyplot, scale_losses

QUANTITIES = ("loss", "score")


@dataclass(kw_only=True, eq=False, repr=False)
class TrainingCurveDisplay:
    """Picture of the loss, or of the validation score, after each epoch of a fit.

    The solid line is the training loss, and the dashed line was measured on validation rows. A dot
    marks the epoch whose parameters early stopping has kept. Several fits on one axes have
    different colours.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Training loss.
    validation_loss : array-like of shape (n_epochs,), default=None
        Loss of the validation rows; NaN for epochs without them.
    validation_score : array-like of shape (n_epochs,), default=None
        Score of the validation rows, greater is better; NaN for epochs without them.
    best_epoch : int, default=None
        Epoch whose parameters were kept, from 1 to n_epochs. None marks no epoch.
    name : str, default=None
        Name of the fit in the legend. None shows none.
    loss_name, score_name, epoch_name : str, default="loss (nats)", "score" and "epoch"
        Labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure with the axes.
    line_ : matplotlib Line2D or None
        Training loss. None if scores are drawn.
    validation_line_ : matplotlib Line2D or None
        Validation loss or score. None without validation loss.

    See Also
    --------
    ReliabilityDisplay : Picture that shows whether probabilities are honest.
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of training rows.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skmax import SoftmaxMLPClassifier, TrainingCurveDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> clf = SoftmaxMLPClassifier(early_stopping=True, random_state=0).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator(clf)
    >>> display.line_.get_ydata().tolist() == clf.loss_curve_
    True
    """

    loss: ArrayLike
    validation_loss: ArrayLike | None = None
    validation_score: ArrayLike | None = None
    best_epoch: int | None = None
    name: str | None = None
    loss_name: str = "loss (nats)"
    score_name: str = "score"
    epoch_name: str = "epoch"

    def plot(
        self, ax: Any = None, *, name: str | None = None, quantity: str = "loss", **kwargs: Any
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, which may have curves of other fits. None makes a figure.
        name : str, default=None
            Name of the fit in the legend. None takes that of the display.
        quantity : {"loss", "score"}, default="loss"
            What to draw: the losses, on a logarithmic axis if all are positive, or the
            validation scores.
        **kwargs : dict
            Passed to matplotlib's `plot`, for every curve.

        Returns
        -------
        self : TrainingCurveDisplay
            With `ax_` and `figure_`.

        Raises
        ------
        TypeError
            If matplotlib knows none of such arguments.
        ValueError
            If `quantity` is unknown, or there are no validation scores to draw.
        ImportError
            If matplotlib is missing.
        """
        check_option("quantity", quantity, QUANTITIES)
        draws_loss = quantity == "loss"
        validation = _measured(self.validation_loss if draws_loss else self.validation_score)
        if validation is None and not draws_loss:
            raise ValueError(
                "quantity='score' needs validation scores, and this fit has none: fit with "
                "early_stopping=True or with X_val and y_val."
            )
        ax = self.ax_ = dressed_axes(ax, self, kwargs)
        self.figure_ = ax.figure
        prefix = prefix_of(self, name)
        self.line_ = self.validation_line_ = None
        if draws_loss:
            style = {"label": f"{prefix}training"}
            if validation is None:
                style |= self._mark(style["label"])
            self.line_ = draw_curve(ax, self.loss, style, kwargs)
        if validation is not None:
            style = {"label": f"{prefix}validation", "linestyle": "--"}
            style |= self._mark(style["label"])
            if self.line_ is not None:
                style["color"] = self.line_.get_color()
            self.validation_line_ = draw_curve(ax, validation, style, kwargs)
        if draws_loss:
            scale_losses(ax)
        ax.xaxis.get_major_locator().set_params(integer=True)
        # Not left=0 alone: the right end would stay where the first of several fits ends.
        ax.set_xlim(0, 1.05 * max(float(np.max(line.get_xdata())) for line in ax.lines))
        ax.set(xlabel=self.epoch_name, ylabel=self.loss_name if draws_loss else self.score_name)
        ax.grid(axis="y", alpha=0.25)
        legend_with_room(ax, above=draws_loss)
        return self

    def _mark(self, label: str) -> dict[str, Any]:
        """Return what marks the epoch that was kept, on a curve and in its label."""
        if self.best_epoch is None:
            return {}
        label = f"{label}, {self.epoch_name} {self.best_epoch} kept"
        return {"marker": "o", "markevery": [self.best_epoch - 1], "label": label}

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        ax: Any = None,
        quantity: str = "loss",
        **kwargs: Any,
    ) -> Self:
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier, Pipeline or another with `loss_curve_`
            Fitted. Of a pipeline, the last step.
        name : str, default=None
            Name of the fit in the legend. None shows none.
        ax : matplotlib Axes, default=None
            Axes to draw on, which may have curves of other fits. None makes a figure.
        quantity : {"loss", "score"}, default="loss"
            What to draw: losses or validation scores.
        **kwargs : dict
            Passed to matplotlib's `plot`, for every curve.

        Returns
        -------
        display : TrainingCurveDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has no `loss_curve_`, or no validation scores where they are to be drawn.
        ImportError
            If matplotlib is missing.

        Notes
        -----
        The training loss is J: it has the penalty and the smoothed labels in it, which the
        validation loss has not, and lies above it for that reason alone. Both are as they
        were in training, before there was a temperature.

        The dot is at `best_epoch_`, or at the first of the best `validation_scores_` of an
        estimator that does not know it, as MLPClassifier.

        Examples
        --------
        Two fits on one axes:

        >>> from sklearn.datasets import load_wine
        >>> from skmax import SoftmaxMLPClassifier, TrainingCurveDisplay
        >>> X, y = load_wine(return_X_y=True)
        >>> clf = SoftmaxMLPClassifier().fit(X, y)
        >>> linear = SoftmaxMLPClassifier(()).fit(X, y)
        >>> display = TrainingCurveDisplay.from_estimator(clf, name="two layers")
        >>> ax = display.ax_
        >>> _ = TrainingCurveDisplay.from_estimator(linear, name="none", ax=ax)
        >>> len(ax.lines)
        2
        """
        pyplot(cls.__name__)
        classifier = last_step(estimator)
        check_is_fitted(classifier)
        if not hasattr(classifier, "loss_curve_"):
            raise ValueError(
                f"The estimator must have a loss_curve_, got a {type(classifier).__name__} "
                "without one."
            )
        scores = getattr(classifier, "validation_scores_", None)
        # Without early stopping there is a best loss, and the last parameters are kept.
        stopped_early = getattr(classifier, "best_loss_", None) is None
        best = getattr(classifier, "best_validation_score_", None) if stopped_early else None
        display = cls(
            loss=classifier.loss_curve_,
            validation_loss=getattr(classifier, "validation_loss_curve_", None),
            validation_score=scores,
            best_epoch=classifier.best_epoch_
            if hasattr(classifier, "best_epoch_")
            else _first_best(scores, best),
            name=name,
            loss_name="loss (nats)" if is_classifier(classifier) else "loss",
            score_name=_score_name(getattr(classifier, "scoring", None)),
            epoch_name="epoch"
            if getattr(classifier, "solver", "adam") in OPTIMIZERS
            else "iteration",
        )
        return display.plot(ax, quantity=quantity, **kwargs)


def _measured(curve: Any) -> Any:
    """Return a curve of validation rows, or None where it has no number."""
    return None if curve is None or np.isnan(curve).all() else curve


def _first_best(scores: Any, best: float | None) -> int | None:
    """Return the first epoch with the best score, None for None.

    It is the one that MLPClassifier has kept, and files that do not know `best_epoch_`.
    """
    return None if best is None else 1 + int(np.flatnonzero(np.asarray(scores) == best)[0])


def _score_name(scoring: Any) -> str:
    if not isinstance(scoring, str):
        return getattr(scoring, "__name__", "score")
    return "negative loss (nats)" if scoring == "loss" else scoring.replace("_", " ")
