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
    header, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if header != HEADER:
        raise Failure(Exit.BAD_DATA, f"{path}: row 1: not {HEADER}. Remove the file to split anew.")
    validation = {line.rsplit(",", 1)[0] for line in lines if line.endswith(",val")}
    return divide([str(record.path) in validation for record in records])


def divide(held_out: Sequence[bool]) -> tuple[list[int], list[int]]:
    """Rows to train on and rows held out, from what is said of each row."""
    rows = range(len(held_out))
    return [r for r in rows if not held_out[r]], [r for r in rows if held_out[r]]
