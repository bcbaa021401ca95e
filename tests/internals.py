"""The one place through which tests reach private names of skmax, and modules to patch."""

# ruff: noqa: F401 - what is imported here is for other files

from skmax import _classifier as classifier
from skmax._callbacks import bridge as bridge
from skmax._callbacks import scope as scope
from skmax._callbacks import time_limit as time_limit
from skmax._callbacks.validation_monitor import OWN_COLUMNS
from skmax._data import checks as checks
from skmax._data import dataset as rows
from skmax._data.arrays import as_numeric
from skmax._data.batches import BLOCK_ROWS, BatchReader, SparseBatch, blocks
from skmax._data.checks import check_weights, weighted_sample
from skmax._data.columns import learn_columns
from skmax._data.dataset import Dataset, checksum
from skmax._data.far_rows import warn_of_far_rows
from skmax._data.features import bins as bins
from skmax._data.features import encoding as encoding
from skmax._data.features import scaling as scaling
from skmax._data.features.bins import learn_bins
from skmax._data.features.encoding import Encoding, learn_encoding
from skmax._data.features.scaling import SCALINGS, learn_scaling, smooth_clip
from skmax._data.labels import (
    check_kind,
    check_labels,
    class_indices,
    encode,
    positions,
    same_classes,
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
from skmax._distributed import tables as tables
from skmax._distributed.collections import load
from skmax._distributed.objective import (
    ObjectiveSpec,
    PartitionedObjective,
    held_out_logits,
    share_of,
    statistics,
)
from skmax._distributed.partitions import FAN_IN, Partitions, insert, merge
from skmax._interop import mlp as conversion
from skmax._interop.mlp import ACTIVATIONS_IN_COMMON
from skmax._network import blas as blas
from skmax._network.activations import ACTIVATIONS, gelu, gelu_backward
from skmax._network.blas import (
    ONE_THREAD,
    OneThread,
    blas_threads,
    gains_from_threads,
    touch_buffer,
)
from skmax._network.kernels import (
    FEW_CLASSES,
    positive_softmax,
    rounding,
    row_cross_entropy,
    softmax_cross_entropy,
)
from skmax._network.model import FittedModel
from skmax._network.network import Network, Workspace
from skmax._optim import minibatch as minibatch
from skmax._optim import objective as objective
from skmax._optim.lbfgs import LBFGS
from skmax._optim.minibatch import BestIterate, LearningRate, MinibatchSolver
from skmax._optim.newton import MAX_FEATURES, NewtonCG, _Regression
from skmax._optim.objective import Normalization, Objective, logits_by_block, mean_cross_entropy
from skmax._optim.optimizers import BLOCK_SIZE, OPTIMIZERS, SGD, Adam
from skmax._optim.schedules import SCHEDULES, ScheduleState, cosine
from skmax._optim.stopping import StopReason
from skmax._persistence import checkpoint_file as checkpoint_file
from skmax._persistence.checkpoint_file import CheckpointFile
from skmax._persistence.serialize import NAMES, from_plain, to_plain
from skmax._training import dataset as training_dataset
from skmax._training import held_out_fits as held_out_fits
from skmax._training import run as run
from skmax._training import scoring as scoring
from skmax._training import start as start
from skmax._training import temperature as calibration
from skmax._training import train as train
from skmax._training.config import FULL_BATCH_SOLVERS, TrainingConfig, auto_epochs
from skmax._training.fingerprint import comparable
from skmax._training.monitor import Monitor
from skmax._training.scoring import over_all_classes, takes_weights
from skmax._training.state import Curve, History, TrainingState
from skmax._training.temperature import MIN_ROWS, chosen_rows, fit_temperature, most_rows

# What files of skops call a classifier, and what whoever opens one has to trust.
NAME_IN_FILES = "skmax._classifier.SoftmaxMLPClassifier"


# Classes by what files call them.
CLASSES = {name: kind for kind, name in NAMES.items()} | {
    kind.__name__: kind for kind in OPTIMIZERS.values()
}


class Follower:
    """Observes a solver: records iterations by a function, and never asks to stop."""

    def __init__(self, record):
        self.record = record

    def begin(self):
        pass

    def end(self):
        return None


def minimize_minibatch(objective, state, record, *, epochs=None, **settings):
    """Advance the state by epochs of mini-batch steps, all of them unless `epochs` are given."""
    epochs = range(settings["max_iter"]) if epochs is None else epochs
    return MinibatchSolver(**settings).run(objective, state, Follower(record), epochs)


def minimize_lbfgs(objective, state, record, *, tol, max_iter, max_fun):
    """Advance the state by iterations of L-BFGS; return the gradient's size and a message."""
    return LBFGS(tol, max_fun).run(objective, state, Follower(record), range(max_iter))


def minimize_newton(objective, state, record, *, tol, max_iter):
    """Advance the state by Newton steps; return the gradient's size and a message."""
    return NewtonCG(tol).run(objective, state, Follower(record), range(max_iter))
