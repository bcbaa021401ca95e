"""What happens after each pass over the data: curves, patience, best parameters.

A pass is an epoch of a mini-batch solver or an iteration of another. What has been
recorded is a `History`, which a continued fit goes on with.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

import numpy as np

from .curve import Curve

# Attributes of a history that have a number for each pass.
CURVES = ("loss_curve", "validation_loss_curve", "validation_scores")


@dataclass(eq=False)
class History:
    """What the passes of a fit, and of those it continues, have recorded.

    Parameters
    ----------
    loss_curve : Curve, or a list of float that becomes one
        J of each pass.
    validation_loss_curve, validation_scores : Curve, or a list of float that becomes one
        Of the same passes, NaN before there were validation rows; scores are
        greater-is-better.
    best_loss, best_score : float
        Best of the curve and of the scores since the history was last restarted.
    best_params : ndarray, default=None
        Parameters of the best score; kept under early stopping only.
    best_epoch : int, default=None
        The pass they are of, its place in the curve from 1. Older files do not know it.
    n_no_improvement : int, default=0
        Passes in a row without an improvement by at least `tol`.
    """

    loss_curve: Curve = field(default_factory=Curve)
    validation_loss_curve: Curve = field(default_factory=Curve)
    validation_scores: Curve = field(default_factory=Curve)
    best_loss: float = np.inf
    best_score: float = -np.inf
    best_params: np.ndarray | None = None
    best_epoch: int | None = None
    n_no_improvement: int = 0

    def __post_init__(self):
        for name in CURVES:
            curve = getattr(self, name)
            if isinstance(curve, list):  # of a file, which `_integrity` looks at
                setattr(self, name, Curve(curve))

    def copy(self):
        """Return a history that can be written to without changing this one."""
        return replace(self, **{name: getattr(self, name).copy() for name in CURVES})

    def restarted(self):
        """Return a history with the same curves and nothing best yet."""
        copy = self.copy()
        return History(copy.loss_curve, copy.validation_loss_curve, copy.validation_scores)


@dataclass(eq=False)
class Monitor:
    """Records each pass and says when patience has run out.

    Parameters
    ----------
    history : History
        Written to.
    tol : float
        An improvement smaller than this is none.
    n_iter_no_change : int or inf
        Passes without improvement that exhaust patience.
    validate : callable ``validate(params) -> (loss, score)``, default=None
        Evaluates the validation rows.
    early_stopping : bool, default=False
        Whether patience is measured on the score, and the best parameters are kept.
    last_passes : collection of int, default=()
        Passes after which early stopping can end the fit, where that is not any: scores
        are compared after these only, and the first without improvement ends it.
    watch_loss : bool, default=True
        Whether patience is measured on the loss where it is not on the score.
    verbose : bool, default=False
        Whether to print a line per pass.
    n_passes : int, default=0
        Those of the fit so far.
    """

    history: History
    tol: float
    n_iter_no_change: float
    validate: Callable[[np.ndarray], tuple[float, float]] | None = None
    early_stopping: bool = False
    last_passes: Collection[int] = ()
    watch_loss: bool = True
    verbose: bool = False
    n_passes: int = 0

    def after_pass(self, params, loss):
        """Record a pass that ended at `params`; return whether patience has run out."""
        history = self.history
        self.n_passes += 1
        history.loss_curve.append(loss)
        line = f"Iteration {len(history.loss_curve)}, loss = {loss:.8f}"
        # Comparisons with NaN are false: a loss that is not finite is no improvement.
        loss_improved = loss <= history.best_loss - self.tol
        history.best_loss = min(history.best_loss, loss)
        improved = loss_improved or not self.watch_loss
        if self.validate is not None:
            validation_loss, score = self.validate(params)
            # Passes before there were validation rows: the curves stay aligned.
            for _ in range(len(history.loss_curve) - 1 - len(history.validation_scores)):
                history.validation_loss_curve.append(np.nan)
                history.validation_scores.append(np.nan)
            history.validation_loss_curve.append(validation_loss)
            history.validation_scores.append(score)
            line += f", validation loss = {validation_loss:.8f}, validation score = {score:.6f}"
            can_end = not self.last_passes or self.n_passes in self.last_passes
            if self.early_stopping:
                improved = not can_end or self._compare_score(params, score)
            else:
                self._compare_score(params, score)
        if self.verbose:
            print(line)
        history.n_no_improvement = 0 if improved else history.n_no_improvement + 1
        patience = 1 if self.last_passes else self.n_iter_no_change
        return history.n_no_improvement >= patience

    def _compare_score(self, params, score):
        history = self.history
        improved = score >= history.best_score + self.tol
        if score > history.best_score:
            history.best_score = score
            if self.early_stopping:
                history.best_params = params.copy()
                history.best_epoch = len(history.loss_curve)
        return improved
