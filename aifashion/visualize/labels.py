"""Where labels stand: in a column left and a column right of the garment, each beside its dot.

The columns lie outside the keypoints, so that no label covers one; a picture without room for them
gets a strip of paper. Within a column labels keep the order and, nearly, the heights of their dots.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import cv2
import numpy as np

from aifashion.visualize import marks, text
from aifashion.visualize.colours import INK, PAPER, colour_of, mix, short_name

Point = tuple[float, float]
_RIM, _GREY = mix(PAPER, INK, 0.2), mix(PAPER, INK, 0.6)
_LEADER = 0.6  # how much of what lies below it a leader line covers
_LEAST_SCALE = 0.5  # a picture is made this much smaller at most to have room for labels


@dataclass(frozen=True)
class Label:
    """A name on a plate, pixels of the result; `dot` is the keypoint it names."""

    name: str
    note: str  # behind the name, in grey
    dot: Point
    left: int
    top: int
    width: int
    height: int
    facing: int  # -1: it stands left of the garment, 1: right of it

    @property
    def port(self) -> Point:
        """Where the leader line arrives: the middle of the edge that faces the garment."""
        x = self.left if self.facing > 0 else self.left + self.width
        return (x, self.top + self.height / 2)

    @property
    def leader(self) -> tuple[Point, Point, Point]:
        """The leader line: from the dot to a bend beside the plate, from there level to it."""
        x, y = self.port
        return (self.dot, (x - self.facing * self.height / 3, y), (x, y))


@dataclass(frozen=True)
class Layout:
    """A labelled picture: its scale, its left upper corner on the paper, the paper's size."""

    scale: float
    corner: tuple[int, int]  # x, y
    size: tuple[int, int]  # width, height
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class _Column:
    """The labels of one side from the top."""

    facing: int
    names: tuple[str, ...]
    notes: tuple[str, ...]
    points: np.ndarray  # (n, 2), pixels of the picture as it was given
    widths: tuple[int, ...]  # of the plates


def arrange(
    points: Mapping[str, np.ndarray], notes: Mapping[str, str], size: tuple[int, int], side: int
) -> Layout:
    """Finds room for a label a keypoint.

    Args:
        points: name -> (2,), pixels of the picture as given.
        notes: name -> what to write behind the name.
        size: the picture's width and height.
        side: the longer side of the result, picture and strips together. It grows where the
            picture would become less than half of it, or where a column is higher.
    """
    x = [float(point[0]) for point in points.values()]
    middle = (min(x) + max(x)) / 2 if x else 0.0
    left = [name for name in points if points[name][0] <= middle]
    right = [name for name in points if name not in left]
    columns = [_column(-1, left, points, notes, side), _column(1, right, points, notes, side)]
    whole = side / max(size)
    scale = _scale(columns, size, side, whole)
    before, after = _strips(columns, size, side, scale)
    width, height = (max(1, round(length * scale)) for length in size)
    tallest = max(len(column.names) for column in columns) * _pitch(side) + 2 * _margin(side)
    above = max(0, tallest - height) // 2
    edges = _edges(columns, scale, (before, after), width, side)
    paper = (before + width + after, max(height, tallest))
    labels = [
        label
        for column, edge in zip(columns, edges, strict=True)
        for label in _stack(column, column.points * scale + (before, above), edge, (paper[1], side))
    ]
    return Layout(scale, (before, above), paper, tuple(labels))


def _column(facing: int, names, points, notes, side: int) -> _Column:
    names = sorted(names, key=lambda name: (points[name][1], name))
    size = text.size_for(side)
    widths = tuple(_text_width(name, notes[name], size) + _inset(size) for name in names)
    places = np.array([points[name] for name in names], float).reshape(-1, 2)
    return _Column(facing, tuple(names), tuple(notes[name] for name in names), places, widths)


def _text_width(name: str, note: str, size: int) -> int:
    gap = size // 2 if note else 0
    return text.measure(short_name(name), size) + gap + text.measure(note, size)


def _inset(size: int) -> int:
    """What a plate is wider than its text: the coloured bar and the room around the text."""
    return round(1.5 * size)


def _height(side: int) -> int:
    return round(1.55 * text.size_for(side))


def _pitch(side: int) -> int:
    return _height(side) + max(2, round(0.2 * text.size_for(side)))


def _margin(side: int) -> int:
    return max(3, round(0.5 * text.size_for(side)))


def _gap(side: int) -> int:
    """Between the outermost keypoint and a column in the picture."""
    return round(2.2 * text.size_for(side))


def _reach(columns: list[_Column]) -> tuple[float, float]:
    """The x of the leftmost and the rightmost keypoint."""
    x = np.concatenate([column.points[:, 0] for column in columns])
    return (float(x.min()), float(x.max())) if len(x) else (0.0, 0.0)


def _strips(columns: list[_Column], size, side: int, scale: float) -> tuple[int, int]:
    """The paper beside the picture for the left and the right column; 0 where it has room."""
    least, most = _reach(columns)
    strips = []
    for column, room in zip(columns, (least, size[0] - most), strict=True):
        needed = max(column.widths, default=0) + _margin(side)
        inside = room * scale >= needed + _gap(side)
        strips.append(0 if inside or not column.names else needed + 2 * _margin(side))
    return tuple(strips)


