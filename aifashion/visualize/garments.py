"""A garment's keypoints and skeleton on its picture; truth and prediction beside one another."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from aifashion.datasets.schema import ABSENT, OCCLUDED, KeypointSchema
from aifashion.visualize import labels as placing
from aifashion.visualize import marks, text
from aifashion.visualize.colours import INK, PAPER, colour_of, edge_colour

DOUBTFUL, SURE = 0.3, 0.6  # confidence below: a hollow dot; from here on: one of full colour


@dataclass(frozen=True)
class Garment:
    """What is drawn: keypoints (K, 2) in the picture's pixels, confidence (K,), visibility (K,).

    Without visibility every keypoint of the category that lies in the picture is drawn.
    """

    category: str
    keypoints: np.ndarray
    confidence: np.ndarray
    visibility: np.ndarray | None = None  # 0 absent, 1 occluded, 2 visible


@dataclass(frozen=True)
class _Dot:
    """A keypoint on the paper."""

    point: np.ndarray  # (2,)
    confidence: float
    occluded: bool

    @property
    def faint(self) -> bool:
        return self.occluded or self.confidence < DOUBTFUL


def draw_keypoints(
    image: np.ndarray, garment: Garment, schema: KeypointSchema, side: int = 768,
    labels: bool = True,
) -> np.ndarray:  # fmt: skip
    """Draws a garment's skeleton and keypoints, in the colours of its parts, and their names.

    A keypoint below `SURE` is pale, below `DOUBTFUL` hollow; an occluded one is a ring. An edge
    with a hollow or occluded end is dashed. A point outside the picture counts as absent.

    Args:
        image: (H, W, 3) uint8 RGB.
        schema: knows the garment's category.
        side: the longer side of the result, so that names are readable on small pictures.
        labels: whether names stand beside the garment; where the picture has no room for them it
            becomes smaller and gets strips of white paper. Confidence stands behind a name where
            the garment has no visibility.

    Returns:
        a new picture, (H', W', 3) uint8 RGB.
    """
    points = _present(image, garment, schema)
    width, height = image.shape[1], image.shape[0]
    notes = {name: _note(garment, schema, name) for name in points}
    named = points if labels else {}
    layout = placing.arrange(named, notes, (width, height), side)
    paper = _paper(image, layout)
    dots = {
        name: _dot(garment, schema, name, point * layout.scale + layout.corner)
        for name, point in points.items()
    }
    _draw_skeleton(paper, dots, schema.skeletons[garment.category], side)
    clear = {name: _radius(side) if dot.occluded else 0.0 for name, dot in dots.items()}
    placing.draw_leaders(paper, layout.labels, clear)
    _draw_dots(paper, dots, side)
    placing.draw(paper, layout.labels, side)
    return paper


def draw_errors(
    image: np.ndarray, truth: Garment, prediction: Garment, schema: KeypointSchema, side: int = 768
) -> np.ndarray:
    """Draws a prediction without names, and from each keypoint a line to a white x on the truth.

    Returns:
        a new picture, (H', W', 3) uint8 RGB, its longer side `side`.
    """
    drawing = draw_keypoints(image, prediction, schema, side, labels=False)
    scale = side / max(image.shape[:2])
    right, found = _present(image, truth, schema), _present(image, prediction, schema)
    both = {name: (found[name] * scale, right[name] * scale) for name in right if name in found}
    lines = [(*marks.trimmed(*ends, _radius(side), 0), PAPER) for ends in both.values()]
    marks.haloed_lines(drawing, lines, max(1, _width(side) - 1))
    for _, place in both.values():
        marks.cross(drawing, place, 0.62 * _radius(side))
    return drawing


def draw_truth_beside(
    image: np.ndarray, truth: Garment, prediction: Garment, schema: KeypointSchema,
    side: int = 768, caption: str = "prediction",
) -> np.ndarray:  # fmt: skip
    """Draws the truth and, right of it, the prediction with a line from each keypoint to its truth.

    Args:
        image: (H, W, 3) uint8 RGB.
        side: the longer side of each of the two pictures.
        caption: what stands over the prediction, such as "prediction, NE 4.2 %".

    Returns:
        a new picture, (H', W', 3) uint8 RGB, on white paper with the two captions.
    """
    pair = (
        draw_keypoints(image, truth, schema, side, labels=False),
        draw_errors(image, truth, prediction, schema, side),
    )
    height, width = pair[0].shape[:2]
    size = round(1.2 * text.size_for(side))
    gap, head = max(4, side // 48), round(2.0 * size)
    paper = np.full((height + head, 2 * width + gap, 3), PAPER, np.uint8)
    for left, drawing, words in zip((0, width + gap), pair, ("truth", caption), strict=True):
        paper[head:, left : left + width] = drawing
        fitting = text.fitted(words, width, size, text.BOLD)
        text.put(paper, fitting, (left, round(1.35 * size)), size, INK, text.BOLD)
    return paper


def resized(image: np.ndarray, scale: float) -> np.ndarray:
    """The picture `scale` times as large, each side a pixel at least."""
    height, width = (max(1, round(length * scale)) for length in image.shape[:2])
    # Averaging loses no detail to aliasing; it would show squares where a picture grows.
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=how)


def _present(image: np.ndarray, garment: Garment, schema: KeypointSchema) -> dict[str, np.ndarray]:
    """The category's keypoints that are there and in the picture: name -> (2,), its pixels."""
    limits = np.array(image.shape[1::-1])
    names = schema.categories[garment.category]
    found = {}
    for name, row in zip(names, schema.indices(names), strict=True):
        point = np.asarray(garment.keypoints[row], float)
        there = garment.visibility is None or garment.visibility[row] != ABSENT
        if there and (point >= 0).all() and (point <= limits).all():  # false where not finite
            found[name] = point
    return found


