"""scikit-learn's own tests of MLPClassifier, and of categories, run on our class.

Every test of the installed `sklearn.neural_network.tests.test_mlp` that concerns
MLPClassifier is a test here, under its own name, with its parametrization, fixtures and
warning filters. So is every test of HistGradientBoostingClassifier that has categories in its
name. The tests in `EXCEPTED` and `EXCEPTED_TREES` must fail, and with the exception named there.
"""

import inspect
from types import FunctionType

import pytest
from neutral import OURS
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.tests import test_gradient_boosting as trees
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network.tests import test_mlp as peer

from skmax import SoftmaxMLPClassifier

# The peer's tests fit for few epochs and leave the warning of it to default filters.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Peer test -> what it raises on our class, and why that is as it should be.
EXCEPTED = {
    # Reads private attributes, or writes fitted ones by hand.
    "test_fit": (AttributeError, "writes coefs_"),
    "test_gradient": (AttributeError, "reads _loss_grad_lbfgs"),
    "test_learning_rate_warmstart": (AttributeError, "reads _optimizer"),
    "test_adaptive_learning_rate": (AttributeError, "reads _optimizer"),
    "test_n_iter_no_change": (AttributeError, "reads _no_improvement_count"),
    "test_n_iter_no_change_inf": (AttributeError, "reads _no_improvement_count"),
    # Multilabel.
    "test_multilabel_classification": (ValueError, "multilabel"),
    "test_predict_proba_multilabel": (ValueError, "multilabel"),
    # Asserts what skmax changes on purpose.
    "test_early_stopping_stratified": (
        pytest.fail.Exception,
        "early stopping keeps a class with a single row in training instead of raising",
    ),
    "test_alpha": (
        AssertionError,
        "the last layer begins at zero, and grows as a penalty shrinks the layers below it",
    ),
    "test_mlp_partial_fit_after_fit": (
        pytest.fail.Exception,
        "partial_fit ignores early_stopping instead of raising",
    ),
}

# The same of tests of trees.
EXCEPTED_TREES = {
    "test_categorical_encoding_strategies": (TypeError, "sets max_depth, which trees have"),
    "test_dataframe_categorical_results_same_as_ndarray": (
        UserWarning,
        "has a column of digits as strings, which are levels here, and none is frequent",
    ),
    "test_categorical_different_order_same_model": (AttributeError, "reads _predictors"),
    "test_categorical_bad_encoding_errors": (
        UserWarning,
        "a category may have any number of levels; it warns if none is frequent",
    ),
    "test_dataframe_categorical_errors": (
        pytest.fail.Exception,
        "a category may have any number of levels",
    ),
}


class PeerDefaults(SoftmaxMLPClassifier):
    """Our classifier with the parameters and defaults of MLPClassifier."""

    def __init__(self, *args, **kwargs):
        super().__init__(**OURS, **MLPClassifier(*args, **kwargs).get_params())

    __init__.__signature__ = inspect.signature(MLPClassifier.__init__)  # for get_params


class PeerTrees(SoftmaxMLPClassifier):
    """A small network with parameters of HistGradientBoostingClassifier, some of them idle."""

    def __init__(
        self,
        max_iter="auto",
        categorical_features="from_dtype",
        random_state=None,
        max_bins=255,
        monotonic_cst=None,
    ):
        super().__init__(
            (8,),
            max_iter=max_iter,
            categorical_features=categorical_features,
            random_state=random_state,
        )
        self.max_bins, self.monotonic_cst = max_bins, monotonic_cst


# Classes of scikit-learn's tests: ours for the first, and none for the second.
CLASSES = {
    peer: (MLPClassifier, PeerDefaults, MLPRegressor),
    trees: (HistGradientBoostingClassifier, PeerTrees, HistGradientBoostingRegressor),
}


def parametrizations(test):
    """Return the parametrize marks of a test."""
    return [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]


def concerns_classifier(test, classifier):
    """Return whether a peer test names its classifier in its code or parametrization."""
    return classifier.__name__ in test.__code__.co_names or any(
        value is classifier for mark in parametrizations(test) for value in mark.args[1]
    )


def with_our_class(mark, module):
    """Return a mark with our class for the peer's, and without the peer's regressor."""
    if mark.name != "parametrize":
        return mark
    classifier, ours, regressor = CLASSES[module]
    names, values = mark.args
    values = [value for value in values if value is not regressor]
    values = [ours if value is classifier else value for value in values]
    if names == "insert_missing":  # a gap that was seen is a level; one that is not known is none
        values = [False]
    if "monotonic_cst" in names:
        not_ours = pytest.mark.xfail(reason="no feature can be monotonic", strict=True)
        values = [
            value if value[1] is None else pytest.param(*value, marks=not_ours) for value in values
        ]
    return pytest.mark.parametrize(names, values, **mark.kwargs).mark


def on_our_class(test, module, excepted):
    """Return a copy of a peer test in which the peer's class is our class."""
    classifier, ours, _ = CLASSES[module]
    namespace = {**vars(module), classifier.__name__: ours}
    copy = FunctionType(test.__code__, namespace, test.__name__, test.__defaults__)
    copy.pytestmark = [with_our_class(mark, module) for mark in getattr(test, "pytestmark", [])]
    if test.__name__ in excepted:
        exception, reason = excepted[test.__name__]
        copy = pytest.mark.xfail(raises=exception, reason=reason, strict=True)(copy)
    return copy


def peer_tests(module, excepted, word=""):
    """Return the tests of a module that concern its classifier and have a word in their name."""
    return {
        name: on_our_class(test, module, excepted)
        for name, test in vars(module).items()
        if name.startswith("test_") and word in name
        if concerns_classifier(test, CLASSES[module][0])
    }


PEER_TESTS = peer_tests(peer, EXCEPTED)
TREE_TESTS = peer_tests(trees, EXCEPTED_TREES, "categor")
globals().update(PEER_TESTS | TREE_TESTS)


def test_exceptions_exist():
    assert EXCEPTED.keys() <= PEER_TESTS.keys()
    assert EXCEPTED_TREES.keys() <= TREE_TESTS.keys()
    assert not PEER_TESTS.keys() & TREE_TESTS.keys()


def test_every_parameter_has_a_neutral_or_peer_value():
    assert PeerDefaults().get_params() == MLPClassifier().get_params()
    ours = SoftmaxMLPClassifier().get_params().keys()
    assert ours == OURS.keys() | MLPClassifier().get_params().keys()
