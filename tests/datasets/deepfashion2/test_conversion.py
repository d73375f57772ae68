"""Raw folders as COCO files: every field, the 294 slots, the 81 keypoints, single categories."""

import json
from pathlib import Path

import numpy as np
import pytest
from deepfashion2_files import item, picture, small_folder, write_raw
from numpy.testing import assert_array_equal

from aifashion.datasets import deepfashion2
from aifashion.datasets.deepfashion2 import coco, convert_to_coco
from aifashion.datasets.deepfashion2.landmarks import CATEGORIES, OWN
from aifashion.datasets.folders import MARK
from aifashion.errors import Exit, Failure


@pytest.fixture(scope="module")
def raw_folder(tmp_path_factory) -> Path:
    return small_folder(tmp_path_factory.mktemp("raw"))


def content(path: Path) -> dict:
    return json.loads(path.read_text())


def test_an_empty_folder(tmp_path):
    (tmp_path / "train/annos").mkdir(parents=True)
    ((path, *counts),) = convert_to_coco(tmp_path, tmp_path / "out")
    assert counts == [0, 0, 0]
    assert content(path)["images"] == content(path)["annotations"] == []


def test_files_and_their_counts(raw_folder, tmp_path):
    written = convert_to_coco(raw_folder, tmp_path)
    assert [(path.relative_to(tmp_path).as_posix(), *counts) for path, *counts in written] == [
        ("annotations/train_coco.json", 3, 6, 1),  # the sling dress has no labelled keypoint
        ("annotations/validation_coco.json", 1, 1, 0),
        ("annotations/test_coco.json", 1, 0, 0),
    ]
    assert not list(tmp_path.glob("*/.*"))


def test_drawn_data_stay_marked(raw_folder, tmp_path):
    convert_to_coco(raw_folder, tmp_path / "real")
    assert not deepfashion2.is_drawn(tmp_path / "real")
    drawn = small_folder(tmp_path / "drawn")
    (drawn / MARK).write_text("{}")
    convert_to_coco(drawn, tmp_path / "out")
    assert (tmp_path / "out" / MARK).read_text() == "{}"
    convert_to_coco(drawn / "train", tmp_path / "part")  # the mark is one folder above
    assert deepfashion2.is_drawn(tmp_path / "part")


def test_every_field(raw_folder, tmp_path):
    train = content(convert_to_coco(raw_folder, tmp_path)[0][0])
    assert set(train) == {"info", "licenses", "images", "annotations", "categories"}
    assert (train["info"], train["licenses"]) == ({}, [])
    assert train["images"][1] == {
        "coco_url": "", "date_captured": "", "file_name": "000002.jpg", "flickr_url": "", "id": 2,
        "license": 0, "width": 102, "height": 120,
    }  # fmt: skip
    assert len(train["categories"]) == 13
    numbers = [str(n) for n in range(1, 295)]
    assert train["categories"][0] == {
        "id": 1, "name": "short_sleeved_shirt", "supercategory": "clothes", "keypoints": numbers,
        "skeleton": [],
    }  # fmt: skip
    assert [each["id"] for each in train["annotations"]] == [1, 2, 3, 4, 5, 6]
    trousers = train["annotations"][1]
    raw = content(raw_folder / "train/annos/000001.json")["item1"]
    keypoints = [0] * 882
    keypoints[3 * 168 : 3 * 182] = raw["landmarks"]
    assert trousers == {
        "area": 60 * 90, "bbox": [30, 20, 60, 90], "category_id": 8, "id": 2, "pair_id": 7,
        "image_id": 1, "iscrowd": 0, "style": 2, "num_keypoints": 10, "keypoints": keypoints,
        "segmentation": raw["segmentation"],
    }  # fmt: skip
    text = (tmp_path / "annotations/train_coco.json").read_text()
    assert '"bbox": [30, 20, 60, 90]' in text and '"keypoints": [0, 0, 0' in text


def test_fractions_are_copied(tmp_path):
    odd = item("skirt", bounding_box=[1.5, 2, 5, 6.25], landmarks=[0.1, 7, 2] * 8)
    write_raw(tmp_path / "train", picture(odd))
    (annotation,) = content(convert_to_coco(tmp_path, tmp_path)[0][0])["annotations"]
    assert annotation["bbox"] == [1.5, 2, 3.5, 4.25] and annotation["area"] == 3.5 * 4.25
    assert annotation["keypoints"][3 * 182 : 3 * 190] == [0.1, 7, 2] * 8


