"""hidden_activations and input_gradients: what a fitted network makes of a row."""

import numpy as np
import pytest
from internals import ACTIVATIONS, BLOCK_ROWS, SCALINGS
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import make_classification
from sklearn.feature_selection import SelectFromModel
from sklearn.inspection import DecisionBoundaryDisplay

from skmax import SoftmaxMLPClassifier

UNITS = np.array([1.0, 50.0, 0.02, 3.0])
OFFSETS = np.array([2.0, -200.0, 0.1, 0.0])
LABELS = np.array(["a", "b", "c"])


def data(n_classes=3):
    X, y = make_classification(
        200, 4, n_informative=4, n_redundant=0, n_classes=n_classes, n_clusters_per_class=1,
        random_state=0,
    )  # fmt: skip
    return UNITS * X + OFFSETS, LABELS[y]


def fitted(hidden=(6, 5), activation="tanh", n_classes=3, **settings):
    """A few epochs are enough: the laws hold for any parameters."""
    settings = {**NEUTRAL, "scaling": "standard", "temperature_scaling": True, **settings}
    settings |= {"learning_rate": "cosine", "learning_rate_init": 0.05, "max_iter": 4}
    clf = SoftmaxMLPClassifier(hidden, activation, random_state=0, batch_size=32)
    return clf.set_params(**settings).fit(*data(n_classes))


def differences(function, X):
    """Central difference quotients of a function of rows, a feature at a time."""
    step = 1e-5 * UNITS
    return np.stack(
        [(function(X + h) - function(X - h)) / (2 * step[i]) for i, h in enumerate(np.diag(step))],
        axis=-1,
    )


@pytest.mark.parametrize("scaling", [*SCALINGS, None])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_input_gradients_are_difference_quotients_of_the_decision_function(activation, scaling):
    clf, X = fitted(activation=activation, scaling=scaling), data()[0]
    expected = differences(clf.decision_function, X)
    for i, label in enumerate(LABELS):
        grad = clf.input_gradients(X, class_=label)
        assert_allclose(grad * UNITS, expected[:, i] * UNITS, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("hidden", [(), (5,)])
def test_for_two_classes_they_are_of_the_difference_of_logits(hidden):
    clf, X = fitted(hidden, n_classes=2), data(2)[0]
    grad = clf.input_gradients(X, class_="b")
    assert clf.temperature_ != 1
    assert_allclose(grad, differences(clf.decision_function, X), rtol=1e-6, atol=1e-9)
    assert_array_equal(clf.input_gradients(X, class_="a"), -grad)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_class_is_the_predicted_one_where_none_is_given(n_classes):
    clf, X = fitted(n_classes=n_classes), data(n_classes)[0]
    predicted, grad = clf.predict(X), clf.input_gradients(X)
    for label in clf.classes_:
        rows = predicted == label
        assert_array_equal(grad[rows], clf.input_gradients(X, class_=label)[rows])


def test_a_row_that_is_clipped_away_has_no_gradient():
    clf, X = fitted(scaling="robust"), data()[0]
    assert_allclose(clf.input_gradients(X + 1e9 * UNITS), 0, atol=1e-12)
    clf = fitted(scaling="robust", dtype="float32")
    assert np.isfinite(clf.input_gradients((X + 1e4 * UNITS).astype(np.float32))).all()


@pytest.mark.parametrize("scaling", ["standard", None])
def test_sparse_rows_have_the_activations_and_gradients_of_dense_ones(scaling):
    clf, X = fitted(scaling=scaling), np.where(data()[0] > 0, data()[0], 0)
    grad = clf.input_gradients(csr_array(X), class_="c")
    assert type(grad) is np.ndarray
    assert_allclose(grad, clf.input_gradients(X, class_="c"), rtol=1e-9)
    A = clf.hidden_activations(csr_array(X))
    assert_allclose(A, clf.hidden_activations(X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hidden_activations_are_those_of_the_forward_pass(activation):
    clf, X = fitted(activation=activation), data()[0]
    A = (X - clf.scaling_.center) / clf.scaling_.scale
    for layer, (W, b) in enumerate(zip(clf.coefs_[:-1], clf.intercepts_[:-1], strict=True)):
        ACTIVATIONS[activation].forward(A @ W + b, A := np.empty((len(X), len(b))))
        assert_allclose(clf.hidden_activations(X, layer), A, rtol=1e-9, atol=1e-12)
        assert_array_equal(clf.hidden_activations(X, layer - 2), clf.hidden_activations(X, layer))


def test_logits_are_linear_in_the_last_hidden_activations():
    clf, X = fitted(), data()[0]
    Z = clf.hidden_activations(X) @ clf.coefs_[-1] + clf.intercepts_[-1]
    assert_allclose(clf.decision_function(X), Z / clf.temperature_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", ["hidden_activations", "input_gradients"])
def test_blocks_of_rows_add_up(method):
    clf, X = fitted(), np.tile(data()[0], (7, 1))
    assert len(X) > BLOCK_ROWS
    parts = [getattr(clf, method)(rows) for rows in np.array_split(X, 9)]
    assert_allclose(getattr(clf, method)(X), np.concatenate(parts), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_have_the_dtype_of_the_parameters(dtype):
    X, y = data()
    clf = fitted().fit(X.astype(dtype), y)
    assert clf.hidden_activations(X).dtype == clf.input_gradients(X).dtype == dtype


@pytest.mark.parametrize("layer", [-3, 2, 1.0, None])
def test_a_layer_that_is_not_there(layer):
    with pytest.raises(ValueError, match="layer must be an integer from -2 to 1"):
        fitted().hidden_activations(data()[0], layer)


def test_no_hidden_layer_has_no_activations():
    with pytest.raises(ValueError, match="no hidden layer"):
        fitted(()).hidden_activations(data()[0])


def test_a_class_that_is_not_there():
    with pytest.raises(ValueError, match=r"class_ must be None or one of .*'a', 'b', 'c'.*'d'"):
        fitted().input_gradients(data()[0], class_="d")
    for several in (["a", "b"], np.array(["a", "b"])):
        with pytest.raises(ValueError, match="class_ must be None or one of the classes"):
            fitted().input_gradients(data()[0], class_=several)


def test_gradients_select_the_features_that_are_used():
    X, y = data()
    noisy = np.column_stack([X, 100 * np.random.default_rng(0).normal(size=(200, 4))])
    clf = fitted().set_params(max_iter=40)

    def importances(estimator):
        return np.abs(estimator.input_gradients(noisy)).mean(axis=0) * noisy.std(axis=0)

    selector = SelectFromModel(clf, importance_getter=importances, threshold="mean")
    kept = selector.fit(noisy, y).get_support()
    assert kept.any() and not kept[4:].any()


def test_decision_boundaries_are_displayed():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    X, y = data()
    clf = fitted().fit(X[:, :2], y)
    for n, method in enumerate(["predict_proba", "decision_function", "predict"]):
        display = DecisionBoundaryDisplay.from_estimator(
            clf, X[:, :2], response_method=method, grid_resolution=9
        )
        assert display.response.shape == ((9, 9) if n == 2 else (9, 9, 3))
    plt.close("all")
