"""Probabilities in the plane: softmax regression, and a network with two hidden layers."""

import matplotlib.pyplot as plt
import numpy as np

from skmax import SoftmaxMLPClassifier

# Okabe and Ito's colours, which readers with any colour vision can tell apart.
COLOURS = np.array([[0, 114, 178], [230, 159, 0], [0, 158, 115]]) / 255
EDGE = 1.6

rng = np.random.default_rng(0)
labels = np.repeat(np.arange(3), 120)
radius = np.sqrt(rng.uniform(0.01, 1, len(labels)))
angle = 2 * np.pi * labels / 3 + 4 * radius + rng.normal(0, 0.15, len(labels))
X = 1.4 * np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])

side = np.linspace(-EDGE, EDGE, 160)
plane = np.stack(np.meshgrid(side, side), axis=-1)
_, panels = plt.subplots(1, 2, figsize=(7, 3.7), layout="constrained")
for ax, hidden, name in zip(
    panels, ((), (32, 32)), ("no hidden layer", "two hidden layers"), strict=True
):
    clf = SoftmaxMLPClassifier(
        hidden,
        activation="tanh",
        solver="lbfgs",
        alpha=0.1,
        max_iter=2000,
        tol=1e-3,
        random_state=0,
    ).fit(X, labels)
    P = clf.predict_proba(plane.reshape(-1, 2))
    mixed = 0.45 + 0.55 * (P @ COLOURS).reshape(len(side), len(side), 3)
    ax.imshow(mixed, origin="lower", extent=(-EDGE, EDGE, -EDGE, EDGE), interpolation="bilinear")
    ax.scatter(*X.T, s=10, c=COLOURS[labels], edgecolors="white", linewidths=0.4)
    ax.set(xticks=[], yticks=[], title=f"{name}: accuracy {clf.score(X, labels):.2f}")
