"""The passes of a fit as tasks of scikit-learn's callbacks.

A task begins and ends with a pass over the data: an epoch, or an iteration of a solver that
sees all rows at once. Solvers say so, and know of nothing else.
"""

from typing import Any

from .._optim.optimizers import OPTIMIZERS

# What scikit-learn puts on an estimator for a fit, and leaves there if it is interrupted.
CONTEXTS = ("_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx")

# Attributes that an estimator has during a fit, or that a fit replaces or removes.
OF_A_FIT = (*CONTEXTS, "_unfinished", "feature_names_in_")


class NoTasks:
    """Stands for the tasks of a fit where nobody asked to be told of them."""

    def show(self, outcome, training):
        """Take what a fit can be asked for between two passes."""

    def begin(self):
        """Say that a pass begins."""

    def end(self):
        """Say that it has ended; return whether the fit is asked to stop."""
        return False

    def end_fit(self):
        """Say that the fit has ended."""


NO_TASKS = NoTasks()


class Tasks:
    """Tells an estimator's callbacks of a fit and its passes.

    Parameters
    ----------
    estimator : estimator
        In its fit.
    context : sklearn.callback.CallbackContext
        Of the fit.
    name : str
        Of a pass.
    attributes : callable ``attributes(outcome) -> dict``
        Returns the attributes that the estimator would have with an outcome.
    **data
        X, y and metadata, for the callbacks.
    """

    def __init__(self, estimator, context, name, attributes, **data):
        self._context, self._name, self._attributes = context, name, attributes
        self._news = {"estimator": estimator, **data}
        self._pass: Any = None
        self._outcome: Any = None
        self._training: Any = None
        self._fitted: dict | None = None
        context.call_on_fit_task_begin(**self._news)

    def show(self, outcome, training):
        """Take what a fit can be asked for between two passes.

        ``outcome()`` returns the `Outcome` if the fit stopped now; ``training()`` what it can be
        finished from, which callbacks of ours find in the context of a pass: a copy of the
        `TrainingState`, and a `Model` whose params do not count.
        """
        self._outcome, self._training = outcome, training

    def begin(self):
        """Say that a pass begins."""
        self._pass = self._context.subcontext(task_name=self._name)
        self._pass.training = self._training
        self._tell(self._pass.call_on_fit_task_begin)

    def end(self):
        """Say that it has ended; return whether the fit is asked to stop."""
        self._fitted = None  # as it was before the pass
        return self._tell(self._pass.call_on_fit_task_end)

    def end_fit(self):
        """Say that the fit has ended."""
        self._fitted = None
        self._tell(self._context.call_on_fit_task_end)

    def _tell(self, call):
        # Called only where a callback asks for the fitted estimator.
        return call(**self._news, reconstruction_attributes=self._reconstruction)

    def _reconstruction(self):
        if self._fitted is None:
            self._fitted = self._attributes(self._outcome())
        estimator = self._news["estimator"]
        kept = {name: value for name, value in vars(estimator).items() if name not in OF_A_FIT}
        # scikit-learn sets these on a copy. All at once: what a fit removes goes, too.
        return {"__dict__": kept | self._fitted}


def without_contexts(attributes):
    """Return attributes of an estimator without what is a fit's only, if it is in one."""
    if CONTEXTS[0] not in attributes:
        return attributes
    return {name: value for name, value in attributes.items() if name not in CONTEXTS}


def pass_name(estimator):
    """Return what a pass over the data is called, "epoch" or "iteration"."""
    return "epoch" if estimator.solver in OPTIMIZERS else "iteration"


def begin_tasks(estimator, attributes, X, y, sample_weight, **settings):
    """Set up the estimator's callbacks and tell them that a fit begins; return its tasks.

    X, y and sample_weight are as they were given, `settings` the name of the task and the
    largest number of passes, for the context.
    """
    if not getattr(estimator, "_skl_callbacks", None):
        return NO_TASKS
    context = estimator._init_callback_context(**settings)
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    return Tasks(estimator, context, pass_name(estimator), attributes, X=X, y=y, metadata=metadata)
