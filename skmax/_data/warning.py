"""Warnings that point at the line of the user, however deep they are raised."""

import sys
import warnings

# Packages between the user and the line that warns.
BETWEEN = ("skmax", "sklearn", "numpy", "contextlib")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, with the first line outside skmax and scikit-learn as the place."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].split(".")[0] in BETWEEN:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
