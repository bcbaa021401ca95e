"""What a fit leaves behind that fails, at every place where it can.

An error, an interruption or a value that is not finite is injected at each evaluation of
the objective in turn: the estimator is then as before, or whole, and never in between.
"""

import pickle
import warnings
from contextlib import contextmanager
from copy import copy, deepcopy
from functools import cache, wraps

import internals
import numpy as np
import pandas as pd
import pytest
from internals import Objective, _Regression
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from skmax import SoftmaxMLPClassifier, softmax

X, y = make_classification(
    140, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
)
FRAME = pd.DataFrame(X, columns=list("abcd"))

SOLVERS = ["adam", "sgd", "lbfgs", "newton-cg"]
MODES = {
    "plain": {"early_stopping": False, "temperature_scaling": False},
    "early stopping": {"early_stopping": True},
    "helpers": {},
}

# All that a solver evaluates; "newton-cg" keeps the logits of its rows, and is on its own.
EVALUATIONS = [
    (Objective, "estimate"),
    (Objective, "__call__"),
    (_Regression, "_loss_along"),
    (_Regression, "gradient"),
    (_Regression, "hessian_product"),
]

pytestmark = [
    pytest.mark.filterwarnings("ignore:(overflow|invalid):RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def small(solver="adam", mode="plain", **settings):
    hidden = () if solver == "newton-cg" else (3,)
    max_iter = {"adam": 3, "sgd": 3, "lbfgs": 4, "newton-cg": 4}[solver]
    defaults = {"learning_rate": "constant", "learning_rate_init": 0.02, "label_smoothing": 0.0}
    defaults |= {"max_iter": max_iter, "batch_size": 70, "tol": 1e-3}
    settings = {**defaults, **MODES[mode], **settings}
    return SoftmaxMLPClassifier(hidden, solver=solver, random_state=0, **settings)


def first_fit(solver, mode):
    return small(solver, mode)


def refit(solver, mode):
    """Of other features, and of more."""
    return small(solver, mode).fit(FRAME[["d", "b"]], y)


def warm_refit(solver, mode):
    """Of a fit that is only paused: its curves, moments, patience and helpers go on."""
    clf = small(solver, mode, warm_start=True, max_iter=1).fit(FRAME, y)
    return clf.set_params(max_iter=small(solver).max_iter)


BEGINNINGS = [first_fit, refit, warm_refit]


def everything(clf):
    """Return what an estimator is, as objects and as their bits."""
    return {name: (id(value), pickle.dumps(value)) for name, value in vars(clf).items()}


def outcome(clf):
    return clf._model.params.tobytes(), clf.loss_curve_, clf.temperature_, clf.n_iter_


def spoilt(result, value):
    """Return the result of an evaluation with nothing but `value` in it."""
    if isinstance(result, tuple):
        return tuple(spoilt(part, value) for part in result)
    return np.full_like(result, value) if isinstance(result, np.ndarray) else value


@contextmanager
def fault(at, what, places=EVALUATIONS):
    """Raise `what`, or let it be the value, in the call number `at` of these functions."""
    n_calls = [0]

    def faulty(function):
        @wraps(function)
        def call(*arguments, **settings):
            n_calls[0] += 1
            if n_calls[0] != at:
                return function(*arguments, **settings)
            if isinstance(what, type):
                raise what
            return spoilt(function(*arguments, **settings), what)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in places:
            patch.setattr(owner, name, faulty(getattr(owner, name)))
        yield n_calls


def undisturbed(clf, places=EVALUATIONS, **held_out):
    """Return how many calls the next fit makes, and what it comes to."""
    twin = copy(clf)  # shares what is fitted, which no fit changes
    with fault(at=0, what=None, places=places) as n_calls:
        twin.fit(FRAME, y, **held_out)
    return n_calls[0], outcome(twin)


@cache
def all_attributes():
    return vars(small().fit(FRAME, y)).keys()


def assert_usable(clf):
    rows = FRAME[list(clf.feature_names_in_)]
    for P in (clf.predict_proba(rows), np.exp(clf.predict_log_proba(rows))):
        assert np.isfinite(P).all()
        assert_allclose(P.sum(axis=1), 1.0, rtol=1e-6)
    numbers = [clf.loss_, clf.temperature_, *clf.loss_curve_]
    assert np.isfinite(numbers).all() and all(np.isfinite(W).all() for W in clf.coefs_)
    assert vars(clf).keys() == all_attributes()


def J(clf):
    """The objective of a fitted classifier, by hand."""
    model = clf._model
    weights = model.params[: model.network.n_weights]
    losses = [log_loss(y, softmax(Z)) for Z in model.tower_logits(FRAME.to_numpy())]
    penalty = clf.alpha / (2 * len(y)) * (weights**2).sum()
    return (sum(losses) + penalty) / len(losses)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("begin", BEGINNINGS)
def test_an_error_anywhere_leaves_everything_as_it_was(begin, solver, mode):
    clf = begin(solver, mode)
    n_calls, expected = undisturbed(clf)
    before = everything(clf)
    for at in range(1, n_calls + 1):
        with fault(at, MemoryError), pytest.raises(MemoryError):
            clf.fit(FRAME, y)
        assert everything(clf) == before
    assert outcome(clf.fit(FRAME, y)) == expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("begin", BEGINNINGS)
def test_an_interruption_anywhere_leaves_the_old_model_or_the_best_so_far(begin, solver, mode):
    beginning = begin(solver, mode)
    n_calls, _ = undisturbed(beginning)
    before, n_published = everything(beginning), 0
    for at in range(1, n_calls + 1):
        clf = copy(beginning)
        with fault(at, KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            clf.fit(FRAME, y)
        if everything(clf) == before:
            continue
        n_published += 1
        assert_usable(clf)
        assert list(clf.feature_names_in_) == list("abcd")
        curve = clf.loss_curve_[-clf.n_iter_ :]
        assert len(curve) == clf.n_iter_ > 0
        if mode == "early stopping":
            assert clf.best_validation_score_ == max(clf.validation_scores_)
        else:
            assert clf.loss_ <= min(curve) + 1e-6
        if mode == "plain":
            assert_allclose(clf.loss_, J(clf), rtol=1e-5)
    assert everything(beginning) == before
    assert n_published >= 3  # the law is not empty


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("begin", BEGINNINGS)
def test_what_is_not_finite_anywhere_is_said_and_never_published(begin, solver, mode, value):
    beginning = begin(solver, mode)
    n_calls, (expected_params, curve, *_) = undisturbed(beginning)
    before, n_diverged = everything(beginning), 0
    for at in range(1, n_calls + 1):
        clf = copy(beginning)
        with fault(at, value), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            try:
                clf.fit(FRAME, y)
            except ValueError as error:
                assert "The loss is not finite" in str(error)
                assert everything(clf) == before
                continue
        assert_usable(clf)
        said = [str(w.message) for w in caught if w.category is ConvergenceWarning]
        if any(message.startswith("The fit diverged at") for message in said):
            n_diverged += 1
        elif solver == "newton-cg":  # can halve a step, or has made no step that counts
            assert said or clf.loss_ < curve[-1] + 1e-3
        else:  # it was that of a helper, which gives no advice then
            assert mode == "helpers" and clf._model.params.tobytes() == expected_params
    assert n_diverged > 0


# What a fit calls beside the objective: the function, and a mode in which it does.
PARTS = {
    "network": (internals.TrainingConfig, "build_network", "plain"),
    "first parameters": (internals.start, "first_state", "plain"),
    "validation split": (internals.training_dataset, "split_validation", "early stopping"),
    "encoding": (internals.training_dataset, "learn_encoding", "plain"),
    "class weights": (internals.training_dataset, "class_weights", "plain"),
    "folds": (internals.training_dataset, "stratified_folds", "helpers"),
    "logits of helpers": (internals.training_dataset, "all_logits", "helpers"),
    "temperature of helpers": (internals.held_out_fits, "fit_temperature", "helpers"),
    "validation loss": (internals.scoring, "mean_cross_entropy", "X_val"),
    "validation score": (SoftmaxMLPClassifier, "predict_proba", "X_val"),
    "logits of held-out rows": (internals.training_dataset, "all_logits", "X_val"),
    "temperature": (internals.run, "fit_temperature", "X_val"),
    "warning": (warnings, "warn", "plain"),
}


@pytest.mark.parametrize("what", [MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("begin", [first_fit, refit])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_fault_beside_the_objective_leaves_no_half_of_a_model(solver, begin, part, what):
    owner, name, mode = PARTS[part]
    held_out, places = {}, [(owner, name)]
    if mode == "X_val":
        mode, held_out = "early stopping", {"X_val": FRAME, "y_val": y}
    scoring = "neg_log_loss" if mode == "early stopping" else "loss"
    beginning = begin(solver, mode).set_params(scoring=scoring, max_iter=3)
    n_calls, expected = undisturbed(beginning, places, **held_out)
    before, n_published = everything(beginning), 0
    assert n_calls > 0
    for at in range(1, n_calls + 1):
        clf = copy(beginning)
        with fault(at, what, places), pytest.raises(what):
            clf.fit(FRAME, y, **held_out)
        if what is KeyboardInterrupt and everything(clf) != before:
            n_published += 1
            assert_usable(clf)
            assert clf.n_iter_ == len(clf.loss_curve_) > 0
            assert mode == "helpers" or clf.n_iter_ == at  # of a held-out fit otherwise
        else:
            assert everything(clf) == before
    assert everything(beginning) == before
    assert outcome(beginning.fit(FRAME, y, **held_out)) == expected
    # After an epoch, and before there is a model of it, a score or loss is being computed; when
    # held-out fits are judged, the first of them is a model.
    published = {"validation loss": 3, "validation score": 3}
    published |= dict.fromkeys(("logits of helpers", "temperature of helpers"), n_calls)
    assert n_published == (published.get(part, 0) if what is KeyboardInterrupt else 0)


@pytest.mark.parametrize("what", [MemoryError, KeyboardInterrupt, np.nan])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_portion_of_a_stream_that_fails_is_as_if_it_had_not_come(solver, what):
    clf = small(solver).partial_fit(FRAME, y, classes=[0, 1, 2])
    before = everything(clf)
    for at in (1, 2):
        if what is np.nan:
            stream = copy(clf)
            with fault(at, what), pytest.warns(ConvergenceWarning, match="diverged at epoch 2"):
                stream.partial_fit(FRAME, y)
            assert_array_equal(stream._model.params, clf._model.params)
        else:
            with fault(at, what), pytest.raises(what):
                clf.partial_fit(FRAME, y)
            assert everything(clf) == before


X_HUGE = X.copy()
X_HUGE[0] = 1e20


def stream_with_a_huge_row(clf):
    return clf.partial_fit(X, y, np.unique(y)).partial_fit(X_HUGE, y).partial_fit(X, y)


@pytest.mark.filterwarnings("ignore:The weights of the rows have a mean:UserWarning")
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("fit", "settings"),
    [
        (stream_with_a_huge_row, {}),
        (lambda clf: clf.fit(1e25 * X, y), {"scaling": None}),
        (lambda clf: clf.fit(X, y, np.full(len(y), 1e-30)), {}),
        (lambda clf: clf.fit(X, y), {"alpha": 1e22}),
    ],
    ids=["a huge row in a stream", "huge features", "tiny weights", "a huge penalty"],
)
def test_what_a_fit_ends_with_can_be_read_again(fit, settings, dtype, solver):
    clf = SoftmaxMLPClassifier(
        (8,), solver=solver, dtype=dtype, max_iter=3, learning_rate="constant", random_state=0
    )
    try:
        fit(clf.set_params(**settings))
    except ValueError as error:  # nothing is published
        assert "The loss is not finite" in str(error)
        return
    twin = pickle.loads(pickle.dumps(clf))
    assert_array_equal(twin.coefs_[0], clf.coefs_[0])
    clone = deepcopy(clf)
    assert_array_equal(clone.intercepts_[0], clf.intercepts_[0])
