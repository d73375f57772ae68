"""Checking any dataset through its reader: here FashionAI's, whose format is at hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from deepfashion2_files import small_folder

from aifashion.datasets import deepfashion2, fashionai, record_check
from aifashion.datasets.checking import ERROR
from aifashion.errors import Exit, Failure

HEADER = ",".join(fashionai.COLUMNS)


def row(name: str, category: str, **cells: str) -> str:
    own = [cells.get(keypoint, fashionai.ABSENT_CELL) for keypoint in fashionai.KEYPOINTS]
    return ",".join([f"Images/{name}.png", category, *own])


def lay(folder: Path, train: list[str], test: str = "Images/t.png,skirt") -> None:
    """Three pictures of 8 x 6 pixels a side, t.png the test's; training rows as given."""
    shades = {"train": {"a": 10, "b": 20}, "test": {"t": 30}}
    for part, pictures in shades.items():
        (folder / part / "Images").mkdir(parents=True)
        for name, shade in pictures.items():
            path = folder / part / f"Images/{name}.png"
            cv2.imwrite(str(path), np.full((6, 8, 3), shade, np.uint8))
    (folder / "train/train.csv").write_text("\n".join([HEADER, *train]) + "\n")
    (folder / "test/test.csv").write_text(f"image_id,image_category\n{test}\n")


def found(folder: Path, fast: bool = False) -> list[tuple[str, str, str]]:
    """(code, file, field) of each finding; all of them are errors."""
    report = record_check.check(fashionai, folder, fast)
    assert all(finding.severity == ERROR and finding.row is None for finding in report.findings)
    return [(one.code, one.file.name, one.field) for one in report.findings]


def test_no_data(tmp_path):
    with pytest.raises(Failure) as caught:
        record_check.check(fashionai, tmp_path)
    assert caught.value.exit_code == Exit.BAD_DATA


def test_sound_data_are_clean(tmp_path):
    lay(tmp_path, [row("a", "skirt", hemline_left="7_5_1"), row("b", "dress")])
    report = record_check.check(fashionai, tmp_path)
    assert report.findings == [] and (report.files, report.pictures) == (2, 3)
    assert [record.category for record in report.train] == ["skirt", "dress"]
    assert [record.keypoints for record in report.test] == [None]


def test_keypoints_outside_and_of_other_garments(tmp_path):
    cells = {"hemline_left": "7_5_1", "hemline_right": "8_5_0", "crotch": "1_1_1"}
    lay(tmp_path, [row("a", "skirt", **cells)])
    assert found(tmp_path) == [
        ("keypoint-outside", "train.csv", "hemline_right"),  # the pixels are 0 to 7
        ("keypoint-foreign", "train.csv", "crotch"),
    ]


def test_pictures_are_blamed_once(tmp_path):
    lay(tmp_path, [row("a", "skirt"), row("gone", "skirt"), row("gone", "dress")])
    (tmp_path / "train/Images/a.png").write_text("<html>")
    assert found(tmp_path, fast=True) == [
        ("picture-web-page", "train.csv", "Images/a.png"),
        ("picture-missing", "train.csv", "Images/gone.png"),
    ]


def test_a_picture_of_the_test_is_trained_on(tmp_path):
    lay(tmp_path, [row("a", "skirt"), row("b", "skirt")])
    (tmp_path / "train/Images/b.png").write_bytes((tmp_path / "test/Images/t.png").read_bytes())
    assert found(tmp_path) == [("leak-picture", "train.csv", "Images/b.png")]
    assert found(tmp_path, fast=True) == []  # bytes are not read


def test_every_refused_file_is_named(tmp_path):
    folder = small_folder(tmp_path)
    for name in ("000001", "000003"):
        (folder / f"train/annos/{name}.json").write_text("{")
    report = record_check.check(deepfashion2, folder)
    said = [one.message for one in report.findings if one.code == "part-refused"]
    assert len(said) == 2 and "000001.json: not JSON" in said[0]
    assert "000003.json: not JSON" in said[1]


def test_a_folder_of_pictures_may_be_a_link(tmp_path):
    lay(tmp_path / "data", [row("a", "skirt"), row("b", "dress")])
    images = tmp_path / "data/train/Images"
    images.rename(tmp_path / "elsewhere")
    images.symlink_to(tmp_path / "elsewhere")
    assert found(tmp_path / "data") == []
    # A picture in it that leads elsewhere again is another thing.
    (tmp_path / "elsewhere/a.png").rename(tmp_path / "a.png")
    (tmp_path / "elsewhere/a.png").symlink_to(tmp_path / "a.png")
    assert [code for code, *_ in found(tmp_path / "data")] == ["path-link-outside"]


def test_a_part_refused_does_not_hide_the_others(tmp_path):
    lay(tmp_path, [row("a", "skirt", crotch="1_1_7")], test="Images/none.png,skirt")
    report = record_check.check(fashionai, tmp_path)
    assert [finding.code for finding in report.findings] == ["part-refused", "picture-missing"]
    assert report.findings[0].message.startswith("row 2: crotch: '1_1_7' is not x_y_v")
    assert report.train == [] and len(report.test) == 1
