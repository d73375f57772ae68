"""What a drawn garment is: parts with outlines, seams, folds and exact keypoints, in its own frame.

The garment frame: x to the viewer's right, y down, the origin at the middle of the neck (tops) or
of the waistband (bottoms), the unit about the garment's width (shoulder to shoulder, or the
waistband). Whatever a picture shows is a `Part` with a layer: cloth of this or another garment, the
wearer's body, and what lies in front; so one rule, `Outfit.hidden`, says which keypoints are
covered. What the parts are called and which attributes there are stands in `vocabulary`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from aifashion.datasets.schema import other_side
from aifashion.datasets.synthetic.fabrics.cloth import Fabric
from aifashion.datasets.synthetic.garments.geometry import FLIP, Warp

# A point this far inside a part in front of it (in units) is covered; nearer, it is on an edge.
COVERED = 0.012

# Layers, from the back to the front. A garment's own parts keep to the wide gaps between them.
BEHIND, LINING, NECK, HEAD, LEGS, BOTTOM, ARM_BEHIND = 0, 10, 15, 17, 20, 30, 40
BODY, TRIM, BELT, ARM, LOCK, THING = 50, 60, 65, 75, 80, 90


@dataclass(frozen=True)
class Fold:
    """A crease or a bulge: a soft ridge along a path."""

    path: np.ndarray  # (n, 2)
    width: float  # units
    height: float  # about -1 (a deep crease) to 1 (a high ridge)


@dataclass(frozen=True)
class Part:
    """One flat piece of what a picture shows."""

    name: str  # of its own in the garment: sleeve_right
    kind: str  # one of vocabulary.PARTS or OTHERS
    cloth: str  # which cloth of its garment's; of the wearer: skin, hair, shoe; thing, wood, paper
    outline: np.ndarray  # (N, 2) float64, closed, the garment frame
    layer: float
    keypoints: Mapping[str, np.ndarray] = field(default_factory=dict)  # name -> (2,), on `outline`
    seams: tuple[np.ndarray, ...] = ()  # (n, 2) each: stitched lines, drawn inside the part
    folds: tuple[Fold, ...] = ()
    grain: float = 0.0  # radians its fabric is turned by, as a sleeve's turns with the arm
    landmarks: Mapping[str, np.ndarray] = field(default_factory=dict)  # see `landmarks`; (2,) each

    def mapped(self, warp: Warp) -> "Part":
        """The part with every point moved."""
        return replace(
            self,
            outline=warp(self.outline),
            keypoints=_moved(self.keypoints, warp),
            landmarks=_moved(self.landmarks, warp),
            seams=tuple(warp(seam) for seam in self.seams),
            folds=tuple(replace(fold, path=warp(fold.path)) for fold in self.folds),
        )

    def mirrored(self) -> "Part":
        """The part on the other side of the garment, left and right exchanged in its names."""
        part = self.mapped(lambda points: points * FLIP)
        return replace(
            part,
            name=other_side(self.name),
            outline=part.outline[::-1],
            keypoints={other_side(name): point for name, point in part.keypoints.items()},
            landmarks={other_side(name): point for name, point in part.landmarks.items()},
            grain=-self.grain,
        )


@dataclass(frozen=True)
class Garment:
    """One garment, as its design made it and the pose bent it."""

    category: str  # one of vocabulary.CATEGORIES or MORE_CATEGORIES
    identity: int  # the same piece in another picture has the same one
    attributes: Mapping[str, str]  # name -> one of vocabulary.ATTRIBUTES[name]
    parts: tuple[Part, ...]
    limbs: tuple[Part, ...]  # the wearer's arms or legs, where the pose puts them
    fit: tuple[float, float]  # half width and height of its waist, where another garment joins
    cloths: Mapping[str, Fabric] = field(default_factory=dict)

    def keypoints(self) -> dict[str, np.ndarray]:
        """Every keypoint by name, (2,) float64 in the garment frame."""
        return {name: point for part in self.parts for name, point in part.keypoints.items()}

    def landmarks(self) -> dict[str, np.ndarray]:
        """Every landmark by name, (2,) float64 in the garment frame."""
        return {name: point for part in self.parts for name, point in part.landmarks.items()}

    def extent(self) -> np.ndarray:
        """The outlines of the parts that carry keypoints, (N, 2): the garment without the rest."""
        return np.concatenate([part.outline for part in self.parts if part.keypoints])

    def mapped(self, warp: Warp, scale: float) -> "Garment":
        """The garment with every point moved; `scale` is how much its unit grows by it."""
        return replace(
            self,
            parts=tuple(part.mapped(warp) for part in self.parts),
            limbs=tuple(part.mapped(warp) for part in self.limbs),
            cloths={
                name: replace(cloth, period=cloth.period * scale)
                for name, cloth in self.cloths.items()
            },
        )


@dataclass(frozen=True)
class Layer:
    """A part, and whose it is."""

    part: Part
    garment: int | None  # place among the outfit's garments; None: the wearer's, or a thing


@dataclass(frozen=True)
class Outfit:
    """Everything in front of the background. The picture is about the first of the garments."""

    garments: tuple[Garment, ...]
    layers: tuple[Layer, ...]  # from the back to the front
    shown: str  # worn, mannequin, hanger, flat
    setting: str | None = None  # a key of backgrounds.PLACES; None: as `shown`

    def hidden(self, garment: int = 0) -> set[str]:
        """The garment's keypoints that lie well inside a part in front of their own."""
        return {
            name
            for depth, layer in enumerate(self.layers)
            if layer.garment == garment
            for name, point in layer.part.keypoints.items()
            if self._covers(depth, point)
        }

    def hidden_landmarks(self, garment: int = 0) -> set[str]:
        """The garment's landmarks that lie well inside a part in front of their own."""
        return {
            name
            for depth, layer in enumerate(self.layers)
            if layer.garment == garment
            for name, point in layer.part.landmarks.items()
            if self._covers(depth, point)
        }

    def _covers(self, depth: int, point: np.ndarray) -> bool:
        """Whether the point of the part at a depth lies well inside a part in front of it."""
        return any(inside(front.part, point) > COVERED for front in self.layers[depth + 1 :])


def _moved(points: Mapping[str, np.ndarray], warp: Warp) -> dict[str, np.ndarray]:
    moved = warp(np.array([*points.values()])) if points else ()
    return dict(zip(points, moved, strict=True))


def inside(part: Part, point: np.ndarray) -> float:
    """How far inside the part's outline the point is, in units; negative outside."""
    x, y = point.tolist()
    return cv2.pointPolygonTest(part.outline.astype(np.float32), (x, y), True)
