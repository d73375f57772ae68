"""Raw annotation files: what they say, and what is refused."""

import json
from pathlib import Path

import pytest
from deepfashion2_files import item, picture
from numpy.testing import assert_array_equal

from aifashion.datasets.deepfashion2 import raw
from aifashion.datasets.deepfashion2.landmarks import COUNTS
from aifashion.errors import Exit, Failure


def written(folder: Path, content, name: str = "000012.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_no_items(tmp_path):
    read = raw.read_file(written(tmp_path, {}))
    assert (read.number, read.source, read.pair_id, read.items) == (12, "", 0, [])


def test_items_in_the_files_order(tmp_path):
    path = written(tmp_path, picture(item("skirt"), item("trousers", 30), other={"not": "one"}))
    read = raw.read_file(path)
    assert (read.number, read.source, read.pair_id) == (12, "user", 7)
    skirt, trousers = read.items
    assert (skirt.number, skirt.category, skirt.box) == (2, "skirt", [10, 20, 70, 110])
    assert (trousers.number, trousers.category) == (1, "trousers")
    assert_array_equal(skirt.landmarks[:3], [[11, 12, 1], [12, 14, 2], [0, 0, 0]])
    assert trousers.landmarks.shape == (14, 3)
    assert skirt.descriptions == {
        "style": 2, "scale": 3, "occlusion": 1, "zoom_in": 1, "viewpoint": 2
    }  # fmt: skip
    assert skirt.fields["segmentation"][0][1] == 5.5


def test_descriptions_may_be_left_out(tmp_path):
    bare = item("vest", labelled=False)
    for name in ("style", "scale", "occlusion", "zoom_in", "viewpoint", "category_name"):
        del bare[name]
    (vest,) = raw.read_file(written(tmp_path, {"item1": bare})).items
    assert set(vest.descriptions.values()) == {0}
    assert not vest.landmarks.any()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"category_id": 14}, "category_id: 14 is no whole number from 1 to 13"),
        ({"category_id": "9"}, "category_id: '9' is no whole number"),
        ({"category_id": True}, "category_id: true is no whole number"),
        ({"category_name": "shorts"}, "category_name: 'shorts', but category_id 9 is skirt"),
        ({"bounding_box": [1, 2, 3]}, "bounding_box: 3 numbers, not 4. Write x1, y1, x2, y2"),
        ({"bounding_box": [5, 5, 4, 9]}, "bounding_box: [5, 5, 4, 9] ends before it begins"),
        ({"bounding_box": {}}, "bounding_box: not a list of numbers"),
        ({"landmarks": [1, 2, 2] * 7}, "landmarks: 21 numbers, not 24. Write x, y, v of the 8"),
        ({"landmarks": [1, 2, 3] * 8}, "landmarks: keypoint 1: v is 3, not 0, 1 or 2"),
        ({"landmarks": [1, 2, None] * 8}, "landmarks: not a list of numbers"),
        ({"landmarks": [1, 2, True] * 8}, "landmarks: not a list of numbers"),
        ({"landmarks": [1, float("nan"), 2] * 8}, "landmarks: number 2 is not finite"),
        ({"landmarks": [1, 10**400, 2] * 8}, "landmarks: not a list of numbers"),
        ({"style": -1}, "style: -1 is no whole number from 0 on"),
        ({"scale": 4}, "scale: 4 is no whole number from 1 to 3"),
        ({"viewpoint": 1.0}, "viewpoint: 1.0 is no whole number"),
    ],
)
def test_refused_items(changed, said, tmp_path):
    path = written(tmp_path, picture(item("vest"), item("skirt", **changed)))
    assert COUNTS["skirt"] == 8
    assert refusal(path).startswith(f"{path}: item1: {said}")


@pytest.mark.parametrize("name", ["category_id", "bounding_box", "landmarks"])
def test_missing_fields(name, tmp_path):
    bare = item("skirt")
    del bare[name]
    path = written(tmp_path, picture(bare))
    assert refusal(path).startswith(f"{path}: item2: {name}: no such field")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON"),
        ('{"item1": ', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no object with item1"),
        ({"item1": [1]}, "item1: not an object"),
        ({"source": "web"}, "picture: source: 'web' is neither shop nor user"),
        ({"source": []}, "picture: source: [] is neither"),
        ({"pair_id": 1.5}, "picture: pair_id: 1.5 is no whole number"),
        ({"pair_id": 2**31}, "picture: pair_id: 2147483648 is no whole number"),
    ],
)
def test_refused_files(content, said, tmp_path):
    path = written(tmp_path, content)
    assert refusal(path).startswith(f"{path}: {said}")


@pytest.mark.parametrize("name", ["12.json", "0000012.json", "a.json", "000001 (1).json"])
def test_refused_names(name, tmp_path):
    path = written(tmp_path, {}, name)
    assert refusal(path).startswith(f"{path}: its name is not its picture's six digits")


def test_no_file(tmp_path):
    assert "no such file" in refusal(tmp_path / "000001.json")


def refusal(path: Path) -> str:
    with pytest.raises(Failure) as caught:
        raw.read_file(path)
    assert caught.value.exit_code == Exit.BAD_DATA
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    return str(caught.value)
