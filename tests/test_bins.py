"""Bins of numbers: quantiles of the training rows, and components that are linear within a bin."""

import tracemalloc

import internals
import numpy as np
import pytest
from internals import BatchReader, Dataset, Encoding, learn_bins, learn_encoding
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

N_ROWS = 203
PARTS = ("column", "start", "stop", "mean", "deviation")


def data(n_rows=N_ROWS):
    """Return columns: normal, skewed, of few values, binary, constant, mostly of one value."""
    rng = np.random.default_rng(0)
    few, binary = rng.integers(4, size=n_rows), rng.integers(2, size=n_rows)
    mostly = np.where(rng.random(n_rows) < 0.9, 0.0, rng.random(n_rows))
    columns = (rng.normal(size=n_rows), rng.lognormal(size=n_rows), few, binary, np.ones(n_rows))
    return np.column_stack([*columns, mostly]).astype(float)


X = data()
WEIGHT = np.random.default_rng(1).integers(0, 4, size=N_ROWS).astype(float)


def same_bins(one, other, **tolerance):
    for part in PARTS:
        assert_allclose(getattr(one, part), getattr(other, part), **tolerance)


def components(bins, X):
    """Return the components of rows X by the formula, in float64."""
    x = X[:, bins.column].astype(float)
    u = np.clip((x - bins.start) / (bins.stop - bins.start), 0.0, 1.0)
    return (u - bins.mean) / bins.deviation


@pytest.mark.parametrize("n_bins", [2, 3, 4, 8])
def test_edges_are_the_quantiles(n_bins):
    bins = learn_bins(X, None, None, n_bins)
    assert set(bins.column) == {0, 1, 2}  # neither binary nor constant nor mostly one value
    for column in (0, 1):
        edges = [*bins.start[bins.column == column], X[:, column].max()]
        ranked = np.sort(X[:, column])
        ranks = np.ceil(np.arange(1, n_bins) / n_bins * N_ROWS).astype(int) - 1
        assert_array_equal(edges, [ranked[0], *ranked[ranks], ranked[-1]])
    assert set(bins.start[bins.column == 2]) <= {0.0, 1.0, 2.0}
    same = bins.column[1:] == bins.column[:-1]
    assert_array_equal(bins.start[1:][same], bins.stop[:-1][same])


def test_components_are_standardised_on_the_training_rows():
    encoding = learn_encoding("both", "standard", 4, X)
    A = BatchReader(X, encoding=encoding, dtype=np.float64).take(slice(0, N_ROWS))
    assert A.shape == (N_ROWS, encoding.width)
    assert_allclose(A[:, 6:], components(encoding.bins, X), atol=1e-13)
    assert_allclose(A[:, 6:].mean(axis=0), 0.0, atol=1e-13)
    assert_allclose(A[:, 6:].std(axis=0), 1.0, rtol=1e-13)
    linear = BatchReader(X, encoding=Encoding(6, encoding.scaling), dtype=np.float64)
    assert_array_equal(A[:, :6], linear.take(slice(0, N_ROWS)))


@pytest.mark.parametrize("n_bins", [2, 4, 7])
def test_a_weight_is_a_number_of_rows(n_bins):
    repeated = learn_bins(np.repeat(X, WEIGHT.astype(int), axis=0), None, None, n_bins)
    same_bins(learn_bins(X, None, WEIGHT, n_bins), repeated, rtol=1e-12)
    same_bins(learn_bins(X, None, 1e-3 * WEIGHT, n_bins), repeated, rtol=1e-12)


def test_only_the_rows_of_the_index_count():
    index = np.flatnonzero(WEIGHT > 1)
    for weight in (None, WEIGHT[index]):
        same_bins(learn_bins(X, index, weight, 4), learn_bins(X[index], None, weight, 4))


def test_the_order_of_rows_and_of_columns_changes_nothing():
    rows, columns = np.random.default_rng(2).permutation(N_ROWS), [2, 0, 3, 1, 5, 4]
    bins, expected = learn_bins(X[rows][:, columns], None, None, 4), learn_bins(X, None, None, 4)
    for new, old in enumerate(columns):
        for part in PARTS[1:]:
            values = getattr(bins, part)[bins.column == new]
            assert_allclose(values, getattr(expected, part)[expected.column == old], rtol=1e-13)


def test_blocks_of_columns_change_nothing(monkeypatch):
    expected = learn_bins(X, None, WEIGHT, 4)
    monkeypatch.setattr(internals.bins, "BLOCK_ELEMENTS", 2 * N_ROWS)
    same_bins(learn_bins(X, None, WEIGHT, 4), expected, rtol=0)


