"""Warnings that point at the line of the user, however deep they are raised."""

import sys
import warnings
from types import FrameType

# Packages between the user and the line that warns.
BETWEEN = ("skmax", "sklearn", "numpy", "contextlib")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, with the first line outside skmax and scikit-learn as the place."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _package(frame) in BETWEEN:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _package(frame: FrameType) -> str:
    """Return the package whose code runs in a frame, "" if it is in none."""
    return str(frame.f_globals.get("__name__", "")).split(".")[0]
