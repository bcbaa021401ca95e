"""A fitted model: all that a prediction needs, in one object that never changes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .._data.batches import BLOCK_ROWS, Batch, BatchReader, blocks
from .._data.features.encoding import Encoding
from .._data.features.scaling import read_only
from .blas import NEVER_SPLIT, blas_threads, gains_from_threads
from .kernels import positive_softmax
from .losses import log_softmax
from .network import Network, Workspace


@dataclass(frozen=True, eq=False)
class FittedModel:
    """Parameters, architecture, encoding, temperature and classes of one fit.

    An estimator rebinds its model as a whole, and a prediction reads it once, so
    that it sees one model even if the estimator is refitted meanwhile. Predictions go through
    the rows in blocks, and allocate their own arrays.

    Parameters
    ----------
    params : ndarray of shape (n_params,)
        Its dtype is that of logits and probabilities.
    network : Network
    classes : ndarray of shape (n_classes,)
    encoding : Encoding
        Of the features.
    temperature : float, default=1.0
        Logits are divided by it.
    """

    params: np.ndarray
    network: Network
    classes: np.ndarray
    encoding: Encoding
    temperature: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", read_only(self.classes))

    @property
    def layers(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The weight matrices and the bias vectors, as read-only views of `params`."""
        params = self.params.view()
        params.flags.writeable = False
        return self.network.split(params)

    def logits(self, X: Any) -> np.ndarray:
        """Return the logits of rows X over the temperature."""
        return self._from_logits(X, lambda Z: Z)

    def tower_logits(self, X: Any) -> np.ndarray:
        """Return the logits of each tower over the temperature, whose mean are the logits.

        The shape is (n_towers, n_samples, n_classes).
        """

        def by_row(Z: np.ndarray, batch: Batch, workspace: Workspace) -> np.ndarray:
            of_towers = self.network.tower_logits(self.params, batch, workspace)
            return of_towers.transpose(1, 0, 2) / self.temperature

        return self._by_block(X, by_row).transpose(1, 0, 2)

    def probabilities(self, X: Any) -> np.ndarray:
        """Return the class probabilities of rows X, softmax(logits), each above 0."""
        return self._from_logits(X, positive_softmax)

    def log_probabilities(self, X: Any) -> np.ndarray:
        """Return the logarithms of the class probabilities of rows X."""
        return self._from_logits(X, log_softmax)

    def class_indices(self, X: Any) -> np.ndarray:
        """Return the index of the most probable class of each row of X."""
        return self._from_logits(X, lambda Z: Z.argmax(axis=1))

    def hidden_activations(self, X: Any, layer: int) -> np.ndarray:
        """Return the activations of hidden layer `layer`, counted from 0, of rows X."""
        activations = self.network.hidden_activations
        return self._by_block(X, lambda Z, batch, space: activations(space, len(Z), layer))

    def input_gradients(self, X: Any, class_index: int | None = None) -> np.ndarray:
        """Return d(logit of a class over the temperature) / d(row) of rows X.

        If `class_index` is None, the class is the most probable one of each row. With two
        classes, the logit is that of the class minus that of the other.
        """

        def gradient(Z: np.ndarray, batch: Batch, workspace: Workspace) -> np.ndarray:
            indices = Z.argmax(axis=1) if class_index is None else class_index
            delta = np.full_like(Z, -1.0 if len(self.classes) == 2 else 0.0)
            delta[np.arange(len(Z)), indices] = 1.0
            delta /= self.temperature
            grad = self.network.input_gradient(self.params, delta, workspace)
            return self.encoding.backward(batch, grad)

        return self._by_block(X, gradient)

    def _from_logits(self, X: Any, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return self._by_block(X, lambda Z, batch, workspace: function(Z))

    @np.errstate(over="ignore", invalid="ignore")
    def _by_block(
        self,
        X: Any,
        function: Callable[[np.ndarray, Batch, Workspace], np.ndarray],
    ) -> np.ndarray:
        """Return what ``function(Z, batch, workspace)`` returns of each block of rows X.

        Z are its logits over the temperature, `batch` the scaled rows, and the workspace
        is as the forward pass left it.
        """
        rows = BatchReader(X, encoding=self.encoding, dtype=self.params.dtype)
        workspace = Workspace(self.network, min(BLOCK_ROWS, rows.n_rows), rows.dtype)
        out: Any = None
        with self._threads(rows.n_rows, sparse=issparse(X)):
            for block in blocks(rows.n_rows):
                batch = rows.take(block)
                Z = self.network.logits(self.params, batch, workspace)
                if self.temperature != 1.0:
                    Z /= self.temperature
                # If the sum of squares is finite, so are all logits and their differences: one
                # fast pass over them.
                if not (isfinite(np.vdot(Z, Z)) or _have_differences(Z)):
                    raise ValueError(
                        "The logits of X are not finite: its values are too large for the model's "
                        f"{Z.dtype}. Scale the features, or fit on float64 rows."
                    )
                result = function(Z, batch, workspace)
                if out is None:
                    out = np.empty((rows.n_rows, *result.shape[1:]), dtype=result.dtype)
                out[block] = result
        return out

    def _threads(self, n_rows: int, *, sparse: bool) -> AbstractContextManager[None]:
        """Return a context with the threads of BLAS that so many rows are worth."""
        if min(n_rows, BLOCK_ROWS) * self.network.n_weights < NEVER_SPLIT:
            # BLAS takes one anyway, and to limit it takes a tenth of the time of a row.
            return blas_threads(True)
        return blas_threads(gains_from_threads(self.network.shapes, n_rows, sparse=sparse))


def _have_differences(Z: np.ndarray) -> bool:
    """Return whether the differences of all logits are finite, and so the logits themselves."""
    return bool(np.abs(Z).max() <= np.finfo(Z.dtype).max / 2.0)
