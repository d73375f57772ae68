"""Checks a data folder of FashionAI as a whole: `aifashion check`.

Every csv is read to its end (`scan`), every picture is looked at once (`checking`); then
rows are held against their pictures, the files against one another, and training against test.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from aifashion.datasets.checking import (
    ERROR,
    NOTE,
    WARNING,
    Fault,
    Finding,
    Picture,
    Report,
    examine_all,
)
from aifashion.datasets.duplicates import near_pairs
from aifashion.datasets.fashionai import plausible
from aifashion.datasets.fashionai.keypoints import CATEGORIES, KEYPOINTS
from aifashion.datasets.fashionai.layout import ANNOTATIONS, SPLITS, TEST_LISTS, find_all
from aifashion.datasets.fashionai.plausible import Numbered
from aifashion.datasets.fashionai.scan import (
    ANSWERS,
    LIST,
    SPLIT,
    TRUTH,
    Row,
    Scan,
    Table,
    check_row,
    scan,
)
from aifashion.datasets.fashionai.table import ABSENT_CELL, parse_cell
from aifashion.datasets.schema import ABSENT, ABSENT_POINT, KeypointRecord
from aifashion.datasets.tables import shown

Pictures = dict[tuple[Path, str], Picture]


def check(folder: Path, fast: bool = False) -> Report:
    """Checks a data folder in any of FashionAI's layouts.

    Args:
        fast: reads the pictures' headers only; damage behind them, equal and similar pictures
            are not looked for.

    Raises:
        Failure: BAD_DATA where the folder holds no FashionAI data at all.
    """
    tables, findings = find_tables(folder)
    scans = [scan(table) for table in tables]
    pictures = examine_all([row.key for one in scans for row in one.rows], fast)
    findings += check_rows(scans, pictures)
    findings += _check_ids(scans, pictures)
    findings += _check_answers(scans)
    findings += _check_splits(scans, pictures)
    findings += _check_contents(scans, pictures)
    records = {(row.table.csv, row.row): _record(row) for one in scans for row in one.rows}
    for one in scans:
        if one.table.role in (TRUTH, ANSWERS):
            findings += _check_plausible(one, records)
    order = {table.csv: place for place, table in enumerate(tables)}
    findings.sort(key=lambda finding: (order.get(finding.file, 0), finding.row or 0))
    sides = [_side(scans, records, on_test) for on_test in (False, True)]
    return Report(findings, *sides, len(tables), len(pictures), (scans, pictures))


def find_tables(folder: Path) -> tuple[list[Table], list[Finding]]:
    """Every csv that commands read; a finding for those beside them that none does."""
    train, tests = find_all(folder)
    tables = [Table(part.root, part.csv, TRUTH) for part in train]
    for part in train:
        listed = [part.root / name for name in TEST_LISTS if (part.root / name).is_file()]
        if "_answer_" in part.csv.name and listed:  # a test part whose truth is published
            tables.append(Table(part.root, listed[0], LIST))
    for part in tests:
        tables.append(Table(part.root, part.csv, LIST))
        if part.answers:
            tables.append(Table(part.root, part.answers, ANSWERS))
    for part in train:
        files = [part.csv.parent / name for name in SPLITS]
        tables += [Table(part.root, file, SPLIT) for file in files if file.is_file()]
    read = {table.csv for table in tables}
    beside = [root / name for root in _roots(tables) for name in (*ANNOTATIONS, *TEST_LISTS)]
    unread = [file for file in beside if file.is_file() and file not in read]
    message = "no command reads it: another csv of the folder goes before it"
    fault = Fault("file-not-read", NOTE, message, "Keep one csv of a kind in a folder.")
    return tables, [fault.at(file) for file in unread]


def _roots(tables: Iterable[Table]) -> list[Path]:
    return list(dict.fromkeys(table.root for table in tables))


# === Rows ===


def check_rows(scans: list[Scan], pictures: Pictures) -> list[Finding]:
    """What single files and rows get wrong; a picture is blamed once, where it is first named."""
    findings, named = [], set()
    for one in scans:
        findings += one.findings
        for row in one.rows:
            picture = pictures[row.key]
            if row.key not in named:
                findings += [row.finds(fault, "image_id") for fault in picture.faults]
                named.add(row.key)
            findings += check_row(row, picture)
    return findings


def same_annotation(first: Row, second: Row) -> bool:
    """Whether two rows say the same of their pictures."""
    return (first.category, first.cells) == (second.category, second.cells)


def _record(row: Row) -> KeypointRecord | None:
    """The row as a record; None where it is not sound."""
    if row.category not in CATEGORIES:
        return None
    path = row.table.root / row.image_id
    if row.cells is None:
        return KeypointRecord(row.image_id, path, row.category)
    points = np.full((len(KEYPOINTS), 2), ABSENT_POINT)
    visibility = np.full(len(KEYPOINTS), ABSENT, np.int8)
    for k, cell in enumerate(row.cells):
        if cell == ABSENT_CELL:
            continue
        parsed = parse_cell(cell)
        if parsed is None:
            return None
        points[k], visibility[k] = parsed[:2], parsed[2]
    return KeypointRecord(row.image_id, path, row.category, points, visibility)


def _side(scans: list[Scan], records: dict, on_test: bool) -> list[KeypointRecord]:
    """The sound records of one side; a test list's with their answers."""
    answers = {
        row.key: row for one in scans for row in one.rows if one.table.role == ANSWERS and on_test
    }
    rows = (answers.get(row.key, row) for row in _primary(scans) if _is_test(row) == on_test)
    found = (records[row.table.csv, row.row] for row in rows)
    return [record for record in found if record is not None]


