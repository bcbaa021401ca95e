"""What is drawn is what was computed, wherever it is drawn."""

import pickle
import sys

import matplotlib
import numpy as np
import pytest
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skmax import (
    LogitsDisplay,
    ReliabilityDisplay,
    SoftmaxMLPClassifier,
    TrainingCurveDisplay,
    log_softmax,
    softmax,
)

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = make_classification(
    600, 10, n_informative=8, n_classes=4, class_sep=0.8, flip_y=0.1, random_state=0
)
X, y, X_test, y_test = X[:300], y[:300], X[300:], y[300:]
WINE = load_wine(return_X_y=True)


def classifier(**settings):
    return SoftmaxMLPClassifier(
        **{"hidden_layer_sizes": (16,), "max_iter": 12, "random_state": 0, **settings}
    )


@pytest.fixture(scope="module")
def fitted():
    return classifier(temperature_scaling=True).fit(X, y, X_val=X_test, y_val=y_test)


@pytest.fixture(scope="module")
def binary():
    return classifier().fit(X, np.where(y > 1, "yes", "no"))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    try:
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()  # warnings of drawing are errors
    finally:
        plt.close("all")


def drawings(fitted):
    """Return a call for each way to draw a display."""
    P = fitted.predict_proba(X_test)
    return {
        "curve": lambda **options: TrainingCurveDisplay.from_estimator(fitted, **options),
        "score": lambda **options: TrainingCurveDisplay.from_estimator(
            fitted, quantity="score", **options
        ),
        "reliability": lambda **options: ReliabilityDisplay.from_estimator(
            fitted, X_test, y_test, **options
        ),
        "quantiles": lambda **options: ReliabilityDisplay.from_predictions(
            y_test, P, strategy="quantile", **options
        ),
        "row": lambda **options: LogitsDisplay.from_estimator(
            fitted, X_test[0], y_test[0], **options
        ),
        "logits": lambda **options: LogitsDisplay.from_logits([5, 2, -1, 3], **options),
    }


DRAWINGS = ["curve", "score", "reliability", "quantiles", "row", "logits"]


# Every display


@pytest.mark.parametrize("name", DRAWINGS)
def test_one_figure_per_call_and_none_where_axes_are_given(fitted, name):
    draw = drawings(fitted)[name]
    display = draw()
    assert len(plt.get_fignums()) == 1
    assert display.ax_.figure is display.figure_
    figure, ax = plt.subplots(figsize=(4, 3))
    again = draw(ax=ax)
    assert len(plt.get_fignums()) == 2
    assert again.ax_ is ax and again.figure_ is figure
    assert again.plot(ax) is again


@pytest.mark.parametrize("name", DRAWINGS)
def test_names_are_shown_and_plot_can_change_them(fitted, name):
    def texts(ax):
        legend = ax.get_legend()
        return ax.get_title() + (legend.texts[-1].get_text() if legend else "")

    display = drawings(fitted)[name](name="first")
    assert "first" in texts(display.ax_)
    assert "second" in texts(display.plot(name="second").ax_)
    assert "first" in texts(display.plot().ax_)
    assert display.name == "first"


@pytest.mark.parametrize("name", DRAWINGS)
def test_axes_are_one(fitted, name):
    _, axes = plt.subplots(1, 2)
    for ax in (axes, "top", plt.gcf()):
        with pytest.raises(TypeError, match="ax must be an Axes of matplotlib, got a"):
            drawings(fitted)[name](ax=ax)


@pytest.mark.parametrize("size", [(7, 5), (14, 8)])
def test_they_share_a_grid(fitted, size):
    _, axes = plt.subplots(2, 3, figsize=size, layout="constrained")
    for name, ax in zip(DRAWINGS, axes.flat, strict=True):
        drawings(fitted)[name](ax=ax)


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_callers_style_wins_under_any_alias(fitted, name):
    display = drawings(fitted)[name](alpha=0.5, lw=3)
    if name in ("row", "logits"):
        assert all(bar.get_linewidth() == 3 for bars in display.bars_ for bar in bars)
    else:
        line = display.line_ if name != "score" else display.validation_line_
        assert line.get_linewidth() == 3


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("argument", ["no_such_style", "pos_label"])
def test_arguments_that_nobody_knows_are_named(fitted, name, argument):
    expected = rf"^\w+Display has no parameter '{argument}', and a (Line2D|Rectangle) of"
    with pytest.raises(TypeError, match=expected):
        drawings(fitted)[name](**{argument: 1})
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("name", "options"), [("curve", {"scalex": False}), ("row", {"align": "edge", "hatch": "/"})]
)
def test_what_matplotlibs_functions_take_is_passed_on(fitted, name, options):
    drawings(fitted)[name](**options)


