"""After each iteration: curves, patience, best parameters."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from .state import History


@dataclass(eq=False)
class Monitor:
    """Records each iteration and says when patience has run out.

    Parameters
    ----------
    history : History
        Written to.
    tol : float
        A smaller improvement does not count.
    n_iter_no_change : int or inf
        Iterations without improvement that exhaust patience.
    validate : callable ``validate(params) -> (loss, score)``, default=None
        Evaluates the validation rows.
    early_stopping : bool, default=False
        Whether patience is measured on the score, and the best parameters are kept.
    last_iterations : collection of int, default=()
        Iterations after which early stopping can end the fit, if that is not any iteration.
        Scores are compared after these only, and the first without improvement ends the fit.
    watch_loss : bool, default=True
        Whether patience is measured on the loss if it is not measured on the score.
    verbose : bool, default=False
        Whether to print a line per iteration.
    n_iter : int, default=0
        Those of the fit so far.
    """

    history: History
    tol: float
    n_iter_no_change: float
    validate: Callable[[np.ndarray], tuple[float, float]] | None = None
    early_stopping: bool = False
    last_iterations: Collection[int] = ()
    watch_loss: bool = True
    verbose: bool = False
    n_iter: int = 0

    def record(self, params: np.ndarray, loss: float) -> bool:
        """Record an iteration that ended at `params`; return whether patience has run out."""
        history = self.history
        self.n_iter += 1
        history.loss_curve.append(loss)
        line = f"Iteration {len(history.loss_curve)}, loss = {loss:.8f}"
        # A loss that is not finite is no improvement, because comparisons with NaN are false.
        loss_improved = loss <= history.best_loss - self.tol
        history.best_loss = min(history.best_loss, loss)
        improved = loss_improved or not self.watch_loss
        if self.validate is not None:
            validation_loss, score = self.validate(params)
            # Iterations before there were validation rows get NaN, so that curves stay aligned.
            for _ in range(len(history.loss_curve) - 1 - len(history.validation_scores)):
                history.validation_loss_curve.append(np.nan)
                history.validation_scores.append(np.nan)
            history.validation_loss_curve.append(validation_loss)
            history.validation_scores.append(score)
            line += f", validation loss = {validation_loss:.8f}, validation score = {score:.6f}"
            cannot_end = self.last_iterations and self.n_iter not in self.last_iterations
            score_improved = cannot_end or self._compare_score(params, score)
            improved = score_improved if self.early_stopping else improved
        if self.verbose:
            print(line)
        history.n_no_improvement = 0 if improved else history.n_no_improvement + 1
        patience = 1 if self.last_iterations else self.n_iter_no_change
        return history.n_no_improvement >= patience

    def _compare_score(self, params: np.ndarray, score: float) -> bool:
        history = self.history
        improved = score >= history.best_score + self.tol
        if score > history.best_score:
            history.best_score = score
            if self.early_stopping:
                history.best_params = params.copy()
                history.best_epoch = len(history.loss_curve)
        return improved
