"""
Finish a fit that was killed
============================

You will learn how to continue a long fit after a crash. A Checkpoint is a
callback that keeps the unfinished fit in a file. This page starts a fit in
another process, kills that process in the middle (by SIGKILL, so it cannot
clean up), and runs the same lines again. The result has the same bits as that
of a fit that nobody interrupted.

It needs the extra ``export`` of skmax, and matplotlib.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skmax import SoftmaxMLPClassifier

# %%
# The lines that run twice
# ------------------------
# ``resume`` sets the callback on the classifier, and gives it the unfinished
# fit if there is one. So the same lines begin the fit and finish it. Here they
# are a program of their own, so that there is a process to kill. With
# ``verbose``, it prints the loss of each epoch.

program = """
import sys

import numpy as np
from sklearn.datasets import load_digits

from skmax import Checkpoint, SoftmaxMLPClassifier

path, result = sys.argv[1:]
X, y = load_digits(return_X_y=True)
clf = SoftmaxMLPClassifier(random_state=0, verbose=True)
clf = Checkpoint(path).resume(clf)
clf.fit(X, y)
np.savez(result, proba=clf.predict_proba(X), loss_curve=clf.loss_curve_)
"""

folder = Path(tempfile.mkdtemp())
path, result = folder / "fit.skmax", folder / "result.npz"


def start():
    command = [sys.executable, "-u", "-c", program, str(path), str(result)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def losses(process):
    """Yield the epochs that a process prints, and their losses."""
    for line in process.stdout:
        if line.startswith("Iteration"):
            epoch, loss = line.removeprefix("Iteration").split(", loss =")
            yield int(epoch), float(loss)


# %%
# Killed in the middle
# --------------------
# After each epoch, the whole file is replaced. So there is a good file at any
# moment.


def report(name, epochs, process):
    first, last = epochs[0][0], epochs[-1][0]
    code = process.returncode
    print(f"{name} process  epochs {first} to {last}, exit code {code}")


with start() as process:
    before = []
    for epoch, loss in losses(process):
        before.append((epoch, loss))
        if epoch == 20:
            process.kill()
report("first", before, process)
print(f"file           {path.stat().st_size / 1e6:.1f} MB")
print(f"result         {result.exists()}")

# %%
# Finished by another process
# ---------------------------
# If an epoch was printed before its checkpoint was written, it is trained
# again.

with start() as process:
    after = list(losses(process))
report("second", after, process)
print(f"file            {path.stat().st_size} bytes: it resumes nothing more")

# %%
# The same bits
# -------------
# The probabilities and the curve are those of a fit that was not interrupted.

X, y = load_digits(return_X_y=True)
uninterrupted = SoftmaxMLPClassifier(random_state=0).fit(X, y)
finished = np.load(result)
print("same bits       probabilities", end=" ")
print(
    np.array_equal(finished["proba"], uninterrupted.predict_proba(X)),
    end=", loss curve ",
)
print(np.array_equal(finished["loss_curve"], uninterrupted.loss_curve_))

# %%
# Two processes, one curve
# ------------------------
# The learning rate, the moments of Adam and the order of the rows continue
# where they were, so the curve has no kink. (Its waves are the cycles of the
# schedule.)

LIGHT, DARK = "#56B4E9", "#00324F"
figure, axes = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
epochs = np.arange(1, uninterrupted.n_iter_ + 1)
curve = uninterrupted.loss_curve_
axes.plot(epochs, curve, color="0.8", linewidth=8, label="uninterrupted")
marks = {"ms": 4, "lw": 1}
axes.plot(
    *np.transpose(before), "o-", color=LIGHT, label="first, killed", **marks
)
axes.plot(
    *np.transpose(after), "s-", color=DARK, label="second process", **marks
)
axes.set(
    xlabel="epoch", ylabel="training loss (nats)", yscale="log", xlim=(0, None)
)
axes.set_yticks([0.5, 1, 2], ["0.5", "1", "2"])
axes.set_yticks([], minor=True)
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
