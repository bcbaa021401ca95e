"""Which rows are held out: the validation split, and the folds of held-out fits.

Rows of a group are held out together, because a network that has seen a copy of a row cannot be
tested by it. A unit is what is held out as a whole: a group, or a row that is in none.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .batches import BLOCK_ROWS, blocks

# Identical rows are copies if three things hold. The labels of so many of their pairs agree:
MIN_AGREEMENT = 0.95
# Some class has copies of so many of its rows:
MIN_COPIED = 0.25
# Independent columns would give at most so many of the pairs:
MAX_CHANCE = 0.01


def split_validation(
    labels: np.ndarray,
    n_classes: int,
    fraction: float,
    rng: np.random.Generator,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of training and of validation rows, stratified by class.

    The validation set has max(n_classes, ceil(fraction n)) rows. Every class with at
    least two rows has rows on both sides, in proportion (largest remainders); a class
    with a single row keeps it in training. If fewer rows can be
    spared, all of them are taken. Groups are held out as a whole, about the same share.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Class indices.
    n_classes : int
    fraction : float
        Share of the rows to hold out, in [0, 1).
    rng : numpy.random.Generator
    groups : ndarray of shape (n_samples,), default=None
        Group of each row. None: each row is a group.

    Returns
    -------
    train, validation : ndarray of int
        Sorted positions.

    Raises
    ------
    ValueError
        If no class has two rows, or each group has a class that no other group has.
    """
    if groups is not None:
        held_out = _share_of_groups(labels, fraction, rng, groups)
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)
    counts = np.bincount(labels, minlength=n_classes)
    spare = np.maximum(counts - 1, 0)
    n_validation = min(max(n_classes, int(np.ceil(fraction * len(labels)))), int(spare.sum()))
    if n_validation == 0:
        raise ValueError(
            "The validation set is too small: no class has two rows, so that none can be held "
            f"out of n_samples={len(labels)}. Pass X_val and y_val, or set early_stopping=False."
        )
    quota = _apportion(n_validation, counts, spare)
    grouped = _grouped(labels, rng)  # the first rows of each class are held out
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    held_out = np.zeros(len(labels), dtype=bool)
    held_out[grouped] = rank < quota[labels[grouped]]
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def stratified_folds(
    labels: np.ndarray, n_folds: int, rng: np.random.Generator, groups: np.ndarray | None = None
) -> np.ndarray:
    """Return the fold of each row, with each class spread evenly; -1 if it cannot be held out.

    The only row of a class cannot be held out, because without it nothing would be learnt
    about the class. Neither can the only group that has a class.
    """
    if groups is not None:
        return _folds_of_groups(labels, n_folds, rng, groups)
    counts = np.bincount(labels)
    grouped = _grouped(labels, rng)
    grouped = grouped[counts[labels[grouped]] > 1]
    fold = np.full(len(labels), -1)
    fold[grouped] = np.arange(len(grouped)) % n_folds
    return fold


