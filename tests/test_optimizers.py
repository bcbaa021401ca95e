import copy
import pickle
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from internals import BLOCK_SIZE, OPTIMIZERS, SGD, Adam
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skmax import SoftmaxMLPClassifier

SETTINGS = [
    pytest.param(Adam, {}, 0.05, id="adam"),
    pytest.param(SGD, {"momentum": 0.0}, 1e-3, id="sgd-plain"),
    pytest.param(SGD, {"nesterovs_momentum": False}, 5e-5, id="sgd-momentum"),
    pytest.param(SGD, {}, 5e-5, id="sgd-nesterov"),
]


def parabola(x):
    return np.array([2.0, 20.0]) * (x - 1)


def rosenbrock(x):
    inner = x[1] - x[0] ** 2
    return np.array([-2 * (1 - x[0]) - 400 * x[0] * inner, 200 * inner])


@pytest.mark.parametrize("gradient", [parabola, rosenbrock])
@pytest.mark.parametrize(("kind", "settings", "rate"), SETTINGS)
def test_reaches_the_minimum(kind, settings, rate, gradient):
    optimizer, x = kind(**settings), np.array([-0.5, 0.5])
    for _ in range(40_000):
        optimizer.step(x, gradient(x), rate)
    assert_allclose(x, 1.0, atol=1e-3)


