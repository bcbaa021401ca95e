"""scikit-learn's own tests of MLPClassifier, run on our class with its defaults.

Every test of the installed `sklearn.neural_network.tests.test_mlp` that concerns
MLPClassifier is a test here, under its own name, with its parametrization, fixtures and
warning filters. The tests in `EXCEPTED` must fail, and with the exception named there.
"""

import inspect
from types import FunctionType

import pytest
from neutral import OURS
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


class PeerDefaults(SoftmaxMLPClassifier):
    """Our classifier with the parameters and defaults of MLPClassifier."""

    def __init__(self, *args, **kwargs):
        super().__init__(**OURS, **MLPClassifier(*args, **kwargs).get_params())

    __init__.__signature__ = inspect.signature(MLPClassifier.__init__)  # for get_params


def parametrizations(test):
    """Return the parametrize marks of a test."""
    return [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]


def concerns_classifier(test):
    """Return whether a peer test names MLPClassifier in its code or parametrization."""
    return "MLPClassifier" in test.__code__.co_names or any(
        value is MLPClassifier for mark in parametrizations(test) for value in mark.args[1]
    )


def with_our_class(mark):
    """Return a mark with our class for MLPClassifier, and without MLPRegressor."""
    if mark.name != "parametrize":
        return mark
    names, values = mark.args
    values = [value for value in values if value is not MLPRegressor]
    values = [PeerDefaults if value is MLPClassifier else value for value in values]
    return pytest.mark.parametrize(names, values, **mark.kwargs).mark


def on_our_class(test):
    """Return a copy of a peer test in which MLPClassifier is our class."""
    namespace = {**vars(peer), "MLPClassifier": PeerDefaults}
    copy = FunctionType(test.__code__, namespace, test.__name__, test.__defaults__)
    copy.pytestmark = [with_our_class(mark) for mark in getattr(test, "pytestmark", [])]
    if test.__name__ in EXCEPTED:
        exception, reason = EXCEPTED[test.__name__]
        copy = pytest.mark.xfail(raises=exception, reason=reason, strict=True)(copy)
    return copy


PEER_TESTS = {
    name: on_our_class(test)
    for name, test in vars(peer).items()
    if name.startswith("test_") and concerns_classifier(test)
}
globals().update(PEER_TESTS)


def test_exceptions_exist():
    assert EXCEPTED.keys() <= PEER_TESTS.keys()


def test_every_parameter_has_a_neutral_or_peer_value():
    assert PeerDefaults().get_params() == MLPClassifier().get_params()
    ours = SoftmaxMLPClassifier().get_params().keys()
    assert ours == OURS.keys() | MLPClassifier().get_params().keys()
