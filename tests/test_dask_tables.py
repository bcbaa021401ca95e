"""A fit of a table with categories and gaps on a cluster is the fit in memory."""

from pathlib import Path

import dask.array as da
import dask.dataframe as dd
import internals
import numpy as np
import pandas as pd
import pytest
from factories import chunked, cluster
from internals import PartitionedObjective
from numpy.testing import assert_allclose, assert_array_equal

from skmax import SoftmaxMLPClassifier
from skmax.dask import DaskSoftmaxMLPClassifier

N_ROWS = 300
METHODS = ("predict_proba", "predict_log_proba", "decision_function")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module", autouse=True)
def client():
    with cluster() as client:
        yield client


def table():
    """Return rows with gaps and rare levels, of which three are in one row each, and labels."""
    rng = np.random.default_rng(0)
    city = rng.choice(["Bonn", "Lyon", "Oslo", "Rome"], N_ROWS).astype(object)
    city[rng.random(N_ROWS) < 0.1] = None
    city[[0, 150, 290]] = ["Aa", "Bo", "Vo"]
    levels = ["Rome", "Vo", "Bo", "Aa", "Oslo", "Nowhere", "Lyon", "Bonn"]
    frame = pd.DataFrame(
        {
            "city": pd.Categorical(city, levels),
            "height": rng.normal(170.0, 10.0, N_ROWS),
            "floor": pd.Categorical(rng.integers(1, 4, N_ROWS), [3, 2, 1, 0], ordered=True),
            "rooms": pd.array(rng.integers(1, 9, N_ROWS), "Int64"),
            "width": rng.normal(size=N_ROWS),
        }
    )
    labels = (frame["city"].isin(["Rome", "Oslo"]) + rng.integers(0, 2, N_ROWS)).to_numpy()
    frame.loc[100:, "width"] = np.nan  # the other partitions have gaps alone
    frame.loc[rng.random(N_ROWS) < 0.2, ["height", "rooms"]] = None
    return frame, labels


X, y = table()
weight = np.random.default_rng(1).uniform(0.0, 2.0, N_ROWS)
weight[::9] = 0.0


def parts_of(*values, n_parts=3):
    """Return a frame, labels and perhaps weights in partitions of the same rows."""
    kinds = {1: pd.Series, 2: pd.DataFrame}
    return [dd.from_pandas(kinds[value.ndim](value), n_parts) for value in values]


def local(**settings):
    settings = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0, **settings}
    return SoftmaxMLPClassifier(
        solver="lbfgs",
        numerical_encoding="linear",
        max_one_hot=None,
        **{"temperature_scaling": False, **settings},
    )


def distributed(**settings):
    settings = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0, **settings}
    return DaskSoftmaxMLPClassifier(**settings)


@pytest.mark.parametrize("n_parts", [1, 3, 7])
@pytest.mark.parametrize("hidden", [(), (6,)])
@pytest.mark.parametrize("sample_weight", [None, weight], ids=["alike", "weighted"])
@pytest.mark.parametrize("scaling", ["standard", None])
def test_a_fit_is_the_fit_in_memory(n_parts, hidden, sample_weight, scaling):
    settings = {"hidden_layer_sizes": hidden, "scaling": scaling}
    expected = local(**settings).fit(X, y, sample_weight)
    given = (X, y) if sample_weight is None else (X, y, sample_weight)
    clf = distributed(**settings).fit(*parts_of(*given, n_parts=n_parts))
    assert_allclose(clf.to_local().predict_proba(X), expected.predict_proba(X), atol=1e-6)
    assert_allclose(clf.loss_curve_, expected.loss_curve_, rtol=1e-9)
    assert_array_equal(clf.encoded_feature_names_, expected.encoded_feature_names_)
    assert_array_equal(clf.is_categorical_, expected.is_categorical_)
    for name in ("categories_", "infrequent_categories_"):
        for ours, theirs in zip(getattr(clf, name), getattr(expected, name), strict=True):
            assert_array_equal(ours, theirs)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.0}])
def test_weights_of_classes_are_those_in_memory(class_weight):
    expected = local(class_weight=class_weight).fit(X, y)
    clf = distributed(class_weight=class_weight).fit(*parts_of(X, y))
    assert_allclose(clf.to_local().predict_proba(X), expected.predict_proba(X), atol=1e-6)


def test_arrays_may_have_gaps():
    rows = X[["height", "rooms", "width"]].to_numpy(float, na_value=np.nan)
    expected = local().fit(rows, y)
    clf = distributed().fit(chunked(rows, 3), chunked(y, 3))
    assert_allclose(clf.predict_proba(chunked(rows, 4)), expected.predict_proba(rows), atol=1e-6)
    assert_array_equal(clf.encoded_feature_names_, expected.encoded_feature_names_)


