"""A feature that never varied in training does not count, and is learnt when it varies."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_iris

from skmax import SoftmaxMLPClassifier

X, y = load_iris(return_X_y=True)
SHIFTED = np.random.default_rng(0).normal(scale=1e3, size=len(X))

SCALED = [("standard", value) for value in (0.0, 0.1, 7.0, 1e20)]
SCALED += [("robust", value) for value in (0.0, 0.1, 1e20)] + [(None, 0.0)]

network = partial(
    SoftmaxMLPClassifier, (8,), max_iter=5, learning_rate="constant", random_state=0, alpha=0.0
)


def beside(values, dtype=float):
    return np.column_stack([X, np.broadcast_to(values, len(X))]).astype(dtype)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("container", [np.asarray, csr_array], ids=["dense", "CSR"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize(("scaling", "value"), SCALED)
def test_it_does_not_count_where_it_varies_later(scaling, value, solver, container, dtype):
    if scaling == "robust" and container is csr_array:
        container = np.asarray  # which needs dense rows
    clf = network(scaling=scaling, solver=solver).fit(container(beside(value, dtype)), y)
    for method in (clf.predict_proba, clf.hidden_activations):
        expected = method(container(beside(value, dtype)))
        assert_array_equal(method(container(beside(SHIFTED, dtype))), expected)
    assert_array_equal(clf.coefs_[0][X.shape[1]], 0.0)
    assert_array_equal(clf.input_gradients(container(beside(SHIFTED, dtype)))[:, -1], 0.0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs", "newton-cg"])
def test_it_does_not_count_in_softmax_regression_nor_in_what_it_is_converted_to(solver):
    hidden = () if solver == "newton-cg" else (8,)
    clf = network(solver=solver, scaling="standard", max_iter=20)
    clf.set_params(hidden_layer_sizes=hidden).fit(beside(1e20), y)
    expected = clf.predict_proba(beside(1e20))
    assert_array_equal(clf.predict_proba(beside(SHIFTED)), expected)
    mlp = clf.to_sklearn()
    assert_allclose(mlp.predict_proba(beside(SHIFTED)), expected, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_features_are_learnt_as_without_it():
    settings = {"solver": "lbfgs", "alpha": 1.0, "max_iter": 500, "tol": 1e-8}
    with_it, without = (
        network(**settings).set_params(hidden_layer_sizes=()).fit(A, y) for A in (beside(7.0), X)
    )
    assert_allclose(with_it.coefs_[0][:-1], without.coefs_[0], atol=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_initial_weights_that_were_given_are_kept():
    coefs = network(scaling=None, solver="lbfgs").fit(beside(0.0), y).coefs_
    coefs = [np.ones_like(W) for W in coefs]
    clf = network(scaling=None, solver="lbfgs").fit(beside(0.0), y, coefs_init=coefs)
    assert_array_equal(clf.coefs_[0][-1], 1.0)


def stream(A, portions, **settings):
    clf = SoftmaxMLPClassifier((32,), random_state=0, **settings)
    labels = np.arange(3)
    for rows in portions:
        clf.partial_fit(A[rows], y[rows], labels)
    return clf


ROWS = np.random.default_rng(1).permutation(150).repeat(10)
ROWS = np.random.default_rng(2).permutation(ROWS)
REST = np.array_split(ROWS[150:], 60)


@pytest.mark.parametrize("scaling", ["standard", "robust"])
@pytest.mark.parametrize("n_first", [1, 20])
def test_a_stream_scales_what_is_constant_at_first_once_it_varies(n_first, scaling):
    A = 1000.0 * X + 5000.0
    A[ROWS[:n_first]] = A[ROWS[0]]  # a constant first portion
    clf = stream(A, [ROWS[:n_first], *REST], scaling=scaling)
    # A stream whose features stay unscaled gets .3; the labels of the first portion are wrong.
    assert clf.score(1000.0 * X + 5000.0, y) > 0.85
    assert not clf.scaling_.constant.any()
    assert (np.abs(np.log(clf.scaling_.scale / A.std(axis=0))) < 1.5).all()


@pytest.mark.parametrize("container", [np.asarray, csr_array], ids=["dense", "CSR"])
@pytest.mark.parametrize("scaling", ["standard", None])
def test_a_feature_that_varies_late_in_a_stream_begins_with_its_initial_weights(
    scaling, container
):
    early, late = container(beside(0.0)), container(beside(SHIFTED))
    settings = {"scaling": scaling, "learning_rate_init": 1e-12, "numerical_encoding": "linear"}
    clf = network(**settings).partial_fit(early, y, np.arange(3))
    assert_array_equal(clf.coefs_[0][-1], 0.0)
    assert_array_equal(clf.partial_fit(early, y).coefs_[0][-1], 0.0)
    whole = network(**settings).partial_fit(late, y, np.arange(3))
    W = clf.partial_fit(late, y).coefs_[0]
    assert W[-1].any()
    assert_allclose(W, whole.coefs_[0], atol=1e-6)  # the rate moves none further


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_warm_start_learns_what_has_begun_to_vary_and_keeps_the_rest():
    clf = network(scaling="standard", warm_start=True).fit(beside(7.0), y)
    center = clf.scaling_.center
    clf.fit(beside(SHIFTED), y)
    assert_array_equal(clf.scaling_.center[:4], center[:4])
    assert_allclose(clf.scaling_.scale[4], SHIFTED.std(), rtol=0.1)
    assert clf.coefs_[0][-1].any()
