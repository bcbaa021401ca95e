"""Dataset: labelled rows of one X, which is never copied."""

import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse

from .batches import BatchReader, blocks
from .columns import Columns
from .features.encoding import Encoding
from .features.shares import LabelledRows, cross_fitted

# Rows with bins or categories are encoded once for a fit, not once for each epoch, if all of them
# take at most so many bytes: a tenth of the time of a fit.
MAX_KEPT = 32 * 2**20

# Equal rows are looked for if X has at most so many elements: 0.7 ms for 1,000 rows of 20
# features.
MAX_COMPARED = 1_000_000


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled rows, a subset of those of one X that is never copied.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n_all, n_features)
    labels : ndarray of shape (n_rows,)
        Class indices of the rows of the subset.
    sample_weight : ndarray of shape (n_rows,), default=None
        Their weights divided by `weight_scale`, in [0, 1], so that no sum of them overflows.
    index : ndarray of shape (n_rows,), default=None
        Their positions in X. None: all rows of X.
    weight_scale : float, default=1.0
        What `sample_weight` is to be multiplied by.
    groups : ndarray of shape (n_rows,), default=None
        Group of each row: its rows are held out together. None: each row is a group.
    kept : KeptRows or None
        Rows of X as the network sees them, for all subsets of it. None: none are kept.
    columns : Columns, default=None
        What the columns of a table are. None: all are numbers.
    fold : ndarray of shape (n_rows,), default=None
        Fold of each row: a category of many levels is encoded by the labels of other folds.
        None: by those that the encoding has been learnt from, of which these rows are none.
    """

    X: Any
    labels: np.ndarray
    sample_weight: np.ndarray | None = None
    index: np.ndarray | None = None
    weight_scale: float = 1.0
    groups: np.ndarray | None = None
    kept: "KeptRows | None" = field(default_factory=lambda: KeptRows())
    columns: Columns | None = None
    fold: np.ndarray | None = None

    def take(self, positions: np.ndarray) -> "Dataset":
        """Return the subset at `positions` of this one."""
        return Dataset(
            self.X,
            self.labels[positions],
            None if self.sample_weight is None else self.sample_weight[positions],
            positions if self.index is None else self.index[positions],
            self.weight_scale,
            None if self.groups is None else self.groups[positions],
            self.kept,
            self.columns,
            None if self.fold is None else self.fold[positions],
        )

    def used_features(self) -> np.ndarray:
        """Return which features are not 0 in all of these rows."""
        used = np.zeros(self.X.shape[1], dtype=bool)
        for rows in blocks(len(self.labels)):
            block = self.X[rows if self.index is None else self.index[rows]]
            if issparse(block):
                used[block.indices[block.data != 0]] = True
            else:
                used |= ((block != 0) & (block == block)).any(axis=0)
            if used.all():
                break
        return used

    def reader(self, encoding: Encoding | None, dtype: DTypeLike) -> BatchReader:
        """Return the `BatchReader` of the subset."""
        if encoding is None:
            return BatchReader(self.X, self.index, dtype=dtype)
        encoded, tables = None, None
        if self.kept is not None:
            encoded = self.kept.of(self.X, encoding, np.dtype(dtype))
        if encoding.shares is not None and self.fold is not None:
            tables = cross_fitted(encoding.shares.levels, self.labelled(encoding.shares.n_classes))
            tables = encoding.shares.standardised(tables)
        return BatchReader(
            *(self.X, self.index),
            encoding=encoding,
            encoded=encoded,
            shares=tables,
            fold=None if tables is None else self.fold,
            dtype=dtype,
        )

    def labelled(self, n_classes: int) -> LabelledRows:
        """Return the rows as those whose labels say what a level means."""
        weight = self.sample_weight
        weight = np.ones(len(self.labels)) if weight is None else weight * self.weight_scale
        fold = np.zeros(len(self.labels), dtype=np.intp) if self.fold is None else self.fold
        n_folds = int(fold.max()) + 1
        return LabelledRows(self.X, self.index, self.labels, weight, fold, n_folds, n_classes)

    @cached_property
    def distinct(self) -> "Dataset":
        """The same rows in an order of their own, with equal ones as one row of total weight.

        A sum over them is the same bit for bit for a row of weight 2 and for a row twice, and
        for any order of the rows. L-BFGS needs that, because on networks with "relu" it turns a
        difference of 1e-16 into one of 1e-2. Small datasets are copied. Large ones, and those
        that have no row twice and no weights, are returned as they are.
        """
        n_rows, n_features = len(self.labels), self.X.shape[1]
        if n_rows * n_features > MAX_COMPARED or self.X.dtype.itemsize > 8:
            return self  # the bytes that pad a long double are not part of its value
        if self.fold is not None:
            return self  # equal rows of two folds are encoded differently
        X = self.X if self.index is None else self.X[self.index]
        dense = X.toarray() if issparse(X) else np.ascontiguousarray(X)
        keys = np.column_stack([dense.view(np.uint8).reshape(n_rows, -1), _as_bytes(self.labels)])
        keys = keys.view(np.dtype((np.void, keys.shape[1]))).ravel()
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        if self.sample_weight is None and len(first) == n_rows:
            return self
        weight = np.bincount(group, weights=self.sample_weight).astype(np.float64)
        heaviest = float(weight.max())
        return Dataset(
            X[first],
            self.labels[first],
            weight / heaviest,
            weight_scale=self.weight_scale * heaviest,
            columns=self.columns,
        )


def _as_bytes(labels: np.ndarray) -> np.ndarray:
    return labels.astype(np.int64).view(np.uint8).reshape(len(labels), -1)


class KeptRows:
    """All rows of one X as a network sees them, if these are few enough to be kept."""

    def __init__(self) -> None:
        self._fixed: tuple[Any, ...] = ()
        self._encoded = np.empty((0, 0))

    def of(self, X: Any, encoding: Encoding, dtype: np.dtype) -> np.ndarray | None:
        """Return the encoded rows, or None if each batch is to be encoded as it is gathered."""
        size = X.shape[0] * encoding.width * dtype.itemsize
        is_cheap = encoding.bins is None and encoding.indicators is None
        if is_cheap or encoding.parted()[0] is not None or size > MAX_KEPT:
            return None
        is_kept = (
            self._encoded.dtype == dtype
            and self._encoded.shape[1] == encoding.width
            and all(a is b for a, b in zip(self._fixed, encoding.fixed, strict=True))
        )
        if not is_kept:
            self._fixed = encoding.fixed
            self._encoded = np.empty((X.shape[0], encoding.width), dtype)
            reader: Any = BatchReader(X, encoding=encoding, dtype=dtype)
            for rows in blocks(X.shape[0]):
                self._encoded[rows] = reader.take(rows)
        return self._encoded


def checksum(dataset: Dataset) -> int:
    """Return a number that differs for two datasets, except by a chance of 1 in 2^32."""
    X = dataset.X
    arrays = [dataset.labels, dataset.sample_weight, dataset.index, np.array(dataset.weight_scale)]
    arrays.append(dataset.groups)
    arrays += [X.data, X.indices, X.indptr] if issparse(X) else [X[i] for i in blocks(len(X))]
    value = zlib.crc32(repr((X.shape, X.dtype)).encode())
    if dataset.columns is not None:
        levels = [None if each is None else each.tolist() for each in dataset.columns.categories]
        value = zlib.crc32(repr(levels).encode(), value)
    for array in arrays:
        if array is not None:
            value = zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data, value)
    return value
