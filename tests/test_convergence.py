"""Where L-BFGS ends because rounding hides any gain, it says whether that is the optimum."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning

from skmax import SoftmaxMLPClassifier

X, y = load_iris(return_X_y=True)

DATA = {
    "iris": (X, y),
    "wine": load_wine(return_X_y=True),
    "breast cancer": load_breast_cancer(return_X_y=True),
    "digits": tuple(array[:300] for array in load_digits(return_X_y=True)),
}


def lbfgs(hidden, scaling, **settings):
    settings = {"temperature_scaling": False, "random_state": 0, "max_iter": 2000, **settings}
    return SoftmaxMLPClassifier(hidden, solver="lbfgs", scaling=scaling, **settings)


@pytest.mark.parametrize("container", [np.asarray, csr_array], ids=["dense", "CSR"])
@pytest.mark.parametrize(
    ("hidden", "shift", "dtype"),
    [
        ((), 1e8, np.float64),
        ((), 1e8, np.float32),
        ((), 1e4, np.float32),
        ((), 1e2, np.float32),
        ((8,), 1e8, np.float64),
    ],
)
def test_far_from_the_optimum_it_warns(hidden, shift, dtype, container):
    rows = container((X + shift).astype(dtype))
    with pytest.warns(ConvergenceWarning, match=r"not converged.*rounding.*scaling='standard'"):
        clf = lbfgs(hidden, None).fit(rows, y)
    assert clf.loss_ > 1.05 * lbfgs(hidden, "standard").fit(X, y).loss_


@pytest.mark.parametrize("weighted", [False, True])
def test_weights_are_those_of_the_fit(weighted):
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=150) if weighted else None
    with pytest.warns(ConvergenceWarning, match="rounding hides"):
        lbfgs((), None).fit(X + 1e8, y, weight)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hidden", [(), (4,)])
@pytest.mark.parametrize("name", DATA)
def test_at_the_optimum_of_scaled_features_it_does_not(name, hidden, dtype):
    rows, labels = DATA[name]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "lbfgs has not converged after .* iterations \\(")
        lbfgs(hidden, "standard", max_iter=300).fit(rows.astype(dtype), labels)
    rows = ((rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9)).astype(dtype)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "lbfgs has not converged after .* iterations \\(")
        lbfgs(hidden, None, max_iter=300).fit(rows, labels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_at_the_optimum_of_features_as_they_are_it_does_not(dtype):
    lbfgs((), None).fit(X.astype(dtype), y)
