"""Which data a command takes, which pictures it can read, and how it splits them."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from aifashion import data
from aifashion.datasets import fashionai, splits
from aifashion.datasets.fashionai import COLUMNS, KEYPOINTS, SCHEMA
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE, KeypointRecord, Layout
from aifashion.errors import Exit, Failure

LIST = "image_id,image_category\nImages/a.jpg,skirt\n"


def refusal(call, *arguments) -> str:
    with pytest.raises(Failure) as caught:
        call(*arguments)
    assert caught.value.exit_code == Exit.BAD_DATA and "\n" not in str(caught.value)
    return str(caught.value)


def pictured(
    path: Path, size: tuple[int, int] = (8, 6), category: str = "skirt", **seen: tuple
) -> KeypointRecord:
    """A record with its picture, `size` wide and high, and keypoint=(x, y, visibility)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shade = len(list(path.parent.iterdir()))  # no two pictures are the same
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), shade, np.uint8))
    points, visibility = np.full((24, 2), -0.5), np.full(24, ABSENT, np.int8)
    for name, (x, y, v) in seen.items():
        k = KEYPOINTS.index(name)
        points[k], visibility[k] = (x, y), v
    return KeypointRecord(path.name, path, category, points, visibility)


# === Which folder ===


@pytest.fixture
def drawings(tmp_path, monkeypatch) -> list[Path]:
    """An empty working directory; what is drawn there is noted, and marked as drawn."""
    drawn = []

    def draw(folder: Path, images: int, test_images: int, size: int) -> None:
        drawn.append(folder)
        folder.mkdir(parents=True)
        (folder / "drawn.json").touch()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data.synthetic, "draw_fashionai", draw)
    return drawn


def test_the_folder_named_is_taken(drawings, tmp_path):
    (tmp_path / "data/train").mkdir(parents=True)
    assert data.choose(Path("elsewhere")) == Path("elsewhere") and drawings == []


@pytest.mark.parametrize(
    "part", ["train/Annotations/train.csv", "test/test.csv", "r1_train/Annotations/annotations.csv"]
)
def test_real_data_come_before_the_sample(part, drawings, tmp_path):
    (tmp_path / "data/sample/fashionai").mkdir(parents=True)
    (tmp_path / "data/sample/fashionai/drawn.json").touch()
    (tmp_path / "data" / part).parent.mkdir(parents=True)
    (tmp_path / "data" / part).touch()
    assert data.choose(None) == Path("data") and drawings == []


def test_without_data_a_sample_is_drawn_once_and_told(drawings, capsys):
    assert data.choose(None) == data.SAMPLE == Path("data/sample/fashionai")
    assert drawings == [data.SAMPLE]
    assert "drawing a sample" in capsys.readouterr().out
    assert data.choose(None) == data.SAMPLE and drawings == [data.SAMPLE]
    assert "using the drawn sample" in capsys.readouterr().out


# === Which records ===


def lay(root: Path, content: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "train.csv").write_text(content)
    return root / "train.csv"


def test_labelled_refuses_what_nobody_can_train_on(tmp_path):
    assert "no FashionAI data" in refusal(data.labelled, tmp_path)
    (tmp_path / "test").mkdir()
    (tmp_path / "test/test.csv").write_text(LIST)
    assert refusal(data.labelled, tmp_path) == (
        f"{tmp_path}: no annotations to train on; only a test list."
    )
    csv = lay(tmp_path / "train", ",".join(COLUMNS) + "\n")
    assert refusal(data.labelled, tmp_path).startswith(f"{csv}: no rows")
    lay(tmp_path / "train", LIST)
    assert refusal(data.labelled, tmp_path).startswith(f"{csv}: no keypoints to train on")


