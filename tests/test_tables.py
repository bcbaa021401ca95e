"""Raw tables at the entrance: forms of the same table, what is refused, what predictions take."""

import copy
import datetime
import enum
import pickle
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import skops.io
from internals import NAME_IN_FILES, checks
from matplotlib import pyplot
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score

from skmax import Checkpoint, LogitsDisplay, SoftmaxMLPClassifier, ValidationMonitor

N_ROWS = 90
RNG = np.random.default_rng(0)
NUMBER = np.where(RNG.random(N_ROWS) < 0.1, np.nan, RNG.normal(size=N_ROWS))
COUNT = RNG.integers(9, size=N_ROWS)
FLAG = RNG.random(N_ROWS) < 0.5
CITY = np.array(["Bonn", "Köln", "Ulm", "Aue"], dtype=object)[RNG.integers(4, size=N_ROWS)]
CITY[RNG.random(N_ROWS) < 0.1] = None
LABELS = np.where(FLAG ^ (CITY == "Ulm"), "yes", "no")


def classifier(**settings):
    """Return a classifier that fits in no time."""
    small = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
    return SoftmaxMLPClassifier(**small | settings)


def fitted(X, y=LABELS, sample_weight=None, **settings):
    return classifier(**settings).fit(X, y, sample_weight)


def cells(values):
    """Return a column as Python objects, None for a gap."""
    return [None if value is None or value != value else value for value in values.tolist()]


def table(**columns):
    """Return a data frame of pandas, with a column of numbers and what is given."""
    return pd.DataFrame({"number": NUMBER, **columns})


def pandas_table(city, number=NUMBER, count=COUNT, flag=FLAG):
    return pd.DataFrame({"number": number, "count": count, "flag": flag, "city": city})


def polars_table(dtype, count=COUNT):
    city = pl.Series(cells(CITY), dtype=dtype)
    return pl.DataFrame({"number": cells(NUMBER), "count": count, "flag": FLAG, "city": city})


def arrow_table(city):
    columns = {"number": cells(NUMBER), "count": COUNT, "flag": pa.array(FLAG.tolist())}
    return pa.table(columns | {"city": city})


def arrow_dictionary():
    return pa.array(cells(CITY)).dictionary_encode()


def with_dtype(dtype):
    return lambda: pandas_table(pd.array(cells(CITY), dtype=dtype))


def future_strings():
    # pandas 3 does so without being asked, and warns of the option.
    warned = DeprecationWarning if pd.__version__ < "3" else pd.errors.Pandas4Warning
    with (
        warnings.catch_warnings(action="ignore", category=warned),
        pd.option_context("future.infer_string", True),
    ):
        return pandas_table(cells(CITY))


def as_cells():
    return [list(row) for row in zip(cells(NUMBER), COUNT, FLAG, cells(CITY), strict=True)]


# The same table, each time in another form.
FORMS = {
    "category": lambda: pandas_table(pd.Categorical(CITY)),
    "ordered category": lambda: pandas_table(
        pd.Categorical(CITY, categories=["Aue", "Bonn", "Köln", "Ulm"], ordered=True)
    ),
    "objects": lambda: pandas_table(CITY),
    "NaN among objects": lambda: pandas_table(
        np.array([np.nan if city is None else city for city in CITY], dtype=object)
    ),
    "string": with_dtype("string"),
    "string[pyarrow]": with_dtype("string[pyarrow]"),
    "string, NaN": with_dtype(pd.StringDtype(na_value=np.nan)),
    "future str": future_strings,
    "ArrowDtype": with_dtype(pd.ArrowDtype(pa.string())),
    "ArrowDtype of a dictionary": with_dtype(
        pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
    ),
    "nullable": lambda: pandas_table(
        pd.Categorical(CITY),
        pd.array(cells(NUMBER), dtype="Float64"),
        pd.array(COUNT, dtype="Int64"),
        pd.array(FLAG, dtype="boolean"),
    ),
    "numbers of pyarrow": lambda: pandas_table(
        CITY,
        pd.array(cells(NUMBER), dtype="float64[pyarrow]"),
        pd.array(COUNT, dtype="int16[pyarrow]"),
        pd.array(FLAG, dtype="bool[pyarrow]"),
    ),
    "objects of numbers": lambda: pandas_table(
        CITY, np.array(cells(NUMBER), dtype=object), COUNT.astype(object), FLAG.astype(object)
    ),
    "decimals": lambda: pandas_table(
        CITY,
        [None if value is None else Decimal(value) for value in cells(NUMBER)],
        [Decimal(int(value)) for value in COUNT],
    ),
    "polars Categorical": lambda: polars_table(pl.Categorical),
    "polars Enum": lambda: polars_table(pl.Enum(["Aue", "Bonn", "Köln", "Ulm"])),
    "polars String": lambda: polars_table(pl.String),
    "polars Decimal": lambda: polars_table(pl.String, pl.Series(COUNT).cast(pl.Decimal(9, 2))),
    "pyarrow strings": lambda: arrow_table(pa.array(cells(CITY))),
    "pyarrow large strings": lambda: arrow_table(pa.array(cells(CITY), pa.large_string())),
    "pyarrow dictionary": lambda: arrow_table(arrow_dictionary()),
    "pyarrow chunks": lambda: arrow_table(
        pa.chunked_array([arrow_dictionary()[:40], arrow_dictionary()[40:]])
    ),
    "array of objects": lambda: np.array(as_cells(), dtype=object),
    "lists": as_cells,
    "tuples": lambda: [tuple(row) for row in as_cells()],
}


