import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
from internals import check_weights, weighted_sample
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import validate_data

from skmax import SoftmaxMLPClassifier

X = np.random.default_rng(0).normal(size=(30, 4))
FRAME = pd.DataFrame(X, columns=list("abcd"))
y = np.arange(30) % 3


def fitted(rows):
    return SoftmaxMLPClassifier((), max_iter=2, learning_rate="cosine").fit(rows, y)


def with_value(value):
    rows = X.copy()
    rows[7, 2] = value
    return rows


INPUTS = {
    "float64": X,
    "float32": X.astype(np.float32),
    "Fortran": np.asfortranarray(X),
    "one row": X[:1],
    "no row": X[:0],
    "one dimension": X[0],
    "three dimensions": X[None],
    "too few features": X[:, :3],
    "too many features": np.hstack([X, X]),
    "NaN": with_value(np.nan),
    "infinity": with_value(np.inf),
    "infinities that cancel": np.where(np.arange(30)[:, None] % 2, np.inf, -np.inf) + 0 * X,
    "sum that overflows": np.full((30, 4), 1e308),
    "integers": X.astype(int),
    "float16": X.astype(np.float16),
    "strings": X.astype(str),
    "complex": X * 1j,
    "list": X.tolist(),
    "sparse": csr_array(X),
    "sparse with infinity": csr_array(with_value(np.inf)),
    "frame": FRAME,
    "frame with other names": FRAME.rename(columns={"a": "z"}),
    "frame in another order": FRAME[list("dcba")],
    "matrix": np.asmatrix(X),
    "masked": np.ma.masked_array(X, mask=False),
}


