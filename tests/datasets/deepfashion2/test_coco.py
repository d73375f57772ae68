"""COCO files read: truth in 294 slots and in 81, lists of pictures, detections, results."""

import json
from pathlib import Path

import numpy as np
import pytest
from deepfashion2_files import golden_results, golden_truth
from numpy.testing import assert_array_equal

from aifashion.datasets import deepfashion2
from aifashion.datasets.deepfashion2 import coco
from aifashion.datasets.deepfashion2.landmarks import CATEGORIES, COUNTS, NUMBERS, OWN, slots
from aifashion.datasets.schema import ABSENT, VISIBLE
from aifashion.errors import Exit, Failure


def file_of(folder: Path, content) -> Path:
    path = folder / "file.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def refusal(call, path: Path, *arguments) -> str:
    with pytest.raises(Failure) as caught:
        call(path, *arguments)
    assert caught.value.exit_code == Exit.BAD_DATA
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 500
    return message.removeprefix(f"{path}: ")


def test_nothing(tmp_path):
    assert coco.read(file_of(tmp_path, []), tmp_path) == []
    nothing = {"images": [], "annotations": [], "categories": []}
    assert coco.read(file_of(tmp_path, nothing), tmp_path) == []
    said = refusal(coco.read_truth, file_of(tmp_path, nothing))
    assert said == "no annotations in it. Name a file of truth."


def test_truth(tmp_path):
    records = coco.read(file_of(tmp_path, golden_truth()), tmp_path / "pictures")
    assert [record.category for record in records] == list(CATEGORIES)
    trousers = records[7]
    assert (trousers.image_id, trousers.score) == ("8/8", 1.0)
    assert trousers.path == tmp_path / "pictures/000008.jpg"
    assert trousers.box.tolist() == [106, 80, 106 + 280, 80 + 236]
    # n = 1 + 8 = 9 is a multiple of 3: occluded; 106 + 280 * 37 / 101, 80 + 236 * 53 / 97
    place = deepfashion2.SCHEMA.keypoints.index("waist_left")
    assert trousers.visibility[place] == 1
    np.testing.assert_allclose(trousers.keypoints[place], [209.074, 209.448], atol=1e-9)
    assert (trousers.visibility != ABSENT).sum() == 14 - 2  # n = 6 and 13 are absent


def test_294_slots_and_81_keypoints_say_the_same(tmp_path):
    slot_wise, shared = golden_truth(), golden_truth()
    for annotation in shared["annotations"]:
        name = list(CATEGORIES)[annotation["category_id"] - 1]
        triplets = np.array(annotation["keypoints"]).reshape(294, 3)
        aggregated = np.zeros((81, 3))
        aggregated[OWN[name]] = coco.own_part(name, triplets)
        annotation["keypoints"] = aggregated.ravel().tolist()
        # there and back
        assert_array_equal(coco.all_slots(name, coco.own_part(name, aggregated)), triplets)
    one = coco.read(file_of(tmp_path, slot_wise), tmp_path)
    other = coco.read(file_of(tmp_path, shared), tmp_path)
    for record, same in zip(one, other, strict=True):
        assert_array_equal(record.keypoints, same.keypoints)
        assert_array_equal(record.visibility, same.visibility)
    again = coco.read_truth(file_of(tmp_path, shared))
    for annotation, same in zip(slot_wise["annotations"], again["annotations"], strict=True):
        assert annotation["keypoints"] == same["keypoints"].tolist()


def test_a_list_of_pictures(tmp_path):
    images = [{"id": 3, "file_name": "000003.jpg"}, {"id": 11}]
    records = coco.read(file_of(tmp_path, {"images": images}), tmp_path)
    assert [record.image_id for record in records] == ["3/0", "11/0"]
    assert [record.path.name for record in records] == ["000003.jpg", "000011.jpg"]
    assert all(record.keypoints is None and record.box is None for record in records)
    assert {record.category for record in records} == {""}


def test_detections(tmp_path):
    row = {"image_id": 5, "category_id": 8, "bbox": [10.5, 20, 30, 40.25], "score": 0.5}
    first, second = coco.read(file_of(tmp_path, [row, row | {"score": 0.25}]), tmp_path)
    assert (first.image_id, second.image_id) == ("5/1", "5/2")
    assert first.path == tmp_path / "000005.jpg" and first.category == "trousers"
    assert first.keypoints is None and first.visibility is None
    assert first.box.tolist() == [10.5, 20.0, 40.5, 60.25]
    assert (first.score, second.score) == (0.5, 0.25)


def test_results(tmp_path):
    results = golden_results(1)
    records = coco.read(file_of(tmp_path, results), tmp_path)
    assert len(records) == 19 and records[2].image_id == "2/3" and records[2].score == 0.995
    for record, result in zip(records, results, strict=True):
        own = np.array(result["keypoints"]).reshape(294, 3)[slots(record.category), :2]
        assert_array_equal(record.keypoints[OWN[record.category]], own + 0.5)
        assert_array_equal(record.visibility == VISIBLE, deepfashion2.SCHEMA.mask(record.category))
        assert (record.visibility != VISIBLE).sum() == (record.visibility == ABSENT).sum()


# === Truth refused ===


def broken(change) -> dict:
    truth = golden_truth()
    change(truth)
    return truth