@pytest.fixture(scope="module")
def reference():
    """A fit of the first form, and its probabilities."""
    X = FORMS["category"]()
    model = fitted(X)
    return model, model.predict_proba(X)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_table_is_learnt_alike(form, reference):
    X = FORMS[form]()
    model = fitted(X)
    assert_array_equal(model.predict_proba(X), reference[1])
    assert model.is_categorical_.tolist() == [False, False, False, True]
    assert model.categories_[3].tolist() == ["Aue", "Bonn", "Köln", "Ulm"]


@pytest.mark.parametrize("form", FORMS)
def test_predictions_take_each_form(form, reference):
    X = FORMS[form]()
    with warnings.catch_warnings():
        if isinstance(X, list | np.ndarray):
            warnings.filterwarnings("ignore", "X does not have valid feature names")
        assert_array_equal(reference[0].predict_proba(X), reference[1])


@pytest.mark.parametrize("form", ["objects", "polars Enum", "pyarrow dictionary", "lists"])
def test_what_was_fitted_to_each_form_predicts_another(form, reference):
    model = fitted(FORMS[form]())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        assert_array_equal(model.predict_proba(FORMS["category"]()), reference[1])


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (pd.Categorical(COUNT % 3), [0, 1, 2]),
        (pd.Categorical(FLAG), [False, True]),
        (pd.Categorical(COUNT % 2 + 0.5), [0.5, 1.5]),
        (pd.cut(COUNT, [-1, 4, 9]), ["(-1, 4]", "(4, 9]"]),
        (np.array([1, "a", None] * 30, dtype=object), ["1", "a"]),
        (np.array([1, 1.0, "1", "b", True] * 18, dtype=object), ["1", "True", "b"]),
        (np.array([b"x", "x", b"y"] * 30, dtype=object), ["x", "y"]),
    ],
    ids=["ints", "bools", "floats", "intervals", "mixed", "equal numbers", "bytes"],
)
def test_a_category_may_be_of_anything(values, levels):
    X = table(c=values)
    model = fitted(X)
    assert model.categories_[1].tolist() == levels
    codes = model._model.encoding.columns.matrix(X)[:, 1]
    assert_array_equal(codes < 0, False)  # no cell of the training rows is unknown
    assert_array_equal(codes == len(levels), X["c"].isna())
    names = model.encoded_feature_names_.tolist()
    assert [name for name in names if name.startswith("c=") and name != "c=missing"] == [
        f"c={level}" for level in levels
    ]


def test_members_of_an_enumeration_are_the_strings_that_they_equal():
    class Kind(enum.StrEnum):
        A = "a"
        B = "b"

    members = np.array([Kind.A, Kind.B] * 45, dtype=object)
    model = fitted(table(c=members))
    assert model.categories_[1].tolist() == ["a", "b"]
    expected = model.predict_proba(table(c=[member.value for member in members]))
    assert_array_equal(model.predict_proba(table(c=members)), expected)


def test_levels_that_are_digits_are_known_as_numbers():
    digits = COUNT.astype(str).astype(object)
    model = fitted(table(c=digits))
    expected = model.predict_proba(table(c=digits))
    for numbers in (COUNT, COUNT.astype(float), COUNT.astype(object)):
        assert_array_equal(model.predict_proba(table(c=numbers)), expected)
    model = fitted(table(c=pd.Categorical(COUNT)))
    expected = model.predict_proba(table(c=COUNT))
    assert_array_equal(model.predict_proba(table(c=digits)), expected)


def test_numbers_are_levels_in_each_form():
    cells_of = [None if i % 7 == 0 else int(count) for i, count in enumerate(COUNT)]
    X = table(c=pd.Categorical(cells_of))
    P = fitted(X).predict_proba(X)
    numbers = np.where([cell is None for cell in cells_of], np.nan, COUNT)
    arrow = pa.table({"number": cells(NUMBER), "c": pa.array(cells_of).dictionary_encode()})
    assert_array_equal(fitted(arrow).predict_proba(arrow), P)
    for column in (
        pd.array(cells_of, dtype="Int64"),
        np.array(cells_of, dtype=object),
        numbers,
        numbers.astype(np.float32),
    ):
        chosen = table(c=column)
        assert_array_equal(fitted(chosen, categorical_features=["c"]).predict_proba(chosen), P)
        assert_array_equal(fitted(X).predict_proba(chosen), P)


def test_very_large_integers_are_numbers_or_levels():
    large = np.array([2**70, 3, 4] * 30, dtype=object)
    assert fitted(table(c=large)).is_categorical_ is None
    model = fitted(table(c=large), categorical_features=["c"])
    assert set(model.categories_[1]) == {str(2**70), "3", "4"}
    close = np.array([2**63 + 5, -(2**62) - 1, 2**63 + 6] * 30, dtype=object)
    assert len(fitted(table(c=close), categorical_features=["c"]).categories_[1]) == 3


