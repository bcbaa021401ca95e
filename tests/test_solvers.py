from types import SimpleNamespace

import numpy as np
import pytest
import scipy.optimize
from internals import (
    OPTIMIZERS,
    SCHEDULES,
    SGD,
    LearningRate,
    ScheduleState,
    TrainingState,
    minimize_lbfgs,
    minimize_minibatch,
)
from numpy.testing import assert_allclose, assert_array_equal


class Parabola:
    """J(p) = |p - target|^2 / 2, recording the batches it is asked for."""

    def __init__(self, n_rows=10, batch_size=4, target=1.0):
        self.n_rows, self.batch_size, self.target = n_rows, batch_size, target
        self.network = SimpleNamespace(n_weights=2)
        self.batches = []
        self.n_evaluations = 0

    def estimate(self, params, batch):
        rows = np.arange(self.n_rows)[batch]
        self.batches.append(rows)
        return self(params)

    def __call__(self, params):
        self.n_evaluations += 1
        difference = params - self.target
        return 0.5 * float(difference @ difference), difference.copy()


def state(optimizer=None, dtype=np.float64):
    return TrainingState(
        params=np.zeros(3, dtype=dtype),
        rng=np.random.default_rng(0),
        split_seed=0,
        optimizer=optimizer or SGD(momentum=0.0),
    )


def rate(initial=0.1, schedule="constant", power_t=0.5):
    return LearningRate(initial, SCHEDULES[schedule], power_t)


def run(objective, training, after_pass=lambda params, loss: False, **settings):
    settings = {
        "learning_rate": rate(),
        "weight_decay": 0.0,
        "max_iter": 3,
        "shuffle": True,
        **settings,
    }
    minimize_minibatch(objective, training, after_pass, **settings)
    return training


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_epoch_visits_every_row_once(shuffle):
    objective = Parabola()
    training = run(objective, state(), shuffle=shuffle)
    assert [len(batch) for batch in objective.batches] == [4, 4, 2] * 3
    epochs = np.concatenate(objective.batches).reshape(3, 10)
    assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(10), (3, 1)))
    in_order = (epochs == np.arange(10)).all(axis=1)
    assert in_order.all() if not shuffle else not in_order.any()
    assert training.n_iter == 3 and training.position.t == 30


def test_an_epochs_loss_is_the_mean_of_its_estimates_by_rows():
    losses = []
    objective = Parabola()
    values = iter([1.0, 2.0, 5.0] * 3)
    objective.estimate = lambda params, batch: (next(values), np.zeros(3))
    run(objective, state(), lambda params, loss: losses.append(loss))
    assert_allclose(losses, (4 * 1 + 4 * 2 + 2 * 5) / 10)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_weight_decay_follows_the_schedule_and_spares_biases(schedule):
    objective = Parabola(n_rows=10, batch_size=4)
    objective.estimate = lambda params, batch: (0.0, np.zeros(3))
    training = state()
    training.params[:] = 1.0
    run(objective, training, learning_rate=rate(0.1, schedule), weight_decay=0.5)
    factor = SCHEDULES[schedule].factor
    positions = [ScheduleState(step, 9, 10 * (step // 3)) for step in range(9)]
    expected = np.prod([1 - 0.1 * factor(position, 0.5) * 0.5 for position in positions])
    assert_allclose(training.params, [expected, expected, 1.0])


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values())
def test_every_schedule_drives_every_optimizer(schedule, optimizer):
    training = run(Parabola(), state(optimizer()), learning_rate=rate(0.1, schedule), max_iter=1)
    reference, kind = np.zeros(3), optimizer()
    for step in range(3):
        factor = SCHEDULES[schedule].factor(ScheduleState(step, 3), 0.5)
        kind.step(reference, reference - 1.0, 0.1 * factor)
    assert_allclose(training.params, reference)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_how_a_fit_ends(schedule):
    decays = SCHEDULES[schedule].decays
    training = run(Parabola(), state(), learning_rate=rate(schedule=schedule))
    assert training.stop_reason == ("schedule" if decays else "max_iter")
    training = run(Parabola(), state(), lambda *_: True, learning_rate=rate(1e-7, schedule))
    assert training.stop_reason == "patience" and training.n_iter == 1


def test_adaptive_reduces_the_rate_until_it_is_tiny():
    training = run(
        Parabola(), state(), lambda *_: True, learning_rate=rate(0.1, "adaptive"), max_iter=99
    )
    assert training.stop_reason == "patience"
    n = training.position.n_reductions
    assert 0.1 * 5.0**-n <= 1e-6 < 0.1 * 5.0 ** -(n - 1)
    assert training.n_iter == n + 1


def test_a_reduced_rate_is_given_its_own_patience():
    training, counts = state(), []

    def after_pass(params, loss):
        counts.append(training.history.n_no_improvement)
        training.history.n_no_improvement += 1
        return training.history.n_no_improvement == 2

    run(Parabola(), training, after_pass, learning_rate=rate(0.1, "adaptive"), max_iter=6)
    assert counts == [0, 1] * 3


def test_a_loss_that_is_not_finite_ends_the_fit_at_once():
    objective, calls = Parabola(), []
    objective.estimate = lambda params, batch: (np.nan, np.zeros(3))
    training = run(objective, state(), lambda *_: calls.append(1))
    assert training.stop_reason == "divergence" and training.n_iter == 1 and not calls


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values())
def test_five_epochs_and_five_are_ten_bit_for_bit(optimizer):
    whole = run(Parabola(), state(optimizer()), max_iter=10)
    half = run(Parabola(), state(optimizer()), max_iter=5)
    again = run(Parabola(), half.copy(), max_iter=5)
    assert_array_equal(again.params, whole.params)
    assert again.position.t == whole.position.t
    assert again.rng.bit_generator.state == whole.rng.bit_generator.state


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values())
def test_a_copied_state_is_independent(optimizer):
    training = run(Parabola(), state(optimizer()))
    copy = training.copy()
    before = copy.copy()
    run(Parabola(), training, epochs=range(3, 6), max_iter=6)
    assert_array_equal(copy.params, before.params)
    assert_array_equal(copy.best_iterate.params, before.best_iterate.params)
    training = before.copy()
    run(Parabola(), training)
    run(Parabola(), copy)
    assert_array_equal(copy.params, training.params)


