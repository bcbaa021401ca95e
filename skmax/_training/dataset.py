"""The rows that a network is trained on, as a fit sees them: in memory, or on a cluster."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.sparse import issparse

from .._data.dataset import Dataset, checksum
from .._data.features.encoding import VIEWS, Encoding, learn_encoding
from .._data.splits import copies, split_validation, stratified_folds, units_of
from .._data.weights import class_weights, row_weights
from .._network.blas import blas_threads, gains_from_threads
from .._network.model import FittedModel
from .._network.network import Network
from .._optim.objective import Objective, all_logits
from .config import TrainingConfig
from .state import TrainingState
from .temperature import ENOUGH_ROWS, MIN_ROWS, chosen_rows, enough_rows, most_rows

# The shares of classes among rows of a level are those of the other folds, of so many.
N_SHARE_FOLDS = 5

# Each held-out fit leaves out one of so many parts of the rows. If a seventh is fewer rows than
# are needed, quarters are left out, which takes fewer fits: a third less time, and as good.
N_FOLDS = 7
N_FOLDS_OF_FEW = 4


class HeldOutLogits(NamedTuple):
    """Logits, class indices and weights (None for ones) of rows that were not trained on."""

    logits: np.ndarray
    labels: np.ndarray
    weight: np.ndarray | None


@dataclass(frozen=True, eq=False)
class HoldOutPlan:
    """How many held-out fits there are, on which rows, and when they are scored.

    Parameters
    ----------
    n_fits : int
        0 if nothing is asked of held-out fits, or there are too few rows.
    ends : list of int
        Iterations after which they are scored; the last ends the fit.
    n_folds : int, default=0
        Number of parts of the rows. Each held-out fit leaves out one part.
    rows : InMemory, default=None
        Those of positive weight.
    """

    n_fits: int
    ends: list[int]
    n_folds: int = 0
    rows: Any = None


class TrainingRows(Protocol):
    """What a fit asks of the rows that it trains on.

    Parameters
    ----------
    dtype : numpy.dtype
        Of X.
    n_rows : int
    classes : ndarray of shape (n_classes,)
    class_weight : ndarray of shape (n_classes,) or None
        Weight of each class; None weighs each 1.
    """

    dtype: np.dtype
    n_rows: int
    classes: np.ndarray
    class_weight: np.ndarray | None

    def split(
        self, validation: "InMemory | None", seed: int
    ) -> "tuple[TrainingRows, InMemory | None]":
        """Return training rows, and validation rows: those given, held out of these, or None."""

    def total_weight(self) -> tuple[float, int]:
        """Return the mean weight of the rows that have any, and how many rows count."""

    def learn_encoding(self) -> Encoding:
        """Return what is learnt about the features."""

    def extend_encoding(self, encoding: Encoding) -> Encoding:
        """Return the encoding with those features learnt that vary for the first time."""

    def own_shares(self, encoding: Encoding) -> Encoding:
        """Return the encoding with what is learnt from the labels of these rows."""

    def varying_inputs(self, encoding: Encoding) -> np.ndarray:
        """Return which columns of the encoded rows are not 0 in all of them."""

    def threads(self, network: Network) -> AbstractContextManager[None]:
        """Return a context with all threads of BLAS, or one if the fit gains nothing from more."""

    def objective(
        self, model: FittedModel, state: TrainingState, batch_size: int | None = None
    ) -> Any:
        """Return J of these rows, in the precision of the state."""

    def fingerprint(self, validation: "InMemory | None") -> str:
        """Return what identifies the function that is minimised, and the rows."""

    def plan(self, seed: int) -> HoldOutPlan:
        """Return how many held-out fits say when to stop, and calibrate."""

    def folds(
        self, plan: HoldOutPlan, seed: int
    ) -> "Sequence[tuple[TrainingRows, Any, int | None]]":
        """Return rows to train on, rows held out and the batch size, for each held-out fit."""


class InMemory:
    """Rows in memory, or in a memory map.

    Parameters
    ----------
    config : TrainingConfig
    dataset : Dataset
    classes : ndarray of shape (n_classes,)
    class_weight : ndarray of shape (n_classes,), default=None
        Weight of each class, if it is that of other rows.
    """

    def __init__(
        self,
        config: TrainingConfig,
        dataset: Dataset,
        classes: np.ndarray,
        class_weight: np.ndarray | None = None,
    ) -> None:
        self.config, self.dataset, self.classes = config, dataset, classes
        self.n_rows, self.dtype = len(dataset.labels), dataset.X.dtype
        if class_weight is None:
            labels, weight = self.summed.labels, self.summed.sample_weight
            class_weight = class_weights(config.class_weight, classes, labels, weight)
        self.class_weight = class_weight

    @cached_property
    def summed(self) -> Dataset:
        """The rows to sum over: equal ones as one, unless there are batches, which count rows."""
        return self.dataset if self.config.in_batches else self.dataset.distinct

    def take(self, positions: np.ndarray) -> "InMemory":
        """Return some of the rows, with the class weights of these."""
        return InMemory(self.config, self.dataset.take(positions), self.classes, self.class_weight)

    @property
    def row_weight(self) -> np.ndarray | None:
        """Sample weight times class weight of each row, or None if all are 1."""
        return row_weights(self.dataset.labels, self.dataset.sample_weight, self.class_weight)

    def split(
        self, validation: "InMemory | None", seed: int
    ) -> "tuple[InMemory, InMemory | None]":
        """Return training rows, and validation rows: those given, held out of these, or None."""
        config, rows = self.config, self.dataset
        if validation is not None:
            return self.in_folds(seed), validation.weighted_as(self)
        if rows.groups is None and config.asks_held_out_rows:
            rows = replace(rows, groups=copies(rows.X, rows.index, rows.labels))
        if not config.holds_out:
            training = self if rows.groups is None else self.weighted_as(self, rows)
            return training.in_folds(seed), None
        split = split_validation(
            *(rows.labels, len(self.classes), config.validation_fraction),
            *(np.random.default_rng(seed), rows.groups),
        )
        training = InMemory(config, rows.take(split[0]), self.classes).in_folds(seed)
        return training, self.weighted_as(training, rows.take(split[1]))

    def in_folds(self, seed: int) -> "InMemory":
        """Return the rows in folds, if there are categories to be encoded by labels."""
        columns, rows = self.dataset.columns, self.dataset
        max_one_hot = self.config.max_one_hot
        if columns is None or max_one_hot is None or self.config.is_stream:
            return self
        kind = self.config.encoding_kind(rows.X, columns, len(self.classes))
        # A column has at most one group more than levels, that of gaps.
        if len(VIEWS[kind]) == 1 and max(map(len, columns.levels)) < max_one_hot:
            return self
        rng = np.random.default_rng([seed, N_SHARE_FOLDS])
        fold = stratified_folds(rows.labels, N_SHARE_FOLDS, rng, rows.groups)
        # A row, or a group, that is alone in its class is in no fold.
        alone = fold < 0
        fold[alone] = rng.integers(N_SHARE_FOLDS, size=np.count_nonzero(alone))
        return self.weighted_as(self, replace(rows, fold=fold))

    def weighted_as(self, other: TrainingRows, rows: Dataset | None = None) -> "InMemory":
        """Return these rows, or `rows`, with the class weights of `other`."""
        rows = self.dataset if rows is None else rows
        return InMemory(self.config, rows, self.classes, other.class_weight)

    def total_weight(self) -> tuple[float, int]:
        """Return the mean weight of the rows that have any, and how many rows count."""
        weight, n_before = self.row_weight, self.config.n_rows_before
        if weight is None:
            return 1.0, self.n_rows + n_before
        weight = weight[weight > 0]  # a class may be left out
        return float(weight.mean()) * self._weight_scale(self.dataset), len(weight) + n_before

    def _weight_scale(self, rows: Dataset) -> float:
        heaviest = 1.0 if self.class_weight is None else float(self.class_weight.max())
        return rows.weight_scale * heaviest

    def learn_encoding(self) -> Encoding:
        """Return what is learnt about the features."""
        rows, config = self.summed, self.config
        in_folds = rows.fold is not None
        return learn_encoding(
            config.encoding_kind(rows.X, rows.columns, len(self.classes)),
            *(config.scaling, config.n_bins),
            *(rows.X, rows.index, rows.sample_weight),
            columns=rows.columns,
            max_one_hot=config.max_one_hot if in_folds and config.max_one_hot else np.inf,
            min_count=config.min_count,
            weight_scale=rows.weight_scale,
            labelled=rows.labelled(max(2, len(self.classes))) if in_folds else None,
        )

    def extend_encoding(self, encoding: Encoding) -> Encoding:
        """Return the encoding with those features learnt that vary for the first time."""
        rows = self.dataset
        extended = encoding.extended(rows.X, rows.index, rows.sample_weight)
        return self.own_shares(extended)

    def own_shares(self, encoding: Encoding) -> Encoding:
        """Return the encoding with what is learnt from the labels of these rows."""
        if encoding.shares is None or self.dataset.fold is None:
            return encoding
        return encoding.with_shares(self.dataset.labelled(encoding.shares.n_classes))

    def varying_inputs(self, encoding: Encoding) -> np.ndarray:
        """Return which columns of the encoded rows are not 0 in all of them."""
        return encoding.varying(self.dataset.used_features)

    def threads(self, network: Network) -> AbstractContextManager[None]:
        """Return a context with all threads of BLAS, or one if the fit gains nothing from more."""
        config, shapes, sparse = self.config, network.shapes, issparse(self.dataset.X)
        if config.solver == "newton-cg" and not sparse:
            # The preconditioner takes the products of all pairs of features.
            shapes = [*shapes, (network.layer_sizes[0],) * 2]
        n_rows = min(self.n_rows, config.batch_rows(self.n_rows))
        return blas_threads(gains_from_threads(shapes, n_rows, sparse=sparse))

    def objective(
        self, model: FittedModel, state: TrainingState, batch_size: int | None = None
    ) -> Objective:
        """Return J of these rows, in the precision of the state."""
        config, rows = self.config, self.summed
        weight = row_weights(rows.labels, rows.sample_weight, self.class_weight)
        totals = np.bincount(rows.labels, weights=weight, minlength=len(self.classes))
        return Objective(
            model.network,
            rows.reader(model.encoding, state.params.dtype),
            rows.labels,
            weight,
            config.alpha * (self.n_rows / (self.n_rows + config.n_rows_before)),
            weight_scale=self._weight_scale(rows),
            batch_size=batch_size or config.batch_rows(self.n_rows),
            smoothing=config.smoothing(totals),
            rng=state.rng,
            n_rows=self.n_rows,
        )

    def fingerprint(self, validation: "InMemory | None") -> str:
        """Return what identifies the function that is minimised, and the rows."""
        config = self.config
        if config.fingerprint is not None:
            return config.fingerprint
        rows = f"{checksum(self.dataset)} {validation and checksum(validation.dataset)}"
        return f"{[config.alpha]} {config.loss_parameters} {rows}"

    def held_out_logits(self, model: FittedModel, params: np.ndarray) -> HeldOutLogits:
        """Return the logits of these rows, which were not trained on."""
        labels, rows = self.dataset.labels, self.dataset.reader(model.encoding, params.dtype)
        weight = self.row_weight if len(labels) else np.ones(0)
        return HeldOutLogits(all_logits(model.network, params, rows), labels, weight)

    def plan(self, seed: int) -> HoldOutPlan:
        """Return how many held-out fits say when to stop, and calibrate.

        A temperature needs 50 held-out rows, and is better with 150. So does the choice of a
        cycle, but a wrong one costs more: without a temperature, a cycle is chosen only if a
        seventh is 50 rows, and with a temperature, only if all fits together can hold out
        150. If there are groups, so many groups are held out instead of rows, because rows of
        a group are alike.
        """
        config, weighing, rows = self.config, self, self.dataset
        if self.class_weight is not None and not self.class_weight.all():
            # Rows of weight zero are left out, because they cannot change the loss.
            weighing = self.take(np.flatnonzero(self.class_weight[rows.labels]))
            rows = weighing.dataset
        ends, chooses = config.last_iterations, config.chooses_cycle
        counts = np.bincount(rows.labels)
        # A row that is alone in its class cannot be held out.
        n_rows = n_units = int(counts[counts > 1].sum())
        if rows.groups is not None:
            units = units_of(rows.labels, rows.groups)
            n_units = int(units.can_be_held_out.sum())
            n_rows = int(units.n_rows[units.can_be_held_out].sum())
        few = n_units < N_FOLDS * ENOUGH_ROWS
        n_folds = min(N_FOLDS_OF_FEW if few else N_FOLDS, n_units)
        enough = ENOUGH_ROWS if n_rows >= ENOUGH_ROWS else MIN_ROWS
        if not config.temperature_scaling:
            chooses, enough = chooses and n_rows >= N_FOLDS * MIN_ROWS, MIN_ROWS
        chooses = chooses and n_rows >= ENOUGH_ROWS
        n_fits = 0
        if enough_rows(n_rows, int(np.count_nonzero(counts))) and n_folds > 1:
            if chooses or config.temperature_scaling:
                n_fits = min(n_folds, ceil(enough * n_folds / n_units))
        return HoldOutPlan(n_fits, ends if chooses and n_fits else ends[-1:], n_folds, weighing)

    def folds(
        self, plan: HoldOutPlan, seed: int
    ) -> "Sequence[tuple[InMemory, InMemory, int | None]]":
        """Return rows to train on, rows held out and the batch size, for each held-out fit.

        A held-out fit takes about as many steps as the network will, so that its batches have
        fewer rows.
        """
        rows, dataset = plan.rows, plan.rows.dataset
        fold = stratified_folds(
            dataset.labels, plan.n_folds, np.random.default_rng(seed), dataset.groups
        )
        n_batches = ceil(rows.n_rows / self.config.batch_rows(rows.n_rows))
        most = most_rows(len(self.classes)) // max(plan.n_fits, 1)
        folds = []
        for i in range(plan.n_fits):
            training, held_out = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
            kept = held_out[chosen_rows(len(held_out), most, [seed, i, 1])]
            batch_size = ceil(len(training) / n_batches)
            held_out_rows = rows.take(kept)
            if dataset.fold is not None:  # they are not to be encoded by their own labels
                held_out_rows = self.weighted_as(
                    held_out_rows, replace(held_out_rows.dataset, fold=None)
                )
            folds.append((rows.take(training), held_out_rows, batch_size))
        return folds
