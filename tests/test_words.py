"""The pages speak plain English: no word has a meaning that only this project knows."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "skmax").rglob("*.py"))
GENERATED = {"_build", "gallery", "generated"}

# What is not to be written, and what to write instead.
INSTEAD = {
    r"\bhelpers?\b(?!\W? networks?\"? are called)": "held-out fit, function",
    r"\bhabits?\b": "parameters and methods are those of",
    r"\badvis(?:e|es|ed|ing)\b": "recommend, choose, say",
    r"(?<![/._])\badvice\b": "what to do",
    r"(?<!in)\bdoors?\b": "method, function",
    r"\bpeers?\b": "other packages, or their names",
    r"\bat rest\b": "after the fit, in a file",
    r"\b(?:of|in|for|by|after|before) the choice\b(?! (?:of|between)\b)": "choosing the defaults",
    r"\btimid(?:ly|ity)?\b": "underconfident",
    r"\b(?:per|each|every|the last|the first|one) pass(?:es)?\b(?! (?:it|to)\b)": "epoch",
    r"\bpass(?:es)? over the (?:data|rows)\b": "epoch",
    r"\bknows? no end\b": "cannot know how many rows will follow",
    r"\bheld-out rows (?:say|advise)\b": "held-out rows choose",
    r"\btakes? MLPClassifier [\d.]+ to [\d.]+ times\b": "MLPClassifier takes ... times as long",
    r"\bon which nothing was chosen\b": "that played no part in choosing the defaults",
    r"\bneither showed\b": "neither improved the scores",
    r"\bdo not show, so\b": "did not improve the scores, so",
    r"\bfor a file that can be mapped\b": "if you cannot memory-map the data",
    r"\btheir size counts\b": "multiplying all weights by a constant changes the effect of alpha",
}


def pages():
    """The pages that are written by hand."""
    docs = ROOT / "docs"
    written = (
        path for path in docs.rglob("*.md") if not GENERATED & {*path.relative_to(docs).parts}
    )
    return sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *written])


def examples():
    """The pages of the gallery."""
    return sorted((ROOT / "examples").rglob("*.py"))


def prose_of(example):
    """The docstring and the comments of an example, and what it prints."""
    return " ".join(re.findall(r'^""".*?"""|^#.*?$|"[^"\n]*"', example, re.DOTALL | re.MULTILINE))


def private_words(text):
    """What is found of `INSTEAD` in a text, outside of code, with what to write."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", " ", text, flags=re.DOTALL)
    prose = " ".join(prose.split())
    for pattern, instead in INSTEAD.items():
        for match in re.finditer(pattern, prose, re.IGNORECASE):
            yield f"{prose[max(0, match.start() - 40) : match.end() + 40]!r}: write {instead}"


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_has_no_private_words(page):
    assert not list(private_words(page.read_text()))


def strings_of(module):
    """The docstrings of a module, and the texts of its messages."""
    nodes = ast.walk(ast.parse(module.read_text()))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and " " in text]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_and_messages_have_no_private_words(module):
    texts = strings_of(module)
    assert not [found for text in texts for found in private_words(text)]
    assert not [text for text in texts if "pip install skmax" in text]


@pytest.mark.parametrize("example", examples(), ids=lambda path: path.stem)
def test_an_example_has_no_private_words(example):
    assert not list(private_words(prose_of(example.read_text())))


@pytest.mark.parametrize(
    "sentence",
    [
        "It has the habits of MLPClassifier.",
        "After each pass over\nthe data a file is written.",
        "Helper networks advise how long.",
        "The held-out rows say how long to train.",
        "Data sets on which nothing was chosen.",
        "Neither showed beside alpha.",
        "The probabilities are too timid.",
        "The 30 sets of the choice.",
        "Their size counts against alpha.",
        "There are two doors to the model at rest.",
    ],
)
def test_private_words_are_found(sentence):
    assert list(private_words(sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        "You can pass validation rows to the fit.",
        "The rules for the choice of a cycle.",
        "Run `_training/advice.py`, or `pass`.",
        "The forward pass of a network.",
        "The rows are held out.",
    ],
)
def test_words_in_their_ordinary_sense_are_not(sentence):
    assert not list(private_words(sentence))


def code_lines(text):
    """The lines of the blocks of code of a page, whatever directives are around them."""
    fence = None
    for line in text.splitlines():
        marks = re.match(r"\s*(`{3,})(.*)", line)
        if marks and fence is None:
            fence = "prose" if marks[2].startswith("{") else marks[1]
        elif marks and (fence == "prose" or marks[1] == fence):
            fence = None
        elif fence not in (None, "prose"):
            yield line


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_code_fits_the_width_of_a_page(page):
    # The two commands of the README are a line each, so that they are copied whole.
    lines = [line for line in code_lines(page.read_text()) if "python3 -m venv" not in line]
    assert [line for line in lines if len(line) > 79] == []


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_promises_no_package_on_an_index(page):
    assert "pip install skmax" not in page.read_text()
