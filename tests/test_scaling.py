import internals
import numpy as np
import pytest
from internals import SCALINGS, learn_scaling, smooth_clip
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csr_array

WEIGHT = np.array([1.0, 2, 0, 3, 1, 1, 0, 2, 1, 1])


def data():
    X = np.random.default_rng(0).normal(size=(10, 4))
    X[:, 2] = 0.1  # constant, and not exactly representable
    X[:, 3] = [0] * 8 + [1, 5]  # its interquartile range is 0
    return X


def test_standard_is_mean_and_standard_deviation():
    X = data()
    scaling = learn_scaling("standard", X)
    assert_allclose(scaling.center, X.mean(axis=0))
    assert_allclose(scaling.scale, np.where(np.ptp(X, axis=0) > 0, X.std(axis=0), 1))


def test_robust_is_median_and_interquartile_range():
    X = data()[:9]  # of nine values the quartiles are the 3rd, 5th and 7th
    scaling = learn_scaling("robust", X)
    ordered = np.sort(X, axis=0)
    assert_array_equal(scaling.center, ordered[4])
    assert_array_equal(scaling.scale[:2], (ordered[6] - ordered[2])[:2])
    assert scaling.scale[2] == 1  # a constant column
    assert scaling.scale[3] == 0.5  # half of a range of 1 where the middle half is one value


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("n_rows", [7, 30, 97, 1001])
@pytest.mark.parametrize("value", [1e17, 1e20, -3.3e25, 1e38])
def test_a_huge_constant_is_no_deviation(value, n_rows, kind):
    scaling = learn_scaling(kind, np.full((n_rows, 1), value))
    assert abs(value - scaling.center[0]) / scaling.scale[0] < 1


@pytest.mark.parametrize("kind", SCALINGS)
def test_a_spread_beyond_float64_is_an_error(kind):
    X = np.column_stack([np.arange(9.0), 1.7e308 * (-1.0) ** np.arange(9)])
    with pytest.raises(ValueError, match=r"Features \[1\] are too large for scaling"):
        learn_scaling(kind, X)


def test_weights_below_float32_count_with_float32_rows():
    X, weight = data().astype(np.float32), 1e-100 * WEIGHT
    scaling, expected = (learn_scaling("standard", X, None, w) for w in (weight, WEIGHT))
    assert_allclose(scaling.center, expected.center, rtol=1e-13)
    assert_allclose(scaling.scale, expected.scale, rtol=1e-13)


@pytest.mark.parametrize("kind", SCALINGS)
def test_weights_are_repetitions(kind):
    X = data()
    repeated = learn_scaling(kind, np.repeat(X, WEIGHT.astype(int), axis=0))
    weighted = learn_scaling(kind, X, None, WEIGHT)
    assert_allclose(weighted.center, repeated.center, rtol=1e-13, atol=1e-15)
    assert_allclose(weighted.scale, repeated.scale, rtol=1e-13)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("n_rows", [20, 100, 600])
@pytest.mark.parametrize("weight", [0.1, 0.3, 0.7, 1e-300])
def test_the_size_of_weights_is_irrelevant(weight, n_rows, kind):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    expected, scaling = (
        learn_scaling(kind, X), learn_scaling(kind, X, None, np.full(n_rows, weight))
    )  # fmt: skip
    assert_allclose(scaling.center, expected.center, rtol=1e-12)
    assert_allclose(scaling.scale, expected.scale, rtol=1e-12)


@pytest.mark.parametrize("kind", SCALINGS)
def test_only_the_indexed_rows_count(kind):
    X, index = data(), np.array([0, 3, 4, 8])
    part, whole = (
        learn_scaling(kind, X, index, WEIGHT[index]),
        learn_scaling(kind, X[index], None, WEIGHT[index]),
    )
    assert_array_equal(part.center, whole.center)
    assert_array_equal(part.scale, whole.scale)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8, bool])
def test_statistics_are_computed_in_float64(kind, dtype):
    X = np.abs(100 * data()).astype(dtype)
    expected = learn_scaling(kind, X.astype(np.float64))
    scaling = learn_scaling(kind, X)
    assert scaling.center.dtype == scaling.scale.dtype == np.float64
    assert_allclose(scaling.center, expected.center, rtol=1e-6)
    assert_allclose(scaling.scale, expected.scale, rtol=1e-6)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["alike", "weighted"])
