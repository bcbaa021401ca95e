"""What onnxruntime computes from an exported classifier is what the classifier computes."""

import importlib
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pytest
from internals import ACTIVATIONS, SCALINGS
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skmax.onnx
from skmax import SoftmaxMLPClassifier

X, y = load_digits(return_X_y=True)
SINGLE = X.astype(np.float32)
DTYPES = [np.float32, np.float64]


def quick(hidden=(16,), **settings):
    settings = {
        **NEUTRAL,
        "scaling": "standard",
        "max_iter": 10,
        "learning_rate": "cosine",
        "learning_rate_init": 0.02,
        "random_state": 0,
        **settings,
    }
    return SoftmaxMLPClassifier(hidden, **settings)


@cache
def fitted(activation="relu", scaling="standard", dtype=np.float64):
    return quick(activation=activation, scaling=scaling).fit(X.astype(dtype), y)


def export(clf, rows, target_opset=None, **options):
    model = to_onnx(
        clf, rows[:1], target_opset=target_opset, options={id(clf): options} if options else None
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model, rows):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings)
    return session.run(None, {session.get_inputs()[0].name: rows})


def assert_same(clf, rows, atol_of_doubles=1e-7):
    """Labels and probabilities are the classifier's own, in the precision of the rows."""
    labels, P = run(export(clf, rows, zipmap=False), rows)
    expected = clf.predict_proba(rows)
    assert P.dtype == (np.float64 if rows.dtype == np.float64 else np.float32)
    # float32 has 1e-7 for each of some hundred operations, on either side; in float64 the
    # error function of gelu has it too.
    atol = atol_of_doubles if P.dtype == expected.dtype == np.float64 else 1e-5
    assert_allclose(P, expected, rtol=0, atol=atol)
    # Rounding may decide between classes that are as good as equal.
    second, first = np.sort(np.pad(expected, [(0, 0), (1, 0)]), axis=1).T[-2:]
    clear = first - second > 2 * atol
    assert clear.mean() > 0.99
    assert_array_equal(labels[clear], clf.predict(rows)[clear])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fit_dtype", DTYPES)
@pytest.mark.parametrize("scaling", [None, *SCALINGS])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_and_scaling_in_every_precision(activation, scaling, fit_dtype, dtype):
    assert_same(fitted(activation, scaling, fit_dtype), X.astype(dtype))


# Numbers and their bins

ENCODINGS = ["both", "piecewise_linear"]


