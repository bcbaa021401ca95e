"""Scores of held-out rows after each pass, wherever the fit runs."""

import copy
import gc
import pickle

import numpy as np
import pytest
from factories import three_classes
from internals import OWN_COLUMNS
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.callback import ScoringMonitor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmax import SoftmaxMLPClassifier, ValidationMonitor

X, y = three_classes()
X, y, X_val, y_val = X[:300], y[:300], X[300:], y[300:]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**settings):
    defaults = {"max_iter": 6, "learning_rate": "constant", "random_state": 0}
    return SoftmaxMLPClassifier((8,), **{**defaults, **settings})


@pytest.mark.parametrize("weight", [None, np.linspace(0, 1, 100)], ids=["", "weights"])
def test_it_records_what_the_estimator_itself_does(weight):
    monitor = ValidationMonitor(
        X_val, y_val, scoring=["loss", "balanced_accuracy"], sample_weight_val=weight
    )
    clf = classifier(scoring="balanced_accuracy", temperature_scaling=False)
    clf.set_callbacks(monitor).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    frame = monitor.to_frame()
    assert_array_equal(frame["epoch"], range(1, clf.n_iter_ + 1))
    assert_array_equal(frame["balanced_accuracy"], clf.validation_scores_)
    # The fit computes in float32, the published parameters are float64.
    assert_allclose(frame["loss"], clf.validation_loss_curve_, rtol=1e-5)


def test_rows_without_some_class_have_a_loss():
    monitor = ValidationMonitor(X_val[y_val == 1], y_val[y_val == 1])
    clf = classifier().set_callbacks(monitor).fit(X, y)
    last = monitor.get_logs()[-1]["loss"]
    assert_allclose(last, -clf.predict_log_proba(X_val[y_val == 1])[:, 1].mean())


@pytest.mark.parametrize(
    "scoring, columns",
    [
        ("accuracy", ["accuracy"]),
        (lambda estimator, X, y: 0.5, ["score"]),
        (("loss", "accuracy"), ["loss", "accuracy"]),
        (
            {"recall": make_scorer(recall_score, average="macro"), "loss": "loss"},
            ["recall", "loss"],
        ),
    ],
)
def test_scoring_of_any_kind(scoring, columns):
    monitor = ValidationMonitor(X_val, y_val, scoring=scoring)
    assert list(monitor.to_frame().columns) == ["run", "task", "estimator", "epoch", *columns]
    classifier().set_callbacks(monitor).fit(X, y)
    frame = monitor.to_frame()
    assert list(frame.columns) == ["run", "task", "estimator", "epoch", *columns]
    assert np.isfinite(frame[columns].to_numpy()).all()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_it_stops_a_fit_that_no_longer_improves(solver):
    monitor = ValidationMonitor(X_val, y_val, stop_on="loss", n_iter_no_change=3)
    clf = classifier(solver=solver, max_iter=500, alpha=1e-6)
    clf.set_callbacks(monitor).fit(X, y)
    loss = np.array([record["loss"] for record in monitor.get_logs()])
    assert len(loss) == clf.n_iter_ < 500
    best = np.minimum.accumulate(loss)
    improved = np.append(True, loss[1:] <= best[:-1] - monitor.tol)
    assert improved[-4] and not improved[-3:].any()
    runs = "".join(str(int(i)) for i in improved)
    assert runs.index("000") == len(runs) - 3


def test_a_score_is_better_when_it_is_greater():
    scores = iter([0.1, 0.3, 0.2, 0.3, 0.4, 0.4])
    monitor = ValidationMonitor(
        X_val, y_val, scoring=lambda *_: next(scores), stop_on="score", n_iter_no_change=2
    )
    assert classifier().set_callbacks(monitor).fit(X, y).n_iter_ == 4


def test_every_n_th_pass():
    monitor = ValidationMonitor(X_val, y_val, every=4)
    classifier(max_iter=10).set_callbacks(monitor).fit(X, y)
    assert [record["epoch"] for record in monitor.get_logs()] == [4, 8]


def test_partial_fit_goes_on_counting():
    monitor = ValidationMonitor(X_val, y_val)
    clf = classifier().set_callbacks(monitor)
    for _ in range(3):
        clf.partial_fit(X, y, [0, 1, 2])
    assert [record["epoch"] for record in monitor.get_logs("all")] == [1, 2, 3]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_no_row_of_a_grid_search_is_lost(n_jobs):
    monitor = ValidationMonitor(X_val, y_val, scoring="accuracy")
    rows = ScoringMonitor(scoring="accuracy")
    clf = classifier(early_stopping=False, max_iter=5).set_callbacks(monitor, rows)
    search = GridSearchCV(clf, {"alpha": [0.1, 1.0]}, cv=4, n_jobs=n_jobs, refit=False)
    search.fit(X, y)
    frame = monitor.to_frame()
    assert len(frame) == 2 * 4 * 5
    logs = rows.get_logs(select="all")
    assert sum(row["task_name"] == "epoch" for log in logs for row in log.data) == 40
    assert frame["run"].nunique() == 1 and frame["task"].nunique() == 8
    counts = frame.groupby("estimator").size()
    assert (counts == 20).all() and ["alpha=0.1" in name for name in counts.index] == [True, False]
    candidate = frame["task"].str[-1] // search.n_splits_  # as get_logs says
    assert ["alpha=0.1" in name for name in frame["estimator"]] == (candidate == 0).tolist()


def test_fits_of_a_cross_validation_are_runs_of_their_own():
    monitor = ValidationMonitor(X_val, y_val)
    cross_validate(classifier().set_callbacks(monitor), X, y, cv=3)
    assert len(monitor.get_logs("all")) == 18
    assert len(monitor.get_logs()) == 6


