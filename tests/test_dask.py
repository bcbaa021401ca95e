"""Fits on a cluster are the fits in memory, whatever happens to its workers."""

import os
import pickle
import subprocess
import sys
import threading
import warnings
from copy import copy
from inspect import signature
from itertools import permutations
from pathlib import Path

import dask
import dask.array as da
import dask.dataframe as dd
import internals
import joblib
import numpy as np
import pandas as pd
import pytest
from dask import delayed
from dask.sizeof import sizeof
from distributed import Client, Future, Security
from distributed.comm import CommClosedError
from factories import chunked, cluster, csr_chunks
from internals import FAN_IN, Dataset, PartitionedObjective, Partitions, insert, merge
from joblib import parallel_config
from killing_workers import kill_workers
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from skmax import SoftmaxMLPClassifier, ValidationMonitor
from skmax.dask import DaskSoftmaxMLPClassifier

X, y = make_classification(300, 8, n_informative=6, n_classes=3, random_state=0)
X[np.abs(X) < 0.2] = 0.0
weight = np.random.default_rng(0).uniform(0.0, 2.0, 300)
weight[::9] = 0.0

FITTED = {
    *("classes_", "coefs_", "intercepts_", "scaling_", "temperature_", "n_features_in_"),
    *("n_layers_", "n_outputs_", "out_activation_", "n_iter_", "t_", "loss_", "loss_curve_"),
    "best_loss_",
}

QUICK = {"hidden_layer_sizes": (8,), "max_iter": 6, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def client():
    with cluster() as client:
        yield client


def local(**settings):
    settings = {"solver": "lbfgs", "temperature_scaling": False, **settings}
    return SoftmaxMLPClassifier(**{**QUICK, **settings})


def distributed(**settings):
    return DaskSoftmaxMLPClassifier(**{**QUICK, **settings})


@pytest.mark.parametrize("n_chunks", [1, 7, 16])
@pytest.mark.parametrize("hidden", [(), (8,)])
@pytest.mark.parametrize(
    "weighted", [{}, {"class_weight": "balanced"}, {"class_weight": {1: 3.0}}]
)
@pytest.mark.parametrize("layout", [np.asarray, csr_chunks])
def test_a_fit_is_the_fit_in_memory(client, n_chunks, hidden, weighted, layout):
    settings = {"hidden_layer_sizes": hidden, **weighted}
    sample_weight = weight if weighted else None
    expected = local(**settings).fit(X, y, sample_weight)
    rows = chunked(X, n_chunks)
    clf = distributed(**settings).fit(
        rows if layout is np.asarray else csr_chunks(rows),
        chunked(y, n_chunks),
        None if sample_weight is None else chunked(sample_weight, n_chunks),
    )
    assert_allclose(clf.predict_proba(rows), expected.predict_proba(X), atol=1e-6)
    assert clf.n_iter_ == expected.n_iter_
    assert_allclose(clf.loss_curve_, expected.loss_curve_, rtol=1e-9)


def test_the_program_of_the_page_on_scaling_runs(tmp_path):
    page = (Path(__file__).parents[1] / "docs" / "scaling.md").read_text()
    program = tmp_path / "program.py"
    program.write_text(page.split("```python\n")[1].split("```")[0])
    run = subprocess.run(
        [sys.executable, program.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    score, *_, answer = run.stdout.splitlines()
    assert float(score) > 0.9 and answer == "['yes']"
    loaded = joblib.load(tmp_path / "model.joblib")
    assert loaded.predict(pd.DataFrame({"age": [31.0], "city": ["Ulm"]})) == ["yes"]


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_layer_sizes": (), "max_iter": 1000, "tol": 1e-7},
        {"hidden_layer_sizes": (8,), "max_iter": 30},
        {"hidden_layer_sizes": (128, 128), "max_iter": 30},
    ],
    ids=str,
)
def test_at_the_optimum_and_on_the_way_there_too(client, settings):
    expected = local(**settings).fit(X, y)
    clf = distributed(**settings).fit(chunked(X, 5), chunked(y, 5))
    assert_allclose(clf.predict_proba(chunked(X, 3)), expected.predict_proba(X), atol=1e-6)


def test_the_same_partitions_give_the_same_bits(client):
    fits = []
    for n_workers in (1, 2, 3):
        with cluster(n_workers, threads_per_worker=2) as other:
            clf = distributed(client=other).fit(chunked(X, 20), chunked(y, 20))
            fits.append(clf.to_local()._model.params)
    for params in fits[1:]:
        assert_array_equal(params, fits[0])


@pytest.mark.parametrize("n_leaves", [1, 2, 8, 9, 64, 65, 130])
def test_sums_depend_on_no_order(n_leaves):
    values = np.random.default_rng(0).normal(size=n_leaves) * 10.0 ** np.arange(n_leaves)
    sums = set()
    for seed in range(5):
        nodes = {}
        for i in np.random.default_rng(seed).permutation(n_leaves):
            insert(nodes, 0, int(i), values[i], n_leaves)
        (total,) = nodes.values()
        sums.add(float(total))
    assert len(sums) == 1
    assert_allclose(sums.pop(), values.sum(), rtol=1e-12)


both = threading.Barrier(2, timeout=20)


def wait_for_the_other(value):
    both.wait()
    return value


def test_all_threads_of_a_worker_compute():
    with cluster(n_workers=1, threads_per_worker=2) as client:
        with Partitions(
            client, lambda loaded: loaded.extend(client.map(int, [3, 4], pure=False))
        ) as parts:
            assert parts.sum(wait_for_the_other) == 7


def test_merged_sums_are_the_sum():
    n_leaves = 3 * FAN_IN
    tasks = [{}, {}, {}]
    for i in range(n_leaves):
        insert(tasks[i % 3 if i > 5 else 0], 0, i, 10.0**-i, n_leaves)
    totals = {tuple(merge(order, n_leaves).values()) for order in permutations(tasks)}
    assert len(totals) == 1 and len(totals.pop()) == 1


def test_data_frames_keep_their_names(client):
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(8)])
    labels = pd.Series(np.array(["a", "b", "c"])[y])
    parts = dd.from_pandas(frame, npartitions=3), dd.from_pandas(labels, npartitions=3)
    clf = distributed().fit(*parts)
    expected = local().fit(frame, labels)
    assert_array_equal(clf.feature_names_in_, expected.feature_names_in_)
    assert_array_equal(clf.predict(parts[0]).compute(), expected.predict(frame))
    assert clf.score(*parts) == expected.score(frame, labels)
    assert_array_equal(clf.to_local().predict(frame), expected.predict(frame))
    assert "feature_names_in_" not in vars(clf.fit(chunked(X, 2), chunked(y, 2)))


