"""Which of the arrays of a weights file fit a network, and how to say so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Shape = tuple[int, ...]
LONGEST_NAME = 100  # characters shown


@dataclass(frozen=True)
class Match:
    """How given arrays fit the wanted names and shapes. A name matches only itself."""

    matched: dict[str, np.ndarray]
    missing: list[str]  # wanted, not given
    reshaped: list[tuple[str, Shape, Shape]]  # name, shape given, shape wanted
    unused: list[str]  # given, not wanted


def match(wanted: Mapping[str, Shape], given: Mapping[str, np.ndarray]) -> Match:
    """Sorts the arrays out, in the order of `wanted`, the unused ones in the order of `given`.

    Args:
        wanted: the network's variables: name -> shape.
        given: the file's arrays by name; those that fit are passed on uncopied.
    """
    shared = [name for name in wanted if name in given]
    shapes = {name: (given[name].shape, tuple(wanted[name])) for name in shared}
    return Match(
        matched={name: given[name] for name, (has, wants) in shapes.items() if has == wants},
        missing=[name for name in wanted if name not in given],
        reshaped=[(name, has, wants) for name, (has, wants) in shapes.items() if has != wants],
        unused=[name for name in given if name not in wanted],
    )


def describe(match: Match, source: str, most: int = 5) -> list[str]:
    """The lines that tell a person what fits: a count, then what does not, where there is any.

    Args:
        match: how the arrays of `source` fit.
        source: what the arrays come from, as a person calls it.
        most: names of one kind that are listed, the rest is counted.
    """
    fitting = len(match.matched)
    wanted = fitting + len(match.missing) + len(match.reshaped)
    lines = [f"{source}: {fitting} of {wanted} arrays fit"]
    if match.missing:
        lines.append(f"  not in it: {_listed([_shown(n) for n in match.missing], most, ', ')}")
    if match.reshaped:
        others = [f"{_shown(name)} {has}, not {wants}" for name, has, wants in match.reshaped]
        lines.append(f"  of another shape: {_listed(others, most, '; ')}")
    if match.unused:
        lines.append(f"  not used: {_listed([_shown(n) for n in match.unused], most, ', ')}")
    return lines


def _listed(items: Sequence[str], most: int, separator: str) -> str:
    rest = len(items) - most
    return separator.join(items[:most]) + (f" … and {rest} more" if rest > 0 else "")


def _shown(name: str) -> str:
    """A name as it stands, or quoted where a stranger's file put line breaks and the like in it."""
    short = name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "…"
    return short if short and short.isprintable() else repr(short)
