"""Only the ratios of weights count, and their size against alpha: no sum of them overflows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from skmax import SoftmaxMLPClassifier

X, y = load_iris(return_X_y=True)
SOLVERS = {
    "adam": {"hidden_layer_sizes": (8,), "max_iter": 20},
    "sgd": {"hidden_layer_sizes": (8,), "max_iter": 20, "solver": "sgd"},
    "lbfgs": {"hidden_layer_sizes": (), "solver": "lbfgs"},
    "newton-cg": {"hidden_layer_sizes": (), "solver": "newton-cg"},
}
JUDGED = {
    "by helpers": {},
    "by X_val": {"X_val": X[::3], "y_val": y[::3]},
    "by weighted X_val": {"X_val": X[::3], "y_val": y[::3], "sample_weight_val": 1e307},
}


@pytest.mark.parametrize("judged", JUDGED)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("size", [1e-300, 1e307])
def test_the_size_of_class_weights_counts_against_alpha_only(size, solver, judged):
    def fitted(scale):
        clf = SoftmaxMLPClassifier(random_state=0, alpha=0.0, **SOLVERS[solver])
        clf.set_params(class_weight={0: scale, 1: 0.5 * scale, 2: scale})
        return clf.fit(X, y, **JUDGED[judged])

    expected, found = fitted(1.0), fitted(size)
    # A rounding of the weights by 1e-16 is one of the probabilities, in float32.
    assert_allclose(found.predict_proba(X), expected.predict_proba(X), rtol=1e-3, atol=1e-5)
    assert expected.score(X, y) > 0.6  # a uniform model has a third


@pytest.mark.parametrize("scoring", ["loss", "accuracy", "neg_log_loss"])
def test_scores_of_huge_weights_are_those_of_ordinary_ones(scoring):
    def fitted(weight):
        clf = SoftmaxMLPClassifier((8,), alpha=0.0, random_state=0, max_iter=20)
        clf.set_params(early_stopping=True, scoring=scoring)
        return clf.fit(X, y, np.full(150, weight))

    expected, found = fitted(1.0), fitted(1e307)
    assert_allclose(found.predict_proba(X), expected.predict_proba(X), rtol=1e-3, atol=1e-5)
    assert_allclose(found.validation_scores_ or [], expected.validation_scores_ or [], rtol=1e-5)


@pytest.mark.parametrize("scale", [0.5, 7.0, 1e5])
def test_class_weights_and_alpha_scale_together(scale):
    settings = {"solver": "newton-cg", "temperature_scaling": False, "tol": 1e-9}

    def fitted(alpha, **weights):
        clf = SoftmaxMLPClassifier((), alpha=alpha, dtype="float64", **settings)
        return clf.set_params(**weights).fit(X, y)

    balanced = {0: 1.0, 1: 2.0, 2: 0.3}
    scaled = {label: scale * weight for label, weight in balanced.items()}
    expected = fitted(1.0, class_weight=balanced)
    assert_allclose(
        fitted(scale, class_weight=scaled).coefs_[0], expected.coefs_[0], rtol=1e-6, atol=1e-9
    )


def test_a_score_of_huge_weights_is_finite():
    clf = SoftmaxMLPClassifier((8,), random_state=0).fit(X, y)
    assert clf.score(X, y, np.full(150, 1e307)) == clf.score(X, y)
