"""Rows of X as the network wants them: gathered, scaled and cast into one buffer.

X itself is never copied whole, whatever its dtype or layout: memory-mapped, read-only,
Fortran-ordered, integers, CSR.
"""

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ._scaling import smooth_clip

# Where a centre is this many deviations from zero, the difference of the two terms of a
# centred sparse product is taken in float64: float32 would lose its digits.
MAX_SHIFT = 8.0

# Elements of X up to which equal rows are looked for: 0.7 ms for 1,000 rows of 20 features.
MAX_COMPARED = 1_000_000

# Rows per block where all rows are passed through: a tenth faster than 256 or 4,000 at once.
BLOCK_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Sample:
    """Labelled rows, a subset of those of one X that is never copied.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n_all, n_features)
    labels : ndarray of shape (n_rows,)
        Class indices of the rows of the subset.
    sample_weight : ndarray of shape (n_rows,), default=None
        Their weights over `weight_scale`, within [0, 1]: no sum of them overflows.
    index : ndarray of shape (n_rows,), default=None
        Their positions in X; None stands for all of X.
    weight_scale : float, default=1.0
        What `sample_weight` is to be multiplied by.
    groups : ndarray of shape (n_rows,), default=None
        Group of each row, of those that are held out together; None stands for a group each.
    """

    X: Any
    labels: np.ndarray
    sample_weight: np.ndarray | None = None
    index: np.ndarray | None = None
    weight_scale: float = 1.0
    groups: np.ndarray | None = None

    def take(self, positions):
        """Return the subset at `positions` of this one."""
        return Sample(
            self.X,
            self.labels[positions],
            None if self.sample_weight is None else self.sample_weight[positions],
            positions if self.index is None else self.index[positions],
            self.weight_scale,
            None if self.groups is None else self.groups[positions],
        )

    def used_features(self):
        """Return which features are not 0 in all of these rows."""
        used = np.zeros(self.X.shape[1], dtype=bool)
        for rows in blocks(len(self.labels)):
            block = self.X[rows if self.index is None else self.index[rows]]
            if issparse(block):
                used[block.indices[block.data != 0]] = True
            else:
                used |= (block != 0).any(axis=0)
            if used.all():
                break
        return used

    def rows(self, scaling, dtype):
        """Return the `Rows` of the subset."""
        return Rows(self.X, self.index, scaling=scaling, dtype=dtype)

    @cached_property
    def distinct(self):
        """The same rows, equal ones as one row of their total weight, in an order of their own.

        What is summed over them is the same bit for bit for a row of weight 2 and a row twice,
        in whatever order they come. L-BFGS needs that: on networks of "relu" it makes a
        difference of 1e-16 one of 1e-2. Small samples are copied; large ones, and such as hold
        no row twice and no weights, are returned as they are.
        """
        n_rows, n_features = len(self.labels), self.X.shape[1]
        if n_rows * n_features > MAX_COMPARED or self.X.dtype.itemsize > 8:
            return self  # what fills long doubles up to 16 bytes is no part of their value
        X = self.X if self.index is None else self.X[self.index]
        dense = X.toarray() if issparse(X) else np.ascontiguousarray(X)
        keys = np.column_stack([dense.view(np.uint8).reshape(n_rows, -1), _as_bytes(self.labels)])
        keys = keys.view(np.dtype((np.void, keys.shape[1]))).ravel()
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        if self.sample_weight is None and len(first) == n_rows:
            return self
        weight = np.bincount(group, weights=self.sample_weight).astype(np.float64)
        heaviest = float(weight.max())
        return Sample(
            X[first],
            self.labels[first],
            weight / heaviest,
            weight_scale=self.weight_scale * heaviest,
        )


def _as_bytes(labels):
    return labels.astype(np.int64).view(np.uint8).reshape(len(labels), -1)


def varying_features(scaling, sample):
    """Return which features of the scaled rows are not 0 in all of them."""
    if scaling is None:
        return sample.used_features()
    return np.ones(len(scaling.center), bool) if scaling.constant is None else ~scaling.constant


def checksum(sample):
    """Return a number that tells one sample from another, up to one chance in 2^32."""
    X = sample.X
    arrays = [sample.labels, sample.sample_weight, sample.index, np.array(sample.weight_scale)]
    arrays.append(sample.groups)
    arrays += [X.data, X.indices, X.indptr] if issparse(X) else [X[i] for i in blocks(len(X))]
    value = zlib.crc32(repr((X.shape, X.dtype)).encode())
    for array in arrays:
        if array is not None:
            value = zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data, value)
    return value


