"""Mini-batch optimizers on one flat parameter vector, in place.

An optimizer holds its moments between steps, and all of its state is in its fields.
`OPTIMIZERS` names them; their settings are the estimator's parameters of the same names.
"""

from dataclasses import dataclass, field
from math import sqrt

import numpy as np

# Elements per block: the vectors of a block stay in the second-level cache.
BLOCK_SIZE = 32_768


@dataclass
class SGD:
    """Stochastic gradient descent with momentum.

    v <- momentum v - rate grad;  params <- params + v, or with Nesterov's momentum
    params + momentum v - rate grad (Sutskever et al., 2013).
    """

    momentum: float = 0.9
    nesterovs_momentum: bool = True
    velocity: np.ndarray | None = field(default=None, repr=False)

    SETTINGS = ("momentum", "nesterovs_momentum")

    def step(self, params, grad, learning_rate):
        """Overwrite `params` with the step; `grad` is scratch afterwards."""
        if self.velocity is None:
            self.velocity = np.zeros_like(params)
        grad *= -learning_rate
        self.velocity *= self.momentum
        self.velocity += grad
        if self.nesterovs_momentum:
            grad += self.momentum * self.velocity
            params += grad
        else:
            params += self.velocity


@dataclass
class Adam:
    """Adam (Kingma and Ba, 2015, algorithm 1).

    m <- beta_1 m + (1 - beta_1) grad;  v <- beta_2 v + (1 - beta_2) grad^2;
    params <- params - rate m_hat / (sqrt(v_hat) + epsilon), where m_hat = m / (1 -
    beta_1^t) and v_hat = v / (1 - beta_2^t) after t steps.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_steps: int = 0
    mean: np.ndarray | None = field(default=None, repr=False)
    square: np.ndarray | None = field(default=None, repr=False)

    SETTINGS = ("beta_1", "beta_2", "epsilon")

    def step(self, params, grad, learning_rate):
        """Overwrite `params` with the step; `grad` is scratch afterwards."""
        if self.mean is None or self.square is None:
            self.mean, self.square = np.zeros_like(params), np.zeros_like(params)
        self.n_steps += 1
        # m_hat / (sqrt(v_hat) + eps) = (c / (1 - beta_1^t)) m / (sqrt(v) + c eps)
        # with c = sqrt(1 - beta_2^t): no corrected copies of the moments.
        correction = sqrt(1.0 - self.beta_2**self.n_steps)
        rate = learning_rate * correction / (1.0 - self.beta_1**self.n_steps)
        epsilon = self.epsilon * correction
        for start in range(0, len(params), BLOCK_SIZE):
            block = slice(start, start + BLOCK_SIZE)
            self._step_block(
                params[block], grad[block], self.mean[block], self.square[block], rate, epsilon
            )

    def _step_block(self, params, grad, mean, square, rate, epsilon):
        mean *= self.beta_1
        mean += grad * (1.0 - self.beta_1)
        np.multiply(grad, grad, out=grad)
        grad *= 1.0 - self.beta_2
        square *= self.beta_2
        square += grad
        np.sqrt(square, out=grad)
        grad += epsilon
        np.divide(mean, grad, out=grad)
        grad *= rate
        params -= grad


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"adam": Adam, "sgd": SGD}
