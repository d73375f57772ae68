"""What a report says beside scores: facts of the runs, commands to do it again, the machine."""

import json
import platform
import shlex
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import keras

from aifashion import __version__, runs
from aifashion.api.models import Model
from aifashion.api.predictions import VIEWS, PredictOptions
from aifashion.datasets.folders import MARK
from aifashion.doctor import machine
from aifashion.keypoints.predict import Views
from aifashion.report import History

LIBRARIES = ("keras", "tensorflow", "numpy", "pandas", "safetensors")


def facts_of(evaluated, history: History) -> list[tuple[str, str]]:
    """What is known of a run that was evaluated, or of each network of several."""
    model = evaluated.model
    own = _run_facts(model.run, history) if model.is_one else _networks(model)
    facts = [
        *own,
        ("Parameters", f"{model.parameters:,}"),
        ("Scored on", str(evaluated.folder)),
        ("Views of a picture", _views(evaluated.predicting)),
    ]
    return [(name, value) for name, value in facts if value]


def _views(predicting: PredictOptions) -> str:
    """How often a picture was looked at, in words."""
    views = VIEWS[predicting.augment]
    count = len(views.each) * (2 if views.flip else 1)
    said = "one" if count == 1 else f"{count}: {_kinds(views)}"
    return said + (", then the same of what was found in it" if predicting.crop else "")


def _kinds(views: Views) -> str:
    if len(views.each) == 1:
        return "as it is, mirrored"
    kind = "angles" if any(view.angle for view in views.each) else "scales"
    return f"{len(views.each)} {kind}{', each mirrored too' if views.flip else ''}"


def _networks(model: Model) -> list[tuple[str, str]]:
    """Of several networks: what each is, what it knows and where it lies."""
    return [
        (f"Network {number}", f"{each.run.asked.recipe_name}, {each.run.asked.category}: "
         f"{each.run.folder}")
        for number, each in enumerate(model.trained, start=1)
    ]  # fmt: skip


def _run_facts(run: runs.Run, history: History) -> list[tuple[str, str]]:
    settings, asked = run.recipe.training, run.asked
    width, height = run.recipe.system.frame
    return [
        ("Recipe", asked.recipe_name),
        ("Garments", asked.category),
        ("Trained on", asked.data + (", drawn" if asked.drawn else "")),
        ("Pictures", _split_counts(run.folder / "split.csv")),
        ("Input", f"{width} × {height} pixels"),
        ("Training", f"{len(history.epochs)} of {settings.epochs} epochs, batches of "
         f"{settings.batch_size}, {settings.optimizer}"),
        ("Start", "random weights" if run.recipe.weights == "none" else run.recipe.weights),
        ("Seed", str(asked.seed)),
        ("Time", _duration(sum(second or 0 for second in history.seconds))),
        ("Date", day(run.folder)),
        ("Run", str(run.folder)),
    ]  # fmt: skip


def day(folder: Path) -> str:
    """When a run was started: the time of its recipe."""
    return f"{datetime.fromtimestamp((folder / 'recipe.json').stat().st_mtime):%-d %B %Y}"


def _duration(seconds: float) -> str:
    if not seconds:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _split_counts(path: Path) -> str:
    if not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    held_out = sum(line.endswith(",val") for line in lines)
    trained = sum(line.endswith(",train") for line in lines)
    return f"{trained:,} to train on, {held_out:,} to validate with"


# === How to do it again ===


def commands_of(evaluated) -> list[tuple[str, str]]:
    """The commands that draw the data, train, test and make the report again."""
    trained = evaluated.model.trained
    commands = []
    model = evaluated.model
    drawing = _drawing(Path(model.run.asked.data), model.dataset.SCHEMA.name)
    if drawing:
        commands.append(("Draw the data", drawing))
    for asked in dict.fromkeys(each.run.asked.command for each in trained):
        if asked:
            door = asked.partition(" ")[0].endswith(".py")
            commands.append(("Train", ("python " if door else "") + asked))
    folders, data = [each.run.folder for each in trained], ["--data", evaluated.folder]
    test = ["python", "test.py", "--model-path", *folders, *data]
    test += ["--augment", evaluated.predicting.augment]
    test += ["--crop"] if evaluated.predicting.crop else []
    test += [part for setting in evaluated.predicting.settings for part in ("--set", setting)]
    if evaluated.category != "all":
        test += ["--category", evaluated.category]
    if evaluated.anyway:
        test += ["--score-anyway"]
    commands.append(("Test", shlex.join(map(str, test))))
    if evaluated.model.is_one:
        again = ["python", "-m", "aifashion", "report", *folders, *data]
        commands.append(("Make this report again", shlex.join(map(str, again))))
    return commands


def _drawing(folder: Path, dataset: str) -> str | None:
    """The command that draws a drawn folder again; None where it does not say how it was drawn."""
    try:
        told = json.loads((folder / MARK).read_text(encoding="utf-8"))
        values = [int(told[name]) for name in ("images", "test_images", "seed", "size")]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    flags = zip(("--images", "--test-images", "--seed", "--size"), values, strict=True)
    given = [str(part) for flag in flags for part in flag]
    return shlex.join(["python", "-m", "aifashion", "draw", dataset, str(folder), *given])


def machine_facts() -> list[tuple[str, str]]:
    """This machine and its libraries; no name of it or of anybody on it."""
    facts = [("aifashion", __version__), ("Python", platform.python_version())]
    for name in LIBRARIES:
        try:
            facts.append((name, version(name)))
        except PackageNotFoundError:
            continue
    facts.append(("OpenCV", cv2.__version__))
    processor = machine.processor()
    gpus = keras.distribution.list_devices("gpu")
    return [
        *facts,
        ("System", f"{platform.system()} {platform.machine()}"),
        ("Processor", f"{processor['name']}, {processor['cores']} threads"),
        ("GPUs", str(len(gpus)) if gpus else "none"),
    ]
