"""One network a garment: which trainings are asked for, in which folders, and what goes on."""

import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from aifashion import runs
from aifashion.api.fitting import each
from aifashion.api.fitting.each import train_each
from aifashion.api.fitting.start import TrainOptions
from aifashion.datasets.fashionai import CATEGORIES
from aifashion.errors import Exit, Failure
from aifashion.recipes import RECIPES

ORDER = ["blouse", "outwear", "trousers", "skirt", "dress"]
OPTIONS = TrainOptions(
    category="each", network="quick", epochs=3, seed=5, command="train.py as asked"
)


class Trainings:
    """Stands for `train`: writes down what it was asked, and makes a finished run of it."""

    def __init__(self):
        self.asked = []
        self.freed = []
        self.stop_at = None  # a category whose training is interrupted

    def __call__(self, options: TrainOptions) -> None:
        self.asked.append(options)
        category = options.category
        wanted = runs.Asked(category, "quick", "data", drawn=True, seed=0)
        run = runs.create(options.run, wanted, RECIPES["quick"], overwrite=True)
        if category == self.stop_at:
            raise KeyboardInterrupt
        run.set_state(runs.FINISHED)

    @property
    def categories(self) -> list[str]:
        return [options.category for options in self.asked]


@pytest.fixture(name="trainings")
def _trainings(monkeypatch, tmp_path) -> Trainings:
    monkeypatch.chdir(tmp_path)
    for name in ("TF_CONFIG", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    recorder = Trainings()
    monkeypatch.setattr(each, "train", recorder)
    # Half a second each, of what the whole process holds.
    monkeypatch.setattr(each.keras.utils, "clear_session", lambda: recorder.freed.append("graph"))
    monkeypatch.setattr(each, "gc", SimpleNamespace(collect=lambda: recorder.freed.append("rest")))
    return recorder


def refused(options: TrainOptions, code: Exit) -> str:
    with pytest.raises(Failure) as caught:
        train_each(options)
    assert caught.value.exit_code == code and "\n" not in str(caught.value)
    return str(caught.value)


def interrupted(trainings: Trainings, category: str, options: TrainOptions = OPTIONS) -> None:
    """Stops in the middle of a category's training; then the recorder is empty again."""
    trainings.stop_at = category
    with pytest.raises(KeyboardInterrupt):
        train_each(options)
    trainings.stop_at, trainings.asked = None, []


# === Trainings ===


def test_a_training_for_each_category(trainings, capsys):
    folder = train_each(OPTIONS)
    assert list(CATEGORIES) == ORDER
    assert trainings.asked == [replace(OPTIONS, category=name, run=folder / name) for name in ORDER]
    assert folder.parent == Path("trained_models/each")
    assert trainings.freed == ["graph", "rest"] * 5
    said = capsys.readouterr().out.splitlines()
    assert said == [f"{name}: {n} of 5 networks" for n, name in enumerate(ORDER, start=1)]


def test_the_folder_is_marked_and_found(trainings):
    folder = train_each(replace(OPTIONS, run=Path("mine/five")))
    assert folder == Path("mine/five")
    told = json.loads((folder / "together.json").read_text())
    assert told == {"categories": ORDER, "command": "train.py as asked"}
    assert runs.newest_finished(Path("mine")) == folder  # of them all, not the dress's
    assert [run.folder.name for run in runs.listed(folder)] == ORDER


def test_the_newest_of_all_runs_is_looked_for(trainings):
    """One trained alone after the five is the newest; the five are where one of them is."""
    folder = train_each(OPTIONS)
    alone = Path("trained_models/all/2026_01_01_00_00_00")
    trainings(replace(OPTIONS, category="all", run=alone))
    newest = max(path.stat().st_mtime for path in folder.glob("*/recipe.json"))
    for later, expected in ((10, alone), (-10, folder)):
        os.utime(alone / "recipe.json", (newest + later, newest + later))
        assert runs.newest_finished() == expected


def test_the_first_failure_ends_it(trainings, monkeypatch):
    def fails(options: TrainOptions) -> None:
        trainings.asked.append(options)
        if options.category == "outwear":
            raise Failure(Exit.DIVERGED, "not finite")

    monkeypatch.setattr(each, "train", fails)
    assert refused(OPTIONS, Exit.DIVERGED) == "not finite"
    assert trainings.categories == ["blouse", "outwear"]


# === Going on ===


def test_resume_goes_on_with_what_is_left(trainings, capsys):
    options = replace(OPTIONS, run=Path("five"))
    interrupted(trainings, "trousers", options)
    capsys.readouterr()
    assert train_each(replace(options, resume=True)) == Path("five")
    assert trainings.categories == ["trousers", "skirt", "dress"]
    assert all(options.resume for options in trainings.asked)
    said = capsys.readouterr().out
    assert "five/blouse is finished." in said and "five/outwear is finished." in said
    assert "five/trousers is finished." not in said


def test_resume_of_what_is_finished_trains_nothing(trainings):
    options = replace(OPTIONS, run=Path("five"))
    train_each(options)
    trainings.asked = []
    train_each(replace(options, resume=True))
    assert trainings.asked == []


def test_what_the_data_lack_gets_no_network(trainings, monkeypatch, capsys):
    there = [SimpleNamespace(category=name) for name in ("dress", "skirt", "dress")]
    monkeypatch.setattr(each.data, "labelled", lambda folder, dataset: there)
    folder = train_each(replace(OPTIONS, data=Path("some")))
    assert trainings.categories == ["skirt", "dress"]
    assert json.loads((folder / runs.TOGETHER).read_text())["categories"] == ["skirt", "dress"]
    assert "some: no record of blouse, outwear, trousers" in capsys.readouterr().err


def test_without_resume_every_network_is_asked_for_again(trainings):
    """`train` itself refuses a folder that holds a run, or replaces it with --overwrite."""
    options = replace(OPTIONS, run=Path("five"))
    train_each(options)
    train_each(replace(options, overwrite=True))
    assert trainings.categories == [*ORDER, *ORDER]


def test_resume_takes_the_newest_that_is_not_finished(trainings, monkeypatch):
    names = iter(["2026_01_01_00_00_00", "2026_01_02_00_00_00", "2026_01_03_00_00_00", "2027"])

    def named(parent: Path, _) -> Path:
        folder = parent / next(names)
        folder.mkdir(parents=True)
        return folder

    monkeypatch.setattr(runs, "make_unused", named)
    interrupted(trainings, "blouse")
    interrupted(trainings, "skirt")
    train_each(OPTIONS)
    trainings.asked = []

    again = replace(OPTIONS, resume=True)
    assert train_each(again).name == "2026_01_02_00_00_00"
    assert trainings.categories == ["skirt", "dress"]
    trainings.asked = []
    assert train_each(again).name == "2026_01_01_00_00_00"
    assert trainings.categories == ORDER


def test_nothing_to_resume_begins_anew(trainings, capsys):
    assert train_each(replace(OPTIONS, resume=True)).parent == Path("trained_models/each")
    assert trainings.categories == ORDER
    assert "Nothing to resume: starting anew." in capsys.readouterr().out
    train_each(replace(OPTIONS, resume=True))
    assert trainings.categories == [*ORDER, *ORDER]  # the first five are finished
    assert len(list(Path("trained_models/each").iterdir())) == 2


# === Refused ===


def test_resume_model_is_refused(trainings):
    said = refused(replace(OPTIONS, resume_model=Path("all_weights_8.hdf5")), Exit.USAGE)
    assert said.startswith("--resume-model is one network's")
    assert trainings.asked == [] and list(Path().iterdir()) == []


def test_several_processes_are_refused(trainings, monkeypatch):
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    assert "trains in one process" in refused(OPTIONS, Exit.USAGE)
    assert trainings.asked == [] and list(Path().iterdir()) == []
    cluster["cluster"]["worker"].pop()
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    train_each(OPTIONS)  # alone after all
    assert trainings.categories == ORDER


def test_an_unknown_network_is_refused_first(trainings):
    assert "--network quik" in refused(replace(OPTIONS, network="quik"), Exit.USAGE)
    assert list(Path().iterdir()) == []


def test_the_folder_of_one_run_is_refused(trainings):
    trainings(replace(OPTIONS, category="all", run=Path("mine")))
    said = refused(replace(OPTIONS, run=Path("mine")), Exit.USAGE)
    assert said.startswith("mine is the run of one network")
    assert not Path("mine/together.json").exists()


@pytest.mark.parametrize("options", [OPTIONS, replace(OPTIONS, run=Path("trained_models/mine"))])
def test_a_folder_that_cannot_be_made(options, trainings):
    Path("trained_models").write_text("a file is in the way")
    said = refused(options, Exit.ENVIRONMENT)
    assert said.startswith("trained_models") and said.endswith("choose --run elsewhere.")
    assert trainings.asked == []
