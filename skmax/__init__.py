"""skmax: softmax classification for scikit-learn, on NumPy alone."""

from ._checkpoint import Checkpoint
from ._classifier import SoftmaxMLPClassifier
from ._logits_display import LogitsDisplay
from ._losses import cross_entropy, hardmax, log_softmax, one_hot, softmax
from ._reliability import ReliabilityDisplay
from ._training_curve import TrainingCurveDisplay
from ._validation_monitor import ValidationMonitor

__version__ = "0.1.0"

__all__ = [
    "Checkpoint",
    "LogitsDisplay",
    "ReliabilityDisplay",
    "SoftmaxMLPClassifier",
    "TrainingCurveDisplay",
    "ValidationMonitor",
    "cross_entropy",
    "hardmax",
    "log_softmax",
    "one_hot",
    "softmax",
]
