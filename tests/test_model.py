from dataclasses import replace

import numpy as np
import pytest
from internals import Encoding, FittedModel, Network
from numpy.testing import assert_allclose

METHODS = ["logits", "probabilities", "log_probabilities", "class_indices", "hidden_activations"]
DTYPES = [np.float32, np.float64]


def linear(dtype, temperature=1.0):
    """Return a model whose logits are the two features over the temperature."""
    network = Network([2, 2, 2], "identity")
    params = np.zeros(network.n_params, dtype=dtype)
    for W in network.split(params)[0]:
        W[...] = np.eye(2)
    return FittedModel(params, network, np.arange(2), Encoding(2), temperature=temperature)


def call(model, method, X):
    return getattr(model, method)(X, *([0] if method == "hidden_activations" else []))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_many_rows_of_large_logits_are_predicted_as_each_of_them_is(dtype, method):
    X = np.full((1000, 2), np.finfo(dtype).max / 8, dtype=dtype)
    out = call(linear(dtype), method, X)
    assert np.isfinite(out).all()
    assert_allclose(out, call(linear(dtype), method, X[:1]).repeat(1000, axis=0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_logits_that_a_temperature_makes_infinite_are_an_error(dtype, method):
    X = np.array([[1.0, -1.0]], dtype=dtype) * np.finfo(dtype).max / 4
    model = linear(dtype)
    call(model, method, X)
    with pytest.raises(ValueError, match="logits of X are not finite"):
        call(replace(model, temperature=0.1), method, X)
    call(replace(model, temperature=10.0), method, X)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_logits_whose_difference_is_infinite_are_an_error(dtype, method):
    X = np.array([[1.0, -1.0]], dtype=dtype) * np.finfo(dtype).max * dtype(0.75)
    with pytest.raises(ValueError, match="logits of X are not finite"):
        call(linear(dtype), method, X)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_logit_that_is_no_number_is_an_error(dtype):
    with pytest.raises(ValueError, match="logits of X are not finite"):
        linear(dtype).class_indices(np.array([[np.inf, np.inf]], dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tower_inputs", [[3], [3, 3], [2, 3], [1, 2, 3]])
def test_logits_are_the_mean_of_those_of_the_towers(tower_inputs, dtype):
    rng = np.random.default_rng(0)
    network = Network([3, 4, 2], "tanh", tower_inputs=tower_inputs)
    params = rng.normal(size=network.n_params).astype(dtype)
    model = FittedModel(params, network, np.arange(2), Encoding(3), temperature=2.5)
    X = rng.normal(size=(2500, 3)).astype(dtype)  # some blocks
    Z = model.tower_logits(X)
    assert Z.shape == (len(tower_inputs), 2500, 2) and Z.dtype == dtype
    rtol = 1e-12 if dtype == np.float64 else 1e-4
    assert_allclose(Z.mean(axis=0), model.logits(X), rtol=rtol, atol=rtol)
    X[:, tower_inputs[0] :] = 0.0  # what the first tower does not see
    assert_allclose(model.tower_logits(X)[0], Z[0], rtol=rtol, atol=rtol)
