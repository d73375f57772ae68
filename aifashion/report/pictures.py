"""Pictures with their truth beside their prediction, as one SVG each around one small JPEG."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from aifashion.report.content import Point, Shown
from aifashion.report.markup import Markup, element

SIDE = 200  # of a square panel, in the SVG's units
GAP = 4
DOUBTFUL = 0.3  # confidence below which a dot is hollow


def cards(pictures: Sequence[Shown], prefix: str) -> Markup:
    """A card a picture; `prefix` keeps the names of a page's pictures apart."""
    made = [_card(shown, f"{prefix}{number}") for number, shown in enumerate(pictures, 1)]
    return element("div", {"class": "cards"}, *made)


def legend() -> Markup:
    """What is drawn."""
    said = (
        "Left panel: truth, hollow where occluded. Right panel: prediction, hollow where the "
        "confidence is below 0.3. A part has its colour, light on its left and dark on its right; "
        "red lines lead from the prediction to the truth."
    )
    return element("p", {"class": "soft small"}, said)


def _card(shown: Shown, name: str) -> Markup:
    scored = [point for point in shown.points if point.error is not None]
    furthest = max(scored, key=lambda point: point.error, default=None)
    worst = f"furthest: {furthest.name}, {100 * furthest.error:.1f} %" if furthest else ""
    caption = element(
        "figcaption",
        {},
        element("b", {}, f"NE {100 * shown.error:.2f} %"),
        f"  {shown.category}, keypoints scored: {len(scored)}",
        element("span", {"class": "file"}, worst),
        element("span", {"class": "file", "title": shown.name}, shown.name.rpartition("/")[2]),
    )
    return element("figure", {"class": "card"}, _drawing(shown, name), caption)


def _drawing(shown: Shown, name: str) -> Markup:
    address = "data:image/jpeg;base64," + base64.b64encode(shown.jpeg).decode()
    fit = _fit(shown.size)
    box = {"x": fit.left, "y": fit.top, "width": fit.width, "height": fit.height}
    picture = element("image", {"id": name, "href": address, **box})
    again = element("use", {"href": f"#{name}"})
    truth = {p.name: fit.at(p.truth) for p in shown.points if p.truth is not None}
    guessed = {p.name: fit.at(p.prediction) for p in shown.points}
    left = [picture, *_bones(shown, truth), *_truth_dots(shown.points, truth)]
    right = [again, *_bones(shown, guessed), *_misses(truth, guessed)]
    right += _guessed_dots(shown.points, guessed)
    label = f"{shown.category}: truth and prediction of {shown.name}"
    return element(
        "svg",
        {"viewBox": f"0 0 {2 * SIDE + GAP} {SIDE}", "role": "img", "aria-label": label},
        _panel(0, left),
        _panel(SIDE + GAP, right),
    )


def _panel(left: int, parts: Sequence[Markup]) -> Markup:
    """A square; what a prediction puts outside the picture is cut off at its edge."""
    back = element("rect", {"class": "back", "width": SIDE, "height": SIDE})
    box = {"x": left, "y": 0, "width": SIDE, "height": SIDE, "viewBox": f"0 0 {SIDE} {SIDE}"}
    return element("svg", box, back, *parts)


@dataclass(frozen=True)
class _Fit:
    """A picture fitted into the middle of a square."""

    left: float
    top: float
    width: float
    height: float

    def at(self, point: tuple[float, float]) -> tuple[float, float]:
        return (
            round(self.left + point[0] * self.width, 1),
            round(self.top + point[1] * self.height, 1),
        )


def _fit(size: tuple[int, int]) -> _Fit:
    scale = SIDE / max(size)
    width, height = round(size[0] * scale, 1), round(size[1] * scale, 1)
    return _Fit(round((SIDE - width) / 2, 1), round((SIDE - height) / 2, 1), width, height)


def _bones(shown: Shown, places: dict) -> list[Markup]:
    """The skeleton's edges between the points that are there, light on dark."""
    edges = [edge for edge in shown.edges if edge.start in places and edge.end in places]
    ends = [(places[edge.start], places[edge.end]) for edge in edges]
    under = [_line("under", *pair) for pair in ends]
    colours = [_colour(edge.colour) for edge in edges]
    return under + [_line("bone", *pair, c) for pair, c in zip(ends, colours, strict=True)]


def _misses(truth: dict, guessed: dict) -> list[Markup]:
    return [_line("miss", truth[name], guessed[name]) for name in truth if name in guessed]


def _line(kind: str, start: tuple, end: tuple, colour: str | None = None) -> Markup:
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    return element("line", {"class": kind, **ends, **({"stroke": colour} if colour else {})})


def _truth_dots(points: Sequence[Point], places: dict) -> list[Markup]:
    dots = []
    for p in points:
        if p.name in places:
            said = p.name + (", occluded" if p.occluded else "")
            dots.append(_dot(places[p.name], p, said, p.occluded))
    return dots


def _guessed_dots(points: Sequence[Point], places: dict) -> list[Markup]:
    dots = []
    for p in points:
        error = "" if p.error is None else f", error {100 * p.error:.1f} %"
        said = f"{p.name}, confidence {p.confidence:.2f}{error}"
        dots.append(_dot(places[p.name], p, said, p.confidence < DOUBTFUL))
    return dots


def _dot(place: tuple[float, float], point: Point, said: str, hollow: bool) -> Markup:
    look = {"class": "point", "cx": place[0], "cy": place[1], "r": 3, "fill": _colour(point.colour)}
    if hollow:
        look |= {"class": "point hollow", "fill": "#fff", "stroke": _colour(point.colour)}
    return element("circle", look, element("title", {}, said))


def _colour(rgb: Sequence[int]) -> str:
    red, green, blue = rgb
    return f"#{red:02x}{green:02x}{blue:02x}"
