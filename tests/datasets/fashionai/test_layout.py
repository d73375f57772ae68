"""FashionAI's data folders: the published layouts, their parts, and saved splits."""

from dataclasses import replace
from pathlib import Path

import pytest
from fashionai_files import BLOUSE, HEADER, SKIRT, refusal

from aifashion.datasets import fashionai, splits
from aifashion.datasets.fashionai import CATEGORIES, KEYPOINTS
from aifashion.datasets.fashionai.layout import Part
from aifashion.datasets.schema import ABSENT_POINT, KeypointRecord

# === Folders ===

LIST = "image_id,image_category\nImages/a.jpg,skirt\n"


def lay(root: Path, *files: str) -> Path:
    """Makes files below a folder; lists of pictures without truth, by their name, else with it."""
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(LIST if path.name == "test.csv" else f"{HEADER}\n{BLOUSE}\n{SKIRT}\n")
        (path.parent / "Images").mkdir(exist_ok=True)
    return root


def found(folder: Path, seen_from: Path | None = None) -> tuple[list[str], str | None]:
    """The csv files of the training parts and of the test part."""
    layout, base = fashionai.find(folder), seen_from or folder
    for part in (*layout.train, *([layout.test] if layout.test else [])):
        assert part.csv.is_relative_to(part.root)
    train = [part.csv.relative_to(base).as_posix() for part in layout.train]
    return train, layout.test and layout.test.csv.relative_to(base).as_posix()


def test_no_data(tmp_path):
    message = refusal(fashionai.find, tmp_path)
    assert message.startswith(f"{tmp_path}: no FashionAI data") and "draw fashionai" in message
    assert "no such folder" in refusal(fashionai.find, tmp_path / "none")


ANSWER = "fashionAI_key_points_test_{}_answer_20180426.csv".format


def test_layout_of_the_all_in_one_system(tmp_path):
    splits = ("train/Annotations/train_split.csv", "train/Annotations/val_split.csv")
    lay(tmp_path, "train/Annotations/train.csv", "test/test.csv", *splits)
    assert found(tmp_path) == (["train/Annotations/train.csv"], "test/test.csv")


def test_layout_of_the_per_garment_system(tmp_path):
    train = [
        "r1_test_a/" + ANSWER("a"),
        "r1_test_b/" + ANSWER("b"),
        "r1_train/Annotations/train.csv",
        "wu_train/Annotations/annotations.csv",
    ]
    lay(tmp_path, *train, "r1_test_a/test.csv", "r2_test_a/test.csv", "r2_test_b/test.csv")
    # A Mac's unpacking leaves such files beside the real ones.
    (tmp_path / "r1_test_a" / f"._{ANSWER('a')}").write_bytes(b"\0\5\x16\7")
    assert found(tmp_path) == (train, "r2_test_b/test.csv")


def test_layouts_of_its_kin(tmp_path):
    train = [f"train_{n}/Annotations/annotations.csv" for n in range(4)]
    lay(tmp_path / "a", *train, "test_0/test.csv", "test_1/test.csv")
    assert found(tmp_path / "a") == (train, "test_1/test.csv")
    tests = ("r1-test-a/test.csv", "r1-test-b/test.csv", "r2-test-a/test.csv")
    lay(tmp_path / "b", "train/Annotations/train.csv", *tests)
    assert found(tmp_path / "b") == (["train/Annotations/train.csv"], "r2-test-a/test.csv")


def test_parts_are_in_natural_order(tmp_path):
    lay(tmp_path, *(f"test_{n}/test.csv" for n in (9, 10, 2)))
    lay(tmp_path, *(f"train_{n}/Annotations/train.csv" for n in (10, 2)))
    train, test = found(tmp_path)
    assert train == ["train_2/Annotations/train.csv", "train_10/Annotations/train.csv"]
    assert test == "test_10/test.csv"


def test_a_part_named_test_is_the_test_and_never_trained_on(tmp_path, monkeypatch):
    lay(tmp_path, "test/test.csv", "test/" + ANSWER("a"), "unseen/test.csv", "train/train.csv")
    assert found(tmp_path) == (["train/train.csv"], "test/test.csv")
    assert fashionai.find(tmp_path).test.answers == tmp_path / "test" / ANSWER("a")
    assert found(tmp_path / "test") == ([], "test.csv")
    monkeypatch.chdir(tmp_path / "test")
    assert found(Path(), tmp_path / "test") == ([], "test.csv")


@pytest.mark.parametrize(
    "csv", ["Annotations/annotations.csv", "Annotations/train.csv", "train.csv", ANSWER("b")]
)
def test_one_part_by_itself(csv, tmp_path):
    lay(tmp_path / "part", csv)
    assert found(tmp_path / "part") == ([csv], None)


def test_one_test_part_by_itself(tmp_path):
    assert found(lay(tmp_path, "Annotations/test.csv")) == ([], "Annotations/test.csv")


# === Parts ===


