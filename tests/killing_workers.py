"""Kill a worker of a Dask cluster at random moments of fits; each must end with the same bits.

::

    python tests/killing_workers.py [--kills 20] [--seed 0]
"""

import argparse
import os
import signal
import threading
import time
import warnings

import numpy as np
from distributed import Client
from factories import chunked, cluster
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skmax.dask import DaskSoftmaxMLPClassifier

X, y = load_digits(return_X_y=True)


def fit(client, max_iter):
    """Return the parameters of a fit, and how long it took."""
    start = time.perf_counter()
    settings = {"max_iter": max_iter, "tol": 0.0, "random_state": 0}
    clf = DaskSoftmaxMLPClassifier((32,), client=client, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(chunked(X, 15), chunked(y, 15))
    return clf.to_local()._model.params, time.perf_counter() - start


def kill_one(client, delay, seed, killed):
    """Kill one of the workers after a while."""
    time.sleep(delay)
    pids = sorted(client.run(os.getpid).values())
    killed.append(pids[seed % len(pids)])
    os.kill(killed[-1], signal.SIGKILL)


def wait_until_gone(pid):
    """Return when the process is no more; fail if it lives on."""
    for _ in range(300):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError(f"process {pid} was not killed")


def kill_workers(n_kills, seed=0, max_iter=60):
    """Return how often a fit has ended with the same bits though a worker was killed."""
    rng = np.random.default_rng(seed)
    n_same, expected, killed = 0, None, []
    # A cluster for each two kills, and a worker to spare: a nanny does not always start a new
    # worker for one that was killed.
    while n_same < n_kills:
        with cluster(n_workers=3, processes=True) as client, Client(client.cluster) as other:
            fit(client, max_iter=1)  # imports
            undisturbed, duration = fit(client, max_iter)
            if expected is None:
                expected = undisturbed
            for _ in range(min(2, n_kills - n_same)):
                moment = rng.uniform(0.0, 0.9 * duration)
                args = (other, moment, n_same, killed)
                thread = threading.Thread(target=kill_one, args=args)
                thread.start()
                params, took = fit(client, max_iter)
                thread.join()
                wait_until_gone(killed[-1])
                assert_array_equal(params, expected)
                n_same += 1
                print(
                    f"killed after {moment:.2f} s, took {took:.2f} of {duration:.2f} s: same bits"
                )
    return n_same


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"{kill_workers(args.kills, args.seed)} of {args.kills} fits ended with the same bits")


if __name__ == "__main__":
    main()