@pytest.mark.parametrize("name", DRAWINGS)
def test_without_matplotlib_the_error_says_what_to_install(fitted, name, monkeypatch):
    draw = drawings(fitted)[name]
    display = draw()
    for module in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, module, None)
    for call in (draw, display.plot):
        with pytest.raises(ImportError, match=r"Display needs matplotlib: pip install matplotlib"):
            call()


def test_unfitted_estimators_are_refused():
    for unfitted in (classifier(), make_pipeline(StandardScaler(), classifier())):
        for draw in (
            TrainingCurveDisplay.from_estimator,
            lambda clf: ReliabilityDisplay.from_estimator(clf, X, y),
            lambda clf: LogitsDisplay.from_estimator(clf, X[0]),
        ):
            with pytest.raises(NotFittedError):
                draw(unfitted)
    assert not plt.get_fignums()


def test_a_pipeline_is_drawn_as_its_last_step():
    pipeline = make_pipeline(StandardScaler(), make_pipeline(classifier())).fit(X, y)
    step, Z = pipeline[-1][-1], pipeline[0].transform(X_test)
    curve = TrainingCurveDisplay.from_estimator(pipeline)
    assert_array_equal(curve.line_.get_ydata(), step.loss_curve_)
    for options in ({}, {"temperature": 1.5}):
        whole = ReliabilityDisplay.from_estimator(pipeline, X_test, y_test, **options)
        last = ReliabilityDisplay.from_estimator(step, Z, y_test, **options)
        assert_array_equal(whole.line_.get_xydata(), last.line_.get_xydata())
    assert_array_equal(
        LogitsDisplay.from_estimator(pipeline, X_test[0]).logits,
        LogitsDisplay.from_estimator(step, Z[0]).logits,
    )


# Training curves


def test_curves_are_those_of_the_estimator(fitted):
    display = TrainingCurveDisplay.from_estimator(fitted)
    epochs = np.arange(1, fitted.n_iter_ + 1)
    assert_array_equal(display.line_.get_xydata(), np.c_[epochs, fitted.loss_curve_])
    assert_array_equal(
        display.validation_line_.get_xydata(), np.c_[epochs, fitted.validation_loss_curve_]
    )
    assert display.ax_.get_xlabel() == "epoch" and display.ax_.get_ylabel() == "loss (nats)"
    scores = TrainingCurveDisplay.from_estimator(fitted, quantity="score")
    assert scores.line_ is None
    assert_array_equal(scores.validation_line_.get_ydata(), fitted.validation_scores_)
    assert scores.ax_.get_ylabel() == "negative loss (nats)"


def test_solvers_of_all_rows_have_iterations():
    X, y = load_iris(return_X_y=True)
    clf = SoftmaxMLPClassifier((), solver="newton-cg", early_stopping=True, random_state=0)
    display = TrainingCurveDisplay.from_estimator(clf.fit(X, y))
    assert display.ax_.get_xlabel() == "iteration"
    assert "iteration" in display.validation_line_.get_label()


