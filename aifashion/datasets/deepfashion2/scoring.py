"""Records as pycocotools takes them: truth and predictions in 294 slots, nothing written."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from aifashion.datasets.deepfashion2 import coco, dense
from aifashion.datasets.deepfashion2.landmarks import NUMBERS, OWN
from aifashion.datasets.schema import ABSENT, KeypointRecord


def scored_truth(records: Sequence[KeypointRecord]) -> dict[str, Any]:
    """What `coco.read_truth` gives of the same records' file."""
    numbers = dict.fromkeys(picture_number(record) for record in records)
    return {
        "images": [{"id": number} for number in numbers],
        "annotations": [_annotation(n, record) for n, record in enumerate(records, start=1)],
        "categories": [{"id": number, "name": name} for name, number in NUMBERS.items()],
    }


def scored_results(records: Sequence[KeypointRecord]) -> list[dict]:
    """What `coco.read_results` gives of the same predictions' file."""
    return [
        {
            "image_id": picture_number(record),
            "category_id": NUMBERS[record.category],
            "keypoints": coco.result_slots(record.category, dense.own_places(record)).ravel(),
            "score": record.score,
        }
        for record in records
    ]


def picture_number(record: KeypointRecord) -> int:
    """The number that files name the record's picture by."""
    return int(record.image_id.partition("/")[0])


def _annotation(number: int, record: KeypointRecord) -> dict:
    x1, y1, x2, y2 = map(float, record.box)
    seen = record.visibility[OWN[record.category]]
    own = np.c_[dense.own_places(record), seen] * (seen != ABSENT)[:, None]
    return {
        "id": number,
        "image_id": picture_number(record),
        "category_id": NUMBERS[record.category],
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": (x2 - x1) * (y2 - y1),
        "iscrowd": 0,
        "num_keypoints": int((seen != ABSENT).sum()),
        "keypoints": coco.all_slots(record.category, own).ravel(),
    }
