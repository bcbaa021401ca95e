import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from skmax import log_softmax, softmax
from skmax._calibration import MIN_ROWS, fit_temperature


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


# It has nothing to fit, and says that it ignores the weights in doing so.
@pytest.mark.filterwarnings("ignore:Since FrozenEstimator:UserWarning")
@pytest.mark.parametrize("weighted", [False, True])
def test_temperature_is_scikit_learns(weighted):
    Z, labels = overconfident()
    weight = np.random.default_rng(1).uniform(size=len(Z)) if weighted else None
    model = CalibratedClassifierCV(FrozenEstimator(Logits().fit(Z, labels)), method="temperature")
    model.fit(Z, labels, sample_weight=weight)
    beta = model.calibrated_classifiers_[0].calibrators[0].beta_
    assert_allclose(fit_temperature(Z, labels, weight), 1 / beta, rtol=1e-4)


@pytest.mark.parametrize("factor", [0.2, 1.0, 2.5, 20.0])
def test_temperature_undoes_a_factor_of_the_logits(factor):
    Z, labels = overconfident(n=20_000, factor=factor)
    # Its standard error is near 1 % for this many rows.
    assert_allclose(fit_temperature(Z, labels), factor, rtol=0.05)


def test_the_derivative_of_the_loss_vanishes_there():
    Z, labels = overconfident()
    log_t = np.log(fit_temperature(Z, labels))

    def loss(shift):
        return -log_softmax(Z / np.exp(log_t + shift))[np.arange(len(Z)), labels].mean()

    assert abs(loss(1e-3) - loss(-1e-3)) / 2e-3 < 1e-6


def test_weights_are_repetitions():
    Z, labels = overconfident(200)
    weight = np.random.default_rng(1).integers(0, 3, size=200)
    repeated = fit_temperature(np.repeat(Z, weight, axis=0), np.repeat(labels, weight))
    assert_allclose(fit_temperature(Z, labels, weight.astype(float)), repeated, rtol=1e-6)


def test_too_few_rows_say_nothing():
    Z, labels = overconfident()
    assert fit_temperature(Z[: MIN_ROWS - 1], labels[: MIN_ROWS - 1]) == 1.0
    assert fit_temperature(Z[:MIN_ROWS], labels[:MIN_ROWS]) != 1.0
    weight = np.zeros(len(Z))
    weight[: MIN_ROWS - 1] = 1
    assert fit_temperature(Z, labels, weight) == 1.0
    many_classes = np.random.default_rng(0).normal(size=(99, 20))
    assert fit_temperature(many_classes, np.arange(99) % 20) == 1.0


@pytest.mark.parametrize("sign", [1, -1])
def test_temperature_stays_within_its_bounds_for_perfect_and_for_wrong_logits(sign):
    Z = np.tile(np.eye(3), (30, 1))
    temperature = fit_temperature(sign * Z, np.tile(np.arange(3), 30))
    assert np.exp(-5.001) < temperature < np.exp(5.001)


def test_a_single_class_has_no_temperature():
    assert fit_temperature(np.ones((99, 1)), np.zeros(99, dtype=int)) == 1.0
