"""ReliabilityDisplay: accuracy in bins of confidence, or whether probabilities can be believed."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from .._data.checks import check_methods, check_option, last_step
from .._data.labels import check_labels, class_indices
from .._network.losses import check_row_weight, relative_weights, softmax
from .drawing import STRIP, dressed_axes, prefix_of, pyplot, rows_strip, styled

STRATEGIES = ("uniform", "quantile")

# Largest sum of weights that is drawn: matplotlib's ticks lie far beyond it.
MOST_WEIGHT = 1e100

# How far the sum of a row of probabilities may be from 1: float16 rounds by 5e-4.
ROUNDING = 1e-3


@dataclass(kw_only=True, eq=False, repr=False)
class ReliabilityDisplay:
    """Accuracy over confidence: a picture that shows whether probabilities are honest.

    The confidence of a row is the probability of its predicted class. Rows are sorted into bins
    by their confidence, and the accuracy of each bin is drawn over its mean confidence. On the
    diagonal the classifier is right as often as it says. Below it is overconfident, and above it
    is underconfident. A strip below shows how many rows each point stands for. The legend has the
    expected calibration error, the mean distance from the diagonal over all rows.

    Parameters
    ----------
    confidence : ndarray of shape (n_bins,)
        Mean confidence of each bin; NaN for an empty bin.
    accuracy : ndarray of shape (n_bins,)
        Fraction of the rows of each bin whose predicted class is their label; NaN for an empty
        bin.
    n_rows : ndarray of shape (n_bins,)
        Rows of each bin, or their weight.
    bin_edges : ndarray of shape (n_bins + 1,)
        Edges of the bins, rising.
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
        The points of the line, larger for more rows.
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

    confidence: np.ndarray
    accuracy: np.ndarray
    n_rows: np.ndarray
    bin_edges: np.ndarray
    name: str | None = None

    @property
    def ece(self) -> float:
        """Expected calibration error, ``sum_b n_b |accuracy_b - confidence_b| / sum_b n_b``."""
        used = self.n_rows > 0
        gap = np.abs(self.accuracy[used] - self.confidence[used])
        return float(np.average(gap, weights=relative_weights(self.n_rows[used])))

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> Self:
        """Draw accuracy over confidence.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, which may have lines of other classifiers. None makes a figure.
        name : str, default=None
            Name of the classifier in the legend. None takes that of the display.
        **kwargs : dict
            Passed to matplotlib's `plot`, for the line.

        Returns
        -------
        self : ReliabilityDisplay
            With `ax_` and `figure_`.

        Raises
        ------
        TypeError
            If matplotlib knows none of such arguments.
        ImportError
            If matplotlib is missing.
        """
        ax = self.ax_ = dressed_axes(ax, self, kwargs)
        self.figure_ = ax.figure
        self.rows_ax_ = rows_strip(ax)
        used = self.n_rows > 0
        points, n_rows = (self.confidence[used], self.accuracy[used]), self.n_rows[used]
        label = f"{prefix_of(self, name)}ECE {self.ece:.3f}"
        style = {"linewidth": 1.2, "clip_on": False, "label": label}
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
            Labels of the rows, which must be classes of the estimator.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0 of the rows: 2 is a row twice, 0 a row absent.
        n_bins : int, default=15
            Number of bins, >= 1.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width from 0 to 1, or with about equally many rows.
        temperature : float, default=None
            Divides the logits instead of the estimator's `temperature_`, > 0. With 1, you see
            the probabilities before temperature scaling. None leaves them as they are.
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
        >>> X, y = load_digits(return_X_y=True)
        >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
        >>> clf = SoftmaxMLPClassifier(random_state=0).fit(X, y)
        >>> draw = ReliabilityDisplay.from_estimator
        >>> before = draw(clf, X_test, y_test, temperature=1, name="before")
        >>> after = draw(clf, X_test, y_test, name="after", ax=before.ax_)
        >>> after.ece < before.ece
        True
        """
        pyplot(cls.__name__)
        classifier = last_step(estimator)
        check_is_fitted(classifier)
        check_consistent_length(X, y, sample_weight)
        check_methods(estimator, "predict_proba")
        if temperature is None:
            P = estimator.predict_proba(X)
        else:
            own, kind = getattr(classifier, "temperature_", None), type(classifier).__name__
            factor = _relative_temperature(own, temperature, kind)
            P = softmax(factor * logits_of(estimator.decision_function(X)))
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
            Bins of equal width from 0 to 1, or with about equally many rows. (There are fewer
            bins if many rows have the same confidence.)
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
        check_option("strategy", strategy, STRATEGIES)
        if not isinstance(n_bins, Integral) or isinstance(n_bins, bool) or n_bins < 1:
            raise ValueError(f"n_bins must be an integer >= 1, got {n_bins!r}.")
        confidence, right = confidence_and_right(check_labels(y_true), y_prob, labels)
        weight = check_row_weight(sample_weight, len(confidence))
        bins = binned(confidence, right, weight, n_bins, strategy)
        return cls(**bins, name=name).plot(ax, **kwargs)


def confidence_and_right(
    y_true: np.ndarray, y_prob: Any, labels: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of each row's predicted class, and whether that is its label.

    `labels` are the classes of the columns, in any order; None takes those of `y_true`, sorted.
    ValueError if rows are not probabilities that sum to 1, or labels do not fit the columns.
    """
    P = np.asarray(y_prob, dtype=np.float64)
    if P.ndim != 2 or not P.size:
        raise ValueError(
            f"y_prob must be of shape (n_samples, n_classes), got {P.shape}. For the "
            "probabilities p of the second of two classes pass np.column_stack([1 - p, p])."
        )
    check_consistent_length(y_true, P)
    total = P.sum(axis=1)
    if not (P.min() >= 0 and np.abs(total - 1).max() <= ROUNDING):
        raise ValueError(
            "y_prob must hold probabilities >= 0, each row with a sum of 1, got values from "
            f"{P.min():.6g} on and sums from {total.min():.6g} to {total.max():.6g}."
        )
    if labels is None:
        labels = np.unique(y_true)
        if len(labels) != P.shape[1]:
            raise ValueError(
                f"y_true has {len(labels)} classes and y_prob {P.shape[1]} columns: pass the "
                "classes of the columns as labels."
            )
    labels = check_column_labels(labels, P.shape[1])
    order = np.argsort(labels)
    true = order[class_indices(y_true, labels[order])]
    return np.minimum(P.max(axis=1), 1.0), P.argmax(axis=1) == true


