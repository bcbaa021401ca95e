"""Fitted classifiers as ONNX models: importing this module registers their converter.

skl2onnx then converts a `SoftmaxMLPClassifier`, alone, in a pipeline, or within the
meta-estimators of scikit-learn that skl2onnx supports. The ONNX model needs neither skmax nor
scikit-learn nor Python, but a runtime such as onnxruntime. This module needs skl2onnx
(``pip install skl2onnx``), which the extra "export" brings.

The graph computes what `predict` and `predict_proba` compute, including the encoding of the
features and the temperature. It has the precision of its input: if the rows for `to_onnx` are
float32, a classifier that was fitted in float64 becomes a float32 model. Its input is one dense
array of float32, float64, int64 or bool. For a table it is one such array, or one of strings, for
each column. Integers are scaled in float64, and the rest is float32.

Notes
-----
The inputs of a table have the shape (n_rows, 1). They are in the order of the columns, or in
any order if they have the names of all columns. skl2onnx turns blanks in names into "_".
``to_onnx(clf, X[:1])`` takes the types from the first row of a pandas data frame, in which no
string may be missing. You can name the types by `initial_types` instead. The graph is float64 if
one input is.

- A gap is NaN in numbers and the empty string in strings, because ONNX has no null. If the
  empty string is a level, it means that level, and a string cannot be missing. An unknown level
  counts as in `predict`.
- A category takes strings if its levels are strings, and numbers if they are numbers. Levels
  are compared in the type of the input. If two of them are equal in it, that is an error.

The options are those of skl2onnx's own classifiers:

zipmap : {True, False, "columns"}, default=True
    Whether probabilities are a list of dicts ("output_probability", float32 only), one
    array ("probabilities"), or one output per class.
raw_scores : bool, default=False
    Whether to return what `decision_function` returns in place of probabilities. For two
    classes there are two columns: zero, and what it returns.
nocl, output_class_labels : bool, default=False
    Whether labels are their positions in `classes_`; whether `classes_` is an output.

Labels are strings or int64 (False and True become 0 and 1). The lowest opset is 13. onnxruntime
has the error function of "gelu" in float32 only, so its probabilities are good to about 1e-7,
also in a float64 model. A graph raises no errors. If logits are not finite, probabilities are
NaN. It computes with infinite values, which `predict` refuses.

Of the meta-estimators, only pipelines and searches take more than one input in skl2onnx 1.20.
skl2onnx converts some of them wrongly, for any classifier within:

- CalibratedClassifierCV: sigmoids are exact. Isotonic calibration is not, because it takes the
  nearest threshold, and scikit-learn interpolates. Calibration by a temperature is an error. The
  calibrators of a pipeline get its probabilities instead of its scores, so calibrate the
  classifier, and put the result at the end of the pipeline.
- OneVsOneClassifier: labels are their positions in `classes_`, in a column, and strings are
  an error. For two classes the scores are (1 - f, f), where f is `decision_function`.
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
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

try:
    from skl2onnx import update_registered_converter
    from skl2onnx._parse import _parse_sklearn_classifier
    from skl2onnx.common.data_types import (
        BooleanTensorType,
        DoubleTensorType,
        FloatTensorType,
        Int64TensorType,
        StringTensorType,
        guess_proto_type,
    )
    from skl2onnx.common.shape_calculator import _infer_linear_classifier_output_types
    from skl2onnx.common.utils import check_input_and_output_types
    from skl2onnx.common.utils_classifier import get_label_classes
except ImportError as error:
    raise ImportError("skmax.onnx needs skl2onnx: pip install skl2onnx") from error
from onnx.helper import np_dtype_to_tensor_dtype, tensor_dtype_to_np_dtype
from sklearn.utils.validation import check_is_fitted

from ._classifier import SoftmaxMLPClassifier
from ._data.batches import bins_dtype, work_dtype
from ._data.features.bins import Bins
from ._data.features.categories import Indicators, Levels
from ._data.features.encoding import Encoding
from ._data.features.scaling import CLIP, Scaling
from ._data.features.shares import TargetShares
from ._network.activations import SELU_ALPHA, SELU_SCALE
from ._network.model import FittedModel

ADVICE = (
    "Name the types of all inputs in initial_types: a first row with a gap does not tell them."
)

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

    def concat(self, *values: str) -> str:
        """Return the name of columns side by side."""
        return values[0] if len(values) == 1 else self.add("Concat", *values, axis=1)

    def take(self, value: str, columns: np.ndarray) -> str:
        """Return the name of these columns."""
        return self.add("Gather", value, columns.astype(np.int64), axis=1)

    def _constant(self, value: float | np.ndarray) -> str:
        array = np.asarray(value, dtype=self.dtype if isinstance(value, float) else None)
        name = self.scope.get_unique_variable_name("constant")
        element_type = np_dtype_to_tensor_dtype(array.dtype)
        self.container.add_initializer(name, element_type, array.shape, array.ravel())
        return name


@dataclass(frozen=True)
class _Cells:
    """Where the graph finds one column of X: it is a column of an input.

    Parameters
    ----------
    value : str
        The name of the input in the graph.
    dtype : dtype
        Of the input; object for strings.
    place, width : int
        Of how many columns of the input it is which.
    where : str, default=""
        The column of X in messages.
    """

    value: str
    dtype: np.dtype
    place: int
    width: int
    where: str = ""

    @property
    def are_strings(self) -> bool:
        """Whether the input is one of strings."""
        return self.dtype.kind == "O"

    def column(self, graph: _Graph) -> str:
        """Return the name of the column, shape (n_rows, 1)."""
        if self.width == 1:
            return self.value
        return graph.take(self.value, np.array([self.place]))


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
    """Check a classifier first, then do as for skl2onnx's own: the signature is its."""
    check_is_fitted(model)
    _onnx_labels(get_label_classes(scope, model))
    zipmap = scope.get_options(model, {"zipmap": True})["zipmap"]
    if zipmap is True and _are_double(inputs):
        raise ValueError(
            "ONNX has dicts of float32 probabilities only (zipmap=True), got float64 rows. Pass "
            "float32 rows to to_onnx, or options={'zipmap': False}."
        )
    outputs = _parse_sklearn_classifier(scope, model, inputs, custom_parsers)
    for output in outputs:  # which skl2onnx types by the first input
        if _are_double(inputs) and isinstance(output.type, FloatTensorType):
            output.set_type(DoubleTensorType())
    return outputs


