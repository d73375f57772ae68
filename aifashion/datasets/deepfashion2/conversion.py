"""Truth of DeepFashion2 written: the raw folders as the published COCO files."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from aifashion import images
from aifashion.datasets.deepfashion2 import coco, fields, index, layout, raw
from aifashion.datasets.deepfashion2.landmarks import COCO_NAMES, KEYPOINTS, NUMBERS, OWN, SLOTS
from aifashion.datasets.deepfashion2.layout import Part
from aifashion.datasets.folders import pass_mark
from aifashion.errors import Exit, Failure
from aifashion.files import whole_file
from aifashion.progress import track

Row = tuple[Path, int, int, int]


@dataclass
class _Written:
    """A COCO file of truth on its way: annotations as they come, its pictures at the end."""

    path: Path
    out: BinaryIO
    category: str | None = None  # the only one it takes
    pictures: list[str] = field(default_factory=list)
    annotations: int = 0
    unlabelled: int = 0

    def add(self, image: dict, annotations: Sequence[dict]) -> None:
        own = [each for each in annotations if self._takes(each)]
        if not own and self.category is not None:
            return
        self.pictures.append(json.dumps(image))
        for each in own:
            self._write(("," if self.annotations else "") + "\n" + json.dumps(each))
            self.annotations += 1
            self.unlabelled += each["num_keypoints"] == 0

    def _takes(self, annotation: dict) -> bool:
        return self.category in (None, _NAMES[annotation["category_id"]])

    def begin(self, keypoints: int) -> None:
        head = {"info": {}, "licenses": [], "categories": _categories(keypoints)}
        self._write(json.dumps(head)[:-1] + ', "annotations": [')

    def _write(self, text: str) -> None:
        self.out.write(text.encode())

    def end(self) -> None:
        self._write('\n], "images": [\n' + ",\n".join(self.pictures) + "\n]}\n")


_NAMES = {number: name for name, number in NUMBERS.items()}


def _categories(keypoints: int) -> list[dict]:
    numbers = [str(number) for number in range(1, keypoints + 1)]
    return [
        {
            "id": NUMBERS[name], "name": coco_name, "supercategory": "clothes",
            "keypoints": numbers, "skeleton": [],
        }
        for name, coco_name in COCO_NAMES.items()
    ]  # fmt: skip


def convert_to_coco(
    folder: Path, out: Path, aggregated: bool = False, per_category: bool = False
) -> list[Row]:
    """Writes a raw folder's annotations as the published COCO files; pictures stay where they are.

    All garments of a split in one file of `annotations/`, with the test's list of pictures, or 13
    files in `annotations_per_category/`; with `aggregated` in `annotations_agg81kps/` and
    `annotations_per_category_agg81kps/`. Files of single categories keep the ids of whole ones.

    Args:
        aggregated: 81 keypoints an annotation instead of 294 slots.

    Returns:
        of each file its path, pictures, annotations, and annotations without a labelled keypoint.

    Raises:
        Failure: BAD_DATA, naming file, item and field; ENVIRONMENT where the disk refuses.
    """
    found = layout.find(folder)
    parts = [part for part in found.train if part.annos is not None]
    if not parts:
        raise Failure(Exit.BAD_DATA, f"{folder}: no train/annos or validation/annos to convert.")
    if found.test and not found.test.files and not per_category and not aggregated:
        parts.append(found.test)
    place = out / ("annotations" + "_per_category" * per_category + "_agg81kps" * aggregated)
    end = "_coco_agg81kps.json" if aggregated and not per_category else "_coco.json"
    written = []
    for part in parts:
        written += _convert(part, place / f"{part.split}{end}", aggregated, per_category)
    pass_mark(folder, out)
    return written


def _convert(part: Part, path: Path, aggregated: bool, per_category: bool) -> list[Row]:
    paths = {None: path}
    if per_category:
        paths = {
            name: path.with_stem(f"{path.stem}_category_{number}")
            for name, number in NUMBERS.items()
        }
    with ExitStack() as stack:
        files = [_Written(p, stack.enter_context(whole_file(p)), name) for name, p in paths.items()]
        for file in files:
            file.begin(len(KEYPOINTS) if aggregated else SLOTS)
        for image, annotations in _converted(part, aggregated):
            for file in files:
                file.add(image, annotations)
        for file in files:
            file.end()
    return [(f.path, len(f.pictures), f.annotations, f.unlabelled) for f in files]


def _converted(part: Part, aggregated: bool) -> Iterator[tuple[dict, list[dict]]]:
    """Each picture of a part with its annotations, as COCO has them."""
    if part.annos is None:
        for record in layout.read_part(part):
            yield _image(int(record.path.stem), part.images), []
        return
    names = index.annotation_files(part.annos)
    number = 0
    for name in track(names, len(names), part.split):
        picture = raw.read_file(part.annos / name)
        numbered = enumerate(picture.items, start=number + 1)
        annotations = [_annotation(n, picture, item, aggregated) for n, item in numbered]
        number += len(annotations)
        yield _image(picture.number, part.images), annotations


def _image(number: int, folder: Path) -> dict:
    name = raw.picture_name(number)
    width, height = images.read_shown_size(folder / name)
    return {
        "coco_url": "", "date_captured": "", "file_name": name, "flickr_url": "", "id": number,
        "license": 0, "width": width, "height": height,
    }  # fmt: skip


def _annotation(number: int, picture: raw.Picture, item: raw.Item, aggregated: bool) -> dict:
    x1, y1, x2, y2 = item.box
    if aggregated:
        triplets = np.zeros((len(KEYPOINTS), 3))
        triplets[OWN[item.category]] = np.where(item.landmarks[:, 2:] > 0, item.landmarks, 0)
    else:
        triplets = coco.all_slots(item.category, item.landmarks)
    return {
        "area": (x2 - x1) * (y2 - y1),
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "category_id": NUMBERS[item.category],
        "id": number,
        "pair_id": picture.pair_id,
        "image_id": picture.number,
        "iscrowd": 0,
        "style": item.descriptions["style"],
        "num_keypoints": int((item.landmarks[:, 2] > 0).sum()),
        "keypoints": fields.plain(triplets.ravel()),
        "segmentation": item.fields.get("segmentation", []),
    }
