"""Threads of BLAS: default fits beside a busy process, and wide networks on idle cores.

Of tables, the time with nothing set over that on one BLAS thread (about 1 is right), and what
it would be if fits never limited the threads. Of networks, the time on one thread over that
with nothing set: above 1 where threads help. `python benchmarks/threads.py [--quick]
[--data FOLDER]`; unlike the other benchmarks this one leaves BLAS all threads it wants.
"""

import subprocess
import sys
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
from _measure import NEUTRAL, arguments, machine, paired
from accuracy import load
from sklearn.datasets import make_classification
from speed import NETWORKS, data, settings
from threadpoolctl import ThreadpoolController

from skmax import SoftmaxMLPClassifier

# Training rows, features and classes of data sets; without --data tables like them are made.
TABLES = {
    "pima": (576, 8, 2),
    "digits": (1347, 64, 10),
    "spam": (3000, 57, 2),
    "magic": (3000, 10, 2),
}
BLAS = ThreadpoolController().select(user_api="blas")
WIDEST = ([784, 1024, 1024, 10], 256, 2_000, 1)


@contextmanager
def busy_process():
    """Keep a core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def table(name, folder, quick):
    """Return rows and labels of a data set, or of a table like it."""
    n_rows, n_features, n_classes = TABLES[name]
    if folder is not None:
        X, y = load(name, folder)
        rows = np.random.default_rng(0).permutation(len(y))[:n_rows]
        X, y = X[rows], y[rows]
    else:
        n_informative = min(n_features, 8)
        X, y = make_classification(
            n_rows, n_features, n_informative=n_informative, n_redundant=0, n_classes=n_classes,
            n_clusters_per_class=1, flip_y=0.1, random_state=0,
        )  # fmt: skip
    return (X[:300], y[:300]) if quick else (X, y)


def on_one_thread(function):
    """Call a function on one BLAS thread."""
    with BLAS.limit(limits=1):
        function()


def without_limits(function):
    """Call a function on all threads, whatever it is worth."""
    with patch("skmax._network.blas.WORTH_THREADS", 0):
        function()


def tables(options):
    """Print the times of default fits."""
    print("default fit of   nothing set   no limits   (time over that on one thread)")
    for name in list(TABLES)[: 1 if options.quick else None]:  # without limits they take long
        X, y = table(name, options.data, options.quick)

        def fit(X=X, y=y):
            SoftmaxMLPClassifier(random_state=0).fit(X, y)

        calls = [fit, lambda fit=fit: without_limits(fit), lambda fit=fit: on_one_thread(fit)]
        (nothing, never, _), _ = paired(calls, options.pairs)
        print(f"{name:<14} {nothing:13.2f} {never:11.2f}", flush=True)


def networks(options):
    """Print what threads are worth to wide networks."""
    print("network, batch                nothing set   (time on one thread over this)")
    for sizes, batch_size, n_rows, epochs in [*NETWORKS, WIDEST]:
        if options.quick:
            n_rows, epochs = n_rows // 8, 1
        X, y = data(sizes, n_rows, "float64")
        clf = SoftmaxMLPClassifier(**{**NEUTRAL, **settings(sizes, batch_size, epochs)})

        def fit(clf=clf, X=X, y=y):
            clf.fit(X, y)

        (one, _), _ = paired([lambda fit=fit: on_one_thread(fit), fit], options.pairs)
        name = f"{'-'.join(map(str, sizes))}, {batch_size}"
        print(f"{name:<26} {one:14.2f}", flush=True)


def main():
    """Print the tables."""
    options = arguments(__doc__, n_threads=None, takes_data=True)
    with busy_process():
        tables(options)
    networks(options)
    print(machine())


if __name__ == "__main__":
    main()
