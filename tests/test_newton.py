import numpy as np
import pytest
from internals import (
    MAX_FEATURES,
    BatchReader,
    Encoding,
    Network,
    Objective,
    TrainingState,
    _Regression,
    learn_scaling,
    minimize_newton,
)
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.linear_model import LogisticRegression

from skmax import SoftmaxMLPClassifier

N_ROWS, N_FEATURES, N_CLASSES = 60, 5, 3


def problem(container=np.asarray, weighted=True, smoothing=0.1, alpha=0.5, batch_size=25):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.6)
    labels = rng.integers(N_CLASSES, size=N_ROWS)
    weight = rng.uniform(0.1, 3, size=N_ROWS) if weighted else None
    network = Network([N_FEATURES, N_CLASSES], "identity")
    scaling = learn_scaling("standard", container(X)) if container is csr_array else None
    rows = BatchReader(container(X), encoding=Encoding(X.shape[1], scaling), dtype=np.float64)
    spread = np.full(N_CLASSES, smoothing / N_CLASSES)
    objective = Objective(
        network, rows, labels, weight, alpha, batch_size=batch_size, smoothing=spread
    )
    return objective, rng.normal(size=network.n_params)


def state(params):
    return TrainingState(params=params.copy(), rng=np.random.default_rng(0), split_seed=0)


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, np.array([0.3, 0.2, 0.1])])
def test_loss_and_gradient_are_those_of_the_objective(smoothing, weighted, container):
    objective, params = problem(container, weighted, smoothing)
    before = params.copy()
    regression = _Regression(objective, params)
    loss, grad = objective(params)
    # What all classes had in common is gone, and with it some of the penalty.
    assert loss < objective(before)[0]
    assert_allclose(regression.loss, loss, rtol=1e-13)
    assert_allclose(regression.gradient(), grad, atol=1e-14)


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("weighted", [False, True])
def test_hessian_products_are_difference_quotients_of_the_gradient(weighted, container):
    objective, params = problem(container, weighted)
    direction = np.random.default_rng(1).normal(size=len(params))
    product, logits = _Regression(objective, params.copy()).hessian_product(direction)
    step = 1e-5 * direction
    difference = (objective(params + step)[1] - objective(params - step)[1]) / 2e-5
    assert np.linalg.norm(product - difference) < 1e-8 * np.linalg.norm(difference)
    Z = [_Regression(objective, p)._products(p) for p in (params.copy(), params + direction)]
    centred = logits - logits.mean(axis=1, keepdims=True)
    assert_allclose(centred, Z[1] - Z[0], atol=1e-12)


def test_the_preconditioner_is_symmetric_positive_and_near_the_inverse():
    objective, params = problem(weighted=False)
    objective.rows.X *= [1, 3, 10, 30, 100]
    regression = _Regression(objective, 0.001 * params)
    eye = np.eye(len(params))
    M = np.array([regression.precondition(e) for e in eye])
    H = np.array([regression.hessian_product(e)[0] for e in eye])
    assert_allclose(M, M.T, atol=1e-10)
    # What all classes have in common is left out, one direction per feature and the bias.
    centre = np.kron(np.eye(N_FEATURES + 1), np.eye(N_CLASSES) - 1 / N_CLASSES)
    conditions = []
    for A in (centre @ H @ centre, M @ H):
        curvatures = np.sort(np.linalg.eigvals(A).real)[N_FEATURES + 1 :]
        assert curvatures[0] > 0
        conditions.append(curvatures[-1] / curvatures[0])
    assert conditions[1] < 3 < 1000 < conditions[0]


def test_sparse_and_wide_rows_go_without_a_preconditioner():
    objective, params = problem(csr_array)
    assert_allclose(_Regression(objective, params).precondition(params), params)
    for n_rows, n_features in ((3, 30), (60_000, MAX_FEATURES + 1)):
        X = np.broadcast_to(1.0, (n_rows, n_features))
        network = Network([n_features, 2], "identity")
        labels = np.arange(n_rows) % 2
        wide = Objective(network, BatchReader(X, dtype=np.float64), labels, None, 1.0)
        vector = np.arange(float(network.n_params))
        start = np.zeros(network.n_params)
        assert_allclose(_Regression(wide, start).precondition(vector), vector)


