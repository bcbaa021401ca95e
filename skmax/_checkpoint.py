"""Where older pickles look for Checkpoint."""

from ._callbacks.checkpoint import Checkpoint

__all__ = ["Checkpoint"]
