"""Mini-batch optimizers on one flat parameter vector, in place.

An optimizer holds its moments between steps, and all of its state is in its fields.
`step(params, grad, learning_rate, factors)` overwrites `params`, and `grad` is scratch
afterwards. `factors` multiply the rate of each parameter; None means ones.
`OPTIMIZERS` names them; their settings are the estimator's parameters of the same names.
"""

from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any

import numpy as np

# Elements per block. This is the fastest of 2k to 64k, because smaller blocks need more calls,
# which take more time than the cache saves.
BLOCK_SIZE = 65_536

LARGEST = {np.dtype(name): float(np.finfo(name).max) for name in ("float32", "float64")}


@dataclass
class SGD:
    """Stochastic gradient descent with momentum.

    v <- momentum v - rate grad;  params <- params + v, or with Nesterov's
    momentum params + momentum v - rate grad (Sutskever et al., 2013).
    """

    momentum: float = 0.9
    nesterovs_momentum: bool = True
    velocity: np.ndarray | None = field(default=None, repr=False)

    SETTINGS = ("momentum", "nesterovs_momentum")

    def step(
        self,
        params: np.ndarray,
        grad: np.ndarray,
        learning_rate: float,
        factors: np.ndarray | None = None,
    ) -> None:
        """Overwrite `params` with the step; `grad` is scratch afterwards."""
        if self.velocity is None:
            self.velocity = np.zeros_like(params)
        grad *= -learning_rate
        if factors is not None:
            grad *= factors
        self.velocity *= self.momentum
        self.velocity += grad
        if self.nesterovs_momentum:
            params += grad
            np.multiply(self.velocity, self.momentum, out=grad)
            params += grad
        else:
            params += self.velocity


@dataclass
class Adam:
    """Adam (Kingma and Ba, 2015, algorithm 1).

    m <- beta_1 m + (1 - beta_1) grad;  v <- beta_2 v + (1 - beta_2) grad^2;
    params <- params - rate m_hat / (sqrt(v_hat) + epsilon), where m_hat = m / (1 -
    beta_1^t) and v_hat = v / (1 - beta_2^t) after t steps.

    It keeps the sums `mean_sum` = m / (1 - beta_1) and `square_sum` = v / (1 - beta_2),
    because their recurrences have no second factor: 10 passes over memory instead of 13.

    A gradient so large that `square_sum` could overflow is clipped, element by element, because
    a weight with an infinite second moment would never move again. Steps do not depend on the
    size of gradients.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_steps: int = 0
    mean_sum: np.ndarray | None = field(default=None, repr=False)
    square_sum: np.ndarray | None = field(default=None, repr=False)

    SETTINGS = ("beta_1", "beta_2", "epsilon")

    def with_settings(self, **settings: Any) -> "Adam":
        """Return an optimizer with other settings that goes on from the same moments."""
        optimizer = replace(self, **settings)
        mean_ratio = (1.0 - self.beta_1) / (1.0 - optimizer.beta_1)
        if self.mean_sum is not None and mean_ratio != 1.0:
            optimizer.mean_sum = self.mean_sum * mean_ratio
        square_ratio = (1.0 - self.beta_2) / (1.0 - optimizer.beta_2)
        if self.square_sum is not None and square_ratio != 1.0:
            most = LARGEST[self.square_sum.dtype] / 2.0
            bounded = np.minimum(self.square_sum, most / max(square_ratio, 1.0))
            optimizer.square_sum = bounded * square_ratio
        return optimizer

    def step(
        self,
        params: np.ndarray,
        grad: np.ndarray,
        learning_rate: float,
        factors: np.ndarray | None = None,
    ) -> None:
        """Overwrite `params` with the step; `grad` is scratch afterwards."""
        if self.mean_sum is None or self.square_sum is None:
            self.mean_sum, self.square_sum = np.zeros_like(params), np.zeros_like(params)
        self.n_steps += 1
        # `square_sum` is at most the largest square over 1 - beta_2.
        largest_square = LARGEST[grad.dtype] * (1.0 - self.beta_2) / 2.0
        # sqrt(v_hat) = root sqrt(square_sum) and m_hat = factor mean_sum, so the step is
        # rate m_hat / (sqrt(v_hat) + eps)
        #     = (rate factor / root) mean_sum / (sqrt(square_sum) + eps / root).
        root = sqrt((1.0 - self.beta_2) / (1.0 - self.beta_2**self.n_steps))
        factor = (1.0 - self.beta_1) / (1.0 - self.beta_1**self.n_steps)
        rate, epsilon = learning_rate * factor / root, self.epsilon / root
        for start in range(0, len(params), BLOCK_SIZE):
            block = slice(start, start + BLOCK_SIZE)
            scratch, mean_sum = grad[block], self.mean_sum[block]
            square_sum = self.square_sum[block]
            if not np.dot(scratch, scratch) <= largest_square:
                bound = sqrt(largest_square)
                np.clip(scratch, -bound, bound, out=scratch)
            mean_sum *= self.beta_1
            mean_sum += scratch
            np.multiply(scratch, scratch, out=scratch)
            square_sum *= self.beta_2
            square_sum += scratch
            np.sqrt(square_sum, out=scratch)
            scratch += epsilon
            np.divide(mean_sum, scratch, out=scratch)
            scratch *= rate
            if factors is not None:
                scratch *= factors[block]
            params[block] -= scratch


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"adam": Adam, "sgd": SGD}
