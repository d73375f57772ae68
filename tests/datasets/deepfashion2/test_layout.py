"""The parts of a data folder: the distributed layout, the derived ones, and single parts."""

import json
from pathlib import Path

import pytest
from deepfashion2_files import draw_picture, golden_truth, item, picture, small_folder, write_raw

from aifashion import datasets
from aifashion.datasets import deepfashion2
from aifashion.datasets.deepfashion2 import convert_to_coco
from aifashion.errors import Exit, Failure


def refusal(call, *arguments) -> str:
    with pytest.raises(Failure) as caught:
        call(*arguments)
    assert caught.value.exit_code == Exit.BAD_DATA and "\n" not in str(caught.value)
    return str(caught.value)


def ids(part) -> list[str]:
    return [record.image_id for record in deepfashion2.read_part(part)]


def lay(folder: Path, *files: str, content=None) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(json.dumps(content or golden_truth()))


def test_no_data(tmp_path):
    said = refusal(deepfashion2.find, tmp_path)
    assert said.startswith(f"{tmp_path}: no DeepFashion2 data: looked for train/annos")
    assert "draw deepfashion2" in said
    assert "no such folder" in refusal(deepfashion2.find, tmp_path / "none")
    assert datasets.named("deepfashion2") is deepfashion2


def test_the_distributed_layout(tmp_path):
    layout = deepfashion2.find(small_folder(tmp_path))
    train, validation = layout.train
    assert validation is layout.validation and str(validation).endswith("validation/annos")
    assert (str(train), train.images) == (str(tmp_path / "train/annos"), tmp_path / "train/image")
    assert ids(train) == ["1/2", "1/1", "2/2", "3/2", "3/1", "3/3"]
    (only,) = deepfashion2.read_part(layout.test)
    assert (only.image_id, only.category, only.box) == ("1/0", "", None)
    assert only.path == tmp_path / "test/image/000001.jpg" and only.keypoints is None
    assert deepfashion2.saved_validation(tmp_path) == {tmp_path / "validation/image/000001.jpg"}


def test_one_split_alone_is_trained_on(tmp_path):
    write_raw(tmp_path / "validation", picture(item("vest")))
    layout = deepfashion2.find(tmp_path)
    assert layout.train == (layout.validation,) and layout.test is None
    assert deepfashion2.saved_validation(tmp_path) is None
    (part,) = deepfashion2.find(tmp_path / "validation").train
    assert part == layout.validation


def test_a_part_by_itself(tmp_path, monkeypatch):
    write_raw(tmp_path / "mine", picture(item("vest")))
    layout = deepfashion2.find(tmp_path / "mine")
    assert len(layout.train) == 1 and layout.test is None and layout.validation is None
    write_raw(tmp_path / "test", picture(item("vest")))
    monkeypatch.chdir(tmp_path / "test")
    layout = deepfashion2.find(Path())
    assert layout.train == () and ids(layout.test) == ["1/2"]


@pytest.mark.parametrize("place", ["test/", "", "json_for_test/", "test/json_for_test/"])
def test_a_test_list_goes_before_the_pictures(place, tmp_path):
    small_folder(tmp_path)
    draw_picture(tmp_path / "test/image", 2)
    assert ids(deepfashion2.find(tmp_path).test) == ["1/0", "2/0"]
    listed = {"images": [{"id": 2, "file_name": "000002.jpg"}]}
    lay(tmp_path, f"{place}keypoints_test_information.json", content=listed)
    layout = deepfashion2.find(tmp_path)
    assert ids(layout.test) == ["2/0"]
    assert deepfashion2.read_part(layout.test)[0].path == tmp_path / "test/image/000002.jpg"


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("annotations/train_coco.json", 13),
        ("annotations_agg81kps/train_coco_agg81kps.json", 13),
        ("annotations/train_coco_agg81kps.json", 13),
        ("annotations_per_category/train_coco_category_3.json", 13),
        ("annotations_per_category_agg81kps/train_coco_category_3.json", 13),
    ],
)
def test_derived_layouts(file, found, tmp_path):
    lay(tmp_path, file)
    (part,) = deepfashion2.find(tmp_path).train
    records = deepfashion2.read_part(part)
    assert str(part) == str(tmp_path / file) and len(records) == found
    assert records[0].path == tmp_path / "images/train/000001.jpg"


