"""Two views: towers that learn each on its own, and one network to everybody else."""

import ast
import pickle
from pathlib import Path

import numpy as np
import pytest
from internals import (
    ACTIVATIONS,
    SCHEDULES,
    SGD,
    Adam,
    BatchReader,
    FittedModel,
    LearningRate,
    Network,
    Objective,
    TrainingState,
    Workspace,
    learn_encoding,
    minimize_minibatch,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification

import skmax
from skmax import SoftmaxMLPClassifier, cross_entropy, one_hot, softmax

X, y = load_iris(return_X_y=True)
N_ROWS, INPUTS, SIZES = 11, [3, 7], [7, 5, 4, 3]


def problem(activation="tanh", sizes=SIZES, dropout=0.0):
    """Return a network of two towers, each of them alone, and rows."""
    rng = np.random.default_rng(0)
    both = Network(sizes, activation, dropout=dropout, tower_inputs=INPUTS)
    alone = [Network([width, *sizes[1:]], activation, dropout=dropout) for width in INPUTS]
    params = rng.normal(scale=0.6, size=both.n_params)
    rows, labels = rng.normal(size=(N_ROWS, sizes[0])), rng.integers(sizes[-1], size=N_ROWS)
    return both, alone, params, rows, labels, rng.uniform(0.1, 2.0, size=N_ROWS)


def tower(both, alone, params, k):
    """Return the parameters of tower k as those of a network of its own."""
    own = np.empty(alone[k].n_params)
    for (W, b), layer in zip(
        zip(*alone[k].split(own), strict=True), both.layers(params), strict=True
    ):
        W[...], b[...] = layer.W[k], layer.b[k]
    return own


def evaluate(network, params, rows, labels, weight, **options):
    workspace = Workspace(network, len(rows), params.dtype)
    return network.loss_and_gradient(params, rows, labels, weight, workspace=workspace, **options)


def logits(network, params, rows):
    return network.logits(params, rows, Workspace(network, len(rows), params.dtype)).copy()


@pytest.mark.parametrize("sizes", [SIZES, [7, 5, 3], [7, 3]], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_loss_and_gradient_are_those_of_the_towers_alone(activation, sizes):
    both, alone, params, rows, labels, weight = problem(activation, sizes)
    smoothing = np.array([0.05, 0.02, 0.03])
    loss, grad = evaluate(both, params, rows, labels, weight, smoothing=smoothing)
    losses, own_logits = [], []
    for k, width in enumerate(INPUTS):
        own = tower(both, alone, params, k)
        part = rows[:, :width]
        own_loss, own_grad = evaluate(alone[k], own, part, labels, weight, smoothing=smoothing)
        assert_array_equal(tower(both, alone, grad, k), own_grad)
        losses.append(own_loss)
        own_logits.append(logits(alone[k], own, part))
    assert_allclose(loss, sum(losses), rtol=1e-15)
    assert_allclose(
        logits(both, params, rows),
        np.mean(own_logits, axis=0),
        rtol=1e-13,
    )


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_is_the_difference_quotient(activation, dropout):
    both, _, params, rows, labels, weight = problem(activation, dropout=dropout)

    def loss(p):  # the same seed draws the same masks
        return evaluate(both, p, rows, labels, weight, rng=np.random.default_rng(3))[0]

    grad = evaluate(both, params, rows, labels, weight, rng=np.random.default_rng(3))[1].copy()
    steps = 1e-5 * np.eye(len(params))
    differences = np.array([(loss(params + e) - loss(params - e)) / 2e-5 for e in steps])
    assert np.linalg.norm(grad - differences) < 1e-6 * np.linalg.norm(differences)


@pytest.mark.parametrize("optimizer", [Adam, SGD])
def test_sixty_steps_are_those_of_the_towers_alone(optimizer):
    both, alone, params, rows, labels, weight = problem("relu")

    def trained(network, params, rows):
        state = TrainingState(params.copy(), np.random.default_rng(5), 0, optimizer=optimizer())
        reader = BatchReader(rows, dtype=np.float64)
        objective = Objective(network, reader, labels, weight, 0.3, batch_size=4)
        factors = network.learning_rate_factors(np.float64)
        rate = LearningRate(0.01, SCHEDULES["cosine"], 0.5, factors)
        minimize_minibatch(
            objective, state, lambda params, loss: None, learning_rate=rate, max_iter=20
        )
        return state

    together = trained(both, params, rows)
    assert together.n_iter == 20
    for k, width in enumerate(INPUTS):
        own = trained(alone[k], tower(both, alone, params, k), rows[:, :width].copy())
        assert_array_equal(tower(both, alone, together.params, k), own.params)


@pytest.mark.parametrize("sizes", [SIZES, [7, 5, 3], [7, 3]], ids=str)
def test_the_towers_are_one_network_with_blocks(sizes):
    both, _, params, rows, *_ = problem("tanh", sizes)
    coefs, intercepts = both.split(params)
    A = rows
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        A = np.tanh(A @ W + b)
    assert_allclose(A @ coefs[-1] + intercepts[-1], logits(both, params, rows), rtol=1e-12)
    assert not any(array.flags.writeable for array in coefs + intercepts)


@pytest.mark.parametrize("sizes", [SIZES, [7, 5, 3]], ids=str)
def test_blocks_that_are_taken_back_are_the_same(sizes):
    both, _, params, rows, *_ = problem("tanh", sizes)
    coefs, intercepts = both.split(params)
    again = np.zeros_like(params)
    both.overwrite(again, coefs, intercepts)
    assert_allclose(both.split(again)[0][0], coefs[0])
    assert_allclose(logits(both, again, rows), logits(both, params, rows), rtol=1e-12)
    coefs = [W.copy() for W in coefs]
    coefs[0][-1, 0] = 1e-9
    with pytest.raises(ValueError, match=r"Weights of layer 0 .* must be 0; 1 are not"):
        both.overwrite(again, coefs, None)


def test_input_gradients_are_difference_quotients_in_units_of_X():
    rows = X * [1.0, 100.0, 1e-3, 1.0]
    clf = SoftmaxMLPClassifier((8, 8), "tanh", dtype="float64", random_state=0).fit(rows, y)
    assert len(clf.encoded_feature_names_) == len(clf.coefs_[0]) == 4 + 4 * 4
    somewhere = rows[::10] * 1.001 + 1e-5  # no edge of a bin
    grad = clf.input_gradients(somewhere, class_=1)
    steps = np.diag(1e-7 * np.array([1.0, 100.0, 1e-3, 1.0]))
    for j, step in enumerate(steps):
        f = [clf.decision_function(somewhere + sign * step)[:, 1] for sign in (1.0, -1.0)]
        slope = (f[0] - f[1]) / (2 * step[j])
        assert_allclose(grad[:, j] * step[j], slope * step[j], rtol=1e-5, atol=1e-13)


def test_J_begins_at_log_K_and_ends_as_the_mean_of_the_towers():
    clf = SoftmaxMLPClassifier((8,), random_state=0, early_stopping=False, dtype="float64")
    clf.set_params(solver="sgd", learning_rate_init=1e-9, alpha=0.0).fit(X, y)
    assert_allclose(clf.loss_, np.log(3), rtol=1e-6)
    clf.set_params(
        solver="lbfgs", numerical_encoding="both", alpha=1.0, label_smoothing=0.0, max_iter=3000
    )
    clf.fit(X, y)
    encoding, network, params = clf._model.encoding, clf._model.network, clf._model.params
    A = BatchReader(X, encoding=encoding, dtype=np.float64).take(slice(0, len(X)))
    Z = network.tower_logits(params, A, Workspace(network, len(A), np.float64))
    losses = [cross_entropy(one_hot(y, 3), softmax(one)) for one in Z]
    penalty = (params[: network.n_weights] ** 2).sum() / (2 * len(X))
    assert_allclose(clf.loss_, (sum(losses) + penalty) / 2, rtol=1e-9)


def test_lbfgs_ends_where_its_towers_alone_do():
    rows, labels = make_classification(200, 4, n_informative=4, n_redundant=0, random_state=0)
    settings = {"solver": "lbfgs", "tol": 1e-8, "max_iter": 5000, "temperature_scaling": False}
    settings |= {"hidden_layer_sizes": (), "dtype": "float64"}
    both, linear, bins = (
        SoftmaxMLPClassifier(**settings, numerical_encoding=kind).fit(rows, labels)
        for kind in ("both", "linear", "piecewise_linear")
    )
    assert_allclose(both.loss_, (linear.loss_ + bins.loss_) / 2, rtol=1e-6)
    mean = (linear.decision_function(rows) + bins.decision_function(rows)) / 2
    assert_allclose(both.decision_function(rows), mean, atol=1e-4)


def test_hidden_activations_are_tower_beside_tower():
    clf = SoftmaxMLPClassifier((6, 5), random_state=0).fit(X, y)
    A = clf.hidden_activations(X)
    assert A.shape == (len(X), 10) and clf.hidden_activations(X, 0).shape == (len(X), 12)
    Z = (A @ clf.coefs_[-1] + clf.intercepts_[-1]) / clf.temperature_
    assert_allclose(Z, clf.decision_function(X), rtol=1e-9)
    first, second, _ = clf.coefs_
    assert not first[4:, :6].any() and first[4:, 6:].any()
    assert not second[:6, 5:].any() and not second[6:, :5].any()


BINARY = np.random.default_rng(0).integers(2, size=(150, 3)).astype(float)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("settings", "rows", "kind", "sizes"),
    [
        ({}, X, "both", (128, 64)),
        ({"solver": "sgd"}, X, "both", (128, 64)),
        ({"hidden_layer_sizes": (7,)}, X, "both", (7,)),
        ({"numerical_encoding": "linear"}, X, "linear", (128, 128)),
        ({"numerical_encoding": "piecewise_linear"}, X, "piecewise_linear", (128, 128)),
        ({"solver": "lbfgs"}, X, "linear", (128, 128)),
        ({"hidden_layer_sizes": ()}, X, "linear", ()),
        ({"hidden_layer_sizes": (), "solver": "newton-cg"}, X, "linear", ()),
        ({}, csr_array(X), "linear", (128, 128)),
        ({"n_bins": 300}, X, "linear", (128, 128)),
        ({}, BINARY, "both", (128, 128)),
    ],
)
def test_auto_is_two_views_where_it_pays(settings, rows, kind, sizes):
    clf = SoftmaxMLPClassifier(max_iter=1, random_state=0, early_stopping=False)
    clf.set_params(temperature_scaling=False, learning_rate="cosine", **settings)
    clf.fit(rows, y)
    assert clf._model.encoding.kind == kind
    assert tuple(clf._model.network.hidden_sizes) == sizes


def test_sparse_rows_can_be_asked_for_bins_and_predicted():
    settings = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 5}
    settings |= {"numerical_encoding": "both", "temperature_scaling": False}
    dense, sparse = (SoftmaxMLPClassifier(**settings).fit(rows, y) for rows in (X, csr_array(X)))
    for rows in (X, csr_array(X)):
        assert_allclose(sparse.predict_proba(rows), dense.predict_proba(X), rtol=1e-4)


