"""
Quickstart: handwritten digits
==============================

You will learn how to fit the classifier, score it, and read its probabilities.
The data are scikit-learn's pictures of handwritten digits, 8 by 8 pixels each.
The classifier takes the pixels as they are, and nothing is tuned. It is
compared with MLPClassifier, and scored on digits that it has not seen.
"""

# sphinx_gallery_parallel = False

import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_validate, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmax import SoftmaxMLPClassifier, cross_entropy, one_hot

# %%
# The data
# --------
# There are 1797 pictures of 64 pixels, and ten classes. A quarter is kept for
# the end.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, stratify=y, random_state=0
)

# %%
# The model
# ---------
# SoftmaxMLPClassifier scales the pixels, chooses its training time on held-out
# rows, and calibrates its probabilities. MLPClassifier needs a scaler before
# it. Both have their default settings.

model = SoftmaxMLPClassifier(random_state=0)
mlp = make_pipeline(StandardScaler(), MLPClassifier(random_state=0))

# %%
# Cross-validation
# ----------------
# Accuracy counts right answers. Log loss, the mean cross-entropy, also says
# how honest the probabilities are: lower is better. Both models see the same
# folds. MLPClassifier warns if its 200 epochs are too few to converge. This
# comparison is about defaults, so that one warning is silenced.

settings = {"cv": 5, "scoring": ("accuracy", "neg_log_loss")}
folds = cross_validate(model, X_train, y_train, **settings)
with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
    folds_of_mlp = cross_validate(mlp, X_train, y_train, **settings)

print(f"{'5-fold cross-validation':<31}{'accuracy':<18}log loss")
for name, scores in {
    "SoftmaxMLPClassifier": folds,
    "StandardScaler, MLPClassifier": folds_of_mlp,
}.items():
    accuracies, losses = scores["test_accuracy"], -scores["test_neg_log_loss"]
    print(
        f"{name:<31}{accuracies.mean():.3f} +- {accuracies.std():.3f}"
        f"    {losses.mean():.3f} +- {losses.std():.3f}"
    )

# %%
# Scores of new digits
# --------------------
# ``fit`` needs rows and labels. The final network is trained on all of them.

model.fit(X_train, y_train)
P_test = model.predict_proba(X_test)
Y_test = one_hot(y_test, n_classes=10)

print(f"\n{len(y_test)} digits that were not trained on")
print(f"  accuracy  {model.score(X_test, y_test):.3f}")
print(f"  log loss  {cross_entropy(Y_test, P_test):.3f}")

# %%
# Probabilities and their loss
# ----------------------------
# The loss of a digit is minus the logarithm of the probability of its true
# class. It is near zero for a sure and right answer, and large for a sure and
# wrong one. These are the first five test digits, and then the two with the
# largest loss.

row_loss = -np.log(P_test[np.arange(len(y_test)), y_test])
np.testing.assert_allclose(row_loss.mean(), cross_entropy(Y_test, P_test))

costliest = row_loss.argsort()[:-3:-1]
columns = "".join(f" p({digit})" for digit in range(10))
print(f"\ntrue  predicted  {columns}    loss")
for i in [*range(5), *costliest]:
    probabilities = "".join(f"{p:5.2f}" for p in P_test[i])
    answer = f"{y_test[i]:>4}  {P_test[i].argmax():>9}"
    print(f"{answer}  {probabilities}{row_loss[i]:8.3f}")

# %%
# The least sure predictions
# --------------------------
# These are the eight test digits whose predicted class has the lowest
# probability. Blue predictions are right, and orange ones are wrong.

BLUE, ORANGE = "#0072B2", "#D55E00"

predicted, confidence = P_test.argmax(axis=1), P_test.max(axis=1)
least_sure = confidence.argsort()[:8]

figure, panels = plt.subplots(2, 4, figsize=(4.8, 3.6), layout="constrained")
for axes, i in zip(panels.flat, least_sure, strict=True):
    is_right = predicted[i] == y_test[i]
    axes.imshow(X_test[i].reshape(8, 8), cmap="gray_r")
    axes.set(xticks=[], yticks=[], xlabel=f"it is a {y_test[i]}")
    axes.set_title(
        f"{predicted[i]}? {confidence[i]:.0%}",
        color=BLUE if is_right else ORANGE,
        fontsize=11,
    )
figure.suptitle("Predicted class and its probability")
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)

# %%
# Watch a fit
# -----------
# If you give validation rows to ``fit``, it does not train on them, and
# records their loss after each epoch. They replace the held-out fits. The
# learning rate falls to zero four times, in cycles that are each twice as long
# as the one before. Early stopping compares the validation loss where the
# second, the third and the fourth cycle end. The first cycle without an
# improvement ends the fit. Then the temperature is fitted to the same rows, so
# their loss looks a little too good.

X_fit, X_val, y_fit, y_val = train_test_split(
    X_train, y_train, test_size=0.2, stratify=y_train, random_state=0
)
watched = clone(model).fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
Y_val = one_hot(y_val, n_classes=10)
calibrated_loss = cross_entropy(Y_val, watched.predict_proba(X_val))

last_loss = watched.validation_loss_curve_[-1]
print(f"\nloss of {len(y_val)} validation digits")
print(f"  after {watched.n_iter_} epochs         {last_loss:.3f}")
print(f"  with temperature {watched.temperature_:.2f}  {calibrated_loss:.3f}")

# %%
# The training loss includes the penalty and the smoothed labels. Smoothed
# labels make a network underconfident, and the temperature corrects that: the
# dot is the validation loss with it. Dotted lines show where cycles end.

epochs = np.arange(1, watched.n_iter_ + 1)
cycle_ends = np.cumsum([4, 8, 16, 32])  # of the 60 epochs that are the default
cycle_ends = cycle_ends[cycle_ends <= watched.n_iter_]

figure, axes = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
for end in cycle_ends:
    axes.axvline(end, color="0.6", linestyle=":", clip_on=False)
axes.plot(epochs, watched.loss_curve_, "--", color=BLUE, label="training")
axes.plot(
    epochs, watched.validation_loss_curve_, color=BLUE, label="validation"
)
axes.plot(
    epochs[-1],
    calibrated_loss,
    "o",
    color=BLUE,
    clip_on=False,
    label="validation, with temperature",
)
axes.set(xlabel="epoch (labelled where a cycle ends)", ylabel="loss (nats)")
axes.set(xlim=(1, epochs[-1]), xticks=cycle_ends, yscale="log")
ticks = [0.05, 0.1, 0.2, 0.5, 1, 2]
axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
axes.set_yticks([], minor=True)
axes.grid(axis="y", alpha=0.25)
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
figure.suptitle("Learning curve")
if "__file__" in globals():
    figure.savefig(Path(__file__).with_name("quickstart_curve.png"), dpi=150)
