"""coef_ and intercept_ of softmax regression, in the units of X."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LogisticRegression

from skmax import SoftmaxMLPClassifier

X, y = load_iris(return_X_y=True)


def regression(**settings):
    settings = {"solver": "newton-cg", "label_smoothing": 0.0, "random_state": 0, **settings}
    return SoftmaxMLPClassifier((), **settings)


@pytest.mark.parametrize("container", [np.asarray, csr_array], ids=["dense", "CSR"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scaling", ["standard", None])
@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_they_make_the_decision_function(n_classes, scaling, dtype, container):
    rows = np.column_stack([X, np.full(150, 7.0)]).astype(dtype)
    clf = regression(scaling=scaling).fit(container(rows), np.minimum(y, n_classes - 1))
    assert clf.coef_.shape == (1 if n_classes == 2 else n_classes, 5)
    assert clf.intercept_.shape == clf.coef_.shape[:1]
    Z = rows @ clf.coef_.T + clf.intercept_
    expected = clf.decision_function(rows).reshape(Z.shape)
    rtol = 1e-10 if dtype == np.float64 else 1e-4
    assert_allclose(Z, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


def test_they_are_those_of_logistic_regression():
    clf = regression(scaling=None, temperature_scaling=False, tol=1e-8).fit(X, y)
    peer = LogisticRegression(tol=1e-8, max_iter=5000).fit(X, y)
    assert_allclose(clf.coef_, peer.coef_, atol=1e-4)


@pytest.mark.parametrize("name", ["coef_", "intercept_"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_layer_sizes": (4, 5)}, r"without a hidden layer only; .* \[4, 5\] units"),
        (
            {"hidden_layer_sizes": (4,), "numerical_encoding": "linear"},
            r"without a hidden layer only; .* \[4\] units",
        ),
        (
            {"hidden_layer_sizes": (), "numerical_encoding": "both"},
            "numerical_encoding='both', whose bins .* Use numerical_encoding='linear'",
        ),
        (
            {"hidden_layer_sizes": (), "numerical_encoding": "piecewise_linear"},
            "numerical_encoding='piecewise_linear', whose bins",
        ),
        ({"hidden_layer_sizes": (), "scaling": "robust"}, "scaling='robust', which clips"),
    ],
    ids=["hidden", "hidden, one view", "two views", "bins", "robust"],
)
def test_where_logits_are_not_linear_they_do_not_exist(settings, message, name):
    clf = SoftmaxMLPClassifier(max_iter=5, learning_rate="cosine", **settings).fit(X, y)
    assert not hasattr(clf, name)
    with pytest.raises(AttributeError, match=message):
        getattr(clf, name)


def test_before_a_fit_they_do_not_exist():
    assert not hasattr(regression(), "coef_") and not hasattr(regression(), "intercept_")
    with pytest.raises(NotFittedError):
        regression().coef_  # noqa: B018


@pytest.mark.parametrize("selector", [RFE, SelectFromModel])
def test_features_are_selected_as_by_logistic_regression(selector):
    A, b = load_breast_cancer(return_X_y=True)
    A = (A - A.mean(axis=0)) / A.std(axis=0)
    settings = {"n_features_to_select": 20, "step": 5} if selector is RFE else {}
    chosen, expected = (
        selector(clf, **settings).fit(A, b).get_support()
        # For two classes C is 2 / alpha.
        for clf in (regression(alpha=2.0, temperature_scaling=False), LogisticRegression(C=1.0))
    )
    assert 0 < chosen.sum() < 30
    assert (chosen == expected).mean() > 0.95


def test_they_change_with_the_temperature():
    clf = regression().fit(X, y)
    model = clf._model
    coef = clf.coef_
    clf._model = replace(model, temperature=2.0)
    assert_allclose(clf.coef_, coef * model.temperature / 2.0)
