"""One csv of FashionAI from top to bottom, whatever is wrong with it: its rows and its findings.

The reader proper (`table.read`) stops at the first fault. Here a fault costs no more than its
own row, and the row is checked for all that one row can get wrong.
"""

import codecs
import re
from collections.abc import Iterator
from csv import Error as CsvError
from csv import reader
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from aifashion.datasets.checking import ERROR, NOTE, WARNING, Fault, Finding, Picture
from aifashion.datasets.fashionai.keypoints import CATEGORIES, KEYPOINTS, NORMALISERS
from aifashion.datasets.fashionai.table import ABSENT_CELL, COLUMNS, parse_cell
from aifashion.datasets.schema import ABSENT, ABSENT_POINT
from aifashion.datasets.tables import shown, wrong_columns

TRUTH, LIST, ANSWERS, SPLIT = "truth", "list", "answers", "split"  # what a csv is for
MARGIN = 0.05  # of the picture's side: so far out a keypoint is doubtful, farther it is wrong
_INDEX = re.compile("-?[0-9]+_-?[0-9]+_-?[0-9]+")


@dataclass(frozen=True)
class Table:
    """A csv, the folder its image ids are relative to, and what it is for."""

    root: Path
    csv: Path
    role: str


@dataclass(frozen=True)
class Row:
    """A row whose fields could be told apart; what they hold may be anything."""

    table: Table
    row: int
    image_id: str
    category: str
    cells: tuple[str, ...] | None  # 24, in the schema's order; None in a list without truth

    @property
    def key(self) -> tuple[Path, str]:
        """The picture it is about."""
        return self.table.root, self.image_id

    def finds(self, fault: Fault, field: str | None) -> Finding:
        """A finding in this row."""
        return fault.at(self.table.csv, self.row, field)


@dataclass(frozen=True)
class Scan:
    """What a csv holds, and what is wrong with the file and with rows that could not be told."""

    table: Table
    rows: list[Row]
    findings: list[Finding]


def scan(table: Table) -> Scan:
    """Reads a csv to its end."""
    findings: list[Finding] = []
    text = _text(table.csv, findings)
    lines = re.split("\r\n|\n|\r", text) if text else []
    if not any(lines):
        if not findings:
            findings.append(
                Fault(
                    "file-empty", ERROR, "the file is empty", "Its first row names the columns."
                ).at(table.csv)
            )
        return Scan(table, [], findings)
    if "\r" in text:
        message = "lines end as on Windows or old Macs"
        findings.append(Fault("file-newlines", NOTE, message, "They are read.").at(table.csv))
    separator = _separator(table.csv, lines[0], findings)
    header, start = _header(table, lines[0], separator, findings)
    if not {"image_id", "image_category"} <= set(header):
        return Scan(table, [], findings)
    fields = _fields(table.csv, lines[start:], start + 1, separator, findings)
    rows = list(_rows(table, header, fields, findings))
    if not rows and not any(lines[start:]):
        remedy = "Fetch the file again."
        fault = Fault("file-no-rows", ERROR, "no rows below the header", remedy)
        findings.append(fault.at(table.csv))
    return Scan(table, rows, findings)


# === The file ===


def _text(csv: Path, findings: list[Finding]) -> str:
    try:
        data = csv.read_bytes()
    except OSError as error:
        fault = Fault("file-unreadable", ERROR, f"cannot be read ({error.strerror})", "Check it.")
        findings.append(fault.at(csv))
        return ""
    if data.startswith(codecs.BOM_UTF8):
        message = "it begins with a byte order mark"
        findings.append(Fault("file-bom", NOTE, message, "It is read.").at(csv))
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:4]
    encoding, name = ("utf-16", "UTF-16") if wide else ("utf-8-sig", "not UTF-8")
    row = None
    if not wide:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            encoding, row = "latin-1", data.count(b"\n", 0, error.start) + 1
    fault = Fault("file-encoding", ERROR, f"its text is {name}", "Save it as UTF-8.")
    findings.append(fault.at(csv, row))
    if wide and data[:1] == b"\0":
        encoding = "utf-16-be"
    return data.decode(encoding, errors="replace")


