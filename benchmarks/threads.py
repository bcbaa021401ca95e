"""GridSearchCV in two processes: fits limited to one BLAS thread, over fits that are not.

Above 1 the limit would slow a search down. `python benchmarks/threads.py [--quick]`;
unlike the other benchmarks this one leaves BLAS all threads it wants.
"""

from _measure import NEUTRAL, arguments, machine, paired
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from skmax import SoftmaxMLPClassifier


class Limited(SoftmaxMLPClassifier):
    """Fits on one BLAS thread."""

    def fit(self, X, y):
        """Fit the network to rows X and labels y."""
        with threadpool_limits(1):
            return super().fit(X, y)


def search(kind, hidden, batch_size, n_jobs):
    """Run a grid search of 24 fits."""
    settings = {"learning_rate": "cosine", "max_iter": 20, "batch_size": batch_size}
    clf = kind((hidden,), **{**NEUTRAL, **settings})
    grid = {"alpha": [0.001, 0.01, 0.1, 1.0], "learning_rate_init": [0.001, 0.01]}
    X, y = load_digits(return_X_y=True)
    GridSearchCV(clf, grid, cv=3, n_jobs=n_jobs, refit=False).fit(X / 16, y)


def main():
    """Print the table."""
    options = arguments(__doc__, n_threads=None)
    networks = [(32, 200)] if options.quick else [(32, 200), (100, 200), (512, 512)]
    print("hidden, batch   n_jobs=1   n_jobs=2   (time with the limit over time without)")
    for hidden, batch_size in networks:
        cells = []
        for n_jobs in (1, 2):
            calls = [
                lambda kind=kind, n_jobs=n_jobs: search(kind, hidden, batch_size, n_jobs)  # noqa: B023
                for kind in (Limited, SoftmaxMLPClassifier)
            ]
            cells.append(paired(calls, options.pairs)[0][0])
        print(f"{f'{hidden}, {batch_size}':<14} {cells[0]:9.2f}  {cells[1]:9.2f}", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
