"""FashionAI keypoints of apparel: five categories, 24 keypoints, csv cells `x_y_v`.

A cell holds integer pixel indices, hence +0.5 when read and -0.5 when written; v is 1 visible,
0 occluded, -1 absent (then the cell is `-1_-1_-1`). Reading and writing are inverse to the byte.
Format: the competition's files (Tianchi, 2018), as both published systems read them.
"""

import io
import math
import re
from collections.abc import Iterable, Sequence
from csv import writer
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from aifashion.datasets import splits, tables
from aifashion.datasets.schema import ABSENT_POINT as ABSENT_POINT
from aifashion.datasets.schema import KeypointRecord, KeypointSchema, Layout
from aifashion.datasets.tables import shown
from aifashion.errors import Exit, Failure
from aifashion.files import write_text

KEYPOINTS = (
    "neckline_left", "neckline_right", "center_front", "shoulder_left", "shoulder_right",
    "armpit_left", "armpit_right", "waistline_left", "waistline_right", "cuff_left_in",
    "cuff_left_out", "cuff_right_in", "cuff_right_out", "top_hem_left", "top_hem_right",
    "waistband_left", "waistband_right", "hemline_left", "hemline_right", "crotch",
    "bottom_left_in", "bottom_left_out", "bottom_right_in", "bottom_right_out",
)  # fmt: skip
_NECK = ("neckline_left", "neckline_right")
_SHOULDERS = ("shoulder_left", "shoulder_right", "armpit_left", "armpit_right")
_WAIST = ("waistline_left", "waistline_right")
_CUFFS = ("cuff_left_in", "cuff_left_out", "cuff_right_in", "cuff_right_out")
_TOP_HEM = ("top_hem_left", "top_hem_right")
_WAISTBAND = ("waistband_left", "waistband_right")
_HEMLINE = ("hemline_left", "hemline_right")
_LEGS = ("crotch", "bottom_left_in", "bottom_left_out", "bottom_right_in", "bottom_right_out")
CATEGORIES = {
    "blouse": (*_NECK, "center_front", *_SHOULDERS, *_CUFFS, *_TOP_HEM),
    "outwear": (*_NECK, *_SHOULDERS, *_WAIST, *_CUFFS, *_TOP_HEM),
    "trousers": (*_WAISTBAND, *_LEGS),
    "skirt": (*_WAISTBAND, *_HEMLINE),
    "dress": (*_NECK, "center_front", *_SHOULDERS, *_WAIST, *_CUFFS, *_HEMLINE),
}
_ARMPITS = ("armpit_left", "armpit_right")
NORMALISERS = {
    "blouse": _ARMPITS, "outwear": _ARMPITS, "dress": _ARMPITS,
    "trousers": _WAISTBAND, "skirt": _WAISTBAND,
}  # fmt: skip


