"""Dask collections as partitions: what they hold, and how they are loaded into the workers."""

from typing import Any

import dask
import dask.array as da
import numpy as np

from .._data.checks import check_weights
from .._data.columns import Columns
from .._data.labels import check_labels
from .partitions import Partitions, itself, wait_for_threads
from .tables import as_matrix


def load(
    number: int, X: Any, y: Any, sample_weight: Any, columns: Columns | None = None
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Return a partition's rows, labels and weights as clean arrays."""
    try:
        X = as_matrix(X, columns)
        y = check_labels(y) if len(y) else np.empty(0, dtype=object)
        if not X.shape[0] == len(y):
            raise ValueError(f"X has {X.shape[0]} rows, y has {len(y)}.")
        return X, y, check_weights(sample_weight, len(y), "sample_weight", part=True)
    except ValueError as error:
        raise ValueError(f"Partition {number}: {error}") from error


def header(X: Any) -> Any:
    """Return what scikit-learn can check of X without its rows: names, or the shape."""
    _check_collection(X, "X")
    if X.ndim != 2:
        raise ValueError(f"X must have shape (n_samples, n_features), got {X.shape}.")
    return X._meta if hasattr(X, "columns") else X


def _check_collection(value: Any, name: str) -> None:
    if not hasattr(value, "to_delayed"):
        raise TypeError(
            f"{name} must be a dask Array or DataFrame, got {type(value).__name__}; "
            "dask.array.from_array makes one."
        )


def whole_rows(X: Any) -> Any:
    """Return X in partitions of whole rows, a data frame's with the columns in its order."""
    if hasattr(X, "columns"):
        return X.map_partitions(_in_order, list(X.columns), meta=X._meta)
    return X.rechunk({1: -1})


def _in_order(part: Any, columns: list[str], partition_info: Any = None) -> Any:
    """Return the columns of a partition by their names; raise ValueError if one is missing."""
    found = list(part.columns)
    if found == columns:
        return part
    if not set(columns) <= set(found) or len(set(found)) < len(found):
        raise ValueError(
            f"Partition {partition_info['number']}: X must have the columns {columns}, each "
            f"once; got {found}."
        )
    return part[columns]


def delayed_parts(X: Any, y: Any, sample_weight: Any) -> list[tuple[Any, Any, Any]]:
    """Return the partitions as (X, y, sample_weight), each delayed, or None for no weights."""
    columns = {"X": whole_rows(X), "y": y} | (
        {} if sample_weight is None else {"sample_weight": sample_weight}
    )
    for name, value in columns.items():
        _check_collection(value, name)
    if all(isinstance(value, da.Array) for value in columns.values()):
        if any(np.isnan(size) for value in columns.values() for size in value.chunks[0]):
            # On copies, because it works in place.
            columns = {name: value.copy().compute_chunk_sizes() for name, value in columns.items()}
        _check_equal("rows", {name: value.shape[0] for name, value in columns.items()})
        chunks = columns["X"].chunks[0]
        columns = {name: value.rechunk({0: chunks}) for name, value in columns.items()}
    parts = {name: list(np.ravel(value.to_delayed())) for name, value in columns.items()}
    _check_equal("partitions", {name: len(delayed) for name, delayed in parts.items()})
    parts.setdefault("sample_weight", [None] * len(parts["X"]))
    return list(zip(parts["X"], parts["y"], parts["sample_weight"], strict=True))


def _check_equal(what: str, numbers: dict[str, int]) -> None:
    if len(set(numbers.values())) > 1:
        raise ValueError(f"Found inconsistent numbers of {what}: {numbers}.")


def load_into(
    futures: list[Any],
    client: Any,
    columns: Columns | None,
    X: Any,
    y: Any,
    sample_weight: Any,
) -> None:
    """Load the partitions, with neighbours on one worker if Dask leaves the choice."""
    # An adaptive cluster starts workers only if there are tasks.
    with Partitions(client, lambda asked: asked.append(client.submit(itself, None, pure=False))):
        addresses = wait_for_threads(client)
    with client.as_current():
        parts = delayed_parts(X, y, sample_weight)
    # Once, because levels may be many.
    learnt = None if columns is None else dask.delayed(columns, traverse=False)
    groups = np.array_split(np.arange(len(parts)), len(addresses))
    for group, address in zip(groups, addresses, strict=True):
        tasks = [dask.delayed(load)(int(number), *parts[number], learnt) for number in group]
        futures += client.compute(tasks, workers=[address], allow_other_workers=True)
