"""Splits: shares, seeds, the same picture never on both sides, and their files."""

from collections import Counter
from pathlib import Path

import pytest

from aifashion.datasets import fashionai, splits
from aifashion.datasets.fashionai import CATEGORIES, KEYPOINTS
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure


def missing(counts: dict[str, int], root: Path = Path("none")) -> list[KeypointRecord]:
    """Records without pictures: nothing joins any two of them."""
    return [
        KeypointRecord(f"{category}/{n}.jpg", root / f"{category}/{n}.jpg", category)
        for category, count in counts.items()
        for n in range(count)
    ]


def with_pictures(root: Path, contents: list[tuple[str, bytes]]) -> list[KeypointRecord]:
    """A record for each (category, bytes of its picture)."""
    root.mkdir()
    records = []
    for n, (category, content) in enumerate(contents):
        (root / f"{n}.jpg").write_bytes(content)
        records.append(KeypointRecord(f"{n}.jpg", root / f"{n}.jpg", category))
    return records


# === Rows ===


def test_no_records():
    assert splits.stratified([], 0.2, 0) == ([], [])


COUNTS = {"blouse": 100, "skirt": 37, "dress": 5, "outwear": 1}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5, 1.0])
def test_every_category_gives_its_share(share):
    records = missing(COUNTS)
    training, validation = splits.stratified(records, share, seed=0)
    assert sorted(training + validation) == list(range(143))
    assert training == sorted(training) and validation == sorted(validation)
    taken = Counter(records[row].category for row in validation)
    for category, count in COUNTS.items():
        assert abs(taken[category] - share * count) <= 0.5  # records are whole


def test_the_seed_makes_the_split():
    records = missing({"blouse": 50, "skirt": 50})
    assert splits.stratified(records, 0.2, 7) == splits.stratified(records, 0.2, 7)
    sides = {tuple(splits.stratified(records, 0.2, seed)[1]) for seed in range(5)}
    assert len(sides) == 5
    # At random, and not the first or last of each category.
    assert max(splits.stratified(records, 0.2, 7)[1][:10]) > 10


def test_the_same_bytes_stay_on_one_side(tmp_path):
    # 30 pictures, each twice: in two folders, in other rows, every fifth under another category.
    unique = [("skirt", f"picture {n:03d}".encode()) for n in range(30)]
    again = [("dress" if n % 5 == 0 else "skirt", content) for n, (_, content) in enumerate(unique)]
    records = with_pictures(tmp_path / "a", unique) + with_pictures(tmp_path / "b", again[::-1])
    for seed in range(10):
        training, validation = splits.stratified(records, 0.3, seed)
        contents = [
            {records[row].path.read_bytes() for row in rows} for rows in (training, validation)
        ]
        assert not contents[0] & contents[1]
        assert len(validation) == 18  # 30 % of 60


def test_files_of_one_size_are_told_apart(tmp_path):
    # All 10 bytes long and all different: nothing keeps them together.
    records = with_pictures(
        tmp_path / "a", [("skirt", f"picture {n:02d}".encode()) for n in range(10)]
    )
    assert len(splits.stratified(records, 0.5, 0)[1]) == 5


def test_what_cannot_be_read_stands_alone(tmp_path):
    folder, long_name = tmp_path / "folder.jpg", tmp_path / ("x" * 300)
    folder.mkdir()
    records = [
        KeypointRecord("a", path, "skirt") for path in (folder, folder, long_name, long_name)
    ]
    assert len(splits.stratified(records, 0.25, 0)[1]) == 1


# === The file of a run ===


def test_file_both_ways(tmp_path):
    path = tmp_path / "run/split.csv"
    splits.write(path, [], ([], []))
    assert splits.read(path, []) == ([], [])
    records = missing({"blouse": 9, "skirt": 3}, root=tmp_path / "größe,val")
    split = splits.stratified(records, 0.34, 0)
    assert len(split[1]) == 4  # 3 of 9 and 1 of 3
    splits.write(path, records, split)
    assert path.read_text(encoding="utf-8").splitlines()[0] == "path,side"
    assert splits.read(path, records) == split
    # Records in another order keep their side; one that is new trains.
    turned = [*records[::-1], KeypointRecord("new", tmp_path / "new.jpg", "skirt")]
    training, validation = splits.read(path, turned)
    assert validation == sorted(11 - row for row in split[1])
    assert training == sorted([11 - row for row in split[0]] + [12])


@pytest.mark.parametrize("content", ["", "image_id,image_category\na.jpg,skirt\n", "\xff\0"])
def test_file_that_is_no_split(content, tmp_path):
    path = tmp_path / "split.csv"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(Failure) as caught:
        splits.read(path, [])
    assert caught.value.exit_code == Exit.BAD_DATA and str(caught.value).startswith(
        f"{path}: row 1"
    )


# === The files of a data folder ===

ANSWERS = "fashionAI_key_points_test_a_answer_20180426.csv"


def part(root: Path, csv: str, contents: list[tuple[str, bytes]]) -> None:
    """A part of a data folder; every part has the same image ids."""
    records = []
    for n, (category, content) in enumerate(contents):
        path = root / f"Images/{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        points = [fashionai.ABSENT_POINT] * len(KEYPOINTS)
        records.append(KeypointRecord(f"Images/{n}.jpg", path, category, points, [0] * 24))
    fashionai.write(root / csv, records)


@pytest.fixture
def two_parts(tmp_path) -> dict[str, Path]:
    """Two parts of ten skirts; returns the folder of each one's csv by the part's name."""
    for name, csv in (("r1_test_a", ANSWERS), ("r1_train", "Annotations/train.csv")):
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
        ANSWERS,
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
