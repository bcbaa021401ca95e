"""A fit that is cut off anywhere is finished as if it had not been."""

import copy
import errno
import io
import json
import os
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import internals
import numpy as np
import pytest
from factories import three_classes
from internals import OPTIMIZERS, SCHEDULES, comparable
from joblib import parallel_config
from killing import SETTINGS, kill_and_finish, same_fit
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmax import Checkpoint, SoftmaxMLPClassifier

X, y = three_classes()

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Cut(BaseException):
    """What nothing handles, as nothing handles a power cut."""


class CutAfter:
    """Callback that cuts the power at the end of a pass."""

    def __init__(self, n_passes):
        self.n_passes = n_passes

    def setup(self, estimator, context):
        self.n_left = self.n_passes

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if of_held_out_fits(context):
            return
        self.n_left -= 1
        if self.n_left == 0:
            raise Cut


def of_held_out_fits(context):
    return context.task_name.startswith("held-out")


def classifier(**settings):
    return SoftmaxMLPClassifier(
        **{"hidden_layer_sizes": (16,), "max_iter": 8, "random_state": 0, **settings}
    )


def cut_off(path, n_passes=3, clf=None, data=(X, y), every=1, **settings):
    clf = Checkpoint(path, every).resume(classifier(**settings) if clf is None else clf)
    callbacks = clf._skl_callbacks
    clf.set_callbacks(*callbacks, CutAfter(n_passes))
    with pytest.raises(Cut):
        clf.fit(*data)


@pytest.fixture
def path(tmp_path):
    yield tmp_path / "fit.skmax"
    assert not list(tmp_path.glob(".*")), "a temporary file is left"


CASES = {
    "default": {},
    "all epochs": {"early_stopping": False},
    "no temperature": {"temperature_scaling": False, "early_stopping": False},
    "validation rows": {"early_stopping": True},
    "scorer": {"early_stopping": True, "scoring": "balanced_accuracy"},
    "weights": {"class_weight": "balanced", "dropout": 0.2, "weight_decay": 0.1},
    "float64": {"dtype": "float64", "scaling": "robust"},
    "warm start": {"warm_start": True, "learning_rate": "constant"},
    **{f"{name} schedule": {"learning_rate": name} for name in SCHEDULES},
}


@pytest.mark.parametrize("solver", OPTIMIZERS)
@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_a_resumed_fit_ends_with_the_same_bits(path, solver, settings):
    settings = {"solver": solver, **settings}
    cut_off(path, **settings)
    resumed = Checkpoint(path).resume(classifier(**settings)).fit(X, y)
    same_fit(resumed, classifier(**settings).fit(X, y))


