"""Scoring one file against another, without any network: `aifashion evaluate`."""

from pathlib import Path
from types import ModuleType

import numpy as np

from aifashion.datasets import fashionai
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure
from aifashion.keypoints import metrics


def evaluate_files(truth: Path, predictions: Path, dataset: ModuleType = fashionai) -> dict:
    """Scores a file of predictions against one of truth, both in the dataset's format.

    Raises:
        Failure: BAD_DATA where a row of the truth has no prediction, or a file is malformed.
    """
    known, guessed = _read(truth, dataset), _read(predictions, dataset)
    by_id = {record.image_id: record for record in guessed}
    missing = [record.image_id for record in known if record.image_id not in by_id]
    if missing:
        raise Failure(
            Exit.BAD_DATA,
            f"{predictions}: image_id: no row for {missing[0]} ({len(missing)} in all), which "
            f"{truth} has. Predict every row once.",
        )
    if len(by_id) != len(guessed):
        raise Failure(
            Exit.BAD_DATA,
            f"{predictions}: image_id: {len(guessed) - len(by_id)} ids stand twice. "
            "Predict every row once.",
        )
    points = np.array([by_id[record.image_id].keypoints for record in known])
    return metrics.evaluate(metrics.truth_of(known), points, dataset.SCHEMA)


def _read(path: Path, dataset: ModuleType) -> list[KeypointRecord]:
    records = dataset.read(path, path.parent)
    if not records or records[0].keypoints is None:
        raise Failure(
            Exit.BAD_DATA, f"{path}: no keypoints in it; name a file of truth or of predictions."
        )
    return records
