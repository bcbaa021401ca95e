"""Docstrings of everything public, as scikit-learn's pages and people read them."""

import inspect

import pytest
from numpydoc.validate import validate
from sklearn.linear_model import LogisticRegression

import skmax
from skmax import SoftmaxMLPClassifier
from skmax.dask import DaskSoftmaxMLPClassifier

# No part of numpydoc's format that a reader could miss: an extended summary, "See Also" and
# examples everywhere, and a type without a name in "Returns".
NOT_NEEDED = {"ES01", "SA01", "EX01", "RT02"}


def public_names():
    values = {f"skmax.{name}": getattr(skmax, name) for name in skmax.__all__}
    values["skmax.dask.DaskSoftmaxMLPClassifier"] = DaskSoftmaxMLPClassifier
    for name, value in values.items():
        yield name
        if inspect.isclass(value):
            for member in vars(value):
                described = callable(getattr(value, member)) or isinstance(
                    inspect.getattr_static(value, member), property
                )
                if described and not member.startswith("_"):
                    yield f"{name}.{member}"


NAMES = list(public_names())


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_are_valid(name):
    errors = [error for error in validate(name)["errors"] if error[0] not in NOT_NEEDED]
    assert not errors


def test_all_that_is_public_is_looked_at():
    assert {"skmax.SoftmaxMLPClassifier.fit", "skmax.SoftmaxMLPClassifier.coefs_"} <= set(NAMES)
    assert {"skmax.ReliabilityDisplay.from_predictions", "skmax.softmax"} <= set(NAMES)


def test_the_html_page_describes_every_parameter():
    page = SoftmaxMLPClassifier()._repr_html_()
    assert page.count('class="param-doc-description"') == len(SoftmaxMLPClassifier().get_params())
    assert LogisticRegression()._repr_html_().count('class="param-doc-description"') > 5
