"""TrainingConfig: what the parameters of an estimator mean, read once for each fit."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from inspect import signature
from math import ceil, log
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state

from .._data.batches import BLOCK_ROWS
from .._data.columns import Columns
from .._data.features.categories import MIN_COUNT
from .._data.features.encoding import Encoding, auto_encoding
from .._network.network import Network, auto_hidden_sizes
from .._optim.lbfgs import LBFGS
from .._optim.minibatch import LearningRate, MinibatchSolver
from .._optim.newton import NewtonCG
from .._optim.optimizers import OPTIMIZERS, SGD, Adam
from .._optim.schedules import SCHEDULES, Schedule
from .._optim.stopping import StopReason
from .fingerprint import comparable

# Solvers that see all rows at once. The others are the OPTIMIZERS, which take mini-batches.
FULL_BATCH_SOLVERS: dict[str, Callable[["TrainingConfig"], LBFGS | NewtonCG]] = {
    "lbfgs": lambda config: LBFGS(config.tol, config.max_fun),
    "newton-cg": lambda config: NewtonCG(config.tol),
}

# Most rows of a batch if batch_size is "auto".
AUTO_BATCH_SIZE = 256

# Share of each target that is spread over the classes if label_smoothing is "auto".
AUTO_LABEL_SMOOTHING = 0.1

# Iterations of solvers that see all rows at once if max_iter is "auto".
AUTO_ITERATIONS = 200

# Parameters that change nothing in many fits.
MAY_BE_IDLE = ("scoring", "validation_fraction", "tol", "n_iter_no_change")

# Parameters that arithmetic needs as floats, and those that are taken as they are.
FLOATS = ("alpha", "weight_decay", "tol", "learning_rate_init", "power_t", "dropout")
AS_GIVEN = (
    *("activation", "solver", "batch_size", "shuffle", "max_fun", "random_state"),
    *("n_iter_no_change", "warm_start"),
    *("learning_rate", "learning_rate_scaling", "early_stopping", "validation_fraction"),
    *("scoring", "class_weight", "label_smoothing", "scaling", "temperature_scaling", "dtype"),
    *("numerical_encoding", "n_bins", "categorical_features", "max_one_hot"),
)


def auto_epochs(n_rows: int | None) -> int:
    """Return the epochs of a fit to so many rows if max_iter is "auto"; None: it is not known.

    They are 60 to 3,428 rows, 45 to 4,800 and 30 above: where rows are many, an epoch has more
    steps. The cycles of coslog4 are whole numbers of epochs, since these are multiples of 15.
    """
    return 15 * min(max(round(12_000 / max(n_rows or 1, 1)), 2), 4)


def published_dtype(X: Any) -> np.dtype:
    """Return float32 for float32 and float16 X, float64 for any other."""
    return np.dtype(np.float32 if X.dtype.kind == "f" and X.dtype.itemsize <= 4 else np.float64)


@dataclass(frozen=True, eq=False)
class TrainingConfig:
    """The parameters of an estimator, each in the type that arithmetic needs.

    Those that are not described here are the estimator's of the same name.

    Parameters
    ----------
    hidden : list of int or "auto"
        Units of the hidden layers; see `hidden_sizes`.
    schedule : Schedule
        That of the learning rate.
    max_iter : int
        Largest number of epochs or iterations.
    optimizer_settings : dict
        Of the optimizer that `solver` names, if it names one.
    given : dict
        All parameters as they are.
    changed : dict
        Those of MAY_BE_IDLE that differ from their defaults.
    n_rows_before : int
        Rows of earlier portions of a stream, which the penalty counts beside those of the fit.
    stream_pauses : frozenset of StopReason
        Reasons that end an epoch of a stream, but not the stream: the state then has MAX_ITER
        as its reason, which is a pause. Empty for a fit, which has an end.
    fingerprint : str or None
        Fingerprint of the fit, if it is known without reading the rows.
    scorer : object or None
        What `scoring` names, ``scorer.of(model, validation)``; None for the loss.
    """

    hidden: list[int] | str
    activation: str
    solver: str
    alpha: float
    weight_decay: float
    batch_size: int | str
    shuffle: bool
    max_iter: int
    max_fun: int
    tol: float
    n_iter_no_change: float
    random_state: Any
    warm_start: bool
    verbose: bool
    learning_rate_init: float
    learning_rate: str
    schedule: Schedule
    learning_rate_scaling: str | None
    power_t: float
    optimizer_settings: dict[str, Any]
    early_stopping: bool | str
    validation_fraction: float
    scoring: Any
    class_weight: dict[Any, Any] | str | None
    label_smoothing: float | str
    dropout: float
    scaling: str | None
    numerical_encoding: str
    n_bins: int
    categorical_features: Any
    max_one_hot: int | None
    temperature_scaling: bool
    dtype: str
    given: dict[str, Any]
    changed: dict[str, Any]
    n_rows_before: int = 0
    stream_pauses: frozenset[StopReason] = frozenset()
    fingerprint: str | None = None
    scorer: Any = None

    @classmethod
    def of(cls, estimator: Any, n_rows: int | None = None) -> Self:
        """Return what the parameters of an estimator mean for a fit to so many rows.

        Raises
        ------
        ValueError
            If parameters do not fit together.
        """
        # A subclass may have a constructor without some of the parameters.
        given = vars(estimator)
        kind = OPTIMIZERS.get(given["solver"])
        named = [name for name in getattr(kind, "SETTINGS", ()) if name in given]
        auto = AUTO_ITERATIONS if kind is None else auto_epochs(n_rows)
        defaults = signature(type(estimator)).parameters
        known = [name for name in MAY_BE_IDLE if name in defaults]
        values: dict[str, Any] = {name: given[name] for name in AS_GIVEN}
        values |= {name: float(given[name]) for name in FLOATS}
        return cls(
            hidden=given_sizes(given["hidden_layer_sizes"]),
            schedule=SCHEDULES[given["learning_rate"]],
            # Each gets the type of its default, because a NumPy scalar would promote float32.
            optimizer_settings={name: type(getattr(kind, name))(given[name]) for name in named},
            max_iter=auto if given["max_iter"] == "auto" else int(given["max_iter"]),
            given=estimator.get_params(deep=False),
            changed={n: given[n] for n in known if given[n] != defaults[n].default},
            verbose=bool(given["verbose"]),
            **values,
        )

    def __post_init__(self) -> None:
        """Raise ValueError for parameters that do not fit together."""
        if self.solver == "newton-cg" and self.hidden:
            raise ValueError(
                "solver='newton-cg' needs hidden_layer_sizes=(), with which J is convex; got "
                f"{self.given['hidden_layer_sizes']!r}. Other solvers take hidden layers."
            )
        if self.solver == "newton-cg" and self.numerical_encoding == "both":
            raise ValueError(
                "solver='newton-cg' is for one view, numerical_encoding='linear' or "
                "'piecewise_linear', because it minimises J of one layer; 'lbfgs' takes 'both'."
            )
        if self.dropout and not self.in_batches:
            raise ValueError(
                f"dropout={self.dropout} needs a mini-batch solver, one of {sorted(OPTIMIZERS)}; "
                f"solver={self.solver!r} minimises one fixed function."
            )

    def for_stream(self, n_rows_before: int) -> Self:
        """Return the config of one epoch of a stream, if so many rows of it have been seen.

        A stream has no end. Only divergence ends it, its learning rate does not decay, and
        nothing is held out. Targets are not smoothed by "auto", because nothing calibrates.
        """
        return replace(
            self,
            max_iter=1,
            schedule=SCHEDULES["constant"] if self.schedule.decays else self.schedule,
            early_stopping=False,
            temperature_scaling=False,
            label_smoothing=0.0 if self.label_smoothing == "auto" else self.label_smoothing,
            n_rows_before=n_rows_before,
            stream_pauses=frozenset(StopReason) - {StopReason.DIVERGENCE, StopReason.INTERRUPTION},
            fingerprint="stream",
        )

    @property
    def in_batches(self) -> bool:
        """Whether the solver takes steps on mini-batches."""
        return self.solver in OPTIMIZERS

    @property
    def unit(self) -> str:
        """What an iteration is called, "epoch" or "iteration"."""
        return "epoch" if self.in_batches else "iteration"

    @property
    def last_iterations(self) -> list[int]:
        """Iterations with which a fit can end: those of a cyclic schedule, or the last."""
        return self.schedule.last_epochs(self.max_iter) if self.in_batches else [self.max_iter]

    @property
    def holds_out(self) -> bool:
        """Whether early stopping holds out rows of X."""
        return not isinstance(self.early_stopping, str) and bool(self.early_stopping)

    @property
    def chooses_cycle(self) -> bool:
        """Whether early stopping is left to choose among the cycles of a schedule.

        Softmax regression runs to the end, because its objective is convex, and its optimum is
        the aim.
        """
        left = isinstance(self.early_stopping, str) and len(self.last_iterations) > 1
        return left and bool(self.hidden)

    @property
    def asks_held_out_rows(self) -> bool:
        """Whether a fit without validation rows holds out rows of X.

        They are a validation split, or the rows that held-out fits leave out.
        """
        return self.holds_out or self.temperature_scaling or self.chooses_cycle

    @cached_property
    def described(self) -> dict[str, Any]:
        """All parameters as numbers and strings that can be compared."""
        described = {name: comparable(value) for name, value in self.given.items()}
        return described | {"hidden_layer_sizes": str(self.hidden), "max_iter": self.max_iter}

    @property
    def loss_parameters(self) -> list[Any]:
        """The parameters that say which function of the data is minimised, and scored."""
        names = ("label_smoothing", "class_weight", "early_stopping", "scoring")
        return [comparable(getattr(self, name)) for name in names]

    def draw_seeds(self) -> list[int]:
        """Return the two seeds of a fit: of its numbers, and of what it holds out."""
        random_state = check_random_state(self.random_state)
        return random_state.randint(np.iinfo(np.int32).max, size=2).tolist()

    @property
    def min_count(self) -> float:
        """Levels of less weight are rare. In a stream none is, because more rows may come."""
        return 0.0 if self.is_stream else MIN_COUNT

    @property
    def is_stream(self) -> bool:
        """Whether these are the parameters of an epoch of a stream."""
        return self.fingerprint == "stream"

    def encoding_kind(self, X: Any, columns: Columns | None = None, n_classes: int = 2) -> str:
        """Return how the features of X are encoded, a key of VIEWS."""
        if self.numerical_encoding != "auto":
            return self.numerical_encoding
        pays = self.in_batches and bool(self.hidden)
        return auto_encoding(X, self.n_bins, columns, n_classes) if pays else "linear"

    def hidden_sizes(self, encoding: Encoding) -> list[int]:
        """Return the units of the hidden layers of each tower."""
        if isinstance(self.hidden, str):
            return auto_hidden_sizes(encoding)
        return self.hidden

    def build_network(self, encoding: Encoding, n_classes: int) -> Network:
        """Return the network of encoded rows and so many classes."""
        return Network(
            [encoding.width, *self.hidden_sizes(encoding), n_classes],
            self.activation,
            dropout=self.dropout,
            tower_inputs=[seen.stop for seen in encoding.tower_columns],
            tower_starts=[seen.start for seen in encoding.tower_columns],
        )

    def batch_rows(self, n_rows: int) -> int:
        """Return the largest number of rows that a step, or a block of all rows, has."""
        if not self.in_batches:
            return BLOCK_ROWS
        if not isinstance(self.batch_size, str):
            return int(self.batch_size)
        # Parts are about equal. With 258 rows, every other step would otherwise have two rows.
        return ceil(n_rows / ceil(n_rows / AUTO_BATCH_SIZE))

    def compute_dtype(self, X: Any, *, random: bool) -> np.dtype:
        """Return the precision of a fit: X's own if it is deterministic, else float32.

        `random` says whether chance decides an epoch or the number of epochs.
        """
        if self.dtype != "auto":
            return np.dtype(self.dtype)
        return np.dtype(np.float32) if self.in_batches and random else published_dtype(X)

    def smoothing(self, class_totals: np.ndarray) -> np.ndarray | None:
        """Return the part of every target row that does not depend on its label, or None.

        It is spread in proportion to the weight of each class, so that the mean of the targets
        is that of the labels, and a rare class keeps its rate. "auto" is 0 for softmax
        regression, because that has few parameters and gains nothing.
        """
        share = self.label_smoothing
        if isinstance(share, str):
            share = AUTO_LABEL_SMOOTHING if self.hidden else 0.0
        return float(share) * class_totals / class_totals.sum() if share else None

    def optimizer(self, previous: SGD | Adam | None = None) -> SGD | Adam | None:
        """Return the optimizer of these settings, which goes on from the one before."""
        kind = OPTIMIZERS.get(self.solver)
        if kind is None:
            return None
        if type(previous) is kind:
            # An optimizer needs the method only if what it keeps depends on a setting.
            with_settings = getattr(previous, "with_settings", partial(replace, previous))
            return with_settings(**self.optimizer_settings)
        return kind(**self.optimizer_settings)

    def build_solver(
        self, network: Network, dtype: np.dtype
    ) -> LBFGS | NewtonCG | MinibatchSolver:
        """Return the solver for a network."""
        if not self.in_batches:
            return FULL_BATCH_SOLVERS[self.solver](self)
        factors = None
        if self.learning_rate_scaling is not None:
            factors = network.learning_rate_factors(dtype)
        return MinibatchSolver(
            LearningRate(self.learning_rate_init, self.schedule, self.power_t, factors),
            max_iter=self.max_iter,
            weight_decay=self.weight_decay,
            shuffle=self.shuffle,
            uniform_loss=log(network.layer_sizes[-1]),
        )


def given_sizes(hidden_layer_sizes: Any) -> list[int] | str:
    """Return the hidden layers as a list of int, empty for softmax regression, or "auto"."""
    if isinstance(hidden_layer_sizes, str):
        return hidden_layer_sizes
    sizes = np.atleast_1d(hidden_layer_sizes)
    whole = sizes.size == 0 or sizes.dtype.kind in "iu"
    if sizes.ndim != 1 or not whole or (sizes <= 0).any():
        raise ValueError(
            "hidden_layer_sizes must be > 0, an integer or a sequence of integers (empty for "
            f"softmax regression), got {hidden_layer_sizes!r}."
        )
    return sizes.tolist()
