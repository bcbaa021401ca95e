"""What held-out fits advise, and that they leave no trace but their advice."""

import pickle
import warnings
from dataclasses import replace
from math import ceil

import internals
import numpy as np
import pytest
from internals import (
    SCHEDULES,
    Adam,
    BatchReader,
    LearningRate,
    Objective,
    TrainingState,
    fit_temperature,
    minimize_minibatch,
    stratified_folds,
)
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


def small(**settings):
    return SoftmaxMLPClassifier((16,), **{"random_state": 0, "max_iter": 30, **settings})


def advice_by_hand(clf, X, y, *, n_fits, phases=None):
    """Return the epochs and the temperature that held-out fits advise a fresh fit of Adam.

    Each is trained here from its first step to its last before another one begins. `phases`
    are the (max_iter, learning_rate_init) of a fit that goes on; the last is judged.
    """
    model, split_seed, schedule = clf._model, clf._state.split_seed, SCHEDULES[clf.learning_rate]
    network = model.network
    first_params = network.initial_params(np.random.default_rng(clf._state.seed))
    factors = network.learning_rate_factors(np.float32)
    smoothing = 0.1 if clf.label_smoothing == "auto" else clf.label_smoothing
    phases = phases or [(clf.max_iter, clf.learning_rate_init)]
    max_iter = phases[-1][0]
    ends = schedule.last_epochs(max_iter) if clf.early_stopping == "auto" else [max_iter]
    fold = stratified_folds(y, 4, np.random.default_rng(split_seed))
    n_batches = ceil(len(y) / 256)
    logits, labels = {end: [] for end in ends}, []
    for i in range(n_fits):
        rows, held_out = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
        rng = np.random.default_rng([split_seed, i])
        optimizer = Adam(clf.beta_1, clf.beta_2, clf.epsilon)
        state = TrainingState(first_params.astype(np.float32), rng, 0, optimizer=optimizer)
        objective = Objective(
            *(network, BatchReader(X, rows, encoding=model.encoding, dtype=np.float32)),
            *(y[rows], None, clf.alpha),
            batch_size=ceil(len(rows) / n_batches),
            smoothing=smoothing * np.bincount(y[rows], minlength=len(clf.classes_)) / len(rows),
        )
        params_after = {}

        def record(params, loss, state=state, params_after=params_after):
            params_after[state.n_iter] = params.copy()

        for max_iter, initial_rate in phases:
            state.n_iter = 0
            rate = LearningRate(initial_rate, schedule, clf.power_t, factors)
            minimize_minibatch(objective, state, record, learning_rate=rate, max_iter=max_iter)
        labels.append(y[held_out])
        for end in ends:
            trained = replace(model, params=params_after[end], temperature=1.0)
            logits[end].append(trained.logits(X[held_out]))
    advice, least_loss = (ends[-1], 1.0), np.inf
    for end in ends:
        temperature, loss = fit_temperature(np.concatenate(logits[end]), np.concatenate(labels))
        if loss >= least_loss:
            break
        advice, least_loss = (end, temperature), loss
    return advice


@pytest.fixture
def n_fits(monkeypatch):
    """The held-out fits made so far, as the rows each of them saw."""
    seen = []
    Run = internals.held_out_fits.Run

    def counting(*arguments, **settings):
        run = Run(*arguments, **settings)
        seen.append(run.objective.n_rows)
        return run

    monkeypatch.setattr(internals.held_out_fits, "Run", counting)
    return seen


@pytest.mark.parametrize("n_rows", [200, 400])  # one batch, and two
def test_held_out_fits_leave_no_trace_in_the_network(n_rows):
    # In one batch and without held-out fits, "auto" would be float64.
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