def test_each_step_falls_and_few_are_needed():
    objective, params = problem()
    training, losses = state(params), []
    size, _ = minimize_newton(
        objective, training, lambda p, loss: losses.append(loss), tol=1e-10, max_iter=50
    )
    assert training.stop_reason == "convergence" and size <= 1e-10
    assert (np.diff(losses) < 0).all() and len(losses) == training.n_iter <= 15
    assert_allclose(objective(training.params)[0], losses[-1])


def test_limits_and_requests_end_it():
    objective, params = problem()
    training = state(params)
    minimize_newton(objective, training, lambda *_: False, tol=0.0, max_iter=2)
    assert training.n_iter == 2 and training.stop_reason == "max_iter"
    training = state(params)
    minimize_newton(objective, training, lambda *_: True, tol=0.0, max_iter=9)
    assert training.n_iter == 1 and training.stop_reason == "patience"
    training = state(params)
    minimize_newton(objective, training, lambda *_: False, tol=0.0, max_iter=999)
    assert training.stop_reason == "convergence"  # where rounding ends all progress
    training = state(params)
    minimize_newton(objective, training, lambda *_: False, tol=1e-6, max_iter=99)
    n_steps = training.n_iter
    training = state(params)
    minimize_newton(objective, training, lambda *_: False, tol=1e-6, max_iter=n_steps)
    assert training.stop_reason == "convergence"


def test_an_iteration_that_is_interrupted_does_not_count(monkeypatch):
    objective, params = problem()
    training, losses, gradient = state(params), [], _Regression.gradient

    def interrupted(regression):
        if len(losses) == 2:
            raise KeyboardInterrupt
        return gradient(regression)

    monkeypatch.setattr(_Regression, "gradient", interrupted)
    with pytest.raises(KeyboardInterrupt):
        minimize_newton(
            objective, training, lambda p, loss: losses.append(loss), tol=0.0, max_iter=9
        )
    assert training.n_iter == len(losses) == 2


