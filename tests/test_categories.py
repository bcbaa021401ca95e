"""What is learnt of categories and gaps: indicators, shares of classes, and from which rows."""

from dataclasses import replace

import internals
import numpy as np
import pandas as pd
import pytest
from internals import BatchReader, Dataset, learn_columns, learn_encoding, weighted_sample
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from skmax import SoftmaxMLPClassifier

N_ROWS = 240
RNG = np.random.default_rng(0)
SETTINGS = ("both", "standard", 4)
# Levels in 60, 40, ... rows, some of them in fewer than five, and gaps.
COMMON = np.repeat(["p", "q", "r", "s", "t", "u", "v", None], [90, 60, 40, 20, 5, 4, 1, 20])
MANY = RNG.permutation(np.repeat(np.arange(30), 8)).astype(str).astype(object)
X = pd.DataFrame(
    {
        "common": RNG.permutation(COMMON),
        "number": np.where(RNG.random(N_ROWS) < 0.2, np.nan, RNG.normal(3.0, 2.0, N_ROWS)),
        "many": MANY,
        "whole": RNG.integers(5, size=N_ROWS).astype(float),
    }
)
WEIGHT = RNG.integers(0, 4, size=N_ROWS).astype(float)
FOLD = RNG.integers(5, size=N_ROWS)
LABELS = {
    "binary": (RNG.random(N_ROWS) < 0.3 + 0.4 * (X["common"] == "p")).to_numpy().astype(int),
    "multiclass": RNG.integers(3, size=N_ROWS),
}


def learnt(X, labels=None, *, weight=None, fold=None, max_one_hot=np.inf, kind=SETTINGS):
    """Return the rows of a table as a dataset, and the encoding learnt from them."""
    columns = learn_columns(X, "from_dtype")
    matrix = X.to_numpy() if columns is None else columns.matrix(X)
    labels = np.zeros(len(X), int) if labels is None else labels
    rows = replace(weighted_sample(matrix, labels, weight, columns=columns), fold=None)
    if fold is not None:
        rows = replace(rows, fold=fold if rows.index is None else fold[rows.index])
    encoding = learn_encoding(
        *(*kind, rows.X, rows.index, rows.sample_weight),
        columns=columns,
        max_one_hot=max_one_hot,
        weight_scale=rows.weight_scale,
        labelled=None if fold is None else rows.labelled(max(2, labels.max() + 1)),
    )
    return rows, encoding


def encoded(X, encoding, columns=None):
    """Return rows of a table as the network sees them after the fit."""
    matrix = encoding.columns.matrix(X)
    return BatchReader(matrix, encoding=encoding, dtype=np.float64).take(slice(0, len(X)))


def same_encoding(one, other, rtol=1e-11):
    """Compare all that two encodings have learnt."""
    for part in ("indicators", "shares"):
        first, second = getattr(one, part), getattr(other, part)
        assert (first is None) == (second is None)
        if first is None:
            continue
        for a, b in zip(first.levels, second.levels, strict=True):
            assert (a.column, a.n_groups, a.rare) == (b.column, b.n_groups, b.rare)
            assert_array_equal(a.group, b.group)
        assert_allclose(first.mean, second.mean, rtol=rtol, atol=1e-14)
    if one.shares is not None:
        assert_allclose(one.shares.deviation, other.shares.deviation, rtol=rtol)
        for a, b in zip(one.shares.shares, other.shares.shares, strict=True):
            assert_allclose(a, b, rtol=rtol)
    if one.indicators is not None:
        assert_array_equal(one.indicators.gaps, other.indicators.gaps)
    for name in ("center", "scale", "constant"):
        a, b = getattr(one.scaling, name), getattr(other.scaling, name)
        assert_allclose(a, b, rtol=rtol)
    assert (one.bins is None) == (other.bins is None)
    if one.bins is not None:
        for name in ("column", "start", "stop", "mean", "deviation"):
            assert_allclose(getattr(one.bins, name), getattr(other.bins, name), rtol=rtol)


# Indicators.