def test_frames_of_numbers_may_have_gaps():
    rows = X[["height", "rooms", "width"]]
    expected = local().fit(rows, y)
    frame, labels = parts_of(rows, y)
    clf = distributed().fit(frame, labels)
    assert clf.is_categorical_ is None
    assert_allclose(clf.predict_proba(frame), expected.predict_proba(rows), atol=1e-6)
    assert clf.score(frame, labels) == pytest.approx(expected.score(rows, y))


def test_all_columns_may_be_categories():
    rows = X[["city", "floor"]]
    expected = local().fit(rows, y)
    clf = distributed().fit(*parts_of(rows, y))
    assert_allclose(clf.to_local().predict_proba(rows), expected.predict_proba(rows), atol=1e-6)


def test_a_column_of_gaps_alone_is_no_error():
    rows = X.assign(width=np.nan)
    expected = local().fit(rows, y)
    clf = distributed().fit(*parts_of(rows, y))
    assert_allclose(clf.to_local().predict_proba(rows), expected.predict_proba(rows), atol=1e-6)
    assert_array_equal(clf.scaling_.constant, expected.scaling_.constant)


def test_moments_are_those_of_the_numbers(monkeypatch):
    def watched(self, params):
        found.append(self.moments())
        return original(self, params)

    found, original = [], PartitionedObjective.__call__
    monkeypatch.setattr(PartitionedObjective, "__call__", watched)
    distributed(max_iter=1).fit(*parts_of(X, y))
    numbers = X[["height", "rooms", "width"]].to_numpy(float, na_value=np.nan)
    expected = internals.scaling.moments(numbers)
    for name in ("weight", "mean", "variance"):
        assert_allclose(getattr(found[0], name), getattr(expected, name), rtol=1e-12)


def test_predictions_are_lazy_and_those_of_the_local_classifier():
    frame, labels = parts_of(X, y)
    clf = distributed().fit(frame, labels)
    expected = clf.to_local()
    for method in METHODS:
        lazy = getattr(clf, method)(frame)
        assert isinstance(lazy, da.Array)
        result = getattr(expected, method)(X)
        assert lazy.shape[1:] == result.shape[1:] and lazy.dtype == result.dtype
        assert_allclose(lazy.compute(), result, rtol=1e-9, atol=1e-12)
    assert_array_equal(clf.predict(frame).compute(), expected.predict(X))
    assert clf.score(frame, labels) == pytest.approx(expected.score(X, y))
    assert clf.score(*parts_of(X, y, weight)) == pytest.approx(expected.score(X, y, weight))


def test_columns_of_a_table_go_by_their_names():
    frame, labels = parts_of(X, y)
    clf = distributed().fit(frame, labels)
    other = frame[frame.columns[::-1]]
    assert_array_equal(clf.predict_proba(other).compute(), clf.predict_proba(frame).compute())
    assert clf.score(other, labels) == clf.score(frame, labels)
    with pytest.raises(ValueError, match="Feature names seen at fit time, yet now missing"):
        clf.predict(frame[["city", "height"]])


def test_levels_that_are_not_known_are_rare_ones():
    frame, labels = parts_of(X, y)
    clf = distributed().fit(frame, labels)
    new, rare = (X.assign(city=pd.Categorical([city] * N_ROWS)) for city in ("Ur", "Bo"))
    probabilities = [clf.predict_proba(dd.from_pandas(each, 2)).compute() for each in (new, rare)]
    assert_array_equal(*probabilities)
    as_strings = dd.from_pandas(X.astype({"city": object}), 2)
    assert_array_equal(clf.predict(as_strings).compute(), clf.predict(frame).compute())


def test_partitions_may_be_empty_or_declare_levels_in_another_order():
    pieces = [X[:150], X[150:150], X[150:].assign(city=X["city"][150:].astype(object))]
    frame = dd.from_map(lambda i: pieces[i], [0, 1, 2], meta=X[:0], enforce_metadata=False)
    labels = da.from_array(y, chunks=((150, 0, 150),))
    clf = distributed().fit(frame, labels)
    expected = local().fit(X, y).predict_proba(X)
    assert_allclose(clf.predict_proba(frame).compute(), expected, atol=1e-6)


def test_the_same_partitions_give_the_same_bits():
    fits = [distributed().fit(*parts_of(X, y, weight, n_parts=7)).to_local() for _ in range(2)]
    assert_array_equal(*(fit._model.params for fit in fits))


