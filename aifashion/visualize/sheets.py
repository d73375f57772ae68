"""Many pictures on one sheet of paper, with captions, numbers, a title and a legend."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aifashion.visualize import text
from aifashion.visualize.colours import INK, PAPER, Colour, mix
from aifashion.visualize.garments import resized
from aifashion.visualize.legend import legend

PAPERS = {"white": PAPER, "dark": INK}


@dataclass(frozen=True)
class SheetStyle:
    """What a sheet bears beside its pictures."""

    captions: Sequence[str] = ()  # one a picture; the lines after the first are grey
    numbers: bool = False  # 1 … N under the pictures, before their captions
    title: str = ""
    legend: Sequence[str] = ()  # keypoints whose colours are explained at the foot
    dots: Sequence[str] = ("visible", "occluded")  # kinds of dots explained there
    paper: str = "white"  # or dark


@dataclass(frozen=True)
class _Grid:
    """Places on the sheet, pixels."""

    columns: int
    rows: int
    side: int  # from a cell to the next
    box: int  # the square in a cell that a picture is fitted into
    head: int  # what the title takes
    caption: int  # what captions take below a picture
    size: int  # of captions' text

    def corner(self, place: int) -> tuple[int, int]:
        """Left and top of the box at a place, the gaps along each direction being even."""
        row, column = divmod(place, self.columns)
        left = self._even(column, self.columns, self.side)
        return left, self.head + self._even(row, self.rows, self.side) + row * self.caption

    def _even(self, index: int, count: int, side: int) -> int:
        gap = count * (side - self.box) / (count + 1)
        return round(gap + index * (self.box + gap))


def contact_sheet(
    pictures: Sequence[np.ndarray], columns: int, side: int = 420, style: SheetStyle | None = None
) -> np.ndarray:
    """Pictures, each fitted into a square of nearly `side` pixels, on paper, row by row.

    Args:
        pictures: (H, W, 3) uint8 RGB each.
        columns: how many stand in a row, fewer where there are not so many pictures.
        side: the pitch of the sheet; captions come on top of it.

    Returns:
        (rows * side, columns * side, 3) uint8 RGB, higher by title, captions and legend. Without
        pictures one empty row.

    Raises:
        ValueError: columns is not positive, or captions are not one a picture.
    """
    style = style or SheetStyle()
    if columns < 1:
        raise ValueError(f"columns is {columns}; a sheet has one at least")
    if style.captions and len(style.captions) != len(pictures):
        raise ValueError(f"{len(style.captions)} captions for {len(pictures)} pictures")
    grid = _grid(len(pictures), columns, side, style)
    paper = PAPERS[style.paper]
    ink = PAPER if style.paper == "dark" else INK
    height = grid.head + grid.rows * (side + grid.caption)
    sheet = np.full((height, grid.columns * side, 3), paper, np.uint8)
    for place, picture in enumerate(pictures):
        left, top = grid.corner(place)
        _set(sheet, picture, (left, top, grid.box), at_foot=grid.caption > 0)
        lines = _lines(style, place)
        _write(sheet, lines, (left, top + grid.box), grid, ink)
    _title(sheet, style.title, grid, ink)
    return _with_foot(sheet, style, grid, paper)


def sheet_box(count: int, columns: int, side: int) -> int:
    """The longer side of pictures that stand on a sheet as they are, so that lines stay crisp."""
    return _grid(count, columns, side, SheetStyle()).box


def _grid(count: int, columns: int, side: int, style: SheetStyle) -> _Grid:
    columns = max(1, min(columns, count))
    rows = max(1, -(-count // columns))
    gap = max(2, side // 40)
    size = min(20, max(10, round(side / 18)))
    most = max((caption.count("\n") + 1 for caption in style.captions), default=0)
    lines = max(most, int(style.numbers))
    return _Grid(
        columns=columns,
        rows=rows,
        side=side,
        box=max(1, side - gap - -(-gap // min(rows, columns))),
        head=round(3.2 * size) if style.title else 0,
        caption=round(1.35 * size * lines + 0.4 * size) if lines else 0,
        size=size,
    )


def _set(sheet: np.ndarray, picture: np.ndarray, box, at_foot: bool) -> None:
    """Puts a picture into a box (left, top, side): in its middle, or on its foot."""
    left, top, side = box
    if 0 in picture.shape:
        return
    small = resized(picture, side / max(picture.shape[:2]))[:side, :side]
    top += (side - small.shape[0]) // (1 if at_foot else 2)
    left += (side - small.shape[1]) // 2
    sheet[top : top + small.shape[0], left : left + small.shape[1]] = small


def _lines(style: SheetStyle, place: int) -> list[str]:
    lines = style.captions[place].split("\n") if style.captions else [""]
    if style.numbers:
        lines[0] = f"{place + 1}  {lines[0]}".rstrip()
    return lines


def _write(sheet: np.ndarray, lines: list[str], place, grid: _Grid, ink: Colour) -> None:
    """Writes lines below a picture, each in the middle of its box."""
    left, bottom = place
    grey = mix(ink, PAPER if ink == INK else INK, 0.4)
    for index, line in enumerate(lines):
        weight, tone = (text.BOLD, ink) if index == 0 else (text.REGULAR, grey)
        words = text.fitted(line, grid.box, grid.size, weight)
        start = left + (grid.box - text.measure(words, grid.size, weight)) // 2
        down = bottom + round((1.35 * index + 1.3) * grid.size)
        text.put(sheet, words, (start, down), grid.size, tone, weight)


def _title(sheet: np.ndarray, title: str, grid: _Grid, ink: Colour) -> None:
    size = round(1.5 * grid.size)
    left = grid.corner(0)[0]
    words = text.fitted(title, sheet.shape[1] - 2 * left, size, text.BOLD)
    text.put(sheet, words, (left, round(2.3 * grid.size)), size, ink, text.BOLD)


def _with_foot(sheet: np.ndarray, style: SheetStyle, grid: _Grid, paper: Colour) -> np.ndarray:
    """The sheet with the legend below it, where one was asked for."""
    if not style.legend:
        return sheet
    left = grid.corner(0)[0]
    strip = legend(style.legend, sheet.shape[1] - 2 * left, grid.size, style.dots, paper)
    foot = np.full((len(strip) + grid.size, sheet.shape[1], 3), paper, np.uint8)
    foot[: len(strip), left : left + strip.shape[1]] = strip
    return np.concatenate([sheet, foot])
