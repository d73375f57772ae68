"""Charts as inline SVG: lines, bars and their axes. Colours and fonts are the page's CSS."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aifashion.report.markup import Markup, element

NARROW, WIDE = 360, 520  # widths of a chart in its own units, near a large screen's pixels
HEIGHT = 236
TOP, RIGHT, BOTTOM, LEFT = 14, 10, 38, 44
NAMES = 48  # room at the right for the names of lines
FEW = 16  # as many points are marked with dots


@dataclass(frozen=True)
class Axis:
    """One direction of a chart: what it shows, from where to where."""

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    log: bool = False
    show: Callable[[float], str] = "{:g}".format

    def share(self, value: float) -> float:
        """Where a value lies on the axis, 0 … 1."""
        if self.log:
            low, high, value = math.log(self.low), math.log(self.high), math.log(value)
        else:
            low, high = self.low, self.high
        return (value - low) / (high - low)


@dataclass(frozen=True)
class Line:
    """A curve: (x, y) points; the strong one is the one to look at."""

    name: str
    points: Sequence[tuple[float, float]]
    strong: bool = False


def steps(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from low to high, at most `most` + 1 of them: steps of 1, 2 or 5 x 10^n."""
    if not high > low:
        return [low]
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    size = next(size * k for k in (1, 2, 5, 10) if (high - low) / (size * k) <= most)
    first, last = math.ceil(low / size - 1e-9), math.floor(high / size + 1e-9)
    return [round(k * size, 12) for k in range(first, last + 1)]


def axis(label: str, values: Sequence[float], show: Callable[[float], str]) -> Axis:
    """An axis from zero to a round number above every value."""
    top = max([0.0, *values]) or 1.0
    ticks = steps(0, top)
    if ticks[-1] < top:
        ticks.append(round(2 * ticks[-1] - ticks[-2], 12))
    return Axis(label, 0, ticks[-1], ticks, show=show)


def log_axis(label: str, values: Sequence[float]) -> Axis:
    """A logarithmic axis around positive values, its ticks at 1, 2 and 5 x 10^n."""
    low, high = min(values), max(values)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    marks = [k * 10.0**power for power in powers for k in (1, 2, 5)]
    below = max((mark for mark in marks if mark <= low), default=low)
    above = min((mark for mark in marks if mark >= high), default=high)
    if below == above:
        above = 2 * below
    ticks = [mark for mark in marks if below <= mark <= above]
    if len(ticks) > 7:
        ticks = [t for t in ticks if math.isclose(math.log10(t) % 1, 0, abs_tol=1e-9)] or ticks
    return Axis(label, below, above, ticks, log=True)


def line_chart(
    lines: Sequence[Line], x: Axis, y: Axis, width: int = NARROW, named: bool = False
) -> Markup:
    """Curves over one another; with `named` each one's name stands at its end."""
    place = _Place(x, y, width, RIGHT + (NAMES if named else 0))
    drawn = [part for line in lines for part in _curve(line, place)]
    names = _names(lines, place) if named else []
    return _svg(place, f"{y.label} over {x.label}", [*_axes(place), *drawn, *names])


def bar_chart(edges: Sequence[float], heights: Sequence[float | None], x: Axis, y: Axis) -> Markup:
    """Bars between neighbouring edges; None leaves a gap."""
    place = _Place(x, y, WIDE)
    return _svg(place, f"{y.label} by {x.label}", [*_axes(place), *bars(edges, heights, place)])


def bars(edges: Sequence[float], heights: Sequence[float | None], place: "_Place") -> list[Markup]:
    """The bars alone."""
    drawn = []
    for low, high, height in zip(edges[:-1], edges[1:], heights, strict=True):
        if height is None:
            continue
        left, right = place.x_of(low) + 1, place.x_of(high) - 1
        top, bottom = place.y_of(height), place.y_of(place.y.low)
        box = {"x": _n(left), "y": _n(top), "width": _n(right - left), "height": _n(bottom - top)}
        said = f"{place.x.show(low)} – {place.x.show(high)}: {place.y.show(height)}"
        drawn.append(element("rect", {"class": "bar", **box}, element("title", {}, said)))
    return drawn