def test_the_records_are_those_of_the_raw_folder(raw_folder, tmp_path):
    written = convert_to_coco(raw_folder, tmp_path) + convert_to_coco(raw_folder, tmp_path, True)
    raw = deepfashion2.read_part(deepfashion2.find(raw_folder).train[0])
    for path in (written[0][0], written[3][0]):
        records = coco.read(path, raw_folder / "train/image")
        for record, same in zip(records, raw, strict=True):
            assert (record.path, record.category) == (same.path, same.category)
            assert_array_equal(record.keypoints, same.keypoints)
            assert_array_equal(record.visibility, same.visibility)
            assert_array_equal(record.box, same.box)


def test_81_keypoints(raw_folder, tmp_path):
    written = convert_to_coco(raw_folder, tmp_path, aggregated=True)
    assert [path.relative_to(tmp_path).as_posix() for path, *_ in written] == [
        "annotations_agg81kps/train_coco_agg81kps.json",
        "annotations_agg81kps/validation_coco_agg81kps.json",
    ]
    whole = content(convert_to_coco(raw_folder, tmp_path)[0][0])
    shared = content(written[0][0])
    assert shared["images"] == whole["images"]
    assert shared["categories"][12]["keypoints"] == [str(n) for n in range(1, 82)]
    for annotation, same in zip(shared["annotations"], whole["annotations"], strict=True):
        keypoints = np.array(annotation.pop("keypoints")).reshape(81, 3)
        slots = np.array(same.pop("keypoints")).reshape(294, 3)
        assert annotation == same  # nothing else differs
        name = list(CATEGORIES)[annotation["category_id"] - 1]
        assert_array_equal(keypoints[OWN[name]], coco.own_part(name, slots))
        assert (keypoints[:, 2] > 0).sum() == annotation["num_keypoints"]


def test_only_labelled_keypoints_are_taken_to_81(tmp_path):
    write_raw(tmp_path / "train", picture(item("skirt", landmarks=[5, 6, 0] * 8)))
    (shared,) = content(convert_to_coco(tmp_path, tmp_path, True)[0][0])["annotations"]
    (whole,) = content(convert_to_coco(tmp_path, tmp_path)[0][0])["annotations"]
    assert shared["keypoints"] == [0] * 243
    assert whole["keypoints"][3 * 182 : 3 * 190] == [5, 6, 0] * 8


@pytest.mark.parametrize("aggregated", [False, True])
def test_single_categories(aggregated, raw_folder, tmp_path):
    whole = content(convert_to_coco(raw_folder, tmp_path, aggregated)[0][0])
    written = convert_to_coco(raw_folder, tmp_path, aggregated, per_category=True)
    folder = "annotations_per_category" + ("_agg81kps" if aggregated else "")
    assert [path.relative_to(tmp_path).as_posix() for path, *_ in written] == [
        f"{folder}/{split}_coco_category_{c}.json"
        for split in ("train", "validation")
        for c in range(1, 14)
    ]
    assert [counts for _, *counts in written[:13]] == [
        [1, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [2, 2, 0],
        [1, 1, 0], [0, 0, 0], [0, 0, 0], [1, 1, 0], [1, 1, 1],
    ]  # fmt: skip
    trousers = content(written[7][0])
    assert trousers["categories"] == whole["categories"]  # all 13, so that numbers are positions
    assert [image["id"] for image in trousers["images"]] == [1, 3]
    assert trousers["annotations"] == [whole["annotations"][1], whole["annotations"][3]]


def test_only_raw_folders_are_converted(tmp_path):
    (tmp_path / "images/test").mkdir(parents=True)
    with pytest.raises(Failure, match="no train/annos or validation/annos to convert") as caught:
        convert_to_coco(tmp_path, tmp_path)
    assert caught.value.exit_code == Exit.BAD_DATA


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda part: (part / "image/000002.jpg").unlink(), "image/000002.jpg: no such file"),
        (lambda part: (part / "annos/000002.json").write_text("{"), "annos/000002.json: not JSON"),
    ],
)
def test_a_fault_leaves_older_files(break_it, said, tmp_path):
    break_it(small_folder(tmp_path) / "train")
    old = tmp_path / "annotations/train_coco.json"
    old.parent.mkdir()
    old.write_text("old")
    with pytest.raises(Failure) as caught:
        convert_to_coco(tmp_path, tmp_path)
    assert caught.value.exit_code == Exit.BAD_DATA and said in str(caught.value)
    assert old.read_text() == "old" and [*old.parent.iterdir()] == [old]
