"""The drawn garments: what they are made of, named as the viewer sees them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.datasets import fashionai
from aifashion.datasets.synthetic.garments.geometry import line
from aifashion.datasets.synthetic.garments.outfits import made
from aifashion.datasets.synthetic.garments.parts import Fold, Garment, Layer, Outfit, Part
from aifashion.datasets.synthetic.garments.tops import Pose
from aifashion.datasets.synthetic.garments.vocabulary import ATTRIBUTES, CATEGORIES, OTHERS, PARTS

SQUARE = line((0, 0), (1, 0), (1, 1), (0, 1))


def _several(category, count=12, shown="worn"):
    return [made(category, i, Pose(shown, np.random.default_rng([5, i]))) for i in range(count)]


def _outfit(*parts: tuple[Part, int | None]) -> Outfit:
    garment = Garment("blouse", 0, {}, tuple(part for part, own in parts if own == 0), (), (0.5, 1))
    return Outfit((garment,), tuple(Layer(*pair) for pair in parts), "flat")


# === What a part, a garment and an outfit are ===


def test_garment_without_parts_hides_nothing():
    empty = Garment("blouse", 0, {}, (), (), (0.5, 1.0))
    assert empty.keypoints() == {}
    assert Outfit((empty,), (), "flat").hidden() == set()


def test_hidden_only_well_inside_a_part_in_front():
    # One point in the middle of the square in front, one on its corner, one outside it.
    points = {"armpit_left": (0.5, 0.5), "crotch": (1.0, 1.0), "cuff_left_in": (2.0, 0.5)}
    keypoints = {name: np.array(point) for name, point in points.items()}
    own = Part("body", "body", "main", SQUARE * 3, 0, keypoints)
    front = Part("card", "thing", "paper", SQUARE, 1)
    assert _outfit((own, 0), (front, None)).hidden() == {"armpit_left"}
    assert _outfit((front, None), (own, 0)).hidden() == set()
    assert _outfit((own, 0), (front, None)).hidden(garment=1) == set()


def test_mirrored_exchanges_names_and_signs():
    part = Part("sleeve_right", "sleeve", "main", SQUARE, 0, {"cuff_right_in": np.array([1.0, 2])},
                (SQUARE,), (Fold(SQUARE[:2], 0.1, 1.0),), grain=0.3)  # fmt: skip
    other = part.mirrored()
    assert (other.name, other.grain) == ("sleeve_left", -0.3)
    assert_allclose(other.keypoints["cuff_left_in"], (-1, 2))
    assert_allclose(other.folds[0].path, [(0, 0), (-1, 0)])
    assert_allclose(other.mirrored().outline, part.outline)


def test_mapped_moves_every_point():
    keypoints = {"crotch": np.array([1.0, 1.0])}
    part = Part("seat", "seat", "main", SQUARE, 0, keypoints, (SQUARE,), (Fold(SQUARE, 0.1, 1.0),))
    moved = part.mapped(lambda points: 2 * points + (1, 0))
    assert_allclose(moved.keypoints["crotch"], (3, 2))
    for path in (moved.outline, moved.seams[0], moved.folds[0].path):
        assert_allclose(path, 2 * SQUARE + (1, 0))


# === The five garments ===


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_garment_has_exactly_its_categorys_keypoints(category):
    for garment in _several(category, 3):
        assert garment.category == category
        assert set(garment.keypoints()) == set(fashionai.CATEGORIES[category])


def test_the_five_garments_have_all_24_keypoints():
    assert list(CATEGORIES) == list(fashionai.CATEGORIES)
    names = {name for category in CATEGORIES for name in _several(category, 1)[0].keypoints()}
    assert names == set(fashionai.KEYPOINTS) and len(names) == 24


@pytest.mark.parametrize("category", CATEGORIES)
def test_left_is_the_viewers_left(category):
    # The dataset's sample row has neckline_left at x = 241, neckline_right at x = 301. Free ends
    # of legs and sleeves may cross; these points cannot.
    fixed = ("neckline", "shoulder", "armpit", "waistline", "waistband")
    for garment in _several(category, 30):
        points = garment.keypoints()
        pairs = [name for name in fixed if f"{name}_left" in points]
        assert pairs
        for name in pairs:
            assert points[f"{name}_left"][0] < points[f"{name}_right"][0]


@pytest.mark.parametrize("category", ["dress", "outwear"])
def test_waistline_is_the_narrowest_place_of_the_body(category):
    for garment in _several(category, 30):
        body = next(part for part in garment.parts if part.name == "body")
        points = body.keypoints
        right = body.outline[: len(body.outline) // 2]
        hem = points.get("top_hem_right", points.get("hemline_right"))
        waist, armpit = points["waistline_right"], points["armpit_right"]
        # The hem swings to one side, so only what is above the waist is compared exactly.
        above = right[(right[:, 1] > armpit[1]) & (right[:, 1] < waist[1]) & (right[:, 0] > 0.3)]
        assert len(above) > 5
        assert (above[:, 0] >= waist[0]).all()
        wide = hem[0] - points.get("top_hem_left", points.get("hemline_left"))[0]
        assert wide > 2 * waist[0]


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_word_is_the_vocabularys(category):
    for garment in _several(category):
        assert {part.kind for part in garment.parts} <= set(PARTS)
        assert {part.kind for part in garment.limbs} <= set(OTHERS)
        assert len({part.name for part in garment.parts}) == len(garment.parts)
        for name, value in garment.attributes.items():
            assert value in ATTRIBUTES[name]
        assert {part.cloth for part in garment.parts} <= set(garment.cloths)


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_same_piece_in_another_picture(category):
    """Pose and wearer change, design and fabric do not."""
    one, again, other = (
        made(category, identity, Pose(shown, np.random.default_rng(seed)))
        for identity, shown, seed in ((3, "worn", 1), (3, "flat", 2), (4, "worn", 1))
    )
    assert one.attributes == again.attributes and one.identity == again.identity
    assert_array_equal(one.cloths["main"].colours, again.cloths["main"].colours)
    assert [part.name for part in one.parts] == [part.name for part in again.parts]
    assert any(
        not np.array_equal(a.outline, b.outline)
        for a, b in zip(one.parts, again.parts, strict=True)
    )
    assert not np.array_equal(one.cloths["main"].colours, other.cloths["main"].colours)


# === Attributes are true of the drawing ===


def _height(garment: Garment, low: str, high: str) -> float:
    points = garment.keypoints()
    return points[low][1] - points[high][1]


def test_sleeves_are_as_long_as_they_say():
    lengths = {"short": [], "elbow": [], "wrist": []}
    for garment in _several("blouse", 40):
        points = garment.keypoints()
        sleeve = next(part for part in garment.parts if part.name == "sleeve_right")
        middle = (points["cuff_right_in"] + points["cuff_right_out"]) / 2
        root = (points["shoulder_right"] + points["armpit_right"]) / 2
        lengths[garment.attributes["sleeve_length"]].append(np.linalg.norm(middle - root))
        assert len(sleeve.outline) > 10
    # A bent arm brings the cuff nearer, so only the longest of each are compared.
    assert max(lengths["short"]) < max(lengths["elbow"]) < max(lengths["wrist"])
    assert all(len(found) > 3 for found in lengths.values())


def test_dresses_and_skirts_are_as_long_as_they_say():
    order = ATTRIBUTES["length"]
    for category, high in (("dress", "neckline_left"), ("skirt", "waistband_left")):
        garments = _several(category, 40)
        pairs = sorted(
            (_height(g, "hemline_left", high), order.index(g.attributes["length"]))
            for g in garments
        )
        ranks = [rank for _, rank in pairs]
        # A hem that tilts may change places with its neighbours by a little.
        assert np.corrcoef(range(len(ranks)), ranks)[0, 1] > 0.85
        assert len(set(ranks)) >= 3


def test_closures_belts_and_pockets_are_there_when_named():
    seen = set()
    for category in ("blouse", "outwear", "dress"):
        for garment in _several(category, 30):
            kinds = {part.kind for part in garment.parts}
            named = garment.attributes
            assert ("button" in kinds) == (named.get("opening") == "buttons")
            assert ("zipper" in kinds) == (named.get("opening") == "zipper")
            assert ("belt" in kinds) == (named.get("waist") == "belt")
            assert ("pocket" in kinds) == (named.get("pockets", "none") != "none")
            assert ("lapel" in kinds) <= (named.get("collar") in ("lapel", "hood"))
            seen |= {named.get("opening"), named.get("waist"), named.get("collar")}
    assert {"buttons", "zipper", "open", "belt", "seam", "shirt", "lapel", "stand", "hood"} <= seen
