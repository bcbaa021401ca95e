"""
Finishing a fit that was killed
===============================

A fit that takes a night should not begin anew in the morning because the machine went down. A
Checkpoint is a callback that keeps the unfinished fit in a file. This page starts a fit in
another process, kills that in the middle (SIGKILL: it can do nothing about it), runs the same
lines again, and compares the result with that of a fit that nobody interrupted. The picture
shows the loss of all three.

It needs ``pip install skmax[export,plot]``.
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
# The lines that are run twice
# ----------------------------
# ``resume`` sets the callback on the classifier and gives it the unfinished fit, if there is
# one: the same lines begin the fit and finish it. Here they are a program of their own, so
# that there is a process to be killed. With ``verbose`` it prints the loss of each epoch.

program = """
import sys

import numpy as np
from sklearn.datasets import load_digits

from skmax import Checkpoint, SoftmaxMLPClassifier

path, result = sys.argv[1:]
X, y = load_digits(return_X_y=True)
clf = Checkpoint(path).resume(SoftmaxMLPClassifier(random_state=0, verbose=True))
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
# The file is replaced as a whole after each epoch, so that there is a good one whatever the
# moment.

with start() as process:
    before = []
    for epoch, loss in losses(process):
        before.append((epoch, loss))
        if epoch == 20:
            process.kill()
print(f"first process   epochs {before[0][0]} to {before[-1][0]}, exit code {process.returncode}")
print(f"{path.name}       {path.stat().st_size / 1e6:.1f} MB, result: {result.exists()}")

# %%
# Finished by another process
# ---------------------------
# An epoch may have been printed before its checkpoint was written. It is then trained again.

with start() as process:
    after = list(losses(process))
print(f"second process  epochs {after[0][0]} to {after[-1][0]}, exit code {process.returncode}")
print(f"{path.name}       {path.stat().st_size} bytes: finished, it resumes nothing")

# %%
# The same bits
# -------------
# The probabilities and the curve of the fit are those of one that was not interrupted.

X, y = load_digits(return_X_y=True)
uninterrupted = SoftmaxMLPClassifier(random_state=0).fit(X, y)
finished = np.load(result)
print("same bits       probabilities", end=" ")
print(np.array_equal(finished["proba"], uninterrupted.predict_proba(X)), end=", loss curve ")
print(np.array_equal(finished["loss_curve"], uninterrupted.loss_curve_))

# %%
# Two processes, one curve
# ------------------------
# The learning rate, the moments of Adam and the order of the rows go on where they were: the
# curve has no kink. (Its waves are the cycles of the schedule.)

BLUE, VERMILLION = "#0072B2", "#D55E00"
figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
epochs = np.arange(1, uninterrupted.n_iter_ + 1)
axes.plot(epochs, uninterrupted.loss_curve_, color="0.8", linewidth=8, label="uninterrupted")
axes.plot(*np.transpose(before), "o-", color=BLUE, ms=4, lw=1, label="first process, killed")
axes.plot(*np.transpose(after), "s-", color=VERMILLION, ms=4, lw=1, label="second process")
axes.set(xlabel="epoch", ylabel="training loss (nats)", yscale="log", xlim=(0, None))
axes.set_yticks([0.5, 1, 2], ["0.5", "1", "2"])
axes.set_yticks([], minor=True)
axes.set_title("The loss of a fit that was killed and finished")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