def test_a_fit_goes_on_with_the_encoding_that_it_has():
    clf = SoftmaxMLPClassifier((8,), random_state=0, warm_start=True, max_iter=3).fit(X, y)
    edges = clf._model.encoding.bins
    clf.fit(X + 1.0, y)
    assert clf._model.encoding.bins is edges
    for change in ({"numerical_encoding": "linear"}, {"n_bins": 5}, {"hidden_layer_sizes": (9,)}):
        with pytest.raises(ValueError, match=f"{next(iter(change))}=.* there, .* here"):
            clone(clf).fit(X, y).set_params(**change).fit(X, y)
    clf.set_params(numerical_encoding="both").fit(X, y)


def test_a_stream_keeps_the_edges_of_its_first_portion():
    clf = SoftmaxMLPClassifier((8,), random_state=0)
    clf.partial_fit(X[::2], y[::2], classes=[0, 1, 2])
    edges = clf._model.encoding.bins
    expected = learn_encoding("both", "standard", 4, X[::2]).bins
    assert_array_equal(edges.start, expected.start)
    for _ in range(30):
        clf.partial_fit(X[1::2], y[1::2])
    assert clf._model.encoding.bins is edges
    assert clf.score(X, y) > 0.9


def test_a_feature_that_varies_later_is_learnt_without_bins():
    rows = X.copy()
    rows[:75, 3] = 1.0
    clf = SoftmaxMLPClassifier((8,), random_state=0)
    clf.partial_fit(rows[:75:], y[:75], classes=[0, 1, 2])
    assert set(clf._model.encoding.bins.column) == {0, 1, 2}
    clf.partial_fit(rows[75:], y[75:])
    assert not clf.scaling_.constant.any()
    assert all(W[3].any() for W in clf._model.network.input_weights(clf._model.params))


