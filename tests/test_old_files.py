"""Files of earlier versions are read, predict what they did, and go on as fits do now.

How the files in `data` were made is in `data/write_files.py`. What a fit ended with on the
machine that wrote them agrees to 1e-9 with what it ends with on another in float64, whatever
the BLAS; bits are compared only between two computations of this machine.
"""

import gzip
import os
import pickle

import numpy as np
import pytest
import sklearn
import skops.io
from data import write_files
from data.write_files import (
    CUT_AFTER,
    EXACTLY_PAUSED,
    FITS,
    HERE,
    UNFINISHED,
    X,
    classifier,
    gone_on,
    probabilities,
    whole,
    y,
)
from numpy.testing import assert_allclose, assert_array_equal

from skmax import Checkpoint, SoftmaxMLPClassifier, ValidationMonitor

with np.load(HERE / "pickles.npz") as stored:
    BEFORE, AFTER = (
        dict(zip(stored["name"].tolist(), stored[kind], strict=True))
        for kind in ("before", "after")
    )

# A row's probabilities are as exact as its logits; those of a fit that goes on as 1e-9 says,
# but for the one file whose fit is in float32, as the default has it.
TOLERANCE = dict.fromkeys(FITS, 1e-9) | {"default": 1e-5}

OTHER_SKLEARN = sklearn.__version__.split(".")[:2] != ["1", "9"]
NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            OTHER_SKLEARN and name == "callbacks_of_sklearn",
            reason="scikit-learn reads its own callbacks in the version that wrote them",
        ),
    )
    for name in FITS
]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def loaded(name):
    return pickle.loads((HERE / f"{name}.pickle").read_bytes())


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where callbacks write: one has a relative folder, the path of another is set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")  # of a progress bar
    return tmp_path


def prepared(clf, folder):
    """Give a checkpoint that was loaded a path of this machine."""
    for callback in getattr(clf, "_skl_callbacks", []):
        if isinstance(callback, Checkpoint):
            callback.path = folder / "fit.skmax"
    return clf


def same_bits(one, other):
    assert_array_equal(probabilities(one), probabilities(other))
    for name in ("coefs_", "intercepts_"):
        for array, twin in zip(getattr(one, name), getattr(other, name), strict=True):
            assert_array_equal(array, twin)
    assert one.loss_curve_ == other.loss_curve_
    assert one.temperature_ == other.temperature_
    assert (one.n_iter_, one.t_) == (other.n_iter_, other.t_)


@pytest.mark.parametrize("name", NAMES)
def test_an_old_pickle_predicts_what_it_did(name):
    assert_allclose(probabilities(loaded(name)), BEFORE[name], rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_an_old_pickle_goes_on_as_it_did(name, folder):
    clf = gone_on(name, prepared(loaded(name), folder))
    assert_allclose(probabilities(clf), AFTER[name], rtol=TOLERANCE[name])


@pytest.mark.parametrize("name", NAMES)
def test_an_old_pickle_pickled_again_goes_on_with_the_same_bits(name, folder):
    clf = prepared(loaded(name), folder)
    again = prepared(pickle.loads(pickle.dumps(clf)), folder)
    same_bits(gone_on(name, again), gone_on(name, clf))


@pytest.mark.parametrize("name", [param for param in NAMES if param.values[0] in EXACTLY_PAUSED])
def test_an_old_pickle_of_a_paused_fit_ends_where_a_fit_of_today_does(name, folder):
    clf, expected = gone_on(name, prepared(loaded(name), folder)), whole(name)
    assert_allclose(probabilities(clf), probabilities(expected), rtol=1e-9)
    assert_allclose(clf.loss_curve_, expected.loss_curve_, rtol=1e-9)
    assert clf.t_ == expected.t_


def test_an_old_stream_goes_on_as_one_of_today():
    expected = write_files.stream(classifier(**FITS["streamed"]), 3)
    clf = gone_on("streamed", loaded("streamed"))
    assert_allclose(probabilities(clf), probabilities(expected), rtol=1e-9)


@pytest.mark.parametrize("name", ["default", "paused_adam"])
def test_an_old_skops_file_goes_on_as_the_pickle_of_the_same_fit(name):
    path = HERE / f"{name}.skops"
    untrusted = skops.io.get_untrusted_types(file=path)
    assert [name.split(".")[-1] for name in untrusted] == ["SoftmaxMLPClassifier"]
    clf = skops.io.load(path, trusted=untrusted)
    assert type(clf) is SoftmaxMLPClassifier
    same_bits(clf, loaded(name))
    same_bits(gone_on(name, clf), gone_on(name, loaded(name)))


def test_an_old_callback_has_its_settings(folder):
    (monitor,) = loaded("monitor")._skl_callbacks
    assert type(monitor) is ValidationMonitor
    assert_array_equal(monitor.X_val, X[::15])
    (checkpoint,) = loaded("checkpoint")._skl_callbacks
    assert type(checkpoint) is Checkpoint
    assert (checkpoint.path.name, checkpoint.every) == ("fit.skmax", 1)


def test_an_old_monitor_records_the_fit_that_goes_on(folder):
    clf = loaded("monitor").fit(X, y)
    (monitor,) = clf._skl_callbacks
    assert [record["epoch"] for record in monitor.get_logs()] == [1, 2, 3, 4, 5]
    assert os.listdir(folder) == ["records"]


def finished(folder, name, **settings):
    """Return the estimator that finishes the old checkpoint."""
    path = folder / name
    path.write_bytes(gzip.decompress((HERE / "unfinished.skmax.gz").read_bytes()))
    clf = Checkpoint(path).resume(classifier(**{**UNFINISHED, **settings}))
    return clf.fit(X, y)


def test_an_old_checkpoint_is_finished_as_the_fit_of_today(folder):
    clf, expected = finished(folder, "fit.skmax"), classifier(**UNFINISHED).fit(X, y)
    assert clf.n_iter_ == expected.n_iter_ > CUT_AFTER
    assert_allclose(clf.loss_curve_, expected.loss_curve_, rtol=1e-9)
    # The temperature is that of the held-out fits of then, which left out other rows.
    Z, expected_Z = (fit.decision_function(X) * fit.temperature_ for fit in (clf, expected))
    assert_allclose(Z, expected_Z, rtol=1e-7, atol=1e-9)
    with np.load(HERE / "unfinished.npz") as then:
        assert_allclose(clf.loss_curve_, then["curve"], rtol=1e-9)
        # It is where a loss is least, which is found to the root of its rounding.
        assert_allclose(probabilities(clf), then["probabilities"], rtol=1e-5)


def test_an_old_checkpoint_is_finished_twice_with_the_same_bits(folder):
    same_bits(finished(folder, "one.skmax"), finished(folder, "other.skmax"))


def test_an_old_checkpoint_can_be_given_more_epochs(folder):
    longer = {**UNFINISHED, "max_iter": 12}
    assert finished(folder, "fit.skmax", **longer).n_iter_ == 12
