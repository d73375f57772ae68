"""Faults planted one at a time into sound data: each is found where it is, and nothing else."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from planting import (
    ANSWERS,
    BETWEEN,
    BLOUSE,
    CELLS,
    DRESS,
    FILES,
    OUTWEAR,
    PICTURES,
    ROWS,
    SKIRT,
    TEST,
    TRAIN,
    TROUSERS,
    WU,
    edit,
    get,
    picture,
    put,
    rewrite,
    rows_of,
    second_part,
    size_of,
    swap_bytes,
)

from aifashion import images
from aifashion.datasets import fashionai
from aifashion.datasets.checking import NOTE, Picture
from aifashion.datasets.cleaning import copy_file
from aifashion.datasets.fashionai import KEYPOINTS, plausible, scan
from aifashion.datasets.fashionai.check import check
from aifashion.datasets.fashionai.layout import SPLITS
from aifashion.datasets.schema import OCCLUDED, VISIBLE, KeypointRecord
from aifashion.datasets.synthetic import draw_fashionai
from aifashion.errors import Exit, Failure


def found(data: Path, fast: bool = False) -> list[tuple]:
    """Code, file, row and field of all that is more than a note."""
    return [
        (f.code, f.file.relative_to(data).as_posix(), f.row, f.field)
        for f in check(data, fast).faults
    ]


def noted(data: Path) -> list[tuple]:
    return [(f.code, f.row, f.field) for f in check(data).findings]


# === Nothing to find ===


def test_no_data(tmp_path):
    with pytest.raises(Failure) as caught:
        check(tmp_path)
    assert caught.value.exit_code == Exit.BAD_DATA


def test_sound_data_have_no_finding(sample, small, tmp_path):
    for folder in (sample, small):
        for fast in (False, True):
            report = check(folder, fast)
            assert report.findings == []
    assert (report.files, report.pictures) == (3, 30)
    assert (len(report.train), len(report.test)) == (25, 5)
    assert all(record.keypoints is not None for record in report.test)
    draw_fashionai(tmp_path / "other", 25, 5, seed=7, size=96, processes=1)
    assert check(tmp_path / "other").findings == []


# === Cells ===


@pytest.mark.parametrize("cell", CELLS)
def test_cell(cell, data):
    put(data, DRESS, "center_front", cell)
    assert found(data, fast=True) == [(CELLS[cell], TRAIN, DRESS, "center_front")]


@pytest.mark.parametrize(
    ("beyond", "code"), [(-1, None), (0, "keypoint-margin"), (2, "keypoint-margin"),
                         (30, "keypoint-outside")],
)  # fmt: skip
def test_keypoint_at_the_edge(beyond, code, data):
    width, height = size_of(data, TROUSERS)
    put(data, TROUSERS, "crotch", f"{width + beyond}_5_1")
    expected = [(code, TRAIN, TROUSERS, "crotch")] if code else []
    assert found(data) == expected
    put(data, TROUSERS, "crotch", f"5_{height + beyond}_0")
    assert found(data, fast=True) == expected


def test_several_cells_are_all_found(data):
    put(data, BLOUSE, "armpit_left", "NaN")
    put(data, BLOUSE, "cuff_left_in", "12_34")
    put(data, SKIRT, "crotch", "0_0_1")
    put(data, 3, "armpit_right", "x", ANSWERS)
    assert found(data) == [
        ("cell-malformed", TRAIN, BLOUSE, "armpit_left"),
        ("cell-malformed", TRAIN, BLOUSE, "cuff_left_in"),
        ("keypoint-foreign", TRAIN, SKIRT, "crotch"),
        ("cell-malformed", ANSWERS, 3, "armpit_right"),
    ]


# === Rows ===


@pytest.mark.parametrize(("plant", "code", "row", "field"), ROWS)
def test_row(plant, code, row, field, data):
    plant(data)
    assert found(data, fast=True) == [(code, TRAIN, row, field)]


def test_a_close_category_is_offered(data):
    put(data, OUTWEAR, "image_category", "Outerwear")
    (finding,) = check(data).faults
    assert finding.message == "'Outerwear' is unknown; did you mean outwear?"
    assert finding.remedy == "Use one of blouse, outwear, trousers, skirt, dress."


# === Files ===


@pytest.mark.parametrize(("plant", "code", "row", "field"), FILES)
def test_file(plant, code, row, field, data):
    plant(data)
    assert found(data, fast=True) == [(code, TRAIN, row, field)]


def test_text_that_is_not_utf8_is_read_on(data):
    name = get(data, SKIRT, "image_id")
    odd = name.replace("/skirt/", "/skirt/ä")
    picture(data, SKIRT).rename(data / "train" / odd)
    rewrite(data, lambda b: b.decode().replace(name, odd).encode("latin-1"))
    assert found(data) == [("file-encoding", TRAIN, SKIRT, None)]


def test_what_is_read_all_the_same_is_noted(data):
    rewrite(data, lambda b: b"\xef\xbb\xbf" + b.replace(b"\n", b"\r\n"))
    assert noted(data) == [("file-bom", None, None), ("file-newlines", None, None)]
    rewrite(data, lambda b: b.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n\n"))
    edit(data, lambda rows: [row.reverse() for row in rows])
    assert noted(data) == [("column-order", 1, None)]
    (data / "train/train.csv").write_text("no command reads it")
    findings = check(data).findings
    assert [f.code for f in findings if f.file == data / "train/train.csv"] == ["file-not-read"]


# === Flags and sides ===


def test_flags_mixed_up_over_a_file(data):
    rewrite(data, lambda b: b.replace(b"_1,", b"_0,").replace(b"_1\n", b"_0\n"))
    # `-1_-1_-1` has become -1_-1_-0: put it back
    rewrite(data, lambda b: b.replace(b"_-0", b"_-1"))
    assert found(data) == [("flags-all-occluded", TRAIN, None, None)]


def test_flags_by_number():
    file, visible = Path("a.csv"), np.full((500, 24), VISIBLE)

    def said(visibility):
        return [f.code for f in plausible.check_flags(file, visibility)]

    assert said(np.zeros((0, 24))) == said(np.zeros((500, 24))) == []
    assert said(visible) == ["flags-none-occluded"]
    assert said(visible[:499]) == []  # a small file may have none
    few = visible.copy()
    few[0, 0] = OCCLUDED
    assert said(few) == []
    assert said(3 - visible) == ["flags-all-occluded"]  # 1 is occluded, 2 visible
    assert said(3 - few) == ["flags-exchanged"]
    assert said(3 - few[:19]) == []
    half = np.concatenate([visible, 3 - visible])
    assert said(half) == []  # as many


def numbered(exchanged: int, total: int, upright: bool = True):
    """Skirts of the same shape, the first of them with left and right exchanged."""
    names = ("waistband_left", "waistband_right", "hemline_left", "hemline_right")
    points, visibility = np.full((24, 2), -0.5), np.zeros(24)
    index = fashionai.SCHEMA.indices(names)
    points[index] = [(30, 10), (50, 10), (20, 80), (60, 80)]
    visibility[index] = VISIBLE
    if not upright:
        points[index, 1] = 90 - points[index, 1]
    straight = KeypointRecord("a.jpg", Path("a.jpg"), "skirt", points, visibility)
    mirrored = replace(straight, keypoints=np.where(points > 0, points * (-1, 1) + (80, 0), points))
    records = [mirrored] * exchanged + [straight] * (total - exchanged)
    return [plausible.Numbered(i + 2, record) for i, record in enumerate(records)]


def test_sides_by_number():
    def said(exchanged, total, upright=True):
        rows = numbered(exchanged, total, upright)
        return [(f.code, f.row) for f in plausible.check_sides(Path("a.csv"), rows)]

    assert said(0, 0) == said(0, 40) == said(3, 19) == []
    assert said(4, 40) == [("sides-exchanged", row) for row in (2, 3, 4, 5)]
    assert said(5, 40) == said(20, 40) == []  # a custom of the annotators
    assert said(21, 40) == [("sides-mirrored", None)]
    assert said(4, 40, upright=False) == []  # a garment upside down


# === Pictures ===


@pytest.mark.parametrize(("plant", "code"), PICTURES)
def test_picture(plant, code, data):
    plant(data)
    assert found(data) == [(code, TRAIN, DRESS, "image_id")]


def test_a_picture_of_the_test_is_blamed_once(data):
    picture(data, 3, TEST).unlink()
    assert found(data) == [("picture-missing", TEST, 3, "image_id")]


def test_keypoints_of_a_picture_before_its_turn():
    cells = ["-1_-1_-1"] * 24
    cells[KEYPOINTS.index("hemline_left")] = "70_20_1"
    cells[KEYPOINTS.index("hemline_right")] = "20_20_1"
    table = scan.Table(Path(), Path("a.csv"), scan.TRUTH)
    row = scan.Row(table, 9, "Images/skirt/a.jpg", "skirt", tuple(cells))
    for turned, code in ((True, "keypoint-turned"), (False, "keypoint-outside")):
        (finding,) = scan.check_row(row, Picture(size=(40, 90), turned=turned))
        assert (finding.code, finding.row, finding.field) == (code, 9, "hemline_left")
    assert scan.check_row(row, Picture(size=(90, 40), turned=True)) == []


# === Between files ===


@pytest.mark.parametrize(("plant", "code", "file", "row"), BETWEEN)
def test_between_files(plant, code, file, row, data):
    plant(data)
    assert found(data) == [(code, file, row, "image_id")]


def test_one_id_for_different_pictures_is_noted(data):
    second_part(data)
    swap_bytes(data / "wu_train" / get(data, 2, "image_id", WU), picture(data, DRESS).read_bytes())
    assert "id-reused" in [code for code, *_ in noted(data)]
    assert "id-in-several" not in [code for code, *_ in noted(data)]


def test_one_picture_of_two_garments_is_noted(data):
    image_id = get(data, SKIRT, "image_id").replace("/skirt/", "/other/")
    edit(data, lambda rows: rows.append([image_id, "trousers", *rows[SKIRT - 1][2:]]))
    copy_file(picture(data, SKIRT), data / "train" / image_id)
    for name in ("hemline_left", "hemline_right"):
        put(data, 27, name, "-1_-1_-1")
    assert [f[:2] for f in noted(data) if f[0].startswith("picture")] == [("picture-shared", 27)]


def test_categories_of_list_and_answers(data):
    put(data, 2, "image_category", "dress", TEST)
    assert ("answer-category", TEST, 2, "image_category") in found(data)


def test_splits(data):
    fashionai.save_split(data, 0.2, 0)
    assert check(data).findings == []
    train, held_out = (f"train/Annotations/{name}" for name in SPLITS)
    row = rows_of(data / held_out)[1]
    edit(data, lambda rows: rows.append(row), train)
    last = len(rows_of(data / train))
    assert found(data) == [("split-overlap", train, last, "image_id")]
    edit(data, lambda rows: rows.pop(), train)
    edit(data, lambda rows: rows.pop(), TRAIN)
    assert [fault[::3] for fault in found(data)] == [("split-unknown", "image_id")]


def test_notes_say_what_to_know(data):
    swap_bytes(picture(data, DRESS), cv2.imencode(".png", images.read(picture(data, DRESS)))[1])
    (finding,) = check(data).findings
    assert (finding.code, finding.severity, finding.row) == ("picture-suffix", NOTE, DRESS)
