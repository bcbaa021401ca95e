"""Fitted classifiers as ONNX models: importing this module registers their converter.

skl2onnx then converts a `SoftmaxMLPClassifier`, alone, in a pipeline, or within those
meta-estimators of scikit-learn that it knows itself. The model that comes out needs
neither skmax nor scikit-learn nor Python, but a runtime such as onnxruntime. What is needed
here comes with ``pip install skmax[export] onnxruntime``.

The graph computes what `predict` and `predict_proba` compute, the encoding of the features
and the temperature included, in the precision of its input: a classifier that was fitted
in float64 becomes a float32 model where the rows given to `to_onnx` are float32. Its input
is one dense array of float32, float64, int64 or bool (of a data frame pass
``X[:1].to_numpy()``; a pipeline that begins with scikit-learn's transformers takes it as it
is). Where rows are integers, they are scaled in float64, and the rest is float32.

Notes
-----
The options are those of skl2onnx's own classifiers:

zipmap : {True, False, "columns"}, default=True
    Whether probabilities are a list of dicts ("output_probability", float32 only), one
    array ("probabilities"), or one output per class.
raw_scores : bool, default=False
    Whether to return what `decision_function` returns in place of probabilities. For two
    classes there are two columns: zero, and what it returns.
nocl, output_class_labels : bool, default=False
    Whether labels are their positions in `classes_`; whether `classes_` is an output.

Labels are strings or int64 (False and True become 0 and 1). The lowest opset is 13. The
error function of "gelu" is evaluated in float32 also in a float64 model, as onnxruntime has
no other: its probabilities are good to about 1e-7. A graph raises no errors: where a row has
a NaN, or logits that are not finite, its probabilities are NaN; infinite values, which
`predict` refuses, are taken for what they are.

Of the meta-estimators, skl2onnx 1.20 does some wrongly, whatever the classifier within:

- CalibratedClassifierCV: sigmoids are exact. Isotonic calibration is not, because it takes
  the nearest threshold where scikit-learn interpolates; calibration by a temperature is an
  error. Calibrators of a pipeline are given its probabilities where scores are due:
  calibrate the classifier, and put what comes out at the end of the pipeline.
- OneVsOneClassifier: labels are their positions in `classes_`, in a column, and strings are
  an error; for two classes the scores are (1 - f, f), f what `decision_function` returns.
- StackingClassifier with `stack_method="decision_function"`: two classes are an error.
- TunedThresholdClassifierCV: labels are those of the threshold 0.5.

Examples
--------
>>> import numpy as np
>>> import onnxruntime
>>> import skmax.onnx
>>> from skl2onnx import to_onnx
>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> X = X.astype(np.float32)
>>> clf = skmax.SoftmaxMLPClassifier((), random_state=0).fit(X, y)
>>> model = to_onnx(clf, X[:1], options={"zipmap": False})
>>> session = onnxruntime.InferenceSession(model.SerializeToString())
>>> labels, P = session.run(None, {"X": X})
>>> np.allclose(P, clf.predict_proba(X), atol=1e-6)
True
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

try:
    from skl2onnx import update_registered_converter
    from skl2onnx._parse import _parse_sklearn_classifier
    from skl2onnx.common.data_types import DoubleTensorType, guess_proto_type
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from skl2onnx.common.utils_classifier import get_label_classes
except ImportError as error:
    raise ImportError("skmax.onnx needs skl2onnx: pip install skmax[export]") from error
from onnx.helper import np_dtype_to_tensor_dtype, tensor_dtype_to_np_dtype
from sklearn.utils.validation import check_is_fitted

from ._classifier import SoftmaxMLPClassifier
from ._data.batches import bins_dtype, work_dtype
from ._data.features.bins import Bins
from ._data.features.scaling import CLIP, Scaling
from ._network.activations import SELU_ALPHA, SELU_SCALE
from ._network.model import FittedModel

__all__: list[str] = []  # importing the module is all there is to do


@dataclass(frozen=True)
class _Graph:
    """An ONNX graph to which nodes are added; what a node computes goes by a name.

    Parameters
    ----------
    scope : skl2onnx Scope
        Gives names.
    container : skl2onnx ModelComponentContainer
        Takes nodes and constants.
    dtype : dtype
        Of Python's floats where they are inputs of nodes.
    """

    scope: Any
    container: Any
    dtype: np.dtype

    def add(
        self,
        op: str,
        *inputs: str | float | np.ndarray,
        output: str | None = None,
        **attributes: Any,
    ) -> str:
        """Add a node and return the name of what it computes, `output` or a new one.

        Each input is a name, an array or a float.
        """
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        output = output or self.scope.get_unique_variable_name(op.lower())
        name = self.scope.get_unique_operator_name(op)
        self.container.add_node(op, names, output, name=name, **attributes)
        return output

    def cast(self, value: str, dtype: DTypeLike) -> str:
        """Add a cast of a named value and return the name of the result."""
        return self.add("Cast", value, to=np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def _constant(self, value: float | np.ndarray) -> str:
        array = np.asarray(value, dtype=self.dtype if isinstance(value, float) else None)
        name = self.scope.get_unique_variable_name("constant")
        element_type = np_dtype_to_tensor_dtype(array.dtype)
        self.container.add_initializer(name, element_type, array.shape, array.ravel())
        return name


def _selu(graph: _Graph, Z: str) -> str:
    # onnxruntime has Selu for float32 only.
    negative_part = graph.add("Sub", graph.add("Exp", graph.add("Min", Z, 0.0)), 1.0)
    negative_part = graph.add("Mul", negative_part, SELU_ALPHA)
    return graph.add("Mul", graph.add("Add", graph.add("Relu", Z), negative_part), SELU_SCALE)


def _gelu(graph: _Graph, Z: str) -> str:
    # z Phi(z) = z / 2 (1 + erf(z / sqrt(2))); onnxruntime has Erf for float32 only.
    erf = graph.add("Erf", graph.cast(graph.add("Mul", Z, sqrt(0.5)), np.float32))
    doubled = graph.add("Add", graph.cast(erf, graph.dtype), 1.0)
    return graph.add("Mul", graph.add("Mul", Z, 0.5), doubled)


# Each takes the name of Z and returns that of g(Z).
ACTIVATION_NODES: dict[str, Callable[[_Graph, str], str]] = {
    "identity": lambda graph, Z: Z,
    "logistic": lambda graph, Z: graph.add("Sigmoid", Z),
    "tanh": lambda graph, Z: graph.add("Tanh", Z),
    "relu": lambda graph, Z: graph.add("Relu", Z),
    "selu": _selu,
    "gelu": _gelu,
    "silu": lambda graph, Z: graph.add("Mul", Z, graph.add("Sigmoid", Z)),
}


def _smooth_clip(graph: _Graph, Z: str) -> str:
    Z = graph.add("Max", graph.add("Min", Z, 1e6), -1e6)
    square = graph.add("Mul", graph.add("Mul", Z, Z), 1.0 / CLIP**2)
    return graph.add("Div", Z, graph.add("Sqrt", graph.add("Add", square, 1.0)))


# What follows (X - center) / scale.
SCALING_NODES: dict[str, Callable[[_Graph, str], str]] = {
    "standard": lambda graph, Z: Z,
    "robust": _smooth_clip,
}


def _parse(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> Any:
    """Check a classifier at the door, then do as for skl2onnx's own: the signature is its."""
    check_is_fitted(model)
    _onnx_labels(get_label_classes(scope, model))
    zipmap = scope.get_options(model, {"zipmap": True})["zipmap"]
    if zipmap is True and isinstance(inputs[0].type, DoubleTensorType):
        raise ValueError(
            "ONNX has dicts of float32 probabilities only (zipmap=True), got float64 rows. Pass "
            "float32 rows to to_onnx, or options={'zipmap': False}."
        )
    return _parse_sklearn_classifier(scope, model, inputs, custom_parsers)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a fitted classifier: the signature is skl2onnx's."""
    clf = operator.raw_operator
    model = clf._fitted_model()
    rows = operator.inputs[0]
    rows_dtype = tensor_dtype_to_np_dtype(guess_proto_type(rows.type))
    dtype = np.dtype(np.float64 if rows_dtype == np.float64 else np.float32)
    graph = _Graph(scope, container, dtype)
    label, probabilities = (output.full_name for output in operator.outputs)

    X = _add_scaling(graph, rows.full_name, rows_dtype, model.encoding.scaling)
    if model.encoding.bins is not None:
        bins = _add_bins(graph, rows.full_name, rows_dtype, model.encoding.bins)
        X = graph.add("Concat", X, bins, axis=1)
    Z = _add_network(graph, X, model)
    # Of the logits, as in predict: probabilities may be equal where logits are not.
    index = graph.add("ArgMax", Z, axis=1, keepdims=0)
    labels = _onnx_labels(get_label_classes(scope, clf))
    graph.add("Gather", labels, index, output=label)
    if container.get_options(clf, {"raw_scores": False})["raw_scores"]:
        _add_raw_scores(graph, Z, len(model.classes), probabilities)
    else:
        P = graph.add("Softmax", Z, axis=1)
        graph.add("Max", P, np.finfo(graph.dtype).tiny, output=probabilities)


