"""Where older pickles look for ValidationMonitor."""

from ._callbacks.validation_monitor import ValidationMonitor

__all__ = ["ValidationMonitor"]
