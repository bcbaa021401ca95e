"""One fit: from checked rows and an estimator's parameters to a fitted model.

`train` asks helper networks for advice, descends the objective under a monitor, and fits
the temperature. It advances a `TrainingState` and writes to nothing else.
"""

from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .._callbacks.bridge import NO_TASKS
from .._data.dataset import checksum, varying_features
from .._data.weights import class_weights, row_weights, warn_of_small_weights
from .._network.model import Model
from .._optim.objective import all_logits
from .._optim.solvers import TrainingState
from .._persistence.unfinished import describe
from .building import (
    build_monitor,
    build_objective,
    build_optimizer,
    chooses_cycle,
    holds_out,
    iterations,
    last_epochs,
    minimize,
    published_dtype,
    summed,
)
from .helpers import ask_helpers
from .scoring import validator
from .temperature import chosen_rows, fit_temperature, most_rows

# Ends of a fit at which its best parameters so far are restored.
RESTORED = ("divergence", "interruption")


class Outcome(NamedTuple):
    """What a fit ended with.

    Parameters
    ----------
    model : Model
        To be published.
    state : TrainingState
        That a later fit goes on from.
    loss : float
        The last loss, J or the mean of the last epoch's estimates of it.
    shortfall : str or None
        Why the fit has not converged, and what to do about it.
    interruption : KeyboardInterrupt, default=None
        To be raised when the model has been published.
    """

    model: Model
    state: TrainingState
    loss: float
    shortfall: str | None
    interruption: KeyboardInterrupt | None = None


def draw_seeds(estimator):
    """Return the two seeds of a fit: of its numbers, and of what it holds out."""
    random_state = check_random_state(estimator.random_state)
    return random_state.randint(np.iinfo(np.int32).max, size=2).tolist()


def first_state(estimator, network):
    """Return the state of a fit that begins, with random parameters in float64."""
    seed, split_seed = draw_seeds(estimator)
    rng = np.random.default_rng(seed)
    params = network.initial_params(rng)
    return TrainingState(params=params, rng=rng, split_seed=split_seed, seed=seed)


def forget_unvarying(network, params, varying):
    """Zero the initial weights, in `params`, of features that are 0 in all rows to train on.

    They would stay as they were drawn, and a row that has such a feature would be moved by
    weights that nothing has trained.
    """
    network.split(params)[0][0][~varying] = 0.0


def learn_new_features(state, model, sample):
    """Return the model with its scaling extended to features that vary for the first time.

    Their weights, in the state's `params`, are those with which a fit begins.
    """
    network, scaling = model.network, model.scaling
    if scaling is not None:
        model = replace(
            model, scaling=scaling.extended(sample.X, sample.index, sample.sample_weight)
        )
    if len(network.shapes) == 1:
        return model
    W = network.split(state.params)[0][0]
    new = ~W.any(axis=1) if scaling is None else ~varying_features(scaling, sample)
    if new.any():
        new &= varying_features(model.scaling, sample)
    if new.any():
        initial = network.initial_params(np.random.default_rng(state.seed))
        W[new] = network.split(initial)[0][0][new]
    return model


def continued_state(state, model, network, scaling, *, streaming=False):
    """Return the state of a fit that goes on from a model, and from the state that it ended in.

    ValueError if the network and the scaling that the parameters ask for now are not those of
    the model. The state is left as it is.
    """
    begun = _architecture(model.network, _kind(model.scaling))
    wanted = _architecture(network, scaling)
    differences = [
        f"{name}={begun[name]!r} there, {wanted[name]!r} here"
        for name in wanted
        if begun[name] != wanted[name]
    ]
    if differences:
        raise ValueError(
            "A fit can only be continued with the same layers, activation and scaling: "
            f"{'; '.join(differences)}. Set these back, or begin anew: with warm_start=False, or "
            "partial_fit of a clone."
        )
    # A stream goes on from what is published, never from beyond the best parameters.
    beyond_best = streaming and state.history.best_params is not None
    paused = state.ended_by == "max_iter" and not beyond_best
    state = state.copy() if paused else state.restarted(model.params)
    state.planned = None
    return state