@pytest.mark.parametrize(
    "gaps",
    [
        np.full(N_ROWS, np.nan),
        np.full(N_ROWS, None),
        pd.Categorical([None] * N_ROWS),
        pd.Categorical([None] * N_ROWS, categories=["x", "y"]),
        pd.array([None] * N_ROWS, dtype="Int64"),
        pd.array([None] * N_ROWS, dtype="string"),
    ],
    ids=["NaN", "None", "category", "levels", "Int64", "string"],
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_column_may_be_nothing_but_gaps(gaps, alone):
    X = pd.DataFrame({"c": gaps})
    X = X if alone else X.assign(number=NUMBER)
    assert np.isfinite(fitted(X).predict_proba(X)).all()


def test_rows_of_arrow_may_have_nothing_but_gaps():
    empty = pa.array([None] * N_ROWS, pa.string())
    model = fitted(arrow_table(arrow_dictionary()))
    expected = model.predict_proba(pandas_table([None] * N_ROWS))
    for column in (empty, empty.dictionary_encode()):
        assert_array_equal(model.predict_proba(arrow_table(column)), expected)
        fitted(arrow_table(column))


def test_a_column_without_a_value_takes_any_later():
    for X in (
        table(c=np.full(N_ROWS, None)),
        pl.DataFrame({"number": NUMBER, "c": [None] * N_ROWS}),
        pa.table({"number": NUMBER, "c": pa.nulls(N_ROWS)}),
    ):
        model = fitted(X)
        for later in (CITY, COUNT):
            assert np.isfinite(model.predict_proba(table(c=later))).all()


def test_a_constant_category_says_nothing():
    X = table(c=["x"] * N_ROWS)
    P = fitted(X).predict_proba(X)
    assert_array_equal(P, fitted(X).predict_proba(table(c=["y"] * N_ROWS)))
    alone = pd.DataFrame({"c": ["x"] * N_ROWS})
    assert np.ptp(fitted(alone).predict_proba(alone), axis=0).max() == 0.0


def test_numbers_of_float32_are_fitted_in_float32():
    X = table(c=CITY).astype({"number": np.float32})
    assert fitted(X).predict_proba(X).dtype == np.float32


# What is in a column, the error, and what it says.
DAY = datetime.date(2020, 2, 29)
REFUSED = {
    "datetimes": (pd.date_range("2020", periods=N_ROWS), ValueError, "'c'.*DatetimeEncoder"),
    "zoned": (pd.date_range("2020", periods=N_ROWS, tz="UTC"), ValueError, "DatetimeEncoder"),
    "dates": ([DAY] * N_ROWS, ValueError, "'c'.*'2020-02-29'.*DatetimeEncoder"),
    "a date and gaps": ([DAY] + [None] * (N_ROWS - 1), ValueError, "DatetimeEncoder"),
    "periods": (pd.period_range("2020", periods=N_ROWS, freq="D"), ValueError, "DatetimeEncoder"),
    "no dates": (pd.to_datetime([None] * N_ROWS), ValueError, "'c'.*DatetimeEncoder"),
    "levels of dates": (pd.Categorical([DAY] * N_ROWS), ValueError, "'c'.*DatetimeEncoder"),
    "times": ([datetime.time(9)] * N_ROWS, ValueError, "times of day in column 'c'"),
    "durations": (pd.to_timedelta(COUNT, "s"), ValueError, "durations in column 'c'"),
    "lists": ([[1, 2]] * N_ROWS, TypeError, "string or a number, not 'list'.*'c'"),
    "dicts": ([{"a": 1}] * N_ROWS, TypeError, "string or a number, not 'dict'.*'c'"),
    "sets": ([{1}] * N_ROWS, TypeError, "string or a number, not 'set'.*'c'"),
    "arrays": ([np.ones(2)] * N_ROWS, TypeError, "string or a number, not 'ndarray'.*'c'"),
    "things": ([object()] * N_ROWS, TypeError, "string or a number, not 'object'.*'c'"),
    "complex": (NUMBER + 1j, ValueError, "Complex data not supported.*'c'"),
    "complex objects": ((NUMBER + 1j).astype(object), ValueError, "Complex data not supp.*'c'"),
    "infinity": (np.where(FLAG, np.inf, 1.0), ValueError, "Input X contains infinity"),
    "decimal infinity": ([Decimal("inf")] * N_ROWS, ValueError, "Input X contains infinity"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("beside", [{}, {"city": CITY}], ids=["numbers", "category"])
def test_what_is_neither_number_nor_level_is_refused(case, beside):
    values, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        fitted(table(c=values, **beside))


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([DAY] * N_ROWS),
        pl.Series([datetime.datetime(2020, 1, 1)] * N_ROWS),
        pl.Series([datetime.time(9)] * N_ROWS),
        pl.Series([datetime.timedelta(1)] * N_ROWS),
        pl.Series([[1, 2]] * N_ROWS),
        pl.Series([[1.0, 2.0]] * N_ROWS, dtype=pl.Array(pl.Float64, 2)),
        pl.Series([{"a": 1}] * N_ROWS),
    ],
    ids=lambda values: str(values.dtype),
)
@pytest.mark.parametrize("convert", [pl.DataFrame.to_arrow, pl.DataFrame.clone])
def test_other_libraries_columns_are_refused_too(values, convert):
    with pytest.raises((TypeError, ValueError), match="column 'c'"):
        fitted(convert(pl.DataFrame({"number": NUMBER, "c": values})))


def test_rows_to_predict_are_refused_likewise():
    model = fitted(table(c=CITY))
    for case in ("datetimes", "dates", "times", "durations", "lists", "arrays"):
        values, error, message = REFUSED[case]
        with pytest.raises(error, match=message):
            model.predict(table(c=values))
        with pytest.raises(error, match=message.replace("'c'", "'number'")):
            model.predict(table(c=CITY).assign(number=values))
    for case in ("complex", "complex objects", "infinity", "things"):
        values, error, message = REFUSED[case]
        with pytest.raises(error, match=message.replace("'c'", "'number'")):
            model.predict(table(c=CITY).assign(number=values))


def test_strings_are_no_numbers():
    model = fitted(table(c=CITY))
    for strings in (CITY, NUMBER.astype(str)):
        with pytest.raises(ValueError, match=r"got strings in column 'number', such as"):
            model.predict(table(c=CITY).assign(number=strings))
    with pytest.raises(ValueError, match="got strings in column 'c'"):
        fitted(table(c=CITY), categorical_features=None)
    with pytest.raises(ValueError, match="got strings in column 'c'"):
        fitted(table(c=CITY), categorical_features=["number"])


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([True], r"boolean mask must have shape \(n_features,\)"),
        ([True] * 3, r"boolean mask must have shape \(n_features,\)"),
        ([2], r"integer indices must be in \[0, n_features - 1\]"),
        ([-1], r"integer indices must be in \[0, n_features - 1\]"),
        (["city"], "item value 'city' which is not a valid feature name of the training data"),
        ([True, "c"], "item value 'True' which is not a valid feature name"),
        ([1.0], "must be an array-like of bool, int or str, got: float64"),
        ([None], "must be an array-like of bool, int or str, got: NoneType"),
        ([b"c"], "must be an array-like of bool, int or str, got: bytes"),
        ([[1]], "must be an array-like of bool, int or str"),
        ("c", "The 'categorical_features' parameter"),
        (1, "The 'categorical_features' parameter"),
    ],
    ids=str,
)
def test_columns_that_cannot_be_chosen(chosen, message):
    with pytest.raises(ValueError, match=message):
        fitted(table(c=CITY), categorical_features=chosen)


