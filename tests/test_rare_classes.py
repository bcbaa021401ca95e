"""A class that is rare keeps its rate, whatever the solver, in probabilities that say so."""

from functools import cache

import numpy as np
import pytest
from internals import fit_temperature
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skmax import SoftmaxMLPClassifier


@cache
def events(seed=0, n_rows=12_000):
    """Return rows of which 0.5 % are events, their labels and the true probabilities."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 5))
    p = 1 / (1 + np.exp(7.5 - X @ [1.5, 1, -1, 0.5, 0]))
    return X, rng.random(n_rows) < p, p


SOFTMAX_REGRESSION = {
    "newton-cg": {"solver": "newton-cg"},
    "lbfgs": {"solver": "lbfgs"},
    "adam": {"solver": "adam"},
    # At the default rate 60 epochs of plain gradients are too few where nearly all rows are alike.
    "sgd": {"solver": "sgd", "learning_rate_init": 0.024},
}


@pytest.mark.parametrize("name", SOFTMAX_REGRESSION)
def test_softmax_regression_gives_likely_events_what_logistic_regression_gives_them(name):
    X, y, p = events()
    clf = SoftmaxMLPClassifier((), random_state=0, **SOFTMAX_REGRESSION[name]).fit(X, y)
    peer = LogisticRegression().fit(X, y)
    likely = [model.predict_proba(X[p > 0.1])[:, 1].mean() for model in (clf, peer)]
    # Two outputs bear half the penalty, and the temperature is that of 1,714 rows.
    assert likely[0] == pytest.approx(likely[1], rel=0.15)


# The logarithm of these odds is linear: bins have nothing to tell, and cost a little.
@pytest.mark.parametrize(("encoding", "units", "share"), [("linear", 24, 0.75), ("both", 48, 0.8)])
def test_a_smoothed_network_gives_likely_events_what_they_are_due(encoding, units, share):
    X, y, p = events()
    clf = SoftmaxMLPClassifier((units, units), numerical_encoding=encoding, random_state=0)
    clf.fit(X, y)
    assert clf.predict_proba(X[p > 0.1])[:, 1].mean() > 0.15
    X_test, y_test, _ = events(100)
    constant = log_loss(y_test, np.full(len(y_test), y.mean()))
    assert log_loss(y_test, clf.predict_proba(X_test)[:, 1]) < share * constant


# The mean of two logits is that of a geometric mean of probabilities, which is lower.
@pytest.mark.parametrize(("encoding", "factor"), [("linear", 1.3), ("both", 1.6)])
@pytest.mark.parametrize("label_smoothing", ["auto", 0.1])
def test_a_stream_gives_a_rare_class_its_rate(label_smoothing, encoding, factor):
    X, y, _ = events()
    clf = SoftmaxMLPClassifier(label_smoothing=label_smoothing, random_state=0)
    clf.set_params(numerical_encoding=encoding)
    for start in range(0, len(X), 1000):
        rows = slice(start, start + 1000)
        clf.partial_fit(X[rows], y[rows], classes=[False, True])
    rate = clf.predict_proba(X)[:, 1].mean()
    assert y.mean() / factor < rate < factor * y.mean()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", [None, {0: 1.0, 1: 3.0, 2: 0.5}])
def test_smoothed_targets_have_the_mean_of_the_labels(class_weight, weighted):
    # Where the biases are free, the mean probability is the mean target.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 4)), rng.choice(3, size=300, p=[0.8, 0.15, 0.05])
    weight = rng.uniform(0.1, 2.0, size=300) if weighted else np.ones(300)
    clf = SoftmaxMLPClassifier(
        (), solver="newton-cg", label_smoothing=0.3, class_weight=class_weight, tol=1e-8
    )
    clf.set_params(temperature_scaling=False, dtype="float64").fit(X, y, weight)
    if class_weight is not None:
        weight = weight * np.array([class_weight[label] for label in range(3)])[y]
    rates = np.bincount(y, weights=weight) / weight.sum()
    P = clf.predict_proba(X)
    np.testing.assert_allclose(np.average(P, axis=0, weights=weight), rates, atol=1e-7)


def test_a_temperature_takes_no_class_for_more_frequent_than_it_is():
    # Logits of the true probabilities need no temperature, however rare a class is. Spread
    # evenly, the smoothing of the labels would give half a row to a class that 3 of 500 rows
    # have, and a temperature that is 7 % too high.
    rng = np.random.default_rng(0)
    z = 2.0 * rng.normal(size=200_000) - 7.0
    labels = (rng.random(200_000) < 1 / (1 + np.exp(-z))).astype(int)
    errors = []
    for start in range(0, 200_000, 2500):
        Z, y = np.zeros((2500, 2)), labels[start : start + 2500]
        Z[:, 1] = z[start : start + 2500]
        if y.any():
            errors.append(np.log(fit_temperature(Z, y)[0]))
    assert abs(np.mean(errors)) < 0.05  # its standard error is 0.025
