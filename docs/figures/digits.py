"""Three digits that a classifier has not seen, what it says, and whether to believe it.

python docs/figures/digits.py docs/digits.png writes the picture of the README.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmax import SoftmaxMLPClassifier

PREDICTED, OTHER, OUTCOME = "#0072B2", "0.78", "0.35"

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
clf = SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train)
P = clf.predict_proba(X_test)
highest = P.max(axis=1)

right = P.argmax(axis=1) == y_test
surest = highest.argmax()
in_doubt = np.where(right, highest, 1).argmin()
surest_mistake = np.where(right, 0, highest).argmax()

plt.rcParams["font.size"] = 12
figure, axes = plt.subplot_mosaic(
    "012;345;666", figsize=(6, 6), height_ratios=[1.25, 1, 1.1], layout="constrained"
)
columns = {"sure": surest, "in doubt": in_doubt, "wrong": surest_mistake}
for number, (name, i) in enumerate(columns.items()):
    digit, bars = axes[str(number)], axes[str(number + 3)]
    digit.imshow(X_test[i].reshape(8, 8), cmap="gray_r")
    digit.set(xticks=[], yticks=[], title=name, xlabel=f"it is a {y_test[i]}")
    classes = P[i].argsort()[-3:]
    colours = [OTHER, OTHER, PREDICTED]
    labels = bars.barh([str(c) for c in classes], P[i, classes], color=colours)
    bars.bar_label(labels, [f"{p:.0%}" for p in P[i, classes]], padding=3)
    bars.set(xlim=(0, 1.5), xticks=[])
    bars.tick_params(length=0)
    bars.spines[:].set_visible(False)
axes["3"].set_ylabel("class")
axes["4"].set_xlabel("probability of the class (blue: its prediction)\n")

groups = {"90 % or more": highest >= 0.9, "below 90 %": highest < 0.9}
panel = axes["6"]
for position, chosen in enumerate(groups.values()):
    for offset, share, colour in (
        (-0.19, highest[chosen].mean(), PREDICTED),
        (0.19, right[chosen].mean(), OUTCOME),
    ):
        bar = panel.barh(position + offset, share, height=0.36, color=colour)
        panel.bar_label(bar, [f"{share:.0%}"], padding=3)
panel.set_yticks(
    range(len(groups)),
    [f"{name}:\n{chosen.sum()} digits" for name, chosen in groups.items()],
)
panel.set(
    xlim=(0, 1.1),
    xticks=[],
    ylim=(1.5, -0.5),
)
panel.text(0.03, -0.19, "its probability, on average", color="white", va="center")
panel.text(0.03, 0.19, "predictions that are right", color="white", va="center")
panel.set_title(f"{len(X_test)} new digits: can you believe it?", pad=2)
panel.tick_params(length=0)
panel.spines[:].set_visible(False)

if len(sys.argv) == 2 and sys.argv[1].endswith(".png"):
    figure.savefig(sys.argv[1], dpi=150)
