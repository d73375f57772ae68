"""Checks a data folder of any dataset through its own reader: what records alone can tell.

Of a part that its reader refuses, only the reasons are known. FashionAI, whose files are looked at
cell by cell, has its own check (`fashionai/check.py`).
"""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

from aifashion.datasets.checking import (
    ERROR,
    Fault,
    Finding,
    Picture,
    Report,
    examine_all,
    is_inside,
)
from aifashion.datasets.schema import ABSENT, KeypointRecord, KeypointSchema
from aifashion.datasets.tables import shown
from aifashion.errors import Failure

Listed = tuple[Path, KeypointRecord]  # the part's file, and a record of it


def check(dataset: ModuleType, folder: Path, fast: bool = False) -> Report:
    """Checks every part of a data folder: its reader's refusal, each picture, each keypoint.

    Args:
        fast: reads the pictures' headers only; damage behind them and pictures that are both
            trained on and tested with are not looked for.

    Raises:
        Failure: BAD_DATA where the folder holds no such data at all.
    """
    layout = dataset.find(folder)
    findings, sides = [], {}
    for name, parts in {"train": layout.train, "test": [layout.test]}.items():
        sides[name] = []
        for part in parts:
            sides[name] += [] if part is None else _read(dataset, part, findings)
    listed = sides["test"] + sides["train"]
    names = {record.path: _name(folder, record.path) for _, record in listed}
    pictures = examine_all([*names.values()], fast)
    seen = {path: pictures[name] for path, name in names.items()}
    findings += _check_pictures(listed, seen)
    for file, record in listed:
        faults = _keypoint_faults(record, dataset.SCHEMA, seen[record.path].size)
        findings += [fault.at(file, field=field) for fault, field in faults]
    findings += _check_leaks(sides, seen)
    records = {name: [record for _, record in side] for name, side in sides.items()}
    count = len(layout.train) + (layout.test is not None)
    return Report(findings, records["train"], records["test"], count, len(names), ())


def _read(dataset: ModuleType, part, findings: list[Finding]) -> list[Listed]:
    file = Path(str(part))
    try:
        return [(file, record) for record in dataset.read_part(part)]
    except Failure as failure:
        for message in failure.each:
            said = message.removeprefix(f"{file}: ").rstrip(".")
            fault = Fault("part-refused", ERROR, said, "Mend it, then check again.")
            findings.append(fault.at(file))
        return []


def _name(folder: Path, path: Path) -> tuple[Path, str]:
    """The folder that a picture has to be in, and its name below it.

    That is the data folder, or one for pictures in it that is a link to where they are. A picture
    elsewhere has its whole path for a name, which is then found at fault.
    """
    if not path.is_relative_to(folder) or ".." in path.parts:
        return folder, str(path)
    if is_inside(folder, path.parent):
        return folder, str(path.relative_to(folder))
    return path.parent, path.name


def _check_pictures(listed: list[Listed], seen: dict[Path, Picture]) -> Iterator[Finding]:
    """What is wrong with each picture, told where it is first named."""
    first = {record.path: (file, record) for file, record in reversed(listed)}
    for file, record in reversed(first.values()):
        for fault in seen[record.path].faults:
            yield fault.at(file, field=record.image_id)


def _keypoint_faults(
    record: KeypointRecord, schema: KeypointSchema, size: tuple[int, int] | None
) -> Iterator[tuple[Fault, str]]:
    """What is wrong with a record's truth, and of which keypoint."""
    if record.keypoints is None:
        return
    where = shown(record.image_id)
    own = schema.mask(record.category)
    for k in np.flatnonzero(record.visibility != ABSENT):
        name, (x, y) = schema.keypoints[k], record.keypoints[k]
        if not own[k]:
            message = f"{where}: a {record.category} has no {name}"
            yield Fault("keypoint-foreign", ERROR, message, "Leave it absent."), name
        elif size and not (0 <= x < size[0] and 0 <= y < size[1]):
            message = f"{where}: ({x:g}, {y:g}) is outside the picture's {size[0]} x {size[1]}"
            yield Fault("keypoint-outside", ERROR, message, "Leave it absent."), name


def _check_leaks(sides: dict[str, list[Listed]], seen: dict[Path, Picture]) -> Iterator[Finding]:
    """Pictures trained on whose bytes the test has, too."""
    tested = {seen[record.path].digest: record for _, record in sides["test"]}
    for file, record in sides["train"]:
        digest = seen[record.path].digest
        if digest and digest in tested:
            message = f"the same bytes as {shown(tested[digest].image_id)} of the test"
            fault = Fault("leak-picture", ERROR, message, "Train on it or test with it.")
            yield fault.at(file, field=record.image_id)