def _separator(csv: Path, line: str, findings: list[Finding]) -> str:
    if "," in line:
        return ","
    separator = next((sign for sign in ";\t|" if sign in line), ",")
    if separator != ",":
        message = f"fields are separated by {separator!r}"
        fault = Fault("file-separator", ERROR, message, "Save it separated by commas.")
        findings.append(fault.at(csv, 1))
    return separator


def _header(table: Table, line: str, separator: str, findings: list[Finding]):
    """The columns' names, and the index of the line that the rows begin at."""
    try:
        header = next(reader([line], delimiter=separator, strict=True), [])
    except CsvError:
        header = line.split(separator)
    if len(header) > 1 and header[1] in CATEGORIES and len(header) in (2, len(COLUMNS)):
        message = "the first row is no header but a row of data"
        remedy = "Write the columns' names above it."
        findings.append(Fault("header-missing", ERROR, message, remedy).at(table.csv, 1))
        return list(COLUMNS[: len(header)]), 0
    expected = COLUMNS if len(header) > 2 else COLUMNS[:2]
    wrong = wrong_columns(header, expected)
    for what, names in wrong.items():
        for name in names:
            message = f"{what} column {shown(name)}"
            remedy = f"The columns are {','.join(COLUMNS[:2])} and, with truth, the 24 keypoints."
            findings.append(
                Fault(f"column-{what}", ERROR, message, remedy).at(table.csv, 1, name[:80])
            )
    if table.role != LIST and header == list(COLUMNS[:2]):
        message = "no keypoints in it"
        remedy = "26 columns are needed here; fetch the annotations."
        findings.append(Fault("truth-missing", ERROR, message, remedy).at(table.csv, 1))
    if not any(wrong.values()) and header != list(expected):
        message = "the columns are in another order than published"
        findings.append(Fault("column-order", NOTE, message, "They go by name.").at(table.csv, 1))
    return header, 1


