"""Draws the DeepFashion2 data: pictures of its 13 categories, in its raw layout.

A picture is a function of (seed, split, index) alone, as FashionAI's are. Of every 26 pictures two
show the same piece, once as a shop and once as a person shows it. All is drawn from the front, so
no viewpoint is from the side or back.
"""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from aifashion.datasets.deepfashion2.landmarks import CATEGORIES, NUMBERS, RAW_NAMES
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE
from aifashion.datasets.synthetic import folders, masks
from aifashion.datasets.synthetic.draw import Picture, draw, landmark_truth
from aifashion.datasets.synthetic.garments.outfits import BUILD, IDENTITIES, dressed
from aifashion.datasets.synthetic.garments.parts import Garment
from aifashion.datasets.synthetic.garments.tops import Pose

Rng = np.random.Generator
SPLITS = ("train", "validation", "test")
ANNOTATIONS = {"train": "annos", "validation": "annos", "test": "annos_drawn"}
NAMES = tuple(CATEGORIES)
SOURCES = ("shop", "user")  # they take turns
ROUND = 2 * len(NAMES)  # pictures after which every piece of a round has been seen twice
LEAST_SHOWN = 0.25  # an item shows at least this share of its garment
# Each category's garment in the wardrobe; where that has several lengths, `category_of` decides.
GARMENTS = {
    "short_sleeve_top": "blouse", "long_sleeve_top": "blouse",
    "short_sleeve_outwear": "short_outwear", "long_sleeve_outwear": "outwear", "vest": "vest",
    "sling": "sling", "shorts": "trousers", "trousers": "trousers", "skirt": "skirt",
    "short_sleeve_dress": "dress", "long_sleeve_dress": "dress", "vest_dress": "vest_dress",
    "sling_dress": "sling_dress",
}  # fmt: skip
SHOP = {"worn": 0.3, "mannequin": 0.25, "flat": 0.25, "hanger": 0.2}


