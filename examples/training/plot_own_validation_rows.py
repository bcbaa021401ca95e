"""
Early stopping on your own validation rows
==========================================

You will learn why the validation rows matter, and how to choose them. Random
rows are right if rows have nothing to do with each other. If rows come in
groups (from the same patient, machine or person, or one after another in
time), random validation rows have near copies among the training rows. They
score better than new groups will. ``fit`` takes validation rows of your own:
here blocks of handwritten digits.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_val_score, train_test_split

from skmax import SoftmaxMLPClassifier, TrainingCurveDisplay

# %%
# Neighbours are alike
# --------------------
# Thirteen people have written these digits. The data do not say who wrote
# which, but neighbours in the file are alike. A cross-validation that keeps
# them together finds more errors than one that shuffles the rows.

X, y = load_digits(return_X_y=True)
classifier = SoftmaxMLPClassifier(
    hidden_layer_sizes=(64,),
    learning_rate="constant",
    max_iter=100,
    early_stopping=True,
    n_iter_no_change=10,
    scoring="accuracy",
    random_state=0,
)
print("accuracy in five folds (early stopping by random rows)")
for name, cv in {
    "shuffled": KFold(5, shuffle=True, random_state=0),
    "kept together": KFold(5),
}.items():
    scores = cross_val_score(classifier, X, y, cv=cv)
    print(
        f"  {name:<14}" + "".join(f"{score:7.3f}" for score in scores), end=""
    )
    print(f"   mean {scores.mean():.3f}")

# %%
# A block to test, a block to validate
# ------------------------------------
# There are five blocks of neighbours. Each is used for testing once, and the
# next one for validation. A second fit has as many validation rows, drawn at
# random from all rows that are not tested on. Both fits stop if the validation
# accuracy has not risen for ten epochs, and keep the parameters of the best
# epoch.

n_blocks = 5
block = np.arange(len(y)) * n_blocks // len(y)
own, at_random = [], []
for i in range(n_blocks):
    test = block == i
    of_own = block == (i + 1) % n_blocks
    others = np.flatnonzero(~test)
    drawn = train_test_split(
        others, test_size=of_own.sum(), stratify=y[others], random_state=0
    )
    for results, (train, val) in (
        (own, (np.flatnonzero(~test & ~of_own), np.flatnonzero(of_own))),
        (at_random, drawn),
    ):
        clf = clone(classifier).fit(
            X[train], y[train], X_val=X[val], y_val=y[val]
        )
        results.append(
            {
                "fit": clf,
                "validation accuracy": clf.best_validation_score_,
                "test accuracy": clf.score(X[test], y[test]),
                "validation log loss": log_loss(
                    y[val], clf.predict_proba(X[val])
                ),
                "test log loss": log_loss(y[test], clf.predict_proba(X[test])),
            }
        )

for name, results in {"own block": own, "drawn at random": at_random}.items():
    print(f"\nvalidation rows: {name}")
    for quantity in (
        "validation accuracy",
        "test accuracy",
        "validation log loss",
        "test log loss",
    ):
        values = [result[quantity] for result in results]
        print(
            f"  {quantity:<20}" + "".join(f"{value:7.3f}" for value in values),
            end="",
        )
        print(f"   mean {np.mean(values):.3f}")

# %%
# The accuracy on the test blocks differs less between the two than from block
# to block. What differs is what the validation rows promise. Random rows
# promise two thirds fewer errors than there are. A block of its own promises a
# quarter fewer, on average, because the best of many epochs looks a little too
# good. A single block does not say much, because blocks differ. The log loss
# is too low in the same way, by two fifths and by a tenth.
#
# What each kind promises
# -----------------------
# Each thin line is one fit: from the best validation accuracy to the accuracy
# on the test block. Thick lines are means.

BLUE, ORANGE = "#0072B2", "#D55E00"
colours = {"own block": BLUE, "drawn at random": ORANGE}
quantities = ["validation accuracy", "test accuracy"]

figure, axes = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
for left, (name, results) in zip(
    (0, 2.5),
    {"own block": own, "drawn at random": at_random}.items(),
    strict=True,
):
    pairs = np.array(
        [[result[quantity] for quantity in quantities] for result in results]
    )
    at, colour = [left, left + 1], colours[name]
    axes.plot(at, pairs.T, "o-", color=colour, linewidth=1, alpha=0.6)
    axes.plot(
        at, pairs.mean(axis=0), "D-", color=colour, linewidth=3, markersize=8
    )
    axes.text(left + 0.5, 1.0, name, color=colour, ha="center")
axes.set_xticks([0, 1, 2.5, 3.5], 2 * ["validation", "test"])
axes.set(xlim=(-0.5, 4), ylim=(None, 1.01), ylabel="accuracy", xlabel="rows")
axes.grid(axis="y", alpha=0.25)
axes.spines[["top", "right"]].set_visible(False)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)

# %%
# The curves of two fits
# ----------------------
# This is the validation accuracy in the first turn, with a dot where it was
# best.

figure, axes = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
for name, results in {"own block": own, "drawn at random": at_random}.items():
    TrainingCurveDisplay.from_estimator(
        results[0]["fit"],
        name=name,
        ax=axes,
        quantity="score",
        color=colours[name],
    )
last_epoch = max(results[0]["fit"].n_iter_ for results in (own, at_random))
axes.set(xlim=(0, last_epoch + 1), ylim=(0.8, 1.02))
axes.spines[["top", "right"]].set_visible(False)
if "__file__" in globals():
    figure.savefig(
        Path(__file__).with_name("own_validation_curves.png"), dpi=150
    )
