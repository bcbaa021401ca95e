"""One fit: from checked rows and an estimator's parameters to a fitted model.

`train` asks helper networks for advice, descends the objective under a monitor, and fits
the temperature. It advances a `TrainingState` and writes to nothing else.
"""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils import check_random_state

from ._building import (
    build_monitor,
    build_objective,
    build_optimizer,
    chooses_cycle,
    holds_out,
    last_epochs,
    minimize,
    published_dtype,
)
from ._calibration import fit_temperature
from ._helpers import ask_helpers
from ._model import Model
from ._objective import all_logits
from ._rows import checksum
from ._scoring import validator
from ._solvers import TrainingState
from ._targets import class_weights, row_weights

# Ends of a fit at which its best parameters so far are restored.
RESTORED = ("divergence", "interruption")


@dataclass(frozen=True)
class Outcome:
    """What a fit ended with.

    Parameters
    ----------
    model : Model
        To be published.
    loss : float
        The last loss, J or the mean of the last epoch's estimates of it.
    shortfall : str or None
        Why the fit has not converged, and what to do about it.
    interruption : KeyboardInterrupt, default=None
        To be raised when the model has been published.
    """

    model: Model
    loss: float
    shortfall: str | None
    interruption: KeyboardInterrupt | None = None


def first_state(estimator, network):
    """Return the state of a fit that begins, with random parameters in float64."""
    random_state = check_random_state(estimator.random_state)
    seed, split_seed = random_state.randint(np.iinfo(np.int32).max, size=2).tolist()
    rng = np.random.default_rng(seed)
    return TrainingState(params=network.initial_params(rng), rng=rng, split_seed=split_seed)


def continued_state(state, model, network, scaling, *, streaming=False):
    """Return the state of a fit that goes on from a fitted model.

    Parameters
    ----------
    state : TrainingState
        Where the fit before ended; left as it is.
    model : Model
        What it published.
    network, scaling : Network, {"standard", "robust"} or None
        What the parameters ask for now.
    streaming : bool, default=False

    Raises
    ------
    ValueError
        If these are not those of the model.
    """
    begun = model.network.layer_sizes, model.network.activation, _kind(model.scaling)
    wanted = network.layer_sizes, network.activation, scaling
    if begun != wanted:
        raise ValueError(
            "A fit can only be continued with the same layers, activation and scaling: it was "
            f"begun with {begun}, the parameters now ask for {wanted}."
        )
    # A stream goes on from what is published, never from beyond the best parameters.
    beyond_best = streaming and state.history.best_params is not None
    if state.ended_by == "max_iter" and not beyond_best:
        return state.copy()
    return state.restarted(model.params)


def _kind(scaling):
    return None if scaling is None else scaling.kind


def train(estimator, state, model, sample, held_out=None, *, streaming=False):
    """Advance the state on a sample of rows; return the `Outcome`.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        Read for its parameters; scorers get a copy that holds the model of the moment.
    state : TrainingState
        Overwritten. Its params are in the dtype of the arithmetic.
    model : Model
        Network, classes, scaling and temperature; its params do not count.
    sample : Sample
        Training rows.
    held_out : Sample, default=None
        Validation rows.
    streaming : bool, default=False
        Whether this is one epoch of a stream: it has no end, and stops for nothing.

    Raises
    ------
    ValueError
        If the loss of the best parameters, or of the first ones, is not finite.
    """
    class_weight = class_weights(
        estimator.class_weight, model.classes, sample.labels, sample.sample_weight
    )
    _begin(estimator, state, sample, held_out, streaming)
    advice = None
    if held_out is None and not streaming:
        advice = ask_helpers(estimator, state, model, sample, class_weight)
    held_out_weight = None
    if held_out is not None:
        held_out_weight = row_weights(held_out.labels, held_out.sample_weight, class_weight)
    monitor = _monitor(estimator, state, model, held_out, held_out_weight, streaming)
    objective = build_objective(estimator, state, model, sample, class_weight, streaming=streaming)
    loss, shortfall, interruption = _descend(
        estimator, objective, state, monitor, advice, streaming
    )
    params = state.params.copy()  # the state goes on from its own
    if monitor.early_stopping:
        if state.history.best_params is not None:
            params = state.history.best_params
        elif state.ended_by not in RESTORED:
            shortfall = "No validation score was a number; the last parameters are kept."
    model = replace(model, params=params.astype(published_dtype(sample.X), copy=False))
    if advice is not None:
        model = replace(model, temperature=advice.temperature)
    elif held_out is not None:
        temperature = 1.0
        if estimator.temperature_scaling:
            temperature = _temperature(model, held_out, held_out_weight)
        model = replace(model, temperature=temperature)
    return Outcome(model, loss, shortfall, interruption)


def _descend(estimator, objective, state, monitor, advice, streaming):
    """Run the solver; return the last loss, the shortfall, and what interrupted it."""
    n_passes_before = state.n_iter
    shortfall = interruption = None
    try:
        shortfall = minimize(
            estimator,
            objective,
            state,
            monitor.after_pass,
            epochs=range(advice.n_epochs) if advice else None,
            streaming=streaming,
        )
    except KeyboardInterrupt as error:
        if state.n_iter == n_passes_before:  # nothing has been learnt yet
            raise
        state.ended_by, interruption = "interruption", error
    if state.n_iter > n_passes_before and state.ended_by not in RESTORED:
        loss = state.history.loss_curve[-1]
    else:  # a full-batch solver began at the optimum, or better parameters are back
        loss = objective(state.params)[0]
    if not (np.isfinite(loss) and np.isfinite(state.params).all()):
        raise ValueError(
            "The loss is not finite, even of the parameters that the fit began with. Scale the "
            "features (scaling='standard'); those beyond 3e38 need dtype='float64', and "
            "weights that are tiny against alpha need to be rescaled."
        )
    return loss, shortfall, interruption


def _begin(estimator, state, sample, held_out, streaming):
    """Give the state an optimizer of today's settings, and patience for today's problem."""
    state.optimizer = build_optimizer(estimator, state.optimizer)
    # What is best so far, and how long it has been, holds for one function of one data set.
    problem = None
    if streaming:
        problem = "stream"
    elif estimator.warm_start:
        names = ("alpha", "class_weight", "label_smoothing", "early_stopping", "scoring")
        settings = {name: getattr(estimator, name) for name in names}
        problem = f"{settings} {checksum(sample)} {held_out and checksum(held_out)}"
    if problem is None or problem != state.problem:
        state.history = state.history.restarted()
        state.helpers = []
    state.problem = problem


def _monitor(estimator, state, model, held_out, weight, streaming):
    """Return the monitor of a fit."""
    # Where "auto" is given rows to judge by, it needs no helpers.
    stops = holds_out(estimator) or (chooses_cycle(estimator) and held_out is not None)
    ends = last_epochs(estimator)
    return build_monitor(
        estimator,
        state.history,
        validate=validator(estimator, state, model, held_out, weight),
        early_stopping=stops and not streaming,
        last_passes=ends if len(ends) > 1 else (),
        verbose=bool(estimator.verbose),
    )


def _temperature(model, held_out, weight):
    """Return the temperature of the model on held-out rows."""
    rows = held_out.rows(model.scaling, model.params.dtype)
    Z = all_logits(model.network, model.params, rows)
    return fit_temperature(Z, held_out.labels, weight)[0]
