"""How a fit tells the callbacks of scikit-learn of itself: a task for each iteration.

A fit is a task whose subtasks are its iterations: epochs, or the steps of a solver that sees
all rows at once. If it has held-out fits, its first subtask is theirs, with a subtask for each
of their iterations, which show no fitted estimator.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from .._optim.stopping import StopReason
from .._sklearn_compat import CONTEXTS
from .._training.run import FitObserver, FitResult, Run

# Attributes that an estimator has during a fit, or that a fit replaces or removes.
OF_A_FIT = (*CONTEXTS, "_unfinished", "feature_names_in_")

# Name of the task of held-out fits.
HELD_OUT_FITS = "held-out fits"


class CallbackObserver(FitObserver):
    """Tells the callbacks of an estimator of a fit, or of its held-out fits, and the iterations.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        Of the fit, or of its held-out fits.
    unit : str
        Name of an iteration.
    news : dict
        The estimator, X, y and metadata, for the callbacks.
    attributes : callable ``attributes(result) -> dict``, default=None
        Returns the attributes that the estimator would have with a `FitResult`; None if what
        is trained is not shown.
    """

    def __init__(
        self,
        context: Any,
        unit: str,
        news: dict[str, Any],
        attributes: Callable[[FitResult], dict[str, Any]] | None = None,
    ) -> None:
        self._context, self._unit, self._news = context, unit, news
        self._attributes: Any = attributes
        self._outer = np.geterr()  # a fit itself ignores overflow, callbacks need not
        self._task: Any = None
        self._run: Any = None
        self._fitted: dict[str, Any] | None = None
        context.call_on_fit_task_begin(**news)

    @contextmanager
    def held_out_fits(self, n_iter: int) -> Iterator["CallbackObserver"]:
        """Yield who follows the held-out fits, of so many iterations in all."""
        context = self._context.subcontext(task_name=HELD_OUT_FITS, max_subtasks=n_iter)
        with np.errstate(**self._outer):
            follower = CallbackObserver(context, f"held-out {self._unit}", self._news)
        yield follower
        follower._tell(context.call_on_fit_task_end)

    def begin_iteration(self, run: Run) -> None:
        """Tell that an iteration begins."""
        self._run, self._task = run, self._context.subcontext(task_name=self._unit)
        if self._attributes is not None:
            # What finishes the fit elsewhere, for callbacks of ours.
            self._task.unfinished = run.unfinished
        self._tell(self._task.call_on_fit_task_begin)

    def end_iteration(self, run: Run) -> StopReason | None:
        """Tell that it has ended; return why to stop, None to go on."""
        self._fitted = None  # as it was before the iteration
        if not self._tell(self._task.call_on_fit_task_end):
            return None
        out_of_time = getattr(self._task, "is_out_of_time", False)
        return StopReason.TIME_LIMIT if out_of_time else StopReason.REQUEST

    def end_fit(self, fitted: dict[str, Any]) -> None:
        """Tell that the fit has ended, and with which attributes."""
        self._fitted = fitted
        self._tell(self._context.call_on_fit_task_end)

    def _tell(self, call: Callable[..., Any]) -> Any:
        # The attributes are made only if a callback asks for the fitted estimator.
        attributes = self._attributes and self._reconstruction
        with np.errstate(**self._outer):
            return call(**self._news, reconstruction_attributes=attributes)

    def _reconstruction(self) -> dict[str, Any]:
        if self._fitted is None:
            self._fitted = self._attributes(self._run.result_now())
        estimator = self._news["estimator"]
        kept = {name: value for name, value in vars(estimator).items() if name not in OF_A_FIT}
        # scikit-learn sets these on a copy. All at once: what a fit removes goes, too.
        return {"__dict__": kept | self._fitted}


def without_contexts(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return attributes of an estimator without what is a fit's only, if it is in one."""
    return {name: value for name, value in attributes.items() if name not in CONTEXTS}
