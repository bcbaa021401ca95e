"""The file of an unfinished fit: its format, and how one fit replaces it as a whole.

It is two lines of text and what skops makes of the state::

    skmax checkpoint 1 <SHA-256 of all that follows the line>
    {"fit": <identifier>, "name": <what a message calls it>, "finished": <bool>}
    <the state, without any pickle>
"""

import hashlib
import json
import os
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

from .._training.state import UnfinishedFit
from .serialize import from_plain, to_plain

try:
    import fcntl
except ImportError:  # pragma: no cover - not POSIX: no fit can know whether another runs
    fcntl = None  # type: ignore[assignment]

MAGIC = b"skmax checkpoint 1 "

# The two lines of text are shorter than this.
MAX_HEAD = 4096

# Files that are open because fits of this process hold their locks.
_held: WeakSet[IO[bytes]] = WeakSet()


def _let_go() -> None:
    """Close the files in a forked child, because it would keep the locks when the fit is over."""
    for file in list(_held):
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


@dataclass(eq=False)
class CheckpointFile:
    """A file to which one fit writes, and no other.

    Parameters
    ----------
    path : Path
    name : str
        What messages call the fit.
    resumed_from : str, default=None
        Identifies the fit that it finishes.
    n_iter : int, default=0
        Iterations that its fit has made.
    fit : str
        Identifies its fit.
    held : file, default=None
        The last one written, open and locked; None if it is finished or there are no locks.
    is_written : bool, default=False
        Whether it has been written once.
    """

    path: Path
    name: str
    resumed_from: str | None = None
    n_iter: int = 0
    fit: str = field(default_factory=lambda: uuid.uuid4().hex)
    held: IO[bytes] | None = None
    is_written: bool = False

    def begin(self) -> None:
        """Raise an error unless the file can be this fit's own, and can be written."""
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"There is no directory {str(self.path.parent)!r}.")
        self._check_owner(read(self.path)[0])
        self._temporary.touch()
        self._temporary.unlink()

    def write(self, state: UnfinishedFit | None) -> None:
        """Replace the file by one with the unfinished fit; None says that the fit is finished."""
        self._check_owner(read(self.path, MAX_HEAD)[0])
        header = {"fit": self.fit, "name": self.name, "finished": state is None}
        payload = b"" if state is None else skops_io().dumps(to_plain(state))
        self.replace(json.dumps(header).encode() + b"\n" + payload, hold=state is not None)
        self.is_written = True

    def replace(self, content: bytes, *, hold: bool = False) -> None:
        """Replace the file as a whole; hold it locked until it is closed, if there are locks.

        The new file is given the name only when all of it is on the disk.
        """
        held, temporary = None, self._temporary
        with ExitStack() as on_error:
            on_error.callback(temporary.unlink, missing_ok=True)
            with open(temporary, "wb") as file:
                file.write(MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
                file.flush()
                os.fsync(file.fileno())
            # Without locks nothing is kept open, because Windows renames no open file.
            if hold and fcntl is not None:
                # No buffer, because a fork may find it in use by another thread.
                held = on_error.enter_context(open(temporary, "r+b", buffering=0))
                _held.add(held)
                _lock(held, fcntl.LOCK_EX)
            os.replace(temporary, self.path)
            if os.name == "posix":  # the new name must be on the disk, too
                directory = os.open(self.path.parent, os.O_RDONLY)
                try:
                    os.fsync(directory)
                finally:
                    os.close(directory)
            on_error.pop_all()
        self.close()
        self.held = held

    def close(self) -> None:
        """Let go of the file: its fit has ended, or has written another."""
        if self.held is not None:
            self.held.close()
        self.held = None

    @property
    def _temporary(self) -> Path:
        """The file that is written first, and then renamed."""
        return self._temporary_of(self.fit)

    def _temporary_of(self, fit: str) -> Path:
        return self.path.with_name(f".{self.path.name}.{fit}.tmp")

    def _check_owner(self, header: dict[str, Any] | None) -> None:
        """Raise ValueError if the file belongs to another unfinished fit."""
        if header is None or header["finished"] or header["fit"] == self.fit:
            return
        running = _is_locked(self.path)
        if header["fit"] == self.resumed_from and not running:
            if fcntl is not None:  # it is not running, and may have been killed while it wrote
                self._temporary_of(header["fit"]).unlink(missing_ok=True)
            return
        advice = "Wait for it, or give this one another path."
        if not running:
            advice = (
                f"To finish it use Checkpoint({str(self.path)!r}).resume(estimator).fit(X, y); to "
                "begin anew delete the file; fits that run side by side need a path each."
            )
        raise ValueError(
            f"{self.path} belongs to another fit, that is {'running' if running else 'unfinished'}"
            f": {header['name']}. It cannot be the checkpoint of {self.name}. {advice}"
        )


def skops_io() -> Any:
    """Return the module skops.io, or raise ImportError that says how to install it."""
    try:
        import skops.io
    except ImportError as error:
        raise ImportError("Checkpoint needs skops: pip install skops") from error
    return skops.io


def read_state(path: Path) -> UnfinishedFit | None:
    """Return the unfinished fit of a file, or None if there is none.

    Raises
    ------
    ValueError
        If it is no regular file, is damaged or holds anything else.
    """
    header, payload = read(path)
    if header is None or header["finished"]:
        return None
    untrusted = skops_io().get_untrusted_types(data=payload)
    if untrusted:
        raise ValueError(f"{path} holds what no checkpoint does: {', '.join(untrusted)}.")
    unfinished = from_plain(skops_io().loads(payload))
    if not isinstance(unfinished, UnfinishedFit):
        raise ValueError(f"{path} holds no unfinished fit, got a {type(unfinished).__name__}.")
    return replace(unfinished, fit=header["fit"])


def read(path: Path, n_bytes: int = -1) -> tuple[dict[str, Any] | None, bytes]:
    """Return the header and the payload of a file; None and no bytes if there is no file.

    If only the first `n_bytes` are read, the checksum is not compared.
    """
    if path.exists() and not path.is_file():  # to read a device or pipe may never end
        raise ValueError(f"A checkpoint is a regular file, and {path} is none.")
    try:
        with open(path, "rb") as file:
            first, _, content = file.read(n_bytes).partition(b"\n")
    except FileNotFoundError:
        return None, b""
    checksum = hashlib.sha256(content).hexdigest().encode()
    if not (first.startswith(MAGIC) and (n_bytes > 0 or first == MAGIC + checksum)):
        why = "its content does not have the checksum that it begins with"
        version = first.removeprefix(b"skmax checkpoint ").partition(b" ")[0]
        if version.isdigit() and not first.startswith(MAGIC):
            why = f"it says that it is of format {version.decode()}"
        raise ValueError(
            f"{path} is damaged, or no checkpoint of this version of skmax: {why}. It is left as "
            "it is: restore it from a copy, resume it with the version that wrote it, or delete "
            "it to begin anew."
        )
    line, _, payload = content.partition(b"\n")
    header = json.loads(line)
    if not (isinstance(header, dict) and header.keys() >= {"fit", "name", "finished"}):
        raise ValueError(f"{path} does not say whose checkpoint it is, got {line!r}.")
    return header, payload


def _lock(file: IO[bytes], kind: int) -> bool:
    """Lock a file until it is closed; return whether nobody else has."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError as error:  # or the file system has no locks
        return not isinstance(error, BlockingIOError)
    return True


def _is_locked(path: Path) -> bool:
    """Return whether the fit that has written a file is running."""
    with open(path, "rb") as file:  # others may ask at the same time
        return fcntl is not None and not _lock(file, fcntl.LOCK_SH)
