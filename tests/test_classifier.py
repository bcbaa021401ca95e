"""What the estimator promises as an estimator: state, curves, stopping, continuing."""

import copy
import pickle
import warnings

import internals
import joblib
import numpy as np
import pandas as pd
import pytest
from internals import (
    ACTIVATIONS,
    SCHEDULES,
    Objective,
    fit_temperature,
    split_validation,
    takes_weights,
)
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import cross_val_predict, cross_val_score
from threadpoolctl import threadpool_limits

from skmax import SoftmaxMLPClassifier

SOLVERS = ["adam", "sgd", "lbfgs"]
X, y = make_classification(240, 6, n_informative=5, n_redundant=0, n_classes=3, random_state=0)
# Everything that a fit leaves behind, whatever its solver and mode.
FITTED = {
    "classes_", "coefs_", "intercepts_", "temperature_", "loss_", "best_loss_", "loss_curve_",
    "validation_loss_curve_", "validation_scores_", "best_validation_score_", "best_epoch_",
    "n_iter_", "t_",
    "n_features_in_", "n_layers_", "n_outputs_", "out_activation_",
}  # fmt: skip
# Settings that ask helper networks.
HELPED = {"early_stopping": "auto", "temperature_scaling": True, "learning_rate": "coslog4"}


def quick(**settings):
    settings = {**NEUTRAL, "max_iter": 5, "random_state": 0, "batch_size": 50, **settings}
    return SoftmaxMLPClassifier((8,), **settings)


def frame(names):
    return pd.DataFrame(X, columns=list(names))


@pytest.fixture(autouse=True)
def short_fits_do_not_converge():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def same_model(a, b):
    assert_array_equal(a._model.params, b._model.params)
    assert a.loss_curve_ == b.loss_curve_


