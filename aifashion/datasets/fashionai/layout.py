"""Where a data folder has its parts, whichever published layout it has, and its saved splits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aifashion.datasets import splits
from aifashion.datasets.fashionai.table import read, write
from aifashion.datasets.schema import KeypointRecord, Layout
from aifashion.errors import Exit, Failure


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