def test_given_weights_are_those_that_the_fit_begins_with():
    start = SoftmaxMLPClassifier((5,), random_state=0).fit(X, y)
    settings = {"solver": "sgd", "learning_rate_init": 1e-15, "temperature_scaling": False}
    clf = SoftmaxMLPClassifier((5,), dtype="float64", **settings)
    clf.fit(X, y, coefs_init=start.coefs_, intercepts_init=start.intercepts_)
    expected = softmax(start.decision_function(X) * start.temperature_)
    assert_allclose(clf.predict_proba(X), expected, rtol=1e-6)
    full = [np.ones(W.shape) for W in start.coefs_]
    with pytest.raises(ValueError, match="connect one tower of the network to another must be 0"):
        clf.fit(X, y, coefs_init=full)


def test_newton_is_for_one_view():
    clf = SoftmaxMLPClassifier((), solver="newton-cg", numerical_encoding="both")
    with pytest.raises(ValueError, match="newton-cg' is for one view"):
        clf.fit(X, y)
    rows, labels = make_classification(200, 4, n_informative=4, n_redundant=0, random_state=0)
    settings = {"hidden_layer_sizes": (), "numerical_encoding": "piecewise_linear", "tol": 1e-8}
    settings["temperature_scaling"] = False
    newton, lbfgs = (
        SoftmaxMLPClassifier(solver=solver, max_iter=3000, **settings).fit(rows, labels)
        for solver in ("newton-cg", "lbfgs")
    )
    assert_allclose(newton.predict_proba(rows), lbfgs.predict_proba(rows), atol=1e-4)