@pytest.mark.parametrize("n_passes", range(1, 9))
@pytest.mark.parametrize("every", [1, 3])
def test_wherever_it_was_cut_off(path, n_passes, every):
    settings = {"learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 0.1}
    cut_off(path, n_passes, every=every, **settings)
    resumed = Checkpoint(path, every).resume(classifier(**settings))
    assert resumed._unfinished.state.n_iter == n_passes // every * every
    same_fit(resumed.fit(X, y), classifier(**settings).fit(X, y))


def test_cut_off_again_and_again(path):
    for n_passes in (2, 1, 3, 1):
        cut_off(path, n_passes)
    assert Checkpoint(path).resume(classifier())._unfinished.state.n_iter == 7
    same_fit(Checkpoint(path).resume(classifier()).fit(X, y), classifier().fit(X, y))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_fit_that_has_run_out_of_patience_takes_no_other_pass(path, solver):
    settings = {"solver": solver, "early_stopping": True, "scoring": "balanced_accuracy"}
    settings |= {"learning_rate": "constant", "n_iter_no_change": 1, "max_iter": 99}
    whole = classifier(**settings).fit(X, y)
    assert whole._state.stop_reason == "patience"
    cut_off(path, whole.n_iter_, **settings)
    same_fit(Checkpoint(path).resume(classifier(**settings)).fit(X, y), whole)


@pytest.mark.parametrize("rate", [1e6, 1e20])
def test_a_fit_that_has_diverged_says_so_when_it_is_finished(path, rate):
    settings = {"solver": "sgd", "learning_rate": "constant", "learning_rate_init": rate}
    settings |= {"early_stopping": False, "temperature_scaling": False}
    with pytest.warns(ConvergenceWarning, match="diverged"):
        whole = classifier(**settings).fit(X, y)
    cut_off(path, whole.n_iter_, **settings)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        resumed = Checkpoint(path).resume(classifier(**settings)).fit(X, y)
    same_fit(resumed, whole)


@pytest.mark.parametrize("kind", [str, bytes, object, bool, float])
def test_labels_of_any_kind(path, kind):
    labels = (y > 0 if kind is bool else y).astype(str if kind is object else kind)
    labels = labels.astype(object) if kind is object else labels
    cut_off(path, data=(X, labels))
    resumed = Checkpoint(path).resume(classifier()).fit(X, labels)
    same_fit(resumed, classifier().fit(X, labels))
    assert_array_equal(resumed.predict(X), classifier().fit(X, labels).predict(X))


def test_weights_and_validation_rows_go_with_the_fit(path):
    arguments = {"sample_weight": np.linspace(0, 2, 300), "X_val": X[300:], "y_val": y[300:]}
    whole = classifier().fit(X[:300], y[:300], **arguments)
    clf = Checkpoint(path).resume(classifier())
    clf.set_callbacks(*clf._skl_callbacks, CutAfter(3))
    with pytest.raises(Cut):
        clf.fit(X[:300], y[:300], **arguments)
    again = Checkpoint(path).resume(classifier())
    with pytest.raises(ValueError, match="other values"):
        again.fit(X[:300], y[:300], **{**arguments, "sample_weight": np.ones(300)})
    same_fit(again.fit(X[:300], y[:300], **arguments), whole)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_solvers_on_all_rows_end_at_the_same_objective(path, solver):
    settings = {"solver": solver, "hidden_layer_sizes": (), "tol": 1e-8, "max_iter": 100}
    whole = classifier(**settings).fit(X, y)
    cut_off(path, 2, **settings)
    resumed = Checkpoint(path).resume(classifier(**settings))
    n_before = resumed._unfinished.state.n_iter
    resumed.fit(X, y)
    assert n_before == 2 and resumed.n_iter_ > 2
    assert_allclose(resumed.loss_, whole.loss_, atol=1e-6)
    assert resumed.loss_curve_[:2] == whole.loss_curve_[:2]


@pytest.mark.parametrize("n_passes", [1, 3])
def test_iterations_of_a_resumed_fit_count_against_max_iter(path, n_passes):
    settings = {"solver": "lbfgs", "max_iter": 3, "tol": 0.0}
    cut_off(path, n_passes, **settings)
    with pytest.warns(ConvergenceWarning, match="has not converged after 3 iterations"):
        resumed = Checkpoint(path).resume(classifier(**settings)).fit(X, y)
    assert resumed.n_iter_ == len(resumed.loss_curve_) == 3


def test_helpers_are_not_trained_again(path, monkeypatch):
    cut_off(path)

    whole = classifier().fit(X, y)
    monkeypatch.setattr(internals.held_out_fits, "HeldOutFits", None)  # which cannot be called
    same_fit(Checkpoint(path).resume(classifier()).fit(X, y), whole)


def test_helpers_are_over_when_the_first_checkpoint_is_written(path, monkeypatch):
    def complete(run, n_iter):
        run.state.target_iter = n_iter
        run.begin()
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(internals.run.Run, "complete", complete)
        with pytest.raises(Cut):
            Checkpoint(path).resume(classifier()).fit(X, y)
    resumed = Checkpoint(path).resume(classifier())
    assert resumed._unfinished.state.n_iter == 0
    same_fit(resumed.fit(X, y), classifier().fit(X, y))


def test_the_first_use_needs_no_file_and_a_finished_fit_resumes_nothing(path):
    clf = Checkpoint(path).resume(classifier()).fit(X, y)
    same_fit(clf, classifier().fit(X, y))
    again = Checkpoint(path).resume(classifier(alpha=2.0))
    assert "_unfinished" not in vars(again)
    same_fit(again.fit(X, y), classifier(alpha=2.0).fit(X, y))


@pytest.mark.parametrize("schedule", ["constant", "adaptive", "invscaling"])
@pytest.mark.parametrize("settings", [{}, {"temperature_scaling": False}, {"batch_size": 1000}])
def test_max_iter_may_grow(path, schedule, settings):
    settings = {"learning_rate": schedule, "tol": 0.0, **settings}
    cut_off(path, 1, max_iter=1, **settings)
    resumed = Checkpoint(path).resume(classifier(max_iter=11, **settings)).fit(X, y)
    same_fit(resumed, classifier(max_iter=11, **settings).fit(X, y))


@pytest.mark.parametrize("given", ["coefs_init", "intercepts_init", "both"])
@pytest.mark.parametrize("n_cuts", [1, 2])
def test_helpers_begin_at_the_given_values_where_max_iter_has_grown(path, given, n_cuts):
    """Helpers are networks of the whole fit: those of a grown one begin where it began."""
    settings = {"max_iter": 6, "learning_rate": "constant"}
    other = classifier(random_state=1).fit(X, y)
    values = {
        "coefs_init": [10.0 * W for W in other.coefs_],
        "intercepts_init": [b + 3.0 for b in other.intercepts_],
    }
    values = values if given == "both" else {given: values[given]}
    whole = classifier(**{**settings, "max_iter": 9}).fit(X, y, **values)
    for max_iter in (6, 9)[:n_cuts]:
        clf = Checkpoint(path).resume(classifier(**{**settings, "max_iter": max_iter}))
        clf.set_callbacks(*clf._skl_callbacks, CutAfter(2))
        with pytest.raises(Cut):
            clf.fit(X, y, **values)
    resumed = Checkpoint(path).resume(classifier(**{**settings, "max_iter": 9})).fit(X, y)
    assert resumed.temperature_ == whole.temperature_
    assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))


