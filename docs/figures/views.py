"""What each of two views makes of a threshold and of a slope, and what their mean makes of it."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from skmax import SoftmaxMLPClassifier

# Okabe and Ito's colours, which readers with any colour vision can tell apart.
NUMBER, BINS = "#0072B2", "#D55E00"
VIEWS = {
    "linear": ("one view: the number", NUMBER, 1.8),
    "piecewise_linear": ("one view: the number and its bins", BINS, 1.8),
    "both": ("two views: the mean", "black", 2.6),
}
LAST = 5.0


def threshold(x):
    return np.where(x < 0.7, 0.1, 0.9)


def slope(x):
    return 1.0 / (1.0 + np.exp(1.5 - x))


rng = np.random.default_rng(6)
x = np.exp(rng.normal(size=300))
chance = rng.uniform(size=300)
shown = np.linspace(0.0, LAST, 501)
test = np.exp(np.random.default_rng(0).normal(size=5000))

figure, (inputs, *panels) = plt.subplots(1, 3, figsize=(9.5, 3.9), layout="constrained")
edges = np.quantile(x, [0.0, 0.25, 0.5, 0.75, 1.0], method="inverted_cdf")
for t, (start, stop) in enumerate(pairwise(edges)):
    component = np.clip((shown - start) / (stop - start), 0.0, 1.0)
    inputs.plot(shown, component + 1.4 * (3 - t), color=BINS, lw=1.8)
    inputs.text(LAST, 1.4 * (3 - t) + 0.35, f"bin {t + 1} ", color=BINS, ha="right")
inputs.plot(shown, shown / LAST + 5.6, color=NUMBER, lw=1.8)
inputs.text(LAST, 5.65, "the number ", color=NUMBER, ha="right")
inputs.plot(x, np.full(len(x), -0.45), "|", color="0.5", ms=7, alpha=0.4)
inputs.set(title="what the towers see", xlabel="x (ticks: the rows)", xlim=(0, LAST), yticks=[])

for ax, truth, name in zip(panels, (threshold, slope), ("a threshold", "a slope"), strict=True):
    truly = ax.plot(shown, truth(shown), color="0.75", lw=5, label="the truth")
    for i, (encoding, (label, colour, width)) in enumerate(VIEWS.items()):
        clf = SoftmaxMLPClassifier((128, 64), numerical_encoding=encoding, random_state=0)
        clf.fit(x[:, np.newaxis], chance < truth(x))
        P = clf.predict_proba(shown[:, np.newaxis])[:, 1]
        ax.plot(shown, P, color=colour, lw=width, label=label)
        error = np.abs(clf.predict_proba(test[:, np.newaxis])[:, 1] - truth(test)).mean()
        ax.text(
            0.96,
            0.24 - 0.09 * i,
            f"off by {error:.3f}",
            color=colour,
            ha="right",
            transform=ax.transAxes,
        )
    ax.set(title=name, xlabel="x", ylabel="P(class 1)", xlim=(0, LAST), ylim=(0, 1))
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
