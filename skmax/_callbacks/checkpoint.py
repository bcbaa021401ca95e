"""Checkpoint: a callback that keeps an unfinished fit in a file, which can finish it."""

import os
from numbers import Integral
from pathlib import Path
from typing import Any, TypeVar

from .._data.checks import last_step
from .._data.warning import warn
from .._persistence.checkpoint_file import CheckpointFile, read_state, skops_io
from .._sklearn_compat import CALLBACKS, VALIDATE, n_samples
from .._training.config import TrainingConfig

# A classifier or a pipeline.
Estimator = TypeVar("Estimator")


class Checkpoint:
    """Callback that keeps an unfinished fit in a file, so that you can finish it later.

    A fit that was killed continues from its last checkpoint, in another process too. It ends with
    the same bits as a fit that was never interrupted::

        clf = Checkpoint("fit.skmax").resume(SoftmaxMLPClassifier(random_state=0))
        clf.fit(X, y)

    These lines begin the fit if there is no file, and finish it if there is one.

    Parameters
    ----------
    path : str or path-like
        The file, in a directory that exists. The whole file is replaced: a temporary file beside
        it is written, flushed to the disk and renamed. If a process is killed while it writes,
        it leaves the temporary file (``.fit.skmax.<identifier>.tmp``), which the resumed fit
        deletes.
    every : int, default=1
        Epochs (or iterations of "lbfgs" and "newton-cg") from one checkpoint to the next, >= 1.
        Raise it if an epoch takes only milliseconds.

    See Also
    --------
    SoftmaxMLPClassifier.partial_fit : Training on a stream; save the estimator between calls.

    Notes
    -----
    It needs skops (``pip install skops``), which the extra "export" brings. It neither writes nor
    reads pickles, and reading a file executes nothing.

    With held-out fits (the default), the first checkpoint is written after them. It does not
    contain them, and they are not trained again.

    The same bits hold for "adam" and "sgd" on the same machine. "lbfgs" begins anew at the
    parameters of the checkpoint, without its curvature, and with all of `max_fun`. Run to
    convergence, a fit without hidden layers ends within 1e-6 of the objective of an uninterrupted
    fit. A fit with hidden layers ends at a local optimum of about the same objective. "newton-cg"
    differs by rounding.

    If a checkpoint cannot be written during the fit, for example because the disk is full, you get
    a RuntimeWarning, the last good file is kept, and the fit continues. If the first checkpoint
    cannot be written, it is an error.

    A file belongs to the fit that wrote it. Clones share their callbacks, so a fit raises
    ValueError if it finds the unfinished file of another fit, or that of a fit that is still
    running. Fits one after another can share a path if each of them is finished. A file that is
    not a checkpoint is never overwritten: a fit that finds one raises ValueError.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from skmax import Checkpoint, SoftmaxMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> path = tempfile.mkdtemp() + "/fit.skmax"
    >>> clf = SoftmaxMLPClassifier(random_state=0)
    >>> clf = Checkpoint(path).resume(clf).fit(X, y)
    """

    def __init__(self, path: str | bytes | os.PathLike, every: int = 1) -> None:
        if not isinstance(every, Integral) or isinstance(every, bool) or every < 1:
            raise ValueError(f"every must be an integer >= 1, got {every!r}.")
        # Whatever becomes of the working directory, and where the link leads to.
        self.path: Path = Path(os.path.realpath(os.path.expanduser(os.fsdecode(path))))
        self.every: int = int(every)

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r}, every={self.every})"

    def resume(self, estimator: Estimator) -> Estimator:
        """Set the callback on an estimator, and give it the unfinished fit if there is one.

        The next `fit` trains only for the remaining epochs. It needs the same data, and ignores
        initial values among its arguments. All parameters must be the same, but `max_iter` may be
        larger. Held-out fits are then trained again, from the beginning, and a decaying schedule
        is stretched over all epochs.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier or Pipeline
            The classifier, or a pipeline whose last step it is. Its other callbacks are kept.

        Returns
        -------
        estimator : same as given
            If there is no file, or its fit was finished, the next `fit` begins anew.

        Raises
        ------
        ValueError
            If the file is damaged, is not a regular file, or was written with other parameters.
        TypeError
            If there is no SoftmaxMLPClassifier to resume.
        """
        classifier = last_step(estimator)
        _check_kind(type(classifier))
        getattr(classifier, VALIDATE)()
        unfinished = read_state(self.path)
        if unfinished is not None:
            unfinished.check_parameters(TrainingConfig.of(classifier))
            classifier._unfinished = unfinished
        else:
            classifier.__dict__.pop("_unfinished", None)
        others = [c for c in getattr(classifier, CALLBACKS, []) if not isinstance(c, Checkpoint)]
        classifier.set_callbacks(*others, self)
        return estimator

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin a fit: see that the file can be its own, and can be written.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit.

        Raises
        ------
        ValueError
            If the file belongs to another unfinished fit, is damaged or no regular file.
        OSError
            If it cannot be written.
        """
        _check_kind(type(estimator))
        if context.task_name != "fit":
            raise ValueError(
                f"Checkpoint is for fit, got {context.task_name}: save a stream between its "
                "calls, with skops or joblib."
            )
        skops_io()
        unfinished = vars(estimator).get("_unfinished")
        begun = f"{context.init_time:%Y-%m-%d %H:%M:%S} UTC"
        file = CheckpointFile(
            self.path, f"{context.estimator_name} in process {os.getpid()}, begun {begun}"
        )
        if unfinished is not None:
            file.resumed_from, file.n_iter = unfinished.fit, unfinished.state.n_iter
        file.begin()
        # On the context, because several fits may have this callback at once.
        vars(context).setdefault("checkpoint_files", {})[self] = file

    def teardown(self, estimator: Any, context: Any) -> None:
        """Let go of the file.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit.
        """
        file = getattr(context, "checkpoint_files", {}).get(self)
        if file is not None:
            file.close()

    def on_fit_task_begin(self, estimator: Any, context: Any, *, X: Any = None) -> None:
        """Write the first checkpoint, before the first epoch.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit, or of one of its epochs.
        X : array-like of shape (n_samples, n_features)
            Rows of the fit.
        """
        if hasattr(context, "unfinished") and not self._file(context).is_written:
            self._file(context).write(context.unfinished(n_samples(X)))

    def on_fit_task_end(self, estimator: Any, context: Any, *, X: Any = None) -> None:
        """Write the checkpoint of an epoch, or say that the fit is finished.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit, or of one of its epochs.
        X : array-like of shape (n_samples, n_features)
            Rows of the fit.
        """
        file, finished = self._file(context), context.task_name == "fit"
        if not finished and not hasattr(context, "unfinished"):  # of a held-out fit
            return
        file.n_iter += not finished
        if not finished and file.n_iter % self.every:
            return
        try:
            file.write(None if finished else context.unfinished(n_samples(X)))
        except OSError as error:
            warn(
                f"No checkpoint of epoch {file.n_iter} was written: {error}. The fit goes on; "
                "the last good checkpoint is kept.",
                RuntimeWarning,
            )

    def _file(self, context: Any) -> CheckpointFile:
        """Return the file of the fit that a task is of."""
        while self not in getattr(context, "checkpoint_files", ()):
            context = context.parent
        return context.checkpoint_files[self]


def _check_kind(kind: type) -> None:
    """Raise TypeError unless the fits of a class show what finishes them elsewhere."""
    if not hasattr(kind, "_can_be_resumed"):
        raise TypeError(
            "Checkpoint is a callback of SoftmaxMLPClassifier, alone or as the last step of a "
            f"pipeline (Checkpoint(path).resume(pipeline)), got {kind.__name__}."
        )
