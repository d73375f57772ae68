"""COCO files of DeepFashion2 read: truth, lists of pictures, detections and results.

Keypoints stand in 294 slots (882 numbers) or in the 81 shared ones (243). Where a fault lies is
said by the entry's number, counted from 1.
"""

from pathlib import Path
from typing import Any

import numpy as np

from aifashion.datasets.deepfashion2 import dense, fields, raw
from aifashion.datasets.deepfashion2.fields import Malformed, entry
from aifashion.datasets.deepfashion2.landmarks import (
    ALIASES,
    CATEGORIES,
    KEYPOINTS,
    NUMBERS,
    OWN,
    SLOTS,
    slots,
)
from aifashion.datasets.schema import ABSENT, VISIBLE, KeypointRecord
from aifashion.datasets.tables import shown, stays_inside
from aifashion.errors import Exit, Failure
from aifashion.progress import warn

LENGTHS = (3 * SLOTS, 3 * len(KEYPOINTS))  # of `keypoints`
_MEANING = "x, y, v of 294 slots or of 81 shared ones"


def read(file: Path, root: Path) -> list[KeypointRecord]:
    """The records of a file: of truth, without truth of a list of pictures, or of predictions.

    Detections (`bbox`, no `keypoints`) give records with box and score alone. A list of pictures
    gives one record a picture with neither box nor category ("").

    Args:
        file: truth or a list of pictures (an object), detections or results (a list).
        root: the folder of the pictures.

    Raises:
        Failure: BAD_DATA, naming file, entry and field.
    """
    content = fields.load(file, small)
    if isinstance(content, list):
        return _predicted(file, content, root)
    images, annotations = _check_truth(file, content)
    paths = _paths(images, root)
    if not annotations:
        return [KeypointRecord(f"{number}/0", path, "") for number, path in paths.items()]
    return _records(annotations, paths)


def pictures(file: Path, root: Path) -> dict[int, Path]:
    """The pictures by their ids, of truth or of a list of pictures.

    Raises:
        Failure: BAD_DATA, naming file, entry and field.
    """
    return _paths(_check_truth(file, fields.load(file, small))[0], root)


def _paths(images: dict[int, dict], root: Path) -> dict[int, Path]:
    return {number: root / image["file_name"] for number, image in images.items()}


def own_part(category: str, triplets: np.ndarray) -> np.ndarray:
    """A category's own part of 294 or 81 times x, y, v: (K, 3) -> (own, 3)."""
    return triplets[slots(category) if len(triplets) == SLOTS else OWN[category]]


def all_slots(category: str, own: np.ndarray) -> np.ndarray:
    """The inverse of `own_part` into 294 slots, the others 0: (own, 3) -> (294, 3)."""
    triplets = np.zeros((SLOTS, 3), own.dtype)
    triplets[slots(category)] = own
    return triplets


def small(holder: dict) -> dict:
    """Keypoints as an array, and no polygons: of 300,000 garments they would fill the memory."""
    holder.pop("segmentation", None)
    keypoints = fields.packed(holder.get("keypoints"))
    if keypoints is not None and len(keypoints) in LENGTHS:
        holder["keypoints"] = keypoints
    return holder


# === Truth ===


def read_truth(file: Path, visible_only: bool = False) -> dict[str, Any]:
    """Checked truth as pycocotools takes it, with 294 slots (NumPy arrays) and without polygons.

    Args:
        visible_only: leaves out occluded keypoints, counting the others anew.

    Raises:
        Failure: BAD_DATA, naming file, entry and field.
    """
    images, annotations = _check_truth(file, fields.load(file, small))
    if not annotations:
        raise Failure(Exit.BAD_DATA, f"{file}: no annotations in it. Name a file of truth.")
    for place, annotation in enumerate(annotations, start=1):
        annotation["id"] = place  # pycocotools takes what it matches with 0 for unmatched
        own = annotation["keypoints"]
        if visible_only:
            own[own[:, 2] != VISIBLE] = 0
            annotation["num_keypoints"] = int((own[:, 2] != ABSENT).sum())
        annotation["keypoints"] = all_slots(annotation["category"], own).ravel()
    categories = [{"id": number, "name": name} for name, number in NUMBERS.items()]
    return {"images": [*images.values()], "annotations": annotations, "categories": categories}


