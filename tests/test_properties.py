"""Laws that hold for any data and settings, on examples that hypothesis searches for."""

import pickle
import re
from itertools import pairwise

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from internals import (
    ACTIVATIONS,
    FULL_BATCH_SOLVERS,
    NAME_IN_FILES,
    OPTIMIZERS,
    SCALINGS,
    SCHEDULES,
    fit_temperature,
    split_validation,
)
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone

from skmax import SoftmaxMLPClassifier, cross_entropy, hardmax, log_softmax, one_hot, softmax

# Three iterations are enough for a law, and few enough for rounding to stay rounding: they
# carry a change in the 16th digit to the 13th or so, and hardly ever to the 9th.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SAME = {"rtol": 1e-6, "atol": 1e-9}

FLOAT32_MAX = float(np.finfo(np.float32).max)
seeds = st.integers(0, 2**32 - 1)
solvers = st.sampled_from([*OPTIMIZERS, *FULL_BATCH_SOLVERS])
optimizers = st.sampled_from(list(OPTIMIZERS))
# Where only rounding may differ: "adam" divides by the size of gradients, however small.
smooth_solvers = st.sampled_from(["lbfgs", "sgd"])
scalings = st.sampled_from([None, *SCALINGS])
hidden_layers = st.sampled_from([(), (3,), (4, 3)])
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
logits = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=finite)


@st.composite
def problems(draw, min_rows=12, max_rows=40):
    """Draw (X, y): rows of normal features, three or more of each of two to four classes."""
    shape = draw(st.integers(min_rows, max_rows)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(seeds))
    y = rng.permutation(np.arange(shape[0]) % draw(st.integers(2, 4)))
    return rng.normal(size=shape) + 0.5 * y[:, np.newaxis], y


@st.composite
def estimators(draw, solvers=solvers, **settings):
    """Draw a classifier of three iterations in float64, with its settings."""
    solver = draw(solvers)
    drawn = {
        "hidden_layer_sizes": () if solver == "newton-cg" else draw(hidden_layers),
        "activation": draw(st.sampled_from(list(ACTIVATIONS))),
        "solver": solver,
        "scaling": draw(scalings),
        "alpha": draw(st.sampled_from([0.0, 1e-4, 1.0, 10.0])),
        "label_smoothing": draw(st.sampled_from([0.0, 0.1])),
        "learning_rate_init": 0.01,
        "dtype": "float64",
        "max_iter": 3,
        "random_state": draw(st.integers(0, 99)),
    }
    return SoftmaxMLPClassifier(**{**NEUTRAL, **drawn, **settings})


@st.composite
def models(draw):
    """Draw (classifier, X, y), fitted to X and y; paused, finished, calibrated or not."""
    X, y = draw(problems(max_rows=60))
    clf = draw(
        estimators(
            temperature_scaling=draw(st.booleans()),
            batch_size=draw(st.sampled_from([10, "auto"])),
            learning_rate=draw(st.sampled_from(list(SCHEDULES))),
            dtype=draw(st.sampled_from(["auto", "float64"])),
        )
    )
    return clf.fit(X.astype(draw(st.sampled_from([np.float32, np.float64]))), y), X, y


@st.composite
def any_rows(draw):
    """Draw rows within float32: constants, denormals, outliers, any offset and spread."""
    n_rows, n_features = draw(st.integers(12, 60)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(seeds))
    center, spread = (draw(arrays(np.float64, n_features, elements=finite)) for _ in range(2))
    deviation = rng.normal(size=(n_rows, n_features))
    if draw(st.booleans()):  # of every order of magnitude up to the spread
        X = center + np.sign(deviation) * np.abs(spread) ** rng.random(deviation.shape)
    else:
        X = center + spread * deviation
    cells = st.tuples(st.integers(0, n_rows - 1), st.integers(0, n_features - 1))
    for cell, outlier in draw(st.dictionaries(cells, finite, max_size=4)).items():
        X[cell] = outlier
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return np.clip(X, -FLOAT32_MAX, FLOAT32_MAX).astype(dtype)


def initial_values(clf, X, y, seed):
    """Return random weights and biases of the layers that a fit would have."""
    sizes = [X.shape[1], *clf.hidden_layer_sizes, len(np.unique(y))]
    rng = np.random.default_rng(seed)
    coefs = [rng.normal(size=shape) for shape in pairwise(sizes)]
    return coefs, [rng.normal(size=size) for size in sizes[1:]]


