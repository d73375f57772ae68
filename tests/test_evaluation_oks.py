"""`aifashion evaluate deepfashion2`: results against a COCO file of truth."""

import json
from pathlib import Path

import pytest
from deepfashion2_files import golden_results, golden_truth, small_folder
from numpy.testing import assert_allclose

from aifashion.cli import main
from aifashion.datasets import deepfashion2
from aifashion.errors import Failure
from aifashion.evaluation import evaluate_files


def save(path: Path, content) -> Path:
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def truth(tmp_path) -> Path:
    return save(tmp_path / "t.json", golden_truth())


def evaluate(truth: Path, predictions: Path, *flags: str) -> int:
    files = ["--truth", str(truth), "--predictions", str(predictions)]
    return main(["evaluate", "deepfashion2", *files, *flags])


def test_no_predictions(truth, tmp_path, capsys):
    assert evaluate(truth, save(tmp_path / "p.json", [])) == 0
    assert json.loads(capsys.readouterr().out)["AP"] == 0.0


@pytest.mark.parametrize(("flags", "ap"), [([], 0.619231), (["--visible-only"], 0.626923)])
def test_the_command_prints_the_ten_numbers(flags, ap, truth, tmp_path, capsys):
    predictions = save(tmp_path / "p.json", golden_results(2))
    assert evaluate(truth, predictions, *flags) == 0
    printed = capsys.readouterr()
    scores = json.loads(printed.out)
    assert printed.err == "" and list(scores) == [
        "AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl",
    ]  # fmt: skip
    assert_allclose(scores["AP"], ap, atol=5e-7)
    assert scores == evaluate_files(truth, predictions, deepfashion2, bool(flags))


def test_raw_truth_converted_and_scored_against_itself(tmp_path, capsys):
    """Raw folder, COCO file, records, results: AP 1 at the end of the way."""
    folder = small_folder(tmp_path)
    for aggregated in (False, True):
        file = deepfashion2.convert_to_coco(folder, tmp_path, aggregated)[0][0]
        labelled = [record for record in deepfashion2.read(file, folder) if record.visibility.any()]
        deepfashion2.write(tmp_path / "p.json", labelled)
        assert evaluate(file, tmp_path / "p.json") == 0
        scores = json.loads(capsys.readouterr().out)
        assert_allclose([scores[name] for name in ("AP", "AR", "APm", "APl")], [1, 1, 1, -1])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"keypoints": [0] * 879}, "keypoints: 879 numbers, not 882 or 243"),
        ({"keypoints": [0] * 881 + [float("nan")]}, "keypoints: number 882 is not finite"),
        ({"image_id": 14}, "image_id: 14 is none of the pictures"),
        ({"category_id": 14}, "category_id: 14 is no whole number from 1 to 13"),
        ({"score": float("-inf")}, "score: -Infinity is no finite number"),
        ({"score": "1"}, "score: '1' is no finite number"),
    ],
)
def test_the_command_refuses_malformed_entries(changed, said, truth, tmp_path, capsys):
    results = golden_results(2)
    results[6] |= changed
    predictions = save(tmp_path / "p.json", results)
    assert evaluate(truth, predictions) == 3
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert printed.err.startswith(f"error: {predictions}: entry 7: {said}")


def test_results_with_fields_of_other_tools_score_the_same(truth, tmp_path):
    results = golden_results(2)
    plain = evaluate_files(truth, save(tmp_path / "p.json", results), deepfashion2)
    for extra in ({"bbox": [1, 2, 3, 4]}, {"caption": "a top"}, {"segmentation": []}):
        changed = [results[0] | extra, *results[1:]]
        assert evaluate_files(truth, save(tmp_path / "p.json", changed), deepfashion2) == plain
    boxed = [result | {"bbox": [0, 0, 50, 50]} for result in results]  # of medium size, as asked
    scores = evaluate_files(truth, save(tmp_path / "p.json", boxed), deepfashion2)
    assert scores["AP"] == plain["AP"]
    bad = [results[0] | {"bbox": [1, 2, 3]}]
    with pytest.raises(Failure, match="entry 1: bbox: 3 numbers"):
        evaluate_files(truth, save(tmp_path / "p.json", bad), deepfashion2)


def test_numbers_of_annotations_may_begin_with_0(tmp_path):
    """pycocotools takes the garment 0 for none, and what was found of it for wrong."""
    content = golden_truth()
    for annotation in content["annotations"]:
        annotation["id"] -= 1
    score = evaluate_files(
        save(tmp_path / "t.json", content), save(tmp_path / "p.json", golden_results(2)),
        deepfashion2,
    )  # fmt: skip
    assert_allclose(score["AP"], 0.619231, atol=5e-7)


@pytest.mark.parametrize("field", ["iscrowd", "num_keypoints", "area"])
def test_the_truths_own_fields_are_checked(field, tmp_path):
    content = golden_truth()
    content["annotations"][2][field] = None
    truth = save(tmp_path / "t.json", content)
    with pytest.raises(Failure, match=f"annotation 3: {field}: null"):
        evaluate_files(truth, save(tmp_path / "p.json", []), deepfashion2)


def test_a_negative_area_is_refused(tmp_path):
    content = golden_truth()
    content["annotations"][2]["area"] = -5
    truth = save(tmp_path / "t.json", content)
    with pytest.raises(Failure, match="annotation 3: area: -5 is negative"):
        evaluate_files(truth, save(tmp_path / "p.json", []), deepfashion2)


def test_no_results_find_nothing_and_say_so(truth, tmp_path, capsys):
    score = evaluate_files(truth, save(tmp_path / "p.json", []), deepfashion2)
    assert score["AP"] == score["AR"] == 0
    assert "p.json: no results in it" in capsys.readouterr().err


def test_the_command_refuses_files_in_each_others_place(truth, tmp_path, capsys):
    predictions = save(tmp_path / "p.json", golden_results(2))
    assert evaluate(predictions, predictions) == 3
    assert "p.json: no object with images. Name a COCO file of truth." in capsys.readouterr().err
    assert evaluate(truth, truth) == 3
    assert "not a list of results" in capsys.readouterr().err
    assert evaluate(truth, tmp_path / "none.json") == 3
    assert "none.json: no such file" in capsys.readouterr().err


def test_visible_only_is_for_average_precision(capsys):
    files = ["--truth", "t.csv", "--predictions", "p.csv"]
    assert main(["evaluate", "fashionai", *files, "--visible-only"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --visible-only: fashionai is scored by NE")
