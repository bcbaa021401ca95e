"""The objective J on rows in memory, exactly or estimated on a batch.

    J = (1 / S) sum_i w_i L_i + alpha / (2 S) sum_l |W[l]|^2,   S = sum_i w_i

J is the same for every solver and batch size. A batch estimates it without bias: its
rows carry the weights w_i n / (S batch_size), and the penalty is added whole. Of several towers
J is the mean of theirs. A step on a batch follows the gradient of their sum, so that each
tower moves as if it were alone.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .._data.batches import BLOCK_ROWS, BatchReader, blocks
from .._data.features.scaling import Moments, mean_and_deviation, moments
from .._network.kernels import row_cross_entropy
from .._network.network import Network, Workspace

# Weights per block of the penalty, see BLOCK_SIZE of the optimizers.
PENALTY_BLOCK = 65_536


class Normalization(NamedTuple):
    """The rows that an objective is a mean over: their number and mean weight."""

    n_rows: int
    mean_weight: float = 1.0

    def penalty(self, alpha: float, weight_scale: float) -> float:
        """Return alpha / S, if weights are to be multiplied by `weight_scale`."""
        return alpha / weight_scale / self.mean_weight / self.n_rows


class Objective:
    """J and its gradient as a function of the parameter vector.

    Parameters
    ----------
    network : Network
    rows : BatchReader
        The training rows.
    labels : ndarray of shape (n_rows,)
        Their class indices.
    row_weight : ndarray of shape (n_rows,), default=None
        Their weights w >= 0, not all zero; None weighs each row 1.
    alpha : float
        Strength of the L2 penalty.
    weight_scale : float, default=1.0
        Factor of `row_weight`. It counts against alpha only.
    batch_size : int, default=BLOCK_ROWS
        Largest number of rows in a batch or a block.
    smoothing : ndarray of shape (n_classes,), default=None
        The part of every target row that does not depend on its label.
    rng : numpy.random.Generator, default=None
        Draws the dropout masks of batches; J itself is evaluated without dropout.
    n_rows : int, default=None
        Rows that an epoch or iteration counts. None: as many as there are.
    whole : Normalization, default=None
        That of all rows, if these are a part of them. The objective is then their share of
        J, without the penalty. The shares of all parts add up to the data term.
    """

    def __init__(
        self,
        network: Network,
        rows: BatchReader,
        labels: np.ndarray,
        row_weight: np.ndarray | None,
        alpha: float,
        *,
        weight_scale: float = 1.0,
        batch_size: int = BLOCK_ROWS,
        smoothing: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        n_rows: int | None = None,
        whole: Normalization | None = None,
    ) -> None:
        self.network = network
        self.rows = rows
        self.labels = labels
        self.smoothing = None if smoothing is None else smoothing.astype(rows.dtype)
        self.rng = rng
        self.n_rows = rows.n_rows if n_rows is None else n_rows
        self.batch_size = min(batch_size, rows.n_rows)
        if whole is None:
            mean_weight = 1.0 if row_weight is None else float(row_weight.mean())
            whole = Normalization(rows.n_rows, mean_weight)
            self.penalty = whole.penalty(alpha, weight_scale)
        else:
            self.penalty = 0.0
        self.divisor = whole.n_rows
        # With w / mean(w) and alpha n / S, J is the same, and no weights are too large.
        self.relative_weight = None
        if row_weight is not None:
            self.relative_weight = (row_weight / whole.mean_weight).astype(rows.dtype)
        self._workspace = Workspace(network, self.batch_size, rows.dtype)
        self._scratch = np.empty(min(network.n_weights, PENALTY_BLOCK), rows.dtype)

    def __call__(self, params: np.ndarray) -> tuple[float, np.ndarray]:
        """Return J and its gradient, a new array, in blocks of rows."""
        loss, grad = 0.0, np.zeros_like(params)
        for block in blocks(self.rows.n_rows, self.batch_size):
            block_loss, block_grad = self._data_term(params, block, self.divisor)
            loss += block_loss
            grad += block_grad
        loss += self._add_penalty(params, grad)
        grad /= self.network.n_towers
        return loss / self.network.n_towers, grad

    def moments(self) -> Moments:
        """Return the `Moments` of the numbers as they are in X."""
        weight = self.relative_weight
        weight = None if weight is None else weight.astype(np.float64)
        return moments(self.rows.numbers, self.rows.index, weight)

    def estimate(self, params: np.ndarray, batch: slice | np.ndarray) -> tuple[float, np.ndarray]:
        """Return an unbiased estimate of J and its gradient from a batch of rows.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
        batch : slice or ndarray of int
            Positions of at most `batch_size` rows.

        Returns
        -------
        loss : float
        grad : ndarray of shape (n_params,)
            That of the sum over towers. Overwritten by the next call.
        """
        n_rows = batch.stop - batch.start if isinstance(batch, slice) else len(batch)
        loss, grad = self._data_term(params, batch, n_rows, self.rng)
        return (loss + self._add_penalty(params, grad)) / self.network.n_towers, grad

    def _data_term(
        self,
        params: np.ndarray,
        batch: slice | np.ndarray,
        divisor: float,
        rng: np.random.Generator | None = None,
    ) -> tuple[float, np.ndarray]:
        row_weight: float | np.ndarray = 1.0 / divisor
        if self.relative_weight is not None:
            row_weight = self.relative_weight[batch] * row_weight
        return self.network.loss_and_gradient(
            params,
            self.rows.take(batch),
            self.labels[batch],
            row_weight,
            workspace=self._workspace,
            smoothing=self.smoothing,
            rng=rng,
        )

    def _add_penalty(self, params: np.ndarray, grad: np.ndarray) -> float:
        """Add the gradient of the L2 penalty to `grad`; return the penalty."""
        if self.penalty == 0.0:
            return 0.0
        penalty = 0.0
        for start in range(0, self.network.n_weights, len(self._scratch)):
            block = slice(start, min(start + len(self._scratch), self.network.n_weights))
            scaled = np.multiply(
                params[block], self.penalty, out=self._scratch[: block.stop - start]
            )
            grad[block] += scaled
            penalty += float(np.dot(params[block], scaled))
        return 0.5 * penalty


def scaled_step_gain(network: Network, grad: np.ndarray, moments: Moments) -> float:
    """Return what a gradient step in terms of scaled features lowers J by, at least.

    With z = (x - c) / s, the logits of the first layer are z (s W) + (b + c W), so that the
    gradient with respect to the scaled weights is (dJ/dW - c dJ/db) / s. The curvature of
    the cross-entropy in a direction is at most 1/2 of the mean of |z|^2 + 1, which is half of
    the number of features and one. (With hidden layers it is another: this is an estimate.)
    """
    coefs, intercepts = network.split(grad.astype(np.float64))
    center, scale, constant = mean_and_deviation(moments)
    W, b = coefs[0][: len(center)], intercepts[0]  # of the features, not of their bins
    G = ((W - np.outer(center, b)) / scale[:, np.newaxis])[~constant]
    return (float(np.sum(G * G)) + float(b @ b)) / (len(G) + 1)


def logits_by_block(
    network: Network, params: np.ndarray, rows: BatchReader
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (slice, logits) for each block of rows; the next block overwrites them."""
    workspace = Workspace(network, min(BLOCK_ROWS, rows.n_rows), params.dtype)
    for block in blocks(rows.n_rows):
        yield block, network.logits(params, rows.take(block), workspace)


def all_logits(network: Network, params: np.ndarray, rows: BatchReader) -> np.ndarray:
    """Return the logits of all rows, in the dtype that they are computed in."""
    logits = np.empty((rows.n_rows, network.layer_sizes[-1]), params.dtype)
    for block, Z in logits_by_block(network, params, rows):
        logits[block] = Z
    return logits


def mean_cross_entropy(
    network: Network,
    params: np.ndarray,
    rows: BatchReader,
    labels: np.ndarray,
    row_weight: np.ndarray | None = None,
) -> float:
    """Return the weighted mean cross-entropy of rows: no smoothing, no penalty."""
    total: Any = 0.0
    for block, Z in logits_by_block(network, params, rows):
        row_loss = row_cross_entropy(Z, labels[block]).astype(np.float64, copy=False)
        total += row_loss.sum() if row_weight is None else row_loss @ row_weight[block]
    return float(total / (rows.n_rows if row_weight is None else row_weight.sum()))
