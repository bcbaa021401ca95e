"""Each chore is a command of the Makefile, and whoever does it calls that command."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
CALLERS = [".ci/run", ".github/workflows/ci.yml", ".pre-commit-config.yaml"]
TOOLS = ("ruff", "mypy", "lint-imports", "pytest", "sphinx", "pip")


def called(path):
    return set(re.findall(r"\bmake ([a-z][a-z-]*)", (ROOT / path).read_text()))


@pytest.mark.parametrize("path", CALLERS)
def test_who_runs_a_chore_calls_make(path):
    assert called(path)
    assert called(path) <= TARGETS
    text = re.sub(r"#.*", "", (ROOT / path).read_text())
    assert not [tool for tool in TOOLS if re.search(rf"\b{tool}\b", text)]


def test_the_commands_that_contributors_are_told_are_there():
    told = re.findall(r"`make ([a-z-]+)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert {"check", "test", "docs", "bench", "all"} <= set(told) <= TARGETS


def test_the_whole_suite_is_what_the_readme_says():
    (arguments,) = re.findall(r"^test:.*\n\t\$\(PYTHON\) (.*)$", MAKEFILE, flags=re.MULTILINE)
    assert f"python {arguments}\n" in (ROOT / "README.md").read_text()


def test_links_of_the_pages_beside_the_readme_lead_to_files():
    for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text()):
            assert "://" in link or (ROOT / link).exists(), link


def test_files_that_contributors_are_sent_to_exist():
    named = re.findall(
        r"`((?:skmax|tests|docs|benchmarks)/[\w/.]*)`", (ROOT / "CONTRIBUTING.md").read_text()
    )
    assert len(named) > 5
    for path in named:
        assert (ROOT / path).exists() or path.startswith("docs/_build"), path
