"""Which run train.py means: a new one, or one that goes on, and what may differ then."""

import json
import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import TINY

from aifashion import checkpoints, data, runs
from aifashion.api import models
from aifashion.api.fitting.start import TrainOptions, find_or_create
from aifashion.cli import train_main
from aifashion.datasets import splits
from aifashion.errors import Exit, Failure
from aifashion.recipes import RECIPES


def ask(options: TrainOptions) -> runs.Run:
    """The run that is meant; let go of at once."""
    with ExitStack() as held:
        return find_or_create(options, held)


def refused(options: TrainOptions, code: Exit) -> str:
    with pytest.raises(Failure) as caught:
        ask(options)
    assert caught.value.exit_code == code and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def begun(sample, tmp_path) -> TrainOptions:
    """A run that has begun, of which nothing is trained yet: the options that began it."""
    options = TrainOptions(
        network="quick", data=sample, run=tmp_path / "run", epochs=2, batch_size=8, seed=3,
        settings=("model.width=16",), command="train.py as first asked",
    )  # fmt: skip
    ask(options)
    return options


def going_on(begun: TrainOptions) -> TrainOptions:
    return TrainOptions(run=begun.run, resume=True)


def stored(begun: TrainOptions) -> dict:
    return json.loads((begun.run / "recipe.json").read_text())


# === Nothing there yet ===


def test_nothing_to_resume_begins_a_new_run(sample, tmp_path, capsys):
    """So that one command serves a script that is started again and again."""
    run = tmp_path / "run"
    options = TrainOptions(network="quick", data=sample, run=run, resume=True)
    assert ask(options).folder == run
    assert "Nothing to resume: starting a new run." in capsys.readouterr().out


