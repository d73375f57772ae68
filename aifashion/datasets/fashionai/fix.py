"""A cleaned copy of a FashionAI folder, in its own layout: `aifashion check --fix`.

A row is mended where the mend is certain: a keypoint the garment or the picture cannot have becomes
absent, a name is spelt as the disk spells it. Any other faulty row goes, and with it the picture's
rows in the other files of its part. What remains is as it was.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from aifashion.datasets.checking import Finding, Picture, Report
from aifashion.datasets.cleaning import Change, copy_file, staged, write_changes, write_rows
from aifashion.datasets.fashionai.keypoints import KEYPOINTS
from aifashion.datasets.fashionai.scan import LIST, Row, Scan, check_row
from aifashion.datasets.fashionai.table import ABSENT_CELL, COLUMNS, format_cell, parse_cell
from aifashion.datasets.folders import pass_mark
from aifashion.errors import Exit, Failure

ABSENT_BY = {
    "keypoint-foreign", "keypoint-outside", "keypoint-margin", "cell-half-absent",
    "cell-absent-place",
}  # fmt: skip
RESPELT_BY = "path-spelling"
ROW_ALONE = {"id-duplicate", "split-overlap"}  # the picture's other rows stay
WHOLE_FILE = ("file-", "column-", "header-", "truth-")  # codes about no single row
BEYOND = {"flags-all-occluded", "flags-exchanged", "flags-none-occluded", "sides-mirrored"}


@dataclass
class _Copy:
    """What becomes of each row."""

    kept: dict[Path, list[Row]] = field(default_factory=dict)  # csv -> its rows
    changes: list[Change] = field(default_factory=list)
    gone: dict[tuple[Path, str], str] = field(default_factory=dict)  # picture -> reason


def fix(folder: Path, report: Report, out: Path) -> list[Change]:
    """Writes the sound and mended rows with their pictures to a new folder.

    Args:
        report: of `check.check`.
        out: must not hold anything; see `cleaning.check_target`.

    Returns:
        what was dropped and changed, as removed.csv lists it.

    Raises:
        Failure: BAD_DATA where nothing is left, ENVIRONMENT where the disk refuses.
    """
    scans, pictures = report.scans
    base = _base(folder, scans)
    copy = _Copy()
    faults = _by_row(report)
    _note_files(copy, report, scans, base)
    mended = [_mend(row, faults, pictures[row.key], copy) for one in scans for row in one.rows]
    written = set()
    for original, row, reason in mended:
        file = str(original.table.csv.relative_to(base))
        reason = reason if row is None else copy.gone.get(original.key)
        if row and (row.table, row.image_id) in written:  # spelt anew like another row
            reason = reason or f"id-duplicate: {row.image_id} stands in a row above"
        if reason is not None:
            copy.changes.append(Change(file, original.row, original.image_id, reason))
            continue
        copy.kept.setdefault(row.table.csv, []).append(row)
        written.add((row.table, row.image_id))
        if row != original:
            reason = "changed: " + _difference(original, row)
            copy.changes.append(Change(file, original.row, original.image_id, reason))
    if not copy.kept:
        raise Failure(Exit.BAD_DATA, f"{folder}: no sound row is left to copy. Fetch it again.")
    with staged(out) as aside:
        _write(copy, base, aside)
        pass_mark(folder, aside)
        write_changes(aside, copy.changes)
    return copy.changes


def _base(folder: Path, scans: list[Scan]) -> Path:
    """What paths in the copy are relative to: a folder named test must keep its name."""
    root = scans[0].table.root
    top = folder if root.is_relative_to(folder) else folder.resolve()
    itself = any(one.table.root == top for one in scans)
    return top.parent if itself and top.name == "test" else top


def _by_row(report: Report) -> dict[tuple[Path, int], list[Finding]]:
    found = defaultdict(list)
    for finding in report.faults:
        if finding.row is not None and not finding.code.startswith(WHOLE_FILE):
            found[finding.file, finding.row].append(finding)
    return found


def _note_files(copy: _Copy, report: Report, scans: list[Scan], base: Path) -> None:
    """Lists what concerns whole files, and rows that could not be told into fields."""
    told = {(one.table.csv, row.row) for one in scans for row in one.rows}
    for finding in report.faults:
        alone = finding.code.startswith(WHOLE_FILE) or (finding.file, finding.row) not in told
        if alone and finding.code not in BEYOND:
            file = str(finding.file.relative_to(base))
            copy.changes.append(Change(file, finding.row, "", _reason(finding)))


def _reason(finding: Finding) -> str:
    place = f"{finding.field}: " if finding.field else ""
    return f"{finding.code}: {place}{finding.message}"


def _mend(row: Row, faults: dict, picture: Picture, copy: _Copy) -> tuple[Row, Row | None, str]:
    """The row, what becomes of it, and why it goes if it does."""
    if row.cells is None and row.table.role != LIST:
        return row, None, "truth-missing: no keypoints in the file"
    found = faults[row.table.csv, row.row]
    mended = replace(row, image_id=picture.spelling) if picture.spelling else row
    for finding in found:
        if finding.code in ABSENT_BY:
            mended = _with_mended_cell(mended, finding.field, picture)
        elif finding.code != RESPELT_BY:
            if finding.code not in ROW_ALONE:
                copy.gone.setdefault(row.key, _reason(finding))
            return row, None, _reason(finding)
    again = next((f for f in check_row(mended, picture) if f.is_fault), None) if found else None
    if again:
        copy.gone.setdefault(row.key, _reason(again))
        return row, None, _reason(again)
    return row, mended, ""


def _with_mended_cell(row: Row, name: str, picture: Picture) -> Row:
    """The keypoint absent; or moved by the one pixel by which counting from 1 differs."""
    cells = list(row.cells)
    k = KEYPOINTS.index(name)
    x, y, visibility = parse_cell(cells[k])
    cells[k] = ABSENT_CELL
    if picture.size and visibility:
        inside = [min(v, side - 0.5) for v, side in zip((x, y), picture.size, strict=True)]
        if max(x - inside[0], y - inside[1]) == 1 and min(x, y) >= 0:
            cells[k] = format_cell(*inside, visibility)
    return replace(row, cells=tuple(cells))


def _difference(old: Row, new: Row) -> str:
    changes = [f"image_id {new.image_id}"] if new.image_id != old.image_id else []
    if new.cells:
        cells = zip(KEYPOINTS, old.cells, new.cells, strict=True)
        changes += [f"{name} {cell} -> {new}" for name, cell, new in cells if cell != new]
    return ", ".join(changes)


def _write(copy: _Copy, base: Path, aside: Path) -> None:
    copied = set()
    for csv, rows in copy.kept.items():
        place = aside / csv.relative_to(base)
        width = 2 if rows[0].cells is None else len(COLUMNS)
        lines = [(row.image_id, row.category, *(row.cells or ())) for row in rows]
        write_rows(place, [COLUMNS[:width], *lines])
        for row in rows:
            target = aside / row.table.root.relative_to(base) / row.image_id
            if target not in copied:
                copied.add(target)
                copy_file(row.table.root / row.image_id, target)
