"""Predictions of many records: each picture's keypoints, or its category's mean shape."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aifashion import data
from aifashion.api.models import Model, in_order
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure
from aifashion.keypoints.predict import FLIP, PLAIN, SCALED, TURNED, Prediction, Predictor, Views
from aifashion.progress import track
from pipelines.keypoints import Source, evaluation

VIEWS = {"none": PLAIN, "flip": FLIP, "scales": SCALED, "full": TURNED}
UNKNOWN_SIZE = (512, 512)  # of a picture whose header cannot be read either
BATCH = 16
MARGIN = 0.15  # around the keypoints found, of their box's longer side: what is shown again
SURE = 0.2  # keypoints surer than this make up a garment's score, as published


@dataclass(frozen=True)
class PredictOptions:
    """How pictures are predicted."""

    augment: str = "flip"  # key of VIEWS
    crop: bool = False  # once more on the box of what was found
    jit: bool = False  # compiled by XLA, on one device
    score_all: bool = False  # a garment's score looks at the other categories' keypoints too
    settings: tuple[str, ...] = ()  # how maps are read: "model.reading.FIELD=VALUE"


@dataclass(frozen=True)
class Predictions:
    """What is said of records, in their order; K keypoints, the schema's."""

    records: Sequence[KeypointRecord]
    keypoints: np.ndarray  # (N, K, 2), pixels of each picture
    confidence: np.ndarray  # (N, K), 0 outside the category
    scores: np.ndarray  # (N,): the box's score times the mean confidence of the sure keypoints
    faults: dict[int, str]  # rows whose picture could not be read -> why; they hold mean shapes

    @property
    def readable(self) -> np.ndarray:
        """The keypoints, NaN in the rows of pictures that could not be read, (N, K, 2)."""
        keypoints = self.keypoints.copy()
        keypoints[list(self.faults)] = np.nan
        return keypoints


def predict_records(
    model: Model, records: Sequence[KeypointRecord], options: PredictOptions
) -> Predictions:
    """Predicts every record by the networks that know its category.

    With `crop` a picture is shown twice: whole, then the box of the keypoints found with a margin;
    the mean of the two places counts.

    Raises:
        Failure: USAGE for a category that no network knows.
    """
    count, k = len(records), len(model.dataset.SCHEMA.keypoints)
    found = Predictions(records, np.zeros((count, k, 2)), np.zeros((count, k)), np.zeros(count), {})
    answers = _answers(model, found, options)
    total = count * (2 if options.crop else 1)
    for row, prediction in track(answers, total, "predicting"):
        found.keypoints[row] = prediction.keypoints
        found.confidence[row] = prediction.confidence
        sure = prediction.heights if options.score_all else prediction.confidence
        found.scores[row] = records[row].score * garment_score(sure)
    for row in found.faults:
        found.keypoints[row] = _mean_shape(model, records[row])
        found.confidence[row] = found.scores[row] = 0
    return found


def garment_score(sure: np.ndarray) -> float:
    """How sure a garment's keypoints are on average, (K,) -> 0 … 1; unsure ones are left out."""
    sure = sure[sure > SURE]
    return float(sure.mean()) if sure.size else 0.0


Answer = tuple[int, Prediction]  # row, and what is said of it in the schema's order


def _answers(model: Model, found: Predictions, options: PredictOptions) -> Iterator[Answer]:
    """Each row's prediction; those of the second pass read what the first has found."""
    records = found.records
    asked = dict.fromkeys(record.category for record in records)
    for category in asked:
        model.tried(category)
    for knowing, names in model.groups(asked).items():
        rows = [row for row, record in enumerate(records) if record.category in names]
        predictor = model.predictor(knowing, VIEWS[options.augment], options.jit)
        shown = _Shown(model, predictor, rows, VIEWS[options.augment])
        yield from shown.answers(found)
        if options.crop:
            boxes = np.array([_box(found.keypoints[row], found.confidence[row]) for row in rows])
            for row, again in shown.answers(found, boxes):
                mean = (again.keypoints + found.keypoints[row]) / 2
                yield row, replace(again, keypoints=mean)


@dataclass(frozen=True)
class _Shown:
    """Rows of the records that the same networks predict."""

    model: Model
    predictor: Predictor
    rows: list[int]
    views: Views

    def answers(self, found: Predictions, boxes: np.ndarray | None = None) -> Iterator[Answer]:
        """Predicts the rows, of the pictures all or a box; notes what cannot be read."""
        schema, records = self.model.dataset.SCHEMA, [found.records[row] for row in self.rows]
        keypoints = self.predictor.keypoints
        sources = [Source(records, schema, keypoints, frame) for frame in self.predictor.frames]
        each = (evaluation(source, BATCH, self.views.each, boxes) for source in sources)
        for prediction in self.predictor(zip(*each, strict=True)):
            row = self.rows[prediction.record]
            yield row, in_order(prediction, found.records[row].category, keypoints, schema)
        found.faults.update({self.rows[row]: why for row, why in sources[0].faults.items()})


def _box(points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """x1, y1, x2, y2 around the points of the category, with a margin."""
    own = points[confidence > 0]
    if not len(own):  # the picture cannot be read
        return np.array([0.0, 0.0, 1.0, 1.0])
    low, high = own.min(axis=0), own.max(axis=0)
    margin = max(MARGIN * (high - low).max(), 1.0)
    return np.concatenate([low - margin, high + margin])


def _mean_shape(model: Model, record: KeypointRecord) -> np.ndarray:
    """The category's mean keypoints in the record's box, or picture, (K, 2)."""
    knowing = next(t for t in model.trained if record.category in t.categories)
    path = knowing.run.folder / "mean_shapes.json"
    try:
        shape = np.array(json.loads(path.read_text())[record.category])
    except (OSError, ValueError, KeyError):
        raise Failure(Exit.BAD_MODEL, f"{path}: missing or damaged; train the run again.") from None
    try:
        low, size = data.shown_part(record)
    except Failure:
        low, size = np.zeros(2), UNKNOWN_SIZE
    return low + shape * size
