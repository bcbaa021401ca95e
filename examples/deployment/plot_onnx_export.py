"""
Export to ONNX
==============

A classifier that is trained here may have to work where there is no Python: in a service,
a browser, a telephone. ONNX is a file format for that. This page exports a network for
handwritten digits, reads the file with onnxruntime, and looks at two questions: are the
probabilities the same, and how long does a prediction take? The picture answers both.

It needs ``pip install skmax[export,plot] onnxruntime``.
"""

# sphinx_gallery_parallel = False

import tempfile
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
# The classifier scales the pixels itself, and divides its logits by a temperature. Both are
# part of what is exported.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

clf = skmax.SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train)
print(f"held-out accuracy   {clf.score(X_test, y_test):.3f}")

# %%
# Export
# ------
# The rows given to ``to_onnx`` say how many features there are, and in which precision the
# file is to compute. Without ``zipmap=False`` probabilities would be a list of dicts, which
# takes longer than the network itself.


def export(rows):
    return to_onnx(clf, rows[:1], options={"zipmap": False})


path = Path(tempfile.mkdtemp()) / "digits.onnx"
path.write_bytes(export(X_train.astype(np.float32)).SerializeToString())
print(f"{path.name}         {path.stat().st_size / 1000:.0f} kB")
print("its nodes          ", *(node.op_type for node in onnx.load(path).graph.node))

# %%
# Predict
# -------
# From here on, skmax and scikit-learn would not be needed.

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options)
labels, P = session.run(["label", "probabilities"], {"X": X_test.astype(np.float32)})

print(f"equal labels        {np.mean(labels == clf.predict(X_test)):.1%}")
print(f"largest difference  {np.abs(P - clf.predict_proba(X_test)).max():.1e}")

# %%
# The same probabilities
# ----------------------
# Numbers in float32 have about seven digits. Each step of the network rounds to as many, so
# that a probability is off by a few roundings, in proportion to itself: one in a million
# keeps its digits as well as one near 1. A file for float64 rows has all of them.

expected = clf.predict_proba(X_test)
double = onnxruntime.InferenceSession(export(X_train).SerializeToString())
P_double = double.run(["probabilities"], {"X": X_test})[0]
off = {
    np.float32: np.abs(P / expected - 1),
    np.float64: np.abs(P_double / expected - 1),
}
print("\nprecision  relative difference: median   largest   one rounding")
for dtype, difference in off.items():
    print(
        f"{dtype.__name__:<31}{np.median(difference):>10.1e}{difference.max():>10.1e}"
        f"{np.finfo(dtype).eps:>15.1e}"
    )

# %%
# The time of a prediction
# ------------------------
# Of one row, most of the time is not the network: skmax checks the row and calls NumPy a
# dozen times, and onnxruntime does little of that. Of many rows most is matrix products,
# which are float32 in the file and float64 in the classifier, as it was fitted on float64
# rows. Both have one thread here, and each time is the least of 50.

sizes = [1, 10, 100, 1000]
many = np.tile(X_test, (3, 1)).astype(np.float32)


def least_time(predict, rows):
    calls = 1 + 30 // len(rows)
    with threadpool_limits(1):
        return min(timeit.repeat(lambda: predict(rows), number=calls, repeat=50)) / calls


def run(rows):
    return session.run(["probabilities"], {"X": rows})


milliseconds = {
    name: [1000 * least_time(predict, many[:n_rows]) for n_rows in sizes]
    for name, predict in {"skmax": clf.predict_proba, "onnxruntime": run}.items()
}
print("\nms for rows " + "".join(f"{n_rows:>9}" for n_rows in sizes))
for name, times in milliseconds.items():
    print(f"{name:<12}" + "".join(f"{time:>9.3f}" for time in times))

# %%
# Both in one picture
# -------------------

BLUE, ORANGE = "#0072B2", "#D55E00"
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")

for dtype, colour in {np.float32: ORANGE, np.float64: BLUE}.items():
    shown = off[dtype] > 0  # equal bits have no logarithm
    left.loglog(expected[shown], off[dtype][shown], ".", ms=2, alpha=0.4, color=colour)
    left.axhline(np.finfo(dtype).eps, color=colour, lw=1)
    left.annotate(
        f"{dtype.__name__} rows (line: one rounding)",
        (expected.min(), off[dtype].max()),
        xytext=(0, 6),
        textcoords="offset points",
        color=colour,
    )
left.set(
    xlabel="probability",
    ylabel="relative difference",
    title="Probabilities differ by a few roundings",
    ylim=(None, 1e-4),
)

for (name, times), colour in zip(milliseconds.items(), [BLUE, ORANGE], strict=True):
    right.loglog(sizes, times, "o-", color=colour)
    right.annotate(
        name, (sizes[1], times[1]), xytext=(0, -18), textcoords="offset points", color=colour
    )
right.set(xlabel="rows at a time", ylabel="milliseconds", title="Predictions take less time")
right.set_xticks(sizes, [str(n_rows) for n_rows in sizes])
right.yaxis.set_major_formatter("{x:g}")
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
