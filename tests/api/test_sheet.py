"""`aifashion sheet`: which pictures it takes, and that the answers are those of the pictures."""

import shutil
from csv import DictReader

import numpy as np
import pytest
from deepfashion2_files import small_folder
from numpy.testing import assert_array_equal

from aifashion import cli, images, visualize
from aifashion.api import SheetOptions, draw_sheet
from aifashion.api.sheet import _pictures, evenly
from aifashion.datasets import fashionai
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure


def records(**counts: int) -> list[KeypointRecord]:
    return [
        KeypointRecord(f"{category}{place}", f"{category}{place}.jpg", category)
        for category, count in counts.items()
        for place in range(count)
    ]


def ids(found) -> list[str]:
    return [record.image_id for record in found]


# === Choosing ===


def test_no_records_give_none():
    assert list(evenly([], 0)) == []


def test_categories_take_turns_until_one_is_empty():
    chosen = list(evenly(records(skirt=1, dress=4, blouse=2), seed=3))
    assert [record.category for record in chosen] == [
        "blouse", "dress", "skirt", "blouse", "dress", "dress", "dress",
    ]  # fmt: skip
    assert len(set(ids(chosen))) == 7


def test_the_seed_decides_and_the_order_of_the_file_does_not():
    some = records(skirt=20, dress=20)
    assert ids(evenly(some, 0)) == ids(evenly(some[::-1], 0)) != ids(evenly(some, 1))


# === The sheet ===


def answers(path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(DictReader(file))


def test_numbered_pictures_are_those_of_the_answers(sample, tmp_path):
    out = tmp_path / "reader.png"
    options = SheetOptions(sample, out, count=13, columns=5, numbers=True, side=96)
    assert draw_sheet(options) == out
    rows = answers(tmp_path / "reader.csv")
    assert list(rows[0]) == ["number", "category", "image_id"]
    assert [row["number"] for row in rows] == [str(n) for n in range(1, 14)]
    counts = [sum(row["category"] == c for row in rows) for c in fashionai.CATEGORIES]
    assert sorted(counts) == [2, 2, 3, 3, 3]
    asked = [row["category"] for row in rows]
    assert asked != sorted(asked) and asked[:5] != asked[5:10]  # places tell nothing
    images_there = [images.read(sample / "train" / row["image_id"]) for row in rows]
    style = visualize.SheetStyle(numbers=True)  # neither captions nor a title
    assert_array_equal(images.read(out), visualize.contact_sheet(images_there, 5, 96, style))


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(sample, tmp_path):
    bytes_of = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        out = tmp_path / f"{name}.png"
        draw_sheet(SheetOptions(sample, out, count=6, columns=3, seed=seed, side=64))
        bytes_of.append(out.read_bytes())
    assert bytes_of[0] == bytes_of[1] != bytes_of[2]
    assert not (tmp_path / "a.csv").exists()


def test_truth_is_drawn_in_the_parts_colours(sample, tmp_path):
    made = {}
    for truth in (False, True):
        out = tmp_path / f"{truth}.png"
        draw_sheet(SheetOptions(sample, out, 4, 2, category="skirt", truth=truth, side=128))
        made[truth] = images.read(out)
    hem = np.array(visualize.edge_colour("hemline_left", "hemline_right"))
    rows = made[False].shape[0]
    assert (made[True][:rows] == hem).all(axis=2).sum() > 20
    assert (made[False] == hem).all(axis=2).sum() < 20
    assert made[True].shape[0] > rows  # the legend


def test_a_sheet_of_one_category_and_of_the_test_part(sample, tmp_path):
    out = tmp_path / "s.png"
    draw_sheet(SheetOptions(sample, out, 5, 5, category="dress", numbers=True, side=64))
    assert {row["category"] for row in answers(out.with_suffix(".csv"))} == {"dress"}
    draw_sheet(SheetOptions(sample, out, 500, 5, part="test", numbers=True, side=64))
    listed = ids(fashionai.read_part(fashionai.find(sample).test))
    assert sorted(row["image_id"] for row in answers(out.with_suffix(".csv"))) == sorted(listed)


def test_an_unreadable_picture_is_replaced(sample, tmp_path, capsys):
    folder = tmp_path / "data"
    shutil.copytree(sample / "train", folder)
    part = fashionai.find(folder).train[0]
    skirts = [record for record in fashionai.read_part(part) if record.category == "skirt"]
    next(evenly(skirts, 0)).path.write_bytes(b"no picture")
    out = tmp_path / "s.png"
    draw_sheet(SheetOptions(folder, out, 4, 4, category="skirt", numbers=True, side=64))
    assert len(answers(out.with_suffix(".csv"))) == 4
    assert capsys.readouterr().err.count("Another one is taken") == 1


def test_a_picture_of_two_garments_is_shown_once(tmp_path):
    path = tmp_path / "both.png"
    images.write(path, np.full((40, 30, 3), 128, np.uint8))
    both = [KeypointRecord(f"1/{name}", path, name) for name in ("dress", "skirt")]
    shown = list(_pictures(both, SheetOptions(tmp_path), fashionai.SCHEMA, 80))
    assert [(record.category, picture.shape) for record, picture in shown] == [
        ("dress", (80, 60, 3))
    ]


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ({"count": 0}, Exit.USAGE, "--count: 0 is less than 1"),
        ({"columns": -1}, Exit.USAGE, "--columns: -1"),
        ({"side": 8}, Exit.USAGE, "--side: 8 is less than 32"),
        ({"seed": -1}, Exit.USAGE, "--seed: -1"),
        ({"part": "val"}, Exit.USAGE, "--part: 'val'"),
        ({"category": "sock"}, Exit.BAD_DATA, "no record of category sock"),
        ({"out": "sheet.gif", "count": 1}, Exit.USAGE, "sheet.gif"),
    ],
)
def test_what_cannot_be_drawn(sample, asked, code, words):
    with pytest.raises(Failure, match=words) as caught:
        draw_sheet(SheetOptions(sample, **asked))
    assert caught.value.exit_code == code


