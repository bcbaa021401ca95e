"""The network: shapes, views into the one parameter vector, forward and backward.

    Z[l] = A[l-1] W[l] + b[l],   A[l] = g(Z[l]),   A[-1] = X,   P = softmax(Z[L])

A network has one tower of such layers, or several side by side. Each tower sees a range of the
columns of X. Each is trained on a cross-entropy of its own, so that it learns
as if it were alone, and the logits of the network are the mean of theirs.

All parameters live in one flat vector, first every W in row-major order, then every b, layer
after layer, and tower after tower in each. Gradients are sums over rows: row weights carry any
normalisation, so that batches, row blocks and partitions just add up.

References
----------
Gorishniy, Kotelnikov and Babenko, "TabM: advancing tabular deep learning with
parameter-efficient ensembling", 2024 (members that are trained each on its own loss).
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from math import sqrt
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import DTypeLike

from .._data.batches import Batch, SparseBatch, WideBatch
from .._data.features.encoding import Encoding
from .activations import ACTIVATIONS
from .kernels import softmax_cross_entropy

# A layer with so many inputs learns at exactly the rate that is set.
REFERENCE_FAN_IN = 128

# A network of one layer has so many times the rate, because it is convex and begins at zero.
ONE_LAYER_RATE = 8.0


def auto_hidden_sizes(encoding: Encoding) -> list[int]:
    """Return the hidden layers of each tower if hidden_layer_sizes is "auto"."""
    return [128, 128] if len(encoding.tower_columns) == 1 else [128, 64]


class Network:
    """A fully connected network from features to logits.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units of each layer: n_features, hidden layers (of each tower), n_classes.
    activation : str
        Key of `ACTIVATIONS`, for the hidden layers.
    dropout : float, default=0.0
        Probability in [0, 1) that a hidden activation is set to 0 in training.
    tower_inputs : sequence of int, default=None
        The column after the last one that each tower sees. None: one tower sees all.
    tower_starts : sequence of int, default=None
        The first column that each tower sees. None: 0.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: str,
        *,
        dropout: float = 0.0,
        tower_inputs: Sequence[int] | None = None,
        tower_starts: Sequence[int] | None = None,
    ) -> None:
        self.layer_sizes = [int(size) for size in layer_sizes]
        self.activation = activation
        self.dropout = dropout
        self.tower_inputs = [int(size) for size in tower_inputs or layer_sizes[:1]]
        self.n_towers = len(self.tower_inputs)
        self.tower_starts = [int(start) for start in tower_starts or [0] * self.n_towers]
        # The columns that each tower sees.
        self.tower_columns = list(map(slice, self.tower_starts, self.tower_inputs))
        pairs = list(pairwise(self.layer_sizes))
        first = [(seen.stop - seen.start, pairs[0][1]) for seen in self.tower_columns]
        # Of every weight matrix, in the order of the vector.
        self.shapes = first + [pair for pair in pairs[1:] for _ in first]
        self.n_weights = sum(fan_in * fan_out for fan_in, fan_out in self.shapes)
        self.n_params = self.n_weights + sum(fan_out for _, fan_out in self.shapes)

    def takes(self, encoding: Encoding) -> bool:
        """Return whether the network has the inputs that the towers of an encoding see."""
        inputs = self.layer_sizes[0], self.tower_columns
        return inputs == (encoding.width, encoding.tower_columns)

    @property
    def hidden_sizes(self) -> list[int]:
        """Units of the hidden layers of each tower."""
        return self.layer_sizes[1:-1]

    def layers(self, params: np.ndarray) -> list["Layer"]:
        """Return the weights and biases of each layer, as views of `params`."""
        matrices, vectors = [], []
        start, bias_start = 0, self.n_weights
        for fan_in, fan_out in self.shapes:
            stop = start + fan_in * fan_out
            matrices.append(params[start:stop].reshape(fan_in, fan_out))
            vectors.append(params[bias_start : bias_start + fan_out])
            start, bias_start = stop, bias_start + fan_out
        parts = range(0, len(matrices), self.n_towers)
        return [
            Layer(matrices[i : i + self.n_towers], vectors[i : i + self.n_towers]) for i in parts
        ]

    def split(self, params: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the lists of weight matrices and bias vectors of the network.

        Those of one tower are views of `params`. Several towers are one network, too: its
        matrices are block-diagonal, and the last layer takes the mean. These are
        new arrays that cannot be written to; `overwrite` takes them back.
        """
        layers = self.layers(params)
        if self.n_towers == 1:
            return [layer.W[0] for layer in layers], [layer.b[0] for layer in layers]
        coefs, intercepts = [], []
        for i, layer in enumerate(layers):
            last = i == len(layers) - 1
            blocks, shape = self._blocks(i)
            coef = np.zeros(shape, params.dtype)
            for W, block in zip(layer.W, blocks, strict=True):
                coef[block] += W / self.n_towers if last else W
            coefs.append(coef)
            intercepts.append(np.mean(layer.b, axis=0) if last else np.concatenate(layer.b))
        for array in coefs + intercepts:
            array.flags.writeable = False
        return coefs, intercepts

    def _blocks(self, layer: int) -> tuple[list[tuple[slice, slice]], tuple[int, int]]:
        """Return where each tower is in a matrix of `split`, and the shape of the matrix."""
        last = layer == len(self.layer_sizes) - 2
        fan_in, fan_out = self.layer_sizes[layer : layer + 2]
        towers = range(self.n_towers)
        rows = [slice(fan_in * k, fan_in * (k + 1)) for k in towers]
        columns = [
            slice(0 if last else fan_out * k, fan_out if last else fan_out * (k + 1))
            for k in towers
        ]
        if layer == 0:
            rows = self.tower_columns
        shape = max(r.stop for r in rows), columns[-1].stop
        return list(zip(rows, columns, strict=True)), shape

    def overwrite(
        self,
        params: np.ndarray,
        coefs: list[np.ndarray] | None,
        intercepts: list[np.ndarray] | None,
    ) -> None:
        """Overwrite `params` with the matrices and vectors of `split`, unless these are None.

        Raises
        ------
        ValueError
            If a weight that connects two towers is not 0.
        """
        for i, layer in enumerate(self.layers(params)):
            last = i == len(self.layer_sizes) - 2
            blocks, shape = self._blocks(i)
            n_towers = np.zeros(shape, int)  # that have this weight
            for block in blocks:
                n_towers[block] += 1
            if coefs is not None:
                if coefs[i][n_towers == 0].any():
                    raise ValueError(
                        f"Weights of layer {i} that connect one tower of the network to another "
                        f"must be 0; {np.count_nonzero(coefs[i][n_towers == 0])} are not."
                    )
                for W, block in zip(layer.W, blocks, strict=True):
                    W[...] = coefs[i][block] * ((self.n_towers if last else 1) / n_towers[block])
            if intercepts is not None:
                for b, (_, columns) in zip(layer.b, blocks, strict=True):
                    b[...] = intercepts[i][columns]

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
        for layer in self.layers(params)[:-1]:
            for W in layer.W:
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
        for layer in self.layers(factors):
            for W in layer.W:
                W[...] = sqrt(REFERENCE_FAN_IN / len(W))
        return factors if self.hidden_sizes else ONE_LAYER_RATE * factors

    def input_weights(self, params: np.ndarray) -> list[np.ndarray]:
        """Return the weights of the inputs of each tower, as views of `params`."""
        return self.layers(params)[0].W

    def logits(self, params: np.ndarray, X: Batch, workspace: "Workspace") -> np.ndarray:
        """Return the logits of rows X, shape (n_samples, n_classes), without dropout.

        The array belongs to the workspace: its next use overwrites it.
        """
        stacked = self._forward(params, X, workspace, rng=None)
        if self.n_towers == 1:
            return stacked
        mean, *others = self._by_tower(stacked)
        for Z in others:
            mean += Z
        mean /= self.n_towers
        return mean

    def tower_logits(self, params: np.ndarray, X: Batch, workspace: "Workspace") -> np.ndarray:
        """Return the logits of each tower, shape (n_towers, n_samples, n_classes)."""
        return self._by_tower(self._forward(params, X, workspace, rng=None))

    def _by_tower(self, stacked: np.ndarray) -> np.ndarray:
        return stacked.reshape(self.n_towers, -1, stacked.shape[1])

    def hidden_activations(self, workspace: "Workspace", n_rows: int, layer: int) -> np.ndarray:
        """Return the activations of the rows whose logits were computed last, tower by tower.

        The array has the shape (n_rows, n_towers * units) and may belong to the workspace.
        """
        A = self._by_tower(workspace.buffers(n_rows)[layer].A)
        return A.transpose(1, 0, 2).reshape(n_rows, -1)

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
        layers = workspace.layers(params)
        buffers = workspace.buffers(len(delta))
        grad = np.zeros((len(delta), self.layer_sizes[0]), delta.dtype)
        deltas = [delta / self.n_towers] * self.n_towers
        for layer, below in zip(reversed(layers[1:]), reversed(buffers[:-1]), strict=True):
            for delta, W, out in zip(deltas, layer.W, below.towers.delta, strict=True):
                np.dot(delta, W.T, out=out)
            backward(below.Z, below.A, below.delta)
            deltas = below.towers.delta
        for delta, W, seen in zip(deltas, layers[0].W, self.tower_columns, strict=True):
            grad[:, seen] += delta.dot(W.T)
        return grad

    def loss_and_gradient(
        self,
        params: np.ndarray,
        X: Batch,
        labels: np.ndarray,
        row_weight: float | np.ndarray,
        *,
        workspace: "Workspace",
        smoothing: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[float, np.ndarray]:
        """Return sum_i w_i L_i, of all towers, and its gradient with respect to `params`.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameter vector.
        X : {ndarray, SparseBatch, WideBatch} of shape (n_samples, n_features)
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
        if self.n_towers > 1:
            labels = np.tile(labels, self.n_towers)
            if isinstance(row_weight, np.ndarray):
                row_weight = np.tile(row_weight, self.n_towers)
        # (P - Y) is d(cross-entropy)/d(logits).
        loss = softmax_cross_entropy(delta, labels, row_weight, smoothing)
        self._backward(params, X, workspace, dropping=self._drops(rng))
        return loss, workspace.grad

    def _drops(self, rng: np.random.Generator | None) -> TypeGuard[np.random.Generator]:
        return rng is not None and self.dropout > 0.0

    def _inputs(self, X: Batch) -> list[Any]:
        """Return the columns of X that each tower sees."""
        if isinstance(X, SparseBatch) or self.n_towers == 1:
            return [X] * self.n_towers
        if isinstance(X, WideBatch):
            return [X.columns(seen) for seen in self.tower_columns]
        return [X[:, seen] for seen in self.tower_columns]

    def _forward(
        self,
        params: np.ndarray,
        X: Batch,
        workspace: "Workspace",
        rng: np.random.Generator | None,
    ) -> np.ndarray:
        """Return the logits of the towers, stacked: shape (n_towers * n_samples, n_classes)."""
        forward = ACTIVATIONS[self.activation].forward
        inputs = self._inputs(X)
        layers, buffers = workspace.layers(params), workspace.buffers(X.shape[0])
        for layer, buffer in zip(layers, buffers, strict=True):
            for A, W, b, Z in zip(inputs, layer.W, layer.b, buffer.towers.Z, strict=True):
                A.dot(W, out=Z)
                Z += b
            if buffer is buffers[-1]:
                break
            forward(buffer.Z, buffer.A)
            inputs = buffer.towers.A
            if self._drops(rng):
                self._draw_mask(rng, buffer)
                np.multiply(buffer.A, buffer.mask, out=buffer.dropped)
                inputs = buffer.towers.dropped
        return buffers[-1].Z

    def _draw_mask(self, rng: np.random.Generator, buffers: "LayerBuffers") -> None:
        # Kept activations are multiplied by 1 / (1 - dropout), so that the mean stays.
        uniform = rng.random(buffers.mask.shape, dtype=np.float32)
        np.multiply(uniform >= self.dropout, 1.0 / (1.0 - self.dropout), out=buffers.mask)

    def _backward(
        self,
        params: np.ndarray,
        X: Batch,
        workspace: "Workspace",
        dropping: bool,
    ) -> None:
        """Overwrite the gradient of the workspace, if its logits hold that of the logits."""
        backward = ACTIVATIONS[self.activation].backward
        layers, buffers = workspace.layers(params), workspace.buffers(X.shape[0])
        for i in range(len(layers) - 1, -1, -1):
            below, grad, deltas = buffers[i - 1], workspace.grad_layers[i], buffers[i].towers.delta
            inputs = below.towers.dropped if dropping else below.towers.A
            if i == 0:
                inputs = self._inputs(X)
            for A, delta, grad_W, grad_b in zip(inputs, deltas, grad.W, grad.b, strict=True):
                transposed_dot(A, delta, grad_W)
                np.dot(buffers[i].ones, delta, out=grad_b)
            if i > 0:
                for delta, W, out in zip(deltas, layers[i].W, below.towers.delta, strict=True):
                    np.dot(delta, W.T, out=out)
                if dropping:
                    np.multiply(below.delta, below.mask, out=below.delta)
                # The derivative is that of A before the mask: dropped activations are
                # zeros or rescaled, and their g' would be wrong.
                backward(below.Z, below.A, below.delta)


class Layer(NamedTuple):
    """The weight matrix and the bias vector that each tower has in one layer."""

    W: list[np.ndarray]
    b: list[np.ndarray]


class TowerBuffers(NamedTuple):
    """The parts of the arrays of a layer that belong to each tower."""

    Z: list[np.ndarray]
    A: list[np.ndarray]
    delta: list[np.ndarray]
    dropped: list[np.ndarray]


class LayerBuffers(NamedTuple):
    """What one layer writes for a number of rows; `A` is `Z` unless `needs_input`.

    The rows of one tower follow those of another: the shape is (n_towers * n_rows, units).
    """

    Z: np.ndarray
    A: np.ndarray
    delta: np.ndarray
    mask: np.ndarray
    dropped: np.ndarray
    ones: np.ndarray
    towers: TowerBuffers


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
        needs_input = ACTIVATIONS[network.activation].needs_input
        self.dtype = np.dtype(dtype)
        self._network, self._n_towers = network, network.n_towers
        self._ones = np.ones(n_rows, dtype=dtype)
        buffers: list[LayerBuffers] = []
        for units in network.layer_sizes[1:]:
            Z = np.empty((network.n_towers * n_rows, units), dtype)
            if len(buffers) == len(network.hidden_sizes):
                # The logits are overwritten with their own delta.
                buffers.append(self._parted(Z, Z, Z, Z, Z, self._ones))
                continue
            A = np.empty_like(Z) if needs_input else Z
            # Without dropout nothing is written to these two.
            mask, dropped = (np.empty_like(Z) if network.dropout else A for _ in range(2))
            buffers.append(self._parted(Z, A, np.empty_like(Z), mask, dropped, self._ones))
        self._views_by_size = {n_rows: buffers}
        self._whole = buffers
        self._params: np.ndarray | None = None
        self._layers: Any = None

    @cached_property
    def grad(self) -> np.ndarray:
        """The gradient; a prediction needs none."""
        return np.empty(self._network.n_params, self.dtype)

    @cached_property
    def grad_layers(self) -> list["Layer"]:
        """Its parts, as views."""
        return self._network.layers(self.grad)

    def layers(self, params: np.ndarray) -> list[Layer]:
        """Return the weights and biases of `params`, as views."""
        if params is not self._params:
            self._params, self._layers = params, self._network.layers(params)
        return self._layers

    def buffers(self, n_rows: int) -> list[LayerBuffers]:
        """Return the buffers of each layer, cut to `n_rows` rows."""
        views = self._views_by_size.get(n_rows)
        if views is None:
            views = [self._cut(buffers, n_rows) for buffers in self._whole]
            self._views_by_size[n_rows] = views
        return views

    def _cut(self, buffers: LayerBuffers, n_rows: int) -> LayerBuffers:
        # Each array is cut once, because activations ask whether A is Z.
        cut = {id(array): array[: self._n_towers * n_rows] for array in buffers[:5]}
        Z, A, delta, mask, dropped = (cut[id(array)] for array in buffers[:5])
        return self._parted(Z, A, delta, mask, dropped, self._ones[:n_rows])

    def _parted(
        self,
        Z: np.ndarray,
        A: np.ndarray,
        delta: np.ndarray,
        mask: np.ndarray,
        dropped: np.ndarray,
        ones: np.ndarray,
    ) -> LayerBuffers:
        """Return buffers with the parts of each tower; arrays that are one have one list."""
        of_Z = self._parts(Z)
        of_A = of_Z if A is Z else self._parts(A)
        of_delta = of_Z if delta is Z else self._parts(delta)
        of_dropped = of_A if dropped is A else self._parts(dropped)
        towers = TowerBuffers(of_Z, of_A, of_delta, of_dropped)
        return LayerBuffers(Z, A, delta, mask, dropped, ones, towers)

    def _parts(self, array: np.ndarray) -> list[np.ndarray]:
        if self._n_towers == 1:
            return [array]
        return list(array.reshape(self._n_towers, -1, array.shape[1]))


def transposed_dot(A: Batch, delta: np.ndarray, out: np.ndarray) -> None:
    """Overwrite `out` with A^T delta, for rows A of either kind."""
    if isinstance(A, np.ndarray):
        np.dot(A.T, delta, out=out)
    else:
        A.transposed_dot(delta, out=out)
