import copy
import enum
import pickle
import re
from collections import deque
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from internals import (
    check_kind,
    check_labels,
    class_indices,
    class_weights,
    encode,
    positions,
    row_weights,
    same_classes,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csr_array
from sklearn.datasets import load_iris
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_class_weight

from skmax import SoftmaxMLPClassifier

ABC = list("abcab")


class Word(str):
    def __str__(self):
        return "x"


class Octets(bytes):
    def __str__(self):
        return "x"

    def __bytes__(self):
        return b"x"


class Name(str, enum.Enum):  # noqa: UP042 - whose `__str__` is not that of StrEnum
    FIRST = "blue"
    SECOND = "red"


class Code(bytes, enum.Enum):
    FIRST = b"blue"
    SECOND = b"red"


Level = enum.IntEnum("Level", ["FIRST", "SECOND"])
Tag = enum.StrEnum("Tag", ["FIRST", "SECOND"])
SUBCLASSES = {
    "str": [Word("blue"), Word("red")],
    "str and Enum": list(Name),
    "StrEnum": list(Tag),
    "NumPy's str": [np.str_("blue"), np.str_("red")],
    "bytes": [Octets(b"blue"), Octets(b"red")],
    "bytes and Enum": list(Code),
    "IntEnum": list(Level),
    "str among its subclass": ["blue", Word("red")],
}
SEQUENCES = {
    "list": list,
    "tuple": tuple,
    "deque": deque,
    "array": lambda y: np.array(y, dtype=object),
    "column": lambda y: np.array(y, dtype=object)[:, None],
    "series": lambda y: pd.Series(y, dtype=object),
    "category": lambda y: pd.Series(pd.Categorical(y)),
}
LABELS = {
    "list of str": (ABC, "U"),
    "bytes": (np.array(ABC, dtype="S"), "S"),
    "object str": (np.array(ABC, dtype=object), "O"),
    "object bytes": (np.array([b"a", b"b"], dtype=object), "S"),
    "object int": (np.array([1, 0, 2], dtype=object), "i"),
    "string dtype": (np.array(ABC, dtype=np.dtypes.StringDType()), "O"),
    "bool": (np.array([True, False]), "b"),
    "list of dates": (list(np.array(["2020-02-29", "1999-12-31"], dtype="M8[D]")), "M"),
    "int with gaps": (np.array([7, -3, 7]), "i"),
    "uint8": (np.array([7, 3], dtype=np.uint8), "u"),
    "whole floats": (np.array([1.0, 0.0]), "f"),
    "pandas str": (pd.Series(ABC), "O"),
    "pandas categorical": (pd.Series(ABC, dtype="category"), "O"),
    "pandas categorical int": (pd.Series([3, 1, 3], dtype="category"), "i"),
    "pandas nullable int": (pd.Series([3, 1, 3], dtype="Int64"), "i"),
    "pandas nullable bool": (pd.Series([True, False], dtype="boolean"), "b"),
    "pandas arrow int": (pd.Series([3, 1, 3], dtype="int64[pyarrow]"), "i"),
    "pandas arrow str": (pd.Series(ABC, dtype="string[pyarrow]"), "O"),
    "polars str": (pl.Series(ABC), "O"),
    "polars int": (pl.Series([3, 1, 3]), "i"),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_keep_their_values_and_kind(name):
    y, kind = LABELS[name]
    labels = check_labels(y)
    assert labels.ndim == 1 and labels.dtype.kind == kind
    assert list(labels) == list(y)
    classes = np.unique(labels)
    assert_array_equal(classes[class_indices(labels, classes)], labels)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.eye(3), "one class label per row.*argmax.*sample_weight"),
        ([[0.3, 0.7], [0.5, 0.5]], "soft targets"),
        ([0.5, 1.2, 3.1], "continuous"),
        ([0.0, np.nan], "Input y contains NaN"),
        ([0.0, np.inf], "infinity"),
        (np.array(["a", 1, None], dtype=object), "one kind.*NoneType, int, str"),
        (pd.Series([1, None], dtype="Int64"), "NaN"),
        ([1, "a", 2], "one kind.*int, str"),
        (csr_array(np.eye(3)), "one class label per row"),
        (csr_array([[1], [0]]), "one class label per row.*sparse"),
        (coo_array([1, 0]), "one class label per row.*sparse"),
        (np.array([0, "a"], dtype=object), "one kind.*int, str"),
        ([Decimal(1), Decimal(2)], "one kind.*Decimal"),
        (["a", None], "one kind.*NoneType, str"),
        ([(1, 2), (3,)], "inhomogeneous"),
        ([1, 2**70], "at most 64 bits, or strings, got 1180591620717411303424"),
        (np.array([-(2**70), 1], dtype=object), "at most 64 bits, or strings, got -1180"),
    ],
)
def test_labels_that_are_none_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_labels(y)


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("name", SUBCLASSES)
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_members_of_subclasses_are_the_plain_labels_that_they_equal(name, sequence):
    first, second = SUBCLASSES[name]
    labels = check_labels(SEQUENCES[sequence]([first, second, first]))
    assert {type(label) for label in labels.tolist()} <= {str, bytes, int}
    assert labels.tolist() == [first, second, first]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda clf: pickle.loads(pickle.dumps(clf))])