@pytest.mark.parametrize("left", [(), ("split.csv",), ("state", ".recipe.json.writing-1")])
def test_a_folder_that_died_before_its_recipe(left, sample, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for name in (".lock", *left):
        (run / name).write_text("half")
    options = TrainOptions(network="quick", data=sample, run=run, resume=True)
    assert runs.load(ask(options).folder).asked.data == str(sample)


def test_a_run_is_not_begun_twice(begun):
    assert "--resume auto" in refused(begun, Exit.USAGE)


# === The same run ===


def test_a_category_is_the_same_by_any_of_its_names(tmp_path):
    """Also where the command that goes on does not say of which data set it is."""
    asked = runs.Asked("trousers", "hrnet_quick", str(tmp_path), False, seed=0)
    run = runs.create(tmp_path / "run", asked, RECIPES["hrnet_quick"])
    for name in ("trousers", "8"):
        options = TrainOptions(run=run.folder, resume=True, category=name)
        assert ask(options).asked == asked
    options = TrainOptions(run=run.folder, resume=True, category="9")
    assert "another value of category" in refused(options, Exit.USAGE)


def test_the_same_command_again_changes_nothing(begun, capsys):
    before = (begun.run / "recipe.json").read_bytes()
    capsys.readouterr()
    run = ask(replace(begun, resume=True))
    assert capsys.readouterr().out == f"Resuming {begun.run}\n"
    assert (begun.run / "recipe.json").read_bytes() == before
    assert run.asked.seed == 3 and run.recipe.system.width == 16
    assert ask(going_on(begun)) == run


def test_more_epochs_are_harmless(begun, capsys):
    capsys.readouterr()
    run = ask(replace(going_on(begun), epochs=3))
    assert "\n  training.epochs: 2 -> 3\n" in capsys.readouterr().out
    assert run.recipe.training.epochs == runs.load(begun.run).recipe.training.epochs == 3


@pytest.mark.parametrize(
    ("change", "field", "values"),
    [
        ({"batch_size": 16}, "training.batch_size", "8 -> 16"),
        ({"learning_rate": 0.5}, "training.learning_rate", "0.0025 -> 0.5"),
        ({"settings": ("model.sigma=2",)}, "system.sigma", "1.0 -> 2.0"),
        ({"seed": 4}, "seed", "3 -> 4"),
        ({"weights": "imagenet"}, "weights", "none -> imagenet"),
        ({"category": "skirt"}, "category", "all -> skirt"),
    ],
)
def test_what_changes_the_run_is_refused(change, field, values, begun, capsys):
    before = stored(begun)
    said = refused(replace(going_on(begun), **change), Exit.USAGE)
    assert said.startswith(f"{begun.run} was begun with another value of {field}. Leave the flag")
    assert "--resume-force" in said and f"  {field}: {values}\n" in capsys.readouterr().out
    assert stored(begun) == before

    run = ask(replace(going_on(begun), **change, resume_force=True))
    assert stored(begun) != before and runs.load(begun.run) == run
    capsys.readouterr()
    ask(going_on(begun))
    assert capsys.readouterr().out == f"Resuming {begun.run}\n"  # it is the run's own now


def test_every_change_is_named_at_once(begun):
    said = refused(replace(going_on(begun), batch_size=4, seed=4, epochs=5), Exit.USAGE)
    assert "another value of seed, training.batch_size. " in said


def test_forced_changes_must_fit_the_checkpoints(trained, tmp_path):
    """A run is not left with a recipe that none of its checkpoints fits."""
    run = tmp_path / "run"
    shutil.copytree(trained.folder, run)
    before = (run / "recipe.json").read_bytes()
    options = TrainOptions(run=run, resume=True, resume_force=True)
    said = refused(replace(options, settings=("training.optimizer=adam",)), Exit.USAGE)
    assert "do not fit" in said and "--resume-model" in said
    assert (run / "recipe.json").read_bytes() == before
    ask(replace(options, settings=("training.learning_rate=0.5",)))
    assert runs.load(run).recipe.training.learning_rate == 0.5


# === Other data ===


@pytest.fixture
def moved(begun, sample, tmp_path) -> Path:
    """The data copied elsewhere, after the run drew its split."""
    records = data.labelled(sample)
    data.split(begun.run / "split.csv", sample, records, seed=3)
    return shutil.copytree(sample, tmp_path / "moved")


def test_the_same_pictures_elsewhere(begun, moved, sample, capsys):
    held_out = data.split(begun.run / "split.csv", sample, data.labelled(sample), seed=3)
    run = ask(replace(going_on(begun), data=moved))
    assert f"\n  data: {sample} -> {moved}\n" in capsys.readouterr().out
    assert run.asked.data == runs.load(begun.run).asked.data == str(moved)
    split = splits.read(begun.run / "split.csv", data.labelled(moved))
    assert split == held_out and len(split[1]) == 5


def test_other_pictures_are_refused(begun, moved, capsys):
    before = stored(begun), (begun.run / "split.csv").read_text()
    picture = next(moved.glob("train/Images/skirt/*"))
    picture.rename(picture.with_name("other.jpg"))
    said = refused(replace(going_on(begun), data=moved), Exit.BAD_DATA)
    assert f"1 of its 60 pictures are not in the data ({picture} is the first)" in said
    assert (stored(begun), (begun.run / "split.csv").read_text()) == before
    ask(replace(going_on(begun), data=moved, max_bad=0.02))  # one of 60 is less


def test_pictures_that_are_gone_are_refused(begun, moved, sample):
    saved, records = begun.run / "split.csv", data.labelled(sample)
    with pytest.raises(Failure, match="1 of its 60 pictures are not in the data") as caught:
        data.split(saved, sample, records[1:], seed=3)
    assert caught.value.exit_code == Exit.BAD_DATA and str(records[0].path) in str(caught.value)
    split = data.split(saved, sample, records[1:], seed=3, max_bad=0.02)
    assert sum(map(len, split)) == 59


def test_a_folder_without_data_is_refused(begun, tmp_path):
    before = stored(begun)
    refused(replace(going_on(begun), data=tmp_path / "nowhere"), Exit.BAD_DATA)
    assert stored(begun) == before


# === Weights of another run ===


@pytest.mark.parametrize("inside", [".", "checkpoints/00000012", "best"])
def test_weights_inside_a_run_mean_that_run(inside, trained, capsys):
    options = TrainOptions(resume_model=trained.folder / inside)
    assert ask(options).folder == trained.folder
    published = replace(options, resume=True, init_epoch=2)
    assert ask(published).folder == trained.folder
    assert "--init-epoch is for new runs" in capsys.readouterr().out


@pytest.mark.parametrize("with_epoch", [True, False])
def test_weights_of_a_run_start_another(with_epoch, trained, sample, tmp_path, capsys):
    options = TrainOptions(
        network="quick", data=sample, run=tmp_path / "new", resume_model=trained.folder,
        init_epoch=1 if with_epoch else None, resume=True,
    )  # fmt: skip
    run = ask(options)
    assert run.folder == tmp_path / "new" and run.recipe.weights == str(trained.folder)
    assert run.asked.first_epoch == (1 if with_epoch else 0)
    capsys.readouterr()
    assert ask(options) == run  # the same command goes on with it, and not with the other
    assert capsys.readouterr().out == f"Resuming {run.folder}\n"


@pytest.mark.parametrize(
    ("first", "epochs", "said"),
    [(-1, 2, "counted from 0"), (2, 2, "of 2 epochs none"), (5, 2, "of 2 epochs none")],
)
def test_epochs_that_cannot_be_done(first, epochs, said, sample, tmp_path):
    run = tmp_path / "run"
    options = TrainOptions(network="quick", data=sample, run=run, init_epoch=first, epochs=epochs)
    assert said in refused(options, Exit.USAGE)
    assert not run.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": -1}, "--epochs -1: Training.epochs is at least 0"),
        ({"batch_size": 0}, "--batch-size 0: Training.batch_size is at least 1"),
    ],
)
def test_numbers_that_are_too_low(change, said, sample, tmp_path):
    options = TrainOptions(network="quick", data=sample, run=tmp_path / "run", **change)
    assert refused(options, Exit.USAGE).startswith(said)