def _add_raw_scores(graph: _Graph, Z: str, n_classes: int, output: str) -> None:
    """Add the logits less those of the first class where classes are two, else as they are.

    skl2onnx takes the second of two columns for `decision_function`, which is z_1 - z_0.
    """
    if n_classes == 2:
        less_first = np.array([[0.0, -1.0], [0.0, 1.0]], dtype=graph.dtype)
        graph.add("MatMul", Z, less_first, output=output)
    else:
        graph.add("Identity", Z, output=output)


def _add_scaling(graph: _Graph, X: str, dtype: DTypeLike, scaling: Scaling | None) -> str:
    """Return the name of the scaled rows, in the graph's precision, of rows X of a dtype."""
    if scaling is None:
        return graph.cast(X, graph.dtype)
    finish = _node_maker(SCALING_NODES, scaling.kind, "scaling")
    # The differences are not folded into the first layer: they lose digits there where a
    # mean is large against the deviation.
    work = work_dtype(np.empty(0, dtype), scaling)
    X = graph.add("Sub", graph.cast(X, work), scaling.center.astype(work))
    X = graph.add("Mul", X, scaling.inverse_scale.astype(work))
    return finish(graph, graph.cast(X, graph.dtype))


def _add_bins(graph: _Graph, X: str, dtype: DTypeLike, bins: Bins) -> str:
    """Return the name of the bins, in the graph's precision, of rows X of a dtype."""
    work = bins_dtype(np.empty(0, dtype), bins)
    start, slope, highest, offset = (
        array.astype(work) for array in (bins.start, bins.slope, bins.highest, bins.offset)
    )
    U = graph.add("Gather", graph.cast(X, work), bins.column.astype(np.int64), axis=1)
    U = graph.add("Mul", graph.add("Sub", U, start), slope)
    U = graph.add("Min", graph.add("Max", U, np.zeros_like(start)), highest)
    return graph.cast(graph.add("Sub", U, offset), graph.dtype)


