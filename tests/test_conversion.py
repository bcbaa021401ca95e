"""to_sklearn and from_sklearn: the same model in scikit-learn's words."""

import inspect
import pickle
import warnings
from dataclasses import replace

import internals
import numpy as np
import pandas as pd
import pytest
from internals import ACTIVATIONS, ACTIVATIONS_IN_COMMON
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skmax import SoftmaxMLPClassifier

# Short fits do not converge, and need not: the laws hold for any parameters.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LABELS = {
    "int": np.array([3, -1, 7]),
    "str": np.array(["no", "yes", "maybe"]),
    "object": np.array(["no", "yes", "maybe"], dtype=object),
    "bytes": np.array([b"no", b"yes", b"maybe"]),
    "whole floats": np.array([1.0, 3.0, 2.0]),
}
SOLVERS = ["adam", "sgd", "lbfgs"]


def data(n_classes=3, labels="int", n_rows=200):
    X, y = make_classification(
        n_rows, 4, n_informative=4, n_redundant=0, n_classes=n_classes, n_clusters_per_class=1,
        random_state=0,
    )  # fmt: skip
    return np.array([1.0, 50.0, 0.02, 3.0]) * X + [2.0, -200.0, 0.1, 0.0], LABELS[labels][y]


def ours(hidden=(6, 5), activation="tanh", n_classes=3, labels="int", **settings):
    """One of a single view, which becomes an MLPClassifier alone, if not told otherwise."""
    settings = {"max_iter": 4, "learning_rate_init": 0.05, "random_state": 0,
                "numerical_encoding": "linear", **settings}  # fmt: skip
    X, y = data(n_classes, labels)
    return SoftmaxMLPClassifier(hidden, activation, **settings).fit(X, y)


def peer(hidden=(6, 5), activation="tanh", n_classes=3, labels="int", **settings):
    settings = {"max_iter": 4, "random_state": 0, **settings}
    X, y = data(n_classes, labels)
    X = StandardScaler().fit_transform(X)
    return MLPClassifier(hidden, activation, **settings).fit(X, y), X, y


def same_layers(a, b):
    for one, other in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        assert_array_equal(one, other)


# To MLPClassifier


