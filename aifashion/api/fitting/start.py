"""Which run is trained: a new one by its recipe and flags, or one that goes on."""

from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from aifashion import checkpoints, convert, data, datasets, locks, runs, training
from aifashion.api.imagenet import check_imagenet
from aifashion.api.models import check_start
from aifashion.api.published import read_published
from aifashion.datasets import splits
from aifashion.datasets.schema import KeypointSchema
from aifashion.errors import Exit, Failure
from aifashion.progress import say
from aifashion.recipes import ALIASES, DEFAULT_DATASET, Recipe, differences, override, resolve

# What may differ when a run goes on: it changes how long, not what is learnt until then.
HARMLESS = ("training.epochs", "training.patience", "training.save_minutes", "data", "max_bad")


@dataclass(frozen=True)
class TrainOptions:
    """What train.py was asked; None leaves the choice to the recipe, the data or the run."""

    category: str = "all"
    network: str | None = None
    data: Path | None = None
    run: Path | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    seed: int | None = None
    weights: str | None = None  # "none", "imagenet" or a file
    resume: bool = False
    resume_force: bool = False  # also where the recipe differs
    resume_model: Path | None = None  # a run to go on with, or weights to start from
    init_epoch: int | None = None  # epochs that count as done in a new run
    overwrite: bool = False
    max_bad: float | None = None
    settings: tuple[str, ...] = ()  # "model.field=value"
    deterministic: bool = False
    tensorboard: bool = False
    profile: bool = False
    command: str = ""


def find_or_create(options: TrainOptions, held: ExitStack) -> runs.Run:
    """The run that is meant, locked against other processes until `held` ends.

    Raises:
        Failure: as the fault is; USAGE where another process trains the run.
    """
    options = _read_resume_model(options)
    name = options.network and resolve(options.network).dataset
    category = datasets.named(name or DEFAULT_DATASET).SCHEMA.named(options.category)
    options = replace(options, category=category)
    return _find(options, held) or _create(options, held)


def _read_resume_model(options: TrainOptions) -> TrainOptions:
    """`--resume-model` inside one of our runs means that run; other weights start a new one.

    A run's weights start a new one too where `--run` names another folder, or with `--init-epoch`
    and without `--resume`. A new run that stopped goes on by the same command and `--resume auto`.
    """
    path = options.resume_model
    if path is None:
        return options
    if not path.exists():
        raise Failure(Exit.BAD_MODEL, f"{path}: no such file or folder. Check --resume-model.")
    folder = runs.above(path)
    only_weights = options.init_epoch is not None and not options.resume
    elsewhere = folder and options.run is not None and options.run.resolve() != folder.resolve()
    if folder is None or only_weights or elsewhere:
        options = _as_published(options, path)
        resume = options.resume and options.run is not None
        return replace(options, weights=str(path), resume=resume, resume_model=None)
    return replace(options, run=folder, resume=True, resume_model=None)


def _as_published(options: TrainOptions, path: Path) -> TrainOptions:
    """A published network's weights say which network it is, where no other one is asked for."""
    if not convert.is_foreign(path) or options.network not in (None, *ALIASES):
        return options
    found = read_published(path).published
    if found.recipe_name is None:
        return options
    category = found.category if options.category == "all" else options.category
    say(f"{path}: {found.title}, so --network {found.recipe_name} --category {category}")
    return replace(options, network=found.recipe_name, category=category)


# === A run that goes on ===


def _find(options: TrainOptions, held: ExitStack) -> runs.Run | None:
    """The run that `--resume` goes on with; None where there is none, which is said."""
    if not options.resume:
        return None
    if options.run is not None:
        run = runs.load(options.run) if runs.is_run(options.run) else None
    else:
        run = runs.newest_unfinished(options.category)
    if run is None:
        say("Nothing to resume: starting a new run.")
        return None
    held.enter_context(locks.hold(run.folder))
    say(f"Resuming {run.folder}")
    if options.init_epoch not in (None, run.asked.first_epoch):
        say("  --init-epoch is for new runs: this one goes on from its last checkpoint")
    return _changed(run, options)


def _changed(run: runs.Run, options: TrainOptions) -> runs.Run:
    """The run as the flags want it now; what differs is said, and refused unless harmless."""
    name = options.network or run.asked.recipe_name
    recipe = resolve(name) if options.network else run.recipe
    recipe = _with_flags(recipe, options, run.asked.category if options.network else None)
    given = {"seed": options.seed, "max_bad": options.max_bad, "recipe_name": options.network}
    given["data"] = None if options.data is None else str(options.data)
    category = datasets.named(recipe.dataset).SCHEMA.named(options.category)
    given["category"] = None if category == "all" else category
    asked = replace(run.asked, **{key: value for key, value in given.items() if value is not None})
    before, after = asdict(run.asked), asdict(asked)
    changes = [(key, before[key], after[key]) for key in before if before[key] != after[key]]
    changes = [change for change in changes if change[0] != "recipe_name"]
    changes += differences(run.recipe, recipe)
    for path, old, new in changes:
        say(f"  {path}: {old} -> {new}")
    serious = [path for path, *_ in changes if path not in HARMLESS]
    if serious and not options.resume_force:
        more = f" and {len(serious) - 5} more fields" if len(serious) > 5 else ""
        raise Failure(
            Exit.USAGE,
            f"{run.folder} was begun with another value of {', '.join(serious[:5])}{more}. "
            "Leave the flags out to go on as it was, start a new run with another --run, or change "
            "it all the same with --resume-force.",
        )
    changed = replace(run, asked=asked, recipe=recipe)
    if serious:
        _check_fits(changed)
    if asked.data != run.asked.data:
        _move_split(run, Path(asked.data), asked.max_bad)
    if changes:
        runs.write_recipe(changed)
    return changed


