"""Splits: shares, seeds, and the same picture never on both sides."""

from collections import Counter
from pathlib import Path

import pytest

from aifashion.datasets import splits
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
