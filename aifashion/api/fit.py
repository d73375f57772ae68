"""Training: a new run, or one that goes on."""

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from aifashion import checkpoints, data, datasets, runs, training
from aifashion.api.models import check_start, start_weights
from aifashion.datasets.schema import KeypointRecord, KeypointSchema
from aifashion.errors import Exit, Failure
from aifashion.keypoints import metrics
from aifashion.keypoints.predict import PLAIN, Predictor
from aifashion.progress import TrainingProgress, say
from aifashion.recipes import DEFAULT_DATASET, Recipe, override, resolve
from pipelines import keypoints as pipeline


@dataclass(frozen=True)
class TrainOptions:
    """What train.py was asked; None leaves the choice to the recipe and the data."""

    category: str = "all"
    network: str | None = None
    data: Path | None = None
    run: Path | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    seed: int = 0
    weights: str | None = None  # "none", "imagenet" or a file
    resume: bool = False
    resume_model: Path | None = None  # a run to go on with, or weights to start from
    overwrite: bool = False
    max_bad: float = 0.0
    settings: tuple[str, ...] = ()  # "model.field=value"
    command: str = ""


def train(options: TrainOptions) -> runs.Run:
    """Trains a keypoint network, from the start or from where a run stopped; returns its run.

    Raises:
        Failure: as the fault is; INTERRUPTED after SIGINT or SIGTERM, the state then saved.
    """
    options = _read_resume_model(options)
    run = _find_run(options) or _new_run(options)
    with _running(run) as stop_asked:
        _fit(run, stop_asked)
    return run


def _fit(run: runs.Run, stop_asked: Callable[[], bool]) -> None:
    """The whole of training, from the run's newest checkpoint to its last epoch."""
    keras.utils.set_random_seed(run.asked.seed)
    records, held_out = _records(run)
    system, settings = run.recipe.system, run.recipe.training
    schema = datasets.named(run.recipe.dataset).SCHEMA
    source = pipeline.Source(records, schema, system.keypoints, system.size)
    order = pipeline.Order(len(records), settings.batch_size, run.asked.seed)
    trainer = _trainer(run, order.steps_per_epoch)
    progress, best = _restore(run, trainer)
    steps = range(progress.step, settings.epochs * order.steps_per_epoch)
    batches = pipeline.training(source, order, run.recipe.augmentation, steps)
    validate = _validator(run, held_out, trainer)

    bar = TrainingProgress(steps.stop, steps.start, settings.batch_size)
    with bar.shown():
        book = Book(run, trainer, bar, best)
        on_step = _step_watcher(bar, source, run.asked.max_bad)
        watch = training.Watch(on_step, stop_asked, book.save)
        epochs = training.epochs(trainer, batches, progress, order.steps_per_epoch, watch)
        for epoch, losses in epochs:
            book.end_epoch(epoch, progress, losses, validate)


# === Which run ===


def _read_resume_model(options: TrainOptions) -> TrainOptions:
    """`--resume-model` inside one of our runs means that run; other weights start a new one."""
    path = options.resume_model
    if path is None:
        return options
    if not path.exists():
        raise Failure(Exit.BAD_MODEL, f"{path}: no such file or folder. Check --resume-model.")
    folder = runs.above(path)
    if folder is None:
        return replace(options, weights=str(path), resume=False, resume_model=None)
    return replace(options, run=folder, resume=True, resume_model=None)


def _find_run(options: TrainOptions) -> runs.Run | None:
    """The run that `--resume` goes on with; None where there is none, which is said."""
    if not options.resume:
        return None
    if options.run is not None:
        run = runs.load(options.run) if (options.run / "recipe.json").exists() else None
    else:
        run = runs.newest_unfinished(options.category)
    if run is None:
        say("Nothing to resume: starting a new run.")
        return None
    if options.epochs is not None:
        longer = replace(run.recipe.training, epochs=options.epochs)
        run = replace(run, recipe=replace(run.recipe, training=longer))
    say(f"Resuming {run.folder}")
    return run


