"""The report of a run: which pictures it scores, and where report.html goes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aifashion import data
from aifashion import report as html
from aifashion.api.models import Model, Trained, load
from aifashion.api.predictions import Predictions, PredictOptions, predict_records
from aifashion.api.report_data import Evaluated, collect
from aifashion.datasets import splits
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Failure
from aifashion.files import write_text
from aifashion.progress import say, warn

NAME = "report.html"
PREDICTING = PredictOptions()  # as test.py predicts unless told otherwise


@dataclass(frozen=True)
class ReportOptions:
    """What `report` was asked."""

    model: Path | None = None  # a run, or a folder of runs; None: the newest finished
    data: Path | None = None  # None: the data the run was trained on
    out: Path | None = None  # None: report.html in that folder


@dataclass(frozen=True)
class Scored:
    """What test.py has predicted, and how."""

    folder: Path  # the data folder
    predictions: Predictions
    predicting: PredictOptions
    category: str  # a category, or "all"
    anyway: bool  # the mean shapes of unreadable pictures count


def make_report(options: ReportOptions) -> Path:
    """Writes the report of a finished run and returns its path.

    Scored is what test.py predicts unless told otherwise, where its truth is known, else what the
    run held out from training.

    Raises:
        Failure: as `load` does; BAD_DATA where the data named are none, ENVIRONMENT where the
            report cannot be written.
    """
    model = load() if options.model is None else load(options.model)
    folder = options.data or Path(model.run.asked.data)
    if options.data is not None:
        model.dataset.find(folder)  # refuses what is no data
    records = _known_test(model, folder)
    if records:
        evaluated = Evaluated(
            model,
            folder,
            predict_records(model, records, PREDICTING),
            _of_test(model, folder, records),
            PREDICTING,
        )
    else:
        evaluated = _held_out(model, folder, PREDICTING)
    # Of several networks the folder that they lie in together.
    home = model.run.folder if model.is_one else model.run.folder.parent
    path = options.out or home / NAME
    write_text(path, html.render(collect(evaluated)))
    return path


def report_test(model: Model, scored: Scored, folders: Sequence[Path]) -> None:
    """Writes the report of what test.py has predicted into each folder.

    The submission is there already: what goes wrong here is a warning.
    """
    records = scored.predictions.records
    try:
        if any(record.keypoints is None for record in records):
            evaluated = _held_out(model, scored.folder, scored.predicting)
        else:
            said = _of_test(model, scored.folder, records)
            if scored.predictions.faults and scored.anyway:
                said += f" {len(scored.predictions.faults)} could not be read; mean shapes stand "
                said += "for them in the scores."
            evaluated = Evaluated(model, scored.folder, scored.predictions, said, scored.predicting)
        evaluated = replace(evaluated, category=scored.category, anyway=scored.anyway)
        page = html.render(collect(evaluated))
        for folder in folders:
            write_text(folder / NAME, page)
    except Failure as failure:
        warn(f"no report: {failure}")
        return
    say(f"Report: {folders[0] / NAME}")


# === Which pictures ===


def _of_test(model: Model, folder: Path, records: Sequence[KeypointRecord]) -> str:
    """Which pictures are scored, and whether the networks have seen them."""
    pictures = {record.path for record in records}
    if trained := _used(model, folder, pictures, "train"):
        warn(f"{trained} of the {len(pictures)} pictures were trained on: the scores say little.")
        return (
            f"Scored on {len(pictures)} pictures, {trained} of which it was trained on: that "
            "flatters it, so name other data."
        )
    if _used(model, folder, pictures, "val"):
        return (
            f"Scored on the {len(pictures)} pictures that the data hold out from training. Its "
            "best epoch was chosen with them, which flatters it a little."
        )
    return (
        f"Scored on the {len(pictures)} pictures of the test list, none of which it was trained on."
    )


def _used(model: Model, folder: Path, pictures: set[Path], side: str) -> int:
    """How many of the pictures stand on a side of a network's split.csv."""
    used = set()
    for each in model.trained:
        saved, then = each.run.folder / "split.csv", Path(each.run.asked.data)
        if saved.is_file():
            there = splits.pictures(saved, side)
            used |= {path for path in pictures if str(_moved(path, folder, then)) in there}
    return len(used)


def _known_test(model: Model, folder: Path) -> list[KeypointRecord]:
    """The test list's records of the run's categories; none where their truth is unknown."""
    try:
        part = data.test_part(folder, model.dataset)
    except Failure:  # no data there, or no test list among them
        return []
    records = model.dataset.read_part(part)
    if records[0].keypoints is None:
        return []
    return [record for record in records if record.category in model.categories]


def _held_out(model: Model, folder: Path, predicting: PredictOptions) -> Evaluated:
    """Predictions of the pictures the run validated with, or why there are none."""
    missing = "The truth of the test list is not known"
    try:
        records = _validation(model, folder)
        why = f"the run held no picture of {folder} out from training."
    except Failure as failure:
        records, why = [], str(failure)
    if not records:
        warn(f"{missing}, and {why}")
        return Evaluated(model, folder, None, f"No scores. {missing}, and {why}", predicting)
    count = len({record.path for record in records})
    say(f"{missing}: the report scores the {count} pictures held out from training.")
    said = (
        f"{missing}. Scored on the {count} pictures that the run held out from training to "
        "validate with. Its best epoch was chosen with them, which flatters it a little."
    )
    return Evaluated(model, folder, predict_records(model, records, predicting), said, predicting)


def _validation(model: Model, folder: Path) -> list[KeypointRecord]:
    """The records that every network of their category held out. The data may have been moved."""
    records = data.labelled(folder, model.dataset)
    rows = [_held_out_rows(each, records, folder) for each in model.trained]
    return [
        record
        for row, record in enumerate(records)
        if record.category in model.categories
        and all(
            row in held_out
            for each, held_out in zip(model.trained, rows, strict=True)
            if record.category in each.categories
        )
    ]


def _held_out_rows(trained: Trained, records: list[KeypointRecord], folder: Path) -> set[int]:
    """The rows of the records that a run's split.csv holds out."""
    saved = trained.run.folder / "split.csv"
    if not saved.is_file():
        return set()
    then = Path(trained.run.asked.data)
    own = [row for row, record in enumerate(records) if record.category in trained.categories]
    moved = [replace(records[row], path=_moved(records[row].path, folder, then)) for row in own]
    _, held_out = splits.read(saved, moved)
    return {own[row] for row in held_out}


def _moved(path: Path, folder: Path, then: Path) -> Path:
    return then / path.relative_to(folder) if path.is_relative_to(folder) else path
