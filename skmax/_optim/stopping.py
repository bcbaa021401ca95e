"""Why a run of a solver has ended."""

from enum import StrEnum


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
