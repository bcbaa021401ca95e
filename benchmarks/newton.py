"""Softmax regression to the same gradient: LogisticRegression's time over ours.

Every solver runs until no component of the gradient of J exceeds `tol`, which is checked.
`python benchmarks/newton.py [--quick] [--pairs N]`; Fashion-MNIST is read from where
Debian's package dataset-fashion-mnist puts it, and left out where it is not.
"""

import gzip
from pathlib import Path

import numpy as np
from _measure import NEUTRAL, arguments, machine, paired
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skmax import SoftmaxMLPClassifier, one_hot

FASHION = Path("/usr/share/datasets/fashion-mnist")


def fashion(n_rows):
    """Return rows in [0, 1] and labels of Fashion-MNIST."""
    images = gzip.decompress((FASHION / "train-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((FASHION / "train-labels-idx1-ubyte.gz").read_bytes())
    X = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784)[:n_rows]
    return X / 255.0, np.frombuffer(labels, np.uint8, offset=8)[:n_rows].astype(int)


def gradient_size(clf, X, y, alpha):
    """Return the largest absolute component of the gradient of J, by hand."""
    W = clf.coefs_[0] if hasattr(clf, "coefs_") else clf.coef_.T
    delta = (clf.predict_proba(X) - one_hot(y, W.shape[1])) / len(X)
    return max(np.abs(X.T @ delta + alpha / len(X) * W).max(), np.abs(delta.sum(axis=0)).max())


def report(name, X, y, tol, n_pairs):
    """Print a line of ratios and of gradients."""
    shared = {"tol": tol, "max_iter": 10_000}
    classifiers = {
        "lbfgs": LogisticRegression(solver="lbfgs", **shared),
        "newton-cg": LogisticRegression(solver="newton-cg", **shared),
        "ours": SoftmaxMLPClassifier(
            (), **{**NEUTRAL, "solver": "newton-cg", "alpha": 1.0, **shared}
        ),
    }
    ratios, _ = paired([lambda c=c: c.fit(X, y) for c in classifiers.values()], n_pairs)
    sizes = [gradient_size(clf, X, y, 1.0) for clf in classifiers.values()]
    for method, size in zip(classifiers, sizes, strict=True):
        assert size <= 1.001 * tol, f"{method} stopped at a gradient of {size}"
    print(
        f"{name:<28}{tol:g}   {ratios[0]:5.2f}   {ratios[1]:5.2f}        "
        f"{'  '.join(f'{size:.1e}' for size in sizes)}",
        flush=True,
    )


def main():
    """Print the table."""
    options = arguments(__doc__)
    print("LogisticRegression's time over that of solver='newton-cg'; alpha = 1, float64")
    print("data                        tol     lbfgs   newton-cg    gradients (lbfgs, ncg, ours)")
    X, y = load_digits(return_X_y=True)
    report("digits / 16", X / 16, y, 1e-5, options.pairs)
    if FASHION.exists():
        X, y = fashion(1_000 if options.quick else 10_000)
        report(f"Fashion-MNIST, {len(X):,} rows", X, y, 1e-4, min(options.pairs, 5))
    print(machine())


if __name__ == "__main__":
    main()
