"""Whatever is registered goes through fit, files, copies, streams and warm starts.

So do the entries that the page on extending shows, which stand outside of the package.
"""

import copy
import doctest
import pickle
from pathlib import Path

import numpy as np
import pytest
import skops.io
from internals import (
    ACTIVATIONS,
    FULL_BATCH_SOLVERS,
    NAME_IN_FILES,
    OPTIMIZERS,
    SCALINGS,
    SCHEDULES,
    learn_scaling,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.datasets import make_classification

from skmax import SoftmaxMLPClassifier

X, y = make_classification(40, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)

# Such a fit is only paused, so that a warm start goes on with it.
PAUSED = {"learning_rate": "constant", "max_iter": 3, "temperature_scaling": False}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def examples_of_the_page():
    """What the examples of the page define, those of its last section left out."""
    page = (Path(__file__).parents[1] / "docs" / "extending.md").read_text()
    shown, last, _ = page.partition("## Trying an entry from outside")
    assert last
    defined = {"__name__": "extending"}
    for example in doctest.DocTestParser().get_examples(shown):
        exec(example.source, defined)
    return defined


PAGE = examples_of_the_page()

# By the parameter that names an entry: the dictionary, and the page's own entry for it.
REGISTRIES = {
    "activation": (ACTIVATIONS, PAGE["mine"]),
    "solver": (OPTIMIZERS, PAGE["SignDescent"]),
    "learning_rate": (SCHEDULES, PAGE["schedule"]),
    "scaling": (SCALINGS, PAGE["to_range"]),
}

ENTRIES = [
    *((parameter, name) for parameter, (entries, _) in REGISTRIES.items() for name in entries),
    *(("solver", name) for name in FULL_BATCH_SOLVERS),
    *((parameter, "of the page") for parameter in REGISTRIES),
]


@pytest.fixture(params=ENTRIES, ids=lambda entry: "-".join(entry))
def settings(request, monkeypatch):
    """Parameters of an estimator with an entry."""
    parameter, name = request.param
    with config_context(skip_parameter_validation=name == "of the page"):
        if name == "of the page":
            entries, entry = REGISTRIES[parameter]
            monkeypatch.setitem(entries, name, entry)
        hidden = () if name == "newton-cg" else (4,)
        yield {"hidden_layer_sizes": hidden, "random_state": 0, **PAUSED, parameter: name}


def streams(settings):
    return settings.get("solver") not in FULL_BATCH_SOLVERS


def through_skops(clf):
    return skops.io.loads(skops.io.dumps(clf), trusted=[NAME_IN_FILES])


WAYS = [lambda clf: pickle.loads(pickle.dumps(clf)), copy.deepcopy, copy.copy, through_skops]


def in_every_way(clf):
    return [way(clf) for way in WAYS]


def test_a_fit_learns_and_is_the_same_again(settings):
    settings = settings | {"max_iter": 30, "temperature_scaling": True}
    clf, again = (SoftmaxMLPClassifier(**settings).fit(X, y) for _ in range(2))
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]
    assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


def test_a_copy_predicts_the_same(settings):
    clf = SoftmaxMLPClassifier(**settings).fit(X, y)
    for twin in in_every_way(clf):
        assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))


def test_a_stream_goes_on_the_same_from_a_copy(settings):
    if not streams(settings):
        assert not hasattr(SoftmaxMLPClassifier(**settings), "partial_fit")
        return
    clf = SoftmaxMLPClassifier(**settings).partial_fit(X, y, classes=np.unique(y))
    twins = in_every_way(clf)
    P = clf.predict_proba(X)
    clf.partial_fit(X, y)
    assert (clf.predict_proba(X) != P).any()
    for twin in twins:
        assert_array_equal(twin.predict_proba(X), P)  # the stream of the other is none of its
        assert_array_equal(twin.partial_fit(X, y).predict_proba(X), clf.predict_proba(X))


def test_a_warm_start_goes_on_the_same_from_a_copy(settings):
    clf = SoftmaxMLPClassifier(warm_start=True, **settings).fit(X, y)
    twins = in_every_way(clf)
    n_before = len(clf.loss_curve_)
    P = clf.fit(X, y).predict_proba(X)
    assert len(clf.loss_curve_) > n_before
    for twin in twins:
        assert_array_equal(twin.fit(X, y).predict_proba(X), P)


def test_three_epochs_and_three_are_six(settings):
    if not streams(settings) or SCHEDULES[settings["learning_rate"]].decays:
        return  # these begin a new fit, from what the one before has learnt
    clf = SoftmaxMLPClassifier(warm_start=True, **settings).fit(X, y).fit(X, y)
    whole = SoftmaxMLPClassifier(**settings | {"max_iter": 6}).fit(X, y)
    assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))


def test_a_stream_goes_on_with_other_settings(settings):
    if not streams(settings):
        return
    clf = SoftmaxMLPClassifier(**settings).partial_fit(X, y, classes=np.unique(y))
    clf.set_params(momentum=0.5, beta_1=0.5, beta_2=0.8, learning_rate_init=1e-4)
    assert np.isfinite(clf.partial_fit(X, y).predict_proba(X)).all()


@pytest.mark.parametrize("kind", [*SCALINGS, "of the page"])
def test_scaled_features_do_not_depend_on_their_units(kind, monkeypatch):
    monkeypatch.setitem(SCALINGS, "of the page", PAGE["to_range"])
    scaling, other = learn_scaling(kind, X), learn_scaling(kind, 8.0 * X - 2.0)
    assert_allclose(
        (8.0 * X - 2.0 - other.center) / other.scale,
        (X - scaling.center) / scaling.scale,
        atol=1e-12,
    )
    assert learn_scaling(kind, np.ones((3, 2))).constant.all()
