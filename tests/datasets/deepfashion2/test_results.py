"""Results written, read back, and merged."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from deepfashion2_files import golden_results, golden_truth
from numpy.testing import assert_array_equal

from aifashion.datasets import deepfashion2
from aifashion.datasets.deepfashion2.landmarks import CATEGORIES, slots
from aifashion.errors import Exit, Failure


def save(path: Path, content) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_nothing(tmp_path):
    deepfashion2.write(tmp_path / "new/none.json", [])
    assert json.loads((tmp_path / "new/none.json").read_text()) == []


def test_a_result_has_882_numbers_of_its_own_garment(tmp_path):
    records = deepfashion2.read(save(tmp_path / "t.json", golden_truth()), tmp_path)
    trousers = replace(records[7], score=np.float32(0.25))
    deepfashion2.write(tmp_path / "p.json", [trousers])
    (result,) = json.loads((tmp_path / "p.json").read_text())
    assert list(result) == ["image_id", "category_id", "keypoints", "score"]
    assert (result["image_id"], result["category_id"], result["score"]) == (8, 8, 0.25)
    triplets = np.array(result["keypoints"]).reshape(294, 3)
    own = triplets[slots("trousers")]
    assert own[:, 2].tolist() == [1] * 14 and triplets[:, 2].sum() == 14
    assert own[0].tolist() == [208.574, 208.948, 1]
    # The others hide behind the first own one: the extent over all slots is the garment's.
    others = np.delete(triplets, range(168, 182), axis=0)
    assert_array_equal(others, np.tile([208.574, 208.948, 0], (280, 1)))


def test_writing_what_was_read_is_the_identity(tmp_path):
    first = save(tmp_path / "p.json", golden_results(2))
    deepfashion2.write(tmp_path / "again.json", deepfashion2.read(first, tmp_path))
    deepfashion2.write(
        tmp_path / "third.json", deepfashion2.read(tmp_path / "again.json", tmp_path)
    )
    again = json.loads((tmp_path / "again.json").read_text())
    for result, before in zip(again, golden_results(2), strict=True):
        assert {**result, "keypoints": 0} == {**before, "keypoints": 0}
        own = slots(list(CATEGORIES)[before["category_id"] - 1])
        written = np.array(result["keypoints"]).reshape(294, 3)[own]
        assert_array_equal(written, np.array(before["keypoints"]).reshape(294, 3)[own])
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "third.json").read_bytes()


def test_whole_numbers_stay_whole(tmp_path):
    results = [golden_results(0)[0] | {"keypoints": [7, 9, 1] * 294}]
    records = deepfashion2.read(save(tmp_path / "p.json", results), tmp_path)
    deepfashion2.write(tmp_path / "again.json", records)
    assert "7, 9, 1, 7, 9, 1" in (tmp_path / "again.json").read_text()


def test_detections_are_written_as_they_were_read(tmp_path):
    rows = [
        {"image_id": 5, "category_id": 8, "bbox": [10.1, 20, 30.7, 40], "score": 0.5},
        {"image_id": 5, "category_id": 1, "bbox": [0, 0, 3, 4], "score": 1.0},
    ]
    records = deepfashion2.read(save(tmp_path / "d.json", rows), tmp_path)
    deepfashion2.write(tmp_path / "again.json", records)
    assert json.loads((tmp_path / "again.json").read_text()) == rows


def test_the_old_file_stands_where_the_disk_refuses(tmp_path):
    (tmp_path / "taken").write_text("not a folder")
    with pytest.raises(Failure) as caught:
        deepfashion2.write(tmp_path / "taken/out.json", [])
    assert caught.value.exit_code == Exit.ENVIRONMENT


# === Merging ===


def by_category(folder: Path, results: list[dict]) -> list[Path]:
    return [
        save(folder / f"{c}.json", [each for each in results if each["category_id"] == c])
        for c in range(1, 14)
    ]


def test_nothing_to_merge(tmp_path):
    assert deepfashion2.merge_results([], tmp_path / "all.json") == 0
    assert json.loads((tmp_path / "all.json").read_text()) == []


def test_thirteen_files_are_joined(tmp_path):
    results = [each | {"center": [1.5, 2]} for each in golden_results(1)]
    assert deepfashion2.merge_results(by_category(tmp_path, results), tmp_path / "all.json") == 19
    assert json.loads((tmp_path / "all.json").read_text()) == results


def test_81_keypoints_become_294_slots(tmp_path):
    short = {"image_id": 1, "category_id": 8, "keypoints": [3, 4, 1] * 81, "score": 0.5}
    deepfashion2.merge_results([save(tmp_path / "8.json", [short])], tmp_path / "all.json")
    (merged,) = json.loads((tmp_path / "all.json").read_text())
    triplets = np.array(merged["keypoints"]).reshape(294, 3)
    assert triplets[slots("trousers"), 2].sum() == triplets[:, 2].sum() == 14


def test_the_same_points_of_another_category_or_picture_are_no_doubles(tmp_path):
    first = {"image_id": 1, "category_id": 8, "keypoints": [3, 4, 1] * 294, "score": 0.5}
    rows = [first, first | {"category_id": 7}, first | {"image_id": 2}]
    assert deepfashion2.merge_results([save(tmp_path / "p.json", rows)], tmp_path / "o.json") == 3


def test_results_doubled_in_two_files_are_refused(tmp_path):
    files = by_category(tmp_path, golden_results(1))
    content = json.loads(files[4].read_text())
    save(files[6], json.loads(files[6].read_text()) + content)
    said = refusal(files, tmp_path)
    assert f"7.json: entry 2: keypoints: the same garment as entry 1 of {files[4]}" in said
    assert "entry 1 of" in refusal([files[2], files[2]], tmp_path)


def test_results_doubled_in_one_file_stay(tmp_path):
    """Of a box that a detector gave twice."""
    (first,) = [each for each in golden_results(1) if each["category_id"] == 5]
    file = save(tmp_path / "p.json", [first, first])
    assert deepfashion2.merge_results([file], tmp_path / "all.json") == 2
    assert json.loads((tmp_path / "all.json").read_text()) == [first, first]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"keypoints": [0] * 243 + [0]}, "keypoints: 244 numbers, not 882 or 243"),
        ({"keypoints": [0, 0, 1] * 80 + [0, 1e300, 1]}, "keypoints: 1e+300 is farther out than"),
        ({"score": float("inf")}, "score: Infinity is no finite number"),
        ({"category_id": -1}, "category_id: -1 is no whole number from 1 to 13"),
    ],
)
def test_malformed_results_are_refused(changed, said, tmp_path):
    files = by_category(tmp_path, golden_results(1))
    content = json.loads(files[1].read_text())
    content[1] |= changed
    save(files[1], content)
    assert refusal(files, tmp_path).startswith(f"{files[1]}: entry 2: {said}")


def test_a_file_of_truth_is_not_merged(tmp_path):
    files = [save(tmp_path / "t.json", golden_truth())]
    assert refusal(files, tmp_path) == f"{files[0]}: not a list of results. Name such files."


def refusal(files: list[Path], folder: Path) -> str:
    out = save(folder / "all.json", "older")
    with pytest.raises(Failure) as caught:
        deepfashion2.merge_results(files, out)
    assert caught.value.exit_code == Exit.BAD_DATA
    assert json.loads(out.read_text()) == "older"
    assert not list(folder.glob(".*"))
    return str(caught.value)