@pytest.mark.parametrize("scaling", ["standard", None])
@pytest.mark.parametrize("temperature_scaling", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS_IN_COMMON)
def test_to_sklearn_predicts_the_same(activation, n_classes, temperature_scaling, scaling):
    X, _ = data(n_classes)
    clf = ours(activation=activation, n_classes=n_classes, scaling=scaling,
               temperature_scaling=temperature_scaling)  # fmt: skip
    assert (clf.temperature_ != 1) == temperature_scaling
    mlp = clf.to_sklearn()
    assert type(mlp) is MLPClassifier
    assert_allclose(mlp.predict_proba(X), clf.predict_proba(X), rtol=0, atol=1e-9)
    assert_array_equal(mlp.predict(X), clf.predict(X))
    sparse = csr_array(X)
    assert_allclose(mlp.predict_proba(sparse), clf.predict_proba(sparse), rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("labels", LABELS)
def test_labels_of_any_kind_survive(labels, n_classes):
    X, y = data(n_classes, labels)
    clf = ours(labels=labels, n_classes=n_classes)
    mlp = clf.to_sklearn()
    assert mlp.classes_.dtype == mlp.predict(X).dtype == y.dtype
    assert_array_equal(mlp.predict(X), clf.predict(X))
    back = SoftmaxMLPClassifier.from_sklearn(mlp)
    assert_array_equal(back.predict(X), clf.predict(X))
    assert_allclose(back.predict_proba(X), clf.predict_proba(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("hidden", [(), 7])
def test_any_hidden_layers(hidden, n_classes):
    X, _ = data(n_classes)
    # Without hidden layers, an activation that MLPClassifier lacks is no obstacle.
    clf = ours(hidden, "relu" if hidden else "gelu", n_classes=n_classes)
    mlp = clf.to_sklearn()
    assert_allclose(mlp.predict_proba(X), clf.predict_proba(X), rtol=0, atol=1e-9)
    assert mlp.n_layers_ == clf.n_layers_


@pytest.mark.parametrize("n_classes", [2, 3])
def test_float32_stays_float32(n_classes):
    X, y = data(n_classes)
    X = (X - X.mean(axis=0)).astype(np.float32)
    clf = ours().fit(X, y)
    mlp = clf.to_sklearn()
    assert mlp.predict_proba(X).dtype == np.float32
    assert_allclose(mlp.predict_proba(X), clf.predict_proba(X), rtol=0, atol=2e-6)
    back = SoftmaxMLPClassifier.from_sklearn(mlp)
    assert back.coefs_[0].dtype == np.float32 and back.dtype == "float32"


def test_float32_features_far_from_zero_keep_their_digits():
    X, y = data()
    X = (X + 3000 * X.std(axis=0)).astype(np.float32)
    clf = ours().fit(X, y)
    P = clf.predict_proba(X.astype(np.float64))  # centred in float64, as it is when folded
    assert_allclose(clf.to_sklearn().predict_proba(X), P, rtol=0, atol=1e-6)


def test_a_single_class_is_as_mlpclassifier_has_it():
    X, _ = data()
    clf = ours().fit(X, np.full(len(X), "only"))
    mlp = clf.to_sklearn()
    genuine = MLPClassifier((6, 5), random_state=0, max_iter=2).fit(X, np.full(len(X), "only"))
    P = mlp.predict_proba(X)
    assert P.shape == genuine.predict_proba(X).shape
    assert_array_equal(P[:, :1], clf.predict_proba(X))
    assert np.isfinite(mlp.predict_log_proba(X)).all() and P[:, 1].max() < 1e-300
    assert_array_equal(mlp.predict(X), genuine.predict(X))
    for single in (mlp, genuine):
        back = SoftmaxMLPClassifier.from_sklearn(single)
        assert_array_equal(back.predict_proba(X), clf.predict_proba(X))
        assert_array_equal(back.predict(X), clf.predict(X))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_public_attribute_of_a_fit_is_there(solver, n_classes, early_stopping):
    settings = {"solver": solver, "n_classes": n_classes, "early_stopping": early_stopping}
    mlp, genuine = ours(**settings).to_sklearn(), peer(**settings)[0]
    for name, value in vars(genuine).items():
        if name.endswith("_") and not name.startswith("_"):
            assert type(getattr(mlp, name)) is type(value) or np.isscalar(value), name
    assert [W.shape for W in mlp.coefs_] == [W.shape for W in genuine.coefs_]
    assert [b.shape for b in mlp.intercepts_] == [b.shape for b in genuine.intercepts_]
    for name in ("n_outputs_", "n_layers_", "out_activation_", "n_features_in_"):
        assert getattr(mlp, name) == getattr(genuine, name)


def test_what_a_fit_has_recorded_is_kept():
    frame = pd.DataFrame(data()[0], columns=list("abcd"))
    clf = ours(early_stopping=True).fit(frame, data()[1])
    mlp = clf.to_sklearn()
    for name in ("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_",
                 "best_validation_score_"):  # fmt: skip
        assert getattr(mlp, name) == getattr(clf, name), name
    back = SoftmaxMLPClassifier.from_sklearn(mlp)
    for fitted in (mlp, back):
        assert list(fitted.feature_names_in_) == list("abcd")
        with pytest.raises(ValueError, match="feature names"):
            fitted.predict(frame[["b", "a", "c", "d"]])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"learning_rate": "constant", "max_iter": 60, "early_stopping": False}),
        ({"solver": "newton-cg", "hidden_layer_sizes": ()}, {"solver": "lbfgs", "max_iter": 200}),
        ({"solver": "sgd", "learning_rate": "adaptive"}, {"learning_rate": "adaptive"}),
        ({"early_stopping": True, "alpha": 3.0}, {"early_stopping": True, "alpha": 3.0}),
        ({"hidden_layer_sizes": 9}, {"hidden_layer_sizes": (9,)}),
        ({"batch_size": 50}, {"batch_size": 50}),
        ({"batch_size": 200}, {"batch_size": "auto"}),
    ],
)
def test_parameters_are_those_of_the_same_meaning_or_the_closest(settings, expected):
    clf = ours().set_params(max_iter="auto", **settings).fit(*data())
    params = clf.to_sklearn().get_params()
    assert expected.items() <= params.items()
    for name in ("momentum", "tol", "n_iter_no_change", "beta_2", "learning_rate_init"):
        assert params[name] == getattr(clf, name)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_mlpclassifier_goes_on_from_there(solver, early_stopping, n_classes):
    X, y = data(n_classes)
    X = StandardScaler().fit_transform(X)
    clf = SoftmaxMLPClassifier((6, 5), random_state=0)
    clf.set_params(**NEUTRAL).set_params(solver=solver, early_stopping=early_stopping, max_iter=4)
    mlp = clf.fit(X, y).to_sklearn().set_params(warm_start=True, learning_rate_init=1e-9)
    P = mlp.fit(X, y).predict_proba(X)
    if solver != "lbfgs":  # at such a rate nothing moves
        assert_allclose(P, clf.predict_proba(X), atol=1e-6)
    elif not early_stopping:  # for two classes one output bears more of the penalty
        assert mlp.loss_ < clf.loss_ + 1e-3
    if solver != "lbfgs" and not early_stopping:
        assert_allclose(mlp.partial_fit(X, y).predict_proba(X), P, atol=1e-6)