def newton(**settings):
    return SoftmaxMLPClassifier((), **{**NEUTRAL, "solver": "newton-cg", **settings})


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_it_is_logistic_regression(container, n_classes):
    X, y = make_classification(400, 8, n_informative=6, n_classes=n_classes, random_state=0)
    weight = np.random.default_rng(0).integers(0, 4, size=400)
    clf = newton(alpha=2.0, tol=1e-8)
    P = clf.fit(container(X), y, weight).predict_proba(X)
    C = (2 if n_classes == 2 else 1) / 2.0
    reference = LogisticRegression(C=C, tol=1e-8, max_iter=9999).fit(X, y, weight)
    assert_allclose(P, reference.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("scaling", [None, "standard", "robust"])
def test_it_ends_where_lbfgs_ends(scaling):
    X, y = (array[::4] for array in load_digits(return_X_y=True))
    settings = {"alpha": 3.0, "tol": 1e-7, "max_iter": 9000, "scaling": scaling}
    clf = newton(**settings).fit(X, y)
    lbfgs = newton(solver="lbfgs", **settings).fit(X, y)
    assert_allclose(clf.loss_, lbfgs.loss_, rtol=1e-6)
    assert clf.n_iter_ < 20


def test_hidden_layers_are_refused():
    with pytest.raises(ValueError, match=r"needs hidden_layer_sizes=\(\).*got \(3,\)"):
        SoftmaxMLPClassifier((3,), solver="newton-cg").fit(np.eye(4), [0, 1, 0, 1])


@pytest.mark.parametrize(
    "make_awkward",
    [
        lambda X: np.column_stack([X, X]),
        lambda X: np.column_stack([X, np.ones(len(X))]),
        lambda X: 1e6 * X + 1e7,
        lambda X: X[:, :1] * 0,
    ],
    ids=["collinear", "constant", "far away", "nothing"],
)
@pytest.mark.parametrize("alpha", [0.0, 1e-4])
def test_awkward_features_without_much_of_a_penalty(make_awkward, alpha):
    X, y = make_classification(200, 4, n_informative=3, n_redundant=0, flip_y=0.3, random_state=0)
    clf = newton(alpha=alpha, scaling="standard")
    P = clf.fit(make_awkward(X), y).predict_proba(make_awkward(X))
    assert np.isfinite(P).all()
    assert clf.n_iter_ < 30


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("unit", [1 / 16, 1.0, 1000.0])
@pytest.mark.parametrize("alpha", [1e-8, 1e-4, 1.0])
def test_any_unit_penalty_and_precision(alpha, unit, dtype):
    X, y = load_digits(return_X_y=True)
    clf = newton(alpha=alpha, max_iter=500)
    clf.fit((unit * X).astype(dtype), y)
    # With unit 1/16 and alpha 1 the optimum is .2; less of a penalty only brings it down.
    assert clf.loss_ < 0.21 and clf.score((unit * X).astype(dtype), y) > 0.97


@pytest.mark.parametrize("alpha", [0.0, 1e-4, 1.0])
@pytest.mark.parametrize("size", [1.0, 30.0, 1000.0])
def test_it_finds_the_optimum_from_far_away(size, alpha):
    X, y = make_classification(200, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)
    W = size * np.random.default_rng(0).normal(size=(5, 3))
    settings = {"alpha": alpha, "tol": 1e-6, "max_iter": 2000}
    clf = newton(**settings).fit(X, y, coefs_init=[W])
    assert_allclose(clf.loss_, clf.fit(X, y).loss_, rtol=1e-6)


def test_float32_rows_are_fitted_in_float32():
    X, y = load_digits(return_X_y=True)
    clf = newton(alpha=1.0, tol=1e-4)
    P = clf.fit((X / 16).astype(np.float32), y).predict_proba((X / 16).astype(np.float32))
    assert P.dtype == np.float32 and clf._state.params.dtype == np.float32
    # Gradients of up to tol = 1e-4 are left, in either precision.
    assert_allclose(P, clf.fit(X / 16, y).predict_proba(X / 16), atol=2e-3)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "uint8"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_leaves_what_one_by_lbfgs_leaves(early_stopping, dtype):
    rows, y = load_iris(return_X_y=True)
    X = rows.astype(dtype)
    clf, other = (
        newton(solver=solver, early_stopping=early_stopping, scaling="standard", alpha=1.0)
        for solver in ("newton-cg", "lbfgs")
    )
    clf.fit(X, y), other.fit(X, y)
    assert vars(clf).keys() == vars(other).keys()
    for name in ("coefs_", "intercepts_"):
        (array,), (expected,) = getattr(clf, name), getattr(other, name)
        assert array.dtype == expected.dtype and array.shape == expected.shape
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        assert getattr(clf, method)(X).dtype == getattr(other, method)(X).dtype
    assert clf.n_iter_ == len(clf.loss_curve_) and len(set(clf.loss_curve_)) > 1
    assert clf.t_ == clf.n_iter_ * (135 if early_stopping else 150)
    assert (clf.validation_scores_ is None) != early_stopping


def test_same_seed_same_bits_whatever_the_global_state():
    X, y = load_iris(return_X_y=True)
    fits = []
    for seed in range(2):
        np.random.seed(seed)  # noqa: NPY002, the global state is the point
        fits.append(newton(early_stopping=True, random_state=0, alpha=1.0).fit(X, y))
    assert_array_equal(fits[0].coefs_[0], fits[1].coefs_[0])
    assert fits[0].loss_curve_ == fits[1].loss_curve_


@pytest.mark.parametrize("solver", ["newton-cg", "lbfgs"])
@pytest.mark.parametrize(("value", "step"), [(1e6, 0), (1e8, 64)])
def test_a_time_stamp_beside_sparse_float32_features_does_not_stop_the_fit(value, step, solver):
    X, y = load_iris(return_X_y=True)
    stamp = np.float32(value) + np.float32(step) * (np.arange(150) % 3 == 0)
    X = np.column_stack([X, stamp]).astype(np.float32)
    settings = {"hidden_layer_sizes": (), "solver": solver, "temperature_scaling": False}
    sparse, dense = (SoftmaxMLPClassifier(**settings).fit(A, y) for A in (csr_array(X), X))
    assert sparse.n_iter_ > 3
    assert_allclose(sparse.loss_, dense.loss_, rtol=1e-5)  # both are float32
