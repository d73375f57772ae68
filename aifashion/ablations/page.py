"""The table of docs/ablations.md, made from the scores that there are."""

import shlex
from pathlib import Path
from statistics import mean, stdev

from aifashion.ablations.rows import ROWS, Row, Variant, variants
from aifashion.ablations.running import score, test_command, train_command
from aifashion.errors import Exit, Failure
from aifashion.files import write_text

BEGIN, END = "<!-- table -->", "<!-- end of table -->"
HEAD = ("choice", "NE, %", "effect", "")
CLEAR = 2  # standard deviations of the differences from which on an effect is one


def write_page(path: Path, seeds: int) -> None:
    """Puts the table between the page's two marks. Raises Failure (USAGE) where they are not."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Failure(Exit.USAGE, f"{path}: has no {BEGIN} … {END} for the table.")
    write_text(path, f"{before}{BEGIN}\n{table(seeds)}\n{END}{after}")


def table(seeds: int) -> str:
    """Every row as Markdown: means, effects against the base, what was published, the commands."""
    data = dict.fromkeys(variant.data for variant in variants().values())
    drawing = [shlex.join(["python", "-m", "aifashion", *drawn.drawing]) for drawn in data]
    return "\n\n".join([_code(drawing), *(_row(row, seeds) for row in ROWS)])


def _row(row: Row, seeds: int) -> str:
    title = f"### {row.title}\n\nPublished: {row.published}."
    if row.command:
        return f"{title} Not measured: two cores cannot resolve it.\n\n{_code([row.command])}"
    lines = [" | ".join(HEAD), " | ".join(":--" for _ in HEAD)]
    lines += [" | ".join(_cells(row, variant, seeds)) for variant in (row.base, *row.variants)]
    body = "\n".join(f"| {line} |" for line in lines)
    return f"{title}\n\n{body}\n\n{_code(_commands(row))}"


def _cells(row: Row, variant: Variant, seeds: int) -> tuple[str, ...]:
    found = [score(variant, seed) for seed in range(seeds)]
    label = f"base: {variant.label}" if variant == row.base else variant.label
    if None in found:
        return label, "not measured yet", "", ""
    spread = f"{mean(found):.2f} ± {stdev(found):.2f}" if seeds > 1 else f"{found[0]:.2f}"
    if variant == row.base:
        return label, spread, "", ""
    base = [score(row.base, seed) for seed in range(seeds)]
    if None in base or seeds < 2:
        return label, spread, "", ""
    differences = [own - other for own, other in zip(found, base, strict=True)]
    return label, spread, *_effect(differences)


def _effect(differences: list[float]) -> tuple[str, str]:
    """The mean difference from the base, seed by seed, and what it says."""
    size, spread = mean(differences), stdev(differences)
    said = f"{size:+.2f} ± {spread:.2f}".replace("-", "−")
    if abs(size) < CLEAR * spread:
        return said, "no measurable effect"
    return said, "better" if size < 0 else "worse"


def _commands(row: Row) -> list[str]:
    """How each variant is measured, for the first seed."""
    commands = []
    for variant in (row.base, *row.variants):
        if variant.trained_as is None:
            commands.append(shlex.join(["python", *train_command(variant, 0)]))
        commands.append(shlex.join(["python", *test_command(variant, 0)]))
    return list(dict.fromkeys(commands))


def _code(lines: list[str]) -> str:
    return (
        "<details><summary>commands</summary>\n\n```bash\n" + "\n".join(lines) + "\n```\n</details>"
    )
