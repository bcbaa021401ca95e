"""Newton's method for softmax regression: exact Hessian products, conjugate gradients.

Without a hidden layer the logits Z = X W + b are linear in the parameters and J is
convex. With R = X V + v for a direction (V, v), all in terms of rows i and classes k,

    J(params + t direction) = data term of Z + t R, plus the penalty
    H direction = X^T D + penalty V,   D_ik = w_i P_ik (R_ik - sum_j P_ij R_ij)

so that a product with the Hessian costs two products with X, and a line search none.
"""

import numpy as np
import scipy.linalg

from ._losses import softmax, softmax_cross_entropy
from ._rows import blocks

# The preconditioner decomposes the second moments of so many features at most, and only
# where 25 d^3 operations are fewer than half of some 200 products with the Hessian, 4 n d K
# each at a third of the speed: d^2 < 48 n K.
MAX_FEATURES = 2048
MAX_SQUARE = 48

# A Newton step is solved to min(FORCING, |grad|^FORCING) of the gradient (Dembo, Eisenstat
# and Steihaug, 1982), and never further than needed for `tol`.
FORCING = 0.25

# Smallest step of the line search; below it rounding decides.
MIN_STEP = 1e-8


def minimize_newton(objective, state, after_pass, *, tol, max_iter):
    """Advance `state` by up to `max_iter` Newton steps.

    Parameters
    ----------
    objective : Objective
        Of a network without hidden layers.
    state : TrainingState
        Overwritten.
    after_pass : callable ``after_pass(params, loss) -> bool``
        Called after each step with J; says whether patience has run out.
    tol : float
        Stops where the largest absolute component of the gradient is at most this.
    max_iter : int

    Returns
    -------
    gradient_size : float
        Largest absolute component of the gradient.

    References
    ----------
    Nocedal and Wright, "Numerical optimization", 2006, chapter 7.
    """
    regression = _Regression(objective, state.params)
    state.ended_by = "max_iter"
    for _ in range(max_iter):
        grad = regression.gradient()
        size = float(np.abs(grad).max())
        if size <= tol:
            state.ended_by = "convergence"
            return size
        target = max(size * min(FORCING, size**FORCING), 0.5 * tol)
        step, logit_step = _solve(regression, grad, target)
        if not regression.move(step, logit_step, float(grad @ step)):
            state.ended_by = "line search"
            return size
        state.n_iter += 1
        state.position.t += objective.n_rows
        if after_pass(state.params, regression.loss):
            state.ended_by = "patience"
            break
    return float(np.abs(regression.gradient()).max())


