"""Where a data folder has its parts: as distributed, or as the derived COCO folders have them.

As distributed: `train`, `validation`, `test`, each with `image/` and, but for the test, `annos/`.
Derived: `images/train` … and COCO files of all keypoints in 294 slots or 81, whole or by category.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from aifashion.datasets.deepfashion2 import coco, index, raw
from aifashion.datasets.deepfashion2.scoring import picture_number
from aifashion.datasets.schema import KeypointRecord, Layout
from aifashion.errors import Exit, Failure

SPLITS = ("train", "validation", "test")
ANNOS, IMAGE = "annos", "image"
# Of a split, its COCO files: {} is the split, * a category's number. The first that is there.
COCO_FILES = (
    "annotations/{}_coco.json",
    "annotations_agg81kps/{}_coco_agg81kps.json",
    "annotations/{}_coco_agg81kps.json",
    "annotations_per_category/{}_coco_category_*.json",
    "annotations_per_category_agg81kps/{}_coco_category_*.json",
)
TEST_LISTS = (
    "test/test_coco.json", "test_coco.json", "json_for_test/keypoints_test_information.json",
    "test/json_for_test/keypoints_test_information.json",
    "test/keypoints_test_information.json", "keypoints_test_information.json",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A split: the folder of its pictures, and what is known of them."""

    split: str
    images: Path
    annos: Path | None = None  # a folder of raw annotations, or
    files: tuple[Path, ...] = ()  # COCO files; neither: pictures alone

    def __str__(self) -> str:
        return str(self.annos or (self.files or [self.images])[0])


def find(folder: Path) -> Layout:
    """Finds the parts of a data folder; raw annotations go before COCO files of the same split.

    A folder with `annos/` and `image/` is one part by itself, a test where it is called so.

    Raises:
        Failure: BAD_DATA where there is none of it, saying what was looked for.
    """
    if not folder.is_dir():
        raise Failure(Exit.BAD_DATA, f"{folder}: no such folder. Check --data.")
    parts = {split: _part(folder, split) for split in SPLITS}
    if not any(parts.values()) and (folder / ANNOS).is_dir():
        name = folder.resolve().name
        split = name if name in SPLITS else "train"
        parts[split] = Part(split, folder / IMAGE, folder / ANNOS)
    labelled = tuple(part for part in (parts["train"], parts["validation"]) if part)
    if not labelled and not parts["test"]:
        raise Failure(
            Exit.BAD_DATA,
            f"{folder}: no DeepFashion2 data: looked for train/annos, validation/annos, "
            f"test/image and {COCO_FILES[0].format('train')} with its kin. Point --data at the "
            "unpacked archives, or draw some: python -m aifashion draw deepfashion2 DIR.",
        )
    return Layout(labelled, parts["test"], parts["validation"])


def _part(folder: Path, split: str) -> Part | None:
    images = folder / split / IMAGE
    if (folder / split / ANNOS).is_dir():
        return Part(split, images, folder / split / ANNOS)
    if not images.is_dir():
        images = folder / "images" / split
    files = _coco_files(folder, split)
    if files or (split == "test" and images.is_dir()):
        return Part(split, images, files=files)
    return None


def _coco_files(folder: Path, split: str) -> tuple[Path, ...]:
    patterns = [pattern.format(split) for pattern in COCO_FILES]
    for pattern in patterns + (list(TEST_LISTS) if split == "test" else []):
        found = sorted(folder.glob(pattern), key=_number)
        if found:
            return tuple(found)
    return ()


def _number(path: Path) -> int:
    """The last number of a name: category 10 stands behind category 9."""
    return int((re.findall("[0-9]+", path.stem) or ["0"])[-1])


def read_part(part: Part) -> list[KeypointRecord]:
    """The records of a part, with truth where it has annotations.

    Of a test's pictures nothing else is known: one record each, without box, its category "".

    Raises:
        Failure: BAD_DATA where there is none, or naming file, entry and field.
    """
    if part.annos is not None:
        records = index.read(part.annos).records(part.images)
    elif part.files:
        records = [record for file in part.files for record in coco.read(file, part.images)]
        # Of files of single categories one may have pictures and no garment in them.
        records = [record for record in records if record.category] or records
        _check_unique(part, records)
    else:
        records = _pictures(part.images)
    if not records:
        raise Failure(Exit.BAD_DATA, f"{part}: no garments and no pictures. Fetch it again.")
    return records


def read_boxes(file: Path, part: Part) -> list[KeypointRecord]:
    """What a detector has found in a part's pictures: records with box and score alone.

    Raises:
        Failure: BAD_DATA, naming file, entry and field, or where the file holds no boxes, or a box
            in a picture that is not the part's.
    """
    found, pictures = coco.read(file, part.images), _numbered(part)
    if not found or any(record.box is None or record.keypoints is not None for record in found):
        raise Failure(
            Exit.BAD_DATA,
            f"{file}: holds no detections. Name a list of image_id, category_id, bbox and score.",
        )
    for record in found:
        number = picture_number(record)
        if number not in pictures:
            place = record.image_id.partition("/")[2]
            raise Failure(
                Exit.BAD_DATA,
                f"{file}: entry {place}: image_id: {number} is none of the {len(pictures)} "
                f"pictures of {part}. Name boxes of this split, or another --split.",
            )
    return [replace(record, path=pictures[picture_number(record)]) for record in found]


def _numbered(part: Part) -> dict[int, Path]:
    """All pictures of a part by their numbers."""
    if part.annos is not None:
        numbers = [raw.number_of(Path(name)) for name in index.annotation_files(part.annos)]
        return {number: part.images / raw.picture_name(number) for number in numbers}
    if part.files:
        files = [coco.pictures(file, part.images) for file in part.files]
        return {number: path for pictures in files for number, path in pictures.items()}
    return {picture_number(record): record.path for record in _pictures(part.images)}


def _check_unique(part: Part, records: list[KeypointRecord]) -> None:
    """Files of single categories share pictures, but no annotation."""
    seen = set()
    for record in records:
        if record.image_id in seen:
            raise Failure(
                Exit.BAD_DATA,
                f"{part} and its kin: picture and annotation {record.image_id} stand in two of "
                "them. Take one away.",
            )
        seen.add(record.image_id)


def _pictures(images: Path) -> list[KeypointRecord]:
    with os.scandir(images) as entries:
        names = sorted(entry.name for entry in entries if raw.PICTURE.fullmatch(entry.name))
    return [KeypointRecord(f"{int(Path(name).stem)}/0", images / name, "") for name in names]


def saved_validation(folder: Path) -> set[Path] | None:
    """The pictures of the validation part; None where there is nothing else to train on."""
    layout = find(folder)
    if layout.validation is None or len(layout.train) == 1:
        return None
    return {record.path for record in read_part(layout.validation)}
