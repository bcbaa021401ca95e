"""TimeLimit: a callback that ends a fit in time."""

from math import inf, isfinite
from numbers import Real
from time import monotonic
from typing import Any


class TimeLimit:
    """Callback that ends a fit after so many seconds, and keeps the best network so far.

    Set it on the classifier itself, also within a pipeline or a search.

    Parameters
    ----------
    seconds : float
        Time that each fit may take, > 0, from its beginning. Each fit of a search has all of
        this time, and so has a fit that is resumed.

    See Also
    --------
    Checkpoint : Callback with which you can finish a fit that was killed.

    Notes
    -----
    The fit ends with an epoch (or an iteration of "lbfgs" and "newton-cg"), also while held-out
    fits train. Then either the final network is published or that of the first held-out fit, which
    has learnt from most of the rows and is calibrated. It is the one with the lower J on all rows,
    or the held-out fit if the final network has not begun. `loss_curve_` and `n_iter_` are those
    of the network that is published.

    The time is that of a clock. A busy machine trains for fewer epochs, so the result of a fit
    that is cut short is not reproducible.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmax import SoftmaxMLPClassifier, TimeLimit
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = SoftmaxMLPClassifier(random_state=0).set_callbacks(TimeLimit(60))
    >>> clf.fit(X, y).n_iter_
    60
    """

    def __init__(self, seconds: float) -> None:
        is_number = isinstance(seconds, Real) and not isinstance(seconds, bool)
        if not (is_number and isfinite(seconds) and seconds > 0):
            raise ValueError(f"seconds must be a finite number > 0, got {seconds!r}.")
        self.seconds = float(seconds)

    def __repr__(self) -> str:
        return f"TimeLimit({self.seconds:g})"

    def setup(self, estimator: Any, context: Any) -> None:
        """Start the clock.

        Parameters
        ----------
        estimator : estimator
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit.

        Raises
        ------
        TypeError
            If the estimator is not a classifier of skmax, because a pipeline or a search would
            not end when it is told to.
        """
        if not hasattr(type(estimator), "_can_be_ended"):
            raise TypeError(
                "TimeLimit is a callback of SoftmaxMLPClassifier: set it on the classifier, also "
                f"in a pipeline or a search; got {type(estimator).__name__}."
            )
        # On the context, because several fits may have this callback at once.
        context.deadline = min(monotonic() + self.seconds, getattr(context, "deadline", inf))

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit.
        """

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit, or of one of its iterations.
        """

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Return whether the time is up.

        Parameters
        ----------
        estimator : estimator
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit, or of one of its iterations.

        Returns
        -------
        stop : bool
            Whether the fit is to stop.
        """
        fit = context
        while not hasattr(fit, "deadline"):
            fit = fit.parent
        # The bridge to callbacks tells this from a request that has seen the network itself.
        context.is_out_of_time = monotonic() >= fit.deadline
        return context.is_out_of_time
