"""The worked example with a true class: loss and gradient in one picture."""

import matplotlib.pyplot as plt

from skmax import LogitsDisplay

_, ax = plt.subplots(figsize=(6, 2.9), layout="constrained")
LogitsDisplay.from_logits([5, 2, -1, 3], y_true=1, ax=ax)