def test_columns_go_by_their_names(client):
    names = [f"x{i}" for i in range(8)]
    frame = dd.from_pandas(pd.DataFrame(X, columns=names), npartitions=3)
    labels = dd.from_pandas(pd.Series(y), npartitions=3)
    clf = distributed().fit(frame, labels)
    for wrong, message in [
        (frame[names[::-1]], "Feature names must be in the same order"),
        (frame.rename(columns={"x0": "other"}), "Feature names unseen at fit time"),
    ]:
        with pytest.raises(ValueError, match=message):
            clf.predict_proba(wrong)
        with pytest.raises(ValueError, match=message):
            clf.score(wrong, labels)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        clf.predict(chunked(X, 3))
    with pytest.raises(TypeError, match="Feature names are only supported if all"):
        clf.fit(frame.rename(columns={"x0": 0}), labels)


def frame_of(parts):
    """Return a dask DataFrame of partitions that are as they are."""
    return dd.from_map(
        lambda i: parts[i], list(range(len(parts))), meta=parts[0][:0], enforce_metadata=False
    )


@pytest.mark.parametrize("name", [str, int])
def test_columns_of_every_partition_go_by_their_names(client, name):
    frame = pd.DataFrame(X, columns=[name(i) for i in range(8)])
    orders = [frame.columns, frame.columns[::-1], np.roll(frame.columns, 3)]
    rows = frame_of([frame[100 * i : 100 * i + 100][orders[i]] for i in range(3)])
    labels = dd.from_pandas(pd.Series(y), npartitions=3)
    clf = distributed().fit(rows, labels)
    expected = local().fit(frame, y)
    for lazy in (clf.predict_proba(rows), clf.predict_proba(rows[rows.columns])):
        assert_allclose(lazy.compute(), expected.predict_proba(frame), atol=1e-6)
    assert clf.score(rows, labels) == expected.score(frame, y)


def test_a_column_that_a_partition_lacks_is_named(client):
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    good = dd.from_pandas(frame, npartitions=3)
    labels = dd.from_pandas(pd.Series(y), npartitions=3)
    clf = distributed(max_iter=2).fit(good, labels)
    message = r"Partition 2: X must have the columns \['a', .* got \['a', 'b', 'c', 'other'"
    bad = frame_of([frame[:100], frame[100:200], frame[200:].rename(columns={"d": "other"})])
    for method in (
        lambda: clf.fit(bad, labels),
        lambda: clf.predict(bad).compute(),
        lambda: clf.score(bad, labels),
    ):
        with pytest.raises(ValueError, match=message):
            method()


def test_a_score_weighs_rows_as_a_fit_does(client):
    clf = distributed().fit(chunked(X, 3), chunked(y, 3))
    weights = np.where(np.arange(300) < 100, 0.0, weight)
    score = clf.score(chunked(X, 3), chunked(y, 3), chunked(weights, 3))
    assert score == pytest.approx(clf.to_local().score(X, y, weights))
    with pytest.raises(ValueError, match="a row with a weight above zero"):
        clf.score(chunked(X, 3), chunked(y, 3), chunked(0.0 * weights, 3))
    with pytest.raises(ValueError, match=r"Partition \d: sample_weight must not be negative"):
        clf.score(chunked(X, 3), chunked(y, 3), chunked(-weight, 3))


