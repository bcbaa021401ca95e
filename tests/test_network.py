import numpy as np
import pytest
from internals import ACTIVATIONS, Network, SparseBatch, Workspace
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from skmax import log_softmax, one_hot

N_ROWS, SIZES = 9, [5, 6, 4, 3]


def problem(activation="tanh", weighted=True, dtype=np.float64):
    rng = np.random.default_rng(0)
    network = Network(SIZES, activation)
    X = rng.normal(size=(N_ROWS, SIZES[0])).astype(dtype)
    labels = rng.integers(SIZES[-1], size=N_ROWS)
    weight = rng.uniform(0.1, 2, size=N_ROWS).astype(dtype) if weighted else 0.25
    params = rng.normal(scale=0.6, size=network.n_params).astype(dtype)
    return network, params, X, labels, weight


def loss_and_gradient(network, params, X, labels, weight, **options):
    workspace = Workspace(network, X.shape[0], params.dtype)
    return network.loss_and_gradient(params, X, labels, weight, workspace=workspace, **options)


def central_differences(function, x, step=1e-5):
    steps = step * np.eye(len(x))
    return np.array([(function(x + e) - function(x - e)) / (2 * step) for e in steps])


@pytest.mark.parametrize("container", ["dense", "csr", "shifted csr"])
@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_is_the_difference_quotient(activation, smoothing, weighted, container):
    network, params, X, labels, weight = problem(activation, weighted)
    spread = smoothing * np.array([0.5, 0.3, 0.2])
    if container != "dense":
        X[X < 0] = 0
        shift = np.arange(5.0) / 5 if container == "shifted csr" else None
        X = SparseBatch(csr_array(X), shift)

    def evaluate(p):
        return loss_and_gradient(network, p, X, labels, weight, smoothing=spread)

    _, grad = evaluate(params)
    differences = central_differences(lambda p: evaluate(p)[0], params)
    assert np.linalg.norm(grad - differences) < 1e-6 * np.linalg.norm(differences)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_under_dropout_is_that_of_the_masked_network(activation):
    _, params, X, labels, weight = problem(activation)
    network = Network(SIZES, activation, dropout=0.4)

    def evaluate(p):  # the same seed draws the same masks
        rng = np.random.default_rng(3)
        return loss_and_gradient(network, p, X, labels, weight, rng=rng)

    _, grad = evaluate(params)
    differences = central_differences(lambda p: evaluate(p)[0], params)
    assert np.linalg.norm(grad - differences) < 1e-6 * np.linalg.norm(differences)


def test_dropout_keeps_the_mean_activation_and_is_off_in_evaluation():
    network = Network([1, 4000, 1], "identity", dropout=0.3)
    params = np.ones(network.n_params)
    X = np.ones((50, 1))
    workspace = Workspace(network, 50, params.dtype)
    plain = network.logits(params, X, workspace).copy()
    assert_array_equal(plain, 8001.0)
    masked = network._forward(params, X, workspace, np.random.default_rng(0))
    assert masked.std() > 0
    # Each of 50 * 4000 kept values is 2 / 0.7 with probability 0.7: five standard errors.
    assert abs(masked.mean() / 8001 - 1) < 5 * np.sqrt(0.3 / 0.7 / (50 * 4000))


def test_no_dropout_draws_nothing():
    network, params, X, labels, weight = problem()
    rng, untouched = np.random.default_rng(3), np.random.default_rng(3)
    loss_and_gradient(network, params, X, labels, weight, rng=rng)
    assert rng.random() == untouched.random()


def test_loss_is_the_cross_entropy_of_a_hand_written_forward_pass():
    network, params, X, labels, weight = problem()
    (W1, W2, W3), (b1, b2, b3) = network.split(params)
    Z = np.tanh(np.tanh(X @ W1 + b1) @ W2 + b2) @ W3 + b3
    expected = -(one_hot(labels, 3) * log_softmax(Z)).sum(axis=1) @ weight
    assert_allclose(loss_and_gradient(network, params, X, labels, weight)[0], expected)
    workspace = Workspace(network, N_ROWS, params.dtype)
    assert_allclose(network.logits(params, X, workspace), Z)


def test_views_cover_the_vector_weights_first():
    network = Network(SIZES, "relu")
    params = np.arange(float(network.n_params))
    coefs, intercepts = network.split(params)
    assert_array_equal(np.concatenate([a.ravel() for a in coefs + intercepts]), params)
    assert sum(W.size for W in coefs) == network.n_weights
    coefs[1][0, 0] = -1
    assert (params == -1).sum() == 1