@pytest.mark.parametrize(
    "chosen",
    [[1], (1,), np.array([1]), [False, True], ["c"], pd.Index(["c"]), pd.Series(["c"]), [1, 1]],
    ids=str,
)
def test_ways_to_choose_columns(chosen):
    X = table(c=COUNT)
    model = fitted(X, categorical_features=chosen)
    assert model.is_categorical_.tolist() == [False, True]
    assert_array_equal(model.categories_[1], np.unique(COUNT))


def test_names_are_none_of_an_array():
    with pytest.raises(ValueError, match="fitted on data without feature names"):
        fitted(table(c=COUNT).to_numpy(), categorical_features=["c"])


@pytest.mark.parametrize("chosen", [[], [False, False], None])
def test_no_column_chosen_is_no_category(chosen):
    X = table(c=COUNT)
    expected = fitted(X).predict_proba(X)
    for rows in (X, X.to_numpy()):
        model = fitted(rows, categorical_features=chosen)
        assert model.is_categorical_ is None and model.categories_ is None
        assert_array_equal(model.predict_proba(rows), expected)
    sparse = csr_array(np.nan_to_num(X.to_numpy()))
    assert fitted(sparse, categorical_features=chosen).is_categorical_ is None


def test_sparse_rows_have_no_categories():
    sparse = csr_array(np.column_stack([COUNT, COUNT]))
    with pytest.raises(ValueError, match="categorical_features needs dense X"):
        fitted(sparse, categorical_features=[1])
    with pytest.raises(ValueError, match="cannot be sparse now"):
        fitted(table(c=CITY)).predict(sparse)
    with pytest.raises(ValueError, match="strings in column 'c'"):
        fitted(sparse).predict(table(c=CITY))
    with pytest.raises(ValueError, match="Sparse X contains NaN"):
        fitted(csr_array(table(c=COUNT)))
    with pytest.raises(ValueError, match="Sparse X contains NaN"):
        fitted(sparse).predict(csr_array(table(c=COUNT)))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (table(c=CITY)[:0], ValueError, r"0 sample\(s\)"),
        (pd.DataFrame(index=range(N_ROWS)), ValueError, r"0 feature\(s\)"),
        (pl.DataFrame(), ValueError, r"0 feature\(s\)"),
        (pl.LazyFrame({"c": cells(CITY)}), TypeError, "LazyFrame; pass X.collect()"),
        (CITY.tolist(), ValueError, "got strings, such as"),
        (np.array(cells(CITY), dtype=object), ValueError, "got strings, such as"),
        (pd.Series(CITY), ValueError, "string"),
        (np.full((N_ROWS, 2, 2), None), ValueError, "dim 3"),
        ([[1.0, "a"], [2.0]] * 45, ValueError, "inhomogeneous"),
        (table(c=CITY)[:50], ValueError, "inconsistent numbers of samples"),
        (pd.DataFrame({"c": CITY, 1: NUMBER}), TypeError, "Feature names are only supported"),
        (pd.concat([table(c=CITY)] * 2, axis=1), ValueError, "unique column names"),
        (pd.concat([table(c=COUNT)] * 2, axis=1), ValueError, "unique column names"),
    ],
    ids=range(13),
)
def test_what_is_no_table(X, error, message):
    with pytest.raises(error, match=message):
        fitted(X)


