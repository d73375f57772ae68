"""Testing: predictions of a whole test list, the submission and its score."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from aifashion import data
from aifashion.api.models import Model, load
from aifashion.api.predictions import Predictions, PredictOptions, predict_records
from aifashion.api.report import Scored, report_test
from aifashion.datasets.schema import (
    ABSENT,
    ABSENT_POINT,
    VISIBLE,
    KeypointRecord,
    KeypointSchema,
)
from aifashion.errors import Exit, Failure
from aifashion.evaluation import average_precision
from aifashion.files import write_json
from aifashion.keypoints import metrics, oks
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
    split: str | None = None  # "test" or "validation"; None: whose truth is known
    boxes: Path | None = None  # a detector's; None: the data's own
    box_threshold: float = 0.0  # a detector's boxes that are less sure are left out
    oks_nms: float | None = None  # garments more alike than this OKS are found once
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
    """Predicts a test list, writes and checks the submission, scores it where the truth is known.

    Rows whose picture cannot be read hold the mean shape of their category and are listed in the
    result; `refuse_faults` says whether they are too many.
    """
    model = load(*options.models).read_as(options.predicting.settings)
    dataset = model.dataset
    _check_boxed(options, dataset.SCHEMA)
    folder = data.choose(options.data or _own_data(model), dataset)
    part = data.test_part(folder, dataset, options.split)
    records = _select(_records(options, part, dataset), model)
    predicted = predict_records(model, records, options.predicting)
    faults = {records[row].image_id: why for row, why in predicted.faults.items()}

    out = options.out or Path("submission") / model.name
    submission = out / dataset.SUBMISSION
    answers = _answers(predicted, dataset.SCHEMA)
    if options.oks_nms is not None:
        answers = _without_doubles(answers, options.oks_nms, dataset.SCHEMA)
    _write(dataset.write, submission, answers)
    _check_submission(submission, answers, dataset)
    _write_confidence(out / "confidence.csv", predicted, dataset.SCHEMA)
    # What several networks score together belongs to none of their runs.
    alone = [model.run.folder] if model.is_one else []
    score = _score(predicted, answers, options, _truth(predicted, options, part, model), dataset)
    if score is not None:
        marked = {**score, "drawn": dataset.is_drawn(folder), "unreadable": len(faults)}
        write_json(out / "metrics.json", marked)
        for folder_of_one in alone:
            write_json(folder_of_one / "metrics.json", marked)
    scored = Scored(folder, predicted, options.predicting, options.category, options.score_anyway)
    if options.boxes is None:  # what a detector has found has no errors of keypoints to show
        report_test(model, scored, [*alone, out])
    pictures = len({record.path for record in records})
    return TestResult(submission, score, faults, pictures)


def refuse_faults(result: TestResult, options: TestOptions) -> None:
    """Names the pictures that could not be read; too many raise Failure (BAD_DATA)."""
    # Of a picture with several garments the same is said of each.
    data.tell_faults([*dict.fromkeys(result.faults.values())], result.pictures, options.max_bad)


def _own_data(model: Model) -> Path | None:
    """The data the run was trained on, where they are still there."""
    folder = Path(model.run.asked.data)
    return folder if folder.is_dir() else None


def _records(options: TestOptions, part, dataset: ModuleType) -> list[KeypointRecord]:
    """What is predicted: the part's records, or what a detector has found in its pictures."""
    category = dataset.SCHEMA.named(options.category)
    if options.boxes is None:
        records = dataset.read_part(part)
        if dataset.SCHEMA.sigmas and records[0].box is None:
            raise Failure(
                Exit.USAGE,
                f"{part}: lists pictures without garments. Name what a detector has found in them "
                "with --boxes FILE.",
            )
        return data.only(records, category)
    found = dataset.read_boxes(options.boxes, part)
    sure = [record for record in found if record.score >= options.box_threshold]
    say(f"{options.boxes}: {len(sure)} of {len(found)} boxes from {options.box_threshold:g} on")
    if not sure:
        raise Failure(Exit.USAGE, f"{options.boxes}: no box is left. Lower --box-threshold.")
    return data.only(sure, category)


def _check_boxed(options: TestOptions, schema: KeypointSchema) -> None:
    """Refuses flags of several garments a picture where each has one, or of scores without any."""
    for flag, value in (("--boxes", options.boxes), ("--oks-nms", options.oks_nms)):
        if value is not None and not schema.sigmas:
            raise Failure(
                Exit.USAGE,
                f"{flag} {value}: {schema.name} has one garment a picture. Leave it out.",
            )
    if options.boxes is None and options.box_threshold > 0:
        raise Failure(
            Exit.USAGE,
            f"--box-threshold {options.box_threshold:g}: the data's own boxes have no scores. "
            "Name a detector's with --boxes FILE.",
        )


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


