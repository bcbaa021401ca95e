"""Observers of a fit: they are told of each iteration of its networks, and can ask to stop."""

from typing import Any, Protocol, Self

from .._optim.stopping import StopReason


class FitObserver(Protocol):
    """Follows a fit."""

    def held_out(self, n_iter: int) -> "FitObserver":
        """Return the observer of the held-out fits, which have so many iterations; a context."""

    def __enter__(self) -> Self:
        """Hear that the held-out fits begin."""

    def __exit__(self, *error: object) -> None:
        """Hear that they have ended."""

    def begin(self, run: Any) -> None:
        """Hear that an iteration of a `Run` begins."""

    def end(self, run: Any) -> StopReason | None:
        """Hear that it has ended; return why to stop, None to go on."""


class SilentObserver:
    """An observer that does nothing, for a fit that nobody follows."""

    def held_out(self, n_iter: int) -> Self:
        """Return this."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""

    def begin(self, run: Any) -> None:
        """Do nothing."""

    def end_fit(self, result: Any) -> None:
        """Do nothing."""

    def end(self, run: Any) -> StopReason | None:
        """Return None."""
        return None
