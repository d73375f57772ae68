"""The report of a run: which pictures it scores, and where report.html goes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aifashion import data
from aifashion import report as html
from aifashion.api.models import Model, load
from aifashion.api.predictions import Predictions, predict_records
from aifashion.api.report_data import Evaluated, collect
from aifashion.datasets import splits
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Failure
from aifashion.files import write_text
from aifashion.progress import say, warn

NAME = "report.html"
VIEWS = "flip"  # as test.py predicts unless told otherwise


@dataclass(frozen=True)
class ReportOptions:
    """What `report` was asked."""

    model: Path | None = None  # a run; None: the newest finished one
    data: Path | None = None  # None: the data the run was trained on
    out: Path | None = None  # None: report.html in the run's folder


@dataclass(frozen=True)
class Scored:
    """What test.py has predicted, and how."""

    folder: Path  # the data folder
    predictions: Predictions
    augment: str
    category: str  # a category, or "all"
    anyway: bool  # the mean shapes of unreadable pictures count


def make_report(options: ReportOptions) -> Path:
    """Writes the report of a finished run and returns its path.

    Scored is the test list where its truth is known, else what the run held out from training.

    Raises:
        Failure: as `load` does; BAD_DATA where the data named are none, ENVIRONMENT where the
            report cannot be written.
    """
    model = load(options.model)
    folder = options.data or Path(model.run.asked.data)
    if options.data is not None:
        model.dataset.find(folder)  # refuses what is no data
    records = _known_test(model, folder)
    if records:
        evaluated = Evaluated(
            model, folder, predict_records(model, records, VIEWS), _of_test(len(records)), VIEWS
        )
    else:
        evaluated = _held_out(model, folder, VIEWS)
    path = options.out or model.run.folder / NAME
    write_text(path, html.render(collect(evaluated)))
    return path


def report_test(model: Model, scored: Scored, folders: Sequence[Path]) -> None:
    """Writes the report of what test.py has predicted into each folder.

    The submission is there already: what goes wrong here is a warning.
    """
    records = scored.predictions.records
    try:
        if any(record.keypoints is None for record in records):
            evaluated = _held_out(model, scored.folder, scored.augment)
        else:
            said = _of_test(len(records), scored.predictions.faults, scored.anyway)
            evaluated = Evaluated(model, scored.folder, scored.predictions, said, scored.augment)
        evaluated = replace(evaluated, category=scored.category, anyway=scored.anyway)
        page = html.render(collect(evaluated))
        for folder in folders:
            write_text(folder / NAME, page)
    except Failure as failure:
        warn(f"no report: {failure}")
        return
    say(f"Report: {folders[0] / NAME}")


# === Which pictures ===


def _of_test(pictures: int, faults=(), anyway: bool = False) -> str:
    said = f"Scored on the {pictures} pictures of the test list, none of which it was trained on."
    if faults and anyway:
        return f"{said} {len(faults)} could not be read; mean shapes stand for them in the scores."
    return said


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


def _held_out(model: Model, folder: Path, views: str) -> Evaluated:
    """Predictions of the pictures the run validated with, or why there are none."""
    missing = "The truth of the test list is not known"
    try:
        records = _validation(model, folder)
        why = f"the run held no picture of {folder} out from training."
    except Failure as failure:
        records, why = [], str(failure)
    if not records:
        warn(f"{missing}, and {why}")
        return Evaluated(model, folder, None, f"No scores. {missing}, and {why}", views)
    say(f"{missing}: the report scores the {len(records)} pictures held out from training.")
    said = (
        f"{missing}. Scored on the {len(records)} pictures that the run held out from training to "
        "validate with. Its best epoch was chosen with them, which flatters it a little."
    )
    return Evaluated(model, folder, predict_records(model, records, views), said, views)


def _validation(model: Model, folder: Path) -> list[KeypointRecord]:
    """The records that split.csv holds out. The data may have been moved since, as a whole."""
    saved = model.run.folder / "split.csv"
    records = data.labelled(folder, model.dataset)
    if not saved.is_file():
        return []
    then = Path(model.run.asked.data)
    _, rows = splits.read(saved, [replace(r, path=_moved(r.path, folder, then)) for r in records])
    return [records[row] for row in rows if records[row].category in model.categories]


def _moved(path: Path, folder: Path, then: Path) -> Path:
    return then / path.relative_to(folder) if path.is_relative_to(folder) else path
