"""Metrics of keypoints: the normalised error of FashionAI, and how often left and right swap.

N: pictures; K: keypoints. All in NumPy, in pixels of the original pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aifashion.datasets.schema import ABSENT, VISIBLE, KeypointRecord, KeypointSchema, other_side
from aifashion.keypoints.oks import oks


@dataclass(frozen=True)
class Truth:
    """What predictions are scored against, in the records' order."""

    categories: list[str]
    keypoints: np.ndarray  # (N, K, 2)
    visibility: np.ndarray  # (N, K)
    areas: np.ndarray | None = None  # of the garments' boxes, square pixels (N,), where known


def units(truth: Truth, schema: KeypointSchema) -> np.ndarray:
    """NE's unit of each picture, (N,): the distance of its category's normaliser pair.

    In data without such pairs it is the root of the area of the garment's box. NaN where the unit
    is undefined: a point of the pair absent, or both at the same place; a box of no area.
    """
    if not schema.normalisers:
        areas = np.full(len(truth.categories), np.nan) if truth.areas is None else truth.areas
        return np.sqrt(np.where(areas > 0, areas, np.nan))
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


def swaps(truth: Truth, predictions: np.ndarray, schema: KeypointSchema) -> dict:
    """Which left/right pairs of predictions fit better exchanged.

    Judged are pairs seen on both sides and predicted on both; NaN is no prediction.

    Returns:
        (left, right) -> (N,) float: 1 exchanged, 0 not, NaN not judged. Every pair of the schema.
    """
    predicted = np.isfinite(predictions).all(axis=-1)
    seen = (truth.visibility == VISIBLE) & predicted
    found = {}
    for left, name in enumerate(schema.keypoints):
        if "left" not in name.split("_"):
            continue
        other = other_side(name)
        right = schema.keypoints.index(other)
        a, b = truth.keypoints[:, left], truth.keypoints[:, right]
        p, q = predictions[:, left], predictions[:, right]
        straight = np.linalg.norm(p - a, axis=-1) + np.linalg.norm(q - b, axis=-1)
        crossed = np.linalg.norm(p - b, axis=-1) + np.linalg.norm(q - a, axis=-1)
        found[name, other] = np.where(seen[:, left] & seen[:, right], crossed < straight, np.nan)
    return found


def swap_rate(truth: Truth, predictions: np.ndarray, schema: KeypointSchema) -> float | None:
    """Share of the visible left/right pairs whose two predictions fit better exchanged.

    None where there is no such pair; a picture without prediction (NaN) has none.
    """
    judged = np.array([*swaps(truth, predictions, schema).values()])
    judged = judged[np.isfinite(judged)]
    return float(judged.mean()) if judged.size else None


def evaluate(truth: Truth, predictions: np.ndarray, schema: KeypointSchema) -> dict:
    """The whole score, ready for JSON.

    Returns:
        ne_percent: the pooled normalised error over every visible keypoint of every picture
            (the competition's score), None where nothing could be scored;
        per_category, per_keypoint: the same pooled within each, those present only;
        visible: how many keypoints were scored;
        skipped: pictures left out because their unit is undefined;
        swap_rate: see `swap_rate`;
        oks: the mean similarity, where the data have sigmas (`aifashion.keypoints.oks`).
    """
    if not truth.categories:  # arrays made of no records have lost their shape
        count = len(schema.keypoints)
        truth = Truth([], np.empty((0, count, 2)), np.empty((0, count)), np.empty(0))
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
        **_similarity(truth, predictions, schema),
    }


def _similarity(truth: Truth, predictions: np.ndarray, schema: KeypointSchema) -> dict:
    """Where the data have sigmas "oks", the mean over the garments; None where none is known."""
    if not schema.sigmas:
        return {}
    sigmas = np.ones((len(truth.categories), len(schema.keypoints)))
    for row, category in enumerate(truth.categories):
        sigmas[row, schema.indices(schema.categories[category])] = schema.sigmas[category]
    found = oks(truth.keypoints, truth.visibility, predictions, truth.areas, sigmas)
    found = found[np.isfinite(found)]
    return {"oks": float(found.mean()) if found.size else None}


def _percent(errors: np.ndarray) -> float | None:
    scored = errors[np.isfinite(errors)]
    return float(100 * scored.mean()) if scored.size else None


# === Closer looks, all from the normalised errors (N, K) ===


def per_cell(truth: Truth, errors: np.ndarray, schema: KeypointSchema) -> dict:
    """NE in percent of each keypoint in each category: {category: {keypoint: percent}}.

    Categories and keypoints of which nothing is scored are left out.
    """
    categories = np.array(truth.categories)
    cells = {}
    for category in schema.categories:
        own = errors[categories == category]
        scores = {name: _percent(own[:, k]) for k, name in enumerate(schema.keypoints)}
        scores = {name: score for name, score in scores.items() if score is not None}
        if scores:
            cells[category] = scores
    return cells


def per_picture(errors: np.ndarray) -> np.ndarray:
    """The mean error of each picture, (N,); NaN where none of its keypoints is scored."""
    scored = np.isfinite(errors)
    total = np.where(scored, errors, 0).sum(axis=1)
    return np.where(scored.any(axis=1), total / np.maximum(scored.sum(axis=1), 1), np.nan)


def pck(errors: np.ndarray, limits: Sequence[float]) -> list[float | None]:
    """PCK: the share of scored keypoints within each limit; None where nothing is scored."""
    scored = errors[np.isfinite(errors)]
    return [float((scored <= limit).mean()) if scored.size else None for limit in limits]


def by_confidence(
    errors: np.ndarray, confidence: np.ndarray, edges: Sequence[float], limit: float
) -> list[dict]:
    """What a confidence is worth: the errors of each bin low <= confidence < high.

    The last bin takes its upper edge too.

    Args:
        errors, confidence: (N, K).

    Returns:
        low, high, keypoints (scored), ne_percent and within (the share within `limit`) of each
        bin; the last two None where it is empty.
    """
    bins = []
    for low, high in pairwise(edges):
        inside = (confidence >= low) & ((confidence < high) | (high == edges[-1]))
        own = errors[inside & np.isfinite(errors)]
        bins.append(
            {
                "low": float(low),
                "high": float(high),
                "keypoints": int(own.size),
                "ne_percent": _percent(own),
                "within": pck(own, [limit])[0],
            }
        )
    return bins


def score_line(score: dict) -> str:
    """The score in a line: what the data are scored by first."""
    said = [f"AP {score['AP']:.3f}"] if "AP" in score else []
    if score["ne_percent"] is not None:
        said.append(f"NE {score['ne_percent']:.2f} %")
    return "  ".join(said) or "no keypoint could be scored"


def truth_of(records: Sequence[KeypointRecord]) -> Truth:
    """The truth of labelled records."""
    return Truth(
        [record.category for record in records],
        np.array([record.keypoints for record in records]),
        np.array([record.visibility for record in records]),
        np.array([area_of(record.box) for record in records]),
    )


def area_of(box: np.ndarray | None) -> float:
    """Square pixels of a box x1, y1, x2, y2; NaN of none."""
    return np.nan if box is None else float((box[2] - box[0]) * (box[3] - box[1]))