def _are_double(inputs: list[Any]) -> bool:
    """Return whether a graph with these inputs computes in float64: if one of them is."""
    return any(isinstance(variable.type, DoubleTensorType) for variable in inputs)


def _set_shapes(operator: Any) -> None:
    """Check the types of the inputs, which may be many, and set the shapes of the outputs."""
    check_input_and_output_types(
        operator,
        [BooleanTensorType, DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType],
    )
    _infer_linear_classifier_output_types(operator)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a fitted classifier: the signature is skl2onnx's."""
    clf = operator.raw_operator
    model = clf._fitted_model()
    dtype = np.dtype(np.float64 if _are_double(operator.inputs) else np.float32)
    graph = _Graph(scope, container, dtype)
    label, probabilities = (output.full_name for output in operator.outputs)

    names = getattr(clf, "feature_names_in_", None)
    cells = _cells(operator.inputs, model.encoding.n_features, names)
    X = _add_encoding(graph, cells, model.encoding)
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


def _cells(inputs: list[Any], n_features: int, names: Any) -> list[_Cells]:
    """Return where each column of X is: by name if the inputs have its names, else in order."""
    cells = []
    for variable in inputs:
        # Of a single input it goes without saying, and skl2onnx may not know it in a pipeline.
        width = n_features if len(inputs) == 1 else variable.get_second_dimension() or 1
        dtype = np.dtype(tensor_dtype_to_np_dtype(guess_proto_type(variable.type)))
        cells += [_Cells(variable.full_name, dtype, i, width) for i in range(width)]
    given = [variable.raw_name for variable in inputs]
    if len(cells) != n_features:
        raise ValueError(
            f"X had {n_features} columns in fit, but the inputs {given} have {len(cells)}."
        )
    names = list(range(n_features) if names is None else names)
    if len(given) == n_features and set(given) & set(names):
        if set(given) != set(names):
            raise ValueError(
                f"Inputs must have the names of all columns of X or of none: got {given}, and the "
                f"columns are {names}."
            )
        cells = [cells[given.index(name)] for name in names]
    return [replace(each, where=repr(name)) for each, name in zip(cells, names, strict=True)]