def _new_run(options: TrainOptions) -> runs.Run:
    recipe = _recipe(options.network, options) if options.network else None
    dataset = datasets.named(recipe.dataset if recipe else DEFAULT_DATASET)
    _check_category(options.category, dataset.SCHEMA)
    folder = data.choose(options.data, dataset)
    dataset.find(folder)  # refuses what is no data before a run is made
    drawn = dataset.is_drawn(folder)
    name = options.network or ("quick" if drawn else "cpn_resnet101")
    recipe = recipe or _recipe(name, options)
    asked = runs.Asked(
        category=options.category,
        recipe_name=name,
        data=str(folder),
        drawn=drawn,
        seed=options.seed,
        max_bad=options.max_bad,
        command=options.command,
    )
    check_start(recipe)
    run = runs.create(options.run, asked, recipe, options.overwrite)
    say(f"Training {name} on {folder}{' (drawn)' if drawn else ''} in {run.folder}")
    return run


def _recipe(name: str, options: TrainOptions) -> Recipe:
    """The recipe as asked for: the menu's, with the flags' and `--set`'s fields."""
    recipe = resolve(name)
    shortcuts = {
        "training.epochs": options.epochs,
        "training.batch_size": options.batch_size,
        "training.learning_rate": options.learning_rate,
        "weights": options.weights,
    }
    for path, value in shortcuts.items():
        if value is not None:
            recipe = override(recipe, f"{path}={value}")
    schema = datasets.named(recipe.dataset).SCHEMA
    if options.category in schema.categories:
        own = schema.categories[options.category]
        recipe = replace(recipe, system=replace(recipe.system, keypoints=own))
    for setting in options.settings:
        recipe = override(recipe, setting)
    _check_keypoints(recipe, name)
    return recipe


def _check_category(name: str, schema: KeypointSchema) -> None:
    if name not in ("all", *schema.categories):
        raise Failure(
            Exit.USAGE,
            f"--category {name}: unknown. Use all or one of {', '.join(schema.categories)}.",
        )


def _check_keypoints(recipe: Recipe, name: str) -> None:
    """Refuses a network for keypoints that its dataset does not have."""
    schema = datasets.named(recipe.dataset).SCHEMA
    unknown = [k for k in recipe.system.keypoints if k not in schema.keypoints]
    if unknown:
        raise Failure(
            Exit.USAGE,
            f"--network {name}: dataset {recipe.dataset} has no keypoint {unknown[0]} "
            f"({len(unknown)} unknown). Name the keypoints of its network: system.keypoints.",
        )


# === Its parts ===


def _records(run: runs.Run) -> tuple[list[KeypointRecord], list[KeypointRecord]]:
    """Records to train on and to validate with; the split stays in the run's folder."""
    folder, dataset = Path(run.asked.data), datasets.named(run.recipe.dataset)
    records = data.only(data.labelled(folder, dataset), run.asked.category)
    records = data.usable(records, run.asked.max_bad)
    split = data.split(run.folder / "split.csv", folder, records, run.asked.seed, dataset)
    training_records, held_out = ([records[row] for row in rows] for rows in split)
    if not training_records:
        raise Failure(Exit.BAD_DATA, f"{folder}: no picture is left to train on.")
    say(f"{len(training_records)} pictures to train on, {len(held_out)} to validate with")
    shapes = data.mean_shapes(training_records, dataset.SCHEMA)
    checkpoints.write_json(run.folder / "mean_shapes.json", shapes)
    return training_records, held_out


def _trainer(run: runs.Run, steps_per_epoch: int) -> training.Trainer:
    recipe = run.recipe
    network = recipe.system.build()
    if not checkpoints.steps(run.checkpoints):
        start_weights(network, recipe)
    return training.Trainer(recipe.system, network, recipe.training, steps_per_epoch)


def _restore(run: runs.Run, trainer: training.Trainer) -> tuple[training.Progress, float]:
    """Takes up the newest checkpoint: where the loop stands and the best score so far."""
    checkpoint = checkpoints.newest(run.checkpoints)
    if checkpoint is None:
        runs.cut_logs(run, 0)
        return training.Progress(), np.inf
    trainer.restore(checkpoint.groups)
    runs.cut_logs(run, checkpoint.step)
    ahead = checkpoints.newest(run.best)
    if ahead is not None and ahead.step > checkpoint.step:
        shutil.rmtree(ahead.path)  # the epoch it comes from is trained again
    state = checkpoint.state
    return training.Progress(checkpoint.step, state["sums"]), state["best_ne_percent"]


