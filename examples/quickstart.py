"""
Quickstart: handwritten digits
==============================

A neural network with a softmax output reads scikit-learn's 8 by 8 pictures of handwritten
digits. It takes the pixels as they are, and nothing is tuned. It is cross-validated beside
scikit-learn's MLPClassifier, and scored on digits that it has never seen. Its
probabilities say how sure it is, and the cross-entropy says what each of them costs. At
the end we watch a fit epoch by epoch, and look at the digits the network is least sure of.
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
# 1797 pictures of 64 pixels, ten classes. A quarter is put aside for the end.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The model
# ---------
# It scales the pixels itself, asks a held-out fit how long to train, and calibrates its
# probabilities. The peer needs a scaler before it, and is left at its defaults too.

model = SoftmaxMLPClassifier(random_state=0)
peer = make_pipeline(StandardScaler(), MLPClassifier(random_state=0))

# %%
# Cross-validation
# ----------------
# Accuracy counts mistakes. Log loss, the mean cross-entropy, also asks how sure a model was
# of each answer. Both models see the same five folds. (The networks differ in size, too:
# these are the defaults of either class.)

settings = {"cv": 5, "scoring": ("accuracy", "neg_log_loss")}
folds = cross_validate(model, X_train, y_train, **settings)
# The peer warns where its default of 200 epochs was not enough for it to converge. It is
# meant to be compared at its defaults, so that this one warning is silenced.
with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
    folds_of_peer = cross_validate(peer, X_train, y_train, **settings)

print(f"{'5-fold cross-validation':<31}{'accuracy':<18}log loss")
for name, scores in {
    "SoftmaxMLPClassifier": folds,
    "StandardScaler, MLPClassifier": folds_of_peer,
}.items():
    accuracies, losses = scores["test_accuracy"], -scores["test_neg_log_loss"]
    print(
        f"{name:<31}{accuracies.mean():.3f} +- {accuracies.std():.3f}"
        f"    {losses.mean():.3f} +- {losses.std():.3f}"
    )

# %%
# Held-out scores
# ---------------
# ``fit`` needs no more than rows and labels. The network is trained on all the rows that
# it is given: only the held-out fit does without some.

model.fit(X_train, y_train)
P_test = model.predict_proba(X_test)
Y_test = one_hot(y_test, n_classes=10)

print(f"\n{len(y_test)} held-out digits")
print(f"  accuracy  {model.score(X_test, y_test):.3f}")
print(f"  log loss  {cross_entropy(Y_test, P_test):.3f}")

# %%
# Probabilities and what they cost
# --------------------------------
# The loss of one digit is minus the logarithm of the probability of its true class: near
# zero for a sure and right answer, large for a sure and wrong one. Here are the first five
# held-out digits, and below them the two that cost most.

row_loss = -np.log(P_test[np.arange(len(y_test)), y_test])
np.testing.assert_allclose(row_loss.mean(), cross_entropy(Y_test, P_test))

costliest = row_loss.argsort()[:-3:-1]
print("\ntrue  predicted  " + "".join(f"   p({digit})" for digit in range(10)) + "    loss")
for i in [*range(5), *costliest]:
    probabilities = "".join(f"{p:7.3f}" for p in P_test[i])
    print(f"{y_test[i]:>4}  {P_test[i].argmax():>9}  {probabilities}{row_loss[i]:8.3f}")

# %%
# A fit that is watched
# ---------------------
# Validation rows given to ``fit`` are not trained on: their loss is recorded after each
# epoch. They also do what is otherwise the task of a held-out fit. The learning rate falls to
# zero four times, in cycles that are each twice as long as the one before. Early stopping
# compares the validation loss where the second, the third and the fourth cycle end. The
# first that is no improvement ends the fit, and the best network is kept. At last its
# temperature is fitted to the same rows, so that their loss flatters it a little.

X_fit, X_val, y_fit, y_val = train_test_split(
    X_train, y_train, test_size=0.2, stratify=y_train, random_state=0
)
watched = clone(model).fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
calibrated_loss = cross_entropy(one_hot(y_val, n_classes=10), watched.predict_proba(X_val))

print(f"\nwatched on {len(y_val)} validation digits for {watched.n_iter_} epochs")
print(f"  log loss after the last epoch   {watched.validation_loss_curve_[-1]:.3f}")
print(f"  log loss with temperature {watched.temperature_:.2f}  {calibrated_loss:.3f}")

# %%
# The picture
# -----------
# On the left, the loss of the training rows (whose labels are smoothed, and which includes
# the penalty on the weights) and of the validation rows, as they are before there is a
# temperature. Smoothed labels make a network too timid: the temperature mends that, and the
# dot is the loss with it. Dotted lines show where cycles end. On the right, the eight
# held-out digits whose predicted class has the lowest probability.

BLUE, VERMILLION = "#0072B2", "#D55E00"

predicted, confidence = P_test.argmax(axis=1), P_test.max(axis=1)
least_sure = confidence.argsort()[:8]

figure = plt.figure(figsize=(11, 4.4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.15], wspace=0.04)

epochs = np.arange(1, watched.n_iter_ + 1)
cycle_ends = np.cumsum([4, 8, 16, 32])  # of the 60 epochs that are the default
cycle_ends = cycle_ends[cycle_ends <= watched.n_iter_]

axes = left.subplots()
for end in cycle_ends:
    axes.axvline(end, color="0.6", linestyle=":", clip_on=False)
axes.plot(epochs, watched.loss_curve_, color=BLUE, label="training, as minimised")
axes.plot(epochs, watched.validation_loss_curve_, "--", color=VERMILLION, label="validation")
axes.plot(
    epochs[-1],
    calibrated_loss,
    "o",
    color=VERMILLION,
    clip_on=False,
    label="validation, with temperature",
)
axes.set(xlabel="epoch (labelled where a cycle ends)", ylabel="loss (nats)", yscale="log")
axes.set(xlim=(1, epochs[-1]), xticks=cycle_ends)
axes.set_yticks([0.05, 0.1, 0.2, 0.5, 1, 2], ["0.05", "0.1", "0.2", "0.5", "1", "2"])
axes.set_yticks([], minor=True)
axes.grid(axis="y", alpha=0.25)
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
left.suptitle("Learning curve")

for axes, i in zip(right.subplots(2, 4).flat, least_sure, strict=True):
    is_right = predicted[i] == y_test[i]
    axes.imshow(X_test[i].reshape(8, 8), cmap="gray_r")
    axes.set(xticks=[], yticks=[])
    axes.set_title(
        f"true {y_test[i]}\npredicted {predicted[i]} ({confidence[i]:.0%})",
        color=BLUE if is_right else VERMILLION,
        fontsize=10,
    )
right.suptitle("Least sure of (blue: right, orange: wrong)")

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