def test_held_out_fits_and_validation_rows_are_tables():
    frame, labels = parts_of(X, y)
    given = {"X_val": X[X.columns[::-1]], "y_val": y}
    expected = local(temperature_scaling=True).fit(X, y, **given)
    clf = distributed(temperature_scaling=True).fit(frame, labels, **given)
    assert clf.temperature_ == pytest.approx(expected.temperature_, rel=1e-6)
    frame_val, labels_val = parts_of(X, y, n_parts=2)
    gathered = distributed(temperature_scaling=True)
    gathered.fit(frame, labels, X_val=frame_val, y_val=labels_val)
    assert gathered.temperature_ == pytest.approx(clf.temperature_, rel=1e-12)
    many, many_labels = pd.concat([X] * 4, ignore_index=True), np.tile(y, 4)
    held_out = distributed(temperature_scaling=True).fit(*parts_of(many, many_labels))
    assert held_out.temperature_ != 1.0


@pytest.mark.parametrize("chosen", [["city"], [0], [True, False, False, False, False]], ids=str)
def test_categories_may_be_chosen(chosen):
    frame, labels = parts_of(X, y)
    clf = distributed(categorical_features=chosen).fit(frame, labels)
    expected = local(categorical_features=chosen).fit(X, y)
    assert_array_equal(clf.is_categorical_, [True, False, False, False, False])
    assert_allclose(clf.predict_proba(frame), expected.predict_proba(X), atol=1e-6)


def test_categories_that_have_been_categorized_are_taken():
    frame, labels = parts_of(X.astype({"city": object}), y)
    known = frame.astype({"city": "category"}).categorize(columns=["city"])
    rows = known.compute()
    clf = distributed().fit(known, labels)
    assert_allclose(clf.predict_proba(known), local().fit(rows, y).predict_proba(rows), atol=1e-6)


def test_the_code_of_the_page_on_scaling_runs():
    page = (Path(__file__).parents[1] / "docs" / "scaling.md").read_text()
    code = page.split("### Tables on a cluster")[1].split("```python\n")[1].split("```")[0]
    rows = X.astype({"city": object}).assign(sold=y)
    namespace = {"table": dd.from_pandas(rows, 3), "clf": distributed(max_iter=2)}
    exec(code, namespace)
    assert_array_equal(namespace["clf"].categories_[0], sorted(rows["city"].dropna().unique()))


@pytest.mark.parametrize("dtype", [object, "category"])
def test_columns_without_known_levels_are_refused_with_what_to_do(dtype):
    frame, labels = parts_of(X.astype({"city": object}), y)
    frame, astype = frame.astype({"city": dtype}), ""
    if dtype is object:
        astype = r"\.astype\(\{'city': 'category'\}\)"
    with pytest.raises(
        ValueError, match=rf"\['city'\]. X = X{astype}\.categorize\(columns=\['city'\]\)"
    ):
        distributed().fit(frame, labels)


def test_columns_of_numbers_have_no_levels_to_choose():
    with pytest.raises(ValueError, match=r"X\.astype\(\{'rooms': 'category'\}\)\.categorize"):
        distributed(categorical_features=["rooms"]).fit(*parts_of(X, y))
    with pytest.raises(ValueError, match="categorical_features needs a dask DataFrame"):
        distributed(categorical_features=[0]).fit(chunked(np.ones((30, 2)), 2), chunked(y[:30], 2))
    with pytest.raises(ValueError, match="not a valid feature name"):
        distributed(categorical_features=["no"]).fit(*parts_of(X, y))
    with pytest.raises(ValueError, match="The 'categorical_features' parameter"):
        distributed(categorical_features="all").fit(*parts_of(X, y))


def test_too_many_levels_are_an_error_that_names_the_column(monkeypatch):
    monkeypatch.setattr(internals.checks, "MAX_LEVELS", 7)
    with pytest.raises(ValueError, match=r"Column 'city' of X has 8 levels, .* at most 7 here"):
        distributed().fit(*parts_of(X, y))


NUMBERS = ["bool", "boolean", "Float64", "float32", "uint8", "double[pyarrow]", "Sparse[int]"]


@pytest.mark.parametrize("dtype", NUMBERS)
def test_columns_of_numbers_are_known_without_rows(dtype):
    numbers = pd.Series([1, 0, 1]).astype(dtype)
    frame = pd.DataFrame({"kind": pd.Categorical(["a", "b", "a"]), "value": numbers})
    columns = internals.tables.columns_of(dd.from_pandas(frame, 1), "from_dtype")
    assert_array_equal(columns.is_categorical, [True, False])
    assert_array_equal(columns.matrix(frame), [[1, 0], [0, 1], [1, 0]])


def test_dates_are_refused():
    frame, labels = parts_of(X.assign(day=pd.Timestamp("2020-02-20")), y)
    with pytest.raises(ValueError, match=r"got dates in column 'day'.* skrub's DatetimeEncoder"):
        distributed().fit(frame, labels)
