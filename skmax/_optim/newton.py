"""Newton's method for softmax regression: exact Hessian products, conjugate gradients.

Without a hidden layer the logits Z = X W + b are linear in the parameters and J is
convex. With R = X V + v for a direction (V, v), all in terms of rows i and classes k,

    J(params + t direction) = data term of Z + t R, plus the penalty
    H direction = X^T D + penalty V,   D_ik = w_i P_ik (R_ik - sum_j P_ij R_ij)

so that a product with the Hessian takes two products with X, and a line search takes none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from .._data.batches import Batch, blocks
from .._network.kernels import rounding, softmax_cross_entropy
from .._network.losses import softmax
from .._network.network import transposed_dot
from .lbfgs import FullBatchEnd, end_iteration
from .objective import Objective
from .stopping import Observer, StopReason

# The preconditioner decomposes the second moments of so many features at most, and only
# if 25 d^3 operations are fewer than half of some 200 products with the Hessian, 4 n d K
# each at a third of the speed: d^2 < 48 n K.
MAX_FEATURES = 2048
MAX_SQUARE = 48

# A Newton step is solved to min(FORCING, |grad|^FORCING) of the gradient (Dembo, Eisenstat
# and Steihaug, 1982), and never further than needed for `tol`.
FORCING = 0.25

# If probabilities are saturated, J is nearly flat, and a Newton step may be too long by any power
# of ten. So no step changes a logit by more than so many times the largest.
MAX_GROWTH = 10.0

# What a warning says about an end without convergence.
MESSAGES = {
    StopReason.MAX_ITER: "all steps that max_iter allows have been taken",
    StopReason.LINE_SEARCH: "no step along the last direction lowers the loss",
}

# Number of times that the line search halves a step before it gives up.
MAX_HALVINGS = 60


@dataclass(frozen=True, eq=False)
class NewtonCG:
    """Newton's method with conjugate gradients, for networks without hidden layers.

    Parameters
    ----------
    tol : float
        Stops when the largest absolute component of the gradient is at most this.

    References
    ----------
    Nocedal and Wright, "Numerical optimization", 2006, chapter 7.
    """

    tol: float

    def run(
        self, objective: Objective, state: Any, observer: Observer, iterations: range
    ) -> FullBatchEnd:
        """Advance the state by so many Newton steps, or fewer; its `stop_reason` says why."""
        regression = _Regression(objective, state.params)
        grad = regression.gradient()
        size = float(np.abs(grad).max())
        state.stop_reason = StopReason.MAX_ITER
        for _ in iterations:
            if size <= self.tol:
                break
            observer.begin()
            target = max(size * min(FORCING, size**FORCING), 0.5 * self.tol)
            step, logit_step = _solve(regression, grad, target)
            slope = float(grad @ step)
            if not regression.move(step, logit_step, slope):
                # If rounding hides the progress, J is at its optimum as far as can be told.
                hidden = rounding(state.params.dtype) * max(1.0, abs(regression.loss))
                state.stop_reason = (
                    StopReason.CONVERGENCE if 0.0 < -slope <= hidden else StopReason.LINE_SEARCH
                )
                break
            grad = regression.gradient()
            size = float(np.abs(grad).max())
            state.n_iter += 1  # not before, because an interrupted step is in no curve
            state.position.t += objective.n_rows
            if end_iteration(state, observer, regression.loss):
                break
        if not np.isfinite(size):
            state.stop_reason = StopReason.DIVERGENCE
        elif size <= self.tol and state.stop_reason is StopReason.MAX_ITER:
            state.stop_reason = StopReason.CONVERGENCE
        return FullBatchEnd(size, MESSAGES.get(state.stop_reason, str(state.stop_reason)))


def _solve(
    regression: "_Regression", grad: np.ndarray, target: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return a step with |H step + grad| <= target, and what it adds to the logits.

    Preconditioned conjugate gradients (Hestenes and Stiefel, 1952). They end when the
    residual itself is small, and not the preconditioned one, because directions of little
    curvature hardly show in the gradient and need not be solved. If rounding leaves a
    direction without curvature, they end before it. If that is the first one, it is the step.
    """
    step, logit_step = np.zeros_like(grad), np.zeros_like(regression.Z)
    residual = -grad
    direction = preconditioned = regression.precondition(residual)
    descent = residual @ preconditioned
    for _ in range(len(grad)):
        product, logits = regression.hessian_product(direction)
        curvature = direction @ product
        if not curvature > 0.0:
            return (step, logit_step) if step.any() else (direction, logits)
        length = descent / curvature
        step += length * direction
        logits *= length
        logit_step += logits
        residual -= length * product
        if np.abs(residual).max() <= target:
            break
        preconditioned = regression.precondition(residual)
        descent, previous = residual @ preconditioned, descent
        direction = preconditioned + (descent / previous) * direction
    return step, logit_step


