"""Laws of fits that scikit-learn's tests of MLPClassifier and its estimator checks leave open."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from internals import Objective, split_validation
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score

from skmax import SoftmaxMLPClassifier

X, y = make_classification(200, 6, n_informative=5, n_redundant=0, n_classes=3, random_state=0)


SOLVERS = ["adam", "sgd", "lbfgs", "newton-cg"]


def plain(**settings):
    """With the parameters and defaults of MLPClassifier, where it has them."""
    return SoftmaxMLPClassifier(
        settings.pop("hidden_layer_sizes", (8,)), **{**NEUTRAL, "random_state": 0, **settings}
    )


def with_solver(solver, **settings):
    hidden = () if solver == "newton-cg" else (8,)
    return plain(solver=solver, hidden_layer_sizes=hidden, max_iter=5, **settings)


@pytest.fixture(autouse=True)
def short_fits_do_not_converge():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def J(clf):
    penalty = clf.alpha / 400 * sum((W**2).sum() for W in clf.coefs_)
    return log_loss(y, clf.predict_proba(X)) + penalty


def test_alpha_means_the_same_for_every_batch_size():
    settings = {"hidden_layer_sizes": (), "alpha": 20.0}
    optimum = J(plain(**settings, solver="lbfgs", max_iter=999, tol=1e-8).fit(X, y))
    settings |= {"learning_rate": "cosine", "learning_rate_init": 0.01, "max_iter": 300}
    for batch_size in (20, 200):
        assert J(plain(**settings, batch_size=batch_size).fit(X, y)) < 1.005 * optimum


def test_a_class_with_two_rows_has_one_on_either_side_of_the_split():
    labels = np.array([0] * 90 + [1] * 8 + [2] * 2)
    for seed in range(20):
        train, held_out = split_validation(labels, 3, 0.1, np.random.default_rng(seed))
        assert set(labels[train]) == set(labels[held_out]) == {0, 1, 2}


def test_a_second_warm_fit_with_early_stopping_has_a_patience_of_its_own():
    clf = plain(warm_start=True, early_stopping=True, max_iter=20, tol=0.0, n_iter_no_change=15)
    assert [clf.fit(X, y).n_iter_ for _ in range(2)] == [20, 20]
    clf.set_params(max_iter=2000, learning_rate_init=0.01).fit(X, y)
    assert clf._state.stop_reason == "patience"
    assert clf.fit(X, y).n_iter_ >= 15  # a patience of its own


def test_a_best_loss_belongs_to_its_problem():
    clf = plain(warm_start=True, learning_rate_init=0.01, max_iter=2000, tol=1e-3).fit(X, y)
    assert clf._state.stop_reason == "patience"
    harder = np.random.default_rng(0).integers(3, size=200)
    assert clf.set_params(tol=1e-5).fit(X, harder).n_iter_ > 50


def test_a_batch_may_weigh_nothing():
    weight = np.ones(200)
    weight[:100] = 0
    clf = plain(batch_size=50, shuffle=False).fit(X, y, weight)
    assert np.isfinite(clf.loss_curve_).all()


def test_the_loss_under_weights_is_the_weighted_loss():
    weight = np.linspace(0, 5, 200)
    clf = plain(solver="lbfgs", alpha=0.0, max_iter=30).fit(X, y, weight)
    assert_allclose(clf.loss_, log_loss(y, clf.predict_proba(X), sample_weight=weight))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_the_loss_of_batches_under_weights_is_the_weighted_loss(solver):
    # All rows in one batch: the second epoch's loss is that of the first epoch's model.
    weight = np.linspace(0, 5, 200)
    settings = {"solver": solver, "alpha": 0.0, "batch_size": 200}
    clf = plain(**settings, max_iter=1).fit(X, y, weight)
    then = plain(**settings, max_iter=2).fit(X, y, weight).loss_curve_[1]
    assert_allclose(then, log_loss(y, clf.predict_proba(X), sample_weight=weight))


BAD_WEIGHTS = {
    "must not be negative, got -1": np.where(np.arange(200) == 3, -1.0, 1.0),
    "must not be zero for every row": np.zeros(200),
}


@pytest.mark.parametrize("message", BAD_WEIGHTS)
@pytest.mark.parametrize(
    "fit",
    [
        lambda clf, weight: clf.fit(X, y, weight),
        lambda clf, weight: clf.fit(X, y, X_val=X, y_val=y, sample_weight_val=weight),
        lambda clf, weight: clf.partial_fit(X, y, [0, 1, 2], weight),
        lambda clf, weight: clf.fit(X, y).partial_fit(X, y, sample_weight=weight),
    ],
    ids=["fit", "validation", "first portion", "portion"],
)
def test_weights_that_are_negative_or_all_zero_are_refused(fit, message):
    with pytest.raises(ValueError, match=message):
        fit(plain(max_iter=1), BAD_WEIGHTS[message])


@pytest.mark.filterwarnings("ignore:(overflow|invalid|divide):RuntimeWarning")
@pytest.mark.filterwarnings("ignore:The weights of the rows:UserWarning")
@pytest.mark.parametrize("weight", [1e-300, 1e300])
@pytest.mark.parametrize("solver", SOLVERS)
def test_tiny_and_huge_weights_are_fitted_or_refused(solver, weight):
    clf = with_solver(solver)
    try:
        clf.fit(X, y, np.full(200, weight))
    except ValueError as error:
        assert "weights that are tiny against alpha need to be rescaled" in str(error)
    else:
        assert np.isfinite(clf.loss_) and np.isfinite(clf.predict_proba(X)).all()


@pytest.mark.parametrize("weight", [1e-300, 1e300, 1e307])
@pytest.mark.parametrize("solver", SOLVERS)
def test_only_their_ratio_to_alpha_counts_of_tiny_and_huge_weights(solver, weight):
    ones, alpha = np.ones(200), 0.5
    held_out, early = {"X_val": X[::2], "y_val": y[::2]}, {"early_stopping": True}
    expected = with_solver(solver, alpha=alpha, **early).fit(X, y, ones, **held_out)
    clf = with_solver(solver, alpha=alpha * weight, **early)
    clf.fit(X, y, weight * ones, **held_out, sample_weight_val=weight * ones[::2])
    assert_allclose(clf.predict_proba(X), expected.predict_proba(X), rtol=1e-5)
    assert_allclose(clf.validation_loss_curve_, expected.validation_loss_curve_, rtol=1e-5)
    if solver in ("adam", "sgd"):
        streams = [
            with_solver(solver, alpha=a).partial_fit(X, y, [0, 1, 2], w * ones).loss_
            for a, w in [(alpha, 1.0), (alpha * weight, weight)]
        ]
        assert_allclose(*streams)


def test_a_single_class_has_one_column():
    assert_array_equal(plain().fit(X, np.ones(200)).predict_proba(X), np.ones((200, 1)))


BAD_LABELS = {
    r"For one-hot rows pass y.argmax\(axis=1\)": np.eye(3)[y],
    r"labels of one kind.*got .* int, str": np.where(y > 0, "a", y.astype(object)).tolist(),
}


@pytest.mark.parametrize("message", BAD_LABELS)
@pytest.mark.parametrize(
    "fit",
    [
        lambda clf, labels: clf.fit(X, labels),
        lambda clf, labels: clf.fit(X, y, X_val=X, y_val=labels),
        lambda clf, labels: clf.partial_fit(X, labels, [0, 1, 2]),
        lambda clf, labels: clf.partial_fit(X, y, labels),
        lambda clf, labels: clf.fit(X, y).score(X, labels),
    ],
    ids=["y", "y_val", "portion", "classes", "score"],
)
def test_one_hot_and_mixed_labels_are_refused_with_what_to_pass(fit, message):
    with pytest.raises(ValueError, match=message):
        fit(plain(max_iter=1), BAD_LABELS[message])


def test_adam_follows_learning_rate_schedules():
    constant = plain(max_iter=5).fit(X, y)
    for schedule in ("invscaling", "cosine", "coslog4"):
        scheduled = plain(max_iter=5, learning_rate=schedule).fit(X, y)
        assert not np.array_equal(scheduled.coefs_[0], constant.coefs_[0])


def test_patience_is_exact():
    assert plain(tol=1e9, n_iter_no_change=4).fit(X, y).n_iter_ == 1 + 4


def test_ten_calls_of_partial_fit_are_ten_epochs():
    clf = plain(batch_size=50)
    for _ in range(10):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    assert clf.n_iter_ == len(clf.loss_curve_) == 10


@pytest.fixture
def batches(monkeypatch):
    """The rows of every step so far."""
    seen, estimate = [], Objective.estimate

    def recording(objective, params, batch):
        seen.append(np.arange(objective.n_rows)[batch].tolist())
        return estimate(objective, params, batch)

    monkeypatch.setattr(Objective, "estimate", recording)
    return seen


def test_each_call_of_partial_fit_has_its_own_permutation(batches):
    clf = plain(batch_size=50)
    for _ in range(3):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    epochs = [np.ravel(batches[start : start + 4]) for start in (0, 4, 8)]
    assert_array_equal(np.sort(epochs), [np.arange(200)] * 3)
    assert len({tuple(epoch) for epoch in epochs}) == 3


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_rows_that_are_not_shuffled_keep_their_order(batches, solver):
    plain(solver=solver, batch_size=50, shuffle=False, max_iter=2).fit(X, y)
    assert_array_equal(np.ravel(batches), np.tile(np.arange(200), 2))


@pytest.mark.filterwarnings("ignore:(overflow|invalid):RuntimeWarning")
@pytest.mark.parametrize(
    ("settings", "scale"), [({"learning_rate_init": 1e3}, 1.0), ({"solver": "sgd"}, 1e10)]
)
def test_divergence_is_said_and_leaves_finite_probabilities(settings, scale):
    with pytest.warns(ConvergenceWarning, match="diverged at epoch 1; lower learning_rate_init"):
        clf = plain(**settings, batch_size=50).fit(scale * X, y)
    assert np.isfinite(clf.predict_proba(scale * X)).all()


def test_lbfgs_stays_in_float32_and_has_a_loss_curve():
    clf = plain(solver="lbfgs", max_iter=5).fit(X.astype(np.float32), y)
    assert clf.coefs_[0].dtype == clf._state.params.dtype == np.float32
    assert len(clf.loss_curve_) == clf.n_iter_ == 5


def test_interrupted_lbfgs_keeps_the_last_iterate():
    n_calls = 0

    def interrupt(estimator, X, y):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 6:
            raise KeyboardInterrupt
        return 0.0

    clf = plain(solver="lbfgs", scoring=interrupt)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y, X_val=X, y_val=y)
    assert_allclose(J(clf), clf.loss_curve_[-1])
    assert clf.loss_curve_[-1] == min(clf.loss_curve_)


def test_an_interruption_ends_a_cross_validation():
    def interrupt(estimator, X, y):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cross_val_score(plain(scoring=interrupt, early_stopping=True), X, y, cv=2)


def test_a_changed_architecture_is_refused_where_a_fit_goes_on():
    for fit in (lambda c: c.fit(X, y), lambda c: c.partial_fit(X, y)):
        clf = plain(warm_start=True, max_iter=2).fit(X, y)
        with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(8,\) there, \(9,\) here"):
            fit(clf.set_params(hidden_layer_sizes=(9,)))


@pytest.mark.parametrize("warm_start", [True, False])
def test_other_classes_or_features_are_refused_where_a_fit_goes_on(warm_start):
    clf = plain(warm_start=warm_start, max_iter=2).fit(X, y)
    model, calls = clf._model, [
        (lambda: clf.partial_fit(X[:, :5], y), "X has 5 features.* expecting 6"),
        (lambda: clf.partial_fit(X, y, [0, 1]), r"classes=\[0 1\] are not those.*\[0 1 2\]"),
        (lambda: clf.partial_fit(X, y + 1), r"labels \[3\] that are not in classes \[0 1 2\]"),
    ]  # fmt: skip
    if warm_start:
        calls += [
            (lambda: clf.fit(X[:, :5], y), "X has 5 features.* expecting 6"),
            (lambda: clf.fit(X, y + 1), r"the same classes.*\[0 1 2\].*\[1 2 3\]"),
            (lambda: clf.fit(X[y > 0], y[y > 0]), r"the same classes.*\[0 1 2\].*\[1 2\]"),
        ]
    for call, message in calls:
        with pytest.raises(ValueError, match=message):
            call()
        assert clf._model is model and clf.n_features_in_ == 6
    if not warm_start:  # begins anew
        assert clf.fit(X[:, :5], y + 1).predict_proba(X[:, :5]).shape == (200, 3)


def test_log_probabilities_are_finite_and_logits_give_the_probabilities():
    clf = plain(max_iter=5).fit(X, y)
    assert np.isfinite(clf.predict_log_proba(1e4 * X)).all()
    Z = clf.decision_function(X)
    assert_allclose(np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True), clf.predict_proba(X))


def test_a_pickle_is_small_and_resumes_bit_for_bit():
    settings = {"hidden_layer_sizes": (100, 100), "warm_start": True, "tol": 0.0}
    half = pickle.dumps(plain(**settings, max_iter=5).fit(X, y))
    resumed = pickle.loads(half).fit(X, y)
    whole = plain(**settings, max_iter=10).fit(X, y)
    assert_array_equal(resumed.coefs_[0], whole.coefs_[0])
    n_bytes = sum(array.nbytes for array in [*whole.coefs_, *whole.intercepts_])
    assert len(half) < 4.2 * n_bytes


def test_one_hot_targets_take_no_memory():
    rows, labels = np.tile(X, (30, 1)), np.arange(6000) % 3000
    one_hot_bytes = 6000 * 3000 * 8
    tracemalloc.start()
    plain(max_iter=1).fit(rows, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < one_hot_bytes / 4


def test_probabilities_sum_to_1():
    P = plain(max_iter=5).fit(X, y).predict_proba(X)
    assert_allclose(P.sum(axis=1), 1, rtol=1e-12)
