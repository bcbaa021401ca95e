"""
Softmax by hand
===============

You will learn the mathematics of the classifier with a handful of numbers:
from logits to probabilities, from probabilities to a loss, and from the loss
to a gradient. Each statement is checked by code. One step of gradient descent
by hand is compared with that of SoftmaxMLPClassifier. The picture shows what
the classifier does in the plane, without and with hidden layers.
"""

import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skmax import (
    SoftmaxMLPClassifier,
    cross_entropy,
    hardmax,
    one_hot,
    softmax,
)

np.set_printoptions(precision=3, suppress=True)

# %%
# From logits to probabilities
# ----------------------------
# The last layer of the network has one unit for each class. Its outputs z, the
# logits, can be any numbers. Exponentials make them positive. Dividing by
# their sum makes them add up to one.

z = np.array([5.0, 2.0, -1.0, 3.0])
t = np.exp(z)
p = t / t.sum()

print("logits   z          ", z)
print("exp      t          ", t)
print("softmax  t / sum(t) ", p)
np.testing.assert_allclose(p, [0.842, 0.042, 0.002, 0.114], atol=5e-4)
np.testing.assert_allclose(p, softmax(z))

# %%
# Why it is called softmax
# ------------------------
# A hard maximum puts 1 at the largest logit and 0 elsewhere. The softmax is a
# smooth version of it, so it has a derivative: the largest logit gets most,
# and the others get some. The larger the differences between the logits, the
# harder it is.

print("hardmax             ", hardmax(z))
for factor in (0.5, 1, 2, 10):
    print(f"softmax of {factor:>3} z    ", softmax(factor * z))
np.testing.assert_allclose(softmax(100 * z), hardmax(z), atol=1e-12)

# %%
# Two classes: logistic regression
# --------------------------------
# Only differences of logits matter, so with two classes one of them can be 0.
# The softmax then gives the other the logistic function. So softmax regression
# generalises logistic regression to C classes.

logit = np.linspace(-6, 6, 101)
two_logits = np.column_stack([np.zeros_like(logit), logit])
np.testing.assert_allclose(softmax(two_logits)[:, 1], 1 / (1 + np.exp(-logit)))
np.testing.assert_allclose(softmax(two_logits + 7), softmax(two_logits))

# %%
# The loss of one example
# -----------------------
# The ground truth is one-hot: 1 for the true class, 0 for the others. The loss
# is -sum_j y_j log yhat_j. One term of it remains: minus the logarithm of the
# probability of the true class. A small loss means a large probability of the
# true class.

y = np.array([0, 1, 0, 0])
y_hat = np.array([0.3, 0.2, 0.1, 0.4])
loss = -np.sum(y * np.log(y_hat))

print(f"\nloss of one example   -log 0.2 = {loss:.4f}")
np.testing.assert_allclose(loss, -np.log(0.2))
np.testing.assert_allclose(loss, cross_entropy(y, y_hat))

# %%
# The loss of a training set
# --------------------------
# J is the mean of the losses of its examples. Each example is a row of the
# matrix of probabilities, and of that of the ground truth.

rng = np.random.default_rng(0)
labels = np.array([1, 2, 0, 3, 1])
Y = one_hot(labels, n_classes=4)
Z = rng.normal(size=Y.shape)
P = softmax(Z)
J = np.mean([cross_entropy(*row) for row in zip(Y, P, strict=True)])

print(f"mean of five examples        J = {J:.4f}")
np.testing.assert_allclose(J, cross_entropy(Y, P))

# %%
# Backpropagation starts with a difference
# ----------------------------------------
# The derivative of the loss of an example with respect to its logits is dz =
# yhat - y: the probabilities, less 1 at the true class. The chain rule gives
# all other derivatives from it, layer by layer. If you change each logit a
# little, up and down, the loss changes accordingly.


def numerical_derivative(z, y, nudge=1e-6):
    """Return the central differences of the loss of each logit."""

    def loss_of(z):
        return cross_entropy(y, softmax(z))

    return [
        (loss_of(z + step) - loss_of(z - step)) / (2 * nudge)
        for step in nudge * np.eye(len(z))
    ]


dz = softmax(z) - y

print("\ndz = yhat - y        ", dz)
print("finite differences   ", np.array(numerical_derivative(z, y)))
np.testing.assert_allclose(dz, numerical_derivative(z, y), atol=1e-8)

# %%
# One step of gradient descent
# ----------------------------
# Softmax regression has no hidden layer: the logits are Z = X W + b. By the
# chain rule, the gradient of J is X^T dZ / m for the weights, and the column
# sums of dZ / m for the biases, where m is the number of examples. Here W and
# b begin at zero and make one step.

n_classes, m = 4, 200
X, labels = make_blobs(m, centers=n_classes, random_state=0)
W, b = np.zeros((2, n_classes)), np.zeros(n_classes)
learning_rate = 0.1

