"""CheckpointState: what finishes a fit elsewhere, and whether a fit is the same one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._network.model import FittedModel
from .._training.config import TrainingConfig
from .._training.state import TrainingState

# Parameters that do not change what is fitted, or that may have grown meanwhile.
FREE = ("verbose", "max_iter")


@dataclass(frozen=True, eq=False)
class CheckpointState:
    """A fit between two of its iterations.

    Parameters
    ----------
    parameters : dict
        Of the estimator, as `TrainingConfig.described` has them.
    n_rows : int
        Rows of X.
    state : TrainingState
    model : FittedModel
        Network, classes, scaling and temperature; its params are not used.
    fit : str, default=""
        Identifies the fit that has written it.
    """

    parameters: dict[str, Any]
    n_rows: int
    state: TrainingState
    model: FittedModel
    fit: str = ""

    def check_parameters(self, config: TrainingConfig) -> None:
        """Raise ValueError if the parameters are not those of this fit."""
        now = config.described
        # Checkpoints that are older than bins have no parameters of them.
        then = {"numerical_encoding": "linear", "n_bins": now["n_bins"]} | self.parameters
        differences = [
            f"{name}={then.get(name)!r} there, {now.get(name)!r} here"
            for name in sorted(now.keys() | then.keys())
            if name not in FREE and now.get(name) != then.get(name)
        ]
        if now["max_iter"] < then["max_iter"]:
            differences.append(
                f"max_iter={then['max_iter']} there, {now['max_iter']} here, which may be larger "
                "only"
            )
        if differences:
            raise ValueError(
                f"A fit can only be resumed with the same parameters: {'; '.join(differences)}. "
                "Set these, or delete the checkpoint to begin anew."
            )

    def check_data(self, n_rows: int, n_features: int, classes: np.ndarray) -> None:
        """Raise ValueError if the shape of X or the classes are not those of this fit."""
        then = {
            "rows": self.n_rows,
            "features": self.model.encoding.n_features,
            "classes": self.model.classes.tolist(),
        }
        now = {"rows": n_rows, "features": n_features, "classes": classes.tolist()}
        for name, value in then.items():
            if now[name] != value:
                raise ValueError(
                    f"A fit can only be resumed on the same data: its {name} were {value}, these "
                    f"are {now[name]}."
                )