def _is_test(row: Row) -> bool:
    return row.table.role == LIST


def _primary(scans: list[Scan]) -> Iterator[Row]:
    """The rows that stand for a picture, the test's first: of each part its own csv."""
    truth = [one for one in scans if one.table.role == TRUTH]
    labelled = {one.table.root for one in truth}
    lists = [one for one in scans if one.table.role == LIST and one.table.root not in labelled]
    for one in (*lists, *truth):
        yield from one.rows


def _check_plausible(one: Scan, records: dict) -> list[Finding]:
    numbered = [(row.row, records[one.table.csv, row.row]) for row in one.rows]
    sound = [Numbered(row, r) for row, r in numbered if r and r.keypoints is not None]
    visibility = np.array([item.record.visibility for item in sound])
    return [
        *plausible.check_flags(one.table.csv, visibility),
        *plausible.check_sides(one.table.csv, sound),
    ]


# === Ids ===


def _check_ids(scans: list[Scan], pictures: Pictures) -> list[Finding]:
    findings = []
    for one in scans:
        findings += _check_repeats(one)
    seen: dict[str, Row] = {}
    for row in _primary(scans):
        first = seen.setdefault(row.image_id, row)
        if first.table.root == row.table.root or _is_test(row):
            continue
        findings.append(row.finds(_id_fault(first, row, pictures), "image_id"))
    return findings


def _check_repeats(one: Scan) -> Iterator[Finding]:
    """Ids that stand twice in one csv."""
    first: dict[str, Row] = {}
    for row in one.rows:
        before = first.setdefault(row.image_id, row)
        if before is row:
            continue
        name = f"{shown(row.image_id)} stands in row {before.row} already"
        if same_annotation(before, row):
            fault = Fault("id-duplicate", WARNING, f"{name}, alike", "Remove one of them.")
        else:
            message = f"{name}, with another annotation"
            fault = Fault("id-conflict", ERROR, message, "Keep the one that is right.")
        yield row.finds(fault, "image_id")


def _id_fault(first: Row, row: Row, pictures: Pictures) -> Fault:
    """What an id means that two parts have."""
    place = f"{shown(row.image_id)} is also row {first.row} of {first.table.csv}"
    digests = {pictures[first.key].digest, pictures[row.key].digest}
    if len(digests) == 2 and None not in digests:
        message = f"{place}, of another picture"
        return Fault("id-reused", NOTE, message, "Their folders tell them apart.")
    if _is_test(first):
        return Fault("leak-id", ERROR, f"{place}, a test list", "Train on it or test with it.")
    if same_annotation(first, row):
        return Fault("id-in-several", WARNING, place, "Keep one of them.")
    message = f"{place}, with another annotation"
    return Fault("id-conflict", ERROR, message, "Keep the one that is right.")


