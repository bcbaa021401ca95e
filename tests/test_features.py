"""X holds numbers: what NumPy would silently make numbers of is refused at the entrance.

Strings and categories are no numbers. A fit takes them for categories; where columns are known to
be numbers, they are refused.
"""

from datetime import date, timedelta
from decimal import Decimal

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pytest
from internals import as_numeric, load
from numpy.testing import assert_array_equal

from skmax import SoftmaxMLPClassifier

N_ROWS = 30
HOURS = np.arange(N_ROWS).astype("m8[h]")
NO_HOURS = np.timedelta64("NaT", "h")
DAYS = np.arange(N_ROWS).astype("M8[D]")
DIGITS = np.array(list("0123456789") * 3)
X = np.random.default_rng(0).normal(size=(N_ROWS, 2))
FRAME = pd.DataFrame(X, columns=["a", "b"])
y = np.arange(N_ROWS) % 3

ARRAYS = {
    "durations": HOURS[:, None],
    "a missing duration": np.where(np.arange(N_ROWS) > 3, HOURS, NO_HOURS)[:, None],
    "dates": DAYS[:, None],
    "objects of digits": DIGITS[:, None].astype(object),
    "objects of bytes": DIGITS[:, None].astype("S").astype(object),
    "objects of dates": DAYS[:, None].astype(object),
    "digits as StringDType": DIGITS[:, None].astype("T"),
    "list of dates": [[date(2026, 1, 1 + i)] for i in range(N_ROWS)],
    "list of durations": [[timedelta(i)] for i in range(N_ROWS)],
    "list of NumPy's durations": [[hours] for hours in HOURS],
}
COLUMNS = {
    "dates": DAYS,
    "dates with a zone": pd.Series(DAYS).dt.tz_localize("UTC"),
    "dates of arrow": pd.array(DAYS, dtype="timestamp[s][pyarrow]"),
    "durations": HOURS,
    "categories of digits": pd.Categorical(DIGITS),
    "objects of digits": DIGITS.astype(object),
    "strings of arrow": pd.array(DIGITS, dtype="string[pyarrow]"),
}
FRAMES = {f"frame with {name}": FRAME.assign(c=column) for name, column in COLUMNS.items()} | {
    "frame of nothing but dates": pd.DataFrame({"c": DAYS}),
    "frame of nothing but categories": pd.DataFrame({"c": pd.Categorical(DIGITS)}),
    "polars frame with dates": pl.DataFrame({"a": X[:, 0], "c": DAYS}),
    "polars frame with durations": pl.DataFrame({"a": X[:, 0], "c": HOURS.astype("m8[ms]")}),
    "polars frame with strings": pl.DataFrame({"a": X[:, 0], "c": DIGITS}),
    "polars frame with categories": pl.DataFrame(
        {"a": X[:, 0], "c": pl.Series(DIGITS).cast(pl.Categorical)}
    ),
}
REFUSED = ARRAYS | FRAMES
MESSAGE = r"X must hold numbers, got (dates|durations|strings).*, such as .*\. \w+"


@pytest.mark.parametrize("name", REFUSED)
def test_dates_durations_and_strings_are_no_numbers(name):
    with pytest.raises(ValueError, match="^" + MESSAGE) as caught:
        as_numeric(REFUSED[name])
    assert ("in column 'c'" in str(caught.value)) == (name in FRAMES)


@pytest.mark.parametrize("scaling", ["standard", "robust", None])
@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        *((name, "from_dtype") for name in ("durations", "dates", "frame with dates")),
        ("frame with categories of digits", None),
    ],
)
def test_every_entrance_refuses_them(name, chosen, scaling):
    rows = REFUSED[name]
    settings = {"scaling": scaling, "categorical_features": chosen}
    clf = SoftmaxMLPClassifier((), max_iter=2, learning_rate="cosine", **settings)
    refused = MESSAGE.replace("numbers,", "numbers(?: and categories)?,")
    with pytest.raises(ValueError, match="^" + refused):
        clf.fit(rows, y)
    with pytest.raises(ValueError, match="^" + refused):
        clf.partial_fit(rows, y, classes=[0, 1, 2])
    numbers = np.zeros((N_ROWS, rows.shape[1])) + np.arange(N_ROWS)[:, None]
    if isinstance(rows, pd.DataFrame):
        numbers = pd.DataFrame(numbers, columns=rows.columns)
    with pytest.raises(ValueError, match="^Of the validation rows, X_val and y_val: " + MESSAGE):
        clf.fit(numbers, y, X_val=rows, y_val=y)
    clf.fit(numbers, y)
    for method in ("predict", "predict_proba", "decision_function", "input_gradients"):
        with pytest.raises(ValueError, match="^" + MESSAGE):
            getattr(clf, method)(rows)
    with pytest.raises(ValueError, match="^" + MESSAGE):
        clf.score(rows, y)


