"""What onnxruntime computes from the columns of a table is what the classifier computes."""

from functools import cache

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from internals import SCALINGS
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from skl2onnx import to_onnx
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

import skmax.onnx  # noqa: F401 - registers the converter
from skmax import SoftmaxMLPClassifier

TYPES = {
    "float32": FloatTensorType,
    "float64": DoubleTensorType,
    "int64": Int64TensorType,
    "bool": BooleanTensorType,
    "object": StringTensorType,
}
DTYPES = ["float32", "float64"]
ENCODINGS = ["linear", "both"]


def quick(**settings):
    given = {
        "scaling": "standard",
        "max_iter": 3,
        "learning_rate": "cosine",
        "learning_rate_init": 0.05,
        "random_state": 0,
    }
    return SoftmaxMLPClassifier((8,), **{**NEUTRAL, **given, **settings})


@cache
def table(seed=0):
    """Return numbers with gaps, integers, truth values, and categories of few and many levels.

    Colours have rare levels, and no other column has.
    """
    n_rows = 300
    rng = np.random.default_rng(seed)
    colour = rng.choice(["red", "blue", "grün", "1"], n_rows).astype(object)
    colour[:3] = "rare", "rare too", "rare"
    colour[rng.random(n_rows) < 0.1] = None
    frame = pd.DataFrame(
        {
            "colour": colour,
            "age": rng.normal(40.0, 12.0, n_rows),
            "hours": rng.integers(0, 60, n_rows),
            "size": pd.Categorical(
                rng.choice(["s", "m", "l"], n_rows), ["xs", "s", "m", "l", "xl"], ordered=True
            ),
            "zip": pd.Categorical(rng.integers(0, 8, n_rows) + 10**9),
            "member": rng.random(n_rows) < 0.5,
            "town": [f"town {i % 60}" for i in rng.permutation(n_rows)],
        }
    )
    frame.loc[rng.random(n_rows) < 0.1, "age"] = np.nan
    score = (frame["age"] > 45).astype(int) + (colour == "red") + (frame["zip"].cat.codes > 5)
    return frame, np.minimum(score + rng.integers(0, 2, n_rows), 2).to_numpy()


def new_rows():
    """Return rows that were not trained on, some with levels that are not known."""
    rows = table(1)[0].copy()
    rows.loc[:20, "colour"] = "ultraviolet"
    rows["town"] = rows["town"].where(np.arange(len(rows)) % 5 > 0, "elsewhere")
    rows["zip"] = pd.Categorical(rows["zip"].astype(int) + 3)
    rows["hours"] -= 30
    rows.loc[100:120, "size"] = "xs"
    return rows


@cache
def fitted(n_classes=3, **settings):
    frame, labels = table()
    return quick(max_one_hot=50, **settings).fit(frame, np.minimum(labels, n_classes - 1))


def as_inputs(rows, floats="float64", **dtypes):
    """Return the columns of a frame as arrays that onnxruntime takes, "" for a string's gap."""
    inputs = {}
    for name, column in rows.items():
        levels = column.cat.categories if hasattr(column, "cat") else column
        if levels.dtype.kind == "f":
            dtype = floats
        else:
            dtype = str(levels.dtype) if levels.dtype.kind in "ib" else "object"
        column = column.astype(object).fillna("") if dtype == "object" else column
        inputs[name] = column.to_numpy(dtype=dtypes.get(name, dtype))[:, np.newaxis]
    return inputs


def export(clf, inputs, zipmap=False, **settings):
    types = [
        (name, TYPES[values.dtype.name]([None, values.shape[1]]))
        for name, values in inputs.items()
    ]
    model = to_onnx(clf, initial_types=types, options={"zipmap": zipmap}, **settings)
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model, inputs):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings)
    names = [each.name for each in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs.values(), strict=True)))


