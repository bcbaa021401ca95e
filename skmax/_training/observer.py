"""Who follows a fit: told of each iteration of its networks, it can ask to stop."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from .._optim.stopping import StopReason


class RunObserver(Protocol):
    """Whoever follows networks in training."""

    def begin(self, run: Any) -> None:
        """Hear that an iteration of a `Run` begins."""

    def end(self, run: Any) -> StopReason | None:
        """Hear that it has ended; return why to stop, None to go on."""


class FitObserver(RunObserver, Protocol):
    """Whoever follows a fit: its own network, its held-out fits, and its end."""

    def held_out(self, n_iter: int) -> AbstractContextManager[RunObserver]:
        """Return a context with who follows the held-out fits, of so many iterations in all."""

    def end_fit(self, result: Any) -> None:
        """Hear that the `FitResult` has been published."""


class SilentObserver:
    """Stands for nobody who follows a fit."""

    def held_out(self, n_iter: int) -> AbstractContextManager[RunObserver]:
        """Return a context with this."""
        return nullcontext(self)

    def begin(self, run: Any) -> None:
        """Do nothing."""

    def end(self, run: Any) -> StopReason | None:
        """Return None."""
        return None

    def end_fit(self, result: Any) -> None:
        """Do nothing."""
