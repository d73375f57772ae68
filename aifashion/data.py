"""Which data a command works on, and which of its pictures can be read."""

import math
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from aifashion import images
from aifashion.datasets import fashionai, splits, synthetic
from aifashion.datasets.folders import MARK
from aifashion.datasets.schema import ABSENT, KeypointRecord, KeypointSchema
from aifashion.errors import Exit, Failure
from aifashion.progress import say, warn

SAMPLE = Path("data/sample/fashionai")
LANDMARKS_SAMPLE = Path("data/sample/deepfashion2")


def _draw_fashionai() -> None:
    synthetic.draw_fashionai(SAMPLE, images=4000, test_images=100, size=192)


def _draw_deepfashion2() -> None:
    synthetic.draw_deepfashion2(LANDMARKS_SAMPLE, images=1300, test_images=130, size=192)


# Of each dataset: where its real data lie unless named, data/<name> where it is not listed; and
# where a sample is drawn for want of them, and by what.
FOLDERS = {"fashionai": Path("data")}
SAMPLES = {
    "fashionai": (SAMPLE, _draw_fashionai),
    "deepfashion2": (LANDMARKS_SAMPLE, _draw_deepfashion2),
}


def choose(data: Path | None, dataset: ModuleType = fashionai) -> Path:
    """The data folder: the one named, else the dataset's own below `data/`, else a drawn sample.

    A dataset that nobody draws has its own folder also while there is nothing in it.
    """
    if data is not None:
        return data
    name = dataset.SCHEMA.name
    folder = FOLDERS.get(name, Path("data") / name)
    if name not in SAMPLES or _holds_data(folder, dataset):
        return folder
    sample, draw = SAMPLES[name]
    if (sample / MARK).exists():
        say(f"No {name} data in {folder}/: using the drawn sample in {sample}.")
    else:
        say(f"No {name} data in {folder}/: drawing a sample of garments into {sample}.")
        draw()
    return sample


def _holds_data(folder: Path, dataset: ModuleType) -> bool:
    try:
        dataset.find(folder)
    except Failure:
        return False
    return True


def usable(records: Sequence[KeypointRecord], max_bad: float) -> list[KeypointRecord]:
    """The records whose picture opens with a readable header; the others are named and counted.

    Raises:
        Failure: BAD_DATA where more than the fraction `max_bad` of the records is unreadable.
    """
    faults = {path: _fault(path) for path in dict.fromkeys(record.path for record in records)}
    good = [record for record in records if faults[record.path] is None]
    told = [fault for fault in faults.values() if fault is not None]
    tell_faults(told, len(faults), max_bad)
    return good


def _fault(picture: Path) -> str | None:
    """Why a picture's header cannot be read; None where it can."""
    try:
        images.read_header(picture)
    except Failure as failure:
        return str(failure)
    return None


def tell_faults(faults: Sequence[str], count: int, max_bad: float) -> None:
    """Names unreadable pictures; too many of them raise Failure (BAD_DATA)."""
    if not faults:
        return
    shown = "; ".join(fault.rstrip(".") for fault in faults[:5]) + (
        f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
    )
    message = f"{len(faults)} of {count} pictures cannot be read: {shown}"
    if len(faults) / count > max_bad:
        enough = math.ceil(100 * len(faults) / count) / 100
        raise Failure(
            Exit.BAD_DATA,
            f"{message}. Mend or remove them, or allow a fraction with --max-bad {enough:g}.",
        )
    warn(f"{message}. Skipped, as --max-bad {max_bad:g} allows.")


def counted(records: Sequence[KeypointRecord]) -> str:
    """How many garments in how many pictures, and how many of them without a keypoint."""
    pictures = len({record.path for record in records})
    garments = "" if pictures == len(records) else f"{len(records)} garments in "
    bare = sum(r.visibility is not None and (r.visibility == ABSENT).all() for r in records)
    return f"{garments}{pictures} pictures" + (f" ({bare} without keypoints)" if bare else "")