@pytest.mark.parametrize("scale", [1e307, 1e-320])
def test_a_score_depends_on_relative_weights_only(client, scale):
    clf = distributed(max_iter=2).fit(chunked(X, 3), chunked(y, 3))
    weights = np.round(weight) * np.repeat([1.0, 2.0, 0.0], 100)
    expected = clf.score(chunked(X, 3), chunked(y, 3), chunked(weights, 3))
    score = clf.score(chunked(X, 3), chunked(y, 3), chunked(weights * scale, 3))
    assert score == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("scale", [1e307, 1e-300])
def test_weights_of_classes_are_relative_to_alpha(client, scale):
    P = []
    for factor in (1.0, scale):
        settings = {"class_weight": {0: factor, 1: 3 * factor}, "alpha": factor}
        settings["class_weight"][2] = factor
        clf = distributed(**settings).fit(chunked(X, 3), chunked(y, 3))
        P.append(clf.to_local().predict_proba(X))
    assert_allclose(*P, atol=1e-6)


def test_labels_of_another_kind_have_no_score(client):
    clf = distributed(max_iter=2).fit(chunked(X, 3), chunked(y, 3))
    with pytest.raises(ValueError, match="of the kind that was fitted, numbers; got strings"):
        clf.score(chunked(X, 3), chunked(y.astype(str), 3))


def test_arguments_are_left_as_they_are(client):
    rows = chunked(X, 3)[da.from_array(np.ones(300, bool), chunks=100)]
    distributed().fit(rows, chunked(y, 3))
    assert np.isnan(rows.chunks[0]).all()


def test_predictions_are_lazy_and_those_of_the_local_classifier(client):
    clf = distributed().fit(chunked(X, 3), chunked(y, 3))
    expected, rows = clf.to_local(), chunked(X, 4)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        lazy = getattr(clf, method)(rows)
        assert isinstance(lazy, da.Array)
        result = getattr(expected, method)(X)
        assert lazy.shape == result.shape and lazy.dtype == result.dtype
        if method == "predict":
            assert_array_equal(lazy.compute(), result)
        else:  # products of other numbers of rows are rounded otherwise
            assert_allclose(lazy.compute(), result, rtol=1e-12)
    two = distributed().fit(chunked(X, 3), chunked((y > 0).astype(int), 3))
    assert two.decision_function(rows).shape == (300,)
    weights = chunked(weight, 3)
    assert clf.score(chunked(X, 3), chunked(y, 3), weights) == pytest.approx(
        expected.score(X, y, weight)
    )