def assert_distributions(P):
    assert np.isfinite(P).all() and (P > 0).all()
    # A sum of at most 4 rounded numbers, and of as many that were raised to above 0.
    assert_allclose(P.sum(axis=1), 1.0, rtol=8 * np.finfo(P.dtype).eps)


# Predictions


@given(models(), st.integers(-3, 6))
def test_probabilities_are_above_zero_and_sum_to_one(fitted, magnitude):
    clf, X, _ = fitted
    assert_distributions(clf.predict_proba(10.0**magnitude * X))


@given(models(), st.integers(-3, 6))
def test_the_predicted_class_is_the_most_probable(fitted, magnitude):
    clf, X, _ = fitted
    X = 10.0**magnitude * X
    P, chosen = clf.predict_proba(X), np.searchsorted(clf.classes_, clf.predict(X))
    # Rounding may make probabilities equal: then any of the largest will do.
    assert_array_equal(P[np.arange(len(X)), chosen], P.max(axis=1))


@given(models(), st.integers(-3, 6))
def test_log_probabilities_are_logarithms_of_probabilities(fitted, magnitude):
    clf, X, _ = fitted
    P, log_P = (f(10.0**magnitude * X) for f in (clf.predict_proba, clf.predict_log_proba))
    # Below the smallest normal number only the logarithm is exact.
    least = np.log(np.finfo(P.dtype).tiny)
    eps = np.finfo(P.dtype).eps
    assert_allclose(np.maximum(log_P, least), np.log(P), rtol=8 * eps, atol=8 * eps)


@given(models(), st.data())
def test_rows_are_predicted_alike_alone_and_together(fitted, data):
    clf, X, _ = fitted
    cuts = data.draw(st.lists(st.integers(1, len(X) - 1), unique=True).map(sorted))
    parts = [clf.predict_proba(part) for part in np.split(X, cuts)]
    whole = clf.predict_proba(X)
    # BLAS sums a few products in an order that depends on the number of rows.
    assert_allclose(np.concatenate(parts), whole, rtol=1e3 * np.finfo(whole.dtype).eps)


@given(models())
def test_files_predict_the_same_bits(fitted):
    clf, X, _ = fitted
    trusted = [NAME_IN_FILES]
    for loaded in (
        pickle.loads(pickle.dumps(clf)),
        skops.io.loads(skops.io.dumps(clf), trusted=trusted),
    ):
        assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


@given(
    st.one_of(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=4, unique=True),
        # NumPy drops null characters at the end of strings.
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
            min_size=2,
            max_size=4,
            unique=True,
        ),
        st.just([False, True]),
    )
)
def test_labels_of_any_kind_come_back(names):
    y = np.array(names)[np.arange(20) % len(names)]
    X = 10.0 * one_hot(np.arange(20) % len(names), len(names))
    clf = SoftmaxMLPClassifier((), **{**NEUTRAL, "solver": "lbfgs"}).fit(X, y)
    assert_array_equal(clf.classes_, sorted(names))
    assert clf.predict(X).dtype == y.dtype
    assert_array_equal(clf.predict(X), y)


# Symmetries


@given(problems(), estimators(smooth_solvers), seeds, st.data())
def test_renamed_classes_permute_the_columns(problem, clf, seed, data):
    X, y = problem
    coefs, intercepts = initial_values(clf, X, y, seed)
    P = clf.fit(X, y, coefs_init=coefs, intercepts_init=intercepts).predict_proba(X)
    order = np.array(data.draw(st.permutations(range(len(clf.classes_)))))
    coefs[-1], intercepts[-1] = coefs[-1][:, order], intercepts[-1][order]
    renamed = np.argsort(order)[y]
    clf.fit(X, renamed, coefs_init=coefs, intercepts_init=intercepts)
    assert_allclose(clf.predict_proba(X), P[:, order], **SAME)


@given(problems(), estimators(smooth_solvers), seeds, st.data())
def test_the_order_of_features_is_irrelevant(problem, clf, seed, data):
    X, y = problem
    coefs, intercepts = initial_values(clf, X, y, seed)
    P = clf.fit(X, y, coefs_init=coefs, intercepts_init=intercepts).predict_proba(X)
    order = data.draw(st.permutations(range(X.shape[1])))
    coefs[0] = coefs[0][order]
    clf.fit(X[:, order], y, coefs_init=coefs, intercepts_init=intercepts)
    assert_allclose(clf.predict_proba(X[:, order]), P, **SAME)


