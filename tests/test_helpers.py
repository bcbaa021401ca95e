"""What helper networks advise, and that they leave no trace but their advice."""

import pickle
import warnings

import internals
import numpy as np
import pytest
from internals import fit_temperature, stratified_folds
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from skmax import SoftmaxMLPClassifier

X, y = make_classification(
    600, 6, n_informative=5, n_redundant=0, n_classes=3, class_sep=1.5, flip_y=0, random_state=0
)
X_new, y_new = X[400:], y[400:]
X, y = X[:400], y[:400]
NOISE = np.random.default_rng(0).integers(3, size=400)


# Temperatures of different rows are compared by the difference of their logarithms: of some
# 170 held-out rows its standard error is near .1, of 115 and of overconfident logits more.


def small(**settings):
    return SoftmaxMLPClassifier((16,), **{"random_state": 0, "max_iter": 30, **settings})


@pytest.fixture
def n_fits(monkeypatch):
    """The helpers trained so far, as the rows each of them saw."""
    seen = []
    Run = internals.held_out_fits.Run

    def counting(*arguments, **settings):
        run = Run(*arguments, **settings)
        seen.append(run.objective.n_rows)
        return run

    monkeypatch.setattr(internals.held_out_fits, "Run", counting)
    return seen


@pytest.mark.parametrize("n_rows", [200, 400])  # one batch, and two
def test_helpers_leave_no_trace_in_the_network(n_rows):
    # In one batch and without helpers, "auto" would be float64.
    settings = {"early_stopping": False, "dtype": "float32"}
    plain = small(**settings, temperature_scaling=False).fit(X[:n_rows], y[:n_rows])
    calibrated = small(**settings).fit(X[:n_rows], y[:n_rows])
    assert_array_equal(calibrated._model.params, plain._model.params)
    assert calibrated.loss_curve_ == plain.loss_curve_ and calibrated.n_iter_ == 30
    assert plain.temperature_ == 1 and calibrated.temperature_ != 1
    assert calibrated._state.held_out_fits == []


def test_noise_is_learnt_for_a_short_time_and_a_rule_for_a_long_one():
    noise, rule = small().fit(X, NOISE), small().fit(X, y)
    assert noise.n_iter_ == len(noise.loss_curve_) == 6  # the second cycle ends with 3/15
    assert rule.n_iter_ == 30
    # Stopped on the way: what a fit that goes on has had after as many epochs.
    whole = small(early_stopping=False).fit(X, NOISE)
    assert noise.loss_curve_ == whole.loss_curve_[:6]


def test_neither_warns_of_anything():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for labels in (NOISE, y):
            small().fit(X, labels)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_temperature_is_right_for_rows_that_nobody_has_seen(smoothing):
    settings = {"label_smoothing": smoothing, "early_stopping": False}
    clf = small(**settings).fit(X, y)
    plain = small(**settings, temperature_scaling=False).fit(X, y)
    best = fit_temperature(plain._model.logits(X_new), y_new)[0]
    assert (clf.temperature_ < 0.8) == (smoothing > 0)
    assert abs(np.log(clf.temperature_ / best)) < 0.4
    losses = [log_loss(y_new, fitted.predict_proba(X_new)) for fitted in (clf, plain)]
    assert losses[0] < losses[1] + 0.01


@pytest.mark.parametrize(
    ("n_rows", "to_calibrate", "to_stop"),
    [(49, 0, 0), (50, 7, 0), (149, 3, 0), (150, 7, 0), (210, 5, 0), (349, 4, 0), (350, 3, 1)],
)
def test_there_are_as_many_helpers_as_it_takes(n_fits, n_rows, to_calibrate, to_stop):
    for settings, n_helpers in (({}, to_calibrate), ({"temperature_scaling": False}, to_stop)):
        small(**settings).fit(X[:n_rows], y[:n_rows])
        assert len(n_fits) == n_helpers
        assert all(abs(n_rows * 6 / 7 - n) <= 1 for n in n_fits)
        n_fits.clear()


def test_a_cycle_is_chosen_only_where_enough_rows_can_tell():
    assert small().fit(X[:149], NOISE[:149]).n_iter_ == 30
    assert small(temperature_scaling=False).fit(X[:349], NOISE[:349]).n_iter_ == 30
    assert small(temperature_scaling=False).fit(X, NOISE).n_iter_ < 30


