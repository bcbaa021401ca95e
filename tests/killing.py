"""Kill fits at random moments, and see that they are finished as if nothing had happened.

::

    python tests/killing.py --kills 200 [--solver adam] [--seed 0]
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skmax import Checkpoint, SoftmaxMLPClassifier

X, y = load_digits(return_X_y=True)
X, y = X[::3], y[::3]

SETTINGS: dict[str, dict] = {
    "adam": {},
    "sgd": {"learning_rate_init": 0.05, "early_stopping": True, "max_iter": 30},
    "lbfgs": {"hidden_layer_sizes": (), "alpha": 10.0, "tol": 1e-7},
    "newton-cg": {"hidden_layer_sizes": (), "tol": 1e-8},
}
EXACT = ("adam", "sgd")


def same_fit(clf, other):
    """Assert that two classifiers have the same fitted state, bit for bit."""
    for name in vars(other).keys() - other.get_params().keys() - {"_model", "_state"}:
        assert_array_equal(getattr(clf, name), getattr(other, name), err_msg=name)
    for name in ("params", "temperature", "classes"):
        assert_array_equal(getattr(clf._model, name), getattr(other._model, name), err_msg=name)
    assert clf._state.stop_reason == other._state.stop_reason
    assert clf._state.rng.bit_generator.state == other._state.rng.bit_generator.state
    assert_array_equal(clf._state.params, other._state.params)
    assert clf._state.target_iter is clf._state.best_iterate is None


def classifier(solver):
    return SoftmaxMLPClassifier(
        **{"hidden_layer_sizes": (32,), "solver": solver, "random_state": 0, **SETTINGS[solver]}
    )


def fit(solver, path, result):
    """Resume or begin a fit, and store what it ends with."""
    clf = Checkpoint(path).resume(classifier(solver)).fit(X, y)
    unsure = Path(f"{result}.part.npz")
    curve = clf.loss_curve_
    np.savez(unsure, params=clf._model.params, curve=curve, T=clf.temperature_, loss=clf.loss_)
    unsure.rename(result)


def kill_and_finish(solver, folder, *, n_kills, seed):
    """Kill fits until there were so many; compare each that ends. Return the number."""
    rng = np.random.default_rng(seed)
    processes = multiprocessing.get_context("forkserver")
    # The server imports by this path, whatever that of this process is.
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    processes.set_forkserver_preload(["killing", "skops.io"])
    path, result = Path(folder) / "fit.skmax", Path(folder) / "result.npz"
    expected = classifier(solver).fit(X, y)

    def start():
        process = processes.Process(target=fit, args=(solver, path, result))
        process.start()
        return process

    start().join()  # neither the first import nor the fit's own time is known before
    result.unlink()
    begin = time.perf_counter()
    start().join()
    duration = time.perf_counter() - begin
    n_killed = 0
    while True:
        result.unlink(missing_ok=True)
        while not result.exists():
            process = start()
            if n_killed < n_kills:
                process.join(rng.uniform(0.0, duration))
                if process.is_alive():
                    process.kill()
                    n_killed += 1
            process.join()
            assert process.exitcode in (0, -9), "a fit could not be resumed"
        ended = np.load(result)
        if solver in EXACT:
            assert_array_equal(ended["params"], expected._model.params)
            assert_array_equal(ended["curve"], expected.loss_curve_)
            assert ended["T"] == expected.temperature_
        assert_allclose(ended["loss"], expected.loss_, rtol=0, atol=1e-6)
        if n_killed >= n_kills:
            return n_killed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--solver", choices=SETTINGS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for solver in args.solver or SETTINGS:
        with tempfile.TemporaryDirectory() as folder:
            n_killed = kill_and_finish(solver, folder, n_kills=args.kills, seed=args.seed)
        print(f"{solver}: {n_killed} kills, no difference")


if __name__ == "__main__":
    sys.exit(main())