def test_chunks_of_any_kind(client):
    expected = distributed().fit(chunked(X, 3), chunked(y, 3)).to_local()
    columns = da.from_array(X, chunks=(100, 3))
    other_rows = da.from_array(y, chunks=(70, 70, 70, 90))
    keep = da.from_array(np.ones(300, bool), chunks=100)
    unknown = chunked(X, 3)[keep], chunked(y, 3)[keep]
    for rows, labels in [(columns, other_rows), unknown]:
        clf = distributed().fit(rows, labels)
        assert_allclose(clf.predict_proba(rows).compute(), expected.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize("known", [True, False])
def test_an_empty_partition_is_legal(client, known):
    def array(values):
        parts = [values[:150], values[150:150], values[150:]]
        sizes = [len(part) if known else np.nan for part in parts]
        return da.concatenate(
            [
                da.from_delayed(delayed(part), (size, *values.shape[1:]), values.dtype)
                for part, size in zip(parts, sizes, strict=True)
            ],
            allow_unknown_chunksizes=True,
        )

    clf = distributed().fit(array(X), array(y))
    expected = local().fit(X, y).predict_proba(X)
    assert_allclose(clf.predict_proba(array(X)).compute(), expected, atol=1e-6)


def test_a_class_may_be_missing_in_a_partition(client):
    order = np.argsort(y, kind="stable")
    clf = distributed().fit(chunked(X[order], 5), chunked(y[order], 5))
    expected = local().fit(X[order], y[order])
    assert_allclose(clf.predict_proba(chunked(X, 1)), expected.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("kind", [str, int])
def test_an_empty_partition_may_have_labels_of_any_kind(client, kind):
    labels = np.array([kind(label) for label in y], dtype=object)
    sizes = (150, 0, 150)
    rows = da.from_array(X, chunks=(sizes, 8))
    clf = distributed().fit(rows, da.from_array(labels, chunks=(sizes,)))
    expected = local().fit(X, labels)
    assert_array_equal(clf.classes_, expected.classes_)
    assert clf.classes_.dtype == expected.classes_.dtype


def test_all_partitions_have_labels_of_one_kind(client):
    parts = [y[:150], np.array(["a", "b", "c"])[y[150:]]]
    labels = da.concatenate([da.from_delayed(delayed(part), (150,), object) for part in parts])
    with pytest.raises(ValueError, match=r"one kind; some have numbers.* others strings"):
        distributed().fit(chunked(X, 2), labels)


def test_a_class_whose_rows_weigh_nothing_is_a_class(client):
    sample_weight = (y < 2).astype(float)
    clf = distributed().fit(chunked(X, 3), chunked(y, 3), chunked(sample_weight, 3))
    expected = local().fit(X, y, sample_weight)
    assert_array_equal(clf.classes_, expected.classes_)
    assert_allclose(clf.predict_proba(chunked(X, 3)), expected.predict_proba(X), atol=1e-6)


def test_features_whose_spread_overflows_are_named(client):
    with pytest.raises(ValueError, match=r"Features \[2\] are too large for scaling='standard'"):
        distributed().fit(chunked(X * [1, 1, 1e200, 1, 1, 1, 1, 1], 3), chunked(y, 3))


@pytest.mark.parametrize("bad, layout", [(np.inf, np.asarray), (np.nan, csr_chunks)])
def test_values_that_are_not_finite_are_reported_with_their_partition(client, bad, layout):
    rows = X.copy()
    rows[250, 3] = bad
    bad_rows = chunked(rows, 3)
    if layout is csr_chunks:  # in dense rows NaN is a gap
        bad_rows = csr_chunks(bad_rows)
    clf = distributed().fit(chunked(X, 3), chunked(y, 3))
    before = vars(clf).copy()
    with pytest.raises(ValueError, match=r"Partition 2: (Sparse|Input) X contains (NaN|infinity)"):
        clf.fit(bad_rows, chunked(y, 3))
    assert vars(clf) == before


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"solver": "adam"}, r"round trip to the cluster.*partial_fit"),
        ({"early_stopping": True}, "early_stopping=True needs validation rows"),
        ({"dropout": 0.1}, "dropout=0.1 is for SoftmaxMLPClassifier"),
        ({"scaling": "robust"}, "median of all rows"),
        ({"alpha": -1.0}, "The 'alpha' parameter"),
    ],
    ids=str,
)
def test_what_a_cluster_cannot_do_is_refused(client, settings, message):
    with pytest.raises(ValueError, match=message):
        distributed(**settings).fit(chunked(X, 2), chunked(y, 2))


def test_bad_input_is_said(client):
    rows, labels = chunked(X, 2), chunked(y, 2)
    with pytest.raises(TypeError, match="X must be a dask Array or DataFrame, got ndarray"):
        distributed().fit(X, labels)
    with pytest.raises(ValueError, match="inconsistent numbers of rows"):
        distributed().fit(rows, labels[1:])
    with pytest.raises(ValueError, match="inconsistent numbers of partitions"):
        distributed().fit(
            dd.from_pandas(pd.DataFrame(X), npartitions=3),
            dd.from_pandas(pd.Series(y), npartitions=2),
        )
    with pytest.raises(ValueError, match="must not be negative"):
        distributed().fit(rows, labels, chunked(-weight, 2))
    with pytest.raises(ValueError, match="must not be zero for every row"):
        distributed().fit(rows, labels, chunked(np.zeros(300), 2))
    with pytest.raises(ValueError, match="a row with a weight above zero"):
        distributed(class_weight={0: 0.0, 1: 0.0, 2: 0.0}).fit(rows, labels)
    with pytest.raises(TypeError, match=r"client must be a distributed\.Client.* 'tcp://nowhere'"):
        distributed(client="tcp://nowhere").fit(rows, labels)
    clf = distributed().fit(rows, labels)
    with pytest.raises(
        ValueError, match="X has 7 features, but SoftmaxMLPClassifier is expecting 8"
    ):
        clf.predict(chunked(X[:, 1:], 2))
    for method in (clf.predict, lambda rows: clf.fit(rows, labels)):
        with pytest.raises(ValueError, match=r"X must have shape \(n_samples, n_features\)"):
            method(chunked(X[:, 0], 2))
        with pytest.raises(TypeError, match="X must be a dask Array or DataFrame, got DataFrame"):
            method(pd.DataFrame(X))


def test_large_vectors_travel_as_results(client, monkeypatch):
    expected = distributed().fit(chunked(X, 4), chunked(y, 4)).to_local()
    monkeypatch.setattr(internals.partitions, "INLINE_BYTES", 100)
    clf = distributed().fit(chunked(X, 4), chunked(y, 4))
    assert_array_equal(clf.predict_proba(chunked(X, 1)).compute(), expected.predict_proba(X))