def assert_same(clf, rows, inputs, model=None):
    """Labels and probabilities are the classifier's own, in the precision of the inputs."""
    labels, P = run(model or export(clf, inputs), inputs)
    expected = clf.predict_proba(rows)
    is_double = any(values.dtype == np.float64 for values in inputs.values())
    assert P.dtype == (np.float64 if is_double else np.float32)
    assert expected.std(axis=0).min() > 0.001 or len(expected) < 2
    # float32 has 1e-7 for each of some hundred operations.
    atol = 1e-10 if P.dtype == expected.dtype == np.float64 else 1e-5
    assert_allclose(P, expected, rtol=0, atol=atol)
    # Rounding may decide between classes that are as good as equal.
    second, first = np.sort(expected, axis=1).T[-2:]
    clear = first - second > 2 * atol
    assert clear.mean() > 0.9
    assert_array_equal(labels[clear], clf.predict(rows)[clear])


@pytest.mark.parametrize("floats", DTYPES)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_kind_of_column(n_classes, encoding, floats):
    clf = fitted(n_classes, numerical_encoding=encoding)
    learnt = clf._model.encoding
    assert learnt.n_levels and learnt.n_shares_alone
    assert len(learnt.tower_columns) == ENCODINGS.index(encoding) + 1
    for rows in [table()[0], new_rows()]:
        rows = rows.astype({"age": floats})
        assert_same(clf, rows, as_inputs(rows, floats))


@pytest.mark.parametrize("floats", DTYPES)
@pytest.mark.parametrize("max_one_hot", [1, 3, None])
def test_categories_as_shares_or_as_columns(max_one_hot, floats):
    frame, labels = table()
    clf = quick(max_one_hot=max_one_hot).fit(frame, labels)
    rows = new_rows().astype({"age": floats})
    assert_same(clf, rows, as_inputs(rows, floats))


@pytest.mark.parametrize("floats", DTYPES)
@pytest.mark.parametrize("scaling", [None, *SCALINGS])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_gaps_in_arrays_of_numbers(encoding, scaling, floats):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4)).astype(floats)
    labels = (X[:, 0] > 0) + (X[:, 1] > 0)
    X[rng.random(X.shape) < 0.2] = np.nan
    X[:, 3] = rng.integers(0, 5, len(X))  # none in training
    clf = quick(numerical_encoding=encoding, scaling=scaling).fit(X, labels)
    X[:50, 3] = np.nan
    assert_same(clf, X, {"X": X})
    # A column that has become integers has no gaps.
    whole = np.nan_to_num(X).astype(np.int64)
    assert_same(clf, whole, {"X": whole})


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("max_one_hot", [1, None])
def test_numbers_of_a_table_that_had_no_gaps_in_training(max_one_hot, encoding):
    frame, labels = table()
    frame = frame[["age", "town"]].fillna({"age": 40.0})
    clf = quick(max_one_hot=max_one_hot, numerical_encoding=encoding).fit(frame, labels)
    rows = frame.assign(age=frame["age"].where(frame["age"] > 35))
    assert_same(clf, rows, as_inputs(rows))


@pytest.mark.parametrize("floats", DTYPES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_categories_that_are_numbers_of_an_array(encoding, floats):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)).astype(floats)
    X[:, 1] = rng.integers(0, 5, len(X)) / 10
    X[:, 3] = rng.integers(-3, 60, len(X))
    labels = (X[:, 0] > 0) + (X[:, 1] > 0.2)
    clf = quick(numerical_encoding=encoding, categorical_features=[1, 3], max_one_hot=20)
    X[rng.random(X.shape) < 0.1] = np.nan
    clf.fit(X, labels)
    assert clf._model.encoding.n_shares_alone
    X[:20, 1] = 0.15
    X[:20, 3] = 0.5
    assert_same(clf, X, {"X": X})
    assert_same(clf, X, {"first": X[:, :1], "others": X[:, 1:]})


@pytest.mark.parametrize("dtype", ["bool", "int64", "float32", "float64"])
def test_levels_that_are_truth_values(dtype):
    frame, labels = table()
    frame = frame[["age", "member", "zip"]]
    clf = quick(categorical_features=["member", "zip"]).fit(frame, labels)
    rows = frame.assign(member=frame["member"].astype(dtype))
    assert_same(clf, rows, as_inputs(rows, member=dtype))


