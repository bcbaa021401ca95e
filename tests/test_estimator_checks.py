"""scikit-learn's own estimator checks, for several configurations."""

import pytest
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    check_sample_weight_equivalence_on_sparse_data,
    parametrize_with_checks,
)

from skmax import SoftmaxMLPClassifier

# The first has the default width and length; what the others add shows in small networks, too.
CONFIGURATIONS = [
    SoftmaxMLPClassifier(),
    SoftmaxMLPClassifier((20,), solver="lbfgs", max_iter=50),
    SoftmaxMLPClassifier((8,), solver="lbfgs", numerical_encoding="both", max_iter=50),
    SoftmaxMLPClassifier((16,), solver="sgd", learning_rate_init=0.05),
    SoftmaxMLPClassifier((), learning_rate_init=0.05),
    SoftmaxMLPClassifier((), solver="newton-cg"),
    SoftmaxMLPClassifier((16,), early_stopping=True),
    SoftmaxMLPClassifier((16,), class_weight="balanced", label_smoothing=0.1, max_iter=20),
    SoftmaxMLPClassifier((8, 8), "gelu", dropout=0.1, max_iter=20),
    SoftmaxMLPClassifier(
        (16,), scaling="robust", learning_rate="cosine", temperature_scaling=False, max_iter=20
    ),
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
@pytest.mark.parametrize("encoding", ["auto", "both"])
@pytest.mark.parametrize(
    "check",
    [
        check_sample_weight_equivalence_on_dense_data,
        check_sample_weight_equivalence_on_sparse_data,
    ],
)
def test_weights_are_repetitions_to_lbfgs_with_all_else_at_its_default(check, encoding):
    clf = SoftmaxMLPClassifier(solver="lbfgs", numerical_encoding=encoding)
    check("SoftmaxMLPClassifier", clf)
