"""Three handwritten digits that a classifier has not seen, and what it says of them."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmax import SoftmaxMLPClassifier

BLUE, VERMILLION = "#0072B2", "#D55E00"

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
clf = SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train)
P = clf.predict_proba(X_test)

right = P.argmax(axis=1) == y_test
surest = P.max(axis=1).argmax()
in_doubt = np.where(right, P.max(axis=1), 1).argmin()
wrong = np.where(right, 0, P.max(axis=1)).argmax()

figure, axes = plt.subplots(2, 3, figsize=(6.2, 3.7), height_ratios=[1.2, 1], layout="constrained")
for (top, bottom), i, name in zip(
    axes.T, (surest, in_doubt, wrong), ("sure", "in doubt", "wrong"), strict=True
):
    top.imshow(X_test[i].reshape(8, 8), cmap="gray_r")
    top.set(xticks=[], yticks=[])
    top.set_title(f"{name}: {y_test[i]}", fontsize="large")
    bars = bottom.bar(range(10), P[i], color=["0.7"] * 10)
    bars[P[i].argmax()].set_color(BLUE if right[i] else VERMILLION)
    bottom.bar(y_test[i], 1, fill=False, edgecolor="0.2", linestyle="--")
    bottom.set(ylim=(0, 1.05), xticks=range(10), yticks=[])
    bottom.spines[["top", "right", "left"]].set_visible(False)
    bottom.tick_params(length=0)
axes[1, 0].set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
axes[1, 0].set_ylabel("probability")
