import numpy as np
import pytest
from internals import (
    FEW_CLASSES,
    positive_softmax,
    rounding,
    row_cross_entropy,
    softmax_cross_entropy,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime
from sklearn.metrics import log_loss

from skmax import cross_entropy, hardmax, log_softmax, one_hot, softmax

DTYPES = [np.float32, np.float64]


def logits(n=7, k=4, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(size=(n, k)).astype(dtype)


def test_worked_example_of_the_lecture_notes():
    Z = [[5, 2, -1, 3]]
    assert_allclose(np.exp(Z), [[148.4, 7.4, 0.4, 20.1]], atol=0.05)
    assert_allclose(softmax(Z), [[0.842, 0.042, 0.002, 0.114]], atol=5e-4)
    assert_array_equal(hardmax(Z), [[1, 0, 0, 0]])
    assert_allclose(cross_entropy([0, 1, 0, 0], [0.3, 0.2, 0.1, 0.4]), -np.log(0.2))


@pytest.mark.parametrize("function", [softmax, log_softmax, hardmax])
@pytest.mark.parametrize("dtype", [np.float16, *DTYPES])
def test_dtype_is_kept(function, dtype):
    assert function(logits(dtype=dtype)).dtype == dtype
    assert function([[1, 2]]).dtype == np.float64


@pytest.mark.parametrize("function", [softmax, log_softmax, hardmax])
@pytest.mark.parametrize(("Z", "message"), [(1.0, "^Z .*scalar"), ([1j, 0], "^Z .*real")])
def test_what_is_no_row_of_logits_is_refused_by_name(function, Z, message):
    with pytest.raises(ValueError, match=message):
        function(Z)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_rows_sum_to_one(dtype):
    Z = 1e4 * logits(50, 6, dtype)
    P = softmax(Z)
    assert np.isfinite(P).all() and (P >= 0).all()
    assert_allclose(P.sum(axis=1), 1.0, rtol=4 * np.finfo(dtype).eps)
    assert np.isfinite(log_softmax(Z)).all()


def test_extreme_logits_in_float32_are_exact():
    Z = np.array([[1e4, -1e4, 1e4], [-1e4, -1e4, -1e4]], dtype=np.float32)
    assert_array_equal(softmax(Z), np.float32([[0.5, 0, 0.5], [1 / 3] * 3]))
    assert_allclose(log_softmax(Z)[0], [-np.log(2), -2e4 - np.log(2), -np.log(2)], rtol=1e-6)


def test_a_constant_added_to_the_logits_changes_nothing():
    Z = logits()
    shift = logits(7, 1, seed=1)
    assert_allclose(softmax(Z + shift), softmax(Z), rtol=1e-13)
    assert_allclose(log_softmax(Z + shift), log_softmax(Z), rtol=1e-12)


def test_log_softmax_is_the_logarithm_of_the_softmax():
    assert_allclose(np.exp(log_softmax(logits())), softmax(logits()), rtol=1e-14)


def test_softmax_of_two_classes_is_the_logistic_function():
    z = np.linspace(-5, 5, 11)
    P = softmax(np.column_stack([np.zeros_like(z), z]))
    assert_allclose(P[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-14)


def test_the_last_axis_is_the_axis_of_classes():
    Z = logits(6, 4).reshape(2, 3, 4)
    for function in (softmax, log_softmax, hardmax):
        assert_array_equal(function(Z)[1, 2], function(Z[1, 2]))


def test_hardmax_is_the_limit_of_the_softmax():
    Z = logits()
    assert_allclose(softmax(1e6 * Z), hardmax(Z), atol=1e-12)


def test_of_equal_logits_hardmax_takes_the_first():
    assert_array_equal(hardmax([[2.0, 3.0, 3.0]]), [[0, 1, 0]])


def test_the_input_is_not_written_to():
    Z = logits()
    before = Z.copy()
    Z.flags.writeable = False
    softmax(Z), log_softmax(Z), hardmax(Z)
    assert_array_equal(Z, before)


def test_one_hot_inverts_argmax():
    labels = np.array([2, 0, 1, 2])
    Y = one_hot(labels, 3)
    assert_array_equal(Y.argmax(axis=1), labels)
    assert_array_equal(Y.sum(axis=1), 1)
    assert one_hot([], 3).shape == (0, 3)
    assert_array_equal(one_hot([0, 0], 1), [[1], [1]])


@pytest.mark.parametrize(
    ("labels", "n_classes", "message"),
    [
        ([0, 3], 3, r"\[0, 2\]"),
        ([-1, 0], 3, "from -1 to 0"),
        ([0.0, 1.0], 2, "integers"),
        ([[0, 1]], 2, "one-dimensional"),
        ([0], 0, "at least 1"),
    ],
)
def test_one_hot_refuses(labels, n_classes, message):
    with pytest.raises(ValueError, match=message):
        one_hot(labels, n_classes)


def test_cross_entropy_is_scikit_learns_log_loss():
    P, labels = softmax(logits()), np.array([0, 1, 2, 3, 0, 1, 2])
    weight = np.array([1.0, 2, 0, 1, 3, 1, 1])
    Y = one_hot(labels, 4)
    assert_allclose(cross_entropy(Y, P), log_loss(labels, P))
    assert_allclose(cross_entropy(Y, P, weight), log_loss(labels, P, sample_weight=weight))


def test_the_size_and_dtype_of_weights_change_no_cross_entropy():
    Y, P = one_hot(LABELS, 4), softmax(logits())
    weight = np.array([1.0, 2, 0, 1, 3, 1, 1])
    expected = cross_entropy(Y, P, weight)
    assert cross_entropy(Y, P, weight.astype(np.float32)) == expected
    for scale in (1e-300, 1e300):
        assert_allclose(cross_entropy(Y, P, scale * weight), expected, rtol=1e-14)


def test_cross_entropy_is_summed_in_float64():
    Y, P = softmax(logits(dtype=np.float32)), softmax(logits(dtype=np.float32, seed=1))
    row_by_row = [cross_entropy(*rows) for rows in zip(Y, P, strict=True)]
    assert_allclose(cross_entropy(Y, P), np.mean(row_by_row), rtol=1e-13)


def test_cross_entropy_of_probability_rows_is_least_at_the_truth():
    P = softmax(logits())
    entropy = -(P * np.log(P)).sum(axis=1).mean()
    assert_allclose(cross_entropy(P, P), entropy)
    assert cross_entropy(P, softmax(logits(seed=1))) > entropy


def test_cross_entropy_of_zero_probability():
    assert cross_entropy([1, 0], [1, 0]) == 0
    assert cross_entropy([0, 1], [1, 0]) == np.inf
    assert cross_entropy([[1, 0], [0, 1]], [[1, 0], [1, 0]], sample_weight=[1, 0]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, 0]], [[1, 0, 0]]), "same shape"),
        (([[1, 0]], [[1.5, -0.5]]), "negative"),
        (([[1, 0]], [[1, 0]], [1, 2]), "shape"),
        (([[1, 0]], [[1, 0]], [0]), "not all zero"),
        (([[1, 0]], [[1, 0]], [-1]), "negative"),
        (([[1, 0]], [[1, 0]], [np.nan]), "finite"),
        (([[1j, 0]], [[1, 0]]), "^Y .*real"),
        (([[1, 0]], [[1j, 0]]), "^P .*real"),
        ((np.empty((0, 2)), np.empty((0, 2))), "at least one row"),
        ((1, 1), "^Y .*scalar"),
    ],
)
def test_cross_entropy_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy(*arguments)


