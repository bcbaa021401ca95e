"""
A file larger than the memory
=============================

You will learn how to train on a file that does not fit into memory.
``partial_fit`` trains on the rows that you give it, so you can read the file
in portions, again and again. This page limits the memory of its own process.
Reading the whole file is then a MemoryError, and streaming it is not. At the
end, the limit is lifted, and the stream is compared with a fit in memory.
"""

import resource
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmax import SoftmaxMLPClassifier

# %%
# The file
# --------
# The rows are handwritten digits, shifted by up to a pixel in either
# direction, with some noise: 300,000 pictures of 64 numbers, 154 MB in
# float64. The test pictures show other digits.

digits, labels = load_digits(return_X_y=True)
train, X_test, y, y_test = train_test_split(
    digits, labels, stratify=labels, random_state=0
)
rng = np.random.default_rng(0)
path = Path(tempfile.mkdtemp()) / "rows.npy"
N_ROWS, PORTION = 300_000, 10_000

rows = np.lib.format.open_memmap(path, "w+", np.float64, (N_ROWS, 64))
y_train = np.empty(N_ROWS, dtype=int)
for start in range(0, N_ROWS, PORTION):
    chosen = rng.integers(len(train), size=PORTION)
    pictures = train[chosen].reshape(-1, 8, 8)
    for axis in (1, 2):
        shift = rng.integers(-1, 2, size=PORTION)
        index = np.clip(np.arange(8) - shift[:, np.newaxis], 0, 7)
        index = np.expand_dims(index, 3 - axis)
        index = np.broadcast_to(index, pictures.shape)
        pictures = np.take_along_axis(pictures, index, axis)
    noise = rng.normal(scale=1.0, size=(PORTION, 64))
    rows[start : start + PORTION] = pictures.reshape(PORTION, 64) + noise
    y_train[start : start + PORTION] = y[chosen]
rows.flush()
del rows
print(f"the file has {path.stat().st_size / 1e6:.0f} MB")

# %%
# The limit
# ---------
# From here on, the address space may grow by 100 MB. Reading the file at once
# fails.


def address_space():
    """Return the bytes of address space that the process has."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmSize:")[1].split()[0])


unlimited = resource.getrlimit(resource.RLIMIT_AS)
SoftmaxMLPClassifier((128,), max_iter=1).fit(train, y)  # loads all libraries
limit = address_space() + 100_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, unlimited[1]))
try:
    np.load(path)
except MemoryError:
    print("reading it as a whole: MemoryError")

# %%
# The stream
# ----------
# Portions are read by their offset in the file, in a new order in each of
# three epochs. Nothing calibrates the probabilities of a stream, so labels are
# not smoothed. Each pixel says little, so one view of it is enough.

settings = {
    "label_smoothing": 0.0,
    "learning_rate_init": 0.002,
    "numerical_encoding": "linear",
    "random_state": 0,
}
stream = SoftmaxMLPClassifier((128,), **settings)
offset = path.stat().st_size - N_ROWS * 64 * 8
scores = []
for _ in range(3):
    for number in rng.permutation(N_ROWS // PORTION):
        first = number * PORTION
        with open(path, "rb") as file:
            file.seek(offset + first * 64 * 8)
            portion = np.fromfile(file, count=PORTION * 64)
        portion = portion.reshape(PORTION, 64)
        targets = y_train[first : first + PORTION]
        stream.partial_fit(portion, targets, classes=np.unique(labels))
        scores.append(stream.score(X_test, y_test))
print(f"streaming it: accuracy {scores[-1]:.3f} on the test pictures")

# %%
# In memory
# ---------
# This fit has the same number of epochs, and no limit.

resource.setrlimit(resource.RLIMIT_AS, unlimited)
memory = SoftmaxMLPClassifier(
    (128,),
    learning_rate="constant",
    max_iter=3,
    tol=0.0,
    n_iter_no_change=4,
    temperature_scaling=False,
    early_stopping=False,
    **settings,
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # three epochs are not meant to converge
    memory.fit(np.load(path), y_train)
score = memory.score(X_test, y_test)
print(f"in memory: {score:.3f}, a difference of {abs(score - scores[-1]):.3f}")

# %%
# The picture
# -----------
# The curve is the accuracy after each portion. The dashed line is that of the
# fit in memory, at its end.

figure, axes = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
epochs = np.arange(1, len(scores) + 1) / (N_ROWS // PORTION)
axes.plot(epochs, scores, color="#0072B2", label="stream")
axes.axhline(score, color="0.4", linestyle="--", label="in memory, at its end")
axes.set(xlabel="epochs", ylabel="accuracy on test pictures", xlim=(0, 3.05))
axes.legend(loc="lower right", frameon=False)
axes.spines[["top", "right"]].set_visible(False)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
