"""A run is a folder: what was asked, what happened, what was learnt and what it scored.

recipe.json      what was asked, resolved; enough to rebuild the network
state            running, finished or failed
history.csv      one row an epoch        metrics.jsonl   the same with every score
val.log          the published lines
split.csv        which picture trained and which validated
mean_shapes.json each category's mean keypoints in training
checkpoints/     <step>/, the newest few        best/    the best epoch's weights
tensorboard/, profile/, profile.json   where they were asked for
metrics.json     the last evaluation
"""

import csv
import io
import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from aifashion import __version__
from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.resnet import ResNet
from aifashion.backbones.resnet_2018 import ResNet2018
from aifashion.backbones.senet import SENet
from aifashion.errors import Exit, Failure
from aifashion.files import plain, write_json, write_text
from aifashion.keypoints.cpn import CPN
from aifashion.keypoints.cpn_2018 import CPN2018
from aifashion.keypoints.garment_cpn import GarmentCPN
from aifashion.keypoints.hrnet_pose import HRNetPose
from aifashion.keypoints.reading import Reading
from aifashion.recipes import Augmentation, Recipe
from aifashion.training import Training

ROOT = Path("trained_models")
CONFIG_TYPES = {
    kind.__name__: kind
    for kind in (
        Recipe,
        Training,
        Augmentation,
        Reading,
        CPN,
        GarmentCPN,
        CPN2018,
        HRNetPose,
        ResNet,
        SENet,
        ResNet2018,
        HRNet,
    )
}
TOGETHER = "together.json"  # marks a folder of runs, each trained for a category of its own
RUNNING, FINISHED, FAILED = "running", "finished", "failed"
# The recipe comes last: a folder is a run, and may be cleared again, as long as it is there.
CONTENTS = (
    "state", "history.csv", "metrics.jsonl", "val.log", "split.csv", "mean_shapes.json",
    "checkpoints", "best", "metrics.json", "report.html", "tensorboard", "profile",
    "profile.json", "recipe.json",
)  # fmt: skip


# === Recipes as JSON ===


def encode_config(value):
    """A config, as JSON holds it: dataclasses become {"type": name, field: value …}."""
    if is_dataclass(value):
        encoded = {f.name: encode_config(getattr(value, f.name)) for f in fields(value)}
        return {"type": type(value).__name__, **encoded}
    if isinstance(value, tuple | list):
        return [encode_config(item) for item in value]
    return value


def decode_config(value):
    """The inverse of `encode_config`. Raises Failure (BAD_MODEL) for an unknown type or field."""
    if isinstance(value, list):
        return tuple(decode_config(item) for item in value)
    if not isinstance(value, dict):
        return value
    kind = CONFIG_TYPES.get(value.get("type"))
    known = {f.name for f in fields(kind)} if kind else set()
    unknown = set(value) - known - {"type"}
    if kind is None or unknown:
        what = f"fields {sorted(unknown)}" if kind else f"type {value.get('type')!r}"
        raise Failure(
            Exit.BAD_MODEL, f"recipe.json: unknown {what}; written by another version of AiFashion?"
        )
    return kind(**{name: decode_config(item) for name, item in value.items() if name in known})


# === The folder ===


@dataclass(frozen=True)
class Asked:
    """What a run was asked for, beside its recipe."""

    category: str  # a category, or "all"
    recipe_name: str
    data: str  # the data folder
    drawn: bool  # the data were drawn; such scores are never compared with real ones
    seed: int
    max_bad: float = 0.0
    first_epoch: int = 0  # epochs that counted as done when it began
    command: str = ""


@dataclass(frozen=True)
class Run:
    """A run's folder and what was asked of it."""

    folder: Path
    asked: Asked
    recipe: Recipe

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def best(self) -> Path:
        return self.folder / "best"

    @property
    def state(self) -> str:
        path = self.folder / "state"
        return path.read_text().strip() if path.is_file() else FAILED

    def set_state(self, state: str) -> None:
        write_text(self.folder / "state", state + "\n")


def create(folder: Path | None, asked: Asked, recipe: Recipe, overwrite: bool = False) -> Run:
    """Makes a run's folder: `folder`, or trained_models/<category>/<now>.

    Overwriting removes what a run writes; what else a person put into the folder stays.

    Raises:
        Failure: USAGE where `folder` holds a run and `overwrite` is not given, ENVIRONMENT where
            the folder cannot be made.
    """
    if folder is not None and is_run(folder) and not overwrite:
        raise Failure(
            Exit.USAGE,
            f"{folder} holds a run already; go on with --resume auto, name another folder, or give "
            "--overwrite.",
        )
    try:
        if folder is None:
            folder = make_unused(ROOT / asked.category, datetime.now())
        else:
            _clear(folder)
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(
            Exit.ENVIRONMENT, f"{error.filename}: {error.strerror}; choose --run elsewhere."
        ) from None
    run = Run(folder, asked, recipe)
    write_recipe(run)
    run.set_state(RUNNING)
    return run


def write_recipe(run: Run) -> None:
    """Writes what was asked of a run, and its resolved recipe."""
    asked, recipe = asdict(run.asked), encode_config(run.recipe)
    content = {"aifashion": __version__, "asked": asked, "recipe": recipe}
    write_json(run.folder / "recipe.json", content)


def make_unused(parent: Path, now: datetime) -> Path:
    """Makes the folder <parent>/<now>; _2, _3 … of those that start in the same second."""
    parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        name = now.strftime("%Y_%m_%d_%H_%M_%S") + (f"_{number}" if number > 1 else "")
        try:
            (parent / name).mkdir()
        except FileExistsError:
            continue
        return parent / name


