"""
Can you believe the probabilities?
==================================

You will learn how to see whether probabilities are honest, and what the
temperature does for them. If a classifier says 0.9, it should be right nine
times in ten. A reliability diagram shows whether it is: accuracy over
confidence, for rows that it was not trained on. The classifier divides its
logits by one number, the temperature. Held-out fits choose it, so you need not
keep rows for that. This page compares probabilities before and after: where
labels are clear, where they are noisy, and where the fit was too long.
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
# Clear and noisy data
# --------------------
# Digits leave little doubt. Only 300 or 900 of them are used for training. The
# progression of diabetes, cut into thirds, can only be guessed from ten
# features of 442 patients. Probabilities of test rows are collected over all
# splits.

digits = load_digits(return_X_y=True)
X, progression = load_diabetes(return_X_y=True)
diabetes = (
    X,
    np.searchsorted(np.quantile(progression, [1 / 3, 2 / 3]), progression),
)

few, more = (
    StratifiedShuffleSplit(n_splits=3, train_size=n_rows, random_state=0)
    for n_rows in (300, 900)
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
# ``decision_function`` returns the logits divided by the temperature. The
# softmax of the logits themselves would be the probabilities without it. (For
# one fitted classifier, ``ReliabilityDisplay.from_estimator(clf, X, y,
# temperature=1)`` draws that.)


def before_and_after(classifier, X, y, cv):
    """Return the temperature, labels and probabilities of each split."""
    temperatures, labels, before, after = [], [], [], []
    for train, test in cv.split(X, y):
        clf = clone(classifier).fit(X[train], y[train])
        temperatures.append(clf.temperature_)
        labels.append(y[test])
        after.append(clf.predict_proba(X[test]))
        before.append(
            softmax(clf.decision_function(X[test]) * clf.temperature_)
        )
    return temperatures, labels, before, after


results = {}
print(f"{'':<23}temperatures   log loss         better with it")
for name, ((X, y), cv, classifier) in cases.items():
    temperatures, labels, before, after = before_and_after(
        classifier, X, y, cv
    )
    gains = [
        log_loss(y_test, P_before) > log_loss(y_test, P_after)
        for y_test, P_before, P_after in zip(
            labels, before, after, strict=True
        )
    ]
    labels, before, after = (
        np.concatenate(values) for values in (labels, before, after)
    )
    results[name] = labels, before, after
    print(
        f"{name:<23}{min(temperatures):.2f} to {max(temperatures):.2f}"
        f"   {log_loss(labels, before):.3f} to {log_loss(labels, after):.3f}"
        f"   in {sum(gains)} of {len(gains)} splits"
    )

# %%
# Digits are learnt with smoothed labels, which make a network underconfident:
# before, it is right more often than it says. A temperature of a half corrects
# that, and reduces the log loss by half or more. On diabetes, the fit stops
# after the cycle that the held-out rows choose. There is hardly anything to
# correct, and the result is a draw. If the network is trained to the end, it
# learns the noise: before, it is right less often than it says. Temperatures
# of two to three correct its confidence, but its log loss stays above that of
# the fit that was stopped.
#
# The diagrams
# ------------
# Larger points stand for more rows, and the strip below shows how many. Above
# the diagonal, a network is underconfident, and below it overconfident.

BLUE, ORANGE = "#0072B2", "#D55E00"
styles = {"before": (ORANGE, "--"), "after": (BLUE, "-")}


def draw(names):
    """Return a figure with the diagrams of two of the cases."""
    figure, panels = plt.subplots(
        1, 2, figsize=(4.8, 3.6), layout="constrained"
    )
    for axes, name in zip(panels, names, strict=True):
        labels, *probabilities = results[name]
        errors = []
        for when, P in zip(styles, probabilities, strict=True):
            colour, style = styles[when]
            display = ReliabilityDisplay.from_predictions(
                labels, P, n_bins=10, ax=axes, color=colour, linestyle=style
            )
            errors.append(display.ece)
        axes.get_legend().remove()
        axes.set_title(name, fontsize=10)
        print(f"{name:<23}{errors[0]:.3f} to {errors[1]:.3f}")
    lines = panels[0].get_lines()[:3]
    shown = ["calibrated", *styles]
    figure.legend(lines, shown, loc="outside lower center", ncols=3)
    return figure


first, second = list(results)[:2], list(results)[2:]
print(f"\n{'':<23}expected calibration error")
figure = draw(first)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)

# %%
# On noisy data, only the fit that was not stopped needs the temperature.

figure = draw(second)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_name("noisy_data.png"), dpi=150)
