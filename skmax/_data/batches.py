"""Rows of X as the network wants them: gathered, scaled and cast into one buffer.

X itself is never copied whole, whatever its dtype or layout: memory-mapped, read-only,
Fortran-ordered, integers, CSR.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse

from .features.bins import Bins
from .features.encoding import Encoding
from .features.scaling import Scaling, smooth_clip

# If a centre is at least this many deviations from zero, the two terms of a centred sparse
# product are subtracted in float64, because their difference in float32 would lose its digits.
MAX_SHIFT = 8.0


# Rows per block if all rows are read: a tenth faster than 256 or 4,000 rows at once.
BLOCK_ROWS = 1024


class BatchReader:
    """The rows `index` of X, taken a batch at a time.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n_samples, n_features)
        Numbers of any real dtype; not copied, never written to. NaN, which is a gap, is 0 once
        encoded.
    index : ndarray of int, default=None
        Rows of X that belong to the set; None takes all.
    encoding : Encoding, default=None
        Applied to every batch. None takes the numbers as they are.
    encoded : ndarray of shape (n_samples, n_inputs), default=None
        All rows of X as they are to be, in `dtype`, if they are kept. What is learnt from labels
        is overwritten.
    shares : list of ndarray, default=None
        What is learnt from labels, by fold; None takes that of the encoding.
    fold : ndarray of shape (n_rows,), default=None
        Fold of each row of the set; None: there is one.
    dtype : {numpy.float32, numpy.float64}
        Of the batches.
    """

    def __init__(
        self,
        X: Any,
        index: np.ndarray | None = None,
        *,
        encoding: Encoding | None = None,
        encoded: np.ndarray | None = None,
        shares: list[np.ndarray] | None = None,
        fold: np.ndarray | None = None,
        dtype: DTypeLike,
    ) -> None:
        self.X = X
        self.index = index
        self.dtype = np.dtype(dtype)
        self.n_rows = X.shape[0] if index is None else len(index)
        whole = Encoding(X.shape[1]) if encoding is None else encoding
        self._wide, self._encoding = whole.parted()
        if self._wide is not None:
            self._shift_of_levels = self._wide.mean.astype(self.dtype)
        self._scaling, self._bins = self._encoding.scaling, self._encoding.bins
        self._places, self._fold = self._encoding.places, fold
        self._shares = self._encoding.shares
        if self._shares is not None:
            tables = self._shares.tables if shares is None else shares
            self._tables = [table.astype(self.dtype) for table in tables]
        self._kept = encoded
        self._buffers: dict[str, np.ndarray] = {}
        self._is_sparse = issparse(X)
        if encoded is not None:
            self._kept_shares = self._all_shares()
            return
        # np.take would first copy an X in any other layout as a whole.
        self._is_plain = not self._is_sparse and X.flags.c_contiguous and X.flags.aligned
        if self._scaling is not None:
            self._work_dtype = work_dtype(X, self._scaling)
            self._center = self._scaling.center.astype(self._work_dtype)
            self._inverse_scale = self._scaling.inverse_scale.astype(self._work_dtype)
            self._shift = self._center * self._inverse_scale
            if np.abs(self._shift).max(initial=0.0) < MAX_SHIFT:
                self._shift = self._shift.astype(self.dtype)
        if self._bins is not None:
            bins, work = self._bins, bins_dtype(X, self._bins)
            terms = bins.start, bins.slope, bins.highest, bins.offset
            self._bin_terms = [term.astype(work) for term in terms]

    @property
    def numbers(self) -> Any:
        """The columns of X that are numbers, all rows."""
        if self._encoding.columns is None:
            return self.X
        return self.X[:, : self._encoding.n_numbers]

    def take(self, rows: slice | np.ndarray) -> "np.ndarray | SparseBatch | WideBatch":
        """Return rows of the set, in `dtype`; the next call may overwrite them.

        Parameters
        ----------
        rows : slice or ndarray of int
            Positions within the set.

        Returns
        -------
        batch : {ndarray, SparseBatch, WideBatch} of shape (n_rows, n_inputs)
        """
        positions = rows
        if self.index is not None:
            rows = self.index[rows]
        if self._kept is not None:
            batch = self._gather(self._kept, rows)
            if self._kept_shares is not None:
                batch[:, self._places[2]] = self._kept_shares[positions]
            return batch
        fold: Any = 0 if self._fold is None else self._fold[positions]
        if not self._is_sparse:
            block = self._gather(self.X, rows)
            dense = self._encode(block, fold)
            if self._wide is None:
                return dense
            levels = self._wide.sparse(block, self.dtype)
            return WideBatch(SparseBatch(levels, self._shift_of_levels), dense)
        if self._bins is not None:  # a component is seldom 0
            return self._encode(self.X[rows].toarray(), fold)
        return self._take_sparse(rows)

    def _gather(self, X: np.ndarray, rows: slice | np.ndarray) -> np.ndarray:
        if isinstance(rows, slice):
            return X[rows]
        block = self._buffer("gathered", (len(rows), X.shape[1]), X.dtype)
        if self._kept is not None or self._is_plain:
            return np.take(X, rows, axis=0, out=block, mode="clip")
        block[...] = X[rows]
        return block

    def _encode(self, block: np.ndarray, fold: Any) -> np.ndarray:
        indicators, numbers, _, bins = self._places
        is_plain = bins.stop == numbers.stop and not numbers.start
        if self._scaling is None and block.dtype == self.dtype and is_plain:
            return _without_gaps(block)
        out = self._buffer("encoded", (len(block), bins.stop), self.dtype)
        if self._encoding.indicators is not None:
            self._encoding.indicators.encode(block, out[:, indicators])
        if self._shares is not None:
            self._encode_shares(block, fold, out)
        if self._encoding.columns is not None:
            block = block[:, : numbers.stop - numbers.start]
        if self._bins is not None:
            self._encode_bins(block, self._bins.column, out[:, bins])
        self._encode_numbers(block, out if is_plain else out[:, numbers])
        # What is not finite is looked for in one pass over all columns.
        if np.isnan(np.add.reduce(out, axis=None)):
            np.copyto(out, 0.0, where=np.isnan(out))
        return out

    def _encode_numbers(self, block: np.ndarray, out: np.ndarray) -> None:
        """Write (x - center) / scale, clipped if the scaling is robust."""
        if self._scaling is None:
            np.copyto(out, block, casting="same_kind" if block.dtype.kind == "f" else "unsafe")
            return
        # Rows are scaled before they are cast: with a large mean, float32 would lose digits.
        work = self._buffer("scaled", block.shape, self._work_dtype)
        np.subtract(block, self._center, out=work)
        np.multiply(work, self._inverse_scale, out=out, casting="same_kind")
        if self._scaling.kind == "robust":
            smooth_clip(out)

    def _all_shares(self) -> np.ndarray | None:
        """Return what is known of the labels of all rows of the set, None if that is nothing."""
        if self._shares is None:
            return None
        kept = np.empty((self.n_rows, len(self._shares)), self.dtype)
        for rows in blocks(self.n_rows):
            fold = 0 if self._fold is None else self._fold[rows]
            block = self.X[rows if self.index is None else self.index[rows]]
            self._shares.encode(block, fold, self._tables, kept[rows])
        return kept

    def _encode_shares(self, block: np.ndarray, fold: Any, out: np.ndarray) -> None:
        """Write what is known of the labels of each row's levels."""
        assert self._shares is not None  # for type checkers
        self._shares.encode(block, fold, self._tables, out[:, self._places[2]])

    def _encode_bins(self, block: np.ndarray, column: np.ndarray, out: np.ndarray) -> None:
        """Write clip((x - start) / (stop - start), 0, 1), less its mean, over its deviation."""
        start, slope, highest, offset = self._bin_terms
        work = self._buffer("binned", out.shape, start.dtype)
        # The start is subtracted first, or the digits of a narrow bin would be lost.
        np.subtract(block.take(column, axis=1), start, out=work, dtype=work.dtype)
        work *= slope
        np.maximum(work, np.zeros_like(start), out=work)
        np.minimum(work, highest, out=work)
        np.subtract(work, offset, out=out, casting="same_kind")

    def _take_sparse(self, rows: slice | np.ndarray) -> "SparseBatch":
        block = self.X[rows]
        if self._scaling is None:
            return SparseBatch(block.astype(self.dtype, copy=False))
        # (x - center) / scale = x / scale - center / scale: the first term stays sparse.
        data = block.data * self._inverse_scale[block.indices]
        data = data.astype(self._shift.dtype, copy=False)
        scaled = type(block)((data, block.indices, block.indptr), shape=block.shape)
        return SparseBatch(scaled, self._shift)

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < shape[0]:
            buffer = self._buffers[name] = np.empty(shape, dtype)
        return buffer[: shape[0]]


