"""skmax: softmax classification for scikit-learn, on NumPy alone."""

from ._callbacks.checkpoint import Checkpoint
from ._callbacks.time_limit import TimeLimit
from ._callbacks.validation_monitor import ValidationMonitor
from ._classifier import SoftmaxMLPClassifier
from ._network.losses import cross_entropy, hardmax, log_softmax, one_hot, softmax
from ._plotting.logits_display import LogitsDisplay
from ._plotting.reliability_display import ReliabilityDisplay
from ._plotting.training_curve_display import TrainingCurveDisplay

__version__ = "0.2.0"

__all__ = [
    "Checkpoint",
    "LogitsDisplay",
    "ReliabilityDisplay",
    "SoftmaxMLPClassifier",
    "TimeLimit",
    "TrainingCurveDisplay",
    "ValidationMonitor",
    "cross_entropy",
    "hardmax",
    "log_softmax",
    "one_hot",
    "softmax",
]
