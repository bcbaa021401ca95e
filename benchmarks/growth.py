"""How time grows with rows and width, and what many classes and sparse rows cost.

The slope of log time over log size is 1 where cost is linear. Ratios are MLPClassifier's
time over ours. `python benchmarks/growth.py [--quick] [--pairs N]`.
"""

import tracemalloc

import numpy as np
import scipy.sparse
from _measure import NEUTRAL, arguments, machine, paired
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from skmax import SoftmaxMLPClassifier


def classifier(kind, hidden, **settings):
    """Return a classifier that runs all of its epochs."""
    settings = {"max_iter": 2, "tol": 0.0, "n_iter_no_change": 999, "random_state": 0, **settings}
    if kind is SoftmaxMLPClassifier:
        settings = {**NEUTRAL, **settings}
    return kind(hidden_layer_sizes=hidden, **settings)


def noise(n_rows, n_features, n_classes):
    """Return rows and labels that have nothing to do with each other."""
    X = np.random.default_rng(0).normal(size=(n_rows, n_features))
    return X, np.arange(n_rows) % n_classes


def slope(sizes, fit_of, n_pairs):
    """Return the least-squares slope of log time over log size."""
    functions = [fit_of(size) for size in sizes]
    _, times = paired(functions, n_pairs)
    return np.polyfit(np.log(sizes), np.log(times), 1)[0]


def fit_of_rows(n_rows):
    """Return a fit of so many rows."""
    X, y = noise(n_rows, 20, 5)
    return lambda: classifier(SoftmaxMLPClassifier, (64,), max_iter=4).fit(X, y)


def fit_of_width(width):
    """Return a fit of one hidden layer of so many units."""
    X, y = noise(4000, 100, 5)
    return lambda: classifier(SoftmaxMLPClassifier, (width,)).fit(X, y)


def peak_of_fit(clf, X, y):
    """Return the MiB that a fit holds at its peak."""
    tracemalloc.start()
    clf.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def compare(X, y, hidden, options, **settings):
    """Return MLPClassifier's time over ours."""
    ours = classifier(SoftmaxMLPClassifier, hidden, **settings)
    settings.pop("dtype", None)
    peer = classifier(MLPClassifier, hidden, **settings)
    ratios, _ = paired([lambda: peer.fit(X, y), lambda: ours.fit(X, y)], options.pairs)
    return ratios[0]


def main():
    """Print the table."""
    options = arguments(__doc__)
    small = 8 if options.quick else 1
    rows = [size // small for size in (8_000, 32_000, 128_000)]
    widths = [size // small for size in (256, 1024, 4096)]
    print(
        f"slope over {rows[0]:,} to {rows[-1]:,} rows:       "
        f"{slope(rows, fit_of_rows, options.pairs):.2f}"
    )
    print(
        f"slope over {widths[0]} to {widths[-1]} hidden units: "
        f"{slope(widths, fit_of_width, options.pairs):.2f}",
        flush=True,
    )

    X, y = noise(20_000 // small, 32, 10_000 // small)
    pairs, options.pairs = options.pairs, min(options.pairs, 3)
    ratio = compare(X, y, (64,), options, max_iter=1)
    options.pairs = pairs
    memory = [
        peak_of_fit(classifier(kind, (64,), max_iter=1), X, y)
        for kind in (SoftmaxMLPClassifier, MLPClassifier)
    ]
    print(
        f"{len(np.unique(y)):,} classes, {len(X):,} rows, 64 hidden: {ratio:.2f} times as fast, "
        f"{memory[0]:.0f} MiB beyond the data (MLPClassifier {memory[1]:.0f})",
        flush=True,
    )

    X = scipy.sparse.random_array(
        (2000 // small, 20_000), density=0.005, format="csr", rng=np.random.default_rng(0)
    )
    y = np.arange(X.shape[0]) % 5
    cells = [compare(X, y, (100,), options, dtype=dtype) for dtype in ("auto", "float64")]
    cells.append(compare(X.astype(np.float32), y, (100,), options))
    print(
        "CSR, 20,000 features, density 0.005, 100 hidden: "
        f"{cells[0]:.2f} times as fast (float64 rows), {cells[1]:.2f} (in float64 throughout), "
        f"{cells[2]:.2f} (float32 rows)",
        flush=True,
    )

    X, y = load_digits(return_X_y=True)
    for width in (32, 100, 300):
        settings = {"solver": "lbfgs", "max_iter": 100 // small, "tol": 0.0}
        ratio = compare(X, y, (width,), options, **settings)
        print(f"lbfgs on digits, {width} hidden units: {ratio:.2f} times as fast", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
