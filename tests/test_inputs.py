"""Any container, dtype and label type that scikit-learn's users bring."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix
from sklearn.datasets import make_classification

from skmax import SoftmaxMLPClassifier

X, y = make_classification(150, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)
X[np.abs(X) < 0.3] = 0


def fitted(rows, labels=y, **settings):
    defaults = {"solver": "lbfgs", "alpha": 1.0, "max_iter": 2000, "random_state": 0}
    settings = {**NEUTRAL, **defaults, **settings}
    settings.setdefault("tol", 1e-9 if settings["solver"] == "lbfgs" else 1e-4)
    return SoftmaxMLPClassifier((), **settings).fit(rows, labels)


EXPECTED = fitted(X).predict_proba(X)


def large_index_csr(rows):
    rows = csr_array(rows)
    rows.indices, rows.indptr = rows.indices.astype(np.int64), rows.indptr.astype(np.int64)
    return rows


def shuffled_csr(rows):
    rows = csr_array(rows)
    for i in range(rows.shape[0]):
        part = slice(rows.indptr[i], rows.indptr[i + 1])
        rows.indices[part], rows.data[part] = rows.indices[part][::-1], rows.data[part][::-1]
    rows.has_sorted_indices = False
    return rows


def with_explicit_zeros(rows):
    dense = rows + (rows == 0)
    explicit = csr_array(dense)
    explicit.data[(rows == 0).ravel()] = 0
    return explicit


CONTAINERS = {
    "list": lambda X: X.tolist(),
    "Fortran": np.asfortranarray,
    "slice": lambda X: np.repeat(X, 2, axis=0)[::2],
    "csr": csr_array,
    "csr matrix": csr_matrix,
    "csc": csc_array,
    "coo": coo_array,
    "int64 indices": large_index_csr,
    "unsorted indices": shuffled_csr,
    "explicit zeros": with_explicit_zeros,
    "pandas": lambda X: pd.DataFrame(X, columns=list("abcde")),
    "polars": lambda X: pl.DataFrame(X, schema=list("abcde")),
    "pandas nullable": lambda X: pd.DataFrame(X, columns=list("abcde")).astype("Float64"),
    "pandas sparse": lambda X: pd.DataFrame(X, columns=list("abcde")).astype(
        pd.SparseDtype(float, 0.0)
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_the_same_model(name):
    rows = CONTAINERS[name](X)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pandas.DataFrame with sparse columns found")
        clf = fitted(rows)
        # The order of summation differs, the optimum does not.
        assert_allclose(clf.predict_proba(rows), EXPECTED, atol=1e-6)
    assert hasattr(clf, "feature_names_in_") == (name.startswith(("pandas", "polars")))


@pytest.mark.parametrize("mode", ["r", "c"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_memory_mapped_rows(tmp_path, dtype, mode, solver):
    rows = np.abs(10 * X).astype(dtype)
    rows.tofile(tmp_path / "X.bin")
    mapped = np.memmap(tmp_path / "X.bin", dtype=dtype, mode=mode, shape=rows.shape)
    settings = {"solver": solver, "batch_size": 40, "learning_rate": "cosine", "max_iter": 10}
    if solver == "lbfgs":
        settings = {"max_iter": 1000}
    a, b = fitted(mapped, **settings), fitted(rows, **settings)
    assert_array_equal(a.predict_proba(mapped), b.predict_proba(rows))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "bool", "float16"])
def test_narrow_dtypes_are_their_values(dtype):
    rows = (5 * X).astype(dtype)
    expected = fitted(rows.astype("float32" if dtype == "float16" else "float64"))
    assert_allclose(fitted(rows).predict_proba(rows), expected.predict_proba(rows), atol=1e-7)


LABELS = {
    "str": np.array(["no", "yes", "maybe"]),
    "object": np.array(["no", "yes", "maybe"], dtype=object),
    "bytes": np.array([b"no", b"yes", b"maybe"]),
    "int with gaps": np.array([10, -3, 4]),
    "uint8": np.array([200, 3, 4], dtype=np.uint8),
    "whole floats": np.array([1.0, 3.0, 2.0]),
}


@pytest.mark.parametrize("name", LABELS)
def test_predictions_have_the_labels_dtype(name):
    labels = LABELS[name][y]
    clf = fitted(X, labels)
    assert clf.classes_.dtype == clf.predict(X).dtype == labels.dtype
    assert_array_equal(clf.classes_, np.sort(LABELS[name]))
    assert clf.score(X, labels) == (clf.predict(X) == labels).mean()
    # The columns are the classes in their order, whatever their names.
    assert_allclose(clf.predict_proba(X), EXPECTED[:, np.argsort(LABELS[name])], atol=1e-6)


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(y, dtype="category"),
        pd.Series(y, dtype="Int64"),
        pd.Series(y, dtype="int64[pyarrow]"),
        pl.Series(y),
    ],
    ids=["categorical", "nullable", "arrow", "polars"],
)
def test_labels_of_data_frames(labels):
    clf = fitted(X, labels)
    assert clf.classes_.dtype == np.int64
    assert_allclose(clf.predict_proba(X), EXPECTED, atol=1e-12)


@pytest.mark.parametrize("kind", ["int64", "bool", "string", "dictionary", "chunked"])
def test_labels_of_arrow_arrays(kind):
    # NumPy has to copy all but the first.
    plain = {"int64": y, "bool": y > 0}.get(kind, np.array(["no", "yes", "maybe"])[y])
    labels = pa.array(plain)
    if kind == "dictionary":
        labels = labels.dictionary_encode()
    elif kind == "chunked":
        labels = pa.chunked_array([labels[:70], labels[70:]])
    clf = fitted(X, labels)
    assert_array_equal(clf.predict_proba(X), fitted(X, plain).predict_proba(X))
    assert clf.score(X, labels) == clf.score(X, plain) > 0.6


MISSING = {
    "arrow": pa.array([None, *y[1:].tolist()]),
    "polars": pl.Series([None, *y[1:].tolist()]),
    "nullable": pd.Series([None, *y[1:]], dtype="Int64"),
    "string": ["b" if i else None for i in y],
    "date": np.array(["NaT" if i == 0 else "2026-01-01" for i in y], dtype="datetime64[D]"),
    "duration": np.array(["NaT" if i == 0 else i for i in y], dtype="timedelta64[s]"),
}


@pytest.mark.parametrize("kind", MISSING)
def test_missing_labels_are_said_to_be_missing(kind):
    with pytest.raises(ValueError, match=r"contains NaN|no missing values"):
        fitted(X, MISSING[kind])


def test_labels_that_numpy_holds_as_objects():
    for labels in (y.astype(object), (y > 0).astype(object), y.astype("T")):
        clf = fitted(X, labels)
        assert list(clf.classes_) == sorted(set(labels.tolist()))
        assert clf.score(X, labels) > 0.6


@pytest.mark.parametrize(
    "labels", [y.astype(str), y.astype("S"), y.astype("M8[s]")], ids=["str", "bytes", "date"]
)
def test_labels_that_could_never_be_right_have_no_score(labels):
    with pytest.raises(ValueError, match="of the kind that was fitted, numbers; got"):
        fitted(X).score(X, labels)
    with pytest.raises(ValueError, match=r"got numbers, such as 2\."):
        fitted(X, labels).score(X, np.full(150, 2))
    # Numbers are one kind, and a label that was not there is an error of the prediction.
    assert fitted(X, y > 0).score(X, (y > 0).astype(float)) > 0.6
    assert fitted(X).score(X, np.full(150, 7)) == 0


def test_only_a_whole_fit_is_told_of_labels_of_which_few_are_alike():
    # What scikit-learn says of a regression is no news of a batch, of a few rows to score, or
    # of a list of classes. (Warnings are errors.)
    rows, many = np.linspace(-1, 1, 160).reshape(80, 2), np.arange(80) % 40
    clf = fitted(rows, many, max_iter=5, tol=10.0)
    assert 0 <= clf.score(rows[:40], many[:40]) <= 1
    clf.fit(rows, many, X_val=rows[:40], y_val=many[:40])
    clf = SoftmaxMLPClassifier(()).partial_fit(rows[:40], many[:40], classes=np.arange(40))
    assert len(clf.classes_) == 40
    with pytest.warns(UserWarning, match="could represent a regression problem"):
        fitted(rows[:40], many[:40], max_iter=5, tol=10.0)


def test_no_weights_of_a_score_overflow():
    clf, weight = fitted(X), np.arange(150.0)
    assert clf.score(X, y, 1e305 * weight) == pytest.approx(clf.score(X, y, weight), rel=1e-12)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(150), "must not be zero for every row"),
        (-np.ones(150), "must not be negative"),
        (np.ones(3), r"must have one weight per row, shape \(150,\), got shape \(3,\)"),
    ],
)
def test_weights_of_a_score_are_checked_as_those_of_a_fit(weight, message):
    with pytest.raises(ValueError, match=f"sample_weight {message}"):
        fitted(X).score(X, y, sample_weight=weight)


def test_two_classes_have_two_outputs():
    clf = fitted(X, y > 0)
    assert clf.classes_.dtype == bool and clf.predict(X).dtype == bool
    P, d = clf.predict_proba(X), clf.decision_function(X)
    assert P.shape == (150, 2) and d.shape == (150,)
    assert_allclose(P[:, 1], 1 / (1 + np.exp(-d)), rtol=1e-12)
    assert_array_equal(clf.predict(X), d > 0)


@pytest.mark.parametrize("solver", ["lbfgs", "adam", "sgd"])
def test_one_class_has_one_column_of_ones(solver):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = fitted(X, np.full(150, "only"), solver=solver)
    assert_array_equal(clf.predict_proba(X), np.ones((150, 1)))
    assert_array_equal(clf.predict_log_proba(X), np.zeros((150, 1)))
    assert set(clf.predict(X)) == {"only"}


def test_one_row_and_no_row():
    clf = fitted(X)
    assert_allclose(clf.predict_proba(X[:1]), EXPECTED[:1], rtol=1e-12)
    with pytest.raises(ValueError, match="0 sample"):
        clf.predict_proba(X[:0])


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_scaling_makes_units_irrelevant(scaling):
    units = np.array([1e-6, 1e6, 1.0, -3.0, 1e3])
    offsets = np.array([0.0, 1e7, -5.0, 2.0, 1e3])
    clf = fitted(X, scaling=scaling)
    P = fitted(units * X + offsets, scaling=scaling).predict_proba(units * X + offsets)
    assert_allclose(P, clf.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("scaling", [None, "standard", "robust"])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_constant_features_are_harmless(scaling, solver):
    rows = np.column_stack([X, np.full(150, 0.1), np.zeros(150)])
    clf = fitted(rows, scaling=scaling, solver=solver, learning_rate="cosine")
    assert np.isfinite(clf.predict_proba(rows + 5)).all()


def test_smooth_clipping_refuses_sparse_rows_to_predict_too():
    clf = fitted(X, scaling="robust").set_params(scaling=None)  # what counts is the model's
    with pytest.raises(ValueError, match="'robust' needs dense X"):
        clf.predict_proba(csr_array(X))


def test_log_probabilities_are_finite_where_probabilities_underflow():
    clf = fitted(X)
    far = 1e5 * X
    assert np.isfinite(clf.predict_log_proba(far)).all()
    P = clf.predict_proba(far)
    assert (P > 0).all() and np.isfinite(P).all()


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_predictions_hold_nothing_of_the_size_of_their_output_twice(method):
    clf = SoftmaxMLPClassifier((), max_iter=1, learning_rate="cosine")
    clf.fit(np.tile(X, (3, 1)), np.arange(450) % 200)
    rows = np.tile(X, (200, 1))  # 30,000 rows, 200 classes: 48 MB of logits
    tracemalloc.start()
    result = getattr(clf, method)(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - result.nbytes < 16e6


def test_predictions_do_not_depend_on_the_rows_beside_them():
    clf = fitted(X)
    many = np.tile(X, (20, 1))  # several blocks of rows
    assert_allclose(clf.predict_proba(many), np.tile(EXPECTED, (20, 1)), rtol=1e-12)


def test_columns_of_a_frame_may_have_names_of_its_methods():
    frame = pd.DataFrame(X[:, :3], columns=["select", "column_names", "height"])
    frame["kind"] = pd.Categorical(np.where(X[:, 3] > 0, "a", "b"))
    clf = SoftmaxMLPClassifier((), solver="lbfgs").fit(frame, y)
    assert_array_equal(clf.predict(frame[frame.columns[::-1]]), clf.predict(frame))
