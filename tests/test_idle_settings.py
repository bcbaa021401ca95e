"""A setting that was changed and does nothing is told of; one that acts is not."""

import warnings

import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skmax import SoftmaxMLPClassifier

X, y = load_iris(return_X_y=True)
VAL = {"X_val": X, "y_val": y}
CHANGED = {
    "scoring": {"scoring": "f1_macro"},
    "validation_fraction": {"validation_fraction": 0.3},
    "tol": {"tol": 1e-2},
    "n_iter_no_change": {"n_iter_no_change": 3},
}
# Other settings, what fit is given beside X and y, and what acts there.
CASES = [
    ({}, {}, ()),
    ({}, VAL, ("scoring", "tol")),
    ({"hidden_layer_sizes": ()}, VAL, ("scoring",)),
    ({"early_stopping": False}, {}, ()),
    ({"early_stopping": False}, VAL, ("scoring",)),
    ({"early_stopping": True}, {}, ("scoring", "validation_fraction", "tol")),
    ({"early_stopping": True}, VAL, ("scoring", "tol")),
    ({"learning_rate": "cosine"}, {}, ()),
    ({"learning_rate": "cosine"}, VAL, ("scoring",)),
    ({"learning_rate": "one_cycle", "early_stopping": True}, {}, tuple(CHANGED)),
    ({"learning_rate": "constant"}, {}, ("tol", "n_iter_no_change")),
    ({"learning_rate": "invscaling"}, {}, ("tol", "n_iter_no_change")),
    ({"learning_rate": "adaptive", "early_stopping": True}, {}, tuple(CHANGED)),
    ({"solver": "sgd"}, {}, ()),
    ({"solver": "lbfgs"}, {}, ("tol",)),
    ({"solver": "lbfgs", "early_stopping": True}, {}, tuple(CHANGED)),
    ({"solver": "newton-cg", "hidden_layer_sizes": ()}, VAL, ("scoring", "tol")),
]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**settings):
    settings = {"hidden_layer_sizes": (4,), "max_iter": 15, "random_state": 0, **settings}
    return SoftmaxMLPClassifier(**settings)


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("settings, given, acting", CASES, ids=str)
def test_a_setting_is_told_of_if_and_only_if_it_does_nothing(name, settings, given, acting):
    clf = classifier(**settings, **CHANGED[name])
    if name in acting:
        clf.fit(X, y, **given)
        return
    with pytest.warns(UserWarning, match=f"nothing of this fit: {name}=.* acts with"):
        told = clf.fit(X, y, **given)
    silent = classifier(**settings).fit(X, y, **given)
    assert told.loss_curve_ == silent.loss_curve_
    assert told.validation_scores_ == silent.validation_scores_
    assert told.temperature_ == silent.temperature_


def test_one_warning_names_all_of_them():
    clf = classifier(scoring="f1_macro", tol=0.0, n_iter_no_change=2, validation_fraction=0.5)
    with pytest.warns(UserWarning) as told:
        clf.fit(X, y)
    assert len(told) == 1 and told[0].filename == __file__
    assert all(f"{name}=" in str(told[0].message) for name in CHANGED)


@pytest.mark.parametrize("patience", [20, float("inf")])
@pytest.mark.parametrize("settings", [{}, {"solver": "lbfgs"}, {"early_stopping": True}], ids=str)
def test_a_longer_patience_is_granted_where_none_is_lost(patience, settings):
    classifier(**settings, n_iter_no_change=patience).fit(X, y)


def test_only_fit_tells():
    clf = classifier(scoring="f1_macro", tol=0.1, n_iter_no_change=3, validation_fraction=0.5)
    clone(clf).set_params(tol=0.2).partial_fit(X, y, [0, 1, 2]).predict(X)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_what_comes_from_scikit_learn_sets_nothing_idle(early_stopping, solver):
    mlp = MLPClassifier((4,), solver=solver, early_stopping=early_stopping, max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.fit(X, y)
    SoftmaxMLPClassifier.from_sklearn(mlp).fit(X, y)
