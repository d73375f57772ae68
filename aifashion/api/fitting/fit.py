"""Training: a new run, or one that goes on."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras

from aifashion import checkpoints, data, datasets, files, runs, training
from aifashion.api.fitting.book import Book
from aifashion.api.fitting.extras import Extras
from aifashion.api.fitting.start import TrainOptions, find_or_create
from aifashion.api.fitting.stopping import stop_asked
from aifashion.api.fitting.validation import Validation
from aifashion.api.models import start_weights
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure
from aifashion.progress import TrainingProgress, say, warn
from pipelines import keypoints as pipeline


def train(options: TrainOptions) -> runs.Run:
    """Trains a keypoint network, from the start or from where a run stopped; returns its run.

    Raises:
        Failure: as the fault is; INTERRUPTED after SIGINT or SIGTERM, the state then saved.
    """
    if options.tensorboard:
        training.check_tensorboard()
    if options.deterministic:
        training.be_deterministic()
    workers = training.workers()
    with ExitStack() as held:
        run = find_or_create(options, held) if workers is None else _agree(options, held, workers)
        settings = run.recipe.training
        cluster = workers or training.devices(most=settings.batch_size // settings.accumulation)
        is_asked = held.enter_context(stop_asked())
        held.enter_context(_running(run, cluster))
        _fit(run, options, cluster, is_asked)
    return run


def _agree(options: TrainOptions, held: ExitStack, cluster: training.Cluster) -> runs.Run:
    """One run for all processes: the chief finds or makes it, the others wait and read it."""
    if options.run is None:
        raise Failure(
            Exit.USAGE,
            f"{cluster.workers} processes train together: name a folder that all of them see with "
            "--run DIR.",
        )
    run = find_or_create(options, held) if cluster.is_chief else None
    cluster.wait()
    return run or runs.load(options.run)


def _fit(
    run: runs.Run,
    options: TrainOptions,
    cluster: training.Cluster,
    is_asked: Callable[[], bool],
) -> None:
    """The whole of training, from the run's newest checkpoint to its last epoch."""
    keras.utils.set_random_seed(run.asked.seed)
    records, held_out = _records(run, cluster)
    system, settings = run.recipe.system, run.recipe.training
    schema = datasets.named(run.recipe.dataset).SCHEMA
    source = pipeline.source_for(system, records, schema)
    order = pipeline.Order(len(records), settings.batch_size, run.asked.seed)
    steps_per_epoch = order.steps_per_epoch
    trainer = _trainer(run, steps_per_epoch, cluster)
    order = replace(order, rows=tuple(trainer.sharing.own_rows))
    progress = _restore(run, trainer, checkpoints.newest(run.checkpoints, warn))
    validation = Validation(run, held_out, trainer)
    total, is_silent = settings.epochs * steps_per_epoch, not cluster.is_chief
    bar = TrainingProgress(total, progress.step, settings.batch_size, is_silent)
    extras = Extras(run, options, trainer, bar)
    book = Book(run, trainer, bar, extras)
    if progress.step == run.asked.first_epoch * steps_per_epoch and book.writes:
        book.save_now(progress)  # what to return to, and whether the disk takes it

    watch = training.Watch(
        on_step=_step_watcher(bar, extras, source, run.asked.max_bad),
        on_skip=partial(_tell_skipped, source),
        stop_asked=is_asked,
        save=book.save,
    )
    if _is_over(settings, progress, steps_per_epoch):
        done = progress.step // steps_per_epoch
        say(f"{done} of {settings.epochs} epochs are done already: nothing is left to train.")
    with closing(extras), bar.shown():
        while not _is_over(settings, progress, steps_per_epoch):
            steps = range(progress.step, settings.epochs * steps_per_epoch)
            batches = pipeline.training(source, order, run.recipe.augmentation, steps)
            batches = extras.begin(batches, steps)
            try:
                for epoch, losses in training.epochs(trainer, batches, progress, watch):
                    book.check_finite()
                    book.end_epoch(epoch, progress, losses, validation.score(progress))
                    if _is_over(settings, progress, steps_per_epoch):
                        break
            except training.Diverged:
                progress = _go_back(run, trainer, progress, book)
        if progress.skipped_in_a_row:
            book.save(progress)  # which the last epoch left out


