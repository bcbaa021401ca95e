"""What a solver tells and asks of whoever observes it, and why a run of it has ended."""

from enum import StrEnum
from typing import Any, Protocol

import numpy as np


class StopReason(StrEnum):
    """What has ended a run of a solver; its value is what files hold."""

    MAX_ITER = "max_iter"
    MAX_FUN = "max_fun"
    PATIENCE = "patience"
    SCHEDULE = "schedule"
    CONVERGENCE = "convergence"
    LINE_SEARCH = "line search"
    DIVERGENCE = "divergence"
    REQUEST = "request"
    TIME_LIMIT = "time limit"
    INTERRUPTION = "interruption"

    @property
    def is_pause(self) -> bool:
        """Whether a warm start continues the fit as if it had never ended."""
        return self is StopReason.MAX_ITER

    @property
    def is_final(self) -> bool:
        """Whether it ends a fit at once, though the fit may have epochs left.

        The other reasons come with the last iteration, or are found after all iterations.
        """
        return self in (
            StopReason.PATIENCE,
            StopReason.REQUEST,
            StopReason.TIME_LIMIT,
            StopReason.DIVERGENCE,
        )

    @property
    def restores_best(self) -> bool:
        """Whether the best parameters so far are restored, because the last ones are worse."""
        return self in (StopReason.DIVERGENCE, StopReason.INTERRUPTION)


class Observer(Protocol):
    """Follows a solver: it is told of each iteration, and says whether to stop.

    An iteration is an epoch of a mini-batch solver, or a step of one that sees all rows at once.
    """

    def begin(self) -> None:
        """Hear that an iteration begins."""

    def record(self, params: np.ndarray, loss: float) -> bool:
        """Record an iteration that ended at `params`; return whether patience has run out."""

    def end(self) -> StopReason | None:
        """Hear that it has ended, and all that it changes has changed; return why to stop."""


def ends_with(observer: Observer, state: Any) -> bool:
    """Tell the observer that an iteration has ended; return whether the run ends with it.

    What has ended the run by itself counts, whatever the observer asks.
    """
    asked = observer.end()
    if asked is not None and not state.stop_reason.is_final:
        state.stop_reason = asked
    return state.stop_reason.is_final
