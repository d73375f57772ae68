"""The annotations as they are distributed: `annos/000001.json` beside `image/000001.jpg`.

A file is an object with `source`, `pair_id` and item1 … itemN in any order. An item has
category_id, bounding_box [x1, y1, x2, y2], landmarks [x, y, v] of its own keypoints (v 2 visible,
1 occluded, 0 not labelled), segmentation, style, scale, occlusion, zoom_in, viewpoint. Coordinates
are indices of pixels.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aifashion.datasets.deepfashion2 import fields
from aifashion.datasets.deepfashion2.fields import Malformed, entry
from aifashion.datasets.deepfashion2.landmarks import COUNTS, RAW_NAMES
from aifashion.errors import Exit, Failure

SOURCES = ("", "shop", "user")  # of a picture; "" where the file does not say
# Of an item: its lowest and highest value; 0 stands for one that the file does not give.
DESCRIPTIONS = {
    "style": (0, fields.LARGEST), "scale": (1, 3), "occlusion": (1, 3), "zoom_in": (1, 3),
    "viewpoint": (1, 3),
}  # fmt: skip
_ITEM = re.compile("item([1-9][0-9]{0,3})")
_ANNOTATION = re.compile("([0-9]{6}|[1-9][0-9]{6,8})[.]json")
PICTURE = re.compile("([0-9]{6}|[1-9][0-9]{6,8})[.]jpg")


@dataclass(frozen=True)
class Item:
    """One garment of a picture, checked."""

    number: int  # n of item<n>
    category: str
    box: list  # x1, y1, x2, y2
    landmarks: np.ndarray  # (own keypoints, 3): x, y, v, as the file has them
    descriptions: dict  # style, scale …
    fields: dict  # all of the item, as the file has it


@dataclass(frozen=True)
class Picture:
    """What a file says of its picture."""

    number: int
    source: str
    pair_id: int
    items: list[Item]  # in the file's order


def picture_name(number: int) -> str:
    """The file name of a picture."""
    return f"{number:06d}.jpg"


def number_of(path: Path) -> int:
    """The number of the picture that a file annotates. Raises Failure (BAD_DATA)."""
    match = _ANNOTATION.fullmatch(path.name)
    if match is None:
        raise Failure(
            Exit.BAD_DATA,
            f"{path}: its name is not its picture's six digits and .json. Take it away, or rename "
            "it and its picture.",
        )
    return int(match[1])


def read_file(path: Path) -> Picture:
    """Reads and checks one file of annotations.

    Raises:
        Failure: BAD_DATA, naming file, item and field.
    """
    number = number_of(path)
    content = fields.load(path)
    if not isinstance(content, dict):
        raise Failure(
            Exit.BAD_DATA, f"{path}: no object with item1, item2 … in it. Fetch the file again."
        )
    with entry(path, "picture"):
        source = content.get("source", "")
        if source not in SOURCES:
            raise Malformed(f"source: {fields.short(source)} is neither shop nor user. Correct it.")
        pair_id = fields.integer(content, "pair_id") if "pair_id" in content else 0
    items = []
    for key, value in content.items():
        match = _ITEM.fullmatch(key)
        if match is not None:
            with entry(path, key):
                items.append(_item(int(match[1]), value))
    return Picture(number, source, pair_id, items)


def _item(number: int, value: object) -> Item:
    if not isinstance(value, dict):
        raise Malformed("not an object with category_id, bounding_box and landmarks. Correct it.")
    category = fields.category(value)
    given = value.get("category_name", RAW_NAMES[category])
    if given != RAW_NAMES[category]:
        raise Malformed(
            f"category_name: {fields.short(given)}, but category_id {value['category_id']} is "
            f"{RAW_NAMES[category]}. Correct one of them."
        )
    count = COUNTS[category]
    meaning = f"x, y, v of the {count} keypoints of {RAW_NAMES[category]}"
    landmarks = fields.numbers(value, "landmarks", (3 * count,), meaning).reshape(count, 3)
    check_visibility("landmarks", landmarks)
    fields.check_near("landmarks", landmarks)
    descriptions = {
        name: fields.integer(value, name, *limits) if name in value else 0
        for name, limits in DESCRIPTIONS.items()
    }
    box = fields.box(value, "bounding_box", sizes=False)
    return Item(number, category, box, landmarks, descriptions, value)


def check_visibility(name: str, triplets: np.ndarray) -> None:
    """Every third number has to be 0, 1 or 2; triplets (K, 3)."""
    wrong = ~np.isin(triplets[:, 2], (0, 1, 2))
    if wrong.any():
        place = int(np.argmax(wrong))
        raise Malformed(
            f"{name}: keypoint {place + 1}: v is {triplets[place, 2]:g}, not 0, 1 or 2. Correct it."
        )
