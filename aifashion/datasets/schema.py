"""What a dataset calls its categories and keypoints, and what one of its records holds.

Coordinates are (x, y), continuous, in pixels of the picture as it is shown (upright), the centre
of the first pixel at (0.5, 0.5). Visibility is 0 absent, 1 occluded, 2 visible.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ABSENT, OCCLUDED, VISIBLE = 0, 1, 2
ABSENT_POINT = (-0.5, -0.5)  # where an absent keypoint stands: the pixel index -1 of files


@dataclass(frozen=True)
class KeypointSchema:
    """The names a keypoint dataset uses; everything else is derived from them."""

    name: str
    keypoints: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]  # category -> its own keypoints
    # category -> the pair whose distance is NE's unit; of others it is the root of the box's area
    normalisers: Mapping[str, tuple[str, str]]
    skeletons: Mapping[str, tuple[tuple[str, str], ...]]  # category -> edges, for drawing
    # category -> of each of its own keypoints, where the data are scored by OKS
    sigmas: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)  # what else categories are called

    def indices(self, names: tuple[str, ...]) -> np.ndarray:
        """Position of each name among the schema's keypoints, (len(names),) int64.

        A network that tells the categories apart calls its channels "<category>.<keypoint>".
        """
        return np.array([self.keypoints.index(name.split(".")[-1]) for name in names], np.int64)

    def named(self, category: str) -> str:
        """A category by its name, or by what else it is called; what is neither stays.

        Capitals do not matter.
        """
        names = {name: name for name in self.categories} | dict(self.aliases)
        lower = {known.lower(): name for known, name in names.items()}
        return lower.get(category.lower(), category)

    def has(self, category: str, names: tuple[str, ...]) -> np.ndarray:
        """Which of a network's keypoints are the category's own, (len(names),) bool."""
        own = set(self.categories[category])
        own |= {f"{category}.{name}" for name in own}
        return np.array([name in own for name in names], bool)

    def mask(self, category: str) -> np.ndarray:
        """Which keypoints the category has, (K,) bool."""
        return np.isin(self.keypoints, self.categories[category])


def flip_permutation(names: tuple[str, ...]) -> np.ndarray:
    """Which keypoint each one becomes in the mirrored picture, (len(names),) int64, an involution.

    Left and right are read from the names, so that no pair is ever typed.
    """
    return np.array([names.index(other_side(name)) for name in names], np.int64)


def other_side(name: str) -> str:
    """The name with left and right exchanged: cuff_left_in -> cuff_right_in, crotch -> crotch."""
    swap = {"left": "right", "right": "left"}
    return "_".join(swap.get(word, word) for word in name.split("_"))


@dataclass(frozen=True)
class KeypointRecord:
    """One garment in a picture. A record without truth has `keypoints` and `visibility` None."""

    image_id: str  # as the dataset's file writes it
    path: Path
    category: str
    keypoints: np.ndarray | None = None  # (K, 2) float, in the schema's order
    visibility: np.ndarray | None = None  # (K,) int8
    box: np.ndarray | None = None  # x1, y1, x2, y2 around the garment, (4,); None: all the picture
    score: float = 1.0  # how sure a detector or a prediction is of it; 1 of truth


@dataclass(frozen=True)
class Layout:
    """What a data folder holds, in parts of the dataset's own."""

    train: tuple[Any, ...]  # every labelled part but the test one
    test: Any | None
    validation: Any | None = None  # one of `train` that the data themselves hold out