def test_names_that_are_no_strings_are_no_names():
    X = pd.DataFrame({0: NUMBER, 1: CITY})
    model = fitted(X)
    assert not hasattr(model, "feature_names_in_")
    assert {"x0", "x1=Ulm"} < set(model.encoded_feature_names_)
    with pytest.raises(ValueError, match="strings in column 1"):
        model.predict(X[[1, 0]])
    levels = pd.DataFrame({("a", "b"): NUMBER, ("a", "c"): CITY})
    assert_array_equal(fitted(levels).predict_proba(levels), model.predict_proba(X))


def test_columns_are_taken_by_name():
    X = table(c=CITY, count=COUNT)
    model = fitted(X)
    P = model.predict_proba(X)
    names = ["count", "c", "number"]
    others = pl.from_pandas(X), pa.Table.from_pandas(X)
    for rows in (X[names], *(other.select(names) for other in others)):
        assert_array_equal(model.predict_proba(rows), P)
        assert_array_equal(model.predict_log_proba(rows), model.predict_log_proba(X))
        assert_array_equal(model.hidden_activations(rows), model.hidden_activations(X))
        assert model.score(rows, LABELS) == model.score(X, LABELS)
    numbers = X[["number", "count"]]
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        fitted(numbers).predict(numbers[["count", "number"]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[["c"]], "yet now missing"),
        (lambda X: X.assign(more=1), "unseen at fit time"),
        (lambda X: X.rename(columns={"c": "C"}), "unseen at fit time"),
        (lambda X: X.assign(more=1)[["c", "more"]], "unseen at fit time"),
        (
            lambda X: X.to_numpy()[:, :1],
            "X has 1 features, but SoftmaxMLPClassifier is expecting 2",
        ),
        (lambda X: X.iloc[0], "Expected a 2-dimensional container"),
        (lambda X: X.iloc[0].tolist(), "Expected 2D array"),
        (lambda X: X[:0], r"0 sample\(s\)"),
        (lambda X: pd.concat([X, X[["c"]]], axis=1), "unique column names"),
    ],
    ids=range(9),
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_other_columns_are_refused(change, message):
    X = table(c=CITY)
    with pytest.raises(ValueError, match=message):
        fitted(X).predict(change(X))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_other_libraries_frames_may_not_miss_a_column():
    X = table(c=CITY)
    model = fitted(X)
    for frame in (pl.from_pandas(X), pa.Table.from_pandas(X)):
        with pytest.raises(ValueError, match="yet now missing"):
            model.predict(frame.select(["c"]))


def test_the_dtype_of_a_category_does_not_count():
    X = table(c=pd.Categorical(CITY))
    model = fitted(X)
    P = model.predict_proba(X)
    for dtype in (
        object,
        "string",
        pd.CategoricalDtype(["Ulm", "Aue", "Köln", "Bonn"]),
        pd.CategoricalDtype(["Zeitz", "Aue", "Bonn", "Köln", "Ulm", "Celle"], ordered=True),
    ):
        assert_array_equal(model.predict_proba(X.astype({"c": dtype})), P)
    for row in (0, 3, 7):
        assert_array_equal(model.predict_proba(X.iloc[[row]]), P[[row]])


def test_an_array_of_objects_has_no_names():
    X = table(c=CITY)
    model = fitted(X)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        assert_array_equal(model.predict_proba(X.to_numpy()), model.predict_proba(X))


@pytest.mark.parametrize("max_one_hot", [50, 1])
@pytest.mark.parametrize("with_rare", [True, False])
def test_levels_that_are_not_known_are_alike(max_one_hot, with_rare):
    city = np.where(CITY == None, "Ulm", CITY)  # noqa: E711
    city[:2] = ["Rom", "Ulm"] if with_rare else "Ulm"
    model = fitted(table(c=city), max_one_hot=max_one_hot)
    unknown = [model.predict_proba(table(c=[c] * N_ROWS)) for c in ("Oslo", "Pisa", "", None)]
    for P in unknown:
        assert_array_equal(P, unknown[0])
    if with_rare:
        assert model.infrequent_categories_[1].tolist() == ["Rom"]
        assert_array_equal(model.predict_proba(table(c=["Rom"] * N_ROWS)), unknown[0])