def draw_deepfashion2(
    folder: Path,
    images: int = 600,
    test_images: int = 100,
    seed: int = 0,
    size: int = 512,
    processes: int | None = None,
) -> None:
    """Draws training, validation and test data into a folder, in DeepFashion2's raw layout.

    Categories take turns, so that any 13 pictures show all. Drawing again into a folder of drawn
    data replaces it.

    Args:
        folder: takes `train/` and `validation/`, with `image/000001.jpg` and `annos/000001.json`
            each; `test/image/`, whose truth is in `test/annos_drawn/`; and `drawn.json`.
        images: number of training pictures; a tenth as many, but 13 or more, are for validation.
        test_images: number of test pictures.
        seed: same arguments, same bytes.
        size: the pictures' longer side in pixels.
        processes: how many to draw with; None takes one a core where the pictures are many.

    Raises:
        Failure: USAGE where a number is out of range, or the folder holds data not drawn here.
    """
    asked = {"seed": seed, "images": images, "test_images": test_images, "size": size}
    with folders.drawing(folder, SPLITS, asked) as aside:
        validation = max(images // 10, len(NAMES)) if images else 0
        jobs = []
        for split, count in zip(SPLITS, (images, validation, test_images), strict=True):
            (aside / split / "image").mkdir(parents=True)
            (aside / split / ANNOTATIONS[split]).mkdir()
            jobs += [(split, index) for index in range(count)]
        folders.write_each(partial(_write_picture, aside, seed, size), jobs, processes)


def _write_picture(root: Path, seed: int, size: int, job: tuple[str, int]) -> None:
    """Draws picture `index` of a split and writes it and its annotations below `root`."""
    split, index = job
    place, source = SPLITS.index(split), SOURCES[index % len(SOURCES)]
    pair = index // ROUND * len(NAMES) + index % len(NAMES)
    piece = np.random.default_rng([seed, 2, place, 1, pair])
    rng = np.random.default_rng([seed, 2, place, 2, index])
    picture = draw_item(NAMES[index % len(NAMES)], source, piece, rng, size)
    name = f"{index + 1:06d}"
    pair_id = len(SPLITS) * pair + place + 1  # of no other split
    annotations = {"source": source, "pair_id": pair_id, **items(picture)}
    (root / split / "image" / f"{name}.jpg").write_bytes(folders.jpeg(picture.image, rng))
    file = root / split / ANNOTATIONS[split] / f"{name}.json"
    file.write_text(json.dumps(annotations) + "\n")


# === Pictures ===


def draw_item(category: str, source: str, piece: Rng, rng: Rng, size: int) -> Picture:
    """A picture about a garment of a category.

    Args:
        category: one of NAMES.
        source: "shop" shows it in front of something plain, "user" on a person somewhere.
        piece: decides which garment it is.
        rng: decides everything else.
        size: the longer side in pixels.
    """
    identity = identity_of(category, piece)
    if source == "shop":
        shown, setting = str(rng.choice(list(SHOP), p=list(SHOP.values()))), "plain"
    else:
        shown, setting = "worn", "outside"
    outfit = dressed(GARMENTS[category], identity, rng, shown)
    return draw(replace(outfit, setting=setting), rng, size)


def identity_of(category: str, rng: Rng) -> int:
    """An identity whose garment is of the category."""
    while True:
        identity = int(rng.integers(IDENTITIES))
        pose = Pose("flat", np.random.default_rng(0))  # the design does not depend on it
        if category_of(BUILD[GARMENTS[category]](identity, pose)) == category:
            return identity


def category_of(garment: Garment) -> str:
    """What DeepFashion2 calls a drawn garment: sleeves to the elbow are short, longer ones long."""
    sleeve = "long_sleeve" if garment.attributes.get("sleeve_length") == "wrist" else "short_sleeve"
    found = {
        "blouse": f"{sleeve}_top",
        "dress": f"{sleeve}_dress",
        "outwear": "long_sleeve_outwear",  # its shorter sleeves still cover the elbow
        "short_outwear": "short_sleeve_outwear",
        "trousers": "shorts" if garment.attributes.get("length") == "thigh" else "trousers",
    }
    return found.get(garment.category, garment.category)


# === Annotations ===


def items(picture: Picture) -> dict[str, dict]:
    """The annotations item1, item2 …: the picture's garment, and others that show enough of it."""
    outfit, shape = picture.outfit, picture.image.shape[:2]
    found = {}
    for place, mask in enumerate(masks.visible(outfit, picture.matrix, shape)):
        whole = masks.whole_area(outfit.garments[place], picture.matrix)
        if place == 0 or mask.sum() >= LEAST_SHOWN * whole:
            found[f"item{len(found) + 1}"] = _item(picture, place, mask)
    return found


def _item(picture: Picture, place: int, mask: np.ndarray) -> dict:
    """One garment's annotations; style 0 says that no other picture shows the same piece."""
    outfit, shape = picture.outfit, picture.image.shape[:2]
    category = category_of(outfit.garments[place])
    points, seen = landmark_truth(outfit, picture.matrix, shape, place)
    for name, point in points.items():  # a corner may stick out of what covers all around it
        if seen[name] == VISIBLE and not masks.shows(mask, point):
            seen[name] = OCCLUDED
    names = CATEGORIES[category]
    landmarks = [
        (*np.floor(points[name]).astype(int).tolist(), seen[name]) if seen[name] else (0, 0, 0)
        for name in names
    ]
    states = np.array([seen[name] for name in names])
    box = masks.box(mask)
    share = (box[2] - box[0]) * (box[3] - box[1]) / mask.size
    return {
        "category_id": NUMBERS[category],
        "category_name": RAW_NAMES[category],
        "style": 1 if place == 0 else 0,
        "bounding_box": box,
        "landmarks": [number for landmark in landmarks for number in landmark],
        "segmentation": masks.polygons(mask),
        "scale": _level(share, 0.1, 0.4),
        "occlusion": _level((states == OCCLUDED).mean(), 0.2, 0.5),
        "zoom_in": _level((states == ABSENT).mean(), 0.0, 0.5),
        "viewpoint": 2 if outfit.shown in ("worn", "mannequin") else 1,
    }


def _level(share: float, low: float, high: float) -> int:
    """1, 2 or 3: up to the first bound, up to the second, beyond it."""
    return 1 if share <= low else 2 if share <= high else 3
