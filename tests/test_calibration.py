import internals
import numpy as np
import pytest
from internals import MIN_ROWS, chosen_rows, fit_temperature, most_rows
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from skmax import SoftmaxMLPClassifier, log_softmax, one_hot, softmax


def overconfident(n=2000, k=4, factor=2.5, seed=0):
    """Logits `factor` times those that the labels are drawn from."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(scale=2, size=(n, k))
    labels = (softmax(Z).cumsum(axis=1) > rng.uniform(size=(n, 1))).argmax(axis=1)
    return factor * Z, labels


class Logits(ClassifierMixin, BaseEstimator):
    """Its decision function is its input."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X

    def predict(self, X):
        return X.argmax(axis=1)


def smoothed_rows(Z, labels, weight):
    """Every row once per class, with the weights of its smoothed label."""
    n, n_classes = Z.shape
    shares = np.bincount(labels, weights=weight) / (n if weight is None else weight.sum())
    Y = (1 - 1 / (n + 1)) * one_hot(labels, n_classes) + shares / (n + 1)
    weights = Y if weight is None else weight[:, None] * Y
    return np.repeat(Z, n_classes, axis=0), np.tile(np.arange(n_classes), n), weights.ravel()


# It has nothing to fit, and says that it ignores the weights in doing so.
@pytest.mark.filterwarnings("ignore:Since FrozenEstimator:UserWarning")
@pytest.mark.parametrize("weighted", [False, True])
def test_temperature_is_scikit_learns_on_smoothed_labels(weighted):
    Z, labels = overconfident(n=300)
    weight = np.random.default_rng(1).uniform(size=len(Z)) if weighted else None
    model = CalibratedClassifierCV(FrozenEstimator(Logits().fit(Z, labels)), method="temperature")
    rows, targets, weights = smoothed_rows(Z, labels, weight)
    model.fit(rows, targets, sample_weight=weights)
    beta = model.calibrated_classifiers_[0].calibrators[0].beta_
    temperature, loss = fit_temperature(Z, labels, weight)
    assert_allclose(temperature, 1 / beta, rtol=1e-4)
    log_P = log_softmax(rows / temperature)[np.arange(len(rows)), targets]
    assert_allclose(loss, -np.average(log_P, weights=weights), rtol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("weight", [None, 0.5])
def test_classes_that_no_row_has_count_as_half_a_row(n_classes, weight):
    n = 400
    Z = np.zeros((n, n_classes))
    Z[:, 0] = 5.0
    row_weight = None if weight is None else np.full(n, weight)
    temperature, _ = fit_temperature(Z, np.zeros(n, dtype=int), row_weight)
    share = 0.5 / (n + 0.5)  # of the smoothed labels, 1 / (n + 1)
    assert_allclose(softmax(Z[0] / temperature)[1:].sum(), share / (n + 1), rtol=1e-4)


def test_too_few_validation_rows_to_calibrate_are_told_of():
    Z, y = overconfident(n=400, k=3)
    clf = SoftmaxMLPClassifier((8,), random_state=0)
    few = {"X_val": Z[: MIN_ROWS - 1], "y_val": y[: MIN_ROWS - 1]}
    with pytest.warns(UserWarning, match="X_val has 49 rows, and calibration needs 50"):
        assert clf.fit(Z[100:], y[100:], **few).temperature_ == 1.0
    clf.set_params(temperature_scaling=False).fit(Z[100:], y[100:], **few)
    clf.set_params(temperature_scaling=True)
    assert clf.fit(Z[100:], y[100:], X_val=Z[:50], y_val=y[:50]).temperature_ != 1.0


@pytest.mark.parametrize("n_rows", [60, 600])
def test_a_class_of_one_row_is_not_impossible(n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 4))
    X[0] = 6.0
    y = np.arange(n_rows) == 0
    clf = SoftmaxMLPClassifier(random_state=0).fit(X, y)
    assert clf.predict_proba(X)[:, 1].mean() > 1e-6
    assert clf.predict_proba(X[:1])[0, 1] > 1e-6


