import tracemalloc

import internals
import numpy as np
import pytest
from internals import (
    BLOCK_ROWS,
    SCALINGS,
    BatchReader,
    Dataset,
    Encoding,
    blocks,
    checksum,
    learn_scaling,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix

DTYPES = ["float64", "float32", "float16", "longdouble", "int64", "int8", "uint8", "bool", ">f8"]


def data(dtype="float64", n=20):
    rng = np.random.default_rng(0)
    return rng.integers(0, 9, size=(n, 4)).astype(dtype)


def read_only(X):
    X.flags.writeable = False
    return X


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "slice": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "read-only": lambda X: read_only(X.copy()),
}


@pytest.mark.parametrize("rows", [slice(3, 9), np.array([5, 1, 1, 19])], ids=["slice", "array"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_batches_are_the_rows_cast(dtype, layout, rows):
    X = LAYOUTS[layout](data(dtype))
    for target in (np.float32, np.float64):
        batch = BatchReader(X, dtype=target).take(rows)
        assert batch.dtype == target
        assert_array_equal(batch, X[rows].astype(target))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", [None, *SCALINGS])
def test_a_batch_never_copies_X(kind, layout):
    X = LAYOUTS[layout](np.random.default_rng(0).normal(size=(20_000, 4)))
    rows = BatchReader(X, encoding=Encoding(X.shape[1], learn_scaling(kind, X)), dtype=np.float32)
    batch = np.random.default_rng(0).permutation(20_000)[:100]
    tracemalloc.start()
    rows.take(batch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 20


@pytest.mark.parametrize("container", [csr_array, csr_matrix])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "bool"])
def test_sparse_batches_multiply_as_dense_ones(dtype, container):
    X, W = data(dtype), np.arange(8.0).reshape(4, 2)
    batch = BatchReader(container(X), dtype=np.float64).take(np.array([4, 0, 7]))
    expected = X[[4, 0, 7]].astype(float)
    assert_allclose(batch.dot(W, out=np.empty((3, 2))), expected @ W)
    delta = np.arange(6.0).reshape(3, 2)
    out = np.empty((4, 2))
    batch.transposed_dot(delta, out=out)
    assert_allclose(out, expected.T @ delta)


@pytest.mark.parametrize("rows", [slice(3, 9), np.array([5, 1, 1, 19])], ids=["slice", "array"])
@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_scaled_batches_follow_the_formula(dtype, kind, rows):
    X = data(dtype)
    scaling = learn_scaling(kind, X)
    z = (X[rows].astype(float) - scaling.center) / scaling.scale
    expected = z if kind == "standard" else z / np.sqrt(1 + (z / 3) ** 2)
    before = X.copy()
    batch = BatchReader(X, encoding=Encoding(X.shape[1], scaling), dtype=np.float32).take(rows)
    assert batch.dtype == np.float32
    assert_allclose(batch, expected, rtol=2e-6, atol=1e-6)
    assert_array_equal(X, before)


def test_a_large_mean_costs_no_digits_in_float32():
    X = 1.6e9 + np.random.default_rng(0).normal(size=(100, 2))
    scaling = learn_scaling("standard", X)
    batch = BatchReader(X, encoding=Encoding(X.shape[1], scaling), dtype=np.float32).take(
        slice(0, 100)
    )
    assert_allclose(batch, (X - X.mean(axis=0)) / X.std(axis=0), atol=1e-5)


def test_sparse_rows_are_centred_exactly():
    X, W = data(), np.arange(8.0).reshape(4, 2)
    scaling = learn_scaling("standard", csr_array(X))
    rows = np.array([3, 8, 3])
    batch = BatchReader(
        csr_array(X), encoding=Encoding(X.shape[1], scaling), dtype=np.float64
    ).take(rows)
    Z = ((X - X.mean(axis=0)) / X.std(axis=0))[rows]
    assert_allclose(batch.dot(W, out=np.empty((3, 2))), Z @ W, atol=1e-13)
    delta = np.arange(6.0).reshape(3, 2)
    out = np.empty((4, 2))
    batch.transposed_dot(delta, out=out)
    assert_allclose(out, Z.T @ delta, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_far_from_zero_are_centred_as_well(dtype):
    X = (1e4 + np.random.default_rng(0).normal(size=(50, 3))).astype(dtype)
    W = np.arange(6.0, dtype=np.float32).reshape(3, 2)
    scaling = learn_scaling("standard", X)
    dense = BatchReader(X, encoding=Encoding(X.shape[1], scaling), dtype=np.float32).take(
        slice(0, 50)
    )
    sparse = BatchReader(
        csr_array(X), encoding=Encoding(X.shape[1], scaling), dtype=np.float32
    ).take(slice(0, 50))
    out = np.empty((50, 2), dtype=np.float32)
    # float32 rows are themselves known to 1e4 / 2^24 deviations only.
    assert_allclose(sparse.dot(W, out=out), dense @ W, atol=1e-2 if dtype == np.float32 else 1e-5)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("unit", [1e-40, 1e-30, 1e30])
def test_tiny_and_huge_units_of_float32_rows(unit, kind):
    X = (unit * np.random.default_rng(0).normal(size=(50, 3))).astype(np.float32)
    batch = BatchReader(
        X, encoding=Encoding(X.shape[1], learn_scaling(kind, X)), dtype=np.float32
    ).take(slice(0, 50))
    assert np.isfinite(batch).all() and (batch.std(axis=0) > 0.3).all()


@pytest.mark.parametrize("kind", SCALINGS)
def test_float32_rows_further_apart_than_float32_reaches(kind):
    X = np.float32([[3e38], [-3e38], [-3e38], [-3e38], [-3e38]])
    scaling = learn_scaling(kind, X)
    batch = BatchReader(X, encoding=Encoding(X.shape[1], scaling), dtype=np.float32).take(
        slice(0, 5)
    )
    expected = BatchReader(
        X.astype(np.float64), encoding=Encoding(1, scaling), dtype=np.float64
    ).take(slice(0, 5))
    assert_allclose(batch, expected, rtol=1e-6)


def test_index_selects_rows_of_X():
    X = data()
    index = np.array([2, 3, 5, 7, 11])
    rows = BatchReader(X, index, dtype=np.float64)
    assert rows.n_rows == 5
    assert_array_equal(rows.take(slice(1, 3)), X[[3, 5]])
    assert_array_equal(rows.take(np.array([4, 0])), X[[11, 2]])


def test_values_beyond_float32_are_scaled_before_they_are_cast():
    X = 1e150 * np.random.default_rng(0).normal(size=(50, 2))
    for kind in SCALINGS:
        scaling = learn_scaling(kind, X)
        assert np.isfinite(
            BatchReader(X, encoding=Encoding(X.shape[1], scaling), dtype=np.float32).take(
                slice(0, 50)
            )
        ).all()


def test_samples_of_samples_keep_rows_labels_and_weights_together():
    X = data()
    sample = Dataset(X, np.arange(20), np.arange(20.0))
    part = sample.take(np.arange(0, 20, 2)).take(np.array([1, 3]))
    assert_array_equal(part.reader(None, np.float64).take(slice(0, 2)), X[[2, 6]])
    assert_array_equal(part.labels, [2, 6])
    assert_array_equal(part.sample_weight, [2.0, 6.0])


@pytest.mark.parametrize("n_rows", [1, BLOCK_ROWS, BLOCK_ROWS + 1, 5 * BLOCK_ROWS - 1])
def test_blocks_cover_every_row_once(n_rows):
    seen = np.zeros(n_rows, dtype=int)
    for block in blocks(n_rows):
        assert 0 < block.stop - block.start <= BLOCK_ROWS
        seen[block] += 1
    assert (seen == 1).all()


def test_the_checksum_tells_samples_apart():
    X = data()
    labels, index = np.arange(20), np.arange(0, 20, 2)
    other = X.copy()
    other[19, 3] += 1
    samples = [
        Dataset(X, labels), Dataset(other, labels), Dataset(X, labels[::-1]),
        Dataset(X[:, :3], labels), Dataset(X, labels, np.ones(20)), Dataset(X, labels).take(index),
        Dataset(csr_array(X), labels), Dataset(csr_array(other), labels),
        Dataset(X.astype(np.float32), labels), Dataset(X, labels, np.ones(20), weight_scale=2.0),
    ]  # fmt: skip
    assert len({checksum(sample) for sample in samples}) == len(samples)
    assert checksum(Dataset(np.asfortranarray(X), labels.copy())) == checksum(samples[0])


@pytest.mark.parametrize("container", [np.asarray, csr_array], ids=["dense", "CSR"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_rows_of_a_weight_and_repeated_rows_are_the_same_distinct_rows(dtype, container):
    X, labels = data(dtype), np.arange(20) % 3
    weight = np.random.default_rng(0).integers(1, 5, size=20)
    order = np.random.default_rng(1).permutation(weight.sum())
    repeated = Dataset(container(X.repeat(weight, axis=0)[order]), labels.repeat(weight)[order])
    weighted = Dataset(container(X), labels, weight / weight.max(), weight_scale=weight.max())
    for sample in (repeated, weighted):
        assert sample.distinct.X.shape == (20, 4)
    for name in ("labels", "sample_weight", "weight_scale"):
        assert_array_equal(*[getattr(s.distinct, name) for s in (repeated, weighted)])
    assert (repeated.distinct.X != weighted.distinct.X).sum() == 0


def test_rows_of_different_labels_are_distinct_and_the_index_counts():
    X = np.zeros((4, 2))
    sample = Dataset(X, np.array([0, 1, 1]), index=np.array([3, 0, 1]))
    assert_array_equal(sample.distinct.labels, [0, 1])
    assert_array_equal(sample.distinct.sample_weight * sample.distinct.weight_scale, [1, 2])


def test_rows_that_are_distinct_or_many_are_left_where_they_are(monkeypatch):
    sample = Dataset(data(), np.zeros(20, dtype=int))
    assert sample.distinct is sample
    repeated = sample.take(np.zeros(20, dtype=int))
    assert len(repeated.distinct.labels) == 1
    monkeypatch.setattr(internals.rows, "MAX_COMPARED", 79)
    other = sample.take(np.zeros(20, dtype=int))
    assert other.distinct is other
