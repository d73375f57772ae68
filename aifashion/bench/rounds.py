"""Measuring side by side: A B C A B C …, so that whatever else runs here slows all alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """What one contender did, a value a round."""

    topic: str
    name: str
    unit: str
    values: tuple[float, ...]
    ratios: tuple[float, ...] = ()  # ours / this one, round by round
    target: float | None = None  # the least ratio promised

    @property
    def value(self) -> float:
        return median(self.values)

    @property
    def ratio(self) -> float | None:
        return median(self.ratios) if self.ratios else None


def interleave(
    measures: Mapping[str, Callable[[], float]], rounds: int, warm_up: bool = True
) -> dict[str, tuple[float, ...]]:
    """Calls every measure once a round; to warm up, one round more that is not kept."""
    before = int(warm_up)
    values = [[measure() for measure in measures.values()] for _ in range(rounds + before)]
    return dict(zip(measures, zip(*values[before:], strict=True), strict=True))


def compare(
    topic: str,
    unit: str,
    measures: Mapping[str, Callable[[], float]],
    rounds: int,
    targets: Mapping[str, float] | None = None,
) -> list[Figure]:
    """Figures of speeds (more is better); the first measure is ours, which the others divide."""
    values = interleave(measures, rounds)
    (name, ours), *others = values.items()
    figures = [Figure(topic, name, unit, ours)]
    for name, row in others:
        ratios = tuple(mine / other for mine, other in zip(ours, row, strict=True))
        figures.append(Figure(topic, name, unit, row, ratios, (targets or {}).get(name)))
    return figures


# === What a person reads ===


def table(figures: list[Figure]) -> str:
    """Plain lines: a heading a topic, a line a figure."""
    width = max((len(figure.name) for figure in figures), default=0)
    lines, topic = [], None
    for figure in figures:
        if figure.topic != topic:
            topic = figure.topic
            lines += ["", topic]
        lines.append(f"  {figure.name:{width}}  {_line(figure)}".rstrip())
    return "\n".join(lines[1:])


def _line(figure: Figure) -> str:
    line = f"{figure.value:10.4g} {figure.unit:10}"
    if figure.ratios:
        low, high = min(figure.ratios), max(figure.ratios)
        line += f"  ours / this {figure.ratio:5.2f}  ({low:.2f} … {high:.2f})"
    if figure.target is not None:
        line += f"  target {figure.target:g} {_verdict(figure)}"
    return line


def _verdict(figure: Figure) -> str:
    """Whether the target was met; a median below it says little where rounds lie on both sides."""
    if figure.ratio >= figure.target:
        return "met"
    return "not told apart" if max(figure.ratios) >= figure.target else "MISSED"


def as_json(figures: list[Figure]) -> list[dict]:
    """The figures for a machine, medians with every round's value."""
    return [
        {
            "topic": figure.topic,
            "name": figure.name,
            "unit": figure.unit,
            "value": figure.value,
            "values": figure.values,
            "ours_to_this": figure.ratio,
            "ratios": figure.ratios,
            "target": figure.target,
        }
        for figure in figures
    ]