def test_gaps_may_come_with_the_rows_to_predict():
    known = np.where(CITY == None, "Ulm", CITY)  # noqa: E711
    X = pd.DataFrame({"a": np.nan_to_num(NUMBER), "b": COUNT, "c": known})
    model = fitted(X)
    mean = X.assign(a=X["a"].mean())
    P = model.predict_proba(X.assign(a=np.nan))
    np.testing.assert_allclose(model.predict_log_proba(X.assign(a=np.nan)), np.log(P))
    assert np.isfinite(P).all() and P.shape == (N_ROWS, 2)
    scaled = fitted(X, numerical_encoding="linear")  # a bin of a gap is no bin of the mean
    np.testing.assert_allclose(
        scaled.predict_proba(X.assign(a=np.nan)), scaled.predict_proba(mean), rtol=1e-6
    )
    late = X.assign(b=pd.array([None, 1] * 45, dtype="Int64"), c=None)
    assert np.isfinite(model.predict_proba(late)).all()


def test_a_fit_that_fails_leaves_the_old_model():
    X = table(c=CITY)
    model = fitted(X)
    before = dict(vars(model))
    for case in ("lists", "dates", "infinity"):
        with pytest.raises((TypeError, ValueError)):
            model.fit(table(c=REFUSED[case][0], city=CITY), LABELS)
        assert vars(model) == before
    model.fit(X[["c"]], LABELS)
    assert model.n_features_in_ == 1


def test_validation_rows_are_taken_by_name():
    X = table(c=CITY)
    models = [
        classifier(early_stopping=True).fit(X, LABELS, X_val=X_val, y_val=LABELS)
        for X_val in (X, X[["c", "number"]])
    ]
    assert models[0].validation_loss_curve_ == models[1].validation_loss_curve_
    with pytest.raises(ValueError, match=r"(?s)Of the validation rows.*yet now missing"):
        classifier().fit(X, LABELS, X_val=X[["c"]], y_val=LABELS)


FREE_TEXT = np.array([f"text {i}" for i in range(N_ROWS)], dtype=object)


@pytest.mark.parametrize("settings", [{}, {"max_one_hot": 1}, {"early_stopping": True}], ids=str)
def test_free_text_says_nothing_and_a_warning_says_so(settings):
    with pytest.warns(
        UserWarning, match="says nothing: none of its 90 levels has 5 rows"
    ) as warned:
        model = fitted(table(c=CITY, t=FREE_TEXT), **settings)
    assert len(warned) == 1
    assert "'t'" in str(warned[0].message) and "TextEncoder" in str(warned[0].message)
    assert "'c'" not in str(warned[0].message)
    assert warned[0].filename == __file__
    P = model.predict_proba(table(c=CITY, t=FREE_TEXT))
    assert_array_equal(model.predict_proba(table(c=CITY, t=FREE_TEXT[::-1])), P)


def test_one_frequent_level_says_something():
    text = FREE_TEXT.copy()
    text[::18] = "none"  # in five rows
    fitted(table(t=text))
    fitted(table(t=["x"] * N_ROWS))
    fitted(table(t=[None] * N_ROWS))
    fitted(table(t=FREE_TEXT)[["number"]])


def test_a_stream_may_be_of_text_that_comes_again():
    classifier().partial_fit(table(t=FREE_TEXT), LABELS, classes=["no", "yes"])


def test_each_fit_warns_once_of_columns_of_an_array():
    with pytest.warns(UserWarning, match="column 1 says nothing: none of its 90 levels") as warned:
        fitted(np.column_stack([CITY, FREE_TEXT]))
    assert len(warned) == 1


# What else is done with an estimator.

LEVELS = np.array(["a", "b", "c"], dtype=object)[RNG.integers(3, size=N_ROWS)]
FULL = pd.DataFrame(
    {
        "c": pd.Categorical(np.where(RNG.random(N_ROWS) < 0.1, None, LEVELS)),
        "number": NUMBER,
        "many": np.repeat([f"level {i}" for i in range(15)], 6),
        "count": COUNT,
    }
)
TARGET = np.where(RNG.random(N_ROWS) < 0.1, "b", LEVELS).astype(str)
SHUFFLED = ["count", "many", "number", "c"]


def full(**settings):
    """Return a classifier that encodes the column of many levels by labels."""
    return classifier(**{"max_one_hot": 10, "max_iter": 10} | settings)


def labelled_score(estimator, X, y):
    assert np.isin(X[:, 2], [*FULL["many"], "new"]).all()  # levels, not codes
    return estimator.score(X, y)


@pytest.mark.parametrize("scoring", ["accuracy", labelled_score], ids=["name", "callable"])
def test_validation_scores_are_those_of_the_raw_rows(scoring):
    X_val = FULL.assign(many=np.where(COUNT == 1, "no level", FULL["many"]))[SHUFFLED]
    model = full(early_stopping=True, scoring=scoring, learning_rate="constant", max_iter=30)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The fit has not converged")
        model.fit(FULL, TARGET, X_val=X_val, y_val=TARGET)
    assert max(model.validation_scores_) == model.score(X_val, TARGET) > 0.5
    full(early_stopping=True, scoring=scoring).fit(FULL, TARGET)


@pytest.fixture(scope="module")
def model():
    return full().fit(FULL, TARGET)


def test_copies_and_files_predict_the_same(model):
    P = model.predict_proba(FULL)
    file = skops.io.dumps(model)
    assert skops.io.get_untrusted_types(data=file) == [NAME_IN_FILES]
    for copied in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        clone(model).fit(FULL, TARGET),
        skops.io.loads(file, trusted=[NAME_IN_FILES]),
    ):
        assert_array_equal(copied.predict_proba(FULL[SHUFFLED]), P)
        assert_array_equal(copied.encoded_feature_names_, model.encoded_feature_names_)
        for one, other in zip(copied.categories_, model.categories_, strict=True):
            assert_array_equal(one, other)