LABELS = np.array([0, 1, 2, 3, 0, 1, 2])
WEIGHTS = [0.5, np.array([1.0, 2, 0, 1, 3, 1, 0.5])]
# Few classes are worked on in a copy, many in place.
fused = pytest.mark.parametrize(
    ("row_weight", "smoothing", "n_classes"),
    [(w, s, k) for w in WEIGHTS for s in (0.0, 0.2) for k in (4, FEW_CLASSES, FEW_CLASSES + 1)],
)


def spread_of(smoothing, n_classes):
    """Return a part of the targets that differs from class to class, and sums to `smoothing`."""
    shares = np.arange(1.0, n_classes + 1)
    return smoothing * shares / shares.sum()


@fused
def test_fused_loss_is_the_weighted_sum_of_smoothed_rows(row_weight, smoothing, n_classes):
    Z = logits(k=n_classes)
    spread = spread_of(smoothing, n_classes)
    Y = (1 - smoothing) * one_hot(LABELS, n_classes) + spread
    expected = (row_weight * -(Y * log_softmax(Z)).sum(axis=1)).sum()
    assert_allclose(softmax_cross_entropy(Z.copy(), LABELS, row_weight, spread), expected)


@fused
def test_fused_gradient_is_the_difference_quotient(row_weight, smoothing, n_classes):
    Z = logits(k=n_classes)

    def loss(z):
        return softmax_cross_entropy(z.reshape(Z.shape).copy(), LABELS, row_weight, spread)

    gradient, spread = Z.copy(), spread_of(smoothing, n_classes)
    softmax_cross_entropy(gradient, LABELS, row_weight, spread)
    # One-sided differences of step 1e-7 are right to about 1e-7.
    assert_allclose(approx_fprime(Z.ravel(), loss, 1e-7), gradient.ravel(), atol=5e-7)