def _grouped(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the positions of all rows, class by class, in random order within a class."""
    shuffled = rng.permutation(len(labels))
    return shuffled[np.argsort(labels[shuffled], kind="stable")]


def _apportion(total: int, counts: np.ndarray, spare: np.ndarray) -> np.ndarray:
    """Return how many of `total` rows each class gives: in proportion to counts, 1 to `spare`."""
    least = np.minimum(spare, 1)
    ideal = total * counts / counts[spare > 0].sum()
    quota = np.clip(np.floor(ideal).astype(int), least, spare)
    while (missing := total - quota.sum()) != 0:
        # Give to the class furthest below its ideal, take from the one furthest above it.
        step = 1 if missing > 0 else -1
        movable = quota < spare if step > 0 else quota > least
        quota[np.where(movable, step * (ideal - quota), -np.inf).argmax()] += step
    return quota


@dataclass(frozen=True, eq=False)
class Units:
    """Groups as units.

    `of_row` is the unit of each row. The others are of each unit: its most frequent label, its
    number of rows, and whether it can be held out.
    """

    of_row: np.ndarray
    label: np.ndarray
    n_rows: np.ndarray
    can_be_held_out: np.ndarray


def units_of(labels: np.ndarray, groups: np.ndarray) -> Units:
    """Return the `Units` of rows with these labels and groups."""
    # Units are in the order of their first rows, so that names of groups do not matter.
    _, first, of_row = np.unique(groups, return_index=True, return_inverse=True)
    of_row = first.argsort().argsort()[of_row]
    # Rows by unit and label: the most frequent label of a unit comes last among its runs.
    order = np.lexsort([labels, of_row])
    unit, label = of_row[order], labels[order]
    begins = np.flatnonzero(np.r_[True, (unit[1:] != unit[:-1]) | (label[1:] != label[:-1])])
    unit, label = unit[begins], label[begins]
    n_rows = np.diff(np.r_[begins, len(labels)])
    by_size = np.lexsort([n_rows, unit])
    last = by_size[np.r_[unit[by_size][1:] != unit[by_size][:-1], True]]
    n_units_with = np.bincount(label, minlength=labels.max() + 1)
    alone = np.bincount(unit, weights=n_units_with[label] == 1) > 0
    return Units(of_row, label[last], np.bincount(of_row), ~alone)


def _folds_of_groups(
    labels: np.ndarray, n_folds: int, rng: np.random.Generator, groups: np.ndarray
) -> np.ndarray:
    """Return the fold of each row. All rows of a group are in one fold."""
    units = units_of(labels, groups)
    shuffled = rng.permutation(len(units.label))
    # Class by class, with the largest first, units are dealt to and fro, so that each fold gets
    # about as many rows.
    order = shuffled[np.lexsort([-units.n_rows[shuffled], units.label[shuffled]])]
    order = order[units.can_be_held_out[order]]
    turn, place = np.divmod(np.arange(len(order)), n_folds)
    fold = np.full(len(units.label), -1)
    fold[order] = np.where(turn % 2, n_folds - 1 - place, place)
    return fold[units.of_row]


def _share_of_groups(
    labels: np.ndarray, fraction: float, rng: np.random.Generator, groups: np.ndarray
) -> np.ndarray:
    """Return which rows are held out: whole groups, with about a fraction of each class."""
    units = units_of(labels, groups)
    if units.can_be_held_out.sum() < 2:
        raise ValueError(
            "The validation set is too small: no group can be held out, because each has a class "
            f"that no other group has; there are {len(units.label)} groups. Pass X_val and y_val "
            "instead of groups, or set early_stopping=False."
        )
    shuffled = rng.permutation(len(units.label))
    order = shuffled[np.argsort(units.label[shuffled], kind="stable")]
    order = order[units.can_be_held_out[order]]
    held_out = np.zeros(len(units.label), dtype=bool)
    n_passed = n_held_out = 0
    for unit, n_rows in zip(order.tolist(), units.n_rows[order].tolist(), strict=True):
        n_passed += n_rows
        # It is held out if that brings the share of held-out rows nearer to the fraction.
        held_out[unit] = n_held_out + n_rows / 2 < fraction * n_passed
        n_held_out += n_rows * held_out[unit]
    if not n_held_out:
        held_out[order[units.n_rows[order].argmin()]] = True
    return held_out[units.of_row]


def copies(X: Any, index: np.ndarray | None, labels: np.ndarray) -> np.ndarray | None:
    """Return the group of each row, with identical rows in one, or None if they are no copies.

    Identical rows may be copies (oversampled, drawn with replacement), or may be common in a
    table of few distinct rows. Copies have the label of their original, and have so many values
    that chance seldom makes two rows equal: if the columns were independent, a pair of rows
    would be identical with probability prod_j sum_v p_jv^2, where p_jv is the share of value v
    in column j. If few rows of every class are copied, the rows are left as they are.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n_all, n_features)
    index : ndarray of shape (n_rows,) or None
        The rows of X that count.
    labels : ndarray of shape (n_rows,)
        Their class indices.

    Returns
    -------
    groups : ndarray of shape (n_rows,) or None
    """
    hashes = row_hashes(X, index)
    _, first, of_row, n_alike = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    if len(n_alike) == len(labels):
        return None
    copied = n_alike[of_row] > 1
    n_copied = np.bincount(labels, weights=copied)
    if (n_copied < MIN_COPIED * np.bincount(labels)).all():
        return None
    _, n_alike_and_labelled = np.unique(
        np.column_stack([of_row, labels]), axis=0, return_counts=True
    )
    n_pairs = (n_alike * (n_alike - 1.0)).sum()
    n_agreeing = (n_alike_and_labelled * (n_alike_and_labelled - 1.0)).sum()
    if n_agreeing < MIN_AGREEMENT * n_pairs:
        return None
    distinct = X[first if index is None else index[first]]
    expected = len(labels) * (len(labels) - 1.0) * chance_of_identity(distinct)
    return of_row if expected <= MAX_CHANCE * n_pairs else None


def chance_of_identity(X: Any) -> float:
    """Return the probability that two rows are identical if the columns are independent."""
    n_rows, log_chance = X.shape[0], 0.0
    X = X.tocsc() if issparse(X) else X
    for column in range(X.shape[1]):
        if issparse(X):
            values = X.data[X.indptr[column] : X.indptr[column + 1]]
            _, counts = np.unique(values[values != 0], return_counts=True)
            counts = np.append(counts, n_rows - counts.sum())
        else:
            _, counts = np.unique(X[:, column], return_counts=True)
        log_chance += np.log(((counts / n_rows) ** 2).sum())
    return float(np.exp(log_chance))


def row_hashes(X: Any, index: np.ndarray | None = None) -> np.ndarray:
    """Return a 64-bit hash of each row, which is the same for a dense and a sparse row.

    It is sum_j m_j h(x_j) modulo 2^64, with odd random m_j and h(0) = 0.
    """
    n_rows = X.shape[0] if index is None else len(index)
    rng = np.random.default_rng(0)
    factors = rng.integers(1 << 63, size=X.shape[1], dtype=np.uint64) * np.uint64(2)
    factors += np.uint64(1)
    hashes = np.empty(n_rows, dtype=np.uint64)
    for block in blocks(n_rows, BLOCK_ROWS):
        rows = X[block if index is None else index[block]]
        if issparse(rows):
            rows.sum_duplicates()
            hashes[block] = 0
            products = _mixed(rows.data) * factors[rows.indices]
            row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
            np.add.at(hashes[block], row, products)
        else:
            hashes[block] = (_mixed(rows) * factors).sum(axis=1, dtype=np.uint64)
    return hashes


def _mixed(values: np.ndarray) -> np.ndarray:
    """Return a hash of each value, 0 for 0: the bits of a float with few digits are mostly 0."""
    bits = (values.astype(np.float64) + 0.0).view(np.uint64)  # -0 becomes 0
    bits ^= bits >> np.uint64(32)
    bits *= np.uint64(0xD6E8FEB86659FD93)
    bits ^= bits >> np.uint64(32)
    bits *= np.uint64(0xD6E8FEB86659FD93)
    return bits ^ (bits >> np.uint64(32))