def _check_answers(scans: list[Scan]) -> Iterator[Finding]:
    """Whether test lists and their published truth have the same rows."""
    lists = {one.table.root: one for one in scans if one.table.role == LIST}
    for one in scans:
        if one.table.role not in (ANSWERS, TRUTH) or one.table.root not in lists or not one.rows:
            continue
        answers = {row.image_id: row for row in one.rows}
        listed = {row.image_id: row for row in lists[one.table.root].rows}
        for name, row in listed.items():
            answer = answers.get(name)
            if answer is None:
                message = f"{shown(name)}: no row in {one.table.csv.name}"
                remedy = "Use the answers that belong to the list."
                yield row.finds(Fault("answer-missing", ERROR, message, remedy), "image_id")
            elif answer.category != row.category:
                message = f"{row.category} here, {answer.category} in {one.table.csv.name}"
                fault = Fault("answer-category", ERROR, message, "Correct the wrong one.")
                yield row.finds(fault, "image_category")
        for name in answers.keys() - listed.keys():
            message = f"{shown(name)} is not in the test list"
            fault = Fault("answer-unknown", WARNING, message, "Remove the row, or list it.")
            yield answers[name].finds(fault, "image_id")


def _check_splits(scans: list[Scan], pictures: Pictures) -> Iterator[Finding]:
    """Whether saved splits part the rows of their csv, and no picture."""
    truth = {one.table.root: one.rows for one in scans if one.table.role == TRUTH}
    held_out = [r for o in scans if _is_split(o, SPLITS[1]) for r in o.rows]
    keys = {row.key: row for row in held_out}
    digests = {pictures[row.key].digest: row for row in held_out}
    known = {row.key for rows in truth.values() for row in rows}
    remedy = "Split anew: aifashion split."
    for one in scans:
        for row in one.rows if one.table.role == SPLIT else ():
            same = keys.get(row.key) or digests.get(pictures[row.key].digest or "")
            if row.key not in known:
                message = f"{shown(row.image_id)} is in no annotation csv of the part"
                yield row.finds(Fault("split-unknown", ERROR, message, remedy), "image_id")
            elif _is_split(one, SPLITS[0]) and same:
                message = f"the same picture as row {same.row} of {same.table.csv}"
                yield row.finds(Fault("split-overlap", ERROR, message, remedy), "image_id")


def _is_split(one: Scan, name: str) -> bool:
    return one.table.role == SPLIT and one.table.csv.name == name


# === Contents ===


def _check_contents(scans: list[Scan], pictures: Pictures) -> Iterator[Finding]:
    """Equal and nearly equal pictures under different names."""
    rows: dict[tuple, Row] = {}
    for row in _primary(scans):
        rows.setdefault(row.key, row)
    groups = defaultdict(list)
    for key, row in rows.items():
        if pictures[key].digest:
            groups[pictures[key].digest].append(row)
    for group in groups.values():
        yield from _check_equal(group)
    alone = [group[0] for group in groups.values() if pictures[group[0].key].look is not None]
    for i, j in near_pairs([pictures[row.key].look for row in alone]):
        yield from _check_near(alone[i], alone[j])


def _check_equal(group: list[Row]) -> Iterator[Finding]:
    """Rows whose pictures have the same bytes; those of the test come first."""
    for place, row in enumerate(group[1:], start=1):
        alike = [r for r in group[:place] if r.category == row.category and not _is_test(r)]
        other = group[0] if _is_test(group[0]) else (alike or group)[0]
        if other.image_id == row.image_id:
            continue  # told by its id
        where = f"the same bytes as row {other.row} of {other.table.csv}"
        if _is_test(row) or (other.category != row.category and not _is_test(other)):
            fault = Fault("picture-shared", NOTE, where, "It is kept.")
        elif _is_test(other):
            remedy = "Train on it or test with it."
            fault = Fault("leak-picture", ERROR, f"{where}, a test list", remedy)
        elif same_annotation(other, row):
            fault = Fault("picture-duplicate", WARNING, where, "Keep one of them.")
        else:
            message = f"{where}, with another annotation"
            fault = Fault("picture-conflict", ERROR, message, "Keep the one that is right.")
        yield row.finds(fault, "image_id")


def _check_near(first: Row, second: Row) -> Iterator[Finding]:
    """Two rows whose pictures look the same; `first` is the test's if one is."""
    if _is_test(second):
        return
    where = f"looks like row {first.row} of {first.table.csv}"
    if _is_test(first):
        remedy = "Train on it or test with it."
        fault = Fault("leak-similar", WARNING, f"{where}, a test list", remedy)
    else:
        fault = Fault("picture-similar", NOTE, where, "Keep them on one side of a split.")
    yield second.finds(fault, "image_id")