def test_indicators_are_a_one_hot_encoding_less_its_mean():
    _, encoding = learnt(X)
    names = ["common", "many"]
    peer = OneHotEncoder(
        min_frequency=5, handle_unknown="infrequent_if_exist", sparse_output=False
    ).fit(X[names])
    new = X.copy()
    new.loc[:20, "common"] = "unknown"
    mean = peer.transform(X[names]).mean(axis=0)
    ones = peer.transform(new[names]) - mean
    indicators = encoded(new, encoding)[:, encoding.places[0]][:, :-1]  # the last is of gaps
    # The order of columns is another: scikit-learn has gaps last, too, but before rare levels.
    assert_allclose(np.sort(indicators, axis=0), np.sort(ones, axis=0), atol=1e-14)
    of_peer = {tuple(column) for column in np.round(ones, 12).T}
    assert {tuple(column) for column in np.round(indicators, 12).T} == of_peer
    assert encoding.rare_levels[0].tolist() == peer.infrequent_categories_[0].tolist()


def test_names_say_what_is_1():
    _, encoding = learnt(X)
    A, names = encoded(X, encoding), encoding.names(X.columns).tolist()
    assert len(names) == encoding.width == A.shape[1]
    for level in "pqrst":
        column = A[:, names.index(f"common={level}")]
        assert_array_equal(column > 0.0, X["common"] == level)
        assert_allclose(np.ptp(column), 1.0)
    assert_array_equal(A[:, names.index("common=missing")] > 0.0, X["common"].isna())
    assert_array_equal(A[:, names.index("common=rare")] > 0.0, X["common"].isin(["u", "v"]))
    assert_array_equal(A[:, names.index("number=missing")] > 0.0, X["number"].isna())


def test_without_a_rare_level_unknown_ones_have_no_column():
    few = X[X["common"].isin(["p", "q"])][["common", "number"]]
    _, encoding = learnt(few)
    A = encoded(few.assign(common="new"), encoding)
    indicators = A[:, encoding.places[0]][:, :-1]  # the last is of gaps
    assert_allclose(indicators, np.tile(-encoding.indicators.mean[:-1], (len(few), 1)))


# Gaps.


@pytest.mark.parametrize("kind", ["standard", "robust", None])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_gap_is_0_in_all_columns_but_its_own(kind, dtype):
    numbers = X[["number", "whole"]].to_numpy(dtype)
    encoding = learn_encoding("both", kind, 4, numbers)
    A = BatchReader(numbers, encoding=encoding, dtype=np.float64).take(slice(0, N_ROWS))
    gap = np.isnan(numbers[:, 0])
    indicators, numbers_of, _, bins_of = encoding.places
    bins = A[:, bins_of][:, encoding.bins.column == 0]
    assert bins.shape[1] > 1 and np.isfinite(A).all()
    assert_array_equal(A[:, numbers_of][gap, 0], 0.0)
    assert_array_equal(bins[gap], 0.0)
    assert_allclose(A[:, indicators][:, 0], gap - gap.mean(), atol=1e-7)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["rows", "weights"])
@pytest.mark.parametrize("kind", ["standard", "robust"])
def test_a_column_is_learnt_from_its_values_alone(kind, weight):
    numbers = X[["number", "whole"]].to_numpy()
    seen = ~np.isnan(numbers[:, 0])
    whole = learn_encoding("both", kind, 4, numbers, None, weight)
    alone = learn_encoding(
        *("both", kind, 4, numbers[seen, :1], None), None if weight is None else weight[seen]
    )
    for part in ("center", "scale"):
        values = getattr(whole.scaling, part)[0], getattr(alone.scaling, part)[0]
        assert_allclose(*values, rtol=1e-12)
    for part in ("start", "stop", "mean", "deviation"):
        values = getattr(whole.bins, part)[whole.bins.column == 0]
        assert_allclose(values, getattr(alone.bins, part), rtol=1e-12)
    if kind == "standard" and weight is None:
        assert_allclose(whole.scaling.center[0], np.nanmean(numbers[:, 0]))
        assert_allclose(whole.scaling.scale[0], np.nanstd(numbers[:, 0]))


# Shares of classes.


