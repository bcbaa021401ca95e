"""What goes into files: small, plain, and whole or refused."""

import copy
import pickle
import warnings
from functools import cache

import cloudpickle
import joblib
import numpy as np
import pytest
import skops.io
from factories import three_classes
from internals import CLASSES, NAME_IN_FILES, OPTIMIZERS, Network, from_plain, learn_bins, to_plain
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from skmax import SoftmaxMLPClassifier

X, y = three_classes()
PAUSED = {"learning_rate": "constant", "max_iter": 5, "tol": 0.0, "warm_start": True}


def fitted(**settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SoftmaxMLPClassifier((64, 64), **{"random_state": 0, **settings}).fit(X, y)


fitted_once = cache(fitted)  # for tests that leave it as it is


def through_joblib(clf, path):
    joblib.dump(clf, path)
    return joblib.load(path)


def through_skops(clf, path):
    skops.io.dump(clf, path)
    untrusted = skops.io.get_untrusted_types(file=path)
    assert untrusted == [NAME_IN_FILES]
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
    clf = fitted_once(**settings)
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
    clf = fitted_once(**ending, early_stopping=early_stopping, dtype=dtype)
    n_bytes = sum(array.nbytes for array in [*clf.coefs_, *clf.intercepts_])
    paused = clf._state.stop_reason == "max_iter"
    assert paused == (ending == PAUSED)
    assert len(pickle.dumps(clf)) < (4.2 if paused else 1.2) * n_bytes


def test_a_copy_shares_what_never_changes():
    clf = fitted_once()
    assert copy.copy(clf)._model is clf._model


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_file_with_values_that_are_not_finite_is_refused(value):
    state = fitted_once().__getstate__()
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


def unfinished():
    clf = fitted(**PAUSED)
    return CLASSES["Unfinished"]({"max_iter": 5}, len(X), clf._state, clf._model)


def bins():
    return learn_bins(X, None, None, 4)


def columns():
    return CLASSES["Columns"]([None, np.array(["a", "b"], dtype=object)])


def levels():
    return CLASSES["Levels"](1, np.array([0, 1, 1, 1]), 2, 1)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_goes_there_and_back(name):
    network = Network([3, 4, 2], "tanh", dropout=0.1)
    samples = {
        "Network": lambda: network,
        "Model": lambda: CLASSES["Model"](
            np.ones(26), network, np.array(["a", "b"]), CLASSES["Encoding"](3)
        ),
        "Encoding": lambda: CLASSES["Encoding"](3, None, "both", 4, bins()),
        "Bins": bins,
        "Columns": columns,
        "Levels": levels,
        "Indicators": lambda: CLASSES["Indicators"](np.array([0]), [levels()], np.full(3, 0.5)),
        "TargetShares": lambda: CLASSES["TargetShares"](
            [levels()], [np.full((3, 1), 0.5)], np.zeros(1), np.ones(1)
        ),
        "Scaling": lambda: CLASSES["Scaling"]("robust", np.zeros(3), np.ones(3)),
        "TrainingState": lambda: fitted(**PAUSED)._state,
        "Fallback": lambda: CLASSES["Fallback"](np.ones(3)),
        "Unfinished": unfinished,
    }
    value = samples.get(name, CLASSES[name])()
    again = from_plain(to_plain(value))
    assert type(again) is type(value)
    np.testing.assert_equal(to_plain(again), to_plain(value))


def changed(plain, path, value):
    """Return plain state in which the entry at a path of names is another, or gone."""
    name, *rest = path
    if rest:
        value = changed(plain[name], rest, value)
    return (
        {**plain, name: value} if value is not GONE else {k: plain[k] for k in plain if k != name}
    )


GONE = object()
TUPLES = ("network layer_sizes", "network tower_inputs")
# Path of an entry of the model, the value that no fit can have given it, and what is said.
NO_MODEL = [
    ("temperature", np.nan, "temperature must be finite and > 0, got nan"),
    ("temperature", -1.0, "temperature must be finite and > 0, got -1.0"),
    ("temperature", 0.0, "temperature must be finite and > 0, got 0.0"),
    ("temperature", np.inf, "temperature must be finite and > 0, got inf"),
    ("temperature", "1", "temperature must be finite and > 0, got '1'"),
    ("temperature", None, "temperature must be finite and > 0, got None"),
    ("temperature", True, "temperature must be finite and > 0, got True"),
    ("encoding scaling scale", (1.0,), r"scale must be of shape \(10,\), got shape \(1,\)"),
    ("encoding scaling scale", (-1.0,) * 10, r"scale must be > 0, got -1\.0"),
    ("encoding scaling scale", (0.0,) * 10, r"scale must be > 0, got 0\.0"),
    ("encoding scaling scale", (np.inf,) * 10, "not finite"),
    ("encoding scaling scale", None, r"scale must be of shape \(10,\), got shape \(\)"),
    (
        "encoding scaling center",
        (0.0,) * 11,
        r"center must be of shape \(10,\), got shape \(11,\)",
    ),
    (
        "encoding scaling kind",
        "minmax",
        r"scaling must be one of \['robust', 'standard'\], got 'minmax'",
    ),
    ("encoding scaling", 3, "scaling must be one, or None"),
    ("encoding", None, "it must have an encoding"),
    (
        "encoding kind",
        "cubic",
        r"the kind of encoding must be one of \['both', 'linear', .*'cubic'",
    ),
    ("encoding n_features", 9, r"center must be of shape \(9,\), got shape \(10,\)"),
    ("encoding n_features", 0, "n_features must be an integer > 0"),
    ("encoding n_bins", -1, "n_bins must be an integer >= 0"),
    ("encoding bins", None, "the network must take the encoded rows"),
    ("encoding bins", 3, "bins must be some, or None"),
    ("encoding bins start", (1.0,), "start must be of shape"),
    ("encoding bins stop", (-1e9,) * 40, "each bin must end after its start"),
    ("encoding bins deviation", (0.0,) * 40, "deviation must be > 0"),
    ("encoding bins column", (1,) + (0,) * 39, "columns of bins must be sorted"),
    ("encoding bins column", (10,) * 40, "bins must be of its columns"),
    ("encoding bins column", (), "columns of bins must be sorted"),
    ("network tower_inputs", (10,), "the network must take the encoded rows"),
    ("encoding scaling class", "Scalar", "it names 'Scalar', which is none of"),
    ("encoding scaling class", "Network", "a Network has no center, constant, kind, scale"),
    ("encoding scaling kind", GONE, "a Scaling lacks kind"),
    ("network activation", "softplus", "activation must be one of .*, got 'softplus'"),
    ("network dropout", 1.0, r"dropout must be in \[0, 1\), got 1\.0"),
    ("network layer_sizes", (50, 0, 3), "layer_sizes must be > 0"),
    ("network layer_sizes", (50, 3), "params must be as many as its layers'"),
    ("network", None, "it must have a network"),
    ("params", (1.0, 2.0), "params must be as many as its layers'"),
    ("params", None, "params must be one vector of floats"),
    ("classes", (0.0, 1.0), r"classes must be of shape \(3,\), got shape \(2,\)"),
    ("classes", (0.0, 2.0, 1.0), "classes must be different and sorted"),
    ("classes", (0.0, 1.0, 1.0), "classes must be different and sorted"),
    ("classes", (0.0, 1.0, np.nan), "not finite"),
    ("momentum", 0.9, "a Model has no momentum"),
    ("temperature", GONE, None),
    ("classes", GONE, "a Model lacks classes"),
    ("version", 4, "is of format version 4; this version of skmax reads 1 to 3"),
    ("version", 0, "is of format version 0"),
    ("version", "x", "is of format version 'x'"),
    ("version", GONE, None),
    ("network label_smoothing", 0.1, None),
]
NO_STATE = [
    ("params", (1.0, 2.0), "best_params must be as many as params|moments must be as many"),
    ("rng", None, "rng must be a Generator"),
    ("n_iter", -1, "n_iter must be an integer >= 0, got -1"),
    ("n_iter", 1.5, "n_iter must be an integer >= 0, got 1.5"),
    ("position t", -1, "t must be an integer >= 0, got -1"),
    ("ended_by", None, "ended_by must be one of"),
    ("history loss_curve", None, "loss_curve must be a list of numbers"),
    ("history validation_scores", ["a"], "validation_scores must be a list of numbers"),
    ("history best_params", (1.0,), "best_params must be as many as params"),
    ("optimizer mean_sum", (1.0,), "moments must be as many as params"),
    ("optimizer square_sum", None, None),
    ("optimizer beta_1", "x", "beta_1 must be a number, got 'x'"),
    ("helpers", [None], "held_out_fits must be a list of states"),
    ("history best_loss", None, "best_loss must be a number, got None"),
    ("optimizer n_steps", -3, "n_steps must be an integer >= 0"),
    ("optimizer class", "Adagrad", "it names 'Adagrad', which is none of"),
    ("class", GONE, "it must have a state"),
]


@pytest.fixture(scope="module")
def attributes():
    return fitted(**PAUSED, early_stopping=True).__getstate__()


@pytest.mark.parametrize(
    ("name", "path", "value", "message"),
    [("_model", *entry) for entry in NO_MODEL] + [("_state", *entry) for entry in NO_STATE],
)
def test_what_no_fit_can_have_ended_with_is_refused(attributes, name, path, value, message):
    value = np.array(value) if isinstance(value, tuple) and path not in TUPLES else value
    state = changed(attributes, [name, *path.split()], value)
    if message is None:  # as older versions wrote it
        return SoftmaxMLPClassifier().__setstate__(state)
    with pytest.raises(ValueError, match=rf"^The fitted state .*({message})"):
        SoftmaxMLPClassifier().__setstate__(state)


def test_second_moments_are_not_negative(attributes):
    squares = -attributes["_state"]["optimizer"]["square_sum"]
    state = changed(attributes, ["_state", "optimizer", "square_sum"], squares)
    with pytest.raises(ValueError, match="square_sum must be >= 0"):
        SoftmaxMLPClassifier().__setstate__(state)


def test_a_model_needs_its_own_state(attributes):
    other = SoftmaxMLPClassifier((3,), learning_rate="constant", max_iter=1, tol=10.0)
    with pytest.warns(ConvergenceWarning):
        other.fit(X, y)
    for state in (other.__getstate__()["_state"], None):
        with pytest.raises(ValueError, match=r"the state must have the model's|must have a state"):
            SoftmaxMLPClassifier().__setstate__({**attributes, "_state": state})
    with pytest.raises(ValueError, match="it must have a model, got a NoneType"):
        SoftmaxMLPClassifier().__setstate__({**attributes, "_model": None})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("n_rows", 0, "must know the number of its rows"),
        ("parameters", {}, "must know its parameters"),
        ("model", None, "must have a model"),
        ("model temperature", -1.0, "temperature must be finite and > 0"),
        ("state", None, "must have a state"),
        ("state params", np.ones(3), "must be as many|must have the params of its network"),
    ],
)
def test_an_unfinished_fit_is_checked_too(path, value, message):
    with pytest.raises(ValueError, match=message):
        from_plain(changed(to_plain(unfinished()), path.split(), value))


def test_the_format_has_a_version_at_the_top_only(attributes):
    assert attributes["_model"]["version"] == attributes["_state"]["version"] == 3
    assert "version" not in attributes["_model"]["network"]


@pytest.mark.parametrize("labels", [y, y > 0, y.astype(str), y.astype("S"), y.astype("M8[ns]")])
def test_classes_of_any_kind_are_sound(labels):
    clf = SoftmaxMLPClassifier((), solver="lbfgs").fit(X, labels)
    assert_array_equal(copy.deepcopy(clf).classes_, clf.classes_)
