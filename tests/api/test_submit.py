"""Testing what a detector has found, and what is written of garments with boxes."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from deepfashion2_files import golden_results, golden_truth

from aifashion import evaluation
from aifashion.api import submit
from aifashion.cli import test_main as submit_main
from aifashion.datasets import deepfashion2
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure


@pytest.fixture
def known(tmp_path):
    """The golden set: a garment of each category, picture c of category c."""
    (tmp_path / "t.json").write_text(json.dumps(golden_truth()))
    return deepfashion2.read(tmp_path / "t.json", tmp_path)


@pytest.fixture
def found(tmp_path):
    (tmp_path / "p.json").write_text(json.dumps(golden_results(0)))
    return deepfashion2.read(tmp_path / "p.json", tmp_path)


def test_pictures_without_truth_count_against_what_is_found_there(known, found):
    trousers = [record for record in known if record.category == "trousers"]
    (right, *_) = [r for r in found if r.image_id.startswith("8/") and r.score < 0.9]
    elsewhere = replace(right, image_id="5/1", score=0.99)
    score = evaluation.average_precision(deepfashion2, trousers, [right])
    assert score["AP"] == pytest.approx(1)
    score = evaluation.average_precision(deepfashion2, trousers, [right, elsewhere])
    assert score["AP"] == pytest.approx(0.5) and score["AR"] == pytest.approx(1)
    assert evaluation.average_precision(deepfashion2, [], [elsewhere])["AP"] == -1


@pytest.mark.parametrize(
    ("category", "networks", "sought"),
    [
        ("all", ("trousers",), ["trousers"]),
        ("8", ("trousers", "skirt"), ["trousers"]),
        ("all", ("trousers", "skirt"), ["trousers", "skirt"]),
    ],
)
def test_in_a_detectors_boxes_the_networks_categories_are_sought(
    category, networks, sought, known, tmp_path
):
    dataset = SimpleNamespace(SCHEMA=deepfashion2.SCHEMA, read_part=lambda part: known)
    model = SimpleNamespace(dataset=dataset, categories=networks)
    options = submit.TestOptions(boxes=tmp_path / "d.json", category=category)
    truth = submit._truth(None, options, "part", model)
    assert [record.category for record in truth] == sought


def test_the_test_list_has_no_truth_of_any_category(tmp_path):
    listed = [KeypointRecord("1/0", tmp_path / "000001.jpg", "")]
    dataset = SimpleNamespace(SCHEMA=deepfashion2.SCHEMA, read_part=lambda part: listed)
    model = SimpleNamespace(dataset=dataset, categories=("trousers",))
    options = submit.TestOptions(boxes=tmp_path / "d.json", category="trousers")
    assert submit._truth(None, options, "part", model) == listed


def test_a_submission_is_checked_by_numbers_of_pictures(known, tmp_path):
    """The truth's file may call its pictures otherwise."""
    answer = replace(known[0], path=tmp_path / "first.png")
    (written,) = _written([answer], tmp_path)
    assert written.path.name == "000001.jpg" and submit._is_same(written, answer)
    assert not submit._is_same(written, replace(answer, image_id="2/1"))
    assert not submit._is_same(written, replace(answer, category="vest"))
    unboxed = replace(answer, box=None, image_id=written.image_id)
    assert submit._is_same(written, unboxed)


def _written(answers, folder) -> list[KeypointRecord]:
    deepfashion2.write(folder / "w.json", answers)
    return deepfashion2.read(folder / "w.json", folder)


@pytest.mark.parametrize("flag", [("--boxes", "d.json"), ("--oks-nms", "0.9")])
def test_flags_of_several_garments_are_refused_where_a_picture_has_one(flag, trained, capsys):
    words = ["--model-path", str(trained.folder), "--data", str(trained.data), *flag]
    assert submit_main(words) == Exit.USAGE
    assert f"error: {' '.join(flag)}: fashionai has one garment" in capsys.readouterr().err


def test_a_threshold_without_scores_is_refused():
    with pytest.raises(Failure, match=r"--box-threshold 0\.5: the data's own boxes have no scores"):
        submit._check_boxed(submit.TestOptions(box_threshold=0.5), deepfashion2.SCHEMA)
    given = submit.TestOptions(boxes=Path("d.json"), box_threshold=0.5)
    submit._check_boxed(given, deepfashion2.SCHEMA)


def test_faults_are_counted_by_picture(capsys):
    faults = {"1/1": "a.jpg: broken.", "1/2": "a.jpg: broken."}
    result = submit.TestResult(Path("s.json"), None, faults, pictures=4)
    submit.refuse_faults(result, submit.TestOptions(max_bad=0.25))
    assert "1 of 4 pictures cannot be read: a.jpg: broken. Skipped" in capsys.readouterr().err


def test_no_box_is_left(known, tmp_path):
    boxes = [replace(r, keypoints=None, visibility=None, score=0.3) for r in known]
    dataset = SimpleNamespace(SCHEMA=deepfashion2.SCHEMA, read_boxes=lambda file, part: boxes)
    options = submit.TestOptions(boxes=tmp_path / "d.json", box_threshold=0.3)
    assert submit._records(options, "part", dataset) == boxes
    with pytest.raises(Failure, match="no box is left"):
        submit._records(replace(options, box_threshold=0.31), "part", dataset)


def test_of_doubles_the_surest_stays(known):
    """Of the same category and picture; another category's stays, and a box of no area."""
    first = known[0]
    flat = replace(first, box=np.array([10.0, 10, 10, 10]), score=0.1)
    moved = replace(flat, keypoints=flat.keypoints + 50)
    doubled = [replace(first, score=0.5), replace(first, score=0.6), known[1], moved]
    kept = submit._without_doubles(doubled, 0.9, deepfashion2.SCHEMA)
    assert [record.score for record in kept] == [0.6, 1.0, 0.1]
