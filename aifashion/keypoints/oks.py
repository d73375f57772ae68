"""Object keypoint similarity: how near predicted keypoints are, 0 … 1, and what it is used for.

Each keypoint counts exp(-d² / (8 σ² area)): d its distance in pixels, σ how far people who label
it disagree, area the garment's. N garments or predictions, K keypoints.
"""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from aifashion.datasets.schema import ABSENT

NAMES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")
_EPSILON = np.spacing(1)  # of areas, as pycocotools adds it
_SOFT_KEEPS = 20


def oks(
    truth: np.ndarray,
    visibility: np.ndarray,
    prediction: np.ndarray,
    areas: np.ndarray,
    sigmas: Sequence[float],
) -> np.ndarray:
    """The similarity of each prediction to its truth, over the keypoints the truth has.

    Args:
        truth, prediction: (N, K, 2), pixels.
        visibility: (N, K) of the truth; 0 is absent.
        areas: (N,) of the garments' boxes, square pixels.
        sigmas: (K,).

    Returns:
        (N,); NaN where the truth has no keypoint.
    """
    similarity = np.exp(-_unlikeness(truth, prediction, np.asarray(areas), sigmas))
    present = np.asarray(visibility) != ABSENT
    count = present.sum(axis=1)
    total = np.where(present, similarity, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _unlikeness(one, other, areas: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """What is in the exponent, (N, K): points (N, K, 2), areas (N,)."""
    squares = ((np.asarray(one, np.float64) - other) ** 2).sum(axis=-1)
    return squares / (8 * np.square(sigmas) * (areas[..., None] + _EPSILON))


# === Average precision ===


def average_precision(
    truth: dict[str, Any], results: Sequence[dict], sigmas: Sequence[float]
) -> dict[str, float]:
    """COCO's ten numbers of keypoints; -1 where there is no truth to tell.

    Args:
        truth: images, annotations and categories as a COCO file has them.
        results: image_id, category_id, keypoints and score of each.
        sigmas: (K,), a third of the length of `keypoints`.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        known = _coco(truth)
        # pycocotools writes into what it is given.
        found = known.loadRes([dict(result) for result in results]) if results else _none(truth)
        evaluation = COCOeval(known, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.asarray(sigmas, np.float64)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(NAMES, map(float, evaluation.stats), strict=True))


def _coco(content: dict[str, Any]) -> COCO:
    """pycocotools' index over copies of the annotations."""
    index = COCO()
    copies = [dict(annotation) for annotation in content["annotations"]]
    index.dataset = {**content, "annotations": copies}
    index.createIndex()
    return index


def _none(truth: dict[str, Any]) -> COCO:
    return _coco({**truth, "annotations": []})


# === Suppression ===


def oks_nms(
    keypoints: np.ndarray,
    scores: np.ndarray,
    areas: np.ndarray,
    sigmas: Sequence[float],
    threshold: float,
    soft: bool = False,
) -> np.ndarray:
    """Which of the predictions of one category in one picture to keep, surest first.

    Two of them are alike by all their keypoints and their mean area. Hard suppression drops what
    is more like a surer one than the threshold. Soft suppression keeps the first 20: each one
    kept lowers the scores s of the others to s exp(-OKS² / threshold), and the highest is next.

    Args:
        keypoints: (N, K, 2).
        scores, areas: (N,).

    Returns:
        rows kept, int64.
    """
    keypoints, areas = np.asarray(keypoints, np.float64), np.asarray(areas, np.float64)
    current = np.array(scores, np.float64)
    left, kept = np.ones(len(current), bool), []
    while left.any() and not (soft and len(kept) == _SOFT_KEEPS):
        best = int(np.argmax(np.where(left, current, -np.inf)))
        kept.append(best)
        left[best] = False
        mean_areas = (areas + areas[best]) / 2
        unlike = _unlikeness(keypoints, keypoints[best], mean_areas, sigmas)
        likeness = np.exp(-unlike).mean(axis=-1)
        if soft:
            current *= np.exp(-(likeness**2) / threshold)
        else:
            left &= likeness <= threshold
    return np.array(kept, np.int64)
