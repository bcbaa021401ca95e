"""A fit with a time limit takes no longer, and ends with the best that it has learnt."""

import pickle
from itertools import count

import internals
import numpy as np
import pytest
import skops.io as sio
from factories import three_classes
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skmax import Checkpoint, SoftmaxMLPClassifier, TimeLimit

X, y = three_classes()
SOLVERS = ["adam", "sgd", "lbfgs", "newton-cg"]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(solver="adam", **settings):
    hidden = () if solver == "newton-cg" else (8,)
    settings = {"learning_rate": "cosine", "max_iter": 6, "random_state": 0, **settings}
    return SoftmaxMLPClassifier(hidden, solver=solver, **settings)


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves on by a second whenever it is looked at."""
    seconds = count()
    monkeypatch.setattr(internals.time_limit, "monotonic", lambda: float(next(seconds)))


class Keep:
    """Keeps the estimator of each epoch of the network itself."""

    def __init__(self):
        self.shown = []

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name in ("epoch", "iteration"):
            self.shown.append(fitted_estimator)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seconds", [1, 3])
def test_a_limit_is_obeyed_while_held_out_fits_train(clock, solver, seconds):
    clf = classifier(solver).set_callbacks(TimeLimit(seconds)).fit(X, y)
    assert clf.n_iter_ == len(clf.loss_curve_) == seconds
    assert clf.score(X, y) > 0.4


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_limit_is_obeyed_in_the_epochs_of_the_network(clock, solver):
    clf = classifier(solver, early_stopping=False, temperature_scaling=False)
    clf.set_callbacks(keep := Keep(), TimeLimit(3)).fit(X, y)
    assert clf.n_iter_ == 3
    assert_array_equal(clf.predict_proba(X), keep.shown[-1].predict_proba(X))


@pytest.mark.parametrize(("n_epochs", "is_own"), [(1, False), (5, True)])
def test_of_two_networks_that_of_the_lower_objective_is_published(clock, n_epochs, is_own):
    whole = classifier().fit(X, y)
    n_held_out = 6 * 2 + 1  # epochs of two held-out fits for 400 rows, and their task
    clf = classifier().set_callbacks(keep := Keep(), TimeLimit(n_held_out + n_epochs)).fit(X, y)
    own = keep.shown[-1]
    assert len(keep.shown) == n_epochs and clf.temperature_ == whole.temperature_
    assert np.array_equal(clf.coefs_[0], own.coefs_[0]) == is_own
    assert clf.n_iter_ == (n_epochs if is_own else 6)


def test_a_limit_that_is_not_reached_changes_nothing():
    plain, limited = classifier().fit(X, y), classifier().set_callbacks(TimeLimit(1e6)).fit(X, y)
    assert_array_equal(limited.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seconds", [1, 5, 9, 14])
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_fit_that_was_cut_short_can_be_stored_read_and_continued(
    clock, solver, seconds, warm_start
):
    clf = classifier(solver, warm_start=warm_start).set_callbacks(TimeLimit(seconds)).fit(X, y)
    clf.set_callbacks()
    for copied in (
        pickle.loads(pickle.dumps(clf)),
        sio.loads(sio.dumps(clf), trusted=[internals.NAME_IN_FILES]),
    ):
        assert_array_equal(copied.predict_proba(X), clf.predict_proba(X))
        assert copied.fit(X, y).loss_ > 0


@pytest.mark.parametrize("outer", [make_pipeline, lambda clf: GridSearchCV(clf, {}, cv=2)])
def test_a_limit_of_what_would_not_obey_it_is_refused(outer):
    with pytest.raises(TypeError, match="TimeLimit is a callback of SoftmaxMLPClassifier"):
        outer(classifier()).set_callbacks(TimeLimit(60)).fit(X, y)


def test_each_fit_of_a_search_has_all_of_the_time(clock):
    clf = classifier(temperature_scaling=False).set_callbacks(TimeLimit(4))
    search = GridSearchCV(clf, {"alpha": [0.1, 1.0]}, cv=2).fit(X, y)
    assert search.best_estimator_.n_iter_ == 4
    assert clone(clf).set_params(max_iter=3).fit(X, y).n_iter_ == 3


def test_a_fit_that_is_resumed_has_all_of_the_time(tmp_path, clock):
    path = tmp_path / "fit.skmax"
    settings = {"temperature_scaling": False, "learning_rate": "constant"}

    class Cut(Keep):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            super().on_fit_task_end(estimator, context, fitted_estimator=fitted_estimator)
            if len(self.shown) == 2:
                raise MemoryError

    with pytest.raises(MemoryError):
        classifier(**settings).set_callbacks(Checkpoint(path), Cut()).fit(X, y)
    clf = Checkpoint(path).resume(classifier(**settings))
    clf.set_callbacks(*clf._skl_callbacks, TimeLimit(3)).fit(X, y)
    assert clf.n_iter_ == 2 + 3


def test_a_limit_can_be_stored():
    limit = pickle.loads(pickle.dumps(TimeLimit(2)))
    assert repr(limit) == "TimeLimit(2)" and limit.seconds == 2.0


@pytest.mark.parametrize("seconds", [0, -1.0, np.nan, np.inf, "10", None, True])
def test_a_limit_is_a_finite_number_of_seconds(seconds):
    with pytest.raises(ValueError, match="seconds must be a finite number > 0, got "):
        TimeLimit(seconds)