@pytest.mark.parametrize("floats", DTYPES)
def test_gaps_in_levels_that_are_numbers(floats):
    frame, labels = table()
    levels = frame["zip"].astype(int) % 100
    frame = frame.assign(zip=pd.Categorical(levels.where(levels % 3 > 0).astype("Int64")))
    assert frame["zip"].cat.categories.dtype.kind == "i" and frame["zip"].isna().any()
    clf = quick().fit(frame, labels)
    assert_same(clf, frame, as_inputs(frame, zip=floats))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_table_of_categories_alone(encoding):
    frame, labels = table()
    frame = frame[["colour", "size", "town"]]
    clf = quick(numerical_encoding=encoding, max_one_hot=50).fit(frame, labels)
    assert clf._model.encoding.n_numbers == 0
    inputs = as_inputs(frame)
    assert_same(clf, frame, inputs)
    assert_same(clf, frame, {"all": np.concatenate(list(inputs.values()), axis=1)})


def test_inputs_with_the_names_of_columns_have_any_order():
    clf, rows = fitted(), new_rows()
    inputs = as_inputs(rows)
    assert_same(clf, rows, dict(sorted(inputs.items())))


def test_inputs_with_other_names_are_in_the_order_of_columns():
    clf, rows = fitted(), new_rows()
    assert_same(clf, rows, {f"x{i}": value for i, value in enumerate(as_inputs(rows).values())})


def test_names_with_blanks():
    frame, labels = table()
    frame = frame.rename(columns={"age": "age in years", "zip": "ZIP-code (US)"})
    clf = quick().fit(frame, labels)
    assert_same(clf, frame, dict(sorted(as_inputs(frame).items())))


def test_numbers_of_a_frame_as_an_input_each():
    frame, labels = table()
    frame = frame[["hours", "age", "member"]].fillna(0.0)
    clf = quick().fit(frame, labels)
    assert clf.is_categorical_ is None
    assert_same(clf, frame, as_inputs(frame))
    rows = frame.to_numpy(dtype=np.float64)
    assert_same(clf, frame, {"X": rows})


def test_a_row_of_the_frame_tells_the_types():
    clf, rows = fitted(), new_rows()
    model = to_onnx(clf, rows[:1], options={"zipmap": False})
    assert_same(clf, rows, as_inputs(rows), model)


@pytest.mark.parametrize(
    "build",
    [
        lambda clf: make_pipeline(clf),
        lambda clf: make_pipeline(make_pipeline(clf)),
        lambda clf: GridSearchCV(clf, {"alpha": [1e-4, 1.0]}, cv=2),
    ],
    ids=["pipeline", "pipelines", "grid search"],
)
def test_at_the_end_of_pipelines_and_in_a_search(build):
    frame, labels = table()
    clf = build(quick(max_one_hot=50)).fit(frame, labels)
    assert_same(clf, new_rows(), as_inputs(new_rows()))


def test_after_a_transformer_of_columns():
    frame, labels = table()
    frame = frame[["age", "hours", "colour", "size"]].fillna({"colour": "none"})
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encode = ColumnTransformer(
        [("a", StandardScaler(), ["age", "hours"]), ("b", codes, ["colour", "size"])]
    )
    clf = make_pipeline(encode, quick(categorical_features=[2, 3])).fit(frame, labels)
    assert clf[-1].is_categorical_.tolist() == [False, False, True, True]
    inputs = as_inputs(frame.astype({"age": "float32", "hours": "float32"}), "float32")
    assert_same(clf, frame, inputs)


def test_levels_that_are_not_known_join_the_rare_ones():
    rows = new_rows()[:3].assign(colour=["rare", "never seen", "rare too"], town="town 1")
    rows.loc[:, rows.columns != "colour"] = rows.loc[[0] * 3, rows.columns != "colour"].to_numpy()
    _, P = run(export(fitted(), as_inputs(rows)), as_inputs(rows))
    assert_array_equal(P[0], P[1])
    assert_array_equal(P[0], P[2])