def test_it_pickles_clones_and_works_in_pipelines():
    X, y = data(labels="str")
    mlp = ours(labels="str").to_sklearn()
    P = mlp.predict_proba(X)
    assert_array_equal(pickle.loads(pickle.dumps(mlp)).predict_proba(X), P)
    assert b"skmax" not in pickle.dumps(mlp)
    assert clone(mlp).get_params() == mlp.get_params()
    assert cross_val_score(make_pipeline(StandardScaler(), mlp), X, y, cv=2).mean() > 0.4


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS.keys() - set(ACTIVATIONS_IN_COMMON)))
def test_activations_that_mlpclassifier_lacks_are_named(activation):
    with pytest.raises(ValueError, match=f"activation='{activation}' .* 'logistic', 'tanh'"):
        ours(activation=activation).to_sklearn()


def test_scaling_that_is_not_affine_is_named():
    with pytest.raises(ValueError, match=r"scaling='robust' .*='standard' or None"):
        ours(scaling="robust").to_sklearn()


def test_nothing_fitted_is_nothing_to_convert():
    with pytest.raises(NotFittedError):
        SoftmaxMLPClassifier().to_sklearn()


def test_conversions_leave_the_original_as_it_was():
    clf = ours(n_classes=2, random_state=np.random.RandomState(0))
    before = pickle.dumps(clf)
    mlp = clf.to_sklearn()
    for array in [*mlp.coefs_, *mlp.intercepts_, mlp.classes_]:
        array += 1
    mlp.loss_curve_.append(0.0)
    mlp.random_state.rand()
    assert pickle.dumps(clf) == before
    mlp, X, y = peer(n_classes=2, random_state=np.random.RandomState(0))
    before = pickle.dumps(mlp)
    clf = SoftmaxMLPClassifier.from_sklearn(mlp)
    clf.partial_fit(X, y).set_params(warm_start=True).fit(X, y)
    assert pickle.dumps(mlp) == before


# To a Pipeline, where numbers have bins

ENCODINGS = ["both", "piecewise_linear"]


def binned(n_classes=3, **settings):
    """Return a fitted classifier with bins, its rows, and rows near and far from them."""
    rng = np.random.default_rng(0)
    X, y = data(n_classes)
    X = StandardScaler().fit_transform(X)
    X[:, 3] = rng.integers(0, 3, len(X))  # fewer bins than the other columns have
    narrow = np.tanh(X[:, 0]) ** 9, 1e-6 * rng.normal(size=len(X))
    if settings.get("scaling", "standard"):
        X[:, :3], narrow = 100.0 * X[:, :3] + 30.0, (narrow[0], 1e6 + narrow[1])
    without = np.full(len(X), 7.0), rng.integers(0, 2, len(X))
    X = np.column_stack([X, *narrow, *without])
    clf = SoftmaxMLPClassifier(**{
        "hidden_layer_sizes": (6, 5), "activation": "tanh", "max_iter": 6, "random_state": 0,
        "learning_rate_init": 0.05, "batch_size": 40, "alpha": 0.01, "numerical_encoding": "both",
        **settings,
    }).fit(X, y)  # fmt: skip
    near = X + rng.normal(size=X.shape) * X.std(axis=0)
    far = [shift + scale * X for scale in (-30.0, 1e6) for shift in (0.0, X.mean(axis=0))]
    assert clf.predict_proba(X).std() > 0.05  # there is something to agree on
    assert clf._model.encoding.bins is not None
    return clf, X, y, np.concatenate([X, near, *far])