def test_helpers_say_again_when_to_stop_where_max_iter_has_grown(path):
    noise = np.random.default_rng(0).integers(3, size=len(y))
    settings = {"max_iter": 15, "alpha": 0.01}
    grown = classifier(**{**settings, "max_iter": 30})
    assert classifier(**settings).fit(X, noise).n_iter_ == 3  # the first of 3, 7, 15
    cut_off(path, 2, data=(X, noise), **settings)
    assert Checkpoint(path).resume(clone(grown)).fit(X, noise).n_iter_ == 6  # of 6, 14, 30
    cut_off(path, 10, data=(X, y), **settings)
    before = Checkpoint(path).resume(clone(grown))._unfinished.model.temperature
    resumed = Checkpoint(path).resume(clone(grown)).fit(X, y)
    assert resumed.n_iter_ in (14, 30) and resumed.temperature_ != before


def test_a_warm_fit_that_grows_keeps_its_temperature(path):
    # Helpers would have to begin where the fit before ended.
    settings = {"warm_start": True, "learning_rate": "constant"}
    clf = classifier(**settings).fit(X, y)
    cut_off(path, 2, clf=clf)
    grown = Checkpoint(path).resume(classifier(**{**settings, "max_iter": 12}))
    before = grown._unfinished.model.temperature
    grown.fit(X, y)
    assert grown.n_iter_ == 12 and grown.temperature_ == before != 1.0


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"alpha": 2.0}, r"alpha=1\.0 there, 2\.0 here"),
        ({"solver": "sgd"}, "solver='adam' there, 'sgd' here"),
        ({"hidden_layer_sizes": (16, 16)}, r"hidden_layer_sizes='\[16\]' there, '\[16, 16\]'"),
        ({"random_state": None}, "random_state=0 there, None here"),
        ({"class_weight": {0: 2.0}}, "class_weight=None there"),
        ({"max_iter": 7}, "max_iter=8 there, 7 here, which may be larger only"),
    ],
    ids=str,
)
@pytest.mark.parametrize("when", ["resume", "fit"])
def test_other_parameters_are_an_error_that_names_them(path, settings, message, when):
    cut_off(path)
    if when == "resume":
        with pytest.raises(ValueError, match=message):
            Checkpoint(path).resume(classifier(**settings))
    else:
        clf = Checkpoint(path).resume(classifier()).set_params(**settings)
        with pytest.raises(ValueError, match=message):
            clf.fit(X, y)
    same_fit(Checkpoint(path).resume(classifier(verbose=True)).fit(X, y), classifier().fit(X, y))


def test_parameters_that_are_not_valid_are_said_first(path):
    cut_off(path)
    with pytest.raises(ValueError, match="The 'max_iter' parameter"):
        Checkpoint(path).resume(classifier(max_iter="many"))


@pytest.mark.parametrize(
    "data, message",
    [
        ((X[1:], y[1:]), "its rows were 400, these are 399"),
        ((X[:, 1:], y), "its features were 10, these are 9"),
        ((X, y + 1), r"its classes were \[0, 1, 2\], these are \[1, 2, 3\]"),
        ((X[::-1], y), "other values"),
        ((X, y[::-1]), "other values"),
        ((X.astype(np.float32), y), "other values"),
    ],
)
def test_other_data_are_an_error_that_says_what_differs(path, data, message):
    cut_off(path)
    clf = Checkpoint(path).resume(classifier())
    with pytest.raises(ValueError, match=message):
        clf.fit(*data)
    same_fit(clf.fit(X, y), classifier().fit(X, y))