def test_an_empty_string_is_itself_if_it_is_a_level():
    frame, labels = table()
    frame = frame.fillna({"colour": ""})
    clf = quick().fit(frame, labels)
    assert "" in clf.categories_[0]
    assert_same(clf, frame, as_inputs(frame))


@pytest.mark.parametrize("floats", DTYPES)
def test_columns_of_gaps_alone(floats):
    frame, labels = table()
    frame = frame[["hours", "colour"]].assign(
        number=np.full(len(frame), np.nan),
        string=pd.Series([None] * len(frame), dtype=object),
        code=np.full(len(frame), np.nan),
    )
    clf = quick(categorical_features=["colour", "string", "code"]).fit(frame, labels)
    assert_same(clf, frame, as_inputs(frame, floats))
    known = frame.assign(number=3.0, string="new", code=3)
    assert_same(clf, known, as_inputs(known, floats))


def test_the_zipmap_of_a_table():
    clf, rows = fitted(), new_rows().astype({"age": "float32"})
    inputs = as_inputs(rows, "float32")
    P = run(export(clf, inputs), inputs)[1]
    dicts = run(export(clf, inputs, zipmap=True), inputs)[1]
    assert_array_equal([list(row.values()) for row in dicts], P)
    for floats in DTYPES:
        inputs = as_inputs(rows, floats)
        columns = run(export(clf, inputs, zipmap="columns"), inputs)[1:]
        assert {column.dtype.name for column in columns} == {floats}
        assert_allclose(np.transpose(columns), P, atol=1e-5)
    with pytest.raises(ValueError, match="dicts of float32 probabilities only"):
        export(clf, inputs, zipmap=True)


@pytest.mark.parametrize("n_rows", [0, 1])
def test_any_number_of_rows(n_rows):
    for encoding in ENCODINGS:
        clf = fitted(numerical_encoding=encoding)
        inputs = as_inputs(new_rows()[:n_rows])
        labels, P = run(export(clf, inputs), inputs)
        assert labels.shape == (n_rows,) and P.shape == (n_rows, 3)


@pytest.mark.parametrize("target_opset", [13, 18, None])
def test_older_opsets(target_opset):
    clf, rows = fitted(numerical_encoding="both"), new_rows()
    inputs = as_inputs(rows, zip="float64")
    assert_same(clf, rows, inputs, export(clf, inputs, target_opset=target_opset))


def test_inputs_of_the_wrong_kind_are_an_error():
    clf, inputs = fitted(), as_inputs(new_rows())
    strings = np.full((1, 1), "1", dtype=object)
    for name, values, message in [
        ("age", strings, "numbers in column 'age', but its input has strings"),
        ("zip", strings, "numbers in column 'zip', but its input has strings"),
        ("town", np.ones((1, 1)), "strings in column 'town', but its input has numbers"),
    ]:
        with pytest.raises(ValueError, match=message):
            export(clf, inputs | {name: values})


def test_inputs_that_are_not_the_columns_are_an_error():
    clf, inputs = fitted(), as_inputs(new_rows())
    wrong = dict(list(inputs.items())[1:])
    with pytest.raises(ValueError, match=r"7 columns in fit, but the inputs \['age', .* have 6"):
        export(clf, wrong)
    with pytest.raises(ValueError, match="names of all columns of X or of none"):
        export(clf, wrong | {"Colour": inputs["colour"]})


def test_levels_that_the_type_of_an_input_cannot_tell_apart_are_an_error():
    frame, labels = table()
    clf = fitted()
    with pytest.raises(ValueError, match=r"levels of column 'zip' are not distinct .* float32"):
        export(clf, as_inputs(frame, zip="float32"))
    halves = frame.assign(zip=pd.Categorical(frame["zip"].cat.codes / 2))
    with pytest.raises(ValueError, match=r"levels of column 'zip' are not distinct .* int64"):
        export(quick().fit(halves, labels), as_inputs(halves, zip="int64"))