def test_truth_that_is_not_there(sample, tmp_path):
    folder = tmp_path / "test"
    folder.mkdir()
    shutil.copy(sample / "test" / "test.csv", folder)
    with pytest.raises(Failure, match="--truth: the test part only lists pictures"):
        draw_sheet(SheetOptions(folder, part="test", truth=True))
    with pytest.raises(Failure, match="none of its pictures could be read"):
        draw_sheet(SheetOptions(folder, tmp_path / "s.png", part="test"))


def test_the_verb(sample, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--count", "5", "--columns", "3", "--side", "64"]
    assert cli.main(["sheet", str(sample), *small]) == 0
    assert capsys.readouterr().out.splitlines() == ["submission/sheet_fashionai_train.png"]
    out = ["--numbers", "--part", "test", "--out", "r.jpg"]
    assert cli.main(["sheet", str(sample), *small, *out]) == 0
    assert capsys.readouterr().out.splitlines() == ["r.jpg", "r.csv"]
    assert images.read(tmp_path / "r.jpg").shape[1] == 3 * 64
    assert cli.main(["sheet", str(tmp_path / "nowhere")]) == 3
    assert "no such folder" in capsys.readouterr().err


def test_a_test_list_of_pictures_alone(tmp_path):
    """Nothing is known of its garments; what is held out for validation is another part."""
    folder, out = small_folder(tmp_path / "data"), tmp_path / "sheet.png"
    draw_sheet(SheetOptions(folder, out, part="test", numbers=True))
    assert [row["image_id"] for row in answers(out.with_suffix(".csv"))] == ["1/0"]
    draw_sheet(SheetOptions(folder, out, part="test"))
    draw_sheet(SheetOptions(folder, out, category="8", numbers=True))
    categories = {row["category"] for row in answers(out.with_suffix(".csv"))}
    assert categories == {"trousers"}
