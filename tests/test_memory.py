"""Data larger than the memory that a fit is allowed."""

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import internals
import numpy as np
import pytest
from scipy.sparse import random as random_sparse

from skmax import SoftmaxMLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_ROWS, N_FEATURES = 100_000, 128


def peak_of(function):
    """Return the most bytes that were allocated at a time."""
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.fixture(scope="module", params=["uint8", "float16"])
def mapped(request, tmp_path_factory):
    """Rows in a file, and labels that follow from them."""
    path = tmp_path_factory.mktemp("rows") / "X"
    rng, shape = np.random.default_rng(0), (N_ROWS, N_FEATURES)
    rows = np.memmap(path, request.param, "w+", shape=shape)
    y = np.empty(N_ROWS, np.int64)
    direction = rng.normal(size=(N_FEATURES, 3))
    for start in range(0, N_ROWS, 20_000):
        block = rng.integers(0, 256, (20_000, N_FEATURES))
        rows[start : start + 20_000] = block
        y[start : start + 20_000] = ((block - 127.5) @ direction).argmax(axis=1)
    rows.flush()
    return np.memmap(path, request.param, "r", shape=shape), y


@pytest.mark.parametrize(
    "settings",
    [
        {"max_iter": 2},
        {"max_iter": 2, "early_stopping": True, "solver": "sgd", "numerical_encoding": "linear"},
        {"max_iter": 6, "solver": "lbfgs"},
        {"max_iter": 2, "solver": "newton-cg", "hidden_layer_sizes": ()},
    ],
    ids=["adam", "sgd, early stopping", "lbfgs", "newton-cg"],
)
def test_a_file_is_fitted_in_little_memory(mapped, settings):
    X, y = mapped
    clf = SoftmaxMLPClassifier(**{"hidden_layer_sizes": (32,), "random_state": 0, **settings})
    assert peak_of(lambda: clf.fit(X, y)) < 4 * X.size / 2  # half of a copy in float32
    assert clf.score(X[:5000], y[:5000]) > 0.6  # a third by guessing


def test_memory_of_lbfgs_does_not_grow_with_the_rows():
    X = np.random.default_rng(0).normal(size=(40_000, 50))
    y = (X[:, 0] > 0).astype(int)
    # The scaling has blocks of its own, of more rows.
    settings = {"solver": "lbfgs", "max_iter": 3, "temperature_scaling": False, "scaling": None}

    def peak(n_rows):
        clf = SoftmaxMLPClassifier((32,), random_state=0, **settings)
        return peak_of(lambda: clf.fit(X[:n_rows], y[:n_rows]))

    # Labels and what checks them are per row, activations are not: 32 numbers, 256 bytes.
    assert (peak(40_000) - peak(10_000)) / 30_000 < 64


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_text_is_never_densified(solver):
    X = random_sparse(
        2000, 20_000, density=0.002, format="csr", random_state=np.random.default_rng(0)
    )
    y = np.arange(2000) % 4
    clf = SoftmaxMLPClassifier((8,), solver=solver, scaling=None, max_iter=2, random_state=0)
    n_params = (20_000 + 1) * 8
    # Gradients, moments and the memory of L-BFGS, with scipy's copies, are some forty vectors.
    assert peak_of(lambda: clf.fit(X, y)) < 50 * 8 * n_params < X.shape[0] * X.shape[1] * 8 / 4


def test_ten_thousand_classes_need_no_one_hot_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20_000, 20)), np.arange(20_000) % 10_000
    clf = SoftmaxMLPClassifier((64,), max_iter=1, temperature_scaling=False, early_stopping=False)
    assert peak_of(lambda: clf.fit(X, y)) < 150 * 2**20


@pytest.mark.parametrize("judge", ["helper", "early stopping", "X_val"])
def test_of_many_classes_few_held_out_logits_are_kept(judge, monkeypatch):
    monkeypatch.setattr(internals.calibration, "MAX_LOGITS", 500_000)
    X, y = np.random.default_rng(0).normal(size=(12_000, 8)), np.arange(12_000) % 2000
    clf = SoftmaxMLPClassifier((8,), max_iter=1, early_stopping=judge == "early stopping")
    validation = {"X_val": X[:2000], "y_val": y[:2000]} if judge == "X_val" else {}
    # Logits of the held-out rows, a sixth at least, would be 13 MiB or more in float32.
    block = 1024 * 2000 * 4  # of logits on their way, and of as many gradients
    assert peak_of(lambda: clf.fit(X, y, **validation)) < 2 * block + 20 * 2**20
    assert clf.temperature_ != 1.0


def test_a_stream_larger_than_the_memory_limit_ends_where_the_fit_in_memory_does(tmp_path):
    examples = Path(__file__).parents[1] / "examples"
    code = (examples / "data" / "plot_stream_from_disk.py").read_text()
    assert code.count("300_000") == 1
    fewer = code.replace("300_000", "250_000")  # no larger than the limit needs
    run = subprocess.run(
        [sys.executable, "-c", fewer],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "MemoryError" in run.stdout and "difference" in run.stdout


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_nothing_of_held_out_fits_stays_on_an_estimator_without_warm_start():
    X, y = np.random.default_rng(0).normal(size=(120, 5)), np.arange(120) % 3
    clf = SoftmaxMLPClassifier((16,), learning_rate="constant", max_iter=2).fit(X, y)
    n_kept = sum(value.size for value in vectors(vars(clf).values()))
    # The model's own vector, and the state's, with two moments of Adam and where it falls back.
    assert n_kept <= 5 * clf._model.params.size


def vectors(values):
    """Yield the vectors that are found in attributes of objects of ours, and in lists."""
    for value in values:
        if isinstance(value, np.ndarray) and value.ndim == 1:
            yield value
        elif isinstance(value, list):
            yield from vectors(value)
        elif type(value).__module__.startswith("skmax") and hasattr(value, "__dict__"):
            yield from vectors(vars(value).values())
