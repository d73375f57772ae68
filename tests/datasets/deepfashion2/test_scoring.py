"""Records scored as their files are, and the boxes that a detector gives."""

import json
from pathlib import Path

import pytest
from deepfashion2_files import golden_results, golden_truth, small_folder
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.datasets import deepfashion2
from aifashion.datasets.deepfashion2 import SLOT_SIGMAS, find, read_boxes, read_part
from aifashion.errors import Exit, Failure
from aifashion.keypoints.oks import average_precision


def save(path: Path, content) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_nothing():
    assert deepfashion2.scored_truth([])["annotations"] == []
    assert deepfashion2.scored_results([]) == []


def test_records_of_truth_are_the_truth_of_their_file(tmp_path):
    file = save(tmp_path / "t.json", golden_truth())
    read = deepfashion2.read_truth(file)
    made = deepfashion2.scored_truth(deepfashion2.read(file, tmp_path))
    assert [image["id"] for image in made["images"]] == [image["id"] for image in read["images"]]
    assert made["categories"] == read["categories"]
    for annotation, same in zip(made["annotations"], read["annotations"], strict=True):
        assert_allclose(annotation.pop("keypoints"), same["keypoints"], atol=1e-9)
        assert_allclose(annotation.pop("bbox"), same["bbox"])
        assert annotation == {name: same[name] for name in annotation}


@pytest.mark.parametrize("s", [0, 2, 4])
def test_records_score_as_their_files_do(s, tmp_path):
    truth = save(tmp_path / "t.json", golden_truth())
    results = save(tmp_path / "p.json", golden_results(s))
    known = deepfashion2.read_truth(truth)
    of_files = average_precision(known, deepfashion2.read_results(results, known), SLOT_SIGMAS)
    made = deepfashion2.scored_truth(deepfashion2.read(truth, tmp_path))
    found = deepfashion2.scored_results(deepfashion2.read(results, tmp_path))
    of_records = average_precision(made, found, SLOT_SIGMAS)
    assert_allclose([*of_records.values()], [*of_files.values()], atol=1e-12)


def test_an_item_without_labels_counts_none(tmp_path):
    records = read_part(find(small_folder(tmp_path)).train[0])
    annotations = deepfashion2.scored_truth(records)["annotations"]
    assert [each["num_keypoints"] for each in annotations] == [17, 10, 0, 10, 6, 13]
    assert not annotations[2]["keypoints"].any()


def test_boxes_of_a_part(tmp_path):
    part = find(small_folder(tmp_path)).test
    row = {"image_id": 1, "category_id": 8, "bbox": [10, 20, 30, 40], "score": 0.5}
    (record,) = read_boxes(save(tmp_path / "d.json", [row]), part)
    assert record.path == tmp_path / "test/image/000001.jpg" and record.category == "trousers"
    assert_array_equal(record.box, [10, 20, 40, 60])


def test_boxes_larger_than_any_picture_are_refused(tmp_path):
    part = find(small_folder(tmp_path)).test
    row = {"image_id": 1, "category_id": 8, "bbox": [0, 0, 1e300, 1e300], "score": 0.5}
    with pytest.raises(Failure, match=r"entry 1: bbox: .+ is larger"):
        read_boxes(save(tmp_path / "d.json", [row]), part)


@pytest.mark.parametrize("content", [[], golden_results(0), golden_truth()])
def test_files_without_boxes_are_refused(content, tmp_path):
    part, file = find(small_folder(tmp_path)).test, save(tmp_path / "d.json", content)
    with pytest.raises(Failure) as caught:
        read_boxes(file, part)
    assert caught.value.exit_code == Exit.BAD_DATA
    assert str(caught.value).startswith(f"{file}: holds no detections")
