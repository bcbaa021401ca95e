"""LogitsDisplay: why a row got its probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._data.checks import check_methods, last_step
from .._data.labels import check_labels, class_indices, positions
from .._network.losses import log_softmax, softmax
from .drawing import (
    BLUE,
    VERMILLION,
    draw_bars,
    dressed_axes,
    legend_below,
    prefix_of,
    pyplot,
    styled,
)
from .reliability_display import check_column_labels, logits_of

# Rows of bars that a figure has room for, and letters of a class's name.
MOST_CLASSES = 15
MOST_LETTERS = 20

# Of the dots of each view, and of their legend.
MARKERS = "oD"

# What the ticks of an axis have instead of a hyphen.
MINUS = "\N{MINUS SIGN}"


@dataclass(kw_only=True, eq=False, repr=False)
class LogitsDisplay:
    """Picture of the logits of one row, their softmax, and the loss of its true class.

    The left panel has a bar for the logit of each class, and the right panel one for its
    probability, the softmax of the logits. An empty bar up to 1 is the one-hot truth. The gap
    between the two is the gradient of the loss with respect to that logit, and minus the logarithm
    of the probability is the loss. If a network has several views of a row, dots show the logits
    of each view, and the bar is their mean.

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
    view_logits : ndarray of shape (n_views, n_classes), default=None
        Logits of the row by each view of the network; their mean are the logits. None shows
        none.
    view_names : list of str, default=()
        Names of the views.

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
    dots_ : list of matplotlib PathCollection
        Dots of each view on the bars of the logits.
    target_ : matplotlib Rectangle or None
        Empty bar of the true class.

    See Also
    --------
    ReliabilityDisplay : Picture that shows whether probabilities are honest.

    Notes
    -----
    With more than 15 classes, the 14 most probable ones are shown, the first on top, and the
    others share one bar with the sum of their probabilities. The true class is always shown.

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

    logits: np.ndarray
    labels: np.ndarray
    y_true: Any = None
    name: str | None = None
    view_logits: np.ndarray | None = None
    view_names: Sequence[str] = ()

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
        TypeError
            If matplotlib knows none of such arguments.
        ImportError
            If matplotlib is missing.
        """
        ax = self.ax_ = dressed_axes(ax, self, kwargs, patch=True)
        self.figure_ = ax.figure
        ax.set_axis_off()
        ax.set_title(prefix_of(self, name) + self._verdict(), fontsize="medium")
        for panel in [child for child in ax.child_axes if child.get_label() == "panel"]:
            panel.remove()  # those of another row
        left = ax.inset_axes((0, 0, 0.47, 1), label="panel")
        right = ax.inset_axes((0.53, 0, 0.47, 1), label="panel")
        self.axes_ = np.array([left, right])

        names, logits, P, place = self._rows_of_bars()
        dots = self._rows_of_dots()
        colours = ["0.6" if np.isnan(z) else BLUE for z in logits]
        if place is not None:
            colours[place] = VERMILLION
        style = styled({"color": colours, "height": 0.7}, kwargs, patch=True)
        self.bars_ = (
            draw_bars(left, logits, [f"{z:.1f}".replace("-", MINUS) for z in logits], style, dots),
            draw_bars(right, P, [f"{p:.3f}" if p >= 5e-4 else "<0.001" for p in P], style),
        )
        left.use_sticky_edges = False  # a margin beside bars of length 0, too
        left.margins(x=0.35)
        left.set_xlabel("logit")
        self._draw_dots(left, dots)
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

    def _rows_of_bars(self) -> tuple[list[str], np.ndarray, np.ndarray, int | None]:
        """Return names, logits and probabilities from the top, and the place of the truth."""
        true, P = self._true_index(), self.probabilities
        shown, n_others = self._shown()
        place = None if true is None else shown.tolist().index(true)
        names, logits = [self._class_name(i) for i in shown], self.logits[shown]
        if n_others == 0:
            return names, logits, P[shown], place
        # The others have a probability together, but no logit.
        names, logits = [*names, f"{n_others} others"], np.append(logits, np.nan)
        return names, logits, np.append(P[shown], np.delete(P, shown).sum()), place

    def _rows_of_dots(self) -> list[np.ndarray]:
        """Return the logits of each view, from the top; NaN for the others together."""
        if self.view_logits is None:
            return []
        shown, n_others = self._shown()
        return [np.append(Z[shown], [np.nan] if n_others else []) for Z in self.view_logits]

    def _draw_dots(self, panel: Any, dots: list[np.ndarray]) -> None:
        """Draw the dots of each view, and what they are below the panel."""
        style = {"facecolor": "white", "edgecolor": "0.15", "linewidth": 0.8, "zorder": 3}
        of_views = zip(dots, self.view_names, cycle(MARKERS))
        self.dots_ = [
            panel.scatter(Z, range(len(Z)), s=16, marker=marker, label=name, **style)
            for Z, name, marker in of_views
        ]
        if dots:
            legend_below(panel)

    def _shown(self) -> tuple[np.ndarray, int]:
        """Return the classes with a bar of their own, from the top, and how many have none."""
        true, n_classes = self._true_index(), len(self.logits)
        n_others = n_classes - MOST_CLASSES + 1 if n_classes > MOST_CLASSES else 0
        shown = np.argsort(-self.logits, kind="stable") if n_others else np.arange(n_classes)
        shown = shown[: n_classes - n_others]
        if true is not None and true not in shown:
            shown[-1] = true
        return shown, n_others

    def _true_index(self) -> int | None:
        return None if self.y_true is None else positions([self.y_true], self.labels)[0]

    def _class_name(self, i: int) -> str:
        name = str(self.labels[i])
        if len(name) > MOST_LETTERS:
            name = name[: MOST_LETTERS - 1].rstrip() + "…"
        return name.replace("$", r"\$")  # between two of them matplotlib sees a formula

    def _verdict(self) -> str:
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
            The row. Of a data frame of pandas, ``X.iloc[i]`` or ``X.iloc[[i]]``.
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
        If a SoftmaxMLPClassifier has two views of a row, dots are the logits of each.

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
        check_is_fitted(last_step(estimator))
        check_methods(estimator, "predict_proba", "decision_function")
        X = _one_row(row, named=hasattr(estimator, "feature_names_in_"))
        (logits,), (P,) = logits_of(estimator.decision_function(X)), estimator.predict_proba(X)
        if logits.shape != P.shape or not np.allclose(softmax(logits), P, atol=1e-4):
            raise ValueError(
                "The softmax of decision_function must be predict_proba: that of "
                f"{type(last_step(estimator)).__name__} has no logits."
            )
        display = cls._checked(logits, y_true, estimator.classes_, name)
        step = estimator
        while hasattr(step, "steps"):
            X = step[:-1].transform(X) if len(step.steps) > 1 else X
            step = step.steps[-1][1]
        if hasattr(step, "_view_logits"):
            display._add_views(step._view_logits(X))
        return display.plot(ax, **kwargs)

    def _add_views(self, views: dict[str, np.ndarray]) -> None:
        """Keep the logits that each view has of the one row, if there are several views."""
        if len(views) == 1:
            return
        self.view_names = list(views)
        self.view_logits = np.concatenate(list(views.values())).astype(np.float64)
        if len(self.logits) == 2:  # the first of which is shown as 0
            self.view_logits -= self.view_logits[:, :1]

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
        >>> names = ["no", "yes"]
        >>> display = LogitsDisplay.from_logits([1, 3], "yes", labels=names)
        >>> round(display.loss, 3)
        0.127
        """
        pyplot(cls.__name__)
        return cls._checked(logits, y_true, labels, name).plot(ax, **kwargs)

    @classmethod
    def _checked(cls, logits: Any, y_true: Any, labels: Any, name: str | None) -> Self:
        """Return the display of logits that are as `from_logits` says, or raise ValueError."""
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
            class_indices(check_labels([y_true]), np.sort(labels))
        return cls(logits=logits, labels=labels, y_true=y_true, name=name)


def _one_row(row: Any, *, named: bool) -> Any:
    """Return a row as rows, of which there is one; `named` if the estimator knows names."""
    if named and hasattr(row, "index") and hasattr(row, "to_frame"):  # a series of pandas
        return row.to_frame().T
    shape = row.shape if hasattr(row, "shape") else np.shape(row)
    if len(shape) == 1:
        return np.asarray(row).reshape(1, -1)
    if len(shape) != 2 or shape[0] != 1:
        raise ValueError(
            f"row must be one row, of shape (n_features,) or (1, n_features), got shape {shape}."
        )
    return row
