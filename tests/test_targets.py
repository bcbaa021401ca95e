import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csr_array
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_class_weight

from skmax._targets import (
    check_kind,
    check_labels,
    class_indices,
    class_weights,
    row_weights,
    warn_of_regression,
)

ABC = list("abcab")
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
    ],
)
def test_labels_that_are_none_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_labels(y)


def test_a_column_is_flattened_with_a_warning():
    with pytest.warns(DataConversionWarning):
        assert_array_equal(check_labels([[1], [0]]), [1, 0])


def test_unknown_labels_are_named():
    with pytest.raises(ValueError, match=r"\['z'\].*\['a' 'b'\]"):
        class_indices(np.array(["a", "z"]), np.array(["a", "b"]))


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
    assert_allclose(np.bincount(labels, weight), [7 / 3, 7 / 3, 0, 7 / 3])


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
    [({"z": 1}, r"\['z'\].*\['a', 'b'\].*lacks"), ({"a": -1}, ">= 0"), ({"a": np.nan}, "finite")],
)
def test_class_weights_refuse(class_weight, message):
    with pytest.raises(ValueError, match=message):
        class_weights(class_weight, np.array(["a", "b"]), np.array([0, 1]))


def test_row_weights_are_products():
    labels, sample, of_class = np.array([0, 1, 1]), np.array([1.0, 2, 3]), np.array([10.0, 100])
    assert row_weights(labels) is None
    assert row_weights(labels, sample) is sample
    assert_array_equal(row_weights(labels, None, of_class), [10, 100, 100])
    assert_array_equal(row_weights(labels, sample, of_class), [10, 200, 300])
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
        warn_of_regression(np.arange(30))
    warn_of_regression(np.arange(30) % 15)
    warn_of_regression(np.arange(30).astype("S"))


@pytest.mark.parametrize("dtype", ["M8[D]", "m8[D]"])
def test_a_time_that_is_missing_is_no_label(dtype):
    with pytest.raises(ValueError, match=r"^y must hold no missing values, got NaT\.$"):
        check_labels(np.array([1, "NaT", 2], dtype=dtype))