@pytest.mark.parametrize("name", SUBCLASSES)
def test_members_of_subclasses_are_learnt_predicted_and_scored(name, copied):
    members = SUBCLASSES[name]
    y = [members[i % 2] for i in range(30)]
    X = np.arange(30)[:, None] % 2
    clf = copied(
        SoftmaxMLPClassifier((), solver="lbfgs", class_weight={members[1]: 2.0}).fit(X, y)
    )
    assert clf.classes_.tolist() == members
    assert clf.predict(X).dtype == clf.classes_.dtype and clf.predict(X).tolist() == y
    assert clf.score(X, y) == 1.0 and clf.score(X, y[1:] + y[:1]) == 0.0
    assert_array_equal(clf.input_gradients(X, members[1]), clf.input_gradients(X, clf.classes_[1]))
    stream = SoftmaxMLPClassifier(()).partial_fit(X, y, classes=members)
    assert stream.partial_fit(X, y, classes=members).classes_.tolist() == members
    clf.set_params(temperature_scaling=False).fit(X, y, X_val=X, y_val=y)


def test_a_column_is_flattened_with_a_warning():
    with pytest.warns(DataConversionWarning):
        assert_array_equal(check_labels([[1], [0]]), [1, 0])


def test_unknown_labels_are_named():
    with pytest.raises(ValueError, match=r"\['z'\].*\['a' 'b'\]"):
        class_indices(np.array(["a", "z"]), np.array(["a", "b"]))


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array(["a"], dtype=object), np.array([1, 2])),
        (np.array([1, 2]), np.array(["a", "b"], dtype=object)),
        (np.array([1], dtype="m8[s]"), np.array([1, 2])),
        (np.array([1], dtype="M8[D]"), np.array([1, 2])),
    ],
)
def test_labels_of_another_kind_than_the_classes_are_unknown(y, classes):
    with pytest.raises(ValueError, match=r"y holds labels .* that are not in classes"):
        class_indices(y, classes)
    assert not same_classes(y, classes) and same_classes(y, y)
    assert class_indices(y[:0], classes).tolist() == []


TIMES = {
    "day": (np.array(["2026-01-01", "2026-01-02"], dtype="M8[D]"), date(2026, 1, 2)),
    "second": (np.array(["2026-01-01", "2026-01-02"], dtype="M8[s]"), datetime(2026, 1, 2)),
    "nanosecond": (np.array(["2026-01-01", "2026-01-02"], dtype="M8[ns]"), datetime(2026, 1, 2)),
    "duration": (np.array([1, 2], dtype="m8[D]").astype("m8[ns]"), timedelta(days=2)),
}


@pytest.mark.parametrize("unit", TIMES)
def test_a_time_is_found_by_the_time_of_numpy_pandas_or_python(unit):
    classes, label = TIMES[unit]
    pandas = pd.Timedelta if unit == "duration" else pd.Timestamp
    for named in (label, classes[1], pandas(classes[1])):
        assert positions([named], classes) == [1]
    later = classes[1] + (classes[1] - classes[0])
    assert positions([None, "a", {}, later], classes) == [None] * 4


