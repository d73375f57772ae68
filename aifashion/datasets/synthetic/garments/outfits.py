"""A whole outfit: the garment the picture is about, others worn with it, and who wears them."""

from dataclasses import replace

import numpy as np

from aifashion.datasets.synthetic import fabrics
from aifashion.datasets.synthetic.garments import wearer
from aifashion.datasets.synthetic.garments.bodices import DRESSES
from aifashion.datasets.synthetic.garments.bottoms import bare_legs, skirt, trousers
from aifashion.datasets.synthetic.garments.geometry import Warp
from aifashion.datasets.synthetic.garments.parts import BELT, BOTTOM, Garment, Layer, Outfit, Part
from aifashion.datasets.synthetic.garments.sleeveless import (
    sling,
    sling_dress,
    vest,
    vest_dress,
)
from aifashion.datasets.synthetic.garments.things import things
from aifashion.datasets.synthetic.garments.tops import Pose, blouse, dress, outwear, short_outwear
from aifashion.datasets.synthetic.garments.vocabulary import CATEGORIES, MORE_CATEGORIES

Rng = np.random.Generator
BUILD = {
    "blouse": blouse, "outwear": outwear, "trousers": trousers, "skirt": skirt, "dress": dress,
    "short_outwear": short_outwear, "vest": vest, "sling": sling, "vest_dress": vest_dress,
    "sling_dress": sling_dress,
}  # fmt: skip
SHOWN = {"worn": 0.54, "mannequin": 0.14, "hanger": 0.14, "flat": 0.18}
BOTTOMS = ("trousers", "skirt")
OBSTRUCTED = 0.2  # share of the pictures with things in front
BESIDE = 0.2  # share of those not worn with another garment beside or behind
IDENTITIES = 2**31


def dressed(category: str, identity: int, rng: Rng, shown: str | None = None) -> Outfit:
    """An outfit around one garment.

    Args:
        category: one of vocabulary.CATEGORIES or MORE_CATEGORIES.
        identity: of the garment; it decides its design and its fabric, `rng` the rest.
        shown: a key of SHOWN; None draws one.
    """
    shown = shown or str(rng.choice(list(SHOWN), p=list(SHOWN.values())))
    if shown in ("worn", "mannequin"):
        garments, parts = _worn(category, identity, shown, rng)
    else:
        garments, parts = _laid(category, identity, shown, rng)
    if rng.random() < OBSTRUCTED:
        parts += [(part, None) for part in things(rng, [*garments[0].keypoints().values()])]
    layers = sorted((Layer(*pair) for pair in parts), key=lambda layer: layer.part.layer)
    return Outfit(tuple(garments), tuple(layers), shown)


def made(category: str, identity: int, pose: Pose) -> Garment:
    """A garment in its fabrics."""
    garment = BUILD[category](identity, pose)
    cloths = _cloths(category, identity)
    main = cloths["main"]
    attributes = {**garment.attributes, "pattern": main.pattern, "material": main.material}
    return replace(garment, attributes=attributes, cloths=cloths)


def _cloths(category: str, identity: int) -> dict[str, fabrics.Fabric]:
    """The fabric of each of the garment's own cloths."""
    design = np.random.default_rng([9, (*CATEGORIES, *MORE_CATEGORIES).index(category), identity])
    main = fabrics.fabric(design)
    first, *others = main.colours
    trim = main
    if design.random() > 0.6:
        trim = fabrics.plain(fabrics.contrasting(design, [first], 40.0))
    second = fabrics.contrasting(design, [first, *others], 50.0)
    button = fabrics.contrasting(design, [first], 60.0, vivid=0.4)
    belt = fabrics.contrasting(design, [first], 45.0, vivid=0.5)
    return {
        "main": main,
        "trim": trim,
        "lining": fabrics.plain(first * 0.5),
        "second": fabrics.plain(second),
        "button": fabrics.plain(button),
        "belt": fabrics.plain(belt),
        "print": main,
        "metal": fabrics.plain(np.array([176.0, 172.0, 160.0])),
    }


Owned = tuple[Part, int | None]


# === Worn ===


