"""What a drawn garment is: parts with outlines, seams and exact keypoints, in its own frame.

The garment frame: x to the viewer's right, y down, the origin at the middle of the neck (tops) or
of the waistband (bottoms), the unit about the garment's width (shoulder to shoulder, or the
waistband). Everything a picture shows of an outfit is a `Part`: cloth, the wearer's body, and
what lies in front; so one rule, `Garment.hidden`, says which keypoints are covered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from aifashion.datasets.schema import other_side

# A point this far inside a part in front of it (in units) is covered; nearer, it is on an edge.
COVERED = 0.012


@dataclass(frozen=True)
class Part:
    """One flat piece of an outfit."""

    name: str
    cloth: str  # whose fabric it has: main, trim, lining, second, skin, hair, shoe, thing, paper
    outline: np.ndarray  # (N, 2) float64, closed, the garment frame
    keypoints: Mapping[str, np.ndarray] = field(default_factory=dict)  # name -> (2,), on `outline`
    seams: tuple[np.ndarray, ...] = ()  # (n, 2) each: stitched lines, drawn inside the part
    grain: float = 0.0  # radians its fabric is turned by, as a sleeve's turns with the arm


@dataclass(frozen=True)
class Garment:
    """An outfit with one garment that the picture is about: its parts carry the keypoints."""

    category: str
    parts: tuple[Part, ...]  # from the back to the front

    def keypoints(self) -> dict[str, np.ndarray]:
        """Every keypoint by name, (2,) float64 in the garment frame."""
        return {name: point for part in self.parts for name, point in part.keypoints.items()}

    def hidden(self) -> set[str]:
        """The keypoints that lie well inside a part in front of their own."""
        return {
            name
            for depth, part in enumerate(self.parts)
            for name, point in part.keypoints.items()
            if any(_inside(front.outline, point) > COVERED for front in self.parts[depth + 1 :])
        }

    def extent(self) -> np.ndarray:
        """The outlines of the parts that carry keypoints, (N, 2): the garment without the rest."""
        return np.concatenate([part.outline for part in self.parts if part.keypoints])


def _inside(outline: np.ndarray, point: np.ndarray) -> float:
    """How far inside the outline the point is, in units; negative outside."""
    x, y = point.tolist()
    return cv2.pointPolygonTest(outline.astype(np.float32), (x, y), True)


# === Lines ===


def line(*points: tuple[float, float] | np.ndarray) -> np.ndarray:
    """The points as (N, 2) float64."""
    return np.array(points, np.float64)


def curve(*controls: tuple[float, float] | np.ndarray, steps: int = 12) -> np.ndarray:
    """The cubic Bezier curve of four control points, (steps, 2), its ends exact."""
    a, b, c, d = np.array(controls, np.float64)
    t = np.linspace(0, 1, steps)[:, None]
    points = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
    points[0], points[-1] = a, d
    return points


def ellipse(centre: tuple[float, float], radii: tuple[float, float], steps: int = 24) -> np.ndarray:
    """A closed ellipse, (steps, 2)."""
    turn = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    return np.array(centre) + np.array(radii) * np.stack([np.cos(turn), np.sin(turn)], 1)


def limb(start: tuple[float, float] | np.ndarray, headings: np.ndarray, step: float) -> np.ndarray:
    """A centre line of equal steps, (n, 2), each in its heading (n,): radians from straight down
    towards positive x. The first heading is that of the start."""
    steps = step * np.stack([np.sin(headings), np.cos(headings)], 1)
    return np.array(start) + np.concatenate([np.zeros((1, 2)), np.cumsum(steps[1:], 0)])


def edges(centre: np.ndarray, headings: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, ...]:
    """The two sides (n, 2) of a limb of half widths (n,): that towards positive x when it hangs
    straight down, and the other."""
    across = half[:, None] * np.stack([np.cos(headings), -np.sin(headings)], 1)
    return centre + across, centre - across


# === Left and right ===


def mirrored(part: Part) -> Part:
    """The part on the other side of the garment, left and right exchanged in its names."""
    flip = np.array([-1.0, 1.0])
    return replace(
        part,
        name=other_side(part.name),
        outline=part.outline[::-1] * flip,
        keypoints={other_side(name): point * flip for name, point in part.keypoints.items()},
        seams=tuple(seam * flip for seam in part.seams),
        grain=-part.grain,
    )


def both_sides(points: np.ndarray) -> np.ndarray:
    """A right half from the middle, (n, 2), closed by its mirror image: (2n, 2)."""
    return np.concatenate([points, points[::-1] * np.array([-1.0, 1.0])])