def _both_sides(*chains: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Edges along each chain of keypoints, on the left as written and on the right mirrored."""
    edges = [pair for chain in chains for pair in pairwise(chain)]
    right = [tuple(name.replace("left", "right") for name in edge) for edge in edges]
    return tuple(dict.fromkeys((*edges, *right)))


_SLEEVE = ("neckline_left", "shoulder_left", "cuff_left_out", "cuff_left_in", "armpit_left")
SKELETONS = {
    "blouse": (
        *_both_sides(("center_front", *_SLEEVE, "top_hem_left")),
        ("top_hem_left", "top_hem_right"),
    ),
    "outwear": (
        *_both_sides((*_SLEEVE, "waistline_left", "top_hem_left")),
        ("neckline_left", "neckline_right"),
        ("top_hem_left", "top_hem_right"),
    ),
    "trousers": (
        *_both_sides(("waistband_left", "bottom_left_out", "bottom_left_in", "crotch")),
        ("waistband_left", "waistband_right"),
    ),
    "skirt": (
        *_both_sides(("waistband_left", "hemline_left")),
        ("waistband_left", "waistband_right"),
        ("hemline_left", "hemline_right"),
    ),
    "dress": (
        *_both_sides(("center_front", *_SLEEVE, "waistline_left", "hemline_left")),
        ("hemline_left", "hemline_right"),
    ),
}
SCHEMA = KeypointSchema("fashionai", KEYPOINTS, CATEGORIES, NORMALISERS, SKELETONS)

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


# === Folders ===


@dataclass(frozen=True)
class Part:
    """One csv and the folder its image ids are relative to."""

    root: Path
    csv: Path
    answers: Path | None = None  # the truth of a test list, where it has been published

    def __str__(self) -> str:
        return str(self.csv)


ANNOTATIONS = (
    "Annotations/annotations.csv", "Annotations/train.csv", "annotations.csv", "train.csv",
)  # fmt: skip
TEST_LISTS = ("test.csv", "Annotations/test.csv")
_ANSWERS = "[!.]*_answer_*.csv"  # not the ._ files that unpacking on a Mac leaves
_INSIDE = ("Annotations", "Images")  # folders of a part, which are no parts themselves


def find(folder: Path) -> Layout:
    """Finds the parts of a data folder, whichever published layout it has.

    `train/` + `test/` (the all-in-one system's), `wu_train/`, `r1_train/`, `r1_test_a/` …
    `r2_test_b/` (the per-garment system's and its kin), or one such part by itself. A part named
    `test` is never trained on, also where its answers lie beside it; without one, the test is the
    last part that has a list but no answers, test_10 being behind test_9.

    Raises:
        Failure: BAD_DATA where there is none of it, saying what was looked for.
    """
    train, tests = find_all(folder)
    named = [part for part in tests if part.root.name == "test"]
    return Layout(tuple(train), (named or tests or [None])[-1])


def find_all(folder: Path) -> tuple[list[Part], list[Part]]:
    """Every labelled part but the test one, and every test list; Failure as `find`."""
    if not folder.is_dir():
        raise Failure(Exit.BAD_DATA, f"{folder}: no such folder. Check --data.")
    if folder.name in ("", ".."):  # "." may be a test folder, too
        folder = folder.resolve()
    below = (path for path in folder.iterdir() if path.is_dir() and path.name not in _INSIDE)
    train, tests = [], []
    for root in [folder, *sorted(below, key=_natural)]:
        answers = next(iter(sorted(root.glob(_ANSWERS))), None)
        annotations = _first(root, ANNOTATIONS) or answers
        listed = _first(root, TEST_LISTS)
        is_test = root.name == "test"
        if annotations and not is_test:
            train.append(Part(root, annotations))
        if listed and (is_test or not annotations):
            tests.append(Part(root, listed, answers))
    if not train and not tests:
        raise Failure(
            Exit.BAD_DATA,
            f"{folder}: no FashionAI data: looked for {', '.join(ANNOTATIONS)}, {_ANSWERS} and "
            "test.csv here and one folder below. Point --data at the unpacked archives, or draw "
            "some: python -m aifashion draw fashionai DIR.",
        )
    return train, tests


def _natural(path: Path) -> list[str | int]:
    """Sorts names as a person does, by the numbers in them."""
    parts = re.split("([0-9]+)", path.name)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _first(root: Path, names: Sequence[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_file()), None)


def read_part(part: Part) -> list[KeypointRecord]:
    """The records of a part in its csv's order, with their truth where it is known.

    Raises:
        Failure: BAD_DATA where there are no rows, or the answers leave one of the test list out.
    """
    records = read(part.csv, part.root)
    if not records:
        raise Failure(Exit.BAD_DATA, f"{part.csv}: no rows below the header. Fetch the file again.")
    if part.answers is None:
        return records
    known = {record.image_id: record for record in read(part.answers, part.root)}
    missing = [record.image_id for record in records if record.image_id not in known]
    if missing:
        raise Failure(
            Exit.BAD_DATA,
            f"{part.answers}: image_id: no row for {missing[0]} ({len(missing)} in all), which "
            f"{part.csv.name} lists. Use the answers that belong to it, or take them away.",
        )
    return [known[record.image_id] for record in records]


def is_drawn(folder: Path) -> bool:
    """Whether the data were drawn by the wardrobe, which marks its folders."""
    parent = folder.absolute().parent
    return (folder / "drawn.json").is_file() or (parent / "drawn.json").is_file()


# === Splits ===

SPLITS = ("train_split.csv", "val_split.csv")


def save_split(folder: Path, share: float, seed: int) -> list[tuple[Path, int]]:
    """Splits every labelled part, writing train_split.csv and val_split.csv beside its csv.

    Returns:
        each file written, and its number of rows.
    """
    parts = find(folder).train
    records = [read_part(part) for part in parts]
    joined = [record for part in records for record in part]
    _, held_out = splits.stratified(joined, share, seed)
    inside = {joined[row].path for row in held_out}
    written = []
    for part, own in zip(parts, records, strict=True):
        sides = ([r for r in own if r.path not in inside], [r for r in own if r.path in inside])
        for name, side in zip(SPLITS, sides, strict=True):
            write(part.csv.parent / name, side)
            written.append((part.csv.parent / name, len(side)))
    return written


def saved_validation(folder: Path) -> set[Path] | None:
    """The pictures that saved splits hold out; None unless every labelled part has a split."""
    parts = find(folder).train
    files = [part.csv.parent / SPLITS[1] for part in parts]
    if not files or not all(file.is_file() for file in files):
        return None
    pairs = zip(parts, files, strict=True)
    return {record.path for part, file in pairs for record in read(file, part.root)}
