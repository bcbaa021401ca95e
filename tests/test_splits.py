import numpy as np
import pytest
import sklearn
from internals import chance_of_identity, copies, row_hashes, split_validation, stratified_folds
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold

from skmax import SoftmaxMLPClassifier


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize(
    "counts",
    [
        [10],
        [50, 50],
        [31, 33, 37],
        [97, 2, 1],
        [1, 1, 8],
        [2] * 30,
        [40, 40, 2, 2, 2],
        [300, 40, 5, 2, 1],
        [4, 0, 6],
    ],
)
def test_split_is_stratified(counts, fraction):
    counts = np.array(counts)
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    train, validation = split_validation(labels, len(counts), fraction, rng)
    assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(labels)))
    spare = np.maximum(counts - 1, 0).sum()
    assert len(validation) == min(max(len(counts), np.ceil(fraction * len(labels))), spare)
    held_out = np.bincount(labels[validation], minlength=len(counts))
    in_training = counts - held_out
    assert (in_training[counts > 0] >= 1).all(), "every class is trained on"
    assert (held_out[counts > 1] >= 1).all(), "every class that can be is validated on"
    # Within a row of the proportion, and a row for each class that a rule above binds.
    ideal = len(validation) * counts / counts[counts > 1].sum()
    free = (held_out > 1) & (in_training > 1)
    assert (np.abs(held_out - ideal)[free] <= 1 + (~free).sum()).all()


def test_split_of_balanced_classes_is_exactly_proportional():
    labels = np.tile(np.arange(10), 30)
    _, validation = split_validation(labels, 10, 0.1, np.random.default_rng(0))
    assert_array_equal(np.bincount(labels[validation]), 3)


def test_lone_rows_leave_the_proportion_of_the_others_alone():
    labels = np.repeat(np.arange(62), [200, 100] + 60 * [1])
    _, validation = split_validation(labels, 62, 0.2, np.random.default_rng(0))
    assert_array_equal(np.bincount(labels[validation]), [48, 24])


def test_split_depends_on_the_generator_alone():
    labels = np.tile(np.arange(3), 20)
    splits = [split_validation(labels, 3, 0.2, np.random.default_rng(s))[1] for s in (0, 0, 1)]
    assert_array_equal(splits[0], splits[1])
    assert not np.array_equal(splits[0], splits[2])


def test_every_row_can_be_held_out():
    labels = np.zeros(6, dtype=int)
    seen = {
        row
        for seed in range(60)
        for row in split_validation(labels, 1, 0.1, np.random.default_rng(seed))[1].tolist()
    }
    assert seen == set(range(6))


def test_split_without_a_row_to_spare_is_refused():
    with pytest.raises(ValueError, match=r"too small.*n_samples=3.*X_val"):
        split_validation(np.arange(3), 3, 0.1, np.random.default_rng(0))


def test_folds_share_every_class_evenly_and_leave_lone_rows_out():
    labels = np.repeat([0, 1, 2, 3, 5], [40, 21, 2, 1, 9])
    fold = stratified_folds(labels, 7, np.random.default_rng(0))
    assert (fold[labels == 3] == -1).all() and (fold[labels != 3] >= 0).all()
    assert set(fold) == set(range(-1, 7))
    for label in (0, 1, 2, 5):
        counts = np.bincount(fold[labels == label], minlength=7)
        assert np.ptp(counts) <= 1
    assert np.ptp(np.bincount(fold[fold >= 0])) <= 1
    other = stratified_folds(labels, 7, np.random.default_rng(1))
    assert (fold != other).any()


