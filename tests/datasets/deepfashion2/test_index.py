"""The index of a raw folder: what it holds, when it is used again and when not."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from deepfashion2_files import item, picture, small_folder, write_raw
from numpy.testing import assert_array_equal

from aifashion.datasets.deepfashion2 import index, raw
from aifashion.datasets.deepfashion2.landmarks import KEYPOINTS, OWN
from aifashion.datasets.schema import ABSENT, ABSENT_POINT, OCCLUDED, VISIBLE
from aifashion.errors import Failure


@pytest.fixture
def annos(tmp_path) -> Path:
    return small_folder(tmp_path) / "train/annos"


@pytest.fixture
def never(monkeypatch):
    """From its call on, reading an annotation file is a failure of the test."""

    def refuse():
        monkeypatch.setattr(raw, "read_file", lambda path: pytest.fail(f"read {path} again"))

    return refuse


def same(one: index.Index, other: index.Index) -> None:
    for name, array in vars(one).items():
        assert_array_equal(array, getattr(other, name), err_msg=name)
        assert array.dtype == getattr(other, name).dtype


def test_an_empty_folder(tmp_path, never):
    (tmp_path / "annos").mkdir()
    empty = index.read(tmp_path / "annos")
    assert empty.box.shape == (0, 4) and empty.points.shape == (0, 2)
    assert empty.records(tmp_path) == []
    never()
    same(index.read(tmp_path / "annos"), empty)


def test_columns(annos):
    read = index.read(annos)
    assert read.picture.tolist() == [1, 1, 2, 3, 3, 3]
    assert read.item.tolist() == [2, 1, 2, 2, 1, 3]  # in the files' order
    assert read.category.tolist() == [1, 8, 13, 8, 9, 12]
    assert read.source.tolist() == [2, 2, 2, 1, 1, 1] and read.pair_id.tolist() == [7] * 6
    assert read.style.tolist() == [2] * 6 and read.scale.tolist() == [3] * 6
    assert read.box[1].tolist() == [30, 20, 90, 110]
    assert len(read.points) == len(read.visibility) == 25 + 14 + 19 + 14 + 8 + 19


def test_records(annos, tmp_path):
    records = index.read(annos).records(tmp_path / "image")
    top, trousers, unlabelled = records[:3]
    assert [record.image_id for record in records] == ["1/2", "1/1", "2/2", "3/2", "3/1", "3/3"]
    assert top.path is trousers.path and top.path == tmp_path / "image/000001.jpg"
    assert (trousers.category, trousers.score) == ("trousers", 1.0)
    assert trousers.box.tolist() == [30, 20, 90, 110]
    # Keypoint n of the trousers stands at the pixel (30 + n, 30 + 2n), whose centre is half on.
    points = dict(zip(KEYPOINTS, trousers.keypoints.tolist(), strict=True))
    seen = dict(zip(KEYPOINTS, trousers.visibility.tolist(), strict=True))
    assert points["waist_left"] == [31.5, 32.5] and seen["waist_left"] == OCCLUDED
    assert points["waist_middle"] == [32.5, 34.5] and seen["waist_middle"] == VISIBLE
    assert points["leg_side_right"] == [44.5, 58.5] and seen["leg_side_right"] == VISIBLE
    assert points["waist_right"] == list(ABSENT_POINT) and seen["waist_right"] == ABSENT
    foreign = np.delete(np.arange(81), OWN["trousers"])
    assert not trousers.visibility[foreign].any()
    assert_array_equal(trousers.keypoints[foreign], np.tile(ABSENT_POINT, (67, 1)))
    assert not unlabelled.visibility.any() and unlabelled.category == "sling_dress"


def test_opened_again_without_the_files(annos, never):
    first = index.read(annos)
    never()
    same(index.read(annos), first)


@pytest.mark.parametrize("change", ["size", "time", "more", "less"])
def test_a_changed_folder_is_read_anew(change, annos):
    file = annos / "000001.json"
    index.read(annos)
    status = file.stat()
    if change == "less":
        file.unlink()
    elif change == "more":
        (annos / "000009.json").write_text(json.dumps(picture(item("vest"))))
    else:
        text = file.read_text().replace('"pair_id": 7', '"pair_id": 8')
        file.write_text(text + " " * (change == "size"))
        later = status.st_mtime_ns + (change == "time")
        os.utime(file, ns=(status.st_atime_ns, later))
    read = index.read(annos)
    pairs, count = {"less": (7, 4), "more": (7, 7)}.get(change, (8, 6))
    assert read.pair_id[0] == pairs and len(read.picture) == count


@pytest.mark.parametrize("damage", ["cut", "junk", "empty", "older", "pickle", "packed"])
def test_a_damaged_index_is_made_anew(damage, annos):
    first = index.read(annos)
    file = annos.parent / "annos_index.npz"
    content = file.read_bytes()
    if damage == "older":
        np.savez(file, listing=np.array("0"))
    elif damage == "pickle":
        np.savez(file, listing=np.array([{}], dtype=object))
    elif damage == "packed":  # its last entry says that it was packed in a way nobody knows
        place = content.rindex(b"PK\1\2") + 10
        file.write_bytes(content[:place] + b"\x63" + content[place + 1 :])
    else:
        file.write_bytes({"cut": content[:-100], "junk": b"junk" * 99, "empty": b""}[damage])
    same(index.read(annos), first)
    assert len(file.read_bytes()) == len(content)


def test_where_nothing_can_be_written_it_goes_on_and_says_so_once(annos, capsys):
    (annos.parent / "annos_index.npz").mkdir()  # no file can take its place
    first = index.read(annos)
    same(index.read(annos), first)
    said = capsys.readouterr().out
    assert said.startswith("No index of the annotations is kept") and said.count("\n") == 1


def test_many_files_are_read_in_processes(annos, tmp_path, monkeypatch):
    alone = index.read(annos)
    (annos.parent / "annos_index.npz").unlink()
    monkeypatch.setattr(index, "MANY", 2)
    monkeypatch.setattr(index, "CHUNK", 2)
    same(index.read(annos), alone)


@pytest.mark.parametrize("many", [2, 1000])
def test_the_first_malformed_file_is_named(many, tmp_path, monkeypatch):
    part = write_raw(
        tmp_path, picture(item("vest")), picture(item("vest", scale=9)),
        picture(item("vest", scale=8)), draw=False,
    )  # fmt: skip
    monkeypatch.setattr(index, "MANY", many)
    monkeypatch.setattr(index, "CHUNK", 1)
    said = r"000002\.json: item2: scale: 9 is no whole number"
    with pytest.raises(Failure, match=said) as caught:
        index.read(part / "annos")
    assert str(caught.value).endswith(" And 1 more of 3 files: check names them all.")
    assert "000003.json: item2: scale: 8" in caught.value.each[1]
    assert not (part / "annos_index.npz").exists()


def test_what_is_no_annotation_is_left_alone(annos):
    (annos / "._000001.json").write_bytes(b"\0\5\x16\7")  # unpacking on a Mac leaves such files
    (annos / "notes.txt").write_text("mine")
    assert len(index.read(annos).picture) == 6
    with pytest.raises(Failure, match="cannot be read"):
        index.read(annos.parent / "none")
