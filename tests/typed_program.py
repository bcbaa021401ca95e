"""A program of a user, for `mypy --strict`: run by `.ci/run`, not by pytest."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import skmax
from skmax import (
    Checkpoint,
    LogitsDisplay,
    ReliabilityDisplay,
    SoftmaxMLPClassifier,
    TrainingCurveDisplay,
    ValidationMonitor,
)


def run(X: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    monitor = ValidationMonitor(X, y, scoring=["loss", "accuracy"], stop_on="loss")
    clf = SoftmaxMLPClassifier((32, 32), alpha=0.5, random_state=0, early_stopping=True)
    clf.set_callbacks(monitor)
    SoftmaxMLPClassifier(alpha="much")  # type: ignore[arg-type]
    Checkpoint(3)  # type: ignore[arg-type]
    clf.fit(X, y, sample_weight=np.ones(len(y)), X_val=X, y_val=y)
    arrays: list[NDArray[np.generic]] = [clf.predict_proba(X), clf.predict(X), *clf.coefs_]
    clf.partial_fit(X, y, classes=[0, 1])
    again = Checkpoint("fit.skmax", every=5).resume(SoftmaxMLPClassifier())
    again.fit(X, y)
    TrainingCurveDisplay.from_estimator(clf)
    ReliabilityDisplay.from_estimator(clf, X, y)
    LogitsDisplay.from_estimator(clf, X[0])
    P = skmax.softmax(clf.decision_function(X))
    loss = skmax.cross_entropy(skmax.one_hot(y, 2), P)
    rows: list[dict[str, Any]] = monitor.get_logs()
    return (
        len(rows)
        + len(arrays)
        + clf.score(X, y)
        + loss
        + clf.temperature_
        + clf.n_iter_
        + clf.loss_curve_[-1]
    )
