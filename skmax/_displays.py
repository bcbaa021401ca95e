"""Displays: how a fit went, whether its probabilities can be believed, and why a row got its own.

They are displays as scikit-learn's: class methods compute and draw, `plot` draws what is
stored, and nothing is shown before the caller says so. matplotlib is imported by drawing.
"""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from ._building import last_epochs
from ._drawing import (
    BLUE,
    STRIP,
    VERMILLION,
    draw_bars,
    draw_curve,
    dressed_axes,
    legend_with_room,
    pyplot,
    rows_strip,
    scale_losses,
    signed,
    styled,
)
from ._losses import check_row_weight, log_softmax, softmax
from ._reliability import (
    STRATEGIES,
    binned,
    check_column_labels,
    confidence_and_right,
)
from ._schedules import SCHEDULES
from ._targets import check_labels, class_indices
from ._tasks import pass_name

QUANTITIES = ("loss", "score")

# Rows of bars that a figure has room for, and letters of a class's name.
MOST_CLASSES = 15
MOST_LETTERS = 20


class TrainingCurveDisplay:
    """Loss or validation score after each epoch of a fit.

    Solid is the training loss, dashed what was measured on validation rows. A dot is the
    epoch whose parameters early stopping has kept. Several fits are told apart by their
    colour on one axes.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Training loss.
    validation_loss : array-like of shape (n_epochs,), default=None
        Loss of the validation rows; NaN for epochs without them.
    validation_score : array-like of shape (n_epochs,), default=None
        Their score, greater is better; likewise.
    best_epoch : int, default=None
        Epoch whose parameters were kept, from 1 to n_epochs. None marks no epoch.
    name : str, default=None
        Name of the fit in the legend. None shows none.
    loss_name, score_name, pass_name : str, default="loss (nats)", "score" and "epoch"
        Labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure with the axes.
    line_ : matplotlib Line2D or None
        Training loss. None where scores are drawn.
    validation_line_ : matplotlib Line2D or None
        Validation loss or score. None without validation loss.

    See Also
    --------
    ReliabilityDisplay : Whether the probabilities of the fit can be believed.
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

    def __init__(
        self,
        *,
        loss,
        validation_loss=None,
        validation_score=None,
        best_epoch=None,
        name=None,
        loss_name="loss (nats)",
        score_name="score",
        pass_name="epoch",
    ):
        self.loss = loss
        self.validation_loss = validation_loss
        self.validation_score = validation_score
        self.best_epoch = best_epoch
        self.name = name
        self.loss_name = loss_name
        self.score_name = score_name
        self.pass_name = pass_name

    def plot(
        self, ax: Any = None, *, name: str | None = None, quantity: str = "loss", **kwargs: Any
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, which may have curves of other fits. None makes a figure.
        name : str, default=None
            Name of the fit in the legend. None is the display's.
        quantity : {"loss", "score"}, default="loss"
            What to draw: the losses, on a logarithmic axis where all are positive, or the
            validation scores.
        **kwargs : dict
            Passed to matplotlib's `plot`, for every curve.

        Returns
        -------
        self : TrainingCurveDisplay
            With `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If `quantity` is unknown, or there are no validation scores to draw.
        ImportError
            If matplotlib is missing.
        """
        _check_option("quantity", quantity, QUANTITIES)
        score = _measured(self.validation_score)
        if quantity == "score" and score is None:
            raise ValueError(
                "quantity='score' needs validation scores, and this fit has none: fit with "
                "early_stopping=True or with X_val and y_val."
            )
        ax = self.ax_ = dressed_axes(ax, self)
        self.figure_ = ax.figure
        if quantity == "loss":
            training, validation, label = (
                self.loss,
                _measured(self.validation_loss),
                self.loss_name,
            )
        else:
            training, validation, label = None, score, self.score_name
        prefix = _prefix(self.name if name is None else name)
        self.line_ = self.validation_line_ = None
        if training is not None:
            style = {"label": f"{prefix}training"}
            if validation is None:
                style |= self._mark(style["label"])
            self.line_ = draw_curve(ax, training, style, kwargs)
        if validation is not None:
            style = {"label": f"{prefix}validation", "linestyle": "--"}
            style |= self._mark(style["label"])
            if self.line_ is not None:
                style["color"] = self.line_.get_color()
            self.validation_line_ = draw_curve(ax, validation, style, kwargs)
        if quantity == "loss":
            scale_losses(ax)
        ax.xaxis.get_major_locator().set_params(integer=True)
        # Not left=0 alone: the right end would stay where the first of several fits ends.
        ax.set_xlim(0, 1.05 * max(float(np.max(line.get_xdata())) for line in ax.lines))
        ax.set(xlabel=self.pass_name, ylabel=label)
        ax.grid(axis="y", alpha=0.25)
        legend_with_room(ax, above=quantity == "loss")
        return self

    def _mark(self, label):
        """Return what marks the epoch that was kept, on a curve and in its label."""
        if self.best_epoch is None:
            return {}
        label = f"{label}, {self.pass_name} {self.best_epoch} kept"
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

        Where early stopping has met its best score several times, the dot is at the first
        of them in the last fit (with a cyclic schedule, at the first end of a cycle).

        Examples
        --------
        Two fits on one axes:

        >>> from sklearn.datasets import load_wine
        >>> from skmax import SoftmaxMLPClassifier, TrainingCurveDisplay
        >>> X, y = load_wine(return_X_y=True)
        >>> clf, linear = SoftmaxMLPClassifier().fit(X, y), SoftmaxMLPClassifier(()).fit(X, y)
        >>> display = TrainingCurveDisplay.from_estimator(clf, name="two hidden layers")
        >>> ax = display.ax_
        >>> _ = TrainingCurveDisplay.from_estimator(linear, name="none", ax=ax)
        >>> len(ax.lines)
        2
        """
        pyplot(cls.__name__)
        classifier = _last_step(estimator)
        check_is_fitted(classifier)
        if not hasattr(classifier, "loss_curve_"):
            raise ValueError(
                f"The estimator must have a loss_curve_, got a {type(classifier).__name__} "
                "without one."
            )
        display = cls(
            loss=classifier.loss_curve_,
            validation_loss=getattr(classifier, "validation_loss_curve_", None),
            validation_score=getattr(classifier, "validation_scores_", None),
            best_epoch=_best_epoch(classifier),
            name=name,
            loss_name="loss (nats)" if is_classifier(classifier) else "loss",
            score_name=_score_name(classifier),
            pass_name=pass_name(classifier) if hasattr(classifier, "solver") else "epoch",
        )
        return display.plot(ax, quantity=quantity, **kwargs)


class ReliabilityDisplay:
    """Accuracy against confidence: whether probabilities can be believed.

    The confidence of a row is the probability of its predicted class. Rows are put in bins
    by it, and the accuracy of each bin is drawn over its mean confidence: on the diagonal
    where the classifier is right as often as it says, below where it is overconfident,
    above where it is too timid. A strip below shows how many rows each point stands for.
    The legend has the expected calibration error, the mean distance from the diagonal over
    all rows.

    Parameters
    ----------
    confidence : ndarray of shape (n_bins,)
        Mean confidence of each bin, NaN where it is empty.
    accuracy : ndarray of shape (n_bins,)
        Share of each bin's rows whose predicted class is their label; likewise.
    n_rows : ndarray of shape (n_bins,)
        Rows of each bin, or their weight.
    bin_edges : ndarray of shape (n_bins + 1,)
        Where bins begin and end, rising.
    name : str, default=None
        Name of the classifier in the legend. None shows none.

    Attributes
    ----------
    ece : float
        Expected calibration error, in [0, 1].
    ax_ : matplotlib Axes
        Axes with the accuracies.
    rows_ax_ : matplotlib Axes
        The strip within it, with the rows of each bin on a logarithmic axis.
    figure_ : matplotlib Figure
        Figure with the axes.
    line_ : matplotlib Line2D
        Accuracy over confidence of the bins that are not empty.
    points_ : matplotlib PathCollection
        Its points: the more rows the larger.
    rows_ : matplotlib StepPatch
        Rows of each bin.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The same for one class of two.
    LogitsDisplay : Where the probabilities of one row come from.

    References
    ----------
    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    binning", 2015 (the expected calibration error).

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017
    (confidence, 15 bins, the temperature).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skmax import ReliabilityDisplay, SoftmaxMLPClassifier
    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     *load_digits(return_X_y=True), random_state=0)
    >>> clf = SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train)
    >>> display = ReliabilityDisplay.from_estimator(clf, X_test, y_test)
    >>> display.ece < 0.03
    True
    """

    def __init__(self, *, confidence, accuracy, n_rows, bin_edges, name=None):
        self.confidence = confidence
        self.accuracy = accuracy
        self.n_rows = n_rows
        self.bin_edges = bin_edges
        self.name = name

    @property
    def ece(self) -> float:
        """Expected calibration error, ``sum_b n_b |accuracy_b - confidence_b| / sum_b n_b``."""
        used = self.n_rows > 0
        gap = np.abs(self.accuracy[used] - self.confidence[used])
        return float(np.average(gap, weights=self.n_rows[used]))

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> Self:
        """Draw accuracy over confidence.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, which may have lines of other classifiers. None makes a figure.
        name : str, default=None
            Name of the classifier in the legend. None is the display's.
        **kwargs : dict
            Passed to matplotlib's `plot`, for the line.

        Returns
        -------
        self : ReliabilityDisplay
            With `ax_` and `figure_`.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        ax = self.ax_ = dressed_axes(ax, self)
        self.figure_ = ax.figure
        self.rows_ax_ = rows_strip(ax)
        used = self.n_rows > 0
        points, n_rows = (self.confidence[used], self.accuracy[used]), self.n_rows[used]
        prefix = _prefix(self.name if name is None else name)
        style = {"linewidth": 1.2, "clip_on": False, "label": f"{prefix}ECE {self.ece:.3f}"}
        (self.line_,) = ax.plot(*points, **styled(style, kwargs))
        colour = self.line_.get_color()
        self.points_ = ax.scatter(
            *points, s=5 + 60 * n_rows / n_rows.max(), color=colour, clip_on=False, zorder=3
        )
        self.rows_ = self.rows_ax_.stairs(self.n_rows, self.bin_edges, color=colour, linewidth=1.2)
        counts = self.rows_ax_.dataLim
        self.rows_ax_.set_ylim(0.6 * min(1, counts.minposy), 1.6 * counts.y1)
        above_strip = (0, STRIP + 0.08, 1, 0.92 - STRIP)
        ax.legend(frameon=False, fontsize="small", bbox_to_anchor=above_strip, loc="best")
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        n_bins: int = 15,
        strategy: str = "uniform",
        temperature: float | None = None,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw accuracy over confidence of a fitted classifier.

        Parameters
        ----------
        estimator : classifier or Pipeline
            Fitted, with `predict_proba` and `classes_`.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that it has not been trained on.
        y : array-like of shape (n_samples,)
            Their labels, each one of its classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0 of the rows: 2 is a row twice, 0 a row absent.
        n_bins : int, default=15
            Number of bins, >= 1.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width from 0 to 1, or with about equally many rows.
        temperature : float, default=None
            What logits are divided by instead of the estimator's `temperature_`, > 0: with
            1, its probabilities before temperature scaling. None takes them as they are.
        name : str, default=None
            Name of the classifier in the legend. None shows none.
        ax : matplotlib Axes, default=None
            Axes to draw on, which may have lines of other classifiers. None makes a figure.
        **kwargs : dict
            Passed to matplotlib's `plot`, for the line.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If an argument is not as described, or there is a temperature for an estimator
            without `temperature_`.
        ImportError
            If matplotlib is missing.

        Examples
        --------
        Before and after the temperature:

        >>> from sklearn.datasets import load_digits
        >>> from sklearn.model_selection import train_test_split
        >>> from skmax import ReliabilityDisplay, SoftmaxMLPClassifier
        >>> X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
        >>> clf = SoftmaxMLPClassifier(random_state=0).fit(X, y)
        >>> draw = ReliabilityDisplay.from_estimator
        >>> before = draw(clf, X_test, y_test, temperature=1, name="before")
        >>> after = draw(clf, X_test, y_test, name="after", ax=before.ax_)
        >>> after.ece < before.ece
        True
        """
        pyplot(cls.__name__)
        classifier = _last_step(estimator)
        check_is_fitted(classifier)
        check_consistent_length(X, y, sample_weight)
        _check_methods(estimator, "predict_proba")
        if temperature is None:
            P = estimator.predict_proba(X)
        else:
            factor = _relative_temperature(classifier, temperature)
            P = softmax(factor * _logits(estimator, X))
        return cls.from_predictions(
            *(y, P),
            sample_weight=sample_weight,
            labels=estimator.classes_,
            n_bins=n_bins,
            strategy=strategy,
            name=name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        *,
        sample_weight: Any = None,
        labels: Any = None,
        n_bins: int = 15,
        strategy: str = "uniform",
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw accuracy over confidence of predicted probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_prob : array-like of shape (n_samples, n_classes)
            Predicted probabilities, in [0, 1]; each row sums to 1.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0 of the rows: 2 is a row twice, 0 a row absent.
        labels : array-like of shape (n_classes,), default=None
            Classes, in the order of the columns. None takes those of `y_true`, sorted.
        n_bins : int, default=15
            Number of bins, >= 1.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width from 0 to 1, or with about equally many rows (fewer bins
            where many rows have the same confidence).
        name : str, default=None
            Name of the classifier in the legend. None shows none.
        ax : matplotlib Axes, default=None
            Axes to draw on, which may have lines of other classifiers. None makes a figure.
        **kwargs : dict
            Passed to matplotlib's `plot`, for the line.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        ValueError
            If an argument is not as described, or labels are not those of the columns.
        ImportError
            If matplotlib is missing.

        Examples
        --------
        >>> from skmax import ReliabilityDisplay
        >>> P = [[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.25, 0.75]]
        >>> ReliabilityDisplay.from_predictions(["no", "no", "yes", "no"], P).ece
        0.0
        """
        pyplot(cls.__name__)
        _check_option("strategy", strategy, STRATEGIES)
        if not isinstance(n_bins, Integral) or isinstance(n_bins, bool) or n_bins < 1:
            raise ValueError(f"n_bins must be an integer >= 1, got {n_bins!r}.")
        confidence, right = confidence_and_right(check_labels(y_true), y_prob, labels)
        weight = check_row_weight(sample_weight, len(confidence))
        bins = binned(confidence, right, weight, n_bins, strategy)
        return cls(**bins, name=name).plot(ax, **kwargs)


