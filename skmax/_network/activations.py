"""Activation functions of hidden layers and their derivatives, in place on arrays.

Each activation is one entry of `ACTIVATIONS`: a forward function written next to the
backward function that multiplies an incoming gradient by the derivative.
"""

from collections.abc import Callable
from math import pi, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import expit, ndtr

# Constants of the self-normalising fixed point (Klambauer et al., 2017).
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


class Activation(NamedTuple):
    """One activation function g.

    Parameters
    ----------
    forward : callable ``forward(Z, out)``
        Writes g(Z) to `out`, which may be `Z` itself unless `needs_input`.
    backward : callable ``backward(Z, A, delta)``
        Overwrites `delta` with delta * g'(Z), where A = g(Z). `Z` holds the
        pre-activations only if `needs_input`.
    needs_input : bool, default=False
        Whether the derivative is computed from `Z`; if not, `A` may overwrite it.
    """

    forward: Callable[[np.ndarray, np.ndarray], object]
    backward: Callable[[np.ndarray, np.ndarray, np.ndarray], object]
    needs_input: bool = False


def identity(Z: np.ndarray, out: np.ndarray) -> None:
    if out is not Z:
        np.copyto(out, Z)


def identity_backward(Z: np.ndarray, A: np.ndarray, delta: np.ndarray) -> None:
    pass


def logistic(Z: np.ndarray, out: np.ndarray) -> None:
    expit(Z, out=out)


def logistic_backward(Z: np.ndarray, A: np.ndarray, delta: np.ndarray) -> None:
    delta *= A
    delta *= 1.0 - A


def tanh(Z: np.ndarray, out: np.ndarray) -> None:
    np.tanh(Z, out=out)


def tanh_backward(Z: np.ndarray, A: np.ndarray, delta: np.ndarray) -> None:
    delta *= 1.0 - A * A


def relu(Z: np.ndarray, out: np.ndarray) -> None:
    # np.maximum is up to twice as fast with a row of zeros as with a scalar (float32).
    np.maximum(Z, np.zeros(Z.shape[-1], dtype=Z.dtype), out=out)


def relu_backward(Z: np.ndarray, A: np.ndarray, delta: np.ndarray) -> None:
    delta *= A > 0.0


def selu(Z: np.ndarray, out: np.ndarray) -> None:
    negative_part = np.minimum(Z, 0.0)
    np.expm1(negative_part, out=negative_part)
    negative_part *= SELU_ALPHA
    np.maximum(Z, 0.0, out=out)
    out += negative_part
    out *= SELU_SCALE


def selu_backward(Z: np.ndarray, A: np.ndarray, delta: np.ndarray) -> None:
    # scale * alpha * e^z is A + scale * alpha where z < 0.
    slope = np.minimum(A, 0.0)
    slope += SELU_SCALE * SELU_ALPHA
    slope[A > 0.0] = SELU_SCALE
    delta *= slope


def gelu(Z: np.ndarray, out: np.ndarray) -> None:
    np.multiply(Z, ndtr(Z), out=out)


def gelu_backward(Z: np.ndarray, A: np.ndarray, delta: np.ndarray) -> None:
    # d/dz z Phi(z) = Phi(z) + z phi(z), phi the standard normal density.
    slope = np.exp(-0.5 * Z * Z)
    slope *= 1.0 / sqrt(2.0 * pi)
    slope *= Z
    slope += ndtr(Z)
    delta *= slope


def silu(Z: np.ndarray, out: np.ndarray) -> None:
    np.multiply(Z, expit(Z), out=out)


def silu_backward(Z: np.ndarray, A: np.ndarray, delta: np.ndarray) -> None:
    # d/dz z s(z) = s + z s (1 - s) = s + A (1 - s).
    sigmoid = expit(Z)
    delta *= sigmoid + A * (1.0 - sigmoid)


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(identity, identity_backward),
    "logistic": Activation(logistic, logistic_backward),
    "tanh": Activation(tanh, tanh_backward),
    "relu": Activation(relu, relu_backward),
    "selu": Activation(selu, selu_backward),
    "gelu": Activation(gelu, gelu_backward, needs_input=True),
    "silu": Activation(silu, silu_backward, needs_input=True),
}