class _Regression:
    """J at the current parameters: logits Z, probabilities P, loss.

    `params` is overwritten by `move`. First the weights of each feature are given a
    mean of zero over the classes, and they keep it, because a common part changes no
    probability and its penalty is least at zero. It holds Z, P and two more arrays of shape
    (n_rows, n_classes), and reads rows in blocks.
    """

    def __init__(self, objective: Objective, params: np.ndarray) -> None:
        self.objective, self.params = objective, params
        self.network, self.rows = objective.network, objective.rows
        weight = objective.relative_weight
        self.weight = np.ones(self.rows.n_rows, params.dtype) if weight is None else weight
        self.weight = self.weight / self.rows.n_rows
        self.blocks = list(blocks(self.rows.n_rows, objective.batch_size))
        (W,), (b,) = self.network.split(params)
        W -= W.mean(axis=1, keepdims=True)
        b -= b.mean()
        self.Z = self._products(params)
        self.P = np.empty_like(self.Z)
        self._spectrum = self._second_moments()
        self._update_probabilities()
        self.loss = self._loss_along(np.zeros_like(params), self.Z, 0.0)

    def _products(self, vector: np.ndarray) -> np.ndarray:
        """Return X V + v for the vector (V, v)."""
        (V,), (v,) = self.network.split(vector)
        out = np.empty((self.rows.n_rows, len(v)), dtype=vector.dtype)
        for block in self.blocks:
            self.rows.take(block).dot(V, out=out[block])
        out += v
        return out

    def _update_probabilities(self) -> None:
        variance: float | np.ndarray = 0.0
        for block in self.blocks:
            P = self.P[block] = softmax(self.Z[block])
            variance = variance + self.weight[block] @ (P * (1.0 - P))
        if self._spectrum is not None:
            self._curvature = self._spectrum[0][:, np.newaxis] * variance + self.objective.penalty
            # Without a penalty J may be flat somewhere.
            self._curvature += 1e-9 * self._curvature.max()

    def _data_term(self, block: slice, logits: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the weighted loss of a block of rows, and the logits, now w (P - Y)."""
        labels, weight = self.objective.labels[block], self.weight[block]
        return softmax_cross_entropy(logits, labels, weight, self.objective.smoothing), logits

    def _loss_along(self, step: np.ndarray, logit_step: np.ndarray, length: float) -> float:
        """Return J at params + length * step."""
        n_weights = self.network.n_weights
        W = self.params[:n_weights] + length * step[:n_weights]
        loss = 0.5 * self.objective.penalty * float(W @ W)
        for block in self.blocks:
            loss += self._data_term(block, self.Z[block] + length * logit_step[block])[0]
        return loss

    def gradient(self) -> np.ndarray:
        """Return the gradient of J."""
        return self._pull_back(
            lambda block, X: self._data_term(block, self.Z[block].copy())[1], self.params
        )

    def hessian_product(self, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return H direction, and what the direction adds to the logits."""
        (V,), (v,) = self.network.split(direction)
        R = np.empty_like(self.Z)
        ones = np.ones((len(v), 1), dtype=v.dtype)  # a product is faster than a sum of rows

        def delta(block: slice, X: Batch) -> np.ndarray:
            P, logits = self.P[block], X.dot(V, out=R[block])
            logits += v
            D = P * logits
            D -= P * (D @ ones)
            D *= self.weight[block, np.newaxis]
            return D

        return self._pull_back(delta, direction), R

    def _pull_back(
        self, delta: Callable[[slice, Batch], np.ndarray], vector: np.ndarray
    ) -> np.ndarray:
        """Return X^T delta + penalty W as a vector, W the weights in `vector`."""
        out, product = np.zeros_like(vector), np.empty_like(vector)
        (G,), (g,) = self.network.split(product)
        for block in self.blocks:
            X = self.rows.take(block)
            D = delta(block, X)
            transposed_dot(X, D, out=G)
            np.add.reduce(D, axis=0, out=g)
            out += product
        n_weights = self.network.n_weights
        out[:n_weights] += self.objective.penalty * vector[:n_weights]
        return out

    def move(self, step: np.ndarray, logit_step: np.ndarray, slope: float) -> bool:
        """Go along the step as far as J falls enough; return whether it does at all."""
        longest = MAX_GROWTH * (1.0 + float(np.abs(self.Z).max()))
        length = longest / max(longest, float(np.abs(logit_step).max()))
        for _ in range(MAX_HALVINGS):
            loss = self._loss_along(step, logit_step, length)
            if loss < self.loss + 1e-4 * length * slope:  # Armijo, 1966
                self.params += length * step
                self.Z += length * logit_step
                self.loss = loss
                self._update_probabilities()
                return True
            length *= 0.5
        return False

    def _second_moments(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the eigenvalues and -vectors of sum_i w_i x_i x_i^T, x with a one appended.

        None if that is likely to cost more than it saves, and for sparse rows.
        """
        n_features, n_classes = self.network.layer_sizes
        too_wide = n_features**2 > MAX_SQUARE * self.rows.n_rows * n_classes
        if (
            too_wide
            or n_features > MAX_FEATURES
            or not isinstance(self.rows.take(self.blocks[0]), np.ndarray)
        ):
            return None
        moments = np.zeros((n_features + 1, n_features + 1), dtype=self.params.dtype)
        for block in self.blocks:
            X = self.rows.take(block)
            weighted = X * self.weight[block, np.newaxis]
            moments[:-1, :-1] += weighted.T @ X
            moments[-1, :-1] += weighted.sum(axis=0)
        moments[:-1, -1] = moments[-1, :-1]
        moments[-1, -1] = self.weight.sum()
        values, vectors = scipy.linalg.eigh(moments, check_finite=False)
        return np.maximum(values, 0.0), vectors

    def precondition(self, residual: np.ndarray) -> np.ndarray:
        """Return an approximate solution of H x = residual.

        The Hessian has a block for each class k, X^T diag(w_i p_ik (1 - p_ik)) X. It is
        approximated by the class's mean of p (1 - p) times the second moments, so that one
        decomposition inverts all blocks, for any probabilities (after Boehning, 1992). The part
        of the result that is common to all classes is removed, because the parameters have
        none.
        """
        if self._spectrum is None:
            return residual.copy()
        _, vectors = self._spectrum
        (V,), (v,) = self.network.split(residual)
        stacked = np.vstack([V, v])
        stacked -= stacked.mean(axis=1, keepdims=True)
        solution = vectors @ ((vectors.T @ stacked) / self._curvature)
        solution -= solution.mean(axis=1, keepdims=True)
        return np.concatenate([solution[:-1].ravel(), solution[-1]])
