"""One network a garment, trained one after the other: `--category each`."""

import gc
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import keras

from aifashion import data, datasets, files, runs, training
from aifashion.api.fitting.fit import train
from aifashion.api.fitting.start import TrainOptions
from aifashion.errors import Exit, Failure
from aifashion.progress import say, warn
from aifashion.recipes import DEFAULT_DATASET, resolve

EACH = "each"  # as a category: every one of them, in a network of its own


def train_each(options: TrainOptions) -> Path:
    """Trains a network for each category; returns the folder of their runs.

    The folder is `--run`, or trained_models/each/<now>; a run lies in it by its category's name.
    With `resume` what is finished stays and what stopped goes on.

    Raises:
        Failure: as `train` does, for the first network that fails; USAGE where `--resume-model` is
            given or several processes train together.
    """
    if options.resume_model is not None:
        raise Failure(
            Exit.USAGE, "--resume-model is one network's; name its garment with --category."
        )
    if training.is_one_of_several():
        raise Failure(
            Exit.USAGE,
            "--category each trains in one process. Start a job for each garment instead: "
            "--category blouse, …",
        )
    categories = _categories(options)
    folder = _folder(options, categories)
    files.write_json(folder / runs.TOGETHER, {"categories": categories, "command": options.command})
    for number, category in enumerate(categories, start=1):
        say(f"{category}: {number} of {len(categories)} networks")
        own = folder / category
        if options.resume and _is_finished(own):
            say(f"{own} is finished.")
            continue
        train(replace(options, category=category, run=own))
        keras.utils.clear_session()
        gc.collect()  # a network is a web of objects: else the next one comes on top of it
    return folder


def _categories(options: TrainOptions) -> tuple[str, ...]:
    """Those of the data set; of a data folder that is named, those that have records there."""
    name = resolve(options.network).dataset if options.network else DEFAULT_DATASET
    dataset = datasets.named(name)
    categories = tuple(dataset.SCHEMA.categories)
    if options.data is None:
        return categories
    there = {record.category for record in data.labelled(options.data, dataset)}
    if lacking := [category for category in categories if category not in there]:
        warn(f"{options.data}: no record of {', '.join(lacking)}: no network for that.")
    return tuple(category for category in categories if category in there)


def _folder(options: TrainOptions, categories: tuple[str, ...]) -> Path:
    """Where the runs lie, or shall."""
    if options.run is not None:
        if runs.is_run(options.run):
            raise Failure(
                Exit.USAGE,
                f"{options.run} is the run of one network; --category each wants a folder for "
                "several: name another with --run.",
            )
        return _made(options.run)
    if options.resume:
        for told in sorted((runs.ROOT / EACH).glob(f"*/{runs.TOGETHER}"), reverse=True):
            if not all(_is_finished(told.parent / category) for category in categories):
                return told.parent
        say("Nothing to resume: starting anew.")
    return _made(None)


def _made(folder: Path | None) -> Path:
    try:
        if folder is None:
            return runs.make_unused(runs.ROOT / EACH, datetime.now())
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(
            Exit.ENVIRONMENT, f"{error.filename}: {error.strerror}; choose --run elsewhere."
        ) from None
    return folder


def _is_finished(folder: Path) -> bool:
    return runs.is_run(folder) and runs.load(folder).state == runs.FINISHED
