"""What the benchmarks share: interleaved pairs, medians, machine and versions."""

import argparse
import platform
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info, threadpool_limits

import skmax

# The parameters with which ours does what MLPClassifier does: the same arithmetic is timed.
NEUTRAL = {
    "alpha": 1e-4,
    "batch_size": 200,
    "beta_2": 0.999,
    "early_stopping": False,
    "label_smoothing": 0.0,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "learning_rate_scaling": None,
    "numerical_encoding": "linear",
    "scaling": None,
    "temperature_scaling": False,
}


def arguments(description, n_threads=1, *, takes_data=False):
    """Parse --quick and --pairs, silence convergence, and limit the threads of BLAS."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small and few: does it run?")
    parser.add_argument("--pairs", type=int, default=None, help="pairs per row (default 7)")
    if takes_data:
        parser.add_argument("--data", type=Path, default=None, help="folder of .npz files")
    options = parser.parse_args()
    options.pairs = options.pairs or (1 if options.quick else 7)
    warnings.simplefilter("ignore", ConvergenceWarning)
    if n_threads is not None:
        threadpool_limits(n_threads)
    return options


def seconds(function):
    """Return how long one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def paired(functions, n_pairs, warm_up=True):
    """Return the medians over rounds of each function's time over the last one's.

    The functions are called in turn, so that a change of the machine's speed meets all
    of them; the ratio is taken within a round.

    Returns
    -------
    ratios : list of float
        One per function; the last is 1.
    times : list of float
        Medians in seconds, to be read as orders of magnitude.
    """
    if warm_up:
        for function in functions:
            function()
    rounds = [[seconds(function) for function in functions] for _ in range(n_pairs)]
    ratios = [statistics.median(r[i] / r[-1] for r in rounds) for i in range(len(functions))]
    times = [statistics.median(r[i] for r in rounds) for i in range(len(functions))]
    return ratios, times


def blas_peak(dtype, size=640):
    """Return the floating-point operations per second of a square matrix product."""
    A = np.random.default_rng(0).normal(size=(size, size)).astype(dtype)
    out = np.empty_like(A)
    best = min(seconds(lambda: np.dot(A, A, out=out)) for _ in range(7))
    return 2 * size**3 / best


def machine():
    """Return a line on the machine and the versions."""
    libraries = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
    blas = {f"{lib['internal_api']} {lib['version']}" for lib in libraries}
    architecture = {lib.get("architecture") for lib in libraries} - {None}
    threads = max(lib["num_threads"] for lib in libraries)
    return (
        f"{platform.machine()} {'/'.join(sorted(architecture))}, BLAS threads: {threads}; "
        f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"scikit-learn {sklearn.__version__}, {', '.join(sorted(blas))}, "
        f"skmax {skmax.__version__}"
    )