def _solve(regression, grad, target):
    """Return a step with |H step + grad| <= target, and what it adds to the logits.

    Preconditioned conjugate gradients (Hestenes and Stiefel, 1952). They end where the
    residual itself is small, not the preconditioned one: directions of little curvature
    hardly show in the gradient, and need not be solved.
    """
    step, logit_step = np.zeros_like(grad), np.zeros_like(regression.Z)
    residual = -grad
    direction = preconditioned = regression.precondition(residual)
    descent = residual @ preconditioned
    for _ in range(len(grad)):
        product, logits = regression.hessian_product(direction)
        curvature = direction @ product
        if curvature <= 0.0:  # by rounding: J is convex
            break
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

    `params` is overwritten by `move`. Z, P and two more arrays of shape (n_rows,
    n_classes) are held; rows are passed through in blocks.
    """

    def __init__(self, objective, params):
        self.objective, self.params = objective, params
        self.network, self.rows = objective.network, objective.rows
        weight = objective.relative_weight
        self.weight = np.ones(objective.n_rows, params.dtype) if weight is None else weight
        self.weight = self.weight / objective.n_rows
        self.blocks = list(blocks(objective.n_rows, objective.batch_size))
        self.Z = self._products(params)
        self.P = softmax(self.Z)
        self.loss = self._loss(self.Z, params)
        self._spectrum = self._second_moments()

    def _products(self, vector):
        """Return X V + v for the vector (V, v)."""
        (V,), (v,) = self.network.split(vector)
        out = np.empty((self.objective.n_rows, len(v)), dtype=vector.dtype)
        for block in self.blocks:
            self.rows.take(block).dot(V, out=out[block])
        out += v
        return out

    def _loss(self, Z, params):
        objective, W = self.objective, params[: self.network.n_weights]
        smoothing = self.network.label_smoothing
        loss = softmax_cross_entropy(Z.copy(), objective.labels, self.weight, smoothing)
        return loss + 0.5 * objective.penalty * float(W @ W)

    def gradient(self):
        """Return the gradient of J."""
        delta = self.Z.copy()
        smoothing = self.network.label_smoothing
        softmax_cross_entropy(delta, self.objective.labels, self.weight, smoothing)
        return self._pull_back(lambda block, X: delta[block], self.params)

    def hessian_product(self, direction):
        """Return H direction, and what the direction adds to the logits."""
        (V,), (v,) = self.network.split(direction)
        R = np.empty_like(self.Z)
        ones = np.ones((len(v), 1), dtype=v.dtype)  # a product is faster than a sum of rows

        def delta(block, X):
            P, logits = self.P[block], X.dot(V, out=R[block])
            logits += v
            D = P * logits
            D -= P * (D @ ones)
            D *= self.weight[block, np.newaxis]
            return D

        return self._pull_back(delta, direction), R

    def _pull_back(self, delta, vector):
        """Return X^T delta + penalty W as a vector, W the weights in `vector`."""
        out, product = np.zeros_like(vector), np.empty_like(vector)
        (G,), (g,) = self.network.split(product)
        for block in self.blocks:
            X = self.rows.take(block)
            D = delta(block, X)
            if isinstance(X, np.ndarray):
                np.dot(X.T, D, out=G)
            else:
                X.transposed_dot(D, out=G)
            np.add.reduce(D, axis=0, out=g)
            out += product
        n_weights = self.network.n_weights
        out[:n_weights] += self.objective.penalty * vector[:n_weights]
        return out

    def move(self, step, logit_step, slope):
        """Go along the step as far as J falls enough; return whether it does at all."""
        length = 1.0
        while length > MIN_STEP:
            loss = self._loss(self.Z + length * logit_step, self.params + length * step)
            if loss < self.loss + 1e-4 * length * slope:  # Armijo, 1966
                self.params += length * step
                self.Z += length * logit_step
                self.P, self.loss = softmax(self.Z), loss
                return True
            length *= 0.5
        return False

    def _second_moments(self):
        """Return the eigenvalues and -vectors of sum_i w_i x_i x_i^T, x with a one appended.

        None where that is likely to cost more than it saves, and for sparse rows.
        """
        n_features, n_classes = self.network.layer_sizes
        too_wide = n_features**2 > MAX_SQUARE * self.objective.n_rows * n_classes
        if too_wide or n_features > MAX_FEATURES:
            return None
        if not isinstance(self.rows.take(self.blocks[0]), np.ndarray):
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

    def precondition(self, residual):
        """Return an approximate solution of H x = residual.

        Of the Hessian's blocks, one per class k, X^T diag(w_i p_ik (1 - p_ik)) X is taken
        as the class's mean of p (1 - p) times the second moments: one decomposition
        inverts all of them, for any probabilities (after Boehning, 1992). What is common
        to all classes changes no probability, and has the penalty's curvature alone.
        """
        if self._spectrum is None:
            return residual.copy()
        values, vectors = self._spectrum
        variance = self.weight @ (self.P * (1.0 - self.P))
        curvature = values[:, np.newaxis] * variance + self.objective.penalty
        curvature += 1e-9 * curvature.max()  # without a penalty J may be flat somewhere
        (V,), (v,) = self.network.split(residual)
        stacked = np.vstack([V, v])
        common = stacked.mean(axis=1, keepdims=True)
        solution = vectors @ ((vectors.T @ (stacked - common)) / curvature)
        solution -= solution.mean(axis=1, keepdims=True)
        if self.objective.penalty > 0.0:
            solution[:-1] += common[:-1] / self.objective.penalty
        return np.concatenate([solution[:-1].ravel(), solution[-1]])