def _answers(predicted: Predictions, schema: KeypointSchema) -> list[KeypointRecord]:
    """What is submitted: the category's keypoints as visible ones, the others as absent."""
    answers = []
    for record, points, score in zip(
        predicted.records, predicted.keypoints, predicted.scores.tolist(), strict=True
    ):
        own = schema.mask(record.category)
        points = np.where(own[:, None], np.maximum(points, 0), ABSENT_POINT)
        visibility = np.where(own, VISIBLE, ABSENT)
        said = {"keypoints": points, "visibility": visibility, "score": score}
        answers.append(replace(record, **said))
    return answers


def _without_doubles(
    answers: list[KeypointRecord], threshold: float, schema: KeypointSchema
) -> list[KeypointRecord]:
    """Of garments of a category in a picture that are alike, the surest, by OKS-NMS."""
    alike = defaultdict(list)
    for row, answer in enumerate(answers):
        alike[answer.path, answer.category].append(row)
    kept = []
    for (_, category), rows in alike.items():
        own = schema.indices(schema.categories[category])
        keypoints = np.array([answers[row].keypoints[own] for row in rows])
        scores = np.array([answers[row].score for row in rows])
        areas = np.array([metrics.area_of(answers[row].box) for row in rows])
        sigmas = np.array(schema.sigmas[category])
        kept += [rows[k] for k in oks.oks_nms(keypoints, scores, areas, sigmas, threshold)]
    say(f"{len(answers) - len(kept)} of {len(answers)} garments are found twice, and left out.")
    return [answers[row] for row in sorted(kept)]


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
    same = len(written) == len(answers) and all(map(_is_same, written, answers))
    own = (dataset.SCHEMA.mask(record.category) for record in written)
    same = same and all(
        ((record.visibility == VISIBLE) == mask).all()
        for record, mask in zip(written, own, strict=True)
    )
    if not same:
        raise Failure(Exit.BAD_DATA, f"{path}: does not hold the test list's rows; do not submit.")


def _is_same(written: KeypointRecord, answer: KeypointRecord) -> bool:
    """Whether a row is of the record meant; where garments have boxes, files name pictures only."""
    if answer.box is not None:
        return _shown(written) == _shown(answer)
    return written.image_id == answer.image_id


def _shown(record: KeypointRecord) -> tuple[str, str]:
    return record.image_id.partition("/")[0], record.category


def _write_confidence(path: Path, predicted: Predictions, schema: KeypointSchema) -> None:
    table = pd.DataFrame(np.round(predicted.confidence, 4), columns=list(schema.keypoints))
    table.insert(0, "image_id", [record.image_id for record in predicted.records])
    table.to_csv(path, index=False)


# === Scores ===


def _truth(
    predicted: Predictions, options: TestOptions, part, model: Model
) -> Sequence[KeypointRecord]:
    """The records that are looked for: those predicted, unless a detector found what it did."""
    if options.boxes is None:
        return predicted.records
    records = model.dataset.read_part(part)
    if records[0].keypoints is None:
        return records
    asked = model.dataset.SCHEMA.named(options.category)
    sought = model.categories if asked == "all" else (asked,)
    return [record for record in records if record.category in sought]


def _score(
    predicted: Predictions,
    answers: list[KeypointRecord],
    options: TestOptions,
    truth: Sequence[KeypointRecord],
    dataset: ModuleType,
) -> dict | None:
    if any(record.keypoints is None for record in truth):
        say("The test's truth is not known: no score.")
        return None
    if predicted.faults and not options.score_anyway:
        count = len(predicted.faults)
        warn(f"{count} rows are mean shapes: no score; --score-anyway gives one over them.")
        return None
    precision = average_precision(dataset, truth, answers) if dataset.SCHEMA.sigmas else {}
    if options.boxes is not None:
        return {**precision, "ne_percent": None}
    return {**precision, **_errors(predicted, dataset.SCHEMA)}


def _errors(predicted: Predictions, schema: KeypointSchema) -> dict:
    truth = metrics.truth_of(predicted.records)
    errors = metrics.normalised_errors(truth, predicted.keypoints, schema)
    score = metrics.evaluate(truth, predicted.keypoints, schema)
    return {**score, "per_category_keypoint": metrics.per_cell(truth, errors, schema)}
