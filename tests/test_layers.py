"""Imports go down the layers, heavy packages wait until used, tests know one door to the rest."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import skmax

PACKAGE = Path(skmax.__file__).parent
TESTS = Path(__file__).parent

# Modules of one set import only from sets further down.
LAYERS = [
    {"__init__", "dask", "onnx"},
    {"_checkpoint", "_logits_display", "_training_curve", "_validation_monitor"},
    {"_classifier", "_reliability"},
    {"_conversion"},
    {"_partitioned_objective"},
    {"_fitting", "_plain", "_validation"},
    {"_integrity"},
    {"_helpers", "_unfinished"},
    {"_idle_settings", "_scoring"},
    {"_building"},
    {"_newton"},
    {"_model", "_solvers"},
    {"_monitor", "_calibration", "_splits", "_targets", "_tasks"},
    {"_objective"},
    {"_far_rows", "_network", "_partitions", "_rows"},
    {
        *("_activations", "_blas", "_curve", "_drawing", "_features", "_losses", "_schedules"),
        *("_optimizers", "_scaling"),
    },
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def imported_modules(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield node.module
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [alias.name for alias in node.names]
            assert not any(name.startswith("skmax") for name in names), path


def test_every_module_has_a_layer():
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(LEVEL)


def test_imports_go_down():
    for path in PACKAGE.glob("*.py"):
        for module in imported_modules(path):
            assert LEVEL[module] > LEVEL[path.stem], f"{path.stem} imports {module}"


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