def test_labelled_joins_every_part_but_the_test(sample, tmp_path):
    records = data.labelled(sample)
    assert len(records) == 60 and all(record.keypoints.shape == (24, 2) for record in records)
    test = fashionai.read_part(data.test_part(sample))
    assert len(test) == 20 and test[0].keypoints is not None  # its answers lie beside it
    assert not {r.path for r in records} & {r.path for r in test}
    row = f"Images/a.jpg,skirt{',-1_-1_-1' * 24}\n"
    for part in ("r1_train", "wu_train"):
        lay(tmp_path / part, ",".join(COLUMNS) + "\n" + row)
    # The same image id in two parts is two pictures.
    assert [r.path.parent.parent.name for r in data.labelled(tmp_path)] == ["r1_train", "wu_train"]


def test_no_test_part(tmp_path):
    lay(tmp_path / "train", LIST)
    assert refusal(data.test_part, tmp_path).startswith(f"{tmp_path}: no test.csv")


def test_only(tmp_path):
    records = [KeypointRecord(name, tmp_path / name, name) for name in ("skirt", "dress", "skirt")]
    assert data.only(records, "all") == records
    assert data.only(records, "skirt") == [records[0], records[2]]
    assert "no record of category blouse" in refusal(data.only, records, "blouse")


def test_counted(tmp_path):
    assert data.counted([]) == "0 pictures"
    there = pictured(tmp_path / "a.png", crotch=(1, 2, VISIBLE))
    absent = pictured(tmp_path / "b.png")
    unknown = replace(there, path=tmp_path / "c.png", keypoints=None, visibility=None)
    assert data.counted([there, unknown]) == "2 pictures"
    said = data.counted([there, absent, replace(there, image_id="a/2")])
    assert said == "3 garments in 2 pictures (1 without keypoints)"


# === Which pictures ===


def test_usable_names_what_it_cannot_read(tmp_path, capsys):
    assert data.usable([], 0.0) == []
    records = [pictured(tmp_path / f"{n}.png") for n in range(8)]
    assert data.usable(records, 0.0) == records
    records[3].path.unlink()
    records[5].path.write_text("not a picture")
    message = refusal(data.usable, records, 0.0)
    assert message.startswith("2 of 8 pictures cannot be read: ")
    assert str(records[3].path) in message and str(records[5].path) in message
    assert message.endswith("--max-bad 0.25.") and ".." not in message
    assert capsys.readouterr().err == ""
    # What is allowed is said and skipped: exactly the fraction, and not one more.
    assert [r.image_id for r in data.usable(records, 0.25)] == [
        f"{n}.png" for n in (0, 1, 2, 4, 6, 7)
    ]
    assert capsys.readouterr().err.startswith("warning: 2 of 8 pictures cannot be read")
    refusal(data.usable, records, 0.24)


@pytest.mark.parametrize(
    ("faults", "count"),
    [(1, 60_000), (333, 1000), (29, 100), (126, 1000), (7, 7), (1, 3), (57, 100)],
)
def test_the_fraction_proposed_is_enough(faults, count, capsys):
    message = refusal(data.tell_faults, ["bad"] * faults, count, 0.0)
    proposed = float(re.search(r"--max-bad ([0-9.]+)\.$", message)[1])
    assert faults / count <= proposed <= min(1.0, faults / count + 0.01)
    data.tell_faults(["bad"] * faults, count, proposed)
    data.tell_faults(["bad"] * faults, count, faults / count)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_few_faults_are_shown_and_the_others_counted():
    message = refusal(data.tell_faults, [f"fault {n}" for n in range(7)], 7, 0.5)
    assert "fault 0; fault 1; fault 2; fault 3; fault 4; and 2 more" in message
    data.tell_faults([], 0, 0.0)


