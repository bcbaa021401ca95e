"""
Export to ONNX
==============

You will learn how to use a trained classifier without Python: in a service, a
browser or a telephone. ONNX is a file format for that. This page exports a
network for handwritten digits and reads the file with onnxruntime. It asks
whether the probabilities are the same, and how long a prediction takes.

It needs the extra ``export`` of skmax, matplotlib and onnxruntime.
"""


# sphinx_gallery_parallel = False

import tempfile
import textwrap
import timeit
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnx
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

import skmax.onnx  # registers the converter

# %%
# Train
# -----
# The classifier scales the pixels, and divides its logits by a temperature.
# Both are part of the file.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, stratify=y, random_state=0
)

clf = skmax.SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train)
print(f"test accuracy       {clf.score(X_test, y_test):.3f}")

# %%
# Export
# ------
# The rows for ``to_onnx`` say how many features there are, and in which
# precision the file computes. Without ``zipmap=False``, the probabilities
# would be a list of dicts, which takes longer than the network itself.


def export(rows):
    return to_onnx(clf, rows[:1], options={"zipmap": False})


path = Path(tempfile.mkdtemp()) / "digits.onnx"
path.write_bytes(export(X_train.astype(np.float32)).SerializeToString())
print(f"{path.name}         {path.stat().st_size / 1000:.0f} kB")
nodes = [node.op_type for node in onnx.load(path).graph.node]
print(textwrap.fill(f"its nodes: {' '.join(nodes)}", 75))

# %%
# Predict
# -------
# From here on, a program would need neither skmax nor scikit-learn.

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options)
labels, P = session.run(
    ["label", "probabilities"], {"X": X_test.astype(np.float32)}
)

print(f"equal labels        {np.mean(labels == clf.predict(X_test)):.1%}")
print(f"largest difference  {np.abs(P - clf.predict_proba(X_test)).max():.1e}")

# %%
# The same probabilities
# ----------------------
# Numbers in float32 have about seven digits, and each step of the network
# rounds to as many. So a probability is off by a few roundings, in proportion
# to itself: one in a million keeps as many digits as one near 1. A file for
# float64 rows keeps all digits.

expected = clf.predict_proba(X_test)
double = onnxruntime.InferenceSession(export(X_train).SerializeToString())
P_double = double.run(["probabilities"], {"X": X_test})[0]
off = {
    np.float32: np.abs(P / expected - 1),
    np.float64: np.abs(P_double / expected - 1),
}
print("\nprecision  relative difference: median   largest   one rounding")
for dtype, difference in off.items():
    median, largest = np.median(difference), difference.max()
    rounding = np.finfo(dtype).eps
    print(
        f"{dtype.__name__:<31}{median:>10.1e}{largest:>10.1e}{rounding:>15.1e}"
    )

# %%
# The time of a prediction
# ------------------------
# For one row, most of the time is not the network. skmax checks the row and
# calls NumPy a dozen times, and onnxruntime does little of that. For many
# rows, most of the time is matrix products. They are float32 in the file, and
# float64 in the classifier, because it was fitted to float64 rows. Both use
# one thread here, and each time is the least of 50.

sizes = [1, 10, 100, 1000]
many = np.tile(X_test, (3, 1)).astype(np.float32)


def least_time(predict, rows):
    calls = 1 + 30 // len(rows)
    with threadpool_limits(1):
        return (
            min(timeit.repeat(lambda: predict(rows), number=calls, repeat=50))
            / calls
        )


def run(rows):
    return session.run(["probabilities"], {"X": rows})


milliseconds = {
    name: [1000 * least_time(predict, many[:n_rows]) for n_rows in sizes]
    for name, predict in {
        "skmax": clf.predict_proba,
        "onnxruntime": run,
    }.items()
}
print("\nms for rows " + "".join(f"{n_rows:>9}" for n_rows in sizes))
for name, times in milliseconds.items():
    print(f"{name:<12}" + "".join(f"{time:>9.3f}" for time in times))

# %%
# Time over rows
# --------------

BLUE, ORANGE = "#0072B2", "#D55E00"
figure, axes = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
colours = {"skmax": BLUE, "onnxruntime": ORANGE}
for name, times in milliseconds.items():
    axes.loglog(sizes, times, "o-", color=colours[name], label=name)
axes.set(xlabel="rows at a time", ylabel="time of a prediction (ms)")
axes.set_xticks(sizes, [str(n_rows) for n_rows in sizes])
axes.yaxis.set_major_formatter("{x:g}")
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)

# %%
# Differences of probabilities
# ----------------------------
# Each dot is one probability of one row. Lines show the size of one rounding.

figure, axes = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
for dtype, colour in {np.float32: "#8FC1E3", np.float64: BLUE}.items():
    shown = off[dtype] > 0  # equal bits have no logarithm
    name = f"{dtype.__name__} rows"
    axes.loglog(
        expected[shown], off[dtype][shown], ".", ms=2, color=colour, label=name
    )
    axes.axhline(np.finfo(dtype).eps, color=colour, lw=1)
axes.set(xlabel="probability", ylabel="relative difference", ylim=(None, 1e-2))
axes.legend(frameon=False, markerscale=4)
axes.spines[["top", "right"]].set_visible(False)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_name("onnx_differences.png"), dpi=150)