def test_numbers_are_the_same_in_any_type(path):
    there = {"alpha": np.float64(2.0), "hidden_layer_sizes": 16, "class_weight": {0: 2, 1: 1.0}}
    here = {"alpha": 2, "hidden_layer_sizes": np.array([16])}
    here["class_weight"] = {np.int64(1): 1, 0: np.float32(2)}
    cut_off(path, **there)
    same_fit(Checkpoint(path).resume(classifier(**here)).fit(X, y), classifier(**there).fit(X, y))


class Scorer:
    def __call__(self, estimator, rows, labels):
        return estimator.score(rows, labels)


@pytest.mark.parametrize(
    "scorer",
    [
        lambda estimator, rows, labels: estimator.score(rows, labels),
        Scorer(),
        partial(Scorer(), rows=X, labels=y),
        make_scorer(partial(fbeta_score, beta=2.0, average="macro")),
    ],
)
def test_callables_among_the_parameters_are_known_again_in_another_process(path, scorer):
    assert "0x" not in comparable(scorer)
    assert comparable(scorer) == comparable(copy.deepcopy(scorer))


def test_pipelines_are_resumed_by_their_last_step(path):
    def pipeline():
        return make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), classifier()))

    whole = pipeline().fit(X, y)
    resumed = Checkpoint(path).resume(pipeline())
    last = resumed[-1][-1]
    last.set_callbacks(*last._skl_callbacks, CutAfter(3))
    with pytest.raises(Cut):
        resumed.fit(X, y)
    resumed = Checkpoint(path).resume(pipeline())
    assert resumed[-1][-1]._unfinished.state.n_iter == 3
    same_fit(resumed.fit(X, y)[-1][-1], whole[-1][-1])


@pytest.mark.parametrize("estimator", [StandardScaler(), make_pipeline(StandardScaler())], ids=str)
def test_only_our_classifier_can_be_resumed(path, estimator):
    with pytest.raises(TypeError, match=r"callback of SoftmaxMLPClassifier.* got StandardScaler"):
        Checkpoint(path).resume(estimator)


def test_a_pipeline_itself_cannot_have_the_callback(path):
    pipeline = make_pipeline(StandardScaler(), classifier())
    with pytest.raises(TypeError, match=r"Checkpoint\(path\)\.resume\(pipeline\)"):
        pipeline.set_callbacks(Checkpoint(path)).fit(X, y)


def test_other_callbacks_are_kept_and_an_old_checkpoint_is_not(path):
    other = CutAfter(1)
    clf = classifier().set_callbacks(Checkpoint("elsewhere"), other)
    checkpoint = Checkpoint(path)
    assert checkpoint.resume(clf)._skl_callbacks == [other, checkpoint]


def test_a_file_belongs_to_the_fit_that_wrote_it(path):
    cut_off(path)
    content = path.read_bytes()
    for clf in (classifier().set_callbacks(Checkpoint(path)), clone(classifier())):
        clf.set_callbacks(Checkpoint(path))
        with pytest.raises(ValueError, match=r"belongs to another fit.*in process.*in process"):
            clf.fit(X, y)
    assert path.read_bytes() == content


def test_of_two_fits_of_one_file_the_second_to_write_raises(path):
    class FitAnother(CutAfter):
        def on_fit_task_end(self, estimator, context):
            self.n_left -= not of_held_out_fits(context)
            if self.n_left == 0:
                path.unlink()
                cut_off(path)

    clf = Checkpoint(path).resume(classifier())
    clf.set_callbacks(*clf._skl_callbacks, FitAnother(3))
    with pytest.raises(ValueError, match="belongs to another fit"):
        clf.fit(X, y)
    assert not hasattr(clf, "classes_")
    same_fit(Checkpoint(path).resume(classifier()).fit(X, y), classifier().fit(X, y))


def test_what_was_resumed_before_the_file_went_on_is_stale(path):
    cut_off(path)
    early = Checkpoint(path).resume(classifier())
    cut_off(path, 2)
    with pytest.raises(ValueError, match="belongs to another fit, that is unfinished"):
        early.fit(X, y)


