"""
Quickstart: handwritten digits
==============================

A neural network with a softmax output reads scikit-learn's 8 by 8 pictures of handwritten
digits. It is cross-validated, fitted while a validation set is watched, and scored on
digits that it has never seen. Its probabilities say how sure it is, and the cross-entropy
says what each of them costs. At the end we look at the digits it is least sure of.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_validate, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

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
# A pipeline like any other: pixels are brought to [0, 1], then classified. The cosine
# schedule takes the learning rate down to zero over ``max_iter`` epochs, so that the fit
# ends with its schedule and there is no stopping rule to tune.

model = Pipeline(
    [
        ("scale", MinMaxScaler()),
        (
            "classify",
            SoftmaxMLPClassifier(
                hidden_layer_sizes=(128,),
                alpha=1.0,
                batch_size=32,
                learning_rate_init=0.01,
                learning_rate="cosine",
                max_iter=30,
                random_state=0,
            ),
        ),
    ]
)

# %%
# Cross-validation
# ----------------
# Accuracy counts mistakes. Log loss, the mean cross-entropy, also asks how sure the model
# was of each answer: it is what the fit minimises.

folds = cross_validate(model, X_train, y_train, cv=5, scoring=("accuracy", "neg_log_loss"))
accuracies, losses = folds["test_accuracy"], -folds["test_neg_log_loss"]

print("5-fold cross-validation")
print(f"  accuracy  {accuracies.mean():.3f} +- {accuracies.std():.3f}")
print(f"  log loss  {losses.mean():.3f} +- {losses.std():.3f}")

# %%
# A fit with a learning curve
# ---------------------------
# Validation rows given to ``fit`` are not trained on: their loss is recorded after each
# epoch. They skip the pipeline's first step, so we scale them ourselves.

X_fit, X_val, y_fit, y_val = train_test_split(
    X_train, y_train, test_size=0.2, stratify=y_train, random_state=0
)
scaler = MinMaxScaler().fit(X_fit)
model.fit(X_fit, y_fit, classify__X_val=scaler.transform(X_val), classify__y_val=y_val)
classifier = model["classify"]

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
# The picture
# -----------
# On the left, the loss of the training rows (which includes the penalty on the weights) and
# of the validation rows. On the right, the eight held-out digits whose predicted class has
# the lowest probability.

BLUE, VERMILLION = "#0072B2", "#D55E00"

predicted, confidence = P_test.argmax(axis=1), P_test.max(axis=1)
least_sure = confidence.argsort()[:8]

figure = plt.figure(figsize=(11, 4.4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.15], wspace=0.04)

epochs = np.arange(1, classifier.n_iter_ + 1)
axes = left.subplots()
axes.plot(epochs, classifier.loss_curve_, color=BLUE, label="training, with penalty")
axes.plot(epochs, classifier.validation_loss_curve_, "--", color=VERMILLION, label="validation")
axes.set(xlabel="epoch", ylabel="loss (nats)", yscale="log", xlim=(1, epochs[-1]))
axes.set_yticks([0.1, 0.2, 0.5, 1], ["0.1", "0.2", "0.5", "1"])
axes.grid(which="both", alpha=0.25)
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