@pytest.mark.parametrize("unit", TIMES)
def test_times_are_weighed_and_asked_for_by_their_values(unit):
    classes, label = TIMES[unit]
    X, y = np.arange(30)[:, None] % 2, classes[np.arange(30) % 2]
    plain = SoftmaxMLPClassifier((), solver="lbfgs", class_weight={1: 3.0}).fit(X, y == classes[1])
    clf = SoftmaxMLPClassifier((), solver="lbfgs", class_weight={label: 3.0}).fit(X, y)
    assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))
    assert_array_equal(clf.input_gradients(X, class_=label), plain.input_gradients(X, class_=1))
    with pytest.raises(
        ValueError, match=r"class_ must be None or one of the classes .*(2026|nanoseconds)"
    ):
        clf.input_gradients(X, class_=0 * (classes[1] - classes[0]))
    with pytest.raises(ValueError, match="of the kind that was fitted"):
        clf.score(X, y == label)


@pytest.mark.parametrize("sample_weight", [None, np.array([1.0, 2, 1, 1, 0.5, 3])])
@pytest.mark.parametrize(
    "class_weight", ["balanced", {3: 5.0}, {1: 0, 3: 2, 7: 1}, {1: 1, 3: 2, 7: 3, 9: 4}, {}]
)
def test_class_weights_are_scikit_learns(class_weight, sample_weight):
    classes, y = np.array([1, 3, 7]), np.array([1, 1, 3, 7, 7, 7])
    expected = compute_class_weight(
        class_weight, classes=classes, y=y, sample_weight=sample_weight
    )
    labels = np.searchsorted(classes, y)
    assert_allclose(class_weights(class_weight, classes, labels, sample_weight), expected)


def test_balanced_classes_have_equal_total_weight():
    labels = np.array([0, 0, 0, 0, 1, 3, 3])  # classes 2 and 4 have no rows
    weight = row_weights(labels, None, class_weights("balanced", np.arange(5), labels))
    totals = np.bincount(labels, weight)
    assert_allclose(totals / totals.sum(), [1 / 3, 1 / 3, 0, 1 / 3])


def test_balanced_weights_of_tiny_and_huge_sample_weights():
    labels, sample_weight = np.array([0, 0, 1]), np.array([1.0, 2.0, 1.0])
    expected = class_weights("balanced", np.arange(2), labels, sample_weight)
    for scale in (1e-300, 1e300):
        weights = class_weights("balanced", np.arange(2), labels, scale * sample_weight)
        assert_allclose(weights, expected)


def test_class_weights_may_be_integers_of_any_size():
    weights = class_weights({0: 10**20, 1: 1}, np.arange(2), np.array([0, 1]))
    assert_array_equal(weights, [1e20, 1.0])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"z": 1}, r"\['z'\].*\['a', 'b'\].*lacks"),
        ({"a": -1}, ">= 0"),
        ({"a": np.nan}, "finite"),
        ({"a": "2"}, r"must hold numbers, got \{'a': '2'\}"),
        ({"a": None}, "must hold numbers"),
        ({"a": 1j}, "must hold numbers"),
        ({"a": [1.0]}, "must hold numbers"),
    ],
)
def test_class_weights_refuse(class_weight, message):
    with pytest.raises(ValueError, match=message):
        class_weights(class_weight, np.array(["a", "b"]), np.array([0, 1]))


def test_row_weights_are_products_relative_to_the_largest_class():
    labels, sample, of_class = np.array([0, 1, 1]), np.array([1.0, 2, 3]), np.array([10.0, 100])
    assert row_weights(labels) is None
    assert row_weights(labels, sample) is sample
    assert_array_equal(row_weights(labels, None, of_class), [0.1, 1, 1])
    assert_array_equal(row_weights(labels, sample, of_class), [0.1, 2, 3])
    with pytest.raises(ValueError, match=r"no row with a weight.*\[0.0, 1.0\]"):
        row_weights(np.zeros(3, dtype=int), sample, np.array([0.0, 1.0]))


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([1, 2], "numbers"),
        ([True], "numbers"),
        ([0.0], "numbers"),
        (["a"], "strings"),
        (np.array(["a"], dtype=object), "strings"),
        ([b"a"], "bytes"),
        (np.array(["2026-01-01"], "M8[D]"), "dates"),
    ],
)
def test_labels_of_another_kind_are_named(labels, kind):
    labels, other = np.asarray(labels), np.array([1] if kind != "numbers" else ["1"])
    check_kind(labels, labels)
    received = re.escape(f"such as {labels.tolist()[0]!r}.")
    known = "numbers" if kind != "numbers" else "strings"
    with pytest.raises(ValueError, match=f"^y must .* fitted, {known}; got {kind}, {received}$"):
        check_kind(labels, other)


