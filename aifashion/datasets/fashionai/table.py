"""A csv of FashionAI: its cells `x_y_v`, and its rows as records.

A cell holds integer pixel indices, hence +0.5 when read and -0.5 when written; v is 1 visible,
0 occluded, -1 absent (then the cell is `-1_-1_-1`). Reading and writing are inverse to the byte.
"""

import io
import math
import re
from collections.abc import Iterable, Sequence
from csv import writer
from pathlib import Path

import numpy as np

from aifashion.datasets import tables
from aifashion.datasets.fashionai.keypoints import CATEGORIES, KEYPOINTS
from aifashion.datasets.schema import KeypointRecord
from aifashion.datasets.tables import shown
from aifashion.errors import Exit, Failure
from aifashion.files import write_text

COLUMNS = ("image_id", "image_category", *KEYPOINTS)
_INTEGER = "(0|-?[1-9][0-9]{0,5})"  # as Python writes it: no +7, 007 or -0, no digits of others
_CELL = re.compile(f"{_INTEGER}_{_INTEGER}_(-1|0|1)")
ABSENT_CELL = "-1_-1_-1"
SUBMISSION = "submission.csv"


# === Cells ===


def parse_cell(cell: str) -> tuple[float, float, int] | None:
    """`212_186_1` -> (212.5, 186.5, 2): x, y, visibility. None where the cell is malformed."""
    match = _CELL.fullmatch(cell)
    if match is None:
        return None
    x, y, v = map(int, match.groups())
    return x + 0.5, y + 0.5, v + 1


def format_cell(x: float, y: float, visibility: int) -> str:
    """The inverse of `parse_cell`; a cell demands integers, so other points are rounded."""
    return f"{_index(x)}_{_index(y)}_{visibility - 1}"


def _index(coordinate: float) -> int:
    """The pixel a continuous coordinate lies in: centres +0.5, so flooring is rounding to it."""
    return math.floor(coordinate)


# === Files ===


def read(csv: Path, root: Path) -> list[KeypointRecord]:
    """Reads an annotation csv (26 columns) or a test list (two columns), in the file's order.

    Args:
        csv: the file; its `image_id`s are relative to `root`.
        root: the folder that holds `Images/`.

    Raises:
        Failure: BAD_DATA, naming file, row (the header is row 1), field, value and remedy.
    """
    rows = tables.read_lines(csv)
    header = next(rows, [])
    labelled = len(header) > 2
    columns = COLUMNS if labelled else COLUMNS[:2]
    _check_header(csv, header, columns)
    order = [header.index(name) for name in columns]
    records = []
    for row, fields in enumerate(rows, start=2):
        if not fields:  # an empty line
            continue
        _check_length(csv, row, fields, header)
        image_id, category, *cells = (fields[column] for column in order)
        _check_row(csv, row, image_id, category)
        truth = _parse_cells(csv, row, cells) if labelled else (None, None)
        records.append(KeypointRecord(image_id, root / image_id, category, *truth))
    return records


def _check_header(csv: Path, header: list[str], expected: Sequence[str]) -> None:
    if not header:
        raise Failure(Exit.BAD_DATA, f"{csv}: empty. Its first row names the columns.")
    wrong = tables.wrong_columns(header, expected)
    if any(wrong.values()):
        columns = "; ".join(
            f"{what} columns: {', '.join(map(shown, names[:4]))}"
            + (f" and {len(names) - 4} more" if len(names) > 4 else "")
            for what, names in wrong.items()
            if names
        )
        raise Failure(
            Exit.BAD_DATA,
            f"{csv}: row 1: {columns}. Expected {','.join(COLUMNS[:2])} and, with truth, the "
            f"{len(KEYPOINTS)} keypoints, separated by commas.",
        )


def _check_length(csv: Path, row: int, fields: list[str], header: list[str]) -> None:
    if len(fields) < len(header):
        problem = f"{header[len(fields)]}: no field"
    elif len(fields) > len(header):
        problem = f"{shown(fields[len(header)])} lies behind the last column {header[-1]}"
    else:
        return
    raise Failure(
        Exit.BAD_DATA,
        f"{csv}: row {row}: {problem}; it has {len(fields)} fields, the header {len(header)}. "
        "Correct the row.",
    )


def _check_row(csv: Path, row: int, image_id: str, category: str) -> None:
    if not tables.stays_inside(image_id):
        raise Failure(
            Exit.BAD_DATA,
            f"{csv}: row {row}: image_id: {shown(image_id)} does not name a picture below the "
            "data folder. Write it as Images/<category>/<name>.jpg.",
        )
    if category not in CATEGORIES:
        raise Failure(
            Exit.BAD_DATA,
            f"{csv}: row {row}: image_category: {shown(category)} is unknown. "
            f"Use one of {', '.join(CATEGORIES)}.",
        )


def _parse_cells(csv: Path, row: int, cells: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    points = np.empty((len(KEYPOINTS), 2), np.float64)
    visibility = np.empty(len(KEYPOINTS), np.int8)
    for k, cell in enumerate(cells):
        parsed = parse_cell(cell)
        if parsed is None:
            raise Failure(
                Exit.BAD_DATA,
                f"{csv}: row {row}: {KEYPOINTS[k]}: {shown(cell)} is not x_y_v with integers "
                "and v in -1, 0, 1. Correct the cell, or write "
                f"{ABSENT_CELL} for an absent keypoint.",
            )
        points[k], visibility[k] = parsed[:2], parsed[2]
    return points, visibility


def write(csv: Path, records: Iterable[KeypointRecord]) -> None:
    """Writes records in their order: 26 columns with truth, the two of a test list without.

    Raises:
        Failure: ENVIRONMENT where the disk refuses; an older file then stands as it was.
    """
    rows = [_row(record) for record in records]
    text = io.StringIO()
    table = writer(text, lineterminator="\n")
    table.writerow(COLUMNS[: len(rows[0])] if rows else COLUMNS)
    table.writerows(rows)
    write_text(csv, text.getvalue())


def _row(record: KeypointRecord) -> list[str]:
    head = [record.image_id, record.category]
    if record.keypoints is None:
        return head
    cells = zip(record.keypoints, record.visibility, strict=True)
    return head + [format_cell(x, y, int(v)) for (x, y), v in cells]