def outcome(check, clf, rows):
    """Return what a check returns, raises and warns of, to be compared."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = check(clf, rows)
        except Exception as error:
            return type(error), str(error)
    messages = [str(w.message) for w in caught]
    dense = result.toarray() if isinstance(result, csr_array) else result
    cells = np.where(np.isnan(dense), None, dense).tolist()  # NaN is not equal to itself
    return type(result), result.dtype, cells, messages


def ours(clf, rows):
    return clf._check_prediction(rows)[1]


def scikit_learns(clf, rows):
    settings = {"accept_sparse": "csr", "dtype": "numeric", "ensure_all_finite": "allow-nan"}
    return validate_data(clf, rows, reset=False, **settings)


@pytest.mark.parametrize("seen", ["array", "frame"])
@pytest.mark.parametrize("name", INPUTS)
def test_predictions_check_rows_as_scikit_learn_does(name, seen):
    clf = fitted(X if seen == "array" else FRAME)
    rows = INPUTS[name]
    assert outcome(ours, clf, rows) == outcome(scikit_learns, clf, rows)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "X_val", "predict"])
def test_a_gap_in_sparse_rows_is_an_error_that_says_what_to_do(method):
    rows = csr_array(with_value(np.nan))
    calls = {
        "fit": lambda clf: clf.fit(rows, y),
        "partial_fit": lambda clf: clone(clf).partial_fit(rows, y, [0, 1, 2]),
        "X_val": lambda clf: clf.fit(X, y, X_val=rows, y_val=y),
        "predict": lambda clf: clf.predict(rows),
    }
    with pytest.raises(ValueError, match=r"Sparse X contains NaN.*SimpleImputer"):
        calls[method](fitted(X))


def test_plain_rows_are_taken_as_they_are():
    assert ours(fitted(X), X) is X


def test_the_width_is_that_of_the_model_at_hand():
    clf = fitted(X)
    clf.n_features_in_ = 3  # refitted to three features after the model of four was read
    with pytest.raises(ValueError, match=r"X has 3 features.*expecting 4"):
        clf._check_prediction(X[:, :3])
    assert clf._check_prediction(X)[1] is X


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_rows_too_large_for_the_model_are_an_error(method):
    clf = fitted(X.astype(np.float32))
    with pytest.raises(ValueError, match="too large for the model's float32"):
        getattr(clf, method)(np.full((2, 4), 1e300))


def test_rows_whose_sum_overflows_both_ways_are_finite():
    # Partial sums of such rows are inf and -inf, of which scikit-learn's check warns.
    rows = np.where(np.arange(40) % 2, 3e38, -3e38).astype(np.float32).reshape(20, 2)
    clf = SoftmaxMLPClassifier((), solver="lbfgs").fit(np.sort(rows, axis=0), np.arange(20) % 2)
    assert np.isfinite(clf.predict_proba(np.sort(rows, axis=0).tolist())).all()


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_overflow_in_a_fit_is_an_error_and_no_warning_of_numpys(solver):
    clf = SoftmaxMLPClassifier((8, 8), solver=solver, scaling=None, random_state=0)
    with pytest.raises(ValueError, match="Scale the features"):
        clf.fit(np.float32(1e38) * X.astype(np.float32), y)


def test_rows_of_a_vanishing_share_of_the_weight_are_absent():
    weight = np.full(30, 5e-324)
    weight[[2, 3, 4]] = 1e300  # divided by it, the others are zero: of no use as held-out rows
    sample = weighted_sample(X, y, weight)
    assert_array_equal(sample.index, [2, 3, 4])
    assert sample.sample_weight.all()


def test_an_unfitted_estimator_says_so_first():
    from sklearn.exceptions import NotFittedError

    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(SoftmaxMLPClassifier(), method)("nonsense")


def test_predictions_leave_the_rows_alone():
    clf, before = fitted(X), X.copy()
    clf.predict_proba(X)
    assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        (X[:, :2], y, "X has 2 features, but"),
        (np.full_like(X, np.inf), y, "Input X contains infinity"),
        (X, [None] * len(y), "Unknown label type"),
        (X, y[1:], "inconsistent numbers of samples"),
    ],
)
def test_of_validation_rows_it_is_said_that_they_are_those(rows, labels, message):
    with pytest.raises(ValueError, match="validation rows, X_val and y_val: .*" + message):
        SoftmaxMLPClassifier((), max_iter=1).fit(X, y, X_val=rows, y_val=labels)


@pytest.mark.parametrize("classes", [3, {0, 1, 2}, {0: 1, 1: 2}.keys(), "abc", [[0, 1], [2, 3]]])
def test_classes_that_are_no_array_are_said_to_be_those(classes):
    with pytest.raises(
        ValueError, match=r"^classes must be an array-like of all labels, got .*: "
    ):
        SoftmaxMLPClassifier().partial_fit(X, y, classes=classes)


@pytest.mark.parametrize(
    "weight",
    [
        ["1", "2"],
        np.array(["1", "2"], dtype=object),
        np.array([1, 2], dtype="m8[s]"),
        np.array([1, 2], dtype="M8[s]"),
        pd.Series(["1", "2"], dtype="category"),
        np.timedelta64(1, "s"),
        "1",
    ],
    ids=str,
)
def test_weights_are_numbers(weight):
    with pytest.raises(ValueError, match=r"^sample_weight must hold numbers, got \w+, such as"):
        check_weights(weight, 2, "sample_weight")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", ["eval_set", "validation_data"])
def test_what_others_call_validation_rows_is_answered_by_what_they_are_called_here(name, method):
    with pytest.raises(TypeError, match=rf"^{method}\(\) got .* '{name}'\. .*X_val=.*y_val="):
        getattr(SoftmaxMLPClassifier(), method)(X, y, **{name: [(X, y)]})


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_any_other_unknown_argument_is_an_error_as_ever(method):
    with pytest.raises(TypeError, match="unexpected keyword argument 'X_vla'"):
        getattr(SoftmaxMLPClassifier(), method)(X, y, X_vla=X)


def test_the_signature_of_fit_names_its_arguments_and_no_others():
    assert list(inspect.signature(SoftmaxMLPClassifier().fit).parameters) == [
        *("X", "y", "sample_weight", "groups", "X_val", "y_val", "sample_weight_val"),
        *("coefs_init", "intercepts_init"),
    ]
    assert list(inspect.signature(SoftmaxMLPClassifier().partial_fit).parameters) == [
        *("X", "y", "classes", "sample_weight")
    ]


def test_a_fit_that_falls_short_is_warned_of_where_it_was_called():
    clf = SoftmaxMLPClassifier((), max_iter=1, learning_rate="constant", temperature_scaling=False)
    with pytest.warns(ConvergenceWarning) as caught:
        clf.fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]


CONTINUING = {
    "hidden_layer_sizes": (16, (4,), r"hidden_layer_sizes=\(4,\) there, \(16,\) here"),
    "activation": ("tanh", "relu", "activation='relu' there, 'tanh' here"),
    "scaling": (None, "standard", "scaling='standard' there, None here"),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", CONTINUING)
def test_a_fit_of_another_network_cannot_go_on_and_the_parameter_is_named(name, method):
    now, then, message = CONTINUING[name]
    settings = {"hidden_layer_sizes": 4, "max_iter": 2, "warm_start": True, name: then}
    clf = SoftmaxMLPClassifier(learning_rate="cosine", **settings).fit(X, y)
    with pytest.raises(ValueError, match=rf"{message}\. Set these back, or begin anew"):
        getattr(clf.set_params(**{name: now}), method)(X, y)
    getattr(clf.set_params(**{name: then}), method)(X, y)
