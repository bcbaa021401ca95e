"""
Early stopping on rows of one's own
===================================

Early stopping needs rows that are not trained on. Drawn at random they are right where rows
have nothing to do with each other. Where they come in groups, from the same patient, machine
or hand, or one after another in time, random rows have near relatives among the training rows,
and score better than new groups will. ``fit`` takes validation rows of one's own: here blocks
of handwritten digits. The picture compares their scores with those of random ones, and with
what new rows say.
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
# Thirteen people have written these digits. Who wrote which is not recorded, but neighbours in
# the file are alike: a cross-validation that keeps them together finds more errors than one
# that shuffles the rows.

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
    print(f"  {name:<14}" + "".join(f"{score:7.3f}" for score in scores), end="")
    print(f"   mean {scores.mean():.3f}")

# %%
# A block to test, a block to validate
# ------------------------------------
# Five blocks of neighbours, each in turn the one to test on, and the next one for validation.
# The other fit of each turn has as many validation rows, drawn at random from all rows that
# are not tested on. Both stop when the accuracy of the validation rows has not risen for ten
# epochs, and keep the parameters of the best one.

n_blocks = 5
block = np.arange(len(y)) * n_blocks // len(y)
own, at_random = [], []
for i in range(n_blocks):
    test = block == i
    of_own = block == (i + 1) % n_blocks
    others = np.flatnonzero(~test)
    drawn = train_test_split(others, test_size=of_own.sum(), stratify=y[others], random_state=0)
    for results, (train, val) in (
        (own, (np.flatnonzero(~test & ~of_own), np.flatnonzero(of_own))),
        (at_random, drawn),
    ):
        clf = clone(classifier).fit(X[train], y[train], X_val=X[val], y_val=y[val])
        results.append(
            {
                "fit": clf,
                "validation accuracy": clf.best_validation_score_,
                "test accuracy": clf.score(X[test], y[test]),
                "validation log loss": log_loss(y[val], clf.predict_proba(X[val])),
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
        print(f"  {quantity:<20}" + "".join(f"{value:7.3f}" for value in values), end="")
        print(f"   mean {np.mean(values):.3f}")

# %%
# The mean accuracy on the test blocks is the same, a draw. What differs is what validation
# says of it. Random rows promise two thirds fewer errors than there are. A block of one's own
# promises a quarter fewer, on average: the best of many epochs flatters a little. Of a single
# one too much should not be expected, as blocks differ. The log loss is too low likewise, by
# two fifths and by a tenth.
#
# Curves of two fits, and what they promise
# -----------------------------------------
# On the left the validation accuracy of the first turn, with a dot where it was best. On the
# right a line per turn, from the best validation accuracy to the accuracy on the test block.

BLUE, VERMILLION = "#0072B2", "#D55E00"
colours = {"own block": BLUE, "drawn at random": VERMILLION}
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
for name, results in {"own block": own, "drawn at random": at_random}.items():
    TrainingCurveDisplay.from_estimator(
        results[0]["fit"], name=name, ax=left, quantity="score", color=colours[name]
    )
    pairs = np.array([[r["validation accuracy"], r["test accuracy"]] for r in results])
    at = np.array([0, 1]) + (2.5 if name == "drawn at random" else 0)
    right.plot(at, pairs.T, "o-", color=colours[name], linewidth=1, alpha=0.6)
    right.plot(at, pairs.mean(axis=0), "D-", color=colours[name], linewidth=3, markersize=8)
last_epoch = max(results[0]["fit"].n_iter_ for results in (own, at_random))
left.set(title="Validation accuracy of two fits", xlim=(0, last_epoch + 1), ylim=(0.8, 1.02))
right.set_xticks([0, 1, 2.5, 3.5], 2 * ["validation", "test"])
right.set(xlim=(-0.5, 4), title="Promise and fact (thick: mean)", ylabel="accuracy")
for centre, name in ((0.5, "own block"), (3, "drawn at random")):
    right.text(centre, 1.0, name, color=colours[name], ha="center")
right.set_ylim(None, 1.01)
right.grid(axis="y", alpha=0.25)
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
