"""Docstrings of everything public, as scikit-learn's pages and people read them."""

import inspect
import re

import pytest
from numpydoc.validate import validate
from sklearn.pipeline import make_pipeline

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


@pytest.mark.parametrize("wrap", [lambda clf: clf, make_pipeline], ids=["alone", "pipeline"])
def test_the_html_page_describes_every_parameter_and_links_to_no_site(wrap):
    page, n_params = (
        wrap(SoftmaxMLPClassifier())._repr_html_(),
        len(SoftmaxMLPClassifier().get_params()),
    )
    links = re.findall(r'href="([^"]*)"', page)
    ours = [link.strip() for link in links if "scikit-learn.org" not in link]
    assert len(ours) >= n_params and all(link.startswith("#:~:text=") for link in ours)
    assert page.count('class="param-doc-description"') >= n_params


def test_the_html_page_describes_fitted_attributes():
    page = SoftmaxMLPClassifier(max_iter=1).fit([[0.0], [1.0]], [0, 1])._repr_html_()
    assert page.count('class="param-doc-description"') > len(SoftmaxMLPClassifier().get_params())