def test_adam_is_its_textbook_recurrence():
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=5), rng.normal(size=(20, 5))
    adam, params = Adam(beta_1=0.8, beta_2=0.95, epsilon=1e-3), start.copy()
    expected, m, v = start.copy(), 0.0, 0.0
    for t, grad in enumerate(grads, start=1):
        adam.step(params, grad.copy(), 0.1)
        m = 0.8 * m + 0.2 * grad
        v = 0.95 * v + 0.05 * grad**2
        m_hat, v_hat = m / (1 - 0.8**t), v / (1 - 0.95**t)
        expected -= 0.1 * m_hat / (np.sqrt(v_hat) + 1e-3)
    assert_allclose(params, expected, rtol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_its_textbook_recurrence(nesterov):
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=5), rng.normal(size=(20, 5))
    sgd, params = SGD(momentum=0.8, nesterovs_momentum=nesterov), start.copy()
    expected, v = start.copy(), np.zeros(5)
    for grad in grads:
        sgd.step(params, grad.copy(), 0.1)
        v = 0.8 * v - 0.1 * grad
        expected += 0.8 * v - 0.1 * grad if nesterov else v
    assert_allclose(params, expected, rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_blocks_of_the_vector_are_independent(name):
    n = 2 * BLOCK_SIZE + 3
    rng = np.random.default_rng(0)
    whole, optimizer = np.ones(n), OPTIMIZERS[name]()
    part, part_optimizer = np.ones(5), OPTIMIZERS[name]()
    for _ in range(3):
        grad = rng.normal(size=n)
        part_optimizer.step(part, grad[-5:].copy(), 0.1)
        optimizer.step(whole, grad, 0.1)
    assert_array_equal(whole[-5:], part)


def test_other_betas_go_on_from_the_same_moments():
    rng = np.random.default_rng(0)
    grads = rng.normal(size=(30, 4))
    adam, params = Adam(), np.zeros(4)
    expected, m, v = np.zeros(4), 0.0, 0.0
    for t, grad in enumerate(grads, start=1):
        if t == 20:
            adam = adam.with_settings(beta_1=0.5, beta_2=0.9, epsilon=1e-8)
        beta_1, beta_2 = (0.9, 0.999) if t < 20 else (0.5, 0.9)
        adam.step(params, grad.copy(), 0.1)
        m, v = beta_1 * m + (1 - beta_1) * grad, beta_2 * v + (1 - beta_2) * grad**2
        expected -= 0.1 * m / (1 - beta_1**t) / (np.sqrt(v / (1 - beta_2**t)) + 1e-8)
    assert_allclose(params, expected, rtol=1e-10)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_stays_float32(name):
    params, optimizer = np.ones(4, dtype=np.float32), OPTIMIZERS[name]()
    optimizer.step(params, np.ones(4, dtype=np.float32), 0.1)
    moments = [value for value in vars(optimizer).values() if isinstance(value, np.ndarray)]
    assert moments and all(array.dtype == np.float32 for array in [params, *moments])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_factors_multiply_the_rate_of_each_parameter(name):
    n = BLOCK_SIZE + 2
    factors = np.ones(n)
    factors[[0, -1]] = 3.0
    rng = np.random.default_rng(0)
    together, optimizer = np.ones(n), OPTIMIZERS[name]()
    apart = {1.0: np.ones(n), 3.0: np.ones(n)}
    apart_optimizers = {factor: OPTIMIZERS[name]() for factor in apart}
    for _ in range(3):
        grad = rng.normal(size=n)
        for factor, params in apart.items():
            apart_optimizers[factor].step(params, grad.copy(), factor * 0.1)
        optimizer.step(together, grad, 0.1, factors)
    assert_allclose(together, np.where(factors == 3, apart[3.0], apart[1.0]), rtol=1e-12)


@np.errstate(over="ignore")  # as in a fit
@pytest.mark.parametrize("beta_2", [0.0, 0.95, 0.999, 1.0 - 1e-15])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adam_stays_finite_and_moves_again_whatever_the_gradient(dtype, beta_2):
    huge = np.finfo(dtype).max
    params, adam = np.zeros(5, dtype=dtype), Adam(beta_2=beta_2)
    for scale in (1.0, 1e-3, 1.0):
        adam.step(
            params, np.array([huge, -huge, np.inf, 1.0, 0.0], dtype=dtype) * dtype(scale), 0.1
        )
        for array in (params, adam.mean_sum, adam.square_sum):
            assert np.isfinite(array).all()
    assert params[0] < 0.0 < params[1]
    assert params[2] < 0.0
    assert_allclose(params[:2], [-params[1], params[1]])


@np.errstate(over="ignore")  # as in a fit
def test_a_bounded_gradient_leaves_the_others_alone():
    adam, other = Adam(), Adam()
    params, expected = np.zeros(2, dtype=np.float32), np.zeros(1, dtype=np.float32)
    adam.step(params, np.array([1e38, 0.3], dtype=np.float32), 0.1)
    other.step(expected, np.array([0.3], dtype=np.float32), 0.1)
    assert_array_equal(params[1:], expected)


@np.errstate(over="ignore")  # as in a fit
def test_a_weight_moves_again_after_a_huge_gradient():
    params, adam = np.zeros(1, dtype=np.float32), Adam(beta_2=0.95)
    adam.step(params, np.array([1e38], dtype=np.float32), 0.1)
    for _ in range(2000):  # the bound's 1e36 decays as 0.95^n
        before = params[0]
        adam.step(params, np.ones(1, dtype=np.float32), 0.1)
    assert abs(params[0] - before) > 0.05


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_betas_cannot_make_a_moment_infinite(dtype):
    adam = Adam(beta_2=0.0)
    adam.step(np.zeros(1, dtype=dtype), np.array([np.inf], dtype=dtype), 0.1)
    assert np.isfinite(adam.with_settings(beta_2=1.0 - 1e-12).square_sum).all()


@dataclass
class SignDescent:
    """The example of docs/extending.md."""

    momentum: float = 0.9
    SETTINGS = ("momentum",)

    def step(self, params, grad, learning_rate, factors=None):
        params -= learning_rate * (1.0 if factors is None else factors) * np.sign(grad)


@pytest.mark.parametrize("use", ["pickle", "deepcopy", "partial_fit", "warm_start"])
def test_an_optimizer_that_is_registered_serves_for_all(use, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    monkeypatch.setitem(OPTIMIZERS, "sign", SignDescent)
    constraints = {**SoftmaxMLPClassifier._parameter_constraints, "solver": [str]}
    monkeypatch.setattr(SoftmaxMLPClassifier, "_parameter_constraints", constraints)
    settings = {"max_iter": 3, "learning_rate": "constant", "temperature_scaling": False}
    clf = SoftmaxMLPClassifier((4,), solver="sign", random_state=0, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected = clone(clf).set_params(max_iter=6).fit(X, y)
        clf.fit(X, y)
        if use == "partial_fit":
            whole = clone(clf).partial_fit(X, y, [0, 1]).partial_fit(X, y)
            assert whole.n_iter_ == 2
            return
        if use == "pickle":
            clf = pickle.loads(pickle.dumps(clf))
        elif use == "deepcopy":
            clf = copy.deepcopy(clf)
        clf.set_params(warm_start=True).fit(X, y)
    assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))
