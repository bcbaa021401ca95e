"""What moves while a network is trained, what it has recorded, and all that continues its fit."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import numpy as np

from .._network.model import FittedModel
from .._optim.minibatch import BestIterate
from .._optim.optimizers import SGD, Adam
from .._optim.schedules import ScheduleState
from .._optim.stopping import StopReason
from .config import TrainingConfig

# Attributes of a history that have a number for each iteration.
CURVES = ("loss_curve", "validation_loss_curve", "validation_scores")

# Parameters that do not change what is fitted, or that may have grown meanwhile.
FREE = ("verbose", "max_iter")


class Curve:
    """A list of numbers that is only appended to, and knows its least.

    A copy is made in no time, because it shares the values. They are in tuples, each longer
    than all tuples after it together, so that a curve of n values has at most log2(n) + 1
    tuples. `append` merges tuples that are no longer than what follows them, so that on
    average each value is copied log2(n) times in all.

    Parameters
    ----------
    values : iterable of float, default=()
    """

    __slots__ = ("_parts", "least")

    def __init__(self, values: Iterable[float] = ()) -> None:
        part = tuple(values)
        self._parts: tuple[tuple[float, ...], ...] = (part,) if part else ()
        self.least: float = min(part, default=inf)

    def append(self, value: float) -> None:
        """Append a value; copies of this curve stay as they are."""
        parts = self._parts
        last: tuple[float, ...] = (value,)
        while parts and len(parts[-1]) <= len(last):
            last, parts = parts[-1] + last, parts[:-1]
        self._parts = (*parts, last)
        self.least = min(self.least, value)

    def copy(self) -> "Curve":
        """Return a curve of the same values."""
        twin = Curve()
        twin._parts, twin.least = self._parts, self.least
        return twin

    @property
    def last(self) -> float:
        """The last value; IndexError if there is none."""
        return self._parts[-1][-1]

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __iter__(self) -> Iterator[float]:
        for part in self._parts:
            yield from part

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Curve | list) else NotImplemented

    def __repr__(self) -> str:
        return f"Curve({list(self)})"


@dataclass(eq=False)
class History:
    """What the iterations of a fit, and of those it continues, have recorded.

    Parameters
    ----------
    loss_curve : Curve, or a list of float that becomes one
        J of each iteration.
    validation_loss_curve, validation_scores : Curve, or a list of float that becomes one
        Of the same iterations, NaN before there were validation rows; scores are
        greater-is-better.
    best_loss, best_score : float
        Best of the curve and of the scores since the history was last reset.
    best_params : ndarray, default=None
        Parameters of the best score; kept under early stopping only.
    best_epoch : int, default=None
        Their iteration: its place in the curve, counted from 1. Older files lack it.
    n_no_improvement : int, default=0
        Iterations in a row without an improvement by at least `tol`.
    """

    loss_curve: Curve = field(default_factory=Curve)
    validation_loss_curve: Curve = field(default_factory=Curve)
    validation_scores: Curve = field(default_factory=Curve)
    best_loss: float = np.inf
    best_score: float = -np.inf
    best_params: np.ndarray | None = None
    best_epoch: int | None = None
    n_no_improvement: int = 0

    def __post_init__(self) -> None:
        for name in CURVES:
            curve = getattr(self, name)
            if isinstance(curve, list):  # of a file; `integrity` checks the values
                setattr(self, name, Curve(curve))

    def copy(self) -> "History":
        """Return a history that can be written to without changing this one."""
        return replace(self, **{name: getattr(self, name).copy() for name in CURVES})

    def reset(self) -> "History":
        """Return a history with the same curves and nothing best yet."""
        return History(**{name: getattr(self, name).copy() for name in CURVES})


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
        Iterations that the fit in progress is to have, as its held-out rows have chosen.
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
            best_iterate=None,
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


@dataclass(frozen=True, eq=False)
class UnfinishedFit:
    """A fit between two of its iterations.

    Parameters
    ----------
    parameters : dict
        Of the estimator, as `TrainingConfig.described` has them.
    n_rows : int
        Rows of X.
    state : TrainingState
    model : FittedModel
        Network, classes, scaling and temperature; its params are not used.
    fit : str, default=""
        Identifies the fit that has written it.
    """

    parameters: dict[str, Any]
    n_rows: int
    state: TrainingState
    model: FittedModel
    fit: str = ""

    def check_parameters(self, config: TrainingConfig) -> None:
        """Raise ValueError if the parameters are not those of this fit."""
        now = config.described
        # Checkpoints that are older than bins, or categories, have no parameters of them.
        newer = {name: now[name] for name in ("n_bins", "categorical_features", "max_one_hot")}
        then = {"numerical_encoding": "linear"} | newer | self.parameters
        differences = [
            f"{name}={then.get(name)!r} there, {now.get(name)!r} here"
            for name in sorted(now.keys() | then.keys())
            if name not in FREE and now.get(name) != then.get(name)
        ]
        if now["max_iter"] < then["max_iter"]:
            differences.append(
                f"max_iter={then['max_iter']} there, {now['max_iter']} here, which may be larger "
                "only"
            )
        if differences:
            raise ValueError(
                f"A fit can only be resumed with the same parameters: {'; '.join(differences)}. "
                "Set these, or delete the checkpoint to begin anew."
            )

    def check_data(self, n_rows: int, n_features: int, classes: np.ndarray) -> None:
        """Raise ValueError if the shape of X or the classes are not those of this fit."""
        then = {
            "rows": self.n_rows,
            "features": self.model.encoding.n_features,
            "classes": self.model.classes.tolist(),
        }
        now = {"rows": n_rows, "features": n_features, "classes": classes.tolist()}
        for name, value in then.items():
            if now[name] != value:
                raise ValueError(
                    f"A fit can only be resumed on the same data: its {name} were {value}, these "
                    f"are {now[name]}."
                )