@given(problems(), estimators(smooth_solvers), seeds)
def test_the_order_of_rows_is_irrelevant_to_a_full_batch(problem, clf, seed):
    X, y = problem
    P = clf.fit(X, y).predict_proba(X)
    order = np.random.default_rng(seed).permutation(len(X))
    assert_allclose(clf.fit(X[order], y[order]).predict_proba(X), P, **SAME)


@given(problems(), estimators(smooth_solvers), seeds, st.floats(-100, 100))
def test_a_constant_added_to_the_logits_changes_no_probability(problem, clf, seed, shift):
    X, y = problem
    coefs, intercepts = initial_values(clf, X, y, seed)
    P = clf.fit(X, y, coefs_init=coefs, intercepts_init=intercepts).predict_proba(X)
    intercepts[-1] += shift
    clf.fit(X, y, coefs_init=coefs, intercepts_init=intercepts)
    assert_allclose(clf.predict_proba(X), P, **SAME)


@given(problems(), estimators(), st.sampled_from(list(SCALINGS)), st.integers(-30, 30))
def test_scaled_features_have_no_unit(problem, clf, scaling, exponent):
    X, y = problem
    clf.set_params(scaling=scaling)
    P = clf.fit(X, y).predict_proba(X)
    unit = 2.0**exponent  # products with a power of two are exact
    assert_array_equal(clf.fit(unit * X, y).predict_proba(unit * X), P)


@given(problems(), estimators(smooth_solvers), st.sampled_from([None, "standard"]))
def test_csr_is_dense(problem, clf, scaling):
    X, y = problem
    X[np.abs(X) < 0.7] = 0.0
    clf.set_params(scaling=scaling)
    P = clf.fit(X, y).predict_proba(X)
    assert_allclose(clf.fit(csr_array(X), y).predict_proba(csr_array(X)), P, **SAME)


# Weights


@given(problems(), estimators(smooth_solvers), seeds)
def test_integer_weights_are_repeated_rows(problem, clf, seed):
    X, y = problem
    weight = np.random.default_rng(seed).integers(0, 4, size=len(y))
    weight[np.unique(y, return_index=True)[1]] += 1  # no class vanishes
    P = clf.fit(X, y, weight).predict_proba(X)
    clf.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(clf.predict_proba(X), P, **SAME)


@given(problems(), estimators(smooth_solvers, batch_size=7), seeds)
def test_rows_of_weight_zero_are_absent(problem, clf, seed):
    X, y = problem
    kept = np.random.default_rng(seed).random(len(y)) < 0.6
    kept[np.unique(y, return_index=True)[1]] = True
    P = clf.fit(X[kept], y[kept]).predict_proba(X)
    rows = np.where(kept[:, np.newaxis], X, 1e3)  # they would show anywhere
    assert_allclose(clf.fit(rows, y, kept.astype(float)).predict_proba(X), P, **SAME)


# Going on


@given(problems(), estimators(optimizers, batch_size=7), st.integers(1, 4), st.integers(1, 4))
def test_k_and_m_epochs_are_k_plus_m(problem, clf, k, m):
    whole = clone(clf).set_params(max_iter=k + m).fit(*problem)
    clf.set_params(warm_start=True, max_iter=k).fit(*problem)
    clf.set_params(max_iter=m).fit(*problem)
    assert_array_equal(clf._model.params, whole._model.params)
    assert clf.loss_curve_ == whole.loss_curve_


@given(problems(), estimators(optimizers, batch_size=7, warm_start=True))
def test_a_paused_fit_goes_on_from_a_pickle(problem, clf):
    loaded = pickle.loads(pickle.dumps(clf.fit(*problem))).fit(*problem)
    assert_array_equal(loaded._model.params, clf.fit(*problem)._model.params)
    assert loaded.loss_curve_ == clf.loss_curve_


@given(problems(), estimators())
def test_parameters_make_the_estimator(problem, clf):
    again = SoftmaxMLPClassifier().set_params(**clf.get_params())
    assert again.get_params() == clone(clf).get_params() == clf.get_params()
    assert_array_equal(again.fit(*problem)._model.params, clf.fit(*problem)._model.params)


# Extremes


