"""Whether a fit is the same one: parameters as text that two processes agree on."""

import copy
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from internals import comparable
from sklearn.metrics import fbeta_score, make_scorer


class Scorer:
    def __init__(self, best):
        self.best = best

    def __call__(self, estimator, X, y):
        return self.best

    def of(self, estimator, X, y):
        return self.best


def enclosing(value):
    return lambda estimator, X, y: value


def recursive():
    def again(n):
        return n and again(n - 1)

    return again


PAIRS = {
    "code": (lambda e, X, y: 0.5, lambda e, X, y: 0.25),
    "names": (lambda e, X, y: e.score(X, y), lambda e, X, y: e.loss(X, y)),
    "defaults": (lambda e, X, y, beta=1: beta, lambda e, X, y, beta=2: beta),
    "keyword defaults": (lambda e, X, y, *, beta=1: beta, lambda e, X, y, *, beta=2: beta),
    "enclosed": (enclosing(1), enclosing(2)),
    "enclosed arrays": (enclosing(np.zeros(2000)), enclosing(np.ones(2000))),
    "enclosed functions": (enclosing(enclosing(1)), enclosing(enclosing(2))),
    "nested": (lambda e, X, y: [i for i in X if i > 1], lambda e, X, y: [i for i in X if i > 2]),
    "objects": (Scorer(1.0), Scorer(2.0)),
    "methods": (Scorer(1.0).of, Scorer(2.0).of),
    "partial": (partial(Scorer(1.0), 1), partial(Scorer(1.0), 2)),
    "scorers": (make_scorer(fbeta_score, beta=1), make_scorer(fbeta_score, beta=2)),
    "scorers of functions": (make_scorer(lambda y, p: 0.5), make_scorer(lambda y, p: 0.25)),
}


@pytest.mark.parametrize("one, other", PAIRS.values(), ids=PAIRS)
def test_callables_that_do_something_else_are_told_apart(one, other):
    assert comparable(one) != comparable(other)
    assert "0x" not in comparable(one)
    assert comparable(one) == comparable(one) == comparable(copy.deepcopy(one))


def test_a_function_defined_again_is_the_same():
    assert comparable(enclosing(1)) == comparable(enclosing(1))
    assert comparable(recursive()) == comparable(recursive())


def test_another_process_describes_callables_alike():
    code = (
        f"from {comparable.__module__} import comparable; from sklearn.metrics import *\n"
        "print(comparable(lambda e, X, y, a=1: y in {'a', 'b', 'c', 'd', 'e'}))\n"
        "print(comparable(make_scorer(fbeta_score, beta=2)))"
    )
    texts = set()
    for seed in "12":
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        run = [sys.executable, "-c", code]
        texts.add(subprocess.run(run, env=environment, capture_output=True, check=True).stdout)
    assert len(texts) == 1


def test_a_generator_of_random_numbers_is_the_same_after_it_was_used():
    random_state = np.random.RandomState(0)
    before = comparable(random_state)
    random_state.rand()
    assert comparable(random_state) == before
    assert comparable(np.random.RandomState(1)) == before  # nor has it an address
