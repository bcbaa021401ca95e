"""The one place through which tests reach private names of skmax, and modules to patch."""

# ruff: noqa: F401 - what is imported here is for other files

from skmax import _classifier as classifier
from skmax._callbacks import checkpoint as checkpoint
from skmax._callbacks.bridge import NO_TASKS, begin_tasks
from skmax._callbacks.validation_monitor import OWN_COLUMNS
from skmax._data import dataset as rows
from skmax._data.arrays import as_numeric
from skmax._data.batches import BLOCK_ROWS, Rows, SparseBatch, blocks
from skmax._data.checks import check_prediction_rows, check_weights, weighted_sample
from skmax._data.dataset import Sample, checksum
from skmax._data.far_rows import warn_of_far_rows
from skmax._data.features import scaling as scaling
from skmax._data.features.scaling import SCALINGS, learn_scaling, smooth_clip
from skmax._data.labels import (
    check_kind,
    check_labels,
    class_indices,
    positions,
    same_classes,
    warn_of_regression,
)
from skmax._data.splits import (
    chance_of_identity,
    copies,
    row_hashes,
    split_validation,
    stratified_folds,
)
from skmax._data.weights import class_weights, row_weights
from skmax._distributed import partitions as partitions
from skmax._distributed.objective import (
    PartitionedObjective,
    Problem,
    judge,
    load,
    share_of,
    statistics,
)
from skmax._distributed.partitions import FAN_IN, Partitions, insert, merge
from skmax._interop import mlp as conversion
from skmax._interop.mlp import ACTIVATIONS_IN_COMMON
from skmax._network import blas as blas
from skmax._network.activations import ACTIVATIONS, gelu, gelu_backward
from skmax._network.blas import ONE_THREAD, OneThread, blas_threads, gains_from_threads
from skmax._network.kernels import (
    FEW_CLASSES,
    positive_softmax,
    rounding,
    row_cross_entropy,
    softmax_cross_entropy,
)
from skmax._network.model import Model
from skmax._network.network import Network, Workspace
from skmax._optim import objective as objective
from skmax._optim import solvers as solvers
from skmax._optim.newton import MAX_FEATURES, _Regression, minimize_newton
from skmax._optim.objective import Objective, Whole, logits_by_block, mean_cross_entropy
from skmax._optim.optimizers import BLOCK_SIZE, OPTIMIZERS, SGD, Adam
from skmax._optim.schedules import SCHEDULES, Position, cosine
from skmax._optim.solvers import LearningRate, TrainingState, minimize_lbfgs, minimize_minibatch
from skmax._persistence.serialize import CLASSES, from_plain, to_plain
from skmax._persistence.unfinished import describe
from skmax._training import fitting as fitting
from skmax._training import helpers as helpers
from skmax._training import scoring as scoring
from skmax._training import temperature as calibration
from skmax._training.building import FULL_BATCH_SOLVERS
from skmax._training.curve import Curve
from skmax._training.monitor import History, Monitor
from skmax._training.scoring import over_all_classes, takes_weights
from skmax._training.temperature import MIN_ROWS, chosen_rows, fit_temperature, most_rows

# What files of skops call a classifier, and what whoever opens one has to trust.
NAME_IN_FILES = "skmax._classifier.SoftmaxMLPClassifier"
