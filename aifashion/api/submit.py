"""Testing: predictions of a whole test list, the submission and its score."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from aifashion import checkpoints, data, images
from aifashion.api.models import Model, load
from aifashion.datasets import fashionai
from aifashion.datasets.schema import VISIBLE, KeypointRecord
from aifashion.errors import Exit, Failure
from aifashion.keypoints import metrics
from aifashion.keypoints.predict import AUGMENTED, FLIP, PLAIN, Predictor
from aifashion.progress import say, track, warn
from pipelines import keypoints as pipeline

VIEWS = {"none": PLAIN, "flip": FLIP, "full": AUGMENTED}
UNKNOWN_SIZE = (512, 512)  # of a picture whose header cannot be read either
BATCH = 16


@dataclass(frozen=True)
class TestOptions:
    """What test.py was asked."""

    __test__ = False  # not a class of tests, whatever its name

    data: Path | None = None
    model: Path | None = None
    out: Path | None = None
    category: str = "all"
    augment: str = "flip"  # key of VIEWS
    max_bad: float = 0.0
    score_anyway: bool = False


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
    model = load(options.model)
    folder = data.choose(options.data or _own_data(model))
    part = data.test_part(folder)
    records = _select(data.only(fashionai.read_part(part), options.category), model)
    predictions, confidence, faults = _predict(model, records, VIEWS[options.augment])

    out = options.out or Path("submission") / f"{model.run.asked.category}_{model.run.folder.name}"
    submission = out / "submission.csv"
    answers = _answers(records, predictions)
    _write(fashionai.write, submission, answers)
    _check_submission(submission, answers)
    _write_confidence(out / "confidence.csv", records, confidence)
    score = _score(records, predictions, faults, options)
    if score is not None:
        marked = {**score, "drawn": fashionai.is_drawn(folder), "unreadable": len(faults)}
        checkpoints.write_json(out / "metrics.json", marked)
        checkpoints.write_json(model.run.folder / "metrics.json", marked)
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
            f"{model.run.folder} knows {', '.join(model.categories)} only; the test list also has "
            f"{', '.join(foreign)}. Restrict it with --category {model.categories[0]}.",
        )
    return records


def _predict(model: Model, records, views) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """Keypoints (N, 24, 2), confidence (N, 24) and the faults, by image id."""
    system = model.system
    source = pipeline.Source(records, fashionai.SCHEMA, system.keypoints, system.size)
    index = fashionai.SCHEMA.indices(system.keypoints)
    keypoints = np.zeros((len(records), len(fashionai.KEYPOINTS), 2))
    confidence = np.zeros((len(records), len(fashionai.KEYPOINTS)))
    batches = pipeline.evaluation(source, BATCH, views.angles)
    predictor = Predictor(system, model.network, views)
    for prediction in track(predictor(batches), len(records), "predicting"):
        keypoints[prediction.record, index] = prediction.keypoints
        confidence[prediction.record, index] = prediction.confidence
    for row in source.faults:
        keypoints[row] = _mean_shape(model, records[row])
        confidence[row] = 0
    return keypoints, confidence, {records[r].image_id: why for r, why in source.faults.items()}


def _mean_shape(model: Model, record: KeypointRecord) -> np.ndarray:
    """The category's mean keypoints on the record's picture, (24, 2)."""
    path = model.run.folder / "mean_shapes.json"
    try:
        shape = np.array(json.loads(path.read_text())[record.category])
    except (OSError, ValueError, KeyError):
        raise Failure(Exit.BAD_MODEL, f"{path}: missing or damaged; train the run again.") from None
    try:
        size = images.read_shown_size(record.path)
    except Failure:
        size = UNKNOWN_SIZE
    return shape * size


# === Files ===


def _answers(records, predictions: np.ndarray) -> list[KeypointRecord]:
    """What is submitted: the category's keypoints as visible ones, the others as absent."""
    answers = []
    for record, points in zip(records, predictions, strict=True):
        own = fashionai.SCHEMA.mask(record.category)
        points = np.where(own[:, None], np.maximum(points, 0), fashionai.ABSENT_POINT)
        visibility = np.where(own, VISIBLE, 0)
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


def _check_submission(path: Path, answers: list[KeypointRecord]) -> None:
    """Reads the file back: same rows, same order, a point exactly where the category has one."""
    written = fashionai.read(path, path.parent)
    same = [r.image_id for r in written] == [a.image_id for a in answers] and all(
        ((record.visibility == VISIBLE) == fashionai.SCHEMA.mask(record.category)).all()
        for record in written
    )
    if not same:
        raise Failure(Exit.BAD_DATA, f"{path}: does not hold the test list's rows; do not submit.")


def _write_confidence(path: Path, records, confidence: np.ndarray) -> None:
    table = pd.DataFrame(np.round(confidence, 4), columns=list(fashionai.KEYPOINTS))
    table.insert(0, "image_id", [record.image_id for record in records])
    table.to_csv(path, index=False)


# === Scores ===


def _score(records, predictions, faults, options: TestOptions) -> dict | None:
    if any(record.keypoints is None for record in records):
        say("The test's truth is not known: no score.")
        return None
    if faults and not options.score_anyway:
        warn(f"{len(faults)} rows are mean shapes: no score; --score-anyway gives one over them.")
        return None
    return metrics.evaluate(metrics.truth_of(records), predictions, fashionai.SCHEMA)
