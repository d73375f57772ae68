"""Run folders: recipes there and back, making, finding, logs and what resuming takes back."""

import csv
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from aifashion import runs
from aifashion.backbones.resnet import ResNet
from aifashion.errors import Exit, Failure
from aifashion.keypoints.cpn import CPN
from aifashion.recipes import RECIPES, Augmentation, Recipe
from aifashion.training import Training

RECIPE = Recipe(
    system=CPN(size=64, keypoints=("crotch",), backbone=ResNet(blocks=(1, 1, 1, 1))),
    training=Training(epochs=2, clip_norm=None),
    augmentation=Augmentation(scale=(0.5, 2.0)),
)
ASKED = runs.Asked("skirt", "quick", "data", drawn=True, seed=3, max_bad=0.1, command="train.py")


def refusal(exit_code: Exit, call, *arguments) -> str:
    with pytest.raises(Failure) as caught:
        call(*arguments)
    assert caught.value.exit_code == exit_code and "\n" not in str(caught.value)
    return str(caught.value)


def made(folder: Path, state: str = runs.RUNNING, category: str = "all", age: int = 0) -> runs.Run:
    """A run in this state, `age` seconds old."""
    run = runs.create(folder, replace(ASKED, category=category), RECIPE)
    run.set_state(state)
    os.utime(folder / "recipe.json", (1e9 - age, 1e9 - age))
    return run


# === Recipes as JSON ===


@pytest.mark.parametrize("recipe", [*RECIPES.values(), RECIPE, replace(RECIPE, augmentation=None)])
def test_recipe_both_ways(recipe):
    text = json.dumps(runs.encode_config(recipe), allow_nan=False)
    assert runs.decode_config(json.loads(text)) == recipe


def test_encoded_recipe_names_its_types():
    encoded = runs.encode_config(RECIPE)
    assert encoded["type"] == "Recipe" and encoded["system"]["backbone"]["type"] == "ResNet"
    assert encoded["system"]["keypoints"] == ["crotch"]
    assert encoded["training"]["clip_norm"] is None
    # What is not said takes the field's default: a recipe of before the field was there.
    del encoded["training"]["clip_norm"], encoded["augmentation"]["flip"]
    assert runs.decode_config(encoded) == RECIPE


@pytest.mark.parametrize(
    ("encoded", "said"),
    [
        ({}, "unknown type None"),
        ({"type": "Recipy"}, "unknown type 'Recipy'"),
        ({"type": "ResNet", "dept": 3}, "unknown fields ['dept']"),
        ([{"type": "os.system"}], "unknown type 'os.system'"),
    ],
)
def test_unknown_types_and_fields(encoded, said):
    message = refusal(Exit.BAD_MODEL, runs.decode_config, encoded)
    assert message.startswith(f"recipe.json: {said}")


# === Making and reading ===


def test_create_and_load(tmp_path):
    run = runs.create(tmp_path / "deep/run", ASKED, RECIPE)
    assert run == runs.load(tmp_path / "deep/run") == runs.Run(tmp_path / "deep/run", ASKED, RECIPE)
    assert run.state == runs.RUNNING and runs.is_run(run.folder)
    assert (run.checkpoints, run.best) == (run.folder / "checkpoints", run.folder / "best")
    run.set_state(runs.FINISHED)
    assert runs.load(run.folder).state == runs.FINISHED
    (run.folder / "state").unlink()
    assert run.state == runs.FAILED


def test_a_run_is_not_written_over_unless_asked(tmp_path):
    run = made(tmp_path / "run")
    assert "--overwrite" in refusal(Exit.USAGE, runs.create, run.folder, ASKED, RECIPE)
    for name in ("checkpoints/00000010/weights.safetensors", "best/x", "val.log", "notes.txt"):
        (run.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / name).write_text("kept?")
    again = runs.create(run.folder, ASKED, replace(RECIPE, weights="imagenet"), overwrite=True)
    assert runs.load(run.folder) == again and again.recipe.weights == "imagenet"
    # All of the old run is gone, and nothing else.
    assert {path.name for path in run.folder.iterdir()} == {"recipe.json", "state", "notes.txt"}


def test_overwriting_leaves_a_folder_that_is_no_run_alone(tmp_path):
    (tmp_path / "photos/best").mkdir(parents=True)
    (tmp_path / "photos/best/cat.jpg").touch()
    runs.create(tmp_path / "photos", ASKED, RECIPE, overwrite=True)
    assert (tmp_path / "photos/best/cat.jpg").exists()


def test_runs_of_the_same_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "ROOT", tmp_path / "trained_models")
    folders = [runs.create(None, ASKED, RECIPE).folder for _ in range(3)]
    assert len(set(folders)) == 3 and len(runs.listed(tmp_path)) == 3
    for folder in folders:
        assert folder.parent == tmp_path / "trained_models/skirt"
        assert re.fullmatch(r"\d{4}(_\d\d){5}(_[23])?", folder.name)