def test_answers_are_joined_in_the_order_of_the_list(tmp_path):
    answers, names = tmp_path / ANSWER("a"), tmp_path / "test.csv"
    answers.write_text(f"{HEADER}\n{BLOUSE}\n{SKIRT}\n")
    names.write_text("image_id,image_category\n")
    part = Part(tmp_path, names, answers)
    assert refusal(fashionai.read_part, part).startswith(f"{names}: no rows")
    listed = [",".join(line.split(",")[:2]) for line in (SKIRT, BLOUSE)]
    names.write_text("\n".join(["image_id,image_category", *listed]) + "\n")
    skirt, blouse = fashionai.read_part(part)
    assert (skirt.category, blouse.category) == ("skirt", "blouse")
    assert skirt.visibility.sum() == 5 and blouse.visibility.sum() == 24  # 2+2+0+1; 11 x 2 + 2 x 1
    unlabelled = fashionai.read_part(replace(part, answers=None))
    assert [r.image_id for r in unlabelled] == [skirt.image_id, blouse.image_id]
    assert unlabelled[0].keypoints is None

    answers.write_text(f"{HEADER}\n{SKIRT}\n")
    message = refusal(fashionai.read_part, part)
    assert message.startswith(f"{answers}: image_id: no row for Images/blouse/d21e.jpg (1 in all)")


# === Splits ===


def part(root: Path, csv: str, contents: list[tuple[str, bytes]]) -> None:
    """A part of a data folder; every part has the same image ids."""
    records = []
    for n, (category, content) in enumerate(contents):
        path = root / f"Images/{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        points = [ABSENT_POINT] * len(KEYPOINTS)
        records.append(KeypointRecord(f"Images/{n}.jpg", path, category, points, [0] * 24))
    fashionai.write(root / csv, records)


@pytest.fixture
def two_parts(tmp_path) -> dict[str, Path]:
    """Two parts of ten skirts; returns the folder of each one's csv by the part's name."""
    for name, csv in (("r1_test_a", ANSWER("a")), ("r1_train", "Annotations/train.csv")):
        part(tmp_path / name, csv, [("skirt", f"{name} {n}".encode()) for n in range(10)])
    return {"r1_test_a": tmp_path / "r1_test_a", "r1_train": tmp_path / "r1_train/Annotations"}


def test_saved_split(two_parts, tmp_path):
    written = dict(fashionai.save_split(tmp_path, 0.3, seed=1))
    expected = [
        folder / side
        for folder in two_parts.values()
        for side in ("train_split.csv", "val_split.csv")
    ]
    assert list(written) == expected
    assert sum(rows for path, rows in written.items() if path.name == "val_split.csv") == 6
    for name, folder in two_parts.items():
        sides = [
            fashionai.read(folder / side, tmp_path / name)
            for side in ("train_split.csv", "val_split.csv")
        ]
        assert [len(side) for side in sides] == [
            written[folder / "train_split.csv"], written[folder / "val_split.csv"]
        ]  # fmt: skip
        # Each picture of the part once, though the other part uses the same image ids.
        assert sorted(record.image_id for side in sides for record in side) == [
            f"Images/{n}.jpg" for n in range(10)
        ]


def test_saved_split_is_read_back(two_parts, tmp_path):
    assert fashionai.saved_validation(tmp_path) is None
    fashionai.save_split(tmp_path, 0.3, seed=1)
    held_out = fashionai.saved_validation(tmp_path)
    records = [r for p in fashionai.find(tmp_path).train for r in fashionai.read_part(p)]
    assert held_out == {records[row].path for row in splits.stratified(records, 0.3, seed=1)[1]}
    assert len(held_out) == 6
    # The new files are no parts of the data, so that the same seed splits the same again.
    fashionai.save_split(tmp_path, 0.3, seed=1)
    assert fashionai.saved_validation(tmp_path) == held_out
    fashionai.save_split(tmp_path, 0.3, seed=2)
    assert fashionai.saved_validation(tmp_path) != held_out
    (two_parts["r1_train"] / "val_split.csv").unlink()
    assert fashionai.saved_validation(tmp_path) is None


def test_saved_split_parts_no_copies(tmp_path):
    categories = list(CATEGORIES)
    contents = [(categories[n % 5], f"picture {n:02d}".encode()) for n in range(20)]
    part(tmp_path / "r1_train", "Annotations/train.csv", contents)
    part(
        tmp_path / "r1_test_a",
        ANSWER("a"),
        [(categories[n % 4], c) for n, (_, c) in enumerate(contents)],
    )
    fashionai.save_split(tmp_path, 0.5, seed=0)
    held_out = fashionai.saved_validation(tmp_path)
    assert held_out == {
        path
        for path in tmp_path.glob("*/Images/*.jpg")
        if path.read_bytes() in {p.read_bytes() for p in held_out}
    }
    assert 10 <= len(held_out) <= 20  # half of 40; pairs may leave a category one short


def test_nothing_held_out(two_parts, tmp_path):
    fashionai.save_split(tmp_path, 0.0, seed=0)
    assert fashionai.saved_validation(tmp_path) == set()