def _clear(folder: Path) -> None:
    if not is_run(folder):
        return
    for name in CONTENTS:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def load(folder: Path) -> Run:
    """Reads a run's folder. Raises Failure (BAD_MODEL) naming the file that is wrong."""
    path = folder / "recipe.json"
    try:
        content = json.loads(path.read_text())
        recipe = decode_config(content["recipe"])
        if not isinstance(recipe, Recipe):
            raise ValueError(f"it holds a {type(recipe).__name__}")
        return Run(folder, Asked(**content["asked"]), recipe)
    except (FileNotFoundError, NotADirectoryError):
        raise Failure(
            Exit.BAD_MODEL, f"{folder}: not a run's folder (it has no recipe.json)."
        ) from None
    except Failure as failure:  # of decode_config, which does not know the folder
        raise Failure(failure.exit_code, f"{folder}/{failure}") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Failure(
            Exit.BAD_MODEL, f"{path}: not a recipe this version reads ({error})."
        ) from None


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's."""
    return (folder / "recipe.json").is_file()


def above(path: Path) -> Path | None:
    """The run's folder that a path is or lies in."""
    folders = (path, *path.absolute().parents)
    return next((folder for folder in folders if is_run(folder)), None)


def listed(root: Path = ROOT) -> list[Run]:
    """Every run below `root` that can be read, oldest first by its recipe's time."""
    paths = sorted(root.glob("**/recipe.json"), key=lambda path: path.stat().st_mtime_ns)
    runs = []
    for path in paths:
        try:
            runs.append(load(path.parent))
        except Failure:
            continue
    return runs


def newest_finished(root: Path = ROOT) -> Path | None:
    """The folder of the newest run that finished, or of all that were trained together with it."""
    run = next((run for run in reversed(listed(root)) if run.state == FINISHED), None)
    if run is None:
        return None
    together = run.folder.parent
    return together if (together / TOGETHER).is_file() else run.folder


def newest_unfinished(category: str, root: Path = ROOT) -> Run | None:
    """The newest run of a category that did not finish."""
    unfinished = [run for run in listed(root) if run.state != FINISHED]
    return next((run for run in reversed(unfinished) if run.asked.category == category), None)


# === Logs ===


def append_history(run: Run, row: dict) -> None:
    """Adds an epoch to history.csv and metrics.jsonl. Nested values go to the latter alone.

    history.csv keeps the columns it began with; what another version calls else stands in the
    latter. Raises Failure (ENVIRONMENT) where the disk refuses, as do all that append.
    """
    flat = {name: value for name, value in row.items() if not isinstance(value, dict)}
    path = run.folder / "history.csv"
    header = _lines(path)[:1] if path.exists() else []
    names = header[0].split(",") if header else list(flat)
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    if not header:
        writer.writeheader()
    writer.writerow(flat)
    _append(path, text.getvalue())
    _append(run.folder / "metrics.jsonl", json.dumps(plain(row, finite=True)) + "\n")


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise Failure(
            Exit.ENVIRONMENT, f"{path}: not written: {error.strerror}. Make room, then resume."
        ) from None


def append_val_log(run: Run, step: int, score: dict) -> None:
    """Adds the published lines: `<checkpoint>, Socre <fraction>`, then one a category."""
    if score["ne_percent"] is None:
        return
    checkpoint = run.checkpoints / f"{step:08d}"
    lines = [f"{checkpoint}, Socre {score['ne_percent'] / 100}"]
    lines += [f"{name}: {value / 100}" for name, value in score["per_category"].items()]
    _append(run.folder / "val.log", "\n".join(lines) + "\n")


_NUMBER = r"[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?"
_SCORE = re.compile(rf"(?P<path>.+), (?:Socre|Score) (?P<score>{_NUMBER})\s*")


def read_val_log(path: Path) -> list[tuple[str, float]]:
    """(checkpoint, fraction) of each epoch; reads "Socre" and "Score", old files too."""
    matches = map(_SCORE.fullmatch, _lines(path))
    return [(match["path"], float(match["score"])) for match in matches if match]


def cut_logs(run: Run, step: int) -> None:
    """Takes back what the logs say of epochs after `step`; a resumed run says it again.

    A last line that was cut short, when the disk was full or the power went, goes too.
    """
    for name, keep in (
        ("history.csv", _kept_rows),
        ("metrics.jsonl", _kept_metrics),
        ("val.log", _kept_scores),
    ):
        path = run.folder / name
        if path.exists():
            kept = keep(_lines(path), step)
            write_text(path, "".join(line + "\n" for line in kept))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _kept_rows(lines: list[str], step: int) -> Iterable[str]:
    header = lines[0].split(",") if lines else []
    if "step" not in header:
        return
    yield lines[0]
    for line in lines[1:]:
        row = dict(zip(header, line.split(","), strict=False))
        whole = len(row) == len(header) and row["step"].isdigit()
        if whole and int(row["step"]) <= step:
            yield line


def _kept_metrics(lines: list[str], step: int) -> Iterable[str]:
    for line in lines:
        try:
            if json.loads(line)["step"] <= step:
                yield line
        except (ValueError, KeyError, TypeError):
            continue


def _kept_scores(lines: list[str], step: int) -> Iterable[str]:
    keep = True
    for line in lines:
        match = _SCORE.fullmatch(line)
        if match:
            name = Path(match["path"]).name
            keep = not name.isdigit() or int(name) <= step
        if keep:
            yield line