def _edges(columns: list[_Column], scale: float, strips, width: int, side: int) -> tuple[int, int]:
    """Where the leaders arrive on the paper: beside the garment, or beside the picture."""
    left, right = (round(strips[0] + x * scale) for x in _reach(columns))
    gap, beside = _gap(side), 2 * _margin(side)
    return (
        strips[0] - beside if strips[0] else left - gap,
        strips[0] + width + beside if strips[1] else right + gap,
    )


def _scale(columns: list[_Column], size, side: int, whole: float) -> float:
    """The largest scale up to `whole` at which picture and strips are not wider than `side`."""

    def fits(scale: float) -> bool:
        return round(size[0] * scale) + sum(_strips(columns, size, side, scale)) <= side

    if fits(whole):
        return whole
    low, high = _LEAST_SCALE * whole, whole
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _stack(column: _Column, dots: np.ndarray, edge: int, limits) -> list[Label]:
    """The labels of a column, not overlapping, their leaders not crossing.

    Args:
        dots: (n, 2), the column's keypoints on the paper.
        edge: x where the leaders arrive.
        limits: the paper's height and the side that sizes are measured by.
    """
    bottom, side = limits
    height, margin = _height(side), _margin(side)
    tops = spread(dots[:, 1] - height / 2, _pitch(side), margin, bottom - margin - height)
    labels = [
        Label(
            name, note, tuple(dot), edge if column.facing > 0 else edge - width, round(top),
            width, height, column.facing,
        )
        for name, note, width, dot, top in zip(
            column.names, column.notes, column.widths, dots.tolist(), tops, strict=True
        )
    ]  # fmt: skip
    return _uncrossed(labels)


def spread(wanted: np.ndarray, pitch: float, least: float, most: float) -> np.ndarray:
    """Positions nearest to the `wanted` ones, ascending (n,), that lie `pitch` apart or more.

    They stay between `least` and `most`, which must leave room for n of them.
    """
    steps = pitch * np.arange(len(wanted))
    runs: list[tuple[float, int]] = []  # mean and length of labels that touch one another
    for value in wanted - steps:
        runs.append((float(value), 1))
        while len(runs) > 1 and runs[-2][0] > runs[-1][0]:
            (mean, count), (other, more) = runs[-2:]
            runs[-2:] = [((mean * count + other * more) / (count + more), count + more)]
    level = np.concatenate([[mean] * count for mean, count in runs]) if runs else np.zeros(0)
    return np.clip(level, least, most - steps[-1] if len(steps) else most) + steps


def _uncrossed(labels: list[Label]) -> list[Label]:
    """Exchanges the places of labels whose leaders cross; each exchange makes them shorter."""
    labels = list(labels)
    for _ in range(len(labels) ** 2):
        crossing = [
            (i, j)
            for i, j in combinations(range(len(labels)), 2)
            if _cross(labels[i].leader[:2], labels[j].leader[:2])
        ]
        if not crossing:
            break
        i, j = crossing[0]
        tops = labels[i].top, labels[j].top
        labels[i], labels[j] = replace(labels[i], top=tops[1]), replace(labels[j], top=tops[0])
    return labels


def _cross(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    """Whether two segments cross inside both."""

    def turn(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    (a, b), (c, d) = first, second
    return turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0


def draw(image: np.ndarray, labels: tuple[Label, ...], side: int) -> None:
    """Draws plates and their texts onto the paper."""
    size = text.size_for(side)
    for label in labels:
        left, top, right, bottom = (
            label.left, label.top, label.left + label.width, label.top + label.height,
        )  # fmt: skip
        plate = image[top:bottom, left:right]
        plate[:] = np.round(0.12 * plate + 0.88 * np.array(PAPER)).astype(np.uint8)
        cv2.rectangle(image, (left, top), (right - 1, bottom - 1), _RIM, 1)
        bar = max(3, round(0.32 * size))
        start = left if label.facing > 0 else right - bar
        image[top:bottom, start : start + bar] = colour_of(label.name)
        place = (left + round(0.6 * size) + (bar if label.facing > 0 else 0), bottom - _base(size))
        name = short_name(label.name)
        text.put(image, name, place, size, INK)
        behind = (place[0] + text.measure(name, size) + size // 2, place[1])
        text.put(image, label.note, behind, size, _GREY)


def draw_leaders(image: np.ndarray, labels: tuple[Label, ...], clear: Mapping[str, float]) -> None:
    """Draws the thin lines from dots to plates, which let the cloth shine through.

    Args:
        clear: name -> how far from the keypoint its line begins, pixels.
    """
    drawn = image.copy()
    for tone, width in ((PAPER, 3), (INK, 1)):
        for label in labels:
            dot, bend, port = label.leader
            begin, _ = marks.trimmed(dot, bend, clear[label.name], 0)
            for start, end in pairwise((begin, bend, port)):
                marks.line(drawn, start, end, tone, width)
    image[:] = cv2.addWeighted(drawn, _LEADER, image, 1 - _LEADER, 0)


def _base(size: int) -> int:
    """From a plate's bottom up to its text's base line."""
    return round(0.44 * size)