def test_where_no_folder_can_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file/run"):
        message = refusal(Exit.ENVIRONMENT, runs.create, folder, ASKED, RECIPE)
        assert message.startswith(str(tmp_path / "file"))
    (tmp_path / "unmounted").symlink_to(tmp_path / "nowhere")
    monkeypatch.setattr(runs, "ROOT", tmp_path / "unmounted")
    refusal(Exit.ENVIRONMENT, runs.create, None, ASKED, RECIPE)


GOOD = {"asked": {**vars(ASKED)}, "recipe": runs.encode_config(RECIPE)}


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "{}", "[" * 100_000, "\0",
        json.dumps(GOOD | {"recipe": runs.encode_config(ResNet())}),
        json.dumps(GOOD | {"recipe": "quick"}),
        json.dumps(GOOD | {"recipe": {"type": "Recipe"}}),
        json.dumps(GOOD | {"recipe": {"type": ["Recipe"]}}),
        json.dumps(GOOD | {"recipe": {"type": "Training", "steps": 3}}),
        json.dumps(GOOD | {"recipe": {"type": "Training", "optimizer": "adagrad"}}),
        json.dumps(GOOD | {"asked": {"category": "skirt"}}),
        json.dumps(GOOD | {"asked": {**vars(ASKED), "colour": "red"}}),
    ],
)  # fmt: skip
def test_a_damaged_recipe(content, tmp_path):
    (tmp_path / "recipe.json").write_text(content)
    message = refusal(Exit.BAD_MODEL, runs.load, tmp_path)
    assert message.startswith(f"{tmp_path / 'recipe.json'}: ")
    assert runs.listed(tmp_path) == []


def test_not_a_run(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "none", tmp_path / "file"):
        assert refusal(Exit.BAD_MODEL, runs.load, path).startswith(f"{path}: not a run's folder")
        assert not runs.is_run(path)


# === Finding ===