def _is_over(settings: training.Training, progress: training.Progress, steps: int) -> bool:
    """Whether the last epoch is done, or an earlier one turned out to be the last."""
    return (
        progress.step >= settings.epochs * steps
        or progress.is_ended
        or training.is_out_of_patience(settings, progress)
    )


def _go_back(run: runs.Run, trainer: training.Trainer, progress: training.Progress, book: Book):
    """Takes up the last checkpoint with half the learning rate, once."""
    if progress.is_halved:
        raise Failure(
            Exit.DIVERGED,
            f"step {progress.step}: losses, gradients or weights are not finite, and stay so at "
            "half the learning rate too. Lower --learning-rate, or --set training.clip_norm=1.",
        )
    progress = _restore(run, trainer, _last_healthy(run))
    progress.is_halved, progress.skipped_in_a_row = True, 0
    warn(
        "losses, gradients or weights are not finite, and stay so: back to step "
        f"{progress.step} with half the learning rate."
    )
    book.save(progress)
    if trainer.cluster.is_chief:
        checkpoints.drop_after(run.checkpoints, progress.step)
    return progress


# === Its parts ===


def _records(
    run: runs.Run, cluster: training.Cluster
) -> tuple[list[KeypointRecord], list[KeypointRecord]]:
    """Records to train on and to validate with; the split stays in the run's folder."""
    folder, dataset = Path(run.asked.data), datasets.named(run.recipe.dataset)
    records = data.only(data.labelled(folder, dataset), run.asked.category)
    records = data.usable(records, run.asked.max_bad)
    if not cluster.is_chief:
        cluster.wait()  # for the chief's split
    asked, saved = run.asked, run.folder / "split.csv"
    split = data.split(saved, folder, records, asked.seed, dataset, asked.max_bad)
    if cluster.is_chief:
        cluster.wait()
    training_records, held_out = ([records[row] for row in rows] for rows in split)
    if not training_records:
        raise Failure(Exit.BAD_DATA, f"{folder}: no picture is left to train on.")
    if cluster.is_chief:
        trained_on, validated_with = data.counted(training_records), data.counted(held_out)
        say(f"{trained_on} to train on, {validated_with} to validate with")
        shapes = data.mean_shapes(training_records, dataset.SCHEMA)
        files.write_json(run.folder / "mean_shapes.json", shapes)
    return training_records, held_out


def _trainer(run: runs.Run, steps_per_epoch: int, cluster: training.Cluster) -> training.Trainer:
    recipe = run.recipe
    with cluster.watched():  # variables are sent by the first worker
        network = training.build(recipe.system, recipe.training, cluster)
        if not checkpoints.steps(run.checkpoints):
            start_weights(network, recipe)
        return training.Trainer(recipe.system, network, recipe.training, steps_per_epoch, cluster)


def _last_healthy(run: runs.Run) -> checkpoints.Checkpoint | None:
    """The newest checkpoint that was not saved amid steps that were not finite, else the newest."""
    for step in reversed(checkpoints.steps(run.checkpoints)):
        with suppress(Failure):  # one that is damaged
            checkpoint = checkpoints.load(run.checkpoints / f"{step:08d}")
            if not checkpoint.state["progress"]["skipped_in_a_row"]:
                return checkpoint
    return checkpoints.newest(run.checkpoints, warn)


