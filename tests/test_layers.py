"""Imports go down the layers, heavy packages wait until used, tests know one door to the rest."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import skmax

PACKAGE = Path(skmax.__file__).parent
TESTS = Path(__file__).parent


def test_only_the_dependencies_are_imported():
    code = (
        "import sys, scipy.optimize, sklearn.metrics, sklearn.model_selection\n"
        "before = set(sys.modules); import skmax\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    others = set(run.stdout.split()) - sys.stdlib_module_names
    assert others <= {"skmax", "sklearn", "scipy", "numpy"}


def private_parts(path):
    """Yield what a file of tests imports of skmax that is private, or names in its strings."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]  # code for other processes, what monkeypatch replaces
        else:
            continue
        yield from (name for name in names if re.search(r"\bskmax(\\?\.| import )_[a-z]", name))


def test_tests_reach_private_names_through_internals_alone():
    for path in TESTS.glob("*.py"):
        assert path.name == "internals.py" or not list(private_parts(path)), path
    assert list(private_parts(TESTS / "internals.py"))
