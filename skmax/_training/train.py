"""train: one fit, from rows and a start to its result."""

from dataclasses import replace

import numpy as np

from .._data.weights import warn_of_small_weights
from .config import TrainingConfig
from .dataset import HoldOutPlan, InMemory, TrainingRows
from .held_out_fits import choose, complete
from .run import FitObserver, FitResult, Run
from .start import HoldOut, Start


@np.errstate(over="ignore", invalid="ignore")
def train(
    config: TrainingConfig,
    rows: TrainingRows,
    validation: InMemory | None,
    start: Start,
    observer: FitObserver,
) -> FitResult:
    """Split, plan, choose on held-out rows, run, calibrate; return the `FitResult`.

    Parameters
    ----------
    config : TrainingConfig
    rows : TrainingRows
    validation : TrainingRows or None
        Validation rows that the user has given.
    start : Start
        Its state is advanced.
    observer : FitObserver
        Told of each iteration.

    Raises
    ------
    ValueError
        If the loss of the best parameters, or of the first ones, is not finite; or if the
        data are not those of the fit that is resumed.
    """
    seed = start.state.split_seed
    training, validation = rows.split(validation, seed)
    asks = validation is None and start.holdout is not HoldOut.KEEP
    plan = training.plan(seed) if asks else HoldOutPlan(0, config.last_iterations)
    model = start.begin(config, training, plan)
    with training.threads(model.network):
        warn_of_small_weights(config.alpha, *training.total_weight(), model.encoding.columns)
        start.identify(config, training, validation)
        choice = choose(config, plan, model, training, start, observer)
        if choice.result is not None:
            return choice.result
        model = replace(model, temperature=choice.temperature)
        run = Run(
            config,
            model,
            training,
            start.state,
            observer,
            validation=validation,
            n_iter_before=start.n_iter_before,
            verbose=config.verbose,
        )
        return complete(run, choice)