@pytest.mark.parametrize("mode", ["fit", "early stopping", "X_val", "partial_fit"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_attribute_exists_in_every_mode(solver, mode):
    clf = quick(solver=solver, early_stopping=mode == "early stopping")
    if mode == "partial_fit":
        if solver == "lbfgs":
            assert not hasattr(clf, "partial_fit")
            return
        clf.partial_fit(X, y, classes=[0, 1, 2])
    elif mode == "X_val":
        clf.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    else:
        clf.fit(X, y)
    for name in FITTED:
        assert hasattr(clf, name), name
    n_passes = 1 if mode == "partial_fit" else 5
    assert clf.n_iter_ == len(clf.loss_curve_) == n_passes
    assert clf.n_layers_ == 3 and clf.n_outputs_ == 3 and clf.out_activation_ == "softmax"
    validated = mode in ("early stopping", "X_val")
    curves = [clf.validation_loss_curve_, clf.validation_scores_]
    assert clf.best_loss_ in (None, min(clf.loss_curve_))
    assert [len(c) if c else None for c in curves] == [n_passes if validated else None] * 2
    assert (clf.best_validation_score_ is None) != validated
    assert (clf.best_loss_ is None) == (mode == "early stopping")


def test_nothing_fitted_exists_before_a_fit():
    clf = quick()
    assert not any(hasattr(clf, name) for name in FITTED | {"feature_names_in_"})
    with pytest.raises(NotFittedError):
        clf.predict(X)


def test_a_fit_changes_no_parameter_and_no_argument():
    clf, X_before, y_before = quick(early_stopping=True, scaling="robust"), X.copy(), y.copy()
    parameters = clf.get_params()
    clf.fit(X, y)
    assert clf.get_params() == parameters
    assert_array_equal(X, X_before)
    assert_array_equal(y, y_before)


def test_parameters_are_neither_replaced_nor_written_to():
    settings = {"hidden_layer_sizes": [8, 4], "class_weight": {0: 2.0}, "random_state": 3}
    clf = quick(early_stopping=True, warm_start=True).set_params(**settings)
    parameters, values = clf.get_params(), copy.deepcopy(clf.get_params())
    clf.fit(X, y).fit(X, y).partial_fit(X, y).predict(X)
    assert clf.get_params() == values
    assert all(getattr(clf, name) is value for name, value in parameters.items())


def test_coefs_are_read_only_views_of_one_vector():
    clf = quick().fit(X, y)
    bases = {id(array.base) for array in [*clf.coefs_, *clf.intercepts_]}
    assert bases == {id(clf._model.params)}
    for same in (clf, pickle.loads(pickle.dumps(clf))):
        with pytest.raises(ValueError, match="read-only"):
            same.coefs_[0][0, 0] = 1.0


@pytest.mark.parametrize("solver", SOLVERS)
def test_same_seed_same_bits_whatever_the_global_state(solver):
    settings = {"solver": solver, "dropout": 0.0 if solver == "lbfgs" else 0.2}
    first = quick(**settings).fit(X, y)
    np.random.seed(123)  # noqa: NPY002, the global state is the point
    quick(random_state=None).fit(X, y)
    same_model(first, quick(**settings).fit(X, y))
    other = quick(**settings, random_state=1).fit(X, y)
    assert not np.array_equal(first._model.params, other._model.params)


@pytest.mark.parametrize(
    "settings", [{}, {"solver": "lbfgs"}, {"solver": "newton-cg"}, {"early_stopping": "auto"}]
)
def test_the_number_of_blas_threads_changes_rounding_only(settings):
    # Wide enough to be worth threads, for the preconditioner of "newton-cg", too.
    rows, labels = make_classification(2000, 200, n_informative=20, n_classes=5, random_state=0)
    fitted = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            clf = SoftmaxMLPClassifier((300,), **{**NEUTRAL, "max_iter": 3, **settings})
            clf.set_params(dtype="float64", random_state=0, scaling="standard")
            if clf.solver == "newton-cg":
                clf.set_params(hidden_layer_sizes=(), alpha=1.0)
            fitted.append(clf.fit(rows, labels).predict_proba(rows))
    assert_allclose(*fitted, atol=1e-9)


@pytest.mark.parametrize("settings", [{}, HELPED, {"early_stopping": True}], ids=str)
def test_other_processes_fit_the_same_bits(settings):
    clf = quick(**settings)
    P = [
        cross_val_predict(clf, X, y, cv=3, n_jobs=n_jobs, method="predict_proba")
        for n_jobs in (1, 2)
    ]
    assert_array_equal(*P)


def test_a_random_state_instance_moves_on():
    rng = np.random.RandomState(0)
    a, b = (quick(random_state=rng).fit(X, y) for _ in range(2))
    assert not np.array_equal(a._model.params, b._model.params)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_activation_learns(solver, activation):
    Xi, yi = load_iris(return_X_y=True)
    clf = SoftmaxMLPClassifier((10,), activation, solver=solver, random_state=0)
    clf.set_params(**{**NEUTRAL, "scaling": "standard", "learning_rate_init": 0.05})
    assert clf.fit(Xi, yi).score(Xi, yi) > 0.95


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_every_schedule_trains_with_both_solvers(solver, schedule):
    clf = quick(solver=solver, learning_rate=schedule, max_iter=20, learning_rate_init=0.02)
    clf.fit(X, y)
    constant = quick(solver=solver, max_iter=20, learning_rate_init=0.02).fit(X, y)
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]
    same = np.array_equal(clf._model.params, constant._model.params)
    assert same == (schedule in ("constant", "adaptive"))


@pytest.mark.parametrize("hidden", [10, [10], (10,), np.array([10])])
def test_hidden_layer_sizes_of_any_kind(hidden):
    same_model(
        quick().set_params(hidden_layer_sizes=hidden).fit(X, y),
        quick().set_params(hidden_layer_sizes=(10,)).fit(X, y),
    )


@pytest.mark.parametrize("hidden", [(), [], np.array([], dtype=int)])
def test_no_hidden_layer(hidden):
    clf = quick().set_params(hidden_layer_sizes=hidden).fit(X, y)
    assert [W.shape for W in clf.coefs_] == [(6, 3)]


# --- curves, patience, early stopping ------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("patience", [1, 3])
def test_patience_is_honoured_exactly(solver, patience):
    # The first epoch improves on nothing, and none improves on it by that much.
    clf = quick(solver=solver, early_stopping=True, n_iter_no_change=patience, max_iter=50)
    clf.set_params(scoring=lambda *_: 0.0, tol=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clf.fit(X, y).n_iter_ == patience + 1
        if solver != "lbfgs":
            clf.set_params(early_stopping=False, scoring="loss", tol=1e9)
            assert clf.fit(X, y).n_iter_ == patience + 1


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_only_a_fit_cut_short_warns(solver, schedule):
    clf = quick(solver=solver, learning_rate=schedule)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(X, y)
    messages = [str(w.message) for w in caught]
    assert clf.n_iter_ == 5
    if SCHEDULES[schedule].decays:
        assert messages == []
    else:
        assert len(messages) == 1 and "max_iter=5" in messages[0]
        fall = (clf.loss_curve_[0] - clf.loss_curve_[-1]) / 4
        assert f"the loss is {clf.loss_:.3g} and fell by {fall:.1g} per epoch" in messages[0]
        assert caught[0].filename == __file__


def test_a_decaying_schedule_ignores_the_training_loss_but_not_the_validation_score():
    settings = {"learning_rate": "cosine", "max_iter": 30, "n_iter_no_change": 2, "tol": 10.0}
    with pytest.warns(
        UserWarning, match="change nothing of this fit: tol=10.0 .*n_iter_no_change=2"
    ):
        assert quick(**settings).fit(X, y).n_iter_ == 30
    assert quick(**settings, early_stopping=True).fit(X, y).n_iter_ == 3


@pytest.mark.parametrize("solver", SOLVERS)
def test_early_stopping_restores_the_best_parameters(solver):
    clf = quick(solver=solver, max_iter=60, early_stopping=True, learning_rate_init=0.3)
    clf.set_params(n_iter_no_change=4, tol=0.0)
    clf.fit(X[:160], y[:160], X_val=X[160:], y_val=y[160:])
    best = int(np.argmax(clf.validation_scores_))
    assert best < clf.n_iter_ - 1
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    P = clf.predict_proba(X[160:])
    assert_allclose(log_loss(y[160:], P), clf.validation_loss_curve_[best], rtol=1e-5)
    assert_allclose(clf.validation_scores_, -np.array(clf.validation_loss_curve_))


def test_validation_rows_without_early_stopping_stop_nothing_and_change_nothing():
    plain = quick(max_iter=30).fit(X[:160], y[:160])
    watched = quick(max_iter=30, n_iter_no_change=10)
    watched.fit(X[:160], y[:160], X_val=X[160:], y_val=y[160:])
    same_model(plain, watched)
    last = log_loss(y[160:], watched.predict_proba(X[160:]))
    assert_allclose(watched.validation_loss_curve_[-1], last, rtol=1e-5)


def test_validation_loss_has_hard_labels_their_weights_and_no_penalty():
    weight = np.linspace(0, 2, 80)
    clf = quick(solver="lbfgs", alpha=50.0, label_smoothing=0.3)
    clf.fit(X[:160], y[:160], X_val=X[160:], y_val=y[160:], sample_weight_val=weight)
    expected = log_loss(y[160:], clf.predict_proba(X[160:]), sample_weight=weight)
    assert_allclose(clf.validation_loss_curve_[-1], expected)


@pytest.mark.parametrize(
    "scoring",
    [
        "accuracy",
        "roc_auc_ovr",
        "neg_log_loss",
        make_scorer(log_loss, response_method="predict_proba", greater_is_better=False),
        lambda est, X, y: est.score(X, y),
    ],
    ids=["accuracy", "roc_auc", "neg_log_loss", "scorer", "callable"],
)
def test_any_scorer_scores_the_validation_rows(scoring):
    labels = np.array(["a", "b", "c"])[y]
    clf = quick(early_stopping=True, scoring=scoring)
    clf.fit(X[:160], labels[:160], X_val=X[160:], y_val=labels[160:])
    from sklearn.metrics import check_scoring

    scorer = check_scoring(clf, scoring=scoring)
    assert_allclose(scorer(clf, X[160:], labels[160:]), clf.best_validation_score_, rtol=1e-6)


def test_a_scorer_that_takes_any_keyword_gets_weights():
    seen = []
    scoring = lambda est, X, y, **options: seen.append(set(options)) or 0.5  # noqa: E731
    quick(scoring=scoring).fit(X, y, X_val=X, y_val=y, sample_weight_val=np.ones(240))
    assert seen == [{"sample_weight"}] * 5
    assert not takes_weights(max)  # has no signature to read


@pytest.mark.parametrize(
    "scoring",
    ["adjusted_rand_score", lambda est, X, y: 0.5, make_scorer(lambda y, p: 0.5)],
)
def test_a_scorer_that_takes_no_weights_gets_none(scoring):
    clf = quick(early_stopping=True, scoring=scoring).fit(X, y, sample_weight=np.ones(240))
    assert len(clf.validation_scores_) == 5


def test_scores_that_are_no_numbers_are_said():
    clf = quick(early_stopping=True, scoring=lambda *_: np.nan, n_iter_no_change=3)
    with pytest.warns(ConvergenceWarning, match="No validation score was a number"):
        clf.fit(X, y)
    assert clf.n_iter_ == 3


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_scores_that_nothing_asked_for_are_not_said_to_be_no_numbers(solver):
    clf = quick(solver=solver, early_stopping=True, tol=1e9).set_params(hidden_layer_sizes=())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clf.fit(X, y).n_iter_ == 0  # it begins where `tol` is content
    if solver == "lbfgs":
        with pytest.warns(ConvergenceWarning, match="max_fun"):
            clf.set_params(tol=0.0, max_fun=1).fit(X, y)


def test_early_stopping_may_be_a_numpy_boolean():
    same_model(quick(early_stopping=True).fit(X, y), quick(early_stopping=np.True_).fit(X, y))
    same_model(quick(early_stopping=False).fit(X, y), quick(early_stopping=np.False_).fit(X, y))


def test_a_stream_after_early_stopping_has_no_best_score_of_its_own():
    clf = quick(early_stopping=True).fit(X, y)
    assert clf.partial_fit(X, y).best_validation_score_ is None
    assert len(clf.validation_scores_) == 5


def test_lbfgs_that_converges_in_its_last_iteration_has_converged():
    clf = quick(solver="lbfgs", alpha=1.0, max_iter=999).set_params(hidden_layer_sizes=())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        n_iter = clf.fit(X, y).n_iter_
        clf.set_params(max_iter=n_iter).fit(X, y)


@pytest.mark.parametrize("scoring", ["loss", "accuracy", "neg_log_loss"])
def test_validation_rows_of_weight_zero_are_absent(scoring):
    weight = np.repeat([1.0, 0.0, 2.0], 40)
    held_out, kept = {"X_val": X[120:], "y_val": y[120:]}, weight > 0
    clf = quick(early_stopping=True, temperature_scaling=True, scoring=scoring, max_iter=20)
    weighted = clone(clf).fit(X[:120], y[:120], **held_out, sample_weight_val=weight)
    removed = clf.fit(
        X[:120], y[:120], X_val=X[120:][kept], y_val=y[120:][kept], sample_weight_val=weight[kept]
    )
    same_model(weighted, removed)
    assert weighted.validation_loss_curve_ == removed.validation_loss_curve_
    assert weighted.validation_scores_ == removed.validation_scores_
    assert weighted.temperature_ == removed.temperature_ != 1


def test_weights_of_the_validation_rows_reach_the_scorer():
    weight = np.arange(80.0)
    clf = quick(scoring="accuracy", solver="lbfgs")
    clf.fit(X[:160], y[:160], X_val=X[160:], y_val=y[160:], sample_weight_val=weight)
    assert clf.validation_scores_[-1] == clf.score(X[160:], y[160:], weight)


@pytest.mark.parametrize(
    "settings", [{"early_stopping": True, "scoring": "accuracy"}, HELPED], ids=str
)
def test_a_fit_of_a_data_frame_warns_of_nothing(settings):
    rows = frame("abcdef")
    clf = quick(**{"learning_rate": "cosine", **settings})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.fit(rows, y)
        clf.set_params(scoring="accuracy")
        clf.fit(rows[:160], y[:160], X_val=rows[160:], y_val=y[160:])
        clf.predict(rows)
    assert list(clf.feature_names_in_) == list("abcdef")


def test_held_out_rows_reach_neither_scaler_nor_class_weights_nor_training():
    clf = quick(early_stopping=True, scaling="standard", class_weight="balanced")
    split = clf.fit(X, y)

    rng = np.random.default_rng(split._state.split_seed)
    train, held_out = split_validation(y, 3, 0.1, rng)
    assert len(held_out) == 24
    assert_allclose(split._model.encoding.scaling.center, X[train].mean(axis=0))
    trained = quick(scaling="standard", class_weight="balanced")
    trained.fit(X[train], y[train], X_val=X[held_out], y_val=y[held_out])
    assert_allclose(split.loss_curve_, trained.loss_curve_)
    assert_allclose(split.validation_loss_curve_, trained.validation_loss_curve_)


@pytest.mark.parametrize("n_rows", [10, 12])
def test_early_stopping_of_very_few_rows_and_singletons(n_rows):
    labels = np.array([0] * (n_rows - 3) + [1, 1, 2])
    clf = quick(early_stopping=True).fit(X[:n_rows], labels)
    assert_array_equal(clf.classes_, [0, 1, 2])


# --- temperature ---------------------------------------------------------------------------


def test_temperature_minimises_the_validation_loss():
    clf = quick(temperature_scaling=True, max_iter=200, learning_rate_init=0.05)
    clf.fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    assert clf.temperature_ > 1.05  # that fit is overconfident
    plain = quick(max_iter=200, learning_rate_init=0.05).fit(X[:120], y[:120])
    assert_allclose(clf.decision_function(X) * clf.temperature_, plain.decision_function(X))
    assert_array_equal(clf.predict(X), plain.predict(X))
    losses = [log_loss(y[120:], c.predict_proba(X[120:])) for c in (clf, plain)]
    assert losses[0] < losses[1]


def test_weights_of_validation_rows_count_for_the_temperature():
    weight = np.repeat([3.0, 0.01], 60)
    clf = quick(temperature_scaling=True, max_iter=100, learning_rate_init=0.05)
    clf.fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:], sample_weight_val=weight)
    Z = clf.decision_function(X[120:]) * clf.temperature_
    assert_allclose(clf.temperature_, fit_temperature(Z, y[120:], weight)[0], rtol=1e-5)
    assert abs(clf.temperature_ - fit_temperature(Z, y[120:])[0]) > 0.01