def by_labels(kind, labels, **settings):
    """Return rows and encoding of the column of many levels, which is encoded by labels."""
    return learnt(X[["many", "number"]], labels, max_one_hot=10, kind=kind, **settings)


@pytest.mark.parametrize("target", LABELS)
def test_shares_are_those_of_a_target_encoder(target):
    labels = LABELS[target]
    _, encoding = by_labels(SETTINGS, labels, fold=FOLD)
    peer = TargetEncoder(smooth="auto", target_type=target).fit(X[["many"]], labels)
    new = X.assign(many=np.where(np.arange(N_ROWS) < 20, "new", X["many"]))
    expected = peer.transform(new[["many"]])
    shares = encoding.shares
    A = encoded(new[["many", "number"]], encoding)[:, encoding.places[2]]
    assert A.shape == expected.shape
    assert_allclose(A * shares.deviation + shares.mean, expected, rtol=1e-12)


@pytest.mark.parametrize("target", LABELS)
def test_training_rows_get_the_shares_of_other_folds(target):
    labels = LABELS[target]
    rows, encoding = by_labels(SETTINGS, labels, fold=FOLD)
    A = rows.reader(encoding, np.float64).take(slice(0, N_ROWS))[:, encoding.places[2]]
    expected = np.empty_like(A)
    for fold in range(5):
        out = fold == FOLD
        peer = TargetEncoder(smooth="auto", target_type=target)
        peer.fit(X.loc[~out, ["many"]], labels[~out])
        expected[out] = peer.transform(X.loc[out, ["many"]])
    shares = encoding.shares
    assert_allclose(A * shares.deviation + shares.mean, expected, rtol=1e-11)
    assert_allclose(A.mean(axis=0), 0.0, atol=1e-12)
    assert_allclose(A.std(axis=0), 1.0, rtol=1e-12)
    picked = np.array([7, 3, 3, 200])
    again = rows.reader(encoding, np.float64).take(picked)[:, encoding.places[2]]
    assert_array_equal(again, A[picked])


@pytest.mark.parametrize("target", LABELS)
def test_a_row_is_not_encoded_by_its_own_label(target):
    labels = LABELS[target]
    other = labels.copy()
    other[17] = (labels[17] + 1) % (labels.max() + 1)
    before, after = (
        rows.reader(replace(encoding, shares=first), np.float64).take(slice(17, 18))
        for rows, encoding in (by_labels(SETTINGS, each, fold=FOLD) for each in (labels, other))
        for first in [by_labels(SETTINGS, labels, fold=FOLD)[1].shares]
    )
    assert_array_equal(before, after)


# Weights.


@pytest.mark.parametrize("max_one_hot", [np.inf, 10])
@pytest.mark.parametrize("unit", [1.0, 1e-3, 7.0])
def test_a_weight_is_a_number_of_rows(max_one_hot, unit):
    labels, times = LABELS["multiclass"], WEIGHT.astype(int)
    repeated = X.loc[np.repeat(X.index, times)].reset_index(drop=True)
    _, expected = learnt(
        *(repeated, np.repeat(labels, times)), fold=np.repeat(FOLD, times), max_one_hot=max_one_hot
    )
    if unit == 1.0:
        _, encoding = learnt(X, labels, weight=WEIGHT, fold=FOLD, max_one_hot=max_one_hot)
        same_encoding(encoding, expected)
        assert encoding.rare_levels[0].tolist() == expected.rare_levels[0].tolist()
    else:  # what is rare goes by the weights as they are, and all else by their ratios
        few = X.columns[1:2]
        one, other = (learnt(X[few], labels, weight=scale * WEIGHT)[1] for scale in (1.0, unit))
        same_encoding(one, other)


@pytest.mark.parametrize("heaviest", [1, 3, 7, 14, 49, 1e6])
def test_five_rows_of_weight_1_are_enough_beside_heavy_ones(heaviest):
    levels = np.repeat(["a", "b", "c"], [20, 5, 4])
    weight = np.where(levels == "a", heaviest, 1.0)
    _, encoding = learnt(pd.DataFrame({"c": levels}), weight=weight)
    assert encoding.rare_levels[0].tolist() == ["c"]