def test_one_view_of_an_older_file_stays_one():
    old = SoftmaxMLPClassifier((5,), random_state=0, numerical_encoding="linear").fit(X, y)
    state = old.__getstate__()
    for name in ("numerical_encoding", "n_bins"):
        del state[name]
    model = state["_model"]
    model["scaling"] = model.pop("encoding")["scaling"]
    model["version"] = 1
    del model["network"]["tower_inputs"]
    clf = SoftmaxMLPClassifier.__new__(SoftmaxMLPClassifier)
    clf.__setstate__(state)
    assert clf.get_params() == old.get_params() == clone(clf).get_params()
    assert_array_equal(clf.predict_proba(X), old.predict_proba(X))
    assert_array_equal(pickle.loads(pickle.dumps(clf)).predict_proba(X), old.predict_proba(X))
    assert type(clf._model) is FittedModel
    clf.partial_fit(X, y)
    assert clf._model.network.tower_inputs == [4]


HOME = Path(skmax.__file__).parent
OWNERS = [*(HOME / "_network").rglob("*.py"), *(HOME / "_data" / "features").rglob("*.py")]
TOWERS = {"n_towers", "tower_inputs"}


def test_nobody_else_asks_how_many_towers_there_are():
    for path in sorted(set(HOME.rglob("*.py")) - set(OWNERS)):
        for node in ast.walk(ast.parse(path.read_text())):
            asks = isinstance(node, ast.If | ast.IfExp | ast.While)
            tests = [node.test] if asks else []
            tests += node.values if isinstance(node, ast.BoolOp) else []
            tests += [node] if isinstance(node, ast.Compare) else []
            names = {
                part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", None)
                for test in tests
                for part in ast.walk(test)
            }
            assert not names & TOWERS, f"{path.name}:{node.lineno} asks for {names & TOWERS}"
    assert any(name in path.read_text() for path in OWNERS for name in TOWERS)