@pytest.mark.parametrize("scaling", ["standard", None])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("activation", ACTIVATIONS_IN_COMMON)
def test_bins_predict_the_same_as_a_pipeline(activation, encoding, n_classes, scaling):
    clf, _, _, rows = binned(n_classes, activation=activation, numerical_encoding=encoding,
                             scaling=scaling)  # fmt: skip
    model = clf.to_sklearn()
    assert type(model) is Pipeline and type(model["mlp"]) is MLPClassifier
    assert_allclose(model.predict_proba(rows), clf.predict_proba(rows), rtol=0, atol=1e-9)
    assert_array_equal(model.predict(rows), clf.predict(rows))


@pytest.mark.parametrize("n_bins", [2, 3, 50])
@pytest.mark.parametrize("hidden", [(), 7, (6, 5, 4)])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_hidden_layers_and_bins(encoding, hidden, n_bins):
    # Without hidden layers, an activation that MLPClassifier lacks is no obstacle.
    clf, _, _, rows = binned(hidden_layer_sizes=hidden, activation="relu" if hidden else "gelu",
                             numerical_encoding=encoding, n_bins=n_bins)  # fmt: skip
    model = clf.to_sklearn()
    assert_allclose(model.predict_proba(rows), clf.predict_proba(rows), rtol=0, atol=1e-9)
    mlp, units = model["mlp"], np.array(clf.coefs_[0].shape[1:] if hidden else ())
    assert mlp.n_layers_ == clf.n_layers_
    assert_array_equal(mlp.hidden_layer_sizes[:1], units)


