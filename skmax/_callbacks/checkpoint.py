"""Checkpoint: an unfinished fit in a file, written whole or not at all, as a callback.

The file is two lines of text and what skops makes of the state::

    skmax checkpoint 1 <SHA-256 of all that follows the line>
    {"fit": <identifier>, "name": <what a message calls it>, "finished": <bool>}
    <the state, without any pickle>
"""

import errno
import hashlib
import json
import os
import platform
import re
import uuid
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from numbers import Integral
from pathlib import Path
from typing import IO, Any, TypeVar

from .._data.checks import last_step
from .._persistence.checkpoint_state import CheckpointState
from .._persistence.serialize import from_plain, to_plain
from .._sklearn_compat import callbacks_of, n_samples, validate_params
from .._training.config import TrainingConfig

try:
    import fcntl
except ImportError:  # pragma: no cover - not POSIX: no fit can know whether another runs
    fcntl = None  # type: ignore[assignment]

MAGIC = b"skmax checkpoint 1 "

# A classifier or a pipeline.
Estimator = TypeVar("Estimator")


@dataclass(eq=False)
class _Fit:
    """A fit that writes checkpoints; `file` is the last one, open and locked."""

    identifier: str
    name: str
    resumed_from: str | None
    n_passes: int
    file: IO[bytes] | None = None


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
        beside it is written, flushed to the disk and renamed.
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

    With helper networks (the default) the first checkpoint follows their training; they are
    no part of it, and are not trained again.

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
    as each is finished.

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
        self._fits: dict[Any, _Fit] = {}

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r}, every={self.every})"

    def __getstate__(self):
        return {**vars(self), "_fits": {}}  # those of this process

    def resume(self, estimator: Estimator) -> Estimator:
        """Set the callback on an estimator and give it the unfinished fit, if there is one.

        The next `fit` takes only the passes that remain, and must be given the same data;
        initial values among its arguments have had their effect. All that decides the
        result has to be as it was, but `max_iter` may have grown: helper networks are then
        asked again, from the start, how long to train and how to calibrate, and a decaying
        schedule is stretched over all epochs.

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
            If the file is damaged, or has been written with other parameters.
        TypeError
            If there is no SoftmaxMLPClassifier to resume.
        """
        classifier = last_step(estimator)
        _check_classifier(classifier)
        validate_params(classifier)
        unfinished = _read_state(self.path)
        if unfinished is not None:
            unfinished.check_parameters(TrainingConfig.of(classifier))
            classifier._unfinished = unfinished
        else:
            classifier.__dict__.pop("_unfinished", None)
        callbacks = callbacks_of(classifier)
        others = [c for c in callbacks if not isinstance(c, Checkpoint)]
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
            If the file belongs to another unfinished fit, or is damaged.
        OSError
            If it cannot be written.
        """
        _check_classifier(estimator)
        if context.task_name != "fit":
            raise ValueError(
                f"Checkpoint is for fit, got {context.task_name}: save a stream between its "
                "calls, with skops or joblib."
            )
        skops_io()
        unfinished = vars(estimator).get("_unfinished")
        fit = _Fit(
            identifier=uuid.uuid4().hex,
            name=f"{type(estimator).__name__} in process {os.getpid()} on {platform.node()}, "
            f"begun {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
            resumed_from=None if unfinished is None else unfinished.fit,
            n_passes=0 if unfinished is None else unfinished.state.n_iter,
        )
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"There is no directory {str(self.path.parent)!r}.")
        _read(self.path)
        self._check_owner(fit)
        leftover = re.compile(rf"\.{re.escape(self.path.name)}\.[0-9a-f]{{32}}\.tmp")
        for other in self.path.parent.iterdir():
            if leftover.fullmatch(other.name):
                other.unlink(missing_ok=True)
        with _temporary(self.path) as temporary:
            temporary.touch()
        self._fits[estimator] = fit

    def teardown(self, estimator: Any, context: Any) -> None:
        """Let go of the file.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit.
        """
        fit = self._fits.pop(estimator, None)
        if fit is not None and fit.file is not None:
            fit.file.close()

    def on_fit_task_begin(self, estimator: Any, context: Any, *, X: Any = None) -> None:
        """Write the first checkpoint, before the first pass.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit, or of one of its passes.
        X : array-like of shape (n_samples, n_features)
            Rows of the fit.
        """
        fit = self._fits[estimator]
        if hasattr(context, "training") and fit.file is None:
            self._write(fit, _plain_fit(estimator, X, context))

    def on_fit_task_end(self, estimator: Any, context: Any, *, X: Any = None) -> None:
        """Write the checkpoint of a pass, or say that the fit is finished.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit, or of one of its passes.
        X : array-like of shape (n_samples, n_features)
            Rows of the fit.
        """
        fit, finished = self._fits[estimator], context.task_name == "fit"
        if not finished:
            if not hasattr(context, "training"):  # of a held-out fit
                return
            fit.n_passes += 1
            if fit.n_passes % self.every:
                return
        try:
            self._write(fit, None if finished else _plain_fit(estimator, X, context))
        except OSError as error:
            warnings.warn(
                f"No checkpoint of pass {fit.n_passes} was written: {error}. The fit goes on; "
                "the last good checkpoint is kept.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _write(self, fit, unfinished):
        """Replace the file by one of the unfinished fit, or of nothing if it is finished."""
        self._check_owner(fit)
        header = {"fit": fit.identifier, "name": fit.name, "finished": unfinished is None}
        payload = b"" if unfinished is None else skops_io().dumps(unfinished)
        previous = fit.file
        fit.file = _replace(self.path, json.dumps(header).encode() + b"\n" + payload)
        if previous is not None:
            previous.close()
        fit.resumed_from = None

    def _check_owner(self, fit):
        """Raise ValueError if the file belongs to another unfinished fit."""
        header = _read_header(self.path)
        if header is None or header["finished"] or header["fit"] == fit.identifier:
            return
        resumes = header["fit"] == fit.resumed_from
        if resumes and not _is_locked(self.path):
            return
        resume = f"Checkpoint({str(self.path)!r}).resume(estimator).fit(X, y)"
        state, advice = "running", "Wait for it, or give this one another path."
        if not resumes:
            state = "unfinished"
            advice = (
                f"To finish it use {resume}; to begin anew delete the file; fits that run side by "
                "side need a path each."
            )
        raise ValueError(
            f"{self.path} belongs to another fit, that is {state}: {header['name']}. It cannot be "
            f"the checkpoint of {fit.name}. {advice}"
        )


def skops_io():
    """Return the module skops.io, or raise ImportError that says how to install it."""
    try:
        import skops.io
    except ImportError as error:
        raise ImportError("Checkpoint needs skops: pip install skmax[export]") from error
    return skops.io


def _check_classifier(estimator):
    if not hasattr(estimator, "_can_be_resumed"):
        raise TypeError(
            "Checkpoint is a callback of SoftmaxMLPClassifier, alone or as the last step of a "
            f"pipeline (Checkpoint(path).resume(pipeline)), got {type(estimator).__name__}."
        )


def _plain_fit(estimator, X, context):
    """Return the unfinished fit of a pass as plain values."""
    state, model = context.training()
    unfinished = CheckpointState(
        parameters=TrainingConfig.of(estimator).described,
        n_rows=n_samples(X),
        state=state,
        model=replace(model, params=state.params[:0]),
    )
    return to_plain(unfinished)


@contextmanager
def _temporary(path):
    """Give the name of a file beside `path`, which is gone afterwards."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _replace(path, content):
    """Write a file, and return it open and locked (until it is closed or the process ends).

    The name is not given to it before all of the content is on the disk.
    """
    data = MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content
    with _temporary(path) as temporary, ExitStack() as on_error:
        file = on_error.enter_context(open(temporary, "xb"))
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        if temporary.read_bytes() != data:
            raise OSError(errno.EIO, "What was written reads otherwise", str(path))
        _lock(file)
        os.replace(temporary, path)
        if os.name == "posix":  # the new name must be on the disk, too
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        on_error.pop_all()
    return file


