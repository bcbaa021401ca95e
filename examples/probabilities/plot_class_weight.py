"""
Rare classes: weights or a threshold
====================================

One picture in ten is an 8, and to miss one costs ten times as much as a false alarm. There are
two answers to that: to weigh the 8s in the fit, with class_weight, or to leave the fit alone
and to predict an 8 at less than even odds. They are not the same: weights change the
probabilities, a threshold changes only what is made of them. This page compares their costs on
held-out pictures. The plot shows them for every threshold, and what becomes of the
probabilities.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split

from skmax import SoftmaxMLPClassifier

# %%
# The task
# --------
# Each pixel is the mean of four, so that the task is not too easy: 4 by 4 pixels. Half of the
# pictures are held out.

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
# The threshold that theory knows
# -------------------------------
# An alarm at a picture that is an 8 with probability p costs 1 - p on average, no alarm 10 p.
# The alarm is the cheaper one from p = 1 / 11 on: that is the threshold, if the probabilities
# are right.

bayes = FALSE_ALARM / (FALSE_ALARM + MISS)
print(f"threshold by theory        {bayes:.3f}")

# %%
# Five splits
# -----------
# TunedThresholdClassifierCV does not trust the probabilities: it looks for the cheapest
# threshold by cross-validation among the training rows, and then fits the classifier to all of
# them. That classifier, with its own threshold of 0.5, is the plain fit of the comparison.
# With weights of 10 an error on an 8 counts as much in the fit as it costs.

cost = make_scorer(mean_cost, greater_is_better=False)
weights = {0: FALSE_ALARM, 1: MISS}
costs, tuned_thresholds, n_epochs, held_out = [], [], [], []
for seed in range(5):
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=seed
    )
    plain = SoftmaxMLPClassifier(random_state=seed)
    tuned = TunedThresholdClassifierCV(plain, scoring=cost, cv=3).fit(X_train, y_train)
    plain = tuned.estimator_
    weighted = clone(plain).set_params(class_weight=weights).fit(X_train, y_train)
    longer = clone(weighted).set_params(early_stopping=False).fit(X_train, y_train)

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
    costs.append([mean_cost(y_test, y_pred) for y_pred in predictions.values()])
    tuned_thresholds.append(tuned.best_threshold_)
    n_epochs.append([plain.n_iter_, weighted.n_iter_])
    held_out.append((y_test, p_plain, p_weighted, p_longer))

print("\nheld-out cost of a picture, by split" + 30 * " " + "mean")
for name, row in zip(predictions, np.transpose(costs), strict=True):
    print(f"{name:<26}" + "".join(f"{c:8.3f}" for c in row) + f"{row.mean():8.3f}")
print(f"{'tuned threshold':<26}" + "".join(f"{t:8.3f}" for t in tuned_thresholds))
for name, row in zip(["epochs, plain", "epochs, weighted"], np.transpose(n_epochs), strict=True):
    print(f"{name:<26}" + "".join(f"{n:8}" for n in row))

# %%
# Either remedy is better than none, and a threshold is the cheaper one in every split. Whether
# it is tuned or that of theory makes little difference: the probabilities are good enough for
# theory. Part of what weights lose is due to the early end of their fits, after 12 epochs:
# held-out fits are compared by the weighted loss, which rests on the few 8s that they hold out.
# After all 60 epochs the weighted fit is cheaper on average, but not as cheap as the
# threshold.
#
# What the probabilities say
# --------------------------
# A class weight tells the fit that there are ten times as many 8s, and its probabilities say
# so: their mean is above the share of 8s. The plain fit announces somewhat too few. The log
# loss, which rewards honest probabilities, is least for the plain fit.

y_test, *probabilities = (np.concatenate(values) for values in zip(*held_out, strict=True))
print(f"\n{'all held-out pictures':<26}mean probability   log loss")
print(f"{'share of 8s':<26}{y_test.mean():>16.3f}")
for name, p in zip(["plain", "weighted", "weighted, 60 epochs"], probabilities, strict=True):
    print(f"{name:<26}{p.mean():>16.3f}{log_loss(y_test, p):>11.3f}")

# %%
# Costs and probabilities
# -----------------------
# On the left, the cost of every threshold, over all held-out pictures; a dot is the threshold
# that ``predict`` uses, the diamonds are those that were tuned. On the right, the share of 8s
# among pictures of about the same probability. Below the diagonal, more 8s are announced than
# there are.

BLUE, VERMILLION = "#0072B2", "#D55E00"
colours = {"plain": BLUE, "weighted": VERMILLION}
p_of = dict(zip(colours, probabilities, strict=False))

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
thresholds = np.geomspace(0.01, 0.99, 300)
for name, colour in colours.items():
    curve = [mean_cost(y_test, p_of[name] >= threshold) for threshold in thresholds]
    left.plot(thresholds, curve, "-" if name == "plain" else "--", color=colour, label=name)
    left.plot(0.5, mean_cost(y_test, p_of[name] > 0.5), "o", color=colour)
left.plot(
    tuned_thresholds,
    [mean_cost(y_test, p_of["plain"] >= threshold) for threshold in tuned_thresholds],
    "D",
    color=BLUE,
    markerfacecolor="white",
    label="plain, tuned thresholds",
)
left.axvline(bayes, color="0.5", linestyle=":")
left.text(bayes * 1.05, 0.01, "1/11", color="0.35")
left.set(xscale="log", xlabel="threshold", ylabel="mean cost", ylim=(0, 0.6))
left.set_xticks([0.01, 0.03, 0.1, 0.3, 1], ["0.01", "0.03", "0.1", "0.3", "1"])
left.set_xticks([], minor=True)
left.set_title("Cost of a picture (dots: threshold 0.5)")
left.legend(frameon=False, loc="upper left")

right.plot([0, 1], [0, 1], color="0.6", linewidth=1)
for name, colour in colours.items():
    share, mean = calibration_curve(y_test, p_of[name], n_bins=8)
    right.plot(mean, share, "o-" if name == "plain" else "o--", color=colour, label=name)
right.set(xlabel="probability of an 8", ylabel="share of 8s", title="What the probabilities say")
right.set(xlim=(0, 1), ylim=(0, 1))
right.legend(frameon=False)
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