@pytest.mark.parametrize("factor", [0.2, 1.0, 2.5, 20.0])
def test_temperature_undoes_a_factor_of_the_logits(factor):
    Z, labels = overconfident(n=20_000, factor=factor)
    # Its standard error is near 1 % for this many rows.
    assert_allclose(fit_temperature(Z, labels)[0], factor, rtol=0.05)


def test_weights_are_repetitions_but_for_the_count_of_rows_in_the_smoothing():
    Z, labels = overconfident()
    weight = np.random.default_rng(1).integers(0, 3, size=len(Z))
    repeated = fit_temperature(np.repeat(Z, weight, axis=0), np.repeat(labels, weight))[0]
    assert_allclose(fit_temperature(Z, labels, weight.astype(float))[0], repeated, rtol=0.01)


def test_rows_that_are_all_right_say_no_more_than_that_errors_are_rare():
    Z = 5.0 * np.tile(np.eye(2), (50, 1))
    temperature, _ = fit_temperature(Z, np.tile([0, 1], 50))
    # One label in 101 is half wrong: p = 1 - 1/202 is what 100 right answers are worth.
    assert_allclose(softmax(Z[0] / temperature)[0], 1 - 1 / 202, rtol=1e-6)


def test_too_few_rows_say_nothing():
    Z, labels = overconfident()
    assert fit_temperature(Z[: MIN_ROWS - 1], labels[: MIN_ROWS - 1])[0] == 1.0
    assert fit_temperature(Z[:MIN_ROWS], labels[:MIN_ROWS])[0] != 1.0
    weight = np.zeros(len(Z))
    weight[: MIN_ROWS - 1] = 1
    temperature, loss = fit_temperature(Z, labels, weight)
    assert temperature == 1.0 and np.isfinite(loss)


def test_temperature_stays_within_its_bounds_for_wrong_logits():
    Z = np.tile(np.eye(3), (30, 1))
    temperature, _ = fit_temperature(-Z, np.tile(np.arange(3), 30))
    assert 100 < temperature < np.exp(5.001)


def test_a_single_class_has_no_temperature():
    assert fit_temperature(np.ones((99, 1)), np.zeros(99, dtype=int))[0] == 1.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_of_rows_and_their_dtype_change_no_more_than_rounding(dtype, monkeypatch):
    Z, labels = overconfident(n=1000)
    Z = Z.astype(dtype)
    expected = fit_temperature(Z.astype(np.float64), labels)
    assert fit_temperature(Z, labels) == expected
    monkeypatch.setattr(internals.calibration, "BLOCK_LOGITS", 333)
    # The minimum is known to the root of the rounding of the loss.
    assert_allclose(fit_temperature(Z, labels), expected, rtol=1e-7)


def test_fewer_rows_of_more_classes_are_judged():
    n_rows = [most_rows(n_classes) for n_classes in (2, 100, 10_000, 10**6)]
    assert n_rows == [100_000, 100_000, 1000, 150]


def test_rows_are_chosen_by_the_seed_and_once():
    assert_array_equal(chosen_rows(10, 10, 0), np.arange(10))
    chosen = chosen_rows(1000, 300, 7)
    assert len(np.unique(chosen)) == 300 and 450 < chosen.mean() < 550
    assert_array_equal(chosen, chosen_rows(1000, 300, 7))
    assert not np.array_equal(chosen, chosen_rows(1000, 300, 8))


def test_a_temperature_of_some_held_out_rows_is_that_of_all(monkeypatch):
    Z, y = overconfident(n=6000)
    clf = SoftmaxMLPClassifier((8,), max_iter=3, random_state=0)

    def temperature(weight=None):
        validation = {"X_val": Z[:3000], "y_val": y[:3000], "sample_weight_val": weight}
        return clf.fit(Z[3000:], y[3000:], **validation).temperature_

    expected = temperature()
    monkeypatch.setattr(internals.calibration, "MAX_HELD_OUT", 1500)
    # Standard errors of 3 % of 3,000 rows, and more of half of them.
    assert temperature() != expected and abs(np.log(temperature() / expected)) < 0.15
    assert temperature() == temperature()
    # Rows without weight judge nothing, and take nobody's place.
    weight = np.repeat([1.0, 0.0], 1500)
    some = temperature(weight)
    monkeypatch.undo()
    assert some == temperature(weight)
