"""What a probability of the true class costs."""

import matplotlib.pyplot as plt
import numpy as np

p = np.linspace(0.005, 1, 400)
_, ax = plt.subplots(figsize=(6, 2.9), layout="constrained")
ax.plot(p, -np.log(p), color="#0072B2")
for probability, text in ((0.2, "-log 0.2 = 1.609"), (0.9, "-log 0.9 = 0.105")):
    point = probability, -np.log(probability)
    ax.plot(*point, "o", color="#D55E00")
    ax.annotate(
        text,
        point,
        xytext=(8, 12),
        textcoords="offset points",
        ha="left" if point[0] < 0.5 else "right",
    )
ax.set(xlim=(0, 1), ylim=(0, 5), xlabel="probability of the true class", ylabel="loss (nats)")
ax.spines[["top", "right"]].set_visible(False)
ax.grid(alpha=0.25)
