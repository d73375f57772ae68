"""What the colours and the dots of a drawing mean, as a strip to set below pictures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from aifashion.visualize import marks, text
from aifashion.visualize.colours import INK, PAPER, PARTS, Colour, part_of, shade

_DOTS = ("visible", "occluded", "unsure", "doubtful")
_GREY = shade("other", "middle")


@dataclass(frozen=True)
class _Entry:
    """A word, and what draws the sign before it at (x, y)."""

    words: str
    sign_width: int
    sign: Callable[[np.ndarray, float, float], None]


def legend(
    names: Iterable[str], width: int, size: int = 14, dots: Iterable[str] = _DOTS,
    paper: Colour = PAPER,
) -> np.ndarray:  # fmt: skip
    """A strip that explains the parts' colours, left, middle and right, and the kinds of dots.

    Args:
        names: keypoints whose parts are explained.
        width: of the strip, pixels; entries go on in further rows where one is full.
        size: of the text, pixels.
        dots: which kinds of dots are explained: visible, occluded, unsure, doubtful.
        paper: the colour behind it all; the text is dark or light to suit it.

    Returns:
        (H, width, 3) uint8 RGB; of height 0 where there is nothing to explain.
    """
    present = {part_of(name) for name in names}
    entries = [_part(part, part, size) for part in PARTS if part in present]
    entries += [_part("other", "left, middle, right", size)] if present else []
    entries += [_dot(kind, size) for kind in dots]
    rows = _rows(entries, width, size)
    line = 2 * size
    strip = np.full((len(rows) * line, width, 3), paper, np.uint8)
    ink = INK if sum(paper) > 3 * 128 else PAPER
    for index, row in enumerate(rows):
        for left, entry in row:
            entry.sign(strip, left, (index + 0.5) * line)
            behind = (
                left + entry.sign_width + size // 2,
                round((index + 0.5) * line + 0.36 * size),
            )
            text.put(strip, entry.words, behind, size, ink)
    return strip


def _part(part: str, words: str, size: int) -> _Entry:
    """A bar in three shades: the left's, the middle's and the right's."""
    step = round(0.85 * size)
    thick = max(2, round(0.3 * size))

    def sign(strip: np.ndarray, left: float, middle: float) -> None:
        stops = [(left + 0.2 * size + index * step, middle) for index in range(4)]
        marks.line(strip, stops[0], stops[3], INK, thick + 2)
        for side, index in (("left", 0), ("right", 2), ("middle", 1)):  # over the others' ends
            marks.line(strip, stops[index], stops[index + 1], shade(part, side), thick)

    return _Entry(words, 3 * step + round(0.4 * size), sign)


def _dot(kind: str, size: int) -> _Entry:
    def sign(strip: np.ndarray, left: float, middle: float) -> None:
        centre, radius = (left + 0.5 * size, middle), 0.38 * size
        if kind == "occluded":
            marks.ring(strip, centre, _GREY, radius)
        elif kind == "doubtful":
            marks.hollow(strip, centre, _GREY, radius)
        else:
            marks.disc(strip, centre, marks.paler(_GREY) if kind == "unsure" else _GREY, radius)

    return _Entry(kind, size, sign)


def _rows(entries: list[_Entry], width: int, size: int) -> list[list[tuple[int, _Entry]]]:
    """The entries, each with its left end, in rows not wider than `width` where one fits."""
    rows, right = [], width
    for entry in entries:
        length = entry.sign_width + size // 2 + text.measure(entry.words, size)
        if not rows or right + length > width:
            rows.append([])
            right = 0
        rows[-1].append((right, entry))
        right += length + round(1.8 * size)
    return rows
