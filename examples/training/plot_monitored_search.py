"""
Watching the fits of a grid search
==================================

A grid search says how good each candidate was in the end, not how it came to that. A
ValidationMonitor, set on the classifier as a callback, scores rows of our own after each epoch
of each fit of the search, in whichever process that runs, and gives one DataFrame of all of
them. The picture shows the curves of the candidates: which learn too slowly, which too fast,
and which would have done with fewer epochs.
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
# A third of the rows are for watching: no fit is trained on them, and the search does not see
# them. The search has its own folds of the rest to choose by.

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(
    X, y, test_size=1 / 3, stratify=y, random_state=0
)
monitor = ValidationMonitor(X_val, y_val, scoring=["loss", "accuracy"])

# %%
# The search
# ----------
# Clones share their callbacks, so that each fit reports to the same monitor, also from another
# process. With the schedule "cosine" all fits take the same 40 epochs, at the end of which the
# rate is zero. The monitor sees each network as it is in training, before it has a
# temperature. Smoothed labels would need one: both are turned off.

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
# A row per pass over the data, of the 18 fits of the search and of the last one, to all of
# ``X_train``. "task" is the position of a fit: its last number counts the folds of one
# candidate after the other. The last fit stands beside the search, and its position is shorter
# by one number.

frame = monitor.to_frame()
print(frame[["task", "pass", "loss", "accuracy"]].round(3).iloc[[0, 1, -1]])

n_folds, candidates = search.n_splits_, search.cv_results_["params"]
folds = frame[frame["task"].map(len) == 3].copy()
folds["candidate"] = folds["task"].map(lambda task: task[-1] // n_folds)
curves = folds.groupby(["candidate", "pass"])["loss"].mean().unstack("candidate")

# %%
# What the curves say
# -------------------
# The search ranks candidates by the loss of the folds that they have not seen, after the last
# epoch. The rows of the monitor rank them the same way. They also say which epoch had the
# least loss: where that is an early one, the candidate was judged by what the later ones have
# spoilt.

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
# A thick line is the mean of a candidate's three fits, thin lines are the fits. With a rate of
# 0.001 forty epochs are too few. With 0.1 and the weak penalty the loss rises in the first
# epochs and stays high; the strong penalty keeps it down. At the two lower rates the weak
# penalty is the better one.

COLOURS = {0.001: "#0072B2", 0.01: "#000000", 0.1: "#D55E00"}
STYLES = {0.001: ":", 0.01: "-", 0.1: "--"}

figure, panels = plt.subplots(1, 2, sharey=True, figsize=(11, 4.2), layout="constrained")
for axes, alpha in zip(panels, [0.1, 10.0], strict=True):
    for i, params in enumerate(candidates):
        if params["alpha"] != alpha:
            continue
        rate = params["learning_rate_init"]
        for _, fit in folds[folds["candidate"] == i].groupby("task"):
            axes.plot(fit["pass"], fit["loss"], color=COLOURS[rate], linewidth=0.6, alpha=0.6)
        axes.plot(curves[i], STYLES[rate], color=COLOURS[rate], linewidth=2.5, label=f"{rate:g}")
    axes.set(title=f"alpha {alpha:g}", xlabel="epoch", yscale="log", xlim=(1, 40))
    axes.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
    axes.set_yticks([], minor=True)
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("loss of the monitor's rows (nats)")
panels[1].legend(title="learning rate", frameon=False)

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
