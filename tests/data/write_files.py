"""Write the files beside this one, which later versions must read.

The files here are those of skmax 0.1.0 at commit e5a4285 (Python 3.11.7, NumPy 2.4.6, SciPy
1.17.1, scikit-learn 1.9.1, skops 0.16.0, Dask 2026.8.0). They are not to be written again by a
later version, because what it writes says nothing of what it reads; where a format changes, a
folder of its own gets new ones::

    OPENBLAS_NUM_THREADS=1 python tests/data/write_files.py [folder]
"""

import gzip
import pickle
import shutil
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from skmax import Checkpoint, SoftmaxMLPClassifier, ValidationMonitor

HERE = Path(__file__).parent
X, y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
SHOWN = X[::10]  # the rows whose probabilities are stored

# In float64, so that what another machine rounds otherwise stays below 1e-9. A fit under a
# constant rate that `max_iter` ends is only paused, and without helpers it goes on exactly.
PAUSED = {
    "learning_rate": "constant",
    "max_iter": 5,
    "warm_start": True,
    "early_stopping": False,
    "temperature_scaling": False,
    "batch_size": 32,
}
FITS: dict[str, dict] = {
    "default": {"dtype": "auto"},
    "robust": {"scaling": "robust", "hidden_layer_sizes": (4, 3), "class_weight": {"setosa": 2.0}},
    "stopped_early": {"early_stopping": True, "warm_start": True, "learning_rate": "adaptive"},
    "lbfgs": {"solver": "lbfgs", "warm_start": True},
    "newton": {"solver": "newton-cg", "hidden_layer_sizes": (), "warm_start": True},
    "paused_adam": PAUSED,
    "paused_sgd": {**PAUSED, "solver": "sgd", "learning_rate_init": 0.05},
    "paused_dropout": {**PAUSED, "dropout": 0.2, "activation": "gelu"},
    "paused_stopping": {**PAUSED, "early_stopping": True},
    "paused_calibrated": {**PAUSED, "early_stopping": "auto", "temperature_scaling": True},
    "streamed": {"learning_rate": "invscaling", "batch_size": 16},
    "monitor": PAUSED,
    "checkpoint": PAUSED,
    "callbacks_of_sklearn": PAUSED,
    "dask": {"temperature_scaling": True},
}
# Fits of 5 epochs that end, 5 epochs later, where one of 10 does.
EXACTLY_PAUSED = [name for name, settings in FITS.items() if PAUSED.items() <= settings.items()]
EXACTLY_PAUSED.append("paused_stopping")

UNFINISHED = {"dtype": "float64", "batch_size": 32, "max_iter": 8}
CUT_AFTER = 3


def classifier(**settings):
    return SoftmaxMLPClassifier(
        **{
            "hidden_layer_sizes": (4,),
            "random_state": 0,
            "dtype": "float64",
            "numerical_encoding": "linear",  # as all fits were then; the parameter is newer
            **settings,
        }
    )


class CopyAfter:
    """Callback that copies a file at the end of a pass, as if the fit were killed there."""

    def __init__(self, n_passes, source, target):
        self.n_left, self.source, self.target = n_passes, source, target

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.n_left -= 1
        if self.n_left == 0:
            shutil.copy(self.source, self.target)


def stream(clf, n_calls, start=0):
    """Continue with calls of which each sees every third row."""
    for call in range(start, start + n_calls):
        clf.partial_fit(X[call::3], y[call::3], classes=[0, 1, 2])
    return clf


def begun(name, folder):
    """Return the estimator that a file is to hold."""
    if name == "dask":
        return fitted_on_a_cluster(FITS[name])
    clf = classifier(**FITS[name])
    if name == "streamed":
        return stream(clf, 2)
    if name == "monitor":  # of a relative folder, which any machine can have
        clf.set_callbacks(ValidationMonitor(X[::15], y[::15], folder="records"))
    elif name == "checkpoint":
        clf.set_callbacks(Checkpoint(folder / "fit.skmax"))
    elif name == "callbacks_of_sklearn":
        from sklearn.callback import ProgressBar, ScoringMonitor

        clf.set_callbacks(ScoringMonitor(scoring="accuracy"), ProgressBar())
    return clf.fit(X, NAMES[y] if name == "robust" else y)


def gone_on(name, clf):
    """Continue the training of an estimator; return it as one that needs no cluster."""
    if name == "dask":
        return clf.to_local().set_params(warm_start=True).fit(X, y)
    if name == "streamed":
        return stream(clf, 1, start=2)
    if name == "default":
        return clf.partial_fit(X[::2], y[::2])
    if name == "robust":
        return clf.partial_fit(X[::2], NAMES[y[::2]])
    return clf.fit(X, y)


def whole(name):
    """Return what an exactly paused fit becomes, fitted without a pause."""
    return classifier(**{**FITS[name], "max_iter": 10}).fit(X, y)


def probabilities(clf):
    """Return those of the rows shown."""
    return (clf.to_local() if hasattr(clf, "to_local") else clf).predict_proba(SHOWN)


def fitted_on_a_cluster(settings):
    """Return a classifier fitted on a cluster in this process."""
    import dask.array as da
    from distributed import Client, LocalCluster

    from skmax.dask import DaskSoftmaxMLPClassifier

    settings = {"hidden_layer_sizes": (3,), "random_state": 0, "max_iter": 20, **settings}
    where = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(processes=False, **where) as cluster, Client(cluster):
        rows = da.from_array(X, chunks=(50, 4))
        return DaskSoftmaxMLPClassifier(**settings).fit(rows, da.from_array(y, chunks=50))


def write(folder):
    """Write all files, and what is to be expected of them."""
    import skops.io

    warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that is to be paused
    before, after = [], []
    for name in FITS:
        clf = begun(name, folder)
        content = pickle.dumps(clf, protocol=4)
        (folder / f"{name}.pickle").write_bytes(content)
        if name in ("default", "paused_adam"):
            deflated = {"compression": zipfile.ZIP_DEFLATED, "compresslevel": 9}
            skops.io.dump(clf, folder / f"{name}.skops", **deflated)
        before.append(probabilities(clf))
        # From the file: a pickle holds no helpers, with which the fit here would go on.
        after.append(probabilities(gone_on(name, pickle.loads(content))))
    np.savez_compressed(folder / "pickles.npz", name=list(FITS), before=before, after=after)
    path = folder / "fit.skmax"
    clf = Checkpoint(path).resume(classifier(**UNFINISHED))
    left = folder / "unfinished.skmax"
    clf.set_callbacks(*clf._skl_callbacks, CopyAfter(CUT_AFTER, path, left)).fit(X, y)
    (folder / f"{left.name}.gz").write_bytes(gzip.compress(left.read_bytes(), mtime=0))
    left.unlink()
    np.savez_compressed(
        folder / "unfinished.npz", probabilities=probabilities(clf), curve=clf.loss_curve_
    )
    path.unlink()


def main():
    target = Path(sys.argv[1] if len(sys.argv) > 1 else HERE)
    with tempfile.TemporaryDirectory() as name:
        write(folder := Path(name))
        for path in folder.iterdir():
            if path.is_file():
                shutil.copy(path, target)
    shutil.rmtree("records", ignore_errors=True)


if __name__ == "__main__":
    main()