@pytest.mark.parametrize("values", [
    np.array([1.0 - 2e-16, 1.0 - 1e-16, 1.0]),  # a bin as wide as a rounding, below a power of 2
    np.array([-1.0, -1.0 + 2e-16, 3.0]),
    np.array([0.0, 1e-300, 1e-200]),
    np.array([-1e300, 0.0, 1e300]),
])  # fmt: skip
def test_bins_may_be_as_narrow_or_wide_as_floats_allow(values):
    clf, X, _, _ = binned(scaling=None)
    model = clf._model
    own = model.encoding.bins.column == 3
    start, stop = model.encoding.bins.start.copy(), model.encoding.bins.stop.copy()
    assert_array_equal([start[own], stop[own]], [[0, 1], [1, 2]])
    start[own], stop[own] = values[:-1], values[1:]
    X[:, 3] = values[X[:, 3].astype(int)]
    params = model.params.copy()
    for W in model.network.layers(params)[0].W:
        W[3] = 0.0  # such numbers are no features of a network, but their bins are
    bins = replace(model.encoding.bins, start=start, stop=stop)
    clf._model = replace(model, params=params, encoding=replace(model.encoding, bins=bins))
    assert clf.predict_proba(X).std() > 0.05
    assert_allclose(clf.to_sklearn().predict_proba(X), clf.predict_proba(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_with_bins_float32_stays_float32(n_classes):
    clf, X, y, _ = binned(n_classes)
    X = X.astype(np.float32)
    clf.fit(X, y)
    model = clf.to_sklearn()
    assert model.predict_proba(X).dtype == np.float32
    assert_allclose(model.predict_proba(X), clf.predict_proba(X), rtol=0, atol=2e-6)


def test_a_constant_feature_does_not_count_with_bins():
    clf, X, _, _ = binned()
    # Against weights that a file may hold from before.
    params = clf._model.params.copy()
    for W in clf._model.network.layers(params)[0].W:
        W[6] = 1.0
    clf._model = replace(clf._model, params=params)
    X[:, 6] = np.arange(len(X))
    assert_allclose(clf.to_sklearn().predict_proba(X), clf.predict_proba(X), rtol=0, atol=1e-9)


def test_a_pipeline_takes_integers_and_lists():
    clf, X, y, _ = binned()
    X = (10 * X).astype(int)
    model, P = clf.fit(X, y).to_sklearn(), clf.predict_proba(X)
    assert type(model) is Pipeline
    assert_allclose(model.predict_proba(X), P, rtol=0, atol=1e-9)
    assert_allclose(model.predict_proba(X.tolist()), P, rtol=0, atol=1e-9)


def test_a_pipeline_of_a_single_class():
    clf, X, _, _ = binned()
    clf.fit(X, np.full(len(X), "only"))
    model = clf.to_sklearn()
    assert_array_equal(model.predict_proba(X)[:, :1], clf.predict_proba(X))
    assert_array_equal(model.predict(X), clf.predict(X))


@pytest.mark.parametrize("scaling", ["standard", None])
def test_a_pipeline_knows_the_names_of_features(scaling):
    clf, X, y, _ = binned(scaling=scaling)
    names = list("abcdefgh")
    frame = pd.DataFrame(X, columns=names)
    model = clf.fit(frame, y).to_sklearn()
    assert list(model.feature_names_in_) == names and model.n_features_in_ == 8
    assert_allclose(model.predict_proba(frame), clf.predict_proba(frame), rtol=0, atol=1e-9)
    out = model[:-1].get_feature_names_out()
    assert len(out) == model["mlp"].n_features_in_ and out[0] == "numbers__a"
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[names[::-1]])
    unnamed = clf.fit(X, y).to_sklearn()
    assert not hasattr(unnamed, "feature_names_in_") and unnamed.n_features_in_ == 8


def test_a_pipeline_keeps_parameters_and_what_was_recorded():
    clf, _, _, _ = binned(early_stopping=True, alpha=3.0)
    mlp = clf.to_sklearn()["mlp"]
    assert mlp.get_params()["hidden_layer_sizes"] == (12, 10)  # those of two towers
    for name in ("alpha", "max_iter", "tol", "learning_rate_init", "early_stopping"):
        assert mlp.get_params()[name] == getattr(clf, name)
    for name in ("n_iter_", "t_", "loss_", "loss_curve_", "validation_scores_"):
        assert getattr(mlp, name) == getattr(clf, name), name


@pytest.mark.parametrize("scaling", ["standard", None])
def test_a_pipeline_pickles_clones_and_learns(scaling):
    clf, X, y, _ = binned(scaling=scaling)
    model = clf.to_sklearn()
    pickled = pickle.dumps(model)
    assert b"skmax" not in pickled
    assert_array_equal(pickle.loads(pickled).predict_proba(X), model.predict_proba(X))
    anew = clone(model).set_params(mlp__max_iter=20)
    with pytest.raises(NotFittedError):
        anew.predict(X)
    assert anew.fit(X, y).predict_proba(X).shape == (len(X), 3)
    if scaling is not None:
        assert cross_val_score(anew, X, y, cv=2).mean() > 0.5


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("scaling", ["standard", None])
def test_the_mlp_of_a_pipeline_goes_on_from_there(scaling, solver):
    clf, X, y, _ = binned(scaling=scaling, solver=solver, learning_rate="constant",
                          learning_rate_init=0.01)  # fmt: skip
    model = clf.to_sklearn().set_params(mlp__warm_start=True, mlp__learning_rate_init=1e-9)
    # The same rows have the same B-splines, and are scaled in the same way but for the rounding of
    # the deviation of the narrow column, 1e-4 of it.
    P = clf.predict_proba(X)
    assert_allclose(model.fit(X, y).predict_proba(X), P, rtol=0, atol=1e-4)


def test_a_pipeline_shares_nothing_with_the_original():
    clf, X, y, _ = binned()
    before = pickle.dumps(clf)
    model = clf.fit(pd.DataFrame(X, columns=list("abcdefgh")), y).to_sklearn()
    before = pickle.dumps(clf)
    for step in (model["mlp"], *(step for _, step in model["features"].transformer_list)):
        for value in vars(step).values():
            for array in value if isinstance(value, list) else [value]:
                if isinstance(array, np.ndarray) and array.dtype.kind == "f":
                    array += 1
    model.feature_names_in_[0] = "z"
    assert pickle.dumps(clf) == before


@pytest.mark.parametrize("settings, message", [
    ({"scaling": "robust"}, "scaling='robust' .*='standard' or None"),
    ({"activation": "gelu"}, "activation='gelu' .* 'logistic', 'tanh'"),
])  # fmt: skip
def test_what_a_pipeline_cannot_be_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        binned(**settings)[0].to_sklearn()


def test_numbers_without_bins_are_an_mlpclassifier_alone():
    X, y = data()
    clf = ours(numerical_encoding="both").fit(np.sign(X), y)
    assert type(clf.to_sklearn()) is MLPClassifier


# From MLPClassifier


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("hidden", [(), (6, 5)])
@pytest.mark.parametrize("activation", ACTIVATIONS_IN_COMMON)
def test_from_sklearn_predicts_the_same_and_goes_back_to_the_same_weights(
    activation, hidden, n_classes
):
    mlp, X, _ = peer(hidden, activation, n_classes)
    clf = SoftmaxMLPClassifier.from_sklearn(mlp)
    assert_allclose(clf.predict_proba(X), mlp.predict_proba(X), rtol=0, atol=1e-9)
    assert_array_equal(clf.predict(X), mlp.predict(X))
    assert clf.scaling_ is None and clf.temperature_ == 1
    assert clf.numerical_encoding == "linear"
    assert_array_equal(clf.encoded_feature_names_, [f"x{j}" for j in range(X.shape[1])])
    back = clf.to_sklearn()
    assert back.get_params() == mlp.get_params()
    same_layers(back, mlp)
    for name in ("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "n_outputs_"):
        assert getattr(back, name) == getattr(mlp, name), name


def test_a_subclass_is_of_its_own_class():
    class Mine(SoftmaxMLPClassifier):
        pass

    assert type(Mine.from_sklearn(peer()[0])) is Mine


@pytest.mark.parametrize("early_stopping, scoring", [(False, "loss"), (True, "accuracy")])
def test_parameters_that_mlpclassifier_lacks_are_neutral(early_stopping, scoring):
    names = inspect.signature(MLPClassifier).parameters
    clf = SoftmaxMLPClassifier.from_sklearn(MLPClassifier(early_stopping=early_stopping))
    assert set(internals.conversion.NEUTRAL) == clf.get_params().keys() - names
    # MLPClassifier stops early by its accuracy, and computes in the precision of X.
    expected = {**NEUTRAL, "early_stopping": early_stopping, "scoring": scoring}
    expected["dtype"] = "float64"
    assert expected.items() <= clf.get_params().items()
    assert not hasattr(clf, "coefs_")


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_layer_sizes": [4, 3], "activation": "logistic", "alpha": 0.5, "max_iter": 9},
        {"solver": "sgd", "learning_rate": "adaptive", "momentum": 0.3, "power_t": 0.2},
        {"early_stopping": True, "validation_fraction": 0.3, "tol": 1e-2, "beta_2": 0.5},
        {"batch_size": 7, "shuffle": False, "n_iter_no_change": np.inf, "warm_start": True},
    ],
)
def test_parameters_are_taken_over(settings):
    clf = SoftmaxMLPClassifier.from_sklearn(MLPClassifier(**settings))
    assert settings.items() <= clf.get_params().items()
    clf._validate_params()
    clf.fit(*data())


