"""What the iterations of a fit have recorded: curves, and the best so far."""

from dataclasses import dataclass, field, replace

import numpy as np

from .curve import Curve

# Attributes of a history that have a number for each iteration.
CURVES = ("loss_curve", "validation_loss_curve", "validation_scores")


@dataclass(eq=False)
class History:
    """What the iterations of a fit, and of those it continues, have recorded.

    Parameters
    ----------
    loss_curve : Curve, or a list of float that becomes one
        J of each iteration.
    validation_loss_curve, validation_scores : Curve, or a list of float that becomes one
        Of the same iterations, NaN before there were validation rows; scores are
        greater-is-better.
    best_loss, best_score : float
        Best of the curve and of the scores since the history was last reset.
    best_params : ndarray, default=None
        Parameters of the best score; kept under early stopping only.
    best_epoch : int, default=None
        Their iteration: its place in the curve, counted from 1. Older files lack it.
    n_no_improvement : int, default=0
        Iterations in a row without an improvement by at least `tol`.
    """

    loss_curve: Curve = field(default_factory=Curve)
    validation_loss_curve: Curve = field(default_factory=Curve)
    validation_scores: Curve = field(default_factory=Curve)
    best_loss: float = np.inf
    best_score: float = -np.inf
    best_params: np.ndarray | None = None
    best_epoch: int | None = None
    n_no_improvement: int = 0

    def __post_init__(self) -> None:
        for name in CURVES:
            curve = getattr(self, name)
            if isinstance(curve, list):  # of a file; `integrity` checks the values
                setattr(self, name, Curve(curve))

    def copy(self) -> "History":
        """Return a history that can be written to without changing this one."""
        return replace(self, **{name: getattr(self, name).copy() for name in CURVES})

    def reset(self) -> "History":
        """Return a history with the same curves and nothing best yet."""
        copy = self.copy()
        return History(copy.loss_curve, copy.validation_loss_curve, copy.validation_scores)