def binned(
    confidence: np.ndarray, right: np.ndarray, weight: np.ndarray, n_bins: int, strategy: str
) -> dict[str, np.ndarray]:
    """Return mean confidence, accuracy, weight and edges of bins, as a dict of arrays.

    A bin has the rows with lower edge < confidence <= upper edge, the first one those on its
    lower edge too. Means are NaN where it has none. Of equal quantiles there is one.
    """
    # Sums beyond what an axis can show are made smaller, all by one factor.
    scale = min(float(weight.max()), MOST_WEIGHT / len(weight))
    weight = relative_weights(weight)
    edges = np.linspace(0, 1, n_bins + 1)
    if strategy == "quantile":
        present = weight > 0
        # The one method that knows weights, of which 2 is then a row twice.
        edges = np.quantile(
            confidence[present], edges, weights=weight[present], method="inverted_cdf"
        )
        edges = np.unique(edges) if edges[0] < edges[-1] else edges[:1].repeat(2)
    bins, n_bins = np.searchsorted(edges[1:-1], confidence), len(edges) - 1
    n_rows, sum_confidence, sum_right = (
        np.bincount(bins, weights=weight * values, minlength=n_bins)
        for values in (1.0, confidence, right)
    )
    n_filled = np.where(n_rows > 0, n_rows, np.nan)
    return {
        "confidence": sum_confidence / n_filled,
        "accuracy": sum_right / n_filled,
        "n_rows": n_rows * scale,
        "bin_edges": edges,
    }


def check_column_labels(labels: Any, n_classes: int) -> np.ndarray:
    """Return the classes of the columns as an array; ValueError unless there is one each."""
    wanted = f"labels must be one class per column, {n_classes} different ones, got {labels!r}"
    try:
        labels = check_labels(labels)
    except ValueError as error:
        raise ValueError(f"{wanted}: {error}") from error
    if labels.shape != (n_classes,) or len(np.unique(labels)) != n_classes:
        raise ValueError(f"{wanted}.")
    return labels


def logits_of(decision: Any) -> np.ndarray:
    """Return what a `decision_function` has returned as (n_samples, n_classes) in float64.

    Two classes have one column there, their difference z, and become (0, z).
    """
    Z = np.asarray(decision, dtype=np.float64)
    return np.column_stack([np.zeros_like(Z), Z]) if Z.ndim == 1 else Z


def _relative_temperature(own: float | None, temperature: float, kind: str) -> float:
    """Return what logits over one's own temperature, if any, are multiplied by for another."""
    if own is None:
        raise ValueError(
            "temperature must be None for an estimator without temperature_, got "
            f"{temperature!r} for a {kind}."
        )
    if not (isinstance(temperature, Real) and 0 < float(temperature) < np.inf):
        raise ValueError(f"temperature must be a finite number > 0, got {temperature!r}.")
    return own / temperature
