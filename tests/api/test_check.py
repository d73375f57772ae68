"""`aifashion check` as a person runs it: what it prints, writes and ends with."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from planting import ANSWERS, DRESS, TEST, TRAIN, picture, put, rewrite, rows_of

from aifashion import images
from aifashion.api import check as checks
from aifashion.api import instances
from aifashion.api.check import CheckOptions, check, describe, summary
from aifashion.cli import main
from aifashion.datasets import deepfashion2, fashionai
from aifashion.datasets.fashionai import CATEGORIES, KEYPOINTS, SCHEMA
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE, KeypointRecord
from aifashion.errors import Exit


@pytest.fixture
def data(sample, tmp_path) -> Path:
    return Path(shutil.copytree(sample, tmp_path / "data"))


# === Instances ===


def skirt(*states: int | None) -> KeypointRecord:
    """A skirt whose four keypoints have these states; a lone None: without truth."""
    if states == (None,):
        return KeypointRecord("a.jpg", Path("a.jpg"), "skirt")
    visibility = np.zeros(len(KEYPOINTS), np.int8)
    visibility[SCHEMA.indices(CATEGORIES["skirt"])] = states
    points = np.arange(2.0 * len(KEYPOINTS)).reshape(-1, 2)
    return KeypointRecord("a.jpg", Path("a.jpg"), "skirt", points, visibility)


SKIRTS = [
    skirt(VISIBLE, VISIBLE, OCCLUDED, ABSENT),
    skirt(VISIBLE, OCCLUDED, OCCLUDED, ABSENT),
    skirt(None),
]


def test_no_instances():
    counts = instances.count([], SCHEMA)
    assert list(counts) == list(CATEGORIES)
    assert counts["dress"]["instances"] == counts["dress"]["labelled"] == 0
    assert set(counts["dress"]["keypoints"]) == set(CATEGORIES["dress"])
    assert instances.totals(counts["dress"]) == {"visible": 0, "occluded": 0, "absent": 0}
    assert instances.draw(counts).shape[1] == 1240


def test_counts_by_hand():
    counts = instances.count(SKIRTS, SCHEMA)["skirt"]
    assert (counts["instances"], counts["labelled"]) == (3, 2)
    assert counts["keypoints"] == {
        "waistband_left": {"visible": 2, "occluded": 0, "absent": 0},
        "waistband_right": {"visible": 1, "occluded": 1, "absent": 0},
        "hemline_left": {"visible": 0, "occluded": 2, "absent": 0},
        "hemline_right": {"visible": 0, "occluded": 0, "absent": 2},
    }
    assert instances.totals(counts) == {"visible": 3, "occluded": 3, "absent": 2}


def test_the_table_by_hand():
    train, test = instances.count(SKIRTS, SCHEMA), instances.count(SKIRTS[:1], SCHEMA)
    both = instances.count([*SKIRTS, SKIRTS[0]], SCHEMA)
    lines = [line.split() for line in instances.table(train, test, both).splitlines()]
    assert lines[0] == [
        "category", "train", "test", "labelled", "keypoints", "visible", "occluded", "absent",
    ]  # fmt: skip
    assert [line[0] for line in lines[1:]] == [*CATEGORIES, "all"]
    assert lines[4] == ["skirt", "3", "1", "3", "12", "5", "4", "3"]
    assert lines[-1][1:] == lines[4][1:]


def test_the_tables_columns_stand_below_one_another():
    counts = instances.count([], deepfashion2.SCHEMA)
    lines = instances.table(counts, counts, counts).splitlines()
    assert len(lines) == 15 and len({len(line) for line in lines}) == 1


def test_the_figure_has_a_bar_a_keypoint():
    figure = instances.draw(instances.count(SKIRTS, SCHEMA))
    # The waistband's left end is visible in both skirts: green from end to end; the right in one.
    green = (figure == (40, 150, 90)).all(axis=2).sum(axis=1)
    assert sorted(green[70:][green[70:] > 0]) == [380] * 17 + [760] * 17


# === The truth against itself ===


def test_score_of_the_truth():
    assert checks.score_of_truth([], SCHEMA) is None
    assert checks.score_of_truth([skirt(None)], SCHEMA) is None
    assert checks.score_of_truth(SKIRTS, SCHEMA)["ne_percent"] == 0
    hidden = checks.score_of_truth([skirt(*[OCCLUDED] * 4)], SCHEMA)
    assert hidden["ne_percent"] is None


def test_a_truth_that_cannot_be_scored(data):
    rewrite(data, lambda b: b.replace(b"_1,", b"_0,").replace(b"_1\n", b"_0\n"))
    rewrite(data, lambda b: b.replace(b"_-0", b"_-1"))
    found = {(f.code, f.severity) for f in check(CheckOptions(data, fast=True)).findings}
    assert found == {("flags-all-occluded", "error"), ("truth-unscorable", "warning")}


def test_a_score_that_is_not_zero(sample, monkeypatch):
    wrong = {"ne_percent": 0.5, "skipped": 0}
    monkeypatch.setattr(checks.metrics, "evaluate", lambda *_: wrong)
    findings = check(CheckOptions(sample, fast=True)).findings
    assert [(f.code, f.severity) for f in findings] == [("score-not-zero", "error")] * 2
    assert findings[0].message == "the train truth scores NE 0.5 % against itself"


# === The command ===


def test_sound_data(sample, tmp_path, capsys):
    files = tmp_path / "check.json", tmp_path / "counts.png"
    command = ["check", str(sample), "--json", str(files[0]), "--figure", str(files[1])]
    assert main(command) == Exit.DONE
    *lines, last = capsys.readouterr().out.splitlines()
    assert last == f"{sample}: 3 lists, 80 pictures: clean"
    assert lines[0].split()[0] == "category" and lines[6].split()[:4] == ["all", "60", "20", "80"]
    said = json.loads(files[0].read_text())
    assert said["clean"] is True and said["findings"] == [] and said["dataset"] == "fashionai"
    assert said["instances"]["train"]["dress"]["instances"] == 12
    assert said["instances"]["test"]["dress"]["instances"] == 4
    assert said["truth_against_itself"]["test"]["ne_percent"] == 0
    cells = [row[2 + KEYPOINTS.index("crotch")] for f in (TRAIN, ANSWERS) for row in
             rows_of(sample / f)[1:] if row[1] == "trousers"]  # fmt: skip
    crotch = said["instances"]["all"]["trousers"]["keypoints"]["crotch"]
    assert crotch["visible"] == sum(cell.endswith("_1") and cell[-2] != "-" for cell in cells)
    assert_array_equal(
        images.read(files[1]), instances.draw(check(CheckOptions(sample)).counts["all"])
    )


def test_faults_end_with_3_and_one_line(data, capsys, tmp_path):
    for row in range(2, 7):
        put(data, row, "armpit_left", "NaN")
    picture(data, 2, TEST).unlink()
    assert main(["check", str(data), "--json", str(tmp_path / "a.json")]) == Exit.BAD_DATA
    out, error = capsys.readouterr()
    assert error == (
        f"error: {data}: 3 lists, 80 pictures: 6 errors. Mend them, or copy with --fix.\n"
    )
    lines = out.splitlines()
    assert lines[0].split() == ["error", "cell-malformed", "5"]
    assert lines[1].startswith(f"    {TRAIN}:2:armpit_left: 'NaN' is not x_y_v")
    assert lines[4].split() == ["error", "picture-missing", "1"]  # after three examples
    assert lines[5].startswith(f"    {TEST}:2:image_id: 'Images/")
    findings = json.loads((tmp_path / "a.json").read_text())["findings"]
    assert len(findings) == 6
    assert findings[0].items() >= {
        "code": "cell-malformed", "severity": "error", "file": str(data / TRAIN), "row": 2,
        "field": "armpit_left",
    }.items()  # fmt: skip


def test_notes_alone_end_with_0(data, capsys):
    rewrite(data, lambda content: content.replace(b"\n", b"\r\n"))
    assert main(["check", str(data), "--fast"]) == Exit.DONE
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["note", "file-newlines", "1"]
    assert out[-1] == f"{data}: 3 lists, 80 pictures: 1 note"


def test_fast_does_not_decode(data):
    path = picture(data, DRESS)
    path.write_bytes(path.read_bytes()[:-400])
    assert check(CheckOptions(data, fast=True)).is_clean
    checked = check(CheckOptions(data))
    assert [f.code for f in checked.findings] == ["picture-truncated"]
    assert summary(checked).endswith(": 1 error")


def test_fix(data, capsys, tmp_path):
    put(data, DRESS, "armpit_left", "NaN")
    out = tmp_path / "clean"
    assert main(["check", str(data), "--fix", str(out)]) == Exit.BAD_DATA
    said = "cleaned copy: 1 changes, listed in removed.csv; it checks clean"
    assert said in capsys.readouterr().out
    assert main(["check", str(out)]) == Exit.DONE
    assert fashionai.is_drawn(out)
    capsys.readouterr()
    assert main(["check", str(data), "--fix", str(out)]) == Exit.USAGE
    assert capsys.readouterr().err == f"error: --fix {out}: exists already. Name a new folder.\n"


def test_fix_says_what_it_cannot_mend(data, tmp_path):
    """Flags that are all "occluded" are no single row's fault: the copy has them too."""
    rewrite(data, lambda b: b.replace(b"_1,", b"_0,").replace(b"_1\n", b"_0\n"))
    rewrite(data, lambda b: b.replace(b"_-0", b"_-1"))  # -1_-1_-1, as it was
    checked = check(CheckOptions(data, fix=tmp_path / "copy"))
    assert "flags-all-occluded" in [finding.code for finding in checked.left]
    assert "it still has flags-all-occluded" in describe(checked)


def test_no_data(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == Exit.BAD_DATA
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}: no FashionAI data")


def test_every_finding_says_what_to_do(data):
    put(data, DRESS, "armpit_left", "NaN")
    put(data, 3, "image_category", "Outerwear")
    (data / TRAIN.replace("train.csv", "annotations.csv")).write_bytes(b"")
    rewrite(data, lambda content: content.replace(b"crotch", b"\x1b[2J" + b"x" * 9999), ANSWERS)
    checked = check(CheckOptions(data, fast=True))
    assert {f.severity for f in checked.findings} == {"error", "note"}
    assert all(f.message and f.remedy.endswith(".") for f in checked.findings)
    text = describe(checked)
    assert max(map(len, text.splitlines())) < 500 and text.replace("\n", "").isprintable()