def test_no_runs(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        assert runs.listed(root) == []
        assert runs.newest_finished(root) is runs.newest_unfinished("all", root) is None


def test_newest(tmp_path):
    # By age and not by name.
    stale = made(tmp_path / "all/zz", runs.FAILED, age=40)
    old = made(tmp_path / "all/z", runs.FINISHED, age=30)
    done = made(tmp_path / "all/y", runs.FINISHED, age=20)
    broken = made(tmp_path / "skirt/x", runs.FAILED, "skirt", age=10)
    live = made(tmp_path / "all/a", runs.RUNNING)
    assert [run.folder for run in runs.listed(tmp_path)] == [
        run.folder for run in (stale, old, done, broken, live)
    ]
    assert runs.newest_finished(tmp_path) == done.folder
    assert runs.newest_unfinished("all", tmp_path) == live
    assert runs.newest_unfinished("skirt", tmp_path) == broken
    assert runs.newest_unfinished("dress", tmp_path) is None


def test_above(tmp_path, monkeypatch):
    run = made(tmp_path / "run")
    inside = run.checkpoints / "00000010/weights.safetensors"
    for path in (run.folder, run.checkpoints, inside):
        assert runs.above(path) == run.folder
    assert runs.above(tmp_path) is None
    monkeypatch.chdir(run.folder)
    assert runs.above(Path("best")).samefile(run.folder)


# === Logs ===


def row(epoch: int, step: int, ne: float | None = 12.5) -> dict:
    score = {"ne_percent": ne, "per_category": {"skirt": 12.5, "dress": 25.0}}
    return {"epoch": epoch, "step": step, "loss": 0.5, "val_ne_percent": ne, "val": score}


@pytest.fixture
def logged(tmp_path) -> runs.Run:
    """A run of three epochs of 10 steps."""
    run = made(tmp_path / "run")
    for epoch in (1, 2, 3):
        runs.append_history(run, row(epoch, 10 * epoch))
        runs.append_val_log(run, 10 * epoch, row(epoch, 10 * epoch)["val"])
    return run


LOGS = ("history.csv", "metrics.jsonl", "val.log")


def logs(run: runs.Run) -> list[str]:
    return [(run.folder / name).read_text() for name in LOGS]


def test_what_an_epoch_writes(logged):
    history, metrics, log = logs(logged)
    assert history.splitlines()[:2] == ["epoch,step,loss,val_ne_percent", "1,10,0.5,12.5"]
    assert (history.count("\n"), metrics.count("\n")) == (4, 3)
    assert [json.loads(line) for line in metrics.splitlines()][2] == row(3, 30)
    assert log.splitlines()[3:6] == [
        f"{logged.checkpoints}/00000020, Socre 0.125", "skirt: 0.125", "dress: 0.25",
    ]  # fmt: skip


def test_history_keeps_its_columns(logged):
    # Another version logs a column more, one less, in another order: no value changes its column.
    new = {"step": 40, "swap": 0.1, "epoch": 4, "loss": 0.25}
    runs.append_history(logged, new)
    with (logged.folder / "history.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert last == {"epoch": "4", "step": "40", "loss": "0.25", "val_ne_percent": ""}
    assert json.loads((logged.folder / "metrics.jsonl").read_text().splitlines()[-1]) == new


def test_an_epoch_that_could_not_be_scored_is_not_in_the_log(tmp_path):
    run = made(tmp_path / "run")
    runs.append_val_log(run, 10, row(1, 10, ne=None)["val"])
    assert not (run.folder / "val.log").exists()


def test_a_disk_that_refuses(logged):
    (logged.folder / "metrics.jsonl").unlink()
    (logged.folder / "metrics.jsonl").mkdir()
    message = refusal(Exit.ENVIRONMENT, runs.append_history, logged, row(4, 40))
    assert message.startswith(f"{logged.folder / 'metrics.jsonl'}: not written")


@pytest.mark.parametrize("name", LOGS)
def test_a_full_disk(monkeypatch, logged, name):
    opened = Path.open

    def redirected(path, mode="r", *arguments, **named):
        full = path.name == name and mode == "a"
        return opened(Path("/dev/full") if full else path, mode, *arguments, **named)

    monkeypatch.setattr(Path, "open", redirected)
    append = runs.append_val_log if name == "val.log" else runs.append_history
    arguments = (40, row(4, 40)["val"]) if name == "val.log" else (row(4, 40),)
    message = refusal(Exit.ENVIRONMENT, append, logged, *arguments)
    log = logged.folder / name
    assert message == f"{log}: not written: No space left on device. Make room, then resume."


def test_cut_logs(logged, tmp_path):
    whole = logs(logged)
    runs.cut_logs(logged, 30)
    assert logs(logged) == whole
    runs.cut_logs(logged, 19)
    assert [text.count("\n") for text in logs(logged)] == [2, 1, 3]  # header + 1, 1, 1 + 2
    # Saying it again makes the same logs as if nothing had happened.
    for epoch in (2, 3):
        runs.append_history(logged, row(epoch, 10 * epoch))
        runs.append_val_log(logged, 10 * epoch, row(epoch, 10 * epoch)["val"])
    assert logs(logged) == whole
    runs.cut_logs(logged, 0)
    assert logs(logged) == ["epoch,step,loss,val_ne_percent\n", "", ""]
    fresh = made(tmp_path / "fresh")
    runs.cut_logs(fresh, 0)
    assert not {path.name for path in fresh.folder.iterdir()} & set(LOGS)


@pytest.mark.parametrize("left", [1, 5, 12])
def test_cut_logs_takes_a_last_line_that_was_cut_short(left, logged):
    runs.cut_logs(logged, 20)
    whole = logs(logged)
    runs.append_history(logged, row(3, 30))
    runs.append_val_log(logged, 30, {"ne_percent": 12.5, "per_category": {}})
    for name, text in zip(LOGS, whole, strict=True):
        path = logged.folder / name
        if name != "val.log":
            path.write_text(text + path.read_text()[len(text) :][:left])
    runs.cut_logs(logged, 20)
    assert logs(logged) == whole


def test_logs_that_begin_empty(tmp_path):
    run = made(tmp_path / "run")
    for name in LOGS:
        (run.folder / name).touch()
    runs.cut_logs(run, 0)
    runs.append_history(run, row(1, 10))
    assert (run.folder / "history.csv").read_text().startswith("epoch,step,loss")


# === val.log ===


def test_val_log_both_ways(logged):
    assert runs.read_val_log(logged.folder / "val.log") == [
        (f"{logged.checkpoints}/{step:08d}", 0.125) for step in (10, 20, 30)
    ]


def test_val_log_of_2018(tmp_path):
    folder = "../../trained_models/all/2018_05_20_10_11_12"
    lines = [
        f"{folder}/all_weights_8.hdf5, Socre 0.0850",
        "blouse: 0.0722",
        "skirt: 0.0591",
        f"{folder}/all_weights_9.hdf5, Socre 6.85e-02",
        "a, b/all_weights_10.hdf5, Score 1",
        f"{folder}/all_weights_11.hdf5, Socre nan",
        f"{folder}/all_weights_12.hdf5, Socre 1.2.3",
        f"{folder}/all_weights_13.hdf5, Socre ",
        f"{folder}/gr\xf6\xdfe_14.hdf5, Socre 0.5",
    ]
    expected = [
        (f"{folder}/all_weights_8.hdf5", 0.085),
        (f"{folder}/all_weights_9.hdf5", 0.0685),
        ("a, b/all_weights_10.hdf5", 1.0),
        (f"{folder}/gr\ufffd\ufffde_14.hdf5", 0.5),
    ]
    for end in ("\n", "\r\n"):
        (tmp_path / "val.log").write_bytes((end.join(lines) + end).encode("latin-1"))
        assert runs.read_val_log(tmp_path / "val.log") == expected
    (tmp_path / "val.log").write_text("")
    assert runs.read_val_log(tmp_path / "val.log") == []


def test_cut_logs_keeps_scores_of_the_2018_system(logged):
    log = logged.folder / "val.log"
    old = "../all_weights_28.hdf5, Socre 0.0685\nskirt: 0.0591\n"
    log.write_text(old + log.read_text())
    runs.cut_logs(logged, 0)
    assert log.read_text() == old