def columns(dtype=np.float64):
    """Return rows of all kinds of columns: with few bins and many, or none, narrow and wide."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(400, 6))
    A[:, 0] = np.tanh(A[:, 0]) ** 9
    A[:, 1] = rng.integers(0, 3, len(A))
    A[:, 2] = rng.integers(0, 2, len(A))
    A[:, 3] = 7.0
    labels = (A[:, 4] > 0) + (A[:, 5] > A[:, 1] - 1)
    return A.astype(dtype), labels.astype(int)


@cache
def with_bins(encoding="both", **settings):
    rows, labels = columns(settings.pop("fit_dtype", np.float64))
    clf = quick(numerical_encoding=encoding, **settings).fit(rows, labels)
    assert clf._model.encoding.bins is not None and clf.predict_proba(rows).std() > 0.05
    return clf


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fit_dtype", DTYPES)
@pytest.mark.parametrize("scaling", [None, *SCALINGS])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bins_of_every_activation_and_scaling_in_every_precision(
    activation, encoding, scaling, fit_dtype, dtype
):
    clf = with_bins(encoding, activation=activation, scaling=scaling, fit_dtype=fit_dtype)
    rows, _ = columns(dtype)
    # The error function of gelu is float32 in all models.
    atol = 1e-7 if activation == "gelu" else 1e-12
    assert_same(clf, np.concatenate([rows, -rows, 3 * rows]), atol)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", [(), (8, 6, 4)])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bins_and_any_number_of_hidden_layers(encoding, hidden, dtype):
    clf = with_bins(encoding, hidden=hidden)
    assert_same(clf, columns(dtype)[0], 1e-12)


@pytest.mark.parametrize("scaling", [None, *SCALINGS])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bins_of_integers(encoding, scaling):
    rows, labels = columns()
    rows = (10 * rows).astype(np.int64)
    assert_same(quick(numerical_encoding=encoding, scaling=scaling).fit(rows, labels), rows)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bins_of_large_integers_keep_their_digits(encoding):
    rows, labels = columns()
    rows = (10 * rows).astype(np.int64) + 2**40
    assert_same(quick(numerical_encoding=encoding).fit(rows, labels), rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bins_far_from_zero_keep_their_digits(encoding, dtype):
    rows, labels = columns()
    rows = (rows + 1e4).astype(dtype)
    assert_same(quick(numerical_encoding=encoding).fit(rows, labels), rows, 1e-10)


@pytest.mark.parametrize("n_classes", [1, 2, 3])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bins_and_any_number_of_classes(encoding, n_classes):
    rows, labels = columns()
    clf = quick(numerical_encoding=encoding, temperature_scaling=True, early_stopping=True)
    assert_same(clf.fit(rows, np.minimum(labels, n_classes - 1)), rows, 1e-12)


@pytest.mark.parametrize("target_opset", [13, 18, None])
def test_bins_in_older_opsets(target_opset):
    rows, _ = columns()
    clf = with_bins(scaling="robust")
    _, P = run(export(clf, rows, target_opset=target_opset, zipmap=False), rows)
    assert_allclose(P, clf.predict_proba(rows), atol=1e-12)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bins_of_a_gap_are_those_of_the_classifier(encoding):
    rows = columns(np.float32)[0]
    rows[1::7, 4] = np.nan
    assert_same(with_bins(encoding), rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", [(), (8,), (8, 4), (8, 6, 4, 2)])
def test_any_number_of_hidden_layers(hidden, dtype):
    assert_same(quick(hidden).fit(X, y), X.astype(dtype))


@pytest.mark.parametrize("n_classes", [1, 2, 3, 200])
def test_any_number_of_classes(n_classes):
    clf = quick().fit(X, np.arange(len(X)) % n_classes)
    assert_same(clf, X)
    assert len(run(export(clf, SINGLE, zipmap=True), SINGLE[:1])[1][0]) == n_classes


@pytest.mark.parametrize(
    "labels", [y > 4, y > -1, y.astype(np.uint8), 2**40 * y, 1.0 * y, y.astype(str),
               y.astype(object), y.astype(str).astype(object)],
    ids=lambda labels: f"{labels.dtype} {len(set(labels))}",
)  # fmt: skip
def test_labels(labels):
    clf = quick().fit(X, labels)
    assert_same(clf, X)
    expected = clf.classes_ if isinstance(clf.classes_[0], str) else clf.classes_.astype(int)
    predicted, P = run(export(clf, SINGLE), SINGLE[:3])
    assert list(P[0]) == expected.tolist()
    assert [max(p, key=p.get) for p in P] == predicted.tolist()


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
@pytest.mark.parametrize(
    "classes",
    [np.array([0, 2**63], dtype=np.uint64), np.array([b"1", b"2"])],
    ids=lambda classes: str(classes.dtype),
)
def test_labels_that_onnx_does_not_have_are_an_error(classes, zipmap):
    clf = quick(()).partial_fit(X, classes[-(y % 2)], classes=classes)
    with pytest.raises(ValueError, match="labels that are strings, or integers within 64 bits"):
        export(clf, SINGLE, zipmap=zipmap)
    positions = run(export(clf, X, zipmap=False, nocl=True), X)[0]
    assert_array_equal(clf.classes_[positions], clf.predict(X))


def test_zipmap_decides_the_structure():
    clf, rows = fitted(), SINGLE[:5]
    P = clf.predict_proba(rows)
    models = {zipmap: export(clf, rows, zipmap=zipmap) for zipmap in [True, False, "columns"]}
    names = {zipmap: [o.name for o in model.graph.output] for zipmap, model in models.items()}
    assert names[False] == ["label", "probabilities"]
    assert names[True] == ["output_label", "output_probability"]
    assert names["columns"] == ["output_label", *(f"i{label}" for label in clf.classes_)]
    outputs = {zipmap: run(model, rows) for zipmap, model in models.items()}
    for label, *_ in outputs.values():
        assert_array_equal(label, clf.predict(rows))
    assert_allclose(outputs[False][1], P, atol=1e-5)
    assert_array_equal(np.transpose(outputs["columns"][1:]), outputs[False][1])
    for row, expected in zip(outputs[True][1], outputs[False][1], strict=True):
        assert list(row) == clf.classes_.tolist()
        assert_array_equal(list(row.values()), expected)


def test_onnx_has_no_dicts_of_float64():
    for clf in [fitted(), make_pipeline(fitted())]:
        with pytest.raises(ValueError, match=r"float32 rows to to_onnx, or .*'zipmap': False"):
            export(clf, X)


def test_labels_of_classes_as_an_output():
    *_, labels = run(export(fitted(), X, zipmap=False, output_class_labels=True), X[:1])
    assert_array_equal(labels, fitted().classes_)


@pytest.mark.parametrize("n_classes", [2, 10])
def test_the_softmax_of_raw_scores_are_calibrated_probabilities(n_classes):
    labels = y % n_classes
    clf = quick(early_stopping=True, temperature_scaling=True).fit(X, labels)
    assert clf.temperature_ != 1.0
    assert_same(clf, X)
    Z = run(export(clf, X, zipmap=False, raw_scores=True), X)[1]
    assert_allclose(softmax(Z, axis=1), clf.predict_proba(X), atol=1e-12)
    assert_allclose(Z if n_classes > 2 else Z[:, 1] - Z[:, 0], clf.decision_function(X))


@pytest.mark.parametrize("dtype", DTYPES)
def test_raw_scores_of_two_classes_are_zero_and_the_decision_function(dtype):
    clf, rows = quick().fit(X, y % 2), X.astype(dtype)
    Z = run(export(clf, rows, zipmap=False, raw_scores=True), rows)[1]
    rtol = 1e-12 if dtype is np.float64 else 1e-4  # of differences, in float32
    assert_array_equal(Z[:, 0], 0.0)
    assert_allclose(Z[:, 1], clf.decision_function(X), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("n_rows", [0, 1, 1000])
def test_any_number_of_rows(n_rows):
    for zipmap in [True, False, "columns"]:
        outputs = run(export(fitted(), SINGLE, zipmap=zipmap), SINGLE[:n_rows])
        assert [len(output) for output in outputs] == [n_rows] * len(outputs)


@pytest.mark.parametrize("kind", SCALINGS)
def test_a_mean_that_is_large_against_the_deviation(kind):
    rows = (X + 1e4).astype(np.float32)
    assert_same(quick(scaling=kind).fit(rows, y), rows)


@pytest.mark.parametrize("scaling", [None, *SCALINGS])
@pytest.mark.parametrize("dtype", [np.int64, bool])
def test_rows_of_other_types(dtype, scaling):
    rows = X.astype(dtype)
    assert_same(quick(scaling=scaling).fit(rows, y), rows)


def test_integers_are_scaled_before_they_lose_digits():
    rows = X.astype(np.int64) + 2**40
    assert_same(quick().fit(rows, y), rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scaling", SCALINGS)
def test_probabilities_of_huge_rows_are_finite_and_none_is_zero(scaling, dtype):
    rows = (1e6 * X).astype(dtype)
    P = run(export(fitted(scaling=scaling), rows, zipmap=False), rows)[1]
    assert_allclose(P.sum(axis=1), 1.0, rtol=1e-5)
    assert P.min() >= np.finfo(dtype).tiny


@pytest.mark.parametrize("scaling", [None, *SCALINGS])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_gap_is_that_of_the_classifier(activation, scaling):
    rows = SINGLE.copy()
    rows[1::7, 20] = np.nan
    assert_same(fitted(activation, scaling), rows)


def test_probabilities_of_infinite_logits_are_nan():
    rows = np.full_like(SINGLE[:1], np.finfo(np.float32).max)
    assert np.isnan(run(export(fitted(), rows, zipmap=False), rows)[1]).all()


@pytest.mark.parametrize("target_opset", [13, 18, None])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_older_opsets(activation, target_opset):
    clf = fitted(activation, "robust")
    _, P = run(export(clf, X, target_opset=target_opset, zipmap=False), X)
    assert_allclose(P, clf.predict_proba(X), atol=1e-6)


COMPOSED = {
    "pipeline": lambda: make_pipeline(StandardScaler(), quick(scaling=None)),
    "columns": lambda: make_pipeline(
        ColumnTransformer(
            [("a", StandardScaler(), list(range(30))), ("b", MinMaxScaler(), list(range(30, 64)))]
        ),
        quick(),
    ),
    "voting": lambda: VotingClassifier(
        [("a", quick()), ("b", make_pipeline(StandardScaler(), quick(())))],
        voting="soft",
        flatten_transform=False,
    ),
    "bagging": lambda: BaggingClassifier(quick(), n_estimators=2, random_state=0),
    "one versus rest": lambda: OneVsRestClassifier(quick(())),
    "sigmoid": lambda: CalibratedClassifierCV(quick(()), cv=2),
    "stacking": lambda: StackingClassifier([("a", quick())], final_estimator=quick(()), cv=2),
    "grid search": lambda: GridSearchCV(quick(()), {"alpha": [1e-4, 1.0]}, cv=2),
}


OF_TWO_CLASSES = COMPOSED | {
    "one sigmoid": lambda: CalibratedClassifierCV(quick(), cv=2, ensemble=False),
    "sigmoid of a temperature": lambda: CalibratedClassifierCV(
        quick(early_stopping=True, temperature_scaling=True), cv=2
    ),
    "sigmoid in a pipeline": lambda: make_pipeline(
        StandardScaler(), CalibratedClassifierCV(quick(), cv=2)
    ),
}


@pytest.mark.parametrize("name", OF_TWO_CLASSES)
def test_pipelines_and_meta_estimators_of_two_classes(name):
    clf = OF_TWO_CLASSES[name]().fit(X, np.array(["a", "b"])[y % 2])
    for dtype in DTYPES:
        assert_same(clf, X.astype(dtype))


def test_an_isotonic_calibrator_is_given_the_decision_function():
    clf = CalibratedClassifierCV(quick(), method="isotonic", cv=2, ensemble=False).fit(X, y % 2)
    (calibrated,) = clf.calibrated_classifiers_
    (steps,) = calibrated.calibrators
    scores = calibrated.estimator.decision_function(X)
    # skl2onnx takes the nearest threshold, scikit-learn interpolates between them.
    nearest = np.abs(scores[:, np.newaxis] - steps.X_thresholds_).argmin(axis=1)
    P = run(export(clf, X, zipmap=False), X)[1]
    assert_allclose(P[:, 1], steps.y_thresholds_[nearest], atol=1e-12)


def test_one_versus_one_scores_are_those_of_decision_functions():
    clf = OneVsOneClassifier(quick(())).fit(X, y % 3)
    # Not checked as a graph: the column of labels that skl2onnx makes has a wrong shape.
    scores = run(to_onnx(clf, X[:1], options={"zipmap": False}), X)[1]
    assert_allclose(scores, clf.decision_function(X), atol=1e-12)


@pytest.mark.parametrize("name", COMPOSED)
def test_pipelines_and_meta_estimators(name):
    clf = COMPOSED[name]().fit(X, y)
    for dtype in DTYPES:
        assert_same(clf, X.astype(dtype))


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
@pytest.mark.parametrize("build", [quick, lambda: make_pipeline(StandardScaler().fit(X), quick())])
def test_not_fitted(build, zipmap):
    clf = build()
    with pytest.raises(NotFittedError, match="SoftmaxMLPClassifier instance is not fitted"):
        export(clf, X, zipmap=zipmap)


@pytest.mark.parametrize(
    "nodes, name", [("ACTIVATION_NODES", "relu"), ("SCALING_NODES", "robust")]
)
def test_what_has_no_onnx_form_is_named(nodes, name, monkeypatch):
    monkeypatch.delitem(getattr(skmax.onnx, nodes), name)
    with pytest.raises(NotImplementedError, match=f"{name!r} has no ONNX form"):
        export(fitted(scaling="robust"), SINGLE)


def test_without_skl2onnx_the_import_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "skmax.onnx")
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"pip install skl2onnx"):
        importlib.import_module("skmax.onnx")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_feature_that_was_constant_does_not_count(scaling, dtype):
    constant = np.column_stack([X, np.full(len(X), 7.0)]).astype(dtype)
    shifted = np.column_stack([X, 100.0 * np.arange(len(X))]).astype(dtype)
    clf = quick(scaling=scaling).fit(constant, y)
    # Against weights that a file may hold from before: only the scaling can silence them.
    params = clf._model.params.copy()
    clf._model.network.split(params)[0][0][-1] = 1.0
    clf._model = replace(clf._model, params=params)
    assert_same(clf, shifted)
    assert_array_equal(clf.predict_proba(shifted), clf.predict_proba(constant))
