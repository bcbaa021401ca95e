"""scipy's L-BFGS-B on the objective of all rows."""

from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

from .._network.kernels import rounding
from .stopping import Observer, StopReason, ends_with

# What the status of scipy's result means, if nothing of ours has ended the run.
STATUS = {0: StopReason.CONVERGENCE, 1: StopReason.MAX_ITER}


class FullBatchEnd(NamedTuple):
    """Where a solver that sees all rows at once has ended.

    Parameters
    ----------
    gradient_size : float
        Largest absolute component of the gradient.
    message : str
        What a warning says about it.
    """

    gradient_size: float
    message: str


class _Ended(Exception):
    """Raised out of an evaluation that ends the run, with the reason and a message."""


@dataclass(frozen=True, eq=False)
class LBFGS:
    """L-BFGS-B: `state.params` is always the last accepted iterate, never a trial point.

    Parameters
    ----------
    tol : float
        Stops when the largest absolute component of the gradient is at most this.
    max_fun : int
        Largest number of evaluations.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained
    optimization", 1995.
    """

    tol: float
    max_fun: int

    def run(
        self, objective: Any, state: Any, observer: Observer, iterations: range
    ) -> FullBatchEnd:
        """Advance the state by so many iterations, or fewer; its `stop_reason` says why.

        ``objective(params)`` returns J and its gradient. A trial point without a finite loss
        and gradient ends the run: it has diverged.
        """
        state.stop_reason = StopReason.MAX_ITER
        if not iterations:  # scipy takes one iteration even so
            size = float(np.abs(objective(state.params)[1]).max())
            return FullBatchEnd(size, "no iteration was left")
        search = _Search(self.max_fun, objective, state, observer)
        try:
            result = scipy.optimize.minimize(
                search.evaluate,
                state.params.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=search.callback,
                options={
                    "maxiter": len(iterations),
                    "maxfun": self.max_fun,
                    "gtol": self.tol,
                    "ftol": rounding(state.params.dtype),
                },
            )
        except _Ended as end:
            state.stop_reason, message = end.args
            return FullBatchEnd(search.gradient_size, message)
        size = float(np.abs(result.jac).max())
        if not state.stop_reason.is_final:
            state.stop_reason = STATUS.get(result.status, StopReason.LINE_SEARCH)
            if state.stop_reason is StopReason.MAX_ITER and size <= self.tol:
                state.stop_reason = StopReason.CONVERGENCE
        return FullBatchEnd(size, result.message)


class _Search:
    """What scipy calls: the objective at trial points, and the end of each iteration."""

    def __init__(self, max_fun: int, objective: Any, state: Any, observer: Observer) -> None:
        self.max_fun, self.objective = max_fun, objective
        self.state, self.observer = state, observer
        self.n_evaluations, self.gradient_size, self.in_iteration = 0, np.inf, False

    def evaluate(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return J and its gradient at a trial point."""
        if self.n_evaluations == self.max_fun:
            raise _Ended(StopReason.MAX_FUN, "all evaluations that max_fun allows have been made")
        if self.n_evaluations and not self.in_iteration:  # the first one is at the start
            self.in_iteration = True
            self.observer.begin()
        self.n_evaluations += 1
        loss, grad = self.objective(x.astype(self.state.params.dtype))
        self.gradient_size = float(np.abs(grad).max())
        if not isfinite(loss + self.gradient_size):
            # scipy would go on to a worse point, or stay, and call that convergence.
            raise _Ended(StopReason.DIVERGENCE, "a trial point has no finite loss and gradient")
        return loss, grad.astype(np.float64, copy=False)

    def callback(self, intermediate_result: Any) -> None:
        """Take the point that scipy has accepted; raise StopIteration if the run is to end."""
        self.in_iteration = False
        self.state.params[:] = intermediate_result.x
        self.state.n_iter += 1
        self.state.position.t += self.objective.n_rows
        if end_iteration(self.state, self.observer, float(intermediate_result.fun)):
            raise StopIteration


def end_iteration(state: Any, observer: Observer, loss: float) -> bool:
    """End an iteration over all rows; return whether something ends the run with it."""
    if observer.record(state.params, loss):
        state.stop_reason = StopReason.PATIENCE
    return ends_with(observer, state)