def test_gradient_with_respect_to_the_logits_is_p_minus_y():
    Z = logits()
    gradient = Z.copy()
    softmax_cross_entropy(gradient, LABELS, 1.0)
    assert_allclose(gradient, softmax(Z) - one_hot(LABELS, 4), atol=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
def test_fused_loss_is_finite_and_exact_for_extreme_logits(dtype):
    Z = np.array([[1e4, -1e4], [1e4, -1e4]], dtype=dtype)
    assert softmax_cross_entropy(Z, np.array([0, 1]), 1.0) == 2e4
    assert_array_equal(Z, [[0, 0], [1, -1]])


@pytest.mark.parametrize("n_classes", [4, FEW_CLASSES + 1])
def test_positive_softmax_is_the_softmax_but_never_zero(n_classes):
    Z = logits(k=n_classes)
    assert_allclose(positive_softmax(Z.copy()), softmax(Z), rtol=1e-14)
    P = positive_softmax(1e5 * Z)
    assert (P > 0).all() and np.isfinite(np.log(P)).all()


def test_row_cross_entropy_is_minus_the_log_softmax_of_the_label():
    Z = logits()
    expected = -log_softmax(Z)[np.arange(7), LABELS]
    assert_allclose(row_cross_entropy(Z.copy(), LABELS), expected, rtol=1e-13)


@pytest.mark.parametrize("n_classes", [4, FEW_CLASSES + 1])
def test_a_constant_added_to_the_logits_changes_nothing_in_training(n_classes):
    Z = logits(k=n_classes)
    shifted = Z + 1e4 * np.arange(-3, 4)[:, np.newaxis]
    # Logits of 3e4 are known to 4e-12.
    for function in (positive_softmax, lambda Z: row_cross_entropy(Z, LABELS)):
        assert_allclose(function(shifted.copy()), function(Z.copy()), rtol=1e-10)
    gradient, shifted_gradient = Z.copy(), shifted.copy()
    loss = softmax_cross_entropy(gradient, LABELS, 1.0)
    assert_allclose(softmax_cross_entropy(shifted_gradient, LABELS, 1.0), loss, rtol=1e-10)
    assert_allclose(shifted_gradient, gradient, atol=1e-10)


def test_the_fused_loss_of_float32_rows_is_summed_in_float64():
    Z, labels = logits(1000, dtype=np.float32), np.arange(1000) % 4
    row_loss = row_cross_entropy(Z.copy(), labels).astype(np.float64)
    weight = np.random.default_rng(1).uniform(0.1, 2, size=1000).astype(np.float32)
    assert_allclose(softmax_cross_entropy(Z.copy(), labels, 1.0), row_loss.sum(), rtol=1e-13)
    weighted = softmax_cross_entropy(Z.copy(), labels, weight)
    assert_allclose(weighted, row_loss @ weight.astype(np.float64), rtol=1e-13)


def test_rounding_hides_what_the_design_says():
    assert_allclose([rounding(np.float32), rounding(np.float64)], [1.2e-7, 1.4e-14], rtol=0.02)
