"""Small files, small functions, no inheritance of our own: the numbers that keep it readable."""

import ast
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*ROOT.glob("*.py"), *ROOT.glob("aifashion/**/*.py"), *ROOT.glob("pipelines/*.py")])
MOST_LINES = 400
MOST_BODY, USUAL_BODY, USUAL_SHARE = 60, 40, 0.95
MOST_PARAMETERS = 6
DOOR_LINES = 60


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def functions(file: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(parsed(file)) if isinstance(node, ast.FunctionDef)]


def body_lines(function: ast.FunctionDef) -> int:
    """Lines of the body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_file(file):
    assert len(file.read_text().splitlines()) <= MOST_LINES
    assert ast.get_docstring(parsed(file)), "no module docstring"
    for function in functions(file):
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        count = len([a for a in named if a.arg not in ("self", "cls")])
        assert body_lines(function) <= MOST_BODY, f"{function.name}: {body_lines(function)} lines"
        assert count <= MOST_PARAMETERS, f"{function.name}: {count} parameters"
        assert arguments.kwarg is None, f"{function.name} takes **kwargs"


def test_most_functions_and_files_are_short():
    bodies = [body_lines(function) for file in FILES for function in functions(file)]
    assert sum(lines <= USUAL_BODY for lines in bodies) >= USUAL_SHARE * len(bodies)
    assert median(len(file.read_text().splitlines()) for file in FILES) <= 150


@pytest.mark.parametrize("door", ["train.py", "test.py", "demo.py"])
def test_doors_are_not_rooms(door):
    assert len((ROOT / door).read_text().splitlines()) <= DOOR_LINES


def test_no_inheritance_of_our_own():
    classes = [
        node for file in FILES for node in ast.walk(parsed(file)) if isinstance(node, ast.ClassDef)
    ]
    ours = {node.name for node in classes}
    for node in classes:
        for base in node.bases:
            assert not (isinstance(base, ast.Name) and base.id in ours), node.name


def test_nothing_resolves_names_at_run_time():
    """No registry by string, no unpickling, no evaluation of text."""
    forbidden = {"import_module", "eval", "exec", "load_model", "__import__"}
    for file in FILES:
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "id", getattr(node.func, "attr", None))
                assert called not in forbidden, f"{file}: {called}"
            if isinstance(node, ast.Import):
                assert all(alias.name != "pickle" for alias in node.names), file