def test_settings_that_its_solver_ignores_have_no_effect():
    mlp = MLPClassifier(learning_rate="invscaling")
    assert SoftmaxMLPClassifier.from_sklearn(mlp).learning_rate == "constant"
    mlp = MLPClassifier(solver="lbfgs", early_stopping=True)
    assert not SoftmaxMLPClassifier.from_sklearn(mlp).early_stopping


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_both_have_the_same_objective(n_classes, weighted):
    """Its loss at its weights is our J there, before our first step on all rows at once."""
    X, y = data(n_classes)
    weight = np.random.default_rng(0).uniform(0.2, 3, len(X)) if weighted else None
    X = StandardScaler().fit_transform(X)
    mlp = MLPClassifier((6, 5), solver="lbfgs", alpha=5.0, max_iter=6, random_state=0)
    clf = SoftmaxMLPClassifier.from_sklearn(mlp.fit(X, y, weight))
    clf.set_params(solver="sgd", batch_size=len(X), warm_start=True, max_iter=1)
    assert_allclose(clf.fit(X, y, weight).loss_, mlp.loss_, rtol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [{"learning_rate": "constant"}, {"learning_rate": "invscaling"}],
    ids=["constant", "invscaling"],
)
def test_the_next_partial_fits_are_those_of_mlpclassifier(settings):
    """In its batches, without moments; alpha is divided by their size there, hence 0."""
    settings = {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False, **settings}
    mlp, X, y = peer(max_iter=1, alpha=0.0, batch_size=50, shuffle=False, **settings)
    mlp.partial_fit(X, y)
    clf = SoftmaxMLPClassifier.from_sklearn(mlp)
    for _ in range(3):
        assert clf.partial_fit(X, y).t_ == mlp.partial_fit(X, y).t_
        assert_allclose(clf.loss_, mlp.loss_, rtol=1e-10)
    assert_allclose(clf.predict_proba(X), mlp.predict_proba(X), rtol=1e-8)
    assert clf.loss_curve_[:2] == mlp.loss_curve_[:2]
    assert_allclose(clf.loss_curve_, mlp.loss_curve_, rtol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_fit_goes_on_downhill(solver, early_stopping, n_classes):
    mlp, X, y = peer(n_classes=n_classes, solver=solver, early_stopping=early_stopping)
    clf = SoftmaxMLPClassifier.from_sklearn(mlp).set_params(warm_start=True, max_iter=20)
    clf = pickle.loads(pickle.dumps(clf))
    clf.fit(X, y)
    assert clf.loss_ < mlp.loss_
    n_before = 1 if solver == "lbfgs" else 4
    assert len(clf.loss_curve_) == n_before + clf.n_iter_


def test_early_stopping_keeps_what_it_has_recorded():
    mlp, X, y = peer(early_stopping=True, max_iter=6)
    clf = SoftmaxMLPClassifier.from_sklearn(mlp)
    assert clf.validation_scores_ == mlp.validation_scores_
    assert clf.best_validation_score_ == mlp.best_validation_score_
    assert clf.best_epoch_ == 1 + np.argmax(mlp.validation_scores_)
    assert clf.best_loss_ is None and np.isnan(clf.validation_loss_curve_).all()
    clf.set_params(warm_start=True).fit(X, y)
    assert len(clf.validation_scores_) == len(clf.validation_loss_curve_) == 12


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_last_loss_ends_the_curve(solver):
    mlp, _, _ = peer(solver=solver)
    clf = SoftmaxMLPClassifier.from_sklearn(mlp)
    assert clf.loss_curve_[-1] == clf.loss_ == mlp.loss_
    assert clf.best_loss_ == min(clf.loss_curve_)


def test_multilabel_is_refused():
    X, y = data()
    for n_labels in (2, 3):
        mlp = MLPClassifier((3,), max_iter=2).fit(X, np.eye(3, dtype=int)[y % 3][:, :n_labels])
        with pytest.raises(ValueError, match="multilabel"):
            SoftmaxMLPClassifier.from_sklearn(mlp)


def test_parameters_that_are_not_finite_are_refused():
    mlp, _, _ = peer()
    mlp.coefs_[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        SoftmaxMLPClassifier.from_sklearn(mlp)


@pytest.mark.parametrize("other", [MLPRegressor(), MLPClassifier, None, SoftmaxMLPClassifier()])
def test_anything_else_is_a_type_error(other):
    with pytest.raises(TypeError, match="must be an MLPClassifier"):
        SoftmaxMLPClassifier.from_sklearn(other)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_moments_are_begun_anew(solver):
    mlp, X, y = peer(solver=solver)
    clf = SoftmaxMLPClassifier.from_sklearn(mlp)
    assert clf._state.optimizer is None
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        assert clf.partial_fit(X, y).n_iter_ == mlp.n_iter_ + 1
