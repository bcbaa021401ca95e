"""
Rare classes: weights or a threshold
====================================

You will learn two ways to find more rows of a rare class, and what each does
to the probabilities. One picture in ten is an 8, and missing one costs ten
times as much as a false alarm. You can weight the 8s in the fit, with
class_weight. Or you leave the fit alone, and predict an 8 at a lower
probability than one half. Weights change the probabilities. A threshold
changes only what you do with them.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import (
    TunedThresholdClassifierCV,
    train_test_split,
)

from skmax import SoftmaxMLPClassifier

# %%
# The task
# --------
# Each pixel is the mean of four, so that the task is not too easy: 4 by 4
# pixels remain. Half of the pictures are for testing.

X, digits = load_digits(return_X_y=True)
X = X.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(len(X), 16)
y = (digits == 8).astype(int)

MISS, FALSE_ALARM = 10, 1


def mean_cost(y_true, y_pred):
    misses = (y_true == 1) & (y_pred == 0)
    false_alarms = (y_true == 0) & (y_pred == 1)
    return np.mean(MISS * misses + FALSE_ALARM * false_alarms)


print(f"{len(y)} pictures, {y.mean():.1%} of them an 8")
print(f"cost of always saying no   {mean_cost(y, np.zeros_like(y)):.3f}")
print(f"cost of always saying yes  {mean_cost(y, np.ones_like(y)):.3f}")

# %%
# The threshold from theory
# -------------------------
# If a picture is an 8 with probability p, an alarm costs 1 - p on average, and
# no alarm costs 10 p. From p = 1 / 11 on, the alarm is cheaper. So this is the
# threshold, if the probabilities are right.

bayes = FALSE_ALARM / (FALSE_ALARM + MISS)
print(f"threshold by theory        {bayes:.3f}")

# %%
# Five splits
# -----------
# TunedThresholdClassifierCV does not rely on the probabilities. It looks for
# the cheapest threshold by cross-validation on the training rows, and then
# fits the classifier to all of them. That classifier, with its own threshold
# of 0.5, is the plain fit of this comparison. With weights of 10, an error on
# an 8 counts as much in the fit as it costs.

cost = make_scorer(mean_cost, greater_is_better=False)
weights = {0: FALSE_ALARM, 1: MISS}
costs, tuned_thresholds, n_epochs, held_out = [], [], [], []
for seed in range(5):
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=seed
    )
    plain = SoftmaxMLPClassifier(random_state=seed)
    tuned = TunedThresholdClassifierCV(plain, scoring=cost, cv=3).fit(
        X_train, y_train
    )
    plain = tuned.estimator_
    weighted = (
        clone(plain).set_params(class_weight=weights).fit(X_train, y_train)
    )
    longer = (
        clone(weighted).set_params(early_stopping=False).fit(X_train, y_train)
    )

    p_plain, p_weighted, p_longer = (
        clf.predict_proba(X_test)[:, 1] for clf in (plain, weighted, longer)
    )
    predictions = {
        "plain, threshold 0.5": plain.predict(X_test),
        "weighted, threshold 0.5": weighted.predict(X_test),
        "weighted, 60 epochs, 0.5": longer.predict(X_test),
        "plain, tuned threshold": tuned.predict(X_test),
        "plain, threshold 1/11": p_plain >= bayes,
    }
    costs.append(
        [mean_cost(y_test, y_pred) for y_pred in predictions.values()]
    )
    tuned_thresholds.append(tuned.best_threshold_)
    n_epochs.append([plain.n_iter_, weighted.n_iter_])
    held_out.append((y_test, p_plain, p_weighted, p_longer))

print("\ncost of a test picture, by split" + 34 * " " + "mean")
for name, row in zip(predictions, np.transpose(costs), strict=True):
    print(
        f"{name:<26}"
        + "".join(f"{c:8.3f}" for c in row)
        + f"{row.mean():8.3f}"
    )
print(
    f"{'tuned threshold':<26}" + "".join(f"{t:8.3f}" for t in tuned_thresholds)
)
for name, row in zip(
    ["epochs, plain", "epochs, weighted"], np.transpose(n_epochs), strict=True
):
    print(f"{name:<26}" + "".join(f"{n:8}" for n in row))

# %%
# Both ways cost less than no remedy. A threshold costs less than weights, on
# average and in most splits. Whether it is tuned or from theory makes little
# difference. The held-out fits compare the weighted loss, which depends on the
# few 8s that they hold out, so they often choose 12 epochs. But all 60 epochs
# cost about the same.
#
# What happens to the probabilities
# ---------------------------------
# A class weight tells the fit that there are ten times as many 8s, and its
# probabilities say so: their mean is above the fraction of 8s. Those of the
# plain fit are a little low. So do not use the probabilities of a weighted fit
# as they are.

y_test, *probabilities = (
    np.concatenate(values) for values in zip(*held_out, strict=True)
)
print(f"\n{'all test pictures':<26}mean probability   log loss")
print(f"{'fraction of 8s':<26}{y_test.mean():>16.3f}")
names = ["plain", "weighted", "weighted, 60 epochs"]
for name, p in zip(names, probabilities, strict=True):
    print(f"{name:<26}{p.mean():>16.3f}{log_loss(y_test, p):>11.3f}")

# %%
# The cost of every threshold
# ---------------------------
# Dots show the threshold 0.5, which ``predict`` uses, and diamonds the tuned
# thresholds. The dotted line is the threshold from theory.

BLUE, ORANGE = "#0072B2", "#D55E00"
styles = {"plain": (BLUE, "-"), "weighted": (ORANGE, "--")}
p_of = dict(zip(styles, probabilities, strict=False))

figure, axes = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
thresholds = np.geomspace(0.01, 0.99, 300)
for name, (colour, style) in styles.items():
    curve = [
        mean_cost(y_test, p_of[name] >= threshold) for threshold in thresholds
    ]
    axes.plot(thresholds, curve, style, color=colour, label=name)
    axes.plot(0.5, mean_cost(y_test, p_of[name] > 0.5), "o", color=colour)
axes.plot(
    tuned_thresholds,
    [
        mean_cost(y_test, p_of["plain"] >= threshold)
        for threshold in tuned_thresholds
    ],
    "D",
    color=BLUE,
    markerfacecolor="white",
    label="plain, tuned thresholds",
)
axes.axvline(bayes, color="0.5", linestyle=":")
axes.text(bayes * 1.05, 0.01, "1/11", color="0.35")
axes.set(xscale="log", xlabel="threshold", ylim=(0, 0.6))
axes.set_ylabel("mean cost of a picture")
ticks = [0.01, 0.03, 0.1, 0.3, 1]
axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
axes.set_xticks([], minor=True)
axes.legend(frameon=False, loc="upper left")
axes.spines[["top", "right"]].set_visible(False)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)

# %%
# What the probabilities say
# --------------------------
# Each dot stands for pictures of about the same probability. Below the
# diagonal, there are fewer 8s than the probabilities say.

figure, axes = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
for name, (colour, style) in styles.items():
    fraction, mean = calibration_curve(y_test, p_of[name], n_bins=8)
    axes.plot(mean, fraction, "o" + style, color=colour, label=name)
axes.set(xlabel="probability of an 8", ylabel="fraction of 8s")
axes.set(xlim=(0, 1), ylim=(0, 1))
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
if "__file__" in globals():
    figure.savefig(
        Path(__file__).with_name("class_weight_probabilities.png"), dpi=150
    )