def test_without_validation_rows_there_is_one_curve():
    clf = classifier().fit(X, y)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert display.validation_line_ is None and len(display.ax_.lines) == 1
    with pytest.raises(ValueError, match="early_stopping=True or with X_val"):
        TrainingCurveDisplay.from_estimator(clf, quantity="score")


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("learning_rate", ["constant", "coslog4"])
def test_the_epoch_that_is_marked_is_the_one_whose_parameters_were_kept(scoring, learning_rate):
    settings = {
        **{**NEUTRAL, "learning_rate": learning_rate, "learning_rate_init": 0.02},
        **{"scoring": scoring, "early_stopping": True, "max_iter": 15},
    }
    if learning_rate == "constant":  # the patience of cycles is one of them
        settings["n_iter_no_change"] = 5
    clf = classifier(**settings).fit(X, y, X_val=X_test, y_val=y_test)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert display.validation_line_.get_markevery() == [display.best_epoch - 1]
    stopped = classifier(**settings)
    epochs = []

    class Keep:
        """Callback that keeps the parameters of each epoch."""

        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name != "fit":
                epochs.append(fitted_estimator._state.params.copy())

    stopped.set_callbacks(Keep()).fit(X, y, X_val=X_test, y_val=y_test)
    kept = np.concatenate([np.ravel(a) for a in (*stopped.coefs_, *stopped.intercepts_)])
    distance = [np.abs(params - kept).max() for params in epochs]
    assert display.best_epoch == 1 + int(np.argmin(distance))


def test_the_epoch_that_was_kept_does_not_depend_on_later_parameters():
    clf = classifier(early_stopping=True, learning_rate="coslog4", scoring="accuracy", max_iter=15)
    clf.fit(X, y, X_val=X_test, y_val=y_test)
    kept = TrainingCurveDisplay.from_estimator(clf).best_epoch
    assert kept == clf.best_epoch_
    for settings in ({"max_iter": 60}, {"learning_rate": "constant"}, {"early_stopping": False}):
        clf.set_params(**settings)
        assert TrainingCurveDisplay.from_estimator(clf).best_epoch == kept
    assert TrainingCurveDisplay.from_estimator(pickle.loads(pickle.dumps(clf))).best_epoch == kept
    clf.set_params(learning_rate="constant").partial_fit(X, y)  # from what was kept
    assert clf.best_epoch_ is None
    assert TrainingCurveDisplay.from_estimator(clf).best_epoch is None


def test_without_early_stopping_no_epoch_is_marked():
    clf = classifier(early_stopping=False).fit(X, y, X_val=X_test, y_val=y_test)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert display.best_epoch is None
    assert display.validation_line_.get_marker() == "None"


def test_mlp_classifier_has_curves_too():
    mlp = MLPClassifier((8,), early_stopping=True, max_iter=30, random_state=0).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(mlp)
    assert_array_equal(display.line_.get_ydata(), mlp.loss_curve_)
    assert display.best_epoch == 1 + int(np.argmax(mlp.validation_scores_))
    assert display.line_.get_markevery() == [display.best_epoch - 1]
    scores = TrainingCurveDisplay.from_estimator(mlp, quantity="score")
    assert_array_equal(scores.validation_line_.get_ydata(), mlp.validation_scores_)
    assert scores.ax_.get_ylabel() == "score"


def test_a_regressors_loss_is_not_in_nats():
    regressor = MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, random_state=0).fit(X, y)
    assert TrainingCurveDisplay.from_estimator(regressor).ax_.get_ylabel() == "loss"


def test_fits_on_one_axes_differ_in_colour_and_a_continued_one_is_longer():
    clf = classifier(warm_start=True, early_stopping=False, max_iter=4).fit(X, y)
    first = TrainingCurveDisplay.from_estimator(clf, name="first")
    clf.fit(X, y, X_val=X_test, y_val=y_test)
    second = TrainingCurveDisplay.from_estimator(clf, name="continued", ax=first.ax_)
    assert len(first.line_.get_xdata()) == 4 and len(second.line_.get_xdata()) == 8
    assert np.isnan(second.validation_line_.get_ydata()[:4]).all()
    assert first.line_.get_color() != second.line_.get_color()
    assert second.line_.get_color() == second.validation_line_.get_color()
    labels = [text.get_text() for text in first.ax_.get_legend().texts]
    assert labels == ["first: training", "continued: training", "continued: validation"]


def test_scores_of_which_none_is_a_number_are_none(fitted):
    nothing = [np.nan] * 3
    display = TrainingCurveDisplay(
        loss=[3.0, 2.0, 1.0], validation_loss=nothing, validation_score=nothing, best_epoch=2
    ).plot()
    assert display.validation_line_ is None
    assert [text.get_text() for text in display.ax_.get_legend().texts] == [
        "training, epoch 2 kept"
    ]
    with pytest.raises(ValueError, match="needs validation scores, and this fit has none"):
        display.plot(quantity="score")