def mean_shapes(records: Sequence[KeypointRecord], schema: KeypointSchema) -> dict:
    """Each category's mean keypoints as fractions of its box: {category: [[x, y] …]}, K each.

    A record without a box fills its picture.

    A keypoint that is never seen in a category stands in the middle.
    """
    sums = {name: np.zeros((len(schema.keypoints), 2)) for name in schema.categories}
    counts = {name: np.zeros((len(schema.keypoints), 1)) for name in schema.categories}
    for record in records:
        present = (record.visibility != ABSENT)[:, None]
        low, size = shown_part(record)
        relative = (record.keypoints - low) / size
        sums[record.category] += np.where(present, relative, 0)
        counts[record.category] += present
    return {
        name: np.where(counts[name] > 0, sums[name] / np.maximum(counts[name], 1), 0.5).tolist()
        for name in schema.categories
    }


def shown_part(record: KeypointRecord) -> tuple[np.ndarray, np.ndarray]:
    """Where a record's garment is to be seen: the upper left corner and the size, pixels.

    Raises:
        Failure: BAD_DATA where there is no box and the picture cannot be read.
    """
    if record.box is None:
        return np.zeros(2), np.array(images.read_shown_size(record.path), float)
    low, high = np.asarray(record.box, float).reshape(2, 2)
    return low, np.maximum(high - low, 1.0)


def labelled(folder: Path, dataset: ModuleType = fashionai) -> list[KeypointRecord]:
    """Every labelled record of a data folder but its test part's."""
    layout = dataset.find(folder)
    if not layout.train:
        raise Failure(Exit.BAD_DATA, f"{folder}: no annotations to train on; only a test list.")
    records = []
    for part in layout.train:
        records += dataset.read_part(part)
        if records[-1].keypoints is None:
            raise Failure(
                Exit.BAD_DATA, f"{part}: no keypoints to train on; it only lists pictures."
            )
    return records


def test_part(folder: Path, dataset: ModuleType = fashionai, split: str | None = None) -> Any:
    """What test.py predicts of a data folder, for the dataset's `read_part`.

    Args:
        split: "test" or "validation"; None: what the data hold out for validation, where they do,
            since its truth is known, else the test list.
    """
    layout = dataset.find(folder)
    held_out = layout.validation if split != "test" else None
    part = held_out if split == "validation" else held_out or layout.test
    if part is None:
        wanted = "validation part" if split == "validation" else "test.csv or other test list"
        raise Failure(Exit.BAD_DATA, f"{folder}: no {wanted} here or one folder below.")
    return part


def only(records: Sequence[KeypointRecord], category: str) -> list[KeypointRecord]:
    """The records of a category; all of them for "all"."""
    kept = [record for record in records if category in ("all", record.category)]
    if not kept:
        raise Failure(Exit.BAD_DATA, f"no record of category {category} in the data.")
    return kept


# === Training and validation ===

VALIDATION_SHARE = 0.1


def split(
    saved: Path,
    folder: Path,
    records: Sequence[KeypointRecord],
    seed: int,
    dataset: ModuleType = fashionai,
    max_bad: float = 0.0,
) -> tuple[list[int], list[int]]:
    """Rows to train on and rows to validate with.

    In this order: what `saved` says (a resumed run keeps its split), the data folder's own (of
    FashionAI `train_split.csv` and `val_split.csv`), a new one drawn from the seed. It is saved.

    Raises:
        Failure: BAD_DATA where more than the fraction `max_bad` of what `saved` names is not there.
    """
    if saved.exists():
        splits.check(saved, records, max_bad)
        return splits.read(saved, records)
    held_out = dataset.saved_validation(folder)
    if held_out is not None:
        rows = splits.divide([record.path in held_out for record in records])
    else:
        rows = splits.stratified(records, VALIDATION_SHARE, seed)
    splits.write(saved, records, rows)
    return rows
