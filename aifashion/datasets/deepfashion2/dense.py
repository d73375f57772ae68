"""A category's own keypoints, as files number them, to the 81 of a record and back."""

import numpy as np

from aifashion.datasets.deepfashion2.landmarks import COUNTS, KEYPOINTS, NUMBERS, OWN
from aifashion.datasets.schema import ABSENT, ABSENT_POINT, KeypointRecord

PIXEL_CENTRE = 0.5  # files hold indices of pixels

_COUNT = np.array([0, *COUNTS.values()])  # of each category's number, its own keypoints
# Of each category's number, the place of the 81 among its own keypoints, -1 where it has none.
_PLACE = np.full((len(_COUNT), len(KEYPOINTS)), -1)
for _name, _own in OWN.items():
    _PLACE[NUMBERS[_name], _own] = np.arange(len(_own))


def spread(
    numbers: np.ndarray, points: np.ndarray, visibility: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The own keypoints of N garments behind one another to the 81 of each.

    Args:
        numbers: of each garment's category, (N,) 1 … 13.
        points: (M, 2) as files have them, M the sum of the categories' own keypoints.
        visibility: (M,) 0, 1, 2.

    Returns:
        keypoints (N, 81, 2) of the points' type, centres of pixels, absent ones at ABSENT_POINT;
        visibility (N, 81) int8.
    """
    nowhere = np.array([ABSENT_POINT], points.dtype)
    centres = np.concatenate([points + points.dtype.type(PIXEL_CENTRE), nowhere])
    seen = np.append(visibility, ABSENT).astype(np.int8)
    centres[seen == ABSENT] = ABSENT_POINT
    place = _PLACE[numbers]
    first = np.cumsum(_COUNT[numbers]) - _COUNT[numbers]
    rows = np.where(place >= 0, place + first[:, None], len(points))  # the last one is absent
    return np.take(centres, rows, axis=0), np.take(seen, rows)


def own_places(record: KeypointRecord) -> np.ndarray:
    """A record's own keypoints as files have them, (n, 2): indices of pixels, in their order."""
    return np.asarray(record.keypoints, np.float64)[OWN[record.category]] - PIXEL_CENTRE
