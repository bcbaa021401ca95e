"""How a fit tells the callbacks of scikit-learn of itself: a task for each iteration.

A fit is a task whose subtasks are its iterations: epochs, or the steps of a solver that sees
all rows at once. If it has held-out fits, its first subtask is theirs, with a subtask for each
of their iterations, which show no fitted estimator.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from .._optim.stopping import StopReason
from .._sklearn_compat import CONTEXTS
from .._training.run import FitResult, Run

# Attributes that an estimator has during a fit, or that a fit replaces or removes.
OF_A_FIT = (*CONTEXTS, "_unfinished", "feature_names_in_")

# Name of the task of held-out fits.
HELD_OUT_FITS = "held-out fits"


class CallbackObserver:
    """Tells the callbacks of an estimator of a fit and its iterations.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        Of the fit.
    unit : str
        Name of an iteration.
    attributes : callable ``attributes(result) -> dict``
        Returns the attributes that the estimator would have with a `FitResult`.
    **news
        The estimator, X, y and metadata, for the callbacks.
    """

    def __init__(
        self,
        context: Any,
        unit: str,
        attributes: Callable[[FitResult], dict[str, Any]],
        **news: Any,
    ) -> None:
        self._context, self._unit, self._attributes, self._news = context, unit, attributes, news
        self._outer = np.geterr()  # a fit itself ignores overflow, callbacks need not
        self._task: Any = None
        self._run: Run | None = None
        self._fitted: dict[str, Any] | None = None
        context.call_on_fit_task_begin(**news)

    def held_out(self, n_iter: int) -> "HeldOutObserver":
        """Return who follows the held-out fits, of so many iterations in all; a context."""
        context = self._context.subcontext(task_name=HELD_OUT_FITS, max_subtasks=n_iter)
        return HeldOutObserver(context, f"held-out {self._unit}", self._news)

    def begin(self, run: Run) -> None:
        """Tell that an iteration begins."""
        self._run = run
        self._task = self._context.subcontext(task_name=self._unit)
        # What finishes the fit elsewhere, for callbacks of ours.
        self._task.unfinished = run.unfinished
        self._tell(self._task.call_on_fit_task_begin)

    def end(self, run: Run) -> StopReason | None:
        """Tell that it has ended; return why to stop, None to go on."""
        self._fitted = None  # as it was before the iteration
        return stop_reason(self._task, self._tell(self._task.call_on_fit_task_end))

    def end_fit(self, result: FitResult) -> None:
        """Tell that the fit has ended, and with what."""
        self._fitted = self._attributes(result)
        self._tell(self._context.call_on_fit_task_end)

    def _tell(self, call: Callable[..., Any]) -> Any:
        with np.errstate(**self._outer):
            # The attributes are made only if a callback asks for the fitted estimator.
            return call(**self._news, reconstruction_attributes=self._reconstruction)

    def _reconstruction(self) -> dict[str, Any]:
        estimator = self._news["estimator"]
        if self._fitted is None and self._run is not None:
            self._fitted = self._attributes(self._run.result_now())
        kept = {name: value for name, value in vars(estimator).items() if name not in OF_A_FIT}
        # scikit-learn sets these on a copy. All at once: what a fit removes goes, too.
        return {"__dict__": kept | (self._fitted or {})}


class HeldOutObserver:
    """Tells the callbacks of an estimator of the iterations of its held-out fits."""

    def __init__(self, context: Any, unit: str, news: dict[str, Any]) -> None:
        self._context, self._unit, self._news = context, unit, news
        self._outer = np.geterr()
        self._task: Any = None

    def __enter__(self) -> Self:
        self._tell(self._context.call_on_fit_task_begin)
        return self

    def __exit__(self, *error: object) -> None:
        """Tell that the held-out fits have ended, unless something has gone wrong."""
        if error[0] is None:
            self._tell(self._context.call_on_fit_task_end)

    def begin(self, run: Run) -> None:
        """Tell that an iteration begins."""
        self._task = self._context.subcontext(task_name=self._unit)
        self._tell(self._task.call_on_fit_task_begin)

    def end(self, run: Run) -> StopReason | None:
        """Tell that it has ended; return why to stop, None to go on."""
        return stop_reason(self._task, self._tell(self._task.call_on_fit_task_end))

    def _tell(self, call: Callable[..., Any]) -> Any:
        with np.errstate(**self._outer):
            return call(**self._news)


def stop_reason(context: Any, asked: bool) -> StopReason | None:
    """Return why a fit is to stop after a task, None if it is not."""
    if not asked:
        return None
    out_of_time = getattr(context, "is_out_of_time", False)
    return StopReason.TIME_LIMIT if out_of_time else StopReason.REQUEST


def without_contexts(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return attributes of an estimator without what is a fit's only, if it is in one."""
    if CONTEXTS[0] not in attributes:
        return attributes
    return {name: value for name, value in attributes.items() if name not in CONTEXTS}
