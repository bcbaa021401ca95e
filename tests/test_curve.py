"""Curves are lists that are only appended to; what a copy appends is its own."""

import numpy as np
import pytest
from internals import Curve
from numpy.testing import assert_array_equal

from skmax import SoftmaxMLPClassifier


def test_a_curve_is_what_was_appended():
    values = np.random.default_rng(0).normal(size=300).tolist()
    curve = Curve(values[:7])
    for n in range(8, 301):
        curve.append(values[n - 1])
        assert curve == values[:n] and len(curve) == n
        assert curve.last == values[n - 1] and curve.least == min(values[:n])


def test_copies_append_without_each_other():
    first = Curve([3.0, 2.0, 1.0])
    second = first.copy()
    second.append(0.0)
    first.append(5.0)
    assert first == [3.0, 2.0, 1.0, 5.0] and first.least == 1.0
    assert second == [3.0, 2.0, 1.0, 0.0] and second.least == 0.0


def test_a_curve_without_values_has_no_last_and_no_least():
    assert not Curve() and Curve().least == np.inf
    with pytest.raises(IndexError):
        assert Curve().last


def test_a_copy_and_an_append_move_few_values():
    """On average log2(n) of the n: parts that stay are shared, not copied."""
    curve, n_moved = Curve(), 0
    for i in range(1 << 12):
        known = {id(part) for part in curve._parts}
        curve = curve.copy()
        curve.append(float(i))
        n_moved += sum(len(part) for part in curve._parts if id(part) not in known)
    assert n_moved <= (1 << 12) * 13


X = np.random.default_rng(0).normal(size=(20, 3))
y = np.arange(20) % 2


def test_a_call_of_partial_fit_neither_copies_nor_searches_what_was_before(monkeypatch):
    clf = SoftmaxMLPClassifier((2,), random_state=0).partial_fit(X, y, [0, 1])
    clf._state.history.loss_curve = Curve(range(5, 1 << 16))
    monkeypatch.setattr(Curve, "__iter__", None)  # which cannot be called
    clf.partial_fit(X, y)
    assert len(clf._state.history.loss_curve) == (1 << 16) - 4
    assert clf.best_loss_ == clf.loss_ < 5


def test_lists_that_are_published_are_the_callers():
    clf = SoftmaxMLPClassifier((2,), max_iter=3, temperature_scaling=False, random_state=0)
    clf.fit(X, y, X_val=X, y_val=y)
    for name in ("loss_curve_", "validation_loss_curve_", "validation_scores_"):
        before = list(getattr(clf, name))
        getattr(clf, name).clear()
        assert type(getattr(clf, name)) is list and getattr(clf, name) == before


def test_a_partial_fit_that_fails_leaves_the_curve():
    clf = SoftmaxMLPClassifier((2,), random_state=0).partial_fit(X, y, [0, 1]).partial_fit(X, y)
    before, loss = clf.loss_curve_, clf.loss_

    class Late:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context):
            raise MemoryError

    with pytest.raises(MemoryError):
        clf.set_callbacks(Late()).partial_fit(X, y)
    assert clf.loss_curve_ == before and clf.loss_ == loss
    clf.set_callbacks().partial_fit(X, y)
    whole = SoftmaxMLPClassifier((2,), random_state=0).partial_fit(X, y, [0, 1])
    whole.partial_fit(X, y).partial_fit(X, y)
    assert clf.loss_curve_ == whole.loss_curve_
    assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))
