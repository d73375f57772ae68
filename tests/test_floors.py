"""Imports point down: a module imports from its own floor's modules never, from lower ones only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# The first prefix that fits gives a module's floor. Modules of one name share a floor freely with
# themselves (a package's own files import one another).
FLOORS = {
    "train": 7, "test": 7, "demo": 7,
    "aifashion.__main__": 7, "aifashion.cli": 6.8, "aifashion.api": 6.5, "aifashion.bench": 6.5,
    "aifashion.ablations": 6.5,
    "aifashion.doctor": 6.4, "aifashion.together": 6,
    "pipelines": 5,
    "aifashion.data": 4.5, "aifashion.evaluation": 4.5, "aifashion.runs": 4,
    "aifashion.tasks": 3.5, "aifashion.recipes": 3,
    "aifashion.training": 2.5, "aifashion.convert": 2.5, "aifashion.export": 2.5,
    "aifashion.visualize": 2.5, "aifashion.report": 2.5, "aifashion.costs": 2.5,
    "aifashion.keypoints": 2, "aifashion.parsing": 2, "aifashion.retrieval": 2,
    "aifashion.backbones": 1,
    "aifashion.ops": 0.5,
    "aifashion.datasets": 0.5, "aifashion.images": 0.2, "aifashion.image_headers": 0.1,
    "aifashion.checkpoints": 0.3, "aifashion.matching": 0.3,
    "aifashion.hdf5": 0.2, "aifashion.downloads": 0.2,
    "aifashion.files": 0.2, "aifashion.disk": 0.2, "aifashion.locks": 0.2,
    "aifashion.progress": 0.1, "aifashion.affine": 0,
    "aifashion.errors": 0, "aifashion": 0,
}  # fmt: skip
TENSORFLOW = ("pipelines", "aifashion.training", "aifashion.export", "aifashion.ops.norm")
TENSORFLOW += ("aifashion.bench",)  # measures tf.data
PLAIN = ("aifashion.datasets", "aifashion.images", "aifashion.checkpoints", "aifashion.cli")
PLAIN += ("aifashion.matching", "aifashion.files", "aifashion.disk", "aifashion.locks")


def room(module: str) -> str:
    """The entry of FLOORS that a module belongs to."""
    while module not in FLOORS:
        module = module.rpartition(".")[0]
        assert module, "a module outside every floor"
    return module


def modules() -> dict[str, Path]:
    files = [*ROOT.glob("*.py"), *ROOT.glob("aifashion/**/*.py"), *ROOT.glob("pipelines/**/*.py")]
    names = {}
    for file in files:
        parts = file.relative_to(ROOT).with_suffix("").parts
        names[".".join(part for part in parts if part != "__init__")] = file
    return names


def imports(file: Path) -> set[str]:
    """Every module imported, also inside functions; `from a import b` counts as a.b."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_point_down(name):
    for imported in imports(modules()[name]):
        if imported.partition(".")[0] not in ("aifashion", "pipelines"):
            continue
        target = room(imported)
        assert target == room(name) or FLOORS[target] < FLOORS[room(name)], (
            f"{name} (floor {FLOORS[room(name)]}) imports {imported} (floor {FLOORS[target]})"
        )


def test_tensorflow_stays_in_its_rooms():
    users = {name for name, file in modules().items() if uses(file, "tensorflow")}
    strangers = {name for name in users if not name.startswith(TENSORFLOW)}
    assert not strangers


def test_plain_modules_import_no_tensors():
    users = {name for name, file in modules().items() if uses(file, "keras", "tensorflow")}
    assert not {name for name in users if name.startswith(PLAIN)}


def uses(file: Path, *libraries: str) -> bool:
    return any(imported.partition(".")[0] in libraries for imported in imports(file))