def _add_network(graph: _Graph, A: str, model: FittedModel) -> str:
    """Return the name of the logits over the temperature, of encoded rows A."""
    *hidden, last = [
        [array.astype(graph.dtype) for array in layer] for layer in zip(*model.layers, strict=True)
    ]
    for W, b in hidden:
        activate = _node_maker(ACTIVATION_NODES, model.network.activation, "activation")
        A = activate(graph, graph.add("Gemm", A, W, b))
    Z = graph.add("Gemm", A, *last)
    return Z if model.temperature == 1.0 else graph.add("Div", Z, float(model.temperature))


def _node_maker(
    nodes: dict[str, Callable[[_Graph, str], str]], name: str, kind: str
) -> Callable[[_Graph, str], str]:
    if name not in nodes:
        raise NotImplementedError(
            f"The {kind} {name!r} has no ONNX form; those that have one are {sorted(nodes)}."
        )
    return nodes[name]


def _onnx_labels(classes: np.ndarray) -> np.ndarray:
    """Return class labels as an array of what ONNX has: strings or int64."""
    if all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    for label in classes.tolist():
        if not isinstance(label, int | float | np.integer) or not -(2**63) <= label < 2**63:
            raise ValueError(
                "ONNX has labels that are strings, or integers within 64 bits; got "
                f"the class label {label!r}."
            )
    return classes.astype(np.int64)


update_registered_converter(
    SoftmaxMLPClassifier,
    "SkmaxSoftmaxMLPClassifier",
    calculate_linear_classifier_output_shapes,
    _convert,
    parser=_parse,
    options={
        "zipmap": [True, False, "columns"],
        "raw_scores": [True, False],
        "nocl": [True, False],
        "output_class_labels": [True, False],
    },
)
