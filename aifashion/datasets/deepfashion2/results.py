"""Results and detections of DeepFashion2 written, and files of single categories merged."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from aifashion.datasets.deepfashion2 import coco, dense, fields
from aifashion.datasets.deepfashion2.fields import Malformed, entry
from aifashion.datasets.deepfashion2.landmarks import NUMBERS
from aifashion.datasets.deepfashion2.scoring import picture_number
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure
from aifashion.files import whole_file

SUBMISSION = "keypoints.json"


def write(file: Path, records: Iterable[KeypointRecord]) -> None:
    """Writes predictions as the evaluation takes them; records without keypoints as detections.

    The inverse of `coco.read`, which numbers the records of a picture by their rows.

    Raises:
        Failure: ENVIRONMENT where the disk refuses; an older file then stands as it was.
    """
    _write_list(file, map(_entry, records))


def _write_list(file: Path, entries: Iterable[dict]) -> int:
    """The number of entries."""
    count = 0
    with whole_file(file) as out:
        out.write(b"[")
        for count, each in enumerate(entries, start=1):
            out.write(b",\n" if count > 1 else b"\n")
            out.write(json.dumps(each).encode())
        out.write(b"\n]\n")
    return count


def _entry(record: KeypointRecord) -> dict:
    head = {
        "image_id": picture_number(record),
        "category_id": NUMBERS[record.category],
    }
    score = {"score": float(record.score)}
    if record.keypoints is None:
        x1, y1, x2, y2 = map(float, record.box)
        return head | {"bbox": fields.rounded([x1, y1, x2 - x1, y2 - y1])} | score
    triplets = coco.result_slots(record.category, dense.own_places(record))
    return head | {"keypoints": fields.rounded(triplets.ravel())} | score


def merge_results(files: Sequence[Path], out: Path) -> int:
    """Joins files of results, one a category say, into one; the number of its entries.

    Raises:
        Failure: BAD_DATA, naming file and entry, where one is malformed or stands in two files;
            what one file holds twice, as from a box given twice, stays.
    """
    seen = {}

    def entries() -> Iterator[dict]:
        for number, file in enumerate(files):
            content = fields.load(file, coco.small)
            if not isinstance(content, list):
                raise Failure(Exit.BAD_DATA, f"{file}: not a list of results. Name such files.")
            for place, result in enumerate(content, start=1):
                with entry(file, f"entry {place}"):
                    _check_new(result, seen, number, f"entry {place} of {file}")
                yield {**result, "keypoints": fields.plain(result["keypoints"])}

    return _write_list(out, entries())


def _check_new(result: Any, seen: dict, file: int, where: str) -> None:
    coco.check_result(result)
    key = (result["image_id"], result["category_id"], hash(result["keypoints"].tobytes()))
    first, there = seen.setdefault(key, (file, where))
    if first != file:
        raise Malformed(f"keypoints: the same garment as {there}. Leave one of them out.")