def test_too_few_held_out_rows_leave_the_temperature_at_1():
    clf = quick(temperature_scaling=True, early_stopping=True)  # 24 rows held out
    assert clf.fit(X, y).temperature_ == 1


def test_partial_fit_keeps_the_temperature():
    clf = quick(temperature_scaling=True, max_iter=50)
    clf.fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    temperature = clf.temperature_
    assert temperature != 1
    clf.partial_fit(X, y)
    assert clf.temperature_ == temperature


# --- precision -----------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("dtype", "published"),
    [("float64", "float64"), ("float32", "float32"), ("float16", "float32"), ("int64", "float64"),
     ("uint8", "float64"), ("bool", "float64")],
)  # fmt: skip
@pytest.mark.parametrize("compute", ["auto", "float32", "float64"])
def test_published_dtypes_are_those_of_X(dtype, published, solver, compute):
    rows = (10 * X).astype(dtype)
    clf = quick(solver=solver, dtype=compute).fit(rows, y)
    arrays = [*clf.coefs_, *clf.intercepts_, clf.predict_proba(rows), clf.decision_function(rows),
              clf.predict_log_proba(rows)]  # fmt: skip
    assert {array.dtype.name for array in arrays} == {published}
    if solver != "lbfgs" and dtype not in ("uint8", "bool"):
        clf = quick(solver=solver, dtype=compute).partial_fit(rows, y, classes=[0, 1, 2])
        assert clf.coefs_[0].dtype == published


