"""Tables: plain rows, heat tables with their numbers."""

from collections.abc import Mapping, Sequence

from aifashion.report.content import Bin, Scores, Swaps
from aifashion.report.markup import Markup, count, element, percent

ALL = "all"


def errors_table(scores: Scores) -> Markup:
    """NE in percent: a row a keypoint, a column a category, and both together at the edges."""
    categories = list(scores.per_category)
    highest = max((v for own in scores.cells.values() for v in own.values()), default=0)
    body = []
    for name, total in scores.per_keypoint.items():
        cells = [_heat(scores.cells.get(c, {}).get(name), highest) for c in categories]
        body.append(_row(name, [*cells, _number(percent(total), "side all")]))
    totals = [_number(percent(scores.per_category[c])) for c in categories]
    totals.append(_number(percent(scores.ne_percent), "side"))
    body.append(_row(ALL, totals, "all"))
    return _table(["keypoint", *categories, ALL], body, "wide")


def pck_table(shares: Mapping[float, float]) -> Markup:
    """PCK at a few distances."""
    cells = [_number(f"{100 * share:.1f} %") for share in shares.values()]
    return _table(["PCK@", *(f"{limit:g}" for limit in shares)], [_row("keypoints", cells)], "wide")


def bins_table(bins: Sequence[Bin]) -> Markup:
    """Error and share within 0.05 of each bin of confidence."""
    body = []
    for part in bins:
        within = "–" if part.within is None else f"{100 * part.within:.1f} %"
        error = "–" if part.ne_percent is None else f"{part.ne_percent:.2f} %"
        cells = [_number(count(part.keypoints)), _number(error), _number(within)]
        body.append(_row(f"{part.low:.1f} – {part.high:.1f}", cells))
    return _table(["confidence", "keypoints", "NE", "within 0.05"], body, "wide")


def swaps_table(swaps: Mapping[str, Swaps]) -> Markup:
    """Left/right pairs exchanged: a row a pair, a column a category."""
    pairs = list(dict.fromkeys(pair for own in swaps.values() for pair in own.judged))
    body = []
    for pair in pairs:
        cells = [_swapped(own, pair) for own in swaps.values()]
        total = _added(list(swaps.values()), pair)
        body.append(_row(pair, [*cells, _number(_rate(*total), "side all")]))
    totals = [(sum(s.swapped.values()), sum(s.judged.values())) for s in swaps.values()]
    total = (sum(swapped for swapped, _ in totals), sum(judged for _, judged in totals))
    last = [*(_number(_rate(*part)) for part in totals), _number(_rate(*total), "side")]
    body.append(_row(ALL, last, "all"))
    return _table(["pair", *swaps, ALL], body, "wide")


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """Words in rows."""
    body = [
        element("tr", {}, *(element("td", {"class": "text"}, cell) for cell in row)) for row in rows
    ]
    return _table(head, body, "wide", numbers=False)


def _added(swaps: Sequence[Swaps], pair: str) -> tuple[int, int]:
    return sum(s.swapped.get(pair, 0) for s in swaps), sum(s.judged.get(pair, 0) for s in swaps)


def _rate(swapped: int, judged: int) -> str:
    return f"{100 * swapped / judged:.2f} %" if judged else "–"


def _swapped(own: Swaps, pair: str) -> Markup:
    judged = own.judged.get(pair, 0)
    if not judged:
        return _number("·", "none")
    swapped = own.swapped.get(pair, 0)
    # A tenth of a pair's pictures exchanged is as bad as the colour gets.
    return _heat_cell(f"{swapped} / {judged}", min(1.0, 10 * swapped / judged))


def _heat(value: float | None, highest: float) -> Markup:
    if value is None:
        return _number("·", "none")
    return _heat_cell(percent(value), value / highest if highest > 0 else 0)


def _heat_cell(text: str, heat: float) -> Markup:
    return element("td", {"class": "heat", "style": f"--heat:{heat:.3f}"}, text)


def _number(text: str, kind: str = "") -> Markup:
    return element("td", {"class": kind} if kind else {}, text)


def _row(name: str, cells: Sequence[Markup], kind: str = "") -> Markup:
    head = element("th", {"scope": "row"}, name)
    return element("tr", {"class": kind} if kind else {}, head, *cells)


def _table(head: Sequence[str], body: Sequence[Markup], kind: str, numbers: bool = True) -> Markup:
    last = len(head) - 1 if head[-1] == ALL else -1
    cells = []
    for place, name in enumerate(head):
        names = (["n"] if numbers and place else []) + (["side"] if place == last else [])
        attributes = {"class": " ".join(names)} if names else {}
        cells.append(element("th", {"scope": "col", **attributes}, name))
    table = element(
        "table",
        {"class": kind},
        element("thead", {}, element("tr", {}, *cells)),
        element("tbody", {}, *body),
    )
    return element("div", {"class": "scroll"}, table)