def test_blocks_change_nothing(kind, weight, monkeypatch):
    X = data()
    expected = learn_scaling(kind, X, None, weight)
    monkeypatch.setattr(internals.scaling, "BLOCK_ELEMENTS", 12)
    scaling = learn_scaling(kind, X, None, weight)
    assert_allclose(scaling.center, expected.center, rtol=1e-13)
    assert_allclose(scaling.scale, expected.scale, rtol=1e-13)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("value", [1.0, 1e100])
def test_gaps_do_not_count_wherever_they_are(kind, value, monkeypatch):
    X = np.random.default_rng(0).normal(value, 1.0, size=(60, 3))
    X[20:40, 0] = X[:20, 1] = X[:, 2] = np.nan
    expected = [learn_scaling(kind, x[~np.isnan(x), np.newaxis]) for x in X.T[:2]]
    monkeypatch.setattr(internals.scaling, "BLOCK_ELEMENTS", 30)
    learnt = learn_scaling(kind, X)
    for name in ("center", "scale", "constant"):
        values = [getattr(each, name)[0] for each in expected]
        assert_allclose(getattr(learnt, name)[:2], values, rtol=1e-12)
    assert (learnt.center[2], learnt.scale[2], learnt.constant[2]) == (0.0, 1.0, True)


def test_moments_of_parts_add_up_if_a_part_has_gaps_alone():
    X = np.random.default_rng(0).normal(size=(60, 3))
    X[20:40, 0] = X[:20, 1] = X[:, 2] = np.nan
    X[:20, 0] = X[40:, 0] = 1e200
    with np.errstate(over="ignore", invalid="ignore"):
        expected = internals.scaling.moments(X)
        parts = [internals.scaling.moments(X[i : i + 20]) for i in (0, 20, 40)]
    for i, j, k in [(0, 1, 2), (2, 1, 0), (1, 0, 2)]:
        total = parts[i] + (parts[j] + parts[k])
        assert_array_equal(total.weight, expected.weight)
        assert_allclose(total.mean, expected.mean, rtol=1e-12)
        assert_allclose(total.variance, expected.variance, rtol=1e-12)


def test_sparse_statistics_are_dense_ones_also_with_duplicate_entries():
    X = data()
    X[np.abs(X) < 0.5] = 0
    rows, columns = np.nonzero(X)
    halves = (np.concatenate([X[rows, columns] / 2] * 2), (np.tile(rows, 2), np.tile(columns, 2)))
    duplicated = csr_array(X.shape)
    duplicated.data, duplicated.indices, duplicated.indptr = _unsummed(halves, X.shape)
    assert duplicated.nnz == 2 * len(rows)
    for sparse in (csr_array(X), duplicated):
        scaling, expected = learn_scaling("standard", sparse), learn_scaling("standard", X)
        assert_allclose(scaling.center, expected.center, atol=1e-15)
        assert_allclose(scaling.scale, expected.scale)


def _unsummed(entries, shape):
    data, (rows, columns) = entries
    order = np.argsort(rows, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
    coo = coo_array((data[order], (rows[order], columns[order])), shape=shape)
    return coo.data, coo.coords[1].astype(np.int32), indptr.astype(np.int32)


def test_smooth_clipping_is_monotone_bounded_and_the_identity_near_zero():
    z = np.sort(np.random.default_rng(0).normal(scale=50, size=1000))
    clipped = z.copy()
    smooth_clip(clipped)
    assert (np.diff(clipped) >= 0).all() and (np.abs(clipped) < 3).all()
    assert_allclose(clipped, z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-13)
    small = np.array([1e-9, -1e-9])
    smooth_clip(small)
    assert_allclose(small, [1e-9, -1e-9])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_smooth_clipping_of_huge_values_is_the_bound(dtype):
    z = np.array([np.finfo(dtype).max, -np.finfo(dtype).max], dtype=dtype)
    smooth_clip(z)
    assert_allclose(z, [3, -3])