@pytest.mark.parametrize(
    ("settings", "dtype", "expected"),
    [
        ({"solver": "lbfgs"}, "float64", "float64"),
        ({"solver": "lbfgs"}, "float32", "float32"),
        ({"batch_size": 240}, "float64", "float64"),
        ({"batch_size": 240}, "float32", "float32"),
        ({"batch_size": 239}, "float64", "float32"),
        ({"batch_size": 239, "dtype": "float64"}, "float32", "float64"),
        ({"solver": "lbfgs", "dtype": "float32"}, "float64", "float32"),
    ],
)
def test_the_arithmetic_is_in_float32_where_batches_make_it_stochastic(settings, dtype, expected):
    clf = quick(**settings).fit(X.astype(dtype), y)
    assert clf._state.params.dtype == expected


def test_partial_fit_resolves_its_precision_once():
    clf = quick(batch_size=1000).partial_fit(X, y, classes=[0, 1, 2])
    assert clf._state.params.dtype == np.float32
    for settings in ({}, {"learning_rate": "cosine"}, {"early_stopping": True}):
        clf = quick(batch_size=1000, **settings).fit(X, y)
        assert clf.partial_fit(X, y)._state.params.dtype == np.float64


@pytest.mark.parametrize("solver", SOLVERS)
def test_numpy_scalars_as_parameters_promote_nothing(solver):
    settings = {"alpha": 0.1, "learning_rate_init": 0.01, "tol": 1e-3, "label_smoothing": 0.1,
                "momentum": 0.8, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6,
                "weight_decay": 0.01, "power_t": 0.3, "learning_rate": "invscaling"}  # fmt: skip
    if solver != "lbfgs":
        settings["dropout"] = 0.1
    numpy_settings = {
        name: value if isinstance(value, str) else np.float64(value)
        for name, value in settings.items()
    }
    rows = X.astype(np.float32)
    same_model(
        quick(solver=solver, **settings).fit(rows, y),
        quick(solver=solver, **numpy_settings).fit(rows, y),
    )


def test_float32_and_float64_learn_the_same():
    settings = {"learning_rate": "cosine", "max_iter": 40, "activation": "tanh"}
    P = [quick(**settings, dtype=d).fit(X, y).predict_proba(X) for d in ("float32", "float64")]
    # Rounding of 6e-8 grows over 200 steps of Adam, whose step does not shrink with it.
    assert_allclose(*P, atol=1e-3)


# --- continuing ----------------------------------------------------------------------------

CONTINUED = [
    pytest.param({"solver": solver, **more}, id=f"{solver}-{'-'.join(more) or 'plain'}")
    for solver in ("adam", "sgd")
    for more in ({}, {"dropout": 0.2}, {"early_stopping": True}, {"scaling": "standard"},
                 {"learning_rate": "invscaling"})
]  # fmt: skip


@pytest.mark.parametrize("carry", [lambda c: c, lambda c: pickle.loads(pickle.dumps(c))])
@pytest.mark.parametrize("settings", CONTINUED)
def test_five_epochs_and_five_are_ten_bit_for_bit(settings, carry):
    whole = quick(**settings, max_iter=10).fit(X, y)
    halves = carry(quick(**settings, warm_start=True).fit(X, y)).fit(X, y)
    same_model(whole, halves)
    assert whole.validation_scores_ == halves.validation_scores_
    assert halves.n_iter_ == 5 and halves.t_ == whole.t_


