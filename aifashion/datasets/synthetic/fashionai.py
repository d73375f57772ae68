"""Draws the FashionAI data: pictures of its five garments with all 24 keypoints, in its layout.

A picture is a function of (seed, split, index) alone, so any number of processes writes the same
bytes. The folder is drawn aside and renamed; `drawn.json` marks it as drawn.
"""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from aifashion.datasets import fashionai
from aifashion.datasets.schema import ABSENT, KeypointRecord
from aifashion.datasets.synthetic import folders
from aifashion.datasets.synthetic.draw import draw
from aifashion.datasets.synthetic.garments.outfits import IDENTITIES, dressed
from aifashion.datasets.synthetic.garments.vocabulary import CATEGORIES

SPLITS = ("train", "test")  # a split's position here is its part of the seed
TRUTH = "fashionAI_key_points_test_answer_drawn.csv"


def draw_fashionai(
    folder: Path,
    images: int = 600,
    test_images: int = 100,
    seed: int = 0,
    size: int = 512,
    processes: int | None = None,
) -> None:
    """Draws training and test data into a folder, in FashionAI's own layout.

    Categories take turns. The csv files round keypoints to pixels. Drawing again into a folder of
    drawn data replaces it.

    Args:
        folder: takes `train/Annotations/train.csv`, `train/Images/`, `test/test.csv`,
            `test/Images/`, the test's truth beside `test.csv`, and `drawn.json`.
        images: number of training pictures.
        test_images: number of test pictures, of a stream of their own.
        seed: same arguments, same bytes.
        size: the pictures' longer side in pixels.
        processes: how many to draw with; None takes one a core where the pictures are many.

    Raises:
        Failure: USAGE where a number is out of range, or the folder holds data not drawn here.
    """
    asked = {"seed": seed, "images": images, "test_images": test_images, "size": size}
    with folders.drawing(folder, SPLITS, asked) as aside:
        records = _write_pictures(aside, (images, test_images), seed, size, processes)
        train, test = records[:images], records[images:]
        fashionai.write(aside / "train" / "Annotations" / "train.csv", train)
        fashionai.write(aside / "test" / TRUTH, test)
        unlabelled = [replace(record, keypoints=None, visibility=None) for record in test]
        fashionai.write(aside / "test" / "test.csv", unlabelled)


# === Pictures ===


def _write_pictures(
    root: Path, counts: tuple[int, ...], seed: int, size: int, processes: int | None
) -> list[KeypointRecord]:
    """Draws every picture of every split below `root`; the records in order."""
    for split in SPLITS:
        for category in CATEGORIES:
            (root / split / "Images" / category).mkdir(parents=True)
    jobs = [(split, i) for split, count in enumerate(counts) for i in range(count)]
    return folders.write_each(partial(_write_picture, root, seed, size), jobs, processes)


def _write_picture(root: Path, seed: int, size: int, job: tuple[int, int]) -> KeypointRecord:
    """Draws picture `index` of split `split` and writes it below `root`."""
    split, index = job
    category = CATEGORIES[index % len(CATEGORIES)]
    rng = np.random.default_rng([seed, split, index])
    picture = draw(dressed(category, int(rng.integers(IDENTITIES)), rng), rng, size)
    name = hashlib.md5(f"{seed} {split} {index}".encode(), usedforsecurity=False).hexdigest()
    image_id = f"Images/{category}/{name}.jpg"
    path = root / SPLITS[split] / image_id
    path.write_bytes(folders.jpeg(picture.image, rng))
    points = np.full((len(fashionai.KEYPOINTS), 2), -0.5)  # an absent point's, as the reader has it
    visibility = np.zeros(len(fashionai.KEYPOINTS), np.int8)
    for k, keypoint in enumerate(fashionai.KEYPOINTS):
        if picture.visibility.get(keypoint, ABSENT) != ABSENT:
            points[k], visibility[k] = picture.keypoints[keypoint], picture.visibility[keypoint]
    return KeypointRecord(image_id, path, category, points, visibility)
