"""Scoring one file against another, without any network: `aifashion evaluate`."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from aifashion.datasets import fashionai
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure
from aifashion.keypoints import metrics, oks


def evaluate_files(
    truth: Path, predictions: Path, dataset: ModuleType = fashionai, visible_only: bool = False
) -> dict:
    """Scores a file of predictions against one of truth, both in the dataset's format.

    Datasets with sigmas are scored by average precision, the others by NE.

    Args:
        visible_only: leaves occluded keypoints out of the truth, which NE always does.

    Raises:
        Failure: BAD_DATA where a file is malformed or, for NE, a row of the truth has no
            prediction; USAGE for `visible_only` where NE counts.
    """
    if dataset.SCHEMA.sigmas:
        known = dataset.read_truth(truth, visible_only)
        results = dataset.read_results(predictions, known)
        return oks.average_precision(known, results, dataset.SLOT_SIGMAS)
    if visible_only:
        raise Failure(
            Exit.USAGE,
            f"--visible-only: {dataset.SCHEMA.name} is scored by NE, of visible keypoints only. "
            "Leave the flag out.",
        )
    return _evaluate_ne(truth, predictions, dataset)


def average_precision(
    dataset: ModuleType, truth: Sequence[KeypointRecord], answers: Sequence[KeypointRecord]
) -> dict[str, float]:
    """COCO's ten numbers of a dataset that has sigmas, from records.

    What is found in pictures without truth counts against the answers.
    """
    known, results = dataset.scored_truth(truth), dataset.scored_results(answers)
    there = {image["id"] for image in known["images"]}
    found = dict.fromkeys(result["image_id"] for result in results)
    known["images"] += [{"id": number} for number in found if number not in there]
    return oks.average_precision(known, results, dataset.SLOT_SIGMAS)


def _evaluate_ne(truth: Path, predictions: Path, dataset: ModuleType) -> dict:
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