def test_partial_fit_is_an_epoch_of_a_fit():
    # But for the penalty: a stream cannot know that the rows are those it has seen.
    whole = quick(max_iter=3, dtype="float32", alpha=0).fit(X, y)
    parts = quick(dtype="float32", alpha=0)
    for _ in range(3):
        parts.partial_fit(X, y, classes=[0, 1, 2])
    same_model(whole, parts)
    assert parts.n_iter_ == 3 and parts.t_ == 3 * 240


def test_partial_fit_with_an_int_seed_draws_new_permutations():
    clf = quick(learning_rate_init=1e-30, momentum=0, solver="sgd")
    states = set()
    for _ in range(3):
        clf.partial_fit(X, y, classes=[0, 1, 2])
        states.add(str(clf._state.rng.bit_generator.state))
    assert len(states) == 3


def test_partial_fit_learns_classes_that_come_later():
    clf = quick(learning_rate_init=0.02)
    for label in (0, 1, 2, *range(3)) * 20:
        clf.partial_fit(X[y == label], y[y == label], classes=[0, 1, 2])
    assert set(clf.predict(X)) == {0, 1, 2}


def test_early_stopping_has_no_effect_on_partial_fit():
    a = quick(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])
    same_model(a, quick().partial_fit(X, y, classes=[0, 1, 2]))
    stopped = quick(early_stopping=True, max_iter=60, learning_rate_init=0.3)
    stopped.set_params(n_iter_no_change=np.inf).fit(X, y)
    assert np.argmax(stopped.validation_scores_) < 50
    before = stopped._model.params
    stopped.set_params(learning_rate_init=1e-12).partial_fit(X, y)
    assert_allclose(stopped._model.params, before, atol=1e-6)  # on from the best, not the last


def test_decaying_schedules_are_constant_in_partial_fit():
    a = quick(learning_rate="coslog4").partial_fit(X, y, classes=[0, 1, 2])
    same_model(a, quick().partial_fit(X, y, classes=[0, 1, 2]))


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_a_continued_fit_keeps_the_scaling_its_weights_are_in_terms_of(scaling):
    for continued in (lambda c: c.fit(3 * X + 5, y), lambda c: c.partial_fit(3 * X + 5, y)):
        clf = quick(warm_start=True, scaling=scaling).fit(X, y)
        before = clf._model.encoding.scaling
        continued(clf)
        assert clf._model.encoding.scaling is before


def test_rows_seen_are_counted_over_fits_that_had_ended():
    clf = quick(warm_start=True, learning_rate="cosine").fit(X, y)
    assert [clf.t_, clf.fit(X, y).t_, clf.partial_fit(X, y).t_] == [1200, 2400, 2640]


def test_curves_stay_aligned_where_validation_rows_come_later():
    clf = quick(warm_start=True).fit(X[:160], y[:160])
    clf.fit(X[:160], y[:160], X_val=X[160:], y_val=y[160:])
    assert len(clf.loss_curve_) == len(clf.validation_loss_curve_) == 10
    assert_array_equal(np.isnan(clf.validation_scores_), [True] * 5 + [False] * 5)


def test_warnings_as_errors_keep_the_old_model():
    clf = quick(learning_rate="cosine").fit(X, y)
    model = clf._model
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning):
            clf.set_params(learning_rate="constant").fit(X, y)
    assert clf._model is model


def test_a_fit_that_had_ended_by_itself_starts_a_new_count():
    clf = quick(warm_start=True, tol=10.0, n_iter_no_change=3, max_iter=50)
    assert [clf.fit(X, y).n_iter_ for _ in range(3)] == [4, 4, 4]
    assert len(clf.loss_curve_) == 12


def test_patience_carries_over_a_pause():
    clf = quick(warm_start=True, tol=10.0, n_iter_no_change=8)
    assert [clf.fit(X, y).n_iter_ for _ in range(2)] == [5, 4]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.fit(X, np.roll(y, 1)),
        lambda c: c.fit(np.roll(X, 1, axis=1), y),
        lambda c: c.fit(csr_array(X), y),
        lambda c: c.fit(X, y, np.full(240, 2.0)),
        lambda c: c.set_params(alpha=1.0).fit(X, y),
        lambda c: c.set_params(label_smoothing=0.1).fit(X, y),
        lambda c: c.partial_fit(X, y).fit(X, y),
        lambda c: c.set_params(early_stopping=True, scoring=lambda *_: 0.0).fit(X, y),
    ],
)
def test_patience_and_what_is_best_end_with_the_problem_they_belong_to(change):
    clf = quick(warm_start=True, tol=10.0, n_iter_no_change=5)
    clf.fit(X, y)
    assert clf._state.history.n_no_improvement == 4
    change(clf)
    assert clf.n_iter_ in (5, 6) and clf._state.history.n_no_improvement == 4


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}], ids=str)
def test_a_fit_is_continued_exactly_that_began_without_warm_start(settings):
    settings = {"tol": 10.0, "n_iter_no_change": 8, **settings}
    warm, late = quick(warm_start=True, **settings).fit(X, y), quick(**settings).fit(X, y)
    same_model(late.set_params(warm_start=True).fit(X, y), warm.fit(X, y))
    assert late.n_iter_ == 4 and warm.n_iter_ == 4


def test_a_default_fit_does_not_read_the_rows_for_a_checksum(monkeypatch):
    monkeypatch.setattr(internals.training_dataset, "checksum", None)  # which cannot be called
    quick(learning_rate="coslog4", warm_start=True).fit(X, y)


def test_another_function_is_another_score():
    settings = {"early_stopping": True, "tol": 10.0, "n_iter_no_change": 8}
    clf = quick(warm_start=True, **settings, scoring=lambda *_: 0.5).fit(X, y)
    assert clf.set_params(scoring=lambda *_: 0.25).fit(X, y).best_validation_score_ == 0.25
    assert clf.n_iter_ == 5


