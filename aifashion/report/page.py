"""The page: its sections, one under another."""

from collections.abc import Sequence

import numpy as np

from aifashion.report import charts, pictures, tables
from aifashion.report.content import History, ReportData, Scores
from aifashion.report.markup import Markup, count, element, join, percent
from aifashion.report.style import CSS

# Nothing is fetched and nothing runs, whatever a file's name holds.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
FURTHEST = 0.5  # the charts of errors end here
BAR = 0.02  # width of the histogram's bars
FEW = 30  # as many names of pictures are shown at once
PCK_AT = (0.02, 0.05, 0.1, 0.2)
MARK = (
    "The data of this run are drawn, not photographed. Its scores show that the system works; they "
    "are never compared with scores on real pictures."
)


def render(report: ReportData) -> str:
    """The report as one HTML page that needs nothing else."""
    sections = [
        ("Training", "Learning curves", _training(report.history)),
        *(_scored(report, report.scores) if report.scores else []),
        ("Left-out", "Pictures left out", _skipped(report)),
        ("Reproduce", "Do it again", _again(report)),
    ]
    sections = [(name, title, content) for name, title, content in sections if content]
    body = [
        _header(report, [name for name, _, _ in sections]),
        element("main", {}, *(_section(*section) for section in sections)),
        element("footer", {}, "Made by aifashion. This page is one file and fetches nothing."),
    ]
    page = element("html", {"lang": "en"}, _head(report), element("body", {}, *body))
    return f"<!DOCTYPE html>\n{page}\n"


def _head(report: ReportData) -> Markup:
    return element(
        "head",
        {},
        element("meta", {"charset": "utf-8"}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}),
        element("title", {}, f"{report.title}: report"),
        element("style", {}, Markup(CSS)),
    )


def _header(report: ReportData, sections: Sequence[str]) -> Markup:
    links = [element("a", {"href": f"#{name}"}, name.replace("-", " ")) for name in sections]
    facts = [
        element("div", {}, element("dt", {}, name), element("dd", {}, value))
        for name, value in report.facts
    ]
    mark = element("p", {"class": "mark"}, element("b", {}, "Drawn data. "), MARK)
    return element(
        "header",
        {},
        element("h1", {}, report.title),
        element("p", {"class": "subtitle"}, report.subtitle),
        mark if report.drawn else "",
        element("nav", {}, *links),
        _numbers(report.scores) if report.scores else "",
        element("p", {"class": "soft after"}, report.scored_on),
        element("dl", {}, *facts),
    )


def _numbers(scores: Scores) -> Markup:
    swaps = None if scores.swap_rate is None else 100 * scores.swap_rate
    shown = [
        (_percent(scores.ne_percent), "normalised error, NE: less is better"),
        (_percent(_share(scores, 0.05), 1), "of keypoints within 0.05, PCK@0.05"),
        *_similarity(scores),
        (_percent(swaps), "of left/right pairs exchanged"),
        (count(scores.visible), f"keypoints scored in {count(scores.pictures)} pictures"),
    ]
    parts = [
        element("div", {"class": "number"}, element("b", {}, value), element("span", {}, said))
        for value, said in shown
    ]
    return element("div", {"class": "numbers"}, *parts)


def _similarity(scores: Scores) -> list[tuple[str, str]]:
    said = "mean object keypoint similarity, OKS: more is better"
    return [] if scores.oks is None else [(f"{scores.oks:.3f}", said)]


