import internals
import numpy as np
import pytest
from internals import (
    BLOCK_ROWS,
    BatchReader,
    Network,
    Normalization,
    Objective,
    Workspace,
    logits_by_block,
    mean_cross_entropy,
)
from numpy.testing import assert_allclose, assert_array_equal

from skmax import cross_entropy, one_hot, softmax

SIZES = [4, 5, 3]


def problem(n_rows=23, alpha=0.7, weighted=True, batch_size=BLOCK_ROWS, smoothing=None, **options):
    rng = np.random.default_rng(0)
    network = Network(SIZES, "tanh", **options)
    X, labels = rng.normal(size=(n_rows, 4)), rng.integers(3, size=n_rows)
    weight = rng.integers(1, 4, size=n_rows).astype(float) if weighted else None
    rows = BatchReader(X, dtype=np.float64)
    settings = {"batch_size": batch_size, "smoothing": smoothing, "rng": rng}
    objective = Objective(network, rows, labels, weight, alpha, **settings)
    params = rng.normal(scale=0.6, size=network.n_params)
    return objective, params, X, labels, weight


def J_by_hand(network, params, X, labels, weight, alpha):
    (W1, W2), (b1, b2) = network.split(params)
    P = softmax(np.tanh(X @ W1 + b1) @ W2 + b2)
    S = len(X) if weight is None else weight.sum()
    penalty = alpha / (2 * S) * ((W1**2).sum() + (W2**2).sum())
    return cross_entropy(one_hot(labels, 3), P, weight) + penalty


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 0.7, 23.0])  # alpha / n is 1 at last
def test_J_is_its_formula(alpha, weighted):
    objective, params, X, labels, weight = problem(alpha=alpha, weighted=weighted)
    expected = J_by_hand(objective.network, params, X, labels, weight, alpha)
    assert_allclose(objective(params)[0], expected, rtol=1e-13)


def test_gradient_of_J_is_the_difference_quotient():
    objective, params, *_ = problem()
    _, grad = objective(params)
    step = 1e-5 * np.eye(len(params))
    differences = [(objective(params + e)[0] - objective(params - e)[0]) / 2e-5 for e in step]
    assert np.linalg.norm(grad - differences) < 1e-6 * np.linalg.norm(grad)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_the_shares_of_parts_and_the_penalty_add_up_to_J(weighted, scale):
    objective, params, X, labels, weight = problem(weighted=weighted)
    network = objective.network
    J = Objective(
        network, objective.rows, labels, weight, 0.7, weight_scale=scale, batch_size=BLOCK_ROWS
    )
    whole = Normalization(len(X), 1.0 if weight is None else weight.mean())
    loss, grad = 0.0, np.zeros_like(params)
    for part in (slice(0, 5), slice(5, 6), slice(6, 23)):
        rows = BatchReader(X[part], dtype=np.float64)
        part_weight = None if weight is None else weight[part]
        share = Objective(network, rows, labels[part], part_weight, 0.7, whole=whole)(params)
        loss, grad = loss + share[0], grad + share[1]
    penalty = whole.penalty(0.7, scale)
    weights = params[: network.n_weights]
    grad[: network.n_weights] += penalty * weights
    expected = J(params)
    assert_allclose(loss + 0.5 * penalty * (weights @ weights), expected[0], rtol=1e-13)
    assert_allclose(grad, expected[1], rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("batch_size", [1, 4, 22, 23, 100])
def test_blocks_of_rows_change_nothing(batch_size):
    whole, params, *_ = problem()
    parts, *_ = problem(batch_size=batch_size)
    assert_allclose(parts(params)[0], whole(params)[0], rtol=1e-13)
    assert_allclose(parts(params)[1], whole(params)[1], atol=1e-14)


def test_blocks_of_weights_change_nothing(monkeypatch):
    whole, params, *_ = problem()
    monkeypatch.setattr(internals.objective, "PENALTY_BLOCK", 15)
    parts, *_ = problem()
    assert parts.network.n_weights == 35  # two blocks and a part of one
    assert_allclose(parts(params)[0], whole(params)[0], rtol=1e-13)
    assert_allclose(parts(params)[1], whole(params)[1], atol=1e-14)


def test_full_evaluations_return_fresh_gradients():
    objective, params, *_ = problem()
    _, first = objective(params)
    kept = first.copy()
    objective(params + 1)
    assert_array_equal(first, kept)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 24])
def test_batches_estimate_J_without_bias(batch_size, weighted):
    objective, params, *_ = problem(n_rows=24, weighted=weighted)
    batches = np.random.default_rng(1).permutation(24).reshape(-1, batch_size)
    losses, grads = zip(
        *((loss, grad.copy()) for loss, grad in (objective.estimate(params, b) for b in batches)),
        strict=True,
    )
    loss, grad = objective(params)
    assert_allclose(np.mean(losses), loss, rtol=1e-13)
    assert_allclose(np.mean(grads, axis=0), grad, atol=1e-14)


def test_weight_two_is_a_row_twice():
    objective, params, X, labels, weight = problem()
    twice = np.repeat(np.arange(len(X)), weight.astype(int))
    repeated = Objective(
        objective.network, BatchReader(X[twice], dtype=np.float64), labels[twice], None, 0.7
    )
    assert_allclose(objective(params)[0], repeated(params)[0], rtol=1e-13)
    assert_allclose(objective(params)[1], repeated(params)[1], atol=1e-14)


@pytest.mark.parametrize("scale", [1e-290, 1e290])
def test_scaling_weights_and_alpha_alike_changes_nothing(scale):
    objective, params, X, labels, weight = problem()
    scaled = Objective(
        objective.network,
        BatchReader(X, dtype=np.float64),
        labels,
        weight,
        scale * 0.7,
        weight_scale=scale,
    )
    assert_allclose(scaled(params)[0], objective(params)[0], rtol=1e-13)
    assert_allclose(scaled(params)[1], objective(params)[1], atol=1e-14)


def test_dropout_draws_for_estimates_only():
    objective, params, X, labels, weight = problem(dropout=0.5)
    expected = J_by_hand(objective.network, params, X, labels, weight, 0.7)
    assert_allclose(objective(params)[0], expected, rtol=1e-13)
    everything = slice(0, len(X))
    first, second = (objective.estimate(params, everything)[0] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_rows", [23, 2 * BLOCK_ROWS + 3])
def test_mean_cross_entropy_has_no_penalty_and_no_smoothing(n_rows, weighted):
    spread = 0.3 * np.array([0.5, 0.3, 0.2])
    objective, params, X, labels, weight = problem(n_rows, weighted=weighted, smoothing=spread)
    expected = J_by_hand(objective.network, params, X, labels, weight, alpha=0)
    value = mean_cross_entropy(objective.network, params, objective.rows, labels, weight)
    assert_allclose(value, expected, rtol=1e-13)


def test_blocks_of_logits_are_those_of_all_rows():
    objective, params, *_ = problem()
    X = np.random.default_rng(2).normal(size=(2 * BLOCK_ROWS + 3, 4))
    rows = BatchReader(X, dtype=np.float64)
    blocks = [Z.copy() for _, Z in logits_by_block(objective.network, params, rows)]
    assert len(blocks) == 3
    workspace = Workspace(objective.network, len(X), params.dtype)
    # BLAS may sum the rows of another shape in another order.
    assert_allclose(
        np.concatenate(blocks), objective.network.logits(params, X, workspace), rtol=1e-12
    )
