"""Labels and class weights, as arrays over rows.

A label becomes its class index; the one-hot row it stands for is never materialised.
"""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target


def check_labels(y):
    """Return y as a one-dimensional array of labels of one kind, or raise ValueError."""
    y = _label_array(y)
    if y.ndim == 2 and y.shape[1] > 1:
        raise ValueError(
            f"y must hold one class label per row, got an array of shape {y.shape}. For "
            "one-hot rows pass y.argmax(axis=1); for probability rows (soft targets) repeat "
            "every row of X once per class and pass the probabilities as sample_weight."
        )
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    if y.dtype.kind in "mM" and np.isnat(y).any():
        raise ValueError("y must hold no missing values, got NaT.")
    # Bytes are labels like any others.
    kind = "bytes" if y.dtype.kind == "S" else type_of_target(y, input_name="y")
    if kind not in ("bytes", "binary", "multiclass"):
        raise ValueError(
            f"Unknown label type: {kind}. y must hold class labels, and looks like what a "
            "regression is for."
        )
    return y


def warn_of_regression(y):
    """Warn, as scikit-learn does, where few labels of a whole fit are alike."""
    if y.dtype.kind != "S":
        check_classification_targets(y)


def _label_array(y):
    if hasattr(y, "to_numpy") and hasattr(y, "dtype"):
        # Columns of data frames (categorical, nullable, arrow) know best how to become
        # NumPy's; scikit-learn's own conversion would turn integers into floats. (Of pyarrow's
        # own arrays, without a dtype, `to_numpy` refuses all that has to be copied.)
        array = y.to_numpy()
    elif issparse(y):
        raise ValueError(
            f"y must hold one class label per row, got a sparse array of shape {y.shape}. Pass "
            "y.toarray().argmax(axis=1) for one-hot rows, y.toarray().ravel() for a column."
        )
    else:
        array = np.asarray(y)
    if array.dtype.kind == "T":  # StringDType
        return array.astype(object)
    if isinstance(y, list | tuple) and array.dtype.kind in "US":
        array = np.asarray(y, dtype=object)  # NumPy makes strings of mixed lists
        return np.asarray(y) if _one_kind(array) else _plain(array)
    return array if array.dtype != object else _plain(array)


def _one_kind(array):
    return any(all(isinstance(label, kind) for label in array.flat) for kind in (str, bytes))


def _plain(array):
    """Return an object array as one of a plain dtype, unless it holds strings."""
    if _one_kind(array):
        return array if isinstance(array.flat[0], str) else array.astype("S")
    plain = np.array(array.tolist())
    if plain.dtype.kind in "biuf":
        return plain
    names = ", ".join(sorted({type(label).__name__ for label in array.flat}))
    raise ValueError(
        "Unknown label type: y must hold labels of one kind (strings, integers or booleans) "
        f"and no missing values, got an object array with values of type {names}."
    )


# Kinds of labels by their dtype's; all others are numbers.
KINDS = {"O": "strings", "U": "strings", "S": "bytes", "M": "dates", "m": "durations"}


def kind_of(labels):
    """Return what an array of labels holds, in a word."""
    return KINDS.get(labels.dtype.kind, "numbers")


def check_kind(y, predicted):
    """Raise ValueError for labels that equal no prediction, being of another kind."""
    if kind_of(y) != kind_of(predicted):
        raise ValueError(
            f"y must hold labels of the kind that was fitted, {kind_of(predicted)}; got "
            f"{kind_of(y)}, such as {y[:1].tolist()[0]!r}."
        )


def class_indices(y, classes):
    """Return the index in the sorted `classes` of every label; ValueError if one is not there."""
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(f"y holds labels {unknown} that are not in classes {classes}.")
    return np.searchsorted(classes, y)


def class_weights(class_weight, classes, labels, sample_weight=None):
    """Return the weight of each class, or None where all are 1.

    Parameters
    ----------
    class_weight : {None, "balanced"} or dict
        "balanced" weighs class c by S / (K S_c): S the weight of all rows, S_c of those
        of the class, K the number of classes that have any (King and Zeng, 2001). A
        dict maps labels to weights; a label it lacks weighs 1. It may have more labels
        than occur, as on a fold of the rows, if it has all that do.
    classes : ndarray of shape (n_classes,)
    labels : ndarray of shape (n_samples,)
        Class indices of the training rows.
    sample_weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    weights : ndarray of shape (n_classes,) or None

    Raises
    ------
    ValueError
        If the dict has a key that is no class and lacks a class, or a weight is negative
        or not finite.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        totals = np.bincount(labels, weights=sample_weight, minlength=len(classes))
        present = totals > 0
        weights = np.ones(len(classes))
        weights[present] = totals.sum() / (present.sum() * totals[present])
        return weights
    known = classes.tolist()
    unknown = [label for label in class_weight if label not in known]
    if unknown and not class_weight.keys() >= set(known):
        raise ValueError(
            f"class_weight has keys {unknown} that are not in classes {known}, and lacks others."
        )
    weights = np.array([class_weight.get(label, 1.0) for label in known], dtype=np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(f"class_weight must hold finite values >= 0, got {class_weight}.")
    return weights


def row_weights(labels, sample_weight=None, weight_of_class=None):
    """Return sample weight times class weight of every row, or None where all are 1.

    ValueError if no row has a weight above zero.
    """
    if weight_of_class is None:
        return sample_weight
    weight = weight_of_class[labels]
    if sample_weight is not None:
        weight = weight * sample_weight
    if not weight.any():
        raise ValueError(
            f"class_weight leaves no row with a weight above zero: the classes weigh "
            f"{weight_of_class.tolist()}."
        )
    return weight