def _percent(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{percent(value, digits)} %"


def _share(scores: Scores, limit: float) -> float | None:
    share = scores.pck.get(limit)
    return None if share is None else 100 * share


def _section(name: str, title: str, content: Markup) -> Markup:
    return element("section", {"id": name}, element("h2", {}, title), content)


def _soft(text: str) -> Markup:
    return element("p", {"class": "soft"}, text)


def _figure(title: str, said: str, *content: Markup) -> Markup:
    caption = element("figcaption", {}, element("h3", {}, title), said)
    return element("figure", {}, caption, *content)


# === Training ===


def _training(history: History) -> Markup:
    drawn = [chart for chart in (_losses(history), _validation(history), _rates(history)) if chart]
    if not drawn:
        return _soft("No learning curves: a network's own report has them, once it has an epoch.")
    return element("div", {"class": "charts"}, *drawn)


def _epochs(history: History) -> charts.Axis:
    low, high = min(history.epochs), max(history.epochs)
    ticks = [tick for tick in charts.steps(low, high) if tick == int(tick)]
    room = 0.5 if low == high else 0
    return charts.Axis("epoch", low - room, high + room, ticks)


def _points(history: History, values: Sequence[float | None]) -> list[tuple[float, float]]:
    pairs = zip(history.epochs, values, strict=True)
    return [(epoch, value) for epoch, value in pairs if value is not None]


def _losses(history: History) -> Markup | None:
    lines = [charts.Line(name, _points(history, term)) for name, term in history.terms.items()]
    lines.append(charts.Line("sum", _points(history, history.loss), strong=True))
    lines = [line for line in lines if line.points]
    values = [y for line in lines for _, y in line.points]
    if not values:
        return None
    logarithmic = min(values) > 0
    axis = charts.log_axis("loss", values) if logarithmic else _linear("loss", values)
    chart = charts.line_chart(lines, _epochs(history), axis, named=True)
    said = "Each term and their sum" + (", logarithmic." if logarithmic else ".")
    return _figure("Loss", said, chart)


def _linear(label: str, values: Sequence[float]) -> charts.Axis:
    low, high = min(values), max(values)
    if low >= 0:
        return charts.axis(label, values, "{:g}".format)
    return charts.Axis(label, low, high if high > low else low + 1, charts.steps(low, high))


def _validation(history: History) -> Markup | None:
    points = _points(history, history.validation_percent)
    if not points:
        return None
    axis = charts.axis("NE", [y for _, y in points], "{:g} %".format)
    chart = charts.line_chart([charts.Line("validation NE", points, True)], _epochs(history), axis)
    epoch, best = min(points, key=lambda point: point[1])
    said = f"Best: {best:.2f} % after epoch {epoch:g}."
    return _figure("Validation NE", said, chart)


def _rates(history: History) -> Markup | None:
    points = _points(history, history.learning_rate)
    if not points:
        return None
    axis = charts.axis("learning rate", [y for _, y in points], "{:g}".format)
    chart = charts.line_chart([charts.Line("learning rate", points, True)], _epochs(history), axis)
    return _figure("Learning rate", "At the end of each epoch.", chart)


# === Scores ===


def _scored(report: ReportData, scores: Scores) -> list[tuple[str, str, Markup | None]]:
    if scores.ne_percent is None:
        return [("Keypoints", "Errors", _soft("No keypoint could be scored."))]
    return [
        ("Keypoints", "Error by keypoint and garment", _errors(scores)),
        ("Distances", "How far off", _distances(scores)),
        ("Confidence", "What the confidence is worth", _confidence(scores)),
        ("Left-and-right", "Left and right", _sides(scores)),
        ("Worst", "The worst pictures", _gallery(report.worst, "worst")),
        ("Best", "The best pictures", _gallery(report.best, "best")),
    ]


def _errors(scores: Scores) -> Markup:
    said = (
        f"NE in percent: the mean distance from the truth, over {scores.unit}. Every visible "
        "keypoint counts the same. A dot marks what a garment lacks or what is never visible."
    )
    return join([_soft(said), tables.errors_table(scores)])


def _distances(scores: Scores) -> Markup:
    errors = np.asarray(scores.errors)
    beyond = float((errors > FURTHEST).mean())
    said = f"Half of the keypoints lie within {np.median(errors):.3f}; "
    said += f"{100 * beyond:.2f} % lie beyond {FURTHEST:g}."
    within = _figure(
        "Share within a distance",
        "PCK: the share of keypoints no further off than a distance.",
        _pck_chart(scores),
        tables.pck_table({at: scores.pck[at] for at in PCK_AT}),
    )
    histogram = _figure("Errors", said, _histogram(errors))
    return element("div", {"class": "charts"}, histogram, within)


def _histogram(errors: np.ndarray) -> Markup:
    edges = [round(BAR * k, 2) for k in range(round(FURTHEST / BAR) + 1)]
    shares = (np.histogram(errors, edges)[0] / len(errors)).tolist()
    x = charts.Axis("normalised error", 0, FURTHEST, charts.steps(0, FURTHEST))
    return charts.bar_chart(edges, shares, x, charts.axis("share", shares, _share_tick))


def _share_tick(share: float) -> str:
    return f"{100 * share:.3g} %"


def _pck_chart(scores: Scores) -> Markup:
    x = charts.Axis("normalised distance", 0, FURTHEST, charts.steps(0, FURTHEST))
    y = charts.Axis("share within", 0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1], show=_share_tick)
    lines = [charts.Line("PCK", list(scores.pck.items()), strong=True)]
    return charts.line_chart(lines, x, y, charts.WIDE)