def _worn(category: str, identity: int, shown: str, rng: Rng) -> tuple[list[Garment], list[Owned]]:
    """On a person or a dummy, with what else one wears."""
    pose = Pose(shown, rng)
    main = made(category, identity, pose)
    if category in BOTTOMS:
        top, tucked = _top_for(rng, main, shown)
        warp, scale = _onto(top, inverse=True)
        garments = [main, top.mapped(warp, scale)]
        body = [part.mapped(warp) for part in _bust(rng, shown)]
        return garments, _stacked(garments, body, top=1, tucked=tucked)
    if category in DRESSES or rng.random() < 0.08:
        low = main.extent()[:, 1].max()
        legs = bare_legs(rng.uniform(0.17, 0.24), low - 0.3) if category in DRESSES else ()
        body = [*_bust(rng, shown), *(legs if shown == "worn" else wearer.stand(low))]
        return [main], _stacked([main], body, top=0, tucked=False)
    bottom = _companion(rng, main, pose, BOTTOMS)
    warp, scale = _onto(main, inverse=False)
    garments = [main, bottom.mapped(warp, scale)]
    return garments, _stacked(garments, _bust(rng, shown), top=0, tucked=False)


def _top_for(rng: Rng, main: Garment, shown: str) -> tuple[Garment, bool]:
    """A top for a skirt or trousers, and whether it is tucked in; it never covers most of them."""
    kind = "outwear" if rng.random() < 0.15 else "blouse"
    if kind == "outwear" or rng.random() < 0.25:
        top = _companion(rng, main, Pose(shown, rng), (kind,))
        warp, _ = _onto(top, inverse=True)
        if warp(top.extent())[:, 1].max() < 0.55 * main.extent()[:, 1].max():
            return top, False
    return _companion(rng, main, Pose(shown, rng, tucked=True), ("blouse",)), True


def _onto(top: Garment, inverse: bool) -> tuple[Warp, float]:
    """The way of a bottom's points into the frame of the top it is worn with, or back."""
    wide, height = top.fit
    scale, at = 2 * wide * 0.97, np.array((0.0, height - 0.02))
    if inverse:
        return (lambda points: (points - at) / scale), 1 / scale
    return (lambda points: points * scale + at), scale


def _companion(rng: Rng, main: Garment, pose: Pose, categories: tuple[str, ...]) -> Garment:
    """Another garment whose colour stands off from the main one's; of a few, the farthest."""
    category = categories[rng.integers(len(categories))]
    own = main.cloths["main"].colours[0]
    tries = [(int(i), _cloths(category, int(i))) for i in rng.integers(IDENTITIES, size=3)]
    identity, _ = max(tries, key=lambda t: fabrics.distance(t[1]["main"].colours[0], own))
    return made(category, identity, pose)


def _bust(rng: Rng, shown: str) -> list[Part]:
    """Head and neck, in a top's frame."""
    if shown == "mannequin":
        return [wearer.neck(rng), *wearer.dummy_head(rng)]
    return [wearer.neck(rng), *(wearer.head(rng) if rng.random() < 0.9 else [])]


def _stacked(garments: list[Garment], body: list[Part], top: int, tucked: bool) -> list[Owned]:
    """Every part with its owner; a tucked top lies behind the other garment's waist."""
    owned: list[Owned] = [(part, None) for part in body]
    for place, garment in enumerate(garments):
        owned += [(limb, None) for limb in garment.limbs]
        for part in garment.parts:
            if place != top and part.name == "lining":
                continue  # the wearer fills it
            before = tucked and place != top
            owned.append((_over_a_tucked_top(part) if before else part, place))
    return owned


def _over_a_tucked_top(part: Part) -> Part:
    return replace(part, layer=BELT + 2 + (part.layer - BOTTOM))


# === On a hanger, or lying ===


def _laid(category: str, identity: int, shown: str, rng: Rng) -> tuple[list[Garment], list[Owned]]:
    """Without a wearer; sometimes another garment hangs or lies behind."""
    main = made(category, identity, Pose(shown, rng))
    garments, parts = [main], [(part, 0) for part in main.parts]
    if shown == "hanger":
        low = category in BOTTOMS
        bar = wearer.clip_hanger() if low else wearer.hanger(0.12)
        parts += [(part, None) for part in bar]
    if rng.random() < BESIDE:
        other = _companion(rng, main, Pose(shown, rng), CATEGORIES)
        aside = np.array((rng.choice((-1, 1)) * rng.uniform(0.5, 1.2), rng.normal(0, 0.3)))
        other = other.mapped(lambda points: points + aside, 1.0)
        garments.append(other)
        parts += [(replace(part, layer=part.layer - 200), 1) for part in other.parts]
    return garments, parts
