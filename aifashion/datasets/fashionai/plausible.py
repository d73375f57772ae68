"""What only a whole csv of FashionAI shows: visibility flags or left and right mixed up.

Each limit lies far from what sound annotations have, so that a finding is worth a look. R: rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aifashion.datasets.checking import ERROR, WARNING, Fault, Finding
from aifashion.datasets.fashionai.keypoints import CATEGORIES, SCHEMA
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE, KeypointRecord, other_side

FEW = 5  # rows below which nothing is said about flags
SOME = 20  # … about sides
MANY = 500  # … about a file without any occluded keypoint
RARE = 0.1  # share of rows up to which exchanged sides are mistakes, not a custom


@dataclass(frozen=True)
class Numbered:
    """A sound record and the row it stands in."""

    row: int
    record: KeypointRecord


def _pairs(category: str) -> tuple[np.ndarray, np.ndarray]:
    """The positions of a category's left keypoints, and of their right ones."""
    names = tuple(name for name in CATEGORIES[category] if "left" in name.split("_"))
    return SCHEMA.indices(names), SCHEMA.indices(tuple(map(other_side, names)))


_PAIRS = {category: _pairs(category) for category in CATEGORIES}


def check_flags(csv: Path, visibility: np.ndarray) -> list[Finding]:
    """Flags mixed up over a whole file.

    Args:
        visibility: (R, K), of all sound rows.
    """
    rows = len(visibility)
    visible, occluded = int((visibility == VISIBLE).sum()), int((visibility == OCCLUDED).sum())
    if rows < FEW or visible + occluded == 0:
        return []
    remedy = "FashionAI's are -1 absent, 0 occluded, 1 visible: convert other datasets' flags."
    if visible == 0:
        message = "not one keypoint is visible, all are occluded"
        return [Fault("flags-all-occluded", ERROR, message, remedy).at(csv)]
    if rows >= SOME and occluded > visible:
        message = f"more keypoints are occluded ({occluded}) than visible ({visible})"
        return [Fault("flags-exchanged", WARNING, message, remedy).at(csv)]
    if rows >= MANY and occluded == 0:
        message = f"not one keypoint of {rows} rows is occluded"
        return [Fault("flags-none-occluded", WARNING, message, remedy).at(csv)]
    return []


def check_sides(csv: Path, numbered: Sequence[Numbered]) -> list[Finding]:
    """Left and right exchanged: in a few rows of a file, or in most of them.

    Where they are in a tenth to a half of the rows, the annotators followed a custom of their own
    (the wearer's left in views from behind, say), and nothing is said.
    """
    told = [(item.row, _is_reversed(item.record)) for item in numbered]
    told = [(row, is_reversed) for row, is_reversed in told if is_reversed is not None]
    exchanged = [row for row, is_reversed in told if is_reversed]
    if len(told) < SOME or not exchanged:
        return []
    if len(exchanged) > 0.5 * len(told):
        message = f"left lies right of right in {len(exchanged)} of {len(told)} rows"
        remedy = "FashionAI's left is the picture's: exchange the columns, or the pictures' sides."
        return [Fault("sides-mirrored", WARNING, message, remedy).at(csv)]
    if len(exchanged) > max(1, RARE * len(told)):
        return []
    message = f"every left keypoint lies right of its right one, as in {len(exchanged)} rows alone"
    fault = Fault("sides-exchanged", WARNING, message, "Exchange left and right in this row.")
    return [fault.at(csv, row) for row in exchanged]


def _is_reversed(record: KeypointRecord) -> bool | None:
    """Whether all pairs of an upright garment are exchanged; None where it cannot be told."""
    left, right = _PAIRS[record.category]
    present = record.visibility != ABSENT
    both = present[left] & present[right]
    if both.sum() < 2:
        return None
    left, right = left[both], right[both]
    heights = record.keypoints[left, 1] + record.keypoints[right, 1]
    if heights[0] >= heights[-1]:  # lying, or upside down
        return None
    gaps = record.keypoints[right, 0] - record.keypoints[left, 0]
    return bool((gaps < -0.05 * np.ptp(record.keypoints[present, 0])).all())
