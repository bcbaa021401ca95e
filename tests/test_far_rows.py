"""Validation rows that were not scaled as X was are told; honest ones are not."""

import numpy as np
import pytest
from internals import Dataset, warn_of_far_rows
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmax import SoftmaxMLPClassifier

TABLES = {"iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer}


def sample(X):
    return Dataset(X, np.zeros(X.shape[0], dtype=int))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("n_rows", [20, 40])
def test_unscaled_rows_beside_scaled_ones_are_told(name, n_rows):
    X, _ = TABLES[name](return_X_y=True)
    for seed in range(10):
        X_fit, X_val = train_test_split(X, test_size=n_rows, random_state=seed)
        with pytest.warns(UserWarning, match="X_val lies far outside X: in .* Is X scaled"):
            warn_of_far_rows(sample(StandardScaler().fit_transform(X_fit)), sample(X_val))


@pytest.mark.parametrize("name", TABLES)
def test_honest_splits_are_not(name):  # (warnings are errors)
    X, _ = TABLES[name](return_X_y=True)
    for n_rows in (1, 2, 3, 5, 10, 40):
        for seed in range(10):
            X_fit, X_val = train_test_split(X, test_size=n_rows, random_state=seed)
            warn_of_far_rows(sample(X_fit), sample(X_val))
    for feature in X.T:  # one feature's highest tenth, and its lowest, are never trained on
        order = np.argsort(feature)
        tenth = len(X) // 10
        warn_of_far_rows(sample(X[order[:-tenth]]), sample(X[order[-tenth:]]))
        warn_of_far_rows(sample(X[order[tenth:]]), sample(X[order[:tenth]]))


def test_heavy_tails_and_constant_columns_are_no_reason():
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [rng.standard_cauchy((500, 3)), np.ones(500), rng.normal(size=500) * 1e300]
    )
    for seed in range(20):
        X_fit, X_val = train_test_split(X, test_size=3, random_state=seed)
        warn_of_far_rows(sample(X_fit), sample(X_val))
    warn_of_far_rows(sample(X_fit[:, 3:4]), sample(1e5 * X_val[:, 3:4]))
    warn_of_far_rows(sample(csr_array(X_fit)), sample(csr_array(1e5 * X_val)))


def test_a_fit_that_is_given_them_in_a_pipeline_says_where_and_why():
    X, y = load_wine(return_X_y=True)
    X_fit, X_val, y_fit, y_val = train_test_split(X, y, random_state=0)
    step = SoftmaxMLPClassifier((), max_iter=2, learning_rate="cosine", temperature_scaling=False)
    with pytest.warns(UserWarning, match="transform_input"):
        make_pipeline(StandardScaler(), step).fit(
            X_fit, y_fit, softmaxmlpclassifier__X_val=X_val, softmaxmlpclassifier__y_val=y_val
        )
    scaler = StandardScaler().fit(X_fit)
    with pytest.warns(UserWarning, match="Is X scaled") as caught:
        step.fit(scaler.transform(X_fit), y_fit, X_val=X_val, y_val=y_val)
    assert [warning.filename for warning in caught] == [__file__]
    step.fit(scaler.transform(X_fit), y_fit, X_val=scaler.transform(X_val), y_val=y_val)
