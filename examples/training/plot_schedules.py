"""
Learning-rate schedules compared
================================

A schedule multiplies the learning rate by a factor that changes during the fit. This page
shows the factor of each of the six, trains a network for handwritten digits under each with
several rates and seeds, and asks two questions. Which schedule is the best, at its best rate?
And how much does it matter to have found that rate? The picture answers the second.
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
# 600 rows to train on, the rest in halves: one to choose the rate by, one to test.
# "invscaling" divides the rate by the root of the rows seen, and needs larger ones. Labels are
# not smoothed and there is no temperature, so that losses are of the network itself. The first
# three schedules do not converge by design, and the classifier warns where a fit has not: here
# that is no news.

schedules = ["constant", "invscaling", "adaptive", "cosine", "one_cycle", "coslog4"]
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
                learning_rate_init=20 * rate if schedule == "invscaling" else rate,
                max_iter=max_iter,
                early_stopping=False,
                label_smoothing=0,
                temperature_scaling=False,
                random_state=seed,
            )
            with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
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
# Of each schedule and seed, the rate with the least validation loss at the end, and its loss
# on the test rows.

chosen = fits.loc[fits.groupby(["schedule", "seed"])["validation"].idxmin()]
test = chosen.pivot(index="schedule", columns="seed", values="test").loc[schedules]
difference = test - test.loc["constant"]
error = difference.std(axis=1) / np.sqrt(n_seeds)

print("test loss, each at the rate that validation chose")
print(f"{'seed':<12}" + "".join(f"{seed:7}" for seed in test.columns) + "   mean   minus constant")
for schedule, losses in test.iterrows():
    print(
        f"{schedule:<12}" + "".join(f"{loss:7.3f}" for loss in losses) + f"{losses.mean():7.3f}"
        f"   {difference.loc[schedule].mean():+.3f} +- {error[schedule]:.3f}"
    )

# %%
# A draw between five of them: their differences are about as large as their errors, and
# smaller than those between seeds. Only "invscaling" is worse. Its factor is 1 in the first
# epoch, before any row counts as seen, and a 25th in the second: a rate that suits one does
# not suit the other.
#
# The price of a wrong rate
# -------------------------
# The same losses, of every rate, as means over seeds.

by_rate = fits.pivot_table(index="schedule", columns="rate", values="test").loc[schedules]
print("\nmean test loss by learning rate (of invscaling: times 20)")
print(by_rate.to_string(float_format="{:.3f}".format))

# %%
# At a low rate those that decay are worse, as they soon have hardly any rate left. At a high
# one "adaptive", "cosine" and "one_cycle" lose nothing: they end at a low rate whatever they
# began with. The constant rate does not, and loses much. "coslog4", the default, does too, but
# its last cycle leads back to the full rate, and at ten times the default rate not every seed
# recovers. What speaks for it, that a fit can end with its second or third cycle, is turned
# off here.
#
# Factors and losses
# ------------------
# Above, the factor over 60 epochs; that of "adaptive" is 1 until patience runs out, which is a
# matter of the fit. Below, the validation loss at the end for each rate: a dot per seed, and a
# line through the means. Arrows stand for what is above the frame.

BLUE, VERMILLION = "#0072B2", "#D55E00"
TOP = 0.5
n_steps = 3 * max_iter  # 600 rows are three batches
epochs = np.arange(n_steps) / 3

figure, grid = plt.subplots(
    2, 6, sharey="row", figsize=(11, 5), height_ratios=[1, 1.6], layout="constrained"
)
for schedule, (above, below) in zip(schedules, grid.T, strict=True):
    factor = SCHEDULES[schedule].factor
    positions = [
        ScheduleState(step=step, n_steps=n_steps, t=600 * (step // 3)) for step in range(n_steps)
    ]
    above.plot(epochs, [factor(position, 0.5) for position in positions], color=VERMILLION)
    above.set(title=schedule, xlabel="epoch", xlim=(0, max_iter), xticks=[0, 30, 60])

    losses = fits[fits["schedule"] == schedule].pivot(
        index="rate", columns="seed", values="validation"
    )
    below.plot(losses.where(losses < TOP), "o", color=BLUE, markersize=3, alpha=0.5)
    for rate in rates:
        if losses.loc[rate].max() >= TOP:
            below.plot(rate, 0.93 * TOP, "^", color=BLUE)
    mean = losses.mean(axis=1)
    below.plot(mean.where(mean < TOP), color=BLUE)
    below.set(xlabel="rate", xscale="log", yscale="log", ylim=(0.06, TOP), xlim=(0.0014, 0.085))
    scale = 20 if schedule == "invscaling" else 1
    below.set_xticks(rates[::2], [f"{scale * rate:g}" for rate in rates[::2]])
    below.set_xticks([], minor=True)
    below.set_yticks([0.1, 0.2, 0.4], ["0.1", "0.2", "0.4"])
    below.set_yticks([], minor=True)
    below.grid(axis="y", alpha=0.25)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
grid[0, 0].set_ylabel("factor")
grid[1, 0].set_ylabel("validation loss (nats)")

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
