"""A fit is killed, and finished in another process with the same bits.

The script starts itself as a child process, kills it in the middle of its fit (SIGKILL: it
can do nothing about it), and runs the same lines again.
"""

import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from skmax import Checkpoint, SoftmaxMLPClassifier

X, y = load_digits(return_X_y=True)


def build():
    return SoftmaxMLPClassifier((256, 256), random_state=0)


def fit(path, result):
    clf = Checkpoint(path).resume(build())  # begins, or goes on where the file is
    start = time.perf_counter()
    clf.fit(X, y)
    print(f"this fit took {time.perf_counter() - start:.1f} s")
    np.save(result, clf.predict_proba(X))


def main():
    folder = Path(tempfile.mkdtemp())
    path, result = folder / "fit.skmax", folder / "proba.npy"
    processes = multiprocessing.get_context("spawn")

    process = processes.Process(target=fit, args=(path, result))
    process.start()
    while not path.exists():
        time.sleep(0.01)
    time.sleep(0.2)
    process.kill()
    process.join()
    print(f"killed: {path.name} has {path.stat().st_size / 1e6:.1f} MB, result: {result.exists()}")

    process = processes.Process(target=fit, args=(path, result))
    process.start()
    process.join()
    uninterrupted = build().fit(X, y).predict_proba(X)
    print("same bits as an uninterrupted fit:", np.array_equal(np.load(result), uninterrupted))


if __name__ == "__main__":
    main()
