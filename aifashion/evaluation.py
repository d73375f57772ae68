"""Scoring one csv against another, without any network: `aifashion evaluate`."""

from pathlib import Path

import numpy as np

from aifashion.datasets import fashionai
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure
from aifashion.keypoints import metrics


def evaluate_files(truth: Path, predictions: Path) -> dict:
    """Scores a predictions csv against a truth csv, both in FashionAI's format.

    Raises:
        Failure: BAD_DATA where a row of the truth has no prediction, or a file is malformed.
    """
    known, guessed = _read(truth), _read(predictions)
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
    return metrics.evaluate(metrics.truth_of(known), points, fashionai.SCHEMA)


def _read(path: Path) -> list[KeypointRecord]:
    records = fashionai.read(path, path.parent)
    if not records or records[0].keypoints is None:
        raise Failure(Exit.BAD_DATA, f"{path}: no keypoints in it; 26 columns are needed.")
    return records
