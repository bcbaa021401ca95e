"""Softmax regression and networks on rows that are spread over a Dask cluster.

scipy's L-BFGS-B runs on the client, and sends the parameter vector for each evaluation.
"""

from collections.abc import Callable
from contextlib import nullcontext
from copy import copy
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.validation import check_is_fitted, validate_data

try:
    import dask
    from distributed import Client, default_client
except ImportError as error:
    raise ImportError(
        "skmax.dask needs Dask: pip install 'dask[array,dataframe,distributed]'"
    ) from error

from ._callbacks.scope import FitScope
from ._classifier import SoftmaxMLPClassifier
from ._data.checks import in_order
from ._data.labels import check_kind
from ._distributed.collections import delayed_parts, header, load, whole_rows
from ._distributed.dataset import PartitionedRows
from ._distributed.tables import as_matrix, columns_of
from ._network.model import FittedModel
from ._sklearn_compat import VALIDATE
from ._training.start import fresh
from ._training.train import train

__all__ = ["DaskSoftmaxMLPClassifier"]


def _of_local(name: str, description: str) -> property:
    """Return a property that is an attribute of the fitted local classifier."""

    def attribute(self: "DaskSoftmaxMLPClassifier") -> Any:
        return getattr(self._fitted(), name)

    return property(attribute, doc=description)


class DaskSoftmaxMLPClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """SoftmaxMLPClassifier for rows that are spread over a Dask cluster.

    It trains the same network by the same objective J, with L-BFGS on all rows. Its parameters
    have the same meaning, but these have other defaults or values:

    - `solver` can only be "lbfgs". A step of "adam" or "sgd" sees a few hundred rows, and would
      cost a round trip to the cluster. For these, train on a sample of the rows, or stream them
      through `SoftmaxMLPClassifier.partial_fit` on one machine.
    - `temperature_scaling` is off by default. Without validation rows, it takes a held-out fit
      without a seventh of the rows, so the time doubles. With fewer than 50 held-out rows, the
      temperature is 1. Of more than 100,000 held-out rows, about that many are used.
    - `early_stopping` is off by default. It needs validation rows, `X_val` and `y_val` of `fit`,
      because the network is trained on all rows of X.
    - `dropout` and `warm_start` are off, and cannot be switched on.
    - `scaling` is "standard" or None. `numerical_encoding` is "linear", and so is "auto", because
      edges of bins are quantiles of all rows, which no partition knows.
    - A category is a column of a data frame whose dtype declares its levels, at most 10,000
      (`X.categorize` makes such columns). It is always encoded by columns of 0 and 1, because an
      encoding by labels would need those of all rows.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, max_iter, max_fun, tol, random_state, \
verbose, early_stopping, class_weight, label_smoothing, dropout, scaling, \
numerical_encoding, categorical_features, temperature_scaling, dtype : as in SoftmaxMLPClassifier
        See there.
    client : distributed.Client, default=None
        Client of the cluster. None takes the current client. Clones share it, and pickles have
        None instead.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    temperature_ : float
        The number that divides the logits.
    coefs_, intercepts_ : list of ndarray
        Weight matrices and bias vectors.
    coef_, intercept_ : ndarray
        Weights and biases per unit of the features in X; only without hidden layers.
    n_iter_ : int
        Iterations.
    loss_, loss_curve_ : float and list of float
        J at the end and after each iteration.
    n_features_in_ : int
        Number of features.
    is_categorical_, categories_, infrequent_categories_ : ndarray and lists, or None
        Which features are categories, their levels and rare levels.

    See Also
    --------
    skmax.SoftmaxMLPClassifier : The classifier for rows in memory or in a memory-mapped file.

    Notes
    -----
    X is divided into partitions along its rows. If its columns are divided, too, they are joined.
    Columns of a data frame go by their names in every partition. Each partition is read once and
    kept in the memory of the workers. It is read again if a worker is lost. How the rows are
    partitioned changes the result only by rounding, but a long fit with hidden layers can then
    reach another local optimum of about the same objective.

    Callbacks follow each iteration, as in SoftmaxMLPClassifier. If a fit is interrupted (Ctrl-C)
    after its first iteration, or ended by a `TimeLimit`, the best network so far is published.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained
    optimization", 1995.
    """

    # For callbacks of ours: its fits end when they say so.
    _can_be_ended = True

    def __init__(
        self,
        hidden_layer_sizes: Any = "auto",
        activation: str = "relu",
        *,
        solver: str = "lbfgs",
        alpha: float = 1.0,
        max_iter: int | str = "auto",
        max_fun: int = 15000,
        tol: float = 1e-4,
        random_state: Any = None,
        verbose: bool | int = False,
        early_stopping: bool = False,
        class_weight: dict[Any, Any] | str | None = None,
        label_smoothing: float | str = "auto",
        dropout: float = 0.0,
        scaling: str | None = "standard",
        numerical_encoding: str = "auto",
        categorical_features: Any = "from_dtype",
        temperature_scaling: bool = False,
        dtype: str = "auto",
        client: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.max_iter = max_iter
        self.max_fun = max_fun
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose
        self.early_stopping = early_stopping
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.dropout = dropout
        self.scaling = scaling
        self.numerical_encoding = numerical_encoding
        self.categorical_features = categorical_features
        self.temperature_scaling = temperature_scaling
        self.dtype = dtype
        self.client = client

    # All that is fitted is in the local classifier alone, so that a pickle holds it once.
    classes_ = _of_local("classes_", "Class labels, sorted.")
    coefs_ = _of_local("coefs_", "Weight matrices, read-only.")
    intercepts_ = _of_local("intercepts_", "Bias vectors, read-only.")
    coef_ = _of_local("coef_", "Weights for features as they are in X, without hidden layers.")
    intercept_ = _of_local("intercept_", "Biases, likewise.")
    encoded_feature_names_ = _of_local("encoded_feature_names_", "Names of the features.")
    is_categorical_ = _of_local("is_categorical_", "Which features are categories, or None.")
    categories_ = _of_local("categories_", "Levels of each feature, None for a number.")
    infrequent_categories_ = _of_local("infrequent_categories_", "Those that are rare, likewise.")
    scaling_ = _of_local("scaling_", "What was learnt about the features, or None.")
    temperature_ = _of_local("temperature_", "What logits are divided by.")
    n_features_in_ = _of_local("n_features_in_", "Number of features.")
    feature_names_in_ = _of_local("feature_names_in_", "Names of the features, where X had any.")
    n_layers_ = _of_local("n_layers_", "Number of layers, those of inputs and outputs included.")
    n_outputs_ = _of_local("n_outputs_", "Number of classes.")
    out_activation_ = _of_local("out_activation_", "Name of the last activation.")
    n_iter_ = _of_local("n_iter_", "Number of iterations.")
    t_ = _of_local("t_", "Number of rows seen.")
    loss_ = _of_local("loss_", "J at the end.")
    loss_curve_ = _of_local("loss_curve_", "J after each iteration.")
    best_loss_ = _of_local("best_loss_", "Lowest J of an iteration.")

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fit the network to rows X and labels y.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks; chunk sizes may be unknown. In dense ones NaN is a gap. A data
            frame may have categories.
        y : dask Array of shape (n_samples,) or Series
            Class labels, in the same partitions as X (of arrays with known chunk sizes, in any).
        sample_weight : dask Array of shape (n_samples,) or Series, default=None
            Weights >= 0 of the rows. Multiplying all of them by a constant changes the effect of
            `alpha`.
        X_val : array-like or dask collection of shape (n_rows, n_features), default=None
            Validation rows, which are gathered on the client: their loss is recorded after each
            iteration, and the temperature uses them instead of rows of X.
        y_val : array-like or dask collection of shape (n_rows,), default=None
            Their labels, each one occurring in `y`.
        sample_weight_val : array-like or dask collection of shape (n_rows,), default=None
            Their weights >= 0.

        Returns
        -------
        self : DaskSoftmaxMLPClassifier
            Fitted. If fitting fails it is as before.

        Raises
        ------
        ValueError
            If a parameter or an argument is not as described; of what is found in the rows
            it names the partition.
        RuntimeError
            If the cluster has no workers, or fails again and again.
        """
        local = self._local_classifier(has_validation_rows=X_val is not None)
        client = self._client()
        scope = FitScope(self, "fit", X, y, sample_weight, local=local)
        validate_data(local, header(X), reset=True, skip_check_array=True)
        scope.columns = columns = columns_of(X, scope.config.categorical_features)
        with PartitionedRows.loaded(client, scope.config, columns, X, y, sample_weight) as rows:
            local.n_features_in_ = rows.n_features
            # Validation rows that are on a cluster are gathered here.
            validation = scope.check_validation(
                rows.classes, *dask.compute(X_val, y_val, sample_weight_val, traverse=False)
            )
            result = train(scope.config, rows, validation, fresh(scope.config), scope.observer)
        return scope.publish(result)

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each row, lazily.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks.

        Returns
        -------
        y : dask Array of shape (n_samples,)
            Class labels.
        """
        return self._by_block(X, "predict")

    def predict_proba(self, X: Any) -> Any:
        """Return the class probabilities, lazily.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks.

        Returns
        -------
        P : dask Array of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return self._by_block(X, "predict_proba")

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of the class probabilities, lazily.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks.

        Returns
        -------
        log_P : dask Array of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return self._by_block(X, "predict_log_proba")

    def decision_function(self, X: Any) -> Any:
        """Return the logits over the temperature, lazily: their softmax is `predict_proba`.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks.

        Returns
        -------
        Z : dask Array of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two classes the difference of the second's and the first's.
        """
        return self._by_block(X, "decision_function")

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose predicted class is their label, computed.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_features) or dask DataFrame
            Dense or CSR chunks.
        y : dask Array of shape (n_samples,) or Series
            Labels.
        sample_weight : dask Array of shape (n_samples,) or Series, default=None
            Weights >= 0 of the rows.

        Returns
        -------
        accuracy : float
            In [0, 1].
        """
        local, X = self._checked(X)
        model = dask.delayed(local._model, traverse=False)
        with nullcontext() if self.client is None else self.client.as_current():
            parts = delayed_parts(X, y, sample_weight)
            scores = [dask.delayed(_score)(model, i, *part) for i, part in enumerate(parts)]
            right, total, heaviest = np.transpose(dask.compute(*scores))
        if not heaviest.max() > 0.0:
            raise ValueError("X must have a row with a weight above zero, and has none.")
        relative = heaviest / heaviest.max()
        return float((relative @ right) / (relative @ total))

    def to_local(self) -> SoftmaxMLPClassifier:
        """Return the fitted SoftmaxMLPClassifier, which needs no cluster.

        Returns
        -------
        clf : SoftmaxMLPClassifier
            A copy.
        """
        return copy(self._fitted())

    def __getstate__(self) -> dict[str, Any]:
        # A client is a connection of this process.
        return {**super().__getstate__(), "client": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Older versions had copies of the local classifier's attributes, and fewer parameters.
        super().__setstate__(
            {"numerical_encoding": "auto", "categorical_features": "from_dtype"}
            | {
                name: value
                for name, value in state.items()
                if not isinstance(getattr(type(self), name, None), property)
            }
        )

    def __copy__(self) -> Self:
        twin = type(self).__new__(type(self))
        twin.__dict__.update(vars(self))
        return twin

    def __sklearn_clone__(self) -> Self:
        without = copy(self).set_params(client=None)
        return BaseEstimator.__sklearn_clone__(without).set_params(client=self.client)

    def __sklearn_is_fitted__(self) -> bool:
        return "_local" in vars(self)

    def _fitted(self) -> SoftmaxMLPClassifier:
        check_is_fitted(self)
        return self._local

    def _client(self) -> Any:
        client = default_client() if self.client is None else self.client
        if not isinstance(client, Client) or client.asynchronous:
            raise TypeError(
                "client must be a distributed.Client that is not asynchronous, or None for the "
                f"current one; got {client!r}."
            )
        return client

    def _local_classifier(self, *, has_validation_rows: bool) -> SoftmaxMLPClassifier:
        """Return the classifier with these parameters; raise ValueError for those refused."""
        if self.solver != "lbfgs":
            raise ValueError(
                f"solver={self.solver!r} would make a round trip to the cluster for each step of "
                "a few hundred rows. Use solver='lbfgs' here; for mini-batches, "
                "SoftmaxMLPClassifier on one machine, whose partial_fit streams."
            )
        if self.early_stopping and not has_validation_rows:
            raise ValueError(
                f"early_stopping={self.early_stopping!r} needs validation rows here, because all "
                "rows of X are trained on; pass X_val and y_val."
            )
        if self.dropout:
            raise ValueError(
                f"dropout={self.dropout!r} is for SoftmaxMLPClassifier: here each evaluation is "
                "of one fixed function."
            )
        if self.scaling == "robust":
            raise ValueError(
                "scaling='robust' needs the median of all rows, which no partition knows; use "
                "scaling='standard' or None."
            )
        if self.numerical_encoding not in ("auto", "linear"):
            raise ValueError(
                f"numerical_encoding={self.numerical_encoding!r} needs quantiles of all rows, "
                "which no partition knows; use 'linear', or SoftmaxMLPClassifier on one machine."
            )
        settings = self.get_params(deep=False)
        del settings["client"]
        local = SoftmaxMLPClassifier(**settings, max_one_hot=None)
        getattr(local, VALIDATE)()
        return local

    def _checked(self, X: Any) -> tuple[SoftmaxMLPClassifier, Any]:
        """Return the classifier for arrays, which have no names of features, and X in its order.

        Where there are categories, columns may be in any order, as in memory.
        """
        local = copy(self._fitted())
        names = None if local.categories_ is None else vars(local).get("feature_names_in_")
        header(X)
        X = in_order(X, names)
        validate_data(local, header(X), reset=False, skip_check_array=True)
        local.__dict__.pop("feature_names_in_", None)
        return local, X

    def _by_block(self, X: Any, method: str) -> Any:
        """Return what a method of the local classifier returns of each block of rows."""
        local, X = self._checked(X)
        X = whole_rows(X)
        empty = getattr(local, method)(np.full((1, X.shape[1]), np.nan))[:0]
        if hasattr(X, "columns"):
            if local.categories_ is not None:
                predict = getattr(dask.delayed(self._fitted()), method)
                return X.map_partitions(_predict_block, predict, empty, meta=empty)
            X = X.map_partitions(as_matrix, meta=np.empty((0, X.shape[1])))
        columns = (
            {"drop_axis": 1} if empty.ndim == 1 else {"chunks": (X.chunks[0], empty.shape[1])}
        )
        return X.map_blocks(
            _predict_block,
            getattr(dask.delayed(local), method),
            empty,
            meta=empty,
            dtype=empty.dtype,
            **columns,
        )


def _predict_block(X: Any, predict: Callable[[Any], np.ndarray], empty: np.ndarray) -> np.ndarray:
    return predict(X) if X.shape[0] > 0 else empty


def _score(
    model: FittedModel, number: int, X: Any, y: Any, sample_weight: Any
) -> tuple[float, float, float]:
    """Return the weight of a partition's rows that are classified rightly, and of all.

    Both are relative to that of the heaviest row, which comes third, so that no sum overflows.
    """
    X, y, weight = load(number, X, y, sample_weight, model.encoding.columns)
    weight = np.ones(len(y)) if weight is None else weight
    heaviest = weight.max(initial=0.0)
    if not heaviest > 0.0:
        return 0.0, 0.0, 0.0
    predicted = model.classes[model.class_indices(X)]
    check_kind(y, predicted)
    weight = weight / heaviest
    return float(weight @ (predicted == y)), float(weight.sum()), float(heaviest)