def _lock(file):
    """Lock a file; return whether nobody else has."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def _is_locked(path):
    """Return whether the fit that has written a file is running."""
    with open(path, "rb") as file:
        return not _lock(file)


def _read_header(path):
    """Return the second line of a checkpoint, or None where there is none that is whole."""
    try:
        with open(path, "rb") as file:
            file.readline()
            return json.loads(file.readline())
    except (FileNotFoundError, ValueError):
        return None


def _read(path):
    """Return the header and the payload of a file, (None, None) where there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None, None
    first, _, content = data.partition(b"\n")
    if first != MAGIC + hashlib.sha256(content).hexdigest().encode():
        found = re.match(rb"skmax checkpoint (\d+) ", first)
        why = "its content does not have the checksum that it begins with"
        if found and found[0] != MAGIC:
            why = f"it says that it is of format {found[1].decode()}"
        raise ValueError(
            f"{path} is damaged, or no checkpoint of this version of skmax: {why}. Restore it "
            "from a copy, resume it with the version that wrote it, or delete it to begin anew."
        )
    line, _, payload = content.partition(b"\n")
    header = json.loads(line)
    if not (isinstance(header, dict) and header.keys() >= {"fit", "name", "finished"}):
        raise ValueError(f"{path} does not say whose checkpoint it is, got {header!r}.")
    return header, payload


def _read_state(path):
    """Return the `CheckpointState` fit of a file, or None where there is none."""
    header, payload = _read(path)
    if header is None or header["finished"]:
        return None
    untrusted = skops_io().get_untrusted_types(data=payload)
    if untrusted:
        raise ValueError(f"{path} holds what no checkpoint does: {', '.join(untrusted)}.")
    unfinished = from_plain(skops_io().loads(payload))
    if not isinstance(unfinished, CheckpointState):
        raise ValueError(f"{path} holds no unfinished fit, got a {type(unfinished).__name__}.")
    return replace(unfinished, fit=header["fit"])
