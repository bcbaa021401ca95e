"""scikit-learn's callbacks: a task for each pass, and what they are shown."""

import copy
import pickle
import warnings

import internals
import numpy as np
import pandas as pd
import pytest
import skops.io
from factories import three_classes
from internals import SCHEDULES
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmax import SoftmaxMLPClassifier

X, y = three_classes(300)
SOLVERS = ["adam", "sgd", "lbfgs", "newton-cg"]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Recorder:
    """Records the hooks, and asks to stop, or fails, at the end of a pass."""

    def __init__(self, stop_at=None, fail_at=None):
        self.stop_at, self.fail_at = stop_at, fail_at
        self.events, self.begun, self.ended, self.n_open = [], [], [], 0
        self.held_out = []  # tasks of held-out fits

    def setup(self, estimator, context):
        self.n_open += 1

    def teardown(self, estimator, context):
        self.n_open -= 1

    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        if context.task_name.startswith("held-out"):
            return
        self.events.append(("begin", context.task_name))
        if context.task_name in ("epoch", "iteration"):
            self.begun.append(fitted_estimator)

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator=None):
        self.data = X, y, metadata
        if context.task_name.startswith("held-out"):
            self.held_out.append((context.task_name, fitted_estimator))
            return False
        self.events.append(("end", context.task_name))
        if context.task_name == "fit":
            self.result = fitted_estimator
            return False
        self.ended.append(fitted_estimator)
        if len(self.ended) == self.fail_at:
            raise MemoryError
        return len(self.ended) == self.stop_at


def fitted(callback=None, **settings):
    hidden = () if settings.get("solver") == "newton-cg" else (8,)
    settings = {"hidden_layer_sizes": hidden, "max_iter": 5, "random_state": 0, **settings}
    clf = SoftmaxMLPClassifier(**settings)
    if callback is not None:
        clf.set_callbacks(callback)
    return clf.fit(X, y)


@pytest.mark.parametrize("solver", SOLVERS)
def test_there_are_as_many_tasks_as_passes(solver):
    recorder = Recorder()
    clf = fitted(recorder, solver=solver)
    name = "epoch" if solver in ("adam", "sgd") else "iteration"
    passes = [("begin", name), ("end", name)] * clf.n_iter_
    assert recorder.events == [("begin", "fit"), *passes, ("end", "fit")]
    assert recorder.n_open == 0


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}], ids=str)
def test_callbacks_change_nothing(solver, settings):
    plain, observed = (fitted(r, solver=solver, **settings) for r in (None, Recorder()))
    assert_array_equal(observed.predict_proba(X), plain.predict_proba(X))
    assert observed.loss_curve_ == plain.loss_curve_


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}], ids=str)
def test_the_estimator_of_a_pass_is_that_of_a_fit_stopped_there(solver, settings):
    recorder = Recorder()
    fitted(recorder, solver=solver, **settings)
    for k, estimator in enumerate(recorder.ended, 1):
        stopped = fitted(Recorder(stop_at=k), solver=solver, **settings)
        assert stopped.n_iter_ == k
        assert_array_equal(estimator.predict_proba(X), stopped.predict_proba(X))
        for name in vars(stopped).keys() - {"_model", "_state", "_skl_callbacks"}:
            assert_array_equal(getattr(estimator, name), getattr(stopped, name), err_msg=name)
        assert estimator.temperature_ == stopped.temperature_