def annotation(**changed):
    return lambda truth: truth["annotations"][2].update(changed)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("3", "no object with images. Name a COCO file of truth"),
        ({"annotations": []}, "no object with images. Name a COCO file of truth"),
        ({"images": [], "annotations": {}}, "annotations: not a list"),
        ({"images": [], "categories": {}}, "categories: not a list"),
        ({"images": [], "categories": [{"id": 1, "name": "vest"}]},
         "category 1: id: 1, but vest is 5"),
        ({"images": [], "categories": [{"id": 2, "name": "short_sleeved_shirt"}]},
         "category 1: id: 2, but short_sleeved_shirt is 1"),
        ({"images": [], "categories": [4]}, "category 1: not an object"),
        ({"images": [4]}, "image 1: not an object"),
        ({"images": [{"id": "a"}]}, "image 1: id: 'a' is no whole number"),
        ({"images": [{"id": 1}, {"id": 1}]}, "image 2: id: 1 stands twice"),
        ({"images": [{"id": 1, "file_name": "../a.jpg"}]}, "image 1: file_name: '../a.jpg' does"),
        ({"images": [{"id": 1, "file_name": 5}]}, "image 1: file_name: '5' does"),
    ],
)  # fmt: skip
def test_refused_files(content, said, tmp_path):
    assert refusal(coco.read, file_of(tmp_path, content), tmp_path).startswith(said)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": 2}, "id: 2 stands twice"),
        ({"id": None}, "id: null is no whole number"),
        ({"id": {"keypoints": [0] * 882}}, "id: {"),
        ({"image_id": 99}, "image_id: 99 is none of the pictures"),
        ({"category_id": 0}, "category_id: 0 is no whole number from 1 to 13"),
        ({"category_id": 4}, "keypoints: some stand outside the slots of category 4, long_sleeve"),
        ({"keypoints": [0] * 881}, "keypoints: 881 numbers, not 882 or 243"),
        ({"keypoints": [0] * 881 + [3]}, "keypoints: keypoint 294: v is 3, not 0, 1 or 2"),
        ({"keypoints": [0] * 881 + ["0"]}, "keypoints: not a list of numbers"),
        ({"keypoints": None}, "keypoints: not a list of numbers"),
        ({"bbox": [1, 2, 3, -4]}, "bbox: [1, 2, 3, -4] ends before it begins. Write x, y, w"),
        ({"bbox": [1, 2, 3]}, "bbox: 3 numbers, not 4"),
        ({"area": "large"}, "area: 'large' is no finite number"),
    ],
)
def test_refused_annotations(changed, said, tmp_path):
    path = file_of(tmp_path, broken(annotation(**changed)))
    assert refusal(coco.read, path, tmp_path).startswith(f"annotation 3: {said}")
    assert refusal(coco.read_truth, path).startswith(f"annotation 3: {said}")


# === Predictions refused ===


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"keypoints": [0] * 881}, "keypoints: 881 numbers, not 882 or 243"),
        ({"keypoints": [0.0] * 881 + [float("inf")]}, "keypoints: number 882 is not finite"),
        ({"keypoints": "none"}, "keypoints: not a list of numbers"),
        ({"category_id": 14}, "category_id: 14 is no whole number from 1 to 13"),
        ({"image_id": 1.0}, "image_id: 1.0 is no whole number"),
        ({"score": float("nan")}, "score: NaN is no finite number"),
        ({"score": None}, "score: null is no finite number"),
    ],
)
def test_refused_results(changed, said, tmp_path):
    results = golden_results(0)
    results[4].update(changed)
    path = file_of(tmp_path, results)
    assert refusal(coco.read, path, tmp_path).startswith(f"entry 5: {said}")


@pytest.mark.parametrize("name", ["keypoints", "category_id", "image_id", "score"])
def test_missing_fields_of_results(name, tmp_path):
    results = golden_results(0)
    del results[4][name]
    path = file_of(tmp_path, results)
    assert refusal(coco.read, path, tmp_path).startswith(f"entry 5: {name}: no such field")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (7, "entry 2: not an object"),
        ({"image_id": 1, "category_id": 1, "bbox": [1, 2, -1, 4], "score": 1}, "entry 2: bbox: [1"),
        ({"image_id": 1, "category_id": 1, "score": 1}, "entry 2: bbox: no such field"),
    ],
)
def test_refused_detections(row, said, tmp_path):
    good = {"image_id": 5, "category_id": 8, "bbox": [10, 20, 30, 40], "score": 0.5}
    assert refusal(coco.read, file_of(tmp_path, [good, row]), tmp_path).startswith(said)


def test_counts_are_those_of_the_file(tmp_path):
    """What a distributed truth counts decides whether a garment is scored."""
    truth = broken(annotation(num_keypoints=0))
    del truth["annotations"][3]["num_keypoints"], truth["annotations"][3]["area"]
    read = coco.read_truth(file_of(tmp_path, truth))["annotations"]
    assert read[2]["num_keypoints"] == 0
    assert read[3]["num_keypoints"] == golden_truth()["annotations"][3]["num_keypoints"]
    assert read[3]["area"] == golden_truth()["annotations"][3]["area"]


def test_visible_keypoints_only(tmp_path):
    read = coco.read_truth(file_of(tmp_path, golden_truth()), visible_only=True)
    for annotation, before in zip(read["annotations"], golden_truth()["annotations"], strict=True):
        kept = annotation["keypoints"].reshape(294, 3)
        seen = np.array(before["keypoints"]).reshape(294, 3)
        assert_array_equal(kept[kept[:, 2] > 0], seen[seen[:, 2] == 2])
        assert annotation["num_keypoints"] == (seen[:, 2] == 2).sum() < before["num_keypoints"]
    assert NUMBERS["skirt"] == 9 and COUNTS["skirt"] == 8