def lbfgs(objective, training, after_pass=lambda params, loss: False, **settings):
    settings = {"tol": 1e-8, "max_iter": 50, "max_fun": 100, **settings}
    return minimize_lbfgs(objective, training, after_pass, **settings)


class Rosenbrock(Parabola):
    def __call__(self, params):
        self.n_evaluations += 1
        x, y = params[:2].astype(float)
        value = (1 - x) ** 2 + 100 * (y - x**2) ** 2 + params[2] ** 2
        grad = [-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2), 2 * params[2]]
        return float(value), np.array(grad, dtype=params.dtype)


def test_lbfgs_reaches_the_minimum():
    training, losses = state(), []
    gradient_size, _ = lbfgs(Rosenbrock(), training, lambda params, loss: losses.append(loss))
    assert_allclose(training.params, [1, 1, 0], atol=1e-6)
    assert training.stop_reason == "convergence" and gradient_size <= 1e-8
    assert len(losses) == training.n_iter
    assert (np.diff(losses) <= 0).all()


def test_lbfgs_reports_the_value_at_the_iterate_it_passes_on():
    objective, seen = Rosenbrock(), []
    lbfgs(objective, state(), lambda params, loss: seen.append((objective(params)[0], loss)))
    values = np.array(seen)
    assert_array_equal(values[:, 0], values[:, 1])


def test_lbfgs_in_float32_evaluates_in_float32():
    objective, training = Rosenbrock(), state(dtype=np.float32)
    lbfgs(objective, training, tol=1e-4)
    assert training.params.dtype == np.float32
    assert_allclose(training.params, [1, 1, 0], atol=1e-2)


@pytest.mark.parametrize("max_iter", [1, 3])
def test_lbfgs_honours_max_iter(max_iter):
    training = state()
    lbfgs(Rosenbrock(), training, max_iter=max_iter)
    assert training.n_iter == max_iter and training.stop_reason == "max_iter"


def test_lbfgs_passes_on_what_scipy_says(monkeypatch):
    minimize, said = scipy.optimize.minimize, []

    def listen(*args, **settings):
        result = minimize(*args, **settings)
        said.append(result.message)
        return result

    monkeypatch.setattr(scipy.optimize, "minimize", listen)
    messages = [lbfgs(kind(), state(), max_iter=3)[1] for kind in (Rosenbrock, NoDescent)]
    assert messages == said and len(set(said)) == 2


def test_lbfgs_without_an_iteration_left_changes_nothing():
    training = state()
    gradient_size, _ = lbfgs(Rosenbrock(), training, max_iter=0)
    assert_array_equal(training.params, np.zeros(3))
    assert training.n_iter == 0 and training.stop_reason == "max_iter" and gradient_size == 2.0


@pytest.mark.parametrize("max_fun", [1, 2, 7, 12])
def test_lbfgs_honours_max_fun_and_keeps_the_last_iterate(max_fun):
    objective, training, accepted = Rosenbrock(), state(), [np.zeros(3)]
    lbfgs(objective, training, lambda p, loss: accepted.append(p.copy()), max_fun=max_fun)
    assert objective.n_evaluations == max_fun
    assert training.stop_reason == "max_fun"
    assert_array_equal(training.params, accepted[-1])


class NoDescent(Rosenbrock):
    def __call__(self, params):
        loss, grad = super().__call__(params)
        return loss, -grad


def test_a_failed_line_search_is_no_convergence():
    training = state()
    lbfgs(NoDescent(), training)
    assert training.stop_reason == "line search"


