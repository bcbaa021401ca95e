"""The walk from `fit` to one step and back, as the design shows it, and the laws that it keeps."""

import ast
import inspect
import sys
import textwrap
import tomllib
import warnings
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import internals
import numpy as np
import pytest

import skmax
from skmax import SoftmaxMLPClassifier

PACKAGE = Path(skmax.__file__).parent
ROOT = Path(__file__).parents[1]

X = np.random.default_rng(0).normal(size=(12, 5))
y = np.arange(12) % 3

# One epoch, of one batch, of one network.
SHORT = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
SHORT |= {"early_stopping": False, "temperature_scaling": False}

FIT = inspect.unwrap(SoftmaxMLPClassifier.fit)
TRAIN = inspect.unwrap(internals.train.train)


class Call(NamedTuple):
    """A call of a function of skmax within a fit.

    `entered` are the modules on the stack, from that of `fit` to that of the function, each as
    often as it is entered.
    """

    entered: tuple[str, ...]
    name: str
    with_rows: bool
    within_train: bool
    depth: int
    is_listed: bool


@cache
def module_of(code):
    """The module of skmax that code is from, without the name of the package, or None."""
    path = Path(code.co_filename)
    if not path.is_relative_to(PACKAGE):
        return None
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def is_plain(code):
    """Whether code is a function, method or constructor; a property only answers a question."""
    owner, _, name = code.co_qualname.rpartition(".")
    if "<" in code.co_qualname or (name.startswith("__") and name != "__init__"):
        return False
    kind = vars(sys.modules[f"skmax.{module_of(code)}"]).get(owner)
    return not (kind and isinstance(vars(kind).get(name), property | cached_property))


def holds_rows(value):
    """Whether a value is X, encoded or not, or holds it; an encoded row has more columns."""
    if isinstance(value, np.ndarray):
        return value.ndim == 2 and len(value) == len(X) and value.shape[1] >= X.shape[1]
    if isinstance(value, tuple):
        return any(map(holds_rows, value))
    held = getattr(value, "__dict__", {})
    return any(
        holds_rows(held[name]) for name in ("X", "rows", "dataset", "objective") if name in held
    )


def trace(**settings):
    """The calls between modules of skmax within a fit."""
    calls, stack, known = [], [], set()  # stack: module, whether it is in the list, code

    def follow(frame, event, argument):
        code = frame.f_code
        module = module_of(code)
        if (
            module is None
            or event not in ("call", "return")
            or not (stack or code is FIT.__code__)
        ):
            return
        if event == "return":
            stack.pop()
            return
        modules = [entry[0] for entry in stack] + [module]
        is_entered = len(modules) == 1 or modules[-2] != module
        step = (*modules[-2:], code.co_qualname)
        is_listed = is_entered and is_plain(code) and step not in known
        if is_listed:
            known.add(step)
        if is_entered:
            kind, *_, values = inspect.getargvalues(frame)
            calls.append(
                Call(
                    entered=tuple(
                        m for i, m in enumerate(modules) if not i or m != modules[i - 1]
                    ),
                    name=code.co_qualname,
                    with_rows=any(holds_rows(values[name]) for name in kind if name != "self"),
                    within_train=any(entry[2] is TRAIN.__code__ for entry in stack),
                    depth=sum(entry[1] for entry in stack),
                    is_listed=is_listed,
                )
            )
        stack.append((module, is_listed, code))

    clf = SoftmaxMLPClassifier(**SHORT | settings)
    with warnings.catch_warnings(action="ignore"):
        before = sys.getprofile()
        sys.setprofile(follow)
        try:
            clf.fit(X, y)
        finally:
            sys.setprofile(before)
    assert not stack
    return calls


def walk():
    """The list that the design shows."""
    lines = []
    for call in trace():
        if call.is_listed:
            name = f"{call.entered[-1]}.{call.name}".removesuffix(".__init__")
            lines.append("  " * call.depth + name)
    return lines


