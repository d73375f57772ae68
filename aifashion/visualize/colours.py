"""Which colour a keypoint or an edge has: its part's family, its side's shade, read from names.

The families keep apart for red-green and blue-yellow colour-blind eyes; within one the left is
light, the right dark, the middle between them.
"""

import re

Colour = tuple[int, int, int]  # RGB

INK, PAPER = (24, 27, 33), (255, 255, 255)

SHADES: dict[str, tuple[Colour, Colour, Colour]] = {  # part -> left, middle, right
    "neckline": ((255, 146, 225), (238, 95, 203), (203, 59, 174)),
    "body": ((69, 229, 154), (18, 196, 124), (8, 154, 98)),
    "sleeve": ((191, 228, 255), (127, 200, 252), (59, 167, 240)),
    "waist": ((255, 240, 74), (239, 210, 28), (204, 171, 8)),
    "hem": ((249, 143, 69), (232, 112, 26), (191, 86, 11)),
    "leg": ((214, 194, 255), (183, 148, 251), (154, 108, 232)),
    "other": ((196, 201, 208), (154, 160, 168), (115, 121, 129)),
}
PARTS = tuple(SHADES)
_PHRASES = {  # the first that a name holds says its part; so a leg's cuff is the leg's
    "leg": ("leg", "legs", "trouser", "trousers", "crotch", "inseam", "knee", "ankle"),
    "sleeve": ("sleeve", "sleeves", "cuff", "cuffs", "wrist", "elbow"),
    "hem": ("hem", "hemline"),
    "waist": ("waist", "waistline", "waistband"),
    "neckline": ("neckline", "neck", "collar", "lapel", "center_front", "centre_front"),
    "body": ("shoulder", "armpit", "body", "torso", "chest", "side", "strap", "opening", "skirt"),
}
_BOTTOM = "bottom"  # a trouser leg's end, where nothing else in the name says a part
_OWN_THEIR_EDGES = ("leg", "sleeve")
_SIDES = ("left", "middle", "right")


def part_of(name: str) -> str:
    """The part of the garment a keypoint belongs to, one of `PARTS`: cuff_left_in -> sleeve."""
    text = "_" + "_".join(_words(name)) + "_"
    for part, phrases in _PHRASES.items():
        if any(f"_{phrase}_" in text for phrase in phrases):
            return part
    return "leg" if f"_{_BOTTOM}_" in text else "other"


def side_of(name: str) -> str:
    """left, right or middle, the wearer's or the viewer's as the name has it."""
    words = _words(name)
    return "left" if "left" in words else "right" if "right" in words else "middle"


def colour_of(name: str) -> Colour:
    """A keypoint's colour."""
    return shade(part_of(name), side_of(name))


def edge_colour(start: str, end: str) -> Colour:
    """An edge's colour: its part's, and its side's where both ends do not lie on two sides.

    Sleeves and legs own the edges that leave them; an edge between two other parts is the body's.
    """
    parts, sides = {part_of(start), part_of(end)}, {side_of(start), side_of(end)} - {"middle"}
    known = parts - {"other"}
    owner = next((part for part in _OWN_THEIR_EDGES if part in parts), "body")
    part = owner if len(known) == 2 else next(iter(known), "other")
    return shade(part, next(iter(sides)) if len(sides) == 1 else "middle")


def shade(part: str, side: str) -> Colour:
    """The colour of a part's side."""
    return SHADES[part][_SIDES.index(side)]


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `colour`, 0..1."""
    return tuple(round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))


def short_name(name: str) -> str:
    """A keypoint's name for a label: cuff_left_in -> cuff in L."""
    words = _words(name)
    letters = [word[0].upper() for word in words if word in ("left", "right")]
    return " ".join([word for word in words if word not in ("left", "right")] + letters)


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\s_\-]+", name.lower()) if word]