# Noise is the share of labels by chance, and n_epochs what the defaults advise then.
@pytest.mark.parametrize(("noise", "n_epochs"), [(0.0, 30), (0.3, 30), (0.7, 14), (1.0, 6)])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"label_smoothing": 0.0, "early_stopping": False},
        {"label_smoothing": 0.3, "early_stopping": False},
        {"learning_rate": "constant", "alpha": 10.0},
    ],
    ids=["defaults", "hard labels", "smoothed labels", "one cycle"],
)
def test_the_advice_is_what_held_out_fits_by_hand_say(settings, noise, n_epochs):
    labels = np.where(np.random.default_rng(1).random(400) < noise, NOISE, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf = small(**settings).fit(X, labels)
    n_iter, temperature = advice_by_hand(clf, X, labels, n_fits=2)
    assert clf.n_iter_ == n_iter == (30 if settings else n_epochs)
    assert_allclose(clf.temperature_, temperature, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_temperature_is_right_for_rows_that_nobody_has_seen(smoothing):
    settings = {"label_smoothing": smoothing, "early_stopping": False}
    clf = small(**settings).fit(X, y)
    plain = small(**settings, temperature_scaling=False).fit(X, y)
    assert (clf.temperature_ < 0.8) == (smoothing > 0)
    losses = [log_loss(y_new, fitted.predict_proba(X_new)) for fitted in (clf, plain)]
    assert losses[0] < losses[1] + 0.01


@pytest.mark.parametrize(
    ("n_rows", "to_calibrate", "to_stop"),
    [(49, 0, 0), (50, 4, 0), (149, 2, 0), (150, 4, 0), (210, 3, 0), (349, 2, 0), (350, 2, 1)],
)
def test_there_are_as_many_as_it_takes(n_fits, n_rows, to_calibrate, to_stop):
    for settings, n_expected in (({}, to_calibrate), ({"temperature_scaling": False}, to_stop)):
        small(**settings).fit(X[:n_rows], y[:n_rows])
        assert len(n_fits) == n_expected
        assert all(abs(n_rows * 3 / 4 - n) <= 1 for n in n_fits)
        n_fits.clear()


def test_a_cycle_is_chosen_only_where_enough_rows_can_tell():
    assert small().fit(X[:149], NOISE[:149]).n_iter_ == 30
    assert small(temperature_scaling=False).fit(X[:349], NOISE[:349]).n_iter_ == 30
    assert small(temperature_scaling=False).fit(X, NOISE).n_iter_ < 30


@pytest.mark.parametrize("batch_size", ["auto", 256, 50])
@pytest.mark.parametrize("n_rows", [255, 258, 298, 299, 400])
def test_held_out_fits_take_as_many_steps_as_the_network(monkeypatch, batch_size, n_rows):
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


@pytest.mark.parametrize("encoding", ["linear", "both"])
def test_held_out_fits_begin_where_the_network_begins(encoding):
    settings = {**NEUTRAL, "numerical_encoding": encoding, "random_state": 0}
    start = SoftmaxMLPClassifier((16,), **{**settings, "max_iter": 60, "learning_rate": "cosine"})
    start.set_params(learning_rate_init=0.02).fit(X, y)
    clf = SoftmaxMLPClassifier((16,), solver="sgd", learning_rate_init=1e-12, scaling=None)
    clf.set_params(numerical_encoding=encoding, random_state=0)
    clf.fit(X, y, coefs_init=start.coefs_, intercepts_init=start.intercepts_)
    fold = stratified_folds(y, 4, np.random.default_rng(clf._state.split_seed))
    held_out = fold < 2  # by one of two fits
    expected = fit_temperature(start.decision_function(X)[held_out], y[held_out])[0]
    assert_allclose(clf.temperature_, expected, rtol=1e-5)  # held-out fits compute in float32
    fresh = SoftmaxMLPClassifier((16,), solver="sgd", learning_rate_init=1e-12).fit(X, y)
    assert fresh.temperature_ < 0.01 or fresh.temperature_ > 100  # logits of zero


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_paused_fit_continues_its_held_out_fits(solver):
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
    assert len(once._state.held_out_fits) == 2
    # Held-out fits stay out of files: the network goes on as ever, the temperature is kept.
    assert_array_equal(stored._model.params, once._model.params)
    assert stored.temperature_ == kept


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_held_out_fit_that_has_converged_stays_where_it_is(solver):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf = small(warm_start=True, learning_rate="constant", solver=solver, max_iter=3).fit(X, y)
        stop_reason = "patience" if solver == "adam" else "convergence"
        clf._state.held_out_fits[0].stop_reason = internals.StopReason(stop_reason)
        before = [fit.params.copy() for fit in clf._state.held_out_fits]
        clf.fit(X, y)
    after = [fit.params for fit in clf._state.held_out_fits]
    unchanged = [np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    assert unchanged == [True, False]


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
def test_a_fit_that_held_out_fits_cannot_follow_keeps_the_temperature(schedule, again, request):
    settings = {"learning_rate": schedule, "learning_rate_init": 0.01}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf = small(warm_start=True, **settings).fit(X, y)
        temperature = clf.temperature_
        again(clf.set_params(max_iter=2, learning_rate_init=1e-6))
    assert temperature != 1 and clf.n_iter_ == 2
    if schedule == "constant" and "finished" in request.node.name:  # it is only paused
        assert clf.temperature_ != temperature
        phases = [(30, 0.01), (2, 1e-6)]
        temperature = advice_by_hand(clf, X, y, n_fits=2, phases=phases)[1]
        assert_allclose(clf.temperature_, temperature, rtol=1e-6)
    else:
        assert clf.temperature_ == temperature


def test_classes_of_one_row_are_never_held_out():
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
    assert len(labels) == 200 and set(labels) == {0, 1, 2}  # of two quarters
    assert_allclose(weight / weight.max(), np.array([1.0, 0.75, 0.5])[labels])


def test_rows_of_classes_that_weigh_nothing_tell_nothing():
    labels = np.zeros(400, dtype=int)
    labels[[3, 333]] = 1
    assert small(class_weight={0: 0.0, 1: 1.0}).fit(X, labels).temperature_ == 1
    few = np.where(np.arange(400) < 200, y, 3)
    clf = small(class_weight={0: 1, 1: 1, 2: 1, 3: 0}).fit(X, few)
    n_iter, temperature = advice_by_hand(clf, X[:200], y[:200], n_fits=3)
    assert clf.n_iter_ == n_iter
    assert_allclose(clf.temperature_, temperature, rtol=1e-6)


def test_a_diverged_held_out_fit_gives_no_advice(monkeypatch):
    monkeypatch.setattr(internals.held_out_fits.HeldOutFits, "_advance", lambda *_: False)
    clf = small().fit(X, y)
    assert clf.n_iter_ == 30 and clf.temperature_ == 1


def test_verbose_says_what_was_chosen(capsys):
    small(verbose=True).fit(X, NOISE)
    printed = capsys.readouterr().out
    assert printed.startswith("Held-out fit 1 of 2: epochs 1 to 6\n")
    assert "2 held-out fits choose 6 epochs and temperature " in printed


def test_the_same_seed_gives_the_same_advice():
    a, b = small().fit(X, y), small().fit(X, y)
    assert a.temperature_ == b.temperature_
    assert small(random_state=1).fit(X, y).temperature_ != a.temperature_


def test_a_fit_whose_rows_are_too_few_to_hold_out_is_in_the_precision_of_x():
    # 70 rows are enough for held-out fits, the 40 of a weight above zero not: nothing is random.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(70, 3)), np.repeat([0, 1, 2], [30, 20, 20])
    clf = SoftmaxMLPClassifier((4,), class_weight={0: 0.0}, random_state=0).fit(X, y)
    assert clf.temperature_ == 1.0
    assert clf._state.params.dtype == np.float64
