"""
Can the probabilities be believed?
==================================

A classifier that says 0.9 should be right nine times in ten. A reliability diagram shows
whether it is: accuracy against confidence, for rows that it was not trained on. The classifier
divides its logits by a temperature, one number, so that they can be believed. Held-out fits
say which number, so that no rows have to be kept for that. This page looks at small data sets
before and after: where labels are clear, where they are not, and where the fit went on for too
long. The picture has a diagram of each.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from skmax import ReliabilityDisplay, SoftmaxMLPClassifier, softmax

# %%
# Data sets, clear and noisy
# --------------------------
# Digits, of which only 300 or 900 are used for training, leave little doubt. The progression
# of diabetes, cut into thirds, can only be guessed from ten features of 442 patients. Rows
# that a fit has not seen are collected over all splits.

digits = load_digits(return_X_y=True)
X, progression = load_diabetes(return_X_y=True)
diabetes = X, np.searchsorted(np.quantile(progression, [1 / 3, 2 / 3]), progression)

few, more = (
    StratifiedShuffleSplit(n_splits=3, train_size=n_rows, random_state=0) for n_rows in (300, 900)
)
folds = StratifiedKFold(5, shuffle=True, random_state=0)
default = SoftmaxMLPClassifier(random_state=0)
to_the_end = SoftmaxMLPClassifier(early_stopping=False, random_state=0)
cases = {
    "digits, 300 rows": (digits, few, default),
    "digits, 900 rows": (digits, more, default),
    "diabetes, 353 rows": (diabetes, folds, default),
    "diabetes, not stopped": (diabetes, folds, to_the_end),
}

# %%
# Before and after
# ----------------
# ``decision_function`` returns logits divided by the temperature. The softmax of the logits
# themselves is what the probabilities would be without it. (Of a single fitted classifier,
# ``ReliabilityDisplay.from_estimator(clf, X, y, temperature=1)`` draws that.)


def before_and_after(classifier, X, y, cv):
    """Return the temperature of each split, and labels and probabilities of its held-out rows."""
    temperatures, labels, before, after = [], [], [], []
    for train, test in cv.split(X, y):
        clf = clone(classifier).fit(X[train], y[train])
        temperatures.append(clf.temperature_)
        labels.append(y[test])
        after.append(clf.predict_proba(X[test]))
        before.append(softmax(clf.decision_function(X[test]) * clf.temperature_))
    return temperatures, labels, before, after


results = {}
print(f"{'':<23}temperatures   log loss         better with it")
for name, ((X, y), cv, classifier) in cases.items():
    temperatures, labels, before, after = before_and_after(classifier, X, y, cv)
    gains = [
        log_loss(y_test, P_before) > log_loss(y_test, P_after)
        for y_test, P_before, P_after in zip(labels, before, after, strict=True)
    ]
    labels, before, after = (np.concatenate(values) for values in (labels, before, after))
    results[name] = labels, before, after
    print(
        f"{name:<23}{min(temperatures):.2f} to {max(temperatures):.2f}"
        f"   {log_loss(labels, before):.3f} to {log_loss(labels, after):.3f}"
        f"   in {sum(gains)} of {len(gains)} splits"
    )

# %%
# Digits are learnt with smoothed labels, which make a network timid: before, it is right more
# often than it says. A temperature of a half mends that, and takes two fifths and two thirds
# off the log loss. On diabetes, stopped after the cycle that held-out fits advise, there is
# hardly anything to mend, and the result is a draw. Trained to the end, the network believes
# the noise: before, it is right less often than it says. Temperatures of about two mend its
# confidence, but its log loss stays above that of the fit that was stopped.
#
# The diagrams
# ------------
# Points are larger where they stand for more rows, whose number is in the strip below.

BLUE, VERMILLION = "#0072B2", "#D55E00"
figure, panels = plt.subplots(2, 2, figsize=(9, 9), layout="constrained")
print(f"\n{'':<23}expected calibration error")
for axes, (name, (labels, before, after)) in zip(panels.flat, results.items(), strict=True):
    displays = [
        ReliabilityDisplay.from_predictions(
            labels, P, n_bins=10, name=when, ax=axes, color=colour, linestyle=style
        )
        for P, when, colour, style in (
            (before, "before", VERMILLION, "--"),
            (after, "after", BLUE, "-"),
        )
    ]
    axes.set_title(name)
    print(f"{name:<23}{displays[0].ece:.3f} to {displays[1].ece:.3f}")

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
