"""A fitted model: all that a prediction needs, in one object that never changes."""

from dataclasses import dataclass

import numpy as np

from ._losses import softmax
from ._network import Network
from ._objective import logits_by_block
from ._rows import Rows, blocks
from ._scaling import Scaling


@dataclass(frozen=True)
class Model:
    """Parameters, architecture, scaling, temperature and classes of one fit.

    An estimator rebinds its model as a whole, and a prediction reads it once: whatever
    is refitted meanwhile, it sees one model. Every method allocates its own arrays.

    Parameters
    ----------
    params : ndarray of shape (n_params,)
        Read-only; its dtype is that of logits and probabilities.
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
        """The weight matrices and the bias vectors, as views of `params`."""
        return self.network.split(self.params)

    def logits(self, X):
        """Return the logits of rows X over the temperature, in blocks of rows."""
        rows = Rows(X, scaling=self.scaling, dtype=self.params.dtype)
        out = np.empty((rows.n_rows, self.network.layer_sizes[-1]), dtype=self.params.dtype)
        for block, Z in logits_by_block(self.network, self.params, rows):
            out[block] = Z
        if self.temperature != 1.0:
            out /= self.temperature
        return out

    def probabilities(self, X):
        """Return the class probabilities of rows X, softmax(logits), each above 0."""
        P = self.logits(X)
        # No softmax is 0, but one below the smallest normal number may round to it: the
        # logarithm of a probability stays finite.
        smallest = np.finfo(P.dtype).tiny
        for block in blocks(len(P)):
            P[block] = np.maximum(softmax(P[block]), smallest)
        return P
