import numpy as np
import pytest
from internals import History, Monitor


def run(losses, scores=None, **settings):
    """Return the pass at which patience ran out (from 1), or None, and the monitor."""
    settings = {"tol": 0.1, "n_iter_no_change": 3, **settings}
    queue = iter(scores or [])
    validate = (lambda params: (0.5, next(queue))) if scores else None
    monitor = Monitor(History(), validate=validate, **settings)
    for i, loss in enumerate(losses, start=1):
        if monitor.record(np.array([float(i)]), loss):
            return i, monitor
    return None, monitor


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_patience_is_counted_exactly(patience):
    # The first pass improves on infinity; then `patience` passes do not improve.
    assert run([1.0] * 20, n_iter_no_change=patience)[0] == patience + 1


def test_infinite_patience_never_runs_out():
    stopped, monitor = run([1.0] * 50, n_iter_no_change=np.inf)
    assert stopped is None
    assert monitor.history.n_no_improvement == 49


def test_an_improvement_by_tol_counts_and_a_smaller_one_does_not():
    assert run([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], tol=0.0999)[0] is None
    assert run([1.0, 0.95, 0.9, 0.85, 0.8], tol=0.0999)[0] == 4


def test_an_improvement_starts_the_count_anew():
    assert run([1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5])[0] == 7


def test_a_loss_that_is_nan_is_no_improvement():
    assert run([1.0, np.nan, np.nan, np.nan])[0] == 4


def test_patience_may_ignore_the_loss():
    assert run([1.0] * 20, watch_loss=False)[0] is None


def test_early_stopping_watches_the_score_and_keeps_the_best_parameters():
    losses = [1.0, 0.8, 0.6, 0.4, 0.2, 0.0]
    stopped, monitor = run(losses, [1, 2, 1.5, 2.05, 2, 1.9], early_stopping=True)
    assert stopped == 5
    assert monitor.history.best_score == 2.05
    assert monitor.history.best_params == [4.0]
    assert monitor.history.validation_scores == [1, 2, 1.5, 2.05, 2]


def test_the_epoch_of_the_best_parameters_is_its_place_in_the_curve():
    _, monitor = run([1.0] * 4, [1, 3, 2, 3], early_stopping=True)
    assert monitor.history.best_epoch == 2 and monitor.history.copy().best_epoch == 2
    assert monitor.history.reset().best_epoch is None
    _, monitor = run([1.0] * 4, [1, 3, 2, 3])
    assert monitor.history.best_epoch is None


def test_scores_without_early_stopping_are_recorded_and_stop_nothing():
    stopped, monitor = run([1.0, 0.8, 0.6, 0.4, 0.2], [5, 4, 3, 2, 1])
    assert stopped is None
    assert monitor.history.validation_scores == [5, 4, 3, 2, 1]
    assert monitor.history.validation_loss_curve == [0.5] * 5
    assert monitor.history.best_score == 5
    assert monitor.history.best_params is None


def test_best_parameters_are_a_copy():
    monitor = Monitor(History(), 0.1, 3, validate=lambda p: (0, 1), early_stopping=True)
    params = np.array([1.0])
    monitor.record(params, 1.0)
    params[0] = 2.0
    assert monitor.history.best_params == [1.0]


def test_verbose_prints_a_line_per_pass(capsys):
    run([1.0, 0.5], [0.25, 0.5], verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Iteration 2, loss = 0.50000000, validation loss = 0.5")
    run([1.0, 0.5])
    assert capsys.readouterr().out == ""


def test_a_copied_history_is_independent_and_a_restarted_one_has_nothing_best():
    _, monitor = run([1.0, 0.8], [1, 2], early_stopping=True)
    copy, reset = monitor.history.copy(), monitor.history.reset()
    assert vars(copy) == vars(monitor.history)
    assert reset.loss_curve == [1.0, 0.8] and reset.best_loss == np.inf
    assert reset.best_params is None and reset.best_score == -np.inf
    copy.loss_curve.append(0.0)
    reset.validation_scores.append(0.0)
    assert monitor.history.loss_curve == [1.0, 0.8]
    assert monitor.history.validation_scores == [1, 2]


def test_scores_count_after_the_last_iterations_of_cycles_only():
    losses, cycles = [1.0] * 8, {"early_stopping": True, "last_iterations": [2, 4, 8]}
    stopped, monitor = run(losses, [9, 1, 9, 2, 0, 0, 0, 3], **cycles, n_iter_no_change=1)
    assert stopped is None
    assert monitor.history.best_score == 3 and monitor.history.best_params == [8.0]
    assert monitor.history.best_epoch == 8


def test_the_first_cycle_without_improvement_is_the_last():
    losses, cycles = [1.0] * 8, {"early_stopping": True, "last_iterations": [2, 4, 8]}
    stopped, monitor = run(losses, [0, 2, 0, 2.01, 9, 9, 9, 9], **cycles)
    assert stopped == 4
    assert monitor.history.best_score == 2.01 and len(monitor.history.loss_curve) == 4