class LogitsDisplay:
    """Logits of one row, their softmax, and what its true class costs.

    On the left a bar per class for its logit, on the right for its probability, which is
    the softmax of the logits. An empty bar up to 1 is the one-hot truth. What the bar in it
    lacks is the gradient of the loss with respect to that logit, and minus its
    logarithm is the loss.

    Parameters
    ----------
    logits : ndarray of shape (n_classes,)
        Logits of the row.
    labels : ndarray of shape (n_classes,)
        Classes in the order of the logits.
    y_true : label, default=None
        True class of the row, one of `labels`. None marks no class.
    name : str, default=None
        Name of the row in the title. None shows none.

    Attributes
    ----------
    probabilities : ndarray of shape (n_classes,)
        Softmax of the logits.
    loss : float or None
        Cross-entropy of the row in nats, None without a true class.
    ax_ : matplotlib Axes
        Axes that the two panels lie in, with the title.
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Panels of the logits and of the probabilities.
    figure_ : matplotlib Figure
        Figure with the axes.
    bars_ : tuple of two matplotlib BarContainer
        Bars of the logits and of the probabilities, from the top.
    target_ : matplotlib Rectangle or None
        Empty bar of the true class.

    See Also
    --------
    ReliabilityDisplay : Whether the probabilities can be believed.

    Notes
    -----
    With more than 15 classes, the 14 most probable ones are shown (the true class is always
    among them), the first on top, and the others are one bar with the sum of their
    probabilities.

    References
    ----------
    Bridle, "Probabilistic interpretation of feedforward classification network outputs,
    with relationships to statistical pattern recognition", 1990.

    Examples
    --------
    >>> from skmax import LogitsDisplay
    >>> display = LogitsDisplay.from_logits([5, 2, -1, 3], y_true=3)
    >>> display.probabilities.round(3)
    array([0.842, 0.042, 0.002, 0.114])
    >>> round(display.loss, 3)
    2.172
    """

    def __init__(self, *, logits, labels, y_true=None, name=None):
        self.logits = logits
        self.labels = labels
        self.y_true = y_true
        self.name = name

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits."""
        return softmax(self.logits)

    @property
    def loss(self) -> float | None:
        """Cross-entropy of the row, - log p of the true class, or None."""
        true = self._true_index()
        return None if true is None else float(0.0 - log_softmax(self.logits)[true])

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> Self:
        """Draw logits and probabilities.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in: it becomes the frame of two panels, which replace those of
            another row. None makes a figure.
        name : str, default=None
            Name of the row in the title. None is the display's.
        **kwargs : dict
            Passed to matplotlib's `barh`, for the bars of both panels.

        Returns
        -------
        self : LogitsDisplay
            With `axes_` and `figure_`.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        ax = self.ax_ = dressed_axes(ax, self)
        self.figure_ = ax.figure
        ax.set_axis_off()
        name = self.name if name is None else name
        ax.set_title(_prefix(name) + self._verdict(), fontsize="medium")
        for panel in [child for child in ax.child_axes if child.get_label() == "panel"]:
            panel.remove()  # those of another row
        left = ax.inset_axes((0, 0, 0.47, 1), label="panel")
        right = ax.inset_axes((0.53, 0, 0.47, 1), label="panel")
        self.axes_ = np.array([left, right])

        names, logits, P, place = self._rows_of_bars()
        colours = ["0.6" if np.isnan(z) else BLUE for z in logits]
        if place is not None:
            colours[place] = VERMILLION
        style = styled({"color": colours, "height": 0.7}, kwargs, patch=True)
        self.bars_ = (
            draw_bars(left, logits, [signed(z) for z in logits], style),
            draw_bars(right, P, [f"{p:.3f}" if p >= 5e-4 else "<0.001" for p in P], style),
        )
        left.use_sticky_edges = False  # a margin beside bars of length 0, too
        left.margins(x=0.35)
        left.set_xlabel("logit")
        left.set_yticks(range(len(names)), names, fontsize="medium" if len(names) < 8 else "small")
        right.set(xlim=(0, 1.4), xlabel="probability", yticks=[])
        right.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        self.target_ = None
        if place is not None:
            left.get_yticklabels()[place].set_fontweight("bold")
            right.set_xlabel("probability\n(dashed: truth)")
            (self.target_,) = right.barh(
                place, 1, height=0.7, fill=False, edgecolor=VERMILLION, linestyle="--"
            )
        return self

    def _rows_of_bars(self):
        """Return names, logits and probabilities from the top, and the place of the truth."""
        true, P = self._true_index(), self.probabilities
        n_others = len(P) - MOST_CLASSES + 1 if len(P) > MOST_CLASSES else 0
        shown = np.argsort(-self.logits, kind="stable") if n_others else np.arange(len(P))
        shown = shown[: len(P) - n_others]
        if true is not None and true not in shown:
            shown[-1] = true
        place = None if true is None else shown.tolist().index(true)
        names, logits = [self._class_name(i) for i in shown], self.logits[shown]
        if n_others == 0:
            return names, logits, P[shown], place
        # The others have a probability together, but no logit.
        names, logits = [*names, f"{n_others} others"], np.append(logits, np.nan)
        return names, logits, np.append(P[shown], np.delete(P, shown).sum()), place

    def _true_index(self):
        if self.y_true is None:
            return None
        return int(np.flatnonzero(self.labels == self.y_true)[0])

    def _class_name(self, i):
        name = str(self.labels[i])
        if len(name) > MOST_LETTERS:
            name = name[: MOST_LETTERS - 1].rstrip() + "…"
        return name.replace("$", r"\$")  # between two of them matplotlib sees a formula

    def _verdict(self):
        true = self._true_index()
        if true is None:
            best = int(self.logits.argmax())
            return f"predicted {self._class_name(best)}\np = {self.probabilities[best]:.3f}"
        return (
            f"true {self._class_name(true)}\n"
            f"loss = -log {self.probabilities[true]:#.3g} = {self.loss:#.3g}"
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        row: Any,
        y_true: Any = None,
        *,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw logits and probabilities of a row that a fitted classifier is given.

        Parameters
        ----------
        estimator : classifier or Pipeline
            Fitted, with a `decision_function` whose softmax is `predict_proba`, as
            SoftmaxMLPClassifier and LogisticRegression have.
        row : {array-like, sparse matrix} of shape (n_features,) or (1, n_features)
            The row. Of a data frame, ``X.iloc[[i]]``.
        y_true : label, default=None
            Its true class, one of `classes_`. None marks no class.
        name : str, default=None
            Name of the row in the title. None shows none.
        ax : matplotlib Axes, default=None
            Axes to draw in: it becomes the frame of two panels. None makes a figure.
        **kwargs : dict
            Passed to matplotlib's `barh`, for the bars of both panels.

        Returns
        -------
        display : LogitsDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If there is more than one row, `y_true` is no class, or the softmax of
            `decision_function` is not `predict_proba`.
        ImportError
            If matplotlib is missing.

        Notes
        -----
        The logits are over the temperature, as `decision_function` has them. Two classes
        have only the difference of their logits there, so that the first is shown as 0.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmax import LogitsDisplay, SoftmaxMLPClassifier
        >>> iris = load_iris()
        >>> names = iris.target_names[iris.target]
        >>> clf = SoftmaxMLPClassifier(random_state=0).fit(iris.data, names)
        >>> display = LogitsDisplay.from_estimator(clf, iris.data[70], names[70])
        >>> display.labels.tolist()
        ['setosa', 'versicolor', 'virginica']
        """
        pyplot(cls.__name__)
        check_is_fitted(_last_step(estimator))
        _check_methods(estimator, "predict_proba", "decision_function")
        X = _one_row(row)
        (logits,), (P,) = _logits(estimator, X), estimator.predict_proba(X)
        if logits.shape != P.shape or not np.allclose(softmax(logits), P, atol=1e-4):
            raise ValueError(
                "The softmax of decision_function must be predict_proba: that of "
                f"{type(_last_step(estimator)).__name__} has no logits."
            )
        return cls.from_logits(
            logits, y_true, labels=estimator.classes_, name=name, ax=ax, **kwargs
        )

    @classmethod
    def from_logits(
        cls,
        logits: Any,
        y_true: Any = None,
        *,
        labels: Any = None,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw logits and probabilities, given the logits.

        Parameters
        ----------
        logits : array-like of shape (n_classes,)
            Logits of one row, finite.
        y_true : label, default=None
            Its true class, one of `labels`. None marks no class.
        labels : array-like of shape (n_classes,), default=None
            Classes in the order of the logits. None numbers them from 0.
        name : str, default=None
            Name of the row in the title. None shows none.
        ax : matplotlib Axes, default=None
            Axes to draw in: it becomes the frame of two panels. None makes a figure.
        **kwargs : dict
            Passed to matplotlib's `barh`, for the bars of both panels.

        Returns
        -------
        display : LogitsDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        ImportError
            If matplotlib is missing.

        Examples
        --------
        >>> from skmax import LogitsDisplay
        >>> display = LogitsDisplay.from_logits([1, 3], "yes", labels=["no", "yes"])
        >>> round(display.loss, 3)
        0.127
        """
        pyplot(cls.__name__)
        logits = np.asarray(logits, dtype=np.float64)
        if logits.ndim != 1 or not logits.size or not np.isfinite(logits).all():
            raise ValueError(
                "logits must be finite and of shape (n_classes,), got shape "
                f"{logits.shape} and values {logits}."
            )
        labels = check_column_labels(
            np.arange(len(logits)) if labels is None else labels, len(logits)
        )
        if y_true is not None:
            class_indices(np.asarray([y_true]), np.sort(labels))
        return cls(logits=logits, labels=labels, y_true=y_true, name=name).plot(ax, **kwargs)


def _prefix(name):
    return "" if name is None else f"{name}: "


def _measured(curve):
    """Return a curve of validation rows, or None where it has no number."""
    return None if curve is None or np.isnan(curve).all() else curve


def _last_step(estimator):
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return estimator


def _best_epoch(estimator):
    """Return the epoch whose parameters early stopping has kept, or None."""
    best = getattr(estimator, "best_validation_score_", None)
    # Without early stopping there is a best loss, and the last parameters are kept.
    if best is None or getattr(estimator, "best_loss_", None) is not None:
        return None
    n_before = len(estimator.loss_curve_) - estimator.n_iter_
    ends = range(1, estimator.n_iter_ + 1)
    learning_rate = getattr(estimator, "learning_rate", None)
    if learning_rate in SCHEDULES and SCHEDULES[learning_rate].cycle_ends:
        ends = last_epochs(estimator)
    # Of equal scores: in the last fit, where it compares them, and the first of those.
    return min(
        (1 + np.flatnonzero(np.asarray(estimator.validation_scores_) == best)).tolist(),
        key=lambda epoch: (epoch <= n_before, epoch - n_before not in ends, epoch),
    )


def _score_name(estimator):
    scoring = getattr(estimator, "scoring", None)
    if not isinstance(scoring, str):
        return getattr(scoring, "__name__", "score")
    return "negative loss (nats)" if scoring == "loss" else scoring.replace("_", " ")


def _logits(estimator, X):
    """Return logits of shape (n_samples, n_classes) in float64; of two classes, (0, z)."""
    Z = np.asarray(estimator.decision_function(X), dtype=np.float64)
    return np.column_stack([np.zeros_like(Z), Z]) if Z.ndim == 1 else Z


def _relative_temperature(classifier, temperature):
    """Return what logits are to be multiplied by to have another temperature."""
    if not hasattr(classifier, "temperature_"):
        raise ValueError(
            "temperature must be None for an estimator without temperature_, got "
            f"{temperature!r} for a {type(classifier).__name__}."
        )
    if not (isinstance(temperature, Real) and 0 < float(temperature) < np.inf):
        raise ValueError(f"temperature must be a finite number > 0, got {temperature!r}.")
    return classifier.temperature_ / temperature


def _one_row(row):
    shape = row.shape if hasattr(row, "shape") else np.shape(row)
    if len(shape) == 1:
        return np.asarray(row).reshape(1, -1)
    if len(shape) != 2 or shape[0] != 1:
        raise ValueError(
            f"row must be one row, of shape (n_features,) or (1, n_features), got shape {shape}."
        )
    return row


def _check_methods(estimator, *methods):
    missing = [method for method in methods if not hasattr(estimator, method)]
    if missing:
        raise ValueError(
            f"The estimator must have {' and '.join(methods)}, got a "
            f"{type(_last_step(estimator)).__name__} without {' and '.join(missing)}."
        )


def _check_option(name, value, options):
    if value not in options:
        raise ValueError(f"{name} must be one of {options}, got {value!r}.")