def _confidence(scores: Scores) -> Markup:
    edges = [part.low for part in scores.bins] + [scores.bins[-1].high]
    chart = charts.reliability_chart(edges, [part.within for part in scores.bins])
    said = (
        "The share of keypoints within 0.05 of the truth, by their confidence. Rising bars mean "
        "that the confidence tells good keypoints from bad ones; on the dashed line it would be "
        "the chance of being right."
    )
    bins = tables.bins_table(scores.bins)
    table = _figure("In numbers", "Keypoints scored, by confidence.", bins)
    return element("div", {"class": "charts"}, _figure("Reliability", said, chart), table)


def _sides(scores: Scores) -> Markup:
    if not scores.swaps:
        return _soft("No picture shows both sides of a pair.")
    said = (
        "Pairs whose two predictions fit the truth better when exchanged, of those visible on both "
        "sides: how many, of how many."
    )
    return join([_soft(said), tables.swaps_table(scores.swaps)])


def _gallery(shown: Sequence, name: str) -> Markup | None:
    if not shown:
        return None
    return join([pictures.legend(), pictures.cards(shown, name)])


# === The rest ===


def _skipped(report: ReportData) -> Markup | None:
    if report.scores is None:
        return None
    parts = [_soft(_left_out(len(report.skipped), len(report.unscored)))]
    if report.skipped:
        parts.append(tables.text_table(["picture", "why it could not be read"], report.skipped))
    if report.unscored:
        names = element("p", {"class": "small"}, ", ".join(report.unscored))
        summary = element("summary", {}, "Pictures without a unit")
        shut = {} if len(report.unscored) > FEW else {"open": ""}
        parts.append(element("details", shut, summary, names))
    return join(parts)


def _left_out(skipped: int, unscored: int) -> str:
    unread = "Every picture could be read."
    if skipped:
        unread = f"Pictures that could not be read: {skipped}."
    if not unscored:
        return f"{unread} Every picture has a unit to measure errors in."
    return (
        f"{unread} Pictures without a unit: {unscored}. The two keypoints whose distance would be "
        "the unit of their errors are not both there, so nothing on them is scored."
    )


def _again(report: ReportData) -> Markup:
    blocks = [
        element("div", {"class": "step"}, element("h3", {}, said), element("pre", {}, command))
        for said, command in report.commands
    ]
    facts = [
        element("div", {}, element("dt", {}, name), element("dd", {}, value))
        for name, value in report.machine
    ]
    note = element("p", {"class": "soft small"}, "The machine and the libraries of this report.")
    return join([*blocks, element("dl", {}, *facts), note])
