"""Time of one evaluation of J on a Dask cluster, and a cost model that is fitted to it.

    T = (rows (r + s n) + partitions (p + q n)) / workers + a + tasks (t + u n)

where n is the number of parameters, and the tasks of an evaluation are one per worker (of one
thread), and one per eight of these in the tree of sums. What is printed for more workers than
were measured is a projection.

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
from skmax._distributed.dataset import PartitionedRows
from skmax._distributed.partitions import FAN_IN
from skmax._training.config import TrainingConfig
from skmax._training.dataset import HoldOutPlan
from skmax._training.start import fresh

N_FEATURES, N_CLASSES = 64, 10

# Of the projection.
N_ROWS, ROWS_PER_PARTITION = 1e10, 1e5


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
    config = TrainingConfig.of(SoftmaxMLPClassifier(hidden, solver="lbfgs", random_state=0))
    times = []
    with PartitionedRows.loaded(client, config, None, X, y, None) as rows:
        begin = fresh(config)
        model = begin.begin(config, rows, HoldOutPlan(0, config.last_iterations))
        params, objective = begin.state.params, rows.objective(model, begin.state)
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


def terms(workers, partitions, size, rows):
    """Return what the costs r, s, p, q, a, t, u are multiplied by, a row per evaluation."""
    n_params = size / 8
    tasks = np.array([n_tasks(int(n)) for n in workers])
    of_one = [rows / workers, partitions / workers]
    columns = [factor for count in of_one for factor in (count, count * n_params)]
    return np.column_stack([*columns, np.ones_like(workers), tasks, tasks * n_params])


def fit_model(table):
    """Return the costs, none below zero, and the model's times over those measured."""
    columns, seconds = terms(*table.T[:4]), table[:, 4]
    scale = columns.max(axis=0)
    # Relative errors count: a slow evaluation is not more to be believed than a fast one.
    solution, _ = nnls(columns / scale / seconds[:, np.newaxis], np.ones_like(seconds))
    costs = solution / scale
    return costs, columns @ costs / seconds


def projected(costs, workers, size):
    """Return the seconds of an evaluation by the model, for each number of workers."""
    workers = np.asarray(workers, dtype=float)
    return terms(workers, N_ROWS / ROWS_PER_PARTITION, size, N_ROWS) @ costs


def main():
    """Measure, fit the model, and project."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see whether it runs")
    args = parser.parse_args()
    if args.quick:
        table = measure(2_000, (2, 8), (8, 64), 1)
    else:
        table = measure(20_000, (2, 16, 64, 256), (16, 128, 1024), 9)
    costs, ratios = fit_model(table)
    names = ("row", "row and parameter", "partition", "partition and parameter")
    names += ("evaluation", "task", "task and parameter")
    print(
        "\n"
        + "\n".join(
            f"{1e6 * cost:12.6f} us per {name}" for cost, name in zip(costs, names, strict=True)
        )
    )
    low, high = np.quantile(ratios, [0.25, 0.75])
    print(
        f"model over measured: {ratios.min():.2f} to {ratios.max():.2f}, quartiles {low:.2f} and "
        f"{high:.2f}"
    )
    size = 8 * (N_FEATURES + 1 + N_CLASSES + 1) * 128
    print(
        f"\nProjection, {N_ROWS:.0e} rows in partitions of {ROWS_PER_PARTITION:.0e}, a vector of "
        f"{size / 1e3:.0f} kB, seconds per evaluation:"
    )
    candidates = np.unique(np.logspace(0, 5, 200).astype(int))
    times = projected(costs, candidates, size)
    for n_workers in (10, 100, 1000, 10_000):
        print(f"{n_workers:6} workers: {projected(costs, [n_workers], size)[0]:8.2f}")
    print(f"{candidates[times.argmin()]:6} workers: {times.min():8.2f} (the best number)")


if __name__ == "__main__":
    main()