@given(any_rows(), estimators(), st.sampled_from(["auto", "float32", "float64"]), st.booleans())
def test_any_finite_rows_give_probabilities_or_advice(X, clf, dtype, temperature_scaling):
    clf.set_params(dtype=dtype, temperature_scaling=temperature_scaling, batch_size=20)
    try:
        P = clf.fit(X, np.arange(len(X)) % 3).predict_proba(X)
    except ValueError as error:
        assert "Scale the features" in str(error)
        assert clf.scaling is None  # scaled ones are never too large
    else:
        assert_distributions(P)


weights = st.one_of(
    st.sampled_from([0.0, 5e-324, 1e-300, 1.0, 1e300]), st.floats(0, allow_infinity=False)
)


@pytest.mark.filterwarnings("ignore:The weights of the rows have a mean:UserWarning")
@given(problems(), estimators(), st.lists(weights, min_size=1, max_size=5), st.booleans(), seeds)
def test_any_finite_weights_give_probabilities_or_advice(problem, clf, some, stopping, seed):
    X, y = problem
    weight = np.random.default_rng(seed).choice(some, size=len(y))
    clf.set_params(early_stopping=stopping)
    advice = "not be zero for every row|need to be rescaled|no class has two rows"
    try:
        P = clf.fit(X, y, weight).predict_proba(X)
    except ValueError as error:
        assert re.search(advice, str(error)), error
    else:
        assert_distributions(P)


# Functions


@given(logits, st.floats(-1e3, 1e3))
def test_softmax_is_invariant_to_a_shift(Z, shift):
    Z = np.clip(Z, -1e3, 1e3)
    # Of numbers below 2e3 a sum is off by up to 2e-13, hence a probability by twice that.
    assert_allclose(softmax(Z + shift), softmax(Z), rtol=1e-12)
    assert_allclose(log_softmax(Z + shift), log_softmax(Z), rtol=0, atol=1e-12)


@given(logits)
def test_softmax_of_any_logits_is_a_distribution(Z):
    P, log_P = softmax(Z), log_softmax(Z)
    assert_allclose(P.sum(axis=1), 1.0, rtol=1e-15)
    assert np.isfinite(log_P).all() and (log_P <= 0).all()
    assert_allclose(np.exp(log_P), P, rtol=1e-12, atol=1e-300)  # denormals have few digits


@given(logits)
def test_hardmax_is_one_hot_at_the_largest(Z):
    assert_array_equal(hardmax(Z), one_hot(Z.argmax(axis=1), Z.shape[1]))


@given(st.integers(1, 6).flatmap(lambda k: st.tuples(st.lists(st.integers(0, k - 1)), st.just(k))))
def test_one_hot_rows_hold_a_single_one_at_the_label(drawn):
    labels, n_classes = drawn
    Y = one_hot(np.array(labels, dtype=int), n_classes)
    assert_array_equal(Y.sum(axis=1), np.ones(len(labels)))
    assert (Y[np.arange(len(labels)), labels] == 1).all()


@given(logits, st.data())
def test_cross_entropy_is_at_least_zero_and_least_at_the_labels(Z, data):
    labels = data.draw(arrays(int, len(Z), elements=st.integers(0, Z.shape[1] - 1)))
    Y = one_hot(labels, Z.shape[1])
    assert cross_entropy(Y, softmax(Z)) >= 0 == cross_entropy(Y, Y)


@given(st.integers(2, 120), st.integers(1, 5), st.floats(-30, 30), seeds)
def test_temperatures_are_above_zero(n_rows, n_classes, magnitude, seed):
    rng = np.random.default_rng(seed)
    Z = 10.0**magnitude * rng.normal(size=(n_rows, n_classes))
    temperature, loss = fit_temperature(Z, rng.integers(n_classes, size=n_rows))
    assert np.exp(-5) <= temperature <= np.exp(5)
    assert 0 <= loss < np.inf


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.floats(0, 0.99), seeds)
def test_a_validation_split_parts_every_class_of_two_rows(counts, fraction, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    if max(counts) < 2:
        with pytest.raises(ValueError, match="no class has two rows"):
            split_validation(labels, len(counts), fraction, np.random.default_rng(seed))
        return
    parts = split_validation(labels, len(counts), fraction, np.random.default_rng(seed))
    assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    train, held_out = (np.bincount(labels[part], minlength=len(counts)) for part in parts)
    assert_array_equal(train > 0, np.array(counts) > 0)
    assert_array_equal(held_out[np.array(counts) < 2], 0)