class SparseBatch:
    """CSR rows minus a shift, which are multiplied without being made dense.

    (X - 1 shift^T) W = X W - 1 (shift^T W), and the transposed product has the
    corresponding rank-one term.

    Parameters
    ----------
    csr : CSR of shape (n_samples, n_features)
    shift : ndarray of shape (n_features,), default=None
        Subtracted from every row.
    """

    def __init__(self, csr: Any, shift: np.ndarray | None = None) -> None:
        self.csr = csr
        self.shift = shift
        self.shape = csr.shape

    def dot(self, W: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Overwrite `out` with (X - 1 shift^T) W, and return it."""
        if self.shift is None:
            out[...] = self.csr @ W
        else:
            np.subtract(self.csr @ W, self.shift @ W, out=out, casting="same_kind")
        return out

    def transposed_dot(self, delta: np.ndarray, out: np.ndarray) -> None:
        """Overwrite `out` with (X - 1 shift^T)^T delta."""
        product = self.csr.T @ delta
        if self.shift is not None:
            # In the precision of the shift, which is float64 if the terms are far larger than
            # their difference.
            product -= np.outer(self.shift, delta.sum(axis=0, dtype=self.shift.dtype))
        out[...] = product


class WideBatch:
    """Rows whose first columns are sparse, and others dense.

    Parameters
    ----------
    sparse : SparseBatch of shape (n_samples, n_first)
    dense : ndarray of shape (n_samples, n_others)
    """

    def __init__(self, sparse: SparseBatch, dense: np.ndarray) -> None:
        self.sparse = sparse
        self.dense = dense
        self.n_first = sparse.shape[1]
        self.shape = len(dense), self.n_first + dense.shape[1]

    def columns(self, seen: slice) -> "np.ndarray | WideBatch":
        """Return a range of columns, which has all that are sparse or none."""
        dense = self.dense[:, max(0, seen.start - self.n_first) : seen.stop - self.n_first]
        return dense if seen.start else WideBatch(self.sparse, dense)

    def dot(self, W: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Overwrite `out` with X W, and return it."""
        self.sparse.dot(W[: self.n_first], out)
        out += self.dense @ W[self.n_first :]
        return out

    def transposed_dot(self, delta: np.ndarray, out: np.ndarray) -> None:
        """Overwrite `out` with X^T delta."""
        self.sparse.transposed_dot(delta, out[: self.n_first])
        np.dot(self.dense.T, delta, out=out[self.n_first :])


# Rows as a network takes them.
Batch = np.ndarray | SparseBatch | WideBatch


def _without_gaps(block: np.ndarray) -> np.ndarray:
    """Return a block with 0 for NaN, the block itself if it has none."""
    if block.dtype.kind == "f" and np.isnan(np.add.reduce(block, axis=None)):
        return np.where(np.isnan(block), block.dtype.type(0), block)
    return block


def work_dtype(X: Any, scaling: Scaling) -> np.dtype:
    """Return the dtype that scaling computes in, float32 if X and the scaling allow it."""
    narrow = np.finfo(np.float32)
    in_range = (
        scaling.scale.min(initial=1.0) > narrow.tiny
        and scaling.scale.max(initial=1.0) < narrow.max
        # Such a centre is so small that x - center overflows for no x: max - center rounds to max.
        and np.abs(scaling.center).max(initial=0.0) < narrow.max * float(narrow.eps) / 4.0
    )
    if X.dtype.kind == "f" and X.dtype.itemsize <= 4 and in_range and not issparse(X):
        return np.dtype(np.float32)
    return np.result_type(X.dtype, np.float64)


def bins_dtype(X: Any, bins: Bins) -> np.dtype:
    """Return the dtype that bins are computed in, float32 if X and the bins allow it."""
    # An edge is a value of X, so that nothing is lost of a difference from it.
    is_exact = np.can_cast(X.dtype, np.float32)
    if is_exact and bins.slope.max() < np.finfo(np.float32).max:
        return np.dtype(np.float32)
    return np.result_type(X.dtype, np.float64)


def blocks(n_rows: int, size: int = BLOCK_ROWS) -> Iterator[slice]:
    """Yield slices that cover `n_rows` rows, `size` at a time."""
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
