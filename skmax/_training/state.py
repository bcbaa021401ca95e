"""TrainingState: what moves while a network is trained, and all that continues its fit."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .._optim.minibatch import BestIterate
from .._optim.optimizers import SGD, Adam
from .._optim.schedules import ScheduleState
from .._optim.stopping import StopReason
from .history import History


@dataclass(eq=False)
class TrainingState:
    """All that continues a fit: bit for bit, it is as if it had never paused.

    Parameters
    ----------
    params : ndarray of shape (n_params,)
        In the dtype of the arithmetic.
    rng : numpy.random.Generator
        Draws the order of rows and the dropout masks.
    split_seed : int
        Seed of the validation split and of held-out fits, which a continued fit must repeat.
    seed : int, default=0
        Of `rng`, from whose first numbers come the initial parameters.
    optimizer : object, default=None
        One of OPTIMIZERS with its moments; None for solvers that see all rows at once.
    position : ScheduleState
    history : History
    n_iter : int, default=0
        Iterations of the last fit, or of all `partial_fit` calls since.
    stop_reason : StopReason, default="max_iter"
        What ended the last fit. During a fit, what will end it if nothing else does.
    target_iter : int, default=None
        Iterations that the fit in progress is to have, as its held-out rows have advised.
    best_iterate : BestIterate, default=None
        Of a fit in progress, which goes back to it if it diverges.
    fingerprint : str, default=None
        Identifies the function and the data for which the best values in `history` hold.
    held_out_fits : list of TrainingState, default=()
        Those of the held-out fits, while the fit is paused.
    initial_params : ndarray of shape (n_params,), default=None
        Parameters with which the fit in progress began, if they are not those of `seed`.
        Never written to.
    """

    params: np.ndarray
    rng: np.random.Generator
    split_seed: int
    seed: int = 0
    optimizer: SGD | Adam | None = None
    position: ScheduleState = field(default_factory=ScheduleState)
    history: History = field(default_factory=History)
    n_iter: int = 0
    stop_reason: StopReason = StopReason.MAX_ITER
    target_iter: int | None = None
    best_iterate: BestIterate | None = None
    fingerprint: str | None = None
    held_out_fits: list["TrainingState"] = field(default_factory=list)
    initial_params: np.ndarray | None = None

    def cast(self, dtype: Any) -> None:
        """Bring the parameters to `dtype`; moments in another dtype are dropped."""
        if self.params.dtype != dtype:
            self.params, self.optimizer = self.params.astype(dtype), None

    def copy(self) -> "TrainingState":
        """Return a state that can be advanced without changing this one."""
        return replace(
            self,
            params=self.params.copy(),
            rng=deepcopy(self.rng),
            optimizer=deepcopy(self.optimizer),
            position=replace(self.position),
            history=self.history.copy(),
            best_iterate=self.best_iterate and self.best_iterate.copy(),
            held_out_fits=[state.copy() for state in self.held_out_fits],
        )

    def snapshot(self) -> "TrainingState":
        """Return a copy without the held-out fits."""
        return replace(self, held_out_fits=[]).copy()

    def finalized(self) -> "TrainingState":
        """Return the state without what only a paused fit needs to go on."""
        return replace(
            self,
            params=np.empty(0, dtype=self.params.dtype),
            optimizer=None,
            history=replace(self.history, best_params=None),
            held_out_fits=[],
        )

    def reset(self, params: np.ndarray) -> "TrainingState":
        """Return a state at `params` with the curves of this one, and a new start."""
        return replace(
            self.copy(),
            params=params.astype(self.params.dtype),  # a copy, even if the dtype is the same
            optimizer=None,
            position=ScheduleState(t=self.position.t),
            history=self.history.reset(),
            held_out_fits=[],
        )

    def identify(self, fingerprint: str) -> None:
        """Give the state the fingerprint of its fit. If it had another, nothing is best so far."""
        if fingerprint != self.fingerprint:
            self.history = self.history.reset()
            self.held_out_fits = []
        self.fingerprint = fingerprint