def test_the_mean_of_a_constant_column_is_exactly_1():
    for seed in range(20):
        weight = np.random.default_rng(seed).lognormal(sigma=3.0, size=400)
        table = pd.DataFrame({"c": ["a"] * 400, "x": [np.nan] * 400})
        _, encoding = learnt(table, weight=weight)
        assert_array_equal(encoding.indicators.mean, 1.0)
        assert not encoding.varying(None).any()


def test_rows_of_weight_0_are_absent():
    kept = WEIGHT > 0
    labels = LABELS["binary"]
    unseen = X.copy()
    unseen.loc[~kept, "common"] = "only here"
    unseen.loc[~kept, "number"] = 1e9
    weight = np.where(kept, 2.0, 0.0)
    one, other = (
        learnt(each, labels[rows], weight=weight[rows], fold=FOLD[rows], max_one_hot=10)[1]
        for each, rows in (
            (unseen, slice(None)),
            (unseen[kept].reset_index(drop=True), kept),
        )
    )
    assert set(one.rare_levels[0]) - set(other.rare_levels[0]) == {"only here"}  # as if declared
    assert_allclose(encoded(unseen, one), encoded(unseen, other), rtol=1e-12)


# Which rows are learnt from.


@pytest.fixture
def encodings(monkeypatch):
    """Learnt encodings, in their order: that of the fit, and of each held-out fit."""
    found = []
    for name in ("learn_encoding", "own_shares"):
        method = getattr(internals.training_dataset.InMemory, name)

        def noted(*args, method=method):
            found.append(method(*args))
            return found[-1]

        monkeypatch.setattr(internals.training_dataset.InMemory, name, noted)
    return found


def classifier(**settings):
    small = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0, "max_one_hot": 10}
    return SoftmaxMLPClassifier(**small | settings)


def held_out_by(split_labels, X, **settings):
    """Return the rows that early stopping holds out of a fit."""
    taken = []
    with pytest.MonkeyPatch.context() as patch:
        take = Dataset.take
        patch.setattr(
            Dataset, "take", lambda rows, index: taken.append(index) or take(rows, index)
        )
        classifier(early_stopping=True, **settings).fit(X, split_labels)
    return taken[1]


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_rows_held_out_by_early_stopping_change_nothing_of_the_encoding(encodings, scaling):
    labels = LABELS["binary"]
    held_out = held_out_by(labels, X, scaling=scaling)
    assert 0 < len(held_out) < N_ROWS / 2
    changed = X.copy()
    changed.loc[held_out, "number"] = 1e9
    changed.loc[held_out, "common"] = "v"
    changed.loc[held_out, "whole"] = np.nan
    classifier(early_stopping=True, scaling=scaling).fit(changed, labels)
    same_encoding(encodings[0], encodings[1], rtol=0)


def test_held_out_fits_learn_shares_of_their_own_rows(encodings):
    labels = LABELS["binary"]
    settings = {"temperature_scaling": True}
    fits = []
    with pytest.MonkeyPatch.context() as patch:
        folds = internals.training_dataset.InMemory.folds
        patch.setattr(
            internals.training_dataset.InMemory,
            "folds",
            lambda *args: fits.extend(folds(*args)) or fits,
        )
        classifier(**settings).fit(X, labels)
    n_fits = len(fits)
    assert n_fits > 0 and len(encodings) == 1 + n_fits
    _, held_out, _ = fits[0]
    row = held_out.dataset.index[0]
    swap = np.flatnonzero((labels != labels[row]) & (np.arange(N_ROWS) != row))
    assert held_out.dataset.fold is None
    own = fits[0][0].own_shares(encodings[1])
    same_encoding(own, encodings[1], rtol=0)
    # The labels of rows that are held out change nothing of what is learnt without them.
    training = fits[0][0].dataset
    assert row not in training.index and len(swap)
    other = labels.copy()
    other[held_out.dataset.index] = 1 - other[held_out.dataset.index]
    again = fits[0][0].weighted_as(fits[0][0], replace(training, labels=other[training.index]))
    same_encoding(again.own_shares(encodings[1]), own, rtol=0)
    assert all(
        np.abs(one.shares.mean - encodings[0].shares.mean).max() > 0.0 for one in encodings[1:]
    )