@pytest.mark.parametrize("batch_size", ["auto", 256, 50])
@pytest.mark.parametrize("n_rows", [255, 258, 298, 299, 400])
def test_helpers_take_as_many_steps_as_the_network(monkeypatch, batch_size, n_rows):
    steps = []
    advance = internals.held_out_fits.HeldOutFits._advance

    def counting(fits, i, iterations):
        finite = advance(fits, i, iterations)
        steps.append(fits.runs[i].state.optimizer.n_steps)
        return finite

    monkeypatch.setattr(internals.held_out_fits.HeldOutFits, "_advance", counting)
    settings = {"learning_rate": "constant", "max_iter": 3, "tol": 0.0, "batch_size": batch_size}
    with pytest.warns(ConvergenceWarning):
        clf = small(**settings).fit(X[:n_rows], y[:n_rows])
    assert set(steps) == {clf._state.optimizer.n_steps}


@pytest.mark.parametrize(
    "settings",
    [
        {"early_stopping": False, "temperature_scaling": False},
        {"learning_rate": "cosine", "temperature_scaling": False},
        {"solver": "lbfgs", "temperature_scaling": False},
        {"early_stopping": True},
    ],
)
def test_there_are_none_where_there_is_nothing_to_find_out(n_fits, settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf = small(**settings).fit(X, y)
        if hasattr(clf, "partial_fit"):
            clf.partial_fit(X, y)
    small().fit(X, y, X_val=X_new, y_val=y_new)
    small().fit(X, np.zeros(400))
    assert n_fits == []


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_a_fit_of_any_solver_is_calibrated(solver):
    clf = small(solver=solver, alpha=1e-3, label_smoothing=0.2, max_iter=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert 0.1 < clf.fit(X, y).temperature_ < 0.9


def test_validation_rows_are_judged_by_after_cycles_only():
    clf = small().fit(X, NOISE, X_val=X_new, y_val=y_new)
    ends = [6, 14, 30]
    scores = [clf.validation_scores_[end - 1] for end in ends if end <= clf.n_iter_]
    assert clf.best_validation_score_ == max(scores)
    assert clf.n_iter_ in ends and len(clf.validation_scores_) == clf.n_iter_
    stopped = small().fit(X, y, X_val=X_new, y_val=NOISE[:200])
    assert stopped.n_iter_ < 30
    best = small(early_stopping=False, max_iter=30, temperature_scaling=False).fit(X, y)
    assert stopped.loss_curve_ == best.loss_curve_[: stopped.n_iter_]


def test_scorers_are_for_validation_rows_and_asked_for_no_others():
    def failing(estimator, X, y):
        raise AssertionError("not to be called")

    with pytest.warns(UserWarning, match="change nothing of this fit: scoring="):
        clf = small(scoring=failing).fit(X, y)
    assert clf.temperature_ == small().fit(X, y).temperature_


def test_helpers_begin_where_the_network_begins():
    start = SoftmaxMLPClassifier((16,), **{**NEUTRAL, "max_iter": 60, "learning_rate": "cosine"})
    start.set_params(learning_rate_init=0.02).fit(X, y)
    clf = SoftmaxMLPClassifier((16,), "relu", solver="sgd", learning_rate_init=1e-12)
    clf.set_params(scaling=None, random_state=0)
    clf.fit(X, y, coefs_init=start.coefs_, intercepts_init=start.intercepts_)
    fold = stratified_folds(y, 7, np.random.default_rng(clf._state.split_seed))
    held_out = fold < 3  # by one of three helpers
    expected = fit_temperature(start.decision_function(X)[held_out], y[held_out])[0]
    assert_allclose(clf.temperature_, expected, rtol=1e-5)  # helpers compute in float32
    fresh = SoftmaxMLPClassifier((16,), solver="sgd", learning_rate_init=1e-12).fit(X, y)
    assert fresh.temperature_ < 0.01 or fresh.temperature_ > 100  # logits of zero


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_paused_fit_continues_its_helpers(solver):
    settings = {"learning_rate": "constant", "learning_rate_init": 0.01, "warm_start": True}
    settings |= {"solver": solver, "tol": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        twice = small(**settings, max_iter=5).fit(X, y)
        kept = twice.temperature_
        stored = pickle.loads(pickle.dumps(twice)).fit(X, y)
        twice.fit(X, y)
        once = small(**settings, max_iter=10).fit(X, y)
    assert twice.temperature_ == once.temperature_ != 1
    assert_array_equal(twice._model.params, once._model.params)
    assert len(once._state.held_out_fits) == 3
    # Helpers stay out of files: the network goes on as ever, the temperature is kept.
    assert_array_equal(stored._model.params, once._model.params)
    assert stored.temperature_ == kept


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_helper_that_has_converged_stays_where_it_is(solver):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf = small(warm_start=True, learning_rate="constant", solver=solver, max_iter=3).fit(X, y)
        stop_reason = "patience" if solver == "adam" else "convergence"
        clf._state.held_out_fits[0].stop_reason = internals.StopReason(stop_reason)
        before = [helper.params.copy() for helper in clf._state.held_out_fits]
        clf.fit(X, y)
    after = [helper.params for helper in clf._state.held_out_fits]
    unchanged = [np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    assert unchanged == [True, False, False]


@pytest.mark.parametrize(
    "again",
    [
        lambda clf: clf.fit(X, y),  # after its schedule has ended
        lambda clf: clf.fit(X_new, y_new),
        lambda clf: clf.set_params(alpha=2.0).fit(X, y),
        lambda clf: clf.partial_fit(X, y).fit(X, y),
    ],
    ids=["finished", "other rows", "other penalty", "stream"],
)
@pytest.mark.parametrize("schedule", ["constant", "coslog4"])
def test_a_fit_that_its_helpers_cannot_follow_keeps_the_temperature(schedule, again, request):
    settings = {"learning_rate": schedule, "learning_rate_init": 0.01}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf = small(warm_start=True, **settings).fit(X, y)
        temperature = clf.temperature_
        again(clf.set_params(max_iter=2, learning_rate_init=1e-6))
    paused = schedule == "constant" and "finished" in request.node.name
    assert temperature != 1
    assert (clf.temperature_ == temperature) != paused
    assert abs(np.log(clf.temperature_ / temperature)) < 0.1
    assert clf.n_iter_ == 2


def test_classes_of_one_row_stay_with_every_helper():
    labels = y.copy()
    labels[:5] = np.arange(10, 15)
    clf = small().fit(X, labels)
    assert len(clf.classes_) == 8
    assert 0.2 < clf.temperature_ < 5


def test_held_out_rows_have_their_sample_and_class_weights(monkeypatch):
    seen = []

    def recording(Z, labels, weight):
        seen.append((labels, weight))
        return fit_temperature(Z, labels, weight)

    monkeypatch.setattr(internals.held_out_fits, "fit_temperature", recording)
    sample_weight = np.array([4.0, 1.0, 2.0])[y]
    small(class_weight={1: 3.0}, early_stopping=False).fit(X, y, sample_weight)
    ((labels, weight),) = seen
    assert len(labels) == 172 and set(labels) == {0, 1, 2}  # of three sevenths
    assert_allclose(weight / weight.max(), np.array([1.0, 0.75, 0.5])[labels])


def test_rows_of_classes_that_weigh_nothing_tell_nothing():
    labels = np.zeros(400, dtype=int)
    labels[[3, 333]] = 1
    assert small(class_weight={0: 0.0, 1: 1.0}).fit(X, labels).temperature_ == 1
    few = np.where(np.arange(400) < 200, y, 3)
    clf = small(class_weight={0: 1, 1: 1, 2: 1, 3: 0}).fit(X, few)
    assert abs(np.log(clf.temperature_ / small().fit(X[:200], y[:200]).temperature_)) < 0.3


def test_a_diverged_helper_gives_no_advice(monkeypatch):
    monkeypatch.setattr(internals.held_out_fits.HeldOutFits, "_advance", lambda *_: False)
    clf = small().fit(X, y)
    assert clf.n_iter_ == 30 and clf.temperature_ == 1


def test_verbose_says_what_was_advised(capsys):
    small(verbose=True).fit(X, NOISE)
    printed = capsys.readouterr().out
    assert printed.startswith("Held-out fit 1 of 3: epochs 1 to 6\n")
    assert "3 held-out fits advise 6 epochs and temperature " in printed


def test_the_same_seed_gives_the_same_advice():
    a, b = small().fit(X, y), small().fit(X, y)
    assert a.temperature_ == b.temperature_
    assert small(random_state=1).fit(X, y).temperature_ != a.temperature_


def test_a_fit_whose_rows_are_too_few_for_helpers_is_in_the_precision_of_x():
    # 70 rows could have helpers, the 40 of a weight above zero cannot: nothing is random.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(70, 3)), np.repeat([0, 1, 2], [30, 20, 20])
    clf = SoftmaxMLPClassifier((4,), class_weight={0: 0.0}, random_state=0).fit(X, y)
    assert clf.temperature_ == 1.0
    assert clf._state.params.dtype == np.float64