def _architecture(network, scaling):
    """Return the parameters that decide what the numbers of a network mean, by name."""
    return {
        "hidden_layer_sizes": tuple(network.layer_sizes[1:-1]),
        "activation": network.activation,
        "scaling": scaling,
    }


def _kind(scaling):
    return None if scaling is None else scaling.kind


@np.errstate(over="ignore", invalid="ignore")
def train(
    estimator,
    state,
    model,
    sample,
    held_out=None,
    plan=None,
    *,
    streaming=False,
    resumed=False,
    tasks=NO_TASKS,
):
    """Advance the state on a sample of rows; return the `Outcome`.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        Read for its parameters; scorers get a copy that holds the model of the moment.
    state : TrainingState
        Overwritten. Its params are in the dtype of the arithmetic. Where it has no plan,
        helpers are asked, if they can say anything.
    model : Model
        Network, classes, scaling and temperature; its params do not count.
    sample : Sample
        Training rows.
    held_out : Sample, default=None
        Validation rows.
    plan : HelperPlan, default=None
        Of the helpers that are asked where there are no validation rows.
    streaming : bool, default=False
        Whether this is one epoch of a stream: it has no end, and stops for nothing.
    resumed : bool, default=False
        Whether the state is that of an unfinished fit, of which the remaining passes are
        taken.
    tasks : NoTasks or Tasks
        Told of each pass, and shown the `Outcome` if the fit stopped there.

    Raises
    ------
    ValueError
        If the loss of the best parameters, or of the first ones, is not finite; or if the
        data are not those of the unfinished fit.
    """
    rows = summed(estimator, sample)
    class_weight = class_weights(
        estimator.class_weight, model.classes, rows.labels, rows.sample_weight
    )
    _check_total_weight(estimator, state, sample, class_weight, streaming)
    problem = cache(partial(_problem, estimator, sample, held_out))  # reads all rows
    if streaming:
        _set_problem(state, "stream", resumed)
    elif state.history.loss_curve or resumed:
        _set_problem(state, problem(), resumed)
    state.optimizer = build_optimizer(estimator, state.optimizer)
    held_out_weight = None
    if held_out is not None:
        held_out_weight = row_weights(held_out.labels, held_out.sample_weight, class_weight)
    elif state.planned is None and not streaming:
        begun_at = _begun_at(state, model, sample, resumed)
        advice = ask_helpers(estimator, state, model, plan, class_weight, begun_at)
        model = replace(model, temperature=advice.temperature)
        least = max(advice.n_epochs, state.n_iter)
        state.planned = min(end for end in last_epochs(estimator) if end >= least)
    monitor = _monitor(estimator, state, model, held_out, held_out_weight, streaming)
    objective = build_objective(estimator, state, model, sample, class_weight, streaming=streaming)

    def outcome(shown, loss, shortfall=None, interruption=None):
        if not streaming:
            # What goes on from a fit that is only paused asks whether it is the same one.
            shown.problem = problem() if shown.ended_by == "max_iter" else None
        if monitor.early_stopping and shown.history.best_params is None:
            if monitor.n_passes and shown.ended_by not in RESTORED:
                shortfall = "No validation score was a number; the last parameters are kept."
        params = _kept(shown, monitor)
        own = params is shown.params  # which goes on, and must not be shared
        fitted = replace(model, params=params.astype(published_dtype(sample.X), copy=own))
        if held_out is not None:
            temperature = 1.0
            if estimator.temperature_scaling:
                temperature = _temperature(fitted, held_out, held_out_weight, state.split_seed)
            fitted = replace(fitted, temperature=temperature)
        return Outcome(fitted, shown, loss, shortfall, interruption)

    def snapshot():
        return replace(state, helpers=[]).copy()

    def outcome_now():
        curve = state.history.loss_curve
        return outcome(snapshot(), curve.last if curve else np.nan)

    def training_now():
        return replace(snapshot(), problem="stream" if streaming else problem()), model

    tasks.show(outcome_now, training_now)
    epochs = None
    if not streaming:
        state.planned = iterations(estimator) if state.planned is None else state.planned
        epochs = range(state.n_iter, state.planned)
    run = partial(minimize, estimator, objective, state, monitor.after_pass)
    run = partial(run, epochs=epochs, streaming=streaming, tasks=tasks)
    end = _descend(run, objective, state, monitor, 0 if resumed else state.n_iter)
    state.planned = state.fallback = state.initial = None
    return outcome(state, *end)