@pytest.mark.parametrize(
    "place", [".", "best", "best/*", "checkpoints", "checkpoints/00000012", "best/*/weights.*"]
)
def test_where_weights_may_lie(place, trained, tmp_path):
    (path,) = trained.folder.glob(place) if place != "." else [trained.folder]
    best = checkpoints.newest(trained.folder / "best").groups["weights"]
    if place.startswith("checkpoints"):
        best = checkpoints.newest(trained.folder / "checkpoints").groups["weights"]
    found = models.read_weights(path)
    assert found.keys() == best.keys()
    for name, array in best.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_a_checkpoint_needs_no_run_around_it(trained, sample, tmp_path):
    copy = shutil.copytree(trained.folder / "checkpoints/00000012", tmp_path / "copy")
    run = tmp_path / "run"
    options = TrainOptions(network="quick", data=sample, run=run, resume_model=copy)
    assert ask(options).recipe.weights == str(copy)
    (copy / "weights.safetensors").write_bytes(b"damaged")
    options = replace(options, run=tmp_path / "other")
    assert "weights.safetensors: damaged" in refused(options, Exit.BAD_MODEL)
    assert not options.run.exists()


# === Through the door, without a step ===

DOOR = (*TINY, "--epochs", "0")


def begin_from(weights: Path, trained, tmp_path, *more: str) -> int:
    run = str(tmp_path / "new")
    given = ["--data", str(trained.data), "--run", run, *DOOR, "--resume-model", str(weights)]
    return train_main([*given, *more])


def test_weights_of_another_network(trained, tmp_path, capsys):
    """What fits is taken; the layers that depend on the keypoints are named."""
    path = tmp_path / "weights.safetensors"
    shutil.copy(trained.folder / "checkpoints/00000012/weights.safetensors", path)
    assert begin_from(path, trained, tmp_path, "--category", "skirt") == Exit.DONE
    out = capsys.readouterr().out
    assert f"{path}: " in out and " arrays fit\n" in out and "of another shape: " in out
    assert "0 of 0 epochs are done already: nothing is left to train." in out
    given = checkpoints.read_arrays(path)
    taken = checkpoints.load(tmp_path / "new/checkpoints/00000000").groups["weights"]
    same = [name for name in taken if taken[name].shape == given[name].shape]
    assert 0 < len(same) < len(taken)
    for name in same:
        np.testing.assert_array_equal(taken[name], given[name], err_msg=name)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"foreign": np.zeros(3, "f")}, "none of its arrays fit this network"),
        ({"stem_conv/kernel": np.full((7, 7, 3, 8), np.nan, "f")}, "is not finite"),
    ],
)
def test_weights_that_do_not_serve(arrays, said, trained, tmp_path, capsys):
    saved = checkpoints.save(tmp_path, 0, {"weights": arrays}, {})
    code = begin_from(saved / "weights.safetensors", trained, tmp_path)
    assert code == Exit.BAD_MODEL
    assert said in capsys.readouterr().err.splitlines()[-1]