def test_of_equal_scores_the_one_of_the_last_fit_is_marked():
    y_val = y_test
    clf = classifier(
        warm_start=True, early_stopping=True, learning_rate="constant", n_iter_no_change=3,
        scoring=lambda estimator, X, y: 0.5,
    )  # fmt: skip
    for n_rows in (300, 290):  # other rows: what was best so far is forgotten
        clf.fit(X[:n_rows], y[:n_rows], X_val=X_test, y_val=y_val)
    display = TrainingCurveDisplay.from_estimator(clf, quantity="score")
    assert display.best_epoch == len(clf.loss_curve_) - clf.n_iter_ + 1
    assert display.score_name == "<lambda>"


def test_losses_are_on_a_logarithmic_axis_where_they_can_be():
    def scale(*losses):
        _, ax = plt.subplots()
        for loss in losses:
            TrainingCurveDisplay(loss=loss).plot(ax)
        return ax.get_yscale()

    assert scale([2.0, 0.1]) == "log"
    assert scale([2.0, 1.0]) == scale([2.0, 0.1, 0.0]) == scale([1.0]) == "linear"
    assert scale([2.0, 1.0], [2.0, 0.1]) == "log"
    assert scale([2.0, 0.1], [2.0, -0.1]) == "linear"


@pytest.mark.parametrize("quantity", ["loss", "score"])
@pytest.mark.parametrize("size", [(4, 3), (10, 6)])
def test_the_legend_covers_no_curve(quantity, size):
    rng = np.random.default_rng(0)
    _, ax = plt.subplots(figsize=size, layout="constrained")
    for scale in (1, 10):
        values = scale * rng.uniform(0.1, 1, 30)
        display = TrainingCurveDisplay(loss=values, validation_score=values, best_epoch=3)
        display.plot(ax, quantity=quantity)
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    for line in ax.lines:
        points = ax.transData.transform(line.get_xydata())
        assert box.count_contains(points) == 0


def test_training_curve_refuses_what_it_cannot_draw(fitted):
    with pytest.raises(ValueError, match="must have a loss_curve_, got a LogisticRegression"):
        TrainingCurveDisplay.from_estimator(LogisticRegression().fit(X, y))
    with pytest.raises(ValueError, match=r"quantity must be one of .*got 'accuracy'"):
        TrainingCurveDisplay.from_estimator(fitted, quantity="accuracy")


# Reliability


def calibration_error(y_true, P, weight, n_bins):
    """Return the ECE of classes 0, 1, ..., by a loop over bins and rows."""
    total = 0.0
    for b in range(n_bins):
        rows = [
            i for i, p in enumerate(P.max(axis=1)) if b / n_bins < p <= (b + 1) / n_bins
        ]  # fmt: skip
        right = sum(weight[i] * (P[i].argmax() == y_true[i]) for i in rows)
        sure = sum(weight[i] * P[i].max() for i in rows)
        total += abs(right - sure)
    return total / sum(weight)


