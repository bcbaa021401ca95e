"""
A file larger than the memory
=============================

``partial_fit`` takes one step through the rows that it is given, so that a file can be read
in portions, again and again, by a process that could never hold it. Here a limit is set on the
memory of the process itself: to read the whole file is then a MemoryError, to stream it is
not. At the end the limit is lifted, and the stream is compared with a fit in memory.
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
# Handwritten digits, each shifted by up to a pixel in either direction and with some noise:
# 300,000 pictures of 64 numbers, 154 MB in float64. The test pictures are of other digits.

digits, labels = load_digits(return_X_y=True)
train, X_test, y, y_test = train_test_split(digits, labels, stratify=labels, random_state=0)
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
        index = index[:, :, np.newaxis] if axis == 1 else index[:, np.newaxis, :]
        pictures = np.take_along_axis(pictures, np.broadcast_to(index, pictures.shape), axis)
    noisy = pictures.reshape(PORTION, 64) + rng.normal(scale=1.0, size=(PORTION, 64))
    rows[start : start + PORTION] = noisy
    y_train[start : start + PORTION] = y[chosen]
rows.flush()
del rows
print(f"the file has {path.stat().st_size / 1e6:.0f} MB")

# %%
# The limit
# ---------
# The address space may grow by 100 MB from here. Reading the file at once fails.


def address_space():
    """Return the bytes of address space that the process has."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmSize:")[1].split()[0])


unlimited = resource.getrlimit(resource.RLIMIT_AS)
SoftmaxMLPClassifier((128,), max_iter=1).fit(train, y)  # libraries take what they need
resource.setrlimit(resource.RLIMIT_AS, (address_space() + 100_000_000, unlimited[1]))
try:
    np.load(path)
except MemoryError:
    print("reading it as a whole: MemoryError")

# %%
# The stream
# ----------
# Portions are read by their offset in the file, in a new order in each of three passes.
# Nothing calibrates the probabilities of a stream, hence no label smoothing; and each pixel
# says little, hence one view of it.

settings = {"label_smoothing": 0.0, "learning_rate_init": 0.002, "random_state": 0}
settings["numerical_encoding"] = "linear"
stream = SoftmaxMLPClassifier((128,), **settings)
offset = path.stat().st_size - N_ROWS * 64 * 8
scores = []
for _ in range(3):
    for number in rng.permutation(N_ROWS // PORTION):
        first = number * PORTION
        with open(path, "rb") as file:
            file.seek(offset + first * 64 * 8)
            portion = np.fromfile(file, count=PORTION * 64).reshape(PORTION, 64)
        stream.partial_fit(portion, y_train[first : first + PORTION], classes=np.unique(labels))
        scores.append(stream.score(X_test, y_test))
print(f"streaming it: accuracy {scores[-1]:.3f} on the test pictures")

# %%
# In memory
# ---------
# The same number of passes, with the limit lifted.

resource.setrlimit(resource.RLIMIT_AS, unlimited)
memory = SoftmaxMLPClassifier(
    (128,), learning_rate="constant", max_iter=3, tol=0.0, n_iter_no_change=4, **settings,
    temperature_scaling=False, early_stopping=False,
)  # fmt: skip
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # three passes are not meant to converge
    memory.fit(np.load(path), y_train)
score = memory.score(X_test, y_test)
print(f"in memory: {score:.3f}, a difference of {abs(score - scores[-1]):.3f}")

# %%
# The picture
# -----------
# The accuracy after each portion. The line is where the fit in memory ends.

figure, axes = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
axes.plot(np.arange(1, len(scores) + 1) / (N_ROWS // PORTION), scores, label="stream")
axes.axhline(score, color="0.4", linestyle="--", label="in memory, at its end")
axes.set(xlabel="passes over the file", ylabel="accuracy on test pictures", xlim=(0, 3.05))
axes.legend(loc="lower right", frameon=False)
axes.spines[["top", "right"]].set_visible(False)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
