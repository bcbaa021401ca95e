"""SoftmaxMLPClassifier: parameters, fit as a list of steps, predictions."""

from dataclasses import replace
from functools import partial
from math import isfinite
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.metrics import get_scorer_names
from sklearn.utils import check_consistent_length
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from ._callbacks.bridge import without_contexts
from ._callbacks.scope import FitScope, fitted_attributes
from ._data.checks import (
    check_class,
    check_dense,
    check_hidden_layer,
    check_weights,
    checked_matrix,
    knows_other_names,
)
from ._data.features.encoding import VIEWS
from ._data.features.scaling import SCALINGS, Scaling
from ._data.labels import check_kind, check_labels
from ._interop.mlp import linear_coefficients, outcome_like, parameters_like, to_sklearn_model
from ._network.activations import ACTIVATIONS
from ._network.model import FittedModel
from ._optim.optimizers import OPTIMIZERS
from ._optim.schedules import SCHEDULES
from ._persistence.serialize import PLAIN, attributes_from_plain, to_plain
from ._sklearn_compat import DescribedHTML, Interval, Options, StrOptions, fit_context
from ._training.config import FULL_BATCH_SOLVERS, TrainingConfig
from ._training.train import train

# Parameters of models that were written before there were these.
OLDER = {
    "numerical_encoding": "linear",
    "n_bins": 4,
    "categorical_features": "from_dtype",
    "max_one_hot": 50,
}


def can_stream(estimator: Any) -> bool:
    """Return True if the estimator has a `partial_fit`, else raise AttributeError."""
    if estimator.solver not in OPTIMIZERS:
        raise AttributeError(
            f"partial_fit needs a mini-batch solver, one of {sorted(OPTIMIZERS)}; got "
            f"solver={estimator.solver!r}."
        )
    if isinstance(estimator.class_weight, str):
        raise AttributeError(
            "partial_fit cannot know the class frequencies of a stream, which "
            f"class_weight={estimator.class_weight!r} needs; pass a dict of weights."
        )
    return True