@pytest.mark.parametrize("layout", [np.asarray, csr_array])
def test_dask_knows_the_size_of_a_sample(layout):
    sample = Dataset(layout(X), y)
    assert sizeof(sample) > (X.nbytes if layout is np.asarray else 12 * np.count_nonzero(X))


def test_float32_rows_are_fitted_in_float32(client):
    clf = distributed().fit(chunked(X.astype(np.float32), 3), chunked(y, 3))
    assert clf.coefs_[0].dtype == np.float32
    assert clf.predict_proba(chunked(X.astype(np.float32), 3)).dtype == np.float32


def test_it_is_an_estimator(client):
    clf = clone(distributed(alpha=3.0))
    assert clf.get_params()["alpha"] == 3.0
    clf.set_params(client=client).fit(chunked(X, 2), chunked(y, 2))
    again = pickle.loads(pickle.dumps(clf))
    assert_array_equal(again.predict(chunked(X, 2)).compute(), clf.to_local().predict(X))
    assert clf.client is client and again.client is None
    assert clone(clf).client is client and copy(clf).client is client
    assert not hasattr(clone(clf), "classes_")
    assert "client=<Client" in repr(clf)


def test_its_parameters_begin_as_those_of_the_classifier_in_memory():
    def positional(estimator):
        parameters = signature(estimator).parameters.values()
        return [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]

    assert positional(DaskSoftmaxMLPClassifier) == positional(SoftmaxMLPClassifier)
    assert DaskSoftmaxMLPClassifier((8,)).hidden_layer_sizes == (8,)


def test_a_pickle_holds_the_network_once(client):
    clf = distributed(hidden_layer_sizes=(1000,), max_iter=2).fit(chunked(X, 2), chunked(y, 2))
    there, here = (len(pickle.dumps(model)) for model in (clf, clf.to_local()))
    assert there < here + 2000


def test_what_is_fitted_is_derived_from_the_local_classifier(client):
    clf = distributed(max_iter=2)
    for name in FITTED:
        with pytest.raises(NotFittedError):
            getattr(clf, name)
    clf.fit(chunked(X, 2), chunked(y, 2))
    for name in FITTED:
        assert str(getattr(clf, name)) == str(getattr(clf.to_local(), name))


def test_pickles_of_older_versions_are_loaded(client):
    clf = distributed(max_iter=2).fit(chunked(X, 2), chunked(y, 2))
    state = clf.__getstate__() | {name: getattr(clf, name) for name in FITTED}
    for name in ("numerical_encoding", "categorical_features"):
        del state[name]
    older = DaskSoftmaxMLPClassifier.__new__(DaskSoftmaxMLPClassifier)
    older.__setstate__(state)
    assert not FITTED & vars(older).keys()
    assert older.get_params() == clf.get_params() | {"client": None}
    assert_array_equal(older.to_local().predict_proba(X), clf.to_local().predict_proba(X))


def objects(client):
    return {key for keys in client.has_what().values() for key in keys}


def wait_until_only(before, client):
    for _ in range(100):
        if objects(client) <= before:
            return
        threading.Event().wait(0.1)
    assert objects(client) <= before


def test_a_rare_class_is_given_its_rate(client):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(12000, 5))
    labels = rng.random(12000) < 1 / (1 + np.exp(7.5 - rows @ [1.5, 1, -1, 0.5, 0]))
    parts = chunked(rows, 2), chunked(labels, 2)
    clf = distributed(hidden_layer_sizes=(8,), max_iter=20).fit(*parts).to_local()
    # The mean of the targets is the rate; spread evenly, smoothing gave eleven times as much.
    assert 1 / 1.3 < clf.predict_proba(rows)[:, 1].mean() / labels.mean() < 1.3


def test_a_cluster_is_left_clean(client):
    before = objects(client)
    distributed().fit(chunked(X, 4), chunked(y, 4))
    with pytest.raises(ValueError) as held:  # with what its traceback refers to
        distributed().fit(chunked(X, 4), chunked(weight, 4))
    wait_until_only(before, client)
    assert "Partition" in str(held.value) and not client.futures


def test_without_workers_the_error_is_clear(monkeypatch):
    monkeypatch.setattr(internals.partitions, "NO_WORKERS", 1.0)
    with cluster(n_workers=0) as client, pytest.raises(RuntimeError, match="no worker for"):
        distributed(client=client).fit(chunked(X, 2), chunked(y, 2))


def test_a_cluster_that_adapts_is_asked_for_workers():
    with cluster(n_workers=0) as client:
        client.cluster.adapt(minimum=0, maximum=1, interval="100ms")
        clf = distributed(client=client).fit(chunked(X, 2), chunked(y, 2))
    assert clf.n_iter_ > 1


def test_a_lost_scheduler_is_said(client, monkeypatch):
    monkeypatch.setattr(Client, "scheduler_info", lambda self, n_workers: {"id": None})
    with pytest.raises(RuntimeError, match=r"scheduler of <Client.* is gone"):
        distributed().fit(chunked(X, 2), chunked(y, 2))


