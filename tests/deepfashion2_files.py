"""DeepFashion2 files made by formula: raw folders of a few garments, and a set of known scores."""

import json
from pathlib import Path

import cv2
import numpy as np

from aifashion.datasets.deepfashion2.landmarks import (
    CATEGORIES,
    COCO_NAMES,
    COUNTS,
    NUMBERS,
    OFFSETS,
    RAW_NAMES,
    SLOTS,
)  # fmt: skip

NAMES = list(CATEGORIES)


def item(category: str, first: int = 10, labelled: bool = True, **changed) -> dict:
    """A raw item: keypoint n of its own stands at (first + n, first + 2n), v is n modulo 3."""
    landmarks = []
    for n in range(1, COUNTS[category] + 1):
        seen = labelled and n % 3
        landmarks += [first + n, first + 2 * n, n % 3] if seen else [0, 0, 0]
    return {
        "segmentation": [[first, 5.5, 30, 40, first, 5.5], [1, 2, 3, 4, 5, 6]],
        "scale": 3, "viewpoint": 2, "zoom_in": 1, "landmarks": landmarks, "style": 2,
        "bounding_box": [first, 20, first + 60, 110], "category_id": NUMBERS[category],
        "occlusion": 1, "category_name": RAW_NAMES[category], **changed,
    }  # fmt: skip


def picture(*items: dict, numbers=(2, 1, 3), **changed) -> dict:
    """A raw file's content, the items not in the order of their numbers."""
    named = {f"item{n}": each for n, each in zip(numbers, items, strict=False)}
    return {"source": "user", "pair_id": 7, **named, **changed}


def write_raw(part: Path, *pictures: dict, draw: bool = True) -> Path:
    """A part with these pictures from 000001 on, each 100 + its number wide and 120 high."""
    for folder in ("annos", "image"):
        (part / folder).mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(pictures, start=1):
        (part / "annos" / f"{number:06d}.json").write_text(json.dumps(content))
        if draw:
            draw_picture(part / "image", number)
    return part


def draw_picture(folder: Path, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    blank = np.full((120, 100 + number, 3), 200, np.uint8)
    cv2.imwrite(str(folder / f"{number:06d}.jpg"), blank)


def small_folder(folder: Path) -> Path:
    """Three pictures to train on, one to validate with, one to test; one item is not labelled."""
    tops = picture(item("short_sleeve_top"), item("trousers", 30))
    write_raw(
        folder / "train", tops, picture(item("sling_dress", labelled=False)),
        picture(item("trousers"), item("skirt"), item("vest_dress"), source="shop"),
    )  # fmt: skip
    write_raw(folder / "validation", picture(item("long_sleeve_outwear")))
    draw_picture(folder / "test" / "image", 1)
    return folder


# === The golden set: image c shows category c, a garment in each ===


def _boxes() -> dict[int, tuple[int, int, int, int]]:
    return {c: (50 + 7 * c, 40 + 5 * c, 200 + 10 * c, 300 - 8 * c) for c in range(1, 14)}


def _points(c: int) -> list[tuple[float, float, int]]:
    """x, y, v of each own keypoint; 0 0 0 where it is not labelled."""
    x0, y0, w, h = _boxes()[c]
    points = []
    for n in range(1, COUNTS[NAMES[c - 1]] + 1):
        v = 0 if (n + c) % 7 == 0 else 1 if (n + c) % 3 == 0 else 2
        x = round(x0 + w * ((37 * n % 101) / 101), 3)
        y = round(y0 + h * ((53 * n % 97) / 97), 3)
        points.append((x, y, v) if v else (0, 0, 0))
    return points


def golden_truth() -> dict:
    """13 pictures of one garment each, with occluded and absent keypoints."""
    annotations = []
    for c, box in _boxes().items():
        own = _points(c)
        keypoints = [0] * 3 * SLOTS
        start = 3 * OFFSETS[NAMES[c - 1]]
        keypoints[start : start + 3 * len(own)] = [value for point in own for value in point]
        annotations.append(
            {
                "id": c, "image_id": c, "category_id": c, "bbox": list(box), "iscrowd": 0,
                "area": box[2] * box[3], "num_keypoints": sum(v > 0 for _, _, v in own),
                "keypoints": keypoints,
            }
        )  # fmt: skip
    categories = [{"id": NUMBERS[name], "name": COCO_NAMES[name]} for name in NAMES]
    images = [{"id": c, "file_name": f"{c:06d}.jpg"} for c in _boxes()]
    return {"images": images, "annotations": annotations, "categories": categories}


def golden_results(s: int) -> list[dict]:
    """The labelled keypoints moved by some s pixels; of even categories a surer, worse one too."""
    results = []
    for c in _boxes():
        start = OFFSETS[NAMES[c - 1]]
        triplets = np.zeros((SLOTS, 3))
        triplets[:, 2] = 1
        for n, (x, y, v) in enumerate(_points(c), start=1):
            if v:
                dx, dy = s * ((7 * n + 3 * c) % 11 - 5), s * ((5 * n + 2 * c) % 7 - 3)
                triplets[start + n - 1, :2] = x + dx, y + dy
        results.append(_result(c, triplets, 0.99 - 0.05 * c))
        if c % 2 == 0:
            worse = triplets.copy()
            worse[start : start + COUNTS[NAMES[c - 1]], 0] += 80
            results.append(_result(c, worse, 0.995))
    return results


def _result(c: int, triplets: np.ndarray, score: float) -> dict:
    return {
        "image_id": c, "category_id": c, "keypoints": triplets.round(3).ravel().tolist(),
        "score": score,
    }  # fmt: skip
