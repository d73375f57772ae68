"""train.py, test.py and demo.py as a person runs them, and what they say when they refuse."""

import json
import shutil
import subprocess
import sys
import time

import cv2
import numpy as np
import pandas as pd
import pytest
from support import ROOT, TINY

from aifashion import images
from aifashion.cli import demo_main, main, train_main
from aifashion.cli import test_main as submit_main
from aifashion.datasets import fashionai
from aifashion.errors import Exit


@pytest.mark.parametrize(
    "command",
    [
        ["train.py"],
        ["test.py"],
        ["demo.py"],
        ["-m", "aifashion"],
        ["-m", "aifashion", "draw"],
        ["-m", "aifashion", "doctor"],
    ],
)
def test_help_answers_at_once(command):
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert time.perf_counter() - began < 0.3
    assert "usage:" in done.stdout


# === Train ===


def test_a_run_says_all_it_did(trained):
    recipe = json.loads((trained.folder / "recipe.json").read_text())
    assert recipe["asked"]["drawn"] is True
    assert recipe["recipe"]["system"]["size"] == 64
    assert (trained.folder / "state").read_text() == "finished\n"
    history = pd.read_csv(trained.folder / "history.csv")
    assert list(history["epoch"]) == [1, 2]
    assert np.isfinite(history["val_ne_percent"]).all()
    rows = [json.loads(line) for line in (trained.folder / "metrics.jsonl").open()]
    assert rows[1]["val"]["per_keypoint"].keys() <= set(fashionai.KEYPOINTS)
    log = (trained.folder / "val.log").read_text().splitlines()
    path, score = log[0].split(", Socre ")
    assert path == str(trained.folder / "checkpoints/00000006")  # 54 pictures in batches of 8
    assert float(score) == pytest.approx(rows[0]["val_ne_percent"] / 100)
    best = json.loads(next(trained.folder.glob("best/*/state.json")).read_text())
    assert best["score"]["ne_percent"] == history["val_ne_percent"].min()


