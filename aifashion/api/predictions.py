"""Predictions of many records: each picture's keypoints, or its category's mean shape."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aifashion import images
from aifashion.api.models import Model
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure
from aifashion.keypoints.predict import AUGMENTED, FLIP, PLAIN
from aifashion.progress import track
from pipelines import keypoints as pipeline

VIEWS = {"none": PLAIN, "flip": FLIP, "full": AUGMENTED}
UNKNOWN_SIZE = (512, 512)  # of a picture whose header cannot be read either
BATCH = 16


@dataclass(frozen=True)
class Predictions:
    """What a network says of records, in their order; K keypoints, the schema's."""

    records: Sequence[KeypointRecord]
    keypoints: np.ndarray  # (N, K, 2), pixels of each picture
    confidence: np.ndarray  # (N, K), 0 outside the category
    faults: Mapping[int, str]  # rows whose picture could not be read -> why; they hold mean shapes

    @property
    def readable(self) -> np.ndarray:
        """The keypoints, NaN in the rows of pictures that could not be read, (N, K, 2)."""
        keypoints = self.keypoints.copy()
        keypoints[list(self.faults)] = np.nan
        return keypoints


def predict_records(
    model: Model, records: Sequence[KeypointRecord], views: str, jit: bool = False
) -> Predictions:
    """Predicts every record with `views`, a key of VIEWS; with `jit` compiled by XLA."""
    system, schema = model.system, model.dataset.SCHEMA
    source = pipeline.Source(records, schema, system.keypoints, system.size)
    index = schema.indices(system.keypoints)
    keypoints = np.zeros((len(records), len(schema.keypoints), 2))
    confidence = np.zeros((len(records), len(schema.keypoints)))
    batches = pipeline.evaluation(source, BATCH, VIEWS[views].angles)
    predictor = model.predictor(VIEWS[views], jit)
    for prediction in track(predictor(batches), len(records), "predicting"):
        keypoints[prediction.record, index] = prediction.keypoints
        confidence[prediction.record, index] = prediction.confidence
    for row in source.faults:
        keypoints[row] = _mean_shape(model, records[row])
        confidence[row] = 0
    return Predictions(records, keypoints, confidence, dict(source.faults))


def _mean_shape(model: Model, record: KeypointRecord) -> np.ndarray:
    """The category's mean keypoints on the record's picture, (K, 2)."""
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
