"""Time of one evaluation of J on a Dask cluster, and a cost model that is fitted to it.

    T = rows cost / workers + a + b tasks + c tasks (bytes of the vector)

where the tasks of an evaluation are one per worker, and one per eight of these in the tree
of sums. What is printed for more workers than were measured is a projection.

    python benchmarks/dask_scaling.py [--quick]
"""

import argparse
import statistics
import time
from math import ceil

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from scipy.optimize import nnls

from skmax import SoftmaxMLPClassifier
from skmax._fitting import first_state
from skmax._partitioned_objective import partitioned_objective
from skmax._partitions import FAN_IN

N_FEATURES, N_CLASSES = 64, 10


def n_tasks(n_workers):
    """Return the tasks of an evaluation."""
    total = level = n_workers
    while level > 1:
        level = ceil(level / FAN_IN)
        total += level
    return total


def evaluation_time(client, n_rows, n_partitions, hidden, n_repeats):
    """Return the median seconds of an evaluation, and the bytes of the vector."""
    chunk = ceil(n_rows / n_partitions)
    rng = da.random.default_rng(0)
    X = rng.normal(size=(n_rows, N_FEATURES), chunks=(chunk, N_FEATURES))
    y = rng.integers(0, N_CLASSES, size=n_rows, chunks=chunk)
    local = SoftmaxMLPClassifier(hidden, solver="lbfgs", random_state=0)
    times = []
    with partitioned_objective(client, local, X, y) as (objective, _):
        params = first_state(local, objective.network).params
        objective(params)
        for _ in range(n_repeats):
            start = time.perf_counter()
            objective(params)
            times.append(time.perf_counter() - start)
    return statistics.median(times), params.nbytes


def measure(n_rows, partitions, widths, n_repeats):
    """Return rows of (workers, partitions, bytes, rows, seconds), printed as they come."""
    table = []
    for n_workers in (1, 2):
        settings = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": ":0"}
        with LocalCluster(processes=True, **settings) as cluster, Client(cluster) as client:
            for width in widths:
                for n_partitions in partitions:
                    for rows in (n_rows, 4 * n_rows):
                        seconds, size = evaluation_time(
                            client, rows, n_partitions, (width,), n_repeats
                        )
                        table.append((n_workers, n_partitions, size, rows, seconds))
                        print(
                            f"{n_workers} workers, {n_partitions:3} partitions, {rows:7} rows, "
                            f"{size / 1e3:6.0f} kB: {1e3 * seconds:6.1f} ms"
                        )
    return np.array(table)


def fit_model(table):
    """Return the cost of a row, a, b and c, none below zero, for each size of the vector."""
    workers, _, size, rows, seconds = table.T
    tasks = np.array([n_tasks(int(n)) for n in workers])
    work = rows / workers * size  # a row's cost is proportional to the parameters
    columns = np.column_stack([work, np.ones_like(work), tasks, tasks * size])
    scale = columns.max(axis=0)
    # Relative errors count: a slow evaluation is not more to be believed than a fast one.
    solution, _ = nnls(columns / scale / seconds[:, np.newaxis], np.ones_like(seconds))
    return solution / scale


def projected(costs, n_rows, n_workers, size):
    """Return the seconds of an evaluation by the model."""
    tasks = n_tasks(n_workers)
    return costs @ [n_rows / n_workers * size, 1.0, tasks, tasks * size]


def main():
    """Measure, fit the model, and project."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see whether it runs")
    args = parser.parse_args()
    if args.quick:
        table = measure(2_000, (2, 8), (8, 64), 1)
    else:
        table = measure(20_000, (2, 16, 64, 256), (16, 128, 1024), 9)
    costs = fit_model(table)
    print(
        f"\na row and parameter {costs[0] * 8e9:.3f} ns, a {1e3 * costs[1]:.1f} ms, "
        f"b {1e3 * costs[2]:.2f} ms per task, c {1e9 * costs[3]:.3f} ns per task and byte"
    )
    size = 8 * (N_FEATURES + 1 + N_CLASSES + 1) * 128
    print(f"\nProjection, 10^10 rows, a vector of {size / 1e3:.0f} kB, seconds per evaluation:")
    candidates = np.unique(np.logspace(0, 5, 200).astype(int))
    times = [projected(costs, 1e10, int(n), size) for n in candidates]
    for n_workers in (10, 100, 1000, 10_000):
        print(f"{n_workers:6} workers: {projected(costs, 1e10, n_workers, size):8.2f}")
    best = int(candidates[np.argmin(times)])
    print(f"{best:6} workers: {min(times):8.2f} (the best number)")


if __name__ == "__main__":
    main()
