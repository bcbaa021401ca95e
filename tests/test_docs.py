"""The pages of the site say nothing that has ceased to be so."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from internals import SGD, cosine, gelu, gelu_backward
from numpy.testing import assert_allclose
from sklearn.neural_network import MLPClassifier

import skmax
from skmax import SoftmaxMLPClassifier

DOCS = Path(__file__).parents[1] / "docs"
PACKAGE = Path(skmax.__file__).parent


def table(page, heading):
    """The cells of the table below a heading, row by row, without its first two lines."""
    section = (DOCS / page).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("column, estimator", [(1, MLPClassifier), (2, SoftmaxMLPClassifier)])
def test_the_table_of_parameters_has_them_all_with_their_defaults(column, estimator):
    rows = table("guide/from_mlpclassifier.md", "All parameters")
    told = {row[0].strip("`"): row[column].strip("`") for row in rows}
    assert len(told) == len(rows)
    defaults = {name: repr(value) for name, value in estimator().get_params().items()}
    assert {name: value for name, value in told.items() if value != "-"} == defaults


@pytest.mark.parametrize("piece", [gelu, gelu_backward, SGD, cosine], ids=lambda p: p.__name__)
def test_the_code_of_the_page_on_extending_is_that_of_the_package(piece):
    assert inspect.getsource(piece).strip() in (DOCS / "extending.md").read_text()


def test_the_design_lists_every_module_in_its_layer():
    told = {}
    for layer, module, _ in table("design.md", "Layers"):
        told[PACKAGE / f"{module.strip('`')}.py"] = int(layer)
    modules = {path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}
    assert told.keys() == modules
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())
    contract = project["tool"]["importlinter"]["contracts"][0]["layers"]
    for path, layer in told.items():
        assert path.relative_to(PACKAGE).with_suffix("").parts[0] in contract[layer - 1].split()


# Pages that only lead to others.
LEADS = ("index.md", "changelog.md")
READ = [path for path in DOCS.rglob("*.md") if path.name not in LEADS]
READ = [path for path in READ if not {"_build", "gallery", "generated"} & {*path.parts}]


@pytest.mark.parametrize("page", READ, ids=lambda path: path.name)
def test_a_page_says_what_you_will_learn_and_where_to_go_next(page):
    opening, *sections = page.read_text().split("\n## ")
    assert "ou will learn" in opening
    assert sections[-1].startswith("Where to go next\n")


def test_the_api_has_every_public_name():
    listed = re.findall(r"^   skmax\.([\w.]+)$", (DOCS / "api.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted([*skmax.__all__, "onnx", "dask.DaskSoftmaxMLPClassifier"])


def test_the_api_has_every_extra_for_users():
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].keys()
    page = (DOCS / "api.md").read_text()
    told = {extra for extra in extras if f'".[{extra}]"' in page}
    assert told == extras - {"docs", "benchmark", "test", "check", "clients", "mutation"}


def test_the_example_of_the_first_page_prints_what_it_says(capsys):
    page = (DOCS / "index.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (output,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    exec(code, {})
    printed, told = (
        np.array(re.findall(r"[\d.]+", text), dtype=float)
        for text in (capsys.readouterr().out, output)
    )
    assert_allclose(printed, told, atol=0.03)  # another machine rounds otherwise


def test_the_numbers_of_the_first_page_are_those_of_the_readme():
    numbers = re.findall(r"\*\*(.*?)\*\*", (DOCS / "index.md").read_text())
    readme = (DOCS.parent / "README.md").read_text()
    assert len(numbers) == 5 and all(number in readme for number in numbers)


def test_the_parameters_by_topic_are_all_with_their_defaults_and_when_they_act():
    page = (DOCS / "reference" / "parameters.md").read_text()
    items = re.findall(r"^- `(\w+)`, default `(.+)`\.\n((?:  .*\n)+)", page, re.MULTILINE)
    defaults = {name: repr(value) for name, value in SoftmaxMLPClassifier().get_params().items()}
    assert sorted((name, default) for name, default, _ in items) == sorted(defaults.items())
    for name, _, text in items:
        assert "*Acts*" in text and re.search(r"\*(Raise|Lower|Change)\*", text), name


def literal_texts():
    """The string literals of the package, with a mark where a value is put in."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (getattr(part, "value", "\0") for part in node.values)
                yield "".join(part if isinstance(part, str) else "\0" for part in parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_the_package_has_every_message_of_the_page_on_messages():
    page = (DOCS / "reference" / "messages.md").read_text()
    quoted = re.findall(r'^- "(.+)"$', page, re.MULTILINE)
    assert len(quoted) == page.count("\n- ") - 2  # the links at the end
    texts = list(literal_texts())
    for message in quoted:
        pattern = ".*".join(re.escape(part.strip()) for part in message.split("..."))
        assert any(re.search(pattern, text, re.DOTALL) for text in texts), message
