"""
Learning-rate schedules compared
================================

You will learn what the six schedules do, and how much a wrong learning rate
costs with each. A schedule multiplies the learning rate by a factor that
changes during the fit. This page trains a network for handwritten digits with
each schedule, several rates and several seeds. It asks which schedule is best
at its best rate, and how much it matters to find that rate.
"""

import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skmax import SoftmaxMLPClassifier
from skmax._optim.schedules import SCHEDULES, ScheduleState

# %%
# The fits
# --------
# 600 rows are for training. Of the others, one half chooses the rate, and the
# other half tests it. "invscaling" divides the rate by the root of the rows
# seen, so it needs larger rates. There is no label smoothing and no
# temperature, so the losses are those of the network itself. The first three
# schedules do not end at a rate of zero, so these fits warn that they have not
# converged. That is expected here, and silenced.

schedules = [
    "constant",
    "invscaling",
    "adaptive",
    "cosine",
    "one_cycle",
    "coslog4",
]
rates = [0.002, 0.006, 0.02, 0.06]
max_iter, n_seeds = 60, 5

X, y = load_digits(return_X_y=True)
fits = []
for seed in range(n_seeds):
    X_train, X_rest, y_train, y_rest = train_test_split(
        X, y, train_size=600, stratify=y, random_state=seed
    )
    X_val, X_test, y_val, y_test = train_test_split(
        X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=seed
    )
    for schedule in schedules:
        for rate in rates:
            clf = SoftmaxMLPClassifier(
                hidden_layer_sizes=(64,),
                learning_rate=schedule,
                learning_rate_init=20 * rate
                if schedule == "invscaling"
                else rate,
                max_iter=max_iter,
                early_stopping=False,
                label_smoothing=0,
                temperature_scaling=False,
                random_state=seed,
            )
            with warnings.catch_warnings(
                action="ignore", category=ConvergenceWarning
            ):
                clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)
            fits.append(
                {
                    "schedule": schedule,
                    "rate": rate,
                    "seed": seed,
                    "curve": clf.validation_loss_curve_,
                    "validation": clf.validation_loss_curve_[-1],
                    "test": log_loss(y_test, clf.predict_proba(X_test)),
                }
            )
fits = pd.DataFrame(fits)

# %%
# The best schedule
# -----------------
# For each schedule and seed, these are the losses on the test rows, at the
# rate with the least validation loss.

chosen = fits.loc[fits.groupby(["schedule", "seed"])["validation"].idxmin()]
test = chosen.pivot(index="schedule", columns="seed", values="test").loc[
    schedules
]
difference = test - test.loc["constant"]
error = difference.std(axis=1) / np.sqrt(n_seeds)

print("test loss, each at the rate that validation chose")
seeds = "".join(f"{seed:7}" for seed in test.columns)
print(f"{'seed':<12}{seeds}   mean   minus constant")
for schedule, losses in test.iterrows():
    print(
        f"{schedule:<12}"
        + "".join(f"{loss:7.3f}" for loss in losses)
        + f"{losses.mean():7.3f}"
        f"   {difference.loc[schedule].mean():+.3f} +- {error[schedule]:.3f}"
    )

# %%
# Five of them are equally good: their differences are about as large as their
# standard errors, and smaller than those between seeds. Only "invscaling" is
# worse. Its factor is 1 in the first epoch, before any row counts as seen, and
# 1/25 in the second. A rate that suits one of them does not suit the other.
#
# The price of a wrong rate
# -------------------------
# These are the same losses for every rate, as means over seeds.

by_rate = fits.pivot_table(
    index="schedule", columns="rate", values="test"
).loc[schedules]
print("\nmean test loss by learning rate (of invscaling: times 20)")
print(by_rate.to_string(float_format="{:.3f}".format))

# %%
# At a low rate, the schedules that decay are worse, because hardly any rate is
# left soon. At a high rate, "adaptive", "cosine" and "one_cycle" lose little,
# because they end at a low rate. The constant rate stays high, and loses much.
# So does "coslog4", the default: its last cycle goes back to the full rate,
# and at ten times the default rate not every seed recovers. Its advantage is
# that a fit can end with its second or third cycle, which is turned off here.
#
# Loss and learning rate
# ----------------------
# There is a dot for each seed, and a line through the means. Triangles stand
# for losses above the frame. The rates of "invscaling" are 20 times as large.

BLUE = "#0072B2"
TOP = 0.5

figure, grid = plt.subplots(
    2, 3, sharey=True, sharex=True, figsize=(4.8, 4.2), layout="constrained"
)
for schedule, axes in zip(schedules, grid.flat, strict=True):
    losses = fits[fits["schedule"] == schedule]
    losses = losses.pivot(index="rate", columns="seed", values="validation")
    axes.plot(
        losses.where(losses < TOP), "o", color=BLUE, markersize=3, alpha=0.5
    )
    for rate in rates:
        if losses.loc[rate].max() >= TOP:
            axes.plot(rate, 0.93 * TOP, "^", color=BLUE)
    mean = losses.mean(axis=1)
    axes.plot(mean.where(mean < TOP), color=BLUE)
    axes.set(title=schedule, xscale="log", yscale="log")
    axes.set(xlim=(0.0014, 0.085), ylim=(0.06, TOP))
    axes.set_xticks(rates[::2], [f"{rate:g}" for rate in rates[::2]])
    axes.set_xticks([], minor=True)
    axes.set_yticks([0.1, 0.2, 0.4], ["0.1", "0.2", "0.4"])
    axes.set_yticks([], minor=True)
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
figure.supxlabel("learning rate", fontsize=10)
figure.supylabel("validation loss at the end (nats)", fontsize=10)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)

# %%
# The factors
# -----------
# This is the factor of each schedule over 60 epochs. That of "adaptive" is 1
# until patience runs out, which depends on the fit.

n_steps = 3 * max_iter  # 600 rows are three batches
epochs = np.arange(n_steps) / 3
figure, grid = plt.subplots(
    2, 3, sharey=True, sharex=True, figsize=(4.8, 3.6), layout="constrained"
)
for schedule, axes in zip(schedules, grid.flat, strict=True):
    factors = [
        SCHEDULES[schedule].factor(
            ScheduleState(step=step, n_steps=n_steps, t=600 * (step // 3)), 0.5
        )
        for step in range(n_steps)
    ]
    axes.plot(epochs, factors, color=BLUE)
    axes.set(title=schedule, xlim=(0, max_iter), xticks=[0, 30, 60])
    axes.spines[["top", "right"]].set_visible(False)
figure.supxlabel("epoch", fontsize=10)
figure.supylabel("factor of the learning rate", fontsize=10)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_name("schedule_factors.png"), dpi=150)