def _note(garment: Garment, schema: KeypointSchema, name: str) -> str:
    """The confidence for a label; a truth has none."""
    if garment.visibility is not None:
        return ""
    return f"{float(garment.confidence[schema.keypoints.index(name)]):.2f}"


def _dot(garment: Garment, schema: KeypointSchema, name: str, point: np.ndarray) -> _Dot:
    row = schema.keypoints.index(name)
    occluded = garment.visibility is not None and garment.visibility[row] == OCCLUDED
    return _Dot(point, float(garment.confidence[row]), bool(occluded))


def _paper(image: np.ndarray, layout: placing.Layout) -> np.ndarray:
    """The scaled picture on its paper, which is no larger where there are no strips."""
    picture = resized(image, layout.scale)
    width, height = layout.size
    paper = np.full((height, width, 3), PAPER, np.uint8)
    x, y = layout.corner
    paper[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return paper


def _width(side: int) -> int:
    """The width of a skeleton's lines."""
    return max(2, round(side / 280))


def _radius(side: int) -> float:
    """The radius of a dot."""
    return 1.6 + side / 170


def _draw_skeleton(image: np.ndarray, dots: Mapping[str, _Dot], edges, side: int) -> None:
    lines = []
    for start, end in edges:
        if start not in dots or end not in dots:
            continue
        # A line ends at the rim of a ring, whose inside stays clear.
        cuts = [_radius(side) if dots[name].occluded else 0.0 for name in (start, end)]
        ends = marks.trimmed(dots[start].point, dots[end].point, *cuts)
        broken = dots[start].faint or dots[end].faint
        pieces = marks.dashes(*ends, _width(side)) if broken else [ends]
        lines += [(*piece, edge_colour(start, end)) for piece in pieces]
    marks.haloed_lines(image, lines, _width(side))


def _draw_dots(image: np.ndarray, dots: Mapping[str, _Dot], side: int) -> None:
    for name, dot in dots.items():
        colour = colour_of(name)
        if dot.occluded:
            marks.ring(image, dot.point, colour, _radius(side))
        elif dot.confidence < DOUBTFUL:
            marks.hollow(image, dot.point, colour, _radius(side))
        else:
            tone = colour if dot.confidence >= SURE else marks.paler(colour)
            marks.disc(image, dot.point, tone, _radius(side))
