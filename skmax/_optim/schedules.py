"""Learning-rate schedules: pure functions from where a fit is to a factor of the rate.

A schedule is called before each step as ``factor(position, power_t)``; the rate of the
step is `learning_rate_init` times that factor. `SCHEDULES` holds them all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, log2, pi
from typing import NamedTuple


@dataclass(eq=False)
class ScheduleState:
    """Where a fit is in its schedule.

    Parameters
    ----------
    step : int, default=0
        Mini-batch steps taken in this fit.
    n_steps : int, default=1
        Steps this fit takes if nothing stops it earlier.
    t : int, default=0
        Rows seen up to the end of the last epoch, over all fits that are continued.
    n_reductions : int, default=0
        How often patience has run out under the adaptive schedule.
    """

    step: int = 0
    n_steps: int = 1
    t: int = 0
    n_reductions: int = 0


class Schedule(NamedTuple):
    """One learning-rate schedule.

    Parameters
    ----------
    factor : callable ``factor(position, power_t) -> float``
        The factor of the learning rate.
    decays : bool, default=False
        Whether it brings the rate to zero at the last step: such a fit runs to its end
        and has converged there by design.
    cycle_ends : tuple of float, default=()
        Fractions of the fit at which the rate is zero and a fit can end as well as at its
        last step; the last one is 1.
    reduces_on_plateau : bool, default=False
        Whether running out of patience reduces the rate before it stops the fit.
    """

    factor: Callable[[ScheduleState, float], float]
    decays: bool = False
    cycle_ends: tuple[float, ...] = ()
    reduces_on_plateau: bool = False

    def last_epochs(self, max_iter: int) -> list[int]:
        """Return the epochs after which a fit of `max_iter` can end, in rising order."""
        return sorted({*(max(1, round(end * max_iter)) for end in self.cycle_ends), max_iter})


def constant(position: ScheduleState, power_t: float) -> float:
    """Return 1."""
    return 1.0


def invscaling(position: ScheduleState, power_t: float) -> float:
    """Return (t + 1)^-power_t, t the rows seen up to the last epoch's end."""
    return float(position.t + 1) ** -power_t


def adaptive(position: ScheduleState, power_t: float) -> float:
    """Return 5^-k after patience has run out k times."""
    return 5.0**-position.n_reductions


def _fraction(position: ScheduleState) -> float:
    # The fraction of the fit at the middle of the coming step, so that no step has rate 0.
    return (position.step + 0.5) / position.n_steps


def cosine(position: ScheduleState, power_t: float) -> float:
    """Return (1 + cos(pi u)) / 2, where u is how much of the fit is done.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm
    restarts", 2017.
    """
    return 0.5 + 0.5 * cos(pi * _fraction(position))


def one_cycle(position: ScheduleState, power_t: float, warm_up: float = 0.3) -> float:
    """Return half a cosine up to 1 over 30 % of the steps, then one down to 0.

    References
    ----------
    Smith and Topin, "Super-convergence: very fast training of neural networks using
    large learning rates", 2018.
    """
    u = _fraction(position)
    if u < warm_up:
        return 0.5 - 0.5 * cos(pi * u / warm_up)
    return 0.5 + 0.5 * cos(pi * (u - warm_up) / (1.0 - warm_up))


def coslog4(position: ScheduleState, power_t: float) -> float:
    """Return (1 - cos(2 pi log2(1 + 15 u))) / 2: four cycles, each twice as long.

    References
    ----------
    Holzmueller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", 2024.
    """
    u = _fraction(position)
    return 0.5 - 0.5 * cos(2.0 * pi * log2(1.0 + 15.0 * u))


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(constant),
    "invscaling": Schedule(invscaling),
    "adaptive": Schedule(adaptive, reduces_on_plateau=True),
    "cosine": Schedule(cosine, decays=True),
    "one_cycle": Schedule(one_cycle, decays=True),
    # A fit cannot end with the first of the four cycles, because it is too short.
    "coslog4": Schedule(coslog4, decays=True, cycle_ends=(3 / 15, 7 / 15, 1.0)),
}