def _check_fits(run: runs.Run) -> None:
    """Refuses a change that the run's newest checkpoint does not fit, before it is written down."""
    checkpoint = checkpoints.newest(run.checkpoints)
    if checkpoint is None:
        return
    network = training.build(run.recipe.system, run.recipe.training, training.devices(most=1))
    trainer = training.Trainer(run.recipe.system, network, run.recipe.training, steps_per_epoch=1)
    try:
        trainer.restore(checkpoint.groups)
    except Failure as failure:
        raise Failure(
            Exit.USAGE,
            f"{run.folder}: with these changes its checkpoints do not fit: {failure}. Start a new "
            "run from its weights: --resume-model with --init-epoch.",
        ) from None


def _move_split(run: runs.Run, folder: Path, max_bad: float) -> None:
    """Goes on with the same pictures in another folder. Raises Failure (BAD_DATA) for others."""
    datasets.named(run.recipe.dataset).find(folder)
    saved = run.folder / "split.csv"
    if saved.exists():
        splits.move(saved, Path(run.asked.data), folder, max_bad)


# === A new run ===


def _create(options: TrainOptions, held: ExitStack) -> runs.Run:
    recipe = _recipe(options.network, options) if options.network else None
    dataset = datasets.named(recipe.dataset if recipe else DEFAULT_DATASET)
    _check_category(options.category, dataset.SCHEMA)
    first = options.init_epoch or 0
    folder = data.choose(options.data, dataset)
    dataset.find(folder)  # refuses what is no data before a run is made
    drawn = dataset.is_drawn(folder)
    name = options.network or ("quick" if drawn else "cpn_resnet101")
    recipe = recipe or _recipe(name, options)
    _check_first(first, recipe.training.epochs)
    asked = runs.Asked(
        category=options.category,
        recipe_name=name,
        data=str(folder),
        drawn=drawn,
        seed=options.seed or 0,
        max_bad=options.max_bad or 0.0,
        first_epoch=first,
        command=options.command,
    )
    check_start(recipe)
    if options.run is not None:
        held.enter_context(locks.hold(options.run))
    run = runs.create(options.run, asked, recipe, options.overwrite)
    if options.run is None:
        held.enter_context(locks.hold(run.folder))
    say(f"Training {name} on {folder}{' (drawn)' if drawn else ''} in {run.folder}")
    return run


def _recipe(name: str, options: TrainOptions) -> Recipe:
    """The recipe as asked for: the menu's, with the flags' and `--set`'s fields."""
    recipe = resolve(name)
    recipe = _with_flags(recipe, options, options.category)
    _check_keypoints(recipe, name)
    if recipe.weights == "imagenet":
        check_imagenet(recipe.system.backbone)
    return recipe


def _with_flags(recipe: Recipe, options: TrainOptions, category: str | None) -> Recipe:
    shortcuts = {
        "training.epochs": ("--epochs", options.epochs),
        "training.batch_size": ("--batch-size", options.batch_size),
        "training.learning_rate": ("--learning-rate", options.learning_rate),
        "weights": ("--weights", options.weights),
    }
    for path, (flag, value) in shortcuts.items():
        if value is None:
            continue
        try:
            recipe = override(recipe, f"{path}={value}")
        except Failure as failure:
            asked = str(failure).replace(f"--set {path}={value}", f"{flag} {value}")
            raise Failure(failure.exit_code, asked) from None
    schema = datasets.named(recipe.dataset).SCHEMA
    if category in schema.categories and recipe.own_keypoints:
        own = schema.categories[category]
        recipe = replace(recipe, system=replace(recipe.system, keypoints=own))
    for setting in options.settings:
        recipe = override(recipe, setting)
    return recipe


def _check_category(name: str, schema: KeypointSchema) -> None:
    if name not in ("all", *schema.categories):
        raise Failure(
            Exit.USAGE,
            f"--category {name}: unknown. Use all, each or one of {', '.join(schema.categories)}"
            f"{' (or its number, or its official name)' if schema.aliases else ''}.",
        )


def _check_first(first: int, epochs: int) -> None:
    if first < 0:
        raise Failure(Exit.USAGE, f"--init-epoch {first}: epochs are counted from 0.")
    if first and first >= epochs:
        raise Failure(
            Exit.USAGE,
            f"--init-epoch {first}: of {epochs} epochs none is left to train. Raise --epochs; it "
            "counts the epochs that are done too.",
        )


def _check_keypoints(recipe: Recipe, name: str) -> None:
    """Refuses a network for keypoints that its dataset does not have."""
    schema = datasets.named(recipe.dataset).SCHEMA
    keypoints = recipe.system.keypoints
    known = np.any([schema.has(category, keypoints) for category in schema.categories], axis=0)
    unknown = [name for name, is_known in zip(keypoints, known, strict=True) if not is_known]
    if unknown:
        raise Failure(
            Exit.USAGE,
            f"--network {name}: dataset {recipe.dataset} has no keypoint {unknown[0]} "
            f"({len(unknown)} unknown). Name the keypoints of its network: system.keypoints.",
        )