def test_lbfgs_stops_on_request():
    training = state()
    lbfgs(Rosenbrock(), training, lambda params, loss: training.n_iter == 2)
    assert training.n_iter == 2 and training.stop_reason == "patience"


class Overflowing(Rosenbrock):
    value = np.inf

    def __call__(self, params):
        loss, grad = super().__call__(params)
        if self.n_evaluations == 8:
            return self.value, np.full_like(grad, self.value)
        return loss, grad


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_lbfgs_that_meets_a_loss_that_is_not_finite_has_diverged_not_converged(value):
    objective, training, accepted = Overflowing(), state(), [np.zeros(3)]
    objective.value = value
    lbfgs(objective, training, lambda p, loss: accepted.append(p.copy()))
    assert training.stop_reason == "divergence"
    assert_array_equal(training.params, accepted[-1])
    assert len(accepted) == 1 + training.n_iter > 1


class Interrupted(Rosenbrock):
    def __call__(self, params):
        if self.n_evaluations == 8:
            raise KeyboardInterrupt
        return super().__call__(params)


def test_lbfgs_interrupted_in_a_line_search_keeps_the_last_iterate():
    training, accepted = state(), [np.zeros(3)]
    with pytest.raises(KeyboardInterrupt):
        lbfgs(Interrupted(), training, lambda p, loss: accepted.append(p.copy()))
    assert_array_equal(training.params, accepted[-1])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_fit_in_parts_is_the_fit(schedule, optimizer):
    whole, parts = state(OPTIMIZERS[optimizer]()), state(OPTIMIZERS[optimizer]())
    run(Parabola(), whole, learning_rate=rate(schedule=schedule), max_iter=7)
    objective = Parabola()
    for epochs in (range(2), range(2, 3), range(3, 7)):
        run(objective, parts, learning_rate=rate(schedule=schedule), max_iter=7, epochs=epochs)
    assert_array_equal(parts.params, whole.params)
    assert parts.n_iter == whole.n_iter == 7


@pytest.mark.parametrize("n_epochs", range(1, 5))
def test_a_fit_in_parts_falls_back_to_where_the_whole_one_does(n_epochs):
    losses = [2.0, 1.0, 1.5, 3e3]
    objective, parts, seen = Parabola(batch_size=10), state(), []
    values = iter(losses)
    objective.estimate = lambda params, batch: (next(values), np.ones(3))
    for epochs in (range(n_epochs), range(n_epochs, 4)):
        run(objective, parts, lambda p, loss: seen.append(p.copy()), max_iter=4, epochs=epochs)
    assert parts.stop_reason == "divergence"
    assert_array_equal(parts.params, seen[1])


@pytest.mark.parametrize("bad_loss", [np.inf, np.nan, 1e3 * 2.5])
def test_after_divergence_the_parameters_of_the_least_loss_are_back(bad_loss):
    objective, seen = Parabola(batch_size=10), []
    losses = iter([2.0, 1.0, 1.5, bad_loss, 0.0])
    objective.estimate = lambda params, batch: (next(losses), np.ones(3))
    training = run(objective, state(), lambda params, loss: seen.append(params.copy()), max_iter=5)
    assert training.stop_reason == "divergence" and training.n_iter == 4
    assert len(seen) == 3
    assert_array_equal(training.params, seen[1])


def test_after_an_interruption_between_epochs_the_parameters_of_the_least_loss_are_back():
    objective, seen = Parabola(batch_size=10), []
    losses = iter([2.0, 1.0, 1.5])
    objective.estimate = lambda params, batch: (next(losses), np.ones(3))

    def after_pass(params, loss):
        seen.append(params.copy())
        if len(seen) == 3:
            raise KeyboardInterrupt

    training = state()
    with pytest.raises(KeyboardInterrupt):
        run(objective, training, after_pass)
    assert_array_equal(training.params, seen[1])


@pytest.mark.parametrize("bad_loss", [np.inf, np.nan])
def test_a_first_loss_that_is_not_finite_is_no_measure_of_divergence(bad_loss):
    objective, calls = Parabola(batch_size=10), []
    losses = iter([bad_loss, 1.0])
    objective.estimate = lambda params, batch: (next(losses), np.ones(3))
    training = run(objective, state(), lambda *_: calls.append(1), max_iter=2)
    assert training.stop_reason == "divergence" and training.n_iter == 1 and not calls
    assert_array_equal(training.params, np.zeros(3))


@pytest.mark.parametrize("loss", [1e3 * 2.0, 1e3 * 7.0])
def test_a_loss_of_a_thousand_times_ignorance_or_the_first_is_not_yet_divergence(loss):
    objective = Parabola(batch_size=10)
    losses = iter([2.0, loss])
    objective.estimate = lambda params, batch: (next(losses), np.ones(3))
    ignorance = 7.0 if loss > 2e3 else 0.0  # the first loss is 2
    training = run(objective, state(), max_iter=2, uniform_loss=ignorance)
    assert training.stop_reason == "max_iter"
