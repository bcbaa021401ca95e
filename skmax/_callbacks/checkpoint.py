"""Checkpoint: an unfinished fit in a file, from which it can be finished, as a callback."""

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
    """Callback that keeps an unfinished fit in a file, from which it can be finished.

    A fit that was killed goes on where its last checkpoint is, in another process too, and
    ends with the same bits as one that was never interrupted::

        clf = Checkpoint("fit.skmax").resume(SoftmaxMLPClassifier(random_state=0))
        clf.fit(X, y)

    These lines begin the fit where there is no file, and finish it where there is one.

    Parameters
    ----------
    path : str or path-like
        The file, in a directory that exists. It is replaced as a whole: a temporary file
        beside it is written, flushed to the disk and renamed. A process that is killed while
        it writes leaves that one (``.fit.skmax.<identifier>.tmp``); the fit that finishes its
        own deletes it.
    every : int, default=1
        Epochs (iterations of "lbfgs" and "newton-cg") from one checkpoint to the next,
        >= 1.

    See Also
    --------
    SoftmaxMLPClassifier.partial_fit : Training on a stream, which is saved between calls.

    Notes
    -----
    It needs skops (``pip install skmax[export]``); neither does it write pickles nor read
    them, and nothing in a file is executed.

    With held-out fits (the default) the first checkpoint is written after them. They are no
    part of it, and are not trained again.

    Bit for bit holds for "adam" and "sgd" on the same machine. "lbfgs" begins anew at the
    parameters of the checkpoint, without the curvature it had gathered, and with all of
    `max_fun`: run to convergence, a convex fit (no hidden layer) ends within 1e-6 of the
    objective of the uninterrupted one, one with hidden layers at a local optimum of about
    the same. "newton-cg" differs by rounding.

    A checkpoint that cannot be written while the fit runs (a full disk) is a RuntimeWarning:
    the last good file is kept, and the fit goes on. Before the first one, it is an error.

    A file belongs to the fit that wrote it. Clones share their callbacks: a fit which finds
    the file of another, unfinished one, that it was not resumed from or that is still
    running, raises ValueError. Fits one after another share a path without harm, as long
    as each is finished. What is no checkpoint is left as it is: a fit that finds it in the
    file's place, at its beginning or later, raises ValueError.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from skmax import Checkpoint, SoftmaxMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> path = tempfile.mkdtemp() + "/fit.skmax"
    >>> clf = Checkpoint(path).resume(SoftmaxMLPClassifier(random_state=0)).fit(X, y)
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
        """Set the callback on an estimator and give it the unfinished fit, if there is one.

        The next `fit` takes only the epochs that remain, and must be given the same data;
        initial values among its arguments have had their effect. All that decides the
        result has to be as it was, but `max_iter` may have grown: held-out fits are then
        trained again, from the start, to say how long to train and how to calibrate, and a
        decaying schedule is stretched over all epochs.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier or Pipeline
            Of a pipeline, the last step. Other callbacks are kept.

        Returns
        -------
        estimator : same as given
            Where the file is missing or its fit was finished, the next `fit` begins anew.

        Raises
        ------
        ValueError
            If the file is damaged or no regular file, or has been written with other parameters.
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
