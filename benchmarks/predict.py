"""Time and memory of predict_proba: ours over MLPClassifier's.

One row at a time as a service does it, and 100,000 rows at once.
`python benchmarks/predict.py [--quick] [--pairs N]`.
"""

import tracemalloc

import numpy as np
from _measure import NEUTRAL, arguments, machine, paired
from sklearn.neural_network import MLPClassifier

from skmax import SoftmaxMLPClassifier

NETWORKS = [(20, 32, 3), (64, 100, 10), (100, 256, 20)]


def fitted(n_features, hidden, n_classes, dtype):
    """Return both classifiers, fitted to noise: only their shapes count."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50 * n_classes, n_features)).astype(dtype)
    y = np.arange(len(X)) % n_classes
    shared = {"hidden_layer_sizes": (hidden,), "max_iter": 2, "random_state": 0}
    ours, peer = SoftmaxMLPClassifier(**{**NEUTRAL, **shared}), MLPClassifier(**shared)
    return [ours.fit(X, y), peer.fit(X, y)]


def peak_beyond_output(function):
    """Return the MiB that a call holds at its peak beyond what it returns."""
    tracemalloc.start()
    result = function()
    peak = tracemalloc.get_traced_memory()[1] - result.nbytes
    tracemalloc.stop()
    return peak / 2**20


def compare(sizes, dtype, n_rows, repeats, n_pairs):
    """Return the ratios of one row and of many, and the memory of both classifiers."""
    ours, peer = fitted(*sizes, dtype)
    rng = np.random.default_rng(1)
    one = rng.normal(size=(1, sizes[0])).astype(dtype)
    many = rng.normal(size=(n_rows, sizes[0])).astype(dtype)

    def repeat(clf):
        for _ in range(repeats):
            clf.predict_proba(one)

    (one_row, _), _ = paired([lambda: repeat(ours), lambda: repeat(peer)], n_pairs)
    (many_rows, _), _ = paired(
        [lambda: peer.predict_proba(many), lambda: ours.predict_proba(many)], n_pairs
    )
    memory = [peak_beyond_output(lambda c=c: c.predict_proba(many)) for c in (ours, peer)]
    return one_row, many_rows, memory


def main():
    """Print the table."""
    options = arguments(__doc__)
    n_rows, repeats = (5_000, 50) if options.quick else (100_000, 500)
    print("predict_proba: one row, our time over MLPClassifier's; many rows, its time over ours;")
    print("memory at the peak beyond the output, MiB")
    print(f"network      dtype    one row  {n_rows:,} rows  ours (MiB)  MLPClassifier (MiB)")
    for sizes in NETWORKS:
        for dtype in ("float64", "float32"):
            one, many, memory = compare(sizes, dtype, n_rows, repeats, options.pairs)
            print(
                f"{'-'.join(map(str, sizes)):<12} {dtype}  {one:7.2f}  {many:12.2f}"
                f"  {memory[0]:10.1f}  {memory[1]:19.1f}",
                flush=True,
            )
    print(machine())


if __name__ == "__main__":
    main()
