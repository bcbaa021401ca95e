"""A fit on a cluster has callbacks, validation rows and interruptions as one in memory has."""

import numpy as np
import pytest
from factories import chunked, cluster
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification

from skmax import SoftmaxMLPClassifier, TimeLimit, ValidationMonitor
from skmax.dask import DaskSoftmaxMLPClassifier

X, y = make_classification(600, 8, n_informative=5, n_classes=3, random_state=0)
X, y, X_val, y_val = X[:500], y[:500], X[500:], y[500:]
PARTS = chunked(X, 3), chunked(y, 3)
VALIDATION = {"X_val": X_val, "y_val": y_val}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module", autouse=True)
def client():
    with cluster() as client:
        yield client


def local(**settings):
    settings = {"solver": "lbfgs", "temperature_scaling": False, **settings}
    return SoftmaxMLPClassifier((6,), max_iter=8, random_state=0, **settings)


def distributed(**settings):
    return DaskSoftmaxMLPClassifier((6,), max_iter=8, random_state=0, **settings)


class Recorder:
    """Keeps the estimator of each iteration; stops or interrupts after some of them."""

    def __init__(self, n_iter=None, interrupts=False):
        self.n_iter, self.interrupts, self.shown, self.names = n_iter, interrupts, [], []

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.names.append(context.task_name)
        if context.task_name == "iteration":
            self.shown.append(fitted_estimator)
            if len(self.shown) == self.n_iter and self.interrupts:
                raise KeyboardInterrupt
            return len(self.shown) == self.n_iter


def test_callbacks_see_each_iteration_and_change_nothing():
    recorder = Recorder()
    clf = distributed().set_callbacks(recorder).fit(*PARTS)
    assert recorder.names == ["iteration"] * clf.n_iter_ + ["fit"]
    assert_array_equal(clf.coefs_[0], distributed().fit(*PARTS).coefs_[0])
    assert_array_equal(recorder.shown[-1].coefs_[0], clf.coefs_[0])


def test_a_request_to_stop_ends_a_fit_as_it_was_shown():
    recorder = Recorder(3)
    clf = distributed().set_callbacks(recorder).fit(*PARTS)
    assert clf.n_iter_ == 3
    assert_array_equal(clf.coefs_[0], recorder.shown[-1].coefs_[0])


def test_a_held_out_fit_is_a_task_of_its_own():
    recorder = Recorder()
    clf = distributed(temperature_scaling=True).set_callbacks(recorder).fit(*PARTS)
    n_held_out = recorder.names.index("held-out fits")
    assert set(recorder.names[:n_held_out]) == {"held-out iteration"}
    assert recorder.names[n_held_out + 1 :] == ["iteration"] * clf.n_iter_ + ["fit"]


def test_an_interrupted_fit_is_published_with_the_best_so_far(client):
    recorder = Recorder(4, interrupts=True)
    clf = distributed().set_callbacks(recorder)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*PARTS)
    assert clf.n_iter_ == len(clf.loss_curve_) == 4
    assert_allclose(clf.loss_, min(clf.loss_curve_), rtol=1e-12)


@pytest.mark.parametrize("settings", [{}, {"class_weight": {0: 2.0}}, {"early_stopping": True}])
def test_validation_rows_are_recorded_and_judged_by_as_in_memory(settings):
    settings = {**settings, "temperature_scaling": True}
    given = VALIDATION | {"sample_weight_val": np.arange(100.0)}
    expected = local(**settings).fit(X, y, **given)
    clf = distributed(**settings).fit(*PARTS, **given).to_local()
    assert_allclose(clf.validation_loss_curve_, expected.validation_loss_curve_, rtol=1e-9)
    assert_allclose(clf.temperature_, expected.temperature_, rtol=1e-6)


def test_validation_rows_on_the_cluster_are_gathered():
    parts = {name: chunked(value, 2) for name, value in VALIDATION.items()}
    clf, expected = distributed().fit(*PARTS, **parts), distributed().fit(*PARTS, **VALIDATION)
    assert clf.to_local().validation_scores_ == expected.to_local().validation_scores_


def test_early_stopping_needs_validation_rows():
    with pytest.raises(ValueError, match="early_stopping=True needs validation rows here"):
        distributed(early_stopping=True).fit(*PARTS)


def test_a_validation_monitor_scores_each_iteration():
    monitor = ValidationMonitor(X_val, y_val)
    clf = distributed().set_callbacks(monitor).fit(*PARTS, **VALIDATION)
    losses = [record["loss"] for record in monitor.get_logs()]
    assert_allclose(losses, clf.to_local().validation_loss_curve_, rtol=1e-9)


def test_a_time_limit_ends_a_fit():
    clf = distributed().set_callbacks(TimeLimit(1e-9)).fit(*PARTS)
    assert clf.n_iter_ == 1