def test_mean_shapes(tmp_path):
    assert data.mean_shapes([], SCHEMA)["skirt"] == [[0.5, 0.5]] * 24
    records = [
        pictured(tmp_path / "a.png", (8, 4), hemline_left=(2, 1, VISIBLE), crotch=(8, 4, ABSENT)),
        pictured(tmp_path / "b.png", (10, 20), hemline_left=(7.5, 15, OCCLUDED)),
        pictured(tmp_path / "c.png", (10, 10), hemline_left=(0, 0, ABSENT)),
        pictured(tmp_path / "d.png", (10, 10), "dress", hemline_left=(10, 1, VISIBLE)),
    ]
    shapes = data.mean_shapes(records, SCHEMA)
    assert list(shapes) == list(SCHEMA.categories)
    left, crotch = KEYPOINTS.index("hemline_left"), KEYPOINTS.index("crotch")
    # (2/8, 1/4) and (7.5/10, 15/20), whatever the size; where it is absent does not count.
    assert_allclose(shapes["skirt"][left], [0.5, 0.5])
    assert_allclose(shapes["dress"][left], [1.0, 0.1])
    assert shapes["skirt"][crotch] == shapes["blouse"][left] == [0.5, 0.5]


# === The split of a run ===


def test_split_is_drawn_once_and_kept(sample, tmp_path):
    records, saved = data.labelled(sample), tmp_path / "run/split.csv"
    drawn = data.split(saved, sample, records, seed=3)
    assert drawn == splits.stratified(records, data.VALIDATION_SHARE, 3)
    assert len(drawn[1]) == 5  # a tenth of each garment's 12
    # Another seed does not change what the run has begun with, nor does a split saved since.
    assert data.split(saved, sample, records, seed=4) == drawn


def test_split_of_the_data_folder_comes_before_a_new_one(tmp_path):
    records = [pictured(tmp_path / f"train/Images/{n}.png") for n in range(20)]
    rows = [
        KeypointRecord(f"Images/{r.image_id}", r.path, r.category, r.keypoints, r.visibility)
        for r in records
    ]
    fashionai.write(tmp_path / "train/Annotations/train.csv", rows)
    fashionai.write(tmp_path / "train/Annotations/train_split.csv", rows[:13])
    fashionai.write(tmp_path / "train/Annotations/val_split.csv", rows[13:])
    records = data.labelled(tmp_path)
    assert len(records) == 20
    split = data.split(tmp_path / "run/split.csv", tmp_path, records, seed=0)
    assert split == (list(range(13)), list(range(13, 20)))
    (tmp_path / "train/Annotations/val_split.csv").unlink()
    assert data.split(tmp_path / "run/split.csv", tmp_path, records, seed=0) == split
    assert len(data.split(tmp_path / "other/split.csv", tmp_path, records, seed=0)[1]) == 2


# === Garments in boxes ===


def test_a_mean_shape_is_relative_to_the_box(tmp_path):
    record = pictured(tmp_path / "a.png", hemline_left=(3.0, 4.0, VISIBLE))
    record = replace(record, box=np.array([1.0, 2.0, 5.0, 6.0]))
    shape = data.mean_shapes([record], SCHEMA)["skirt"]
    assert shape[KEYPOINTS.index("hemline_left")] == [0.5, 0.5]


def test_a_picture_of_several_garments_counts_once(tmp_path, capsys):
    good = pictured(tmp_path / "a.png")
    bad = replace(good, path=tmp_path / "b.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert data.usable([good, good, bad, bad, bad], 0.5) == [good, good]
    assert capsys.readouterr().err.count("1 of 2 pictures cannot be read") == 1


def test_what_is_held_out_is_tested_unless_the_test_list_is_asked_for():
    dataset = SimpleNamespace(find=lambda folder: Layout(("train", "held"), "list", "held"))
    folder = Path("data")
    assert data.test_part(folder, dataset) == "held"
    assert data.test_part(folder, dataset, "validation") == "held"
    assert data.test_part(folder, dataset, "test") == "list"
    dataset = SimpleNamespace(find=lambda folder: Layout(("train",), "list"))
    assert data.test_part(folder, dataset) == "list"
    assert "no validation part" in refusal(data.test_part, folder, dataset, "validation")