dZ = softmax(X @ W + b) - one_hot(labels, n_classes)
W_step = W - learning_rate * X.T @ dZ / m
b_step = b - learning_rate * dZ.sum(axis=0) / m

# %%
# The classifier does the same if nothing else is switched on: plain gradient
# descent, no momentum, no penalty, all examples in one batch, and a single
# epoch.

classifier = SoftmaxMLPClassifier(
    hidden_layer_sizes=(),
    solver="sgd",
    learning_rate_init=learning_rate,
    momentum=0,
    alpha=0,
    batch_size=m,
    shuffle=False,
    max_iter=1,
    dtype="float64",
    # and nothing of what the defaults add to the lecture:
    learning_rate="constant",
    learning_rate_scaling=None,
    label_smoothing=0,
    scaling=None,
    temperature_scaling=False,
)
with warnings.catch_warnings():
    # One step does not converge, and the classifier says so.
    warnings.simplefilter("ignore", category=ConvergenceWarning)
    classifier.fit(X, labels, coefs_init=[W], intercepts_init=[b])

print("\nweights after one step, by hand")
print(W_step)
print("and by the classifier")
print(classifier.coefs_[0])
np.testing.assert_allclose(classifier.coefs_[0], W_step, rtol=1e-12)
np.testing.assert_allclose(
    classifier.intercepts_[0], b_step, rtol=1e-12, atol=1e-15
)
# At zero, every class has probability 1/4, so the first loss is log 4.
np.testing.assert_allclose(classifier.loss_, np.log(n_classes))

# %%
# Decision regions
# ----------------
# These fits have many steps, and two features: blobs on a circle, and spirals.
# Half of the points are for the accuracy.


def blobs(n_classes):
    """Return points in a cluster per class, the clusters on a circle."""
    angles = 2 * np.pi * np.arange(n_classes) / n_classes
    centers = np.column_stack([np.sin(angles), np.cos(angles)])
    return make_blobs(
        150 * n_classes, centers=centers, cluster_std=0.22, random_state=0
    )


def spirals(n_classes):
    """Return points along arms around the origin, one for each class."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(n_classes), 150)
    radius = np.sqrt(rng.uniform(0.01, 1, len(labels)))
    noise = rng.normal(0, 0.12, len(labels))
    angle = 2 * np.pi * labels / n_classes + 4.5 * radius + noise
    return 1.4 * np.column_stack(
        [radius * np.sin(angle), radius * np.cos(angle)]
    ), labels


# %%
# At each place, the colours of the classes are mixed in proportion to their
# probabilities. Without hidden layers, the borders between classes are
# straight lines: right for blobs, useless for spirals. Two hidden layers bend
# them.

COLOURS = np.array(
    [  # of Okabe and Ito: any colour vision can tell them apart
        [0, 114, 178],
        [230, 159, 0],
        [0, 158, 115],
        [204, 121, 167],
        [86, 180, 233],
        [213, 94, 0],
    ]
)
EDGE = 1.75
side = np.linspace(-EDGE, EDGE, 200)
plane = np.stack(np.meshgrid(side, side), axis=-1)


def draw_regions(axes, classifier, X, y):
    """Draw the probabilities in the plane, and points on top."""
    colours = COLOURS[: len(classifier.classes_)] / 255
    P = classifier.predict_proba(plane.reshape(-1, 2))
    pale = 0.45 + 0.55 * (P @ colours).reshape(*plane.shape[:2], 3)
    axes.imshow(
        pale,
        origin="lower",
        extent=(-EDGE, EDGE, -EDGE, EDGE),
        interpolation="bilinear",
    )
    axes.scatter(*X.T, s=6, c=colours[y], edgecolors="white", linewidths=0.3)
    axes.set(xticks=[], yticks=[], xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE))


rows = [
    ("Blobs,\nno hidden layer", blobs, ()),
    ("Spirals,\nno hidden layer", spirals, ()),
    ("Spirals,\ntwo hidden layers", spirals, (32, 32)),
]
figure, grid = plt.subplots(3, 3, figsize=(4.8, 5.4), layout="constrained")
for (name, make_points, hidden_layer_sizes), row in zip(
    rows, grid, strict=True
):
    for n_classes, axes in zip((3, 4, 6), row, strict=True):
        X, labels = make_points(n_classes)
        X_train, X_test, y_train, y_test = train_test_split(
            X, labels, test_size=0.5, stratify=labels, random_state=0
        )
        classifier = SoftmaxMLPClassifier(
            hidden_layer_sizes=hidden_layer_sizes,
            activation="tanh",
            solver="lbfgs",
            alpha=0.1,
            max_iter=2000,
            tol=1e-3,
            random_state=0,
        ).fit(X_train, y_train)
        draw_regions(axes, classifier, X_test, y_test)
        accuracy = classifier.score(X_test, y_test)
        axes.set_title(f"{n_classes} classes: {accuracy:.0%}", fontsize=10)
    row[0].set_ylabel(name)
figure.suptitle("Classes and test accuracy")

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
