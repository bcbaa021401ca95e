"""Helper networks: what held-out rows say about a fit that is to use all rows.

A helper is trained just as the network itself, but without a seventh of the rows. These
say after which cycle of the schedule to stop, and which temperature the logits need. Where
a seventh is few rows, several helpers leave out a seventh each. The network is then trained
on all rows (Goodfellow, Bengio and Courville, "Deep learning", 2016, algorithm 7.2).
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import NamedTuple

import numpy as np

from .._callbacks.bridge import pass_name
from .._data.dataset import Sample
from .._data.splits import stratified_folds, units_of
from .._data.weights import row_weights
from .._optim.objective import Objective, all_logits
from .._optim.solvers import TrainingState
from .building import (
    batch_rows,
    build_monitor,
    build_objective,
    build_optimizer,
    chooses_cycle,
    last_epochs,
    minimize,
)
from .monitor import Monitor
from .temperature import (
    ENOUGH_ROWS,
    MIN_ROWS,
    chosen_rows,
    enough_rows,
    fit_temperature,
    most_rows,
)

# Each helper holds out one of so many parts of the rows.
N_FOLDS = 7


class Advice(NamedTuple):
    """What the held-out rows say: the epochs to train for, and the temperature."""

    n_epochs: int
    temperature: float = 1.0


@dataclass(frozen=True, eq=False)
class HelperPlan:
    """How many helpers are trained, on which rows, and after which epochs they are judged.

    Parameters
    ----------
    n_helpers : int
        0 where nothing is to be found out, or there are too few rows.
    n_folds : int
        Parts of the rows, of which each helper holds out one.
    ends : list of int
        Epochs after which to judge; the last ends the fit.
    sample : Sample
        Rows that weigh anything.
    """

    n_helpers: int
    n_folds: int
    ends: list
    sample: Sample


@dataclass(eq=False)
class Helper:
    """A network in training, and rows it does not see: those that it is judged by."""

    state: TrainingState
    objective: Objective
    monitor: Monitor
    held_out: Sample
    has_converged: bool

    def advance(self, estimator, epochs):
        """Train for these epochs of the fit; return whether it has stayed finite."""
        if not self.has_converged:
            minimize(estimator, self.objective, self.state, self.monitor.after_pass, epochs=epochs)
        return self.state.ended_by != "divergence" and np.isfinite(self.state.params).all()

    def logits(self, model):
        """Return the logits of the held-out rows."""
        rows = self.held_out.rows(model.scaling, self.state.params.dtype)
        return all_logits(model.network, self.state.params, rows)


def ask_helpers(estimator, state, model, plan, class_weight, begun_at):
    """Return the `Advice` of helpers, trained for the fit that `state` begins.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        Read for its parameters.
    state : TrainingState
        Of the network itself. Its helpers are replaced by these.
    model : Model
        Network, classes and scaling (of all rows: one that lacks a seventh is no other).
    plan : HelperPlan
    class_weight : ndarray of shape (n_classes,) or None
    begun_at : ndarray of shape (n_params,) or None
        Parameters with which the fit began; None for one that goes on from another.

    Returns
    -------
    advice : Advice
        To train to the end at temperature 1, where nothing is to be found out or there are too
        few rows; at the temperature there is, where the fit goes on from one whose helpers are
        gone: new ones would know of other fits.
    """
    n_helpers, ends = plan.n_helpers, plan.ends
    if begun_at is None and (not n_helpers or len(state.helpers) != n_helpers):
        state.helpers = []
        return Advice(ends[-1], model.temperature if estimator.temperature_scaling else 1.0)
    helpers = []
    if n_helpers:
        helpers = _helpers(estimator, state, model, plan, class_weight, begun_at)
    state.helpers = [helper.state for helper in helpers]
    advice, least_loss = Advice(ends[-1]), np.inf
    for first, last in pairwise([0, *ends]) if helpers else ():
        if not all([helper.advance(estimator, range(first, last)) for helper in helpers]):
            break
        temperature, loss = _judge(model, helpers, class_weight)
        if not loss < least_loss:
            break
        least_loss = loss
        advice = Advice(last, temperature if estimator.temperature_scaling else 1.0)
    if helpers and estimator.verbose:
        print(
            f"{len(helpers)} helper networks advise {advice.n_epochs} {pass_name(estimator)}s and "
            f"temperature {advice.temperature:.3g}"
        )
    return advice


def plan_helpers(estimator, sample, class_weight=None):
    """Return the `HelperPlan` of a fit on a sample of rows.

    To calibrate takes 50 held-out rows, better 150; so does to choose a cycle, where a
    wrong choice costs more: without a temperature to find out, only where one helper holds
    out 50 of them, and with one, where 150 can be held out by all helpers together. Of
    groups, so many are held out instead of rows, because rows of a group are alike.
    """
    if class_weight is not None and not class_weight.all():
        # Rows of weight zero are left out, because they cannot change the loss.
        sample = sample.take(np.flatnonzero(class_weight[sample.labels]))
    labels = sample.labels
    ends, chooses = last_epochs(estimator), chooses_cycle(estimator)
    counts = np.bincount(labels)
    # A row that is alone in its class cannot be held out.
    n_rows = n_units = int(counts[counts > 1].sum())
    if sample.groups is not None:
        units = units_of(labels, sample.groups)
        n_units = int(units.can_be_held_out.sum())
        n_rows = int(units.n_rows[units.can_be_held_out].sum())
    n_folds = min(N_FOLDS, n_units)
    enough = ENOUGH_ROWS if n_rows >= ENOUGH_ROWS else MIN_ROWS
    if not estimator.temperature_scaling:
        chooses, enough = chooses and n_rows >= N_FOLDS * MIN_ROWS, MIN_ROWS
    chooses = chooses and n_rows >= ENOUGH_ROWS
    n_helpers = 0
    if enough_rows(n_rows, np.count_nonzero(counts)) and n_folds > 1:
        if chooses or estimator.temperature_scaling:
            n_helpers = min(n_folds, ceil(enough * n_folds / n_units))
    return HelperPlan(n_helpers, n_folds, ends if chooses and n_helpers else ends[-1:], sample)


def _helpers(estimator, state, model, plan, class_weight, begun_at):
    """Return the helpers, each with a fold of the rows that it does not see."""
    sample, rng = plan.sample, np.random.default_rng(state.split_seed)
    fold = stratified_folds(sample.labels, plan.n_folds, rng, sample.groups)
    # About as many steps as the network will take, of a seventh fewer rows.
    n_rows = len(sample.labels)
    n_batches = ceil(n_rows / batch_rows(estimator, n_rows))
    most = most_rows(model.network.layer_sizes[-1]) // max(plan.n_helpers, 1)
    helpers = []
    for i in range(plan.n_helpers):
        if state.helpers:
            helper_state = state.helpers[i]
        else:  # where the network itself begins, with another order of rows
            rng = np.random.default_rng([state.split_seed, i])
            helper_state = TrainingState(params=begun_at.copy(), rng=rng, split_seed=0)
        has_converged = helper_state.ended_by != "max_iter"
        helper_state.n_iter = 0
        helper_state.cast(state.params.dtype)
        helper_state.optimizer = build_optimizer(estimator, helper_state.optimizer)
        training = sample.take(np.flatnonzero(fold != i))
        monitor = build_monitor(estimator, helper_state.history)
        batch_size = ceil(len(training.labels) / n_batches)
        objective = build_objective(
            estimator, helper_state, model, training, class_weight, batch_size
        )
        held_out = np.flatnonzero(fold == i)
        judged = held_out[chosen_rows(len(held_out), most, [state.split_seed, i, 1])]
        judged = sample.take(judged)
        helpers.append(Helper(helper_state, objective, monitor, judged, has_converged))
    return helpers


def _judge(model, helpers, class_weight):
    """Return the temperature that the held-out rows need, and their loss with it."""
    labels = np.concatenate([helper.held_out.labels for helper in helpers])
    weight = None
    if helpers[0].held_out.sample_weight is not None:
        weight = np.concatenate([helper.held_out.sample_weight for helper in helpers])
    logits = [helper.logits(model) for helper in helpers]
    Z = logits[0] if len(logits) == 1 else np.concatenate(logits)
    return fit_temperature(Z, labels, row_weights(labels, weight, class_weight))