@pytest.mark.parametrize("n_bins", [1, 7, 15])
@pytest.mark.parametrize("weighted", [False, True])
def test_ece_is_that_of_a_loop(fitted, n_bins, weighted):
    P = fitted.predict_proba(X_test)
    weight = np.random.default_rng(0).uniform(0, 2, len(P)) if weighted else None
    display = ReliabilityDisplay.from_predictions(
        y_test, P, sample_weight=weight, n_bins=n_bins
    )  # fmt: skip
    each = np.ones(len(P)) if weight is None else weight
    assert display.ece == pytest.approx(calibration_error(y_test, P, each, n_bins), abs=1e-12)
    assert f"ECE {display.ece:.3f}" in display.ax_.get_legend().texts[-1].get_text()


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_what_is_drawn_are_the_bins(fitted, strategy):
    display = ReliabilityDisplay.from_estimator(fitted, X_test, y_test, strategy=strategy)
    used = display.n_rows > 0
    assert display.n_rows.sum() == len(X_test)
    assert_array_equal(
        display.line_.get_xydata(), np.c_[display.confidence[used], display.accuracy[used]]
    )
    assert_array_equal(display.points_.get_offsets(), display.line_.get_xydata())
    drawn = display.rows_.get_data()
    assert_array_equal(drawn.values, display.n_rows)
    assert_array_equal(drawn.edges, display.bin_edges)
    assert np.isnan(display.confidence[~used]).all()
    inside = display.confidence[used]
    assert (display.bin_edges[:-1][used] <= inside).all()
    assert (inside <= display.bin_edges[1:][used]).all()
    accuracy = np.average(display.accuracy[used], weights=display.n_rows[used])
    assert accuracy == pytest.approx(fitted.score(X_test, y_test))
    if strategy == "quantile":
        assert display.n_rows.max() - display.n_rows.min() <= 1
    else:
        assert_allclose(display.bin_edges, np.arange(16) / 15)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_weight_2_is_a_row_twice_and_weight_0_a_row_absent(fitted, strategy):
    P = fitted.predict_proba(X_test)
    weight = np.random.default_rng(0).integers(0, 3, len(P))
    rows = np.repeat(np.arange(len(P)), weight)
    one = ReliabilityDisplay.from_predictions(
        y_test, P, sample_weight=weight, strategy=strategy, labels=range(4)
    )
    other = ReliabilityDisplay.from_predictions(
        y_test[rows], P[rows], strategy=strategy, labels=range(4)
    )
    assert_array_equal(one.n_rows, other.n_rows)
    assert_array_equal(one.bin_edges, other.bin_edges)
    assert_allclose(one.confidence, other.confidence)
    assert_allclose(one.accuracy, other.accuracy)
    assert one.ece == pytest.approx(other.ece)


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e307])
@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_no_sum_of_weights_overflows_or_vanishes(fitted, strategy, scale):
    weight = 1.0 + np.arange(len(y_test)) % 2
    plain, scaled = (
        ReliabilityDisplay.from_estimator(
            fitted, X_test, y_test, sample_weight=w, strategy=strategy
        )
        for w in (weight, weight * scale)
    )
    assert_allclose(scaled.ece, plain.ece, rtol=1e-12)
    assert_allclose(scaled.accuracy, plain.accuracy, rtol=1e-12)
    assert_allclose(scaled.confidence, plain.confidence, rtol=1e-12)
    assert np.isfinite(scaled.n_rows).all()


def test_equal_confidences_share_a_bin():
    P = np.tile([0.8, 0.2], (10, 1))
    display = ReliabilityDisplay.from_predictions([0] * 8 + [1] * 2, P, strategy="quantile")
    assert_array_equal(display.n_rows, [10])
    assert display.ece == pytest.approx(0)


def test_from_estimator_is_from_predictions(fitted, binary):
    for clf, labels in ((fitted, y_test), (binary, np.where(y_test > 1, "yes", "no"))):
        weight = np.arange(len(labels))
        one = ReliabilityDisplay.from_estimator(clf, X_test, labels, sample_weight=weight)
        two = ReliabilityDisplay.from_predictions(
            labels, clf.predict_proba(X_test), sample_weight=weight
        )
        assert_array_equal(one.line_.get_xydata(), two.line_.get_xydata())
        assert_array_equal(one.n_rows, two.n_rows)


def test_columns_may_be_in_any_order(fitted):
    P, order = fitted.predict_proba(X_test), [2, 0, 3, 1]
    one = ReliabilityDisplay.from_predictions(y_test, P)
    other = ReliabilityDisplay.from_predictions(y_test, P[:, order], labels=order)
    assert_array_equal(one.accuracy, other.accuracy)


