"""Small fits and predictions have one BLAS thread; what was set before is set again after."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import internals
import numpy as np
import pytest
from internals import (
    ONE_THREAD,
    Dataset,
    Encoding,
    Network,
    Normalization,
    ObjectiveSpec,
    OneThread,
    blas_threads,
    gains_from_threads,
    held_out_logits,
    share_of,
    statistics,
    touch_buffer,
)
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict
from threadpoolctl import threadpool_info, threadpool_limits

from skmax import SoftmaxMLPClassifier

X, y = load_digits(return_X_y=True)
SOFTMAX = {"hidden_layer_sizes": (), "solver": "newton-cg"}


def n_threads():
    """Return the threads of NumPy's and SciPy's BLAS, which agree."""
    (n,) = {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}
    return n


@pytest.fixture
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        yield
        assert n_threads() == 2


def scored(scoring, **settings):
    """Return a classifier that calls `scoring` after each of its few epochs."""
    settings = {"early_stopping": True, "max_iter": 4, "random_state": 0, **settings}
    return SoftmaxMLPClassifier(scoring=scoring, **settings)


def counting(counts):
    """Return a scorer that appends the number of threads."""

    def scoring(clf, X, y):
        counts.append(n_threads())
        return 0.0

    return scoring


@pytest.mark.filterwarnings("ignore:.*has not converged")
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "CSR"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"solver": "sgd"}, {"solver": "lbfgs"}, {"dtype": "float64"}, SOFTMAX],
    ids=str,
)
def test_small_fits_and_predictions_have_the_same_bits_on_any_number_of_threads(settings, sparse):
    rows = csr_array(X) if sparse else X
    weight = np.linspace(0.5, 2.0, len(y))
    predicted = []
    for n in (1, 2):
        with threadpool_limits(n, user_api="blas"):
            clf = SoftmaxMLPClassifier(**settings, max_iter=4, random_state=0)
            clf.fit(rows, y, sample_weight=weight)
            predicted.append([clf._model.params, clf.predict_proba(rows), clf.temperature_])
    for one, two in zip(*predicted, strict=True):
        assert_array_equal(one, two)


def test_streams_have_the_same_bits_on_any_number_of_threads():
    streams = []
    for n in (1, 2):
        with threadpool_limits(n, user_api="blas"):
            clf = SoftmaxMLPClassifier(random_state=0)
            for rows in (slice(0, 900), slice(900, None)):
                clf.partial_fit(X[rows], y[rows], classes=range(10))
            streams.append(clf._model.params)
    assert_array_equal(*streams)


def test_fits_have_the_same_bits_here_and_in_other_processes(two_threads):
    # joblib gives each of its processes one thread, or what cores are left.
    clf = SoftmaxMLPClassifier(max_iter=4, random_state=0)
    P = [cross_val_predict(clf, X, y, cv=2, n_jobs=n, method="predict_proba") for n in (1, 2)]
    assert_array_equal(*P)


def test_partitions_have_the_same_bits_on_any_number_of_threads():
    network = Network([64, 128, 128, 10], "relu")
    params = network.initial_params(np.random.default_rng(0))
    problem = ObjectiveSpec(
        network=network,
        encoding=Encoding(64),
        class_weight=None,
        normalization=Normalization(len(y)),
        smoothing=None,
        dtype=np.dtype(np.float64),
    )
    sample = Dataset(X, y, np.linspace(0.5, 1.0, len(y)))
    found = []
    for n in (1, 2):
        with threadpool_limits(n, user_api="blas"):
            share = share_of(sample, problem, params)
            mean = statistics(sample, 10, True).moments.mean
            found.append([share.grad, held_out_logits(sample, problem, params).logits, mean])
    for one, two in zip(*found, strict=True):
        assert_array_equal(one, two)


@pytest.mark.filterwarnings("ignore:.*has not converged")
@pytest.mark.parametrize(
    ("n_features", "settings", "expected"),
    [
        (64, {}, 1),
        (64, {"solver": "lbfgs"}, 1),
        (64, SOFTMAX, 1),
        (784, {"max_iter": 1}, 2),
        (784, {"solver": "lbfgs", "max_iter": 1}, 2),
        (784, {**SOFTMAX, "max_iter": 1}, 2),  # the products of all pairs of features
        (64, {"hidden_layer_sizes": (1024, 1024), "max_iter": 1}, 2),
    ],
    ids=str,
)
def test_wide_networks_keep_their_threads(two_threads, n_features, settings, expected):
    rows = np.random.default_rng(0).normal(size=(300, n_features))
    seen = []
    scored(counting(seen), **settings).fit(rows, y[:300])
    assert set(seen) == {expected}
    assert n_threads() == 2


@pytest.mark.parametrize(
    ("layer_sizes", "n_rows", "gains"),
    [
        ([64, 128, 128, 10], 256, False),
        ([64, 128, 128, 10], 10**6, False),  # as its batches, whatever the block
        ([256, 128, 128, 10], 256, True),
        ([784, 100, 10], 200, True),
        ([784, 1024, 1024, 10], 256, True),
        ([784, 1024, 1024, 10], 1, False),
        ([4, 3], 10**6, False),
    ],
    ids=str,
)
def test_shapes_decide(layer_sizes, n_rows, gains):
    assert gains_from_threads(Network(layer_sizes, "relu").shapes, n_rows) is gains


def test_what_blas_does_not_multiply_does_not_count():
    shapes = [(2**18, 16), (16, 3)]
    assert gains_from_threads(shapes, 256)
    assert not gains_from_threads(shapes, 256, sparse=True)


def test_a_prediction_of_a_row_is_not_slowed_by_a_limit(monkeypatch):
    clf = SoftmaxMLPClassifier(max_iter=4, random_state=0).fit(X[:300], y[:300])
    monkeypatch.setattr(internals.blas, "ONE_THREAD", None)  # cannot be entered
    clf.predict_proba(X[:1])
    with pytest.raises(TypeError, match="context manager"):
        clf.predict_proba(X)


def test_predictions_are_limited_and_leave_the_limits(two_threads, monkeypatch):
    clf = SoftmaxMLPClassifier(max_iter=4, random_state=0).fit(X[:300], y[:300])
    entered = []
    monkeypatch.setattr(
        OneThread, "__enter__", lambda self, enter=OneThread.__enter__: entered.append(enter(self))
    )
    for method in ("predict", "predict_proba", "decision_function", "input_gradients"):
        getattr(clf, method)(X)
        assert n_threads() == 2
    assert len(entered) == 4


def test_a_fit_that_fails_leaves_the_limits(two_threads):
    def failing(clf, X, y):
        assert n_threads() == 1
        raise RuntimeError("no score")

    with pytest.raises(RuntimeError, match="no score"):
        scored(failing).fit(X, y)
    assert n_threads() == 2


def test_smaller_limits_of_the_caller_stay():
    seen = []
    with threadpool_limits(1, user_api="blas"):
        scored(counting(seen), hidden_layer_sizes=(1024, 1024), max_iter=1).fit(X[:300], y[:300])
        scored(counting(seen)).fit(X[:300], y[:300])
        assert set(seen) == {n_threads()} == {1}


def test_a_scorer_may_take_threads(two_threads):
    seen = []

    def scoring(clf, X, y):
        with threadpool_limits(2, user_api="blas"):
            return counting(seen)(clf, X, y)

    scored(scoring).fit(X[:300], y[:300])
    assert set(seen) == {2}


def test_fits_that_end_crosswise_leave_the_limits(two_threads):
    """The first begins, the second begins, the first ends, the second ends."""
    first_is_in, second_is_in, first_is_out = Event(), Event(), Event()
    seen = []

    def first(clf, X, y):
        first_is_in.set()
        assert second_is_in.wait(60)
        return counting(seen)(clf, X, y)

    def second(clf, X, y):
        second_is_in.set()
        assert first_is_out.wait(60)
        return counting(seen)(clf, X, y)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(scored(first).fit, X[:300], y[:300])
        assert first_is_in.wait(60)
        other = pool.submit(scored(second).fit, X[:300], y[:300])
        one.result(60)
        assert n_threads() == 1
        first_is_out.set()
        other.result(60)
    assert set(seen) == {1}
    assert n_threads() == 2


def test_many_threads_in_any_order_leave_the_limits(two_threads):
    def enter(seed):
        rng = np.random.default_rng(seed)
        for _ in range(100):
            with blas_threads(False), blas_threads(True), blas_threads(False):
                time.sleep(rng.uniform(0.0, 2e-4))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(8)))
    assert n_threads() == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interruption_while_limits_are_set_leaves_them(two_threads, when, monkeypatch):
    with ONE_THREAD:
        library = ONE_THREAD._libraries[0]
    set_num_threads = library.set_num_threads

    def interrupted(n):
        monkeypatch.undo()
        if when == "after":
            set_num_threads(n)
        raise KeyboardInterrupt

    monkeypatch.setattr(library, "set_num_threads", interrupted)
    with pytest.raises(KeyboardInterrupt), ONE_THREAD:
        raise AssertionError
    assert n_threads() == 2
    with ONE_THREAD:
        assert n_threads() == 1


def forked(function):
    """Return the exit status of a child in which a function has been called."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends a child that waits for a lock
        status = 1
        try:
            function()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def check_limits():
    assert n_threads() == 2
    with ONE_THREAD:
        assert n_threads() == 1
    assert n_threads() == 2


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_of_a_fork_has_the_limits_of_before(two_threads):
    with ONE_THREAD:
        assert forked(check_limits) == 0
        assert n_threads() == 1  # the parent goes on
    assert n_threads() == 2


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_that_goes_on_leaves_the_context_of_its_parent(two_threads):
    def leave():
        ONE_THREAD.__exit__(None, None, None)
        check_limits()

    with ONE_THREAD:
        assert forked(leave) == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_inherits_no_lock(two_threads):
    held = Event()

    def hold():
        with ONE_THREAD._lock:
            held.set()
            time.sleep(0.2)

    thread = Thread(target=hold)
    thread.start()
    held.wait()
    assert forked(check_limits) == 0
    thread.join()


def test_the_first_product_on_one_thread_comes_after_one_that_touches_the_buffer():
    touch_buffer.cache_clear()
    with ONE_THREAD, ONE_THREAD:
        assert touch_buffer.cache_info().misses == 1
    with ONE_THREAD:
        assert touch_buffer.cache_info().misses == 1
