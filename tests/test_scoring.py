"""Scores of validation rows, also of such that lack a class."""

import numpy as np
import pytest
from internals import over_all_classes
from numpy.testing import assert_allclose
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, make_scorer

from skmax import SoftmaxMLPClassifier, ValidationMonitor

X, y = make_blobs(90, 4, centers=3, random_state=0)
NAMES = np.array(["a", "b", "c"])

# Those whose metric is told all classes; others of scores need rows of each.
DEFINED = ["neg_log_loss", "neg_brier_score", "d2_log_loss_score", "d2_brier_score"]
UNDEFINED = ["average_precision", "roc_auc_ovr"]


def classifier(**settings):
    settings = {"max_iter": 4, "random_state": 0, "learning_rate": "cosine", **settings}
    return SoftmaxMLPClassifier((4,), **settings)


def without(label):
    """Return validation rows that lack a class."""
    return X[y != label], NAMES[y[y != label]]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("scoring", DEFINED)
def test_probabilities_are_scored_over_all_classes(scoring, early_stopping):
    X_val, y_val = without(1)
    clf = classifier(scoring=scoring, early_stopping=early_stopping, temperature_scaling=False)
    clf.fit(X, NAMES[y], X_val=X_val, y_val=y_val)
    assert len(clf.validation_scores_) == 4 and np.isfinite(clf.validation_scores_).all()
    if scoring == "neg_log_loss":
        expected = -log_loss(y_val, clf.predict_proba(X_val), labels=clf.classes_)
        assert_allclose(max(clf.validation_scores_), expected, rtol=1e-6)  # of float32 rows


def test_a_class_of_one_row_stays_in_training_and_is_scored_over():
    rows = np.append(np.flatnonzero(y != 2), np.flatnonzero(y == 2)[0])
    clf = classifier(scoring="neg_log_loss", early_stopping=True).fit(X[rows], y[rows])
    assert np.isfinite(clf.validation_scores_).all()


def test_labels_that_the_user_chose_are_kept():
    scorer = make_scorer(
        log_loss, response_method="predict_proba", greater_is_better=False, labels=["a", "b", "c"]
    )
    X_val, y_val = without(0)
    clf = classifier(scoring=scorer).fit(X, NAMES[y], X_val=X_val, y_val=y_val)
    assert np.isfinite(clf.validation_scores_).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize("early_stopping", ["auto", True])
@pytest.mark.parametrize("scoring", UNDEFINED)
def test_a_score_that_needs_every_class_says_which_one_lacks(scoring, early_stopping):
    X_val, y_val = without(1)
    clf = classifier(scoring=scoring, early_stopping=early_stopping)
    with pytest.raises(
        ValueError, match=rf"scoring='{scoring}' cannot .*lack the classes .*'?b'?"
    ):
        clf.fit(X, NAMES[y], X_val=X_val, y_val=y_val)
    assert not hasattr(clf, "classes_")


@pytest.mark.parametrize("label", [0, 1])
def test_of_two_classes_both_are_needed(label):
    two = y < 2
    clf = classifier(scoring="roc_auc", temperature_scaling=False)
    rows = y == label
    with pytest.raises(
        ValueError, match=r"scoring='roc_auc' .* lack the classes .*" f"{1 - label}"
    ):
        clf.fit(X[two], y[two], X_val=X[rows], y_val=y[rows])
    clf.set_params(scoring="neg_log_loss").fit(X[two], y[two], X_val=X[rows], y_val=y[rows])
    assert np.isfinite(clf.validation_scores_).all()


def test_accuracy_needs_no_row_of_each_class():
    X_val, y_val = without(1)
    clf = classifier(scoring="accuracy").fit(X, NAMES[y], X_val=X_val, y_val=y_val)
    assert len(clf.validation_scores_) == 4


def test_a_callable_may_return_nan():
    X_val, y_val = without(1)
    clf = classifier(scoring=lambda *_: np.nan).fit(X, NAMES[y], X_val=X_val, y_val=y_val)
    assert np.isnan(clf.validation_scores_).all()


def test_errors_of_scorers_are_their_own_where_no_class_lacks():
    def fails(estimator, X, y):
        raise ValueError("of the user's")

    with pytest.raises(ValueError, match=r"^of the user's$"):
        over_all_classes(fails, fails, NAMES, NAMES)(LogisticRegression(), X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_a_monitor_scores_over_all_classes_or_says_which_one_lacks():
    X_val, y_val = without(1)
    monitor = ValidationMonitor(X_val, y_val, scoring=["neg_log_loss", "accuracy", "loss"])
    classifier().set_callbacks(monitor).fit(X, NAMES[y])
    for record in monitor.get_logs():
        assert_allclose(record["neg_log_loss"], -record["loss"], rtol=1e-6)
    monitor = ValidationMonitor(X_val, y_val, scoring="roc_auc_ovr")
    with pytest.raises(ValueError, match=r"scoring='roc_auc_ovr' .* lack the classes .*b"):
        classifier().set_callbacks(monitor).fit(X, NAMES[y])


def test_scorers_and_callbacks_hear_numpys_warnings():
    heard, outside = [], np.geterr()
    scoring = lambda *_: heard.append(np.geterr()) or 0.5  # noqa: E731

    class Listener:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context):
            heard.append(np.geterr())

    clf = classifier(scoring=scoring, early_stopping=True).set_callbacks(Listener())
    clf.fit(X, y)
    assert len(heard) >= 2 and all(state == outside for state in heard)


@pytest.mark.parametrize("name", ["classes_", "center", "scale"])
def test_what_a_fit_publishes_cannot_be_written_to(name):
    clf = classifier().fit(X, y)
    array = clf.classes_ if name == "classes_" else getattr(clf.scaling_, name)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 7
