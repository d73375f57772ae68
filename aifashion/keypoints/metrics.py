"""Metrics of keypoints: the normalised error of FashionAI, and how often left and right swap.

N: pictures; K: keypoints. All in NumPy, in pixels of the original pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aifashion.datasets.schema import ABSENT, VISIBLE, KeypointRecord, KeypointSchema


@dataclass(frozen=True)
class Truth:
    """What predictions are scored against, in the records' order."""

    categories: list[str]
    keypoints: np.ndarray  # (N, K, 2)
    visibility: np.ndarray  # (N, K)


def units(truth: Truth, schema: KeypointSchema) -> np.ndarray:
    """NE's unit of each picture, (N,): the distance of its category's normaliser pair.

    NaN where the unit is undefined: a point of the pair absent, or both at the same place.
    """
    pairs = [schema.indices(schema.normalisers[name]) for name in truth.categories]
    pairs = np.array(pairs, np.int64).reshape(-1, 2)
    rows = np.arange(len(pairs))[:, None]
    ends = truth.keypoints[rows, pairs]  # (N, 2 ends, 2)
    distance = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1)
    known = (truth.visibility[rows, pairs] != ABSENT).all(axis=1) & (distance > 0)
    return np.where(known, distance, np.nan)


def normalised_errors(truth: Truth, predictions: np.ndarray, schema: KeypointSchema) -> np.ndarray:
    """Distance to the truth over the picture's unit, (N, K); NaN where nothing is scored.

    Scored are the visible keypoints of pictures whose unit is defined.
    """
    distance = np.linalg.norm(predictions - truth.keypoints, axis=-1)
    errors = distance / units(truth, schema)[:, None]
    return np.where(truth.visibility == VISIBLE, errors, np.nan)


def swap_rate(truth: Truth, predictions: np.ndarray, schema: KeypointSchema) -> float | None:
    """Share of the visible left/right pairs whose two predictions fit better exchanged.

    None where there is no such pair; a picture without prediction (NaN) has none.
    """
    predicted = np.isfinite(predictions).all(axis=-1)
    seen = (truth.visibility == VISIBLE) & predicted
    swaps = pairs = 0
    for left, name in enumerate(schema.keypoints):
        if "left" not in name.split("_"):
            continue
        right = schema.keypoints.index(name.replace("left", "right"))
        both = seen[:, left] & seen[:, right]
        a, b = truth.keypoints[both, left], truth.keypoints[both, right]
        p, q = predictions[both, left], predictions[both, right]
        straight = np.linalg.norm(p - a, axis=-1) + np.linalg.norm(q - b, axis=-1)
        crossed = np.linalg.norm(p - b, axis=-1) + np.linalg.norm(q - a, axis=-1)
        swaps += int((crossed < straight).sum())
        pairs += int(both.sum())
    return swaps / pairs if pairs else None


def evaluate(truth: Truth, predictions: np.ndarray, schema: KeypointSchema) -> dict:
    """The whole score, ready for JSON.

    Returns:
        ne_percent: the pooled normalised error over every visible keypoint of every picture
            (the competition's score), None where nothing could be scored;
        per_category, per_keypoint: the same pooled within each, those present only;
        visible: how many keypoints were scored;
        skipped: pictures left out because their unit is undefined;
        swap_rate: see `swap_rate`.
    """
    if not truth.categories:  # arrays made of no records have lost their shape
        count = len(schema.keypoints)
        truth = Truth([], np.empty((0, count, 2)), np.empty((0, count)))
        predictions = truth.keypoints
    errors = normalised_errors(truth, predictions, schema)
    categories = np.array(truth.categories)
    return {
        "ne_percent": _percent(errors),
        "per_category": {
            name: _percent(errors[categories == name])
            for name in schema.categories
            if np.isfinite(errors[categories == name]).any()
        },
        "per_keypoint": {
            name: _percent(errors[:, k])
            for k, name in enumerate(schema.keypoints)
            if np.isfinite(errors[:, k]).any()
        },
        "visible": int(np.isfinite(errors).sum()),
        "skipped": int(np.isnan(units(truth, schema)).sum()),
        "swap_rate": swap_rate(truth, predictions, schema),
    }


def _percent(errors: np.ndarray) -> float | None:
    scored = errors[np.isfinite(errors)]
    return float(100 * scored.mean()) if scored.size else None


def truth_of(records: Sequence[KeypointRecord]) -> Truth:
    """The truth of labelled records."""
    return Truth(
        [record.category for record in records],
        np.array([record.keypoints for record in records]),
        np.array([record.visibility for record in records]),
    )
