"""Testing: predictions of a whole test list, the submission and its score."""

from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from aifashion import data
from aifashion.api.models import Model, load
from aifashion.api.predictions import PredictOptions, predict_records
from aifashion.api.report import Scored, report_test
from aifashion.datasets.schema import (
    ABSENT,
    ABSENT_POINT,
    VISIBLE,
    KeypointRecord,
    KeypointSchema,
)
from aifashion.errors import Exit, Failure
from aifashion.files import write_json
from aifashion.keypoints import metrics
from aifashion.progress import say, warn


@dataclass(frozen=True)
class TestOptions:
    """What test.py was asked."""

    __test__ = False  # not a class of tests, whatever its name

    data: Path | None = None
    models: tuple[Path, ...] = ()  # runs or folders of runs; none: the newest finished run
    out: Path | None = None
    category: str = "all"
    max_bad: float = 0.0
    score_anyway: bool = False
    predicting: PredictOptions = field(default_factory=PredictOptions)


@dataclass(frozen=True)
class TestResult:
    """What test.py made."""

    __test__ = False

    submission: Path
    score: dict | None  # None where the test's truth is unknown or the score was withheld
    faults: dict[str, str]  # image id -> why it could not be read
    pictures: int


def test(options: TestOptions) -> TestResult:
    """Predicts a test list, writes and checks submission.csv, scores it where the truth is known.

    Rows whose picture cannot be read hold the mean shape of their category and are listed in the
    result; `refuse_faults` says whether they are too many.
    """
    model = load(*options.models).read_as(options.predicting.settings)
    dataset = model.dataset
    folder = data.choose(options.data or _own_data(model), dataset)
    part = data.test_part(folder, dataset)
    records = _select(data.only(dataset.read_part(part), options.category), model)
    predicted = predict_records(model, records, options.predicting)
    predictions, confidence = predicted.keypoints, predicted.confidence
    faults = {records[row].image_id: why for row, why in predicted.faults.items()}

    out = options.out or Path("submission") / model.name
    submission = out / dataset.SUBMISSION
    answers = _answers(records, predictions, dataset.SCHEMA)
    _write(dataset.write, submission, answers)
    _check_submission(submission, answers, dataset)
    _write_confidence(out / "confidence.csv", records, confidence, dataset.SCHEMA)
    # What several networks score together belongs to none of their runs.
    alone = [model.run.folder] if model.is_one else []
    score = _score(records, predictions, faults, options, dataset.SCHEMA)
    if score is not None:
        marked = {**score, "drawn": dataset.is_drawn(folder), "unreadable": len(faults)}
        write_json(out / "metrics.json", marked)
        for folder_of_one in alone:
            write_json(folder_of_one / "metrics.json", marked)
    scored = Scored(folder, predicted, options.predicting, options.category, options.score_anyway)
    report_test(model, scored, [*alone, out])
    return TestResult(submission, score, faults, len(records))


def refuse_faults(result: TestResult, options: TestOptions) -> None:
    """Names the pictures that could not be read; too many raise Failure (BAD_DATA)."""
    data.tell_faults([*result.faults.values()], result.pictures, options.max_bad)


def _own_data(model: Model) -> Path | None:
    """The data the run was trained on, where they are still there."""
    folder = Path(model.run.asked.data)
    return folder if folder.is_dir() else None


def _select(records: list[KeypointRecord], model: Model) -> list[KeypointRecord]:
    foreign = sorted({record.category for record in records} - set(model.categories))
    if foreign:
        raise Failure(
            Exit.USAGE,
            f"{model.folders} knows {', '.join(model.categories)} only; the test list also has "
            f"{', '.join(foreign)}. Restrict it with --category {model.categories[0]}.",
        )
    return records


# === Files ===


def _answers(records, predictions: np.ndarray, schema: KeypointSchema) -> list[KeypointRecord]:
    """What is submitted: the category's keypoints as visible ones, the others as absent."""
    answers = []
    for record, points in zip(records, predictions, strict=True):
        own = schema.mask(record.category)
        points = np.where(own[:, None], np.maximum(points, 0), ABSENT_POINT)
        visibility = np.where(own, VISIBLE, ABSENT)
        answers.append(
            KeypointRecord(record.image_id, record.path, record.category, points, visibility)
        )
    return answers


def _write(write, path: Path, *content) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, *content)
    except OSError as error:
        raise Failure(
            Exit.ENVIRONMENT, f"{path}: {error.strerror}; choose --out-path elsewhere."
        ) from None


def _check_submission(path: Path, answers: list[KeypointRecord], dataset: ModuleType) -> None:
    """Reads the file back: same rows, same order, a point exactly where the category has one."""
    written = dataset.read(path, path.parent)
    same = [r.image_id for r in written] == [a.image_id for a in answers] and all(
        ((record.visibility == VISIBLE) == dataset.SCHEMA.mask(record.category)).all()
        for record in written
    )
    if not same:
        raise Failure(Exit.BAD_DATA, f"{path}: does not hold the test list's rows; do not submit.")


def _write_confidence(path: Path, records, confidence: np.ndarray, schema: KeypointSchema) -> None:
    table = pd.DataFrame(np.round(confidence, 4), columns=list(schema.keypoints))
    table.insert(0, "image_id", [record.image_id for record in records])
    table.to_csv(path, index=False)


# === Scores ===


def _score(
    records, predictions, faults, options: TestOptions, schema: KeypointSchema
) -> dict | None:
    if any(record.keypoints is None for record in records):
        say("The test's truth is not known: no score.")
        return None
    if faults and not options.score_anyway:
        warn(f"{len(faults)} rows are mean shapes: no score; --score-anyway gives one over them.")
        return None
    truth = metrics.truth_of(records)
    errors = metrics.normalised_errors(truth, predictions, schema)
    cells = metrics.per_cell(truth, errors, schema)
    return {**metrics.evaluate(truth, predictions, schema), "per_category_keypoint": cells}
