"""What goes into files: small, plain, and whole or refused."""

import copy
import pickle
import warnings

import cloudpickle
import joblib
import numpy as np
import pytest
import skops.io
from numpy.testing import assert_array_equal
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning

from skmax import SoftmaxMLPClassifier
from skmax._network import Network
from skmax._optimizers import OPTIMIZERS
from skmax._plain import CLASSES, from_plain, to_plain

X, y = make_classification(400, 10, n_informative=8, n_classes=3, random_state=0)
PAUSED = {"learning_rate": "constant", "max_iter": 5, "tol": 0.0, "warm_start": True}


def fitted(**settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SoftmaxMLPClassifier((64, 64), **{"random_state": 0, **settings}).fit(X, y)


def through_joblib(clf, path):
    joblib.dump(clf, path)
    return joblib.load(path)


def through_skops(clf, path):
    skops.io.dump(clf, path)
    untrusted = skops.io.get_untrusted_types(file=path)
    assert untrusted == ["skmax._classifier.SoftmaxMLPClassifier"]
    return skops.io.load(path, trusted=untrusted)


WAYS = {
    "pickle": lambda clf, path: pickle.loads(pickle.dumps(clf)),
    "cloudpickle": lambda clf, path: pickle.loads(cloudpickle.dumps(clf)),
    "deepcopy": lambda clf, path: copy.deepcopy(clf),
    "joblib": through_joblib,
    "skops": through_skops,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"scaling": "robust"}, {"solver": "lbfgs", "max_iter": 5}, {"early_stopping": True}],
    ids=str,
)
def test_what_is_loaded_predicts_what_was_stored(way, settings, tmp_path):
    clf = fitted(**settings)
    loaded = WAYS[way](clf, tmp_path / "clf")
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert loaded.get_params() == clf.get_params()
    assert loaded.loss_curve_ == clf.loss_curve_


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_a_paused_fit_goes_on_bit_for_bit_from_a_file(way, solver, tmp_path):
    settings = {**PAUSED, "solver": solver, "temperature_scaling": False}
    whole = fitted(**{**settings, "max_iter": 10})
    half = WAYS[way](fitted(**settings), tmp_path / "clf")
    with pytest.warns(ConvergenceWarning):
        half.fit(X, y)
    assert_array_equal(half._model.params, whole._model.params)
    assert half.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("dtype", ["auto", "float64"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("ending", [{}, PAUSED], ids=["finished", "paused"])
def test_a_file_is_not_much_larger_than_the_parameters(ending, early_stopping, dtype):
    clf = fitted(**ending, early_stopping=early_stopping, dtype=dtype)
    n_bytes = sum(array.nbytes for array in [*clf.coefs_, *clf.intercepts_])
    paused = clf._state.ended_by == "max_iter"
    assert paused == (ending == PAUSED)
    assert len(pickle.dumps(clf)) < (4.2 if paused else 1.2) * n_bytes


def test_a_copy_shares_what_never_changes():
    clf = fitted()
    assert copy.copy(clf)._model is clf._model


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_file_with_values_that_are_not_finite_is_refused(value):
    state = fitted().__getstate__()
    state["_model"]["params"] = state["_model"]["params"].copy()
    state["_model"]["params"][7] = value
    with pytest.raises(ValueError, match="holds values that are not finite"):
        SoftmaxMLPClassifier().__setstate__(state)


def test_plain_state_has_plain_types_only():
    seen = set()

    def look(value):
        seen.add(type(value))
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, dict | list):
                look(item)
            else:
                seen.add(type(item))

    state = fitted(**PAUSED, early_stopping=True).__getstate__()
    look(state)
    plain = {dict, list, tuple, str, int, float, bool, type(None), np.ndarray}
    assert seen <= plain | {np.random.Generator, np.int64}


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_goes_there_and_back(name):
    network = Network([3, 4, 2], "tanh", dropout=0.1)
    samples = {
        "Network": lambda: network,
        "Model": lambda: CLASSES["Model"](np.ones(26), network, np.array(["a", "b"])),
        "Scaling": lambda: CLASSES["Scaling"]("robust", np.zeros(3), np.ones(3)),
        "TrainingState": lambda: fitted(**PAUSED)._state,
        "Fallback": lambda: CLASSES["Fallback"](np.ones(3)),
        "Unfinished": lambda: CLASSES["Unfinished"](
            {"alpha": 1.0}, 7, fitted(**PAUSED)._state, samples["Model"]()
        ),
    }
    value = samples.get(name, CLASSES[name])()
    again = from_plain(to_plain(value))
    assert type(again) is type(value)
    np.testing.assert_equal(to_plain(again), to_plain(value))