def _add_encoding(graph: _Graph, cells: list[_Cells], encoding: Encoding) -> str:
    """Return the name of the encoded rows, in the graph's precision."""
    columns, n_numbers = encoding.columns, encoding.n_numbers
    if columns is not None:
        cells = [cells[i] for i in columns.order]
    known = [] if columns is None else columns.levels
    parts: list[str] = []
    bins: list[str] = []
    missing = ""
    if n_numbers:
        numbers, dtype = _add_numbers(graph, cells[:n_numbers])
        parts = [_add_scaling(graph, numbers, dtype, encoding.scaling)]
        if encoding.bins is not None:
            bins = [_add_bins(graph, numbers, dtype, encoding.bins)]
        is_float = dtype.kind == "f"
        if is_float or encoding.indicators is not None:  # integers have no gaps
            missing = graph.add("IsNaN", numbers if is_float else graph.cast(numbers, graph.dtype))
            parts = [graph.add("Where", missing, 0.0, *parts)]
            if encoding.bins is not None:
                of_bins = graph.take(missing, encoding.bins.column)
                bins = [graph.add("Where", of_bins, 0.0, *bins)]

    def groups(levels: Levels) -> str:
        i = levels.column
        return _add_groups(graph, cells[i], levels.group, known[i - n_numbers])

    if encoding.indicators is not None:
        parts.insert(0, _add_indicators(graph, encoding.indicators, missing, groups))
    if encoding.shares is not None:
        parts += _add_shares(graph, encoding.shares, groups)
    return graph.concat(*parts, *bins)


def _add_numbers(graph: _Graph, cells: list[_Cells]) -> tuple[str, np.dtype]:
    """Return the name and the dtype of columns of numbers, side by side."""
    for each in cells:
        if each.are_strings:
            raise ValueError(
                f"X had numbers in column {each.where}, but its input has strings. {ADVICE}"
            )
    first, places = cells[0], [each.place for each in cells]
    if all(each.value == first.value for each in cells):
        if places == list(range(first.width)):
            return first.value, first.dtype
        return graph.take(first.value, np.array(places)), first.dtype
    # As tables become matrices: float32 if all their numbers are.
    are_single = all(each.dtype == np.float32 for each in cells)
    dtype = np.dtype(np.float32 if are_single else np.float64)
    return graph.concat(*[graph.cast(each.column(graph), dtype) for each in cells]), dtype