def test_in_a_pipeline_the_rows_are_those_of_the_step():
    scaler = StandardScaler().fit(X)
    monitor = ValidationMonitor(scaler.transform(X_val), y_val, scoring="accuracy")
    pipeline = make_pipeline(StandardScaler(), classifier().set_callbacks(monitor))
    pipeline.fit(X, y)
    assert_allclose(monitor.get_logs()[-1]["accuracy"], pipeline.score(X_val, y_val))


def test_other_estimators_with_callbacks_can_be_monitored():
    monitor = ValidationMonitor(X_val, y_val)
    LogisticRegression(max_iter=50).set_callbacks(monitor).fit(X, y)
    loss = [record["loss"] for record in monitor.get_logs()]
    assert len(loss) > 3 and loss[-1] < loss[0]


def test_bad_arguments_are_errors_at_once():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ValidationMonitor(X_val, y_val[1:])
    with pytest.raises(ValueError, match=r"stop_on must be one of \['loss'\], got 'accuracy'"):
        ValidationMonitor(X_val, y_val, stop_on="accuracy")
    for settings in ({"every": 0}, {"n_iter_no_change": 1.5}):
        with pytest.raises(ValueError, match=r"must be an integer >= 1, got"):
            ValidationMonitor(X_val, y_val, **settings)
    with pytest.raises(ValueError, match="select must be"):
        ValidationMonitor(X_val, y_val).get_logs("last")
    for weight in (np.zeros(100), -np.ones(100), np.full(100, np.nan)):
        with pytest.raises(ValueError, match="sample_weight_val"):
            ValidationMonitor(X_val, y_val, sample_weight_val=weight)


@pytest.mark.parametrize(
    "scoring",
    [
        *(None, 3, [], {}, [make_scorer(recall_score)], {"recall": None}, {1: "accuracy"}),
        *({"loss": "loss", taken: "accuracy"} for taken in OWN_COLUMNS),
    ],
    ids=str,
)
def test_what_cannot_be_recorded_is_an_error_at_once(scoring):
    with pytest.raises(ValueError, match=r"scoring must be .*, got .*\."):
        ValidationMonitor(X_val, y_val, scoring=scoring)


@pytest.mark.parametrize(
    "around",
    [
        lambda clf: make_pipeline(StandardScaler(), clf),
        lambda clf: GridSearchCV(clf, {"alpha": [1.0]}, cv=2),
    ],
    ids=["pipeline", "search"],
)
def test_it_belongs_to_the_classifier_and_not_to_what_is_around(around):
    # There it would be told of tasks, but be shown no fitted estimator: no record.
    monitor = ValidationMonitor(X_val, y_val)
    with pytest.raises(TypeError, match=r"set it on the estimator within.*got (Pipeline|Grid)"):
        around(classifier()).set_callbacks(monitor).fit(X, y)
    around(classifier().set_callbacks(monitor)).fit(X, y)
    assert monitor.get_logs()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"scoring": "no such"}, "no such"),
        ({"y_val": y_val + 1}, "3"),
    ],
)
def test_bad_scorers_and_labels_are_errors_of_the_fit_which_keeps_the_old_model(settings, message):
    clf = classifier().fit(X, y)
    before = clf._model
    monitor = ValidationMonitor(**{"X_val": X_val, "y_val": y_val, **settings})
    with pytest.raises(ValueError, match=message):
        clf.set_callbacks(monitor).fit(X, y)
    assert clf._model is before


def test_a_temporary_folder_goes_with_the_monitor_but_not_with_a_copy():
    monitor = ValidationMonitor(X_val, y_val)
    folder = monitor.folder
    classifier().set_callbacks(pickle.loads(pickle.dumps(monitor))).fit(X, y)
    assert len(monitor.get_logs()) == 6
    gc.collect()
    assert folder.exists()
    del monitor
    gc.collect()
    assert not folder.exists()


def test_a_folder_of_ones_own_stays_and_half_a_line_is_none(tmp_path):
    classifier().set_callbacks(ValidationMonitor(X_val, y_val, folder=tmp_path / "logs")).fit(X, y)
    gc.collect()
    again = ValidationMonitor(X_val, y_val, folder=str(tmp_path / "logs"))
    assert len(again.get_logs()) == 6
    (file,) = again.folder.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert len(again.get_logs()) == 5


def test_without_pandas_the_records_are_there(monkeypatch):
    monitor = ValidationMonitor(X_val, y_val)
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    assert monitor.get_logs() == []
    with pytest.raises(ImportError, match="pip install pandas"):
        monitor.to_frame()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_a_temporary_folder_stays_as_long_as_any_copy(copied):
    monitor = ValidationMonitor(X_val, y_val)
    folder, twin = monitor.folder, copied(monitor)
    # By pickles: scikit-learn's cache of hooks would keep the monitor itself.
    classifier().set_callbacks(pickle.loads(pickle.dumps(monitor))).fit(X, y)
    del monitor
    gc.collect()
    assert len(twin.get_logs()) == 6
    classifier().set_callbacks(pickle.loads(pickle.dumps(twin))).fit(X, y)
    assert len(twin.get_logs("all")) == 12
    del twin
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e307])
def test_no_sum_of_weights_overflows_or_vanishes(scale):
    weight = np.array([1.0, 2.0] * 50)
    plain, scaled = (
        ValidationMonitor(X_val, y_val, scoring=["loss", "accuracy"], sample_weight_val=w)
        for w in (weight, weight * scale)
    )
    classifier().set_callbacks(plain, scaled).fit(X, y)
    for one, other in zip(plain.get_logs(), scaled.get_logs(), strict=True):
        assert_allclose(one["loss"], other["loss"], rtol=1e-12)
        assert_allclose(one["accuracy"], other["accuracy"], rtol=1e-12)