def test_partitions_are_refused_by_their_number():
    with pytest.raises(ValueError, match=r"^Partition 3: X must hold numbers, got durations"):
        load(3, HOURS[:, None], y, None)
    with pytest.raises(ValueError, match=r"^Partition 3: .*got strings in column 'c'"):
        load(3, FRAMES["frame with categories of digits"], y, None)


@pytest.mark.filterwarnings("ignore::UserWarning:distributed")
@pytest.mark.parametrize("collection", ["array", "frame"])
def test_a_cluster_refuses_them_in_predictions(collection):
    from skmax.dask import DaskSoftmaxMLPClassifier

    clf = DaskSoftmaxMLPClassifier()
    clf._local = SoftmaxMLPClassifier((), max_iter=2, learning_rate="cosine").fit(
        FRAME if collection == "frame" else X, y
    )
    rows = np.column_stack([HOURS, HOURS])
    parts = da.from_array(rows, chunks=(10, 2))
    if collection == "frame":
        parts = dd.from_pandas(FRAME.assign(b=pd.Categorical(DIGITS)), npartitions=2)
    with pytest.raises(ValueError, match="^" + MESSAGE):
        clf.predict(parts).compute(scheduler="synchronous")


TAKEN = {
    "objects of numbers": X.astype(object),
    "objects of booleans": (X > 0).astype(object),
    "list": X.tolist(),
    "decimals": FRAME.assign(c=[Decimal(int(i)) for i in y]),
    "nullable": FRAME.assign(c=pd.array(y, dtype="Int64")),
    "arrow": FRAME.assign(c=pd.array(y, dtype="int64[pyarrow]")),
    "booleans": FRAME.assign(c=y > 0),
    "polars": pl.DataFrame({"a": X[:, 0], "c": y > 0, "d": y}),
}


@pytest.mark.parametrize("name", TAKEN)
def test_numbers_of_any_kind_are_taken_for_what_they_are(name):
    rows = TAKEN[name]
    plain = np.array(rows, dtype=np.float64)
    clf = SoftmaxMLPClassifier((), solver="lbfgs", temperature_scaling=False)
    assert_array_equal(
        clf.fit(rows, y).predict_proba(rows), clf.fit(plain, y).predict_proba(plain)
    )


def test_categories_of_numbers_are_numbers_where_numbers_are_known():
    categories, numbers = FRAME.assign(c=pd.Categorical(y)), FRAME.assign(c=y)
    for rows, chosen in ((categories, None), (numbers, "from_dtype")):
        clf = SoftmaxMLPClassifier((), solver="lbfgs", categorical_features=chosen).fit(rows, y)
        assert clf.is_categorical_ is None
        assert_array_equal(clf.predict_proba(categories), clf.predict_proba(numbers))


def test_rows_of_different_lengths_are_left_to_scikit_learn():
    with pytest.raises(ValueError, match="inhomogeneous"):
        SoftmaxMLPClassifier().fit([[1.0], [2.0, 3.0]], [0, 1])


def test_a_plain_array_is_taken_as_it_is():
    assert as_numeric(X) is X and as_numeric(FRAME) is FRAME


class Foreign:
    """An array of another library, on some device."""

    def __init__(self, values, device="cpu"):
        self.values, self.device = np.asarray(values), device
        self.shape, self.dtype = self.values.shape, self.values.dtype

    def __len__(self):
        return len(self.values)

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __array__(self, dtype=None, copy=None):
        if self.device != "cpu":
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        return self.values


def test_arrays_of_other_libraries_are_read_where_they_are():
    rows = as_numeric(Foreign(X))
    assert type(rows) is np.ndarray and np.shares_memory(rows, X)
    clf = SoftmaxMLPClassifier((), solver="lbfgs", temperature_scaling=False)
    weight, start = np.arange(N_ROWS) + 1.0, [np.ones((2, 3))]
    plain = clf.fit(X, y, weight, X_val=X, y_val=y, coefs_init=start).predict_proba(X)
    clf.fit(
        *(Foreign(X), Foreign(y), Foreign(weight)),
        X_val=Foreign(X), y_val=Foreign(y), coefs_init=[Foreign(start[0])],
    )  # fmt: skip
    assert_array_equal(clf.predict_proba(Foreign(X)), plain)
    assert clf.score(Foreign(X), Foreign(y), Foreign(weight)) == clf.score(X, y, weight)


@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
def test_an_array_on_another_device_is_one_clear_error(name):
    arguments = {"X": X, "y": y, "sample_weight": np.ones(N_ROWS)}
    arguments[name] = Foreign(arguments[name], "cuda")
    message = rf"^{name} must be an array that NumPy can read where it is.*got a .*Foreign: can't"
    with pytest.raises(TypeError, match=message):
        SoftmaxMLPClassifier().fit(**arguments)
