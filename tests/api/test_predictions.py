"""Several networks together, and pictures shown twice; the networks are those of one tiny run."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import runs
from aifashion.api import PredictOptions, load
from aifashion.api.predictions import MARGIN, _box, predict_records
from aifashion.cli import main
from aifashion.cli import test_main as submit_main
from aifashion.datasets import fashionai
from aifashion.errors import Exit, Failure

PLAIN = PredictOptions("none")


@pytest.fixture(scope="module")
def twin(trained, tmp_path_factory):
    """The same run in another folder."""
    folder = tmp_path_factory.mktemp("twin") / "run"
    shutil.copytree(trained.folder, folder)
    (folder / "metrics.json").unlink(missing_ok=True)
    return folder


@pytest.fixture(scope="module")
def records(trained):
    return fashionai.read_part(fashionai.find(trained.data).test)


def submit(out, *arguments: object) -> int:
    return submit_main([*map(str, arguments), "--out-path", str(out)])


def test_no_records(trained):
    found = predict_records(load(trained.folder), [], PLAIN)
    assert found.keypoints.shape == (0, 24, 2) and not found.faults


def test_two_of_the_same_are_one(trained, twin, tmp_path):
    common = ("--data", trained.data, "--augment", "none", "--model-path", trained.folder)
    assert submit(tmp_path / "one", *common) == 0
    mine = (trained.folder / "metrics.json").read_text()
    assert submit(tmp_path / "both", *common, twin) == 0
    one, both = (tmp_path / name / "submission.csv" for name in ("one", "both"))
    assert one.read_bytes() == both.read_bytes()
    # What they score together is neither's own score.
    assert (trained.folder / "metrics.json").read_text() == mine
    assert not (twin / "metrics.json").exists()
    together = json.loads((tmp_path / "both/metrics.json").read_text())
    assert_allclose(together["ne_percent"], json.loads(mine)["ne_percent"], rtol=1e-6)
    page = (tmp_path / "both/report.html").read_text()
    assert "Network 1" in page and "Network 2" in page and str(twin) in page


def test_a_folder_of_runs_is_all_of_them(trained, twin):
    model = load(twin.parent, trained.folder, trained.folder)
    assert [each.run.folder for each in model.trained] == [twin, trained.folder]
    assert model.parameters == 2 * load(twin).parameters
    (group,) = model.groups(model.categories)
    assert group == model.trained


def test_each_category_is_predicted_by_those_that_know_it(trained, twin, records):
    content = json.loads((twin / "recipe.json").read_text())
    content["asked"]["category"] = "skirt"
    own = twin.parent.parent / "skirt_only"
    shutil.copytree(twin, own)
    (own / "recipe.json").write_text(json.dumps(content))
    model = load(own, trained.folder)
    assert model.categories == tuple(fashionai.SCHEMA.categories)
    groups = {
        tuple(each.run.folder for each in k): v for k, v in model.groups(model.categories).items()
    }
    others = [name for name in model.categories if name != "skirt"]
    assert groups == {(trained.folder,): others, (own, trained.folder): ["skirt"]}
    alone = predict_records(load(trained.folder), records, PLAIN)
    together = predict_records(model, records, PLAIN)
    assert_allclose(together.keypoints, alone.keypoints, atol=1e-3)
    assert_allclose(together.confidence, alone.confidence, atol=1e-5)
    with pytest.raises(Failure, match=r"category dress: .*does not know it") as failure:
        predict_records(load(own), [r for r in records if r.category == "dress"], PLAIN)
    assert failure.value.exit_code == Exit.USAGE


def test_a_report_of_several_lies_beside_them(trained, twin, tmp_path, capsys):
    both = tmp_path / "both"
    for name in ("a", "b"):
        shutil.copytree(twin, both / name)
        (both / name / "report.html").unlink(missing_ok=True)
    assert main(["report", str(both), "--data", str(trained.data)]) == 0
    assert capsys.readouterr().out.split()[-1] == str(both / "report.html")
    page = (both / "report.html").read_text()
    assert "quick: 2 networks" in page and "No learning curves" in page
    assert not list(both.glob("*/report.html"))


# === Shown twice ===


def test_the_box_of_what_was_found():
    points = np.array([[10.0, 20.0], [30.0, 60.0], [500.0, 500.0]])
    sure = np.array([0.5, 0.1, 0.0])  # the last one is outside the category
    margin = MARGIN * 40
    assert_allclose(_box(points, sure), [10 - margin, 20 - margin, 30 + margin, 60 + margin])
    left, top, right, bottom = _box(points[:1], sure[:1])  # a single place still has a size
    assert right - left == bottom - top == 2
    assert_array_equal(_box(points, np.zeros(3)), [0, 0, 1, 1])


def test_the_second_look_is_averaged_with_the_first(trained, records):
    model = load(trained.folder)
    first = predict_records(model, records, PLAIN)
    both = predict_records(model, records, PredictOptions("none", crop=True))
    assert both.keypoints.shape == first.keypoints.shape and not both.faults
    moved = np.linalg.norm(both.keypoints - first.keypoints, axis=-1)[first.confidence > 0]
    assert moved.max() > 0.5 and np.isfinite(both.keypoints).all()
    assert_array_equal(both.confidence > 0, first.confidence > 0)


# === Read otherwise ===


def test_how_maps_are_read_can_be_set(trained, tmp_path):
    common = ("--data", trained.data, "--augment", "none", "--model-path", trained.folder)
    assert submit(tmp_path / "a", *common) == 0
    assert submit(tmp_path / "b", *common, "--set", "model.reading.shift=8") == 0
    a, b = (pd.read_csv(tmp_path / name / "submission.csv") for name in "ab")
    x = [table["waistband_left"].str.split("_").str[0].astype(int) for table in (a, b)]
    there = x[0] > 0
    # Eight pixels of the input, 64 pixels high, are twelve of a picture 96 pixels high.
    assert there.sum() >= 4 and (x[1] - x[0])[there].between(11, 13).all()
    assert "--set model.reading.shift=8" in (tmp_path / "b/report.html").read_text()
    assert runs.load(trained.folder).recipe.system.reading.shift == 0


@pytest.mark.parametrize("setting", ["model.width=8", "training.epochs=3", "model.reading.glow=1"])
def test_what_is_trained_cannot_be_set(trained, tmp_path, capsys, setting):
    common = ("--data", trained.data, "--model-path", trained.folder)
    assert submit(tmp_path / "out", *common, "--set", setting) == Exit.USAGE
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("error: --set ") and "reading" in said[0]