def _add_groups(graph: _Graph, cells: _Cells, group: np.ndarray, levels: np.ndarray) -> str:
    """Return the name of the groups of a category, shape (n_rows, 1), int64.

    `group` is that of each of the levels, of a gap, and of levels that are not known.
    """
    gap, unknown = group[-2:].tolist()
    if len(levels) and cells.are_strings != (levels.dtype.kind == "O"):
        ours, theirs = ("numbers", "strings") if cells.are_strings else ("strings", "numbers")
        raise ValueError(
            f"X had {ours} in column {cells.where}, but its input has {theirs}. {ADVICE}"
        )
    column, of_levels = cells.column(graph), group[:-2].tolist()
    if cells.are_strings:
        of_key: dict[Any, int] = {"": gap} | dict(zip(levels.tolist(), of_levels, strict=True))
        return _add_lookup(graph, column, "strings", of_key, unknown)
    is_float = cells.dtype.kind == "f"
    dtype = cells.dtype if is_float else np.dtype(np.int64)
    keys = levels.astype(dtype)
    if len(set(keys.tolist())) < len(keys) or not (is_float or np.array_equal(keys, levels)):
        raise ValueError(
            f"The levels of column {cells.where} are not distinct numbers in {dtype}, which its "
            "input has. Choose another type for it, such as DoubleTensorType."
        )
    # An encoder needs a key, and a column of gaps alone has none.
    of_key = dict(zip(keys.tolist(), of_levels, strict=True)) or {dtype.type(0).item(): unknown}
    if dtype == np.float64:
        groups = _add_comparisons(graph, column, of_key, unknown)
    elif is_float:
        groups = _add_lookup(graph, column, "floats", of_key, unknown)
    else:
        return _add_lookup(graph, graph.cast(column, dtype), "int64s", of_key, unknown)
    return graph.add("Where", graph.add("IsNaN", column), np.array(gap), groups)


def _add_lookup(
    graph: _Graph, column: str, kind: str, of_key: dict[Any, int], unknown: int
) -> str:
    # What is not a key has the group of levels that are not known.
    table: dict[str, Any] = {f"keys_{kind}": list(of_key), "values_int64s": list(of_key.values())}
    table |= {"op_domain": "ai.onnx.ml", "op_version": 2}
    return graph.add("LabelEncoder", column, default_int64=unknown, **table)


def _add_comparisons(graph: _Graph, column: str, of_key: dict[Any, int], unknown: int) -> str:
    # A LabelEncoder of this version takes no doubles. At most one key is equal.
    same = graph.add("Equal", column, np.array([list(of_key)], dtype=np.float64))
    above = np.array([[group - unknown] for group in of_key.values()], dtype=np.float32)
    groups = graph.add("MatMul", graph.cast(same, np.float32), above)
    return graph.add("Add", graph.cast(groups, np.int64), np.array(unknown))


def _add_indicators(
    graph: _Graph, indicators: Indicators, missing: str, groups: Callable[[Levels], str]
) -> str:
    """Return the name of the columns of 0 and 1, less their means."""
    sizes = [levels.n_groups for levels in indicators.levels]
    ones = []
    if sum(sizes):
        which = np.concatenate([np.arange(size) for size in sizes])
        of_columns = graph.concat(*[groups(levels) for levels in indicators.levels])
        of_columns = graph.take(of_columns, np.repeat(np.arange(len(sizes)), sizes))
        ones.append(graph.add("Equal", of_columns, which[np.newaxis]))
    if len(indicators.gaps):
        ones.append(graph.take(missing, indicators.gaps))
    A = graph.cast(graph.concat(*ones), graph.dtype)
    return graph.add("Sub", A, indicators.mean.astype(graph.dtype))


def _add_shares(graph: _Graph, shares: TargetShares, groups: Callable[[Levels], str]) -> list[str]:
    """Return the names of the standardised shares of classes of each category."""
    parts = []
    for levels, (table,) in zip(shares.levels, shares.tables, strict=True):
        # Group -1, which is none, takes the last row, as in NumPy.
        rows = graph.add("Gather", table.astype(graph.dtype), groups(levels), axis=0)
        parts.append(graph.add("Flatten", rows, axis=1))
    return parts


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
    _set_shapes,
    _convert,
    parser=_parse,
    options={
        "zipmap": [True, False, "columns"],
        "raw_scores": [True, False],
        "nocl": [True, False],
        "output_class_labels": [True, False],
    },
)