def _check_truth(file: Path, content: Any) -> tuple[dict[int, dict], list[dict]]:
    """The pictures by id and the annotations, whose keypoints are the own ones then, (own, 3)."""
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise Failure(Exit.BAD_DATA, f"{file}: no object with images. Name a COCO file of truth.")
    _check_categories(file, content.get("categories", []))
    images = {}
    for place, image in enumerate(content["images"], start=1):
        with entry(file, f"image {place}"):
            number = _check_image(image)
            if number in images:
                raise Malformed(f"id: {number} stands twice. Give each picture its own.")
        images[number] = image
    annotations, seen = content.get("annotations", []), set()
    if not isinstance(annotations, list):
        raise Failure(Exit.BAD_DATA, f"{file}: annotations: not a list. Write the file again.")
    for place, annotation in enumerate(annotations, start=1):
        with entry(file, f"annotation {place}"):
            number = _check_annotation(annotation, images)
            if number in seen:
                raise Malformed(f"id: {number} stands twice. Give each annotation its own.")
        seen.add(number)
    return images, annotations


def _check_categories(file: Path, categories: Any) -> None:
    """Numbers and names have to belong together: some tools number the categories of a part."""
    if not isinstance(categories, list):
        raise Failure(Exit.BAD_DATA, f"{file}: categories: not a list. Write the file again.")
    for place, category in enumerate(categories, start=1):
        with entry(file, f"category {place}"):
            given = _dictionary(category).get("name")
            name = ALIASES.get(given, given) if isinstance(given, str) else given
            number = fields.integer(category, "id", 1, len(CATEGORIES))
            if name in NUMBERS and NUMBERS[name] != number:
                raise Malformed(f"id: {number}, but {given} is {NUMBERS[name]}. Correct it.")


def _dictionary(value: Any) -> dict:
    if not isinstance(value, dict):
        raise Malformed("not an object. Write the file again.")
    return value


def _check_image(image: Any) -> int:
    number = fields.integer(_dictionary(image), "id")
    name = image.setdefault("file_name", raw.picture_name(number))
    if not isinstance(name, str) or not stays_inside(name):
        raise Malformed(
            f"file_name: {shown(str(name))} does not name a picture below its folder. Correct it."
        )
    return number


def _check_annotation(annotation: Any, images: dict[int, dict]) -> int:
    number = fields.integer(_dictionary(annotation), "id")
    _check_picture(annotation, images)
    category = fields.category(annotation)
    triplets = fields.numbers(annotation, "keypoints", LENGTHS, _MEANING).reshape(-1, 3)
    raw.check_visibility("keypoints", triplets)
    fields.check_near("keypoints", triplets)
    own = own_part(category, triplets)
    if (own[:, 2] != ABSENT).sum() != (triplets[:, 2] != ABSENT).sum():
        raise Malformed(
            f"keypoints: some stand outside the slots of category {NUMBERS[category]}, {category}. "
            "Correct category_id or the keypoints."
        )
    x1, y1, x2, y2 = annotation["box"] = fields.box(annotation, "bbox", sizes=True)
    if "area" in annotation and fields.number(annotation, "area") < 0:
        raise Malformed(f"area: {fields.short(annotation['area'])} is negative. Correct it.")
    annotation.setdefault("area", (x2 - x1) * (y2 - y1))
    annotation.setdefault("num_keypoints", int((own[:, 2] != ABSENT).sum()))
    annotation.setdefault("iscrowd", 0)
    fields.integer(annotation, "num_keypoints")
    fields.integer(annotation, "iscrowd", 0, 1)
    annotation["keypoints"], annotation["category"] = own.copy(), category
    return number


def _check_picture(holder: dict, images: dict[int, dict]) -> int:
    number = fields.integer(holder, "image_id")
    if number not in images:
        raise Malformed(f"image_id: {number} is none of the pictures. Correct it.")
    return number