def test_early_stopping_that_begins_in_a_warm_fit_restores_the_best():
    clf = quick(warm_start=True, learning_rate_init=0.3)
    held_out = {"X_val": X[160:], "y_val": y[160:]}
    clf.fit(X[:160], y[:160], **held_out)
    clf.set_params(early_stopping=True, max_iter=40).fit(X[:160], y[:160], **held_out)
    loss = log_loss(y[160:], clf.predict_proba(X[160:]))
    assert_allclose(loss, -clf.best_validation_score_, rtol=1e-5)


def test_initial_values_do_not_go_with_a_fit_that_goes_on():
    clf = quick(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="warm_start=False"):
        clf.fit(X, y, coefs_init=clf.coefs_)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "coslog4"])
def test_each_warm_fit_runs_its_own_schedule(schedule):
    clf = quick(warm_start=True, learning_rate=schedule, max_iter=20, learning_rate_init=0.01)
    first = clf.fit(X, y)._model.params
    second = clf.fit(X, y)._model.params
    assert clf.n_iter_ == 20 and len(clf.loss_curve_) == 40
    assert np.abs(second - first).max() > 0.01


@pytest.mark.parametrize("max_fun", [1, 4, 9])
def test_max_fun_is_the_number_of_evaluations(max_fun, monkeypatch):
    calls, evaluate = [], Objective.__call__

    def counting(objective, params):
        calls.append(1)
        return evaluate(objective, params)

    monkeypatch.setattr(Objective, "__call__", counting)
    clf = quick(solver="lbfgs", max_iter=99, max_fun=max_fun).fit(X, y)
    # Where no iteration was made, J is evaluated once more to be reported.
    assert len(calls) == max_fun + (clf.n_iter_ == 0)


def test_warm_lbfgs_goes_on_downhill():
    clf = quick(solver="lbfgs", warm_start=True).fit(X, y)
    losses = [clf.loss_, clf.fit(X, y).loss_, clf.fit(X, y).loss_]
    assert losses[0] > losses[1] > losses[2]


def test_warm_lbfgs_at_the_optimum_reports_J_of_the_data_it_was_given():
    clf = quick(solver="lbfgs", warm_start=True, alpha=1.0, max_iter=1000, tol=1e-3)
    clf.set_params(hidden_layer_sizes=()).fit(X, y)
    loss = clf.loss_
    clf.fit(X, y)
    assert clf.n_iter_ == 0 and clf.loss_ == loss


def test_the_solver_may_change_between_warm_fits():
    clf = quick(warm_start=True).fit(X, y)
    loss = clf.loss_
    assert clf.set_params(solver="lbfgs").fit(X, y).loss_ < loss
    clf.set_params(solver="sgd").fit(X, y)
    assert len(clf.loss_curve_) == 15


@pytest.mark.parametrize(
    "change", [{"hidden_layer_sizes": (9,)}, {"activation": "tanh"}, {"scaling": "standard"}]
)
def test_a_continued_fit_keeps_its_architecture(change):
    for continued in (lambda c: c.fit(X, y), lambda c: c.partial_fit(X, y)):
        clf = quick(warm_start=True).fit(X, y)
        with pytest.raises(ValueError, match="same layers, activation, scaling and encoding"):
            continued(clf.set_params(**change))


def test_a_cold_fit_forgets():
    clf = quick().fit(X, y)
    fresh = quick().fit(X, y)
    same_model(fresh, clf.fit(X, y))
    clf.fit(X[:, :3], y > 0)
    assert clf.n_features_in_ == 3 and clf.n_outputs_ == 2


def test_initial_values_are_where_the_fit_begins():
    start = quick().fit(X, y)
    tiny = quick(solver="sgd", momentum=0, learning_rate_init=1e-12, dtype="float64")
    tiny.fit(X, y, coefs_init=start.coefs_, intercepts_init=start.intercepts_)
    assert_allclose(tiny._model.params, start._model.params, atol=1e-10)


@pytest.mark.parametrize(
    "copy_of", [clone, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))]
)
def test_copies(copy_of):
    clf = quick(early_stopping=True, scaling="robust").fit(X, y)
    other = copy_of(clf)
    assert other.get_params() == clf.get_params()
    if copy_of is not clone:
        assert_array_equal(other.predict_proba(X), clf.predict_proba(X))
        assert_array_equal(other.coefs_[0], clf.coefs_[0])


def test_joblib_round_trip(tmp_path):
    clf = quick().fit(X, y)
    joblib.dump(clf, tmp_path / "clf.joblib")
    loaded = joblib.load(tmp_path / "clf.joblib")
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


# --- a failed refit ------------------------------------------------------------------------


def failing_calls():
    bad = X.copy()
    bad[3, 2] = np.inf
    return {
        "infinity": lambda c: c.fit(bad, y),
        "other features and infinity": lambda c: c.fit(bad[:, :4], y),
        "labels": lambda c: c.fit(X, np.eye(3)[y]),
        "validation rows": lambda c: c.fit(X, y, X_val=bad, y_val=y),
        "unknown validation label": lambda c: c.fit(X, y, X_val=X, y_val=y + 1),
        "no finite loss": lambda c: c.fit(1e200 * X, y),
        "initial values": lambda c: c.fit(X, y, coefs_init=[np.ones(3)]),
        "scorer": lambda c: c.set_params(scoring=failing_scorer, early_stopping=True).fit(X, y),
        "partial_fit": lambda c: c.partial_fit(csr_array(bad), y),
        "parameter": lambda c: c.set_params(alpha=-1).fit(X, y),
        "no row to hold out": lambda c: c.set_params(early_stopping=True).fit(
            X[:3, :2], [0, 1, 2]
        ),
        "other classes": lambda c: c.set_params(warm_start=True).fit(X, y + 1),
        "other layers": lambda c: c.set_params(hidden_layer_sizes=(9,)).partial_fit(X, y),
        "other features": lambda c: c.set_params(warm_start=True).fit(X[:, :4], y),
        "other names": lambda c: c.set_params(warm_start=True).fit(frame("uvwxyz"), y),
        "names of validation rows": lambda c: c.fit(
            frame("abcdef"), y, X_val=frame("fedcba"), y_val=y
        ),
        "weights": lambda c: c.fit(X[:, :4], y, np.zeros(240)),
    }


