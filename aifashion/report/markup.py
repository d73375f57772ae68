"""HTML from values: everything is escaped that is not marked as HTML already."""

import html
import re
from collections.abc import Mapping

_VOID = ("meta", "br")
# Controls that HTML forbids, and halves of surrogate pairs: a file's name can hold both.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Markup(str):
    """Text that is HTML already and is not escaped again."""

    __slots__ = ()


def escape(value) -> Markup:
    """A value as HTML text, also inside a quoted attribute."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(_UNPRINTABLE.sub("\ufffd", str(value))))


def join(parts) -> Markup:
    """Parts behind one another."""
    return Markup("".join(map(escape, parts)))


def element(name: str, attributes: Mapping[str, object], *children) -> Markup:
    """One element. `name` and the attributes' names are ours; values and children are escaped."""
    written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def percent(value: float | None, digits: int = 2) -> str:
    """A percent as it is read; a dash where it is unknown."""
    return "–" if value is None else f"{value:.{digits}f}"


def count(value: int) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u2009")
