"""What the pages say of other packages runs, where these are installed: `make clients`."""

import doctest
import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[1] / "docs" / "guide"
USED_WITH = (GUIDE / "used_with.md").read_text()
FROM_PYTORCH = (GUIDE / "from_pytorch.md").read_text()

# What a section imports. PMML needs Java, and a version of scikit-learn of its own.
MODULES = {
    "mlflow": "mlflow",
    "optuna": "optuna",
    "shap": "shap",
    "MAPIE": "mapie",
    "imbalanced-learn": "imblearn",
    "fairlearn": "fairlearn",
    "cleanlab": "cleanlab",
    "skrub": "skrub",
    "emlearn": "emlearn",
    "FastAPI": "fastapi",
}

# Warnings of other packages are not ours to mend.
pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]


def sections():
    """The sections of the page with their texts."""
    parts = re.split(r"^## (.+)$", USED_WITH, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def run(text, name):
    """Run the doctests of a text; return their variables, and how many there were."""
    test = doctest.DocTestParser().get_doctest(text.replace("```", ""), {}, name, None, 0)
    variables = test.globs
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF
    results = doctest.DocTestRunner(optionflags=flags).run(test, clear_globs=False)
    assert not results.failed
    return variables, results.attempted


def test_each_section_of_a_package_is_run_or_says_why_not():
    without = {"PMML", "Versions", "Where to go next"}
    assert sections().keys() == MODULES.keys() | without
    assert "No test runs this snippet" in sections()["PMML"]


@pytest.mark.parametrize("name", MODULES)
def test_the_snippets_of_a_package_run(name, tmp_path, monkeypatch):
    pytest.importorskip(MODULES[name], reason="of the extra clients")
    monkeypatch.chdir(tmp_path)
    assert run(sections()[name], name)[1] > 5


def test_the_training_loop_of_pytorch_runs():
    pytest.importorskip("torch", reason="it is large, and no extra brings it")
    variables, _ = run(FROM_PYTORCH, "from_pytorch")
    code = next(block for block in re.findall(r"```python\n(.*?)```", FROM_PYTORCH, re.DOTALL))
    ours = variables["P_test"]
    exec(code, variables)
    assert variables["P_test"].shape == ours.shape
    right = variables["P_test"].argmax(axis=1) == variables["y_test"]
    assert right.mean() > 0.95
