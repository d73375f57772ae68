"""`aifashion evaluate`: one csv against another."""

import json
from pathlib import Path

import pytest

from aifashion.cli import main
from aifashion.datasets import fashionai
from aifashion.datasets.fashionai import COLUMNS, KEYPOINTS
from aifashion.errors import Exit, Failure
from aifashion.evaluation import evaluate_files

HEADER = ",".join(COLUMNS)


def row(name: str, category: str, **cells: str) -> str:
    own = [cells.get(keypoint, fashionai.ABSENT_CELL) for keypoint in KEYPOINTS]
    return ",".join([f"Images/{name}.jpg", category, *own])


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


TRUTH = [
    row("a", "skirt", waistband_left="50_20_1", waistband_right="150_20_1"),
    row("b", "trousers", waistband_left="10_20_1", waistband_right="110_20_0"),
    row("c", "skirt", hemline_left="5_5_1"),  # no waistband, so no unit
]
# Off by (3, 4), by (-6, 8), by (0, 30); the occluded and the skipped one by anything.
GUESSES = [
    row("c", "skirt", hemline_left="99_99_1"),
    row("b", "trousers", waistband_left="10_50_1", waistband_right="0_0_1", crotch="7_7_1"),
    row("a", "skirt", waistband_left="53_24_1", waistband_right="144_28_1"),
    row("d", "dress"),  # nobody asks for it
]


def failure(truth: Path, predictions: Path) -> str:
    with pytest.raises(Failure) as caught:
        evaluate_files(truth, predictions)
    assert caught.value.exit_code == Exit.BAD_DATA
    return str(caught.value)


def test_no_rows(tmp_path):
    empty, full = table(tmp_path / "e.csv"), table(tmp_path / "t.csv", *TRUTH)
    assert failure(empty, full).startswith(f"{empty}: no keypoints in it")
    assert failure(full, empty).startswith(f"{empty}: no keypoints in it")


def test_rows_are_joined_by_image_id(tmp_path):
    truth, guesses = table(tmp_path / "t.csv", *TRUTH), table(tmp_path / "p.csv", *GUESSES)
    scores = evaluate_files(truth, guesses)
    assert scores["ne_percent"] == pytest.approx(15.0, abs=1e-12)  # (5 + 10 + 30) / 3 by 100
    assert scores["per_category"] == pytest.approx({"skirt": 7.5, "trousers": 30.0}, abs=1e-12)
    assert (scores["visible"], scores["skipped"]) == (3, 1)


def test_the_command_prints_one_json_object(tmp_path, capsys):
    truth, guesses = table(tmp_path / "t.csv", *TRUTH), table(tmp_path / "p.csv", *GUESSES)
    arguments = ["evaluate", "fashionai", "--truth", str(truth), "--predictions", str(guesses)]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    scores = json.loads(printed.out)
    assert printed.err == "" and scores == evaluate_files(truth, guesses)
    assert {"ne_percent", "per_category", "per_keypoint", "visible", "skipped"} <= set(scores)


def test_truth_against_itself_is_exactly_zero(sample, tmp_path, capsys):
    drawn = next((sample / "test").glob("*_answer_*.csv"))
    fashionai.write(tmp_path / "again.csv", fashionai.read(drawn, tmp_path))
    assert (tmp_path / "again.csv").read_bytes() == drawn.read_bytes()
    again = str(tmp_path / "again.csv")
    assert main(["evaluate", "fashionai", "--truth", str(drawn), "--predictions", again]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["ne_percent"] == 0.0 and scores["swap_rate"] == 0.0
    assert set(scores["per_category"]) == set(fashionai.CATEGORIES)
    assert scores["visible"] > 100


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        ("", "empty"),
        (HEADER + "\n", "no keypoints in it"),
        ("image_id,image_category\nImages/a.jpg,skirt\n", "no keypoints in it"),
        (f"{HEADER}\n{GUESSES[2]}\n", "no row for Images/b.jpg (2 in all), which"),
        ("\n".join([HEADER, *GUESSES, GUESSES[0]]), "1 ids stand twice"),
        (f"{HEADER}\n{TRUTH[0].replace('50_20_1', 'NaN')}\n", "row 2: waistband_left: 'NaN'"),
    ],
)
def test_the_command_refuses_bad_files(content, said, tmp_path, capsys):
    truth, guesses = table(tmp_path / "t.csv", *TRUTH), tmp_path / "p.csv"
    if content is not None:
        guesses.write_text(content)
    arguments = ["evaluate", "fashionai", "--truth", str(truth), "--predictions", str(guesses)]
    assert main(arguments) == 3
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert printed.err.startswith(f"error: {guesses}: ") and said in printed.err
