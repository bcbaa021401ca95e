"""The fitted numbers against other ways to the same numbers."""

import numpy as np
import pytest
from neutral import NEUTRAL
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from skmax import SoftmaxMLPClassifier, cross_entropy, log_softmax, one_hot, softmax


def classes(n_classes, n_rows=400, n_features=8, seed=0):
    return make_classification(
        n_rows,
        n_features,
        n_informative=6,
        n_classes=n_classes,
        random_state=seed,
        class_sep=0.7,
    )


def J(clf, X, y, sample_weight=None, smoothing=0.0):
    """The objective of a fitted classifier, by hand."""
    Y = one_hot(np.searchsorted(clf.classes_, y), len(clf.classes_))
    Y = (1 - smoothing) * Y + smoothing * np.average(Y, axis=0, weights=sample_weight)
    S = len(X) if sample_weight is None else np.sum(sample_weight)
    penalty = clf.alpha / (2 * S) * sum((W**2).sum() for W in clf.coefs_)
    return cross_entropy(Y, clf.predict_proba(X), sample_weight) + penalty


def regression(alpha, **settings):
    return SoftmaxMLPClassifier((), **{**NEUTRAL, "alpha": alpha, "random_state": 0, **settings})


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("alpha", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_no_hidden_layer_is_logistic_regression(n_classes, alpha, container):
    X, y = classes(n_classes)
    clf = regression(alpha, solver="lbfgs", tol=1e-8, max_iter=2000).fit(container(X), y)
    # Two outputs for two classes: W and -W share the penalty that one column bears there.
    C = (2 if n_classes == 2 else 1) / alpha
    reference = LogisticRegression(C=C, tol=1e-8, max_iter=5000).fit(X, y)
    assert_allclose(clf.predict_proba(X), reference.predict_proba(X), atol=1e-5)


def test_class_weights_are_those_of_logistic_regression():
    X, y = classes(3)
    weight = {0: 1.0, 1: 4.0, 2: 0.5}
    clf = regression(1.0, solver="lbfgs", tol=1e-8, max_iter=2000, class_weight=weight).fit(X, y)
    reference = LogisticRegression(tol=1e-8, max_iter=5000, class_weight=weight).fit(X, y)
    assert_allclose(clf.predict_proba(X), reference.predict_proba(X), atol=1e-5)


@pytest.mark.filterwarnings("ignore:The weights of the rows have a mean:UserWarning")
def test_the_size_of_weights_counts_against_alpha_as_in_logistic_regression():
    X, y = classes(3)
    weight = np.random.default_rng(0).uniform(0.5, 8, size=len(X))
    clf = regression(1.0, solver="lbfgs", tol=1e-8, max_iter=2000)
    reference = LogisticRegression(tol=1e-8, max_iter=5000)
    P = clf.fit(X, y, weight).predict_proba(X)
    assert_allclose(P, reference.fit(X, y, weight).predict_proba(X), atol=1e-5)
    other = clf.fit(X, y, weight / 100).predict_proba(X)
    assert np.abs(P - other).max() > 0.01


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("batch_size", [32, 200, 400])
def test_every_batch_size_ends_at_the_optimum_of_the_same_J(batch_size, solver):
    X, y = classes(3)
    optimum = regression(20.0, solver="lbfgs", tol=1e-8, max_iter=2000).fit(X, y).loss_
    clf = regression(
        20.0,
        solver=solver,
        learning_rate_init=0.01,
        learning_rate="cosine",
        max_iter=1000,
        batch_size=batch_size,
    ).fit(X, y)
    assert J(clf, X, y) < 1.005 * optimum


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("hidden", [(), (7,), (5, 4)])
def test_lbfgs_reports_J(hidden, smoothing, weighted):
    X, y = classes(3, n_rows=1500)  # more than one block of rows
    weight = np.random.default_rng(0).uniform(0.1, 3, size=len(X)) if weighted else None
    clf = SoftmaxMLPClassifier(hidden, solver="lbfgs", random_state=0)
    clf.set_params(**{**NEUTRAL, "label_smoothing": smoothing, "alpha": 3.0, "max_iter": 5})
    with pytest.warns(match="not converged"):
        clf.fit(X, y, weight)
    assert_allclose(clf.loss_, J(clf, X, y, weight, smoothing), atol=1e-6)
    assert clf.loss_curve_[-1] == clf.loss_ == clf.best_loss_
    assert len(clf.loss_curve_) == clf.n_iter_ == 5


def test_the_only_batch_reports_J_before_its_step():
    X, y = classes(3)
    settings = {**NEUTRAL, "alpha": 3.0, "batch_size": 400, "random_state": 0}
    clf = SoftmaxMLPClassifier((6,), **settings)
    with pytest.warns(match="not converged"):
        before = clf.set_params(max_iter=4).fit(X, y)
        J_after_4 = J(before, X, y)
        after = clf.set_params(max_iter=5).fit(X, y)
    assert_allclose(after.loss_curve_[4], J_after_4, rtol=1e-12)
    assert after.loss_ == after.loss_curve_[-1]


def test_integer_weights_are_repeated_rows():
    X, y = classes(3, n_rows=150)
    weight = np.random.default_rng(0).integers(0, 4, size=150)
    for settings in ({}, {"class_weight": "balanced"}, {"scaling": "robust"}):
        clf = regression(1.0, solver="lbfgs", tol=1e-9, max_iter=5000).set_params(**settings)
        P = clf.fit(X, y, sample_weight=weight).predict_proba(X)
        repeated = clf.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
        assert_allclose(P, repeated.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("scaling", [None, "standard", "robust"])
def test_rows_of_weight_zero_are_absent(solver, scaling):
    X, y = classes(3, n_rows=300)
    weight = np.ones(300)
    weight[::3] = 0
    kept = weight > 0
    X[~kept] *= 1e3  # they would show anywhere
    clf = SoftmaxMLPClassifier((5,), solver=solver, random_state=0, validation_fraction=0.3)
    settings = {"scaling": scaling, "max_iter": 4, "batch_size": 64, "early_stopping": True}
    clf.set_params(**{**NEUTRAL, **settings})
    clf.set_params(class_weight="balanced", n_iter_no_change=np.inf)
    with pytest.warns(match="not converged"):
        weighted = clf.fit(X, y, sample_weight=weight)
        curves = weighted.loss_curve_, weighted.validation_loss_curve_
        P = weighted.predict_proba(X[kept])
        removed = clf.fit(X[kept], y[kept])
    assert_allclose(curves, (removed.loss_curve_, removed.validation_loss_curve_), rtol=1e-5)
    assert_allclose(P, removed.predict_proba(X[kept]), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
@pytest.mark.parametrize("scaling", [None, "standard"])
def test_csr_is_dense(solver, scaling):
    X, y = classes(3, n_rows=300)
    X[np.abs(X) < 0.7] = 0
    clf = SoftmaxMLPClassifier((5,), "tanh", solver=solver, random_state=0)
    clf.set_params(**{**NEUTRAL, "max_iter": 20, "scaling": scaling, "dtype": "float64"})
    with pytest.warns(match="not converged"):
        P = clf.fit(X, y).predict_proba(X)
        assert_allclose(clf.predict_proba(csr_array(X)), P, atol=1e-12)
        clf.fit(csr_array(X), y)
    assert_allclose(clf.predict_proba(csr_array(X)), P, atol=1e-6)
    assert_allclose(clf.predict_proba(X), P, atol=1e-6)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_sgd_continues_a_multi_class_mlpclassifier_as_it_would(activation):
    """From its weights, with its batches and no penalty, its losses come out."""
    X, y = classes(3, n_rows=210)
    settings = {
        "hidden_layer_sizes": (6, 5),
        "activation": activation,
        "solver": "sgd",
        "alpha": 0.0,
        "momentum": 0.0,
        "shuffle": False,
        "batch_size": 50,
        "max_iter": 8,
        "learning_rate_init": 0.05,
    }
    peer = MLPClassifier(**settings, warm_start=True, random_state=0)
    with pytest.warns(match="hasn't converged"):
        peer.fit(X, y)
        coefs, intercepts = [W.copy() for W in peer.coefs_], [b.copy() for b in peer.intercepts_]
        peer.fit(X, y)
    clf = SoftmaxMLPClassifier(**{**NEUTRAL, **settings, "dtype": "float64"})
    with pytest.warns(match="not converged"):
        clf.fit(X, y, coefs_init=coefs, intercepts_init=intercepts)
    assert_allclose(clf.loss_curve_, peer.loss_curve_[8:], rtol=1e-12)
    assert_allclose(clf.predict_proba(X), peer.predict_proba(X), rtol=1e-10)


def test_lbfgs_finds_what_another_minimiser_finds():
    X, y = load_iris(return_X_y=True)
    clf = regression(1.0, solver="lbfgs", tol=1e-9, max_iter=5000).fit(X, y)
    Y = one_hot(y, 3)

    def objective(flat):
        W, b = flat[:12].reshape(4, 3), flat[12:]
        return -(Y * log_softmax(X @ W + b)).sum() / 150 + 1 / 300 * (W**2).sum()

    optimum = minimize(objective, np.zeros(15), method="BFGS", options={"gtol": 1e-6}).fun
    assert_allclose(clf.loss_, optimum, rtol=1e-8)


@pytest.mark.parametrize("encoding", ["linear", "piecewise_linear", "both"])
def test_predictions_are_the_forward_pass_of_the_published_parameters(encoding):
    X, y = classes(4)
    clf = SoftmaxMLPClassifier((6, 5), "tanh", max_iter=3, random_state=0)
    clf.set_params(numerical_encoding=encoding).fit(X, y)
    assert clf.temperature_ != 1
    A = [(X - clf.scaling_.center) / clf.scaling_.scale]
    for x in X.T if encoding != "linear" else ():
        edges = np.quantile(x, [0.0, 0.25, 0.5, 0.75, 1.0], method="inverted_cdf")
        u = np.clip((x[:, np.newaxis] - edges[:-1]) / np.diff(edges), 0.0, 1.0)
        A.append((u - u.mean(axis=0)) / u.std(axis=0))
    A = np.hstack(A)
    for W, b in zip(clf.coefs_[:-1], clf.intercepts_[:-1], strict=True):
        A = np.tanh(A @ W + b)
    Z = (A @ clf.coefs_[-1] + clf.intercepts_[-1]) / clf.temperature_
    assert_allclose(clf.decision_function(X), Z, rtol=1e-6, atol=1e-12)
    assert_allclose(clf.predict_proba(X), softmax(Z), rtol=1e-6)
    assert_allclose(clf.predict_log_proba(X), log_softmax(Z), rtol=1e-6)
    assert (clf.predict(X) == clf.classes_[Z.argmax(axis=1)]).all()


def test_digits_are_read():
    X, y = load_digits(return_X_y=True)
    clf = SoftmaxMLPClassifier(random_state=0).fit(X[:1200], y[:1200])
    assert clf.score(X[1200:], y[1200:]) > 0.94
    assert log_loss(y[1200:], clf.predict_proba(X[1200:])) < 0.2
