from dataclasses import replace

import numpy as np
import pytest
from internals import SCHEDULES, ScheduleState, auto_epochs
from numpy.testing import assert_allclose

from skmax import SoftmaxMLPClassifier

N_STEPS = 1000
DECAYING = [name for name, schedule in SCHEDULES.items() if schedule.decays]


def factors(name, n_steps=N_STEPS):
    factor = SCHEDULES[name].factor
    return np.array([factor(ScheduleState(step, n_steps), 0.5) for step in range(n_steps)])


@pytest.mark.parametrize("name", SCHEDULES)
def test_factors_lie_between_0_and_1(name):
    values = factors(name)
    assert (values >= 0).all() and (values <= 1).all()


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_step_is_wasted(name):
    assert factors(name)[0] > 0 and factors(name, 1)[0] > 0


@pytest.mark.parametrize("name", DECAYING)
def test_decaying_schedules_reach_zero_and_one(name):
    values = factors(name)
    assert values[-1] < 1e-4
    assert values.max() > 1 - 1e-4


@pytest.mark.parametrize("name", DECAYING)
def test_only_the_fraction_done_matters(name):
    assert_allclose(factors(name, 3000)[1::3], factors(name, 1000), rtol=1e-9, atol=1e-12)


def test_cosine_falls_all_the_way():
    assert (np.diff(factors("cosine")) < 0).all()


def test_one_cycle_rises_over_30_percent_and_falls():
    values = factors("one_cycle")
    assert (np.diff(values[:300]) > 0).all() and (np.diff(values[300:]) < 0).all()


def test_coslog4_has_four_peaks_each_twice_as_far():
    values = factors("coslog4")
    peaks = np.flatnonzero((values[1:-1] > values[:-2]) & (values[1:-1] > values[2:])) + 1
    # log2(1 + 15 u) = k + 1/2
    assert_allclose(peaks / N_STEPS, (2 ** (np.arange(4) + 0.5) - 1) / 15, atol=1e-3)


def test_invscaling_is_a_power_of_the_rows_seen():
    position = ScheduleState(step=7, n_steps=10, t=99)
    assert_allclose(SCHEDULES["invscaling"].factor(position, 0.25), 100**-0.25)


def test_adaptive_divides_by_five():
    position = ScheduleState(n_reductions=2)
    assert_allclose(SCHEDULES["adaptive"].factor(position, 0.5), 1 / 25)
    assert SCHEDULES["adaptive"].factor(replace(position, n_reductions=0), 0.5) == 1


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("max_iter", [1, 2, 7, 60])
def test_a_fit_can_end_with_its_last_epoch_and_where_the_rate_is_zero(name, max_iter):
    ends = SCHEDULES[name].last_epochs(max_iter)
    assert ends == sorted(set(ends)) and ends[0] >= 1 and ends[-1] == max_iter
    if len(ends) > 1 and max_iter == 60:
        values = factors(name, 60 * 100)
        assert all(values[100 * end - 1] < 1e-4 for end in ends)


def test_the_cycles_of_coslog4_double():
    assert SCHEDULES["coslog4"].last_epochs(60) == [12, 28, 60]


@pytest.mark.parametrize("n_rows", [None, 0, 1, 3000, 3428, 3429, 4800, 4801, 10**4, 10**7])
def test_the_cycles_of_a_default_fit_are_whole_epochs(n_rows):
    max_iter = auto_epochs(n_rows)
    ends = np.array(SCHEDULES["coslog4"].last_epochs(max_iter))
    assert_allclose(ends, max_iter * np.array(SCHEDULES["coslog4"].cycle_ends))


def test_more_rows_take_no_more_epochs():
    epochs = np.array([auto_epochs(n) for n in range(1, 20_000, 10)])
    assert set(epochs) == {60, 45, 30} and (np.diff(epochs) <= 0).all()


@pytest.mark.parametrize("as_given", [np.asarray, np.ndarray.tolist], ids=["array", "list"])
def test_a_fit_of_many_rows_has_fewer_epochs(as_given):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 1))
    y = X[:, 0] > 0
    clf = SoftmaxMLPClassifier((2,), random_state=0, early_stopping=False)
    assert clf.fit(as_given(X), as_given(y)).n_iter_ == 30
    assert clf.fit(as_given(X[:500]), as_given(y[:500])).n_iter_ == 60