def _check_total_weight(estimator, state, sample, class_weight, streaming):
    """Warn where the rows, of a stream all that were seen so far, weigh little against alpha."""
    weight = row_weights(sample.labels, sample.sample_weight, class_weight)
    if weight is not None and estimator.alpha > 0:
        weight = weight[weight > 0]  # a class may be left out
        heaviest = 1.0 if class_weight is None else float(class_weight.max())
        mean_weight = float(weight.mean()) * sample.weight_scale * heaviest
        n_rows = len(weight) + (state.position.t if streaming else 0)
        warn_of_small_weights(float(estimator.alpha), mean_weight, n_rows, stacklevel=8)


def _begun_at(state, model, sample, resumed):
    """Return the parameters with which the fit began, or None if it goes on from another."""
    if not state.history.loss_curve:
        return state.params
    if resumed and len(state.history.loss_curve) == state.n_iter:
        if state.initial is not None:
            return state.initial
        params = model.network.initial_params(np.random.default_rng(state.seed))
        forget_unvarying(model.network, params, varying_features(model.scaling, sample))
        return params
    return None


def _descend(run, objective, state, monitor, n_passes_before):
    """Run the solver; return the last loss, the shortfall, and what interrupted it."""
    shortfall = interruption = None
    try:
        shortfall = run()
    except KeyboardInterrupt as error:
        if state.n_iter == n_passes_before:  # nothing has been learnt yet
            raise
        state.ended_by, interruption = "interruption", error
    if state.n_iter > n_passes_before and state.ended_by not in RESTORED:
        loss = state.history.loss_curve.last
    else:  # a full-batch solver began at the optimum, or better parameters are back
        loss = objective(_kept(state, monitor))[0]
    if not (np.isfinite(loss) and np.isfinite(state.params).all()):
        raise ValueError(
            "The loss is not finite, even of the parameters that the fit began with. Scale the "
            "features (scaling='standard'); those beyond 3e38 need dtype='float64', and "
            "weights that are tiny against alpha need to be rescaled."
        )
    return loss, shortfall, interruption


def _kept(state, monitor):
    """Return the parameters that a fit ends with: of the best score, or the last."""
    best = state.history.best_params if monitor.early_stopping else None
    return state.params if best is None else best.astype(state.params.dtype, copy=False)


def _problem(estimator, sample, held_out):
    """Return what identifies the function that is minimised, and the rows."""
    numbers = [float(estimator.alpha)]
    names = ("label_smoothing", "class_weight", "early_stopping", "scoring")
    choices = [describe(getattr(estimator, name)) for name in names]
    return f"{numbers} {choices} {checksum(sample)} {held_out and checksum(held_out)}"


def _set_problem(state, problem, resumed):
    """Give the state its problem; what is best so far holds for one problem only."""
    same = problem is not None and problem == state.problem
    if resumed and not same:
        raise ValueError(
            "A fit can only be resumed on the same data: these rows, labels, weights or "
            "validation rows have other values."
        )
    if not same:
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
        n_passes=state.n_iter,
        verbose=bool(estimator.verbose),
    )


def _temperature(model, held_out, weight, seed):
    """Return the temperature of the model on held-out rows, or on as many as are judged."""
    weighing = np.arange(len(held_out.labels)) if weight is None else np.flatnonzero(weight)
    most = most_rows(model.network.layer_sizes[-1])
    if len(weighing) > most:
        judged = weighing[chosen_rows(len(weighing), most, seed)]
        held_out, weight = held_out.take(judged), None if weight is None else weight[judged]
    rows = held_out.rows(model.scaling, model.params.dtype)
    Z = all_logits(model.network, model.params, rows)
    return fit_temperature(Z, held_out.labels, weight)[0]