def reliability_chart(edges: Sequence[float], shares: Sequence[float | None]) -> Markup:
    """Share within the limit by confidence, beside the diagonal where both are the same."""
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    x = Axis("confidence", 0, 1, ticks, show="{:.1f}".format)
    y = Axis("share within 0.05", 0, 1, ticks, show=lambda share: f"{100 * share:.3g} %")
    place = _Place(x, y, WIDE)
    ideal = _segment("ideal", (place.x_of(0), place.y_of(0)), (place.x_of(1), place.y_of(1)))
    label = "share within 0.05 by confidence"
    return _svg(place, label, [*_axes(place), *bars(edges, shares, place), ideal])


# === Parts ===


@dataclass(frozen=True)
class _Place:
    """Where values lie on the chart."""

    x: Axis
    y: Axis
    width: int
    right: int = RIGHT

    def x_of(self, value: float) -> float:
        return LEFT + self.x.share(value) * (self.width - LEFT - self.right)

    def y_of(self, value: float) -> float:
        return HEIGHT - BOTTOM - self.y.share(value) * (HEIGHT - TOP - BOTTOM)


def _svg(place: _Place, label: str, parts: Sequence[Markup]) -> Markup:
    box = f"0 0 {place.width} {HEIGHT}"
    attributes = {"class": "chart", "viewBox": box, "role": "img", "aria-label": label}
    return element("svg", attributes, *parts)


def _axes(place: _Place) -> list[Markup]:
    left, right = place.x_of(place.x.low), place.x_of(place.x.high)
    bottom = place.y_of(place.y.low)
    parts = []
    for tick in place.y.ticks:
        y = place.y_of(tick)
        parts.append(_segment("base" if y == bottom else "grid", (left, y), (right, y)))
        parts.append(_text(place.y.show(tick), left - 8, y + 4, "end"))
    if bottom not in [place.y_of(tick) for tick in place.y.ticks]:
        parts.append(_segment("base", (left, bottom), (right, bottom)))
    parts += [_text(place.x.show(t), place.x_of(t), bottom + 16, "middle") for t in place.x.ticks]
    parts.append(_text(place.x.label, (left + right) / 2, HEIGHT - 4, "middle"))
    return parts


def _curve(line: Line, place: _Place) -> list[Markup]:
    if not line.points:
        return []
    strong = " strong" if line.strong else ""
    places = [(place.x_of(x), place.y_of(y)) for x, y in line.points]
    path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in places)
    title = element("title", {}, line.name)
    parts = [element("path", {"class": f"curve{strong}", "d": path}, title)]
    if len(places) <= FEW:
        for (x, y), (given_x, given_y) in zip(places, line.points, strict=True):
            said = f"{line.name}, {place.x.show(given_x)}: {place.y.show(given_y)}"
            dot = {"class": f"dot{strong}", "cx": _n(x), "cy": _n(y), "r": 3 if strong else 2}
            parts.append(element("circle", dot, element("title", {}, said)))
    return parts


def _names(lines: Sequence[Line], place: _Place) -> list[Markup]:
    """The names at the ends of the lines, moved apart until no two overlap."""
    ends = [(place.y_of(line.points[-1][1]), line) for line in lines if line.points]
    ends.sort(key=lambda end: end[0])
    height = 13
    heights = [y for y, _ in ends]
    for k in range(1, len(heights)):
        heights[k] = max(heights[k], heights[k - 1] + height)
    lowest = HEIGHT - BOTTOM
    for k in range(len(heights) - 1, -1, -1):
        heights[k] = min(heights[k], lowest - height * (len(heights) - 1 - k))
    left = place.x_of(place.x.high) + 8
    return [
        _text(line.name, left, y + 4, "start", "name strong" if line.strong else "name")
        for y, (_, line) in zip(heights, ends, strict=True)
    ]


def _segment(kind: str, start: tuple[float, float], end: tuple[float, float]) -> Markup:
    (x1, y1), (x2, y2) = start, end
    return element("line", {"class": kind, "x1": _n(x1), "y1": _n(y1), "x2": _n(x2), "y2": _n(y2)})


def _text(text: str, x: float, y: float, anchor: str, kind: str = "tick") -> Markup:
    return element("text", {"class": kind, "x": _n(x), "y": _n(y), "text-anchor": anchor}, text)


def _n(value: float) -> str:
    return f"{value:.1f}"