def test_the_temperature_can_be_another(fitted, binary):
    assert fitted.temperature_ != 1 != binary.temperature_
    for clf, labels in ((fitted, y_test), (binary, np.where(y_test > 1, "yes", "no"))):
        as_predicted = ReliabilityDisplay.from_estimator(clf, X_test, labels)
        own = ReliabilityDisplay.from_estimator(
            clf, X_test, labels, temperature=clf.temperature_
        )  # fmt: skip
        assert_allclose(own.confidence, as_predicted.confidence, rtol=1e-9)
        before = ReliabilityDisplay.from_estimator(clf, X_test, labels, temperature=1)
        P = softmax(clf.predict_log_proba(X_test) * clf.temperature_)
        by_hand = ReliabilityDisplay.from_predictions(labels, P, labels=clf.classes_)
        assert_allclose(before.confidence, by_hand.confidence, rtol=1e-9)
        assert before.ece != as_predicted.ece


def test_two_classifiers_share_axes_diagonal_and_strip(fitted):
    before = ReliabilityDisplay.from_estimator(fitted, X_test, y_test, temperature=1)
    after = ReliabilityDisplay.from_estimator(fitted, X_test, y_test, ax=before.ax_)
    assert after.rows_ax_ is before.rows_ax_
    assert len(before.ax_.lines) == 3
    assert before.line_.get_color() != after.line_.get_color()
    assert before.ax_.lines[0].get_xydata().tolist() == [[0, 0], [1, 1]]


P = np.array([[0.8, 0.2], [0.3, 0.7]])


@pytest.mark.parametrize(
    ("message", "y_true", "y_prob", "options"),
    [
        ("inconsistent numbers of samples", [0, 1, 1], P, {}),
        ("sums from 0.7 to 1", [0, 1], P - [[0.1, 0.2], [0, 0]], {}),
        ("got values from -0.2", [0, 1], [[1.2, -0.2], [0.5, 0.5]], {}),
        ("got values from nan", [0, 1], [[np.nan, 1], [0.5, 0.5]], {}),
        ("column_stack", [0, 1], P[:, 1], {}),
        ("shape \\(n_samples, n_classes\\)", [], np.empty((0, 2)), {}),
        ("1 classes and y_prob 2 columns: pass the classes", [0, 0], P, {}),
        ("one class per column, 2 different ones", [0, 1], P, {"labels": [0, 1, 2]}),
        ("one class per column, 2 different ones", [0, 1], P, {"labels": [1, 1]}),
        ("y holds labels \\[2\\] that are not in classes", [0, 2], P, {"labels": [0, 1]}),
        ("sample_weight must have shape \\(2,\\)", [0, 1], P, {"sample_weight": [[1, 2]]}),
        ("not negative", [0, 1], P, {"sample_weight": [1, -1]}),
        ("not all zero", [0, 1], P, {"sample_weight": [0, 0]}),
        ("n_bins must be an integer >= 1, got 0", [0, 1], P, {"n_bins": 0}),
        ("n_bins must be an integer >= 1, got 2.5", [0, 1], P, {"n_bins": 2.5}),
        ("strategy must be one of .*got 'equal'", [0, 1], P, {"strategy": "equal"}),
    ],
)
def test_predictions_that_cannot_be_are_refused(message, y_true, y_prob, options):
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions(y_true, y_prob, **options)
    assert not plt.get_fignums()


def test_half_precision_is_no_error_of_probabilities():
    logits = np.random.default_rng(0).normal(size=(50, 100))
    y_true = np.arange(50) % 10
    display = ReliabilityDisplay.from_predictions(
        y_true, softmax(logits).astype(np.float16), labels=range(100)
    )
    assert display.n_rows.sum() == 50


def test_estimators_that_do_not_fit_are_refused(fitted):
    draw = ReliabilityDisplay.from_estimator
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        draw(fitted, X_test, y_test[1:])
    with pytest.raises(ValueError, match=r"labels \[4\] that are not in classes"):
        draw(fitted, X_test[:2], [0, 4])
    with pytest.raises(ValueError, match="a LinearSVC without predict_proba"):
        draw(LinearSVC().fit(X, y), X, y)
    with pytest.raises(ValueError, match=r"temperature must be None for .* LogisticRegression"):
        draw(LogisticRegression().fit(X, y), X, y, temperature=1)
    with pytest.raises(ValueError, match=r"temperature must be None for .* GaussianNB"):
        draw(GaussianNB().fit(X, y), X, y, temperature=1)  # which has no logits either
    for temperature in (0, -1, np.inf, np.nan, "1"):
        with pytest.raises(ValueError, match="temperature must be a finite number > 0"):
            draw(fitted, X_test, y_test, temperature=temperature)


