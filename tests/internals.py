"""The one place through which tests reach private names of skmax, and modules to patch."""

# ruff: noqa: F401 - what is imported here is for other files

from skmax import _blas as blas
from skmax import _calibration as calibration
from skmax import _checkpoint as checkpoint
from skmax import _classifier as classifier
from skmax import _conversion as conversion
from skmax import _fitting as fitting
from skmax import _helpers as helpers
from skmax import _objective as objective
from skmax import _partitions as partitions
from skmax import _rows as rows
from skmax import _scaling as scaling
from skmax import _scoring as scoring
from skmax import _solvers as solvers
from skmax._activations import ACTIVATIONS, gelu, gelu_backward
from skmax._blas import ONE_THREAD, OneThread, blas_threads, gains_from_threads
from skmax._building import FULL_BATCH_SOLVERS
from skmax._calibration import MIN_ROWS, chosen_rows, fit_temperature, most_rows
from skmax._conversion import ACTIVATIONS_IN_COMMON
from skmax._curve import Curve
from skmax._far_rows import warn_of_far_rows
from skmax._features import as_numeric
from skmax._losses import (
    FEW_CLASSES,
    positive_softmax,
    rounding,
    row_cross_entropy,
    softmax_cross_entropy,
)
from skmax._model import Model
from skmax._monitor import History, Monitor
from skmax._network import Network, Workspace
from skmax._newton import MAX_FEATURES, _Regression, minimize_newton
from skmax._objective import Objective, Whole, logits_by_block, mean_cross_entropy
from skmax._optimizers import BLOCK_SIZE, OPTIMIZERS, SGD, Adam
from skmax._partitioned_objective import (
    PartitionedObjective,
    Problem,
    judge,
    load,
    share_of,
    statistics,
)
from skmax._partitions import FAN_IN, Partitions, insert, merge
from skmax._plain import CLASSES, from_plain, to_plain
from skmax._rows import BLOCK_ROWS, Rows, Sample, SparseBatch, blocks, checksum
from skmax._scaling import SCALINGS, learn_scaling, smooth_clip
from skmax._schedules import SCHEDULES, Position, cosine
from skmax._scoring import over_all_classes, takes_weights
from skmax._solvers import LearningRate, TrainingState, minimize_lbfgs, minimize_minibatch
from skmax._splits import (
    chance_of_identity,
    copies,
    row_hashes,
    split_validation,
    stratified_folds,
)
from skmax._targets import (
    check_kind,
    check_labels,
    class_indices,
    class_weights,
    positions,
    row_weights,
    same_classes,
    warn_of_regression,
)
from skmax._tasks import NO_TASKS, begin_tasks
from skmax._unfinished import describe
from skmax._validation import check_prediction_rows, check_weights, weighted_sample
from skmax._validation_monitor import OWN_COLUMNS

# What files of skops call a classifier, and what whoever opens one has to trust.
NAME_IN_FILES = "skmax._classifier.SoftmaxMLPClassifier"