def grouped_rows(seed=0, n_groups=60):
    """Return labels and groups, of 1 to 9 rows that mostly have one label."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), rng.integers(1, 10, size=n_groups))
    labels = rng.integers(3, size=n_groups)[groups]
    labels[rng.random(len(labels)) < 0.1] = 0
    shuffled = rng.permutation(len(labels))
    return labels[shuffled], groups[shuffled]


@pytest.mark.parametrize("seed", range(5))
def test_folds_hold_out_whole_groups_and_are_about_even(seed):
    labels, groups = grouped_rows(seed)
    fold = stratified_folds(labels, 7, np.random.default_rng(seed), groups)
    assert all(len(set(fold[groups == group])) == 1 for group in groups)
    assert np.ptp(np.bincount(fold, minlength=7)) <= 3 * 9  # by one of the largest of each class
    for label in range(3):
        counts = np.bincount(fold[labels == label], minlength=7)
        assert counts.min() > 0


@pytest.mark.parametrize("fraction", [0.1, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_a_split_holds_out_whole_groups_and_about_the_fraction(seed, fraction):
    labels, groups = grouped_rows(seed)
    rng = np.random.default_rng(seed)
    train, held_out = split_validation(labels, 3, fraction, rng, groups)
    assert not set(groups[train]) & set(groups[held_out])
    assert_array_equal(np.sort(np.r_[train, held_out]), np.arange(len(labels)))
    assert abs(len(held_out) - fraction * len(labels)) <= 9  # by one of the largest groups


def test_the_only_group_of_a_class_stays_in_training():
    labels = np.array([0, 0, 1, 1, 0, 1, 2, 2])
    groups = np.array([0, 0, 1, 1, 2, 3, 4, 4])
    fold = stratified_folds(labels, 2, np.random.default_rng(0), groups)
    assert (fold[groups == 4] == -1).all() and (fold[groups != 4] >= 0).all()
    for seed in range(5):
        _, held_out = split_validation(labels, 3, 0.3, np.random.default_rng(seed), groups)
        assert len(held_out) and 4 not in groups[held_out]


def test_no_split_of_one_group():
    with pytest.raises(ValueError, match="no group can be held out"):
        split_validation(np.array([0, 1, 0]), 2, 0.1, np.random.default_rng(0), np.zeros(3))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8, bool])
def test_hashes_are_equal_just_where_rows_are(dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, size=(3000, 6)).astype(dtype)  # more than a block, few distinct
    hashes = row_hashes(X)
    _, expected = np.unique(X, axis=0, return_inverse=True)
    _, found = np.unique(hashes, return_inverse=True)
    assert len(set(zip(expected.ravel(), found, strict=True))) == expected.max() + 1 == 64
    assert_array_equal(row_hashes(csr_array(X.astype(np.float64))), hashes)
    index = rng.permutation(3000)[:500]
    assert_array_equal(row_hashes(X, index), hashes[index])


def test_a_negative_zero_is_a_zero():
    assert_array_equal(row_hashes(np.array([[-0.0, 1.0]])), row_hashes(np.array([[0.0, 1.0]])))


@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_the_chance_of_identity_is_that_of_independent_columns(container):
    X = np.array([[0, 1], [0, 2], [1, 1], [0, 1]])
    expected = ((3 / 4) ** 2 + (1 / 4) ** 2) ** 2  # shares 3/4 and 1/4 in both columns
    assert chance_of_identity(container(X)) == pytest.approx(expected)


def measured_rows(n_rows=300):
    return make_classification(
        n_rows, 12, n_informative=6, flip_y=0.3, n_classes=3, random_state=2
    )


DRAWN = {
    "twice": lambda rng: np.repeat(np.arange(300), 2),
    "five times": lambda rng: np.repeat(np.arange(300), 5),
    "bootstrap": lambda rng: rng.integers(300, size=300),
    "one class oversampled": lambda rng: np.r_[np.arange(300), rng.integers(300, size=300)],
}


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("name", DRAWN)
def test_rows_drawn_more_than_once_are_copies(name, container):
    X, y = measured_rows()
    drawn = DRAWN[name](np.random.default_rng(0))
    if name == "one class oversampled":
        drawn = np.r_[np.arange(300), drawn[300:][y[drawn[300:]] == 0]]
    groups = copies(container(X[drawn]), None, y[drawn])
    assert_array_equal(groups[:, np.newaxis] == groups, drawn[:, np.newaxis] == drawn)


def cells(labels):
    """Return 3,000 rows over 64 cells, one-hot levels of three features, and labels."""
    rng = np.random.default_rng(0)
    levels = rng.integers(4, size=(3000, 3))
    rates = rng.random((4, 4, 4))[tuple(levels.T)]
    y = rng.random(3000) < rates if labels == "drawn" else rates > 0.5
    return np.eye(4)[levels].reshape(3000, 12), y.astype(int)


ORIGINALS = {
    "all distinct": measured_rows,
    "cells with labels drawn by row": lambda: cells("drawn"),
    "cells with one label each": lambda: cells("fixed"),
}


@pytest.mark.parametrize("name", ORIGINALS)
def test_a_table_of_few_distinct_rows_has_no_copies(name):
    X, y = ORIGINALS[name]()
    assert copies(X, None, y) is None


def test_measurements_that_were_labelled_anew_are_no_copies():
    X, _ = measured_rows()
    y = np.random.default_rng(0).integers(2, size=600)
    assert copies(np.repeat(X, 2, axis=0), None, y) is None


def small(**settings):
    return SoftmaxMLPClassifier((16,), random_state=0, **settings)


@pytest.mark.parametrize("early_stopping", ["auto", True])
def test_copies_do_not_judge_the_network_that_has_seen_them(early_stopping):
    X, y = measured_rows(1000)
    copied = np.repeat(np.arange(300), 5)
    test = X[300:], y[300:]
    once = small(early_stopping=early_stopping).fit(X[:300], y[:300])
    clf = small(early_stopping=early_stopping).fit(X[copied], y[copied])
    named = small(early_stopping=early_stopping).fit(X[copied], y[copied], groups=copied)
    losses = [log_loss(test[1], c.predict_proba(test[0])) for c in (once, clf, named)]
    assert losses[1] < 1.1 * losses[0] and losses[2] < 1.1 * losses[0]
    assert_array_equal(clf.coefs_[0], named.coefs_[0])


def test_groups_hold_out_noisy_repeats_of_a_subject_together():
    X, y = measured_rows(1000)
    subject = np.repeat(np.arange(300), 5)
    noise = 0.01 * np.random.default_rng(0).normal(size=(1500, 12))
    train = X[subject] + noise, y[subject]
    alike = small().fit(*train)
    grouped = small().fit(*train, groups=[f"subject {i}" for i in subject])
    losses = [log_loss(y[300:], c.predict_proba(X[300:])) for c in (alike, grouped)]
    assert losses[1] < 0.85 * losses[0]


def helpers_of(clf):
    return len(clf._state.held_out_fits)


PAUSED = {"learning_rate": "constant", "max_iter": 2, "n_iter_no_change": np.inf}


@pytest.mark.parametrize(("n_groups", "n_helpers"), [(2, 2), (3, 3), (7, 4), (300, 2)])
@pytest.mark.filterwarnings("ignore:The fit has not converged")
def test_few_groups_have_as_many_helpers(n_groups, n_helpers):
    X, y = measured_rows()
    groups = np.arange(300) % n_groups
    clf = small(**PAUSED, warm_start=True).fit(X, y, groups=groups)
    assert helpers_of(clf) == n_helpers


@pytest.mark.parametrize("by", ["one group", "a class each"])
def test_groups_that_cannot_be_held_out_are_said(by):
    X, y = measured_rows()
    with pytest.warns(UserWarning, match="No group of rows can be held out"):
        clf = small().fit(X, y, groups=np.zeros(300) if by == "one group" else y)
    assert clf.temperature_ == 1.0


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.zeros(3), "one value per row"),
        (np.full(300, np.nan), "no NaN"),
        ([None, "a"] * 150, "one kind"),
    ],
)
def test_groups_that_are_none_are_refused(groups, message):
    X, y = measured_rows()
    with pytest.raises(ValueError, match=message):
        small().fit(X, y, groups=groups)


def test_groups_beside_validation_rows_are_refused():
    X, y = measured_rows()
    with pytest.raises(ValueError, match="pass one of the two"):
        small().fit(X, y, groups=np.arange(300), X_val=X, y_val=y)


def test_a_search_passes_groups_to_fits_that_ask_for_them():
    X, y = measured_rows()
    groups = np.arange(300) // 10
    seen = []

    class Watched(SoftmaxMLPClassifier):
        def fit(self, X, y, sample_weight=None, *, groups=None):
            seen.append(None if groups is None else len(groups))
            return super().fit(X, y, groups=groups)

    def search(clf):
        return GridSearchCV(clf, {"alpha": [1.0]}, cv=GroupKFold(2))

    clf = Watched((4,), max_iter=2, learning_rate="cosine", random_state=0)
    search(clf).fit(X, y, groups=groups)
    assert seen == [None] * 3
    seen.clear()
    with sklearn.config_context(enable_metadata_routing=True):
        search(clf.set_fit_request(groups=True)).fit(X, y, groups=groups)
    assert seen == [150, 150, 300]
