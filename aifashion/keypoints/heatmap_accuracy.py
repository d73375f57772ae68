"""The share of keypoints whose map peaks near its target's: what HRNet's training printed.

Of Sun et al. (CVPR 2019), github.com/leoxiaobin/deep-high-resolution-net.pytorch,
lib/core/evaluate.py, as it is: a distance across the map is measured in tenths of its height, one
down it in tenths of its width.

B: pictures; K: keypoints; h, w: cells of the map.
"""

import numpy as np

NEAR = 0.5  # of a tenth of the map's side
UNKNOWN = -1.0  # the accuracy of a keypoint that no target shows


def heatmap_accuracy(maps: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray, int]:
    """Accuracy by the largest cells of the maps and of the targets.

    A target without anything above 0, or with its largest cell in the first two rows or columns,
    does not count.

    Args:
        maps: (B, h, w, K).
        targets: (B, h, w, K).

    Returns:
        the mean over the keypoints that count, 0 where none does; each one's own, (K,), UNKNOWN
        where it does not; and how many do.
    """
    found, wanted = _largest_cells(maps), _largest_cells(targets)
    _, h, w, keypoints = targets.shape
    distance = np.linalg.norm((found - wanted) / (np.array([h, w]) / 10), axis=-1)  # (B, K)
    counts = (wanted > 1).all(axis=-1)
    near = counts & (distance < NEAR)
    each = np.full(keypoints, UNKNOWN)
    np.divide(near.sum(axis=0), counts.sum(axis=0), out=each, where=counts.any(axis=0))
    known = each[each != UNKNOWN]
    return float(known.mean()) if known.size else 0.0, each, known.size


def _largest_cells(maps: np.ndarray) -> np.ndarray:
    """Column and row of each map's largest cell, (B, K, 2); 0, 0 where none is above 0."""
    pictures, h, w, keypoints = maps.shape
    flat = np.reshape(maps, (pictures, h * w, keypoints))
    best = flat.argmax(axis=1)
    best = np.where(flat.max(axis=1) > 0, best, 0)
    return np.stack([best % w, best // w], axis=-1)
