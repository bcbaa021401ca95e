"""What the cut of the package rests on: no modes, reasons as an Enum, estimators at few doors."""

import ast
from pathlib import Path

import sklearn
from internals import StopReason

import skmax

PACKAGE = Path(skmax.__file__).parent
TREES = {
    path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text())
    for path in sorted(PACKAGE.rglob("*.py"))
}

# The one file that knows private names of scikit-learn.
COMPAT = "_sklearn_compat.py"


def nodes(kind, *, outside=()):
    """Yield a file and a node, for each of that kind."""
    for name, tree in TREES.items():
        if name not in outside:
            yield from ((name, node) for node in ast.walk(tree) if isinstance(node, kind))


def functions():
    """Yield a file, a function with its class, and the names of its parameters."""
    for name, tree in TREES.items():
        owners = {
            child: node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for child in node.body
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                a = node.args
                given = {p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs)}
                yield name, ".".join(filter(None, [owners.get(node), node.name])), given


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name.isidentifier()


def test_a_fit_has_no_mode():
    modes = {"streaming", "resumed", "continued", "NO_TASKS"}
    for name, parameter in nodes(ast.arg):
        assert parameter.arg not in modes, name
    for name, attribute in nodes(ast.Attribute):
        assert attribute.attr not in modes, (name, attribute.lineno)
    for name, variable in nodes(ast.Name):
        assert isinstance(variable.ctx, ast.Load) or variable.id not in modes, name
    for name, field in nodes(ast.keyword):
        assert field.arg not in modes, name


def test_reasons_to_stop_are_members_of_the_enum():
    # These two are parameters of estimators as well.
    values = {reason.value for reason in StopReason} - {"max_iter", "max_fun"}
    for name, text in nodes(ast.Constant, outside=["_optim/stopping.py"]):
        assert text.value not in values, (name, text.lineno)
    for name, comparison in nodes(ast.Compare, outside=["_persistence/serialize.py"]):
        sides = [comparison.left, *comparison.comparators]
        if any("reason" in ast.unparse(side) for side in sides):
            texts = [node for side in sides for node in ast.walk(side)]
            assert not any(
                isinstance(node, ast.Constant) and isinstance(node.value, str) for node in texts
            ), (name, comparison.lineno)


def private_names_of_scikit_learn():
    """Private attributes of the classes and functions that skmax meets there."""
    folder, names = Path(sklearn.__file__).parent, set()
    files = ["base.py", "metrics/_scorer.py", "neural_network/_multilayer_perceptron.py"]
    files += ["utils/validation.py", "utils/_repr_html/base.py", "pipeline.py"]
    paths = [folder / file for file in files] + sorted((folder / "callback").glob("_*.py"))
    for path in paths:
        tree = ast.parse(path.read_text())
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return set(filter(is_private, names))


# Names of ours that scikit-learn has, too.
OF_THE_SAME_NAME = {
    ("_callbacks/validation_monitor.py", "_scoring"),
}

# What a fitted MLPClassifier is made of, which from_sklearn reads and to_sklearn writes.
OF_MLP_CLASSIFIER = {"_label_binarizer", "_best_coefs", "_best_intercepts"}
OF_MLP_CLASSIFIER |= {"_no_improvement_count"}


def test_one_file_knows_private_names_of_scikit_learn():
    for name, imported in nodes(ast.ImportFrom, outside=[COMPAT]):
        if (imported.module or "").startswith("sklearn"):
            parts = imported.module.split(".") + [alias.name for alias in imported.names]
            assert not any(map(is_private, parts)), (name, imported.lineno)
    theirs = private_names_of_scikit_learn()
    assert {"_skl_callbacks", "_score_func", "_init_callback_context", "_kwargs"} <= theirs
    used = {(name, node.attr) for name, node in nodes(ast.Attribute, outside=[COMPAT])}
    # Those of getattr and vars as well.
    used |= {(name, node.value) for name, node in nodes(ast.Constant, outside=[COMPAT])}
    met = {(name, private) for name, private in used if private in theirs}
    assert met - OF_THE_SAME_NAME == {("_interop/mlp.py", name) for name in OF_MLP_CLASSIFIER}


# Methods that scikit-learn or a user calls with an estimator, wherever they stand.
AS_IN_SCIKIT_LEARN = {"setup", "teardown", "from_estimator", "from_sklearn", "resume"}

DOORS = """
    _callbacks/scope.FitScope.__init__
    _classifier.can_stream
    _data/checks.last_step
    _data/checks.check_methods
    _training/config.TrainingConfig.of
    _training/scoring.Scorer.__init__
"""


def doors():
    """The functions that take an estimator, by whatever name."""
    called = {"estimator", "classifier", "clf", "mlp", "local", "working_copy"}
    return [
        f"{name.removesuffix('.py')}.{function}"
        for name, function, given in functions()
        if called & given
        and function.rpartition(".")[2] not in AS_IN_SCIKIT_LEARN
        and not function.rpartition(".")[2].startswith("on_fit_task_")
    ]


def test_six_functions_at_most_take_an_estimator():
    assert sorted(doors()) == sorted(DOORS.split())
    assert len(doors()) <= 6


if __name__ == "__main__":
    print("\n".join(doors()))
