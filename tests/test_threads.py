"""Estimators that others use at the same time: in other threads, or between their calls."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import make_classification

from skmax import SoftmaxMLPClassifier

X, y = make_classification(60, 4, n_informative=3, n_redundant=0, n_classes=3,
                           n_clusters_per_class=1, random_state=0)  # fmt: skip


def quick(**settings):
    settings = {"max_iter": 3, "learning_rate": "cosine", "random_state": 0, **settings}
    return SoftmaxMLPClassifier((4,), **settings)


def test_a_prediction_during_a_refit_is_the_old_models_or_the_new_ones():
    """16 threads of 1,000 predictions each, while the model is one or the other of two."""
    names = np.array(["a", "b", "c"])[y]
    two = [(names, {"hidden_layer_sizes": (4,)}), (y > 0, {"hidden_layer_sizes": (3, 2)})]
    clf, row = quick(early_stopping=False, temperature_scaling=False), X[:1]
    expected = []
    for labels, settings in two:
        clf.set_params(**settings).fit(X, labels)
        expected.append(clf.predict_proba(row).tobytes())
    n_threads, n_calls = 16, 1000
    start = Barrier(n_threads + 1)

    def predict():
        start.wait()
        return [clf.predict_proba(row).tobytes() for _ in range(n_calls)]

    with ThreadPoolExecutor(n_threads) as pool:
        answers = [pool.submit(predict) for _ in range(n_threads)]
        start.wait()
        while not all(answer.done() for answer in answers):
            for labels, settings in two:
                clf.set_params(**settings).fit(X, labels)
    answers = [P for answer in answers for P in answer.result()]
    assert len(answers) == 16_000
    assert set(answers) == set(expected)  # both were seen, and nothing else


def test_fits_in_threads_are_the_fits_one_after_another():
    # tol: a full-batch solver that is content has no warning to give, which are not per thread.
    solvers = {"adam": {"dropout": 0.2}, "sgd": {}, "lbfgs": {"tol": 0.1, "max_iter": 99}}
    everyone = [
        quick(solver=solver, random_state=seed, **solvers[solver])
        for seed in range(3)
        for solver in solvers
    ]
    expected = [clf.fit(X, y)._model for clf in everyone]
    with ThreadPoolExecutor(4) as pool:
        fitted = list(pool.map(lambda clf: clf.fit(X, y)._model, everyone))
    for model, other in zip(fitted, expected, strict=True):
        assert model is not other
        assert_array_equal(model.params, other.params)
        assert model.temperature == other.temperature


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_streams_that_alternate_are_the_streams_alone(solver):
    def streams():
        return [quick(solver=solver, random_state=seed, dropout=0.2) for seed in range(2)]

    def learn(clf, rows):
        clf.partial_fit(X[rows], y[rows], classes=[0, 1, 2])

    portions = [slice(0, 30), slice(30, 60)] * 2
    alone, alternating = streams(), streams()
    for clf in alone:
        for rows in portions:
            learn(clf, rows)
    for rows in portions:
        for clf in alternating:
            learn(clf, rows)
    for a, b in zip(alone, alternating, strict=True):
        assert_array_equal(a._model.params, b._model.params)
