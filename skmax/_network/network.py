"""The network: shapes, views into the one parameter vector, forward and backward.

    Z[l] = A[l-1] W[l] + b[l],   A[l] = g(Z[l]),   A[-1] = X,   P = softmax(Z[L])

All parameters live in one flat vector, first every W in row-major order, then every b.
Gradients are sums over rows: row weights carry any normalisation, so that batches, row
blocks and partitions just add up.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import DTypeLike

from .._data.batches import SparseBatch
from .activations import ACTIVATIONS
from .kernels import softmax_cross_entropy

# A layer with so many inputs learns at exactly the rate that is set.
REFERENCE_FAN_IN = 128

# A network of one layer has so many times the rate, because it is convex and begins at zero.
ONE_LAYER_RATE = 8.0


class Network:
    """A fully connected network from features to logits.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units of each layer: n_features, hidden layers, n_classes.
    activation : str
        Key of `ACTIVATIONS`, for the hidden layers.
    dropout : float, default=0.0
        Probability in [0, 1) that a hidden activation is set to 0 in training.
    """

    def __init__(
        self, layer_sizes: Sequence[int], activation: str, *, dropout: float = 0.0
    ) -> None:
        self.layer_sizes = [int(size) for size in layer_sizes]
        self.activation = activation
        self.dropout = dropout
        self.shapes = list(pairwise(self.layer_sizes))
        self.n_weights = sum(fan_in * fan_out for fan_in, fan_out in self.shapes)
        self.n_params = self.n_weights + sum(self.layer_sizes[1:])

    def split(self, params: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the lists of weight matrices and bias vectors, as views of `params`."""
        coefs, intercepts = [], []
        start, bias_start = 0, self.n_weights
        for fan_in, fan_out in self.shapes:
            stop = start + fan_in * fan_out
            coefs.append(params[start:stop].reshape(fan_in, fan_out))
            intercepts.append(params[bias_start : bias_start + fan_out])
            start, bias_start = stop, bias_start + fan_out
        return coefs, intercepts

    def initial_params(
        self, rng: np.random.Generator, dtype: DTypeLike = np.float64
    ) -> np.ndarray:
        """Return a random vector: hidden weights normal with variance 1 / fan_in, else 0.

        The last layer begins at zero, so that all classes have the same probability at first,
        and the first steps learn how to use the random features.

        References
        ----------
        LeCun, Bottou, Orr and Mueller, "Efficient backprop", 1998.
        """
        params = np.zeros(self.n_params, dtype=dtype)
        for W in self.split(params)[0][:-1]:
            W[...] = rng.normal(0.0, 1.0 / sqrt(len(W)), W.shape)
        return params

    def learning_rate_factors(self, dtype: DTypeLike) -> np.ndarray:
        """Return what the learning rate of each parameter is to be multiplied by.

        It is sqrt(128 / fan_in) for weights and 1 for biases, so that a step changes the input
        of every unit by about as much, however many units are below it. Under Adam this is the
        NTK parametrisation. Without a hidden layer, all factors are eight times as large.

        References
        ----------
        Jacot, Gabriel and Hongler, "Neural tangent kernel: convergence and
        generalization in neural networks", 2018.
        """
        factors = np.ones(self.n_params, dtype=dtype)
        for W in self.split(factors)[0]:
            W[...] = sqrt(REFERENCE_FAN_IN / len(W))
        return factors if len(self.shapes) > 1 else ONE_LAYER_RATE * factors

    def logits(
        self, params: np.ndarray, X: np.ndarray | SparseBatch, workspace: "Workspace"
    ) -> np.ndarray:
        """Return the logits of rows X, shape (n_samples, n_classes), without dropout.

        The array belongs to the workspace: its next use overwrites it.
        """
        return self._forward(params, X, workspace, rng=None)

    def input_gradient(
        self, params: np.ndarray, delta: np.ndarray, workspace: "Workspace"
    ) -> np.ndarray:
        """Return the gradient with respect to the rows whose logits were computed last.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
        delta : ndarray of shape (n_samples, n_classes)
            Gradient with respect to the logits.
        workspace : Workspace
            As `logits` left it.

        Returns
        -------
        grad : ndarray of shape (n_samples, n_features)
            A new array.
        """
        backward = ACTIVATIONS[self.activation].backward
        coefs, _ = workspace.layers(params)
        hidden = workspace.buffers(len(delta))[:-1]
        for W, below in zip(reversed(coefs[1:]), reversed(hidden), strict=True):
            delta = np.dot(delta, W.T, out=below.delta)
            backward(below.Z, below.A, delta)
        return delta.dot(coefs[0].T)

    def loss_and_gradient(
        self,
        params: np.ndarray,
        X: np.ndarray | SparseBatch,
        labels: np.ndarray,
        row_weight: float | np.ndarray,
        *,
        workspace: "Workspace",
        smoothing: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[float, np.ndarray]:
        """Return sum_i w_i L_i and its gradient with respect to `params`.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameter vector.
        X : {ndarray, SparseBatch} of shape (n_samples, n_features)
            Rows, in the dtype of `params`.
        labels : ndarray of shape (n_samples,)
            Class indices.
        row_weight : float or ndarray of shape (n_samples,)
            Weights w; they carry the normalisation.
        workspace : Workspace
            Buffers for at least n_samples rows; overwritten.
        smoothing : ndarray of shape (n_classes,), default=None
            The part of every target row that does not depend on its label.
        rng : numpy.random.Generator, default=None
            Draws the dropout masks; None evaluates the network without dropout.

        Returns
        -------
        loss : float
        grad : ndarray of shape (n_params,)
            Belongs to the workspace: its next use overwrites it.
        """
        delta = self._forward(params, X, workspace, rng)
        # (P - Y) is d(cross-entropy)/d(logits).
        loss = softmax_cross_entropy(delta, labels, row_weight, smoothing)
        self._backward(delta, params, X, workspace, dropping=self._drops(rng))
        return loss, workspace.grad

    def _drops(self, rng: np.random.Generator | None) -> TypeGuard[np.random.Generator]:
        return rng is not None and self.dropout > 0.0

    def _forward(
        self,
        params: np.ndarray,
        X: np.ndarray | SparseBatch,
        workspace: "Workspace",
        rng: np.random.Generator | None,
    ) -> np.ndarray:
        forward = ACTIVATIONS[self.activation].forward
        coefs, intercepts = workspace.layers(params)
        layers = workspace.buffers(X.shape[0])
        inputs = X
        for W, b, buffers in zip(coefs[:-1], intercepts[:-1], layers[:-1], strict=True):
            Z = inputs.dot(W, out=buffers.Z)
            Z += b
            forward(Z, buffers.A)
            inputs = buffers.A
            if self._drops(rng):
                self._draw_mask(rng, buffers)
                inputs = np.multiply(buffers.A, buffers.mask, out=buffers.dropped)
        Z = inputs.dot(coefs[-1], out=layers[-1].Z)
        Z += intercepts[-1]
        return Z

    def _draw_mask(self, rng: np.random.Generator, buffers: "LayerBuffers") -> None:
        # Kept activations are multiplied by 1 / (1 - dropout), so that the mean stays.
        uniform = rng.random(buffers.mask.shape, dtype=np.float32)
        np.multiply(uniform >= self.dropout, 1.0 / (1.0 - self.dropout), out=buffers.mask)

    def _backward(
        self,
        delta: np.ndarray,
        params: np.ndarray,
        X: np.ndarray | SparseBatch,
        workspace: "Workspace",
        dropping: bool,
    ) -> None:
        backward = ACTIVATIONS[self.activation].backward
        coefs, _ = workspace.layers(params)
        layers = workspace.buffers(X.shape[0])
        for layer in range(len(coefs) - 1, -1, -1):
            below = layers[layer - 1] if layer else None
            if below is None:
                inputs = X
            else:
                inputs = below.dropped if dropping else below.A
            grad_W, grad_b = workspace.grad_coefs[layer], workspace.grad_intercepts[layer]
            transposed_dot(inputs, delta, grad_W)
            np.dot(layers[layer].ones, delta, out=grad_b)
            if below is not None:
                delta = np.dot(delta, coefs[layer].T, out=below.delta)
                if dropping:
                    delta *= below.mask
                # The derivative is that of A before the mask: dropped activations are
                # zeros or rescaled, and their g' would be wrong.
                backward(below.Z, below.A, delta)


class LayerBuffers(NamedTuple):
    """What one layer writes for a number of rows; `A` is `Z` unless `needs_input`."""

    Z: np.ndarray
    A: np.ndarray
    delta: np.ndarray
    mask: np.ndarray
    dropped: np.ndarray
    ones: np.ndarray


class Workspace:
    """Buffers of one thread for batches of up to `n_rows` rows, and their views.

    Views are built once per batch size and once per parameter vector, not per step.

    Parameters
    ----------
    network : Network
    n_rows : int
        Largest number of rows of a batch.
    dtype : dtype
        Of parameters and rows.
    """

    def __init__(self, network: Network, n_rows: int, dtype: DTypeLike) -> None:
        hidden_layers = len(network.shapes) - 1
        needs_input = ACTIVATIONS[network.activation].needs_input
        self.grad = np.empty(network.n_params, dtype=dtype)
        self.grad_coefs, self.grad_intercepts = network.split(self.grad)
        self._split = network.split
        self._buffers = []
        ones = np.ones(n_rows, dtype=dtype)
        for layer, units in enumerate(network.layer_sizes[1:]):
            Z = np.empty((n_rows, units), dtype)
            if layer == hidden_layers:  # the logits, overwritten with their own delta
                self._buffers.append(LayerBuffers(Z, Z, Z, Z, Z, ones))
                continue
            A = np.empty_like(Z) if needs_input else Z
            delta, mask, dropped = (np.empty_like(Z) for _ in range(3))
            self._buffers.append(LayerBuffers(Z, A, delta, mask, dropped, ones))
        self._views_by_size = {n_rows: self._buffers}
        self._params: np.ndarray | None = None
        self._layers: Any = None

    def layers(self, params: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the weight matrices and biases of `params`, as views."""
        if params is not self._params:
            self._params, self._layers = params, self._split(params)
        return self._layers

    def buffers(self, n_rows: int) -> list[LayerBuffers]:
        """Return the buffers of each layer, cut to `n_rows` rows."""
        views = self._views_by_size.get(n_rows)
        if views is None:
            views = [_cut(buffers, n_rows) for buffers in self._buffers]
            self._views_by_size[n_rows] = views
        return views


def _cut(buffers: LayerBuffers, n_rows: int) -> LayerBuffers:
    Z = buffers.Z[:n_rows]
    # Activations ask whether A is Z to know whether one overwrites the other.
    A = Z if buffers.A is buffers.Z else buffers.A[:n_rows]
    return LayerBuffers(Z, A, *(array[:n_rows] for array in buffers[2:]))


def transposed_dot(A: np.ndarray | SparseBatch, delta: np.ndarray, out: np.ndarray) -> None:
    """Overwrite `out` with A^T delta, for rows A of either kind."""
    if isinstance(A, np.ndarray):
        np.dot(A.T, delta, out=out)
    else:
        A.transposed_dot(delta, out=out)