class Rows:
    """The rows `index` of X, taken a batch at a time.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n_samples, n_features)
        Finite numbers of any real dtype; not copied, never written to.
    index : ndarray of int, default=None
        Rows of X that belong to the set; None takes all.
    scaling : Scaling, default=None
        Applied to every batch.
    dtype : {numpy.float32, numpy.float64}
        Of the batches.
    """

    def __init__(self, X, index=None, *, scaling=None, dtype):
        self.X = X
        self.index = index
        self.dtype = np.dtype(dtype)
        self.n_rows = X.shape[0] if index is None else len(index)
        self._buffers: dict[str, np.ndarray] = {}
        self._is_sparse = issparse(X)
        # Of an X in any other layout np.take would make a whole copy first.
        self._is_plain = not self._is_sparse and X.flags.c_contiguous and X.flags.aligned
        self._scaling = scaling
        if scaling is not None:
            self._work_dtype = work_dtype(X, scaling)
            self._center = scaling.center.astype(self._work_dtype)
            self._inverse_scale = scaling.inverse_scale.astype(self._work_dtype)
            self._shift = self._center * self._inverse_scale
            if np.abs(self._shift).max() < MAX_SHIFT:
                self._shift = self._shift.astype(self.dtype)

    def take(self, rows):
        """Return rows of the set, in `dtype`; the next call may overwrite them.

        Parameters
        ----------
        rows : slice or ndarray of int
            Positions within the set.

        Returns
        -------
        batch : {ndarray, SparseBatch} of shape (n_rows, n_features)
        """
        if self.index is not None:
            rows = self.index[rows]
        return self._take_sparse(rows) if self._is_sparse else self._take_dense(rows)

    def _take_dense(self, rows):
        if isinstance(rows, slice):
            block = self.X[rows]
        else:
            block = self._buffer("gathered", len(rows), self.X.dtype)
            if self._is_plain:
                np.take(self.X, rows, axis=0, out=block, mode="clip")
            else:
                block[...] = self.X[rows]
        if self._scaling is None and block.dtype == self.dtype:
            return block
        out = self._buffer("cast", len(block), self.dtype)
        if self._scaling is None:
            np.copyto(out, block, casting="same_kind" if block.dtype.kind == "f" else "unsafe")
            return out
        # Scaled before it is cast: a large mean would cost float32 its digits.
        work = self._buffer("scaled", len(block), self._work_dtype)
        np.subtract(block, self._center, out=work)
        np.multiply(work, self._inverse_scale, out=out, casting="same_kind")
        if self._scaling.kind == "robust":
            smooth_clip(out)
        return out

    def _take_sparse(self, rows):
        block = self.X[rows]
        if self._scaling is None:
            return SparseBatch(block.astype(self.dtype, copy=False))
        # (x - center) / scale = x / scale - center / scale: the first term stays sparse.
        data = block.data * self._inverse_scale[block.indices]
        data = data.astype(self._shift.dtype, copy=False)
        scaled = type(block)((data, block.indices, block.indptr), shape=block.shape)
        return SparseBatch(scaled, self._shift)

    def _buffer(self, name, n_rows, dtype):
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < n_rows:
            buffer = self._buffers[name] = np.empty((n_rows, self.X.shape[1]), dtype)
        return buffer[:n_rows]


class SparseBatch:
    """CSR rows less a shift, multiplied without being densified.

    (X - 1 shift^T) W = X W - 1 (shift^T W), and the transposed product has the
    corresponding rank-one term.

    Parameters
    ----------
    csr : CSR of shape (n_samples, n_features)
    shift : ndarray of shape (n_features,), default=None
        Subtracted from every row.
    """

    def __init__(self, csr, shift=None):
        self.csr = csr
        self.shift = shift
        self.shape = csr.shape

    def dot(self, W, out):
        """Overwrite `out` with (X - 1 shift^T) W, and return it."""
        if self.shift is None:
            out[...] = self.csr @ W
        else:
            np.subtract(self.csr @ W, self.shift @ W, out=out, casting="same_kind")
        return out

    def transposed_dot(self, delta, out):
        """Overwrite `out` with (X - 1 shift^T)^T delta."""
        product = self.csr.T @ delta
        if self.shift is not None:
            # In the precision of the shift, which has it where the terms are far larger than
            # their difference.
            product -= np.outer(self.shift, delta.sum(axis=0, dtype=self.shift.dtype))
        out[...] = product


def work_dtype(X, scaling):
    """Return the dtype that scaling computes in, float32 where X and the scale allow it."""
    narrow = np.finfo(np.float32)
    in_range = (
        scaling.scale.min() > narrow.tiny
        and scaling.scale.max() < narrow.max
        # Too small for x - center to overflow for any x, max - center is rounded to max.
        and np.abs(scaling.center).max() < narrow.max * float(narrow.eps) / 4.0
    )
    if X.dtype.kind == "f" and X.dtype.itemsize <= 4 and in_range and not issparse(X):
        return np.dtype(np.float32)
    return np.result_type(X.dtype, np.float64)


def blocks(n_rows, size=BLOCK_ROWS):
    """Yield slices that cover `n_rows` rows, `size` at a time."""
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
