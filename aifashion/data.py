"""Which data a command works on, and which of its pictures can be read."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aifashion import images
from aifashion.datasets import fashionai, splits, synthetic
from aifashion.datasets.schema import ABSENT, KeypointRecord, KeypointSchema
from aifashion.errors import Exit, Failure
from aifashion.progress import say, warn

REAL = Path("data")
SAMPLE = Path("data/sample/fashionai")


def choose(data: Path | None) -> Path:
    """The data folder: the one named, else `data/`, else a drawn sample, drawn when first asked."""
    if data is not None:
        return data
    if _holds_data(REAL):
        return REAL
    if (SAMPLE / "drawn.json").exists():
        say(f"No FashionAI data in {REAL}/: using the drawn sample in {SAMPLE}.")
    else:
        say(f"No FashionAI data in {REAL}/: drawing a sample of garments into {SAMPLE}.")
        synthetic.draw_fashionai(SAMPLE, images=4000, test_images=100, size=192)
    return SAMPLE


def _holds_data(folder: Path) -> bool:
    try:
        fashionai.find(folder)
    except Failure:
        return False
    return True


def usable(records: Sequence[KeypointRecord], max_bad: float) -> list[KeypointRecord]:
    """The records whose picture opens with a readable header; the others are named and counted.

    Raises:
        Failure: BAD_DATA where more than the fraction `max_bad` of the records is unreadable.
    """
    good, faults = [], []
    for record in records:
        try:
            images.read_header(record.path)
            good.append(record)
        except Failure as failure:
            faults.append(str(failure))
    tell_faults(faults, len(records), max_bad)
    return good


def tell_faults(faults: Sequence[str], count: int, max_bad: float) -> None:
    """Names unreadable pictures; too many of them raise Failure (BAD_DATA)."""
    if not faults:
        return
    shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
    message = f"{len(faults)} of {count} pictures cannot be read: {shown}"
    if len(faults) / count > max_bad:
        enough = math.ceil(100 * len(faults) / count) / 100
        raise Failure(
            Exit.BAD_DATA,
            f"{message}. Mend or remove them, or allow a fraction with --max-bad {enough:g}.",
        )
    warn(f"{message}. Skipped, as --max-bad {max_bad:g} allows.")


def mean_shapes(records: Sequence[KeypointRecord], schema: KeypointSchema) -> dict:
    """Each category's mean keypoints as fractions of the picture: {category: [[x, y] …]}, K each.

    A keypoint that is never seen in a category stands in the middle.
    """
    sums = {name: np.zeros((len(schema.keypoints), 2)) for name in schema.categories}
    counts = {name: np.zeros((len(schema.keypoints), 1)) for name in schema.categories}
    for record in records:
        present = (record.visibility != ABSENT)[:, None]
        relative = record.keypoints / images.read_shown_size(record.path)
        sums[record.category] += np.where(present, relative, 0)
        counts[record.category] += present
    return {
        name: np.where(counts[name] > 0, sums[name] / np.maximum(counts[name], 1), 0.5).tolist()
        for name in schema.categories
    }


def labelled(folder: Path) -> list[KeypointRecord]:
    """Every labelled record of a FashionAI folder but its test part's."""
    layout = fashionai.find(folder)
    if not layout.train:
        raise Failure(Exit.BAD_DATA, f"{folder}: no annotations to train on; only a test list.")
    records = []
    for part in layout.train:
        records += fashionai.read_part(part)
        if records[-1].keypoints is None:
            raise Failure(
                Exit.BAD_DATA, f"{part.csv}: no keypoints to train on; 26 columns are needed."
            )
    return records


def test_part(folder: Path) -> fashionai.Part:
    """The test list of a FashionAI folder."""
    part = fashionai.find(folder).test
    if part is None:
        raise Failure(Exit.BAD_DATA, f"{folder}: no test.csv here or one folder below.")
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
    saved: Path, folder: Path, records: Sequence[KeypointRecord], seed: int
) -> tuple[list[int], list[int]]:
    """Rows to train on and rows to validate with.

    In this order: what `saved` says (a resumed run keeps its split), the data folder's own
    `train_split.csv` and `val_split.csv`, a new split drawn from the seed. It is saved.
    """
    if saved.exists():
        return splits.read(saved, records)
    held_out = fashionai.saved_validation(folder)
    if held_out is not None:
        rows = splits.divide([record.path in held_out for record in records])
    else:
        rows = splits.stratified(records, VALIDATION_SHARE, seed)
    splits.write(saved, records, rows)
    return rows