def test_files_of_single_categories_are_one_part(tmp_path):
    truth = golden_truth()
    for c in (10, 9, 2):
        own = [each for each in truth["annotations"] if each["category_id"] == c]
        content = truth | {"annotations": own}
        lay(tmp_path, f"annotations_per_category/train_coco_category_{c}.json", content=content)
    (part,) = deepfashion2.find(tmp_path).train
    assert ids(part) == ["2/2", "9/9", "10/10"]  # 9 before 10
    lay(tmp_path, "annotations_per_category/train_coco_category_11.json", content=content)
    (doubled,) = deepfashion2.find(tmp_path).train
    assert "annotation 2/2 stand in two of them" in refusal(deepfashion2.read_part, doubled)


def test_a_category_without_garments_lists_none(tmp_path):
    """Its file may have all the pictures nevertheless."""
    truth = golden_truth()
    one = truth | {"annotations": truth["annotations"][1:2]}
    lay(tmp_path, "annotations_per_category/train_coco_category_2.json", content=one)
    bare = truth | {"annotations": []}
    for c in (1, 3):
        lay(tmp_path, f"annotations_per_category/train_coco_category_{c}.json", content=bare)
    (part,) = deepfashion2.find(tmp_path).train
    assert ids(part) == ["2/2"]


def test_whole_files_go_before_those_of_categories_and_raw_ones_before_both(tmp_path):
    kin = ("annotations_per_category/train_coco_category_1.json", "annotations/train_coco.json")
    lay(tmp_path, *kin)
    assert str(deepfashion2.find(tmp_path).train[0]) == str(tmp_path / kin[1])
    small_folder(tmp_path)
    assert str(deepfashion2.find(tmp_path).train[0]) == str(tmp_path / "train/annos")


def test_converted_data_are_found_with_their_pictures(tmp_path):
    """Converting into the same folder and taking the raw annotations away changes no record."""
    small_folder(tmp_path)
    before = deepfashion2.saved_validation(tmp_path)
    convert_to_coco(tmp_path, tmp_path)
    for split in ("train", "validation"):
        (tmp_path / split / "annos").rename(tmp_path / split / "away")
    layout = deepfashion2.find(tmp_path)
    assert [Path(str(part)).name for part in (*layout.train, layout.test)] == [
        "train_coco.json", "validation_coco.json", "test_coco.json",
    ]  # fmt: skip
    assert deepfashion2.saved_validation(tmp_path) == before and len(before) == 1
    assert ids(layout.test) == ["1/0"]


def test_empty_parts(tmp_path):
    (tmp_path / "train/annos").mkdir(parents=True)
    (tmp_path / "test/image").mkdir(parents=True)
    layout = deepfashion2.find(tmp_path)
    for part in (*layout.train, layout.test):
        said = refusal(deepfashion2.read_part, part)
        assert said.startswith(f"{part}: no garments and no pictures")


BOX = {"category_id": 5, "bbox": [1, 2, 30, 40], "score": 0.5}


@pytest.mark.parametrize("kind", ["raw", "COCO", "pictures"])
def test_boxes_in_pictures_of_the_part(kind, tmp_path):
    small_folder(tmp_path)
    layout = deepfashion2.find(tmp_path)
    part = {"raw": layout.validation, "pictures": layout.test}.get(kind)
    if kind == "COCO":
        truth = golden_truth()
        truth["images"][0]["file_name"] = "shop/a.jpg"
        lay(tmp_path / "coco", "annotations/train_coco.json", content=truth)
        (part,) = deepfashion2.find(tmp_path / "coco").train
    name = "shop/a.jpg" if kind == "COCO" else "000001.jpg"
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps([BOX | {"image_id": 1}]))
    (record,) = deepfashion2.read_boxes(file, part)
    assert record.path == part.images / name and record.keypoints is None
    assert record.box.tolist() == [1, 2, 31, 42]
    file.write_text(json.dumps([BOX | {"image_id": 1}, BOX | {"image_id": 14}]))
    pictures = 13 if kind == "COCO" else 1
    assert refusal(deepfashion2.read_boxes, file, part) == (
        f"{file}: entry 2: image_id: 14 is none of the {pictures} pictures of {part}. "
        "Name boxes of this split, or another --split."
    )


def test_drawn_data_are_known_by_their_mark(tmp_path):
    small_folder(tmp_path)
    assert not deepfashion2.is_drawn(tmp_path)
    (tmp_path / "drawn.json").touch()
    assert deepfashion2.is_drawn(tmp_path) and deepfashion2.is_drawn(tmp_path / "train")