# Logits


def test_bars_are_logits_and_their_softmax(fitted):
    Z, P_test = fitted.decision_function(X_test), fitted.predict_proba(X_test)
    display = LogitsDisplay.from_estimator(fitted, X_test[7], y_test[7])
    logits, probabilities = ([bar.get_width() for bar in bars] for bars in display.bars_)
    assert_allclose(logits, Z[7], rtol=1e-6)
    assert_allclose(probabilities, P_test[7], rtol=1e-5)
    assert display.loss == pytest.approx(-np.log(P_test[7, y_test[7]]), rel=1e-5)
    assert f"= {display.loss:#.3g}" in display.ax_.get_title()
    target, true_bar = display.target_, display.bars_[1][y_test[7]]
    assert target.get_width() == 1 and target.get_y() == true_bar.get_y()
    names = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert names == [str(label) for label in fitted.classes_]


def test_a_row_may_have_any_form(fitted):
    frame = pytest.importorskip("pandas").DataFrame(X_test)
    expected = LogitsDisplay.from_estimator(fitted, X_test[0]).logits
    for row in (X_test[:1], X_test[0].tolist(), [X_test[0].tolist()], csr_array(X_test[:1]),
                frame.iloc[[0]], frame.iloc[0]):  # fmt: skip
        assert_allclose(LogitsDisplay.from_estimator(fitted, row).logits, expected, rtol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 4, 20])
def test_each_view_has_a_dot_and_their_mean_is_the_bar(n_classes):
    labels = np.arange(len(X)) % 20 if n_classes == 20 else y % n_classes
    clf = classifier(numerical_encoding="both").fit(X, labels)
    for estimator in (clf, make_pipeline(clf), make_pipeline("passthrough", clf)):
        display = LogitsDisplay.from_estimator(estimator, X_test[0], labels[0])
        assert display.view_logits.shape == (2, n_classes)
        assert display.view_names == ["numbers", "numbers and bins"]
        assert_allclose(display.view_logits.mean(axis=0), display.logits, rtol=1e-5, atol=1e-6)
        assert np.ptp(display.view_logits[:, -1]) > 0
        bars, dots = display.bars_[0], np.array([d.get_offsets() for d in display.dots_])
        assert_allclose(dots[:, :, 1], [np.arange(len(bars))] * 2)
        widths = [bar.get_width() for bar in bars]
        assert_allclose(dots[:, :, 0].mean(axis=0), widths, rtol=1e-5, atol=1e-6)
        legend = display.axes_[0].get_legend()
        assert [text.get_text() for text in legend.texts] == display.view_names


def test_numbers_of_bars_stand_beyond_the_dots():
    display = LogitsDisplay(
        logits=np.array([2.0, -1.0]),
        labels=np.arange(2),
        view_logits=np.array([[1.0, -1.5], [3.0, -0.5]]),
        view_names=["a", "b"],
    ).plot()
    assert [text.xy[0] for text in display.axes_[0].texts] == [3.0, -1.5]


def test_of_one_view_there_are_no_dots():
    views = [
        LogitsDisplay.from_estimator(classifier(numerical_encoding=encoding).fit(X, y), X[0])
        for encoding in ("linear", "piecewise_linear")
    ]
    for display in (*views, LogitsDisplay.from_logits([1, 2])):
        assert display.view_logits is None and display.dots_ == []
        assert display.axes_[0].get_legend() is None


def test_without_a_true_class_the_predicted_one_is_named():
    display = LogitsDisplay.from_logits([5, 2, -1, 3], labels=["cat", "dog", "chick", "other"])
    assert display.loss is None and display.target_ is None
    assert display.ax_.get_title() == "predicted cat\np = 0.842"


def test_of_two_classes_the_first_logit_is_0(binary):
    logistic = LogisticRegression().fit(X, y > 1)
    for clf in (binary, logistic):
        display = LogitsDisplay.from_estimator(clf, X_test[0], clf.classes_[1])
        assert display.logits[0] == 0
        assert_allclose(display.probabilities, clf.predict_proba(X_test[:1])[0], rtol=1e-5)


