"""Text on pictures in a scalable font, measured before it is drawn.

Sizes are pixels of a line's height without its descenders.
"""

import cv2
import numpy as np

from aifashion.visualize.colours import Colour

_FACE = cv2.FontFace("sans")
REGULAR, BOLD = 450, 650  # weights
_SMALLEST = 10


def size_for(side: int) -> int:
    """The size of a label on a picture whose longer side is `side` pixels."""
    return max(_SMALLEST, round(side / 52))


def measure(text: str, size: int, weight: int = REGULAR) -> int:
    """The width of a line of text in pixels; nothing has none."""
    if not text.strip():
        return 0
    left, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _FACE, size, weight)
    return left + width


def fitted(text: str, width: int, size: int, weight: int = REGULAR) -> str:
    """The text, its end cut off and shown as … where it is wider than `width` pixels."""
    if measure(text, size, weight) <= width:
        return text
    kept = text
    while kept and measure(f"{kept.rstrip()}…", size, weight) > width:
        kept = kept[:-1]
    return f"{kept.rstrip()}…" if kept else ""


def put(
    image: np.ndarray, line: str, place: tuple[int, int], size: int, colour: Colour,
    weight: int = REGULAR,
) -> None:  # fmt: skip
    """Draws a line of text onto the picture; `place` is its left end on the base line, pixels."""
    if line.strip():
        cv2.putText(image, line, place, colour, _FACE, size, weight)
