"""A fitted model: all that a prediction needs, in one object that never changes."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from ._losses import log_softmax, positive_softmax
from ._network import Network
from ._objective import logits_by_block
from ._rows import Rows
from ._scaling import Scaling


@dataclass(frozen=True)
class Model:
    """Parameters, architecture, scaling, temperature and classes of one fit.

    An estimator rebinds its model as a whole, and a prediction reads it once: whatever
    is refitted meanwhile, it sees one model. Predictions go through the rows in blocks,
    and allocate their own arrays.

    Parameters
    ----------
    params : ndarray of shape (n_params,)
        Its dtype is that of logits and probabilities.
    network : Network
    classes : ndarray of shape (n_classes,)
    scaling : Scaling, default=None
    temperature : float, default=1.0
        Logits are divided by it.
    """

    params: np.ndarray
    network: Network
    classes: np.ndarray
    scaling: Scaling | None = None
    temperature: float = 1.0

    @property
    def layers(self):
        """The weight matrices and the bias vectors, as read-only views of `params`."""
        params = self.params.view()
        params.flags.writeable = False
        return self.network.split(params)

    def logits(self, X):
        """Return the logits of rows X over the temperature."""
        return self._by_block(X, lambda Z: Z)

    def probabilities(self, X):
        """Return the class probabilities of rows X, softmax(logits), each above 0."""
        return self._by_block(X, positive_softmax)

    def log_probabilities(self, X):
        """Return the logarithms of the class probabilities of rows X."""
        return self._by_block(X, log_softmax)

    def class_indices(self, X):
        """Return the index of the most probable class of each row of X."""
        return self._by_block(X, lambda Z: Z.argmax(axis=1))

    @np.errstate(over="ignore", invalid="ignore")
    def _by_block(self, X, function):
        rows = Rows(X, scaling=self.scaling, dtype=self.params.dtype)
        out = None
        for block, Z in logits_by_block(self.network, self.params, rows):
            if not isfinite(np.add.reduce(Z, axis=None)):
                raise ValueError(
                    "The logits of X are not finite: its values are too large for the model's "
                    f"{Z.dtype}. Scale the features, or fit on float64 rows."
                )
            if self.temperature != 1.0:
                Z /= self.temperature
            result = function(Z)
            if out is None:
                out = np.empty((rows.n_rows, *result.shape[1:]), dtype=result.dtype)
            out[block] = result
        return out
