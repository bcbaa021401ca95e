"""ValidationMonitor: a callback that scores held-out rows after each epoch of a fit.

Each fit appends its records to a file of its own, in a folder that all processes of the machine
share. So no record is lost on its way back from a worker, and no process has to listen.
"""

import json
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from math import inf
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import check_consistent_length

from .._data.checks import check_weights
from .._data.labels import check_labels, class_indices
from .._network.losses import relative_weights
from .._sklearn_compat import n_samples
from .._training.scoring import over_all_classes, takes_weights

# Columns of a record beside the scores. Version 0.1.0 called an epoch "pass".
OWN_COLUMNS = ("run", "begun", "task", "estimator", "epoch", "pass")


@dataclass(eq=False)
class _Fit:
    """A fit that is being monitored."""

    path: Path
    run: str
    estimator: str
    scorers: dict[str, Any]
    best: float = -inf
    n_no_improvement: int = 0


class _TemporaryFolder:
    """A folder that goes with the last object of this process that has it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="skmax-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()  # another process has no hold on it


class ValidationMonitor:
    """Callback that scores rows of your own after each epoch of a fit, and can stop it.

    Parameters
    ----------
    X_val : {array-like, sparse matrix} of shape (n_rows, n_features)
        Rows that are not trained on, in the form in which the estimator gets its own rows. If
        it is the last step of a pipeline, transform them before.
    y_val : array-like of shape (n_rows,)
        Their labels.
    scoring : str, callable, list of str or dict, default="loss"
        What to record: "loss" (the mean cross-entropy), the name of a scorer of scikit-learn,
        a callable, several names, or a dict of names and scorers.
    sample_weight_val : array-like of shape (n_rows,), default=None
        Weights >= 0 of the rows, for the loss and the scorers that take them.
    every : int, default=1
        Epochs (or iterations) from one record to the next, >= 1.
    stop_on : str, default=None
        Name of the score that stops the fit when it no longer improves. A loss improves by
        falling, and any other score by rising. The estimator keeps the parameters of the last
        epoch. If you want the best ones, use `early_stopping` and give the rows to
        ``fit(..., X_val=, y_val=)``.
    n_iter_no_change : int, default=10
        Patience: the fit stops after so many records in a row without an improvement, >= 1.
        Raise it if the scores are noisy.
    tol : float, default=1e-4
        A smaller improvement does not count.
    folder : str or path-like, default=None
        Where the records are stored. The default is a temporary folder. It is deleted with
        this object and its copies, and a pickle does not keep it. Workers on other machines
        need a folder that they share.

    See Also
    --------
    sklearn.callback.ScoringMonitor : Scores of the training rows.

    Notes
    -----
    Set it on the classifier itself, also within a pipeline or a search. Clones share their
    callbacks, in other processes too. So this object has the records of all fits of a grid
    search, for any `n_jobs`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmax import SoftmaxMLPClassifier, ValidationMonitor
    >>> X, y = load_iris(return_X_y=True)
    >>> monitor = ValidationMonitor(X[::3], y[::3], scoring=["loss", "accuracy"])
    >>> clf = SoftmaxMLPClassifier(max_iter=5).set_callbacks(monitor).fit(X, y)
    >>> epochs = [record["epoch"] for record in monitor.get_logs()]
    >>> epochs == list(range(1, clf.n_iter_ + 1))
    True
    """

    def __init__(
        self,
        X_val: Any,
        y_val: Any,
        *,
        scoring: str | Callable[..., Any] | Collection[str] | dict[str, Any] = "loss",
        sample_weight_val: Any = None,
        every: int = 1,
        stop_on: str | None = None,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        folder: str | PathLike[str] | None = None,
    ) -> None:
        check_consistent_length(X_val, y_val, sample_weight_val)
        weight = check_weights(sample_weight_val, n_samples(X_val), "sample_weight_val")
        for name, value in (("every", every), ("n_iter_no_change", n_iter_no_change)):
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {value!r}.")
        self.X_val = X_val
        self.y_val = y_val
        self.scoring = scoring
        self.sample_weight_val = sample_weight_val
        self.every = every
        self.stop_on = stop_on
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self._scoring = _by_name(scoring)
        self._weight = None if weight is None else relative_weights(weight)
        if stop_on is not None and stop_on not in self._scoring:
            raise ValueError(f"stop_on must be one of {list(self._scoring)}, got {stop_on!r}.")
        self._temporary = None
        if folder is None:
            self._temporary = _TemporaryFolder()
            folder = self._temporary.path
        self.folder = Path(folder)
        self._fits: dict[Any, _Fit] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_fits": {}}  # those of this process

    def get_logs(self, select: str = "most_recent") -> list[dict[str, Any]]:
        """Return what has been recorded.

        Parameters
        ----------
        select : {"most_recent", "all"}, default="most_recent"
            Which runs. A run is one fit, or all fits of a search such as GridSearchCV. Each fit
            of `cross_validate` is a run of its own.

        Returns
        -------
        records : list of dict
            Sorted by run, fit and epoch. Each has "run" (an identifier), "task" (the position
            of the fit in its run; in a grid search, its last number is candidate * n_splits +
            split), "estimator" (with the parameters that are not defaults), "epoch" (from 1),
            and each score.

        Raises
        ------
        ValueError
            If `select` is neither of the two.
        """
        if select not in ("most_recent", "all"):
            raise ValueError(f"select must be 'most_recent' or 'all', got {select!r}.")
        # A process that was killed may have left half a line.
        records = [
            _record(line)
            for path in self.folder.glob("*.jsonl")
            for line in path.read_text(encoding="utf-8").split("\n")[:-1]
        ]
        begun: dict[str, str] = {}
        for record in records:
            begun[record["run"]] = min(record["begun"], begun.get(record["run"], "z"))
        if select == "most_recent" and records:
            last = max(begun, key=lambda run: begun[run])
            records = [record for record in records if record["run"] == last]
        records.sort(key=lambda r: (begun[r["run"]], r["task"], r["begun"], r["epoch"]))
        for record in records:
            record["task"] = tuple(record["task"])
            del record["begun"]
        return records

    def to_frame(self, select: str = "most_recent") -> Any:
        """Return what has been recorded as a pandas DataFrame, a row per record.

        Parameters
        ----------
        select : {"most_recent", "all"}, default="most_recent"
            As in `get_logs`.

        Returns
        -------
        frame : pandas.DataFrame
            Columns "run", "task", "estimator", "epoch", and one for each score.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas") from error
        columns = ["run", "task", "estimator", "epoch", *self._scoring]
        return pd.DataFrame(self.get_logs(select), columns=columns)

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin a fit.

        Parameters
        ----------
        estimator : estimator
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit, or of one of its epochs.

        Raises
        ------
        TypeError
            If the epochs are those of another estimator within this one.
        ValueError
            If scikit-learn has no such scorer.
        """
        if any(hasattr(value, "fit") for value in estimator.get_params().values()):
            raise TypeError(
                "ValidationMonitor records the epochs of one estimator: set it on the estimator "
                "within (classifier.set_callbacks(monitor), before it is put there), got "
                f"{type(estimator).__name__}."
            )
        scorers = {
            name: None if scoring == "loss" else check_scoring(estimator, scoring)
            for name, scoring in self._scoring.items()
        }
        self._fits[estimator] = _Fit(
            path=self.folder / f"{uuid.uuid4().hex}.jsonl",
            run=context.root_uuid.hex,
            estimator=" ".join(repr(estimator).split()),
            scorers=scorers,
        )

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the fit; its records stay.

        Parameters
        ----------
        estimator : estimator
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit, or of one of its epochs.
        """
        self._fits.pop(estimator, None)

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit, or of one of its epochs.
        """

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> bool:
        """Record the scores of an epoch.

        Parameters
        ----------
        estimator : estimator
            In its fit.
        context : sklearn.callback.CallbackContext
            Of the fit, or of one of its epochs.
        fitted_estimator : estimator
            As if the fit had stopped there.

        Returns
        -------
        stop : bool
            Whether patience has run out.
        """
        is_epoch = context.max_subtasks == 0 and context.parent is not None
        if fitted_estimator is None or not is_epoch:
            return False
        epoch = getattr(fitted_estimator, "n_iter_", None)
        if not isinstance(epoch, Integral):  # of another kind of estimator
            epoch = context.task_id + 1
        if epoch % self.every:
            return False
        if hasattr(fitted_estimator, "to_local"):  # its rows are in memory
            fitted_estimator = fitted_estimator.to_local()
        fit = self._fits[estimator]
        classes, rows = getattr(fitted_estimator, "classes_", ()), (self.X_val, self.y_val)
        scores = {
            name: self._loss(
                fitted_estimator.classes_, fitted_estimator.predict_log_proba(self.X_val)
            )
            if scorer is None
            else self._weighted(name, scorer, classes)(fitted_estimator, *rows)
            for name, scorer in fit.scorers.items()
        }
        record = {
            "run": fit.run,
            "begun": context.parent.init_time.isoformat(),
            "task": _position(context.parent),
            "estimator": fit.estimator,
            "epoch": epoch,
            **scores,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(fit.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        return self.stop_on is not None and self._has_lost_patience(fit, scores[self.stop_on])

    def _loss(self, classes: Any, log_P: np.ndarray) -> float:
        labels = class_indices(check_labels(self.y_val), classes)
        return float(-np.average(log_P[np.arange(len(labels)), labels], weights=self._weight))

    def _weighted(self, name: str, scorer: Any, classes: Any) -> Callable[..., float]:
        """Return ``score(estimator, X, y)``, that of a scorer with the weights that it takes."""
        score = over_all_classes(scorer, self._scoring[name], classes, self.y_val)
        weighs = self._weight is not None and takes_weights(scorer)
        return partial(score, sample_weight=self._weight) if weighs else score

    def _has_lost_patience(self, fit: _Fit, score: float) -> bool:
        if self._scoring[self.stop_on] == "loss":
            score = -score
        # Comparisons with NaN are false: it is no improvement.
        improved = score >= fit.best + self.tol
        fit.best = max(fit.best, score)
        fit.n_no_improvement = 0 if improved else fit.n_no_improvement + 1
        return fit.n_no_improvement >= self.n_iter_no_change


def _by_name(scoring: Any) -> dict[Any, Any]:
    """Return scorers, or their names, by the name of their column."""
    named: Any = {"score": scoring} if callable(scoring) else scoring
    if isinstance(named, str):
        named = [named]
    if not isinstance(named, dict):
        named = {name: name for name in named} if isinstance(named, Collection) else {}
    if not named or not all(
        isinstance(name, str)
        and name not in OWN_COLUMNS
        and (isinstance(scorer, str) or callable(scorer))
        for name, scorer in named.items()
    ):
        raise ValueError(
            "scoring must be 'loss', the name of a scorer, a callable, several names, or a dict "
            f"of names (none of {OWN_COLUMNS}) and scorers, got {scoring!r}."
        )
    return dict(named)


def _record(line: str) -> dict[str, Any]:
    """Return the record of a line of a file."""
    record: dict[str, Any] = json.loads(line)
    if "epoch" in record:
        return record
    return {"epoch" if key == "pass" else key: value for key, value in record.items()}


def _position(context: Any) -> list[int]:
    """Return the numbers of the tasks from the root to this one."""
    return [] if context is None else [*_position(context.parent), context.task_id]