@pytest.mark.parametrize("true", [None, 0, 99])
def test_of_many_classes_the_most_probable_and_the_true_one_are_shown(true):
    logits = np.linspace(0, 5, 100)  # class 99 is the most probable, class 0 the least
    display = LogitsDisplay.from_logits(logits, true)
    bars, probabilities = display.bars_
    assert len(bars) == len(probabilities) == 15
    assert sum(bar.get_width() for bar in probabilities) == pytest.approx(1)
    names = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    expected = [str(label) for label in range(99, 85, -1)] + ["86 others"]
    if true == 0:
        expected[-2] = "0"
    assert names == expected
    assert np.isnan(bars[-1].get_width())
    if true is not None:
        assert display.loss == pytest.approx(-log_softmax(logits)[true])
        assert display.target_.get_y() == bars[names.index(str(true))].get_y()


def test_fifteen_classes_are_all_shown_in_their_order():
    display = LogitsDisplay.from_logits(np.random.default_rng(0).normal(size=15))
    names = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert names == [str(i) for i in range(15)]


def test_another_row_takes_the_place_of_the_one_before():
    first = LogitsDisplay.from_logits([1, 2])
    second = LogitsDisplay.from_logits([2, 1, 0], 1, ax=first.ax_)
    assert list(first.ax_.child_axes) == list(second.axes_)
    assert first.ax_.get_title().startswith("true 1")


def test_long_names_are_cut():
    labels = ["a class with a name that is longer than its bar", "b"]
    display = LogitsDisplay.from_logits([1, 0], labels=labels)
    assert display.axes_[0].get_yticklabels()[0].get_text() == "a class with a name…"


def test_labels_are_shown_as_they_are():
    # matplotlib takes what is between two dollars for a formula, and may fail to draw it.
    labels = ["$10-$20", "$_$", "a_b"]
    display = LogitsDisplay.from_logits([1, 0, 2], "$10-$20", labels=labels)
    for text in (*display.axes_[0].get_yticklabels(), display.ax_.title):
        assert not matplotlib.cbook.is_math_text(text.get_text())
    display.figure_.canvas.draw()


def test_a_probability_that_rounds_to_0_is_no_error():
    display = LogitsDisplay.from_logits([2000.0, 0.0], 1)
    assert display.loss == 2000
    assert LogitsDisplay.from_logits([2000.0, 0.0], 0).ax_.get_title().endswith(" = 0.00")


def test_rows_and_logits_that_cannot_be_are_refused(fitted):
    draw = LogitsDisplay.from_logits
    for logits in ([[1.0, 2.0]], [], [1.0, np.nan], 1.0):
        with pytest.raises(ValueError, match="logits must be finite and of shape"):
            draw(logits)
    for labels in (["a"], ["a", "a"], "ab", 2, [["a", "b"]]):
        with pytest.raises(ValueError, match="one class per column, 2 different ones"):
            draw([1.0, 2.0], labels=labels)
    with pytest.raises(ValueError, match="that are not in classes"):
        draw([1.0, 2.0], "c", labels=["a", "b"])
    with pytest.raises(ValueError, match=r"row must be one row.*got shape \(2, 10\)"):
        LogitsDisplay.from_estimator(fitted, X_test[:2])
    with pytest.raises(ValueError, match="a LinearSVC without predict_proba"):
        LogitsDisplay.from_estimator(LinearSVC().fit(X, y), X[0])
    with pytest.raises(ValueError, match="that of Scores has no logits"):
        LogitsDisplay.from_estimator(Scores().fit(X, y), X[0])
    assert not plt.get_fignums()


class Scores(LogisticRegression):
    """A classifier whose decision_function has no logits."""

    def predict_proba(self, X):
        return np.full((len(X), 4), 0.25)


@pytest.mark.parametrize("lengths", [(3, 9), (9, 3)])
def test_all_of_several_fits_is_seen(lengths):
    ax = None
    for n in lengths:
        display = TrainingCurveDisplay(loss=np.linspace(2, 1, n)).plot(ax)
        ax = display.ax_
    assert ax.get_xlim()[1] >= 9