def test_same_seed_same_weights(trained, tmp_path):
    arguments = ["--data", str(trained.data), "--run", str(tmp_path / "again"), *TINY]
    assert train_main(arguments) == Exit.DONE
    for folder in ("checkpoints/00000012", "best"):
        first = sorted((trained.folder / folder).rglob("weights.safetensors"))
        again = sorted((tmp_path / "again" / folder).rglob("weights.safetensors"))
        assert [file.read_bytes() for file in first] == [file.read_bytes() for file in again]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--network", "v5"], Exit.USAGE, "v11"),
        (["--network", "quik"], Exit.USAGE, "quick"),
        (["--category", "outerwear"], Exit.USAGE, "outwear"),
        (["--set", "model.sise=64"], Exit.USAGE, "size"),
        (["--data", "nowhere"], Exit.BAD_DATA, "no such folder"),
        (["--resume-model", "nowhere"], Exit.BAD_MODEL, "no such file"),
        (["--weights", "nowhere"], Exit.BAD_MODEL, "no such file"),
        (["--resume", "True", "--resumeModel", "old.hdf5"], Exit.BAD_MODEL, "no readable HDF5"),
    ],
)
def test_train_refuses_in_one_line(arguments, code, said, trained, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.hdf5").write_bytes(b"HDF")
    given = ["--data", str(trained.data), "--run", str(tmp_path / "run"), *arguments]
    assert train_main(given) == code
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ") and said in error and "\n" not in error
    assert not (tmp_path / "run").exists()


def test_a_run_is_never_overwritten_unasked(trained, capsys):
    assert train_main(["--data", str(trained.data), "--run", str(trained.folder)]) == Exit.USAGE
    assert "--overwrite" in capsys.readouterr().err


def test_a_missing_gpu_warns_and_goes_on(trained, capsys, tmp_path):
    arguments = ["--data", str(trained.data), "--run", str(tmp_path), "--epochs", "0", *TINY[:2]]
    assert train_main([*arguments, "--gpuID", "2", "--set", "model.size=64"]) == Exit.DONE
    assert "no such device" in capsys.readouterr().err


def test_one_garment_has_its_own_keypoints(trained, tmp_path):
    arguments = ["--data", str(trained.data), "--category", "skirt", "--run", str(tmp_path / "run")]
    assert train_main([*arguments, *TINY, "--epochs", "1"]) == Exit.DONE
    out = tmp_path / "out"
    given = [
        "--data",
        str(trained.data),
        "--model-path",
        str(tmp_path / "run"),
        "--out-path",
        str(out),
    ]
    assert submit_main(given) == Exit.USAGE  # the test list has other garments too
    assert submit_main([*given, "--category", "skirt"]) == Exit.DONE
    rows = fashionai.read(out / "submission.csv", out)
    assert {row.category for row in rows} == {"skirt"} and len(rows) == 4


def test_training_names_a_broken_picture(trained, tmp_path, capsys):
    """Its header is sound, its pixels are cut short: it turns up while training."""
    folder = tmp_path / "data"
    shutil.copytree(trained.data, folder)
    records = fashionai.read_part(fashionai.find(folder).train[0])
    broken = records[4].path
    broken.write_bytes(broken.read_bytes()[:-400])
    gone = records[5].path
    gone.unlink()
    arguments = ["--data", str(folder), *TINY, "--epochs", "1", "--run"]
    assert train_main([*arguments, str(tmp_path / "strict")]) == Exit.BAD_DATA
    error = capsys.readouterr().err
    assert str(gone) in error and "--max-bad" in error
    assert train_main([*arguments, str(tmp_path / "lax"), "--max-bad", "0.05"]) == Exit.DONE
    error = capsys.readouterr().err
    assert str(gone) in error and str(broken) in error and "1 of 60" in error


# === Test ===


def test_submission(trained, tmp_path, capsys):
    out = tmp_path / "made" / "here"
    arguments = ["--data", str(trained.data), "--modelpath", str(trained.folder)]
    assert submit_main([*arguments, "--outpath", str(out), "--augment", "True"]) == Exit.DONE
    ne, path = capsys.readouterr().out.splitlines()[-2:]
    assert path == str(out / "submission.csv")
    table = pd.read_csv(path, dtype=str)
    listed = pd.read_csv(trained.data / "test/test.csv", dtype=str)
    assert list(table.columns) == list(fashionai.COLUMNS)
    assert list(table["image_id"]) == list(listed["image_id"])
    for _, row in table.iterrows():
        own = fashionai.CATEGORIES[row["image_category"]]
        for name in fashionai.KEYPOINTS:
            assert (row[name] == "-1_-1_-1") == (name not in own)
            assert name not in own or row[name].endswith("_1")
    metrics = json.loads((out / "metrics.json").read_text())
    assert ne == f"NE {metrics['ne_percent']:.2f} %" and metrics["drawn"] is True
    truth = next((trained.data / "test").glob("*_answer_*.csv"))
    assert main(["evaluate", "fashionai", "--truth", str(truth), "--predictions", path]) == 0
    scored = json.loads(capsys.readouterr().out)
    # The csv's integers move each point by up to half a pixel.
    assert scored["ne_percent"] == pytest.approx(metrics["ne_percent"], abs=2)
    assert scored["visible"] == metrics["visible"]


@pytest.fixture
def damaged(trained, tmp_path):
    """The data with one test picture cut short and one missing."""
    folder = tmp_path / "data"
    shutil.copytree(trained.data, folder)
    rows = fashionai.read(folder / "test/test.csv", folder / "test")
    rows[0].path.write_bytes(rows[0].path.read_bytes()[:900])
    rows[1].path.unlink()
    return folder, rows


def test_unreadable_pictures_are_named_and_filled(damaged, trained, tmp_path, capsys):
    folder, rows = damaged
    arguments = ["--data", str(folder), "--model-path", str(trained.folder)]
    arguments += ["--out-path", str(tmp_path / "out")]
    assert submit_main(arguments) == Exit.BAD_DATA
    said = capsys.readouterr()
    assert "NE" not in said.out and str(tmp_path / "out/submission.csv") in said.out
    assert str(rows[0].path) in said.err and str(rows[1].path) in said.err
    written = fashionai.read(tmp_path / "out/submission.csv", folder)
    assert [row.image_id for row in written] == [row.image_id for row in rows]
    shapes = json.loads((trained.folder / "mean_shapes.json").read_text())
    # The cut picture's header still tells its size; nothing is left of the other one's.
    for row, size in ((0, images.read_shown_size(rows[0].path)), (1, (512, 512))):
        own = fashionai.SCHEMA.mask(rows[row].category)
        expected = np.array(shapes[rows[row].category])[own] * size
        np.testing.assert_allclose(written[row].keypoints[own], expected, atol=0.5)
    assert submit_main([*arguments, "--max-bad", "0.1"]) == Exit.DONE
    assert submit_main([*arguments, "--max-bad", "0.1", "--score-anyway"]) == Exit.DONE
    assert "NE" in capsys.readouterr().out


def test_a_broken_hdf5_file_is_named(tmp_path, capsys):
    file = tmp_path / "all_weights_28.hdf5"
    file.write_bytes(b"\x89HDF\r\n\x1a\n")
    assert submit_main(["--modelpath", str(file)]) == Exit.BAD_MODEL
    assert "all_weights_28.hdf5: no readable HDF5 file" in capsys.readouterr().err


# === Demo ===


def test_demo_draws_a_sheet(trained, tmp_path, capsys):
    out = tmp_path / "sheet.png"
    arguments = ["--data", str(trained.data), "--modelfile", str(trained.folder)]
    assert demo_main([*arguments, "--out-path", str(out)]) == Exit.DONE
    assert capsys.readouterr().out == f"{out}\n"
    height, width, _ = cv2.imread(str(out)).shape  # captions and a legend below the pictures
    assert width == 5 * 420 and 420 < height < 600


def test_demo_of_one_picture_and_of_a_folder(trained, tmp_path, capsys):
    record = fashionai.read(trained.data / "test/test.csv", trained.data / "test")[0]
    arguments = ["--model-file", str(trained.folder), "--out-path"]
    out = tmp_path / "one.jpg"
    assert demo_main([str(record.path), *arguments, str(out), "--category", "dress"]) == Exit.DONE
    assert max(cv2.imread(str(out)).shape) == 768
    capsys.readouterr()
    assert demo_main([str(record.path), *arguments, str(out)]) == Exit.DONE
    found, saved = capsys.readouterr().out.splitlines()
    assert found.startswith(f"{record.path}: most likely ") and saved == str(out)
    assert demo_main([str(record.path.parent), *arguments, str(tmp_path / "all")]) == Exit.DONE
    assert (tmp_path / "all/sheet.jpg").exists()
    assert len(list((tmp_path / "all").glob("*_keypoints.jpg"))) == 4
    (tmp_path / "text.jpg").write_text("<html>")
    capsys.readouterr()
    assert demo_main([str(tmp_path / "text.jpg"), *arguments, str(out)]) == Exit.BAD_DATA
    assert "text.jpg" in capsys.readouterr().err


def test_show_opens_the_saved_picture(trained, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    out = tmp_path / "sheet.jpg"
    arguments = ["--data", str(trained.data), "--model-file", str(trained.folder), "--most", "2"]
    assert demo_main([*arguments, "--out-path", str(out), "--show"]) == Exit.DONE
    assert opened == [out.as_uri()]


def test_predict_prints_one_json_a_picture(trained, tmp_path, capsys):
    record = fashionai.read(trained.data / "test/test.csv", trained.data / "test")[0]
    missing = tmp_path / "none.jpg"
    given = ["predict", str(record.path), str(missing), "--model-path", str(trained.folder)]
    assert main(given) == Exit.DONE
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert set(first["keypoints"]) == set(fashionai.CATEGORIES[first["category"]])
    assert "no such file" in second["error"]


def test_an_unknown_category_is_refused_before_the_first_picture(trained, tmp_path, capsys):
    record = fashionai.read(trained.data / "test/test.csv", trained.data / "test")[0]
    model = str(trained.folder)
    asked = [str(record.path), "--category", "hat"]
    assert main(["predict", *asked, "--model-path", model]) == Exit.USAGE
    assert demo_main([*asked, "--model-file", model, "--out-path", str(tmp_path)]) == Exit.USAGE
    for line in capsys.readouterr().err.splitlines():
        assert "category hat" in line and "Use one of blouse, " in line