@pytest.mark.parametrize("error", [TimeoutError, CommClosedError])
def test_an_evaluation_that_got_lost_is_asked_for_again(client, monkeypatch, error):
    monkeypatch.setattr(internals.partitions, "NO_ANSWER", 0.5)
    expected = distributed().fit(chunked(X, 2), chunked(y, 2)).to_local()
    n_calls, result = 0, Future.result

    def lost_at_first(self, timeout=None):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 1:
            raise error
        return result(self, timeout=timeout)

    monkeypatch.setattr(Future, "result", lost_at_first)
    clf = distributed().fit(chunked(X, 2), chunked(y, 2))
    assert n_calls > clf.n_iter_
    assert_array_equal(clf.coefs_[0], expected.coefs_[0])


def test_an_error_that_got_lost_with_the_workers_is_no_error(client, monkeypatch):
    expected = distributed().fit(chunked(X, 2), chunked(y, 2)).to_local()
    original, n_calls = Partitions._submit, 0

    def forgotten(self, function, arguments, pending):
        nonlocal n_calls
        n_calls += 1
        original(self, function, arguments, pending)
        if n_calls == 2:
            pending[-1]._state.set_error(None, None)  # as seen where two workers had been killed

    monkeypatch.setattr(Partitions, "_submit", forgotten)
    clf = distributed().fit(chunked(X, 2), chunked(y, 2))
    assert n_calls > 2
    assert_array_equal(clf.coefs_[0], expected.coefs_[0])


def test_a_cluster_that_fails_again_and_again_is_an_error(client, monkeypatch):
    def lost(self, timeout=None):
        raise CommClosedError("gone")

    monkeypatch.setattr(Future, "result", lost)
    with pytest.raises(RuntimeError, match="has failed 5 times to evaluate"):
        distributed().fit(chunked(X, 2), chunked(y, 2))


readings = []


def late_at_first(block, n_times, error):
    if len(block):
        readings.append(error)
        if len(readings) <= n_times:
            raise error("late")
    return block


def read_late(n_times, error):
    readings.clear()
    return chunked(X, 3).map_blocks(late_at_first, n_times, error, meta=np.empty((0, 0)))


@pytest.mark.parametrize("error", [TimeoutError, CommClosedError])
@pytest.mark.parametrize("n_times", [1, 2])
def test_a_partition_that_is_not_read_in_time_is_read_again(client, n_times, error):
    expected = distributed().fit(chunked(X, 3), chunked(y, 3)).to_local()
    clf = distributed().fit(read_late(n_times, error), chunked(y, 3))
    assert 3 < len(readings) <= 3 + 2 * n_times
    assert_array_equal(clf.coefs_[0], expected.coefs_[0])


def test_partitions_that_dask_cannot_retry_are_loaded_again(client, monkeypatch):
    # As where Dask blames a partition for a task that it has computed since.
    monkeypatch.setattr(internals.partitions, "retry", lambda *args: None)
    before = objects(client)
    expected = distributed().fit(chunked(X, 3), chunked(y, 3)).to_local()
    clf = distributed().fit(read_late(1, TimeoutError), chunked(y, 3))
    assert_array_equal(clf.coefs_[0], expected.coefs_[0])
    wait_until_only(before, client)


def test_a_partition_that_is_never_read_in_time_is_an_error_that_says_why(client):
    before = objects(client)
    with pytest.raises(RuntimeError, match=r"failed 5 times .* with TimeoutError\('late'\)"):
        distributed().fit(read_late(1000, TimeoutError), chunked(y, 3))
    wait_until_only(before, client)


def test_any_other_error_of_reading_is_raised_at_once(client):
    with pytest.raises(OSError, match="late"):
        distributed().fit(read_late(1000, OSError), chunked(y, 3))
    with pytest.raises(TimeoutError, match="late"):
        distributed().fit(chunked(X, 3), chunked(y, 3)).score(
            read_late(1000, TimeoutError), chunked(y, 3)
        )


def die_at_first(block, once):
    if len(block):
        try:
            once.touch(exist_ok=False)
        except FileExistsError:
            return block
        os._exit(1)
    return block


def test_a_worker_that_dies_while_it_reads_is_done_without(tmp_path):
    rows = chunked(X, 3).map_blocks(die_at_first, tmp_path / "once", meta=np.empty((0, 0)))
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        with cluster(processes=True) as other:
            clf = distributed(client=other, max_iter=2).fit(rows, chunked(y, 3))
    assert (tmp_path / "once").exists() and clf.n_iter_ == 2


@pytest.fixture(scope="module")
def noisy():
    """Return rows and labels to fit, and others, of which a tenth is labelled at random."""
    rows, labels = make_classification(
        5000, 12, n_informative=6, n_classes=3, flip_y=0.1, random_state=0
    )
    return rows[:3000], labels[:3000], rows[3000:], labels[3000:]


