"""The cleaned copy: it is clean, it says what it left out, and it touches nothing else."""

import shutil

import pytest
from planting import (
    ANSWERS,
    BETWEEN,
    CELLS,
    FILES,
    PICTURES,
    ROWS,
    TEST,
    TRAIN,
    get,
    picture,
    put,
    rows_of,
    size_of,
)

from aifashion.datasets import cleaning, fashionai
from aifashion.datasets.fashionai import KEYPOINTS
from aifashion.datasets.fashionai.check import check
from aifashion.datasets.fashionai.fix import fix
from aifashion.errors import Exit, Failure

PLANTS = [plant for plant, *_ in (*ROWS, *FILES, *PICTURES, *BETWEEN)]


@pytest.mark.parametrize("first", range(3))
def test_cells(first, data, tmp_path):
    for row, cell in enumerate(list(CELLS)[first::3], start=2):
        name = fashionai.CATEGORIES[get(data, row, "image_category")][0]
        put(data, row, name, cell)
    fix(data, check(data), tmp_path / "out")
    assert check(tmp_path / "out").findings == []


@pytest.mark.parametrize("plant", PLANTS[::4])
def test_the_cleaned_copy_is_clean(plant, data, tmp_path):
    fashionai.save_split(data, 0.2, 0)
    plant(data)
    before = {path: path.lstat().st_mtime_ns for path in data.rglob("*")}
    changes = fix(data, check(data), tmp_path / "out")
    assert changes and check(tmp_path / "out").faults == []
    assert {path: path.lstat().st_mtime_ns for path in data.rglob("*")} == before
    listed = rows_of(tmp_path / "out/removed.csv")
    assert listed[0] == ["file", "row", "image_id", "reason"] and len(listed) == len(changes) + 1


def test_all_faults_at_once(data, tmp_path):
    fashionai.save_split(data, 0.2, 0)
    put(data, 7, "armpit_left", "NaN")
    put(data, 8, "crotch", "3_3_1")
    put(data, 9, "crotch", f"{size_of(data, 9)[0]}_5_1")
    picture(data, 10).unlink()
    put(data, 11, "image_id", "../../etc/passwd")
    picture(data, 2, TEST).unlink()
    put(data, 3, "armpit_left", "NaN", ANSWERS)
    names = {row: get(data, row, "image_id") for row in range(2, 12)}
    width = size_of(data, 9)[0]
    gone = names[7], names[10], names[11], *(get(data, row, "image_id", TEST) for row in (2, 3))
    out = tmp_path / "out"
    fix(data, check(data), out)
    assert check(out).faults == []
    kept = {row[0]: row for row in rows_of(out / TRAIN)[1:]}
    assert len(kept) == 22 and kept.keys().isdisjoint(gone)
    k = 2 + KEYPOINTS.index("crotch")
    assert kept[names[8]][k] == "-1_-1_-1"
    assert kept[names[9]][k] == f"{width - 1}_5_1"  # out by the one pixel of counting from 1
    assert kept[names[2]] == rows_of(data / TRAIN)[1]
    assert len(rows_of(out / TEST)) == len(rows_of(out / ANSWERS)) == 1 + 3
    listed = {(file, int(row)): reason for file, row, _, reason in rows_of(out / "removed.csv")[1:]}
    assert listed[TRAIN, 7].startswith("cell-malformed: armpit_left: 'NaN' is not x_y_v")
    assert listed[TRAIN, 8] == "changed: crotch 3_3_1 -> -1_-1_-1"
    assert listed[TRAIN, 9] == f"changed: crotch {width}_5_1 -> {width - 1}_5_1"
    assert listed[TRAIN, 10].startswith("picture-missing")
    assert listed[TRAIN, 11].startswith("path-outside")
    assert listed[ANSWERS, 2].startswith("picture-missing")  # as in the list
    assert listed[TEST, 3].startswith("cell-malformed")  # as in the answers
    pictures = {
        path.relative_to(out / "train").as_posix() for path in (out / "train").rglob("*.jpg")
    }
    assert pictures == kept.keys()


def test_a_name_is_spelt_as_the_disk_spells_it(data, tmp_path):
    right = get(data, 2, "image_id", TEST)
    for file in (TEST, ANSWERS):
        put(data, 2, "image_id", right.upper(), file)
    fix(data, check(data), tmp_path / "out")
    assert [get(tmp_path / "out", 2, "image_id", file) for file in (TEST, ANSWERS)] == [right] * 2
    assert check(tmp_path / "out").faults == []


def test_a_part_by_itself_keeps_what_it_is(data, tmp_path):
    put(data, 2, "armpit_left", "NaN", ANSWERS)
    fix(data / "test", check(data / "test"), tmp_path / "out")
    layout = fashionai.find(tmp_path / "out")
    assert layout.train == () and len(fashionai.read_part(layout.test)) == 4


def test_the_copy_touches_nothing(data, tmp_path):
    report = check(data)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").touch()
    for out in (tmp_path / "full", tmp_path / "full/mine.txt", data, data / "clean"):
        with pytest.raises(Failure) as caught:
            cleaning.check_target(data, out)
        assert caught.value.exit_code == Exit.USAGE
    (tmp_path / "empty").mkdir()
    cleaning.check_target(data, tmp_path / "empty")
    assert fix(data, report, tmp_path / "empty") == []
    assert check(tmp_path / "empty").findings == []
    for file in (TRAIN, TEST, ANSWERS):
        assert (tmp_path / "empty" / file).read_bytes() == (data / file).read_bytes()


def test_nothing_is_left(data, tmp_path):
    shutil.rmtree(data / "train/Images")
    shutil.rmtree(data / "test/Images")
    with pytest.raises(Failure, match="no sound row is left"):
        fix(data, check(data), tmp_path / "out")
    assert not (tmp_path / "out").exists() and list(tmp_path.iterdir()) == [data]


def test_drawn_data_stay_marked(sample, tmp_path):
    fix(sample, check(sample, fast=True), tmp_path / "out")
    assert fashionai.is_drawn(tmp_path / "out")