def _step_watcher(bar: TrainingProgress, source: pipeline.Source, max_bad: float) -> Callable:
    """Shows each step, and tells of unreadable pictures when they turn up, once."""
    told = 0

    def on_step(step: int, losses: dict, seconds: float, waited: float) -> None:
        nonlocal told
        bar.step(step, losses, seconds, waited)
        if len(source.faults) > told:
            told = len(source.faults)
            data.tell_faults(list(source.faults.values()), len(source.records), max_bad)

    return on_step


Validate = Callable[[], dict]


def _validator(run: runs.Run, held_out: list[KeypointRecord], trainer) -> Validate:
    """A function that scores the averaged weights on the pictures held out.

    Fewer than ten pictures of a garment leave none of it to hold out.
    """
    if not held_out:
        return lambda: {"ne_percent": None, "per_category": {}, "swap_rate": None, "skipped": 0}
    system, schema = run.recipe.system, datasets.named(run.recipe.dataset).SCHEMA
    source = pipeline.Source(held_out, schema, system.keypoints, system.size)
    predictor = Predictor(system, trainer.network, PLAIN)
    truth = metrics.truth_of(held_out)

    def validate() -> dict:
        predictions = np.full((len(held_out), len(schema.keypoints), 2), np.nan)
        index = schema.indices(system.keypoints)
        batches = pipeline.evaluation(source, run.recipe.training.batch_size)
        with trainer.averaged():
            for prediction in predictor(batches):
                predictions[prediction.record, index] = prediction.keypoints
        data.tell_faults(list(source.faults.values()), len(held_out), run.asked.max_bad)
        predictions[list(source.faults)] = np.nan
        return metrics.evaluate(truth, predictions, schema)

    return validate


@contextmanager
def _running(run: runs.Run) -> Iterator[Callable[[], bool]]:
    """Marks the run running, then finished or failed; yields whether a stop was asked for.

    The first SIGINT or SIGTERM asks; the second ends the process at once.
    """
    asked = []

    def ask(number, frame):
        asked.append(number)
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    run.set_state(runs.RUNNING)
    try:
        yield lambda: bool(asked)
    except BaseException:
        run.set_state(runs.FAILED)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    run.set_state(runs.FINISHED)


# === What is written down ===


def _percent(ne: float | None) -> str:
    return "unknown" if ne is None else f"{ne:.2f} %"


class Book:
    """Keeps a run's records: scores, logs, checkpoints and the best weights."""

    def __init__(self, run: runs.Run, trainer, bar: TrainingProgress, best: float):
        self.run, self.trainer, self.bar, self.best = run, trainer, bar, best
        self.began = time.perf_counter()

    def end_epoch(self, epoch: int, progress, losses: dict, validate: Validate) -> None:
        """Validates, logs and saves; the logs come first, since resuming cuts them back."""
        seconds = time.perf_counter() - self.began
        score = validate()
        ne = score["ne_percent"]
        row = {
            "epoch": epoch + 1,
            "step": progress.step,
            "learning_rate": self.trainer.learning_rate,
            "loss": sum(losses.values()),
            **losses,
            "val_ne_percent": score["ne_percent"],
            "val_swap_rate": score["swap_rate"],
            "val_skipped": score["skipped"],
            "seconds": round(seconds, 2),
            "waiting_share": round(self.bar.waiting_share, 3),
            "val": score,
        }
        runs.append_history(self.run, row)
        runs.append_val_log(self.run, progress.step, score)
        mark = ""
        if ne is not None and ne < self.best:
            self.best, mark = ne, "  best so far"
            self._save_best(progress.step, score)
        self.save(progress)
        self.bar.line(
            f"epoch {epoch + 1}: loss {row['loss']:.3f}  val NE {_percent(ne)}  "
            f"{seconds:.0f} s{mark}"
        )
        self.began = time.perf_counter()

    def save(self, progress: training.Progress) -> None:
        """Writes a checkpoint of everything."""
        state = {"sums": progress.sums, "best_ne_percent": self.best}
        checkpoints.save(self.run.checkpoints, progress.step, self.trainer.arrays(), state)

    def _save_best(self, step: int, score: dict) -> None:
        with self.trainer.averaged() as network:
            groups = {"weights": training.weights_of(network)}
        checkpoints.save(self.run.best, step, groups, {"score": score}, keep=1)