def _fields(
    csv: Path, lines: list[str], first: int, separator: str, findings: list[Finding]
) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each line that is not empty; every line by itself."""
    for row, line in enumerate(lines, start=first):
        if not line:
            continue
        try:
            yield row, next(reader([line], delimiter=separator, strict=True))
        except CsvError as error:
            message = f"cannot be told into fields ({error})"
            remedy = "Check its quotation marks."
            findings.append(Fault("row-quoting", ERROR, message, remedy).at(csv, row))


def _rows(table: Table, header: list[str], lines, findings: list[Finding]) -> Iterator[Row]:
    where = {name: header.index(name) for name in COLUMNS if name in header}
    labelled = any(name in where for name in KEYPOINTS)
    for row, fields in lines:
        if len(fields) != len(header):
            code = "row-short" if len(fields) < len(header) else "row-long"
            field = header[len(fields)] if len(fields) < len(header) else header[-1]
            message = f"it has {len(fields)} fields, the header {len(header)}"
            fault = Fault(code, ERROR, message, "Correct the row.")
            findings.append(fault.at(table.csv, row, field))
            continue
        cells = None
        if labelled:  # of a missing column nothing is known: absent
            cells = tuple(fields[where[k]] if k in where else ABSENT_CELL for k in KEYPOINTS)
        yield Row(table, row, fields[where["image_id"]], fields[where["image_category"]], cells)


# === One row ===


def check_row(row: Row, picture: Picture) -> list[Finding]:
    """What one row gets wrong, its picture being known or not."""
    findings = list(_check_category(row))
    if row.cells is None:
        return findings
    cells = zip(KEYPOINTS, row.cells, strict=True)
    named = {name: cell for name, cell in cells if cell != ABSENT_CELL}
    parsed = {name: parse_cell(cell) for name, cell in named.items()}
    for name, cell in named.items():
        fault = _cell_fault(name, cell, parsed[name], row.category)
        findings += [row.finds(fault, name)] if fault else []
    doubtful = {finding.field for finding in findings}
    points = {
        name: point[:2]
        for name, point in parsed.items()
        if point and point[2] != ABSENT and name not in doubtful
    }
    findings += _check_frame(row, points, picture)
    if row.category in CATEGORIES and all(
        p is not None and p[2] == ABSENT for p in parsed.values()
    ):
        message = "no keypoint in the whole row"
        remedy = "Remove it from the truth."
        findings.append(row.finds(Fault("row-unlabelled", WARNING, message, remedy), None))
    start, end = NORMALISERS.get(row.category, (None, None))
    if start in points and points[start] == points.get(end):
        message = f"{start} and {end} lie on one point: the garment has no unit to score by"
        fault = Fault("normaliser-degenerate", WARNING, message, "Correct one of them.")
        findings.append(row.finds(fault, start))
    return findings


def _check_category(row: Row) -> Iterator[Finding]:
    folder = PurePosixPath(row.image_id).parent.name
    if row.category not in CATEGORIES:
        close = get_close_matches(row.category.lower(), CATEGORIES, 1, 0.75)
        hint = f"; did you mean {close[0]}?" if close else ""
        message = f"{shown(row.category)} is unknown{hint}"
        remedy = f"Use one of {', '.join(CATEGORIES)}."
        yield row.finds(Fault("category-unknown", ERROR, message, remedy), "image_category")
    elif folder in CATEGORIES and folder != row.category:
        message = f"a {row.category} in the folder {folder}"
        fault = Fault("category-folder", ERROR, message, "Correct the one that is wrong.")
        yield row.finds(fault, "image_category")


def _cell_fault(name: str, cell: str, parsed: tuple | None, category: str) -> Fault | None:
    absent = f"or write {ABSENT_CELL} for an absent keypoint"
    if parsed is None:
        if _INDEX.fullmatch(cell) and cell.rsplit("_", 1)[1] not in ("-1", "0", "1"):
            message = f"{shown(cell)}: its visibility is none of -1 absent, 0 occluded, 1 visible"
            return Fault("flag-unknown", ERROR, message, "Convert other datasets' flags.")
        message = f"{shown(cell)} is not x_y_v with integers and v in -1, 0, 1"
        return Fault("cell-malformed", ERROR, message, f"Correct the cell, {absent}.")
    x, y, visibility = parsed
    if visibility == ABSENT:
        message = f"{shown(cell)}: an absent keypoint that has a place"
        return Fault("cell-absent-place", WARNING, message, f"Write {ABSENT_CELL}.")
    if category in CATEGORIES and name not in CATEGORIES[category]:
        message = f"{shown(cell)}: a {category} has no {name}"
        return Fault("keypoint-foreign", ERROR, message, f"Write {ABSENT_CELL}.")
    if x == ABSENT_POINT[0] or y == ABSENT_POINT[1]:
        message = f"{shown(cell)}: half absent, half present"
        return Fault("cell-half-absent", ERROR, message, f"Correct the cell, {absent}.")
    return None


def _check_frame(row: Row, points: dict, picture: Picture) -> Iterator[Finding]:
    if picture.size is None:
        return
    width, height = picture.size
    outside = {name: point for name, point in points.items() if not _within(point, picture.size)}
    if picture.turned and any(_within(point, (height, width)) for point in outside.values()):
        name = next(name for name, p in outside.items() if _within(p, (height, width)))
        message = (
            f"outside the upright picture of {width} x {height} pixels, but inside of it before "
            "its EXIF turn: the row was made for the picture as stored"
        )
        fault = Fault("keypoint-turned", ERROR, message, "Turn the keypoints with the picture.")
        yield row.finds(fault, name)
        return
    for name, (x, y) in outside.items():
        near = _within((x, y), picture.size, MARGIN)
        code, severity = ("keypoint-margin", WARNING) if near else ("keypoint-outside", ERROR)
        by = "just outside" if near else "outside"
        message = f"pixel {int(x - 0.5)}, {int(y - 0.5)} is {by} the picture's {width} x {height}"
        yield row.finds(Fault(code, severity, message, f"Write {ABSENT_CELL}."), name)


def _within(point: tuple[float, float], size: tuple[int, int], margin: float = 0.0) -> bool:
    x, y = point[0] / size[0], point[1] / size[1]
    return -margin <= x < 1 + margin and -margin <= y < 1 + margin