def _records(annotations: list[dict], paths: dict[int, Path]) -> list[KeypointRecord]:
    keypoints, visibility = _spread(annotations)
    return [
        KeypointRecord(
            f"{annotation['image_id']}/{annotation['id']}",
            paths[annotation["image_id"]],
            annotation["category"],
            *truth,
            np.array(annotation["box"], np.float64),
        )
        for annotation, *truth in zip(annotations, keypoints, visibility, strict=True)
    ]


def _spread(entries: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    own = np.concatenate([np.empty((0, 3)), *(each["keypoints"] for each in entries)])
    numbers = np.array([each["category_id"] for each in entries], np.int64)
    return dense.spread(numbers, own[:, :2], own[:, 2])


# === Predictions ===


def read_results(file: Path, truth: dict[str, Any]) -> list[dict]:
    """Checked results as pycocotools takes them, 294 slots (NumPy arrays) each.

    Args:
        truth: what `read_truth` gave: results may name its pictures only.

    Raises:
        Failure: BAD_DATA, naming file, entry and field.
    """
    content = fields.load(file, small)
    if not isinstance(content, list):
        raise Failure(Exit.BAD_DATA, f"{file}: not a list of results. Name a file of predictions.")
    if not content:
        warn(f"{file}: no results in it. All that is there counts as not found.")
    images = {image["id"]: image for image in truth["images"]}
    for place, result in enumerate(content, start=1):
        with entry(file, f"entry {place}"):
            check_result(result)
            _check_picture(result, images)
            if "bbox" in result:
                fields.box(result, "bbox", sizes=True)
    # pycocotools tells by the first one's fields what results are, and asks them of all.
    has_boxes = all("bbox" in result for result in content)
    names = ("image_id", "category_id", "keypoints", "score") + ("bbox",) * has_boxes
    return [{name: result[name] for name in names} for result in content]


def check_result(result: Any) -> str:
    """Checks a result in place: its keypoints become 882 numbers. Its category; or Malformed."""
    fields.integer(_dictionary(result), "image_id")
    category = fields.category(result)
    fields.number(result, "score")
    numbers = fields.numbers(result, "keypoints", LENGTHS, _MEANING)
    fields.check_near("keypoints", numbers)
    if len(numbers) != 3 * SLOTS:
        own = own_part(category, numbers.reshape(-1, 3))
        numbers = result_slots(category, own[:, :2]).ravel()
    result["keypoints"] = numbers
    return category


def result_slots(category: str, own: np.ndarray) -> np.ndarray:
    """A result's 294 times x, y, v from the category's own points: (own, 2) -> (294, 3).

    A detection's extent is taken over all slots, so those of other categories stand where the
    first own one does, with v 0.
    """
    triplets = np.zeros((SLOTS, 3))
    triplets[:, :2] = own[0]
    triplets[slots(category)] = np.c_[own, np.ones(len(own))]
    return triplets


def _predicted(file: Path, entries: list, root: Path) -> list[KeypointRecord]:
    boxes_only = bool(entries) and isinstance(entries[0], dict) and "keypoints" not in entries[0]
    boxes = []
    for place, each in enumerate(entries, start=1):
        with entry(file, f"entry {place}"):
            boxes.append(_check_detection(each) if boxes_only else None)
            if not boxes_only:
                category = check_result(each)
                own = own_part(category, each["keypoints"].reshape(-1, 3)).copy()
                own[:, 2] = VISIBLE  # a result's v says nothing
                each["keypoints"], each["category"] = own, category
    none = [None] * len(entries)
    keypoints, visibility = (none, none) if boxes_only else _spread(entries)
    return [
        KeypointRecord(
            f"{each['image_id']}/{place}",
            root / raw.picture_name(each["image_id"]),
            each["category"],
            *found,
            float(each["score"]),
        )
        for place, (each, *found) in enumerate(
            zip(entries, keypoints, visibility, boxes, strict=True), start=1
        )
    ]


def _check_detection(detection: Any) -> np.ndarray:
    fields.integer(_dictionary(detection), "image_id")
    detection["category"] = fields.category(detection)
    fields.number(detection, "score")
    return np.array(fields.box(detection, "bbox", sizes=True), np.float64)