def test_groups_stay_in_one_fold():
    groups = RNG.integers(40, size=N_ROWS)
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        in_folds = internals.training_dataset.InMemory.in_folds
        patch.setattr(
            internals.training_dataset.InMemory,
            "in_folds",
            lambda *args: seen.append(in_folds(*args)) or seen[-1],
        )
        classifier().fit(X, LABELS["binary"], groups=groups)
    fold = seen[0].dataset.fold
    assert fold.min() == 0 and fold.max() == 4
    for group in np.unique(groups):
        assert len(set(fold[groups == group])) == 1


@pytest.mark.parametrize("n_classes", [2, 3])
def test_shuffled_labels_are_not_learnt_from_many_levels(n_classes):
    losses = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        table = pd.DataFrame(
            {"c": rng.integers(400, size=1000).astype(str), "x": rng.normal(size=1000)}
        )
        y = rng.integers(n_classes, size=1000)
        clf = SoftmaxMLPClassifier((16,), max_iter=15, random_state=seed)
        P = cross_val_predict(clf, table, y, cv=3, method="predict_proba")
        losses.append(log_loss(y, P))
    assert min(losses) >= np.log(n_classes) - 0.02
    assert np.mean(losses) <= np.log(n_classes) + 0.05  # and no confidence is learnt either


@pytest.mark.parametrize(("solver", "hidden"), [("lbfgs", ()), ("lbfgs", (8,)), ("newton-cg", ())])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_to_solvers_that_sum_over_all_rows_a_weight_is_a_row_more_bit_for_bit(solver, hidden):
    # Rows are distinct: the weights of equal ones are summed as shares of the largest.
    rows, times = X[["common", "number"]].assign(i=np.arange(N_ROWS)), WEIGHT.astype(int)
    repeated = rows.loc[np.repeat(rows.index, times)].reset_index(drop=True)
    settings = {"temperature_scaling": False, "early_stopping": False, "max_one_hot": 50}
    one, other = (
        SoftmaxMLPClassifier(hidden, solver=solver, random_state=0, **settings).fit(*given)
        for given in (
            (rows, LABELS["binary"], WEIGHT),
            (repeated, np.repeat(LABELS["binary"], times)),
        )
    )
    assert_array_equal(one.predict_proba(rows), other.predict_proba(rows))


# Levels as sparse rows, and two views.


@pytest.mark.parametrize("kind", ["both", "linear"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_levels_as_sparse_rows_are_those_of_dense_ones(monkeypatch, kind, solver):
    settings = {"solver": solver, "numerical_encoding": kind, "max_one_hot": 50, "max_iter": 5}
    dense = classifier(**settings).fit(X, LABELS["multiclass"])
    expected = dense.predict_proba(X), dense.input_gradients(X), dense.hidden_activations(X)
    monkeypatch.setattr(internals.encoding, "MAX_DENSE_LEVELS", 0)
    sparse = classifier(**settings).fit(X, LABELS["multiclass"])
    received = sparse.predict_proba(X), sparse.input_gradients(X), sparse.hidden_activations(X)
    for one, other in zip(received, expected, strict=True):
        assert_allclose(one, other, rtol=1e-5, atol=1e-6)  # sums of float32 in another order


def test_one_view_has_levels_and_the_other_shares():
    model = classifier(max_one_hot=50).fit(X, LABELS["binary"])
    encoding = model._model.encoding
    names = encoding.names(X.columns, model.classes_)
    first, second = (names[seen].tolist() for seen in encoding.tower_columns)
    assert "common=p" in first and "common: share of 1" not in first
    assert "common: share of 1" in second and "common=p" not in second
    for view in (first, second):
        assert {"number", "number=missing"} < set(view)
    few = classifier(max_one_hot=10).fit(X, LABELS["binary"])._model.encoding
    for seen in few.tower_columns:
        assert "many: share of 1" in few.names(X.columns, model.classes_)[seen]
    alone = classifier(max_one_hot=None).fit(X, LABELS["binary"])
    assert not [name for name in alone.encoded_feature_names_ if "share" in name]