@pytest.mark.parametrize("columns", [["c"], ["many"], ["c", "many"], ["number"], ["c", "number"]])
@pytest.mark.parametrize("settings", [{}, {"max_one_hot": 1}, {"max_one_hot": None}], ids=str)
def test_a_model_of_any_columns_can_be_kept(columns, settings):
    weight = np.random.default_rng(0).lognormal(size=N_ROWS)
    X = FULL[columns]
    model = full(**settings).fit(X, TARGET, sample_weight=weight)
    kept = pickle.loads(pickle.dumps(model))
    assert_array_equal(kept.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    "settings", [{}, {"solver": "sgd"}, {"early_stopping": True}, {"max_one_hot": None}], ids=str
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_5_and_5_epochs_are_10(settings):
    settings = {"warm_start": True, "learning_rate": "constant", "tol": 0.0} | settings
    whole = full(**settings).fit(FULL, TARGET)
    parts = full(**settings | {"max_iter": 5}).fit(FULL, TARGET).fit(FULL[SHUFFLED], TARGET)
    assert parts.temperature_ == whole.temperature_
    for one, other in zip(parts.coefs_, whole.coefs_, strict=True):
        assert_array_equal(one, other)
    assert parts.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}], ids=str)
def test_a_fit_that_is_cut_off_is_finished_as_if_it_had_not_been(tmp_path, settings):
    class Cut(BaseException):
        pass

    class CutAfterFive:
        def setup(self, estimator, context):
            self.n_left = 5

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            self.n_left -= not context.task_name.startswith("held-out")
            if not self.n_left:
                raise Cut

    path = tmp_path / "fit.skmax"
    killed = Checkpoint(path, 1).resume(full(**settings))
    killed.set_callbacks(*killed._skl_callbacks, CutAfterFive())
    with pytest.raises(Cut):
        killed.fit(FULL, TARGET)
    resumed = Checkpoint(path).resume(full(**settings)).fit(FULL, TARGET)
    whole = full(**settings).fit(FULL, TARGET)
    assert_array_equal(resumed.predict_proba(FULL), whole.predict_proba(FULL))


def test_another_table_is_no_continuation(tmp_path):
    fitted_before = full(warm_start=True).fit(FULL, TARGET)
    with pytest.raises(ValueError, match="yet now missing"):
        fitted_before.fit(FULL[["number", "count"]], TARGET)
    numbers = full(warm_start=True).fit(FULL[["number", "count"]], TARGET)
    with pytest.raises(ValueError, match=r"got strings in column 'c'"):
        numbers.fit(FULL, TARGET)


def test_a_stream_has_a_column_for_each_level_of_the_dtype():
    dtype = pd.CategoricalDtype(["a", "b", "c", "not yet"])
    X = FULL.astype({"c": dtype})
    stream = full()
    for start in range(0, N_ROWS, 30):
        rows = slice(start, start + 30)
        stream.partial_fit(X[rows], TARGET[rows], classes=["a", "b", "c"])
        names = stream.encoded_feature_names_.tolist()
        levels = [name for name in names if name.startswith("c=")]
        assert levels == [*(f"c={level}" for level in dtype.categories), "c=missing", "c=rare"]
        assert "many=level 0" in names and "many=level 14" not in names
    assert np.isfinite(stream.predict_proba(X)).all()
    unknown = [stream.predict_proba(X.assign(many=many)) for many in ("level 14", "level 99")]
    assert_array_equal(*unknown)  # of later portions


def test_a_stream_learns_a_level_when_it_comes():
    dtype = pd.CategoricalDtype(["a", "b"])
    first, second = (pd.DataFrame({"c": pd.Categorical([c] * 40, dtype=dtype)}) for c in "ab")
    y = np.repeat([0, 1], 20)
    stream = full(learning_rate_init=0.05).partial_fit(first, y, classes=[0, 1])
    for _ in range(20):
        stream.partial_fit(pd.concat([first, second]), [0] * 40 + [1] * 40)
    assert stream.predict(first[:1]) == [0] and stream.predict(second[:1]) == [1]


def test_gaps_may_come_late_in_a_stream():
    X = FULL[["count", "c"]].assign(number=np.nan_to_num(NUMBER))
    stream = full().partial_fit(X, TARGET, classes=["a", "b", "c"])
    late = X.assign(number=NUMBER, c=None, count=pd.array([None, 1] * 45, dtype="Int64"))
    stream.partial_fit(late, TARGET).partial_fit(late.assign(number=np.nan), TARGET)
    assert np.isfinite(stream.predict_proba(late)).all()
    only_gaps = X.assign(number=np.nan)
    stream = full().partial_fit(only_gaps, TARGET, classes=["a", "b", "c"]).partial_fit(X, TARGET)
    assert np.ptp(stream.predict_proba(X.assign(count=1, c="a")), axis=0).max() > 0.0


