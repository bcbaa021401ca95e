"""Rows that are spread over a Dask cluster, as a fit sees them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from functools import partial
from typing import Any, Self

import numpy as np

from .._data.columns import Columns
from .._data.dataset import Dataset
from .._data.features.categories import categories_of
from .._data.features.encoding import Encoding
from .._data.features.scaling import checked_scaling, mean_and_deviation
from .._data.weights import class_weights
from .._network.blas import blas_threads, gains_from_threads
from .._network.model import FittedModel
from .._network.network import Network
from .._optim.objective import Normalization
from .._training.config import TrainingConfig
from .._training.dataset import N_FOLDS, HeldOutLogits, HoldOutPlan, InMemory
from .._training.state import TrainingState
from .._training.temperature import enough_rows, most_rows
from .collections import load_into
from .objective import (
    Description,
    ObjectiveSpec,
    PartitionedObjective,
    Statistics,
    dataset_of,
    describe,
    held_out_logits,
    rows_between,
    statistics,
)
from .partitions import Partitions


class PartitionedRows:
    """Rows that are spread over a cluster.

    Parameters
    ----------
    config : TrainingConfig
    partitions : Partitions
        Of datasets.
    found : Description
        Of all partitions.
    columns : Columns, default=None
        What the columns of a table are. None: all are numbers.
    """

    def __init__(
        self,
        config: TrainingConfig,
        partitions: Partitions,
        found: Description,
        columns: Columns | None = None,
    ) -> None:
        self.config, self.partitions, self.columns = config, partitions, columns
        self.classes, self.dtype = found.classes, found.dtype
        self.n_features, self.heaviest = found.n_features, found.heaviest
        self.learnt = self._statistics(partitions, with_features=True)
        self.n_rows = self.learnt.n_rows
        totals = self.learnt.class_totals
        each = np.arange(len(totals))
        weight = class_weights(config.class_weight, self.classes, each, totals)
        self.weight_scale, self.class_weight = self.heaviest, weight
        if weight is not None and weight.max() > 0.0:
            # Relative, as weights of rows are, so that no sum of them overflows.
            self.weight_scale *= float(weight.max())
            self.class_weight = weight / weight.max()
        self.normalization = self._normalization(self.learnt)
        self.smoothing = config.smoothing(
            totals if self.class_weight is None else self.class_weight * totals
        )

    @classmethod
    @contextmanager
    def loaded(
        cls,
        client: Any,
        config: TrainingConfig,
        columns: Columns | None,
        X: Any,
        y: Any,
        sample_weight: Any,
    ) -> Iterator[Self]:
        """Yield the rows of Dask collections; workers drop them at the end of the context."""
        collections = {"X": X, "y": y, "sample_weight": sample_weight}
        load_rows = partial(load_into, client=client, columns=columns, **collections)
        with Partitions(client, load_rows) as parts:
            found = parts.sum(describe)
            if not found.heaviest > 0.0:
                raise ValueError("sample_weight must not be zero for every row.")
            datasets = parts.map(dataset_of, classes=found.classes, heaviest=found.heaviest)
        with datasets:
            yield cls(config, datasets, found, columns)

    def _statistics(self, partitions: Partitions, *, with_features: bool = False) -> Statistics:
        # Shared, because levels may be many.
        columns = self.columns and partitions.share(self.columns)
        return partitions.sum(statistics, len(self.classes), with_features, columns)

    def _normalization(self, learnt: Statistics) -> Normalization:
        """Return the number and the mean weight of the rows that have these statistics."""
        totals, weight = learnt.class_totals, self.class_weight
        total = float(totals.sum() if weight is None else weight @ totals)
        if not total > 0.0:
            raise ValueError("X must have a row with a weight above zero, and has none.")
        return Normalization(learnt.n_rows, total / learnt.n_rows)

    def split(self, validation: InMemory | None, seed: int) -> tuple[Self, InMemory | None]:
        """Return these rows to train on, and the validation rows that are given."""
        return self, validation and validation.weighted_as(self)

    def total_weight(self) -> tuple[float, int]:
        """Return the mean weight of the rows, and their number."""
        return self.normalization.mean_weight * self.weight_scale, self.n_rows

    def learn_encoding(self) -> Encoding:
        """Return what follows from the sums that were computed when the rows were loaded."""
        moments, totals, scaling, indicators = self.learnt.moments, self.learnt.totals, None, None
        if self.config.scaling is not None and moments is not None:
            scaling = checked_scaling("standard", *mean_and_deviation(moments))
        if totals is not None:
            indicators, _ = categories_of(
                totals, min_count=self.config.min_count, weight_scale=self.heaviest
            )
        return Encoding(self.n_features, scaling, columns=self.columns, indicators=indicators)

    def extend_encoding(self, encoding: Encoding) -> Encoding:
        """Return the encoding as it is, because no fit on a cluster goes on from another."""
        return encoding

    def own_shares(self, encoding: Encoding) -> Encoding:
        """Return the encoding as it is, because nothing is learnt from labels."""
        return encoding

    def varying_inputs(self, encoding: Encoding) -> np.ndarray:
        """Return which columns of the encoded rows are not 0 in all of them."""
        # A sum of booleans is their "or".
        return encoding.varying(lambda: self.partitions.sum(Dataset.used_features))

    def threads(self, network: Network) -> AbstractContextManager[None]:
        """Return a context with the threads of BLAS of the client, for sums over parameters."""
        return blas_threads(gains_from_threads(network.shapes, self.n_rows))

    def objective(
        self, model: FittedModel, state: TrainingState, batch_size: int | None = None
    ) -> PartitionedObjective:
        """Return J of these rows, in the precision of the state."""
        spec = self.spec(model, state.params.dtype)
        return PartitionedObjective(self.partitions, spec, self.config.alpha / self.weight_scale)

    def spec(self, model: FittedModel, dtype: np.dtype) -> ObjectiveSpec:
        """Return all that a partition's share of J depends on."""
        return ObjectiveSpec(
            network=model.network,
            encoding=model.encoding,
            class_weight=self.class_weight,
            smoothing=self.smoothing,
            normalization=self.normalization,
            dtype=dtype,
        )

    def fingerprint(self, validation: InMemory | None) -> str:
        """Return the same for any rows, because no fit on a cluster is continued."""
        return "cluster"

    def plan(self, seed: int) -> HoldOutPlan:
        """Return the plan of one held-out fit, or of none if too few rows would be held out."""
        ends = self.config.last_iterations
        if not self.config.temperature_scaling:
            return HoldOutPlan(0, ends)
        held_out = self._statistics(self._held_out(seed))
        return HoldOutPlan(int(enough_rows(held_out.n_rows, len(self.classes))), ends)

    def folds(
        self, plan: HoldOutPlan, seed: int
    ) -> list[tuple["PartitionedRows", "HeldOutPartitions", None]]:
        """Return six sevenths of the rows, drawn within each partition, and the others."""
        training = copy(self)
        training.partitions = self._between(seed, 1.0 / N_FOLDS, 1.0)
        learnt = self._statistics(training.partitions)
        training.normalization = self._normalization(learnt)
        return [(training, HeldOutPartitions(self, self._held_out(seed), learnt), None)]

    def _held_out(self, seed: int) -> Partitions:
        # The expected share, because each row is chosen by chance.
        share = min(1.0 / N_FOLDS, most_rows(len(self.classes)) / self.n_rows)
        return self._between(seed, 0.0, share)

    def _between(self, seed: int, low: float, high: float) -> Partitions:
        choose = partial(rows_between, class_weight=self.class_weight, seed=seed)
        return self.partitions.only(partial(choose, low=low, high=high))


class HeldOutPartitions:
    """Held-out rows on a cluster. Only their logits come to the client.

    Parameters
    ----------
    rows : PartitionedRows
    partitions : Partitions
        Of the rows that are held out.
    learnt : Statistics
        Of the rows that are trained on.
    """

    def __init__(self, rows: PartitionedRows, partitions: Partitions, learnt: Statistics) -> None:
        self.rows, self.partitions, self.learnt = rows, partitions, learnt

    def held_out_logits(self, model: FittedModel, params: np.ndarray) -> HeldOutLogits:
        """Return the logits of these rows, which were not trained on."""
        shared = self.partitions.share(self.rows.spec(model, params.dtype))
        held_out = self.partitions.sum(held_out_logits, shared, params)
        # Rows of a class that is not trained on are left out: their logits mean nothing.
        known = self.learnt.class_totals[held_out.labels] > 0.0
        return HeldOutLogits(
            held_out.logits[known], held_out.labels[known], held_out.weight[known]
        )
