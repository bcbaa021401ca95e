"""
Watch the fits of a grid search
===============================

You will learn how to see what happens within each fit of a search. A grid
search says how good each candidate is at the end. A ValidationMonitor, set on
the classifier as a callback, scores rows of your own after each epoch of each
fit, in whichever process that runs, and returns one DataFrame of all of them.
The picture shows which candidates learn too slowly or too fast, and which need
fewer epochs.
"""


# sphinx_gallery_parallel = False

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from skmax import SoftmaxMLPClassifier, ValidationMonitor

# %%
# The monitor
# -----------
# A third of the rows is for watching. No fit is trained on them, and the
# search does not see them. The search makes its own folds of the other rows.

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(
    X, y, test_size=1 / 3, stratify=y, random_state=0
)
monitor = ValidationMonitor(X_val, y_val, scoring=["loss", "accuracy"])

# %%
# The search
# ----------
# Clones share their callbacks, so each fit reports to the same monitor, from
# another process, too. With the schedule "cosine", all fits take the same 40
# epochs and end at a rate of zero. The monitor sees each network in training,
# before it has a temperature. Smoothed labels would need one, so both are
# turned off.

classifier = SoftmaxMLPClassifier(
    hidden_layer_sizes=(64,),
    learning_rate="cosine",
    max_iter=40,
    label_smoothing=0,
    temperature_scaling=False,
    random_state=0,
).set_callbacks(monitor)

search = GridSearchCV(
    classifier,
    {"alpha": [0.1, 10.0], "learning_rate_init": [0.001, 0.01, 0.1]},
    scoring="neg_log_loss",
    cv=3,
    n_jobs=2,
)
search.fit(X_train, y_train)

# %%
# One DataFrame
# -------------
# It has a row for each epoch of the 18 fits of the search, and of the last
# fit, to all of ``X_train``. "task" is the position of a fit: its last number
# counts the folds of one candidate after another. The last fit is not part of
# the search, so its position is one number shorter.

frame = monitor.to_frame()
print(frame[["task", "epoch", "loss", "accuracy"]].round(3).iloc[[0, 1, -1]])

n_folds, candidates = search.n_splits_, search.cv_results_["params"]
folds = frame[frame["task"].map(len) == 3].copy()
folds["candidate"] = folds["task"].map(lambda task: task[-1] // n_folds)
curves = (
    folds.groupby(["candidate", "epoch"])["loss"].mean().unstack("candidate")
)

# %%
# What the curves say
# -------------------
# The search ranks candidates by the loss of the folds that they have not seen,
# after the last epoch. The rows of the monitor agree, except on the order of
# the best three, which are close. They also show which epoch had the least
# loss. If it is an early one, the later epochs have made the candidate worse.

table = pd.DataFrame(candidates)
table["search"] = -search.cv_results_["mean_test_score"]
table["monitor"] = curves.iloc[-1]
table["least"] = curves.min()
table["at epoch"] = curves.idxmin()
print()
print(table.to_string(index=False, float_format="{:.3f}".format))
print("\nchosen:", search.best_params_)

# %%
# The curves of all candidates
# ----------------------------
# Thin lines are fits, and a thick line is the mean of a candidate's three
# fits. With a rate of 0.001, forty epochs are too few. With 0.1 and the weak
# penalty, the loss rises in the first epochs and stays high. The strong
# penalty keeps it down. At the two lower rates, the weak penalty is better.

COLOURS = {0.001: "#8FC1E3", 0.01: "#0072B2", 0.1: "#00324F"}
STYLES = {0.001: ":", 0.01: "-", 0.1: "--"}
ticks = [0.1, 0.2, 0.5, 1, 2, 5]

figure, panels = plt.subplots(
    1, 2, sharey=True, figsize=(4.8, 3.6), layout="constrained"
)
for axes, alpha in zip(panels, [0.1, 10.0], strict=True):
    for i, params in enumerate(candidates):
        if params["alpha"] != alpha:
            continue
        rate = params["learning_rate_init"]
        colour, style = COLOURS[rate], STYLES[rate]
        for _, fit in folds[folds["candidate"] == i].groupby("task"):
            axes.plot(
                fit["epoch"],
                fit["loss"],
                color=colour,
                linewidth=0.6,
                alpha=0.6,
            )
        axes.plot(
            curves[i], style, color=colour, linewidth=2.5, label=f"{rate:g}"
        )
    axes.set(
        title=f"alpha {alpha:g}", xlabel="epoch", yscale="log", xlim=(1, 40)
    )
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("loss of the monitor's rows (nats)")
panels[1].legend(title="learning rate", frameon=False)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