def layers():
    """The number of the layer that each package and module of the contract is in, from the top."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = project["tool"]["importlinter"]["contracts"][0]["layers"]
    return {
        name.strip(): number
        for number, layer in enumerate(contract)
        for name in layer.replace(":", "|").split("|")
    }


@cache
def imported_by(module):
    """The modules of skmax that one imports, directly or not."""
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = module.split(".")[: -node.level] + (node.module or "").split(".") * bool(
                node.module
            )
            names = [".".join(base), *(".".join([*base, alias.name]) for alias in node.names)]
            found |= {
                n for n in names if PACKAGE.joinpath(*n.split(".")).with_suffix(".py").exists()
            }
    return found.union(*map(imported_by, found))


WALKS = [{}, {"learning_rate": "constant"}, {"solver": "lbfgs"}]
WALKS.append({"solver": "newton-cg", "hidden_layer_sizes": ()})


@pytest.fixture(scope="module", params=WALKS, ids=str)
def calls(request):
    return trace(**request.param)


def test_the_design_shows_the_walk():
    page = (ROOT / "docs" / "design.md").read_text()
    shown = page.split("## The walk\n")[1].split("\n## ")[0]
    lines = [line.removeprefix("    ") for line in shown.splitlines() if line.startswith("    ")]
    assert lines == walk()


def test_rows_go_down_the_layers(calls):
    number, names = layers(), {call.name for call in calls if call.with_rows}
    assert {"check_rows", "train"} <= names
    assert names & {"Network.loss_and_gradient", "transposed_dot"}  # the lowest
    for call in calls:
        if call.with_rows and len(call.entered) > 1:
            above, below = (module.split(".")[0] for module in call.entered[-2:])
            assert number[above] <= number[below], call


def test_on_its_way_down_no_module_gets_the_rows_again(calls):
    again = [call for call in calls if len(set(call.entered)) < len(call.entered)]
    assert not any(call.with_rows for call in again)


# What is called against the imports, by whoever is given it: none of it is given rows.
UPWARDS = {
    ("_optim", "_training.run", "Run.begin"),
    ("_optim", "_training.run", "Run.record"),
    ("_optim", "_training.run", "Run.end"),
    # By copy and by scikit-learn, which are given the estimator.
    ("_callbacks", "_classifier", "SoftmaxMLPClassifier.__copy__"),
    ("_data", "_classifier", "SoftmaxMLPClassifier.__sklearn_tags__"),
}


def test_a_network_in_training_is_called_from_below_without_its_rows(calls):
    upwards = [call for call in calls[1:] if call.entered[-2] in imported_by(call.entered[-1])]
    steps = {(call.entered[-2].split(".")[0], call.entered[-1], call.name) for call in upwards}
    assert {step for step in UPWARDS if step[0] == "_optim"} <= steps <= UPWARDS
    assert not any(call.with_rows for call in upwards)


def test_the_estimator_is_read_once_and_never_in_training(calls):
    assert sum(call.name == "TrainingConfig.of" for call in calls) == 1
    assert not any(call.entered[-1] == "_classifier" for call in calls if call.within_train)


def tree(function):
    return ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]


@pytest.mark.parametrize(("function", "most"), [(FIT, 12), (TRAIN, 15)])
def test_a_fit_is_a_short_list_of_steps(function, most):
    statements = [node for node in ast.walk(tree(function)) if isinstance(node, ast.stmt)]
    docstring = ast.get_docstring(tree(function)) is not None
    assert len(statements) - 1 - docstring <= most


@pytest.mark.parametrize("function", [FIT, TRAIN])
def test_a_fit_has_no_closure(function):
    within = ast.walk(tree(function))
    assert sum(isinstance(node, ast.FunctionDef | ast.Lambda) for node in within) == 1


if __name__ == "__main__":  # what to put into the design
    print("\n".join(walk()))