def failing_scorer(estimator, X, y):
    raise ValueError("this scorer fails")


@pytest.mark.filterwarnings("ignore:(overflow|invalid):RuntimeWarning")
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("name", failing_calls())
def test_a_failed_refit_keeps_the_old_model(name):
    clf = quick().fit(frame("abcdef"), y)
    before = {k: v for k, v in vars(clf).items() if k.endswith("_") or k.startswith("_")}
    with pytest.raises(ValueError):
        failing_calls()[name](clf)
    after = {k: v for k, v in vars(clf).items() if k.endswith("_") or k.startswith("_")}
    assert before.keys() == after.keys()
    assert all(before[key] is after[key] for key in before)


def interrupted_after(n_calls):
    """A scorer that is interrupted in its last call."""
    calls = []

    def scoring(estimator, X, y):
        calls.append(1)
        if len(calls) == n_calls:
            raise KeyboardInterrupt
        return estimator.score(X, y)

    return scoring


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_interruption_propagates_and_leaves_the_best_parameters_so_far(solver, early_stopping):
    clf = quick(solver=solver, max_iter=60, early_stopping=early_stopping)
    clf.set_params(scoring=interrupted_after(10), n_iter_no_change=np.inf)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X[:160], y[:160], X_val=X[160:], y_val=y[160:])
    assert clf.n_iter_ == 10
    assert np.isfinite(clf.predict_proba(X)).all()
    if early_stopping:
        assert clf.score(X[160:], y[160:]) == max(clf.validation_scores_)
    else:
        whole = quick(solver=solver, max_iter=10).fit(X[:160], y[:160])
        assert clf.score(X, y) > whole.score(X, y) - 0.02
    clf.set_params(warm_start=True, scoring="loss", max_iter=5)
    loss = clf.loss_
    assert clf.fit(X[:160], y[:160], X_val=X[160:], y_val=y[160:]).loss_ < loss + 0.05


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_loss_of_an_interrupted_fit_is_J_of_what_is_kept(solver, early_stopping):
    scoring = interrupted_after(8)
    clf = quick(solver=solver, early_stopping=early_stopping, scoring=scoring, dtype="float64")
    clf.set_params(max_iter=60, n_iter_no_change=np.inf, learning_rate_init=1.0)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y, X_val=X, y_val=y)
    row_loss = -clf.predict_log_proba(X)[np.arange(240), y]
    penalty = clf.alpha / 480 * sum((W**2).sum() for W in clf.coefs_)
    assert_allclose(clf.loss_, row_loss.mean() + penalty)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_an_interruption_within_a_step_leaves_no_half_step(solver, monkeypatch):
    steps = []

    def interrupted(self, params, grad, *arguments):
        steps.append(1)
        if len(steps) == 9:  # of five in an epoch
            params[:3] = 1e30
            raise KeyboardInterrupt
        return step(self, params, grad, *arguments)

    kind = type(quick(solver=solver).fit(X, y)._state.optimizer)
    step = kind.step
    monkeypatch.setattr(kind, "step", interrupted)
    clf = quick(solver=solver)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    monkeypatch.undo()
    assert_array_equal(clf._model.params, quick(solver=solver, max_iter=1).fit(X, y)._model.params)


def test_an_interruption_before_anything_is_learnt_keeps_the_old_model(monkeypatch):
    clf = quick().fit(X, y)
    model = clf._model

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(clf._state.optimizer), "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    assert clf._model is model


def test_interruption_leaves_a_cross_validation():
    clf = quick(scoring=interrupted_after(1), early_stopping=True)
    with pytest.raises(KeyboardInterrupt):
        cross_val_score(clf, X, y, cv=2)


# --- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.fit(X, np.eye(3)[y]), "one class label per row"),
        (lambda c: c.fit(X, None), "requires y to be passed"),
        (lambda c: c.fit(X, y, -np.ones(240)), "not be negative"),
        (lambda c: c.fit(X, y, np.zeros(240)), "not be zero for every row"),
        (lambda c: c.fit(X, y, np.ones(239)), r"shape \(240,\), got shape \(239,\)"),
        (lambda c: c.fit(X, y, X_val=X), "y_val is None"),
        (lambda c: c.fit(X, y, y_val=y), "X_val is None"),
        (lambda c: c.fit(X, y, X_val=X[:, :2], y_val=y), "2 features"),
        (lambda c: c.fit(X, y, X_val=X, y_val=y + 1), r"y_val does not fit y.*\[3\]"),
        (lambda c: c.fit(X, y, coefs_init=[np.ones((6, 8))]), r"coefs_init.*\(8, 3\)"),
        (lambda c: c.fit(X, y, coefs_init=np.ones((6, 8))), r"coefs_init must be a list"),
        (lambda c: c.fit(X, y, intercepts_init=[np.ones(3)]), "intercepts_init"),
        (lambda c: c.fit(X, y, intercepts_init=3), "intercepts_init must be a list"),
        (lambda c: c.fit(X, y, X_val=X, y_val=y, sample_weight_val=-1), "sample_weight_val"),
        (lambda c: c.partial_fit(X, y), "classes must be passed"),
        (lambda c: c.partial_fit(X, y, classes=[0, 1]), r"\[2\].*\[0 1\]"),
        (lambda c: c.fit(X, y).partial_fit(X, y, classes=[0, 1]), "last call"),
        (lambda c: c.set_params(hidden_layer_sizes=(3, 0)).fit(X, y), "must be > 0"),
        (lambda c: c.set_params(hidden_layer_sizes=(3.5,)).fit(X, y), "must be > 0"),
        (lambda c: c.set_params(dropout=0.5, solver="lbfgs").fit(X, y), "needs a mini-batch"),
        (lambda c: c.set_params(scaling="robust").fit(csr_array(X), y), "needs dense X"),
        (lambda c: c.set_params(class_weight={5: 1}).fit(X, y), r"\[5\]"),
        (lambda c: c.set_params(class_weight=dict.fromkeys(range(3), 0)).fit(X, y), "no row"),
        (lambda c: c.set_params(scoring="accurcy").fit(X, y), "scoring"),
        (lambda c: c.fit(X * 1j, y), "Complex"),
    ],
)
def test_bad_input_gets_a_clear_error(call, message):
    with pytest.raises(ValueError, match=message):
        call(quick())


