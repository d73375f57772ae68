"""Vests, slings and short sleeved outwear: bare arms, straps, shoulders, and their own words."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from aifashion.datasets.synthetic.garments.outfits import BUILD, dressed, made
from aifashion.datasets.synthetic.garments.tops import Pose
from aifashion.datasets.synthetic.garments.vocabulary import (
    ATTRIBUTES,
    CATEGORIES,
    MORE_CATEGORIES,
    OTHERS,
    PARTS,
)

SLEEVELESS = ("vest", "sling", "vest_dress", "sling_dress")
SLINGS = ("sling", "sling_dress")


def _several(category, count=10, shown="worn"):
    return [made(category, i, Pose(shown, np.random.default_rng([6, i]))) for i in range(count)]


def test_the_wardrobe_has_two_lists_of_categories():
    assert [*CATEGORIES, *MORE_CATEGORIES] == list(BUILD)


@pytest.mark.parametrize("category", MORE_CATEGORIES)
def test_every_word_is_the_vocabularys(category):
    for garment in _several(category):
        assert garment.category == category
        assert {part.kind for part in garment.parts} <= set(PARTS)
        assert {part.kind for part in garment.limbs} <= set(OTHERS)
        assert len({part.name for part in garment.parts}) == len(garment.parts)
        assert {part.cloth for part in garment.parts} <= set(garment.cloths)
        for name, value in garment.attributes.items():
            assert value in ATTRIBUTES[name]


@pytest.mark.parametrize("category", MORE_CATEGORIES)
def test_the_same_piece_in_another_picture(category):
    one, again, other = (
        made(category, identity, Pose(shown, np.random.default_rng(seed)))
        for identity, shown, seed in ((3, "worn", 1), (3, "flat", 2), (4, "worn", 1))
    )
    assert one.attributes == again.attributes
    assert [part.name for part in one.parts] == [part.name for part in again.parts]
    assert_array_equal(one.cloths["main"].colours, again.cloths["main"].colours)
    assert not np.array_equal(one.parts[0].outline, again.parts[0].outline)
    assert not np.array_equal(one.cloths["main"].colours, other.cloths["main"].colours)


@pytest.mark.parametrize("category", SLEEVELESS)
def test_arms_are_bare(category):
    for garment in _several(category):
        assert not [part for part in garment.parts if part.kind in ("sleeve", "cuff")]
        names = [part.name for part in garment.limbs]
        assert {"trunk", "arm_left", "arm_right"} <= set(names)
        assert garment.attributes["sleeve_length"] == ("straps" if category in SLINGS else "none")


@pytest.mark.parametrize("category", SLEEVELESS)
def test_straps_hold_slings_alone(category):
    for garment in _several(category):
        straps = [part for part in garment.parts if part.kind == "strap"]
        assert len(straps) == 4 * (category in SLINGS)
        for part in straps:
            # From above the shoulders' height down to the top edge, and thin.
            assert part.outline[:, 1].min() < 0.05 and part.outline[:, 1].max() > 0.2
            assert np.ptp(part.outline[:, 0]) < 0.2


def test_a_vests_shoulder_ends_between_neck_and_armpit():
    for garment in _several("vest", 30):
        points = garment.keypoints()
        neck, shoulder, armpit = (
            points[f"{name}_right"] for name in ("neckline", "shoulder", "armpit")
        )
        assert neck[0] + 0.08 < shoulder[0] <= 0.43
        assert neck[1] < shoulder[1] < armpit[1] and shoulder[0] < armpit[0] + 0.03


def test_sleeves_of_short_outwear_end_above_the_elbow():
    for garment in _several("short_outwear", 30, "hanger"):
        points = garment.keypoints()
        cuff = (points["cuff_right_in"] + points["cuff_right_out"]) / 2
        root = (points["shoulder_right"] + points["armpit_right"]) / 2
        assert np.linalg.norm(cuff - root) < 0.75
        assert garment.attributes["sleeve_length"] in ("short", "elbow")


@pytest.mark.parametrize("category", MORE_CATEGORIES)
def test_they_are_worn_as_the_others_are(category):
    outfits = [dressed(category, i, np.random.default_rng([9, i]), "worn") for i in range(12)]
    beside = {garment.category for outfit in outfits for garment in outfit.garments[1:]}
    assert beside == (set() if "dress" in category else {"trousers", "skirt"})
    for outfit in outfits:
        assert outfit.shown == "worn"
        trunks = [layer for layer in outfit.layers if layer.part.name == "trunk"]
        assert len(trunks) == (category in SLEEVELESS)