def test_a_pass_begins_where_the_one_before_has_ended():
    recorder = Recorder()
    clf = fitted(recorder)
    for before, after in zip(recorder.ended, recorder.begun[1:], strict=False):
        assert_array_equal(before.coefs_[0], after.coefs_[0])
    assert recorder.begun[0].loss_curve_ == []
    assert_array_equal(recorder.result.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_request_to_stop_is_honoured_and_no_shortfall(solver, schedule):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        clf = fitted(Recorder(stop_at=2), solver=solver, learning_rate=schedule)
    assert clf.n_iter_ == len(clf.loss_curve_) == 2
    assert clf._state.stop_reason == "request"


def test_a_fit_after_a_request_begins_a_new_count():
    settings = {"warm_start": True, "learning_rate": "constant", "temperature_scaling": False}
    clf = fitted(Recorder(stop_at=2), **settings)
    clf.set_callbacks().fit(X, y)
    assert clf.n_iter_ == 5 and len(clf.loss_curve_) == 7


@pytest.mark.parametrize("solver", SOLVERS)
def test_callbacks_are_torn_down_when_one_fails_and_the_old_model_is_kept(solver):
    clf = fitted(solver=solver)
    recorder, before = Recorder(fail_at=2), vars(clf).copy()
    clf.set_callbacks(recorder)
    with pytest.raises(MemoryError):
        clf.fit(X, y)
    assert recorder.n_open == 0
    clf.set_callbacks()
    assert vars(clf) == before


def test_a_callback_that_fails_at_the_very_end_leaves_the_old_model():
    class Late(Recorder):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "fit":
                raise MemoryError

    clf = fitted()
    before = vars(clf).copy()
    with pytest.raises(MemoryError):
        clf.set_callbacks(Late()).set_params(alpha=2.0).fit(X, y)
    clf.set_callbacks().set_params(alpha=1.0)
    assert vars(clf) == before


def test_callbacks_change_nothing_of_a_later_warm_start():
    settings = {"learning_rate": "constant", "max_iter": 4}
    fits = [fitted(recorder, **settings) for recorder in (None, Recorder())]
    for clf in fits:
        clf.set_callbacks().set_params(warm_start=True, max_iter=6).fit(X, y)
    assert fits[0].temperature_ == fits[1].temperature_
    assert_array_equal(fits[0].predict_proba(X), fits[1].predict_proba(X))


def test_callbacks_are_torn_down_where_the_door_stays_shut():
    recorder = Recorder()
    with pytest.raises(ValueError, match="infinity"):
        SoftmaxMLPClassifier().set_callbacks(recorder).fit([[np.inf]], [0])
    assert recorder.n_open == 0 and recorder.events == [("begin", "fit")]


def test_a_call_of_partial_fit_is_a_fit_of_one_pass():
    recorder = Recorder()
    clf = SoftmaxMLPClassifier((8,)).set_callbacks(recorder)
    clf.partial_fit(X, y, [0, 1, 2]).partial_fit(X, y)
    call = [("begin", "partial_fit"), ("begin", "epoch"), ("end", "epoch"), ("end", "partial_fit")]
    assert recorder.events == call * 2
    assert [estimator.n_iter_ for estimator in recorder.ended[::2]] == [1, 2]


def test_callbacks_are_given_the_data_as_they_came():
    recorder, weight = Recorder(), np.ones(len(y))
    SoftmaxMLPClassifier((8,), max_iter=2).set_callbacks(recorder).fit(X, y, weight)
    assert recorder.data[0] is X and recorder.data[1] is y
    assert recorder.data[2] == {"sample_weight": weight}


def test_nothing_is_set_up_without_callbacks():
    clf = SoftmaxMLPClassifier()
    clf._init_callback_context = None  # which is not called
    observer = internals.scope.FitScope(clf, "fit", X, y, None).observer
    assert type(observer) is internals.scope.FitObserver


def test_nothing_is_built_that_no_callback_asks_for(monkeypatch):
    class Silent(Recorder):
        def on_fit_task_begin(self, estimator, context):
            pass

        on_fit_task_end = on_fit_task_begin

    def attributes(*args):
        raise AssertionError

    clf = SoftmaxMLPClassifier((8,), max_iter=2).set_callbacks(Silent())
    monkeypatch.setattr(internals.scope.FitScope, "publish", lambda *args: clf)
    monkeypatch.setattr(internals.scope, "fitted_attributes", attributes)
    clf.fit(X, y)


def test_what_a_callback_has_kept_can_be_stored_and_trained_further():
    recorder = Recorder()
    settings = {"warm_start": True, "learning_rate": "constant", "temperature_scaling": False}
    whole = fitted(recorder, **settings)
    kept = recorder.ended[1].set_callbacks()
    again = pickle.loads(pickle.dumps(kept)).set_params(max_iter=3).fit(X, y)
    assert_array_equal(again.predict_proba(X), whole.predict_proba(X))
    assert again.loss_curve_ == whole.loss_curve_


class Store(Recorder):
    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if fitted_estimator is None:  # of a held-out fit
            return
        skops.io.dumps(fitted_estimator.set_callbacks())
        self.size = len(pickle.dumps(fitted_estimator))
        self.kept = fitted_estimator


def test_what_a_callback_is_given_holds_on_to_nothing_of_the_fit():
    names = pd.DataFrame(X, columns=[f"x{i}" for i in range(10)])
    clf = fitted(max_iter=2)
    clf.fit(names, y)
    clf.set_callbacks(store := Store()).fit(X, y)
    store.kept.predict(X)  # without a warning that X has no names
    assert vars(store.kept).keys() == vars(clf.set_callbacks()).keys()
    assert store.size < 2 * len(pickle.dumps(clf))


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_a_fit_that_begins_at_its_optimum_has_no_pass(solver):
    settings = {"solver": solver, "hidden_layer_sizes": (), "tol": 10.0}
    recorder = Recorder()
    assert fitted(recorder, **settings).n_iter_ == 0
    assert recorder.events == [("begin", "fit"), ("end", "fit")]


@pytest.mark.parametrize("kind", ["alone", "pipeline", "search"])
def test_a_progress_bar_shows_every_fit(kind, capfd):
    clf = SoftmaxMLPClassifier((8,), max_iter=5, random_state=0)
    estimator = {
        "alone": clf,
        "pipeline": make_pipeline(StandardScaler(), clf),
        "search": GridSearchCV(clf, {"alpha": [0.1, 1.0]}, cv=2, n_jobs=2),
    }[kind]
    estimator.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    shown = capfd.readouterr().out
    n_fits = {"alone": 1, "pipeline": 1, "search": 2 * 2 + 1}[kind]
    assert shown.count("SoftmaxMLPClassifier - fit") >= n_fits


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_a_scoring_monitor_sees_every_pass(in_pipeline):
    clf = SoftmaxMLPClassifier((8,), max_iter=5, learning_rate="constant", random_state=0)
    estimator = make_pipeline(StandardScaler(), clf) if in_pipeline else clf
    monitor = ScoringMonitor(scoring="neg_log_loss")
    (estimator if not in_pipeline else clf).set_callbacks(monitor)
    estimator.fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == clf.n_iter_ == 5
    assert rows[-1]["neg_log_loss"] > rows[0]["neg_log_loss"]


def test_a_scoring_monitor_sees_every_pass_of_a_grid_search():
    clf = SoftmaxMLPClassifier((8,), max_iter=5, learning_rate="constant", random_state=0)
    monitor = ScoringMonitor(scoring="accuracy")
    search = GridSearchCV(clf.set_callbacks(monitor), {"alpha": [0.1, 1.0]}, cv=3, refit=False)
    search.fit(X, y)
    logs = monitor.get_logs(select="all")
    rows = [row for log in logs for row in log.data if row["task_name"] == "epoch"]
    assert len(rows) == 2 * 3 * 5


class Hook:
    """Does something with the estimator in one of the four hooks."""

    def __init__(self, name, act):
        self.name, self.act = name, act

    def __getstate__(self):
        return {"name": None, "act": None}

    def _call(self, name, estimator):
        if name == self.name:
            self.act(estimator)

    def setup(self, estimator, context):
        self._call("setup", estimator)

    def teardown(self, estimator, context):
        self._call("teardown", estimator)

    def on_fit_task_begin(self, estimator, context):
        self._call("begin", estimator)

    def on_fit_task_end(self, estimator, context):
        self._call("end", estimator)


FRAME = pd.DataFrame(X, columns=list("abcdefghij"))
COPIES = {
    "pickle": lambda clf: pickle.loads(pickle.dumps(clf)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def named():
    return SoftmaxMLPClassifier((8,), max_iter=3, random_state=0)


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("hook", ["setup", "begin", "end", "teardown"])
def test_a_copy_that_a_hook_makes_is_the_model_before_the_fit(hook, how):
    """But the last hooks of a fit, which is published by then."""
    clf, copies = named().fit(FRAME, y), []
    before = clf.predict_proba(FRAME)
    clf.set_callbacks(Hook(hook, lambda clf: copies.append(COPIES[how](clf)))).fit(FRAME, y > 0)
    assert_array_equal(
        copies[0].predict_proba(FRAME), (before, clf.predict_proba(FRAME))[hook == "teardown"]
    )
    for twin in copies:
        assert list(twin.feature_names_in_) == list(FRAME)
        assert "_callback_fit_ctx" not in vars(twin)


@pytest.mark.parametrize("how", COPIES)
def test_an_estimator_interrupted_in_a_teardown_can_be_copied(how):
    def interrupt(clf):
        raise KeyboardInterrupt

    clf = named().set_callbacks(Hook("teardown", interrupt))
    with pytest.raises(KeyboardInterrupt):
        clf.fit(FRAME, y)
    twin = COPIES[how](clf)
    assert list(twin.feature_names_in_) == list(FRAME)
    assert_array_equal(twin.predict_proba(FRAME), clf.predict_proba(FRAME))
    assert not any(
        "callback" in name and name.endswith(("ctx", "teardown")) for name in vars(twin)
    )


class StopHeldOut(Recorder):
    """Asks to stop at the end of the n-th iteration of held-out fits."""

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator=None):
        if context.task_name in ("held-out epoch", "held-out iteration"):
            self.held_out.append((context.task_name, fitted_estimator))
            return len(self.held_out) == self.stop_at


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("stop_at", [1, 4])
def test_a_request_to_stop_is_obeyed_within_an_iteration_of_held_out_fits(solver, stop_at):
    recorder = StopHeldOut(stop_at)
    # A schedule without cycles trains one held-out fit after the other.
    clf = fitted(recorder, solver=solver, max_iter=15, learning_rate="cosine")
    name = "held-out epoch" if solver in ("adam", "sgd") else "held-out iteration"
    assert recorder.held_out == [(name, None)] * stop_at
    # What is published is the first held-out network, with its own curve.
    assert clf.n_iter_ == len(clf.loss_curve_) == stop_at
    assert clf.score(X, y) > 1 / 3


def test_held_out_fits_are_one_task_of_as_many_as_their_iterations():
    recorder, totals = Recorder(), []
    recorder.setup = lambda estimator, context: totals.append(context.max_subtasks)
    fitted(recorder, max_iter=5)
    assert totals == [6]
    names = [name for name, _ in recorder.held_out]
    assert set(names[:-1]) == {"held-out epoch"} and names[-1] == "held-out fits"
    assert all(shown is None for _, shown in recorder.held_out)


def test_an_interruption_while_held_out_fits_train_publishes_the_first_of_them():
    class Interrupt(StopHeldOut):
        def on_fit_task_end(self, estimator, context):
            if super().on_fit_task_end(estimator, context, X=None, y=None, metadata=None):
                raise KeyboardInterrupt

    clf = SoftmaxMLPClassifier((8,), max_iter=5, random_state=0, learning_rate="cosine")
    stopped = fitted(StopHeldOut(3), learning_rate="cosine")
    with pytest.raises(KeyboardInterrupt):
        clf.set_callbacks(Interrupt(3)).fit(X, y)
    assert clf.n_iter_ == 3
    assert_array_equal(clf.predict_proba(X), stopped.predict_proba(X))


def test_a_warm_start_after_a_request_within_held_out_fits_begins_at_their_network():
    settings = {"warm_start": True, "learning_rate": "constant"}
    clf = fitted(StopHeldOut(2), **settings)
    before = clf.coefs_[0]
    clf.set_callbacks().set_params(learning_rate_init=1e-9).fit(X, y)
    assert_allclose(clf.coefs_[0], before, atol=1e-6)
    assert clf.n_iter_ == 5 and len(clf.loss_curve_) == 7


def test_the_network_of_a_held_out_fit_is_published_with_its_temperature():
    rows, labels = make_classification(1400, 8, n_informative=4, flip_y=0.3, random_state=0)
    clf = SoftmaxMLPClassifier((8,), max_iter=8, random_state=0, learning_rate="constant")
    clf.set_callbacks(StopHeldOut(6)).fit(rows, labels)
    assert clf.temperature_ != 1 and clf.n_iter_ == 6
