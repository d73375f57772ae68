"""The datasets, a module or a package each: plain Python. `docs/add_a_dataset.md` adds one.

A dataset of keypoints is a module with these names; the commands ask for nothing else. Coordinates,
visibility and `KeypointRecord` are `aifashion.datasets.schema`'s.

SCHEMA              KeypointSchema: names of categories and keypoints (K), NE's pairs, skeletons,
                    other names of categories (aliases). Its own name is the key in DATASETS.
SUBMISSION          str: what test.py calls its file, "submission.csv" say.
find(folder)        -> Layout: the parts of a data folder, and which one of them the data hold out
                    for validation, if any. A part is the module's own, often a Path; str(part)
                    names it in messages. BAD_DATA where there are none.
read_part(part)     -> [KeypointRecord, …]: one a garment, in the file's order, at least one; truth,
                    (K, 2) and (K,), of all or of none. BAD_DATA with file, row and field.
read(file, root)    -> [KeypointRecord, …] of a file, perhaps none; pictures are relative to `root`.
write(file, records)    the inverse of `read`. ENVIRONMENT where the disk refuses.
is_drawn(folder)    -> bool: whether the data were drawn; such scores are marked as not real.
saved_validation(folder)    -> {path of a picture, …} that the data themselves hold out, or None:
                    then each run draws a split from its seed.

`image_id` names a record in its file and is unique there: where a picture shows several garments,
it is "<picture>/<garment>", and the records share their `path`. Then each has its `box`; without
one the garment is looked for in all of its picture.

Where SCHEMA has sigmas, the files are COCO's and scored by average precision. The module then also
has read_truth(file, visible_only) and read_results(file, truth), checked and as pycocotools takes
them, scored_truth(records) and scored_results(records), the same without files, SLOT_SIGMAS, a
sigma for each keypoint they hold, and read_boxes(file, part), the records of a detector's file.
"""

from types import ModuleType

from aifashion.datasets import deepfashion2, fashionai
from aifashion.errors import Exit, Failure

DATASETS = {"fashionai": fashionai, "deepfashion2": deepfashion2}


def named(name: str) -> ModuleType:
    """The module of a dataset. Raises Failure (USAGE) with the menu."""
    if name not in DATASETS:
        raise Failure(Exit.USAGE, f"dataset {name}: unknown. Use one of {', '.join(DATASETS)}.")
    return DATASETS[name]