def test_a_fit_that_is_running_cannot_be_resumed(path):
    class Resume(CutAfter):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                second = Checkpoint(path).resume(classifier())
                with pytest.raises(ValueError, match=r"fit, that is running: .*Wait for it"):
                    second.fit(X, y)

    clf = Checkpoint(path).resume(classifier())
    clf.set_callbacks(*clf._skl_callbacks, Resume(0)).fit(X, y)
    same_fit(clf.set_callbacks(), classifier().fit(X, y))


def test_file_systems_without_locks_will_do(path, monkeypatch):
    def flock(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    cut_off(path)
    monkeypatch.setattr(internals.checkpoint_file, "fcntl", None)
    same_fit(Checkpoint(path).resume(classifier()).fit(X, y), classifier().fit(X, y))


def test_clones_one_after_another_share_a_path(path):
    clf = classifier().set_callbacks(Checkpoint(path))
    scores = cross_val_score(clf, X, y, error_score="raise")
    assert_array_equal(scores, cross_val_score(classifier(), X, y))


def test_clones_side_by_side_do_not(path):
    class Together(Checkpoint):
        """Both have tried to write before either goes on."""

        def on_fit_task_begin(self, estimator, context, *, X=None):
            try:
                super().on_fit_task_begin(estimator, context, X=X)
            finally:
                if context.task_name == "epoch" and context.task_id == 0:
                    barrier.wait(timeout=60)

    barrier = Barrier(2)
    clf = classifier().set_callbacks(Together(path))
    with parallel_config("threading"):
        with pytest.warns(FitFailedWarning, match="belongs to another fit"):
            scores = cross_val_score(clf, X, y, n_jobs=2, cv=2)
    assert np.isnan(scores).sum() == 1


def test_an_interrupted_fit_is_published_and_can_be_resumed_too(path):
    class Interrupt(CutAfter):
        def on_fit_task_end(self, estimator, context):
            try:
                super().on_fit_task_end(estimator, context)
            except Cut:
                raise KeyboardInterrupt from None

    clf = classifier()
    clf.set_callbacks(Checkpoint(path), Interrupt(3))
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    assert clf.score(X, y) > 0.5  # of the held-out network, which was further
    clf.set_callbacks()
    same_fit(Checkpoint(path).resume(clf).fit(X, y), classifier().fit(X, y))


def test_a_fit_that_begins_while_another_writes_leaves_its_temporary_file_alone(path, monkeypatch):
    replace, others = os.replace, []

    def fit_another(*args):
        monkeypatch.setattr(os, "replace", replace)
        others.append(Checkpoint(path).resume(classifier()).fit(X, y))
        replace(*args)

    monkeypatch.setattr(os, "replace", fit_another)
    clf, whole = Checkpoint(path).resume(classifier()).fit(X, y), classifier().fit(X, y)
    same_fit(clf, whole)
    same_fit(others[0], whole)


def test_the_temporary_file_of_a_fit_that_was_killed_goes_when_it_is_resumed(path):
    cut_off(path)
    fit = json.loads(path.read_bytes().split(b"\n")[1])["fit"]
    left = path.with_name(f".{path.name}.{fit}.tmp")
    left.touch()
    Checkpoint(path).resume(classifier()).fit(X, y)
    assert not left.exists()


def test_the_path_is_kept_when_the_working_directory_changes(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    clf = Checkpoint(b"fit").resume(classifier())
    monkeypatch.chdir("elsewhere")
    clf.fit(X, y)
    assert (tmp_path / "fit").exists() and not (tmp_path / "elsewhere" / "fit").exists()
    assert Checkpoint("~/fit").path == Checkpoint("../fit").path


def test_a_resumed_fit_is_resumed_once(path):
    cut_off(path)
    clf = Checkpoint(path).resume(classifier()).fit(X, y).fit(X, y)
    same_fit(clf, classifier().fit(X, y))
    cut_off(path)
    Checkpoint(path).resume(clf)
    path.unlink()
    assert "_unfinished" not in vars(Checkpoint(path).resume(clf))


def test_a_resumed_fit_that_fails_can_be_finished_all_the_same(path):
    cut_off(path)
    clf = Checkpoint(path).resume(classifier()).set_callbacks(CutAfter(2))
    for _ in range(2):  # not from where it has come to: nothing has kept that
        with pytest.raises(Cut):
            clf.fit(X, y)
    same_fit(clf.set_callbacks().fit(X, y), classifier().fit(X, y))


def test_a_shared_random_state_moves_on_as_in_the_first_fit(path):
    whole, resumed = np.random.RandomState(0), np.random.RandomState(0)
    classifier(random_state=whole).fit(X, y)
    cut_off(path, random_state=np.random.RandomState(0))
    clf = Checkpoint(path).resume(classifier(random_state=resumed)).fit(X, y)
    assert whole.randint(1000) == resumed.randint(1000)
    same_fit(clf, classifier(random_state=np.random.RandomState(0)).fit(X, y))


def test_temperatures_are_fitted_for_no_checkpoint(path, monkeypatch):

    fit_temperature, n_calls = internals.run.fit_temperature, []

    def count(*args):
        n_calls.append(1)
        return fit_temperature(*args)

    monkeypatch.setattr(internals.run, "fit_temperature", count)
    Checkpoint(path).resume(classifier(early_stopping=True, validation_fraction=0.2)).fit(X, y)
    assert len(n_calls) == 1


def test_a_directory_that_cannot_be_written_is_an_error_before_helpers_are_asked(
    path, monkeypatch
):
    def touch(self):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.touch", touch)
    monkeypatch.setattr(internals.held_out_fits, "HeldOutFits", None)  # which cannot be called
    with pytest.raises(PermissionError):
        Checkpoint(path).resume(classifier()).fit(X, y)


def test_a_stream_is_refused(path):
    clf = classifier().set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match="Checkpoint is for fit, got partial_fit"):
        clf.partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.parametrize("every", [0, -1, 1.5, True, "1"])
def test_every_is_a_number_of_passes(every):
    with pytest.raises(ValueError, match="every must be an integer >= 1"):
        Checkpoint("x", every)


def test_a_directory_that_does_not_exist_is_an_error_before_the_fit(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no directory"):
        Checkpoint(tmp_path / "no" / "fit").resume(classifier()).fit(X, y)


@pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
def test_what_is_no_regular_file_is_an_error_before_anything_is_read(tmp_path, kind):
    """A device may have no end, and a pipe no beginning."""
    other = {"device": Path("/dev/zero"), "pipe": tmp_path / "pipe", "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(other)
    with pytest.raises(ValueError, match=f"is a regular file, and {other} is none"):
        Checkpoint(other).resume(classifier())
    with pytest.raises(ValueError, match=f"is a regular file, and {other} is none"):
        classifier().set_callbacks(Checkpoint(other)).fit(X, y)


def test_without_skops_the_error_says_what_to_install(path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skops.io", None)
    with pytest.raises(ImportError, match=r"pip install skops"):
        Checkpoint(path).resume(classifier()).fit(X, y)


def test_the_callback_can_be_sent_to_another_process(path):
    class Send(CutAfter):
        def on_fit_task_end(self, estimator, context):
            assert vars(pickle.loads(pickle.dumps(checkpoint))) == {"path": path, "every": 3}

    checkpoint = Checkpoint(path, 3)
    classifier().set_callbacks(checkpoint, Send(0)).fit(X, y)
    again = pickle.loads(pickle.dumps(checkpoint))
    assert repr(again) == repr(checkpoint) == f"Checkpoint({str(path)!r}, every=3)"


def test_one_estimator_in_two_threads_has_two_fits(path):
    class FitInAnotherThread(CutAfter):
        def on_fit_task_end(self, estimator, context):
            self.n_left -= not of_held_out_fits(context)
            if self.n_left == 0:
                with ThreadPoolExecutor(1) as thread:
                    refused.append(thread.submit(clf.fit, X, y).exception())

    clf, refused = Checkpoint(path).resume(classifier()), []
    clf.set_callbacks(*clf._skl_callbacks, FitInAnotherThread(3)).fit(X, y)
    assert [type(error) for error in refused] == [ValueError]
    assert "belongs to another fit" in str(refused[0])
    same_fit(clf.set_callbacks(), classifier().fit(X, y))


def test_each_checkpoint_of_an_estimator_has_a_file_of_its_own(path):
    often, seldom = Checkpoint(path), Checkpoint(path.with_name("seldom.skmax"), every=3)
    clf = classifier().set_callbacks(often, seldom, CutAfter(5))
    with pytest.raises(Cut):
        clf.fit(X, y)
    for checkpoint, n_passes in ((often, 5), (seldom, 3)):
        resumed = checkpoint.resume(classifier())
        assert resumed._unfinished.state.n_iter == n_passes
        same_fit(resumed.fit(X, y), classifier().fit(X, y))


def test_an_estimator_that_is_about_to_resume_can_be_stored(path):
    cut_off(path)
    clf = pickle.loads(pickle.dumps(Checkpoint(path).resume(classifier())))
    same_fit(clf.fit(X, y), classifier().fit(X, y))


def test_a_file_has_no_pickle_and_no_type_to_trust(path):
    import skops.io

    cut_off(path, early_stopping=True)
    assert skops.io.get_untrusted_types(file=path) == []
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert {name.rsplit(".")[-1] for name in archive.namelist()} == {"json", "npy"}


# Corruption


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "fit.skmax"
    cut_off(path, hidden_layer_sizes=(4,))
    return path.read_bytes()


def test_no_bit_can_flip_unnoticed(path, content):
    rng = np.random.default_rng(0)
    n_bits = 8 * len(content)
    first = np.arange(8 * content.index(b"skops"))  # whatever is not of the archive
    for bit in np.concatenate([first[:1000], rng.integers(n_bits, size=1000)]):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged, or no checkpoint"):
            Checkpoint(path).resume(classifier(hidden_layer_sizes=(4,)))


def test_no_truncation_goes_unnoticed(path, content):
    for length in np.linspace(0, len(content) - 1, 500).astype(int):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="is damaged, or no checkpoint"):
            Checkpoint(path).resume(classifier(hidden_layer_sizes=(4,)))


def test_a_file_of_another_format_is_said_to_be_one(path, content):
    path.write_bytes(content.replace(b"skmax checkpoint 1 ", b"skmax checkpoint 2 "))
    with pytest.raises(ValueError, match="it says that it is of format 2"):
        Checkpoint(path).resume(classifier(hidden_layer_sizes=(4,)))


WHOSE = b'{"fit": "1", "name": "x", "finished": false}\n'


@pytest.mark.parametrize(
    ("header", "held", "message"),
    [
        (b"{}\n", {}, "does not say whose checkpoint it is"),
        (b"[]\n", {}, "does not say whose checkpoint it is"),
        (WHOSE, {}, "holds no unfinished fit, got a dict"),
        (WHOSE, {"class": "Modul"}, "it names 'Modul', which is none of"),
        (WHOSE, {"class": "Unfinished"}, "a Unfinished lacks model, n_rows, parameters, state"),
        (WHOSE, {"class": "Unfinished", "version": 4}, "is of format version 4"),
    ],
)
def test_what_has_its_checksum_but_is_no_unfinished_fit_is_refused(path, header, held, message):
    import skops.io

    internals.CheckpointFile(path, "x").replace(header + skops.io.dumps(held))
    with pytest.raises(ValueError, match=message):
        Checkpoint(path).resume(classifier())


def test_a_damaged_file_is_not_overwritten(path, content):
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="is damaged, or no checkpoint"):
        classifier().set_callbacks(Checkpoint(path)).fit(X, y)
    assert path.read_bytes() == content[:-1]


def test_a_file_of_foreign_types_is_refused(path):
    import skops.io

    payload = skops.io.dumps({"class": "Model", "params": Checkpoint("x")})
    header = b'{"fit": "1", "name": "x", "finished": false}\n'
    internals.CheckpointFile(path, "x").replace(header + payload)
    kind = f"holds what no checkpoint does: .*{Checkpoint.__module__}"
    with pytest.raises(ValueError, match=kind):
        Checkpoint(path).resume(classifier())


# Faults of the disk


class Disk:
    """Fails at the n-th of the steps that write checkpoints, in a way of its own."""

    def __init__(self, monkeypatch, n, fault):
        self.n_left, self.fault = n, fault
        for name in ("fsync", "replace"):
            monkeypatch.setattr(os, name, self.failing(getattr(os, name)))
        monkeypatch.setattr(internals.checkpoint_file, "open", self.open, raising=False)

    def failing(self, function):
        def call(*args):
            self.step()
            return function(*args)

        return call

    def step(self):
        self.n_left -= 1
        if self.n_left == 0:
            raise self.fault

    def open(self, path, mode, **options):
        self.step()
        file = open(path, mode, **options)
        if mode == "wb":
            file.write = self.failing(file.write)
        return file


def n_steps(monkeypatch, path):
    with monkeypatch.context() as patch:
        clf, disk = Checkpoint(path).resume(classifier(max_iter=3)), Disk(patch, -1, None)
        clf.fit(X, y)
    path.unlink()
    return -1 - disk.n_left


def test_a_full_disk_costs_a_checkpoint_but_not_the_fit(path, monkeypatch):
    whole = classifier(max_iter=3).fit(X, y)
    n, n_first = n_steps(monkeypatch, path), 1 + 7
    # Whose file is it? For each checkpoint: still ours? open, write, fsync, lock, rename, fsync;
    # the last one, of a finished fit, is not locked.
    assert n == n_first + 4 * 7 - 1
    full = OSError(errno.ENOSPC, "No space left on device")
    for k in range(1, n + 1):
        path.unlink(missing_ok=True)
        clf = Checkpoint(path).resume(classifier(max_iter=3))
        with monkeypatch.context() as patch:
            Disk(patch, k, full)
            if k <= n_first:  # there is no good file yet
                with pytest.raises(OSError, match="No space left"):
                    clf.fit(X, y)
                assert not hasattr(clf, "classes_")
            else:
                with pytest.warns(RuntimeWarning, match="No space left.*The fit goes on"):
                    clf.fit(X, y)
                same_fit(clf, whole)
        same_fit(Checkpoint(path).resume(classifier(max_iter=3)).fit(X, y), whole)


def test_a_power_cut_at_any_step_leaves_a_good_file(path, monkeypatch):
    whole = classifier(max_iter=3).fit(X, y)
    for k in range(1, n_steps(monkeypatch, path) + 1):
        path.unlink(missing_ok=True)
        clf = Checkpoint(path).resume(classifier(max_iter=3))
        with monkeypatch.context() as patch:
            Disk(patch, k, Cut())
            with pytest.raises(Cut):
                clf.fit(X, y)
        same_fit(Checkpoint(path).resume(classifier(max_iter=3)).fit(X, y), whole)


def test_without_locks_no_file_is_open_while_one_is_replaced(path, monkeypatch):
    """Where there are no locks, on Windows, the system renames no file that is open."""
    replace, opened = os.replace, []

    def note(*args, **options):
        opened.append(open(*args, **options))
        return opened[-1]

    def replace_closed(*args):
        assert all(file.closed for file in opened)
        replace(*args)

    monkeypatch.setattr(internals.checkpoint_file, "fcntl", None)
    monkeypatch.setattr(internals.checkpoint_file, "open", note, raising=False)
    monkeypatch.setattr(os, "replace", replace_closed)
    Checkpoint(path).resume(classifier()).fit(X, y)
    assert len(opened) >= 9  # for each pass, and for the first checkpoint


class ForkAfter(CutAfter):
    """Callback that forks a child which outlives the fit as a data loader may, and cuts it off."""

    def on_fit_task_end(self, estimator, context):
        if self.n_left == 1 and not of_held_out_fits(context):
            self.reader, self.writer = os.pipe()
            self.child = os.fork()
            if self.child == 0:
                os.close(self.writer)
                os.read(self.reader, 1)  # until the test closes its end
                os._exit(0)
        super().on_fit_task_end(estimator, context)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fit_is_resumed_though_a_child_that_it_forked_lives_on(path):
    clf, forking = Checkpoint(path).resume(classifier()), ForkAfter(2)
    clf.set_callbacks(*clf._skl_callbacks, forking)
    with pytest.raises(Cut):
        clf.fit(X, y)
    try:
        resumed = Checkpoint(path).resume(classifier()).fit(X, y)
    finally:
        os.close(forking.writer)
        os.waitpid(forking.child, 0)
        os.close(forking.reader)
    same_fit(resumed, classifier().fit(X, y))


def test_a_file_that_others_put_there_meanwhile_is_left_alone(path):
    class Replace(CutAfter):
        def on_fit_task_end(self, estimator, context):
            if of_held_out_fits(context):
                return
            if self.n_left == 1:
                path.write_bytes(b"of somebody else")
            self.n_left -= 1

    clf = Checkpoint(path).resume(classifier())
    clf.set_callbacks(Replace(2), *clf._skl_callbacks)
    with pytest.raises(ValueError, match=r"is damaged, or no checkpoint.*It is left as it is"):
        clf.fit(X, y)
    assert path.read_bytes() == b"of somebody else"


# Kills


@pytest.mark.parametrize("solver", SETTINGS)
def test_kill_9_at_random_moments(solver, tmp_path):
    assert kill_and_finish(solver, tmp_path, n_kills=5, seed=0) >= 5
