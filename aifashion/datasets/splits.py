"""Splitting records into training and validation: seeded, stratified, free of leaks."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure
from aifashion.files import write_text

HEADER = "path,side"


def stratified(
    records: Sequence[KeypointRecord], share: float, seed: int
) -> tuple[list[int], list[int]]:
    """Splits each category at random, `share` of it for validation.

    Pictures with the same bytes (FashionAI's archives share 366) stay on one side.

    Returns:
        rows for training and rows for validation, each ascending.
    """
    rng = np.random.default_rng(seed)
    groups = defaultdict(list)  # category -> groups of rows that may not be parted
    for rows in _same_bytes(records):
        groups[records[rows[0]].category].append(rows)
    validation = []
    for category in sorted(groups):
        members = groups[category]
        wanted = round(share * sum(map(len, members)))
        taken = 0
        for index in rng.permutation(len(members)):
            if taken + len(members[index]) <= wanted:
                validation += members[index]
                taken += len(members[index])
    training = set(range(len(records))) - set(validation)
    return sorted(training), sorted(validation)


def _same_bytes(records: Sequence[KeypointRecord]) -> list[list[int]]:
    """Rows grouped by content; a file that cannot be read stands alone."""
    by_size = defaultdict(list)
    for row, record in enumerate(records):
        by_size[_size(record.path)].append(row)
    groups = [[row] for row in by_size.pop(None, [])]
    for rows in by_size.values():
        by_content = defaultdict(list)
        for row in rows:
            # A size that no other file has is read by nobody.
            content = _sha256(records[row].path) if len(rows) > 1 else None
            by_content[content or row].append(row)
        groups += by_content.values()
    return sorted(groups)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:  # a name too long
        return None


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def write(
    path: Path, records: Sequence[KeypointRecord], split: tuple[list[int], list[int]]
) -> None:
    """Saves a split: picture and side of every record, in the records' order."""
    validation = set(split[1])
    lines = [
        f"{record.path},{'val' if row in validation else 'train'}"
        for row, record in enumerate(records)
    ]
    write_text(path, "\n".join([HEADER, *lines]) + "\n")


def read(path: Path, records: Sequence[KeypointRecord]) -> tuple[list[int], list[int]]:
    """The inverse of `write`, for records in any order; a new picture trains.

    Raises:
        Failure: BAD_DATA where the file is not a split.
    """
    validation = pictures(path, "val")
    return divide([str(record.path) in validation for record in records])


def pictures(path: Path, side: str) -> set[str]:
    """The pictures on a side, "train" or "val", of a saved split. Raises Failure (BAD_DATA)."""
    return {picture for picture, stands in _rows(path) if stands == side}


def check(path: Path, records: Sequence[KeypointRecord], max_bad: float = 0.0) -> None:
    """Refuses records that are not those of a saved split; new ones may be among them.

    Raises:
        Failure: BAD_DATA where more than the fraction `max_bad` of the split's is not there.
    """
    saved, there = [picture for picture, _ in _rows(path)], {str(r.path) for r in records}
    _check_missing(path, [p for p in saved if p not in there], len(saved), max_bad)


def move(path: Path, old: Path, new: Path, max_bad: float = 0.0) -> None:
    """Rewrites a saved split for the same pictures in another data folder.

    Raises:
        Failure: BAD_DATA where more than the fraction `max_bad` of them is not there; the file
            then stands as it was.
    """
    moved = [(_moved(Path(picture), old, new), side) for picture, side in _rows(path)]
    missing = [str(picture) for picture, _ in moved if not picture.is_file()]
    _check_missing(path, missing, len(moved), max_bad)
    write_text(path, "\n".join([HEADER, *(f"{p},{side}" for p, side in moved)]) + "\n")


def _moved(picture: Path, old: Path, new: Path) -> Path:
    return new / picture.relative_to(old) if picture.is_relative_to(old) else picture


def _rows(path: Path) -> list[tuple[str, str]]:
    """(picture, side) of each row of a saved split."""
    header, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if header != HEADER:
        raise Failure(Exit.BAD_DATA, f"{path}: row 1: not {HEADER}. Remove the file to split anew.")
    rows = [line.rpartition(",") for line in lines]
    return [(picture, side) for picture, comma, side in rows if comma]


def _check_missing(path: Path, missing: Sequence[str], count: int, max_bad: float) -> None:
    if len(missing) > max_bad * count:
        raise Failure(
            Exit.BAD_DATA,
            f"{path}: {len(missing)} of its {count} pictures are not in the data ({missing[0]} is "
            "the first). A run goes on with the pictures it began with: name their folder with "
            "--data, or start a new run.",
        )


def divide(held_out: Sequence[bool]) -> tuple[list[int], list[int]]:
    """Rows to train on and rows held out, from what is said of each row."""
    rows = range(len(held_out))
    return [r for r in rows if not held_out[r]], [r for r in rows if held_out[r]]