def test_a_monitor_takes_frames():
    records = []
    for rows in (FULL, FULL[SHUFFLED], pl.from_pandas(FULL), pa.Table.from_pandas(FULL)):
        monitor = ValidationMonitor(rows, TARGET, scoring=["loss", "accuracy"])
        watched = full().set_callbacks(monitor).fit(FULL, TARGET)
        records.append([(each["loss"], each["accuracy"]) for each in monitor.get_logs()])
        assert records[-1][-1][1] == watched.score(FULL, TARGET)
    assert records == 4 * records[:1]


def test_what_needs_numbers_says_so(model):
    with pytest.raises(ValueError, match="to_sklearn needs a model of numbers without gaps"):
        model.to_sklearn()
    linear = full(hidden_layer_sizes=()).fit(FULL, TARGET)
    for name in ("coef_", "intercept_"):
        assert not hasattr(linear, name)
    with pytest.raises(AttributeError, match="fitted to categories"):
        _ = linear.coef_
    gaps = full(hidden_layer_sizes=()).fit(FULL[["number"]], TARGET)
    with pytest.raises(AttributeError, match="fitted to gaps"):
        _ = gaps.coef_


def test_input_gradients_are_of_numbers(model):
    grad = model.input_gradients(FULL, class_="a")
    assert grad.shape == FULL.shape
    assert np.isnan(grad[:, [0, 2]]).all() and np.isfinite(grad[:, [1, 3]]).all()
    row, step = FULL.iloc[[0]].assign(count=3.3), 1e-3  # not at the edge of a bin
    grad = model.input_gradients(row, class_="a")
    ends = [
        model.decision_function(row.assign(count=row["count"] + sign * step))[0, 0]
        for sign in (1, -1)
    ]
    assert np.isclose((ends[0] - ends[1]) / (2 * step), grad[0, 3], rtol=1e-2, atol=1e-4)


def test_inspection_takes_raw_columns(model):
    result = permutation_importance(model, FULL, TARGET, n_repeats=3, random_state=0)
    assert result.importances_mean.argmax() == 0 and result.importances_mean.shape == (4,)
    assert model.hidden_activations(FULL).shape == (N_ROWS, 16)
    assert "SoftmaxMLPClassifier" in model._repr_html_()


def test_model_selection_takes_frames():
    search = GridSearchCV(full(), {"max_one_hot": [2, None]}, cv=2).fit(FULL, TARGET)
    assert search.predict(FULL[SHUFFLED]).shape == (N_ROWS,)
    groups = np.arange(N_ROWS) // 2
    full(class_weight="balanced").fit(FULL, TARGET, groups=groups)
    scores = cross_val_score(full(max_iter=30), FULL, TARGET, cv=3)
    assert scores.mean() > 0.5


def test_a_display_takes_a_row_of_a_frame(model):
    P = model.predict_proba(FULL)
    rows = [FULL.iloc[[3]], FULL.iloc[3], FULL[SHUFFLED].iloc[3], pl.from_pandas(FULL)[3:4]]
    rows += [pa.Table.from_pandas(FULL)[3:4]]
    for row in rows:
        display = LogitsDisplay.from_estimator(model, row, TARGET[3])
        assert_array_equal(
            display.probabilities,
            LogitsDisplay.from_estimator(model, FULL.iloc[[3]]).probabilities,
        )
        np.testing.assert_allclose(display.probabilities, P[3], rtol=1e-6)
        pyplot.close("all")
    numbers = FULL[["number", "count"]]
    LogitsDisplay.from_estimator(full().fit(numbers, TARGET), numbers.iloc[3], TARGET[3])
    LogitsDisplay.from_estimator(full().fit(numbers.to_numpy(), TARGET), numbers.iloc[3])
    with pytest.raises(ValueError, match="row must be one row"):
        LogitsDisplay.from_estimator(model, FULL)
    pyplot.close("all")


def test_a_stream_of_too_many_levels_is_an_error_that_names_the_column(monkeypatch):
    monkeypatch.setattr(checks, "MAX_LEVELS", 3)
    with pytest.raises(ValueError, match=r"Column 'city' of X has 4 levels, .* at most 3 here"):
        classifier().partial_fit(table(city=CITY), LABELS, classes=["no", "yes"])
    fitted(table(city=CITY))  # all rows are there, and may tell what a level means


def test_weights_that_make_levels_rare_are_warned_of():
    X, weight = table(city=CITY), np.full(N_ROWS, 1.0 / N_ROWS)
    with pytest.warns(UserWarning) as caught:
        fitted(X, sample_weight=weight)
    told = [str(warning.message) for warning in caught]
    assert any("levels of categories are rare if their rows weigh less than 5" in m for m in told)
    with pytest.warns(UserWarning) as caught:
        fitted(X[["number"]], sample_weight=weight)
    assert not any("levels" in str(warning.message) for warning in caught)


def test_no_two_columns_of_levels_have_the_same_name():
    levels = ["missing", "rare", "a", None] * 10 + ["seldom"]
    X = pd.DataFrame({"c": levels})
    y = np.arange(len(X)) % 2
    names = SoftmaxMLPClassifier(max_iter=1).fit(X, y).encoded_feature_names_.tolist()
    assert len(set(names)) == len(names)
    assert {"c='missing'", "c='rare'", "c=missing", "c=rare"} <= set(names)
