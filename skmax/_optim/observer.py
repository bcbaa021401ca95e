"""Observer: what a solver reports of its iterations, and what it asks."""

from typing import Protocol

import numpy as np

from .stopping import StopReason


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