@pytest.mark.parametrize(
    "convert",
    [csr_array, np.asfortranarray, lambda X: X.astype(np.float32), lambda X: X[:, ::-1][:, ::-1]],
    ids=["csr", "fortran", "float32", "strided"],
)
def test_rows_of_any_layout_have_the_same_bins(convert):
    exact = np.float32(X).astype(float)
    same_bins(learn_bins(convert(exact), None, None, 4), learn_bins(exact, None, None, 4))


@pytest.mark.parametrize("kind", ["standard", "robust", None])
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8", "int64", "float16"])
@pytest.mark.parametrize("rows", [slice(3, 90), np.array([5, 1, 1, 19])], ids=["slice", "array"])
def test_batches_follow_the_formula(rows, dtype, kind):
    converted = (10 * np.abs(X)).astype(dtype)
    encoding = learn_encoding("both", kind, 4, converted)
    expected = components(encoding.bins, converted[rows])
    batch = BatchReader(converted, encoding=encoding, dtype=np.float32).take(rows)
    assert batch.dtype == np.float32
    assert_allclose(batch[:, 6:], expected, rtol=1e-5, atol=2e-6)


def test_sparse_rows_become_dense_batches():
    encoding = learn_encoding("both", "standard", 4, X)
    batches = (
        BatchReader(rows, encoding=encoding, dtype=np.float64).take(np.array([5, 1, 1, 19]))
        for rows in (X, csr_array(X))
    )
    assert_array_equal(*batches)


def test_kept_rows_are_those_of_batches():
    encoding = learn_encoding("both", "standard", 4, X)
    rows = np.array([7, 3, 200])
    expected = BatchReader(X, encoding=encoding, dtype=np.float32).take(rows)
    dataset = Dataset(X, np.zeros(N_ROWS, int))
    part = dataset.take(np.arange(1, N_ROWS))
    assert_array_equal(dataset.reader(encoding, np.float32).take(rows), expected)
    assert_array_equal(part.reader(encoding, np.float32).take(rows - 1), expected)
    assert_array_equal(part.reader(encoding, np.float32).take(slice(6, 7)), expected[:1])
    assert part.kept is dataset.kept
    other = learn_encoding("both", "standard", 3, X)
    assert dataset.reader(other, np.float32).take(rows).shape[1] == other.width


def test_many_rows_are_not_kept(monkeypatch):
    monkeypatch.setattr(internals.rows, "MAX_KEPT", 100)
    encoding = learn_encoding("both", "standard", 4, X)
    assert Dataset(X, np.zeros(N_ROWS, int)).kept.of(X, encoding, np.dtype(np.float32)) is None


def test_a_narrow_bin_keeps_its_digits_in_float32():
    x = np.concatenate([1e6 + 1e-4 * np.arange(1000), [-1e6, 3e6]])[:, np.newaxis]
    encoding = learn_encoding("both", "standard", 4, x)
    batch = BatchReader(x, encoding=encoding, dtype=np.float32).take(slice(0, 1002))
    assert_allclose(batch[:, 1:], components(encoding.bins, x), atol=1e-5)


def test_values_out_of_range_are_those_of_the_nearest_edge():
    encoding = learn_encoding("both", None, 4, X)
    far = np.array([[-1e30] * 6, [1e30] * 6])
    ends = np.stack([X.min(axis=0), X.max(axis=0)])
    one, other = (
        BatchReader(rows, encoding=encoding, dtype=np.float64).take(slice(0, 2))[:, 6:]
        for rows in (far, ends)
    )
    assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("unit", [5e-324, 1e-310, 1e-40, 1e40, 1e300])
def test_units_that_overflow_leave_no_component_that_is_not_finite(unit):
    rows = unit * np.random.default_rng(0).integers(1, 1000, size=(60, 3))
    encoding = learn_encoding("piecewise_linear", None, 4, rows)
    with np.errstate(all="ignore"):
        batch = BatchReader(rows, encoding=encoding, dtype=np.float64).take(slice(0, 60))
    assert np.isfinite(batch).all()


def test_memory_of_learning_is_a_few_columns():
    wide = np.random.default_rng(0).normal(size=(100_000, 40)).astype(np.float32)
    tracemalloc.start()
    learn_bins(wide, None, None, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 8 * 1_000_000


def test_names_say_the_edges():
    encoding = learn_encoding("both", None, 2, np.arange(5.0)[:, np.newaxis])
    assert encoding.names(["age"]).tolist() == ["age", "age [0, 2]", "age [2, 4]"]


def test_without_two_bins_there_is_one_view():
    encoding = learn_encoding("both", "standard", 4, X[:, 3:5])
    assert encoding.bins is None and encoding.tower_columns == [slice(0, 2)]
    assert Encoding(3).tower_columns == [slice(0, 3)]