def test_of_labels_that_hardly_repeat_it_is_warned():
    with pytest.warns(UserWarning, match="could represent a regression problem"):
        encode(np.arange(30))
    encode(np.arange(30) % 15)
    encode(np.arange(30).astype("S"))


@pytest.mark.parametrize("dtype", ["M8[D]", "m8[D]"])
def test_a_time_that_is_missing_is_no_label(dtype):
    with pytest.raises(ValueError, match=r"^y must hold no missing values, got NaT\.$"):
        check_labels(np.array([1, "NaT", 2], dtype=dtype))


def weights_that_sum_to_1(n_rows):
    return np.full(n_rows, 1 / n_rows)


def fitting(how, alpha, weight):
    """Fit 150 rows, in memory or on a cluster."""
    X, y = load_iris(return_X_y=True)
    settings = {"alpha": alpha, "max_iter": 2, "random_state": 0, "learning_rate": "constant"}
    if how == "class_weight":
        settings["class_weight"] = dict.fromkeys(range(3), weight[0])
        weight = None
    clf = SoftmaxMLPClassifier((4,), **settings, solver="sgd" if how == "partial_fit" else "adam")
    if how == "partial_fit":
        return clf.partial_fit(X, y, np.unique(y), sample_weight=weight)
    return clf.fit(X, y, sample_weight=weight)


KINDS_OF_FIT = ["fit", "partial_fit", "class_weight"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("how", KINDS_OF_FIT)
def test_weights_that_sum_to_1_are_said_to_be_little_against_alpha(how):
    message = "mean of 0.00667: alpha=1, .* acts as alpha=150 .* or set alpha=0.00667"
    with pytest.warns(UserWarning, match=message) as caught:
        fitting(how, 1.0, weights_that_sum_to_1(150))
    assert [w.filename for w in caught if w.category is UserWarning] == [__file__]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("how", KINDS_OF_FIT)
@pytest.mark.parametrize(
    ("alpha", "weight"),
    [
        (0.0, weights_that_sum_to_1(150)),
        (1 / 150, weights_that_sum_to_1(150)),
        (1.0, np.full(150, 0.5)),
        (1.0, np.full(150, 1e6)),
        (100.0, np.ones(150)),
        (0.01, np.full(150, 0.01)),
    ],
    ids=["no penalty", "alpha as small", "halves", "large", "a strong penalty", "1.5 rows"],
)
def test_ordinary_weights_are_no_cause_for_a_word(how, alpha, weight):
    fitting(how, alpha, weight)  # warnings are errors


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_the_warning_advises_is_the_fit_of_rows_that_weigh_1():
    weight = weights_that_sum_to_1(150)
    expected = fitting("fit", 1.0, None).predict_proba(load_iris().data)
    advised = fitting("fit", 1 / 150, weight).predict_proba(load_iris().data)
    assert_allclose(advised, expected, rtol=1e-9)
    advised = fitting("fit", 1.0, weight * len(weight) / weight.sum())
    assert_allclose(advised.predict_proba(load_iris().data), expected, rtol=1e-9)


def test_a_fit_sorts_its_labels_once(monkeypatch):
    y = np.array(["a", "b", "c"])[np.arange(60) % 3]
    X = np.random.default_rng(0).normal(size=(60, 3))
    unique, n_sorts = np.unique, []

    def counting(values, *args, **kwargs):
        if np.size(values) == len(y) and np.asarray(values).dtype.kind in "OU":
            n_sorts.append(1)
        return unique(values, *args, **kwargs)

    monkeypatch.setattr(np, "unique", counting)
    SoftmaxMLPClassifier((4,), max_iter=2, early_stopping=False, random_state=0).fit(X, y)
    assert len(n_sorts) <= 1