def _restore(
    run: runs.Run, trainer: training.Trainer, checkpoint: checkpoints.Checkpoint | None
) -> training.Progress:
    """Takes up a checkpoint, if there is one; where the loop stands."""
    if checkpoint is None and checkpoints.steps(run.checkpoints):
        raise Failure(
            Exit.BAD_MODEL,
            f"{run.checkpoints}: none of its checkpoints can be read. Start a new run from the "
            f"weights in {run.best} (--resume-model with --init-epoch), or begin again with "
            "--overwrite.",
        )
    _check_same(trainer.cluster, -1 if checkpoint is None else checkpoint.step)
    if checkpoint is None:
        progress = training.Progress(step=run.asked.first_epoch * trainer.steps_per_epoch)
    else:
        trainer.restore(checkpoint.groups)
        progress = _read_state(checkpoint, trainer)
    if all(step > progress.step for step in checkpoints.steps(run.best)):
        progress.best_score = math.inf  # whatever was the best is gone
    if trainer.cluster.is_chief:
        runs.cut_logs(run, progress.step)
        # The epochs that later ones come from are trained again.
        checkpoints.drop_after(run.best, progress.step)
    return progress


def _read_state(checkpoint: checkpoints.Checkpoint, trainer: training.Trainer):
    try:
        loss_scale = training.LossScale(**checkpoint.state["loss_scale"])
        progress = training.Progress(**checkpoint.state["progress"])
        steps_per_epoch = checkpoint.state["steps_per_epoch"]
    except (KeyError, TypeError) as error:
        raise Failure(
            Exit.BAD_MODEL,
            f"{checkpoint.path}: its state is of another version of AiFashion ({error}). Start a "
            "new run from its weights: --resume-model with --init-epoch.",
        ) from None
    # --resume-force may have changed the precision; then the first scale of the new one holds.
    if (loss_scale.scale == 1.0) == (trainer.loss_scale.scale == 1.0):
        trainer.loss_scale = loss_scale
    if steps_per_epoch != trainer.steps_per_epoch:
        warn(
            f"an epoch has {trainer.steps_per_epoch} steps now, not {steps_per_epoch}: "
            f"{progress.step} steps count as {progress.step // trainer.steps_per_epoch} epochs."
        )
    return progress


def _check_same(cluster: training.Cluster, step: int) -> None:
    """Refuses to train where processes see different checkpoints."""
    if cluster.sum(step) != cluster.workers * step:
        raise Failure(
            Exit.ENVIRONMENT,
            f"worker {cluster.worker} finds the checkpoint of step {step}, others another one: all "
            "workers must see the same --run folder.",
        )


def _step_watcher(
    bar: TrainingProgress, extras: Extras, source: pipeline.Source, max_bad: float
) -> Callable:
    """Shows each step, and tells of unreadable pictures when they turn up, once."""
    told = 0

    def on_step(progress, outcome: training.Outcome, timing: training.Timing) -> None:
        nonlocal told
        bar.step(progress.step, outcome.losses, timing.whole, timing.waiting)
        extras.on_step(progress.step, outcome, timing)
        if len(source.faults) > told:
            told = len(source.faults)
            data.tell_faults(list(source.faults.values()), len(source.records), max_bad)

    return on_step


def _tell_skipped(source: pipeline.Source, progress, outcome: training.Outcome, batch) -> None:
    """Names what was not finite and the batch's files; one of them may be the reason."""
    bad = [name for name, value in outcome.losses.items() if not abs(value) < float("inf")]
    paths = [str(source.records[record].path) for record in batch[0]["record"].numpy()]
    more = f" and {len(paths) - 8} more" if len(paths) > 8 else ""
    warn(
        f"step {progress.step}: {', '.join(bad) or 'a gradient'} not finite; no update. "
        f"The batch: {', '.join(paths[:8])}{more}"
    )


@contextmanager
def _running(run: runs.Run, cluster: training.Cluster) -> Iterator[None]:
    """Marks the run running, then finished or failed."""

    def mark(state: str) -> None:
        if cluster.is_chief:
            run.set_state(state)

    mark(runs.RUNNING)
    try:
        yield
    except BaseException:
        with suppress(Failure):  # of the disk; the reason above matters more
            mark(runs.FAILED)
        raise
    mark(runs.FINISHED)