@pytest.mark.parametrize("settings", [{"solver": "lbfgs"}, {"class_weight": "balanced"}])
def test_partial_fit_is_missing_where_it_cannot_work(settings):
    clf = quick(**settings)
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(AttributeError) as error:
        clf.partial_fit(X, y)
    assert "partial_fit" in str(error.value.__cause__)


@pytest.mark.filterwarnings("ignore:The weights of the rows have a mean:UserWarning")
@pytest.mark.filterwarnings("ignore:(overflow|invalid|divide):RuntimeWarning")
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "fit",
    [
        lambda c: c.set_params(dtype="float32").fit(1e150 * X, y),
        lambda c: c.fit(1e200 * X, y),
        lambda c: c.set_params(alpha=1.0).fit(X, y, np.full(240, 1e-320)),
    ],
    ids=["float32", "features", "weights"],
)
def test_what_is_not_finite_is_never_published(solver, fit):
    clf = quick(solver=solver, learning_rate_init=1.0)
    try:
        fit(clf)
    except ValueError as error:
        assert "not finite" in str(error)
        assert not hasattr(clf, "coefs_")
    else:
        assert np.isfinite(clf.predict_proba(X)).all() and np.isfinite(clf.loss_)


@pytest.mark.parametrize("scaling", ["standard", "robust"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_huge_weights_overflow_nowhere(solver, scaling):
    settings = {"solver": solver, "scaling": scaling, "alpha": 0.0, "early_stopping": True}
    plain = quick(**settings).fit(X, y, np.ones(240))
    huge = quick(**settings).fit(X, y, np.full(240, 1e308))
    assert_allclose(huge.loss_curve_, plain.loss_curve_, rtol=1e-5)
    assert_allclose(huge.validation_loss_curve_, plain.validation_loss_curve_, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:(overflow|invalid):RuntimeWarning")
@pytest.mark.parametrize(
    ("settings", "scale"),
    [
        ({"solver": "sgd", "learning_rate_init": 1.0}, 1e10),
        ({"solver": "sgd", "learning_rate_init": 1.0}, 1e30),
        ({"learning_rate_init": 1e3}, 1.0),
        ({"learning_rate_init": 1e3, "early_stopping": True}, 1.0),
        ({"learning_rate_init": 1e3, "early_stopping": "auto", "learning_rate": "coslog4"}, 1.0),
    ],
    ids=str,
)
def test_divergence_warns_at_once_and_keeps_the_best_parameters(settings, scale):
    clf = quick(max_iter=50, **settings)
    with pytest.warns(ConvergenceWarning, match="diverged at epoch 1; lower learning_rate_init"):
        clf.fit(scale * X, y)
    assert clf.n_iter_ == 1
    # The parameters it began with, of equal probabilities.
    assert_allclose(clf.predict_proba(scale * X), np.full((240, 3), 1 / 3))
    assert_allclose(clf.loss_, np.log(3), rtol=1e-4)


def test_a_stream_that_diverges_warns_and_stays_where_it_was():
    clf = quick().partial_fit(X, y, classes=[0, 1, 2])
    params = clf._model.params
    with pytest.warns(ConvergenceWarning, match="diverged at epoch 2"):
        clf.set_params(learning_rate_init=1e3).partial_fit(X, y)
    assert_array_equal(clf._model.params, params)
    loss = clf.loss_
    assert clf.set_params(learning_rate_init=0.01).partial_fit(X, y).loss_ < loss


@pytest.mark.parametrize("scaling", [None, "standard", "robust"])
@pytest.mark.parametrize("settings", [{"learning_rate_init": 1e3}, {"solver": "lbfgs"}], ids=str)
def test_to_scale_the_features_is_advised_only_where_they_are_not(settings, scaling):
    with pytest.warns(ConvergenceWarning, match="diverged|has not converged") as caught:
        quick(max_iter=2, scaling=scaling, **settings).fit(X, y)
    for warning in caught:
        assert ("scale the features" in str(warning.message)) == (scaling is None)


def test_a_fit_that_has_diverged_can_be_continued():
    clf = quick(warm_start=True, learning_rate_init=1e3, max_iter=5)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        clf.fit(X, y)
    clf.set_params(learning_rate_init=0.01, max_iter=30).fit(X, y)
    assert clf.score(X, y) > 0.5


@pytest.mark.filterwarnings("ignore:(overflow|invalid):RuntimeWarning")
def test_features_without_a_finite_loss_are_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match=r"The loss is not finite.*scaling='standard'"):
        quick(solver="sgd").fit(1e200 * X, y)


def test_a_lone_weight_for_all_rows_is_allowed():
    same_model(quick().fit(X, y, sample_weight=1.0), quick().fit(X, y, np.ones(240)))


@pytest.mark.parametrize(
    ("n_rows", "n_batches"), [(1, 1), (200, 1), (256, 1), (257, 2), (1025, 5)]
)
def test_automatic_batches_are_equal_and_as_few_as_can_be(n_rows, n_batches):
    rows, labels = np.tile(X, (5, 1))[:n_rows], np.tile(y, 5)[:n_rows]
    clf = quick(batch_size="auto", max_iter=3, shuffle=False).fit(rows, labels)
    assert clf._state.optimizer.n_steps == 3 * n_batches


def test_a_batch_of_nothing_but_zero_weights_is_harmless():
    weight = np.ones(240)
    clf = quick(shuffle=False, class_weight={0: 0, 1: 1, 2: 1})
    clf.fit(X[np.argsort(y)], np.sort(y), weight)
    assert np.isfinite(clf.loss_curve_).all()