def test_partitions_of_the_rows_add_up():
    network, params, X, labels, weight = problem()
    loss, grad = loss_and_gradient(network, params, X, labels, weight)
    parts = [slice(0, 2), slice(2, 3), slice(3, N_ROWS)]
    results = [loss_and_gradient(network, params, X[p], labels[p], weight[p]) for p in parts]
    assert_allclose(sum(part_loss for part_loss, _ in results), loss)
    assert_allclose(sum(part_grad for _, part_grad in results), grad, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_csr_rows_are_dense_rows(activation):
    network, params, X, labels, weight = problem(activation)
    X[np.abs(X) < 0.5] = 0
    shift = np.arange(5.0)
    dense = loss_and_gradient(network, params, X - shift, labels, weight)
    sparse = loss_and_gradient(network, params, SparseBatch(csr_array(X), shift), labels, weight)
    assert_allclose(sparse[0], dense[0])
    assert_allclose(sparse[1], dense[1], atol=1e-13)


def test_permuted_hidden_units_change_nothing():
    network, params, X, labels, weight = problem()
    permuted = params.copy()
    (W1, W2, _), (b1, _, _) = network.split(permuted)
    order = np.random.default_rng(1).permutation(SIZES[1])
    W1[:], b1[:], W2[:] = W1[:, order], b1[order], W2[order]
    expected = loss_and_gradient(network, params, X, labels, weight)[0]
    assert_allclose(loss_and_gradient(network, permuted, X, labels, weight)[0], expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_workspace_may_be_larger_than_the_batch_and_is_reused(activation):
    network, params, X, labels, weight = problem(activation)
    workspace = Workspace(network, N_ROWS + 4, params.dtype)
    for rows in (slice(0, N_ROWS), slice(0, 3), slice(0, N_ROWS)):
        args = X[rows], labels[rows], weight[rows]
        loss, grad = network.loss_and_gradient(params, *args, workspace=workspace)
        expected_loss, expected_grad = loss_and_gradient(network, params, *args)
        assert loss == expected_loss
        assert_array_equal(grad, expected_grad)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_buffers_are_built_once_and_shared_where_the_input_is_not_needed(activation):
    network, *_ = problem(activation)
    workspace = Workspace(network, N_ROWS, np.float64)
    overwritten = not ACTIVATIONS[activation].needs_input
    for n_rows in (N_ROWS, 3):
        layers = workspace.buffers(n_rows)
        assert workspace.buffers(n_rows) is layers
        assert [layer.A is layer.Z for layer in layers] == [overwritten, overwritten, True]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_stays_float32(activation):
    network, params, X, labels, weight = problem(activation, dtype=np.float32)
    spread = np.array([0.05, 0.03, 0.02])
    smoothing = spread.astype(np.float32)
    loss, grad = loss_and_gradient(network, params, X, labels, weight, smoothing=smoothing)
    assert grad.dtype == np.float32
    network, params, X, labels, weight = problem(activation)
    reference = loss_and_gradient(network, params, X, labels, weight, smoothing=spread)
    assert_allclose(loss, reference[0], rtol=1e-5)
    assert_allclose(grad, reference[1], atol=1e-5)


def test_initial_hidden_weights_have_variance_1_over_fan_in_and_all_else_is_zero():
    network = Network([300, 400, 20], "logistic")
    params = network.initial_params(np.random.default_rng(0))
    (hidden, last), intercepts = network.split(params)
    # The relative standard error of a variance of n numbers is sqrt(2 / n).
    assert_allclose(hidden.var(), 1 / 300, rtol=4 * np.sqrt(2 / hidden.size))
    assert not last.any() and not any(b.any() for b in intercepts)


def test_initial_params_are_the_same_numbers_in_float32():
    network = Network(SIZES, "tanh")
    narrow, wide = (
        network.initial_params(np.random.default_rng(0), dtype)
        for dtype in (np.float32, np.float64)
    )
    assert narrow.dtype == np.float32
    assert_array_equal(narrow, wide.astype(np.float32))


def test_learning_rate_factors_are_1_for_128_inputs_and_for_biases():
    network = Network([32, 128, 7], "relu")
    (first, second), intercepts = network.split(network.learning_rate_factors(np.float32))
    assert first.dtype == np.float32
    assert (first == 2).all() and (second == 1).all()
    assert all((b == 1).all() for b in intercepts)


def test_learning_rate_factors_without_a_hidden_layer_are_eight_times_as_large():
    network = Network([32, 7], "relu")
    (W,), (b,) = network.split(network.learning_rate_factors(np.float32))
    assert W.dtype == np.float32 and (W == 16).all() and (b == 8).all()
