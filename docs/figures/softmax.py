"""The logits of the worked example and their softmax."""

import matplotlib.pyplot as plt

from skmax import LogitsDisplay

_, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
LogitsDisplay.from_logits([5, 2, -1, 3], ax=ax)
