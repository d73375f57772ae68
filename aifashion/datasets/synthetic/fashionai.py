"""Draws the FashionAI data: pictures of its five garments with all 24 keypoints, in its layout.

A picture is a function of (seed, split, index) alone, so any number of processes writes the same
bytes. The folder is drawn aside and renamed; `drawn.json` marks it as drawn.
"""

import hashlib
import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

from aifashion.datasets import fashionai
from aifashion.datasets.schema import ABSENT, KeypointRecord
from aifashion.datasets.synthetic.draw import draw
from aifashion.datasets.synthetic.garments.outfits import IDENTITIES, dressed
from aifashion.datasets.synthetic.garments.vocabulary import CATEGORIES
from aifashion.errors import Exit, Failure

SPLITS = ("train", "test")  # a split's position here is its part of the seed
MARK = "drawn.json"
TRUTH = "fashionAI_key_points_test_answer_drawn.csv"
SMALLEST = 64
MANY = 200  # pictures from which starting processes, half a second each, is worth it


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
    folder = folder.resolve()
    _check(folder, images, test_images, seed, size)
    aside = folder.with_name(f".{folder.name}.drawing")
    shutil.rmtree(aside, ignore_errors=True)
    records = _write_pictures(aside, (images, test_images), seed, size, processes)
    train, test = records[:images], records[images:]
    fashionai.write(aside / "train" / "Annotations" / "train.csv", train)
    fashionai.write(aside / "test" / TRUTH, test)
    unlabelled = [replace(record, keypoints=None, visibility=None) for record in test]
    fashionai.write(aside / "test" / "test.csv", unlabelled)
    asked = {"seed": seed, "images": images, "test_images": test_images, "size": size}
    (aside / MARK).write_text(json.dumps({"drawn_by": "aifashion", **asked}, indent=2) + "\n")
    _move(aside, folder)


def _check(folder: Path, images: int, test_images: int, seed: int, size: int) -> None:
    least = {"images": (images, 0), "test_images": (test_images, 0), "seed": (seed, 0)}
    for name, (value, lowest) in (least | {"size": (size, SMALLEST)}).items():
        if value < lowest:
            raise Failure(
                Exit.USAGE, f"{name}: {value} is too small. Give a whole number from {lowest} on."
            )
    foreign = folder.is_dir() and not (folder / MARK).exists() and any(folder.iterdir())
    if folder.is_file() or foreign:
        raise Failure(
            Exit.USAGE,
            f"{folder}: is or holds something that was not drawn (no {MARK}). Name another folder.",
        )


def _move(aside: Path, folder: Path) -> None:
    """Moves what was drawn into the folder; what else a person put there stays."""
    folder.mkdir(exist_ok=True)
    for name in (*SPLITS, MARK):
        shutil.rmtree(folder / name, ignore_errors=True)
        (aside / name).replace(folder / name)
    aside.rmdir()


# === Pictures ===


def _write_pictures(
    root: Path, counts: tuple[int, ...], seed: int, size: int, processes: int | None
) -> list[KeypointRecord]:
    """Draws every picture of every split below `root`; the records in order."""
    for split in SPLITS:
        for category in CATEGORIES:
            (root / split / "Images" / category).mkdir(parents=True)
    jobs = [(split, i) for split, count in enumerate(counts) for i in range(count)]
    if processes is None:
        processes = (os.cpu_count() or 1) if len(jobs) >= MANY else 1
    write = partial(_write_picture, root, seed, size)
    if processes == 1:
        return [write(job) for job in jobs]
    # Not fork: the parent may hold TensorFlow's threads.
    context = multiprocessing.get_context("spawn")
    threads = {"initializer": cv2.setNumThreads, "initargs": (1,)}
    with _no_main(), ProcessPoolExecutor(processes, context, **threads) as pool:
        return list(pool.map(write, jobs, chunksize=16))


def _write_picture(root: Path, seed: int, size: int, job: tuple[int, int]) -> KeypointRecord:
    """Draws picture `index` of split `split` and writes it below `root`."""
    split, index = job
    category = CATEGORIES[index % len(CATEGORIES)]
    rng = np.random.default_rng([seed, split, index])
    picture = draw(dressed(category, int(rng.integers(IDENTITIES)), rng), rng, size)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))]
    _, encoded = cv2.imencode(".jpg", picture.image[..., ::-1], quality)
    name = hashlib.md5(f"{seed} {split} {index}".encode(), usedforsecurity=False).hexdigest()
    image_id = f"Images/{category}/{name}.jpg"
    path = root / SPLITS[split] / image_id
    path.write_bytes(encoded.tobytes())
    points = np.full((len(fashionai.KEYPOINTS), 2), -0.5)  # an absent point's, as the reader has it
    visibility = np.zeros(len(fashionai.KEYPOINTS), np.int8)
    for k, keypoint in enumerate(fashionai.KEYPOINTS):
        if picture.visibility.get(keypoint, ABSENT) != ABSENT:
            points[k], visibility[k] = picture.keypoints[keypoint], picture.visibility[keypoint]
    return KeypointRecord(image_id, path, category, points, visibility)


@contextmanager
def _no_main() -> Iterator[None]:
    """Keeps new processes from running the caller's script again, which they need nothing of.

    It may have no `if __name__ == "__main__"`, be typed at a prompt, or import TensorFlow.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