TEMPERED = {"max_iter": 30, "hidden_layer_sizes": (16,), "alpha": 0.1, "temperature_scaling": True}


@pytest.mark.parametrize("layout", [np.asarray, csr_chunks])
@pytest.mark.parametrize("weighted", [{}, {"class_weight": {0: 0.0, 1: 2.0}}])
def test_a_temperature_is_about_that_in_memory(client, noisy, layout, weighted):
    rows, labels, *_ = noisy
    settings = TEMPERED | weighted | {"random_state": 3}
    sample_weight = np.random.default_rng(0).uniform(0, 2, 3000) if weighted else None
    expected = local(**settings).fit(rows, labels, sample_weight)
    clf = distributed(**settings).fit(
        csr_chunks(chunked(rows, 7)) if layout is csr_chunks else chunked(rows, 7),
        chunked(labels, 7),
        None if sample_weight is None else chunked(sample_weight, 7),
    )
    # About 430 other rows have been held out.
    assert clf.temperature_ == pytest.approx(expected.temperature_, rel=0.2)
    assert clf.temperature_ != 1.0
    lazy = clf.predict_proba(chunked(rows, 3)).compute()
    assert_allclose(lazy, clf.to_local().predict_proba(rows), rtol=1e-9)


def test_a_temperature_makes_better_probabilities_of_the_same_network(client, noisy):
    rows, labels, other_rows, other_labels = noisy
    parts = chunked(rows, 4), chunked(labels, 4)
    tempered = distributed(**TEMPERED).fit(*parts).to_local()
    plain = distributed(**TEMPERED | {"temperature_scaling": False}).fit(*parts).to_local()
    assert_array_equal(tempered.coefs_[0], plain.coefs_[0])
    losses = [log_loss(other_labels, clf.predict_proba(other_rows)) for clf in (tempered, plain)]
    assert losses[0] < losses[1] - 0.005


def test_a_helper_keeps_no_rows_of_its_own(client, noisy, monkeypatch):
    def watched(*args):
        sizes.append(sum(client.nbytes(summary=False).values()))
        return original(*args)

    rows, labels, *_ = noisy
    original = PartitionedObjective.__call__
    monkeypatch.setattr(PartitionedObjective, "__call__", watched)
    kept = {}
    for tempered in (False, True):
        sizes = []
        distributed(**TEMPERED | {"temperature_scaling": tempered}).fit(
            chunked(rows, 4), chunked(labels, 4)
        )
        kept[tempered] = sizes[5]  # by then what was loaded has been dropped
    # Dask counts what tasks return, shared or not, and spills it: samples of samples are whole.
    assert rows.nbytes < kept[False] and kept[True] < 1.1 * kept[False]


def test_a_held_out_fit_says_what_it_has_found(client, noisy, capsys):
    rows, labels, *_ = noisy
    clf = distributed(verbose=True, **TEMPERED).fit(chunked(rows, 4), chunked(labels, 4))
    printed = capsys.readouterr().out
    said = f"1 held-out fit chooses {clf.max_iter} iterations and temperature "
    assert f"{said}{clf.temperature_:.3g}\n" in printed
    assert printed.count("Iteration 1,") == 1


def test_a_temperature_does_not_depend_on_the_workers(client, noisy):
    rows, labels, *_ = noisy
    parts, settings = (chunked(rows, 20), chunked(labels, 20)), TEMPERED | {"max_iter": 10}
    expected = distributed(**settings).fit(*parts)
    with cluster(n_workers=3, threads_per_worker=2) as other:
        clf = distributed(client=other, **settings).fit(*parts)
    assert clf.temperature_ == expected.temperature_


def test_of_many_held_out_rows_some_are_judged(client, noisy, monkeypatch):
    rows, labels, *_ = noisy
    expected = distributed(**TEMPERED).fit(chunked(rows, 4), chunked(labels, 4)).temperature_
    monkeypatch.setattr(internals.calibration, "MAX_HELD_OUT", 300)
    temperature = distributed(**TEMPERED).fit(chunked(rows, 4), chunked(labels, 4)).temperature_
    assert temperature != expected
    assert temperature == pytest.approx(expected, rel=0.2)


def test_few_rows_have_no_temperature(client):
    before = objects(client)
    clf = distributed(temperature_scaling=True).fit(chunked(X, 4), chunked(y, 4))
    assert clf.temperature_ == 1.0
    wait_until_only(before, client)


def test_weights_that_sum_to_1_are_said_to_be_little_against_alpha(client):
    weight = chunked(np.full(len(y), 1 / len(y)), 2)
    with pytest.warns(UserWarning, match="acts as alpha=300 .* or set alpha=0.00333") as caught:
        distributed().fit(chunked(X, 2), chunked(y, 2), weight)
    assert [w.filename for w in caught if w.category is UserWarning] == [__file__]
    for alpha in (0.0, 1 / len(y)):
        distributed(alpha=alpha).fit(chunked(X, 2), chunked(y, 2), weight)