class SoftmaxMLPClassifier(DescribedHTML, CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Multi-class classifier: a neural network with a softmax output.

    It takes a table as it is, with numbers, categories and gaps. The defaults encode the features,
    choose the training time on held-out rows, and calibrate the probabilities. Every solver and
    batch size minimises the same objective::

        J = (1 / S) sum_i w_i L_i + alpha / (2 S) sum_l |W[l]|^2,    S = sum_i w_i

    where L_i = - sum_j y_ij log p_ij is the cross-entropy of row i, P = softmax(Z), and Z are the
    logits of a fully connected network. Without a hidden layer, this is multinomial logistic
    regression on the scaled features: `LogisticRegression(C=1/alpha)`. Two classes keep two
    outputs here, so for them it is C=2/alpha.

    Parameters
    ----------
    hidden_layer_sizes : "auto" or int or array-like of int, default="auto"
        Units of each hidden layer. With two views (see `numerical_encoding`), these are the
        layers of each of the two towers. `()` is softmax regression. "auto" is (128, 128) for
        one view, and (128, 64) for two. Raise it if you have many rows and complicated classes.
        Lower it if fits or predictions take too long.
    activation : {"identity", "logistic", "tanh", "relu", "selu", "gelu", "silu"}, \
default="relu"
        Activation function of the hidden layers.
    solver : {"adam", "sgd", "lbfgs", "newton-cg"}, default="adam"
        "adam" (Kingma and Ba, 2015) and "sgd" train on mini-batches. "lbfgs" (SciPy's L-BFGS-B)
        and "newton-cg" (Newton's method with conjugate gradients) train on all rows at once.
        "newton-cg" reaches the exact optimum fastest, and needs `hidden_layer_sizes=()`.
    alpha : float, default=1.0
        Strength of the L2 penalty, >= 0. Biases are not penalised. Raise it if rows are few or
        noisy. Lower it if the training rows, too, are predicted badly.
    weight_decay : float, default=0.0
        Decoupled weight decay, >= 0, of the mini-batch solvers: before each step, every weight
        (no bias) is multiplied by 1 - learning rate * weight_decay. Raise it to repeat a recipe
        of AdamW.
    batch_size : "auto" or int, default="auto"
        Rows of a mini-batch, >= 1. "auto" divides the rows into about equal batches of at most
        256. Raise it, with the learning rate, if you have very many rows. Lower it for noisier
        steps.
    shuffle : bool, default=True
        Whether each epoch visits the rows in a new random order.
    max_iter : "auto" or int, default="auto"
        Largest number of epochs, or of iterations of "lbfgs" and "newton-cg", >= 1. "auto" is
        200 iterations, or 60 epochs up to 3,428 rows, 45 up to 4,800 and 30 above. Raise it if a
        warning says that the fit has not converged. Lower it to save time.
    max_fun : int, default=15000
        Largest number of evaluations of the objective by "lbfgs", >= 1.
    tol : float, default=1e-4
        An epoch that improves the loss (or the validation score under early stopping) by less
        than `tol` counts against patience. "lbfgs" and "newton-cg" stop if no component of the
        gradient of J exceeds `tol`. Raise it to stop earlier. Lower it for a more exact optimum.
    n_iter_no_change : int or inf, default=10
        Patience: the fit stops after so many epochs in a row without an improvement. Raise it if
        the loss or the score is noisy.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial parameters, the order of rows, dropout, and which rows the validation
        split and the held-out fits leave out. Pass an int for reproducible results.
    warm_start : bool, default=False
        Whether `fit` continues the previous fit. If `max_iter` has ended a fit of "adam" or
        "sgd" under a schedule that does not decay, it is continued exactly (optimizer, random
        generator, patience). Any other fit is the starting point of a new one, which keeps the
        temperature if no rows are held out. So do not fit in small portions with the default
        schedule. The first scaling is kept, and the curves are continued.
    verbose : bool or int, default=False
        Whether to print a line for each epoch or iteration, and before them which held-out fit
        is trained and what the held-out fits choose.
    learning_rate_init : float, default=0.006
        Learning rate of the mini-batch solvers, > 0. With hidden layers, it is that of a layer
        with 128 inputs (see `learning_rate_scaling`). Lower it if the fit diverges. Raise it if a
        fit with few epochs learns too slowly.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine", "one_cycle", \
"coslog4"}, default="coslog4"
        Schedule of the learning rate of the mini-batch solvers. "invscaling" divides it by
        (t + 1)^power_t, where t is the number of rows seen up to the last epoch. "adaptive"
        divides it by 5 when patience runs out, and stops below 1e-6. The last three decay to 0
        over `max_iter` epochs: they use no patience on the training loss, and a fit that ends
        with its schedule has converged. "coslog4" has four cycles, each twice as long as the one
        before, and `early_stopping` can end it with the second, third or fourth. In
        `partial_fit`, which cannot know how many rows will follow, these three are constant.
    learning_rate_scaling : {"fan_in"} or None, default="fan_in"
        "fan_in" multiplies the learning rate of the weights of a layer by sqrt(128 / number of
        its inputs), so one rate suits any width. Biases have the rate itself. Softmax regression
        has eight times these rates. None gives all parameters the same rate.
    power_t : float, default=0.5
        Exponent of "invscaling", >= 0. Raise it for a faster decay.
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1]. Lower it if the loss oscillates.
    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.
    beta_1 : float, default=0.9
        Decay of the first moments of "adam", in [0, 1).
    beta_2 : float, default=0.95
        Decay of the second moments of "adam", in [0, 1).
    epsilon : float, default=1e-8
        Added to the denominator of "adam", > 0.
    early_stopping : "auto" or bool, default="auto"
        With "auto", held-out fits choose the cycle of "coslog4" after which to stop, and the
        final network is trained on all rows for as long (see Notes). "auto" stops no other
        schedule, and none of "lbfgs", "newton-cg" and softmax regression. True holds out a
        stratified part of the rows, stops when their score no longer improves, and keeps the
        parameters of the best score. If you pass `X_val`, both use these rows and hold out
        nothing. Scores are compared after each epoch or iteration, but with "coslog4" at the
        ends of its cycles, where the first cycle without an improvement ends the fit.
        `partial_fit` never stops early.
    validation_fraction : float, default=0.1
        Fraction of the rows that `early_stopping=True` holds out, in [0, 1). At least one row
        for each class is held out, but a class with a single row stays in training. Raise it if
        the validation score is noisy. Lower it to train on more rows.
    scoring : str or callable, default="loss"
        Score of the validation rows (`X_val`, or held out by `early_stopping=True`); greater is
        better. It is "loss" (the negative cross-entropy), the name of a scorer, or a callable
        `scorer(estimator, X, y)`, which receives arrays. Held-out fits always use their
        cross-entropy at the best temperature.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, which multiply the row weights. A label that a dict lacks has
        weight 1. "balanced" weights classes inversely to their frequency, and cannot be used
        with `partial_fit`. Probabilities are then those of the weighted data.
    label_smoothing : "auto" or float, default="auto"
        Fraction of each target that is spread over the classes, in [0, 1). Each class gets it in
        proportion to the weight of its rows, so a rare class keeps its rate. It makes
        probabilities underconfident, and `temperature_scaling` corrects that. "auto" is 0.1 with
        a hidden layer, and 0 without one and in `partial_fit`. Raise it if labels are often
        wrong. Lower it to 0 if nothing calibrates the probabilities.
    dropout : float, default=0.0
        Probability that a hidden activation is dropped in a training step, in [0, 1). It needs a
        mini-batch solver. Raise it to 0.1 or 0.2 for wide networks that train for long.
    scaling : {"standard", "robust"} or None, default="standard"
        Scaling of the features, learnt from the training rows (in `partial_fit`, from the first
        ones). "standard" subtracts the mean and divides by the standard deviation. Sparse X stays
        sparse. A feature that is constant in training does not count. "robust" uses the median
        and the interquartile range, then clips smoothly to +-3 by z / sqrt(1 + (z / 3)^2), for
        features with heavy tails. It needs dense X. Use None for text as TF-IDF or counts.
    numerical_encoding : {"auto", "linear", "piecewise_linear", "both"}, default="auto"
        How the network sees a number. "linear" is the scaled number. "piecewise_linear" is the
        number and its bins, in which a threshold is linear (Gorishniy et al., 2022). "both" has
        two towers of layers: one sees the numbers, the other the numbers and the bins. Each is
        trained on its own loss, and their logits are averaged. Of categories, the first tower
        sees levels, and the second the fraction of each class among the rows of a level. "auto"
        is "both" if X is dense, the solver takes mini-batches, there is a hidden layer and there
        are at most 1024 columns; a number counts as 1 + `n_bins` columns, and a category as the
        number of classes (one for two classes). Otherwise it is "linear". A fit that continues
        another keeps its encoding. Use "linear" for faster fits and smaller files.
    n_bins : int, default=4
        Largest number of bins of a column, >= 2. Their edges are quantiles of the training rows
        (in `partial_fit`, of the first ones), and equal edges are one. A column with fewer than
        three distinct quantiles has no bins. Raise it to 8 or 16 if many thresholds of one
        feature matter. Lower it to save time.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Which columns of dense X are categories: a mask of all columns (bool), or the positions
        (int) or names (str) of those that are. "from_dtype" takes the columns of a frame (pandas,
        polars, arrow) whose dtype is a category, an enumeration, a dictionary or strings, and
        the columns of an array of objects or strings that hold a string. With None, all columns
        must be numbers. Gaps (NaN, None, NA) are allowed in both. A missing number counts as the
        mean, and one more column says that it is missing, if training rows have gaps there.
        Levels are columns of 0 and 1. Levels of fewer than 5 training rows (by the sum of their
        weights) share one column, which unknown levels join. A gap is a level.
    max_one_hot : int or None, default=50
        If a category needs more columns than this (one for each frequent level, one for gaps and
        one for rare levels), it is encoded by the fraction of each class among the rows of the
        level, drawn towards the fraction among all rows (Micci-Barreca, 2001). Training rows get
        the fractions of other rows, in five folds, and held-out fits learn their own, so no row
        is encoded by its label. None gives every level a column. Raise it if single levels
        matter. Lower it to save time.
    temperature_scaling : bool, default=True
        Whether to divide the logits by a temperature, so that probabilities are calibrated (Guo
        et al., 2017). It is fitted on the rows of `X_val`, on those held out by
        `early_stopping=True`, or else on those that the held-out fits do not see (see Notes). It
        is 1 if these are fewer than 50. `partial_fit` keeps the last one.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Precision of the arithmetic within `fit`. "auto" is the precision of X if the fit is
        deterministic (all rows at once, or in one batch and without held-out fits), and float32
        otherwise. In any case, parameters and probabilities are float32 for float32 and float16
        X, and float64 for other X.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weight matrices of the layers, for the encoded features; read-only. Two towers are
        shown as one network with blocks: a weight from one tower to the other is 0, and the
        last layer has half of each tower's weights. To start a fit from other values, pass
        `coefs_init`.
    intercepts_ : list of ndarray of shape (fan_out,)
        Bias vectors of the layers; read-only.
    coef_ : ndarray of shape (n_classes, n_features), or (1, n_features) for two classes
        Weights of a model without hidden layers, per unit of the features in X. They include
        scaling and temperature, so `X @ coef_.T + intercept_` is `decision_function(X)`. Only
        without bins, categories and gaps, and not with `scaling="robust"`.
    intercept_ : ndarray of shape (n_classes,), or (1,) for two classes
        Biases that belong to `coef_`.
    encoded_feature_names_ : ndarray of shape (n_encoded_features,), dtype object
        Names of the rows of `coefs_[0]`: levels as "x1=a" or "x1=rare", gaps in numbers as
        "x0=missing", the numbers (x0, x1, ... if they have no names), shares of classes as
        "x1: share of <class>", then the bins of numbers, as "x0 [0.5, 1.25]".
    is_categorical_ : ndarray of bool of shape (n_features,) or None
        Which features are categories; None if none is.
    categories_ : list of (ndarray or None), or None
        The levels of each feature in X, None for a number; None if there are no categories.
    infrequent_categories_ : list of (ndarray or None), or None
        The rare ones among `categories_`.
    scaling_ : Scaling or None
        The scaling that was learnt. Its `center` and `scale` are arrays of shape (n_features,).
        Features enter the network as (X - center) / scale, with "robust" clipped smoothly. Those
        that were constant in training, which `constant` marks, always enter as 0. None with
        `scaling=None`.
    temperature_ : float
        The number that divides the logits.
    loss_ : float
        Last value of `loss_curve_`. If a fit diverged or was interrupted, J of the parameters
        that are kept.
    best_loss_ : float or None
        Least loss of the curve; None under early stopping.
    loss_curve_ : list of float
        J after each iteration of "lbfgs" and "newton-cg". For a mini-batch solver, the mean of
        the batches' estimates of J in each epoch.
    validation_loss_curve_ : list of float or None
        Mean cross-entropy of the validation rows after each epoch, weighted (class weights
        included), without smoothing and penalty. None without validation rows.
    validation_scores_ : list of float or None
        Scores of the validation rows after each epoch; None without validation rows. Like the
        loss, they are NaN for epochs of earlier fits that had no validation rows.
    best_validation_score_ : float or None
        Best score of the last fit and of the paused fits that it continues; None without
        validation rows.
    best_epoch_ : int or None
        Epoch of `loss_curve_`, counted from 1, whose parameters early stopping has kept; None
        if the last ones are kept.
    n_iter_ : int
        Epochs or iterations of the last fit, and of the calls of `partial_fit` since. Those of
        held-out fits do not count. They do if the network of a held-out fit is published,
        because the fit was cut short.
    t_ : int
        Rows seen in training.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has names that are strings.
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of outputs: one for each class, also for two classes.
    out_activation_ : str
        "softmax".

    See Also
    --------
    sklearn.neural_network.MLPClassifier : The classifier with the same parameters.
    sklearn.linear_model.LogisticRegression : The same model without hidden layers.
    ValidationMonitor : Callback that scores rows after each epoch.
    Checkpoint : Callback with which a fit that was killed can be finished.
    TimeLimit : Callback that ends a fit after so many seconds.
    TrainingCurveDisplay : Picture of `loss_curve_`.

    Notes
    -----
    `fit` trains a private copy and publishes it at the end, so a fit that fails leaves the
    estimator as it was. If you interrupt a fit (Ctrl-C) after its first epoch, or a `TimeLimit`
    ends it, the best network so far is published: the final network, or that of the first
    held-out fit if it has a lower J on all rows or if the final network has not begun. If a
    callback stops the final network, that network is published as it is.

    With two views, J is the mean of the towers' J, and so are all curves. Each tower is trained
    as if it were alone. Component t of a number x with the edges e_0 < ... < e_T is
    clip((x - e_{t-1}) / (e_t - e_{t-1}), 0, 1), and is standardised. One view learns slopes
    easily, and the other thresholds. They make different errors, so their mean makes fewer.

    A held-out fit is trained like the final network, but without a seventh of the rows. These
    rows say after which cycle to stop ("auto") and which temperature to use. Then the final
    network is trained on all rows, and the held-out fit is dropped. If a seventh is fewer than
    150 rows, up to four held-out fits leave out a quarter each. With fewer than 150 rows in all
    (or 350 and `temperature_scaling=False`), no cycle is chosen, and the fit runs to its end.
    With fewer than 50, there is no held-out fit, and the temperature is 1. With
    `early_stopping=False, temperature_scaling=False` there is none, either. If you pass `groups`,
    held-out fits leave out whole groups, and more of them are trained if there are few groups.
    Copies of a row are such a group without being asked. Identical rows count as copies if at
    least a quarter of the rows of a class have one, if 95 % of them agree on the label, and if
    values as frequent as these would seldom meet in a row by chance.

    A paused fit of `warm_start=True` keeps its held-out fits, and the next fit on the same data
    continues them. Any other warm start has none, runs to its end and keeps its temperature.
    Pickles and other files hold what continues the network of a paused fit, but no held-out
    fits.

    References
    ----------
    Bishop, "Pattern recognition and machine learning", 2006, chapters 4 and 5.

    Goodfellow, Bengio and Courville, "Deep learning", 2016, algorithm 7.2: early stopping
    to determine how long to train, then training on all the data.

    Gorishniy, Kotelnikov and Babenko, "TabM: advancing tabular deep learning with
    parameter-efficient ensembling", 2024.

    Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep
    learning", 2022.

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.

    Kingma and Ba, "Adam: a method for stochastic optimization", 2015.

    Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes in
    classification and prediction problems", 2001.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skmax import SoftmaxMLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> clf = SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train)
    >>> clf.score(X_test, y_test) > 0.95
    True
    """

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012
        "hidden_layer_sizes": [
            StrOptions({"auto"}),
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions({*OPTIMIZERS, *FULL_BATCH_SOLVERS})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "learning_rate": [StrOptions(set(SCHEDULES))],
        "learning_rate_scaling": [StrOptions({"fan_in"}), None],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "scoring": [StrOptions({"loss", *get_scorer_names()}), callable],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "label_smoothing": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "scaling": [StrOptions(set(SCALINGS)), None],
        "numerical_encoding": [StrOptions({"auto", *VIEWS})],
        "n_bins": [Interval(Integral, 2, None, closed="left")],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_one_hot": [Interval(Integral, 1, None, closed="left"), None],
        "temperature_scaling": ["boolean"],
        "dtype": [StrOptions({"auto", "float32", "float64"})],
    }

    # For callbacks of ours: its fits end when they say so, and show what finishes them elsewhere.
    _can_be_ended = _can_be_resumed = True

    # Rebound by a fit, all at once.
    n_features_in_: int
    feature_names_in_: np.ndarray
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    n_iter_: int
    t_: int
    loss_: float
    best_loss_: float | None
    best_validation_score_: float | None
    best_epoch_: int | None

    def __init__(
        self,
        hidden_layer_sizes: Any = "auto",
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 1.0,
        weight_decay: float = 0.0,
        batch_size: int | str = "auto",
        shuffle: bool = True,
        max_iter: int | str = "auto",
        max_fun: int = 15000,
        tol: float = 1e-4,
        n_iter_no_change: float = 10,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: bool | int = False,
        learning_rate_init: float = 0.006,
        learning_rate: str = "coslog4",
        learning_rate_scaling: str | None = "fan_in",
        power_t: float = 0.5,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.95,
        epsilon: float = 1e-8,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: Any = "loss",
        class_weight: dict[Any, Any] | str | None = None,
        label_smoothing: float | str = "auto",
        dropout: float = 0.0,
        scaling: str | None = "standard",
        numerical_encoding: str = "auto",
        n_bins: int = 4,
        categorical_features: Any = "from_dtype",
        max_one_hot: int | None = 50,
        temperature_scaling: bool = True,
        dtype: str = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.max_iter = max_iter
        self.max_fun = max_fun
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.learning_rate_scaling = learning_rate_scaling
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.dropout = dropout
        self.scaling = scaling
        self.numerical_encoding = numerical_encoding
        self.n_bins = n_bins
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot
        self.temperature_scaling = temperature_scaling
        self.dtype = dtype

    @knows_other_names
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        coefs_init: Any = None,
        intercepts_init: Any = None,
    ) -> Self:
        """Fit the network to rows X and labels y.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            Training rows: numbers, none of them infinite, and categories. Dense X may have gaps.
            Numbers are neither copied nor made dense as a whole; CSC and COO become CSR. In later
            calls, a frame with categories may have its columns in another order.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0 of the rows: 2 is a row twice, and 0 is no row. (Batches and held-out fits
            count rows, not weights.) Multiplying all weights by a constant changes the effect of
            `alpha`.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, such as a patient, a user or a document. Held-out fits and
            `early_stopping=True` hold out whole groups, so they judge a network on groups that it
            has not seen. With fewer than four groups, there are as many held-out fits; with one
            group, there is none. By default each row is a group of its own, and copies of a row
            (see Notes) are one group. Not allowed together with `X_val`.
        X_val : {array-like, sparse matrix, data frame} of shape (n_rows, n_features), default=None
            Validation rows. Their loss and score are recorded after each epoch, and early
            stopping and the temperature use them instead of rows of X. The temperature needs at
            least 50 of them.
        y_val : array-like of shape (n_rows,), default=None
            Labels of the validation rows. Each one must occur in `y`.
        sample_weight_val : array-like of shape (n_rows,), default=None
            Weights >= 0 of the validation rows.
        coefs_init : list of array-like of shape (fan_in, fan_out), default=None
            Initial weight matrices instead of random ones, in the shapes of `coefs_`. With two
            towers, weights from one tower to the other must be 0.
        intercepts_init : list of array-like of shape (fan_out,), default=None
            Initial bias vectors instead of random ones.

        Returns
        -------
        self : SoftmaxMLPClassifier
            The fitted classifier. If the fit fails, it stays as it was.

        Raises
        ------
        ValueError
            If a parameter or an argument is not as described, or if the loss is not finite at
            the beginning. (A fit that diverges later warns, and keeps its best parameters.)

        Warns
        -----
        UserWarning
            If you have changed `scoring`, `validation_fraction`, `tol` or `n_iter_no_change`,
            and it changes nothing of this fit; and in other cases.
        ConvergenceWarning
            If the fit has not converged, or has diverged.
        """
        scope = FitScope(self, "fit", X, y, sample_weight)
        given = (X_val, y_val, sample_weight_val)
        rows, validation = scope.check(X, y, sample_weight, groups, *given)
        start = scope.start(rows, coefs_init, intercepts_init)
        return scope.publish(train(scope.config, rows, validation, start, scope.observer))

    @available_if(can_stream)
    @knows_other_names
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on these rows, after those of earlier calls.

        There is no early stopping, and decaying schedules are constant. The scaling is learnt from
        the first rows; that of a feature that is constant at first is learnt when it varies.
        Nothing calibrates the probabilities of a stream, so `label_smoothing="auto"` is 0.
        `alpha` is the penalty of all rows seen so far, each time they are seen.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            As in `fit`.
        y : array-like of shape (n_samples,)
            Class labels. Not all classes need to occur.
        classes : array-like of shape (n_classes,), default=None
            All class labels. Required in the first call, and optional later.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0 of the rows, relative to each other within the call. The larger their
            mean, the smaller the effect of `alpha`.

        Returns
        -------
        self : SoftmaxMLPClassifier
            The trained classifier. If the call fails, it stays as it was.

        Raises
        ------
        ValueError
            If a parameter or an argument is not as described, or if the loss is not finite at
            the beginning. (A fit that diverges later warns, and keeps its best parameters.)
        """
        scope = FitScope(self, "partial_fit", X, y, sample_weight)
        rows = scope.check_portion(X, y, classes, sample_weight)
        start = scope.stream(rows)
        return scope.publish(train(scope.config, rows, None, start, scope.observer))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,), dtype of `classes_`
            Class labels.
        """
        model, X = self._check_prediction(X)
        return model.classes[model.class_indices(X)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the class probabilities: the softmax of the logits over the temperature.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        P : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        model, X = self._check_prediction(X)
        return model.probabilities(X)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of the class probabilities, finite for every class.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        log_P : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        model, X = self._check_prediction(X)
        return model.log_probabilities(X)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits divided by the temperature; their softmax is `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two classes, the logit of the second minus that of the first.
        """
        model, X = self._check_prediction(X)
        Z = model.logits(X)
        return Z[:, 1] - Z[:, 0] if Z.shape[1] == 2 else Z

    def hidden_activations(self, X: Any, layer: int = -1) -> np.ndarray:
        """Return the activations A = g(Z) of a hidden layer, the features that it has learnt.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            As in `fit`.
        layer : int, default=-1
            Number of the hidden layer, from 0 for the first, or from -1 for the last.

        Returns
        -------
        A : ndarray of shape (n_samples, n_units), dtype of the parameters
            Activations, without dropout. The units of the first tower come first.

        Raises
        ------
        ValueError
            If there is no such hidden layer.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmax import SoftmaxMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = SoftmaxMLPClassifier((16, 2), random_state=0).fit(X, y)
        >>> clf.hidden_activations(X).shape  # two units in each of two towers
        (150, 4)
        """
        model, X = self._check_prediction(X)
        layer = check_hidden_layer(layer, len(model.network.layer_sizes) - 2)
        return model.hidden_activations(X, layer)

    def input_gradients(self, X: Any, class_: Any = None) -> np.ndarray:
        """Return the gradient of a class's logit with respect to each row, d z_c / d x.

        The logits are those of `decision_function`. They are divided by the temperature, and for
        two classes the logit of a class is the difference to the other.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            As in `fit`.
        class_ : label, default=None
            One of `classes_`. None takes the class that is predicted for each row.

        Returns
        -------
        grad : ndarray of shape (n_samples, n_features), dtype of the parameters
            Gradients per unit of the features in X, before scaling; dense for sparse X, and NaN
            for a category.

        Raises
        ------
        ValueError
            If `class_` is not one of `classes_`.

        References
        ----------
        Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks: visualising
        image classification models and saliency maps", 2014.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmax import SoftmaxMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = SoftmaxMLPClassifier(random_state=0).fit(X, y)
        >>> mean = clf.input_gradients(X, class_=2).mean(axis=0)
        >>> bool(mean[3] > 0)  # wide petals: virginica
        True
        """
        model, X = self._check_prediction(X)
        return model.input_gradients(X, check_class(class_, model.classes))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the fraction of rows whose predicted class is their label.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            As in `fit`.
        y : array-like of shape (n_samples,)
            Labels, of any kind that `fit` takes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0 of the rows.

        Returns
        -------
        accuracy : float
            In [0, 1].

        Raises
        ------
        ValueError
            If an argument is not as described, or if labels are of another kind than the
            classes, such as strings instead of numbers.
        """
        predicted, y = self.predict(X), check_labels(y)
        check_consistent_length(predicted, y)
        check_kind(y, predicted)
        weight = check_weights(sample_weight, len(y), "sample_weight")
        if weight is not None:
            weight = weight / weight.max()  # no sum of them overflows
        return float(np.average(predicted == y, weights=weight))

    def to_sklearn(self) -> Any:
        """Return a fitted model of scikit-learn with the same probabilities.

        Without bins (see `numerical_encoding`), it is an MLPClassifier whose weights include
        scaling and temperature. With bins, it is a Pipeline of "features" and "mlp", the
        MLPClassifier. "features" is a FeatureUnion of the scaled "numbers" (by a StandardScaler)
        and the "bins" (a SplineTransformer, because bins are B-splines of degree 1). Two classes
        have one logistic output. Two towers are units side by side, with weights of 0 between
        them.

        The model does not need skmax. Its parameters are those of the same meaning, or the
        closest ones. Settings that only served the fit (dropout, label smoothing, class weights,
        weight decay, rates by fan-in) are lost. So it predicts the same, but a further fit learns
        in its own way.

        Returns
        -------
        model : sklearn.neural_network.MLPClassifier or sklearn.pipeline.Pipeline
            A model that shares nothing with this estimator. In float32 it agrees up to rounding.
            If the mean of a feature is more than 8 deviations from zero, the first layer of an
            MLPClassifier is float64. A Pipeline takes dense rows only, and float16 rows lose
            digits in it.

        Raises
        ------
        NotFittedError
            If nothing has been fitted.
        ValueError
            If the activation is none of "identity", "logistic", "tanh" and "relu", or if the
            model was fitted with `scaling="robust"`, to categories, or to numbers with gaps.

        Notes
        -----
        If there is a single class, MLPClassifier has a second column of probabilities, of zeros.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmax import SoftmaxMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = SoftmaxMLPClassifier(random_state=0).fit(X, y)
        >>> model = clf.to_sklearn()
        >>> bool(abs(model.predict_proba(X) - clf.predict_proba(X)).max() < 1e-9)
        True
        >>> model["mlp"].hidden_layer_sizes
        (256, 128)
        """
        model, names = self._fitted_model(), vars(self).get("feature_names_in_")
        return to_sklearn_model(TrainingConfig.of(self), model, self._state, self.loss_, names)

    @classmethod
    def from_sklearn(cls, mlp: Any) -> Self:
        """Return a classifier with the parameters, and the weights, of an MLPClassifier.

        Parameters that MLPClassifier lacks are neutral: no scaling, no temperature, no smoothing,
        no decay, and one learning rate for all layers. If it stops early, the score is accuracy.
        If it is fitted, the classifier has the same probabilities, and training continues from
        its weights, with fresh moments.

        Parameters
        ----------
        mlp : sklearn.neural_network.MLPClassifier
            The estimator, fitted or not. It is not changed.

        Returns
        -------
        clf : SoftmaxMLPClassifier
            The classifier. For two classes the logits are (0, z), where z is that of the logistic
            output.

        Raises
        ------
        TypeError
            If `mlp` is not an MLPClassifier.
        ValueError
            If it is multilabel, or has parameters that are not finite.

        Notes
        -----
        `alpha` is not converted. It has the same meaning if all rows are one batch. Otherwise
        MLPClassifier divides the penalty of a mini-batch by its size, so multiply its `alpha` by
        n_samples / batch_size. For two classes, the objective is the same at the same weights,
        but its optimum is lower, because two outputs share the penalty of one. Patience ends a
        fit one epoch earlier here. The initial weights, the order of rows and the validation
        split differ. A single class has one column of probabilities, not two.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.neural_network import MLPClassifier
        >>> from skmax import SoftmaxMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = MLPClassifier(random_state=0, max_iter=1000).fit(X, y)
        >>> clf = SoftmaxMLPClassifier.from_sklearn(mlp)
        >>> bool(abs(mlp.predict_proba(X) - clf.predict_proba(X)).max() < 1e-9)
        True
        """
        from sklearn.neural_network import MLPClassifier  # slow, and needed by nothing else

        if not isinstance(mlp, MLPClassifier):
            raise TypeError(
                f"mlp must be an MLPClassifier, got a {type(mlp).__name__}. Take it out of a "
                "pipeline or a search first, such as search.best_estimator_[-1]."
            )
        peer = vars(mlp)
        clf = cls(**parameters_like(MLPClassifier().get_params(), peer))
        if "coefs_" in peer:
            result = outcome_like(peer, TrainingConfig.of(clf))
            clf.__dict__.update(fitted_attributes(peer, result))
        return clf

    @property
    def classes_(self) -> np.ndarray:
        """Class labels, sorted."""
        return self._fitted_model().classes

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weight matrices, for the encoded features.

        They are read-only. To start a fit from other values, pass `coefs_init`.
        """
        return self._fitted_model().layers[0]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Bias vectors; read-only."""
        return self._fitted_model().layers[1]

    @property
    def encoded_feature_names_(self) -> np.ndarray:
        """Names of the rows of `coefs_[0]`: levels, gaps, numbers, shares of classes, bins."""
        encoding = self._fitted_model().encoding
        default = [f"x{i}" for i in range(encoding.n_features)]
        return encoding.names(getattr(self, "feature_names_in_", default), self.classes_)

    @property
    def is_categorical_(self) -> np.ndarray | None:
        """Which features are categories, or None if none is."""
        columns = self._fitted_model().encoding.columns
        return None if columns is None else columns.is_categorical

    @property
    def categories_(self) -> list[Any] | None:
        """The levels of each feature, None for a number; None if there are no categories."""
        columns = self._fitted_model().encoding.columns
        return None if columns is None else list(columns.categories)

    @property
    def infrequent_categories_(self) -> list[Any] | None:
        """The levels of each feature that are rare in training, likewise."""
        return self._fitted_model().encoding.rare_levels

    @property
    def coef_(self) -> np.ndarray:
        """Weights of a model without hidden layers, for the features as they are in X.

        Scaling and temperature are included: `X @ coef_.T + intercept_` is
        `decision_function(X)`, as in LogisticRegression. For two classes there is one row.
        """
        return linear_coefficients(self._fitted_model())[0]

    @property
    def intercept_(self) -> np.ndarray:
        """Biases of a model without hidden layers, likewise."""
        return linear_coefficients(self._fitted_model())[1]

    @property
    def scaling_(self) -> Scaling | None:
        """What was learnt about the features, or None.

        Its `center` and `scale` are arrays of shape (n_features,), and features enter the
        network as (X - center) / scale (of "robust" clipped smoothly), but those that are
        constant in training, `constant`, as 0 whatever comes.
        """
        return self._fitted_model().encoding.scaling

    @property
    def temperature_(self) -> float:
        """What logits are divided by."""
        return self._fitted_model().temperature

    @property
    def loss_curve_(self) -> list[float]:
        """J after each iteration, or as the mean of an epoch's estimates; a list of one's own."""
        self._fitted_model()
        return list(self._state.history.loss_curve)

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """Mean cross-entropy of the validation rows after each epoch, or None."""
        self._fitted_model()
        return list(self._state.history.validation_loss_curve) or None

    @property
    def validation_scores_(self) -> list[float] | None:
        """Scores of the validation rows after each epoch, or None."""
        self._fitted_model()
        return list(self._state.history.validation_scores) or None

    def __copy__(self) -> Self:
        # What is fitted never changes, and is shared; a copy by the state would rebuild it.
        twin = type(self).__new__(type(self))
        twin.__dict__.update(without_contexts(vars(self)))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        state = dict(without_contexts(super().__getstate__()))
        if "_state" in state:
            # Held-out fits would be most of a file, and the temperature they gave is in the model.
            state["_state"] = replace(state["_state"], held_out_fits=[])
        return {name: to_plain(value) if name in PLAIN else value for name, value in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(OLDER | attributes_from_plain(state))

    def __sklearn_is_fitted__(self) -> bool:
        return "_model" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.scaling != "robust"
        tags.input_tags.allow_nan = True
        return tags

    def _view_logits(self, X: Any) -> dict[str, np.ndarray]:
        """Return the logits of rows X by each view over the temperature, by its name."""
        model, X = self._check_prediction(X)
        return dict(zip(model.encoding.view_names, model.tower_logits(X), strict=True))

    def _fitted_model(self) -> FittedModel:
        model: Any = self.__dict__.get("_model")
        if model is None:
            check_is_fitted(self)
        return model

    @np.errstate(over="ignore", invalid="ignore")
    def _check_prediction(self, X: Any) -> tuple[FittedModel, Any]:
        """Return the model and rows to predict, as ndarray or CSR, or raise scikit-learn's errors.

        A plain array of finite floats of the right width, that of the model at hand, needs no
        more than this first look, a twentieth of the time of the whole validation; all else
        is left to it.
        """
        # Bound once: a concurrent refit rebinds the estimator's model.
        model = self._fitted_model()
        n_features = model.encoding.n_features
        if (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype in (np.float64, np.float32)
            and X.shape[0] > 0
            and X.shape[1] == n_features
            and "feature_names_in_" not in self.__dict__
            and model.encoding.columns is None
            and isfinite(np.add.reduce(X, axis=None))  # so is then every addend
        ):
            return model, X
        columns = model.encoding.columns
        names = getattr(self, "feature_names_in_", None)
        X = checked_matrix(X, columns, partial(validate_data, self, reset=False), names)
        if X.shape[1] != n_features:  # the estimator has been refitted meanwhile
            raise ValueError(
                f"X has {X.shape[1]} features, but {type(self).__name__} is expecting "
                f"{n_features} features as input."
            )
        check_dense(X, None if self.scaling_ is None else self.scaling_.kind)
        return model, X
