import numpy as np
import pytest
from internals import ACTIVATIONS
from numpy.testing import assert_allclose, assert_array_equal

Z = np.concatenate([np.linspace(-6, 6, 40), [-1e-3, 1e-3, -30.0, 30.0]])
# From their papers and textbooks, written another way than in the module.
TEXTBOOK = {
    "identity": lambda z: z,
    "logistic": lambda z: np.exp(z) / (np.exp(z) + 1),
    "tanh": lambda z: (np.exp(2 * z) - 1) / (np.exp(2 * z) + 1),
    "relu": lambda z: z * (z > 0),
    "selu": lambda z: (
        1.0507009873554805
        * np.where(z > 0, z, 1.6732632423543772 * (np.exp(np.minimum(z, 0)) - 1))
    ),
    "gelu": lambda z: z * normal_cdf(z),
    "silu": lambda z: z / (1 + np.exp(-z)),
}


def normal_cdf(z):
    from scipy.stats import norm

    return norm.cdf(z)


def forward(name, z):
    out = np.empty_like(z)
    ACTIVATIONS[name].forward(z, out)
    return out


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_forward_is_the_textbook_formula(name):
    assert_allclose(forward(name, Z), TEXTBOOK[name](Z), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_backward_multiplies_by_the_difference_quotient(name):
    step = 1e-6
    slope = (forward(name, Z + step) - forward(name, Z - step)) / (2 * step)
    delta = np.full_like(Z, 3.0)
    ACTIVATIONS[name].backward(Z, forward(name, Z), delta)
    assert_allclose(delta, 3.0 * slope, atol=2e-8)


@pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if not a.needs_input])
def test_output_may_overwrite_the_input(name):
    z = Z.copy()
    ACTIVATIONS[name].forward(z, z)
    assert_array_equal(z, forward(name, Z))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_float32_stays_float32(name):
    z = Z.astype(np.float32)
    a, delta = forward(name, z), np.ones_like(z)
    ACTIVATIONS[name].backward(z, a, delta)
    assert a.dtype == delta.dtype == np.float32
    assert_allclose(a, forward(name, Z), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_large_inputs_stay_finite(name):
    z = np.array([-1e4, 1e4], dtype=np.float32)
    a, delta = forward(name, z), np.ones_like(z)
    ACTIVATIONS[name].backward(z, a, delta)
    assert np.isfinite(a).all() and np.isfinite(delta).all()


def test_selu_keeps_mean_and_variance():
    z = np.random.default_rng(0).normal(size=200_000)
    a = forward("selu", z)
    # Five standard errors of the mean and of the variance of this many draws.
    assert abs(a.mean()) < 5 / np.sqrt(len(z))
    assert abs(a.var() - 1) < 5 * np.sqrt(2 / len(z)) * 1.5