def test_not_converged_is_said(client):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        distributed(max_iter=2).fit(chunked(X, 2), chunked(y, 2))
    assert any("has not converged after 2 iterations" in str(w.message) for w in caught)


def test_a_killed_worker_changes_no_bit():
    assert kill_workers(2, max_iter=20) == 2


@pytest.mark.parametrize(
    "owner, method, n_calls",
    [(Client, "compute", 2), (Partitions, "sum", 2), (PartitionedObjective, "__call__", 5)],
)
def test_an_interrupted_fit_leaves_the_workers_clean(client, monkeypatch, owner, method, n_calls):
    def interrupted(*args, **settings):
        nonlocal n_calls
        n_calls -= 1
        if n_calls == 0:
            raise KeyboardInterrupt
        return original(*args, **settings)

    original = getattr(owner, method)
    before = objects(client)
    monkeypatch.setattr(owner, method, interrupted)
    with pytest.raises(KeyboardInterrupt) as held:  # as an interactive session does
        distributed().fit(chunked(X, 4), chunked(y, 4))
    wait_until_only(before, client)
    assert held.tb is not None and not client.futures


@pytest.fixture(scope="module")
def processes():
    with cluster(processes=True) as client:
        yield client


def test_a_grid_search_on_the_workers_finds_what_one_here_finds(processes):
    monitor = ValidationMonitor(X[:50], y[:50], scoring="accuracy")
    clf = SoftmaxMLPClassifier((8,), max_iter=5, learning_rate="constant", random_state=0)
    grid = {"alpha": [0.1, 1.0]}
    search = GridSearchCV(clf.set_callbacks(monitor), grid, cv=4)
    with parallel_config("dask", wait_for_workers_timeout=60):
        there = clone(search).fit(X, y)
    rows = monitor.to_frame()
    here = GridSearchCV(clf.set_callbacks(), grid, cv=4).fit(X, y)
    assert_array_equal(there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"])
    assert_array_equal(there.best_estimator_.coefs_[0], here.best_estimator_.coefs_[0])
    # Eight fits on the workers and the last one here: no row is lost on its way.
    assert len(rows) == (2 * 4 + 1) * 5


def test_all_is_computed_on_the_cluster_of_the_estimator(client, processes):
    def only_elsewhere(block, here):
        assert os.getpid() != here
        return block

    with Client(processes.cluster, set_as_default=False) as other, client.as_current():
        rows = chunked(X, 3)[da.from_array(np.ones(300, bool), chunks=100)]
        rows = rows.map_blocks(only_elsewhere, os.getpid(), meta=np.empty((0, 0)))
        clf = distributed(client=other).fit(rows, chunked(y, 3))
        assert clf.score(rows, chunked(y, 3)) > 0.5


def test_connections_can_be_encrypted():
    with cluster(n_workers=1, processes=True, security=Security.temporary()) as client:
        assert client.scheduler.address.startswith("tls://")
        clf = distributed(client=client).fit(chunked(X, 2), chunked(y, 2))
    expected = local().fit(X, y)
    assert_allclose(clf.to_local().predict_proba(X), expected.predict_proba(X), atol=1e-6)


def test_the_coefficients_are_those_of_the_local_classifier(client):
    clf = distributed(hidden_layer_sizes=()).fit(chunked(X, 3), chunked(y, 3))
    assert_array_equal(clf.coef_, clf.to_local().coef_)
    assert_array_equal(clf.intercept_, clf.to_local().intercept_)
    assert not hasattr(clone(clf), "coef_")
    clf.set_params(hidden_layer_sizes=(2,)).fit(chunked(X, 3), chunked(y, 3))
    assert not hasattr(clf, "coef_")


@pytest.mark.parametrize("scaling", ["standard", None])
def test_a_feature_that_is_constant_does_not_count(client, scaling):
    constant = np.column_stack([X, np.zeros(len(X))])
    shifted = np.column_stack([X, np.arange(len(X))])
    settings = {"hidden_layer_sizes": (8,), "scaling": scaling, "alpha": 0.0}
    clf = distributed(**settings).fit(chunked(constant, 3), chunked(y, 3)).to_local()
    assert_array_equal(clf.predict_proba(shifted), clf.predict_proba(constant))
    assert_array_equal(clf.coefs_[0][-1], 0.0)


def test_a_fit_that_ends_far_from_the_optimum_says_so(client):
    rows = X - X.min(axis=0) + 1e8
    with pytest.warns(ConvergenceWarning, match="rounding hides"):
        distributed(hidden_layer_sizes=(), scaling=None).fit(chunked(rows, 3), chunked(y, 3))
