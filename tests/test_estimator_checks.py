"""scikit-learn's own estimator checks, for several configurations."""

import pytest
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    check_sample_weight_equivalence_on_sparse_data,
    parametrize_with_checks,
)

from skmax import SoftmaxMLPClassifier

CONFIGURATIONS = [
    SoftmaxMLPClassifier(),
    SoftmaxMLPClassifier((20,), solver="lbfgs"),
    SoftmaxMLPClassifier(solver="sgd", learning_rate_init=0.05),
    SoftmaxMLPClassifier(hidden_layer_sizes=(), learning_rate_init=0.05),
    SoftmaxMLPClassifier(hidden_layer_sizes=(), solver="newton-cg"),
    SoftmaxMLPClassifier(early_stopping=True),
    SoftmaxMLPClassifier(class_weight="balanced", label_smoothing=0.1),
    SoftmaxMLPClassifier((8, 8), "gelu", dropout=0.1),
    SoftmaxMLPClassifier(scaling="robust", learning_rate="cosine"),
]


def expected_failures(estimator):
    """Random splits and random masks differ between a weight of 2 and a row twice."""
    if not (estimator.early_stopping is True or estimator.dropout):
        return {}
    reason = "a random split or mask per row tells weights from repetitions"
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in ("dense", "sparse")
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(CONFIGURATIONS, expected_failed_checks=expected_failures)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "check",
    [
        check_sample_weight_equivalence_on_dense_data,
        check_sample_weight_equivalence_on_sparse_data,
    ],
)
def test_weights_are_repetitions_to_lbfgs_with_all_else_at_its_default(check):
    check("SoftmaxMLPClassifier", SoftmaxMLPClassifier(solver="lbfgs"))
