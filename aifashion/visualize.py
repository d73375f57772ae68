"""Pictures of results: keypoints, skeletons, names and confidence, drawn onto a picture."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from aifashion.datasets.schema import KeypointSchema

_LEFT, _RIGHT, _MIDDLE = (255, 140, 0), (0, 150, 255), (60, 200, 90)  # RGB
_EDGE, _INK, _PAPER = (245, 245, 245), (20, 20, 20), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SHIFT = 4  # fractional bits of cv2's coordinates


@dataclass(frozen=True)
class Garment:
    """What is drawn: keypoints (K, 2) in the picture's pixels, confidence (K,)."""

    category: str
    keypoints: np.ndarray
    confidence: np.ndarray


def draw_keypoints(
    image: np.ndarray, garment: Garment, schema: KeypointSchema, side: int = 768
) -> np.ndarray:
    """Draws a garment's skeleton, keypoints, their names and confidence.

    Args:
        image: (H, W, 3) uint8 RGB.
        side: the longer side of the result, so that names are readable on small pictures.

    Returns:
        a new picture, (H', W', 3) uint8 RGB; keypoints of doubtful confidence are hollow.
    """
    scale = side / max(image.shape[:2])
    resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    points = {
        name: garment.keypoints[schema.keypoints.index(name)] * scale
        for name in schema.categories[garment.category]
    }
    thickness = max(1, round(side / 300))
    for start, end in schema.skeletons[garment.category]:
        _line(resized, points[start], points[end], _INK, thickness + 2)
        _line(resized, points[start], points[end], _EDGE, thickness)
    for label in _place_labels(points, garment, schema, resized.shape):
        _draw_label(resized, label)
    for name, point in points.items():
        confidence = float(garment.confidence[schema.keypoints.index(name)])
        _dot(resized, point, _colour(name), 2.2 * thickness, filled=confidence >= 0.3)
    return resized


def _colour(name: str) -> tuple[int, int, int]:
    words = name.split("_")
    return _LEFT if "left" in words else _RIGHT if "right" in words else _MIDDLE


def _fixed(point) -> tuple[int, int]:
    """Continuous coordinates as cv2's fixed-point pixel indices."""
    return tuple(int(v) for v in np.round((np.asarray(point) - 0.5) * 2**_SHIFT))


def _line(image, start, end, colour, thickness) -> None:
    cv2.line(image, _fixed(start), _fixed(end), colour, thickness, cv2.LINE_AA, _SHIFT)


def _dot(image, point, colour, radius: float, filled: bool) -> None:
    fixed = round(radius * 2**_SHIFT)
    border = round((radius + 1.5) * 2**_SHIFT)
    cv2.circle(image, _fixed(point), border, _INK, -1, cv2.LINE_AA, _SHIFT)
    cv2.circle(image, _fixed(point), fixed, colour, -1, cv2.LINE_AA, _SHIFT)
    if not filled:
        cv2.circle(image, _fixed(point), fixed // 2, _PAPER, -1, cv2.LINE_AA, _SHIFT)


@dataclass(frozen=True)
class _Label:
    """A text on a plate: its left upper corner and size, pixels."""

    text: str
    left: float
    top: float
    width: int
    height: int
    colour: tuple[int, int, int]

    def overlaps(self, other: "_Label") -> bool:
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and abs(self.top - other.top) < self.height
        )


def _place_labels(points: dict, garment: Garment, schema: KeypointSchema, shape) -> list[_Label]:
    """A label beside each point, on its own side, moved down until no two overlap."""
    labels = []
    for name, (x, y) in sorted(points.items(), key=lambda item: item[1][1]):
        confidence = float(garment.confidence[schema.keypoints.index(name)])
        text = f"{name} {confidence:.2f}"
        (width, height), _ = cv2.getTextSize(text, _FONT, _text_scale(shape), 1)
        width, height = width + 8, height + 8
        gap = shape[0] / 70
        left = x - width - gap if "left" in name.split("_") else x + gap
        left = float(np.clip(left, 2, max(2, shape[1] - width - 2)))
        top = float(np.clip(y - height / 2, 2, shape[0] - height - 2))
        label = _Label(text, left, top, width, height, _colour(name))
        while any(label.overlaps(other) for other in labels):
            label = replace(label, top=label.top + 2)
        labels.append(label)
    return labels


def _text_scale(shape) -> float:
    return max(shape[:2]) / 1900


def _draw_label(image: np.ndarray, label: _Label) -> None:
    left, top = round(label.left), round(label.top)
    plate = image[top : top + label.height, left : left + label.width]
    plate[:] = (0.35 * plate + 0.65 * np.array(_INK)).astype(np.uint8)
    light = tuple(int(150 + 0.41 * level) for level in label.colour)
    place = (left + 4, top + label.height - 5)
    scale = _text_scale(image.shape)
    cv2.putText(image, label.text, place, _FONT, scale, light, 1, cv2.LINE_AA)


def contact_sheet(pictures: list[np.ndarray], columns: int, side: int = 420) -> np.ndarray:
    """Pictures (H, W, 3), each fitted into a square of `side` pixels on white, row by row."""
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * side, columns * side, 3), 255, np.uint8)
    for place, picture in enumerate(pictures):
        scale = (side - 8) / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        row, column = divmod(place, columns)
        top = row * side + (side - small.shape[0]) // 2
        left = column * side + (side - small.shape[1]) // 2
        sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
    return sheet
