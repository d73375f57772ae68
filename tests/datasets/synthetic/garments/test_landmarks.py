"""Landmarks: complete, on the drawn outlines, named as the viewer sees them, evenly spaced."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from aifashion.datasets.deepfashion2.landmarks import CATEGORIES
from aifashion.datasets.schema import other_side
from aifashion.datasets.synthetic.deepfashion2 import GARMENTS, category_of, identity_of
from aifashion.datasets.synthetic.garments import landmarks
from aifashion.datasets.synthetic.garments.geometry import line
from aifashion.datasets.synthetic.garments.outfits import made
from aifashion.datasets.synthetic.garments.parts import Garment, Layer, Outfit, Part
from aifashion.datasets.synthetic.garments.tops import Pose

SQUARE = line((0, 0), (1, 0), (1, 1), (0, 1))
# An elbow: three units down, one to the right.
BENT = line((0, 0), (0, 3), (1, 3))


def _several(category, count=6, shown="worn"):
    rng = np.random.default_rng(list(category.encode()))
    return [
        made(GARMENTS[category], identity_of(category, rng), Pose(shown, rng)) for _ in range(count)
    ]


# === Lines ===


def test_a_garment_without_parts_has_no_landmarks():
    empty = Garment("blouse", 0, {}, (), (), (0.5, 1.0))
    assert empty.landmarks() == {}
    assert Outfit((empty,), (), "flat").hidden_landmarks() == set()
    assert landmarks.onto({}, SQUARE) == {}


def test_at_shares_of_the_length():
    assert_allclose(landmarks.at(BENT, 0, 0.5, 0.75, 0.875, 1),
                    [(0, 0), (0, 2), (0, 3), (0.5, 3), (1, 3)])  # fmt: skip


def test_both_sides():
    points = landmarks.both({"cuff_in_right": np.array([2.0, 1.0])})
    assert_allclose(points["cuff_in_left"], (-2, 1))
    assert_allclose(points["cuff_in_right"], (2, 1))


def test_onto_the_nearest_of_closed_outlines():
    points = {"a": np.array([0.5, -0.2]), "b": np.array([-0.1, 0.7]), "c": np.array([3.0, 2.9])}
    found = landmarks.onto(points, SQUARE, SQUARE + 2)
    assert_allclose(found["a"], (0.5, 0))
    assert_allclose(found["b"], (0, 0.7))  # on the edge from the last corner to the first
    assert_allclose(found["c"], (3, 2.9))


def test_a_sleeve_is_divided_evenly():
    inner = line((0, 1), (4, 1))
    short = landmarks.sleeve("short", BENT, inner)
    assert_allclose(short["short_outer_right"], (0, 2))
    assert_allclose(short["short_inner_right"], (2, 1))
    long = landmarks.sleeve("long", BENT, inner)
    assert_allclose(long["long_outer_3_right"], (0, 3))
    # Counted from the armpit, as those outside are from the shoulder.
    assert_allclose([long[f"long_inner_{n}_right"][0] for n in (1, 2, 3)], (1, 2, 3))
    assert_allclose(long["long_cuff_in_right"], (4, 1))
    assert len(short) == 4 and len(long) == 8


def test_sides_of_sleeveless_garments_begin_at_the_armpit():
    side = line((1, 0), (1, 3))
    heights = {arms: landmarks.sides(side, arms) for arms in ("long", "vest")}
    names = [f"side_{place}_right" for place in ("upper", "middle", "lower")]
    assert_allclose([heights["long"][name][1] for name in names], (1, 2, 3))
    assert_allclose([heights["vest"][name][1] for name in names], (0, 1.5, 3))
    assert_allclose(heights["vest"]["side_lower_left"], (-1, 3))


def test_a_front_edge_ends_at_the_hem():
    # The hem falls from height 4 at the right to 2 at the left; the edges hang at x = 1 and -1.
    hem = line((2, 4), (-2, 2))
    points = landmarks.opening(line((1, 0), (1, 9)), line((-1, 0.5), (-1, 9)), hem)
    assert_allclose(points["opening_lower_right"], (1, 3.5))
    assert_allclose(points["opening_middle_left"], (-1, 0.5 + 2 / 3 * 2))
    short = landmarks.opening(line((1, 0), (1, 3)), line((-1, 0), (-1, 9)), hem)
    assert_allclose(short["opening_lower_right"], (1, 3))


def test_legs_of_shorts_have_fewer():
    outer, inner = line((1, 0), (1, 3)), line((0.5, 3), (0, 1))
    names = set(landmarks.leg(outer, inner, short=False)) - set(
        landmarks.leg(outer, inner, short=True)
    )
    assert names == {"leg_lower_right", "inseam_right"}


# === Parts and outfits ===


def test_landmarks_move_and_mirror_with_their_part():
    part = Part("leg_right", "leg", "main", SQUARE, 0, landmarks={"leg_side_right": SQUARE[2]})
    moved = part.mapped(lambda points: 2 * points + (1, 0)).mirrored()
    assert_allclose(moved.landmarks["leg_side_left"], (-3, 2))
    assert part.keypoints == moved.keypoints == {}


def test_landmarks_are_hidden_as_keypoints_are():
    points = {"crotch": np.array([0.5, 0.5]), "waist_middle": np.array([1.0, 1.0])}
    own = Part("seat", "seat", "main", SQUARE * 3, 0, landmarks=points)
    front = Part("card", "thing", "paper", SQUARE, 1)
    garment = Garment("trousers", 0, {}, (own,), (), (0.5, 1))
    layers = (Layer(own, 0), Layer(front, None))
    outfit = Outfit((garment,), layers, "flat")
    assert outfit.hidden_landmarks() == {"crotch"} and outfit.hidden() == set()
    assert Outfit((garment,), layers[::-1], "flat").hidden_landmarks() == set()


# === The 13 categories ===


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_garment_has_exactly_its_categorys_landmarks(category):
    for garment in _several(category):
        assert category_of(garment) == category
        assert set(garment.landmarks()) == set(CATEGORIES[category])


@pytest.mark.parametrize("shown", ["worn", "hanger"])
@pytest.mark.parametrize("category", CATEGORIES)
def test_landmarks_lie_on_outlines(category, shown):
    for garment in _several(category, 4, shown):
        outlines = [part.outline for part in garment.parts]
        points = garment.landmarks()
        nearest = landmarks.onto(points, *outlines)
        assert max(np.linalg.norm(nearest[name] - points[name]) for name in points) < 0.002


@pytest.mark.parametrize("category", CATEGORIES)
def test_left_is_the_viewers_left(category):
    # Free ends of legs, sleeves and swinging hems may cross; these cannot.
    fixed = ("neck", "neckline", "shoulder", "armpit", "upper", "strap", "waist")
    for garment in _several(category, 10):
        points = garment.landmarks()
        pairs = [
            name for name in points if set(fixed) & set(name.split("_")) and other_side(name) > name
        ]
        assert pairs
        for name in pairs:
            assert points[name][0] < points[other_side(name)][0], name


def _middle_of(points, name):
    return (points[f"{name}_left"] + points[f"{name}_right"])[1] / 2


@pytest.mark.parametrize("category", CATEGORIES)
def test_from_above_to_below(category):
    order = {
        "top": ("neck", "side_upper", "side_middle", "side_lower"),
        "dress": ("neck", "side_upper", "side_middle", "side_lower", "dress_side", "dress_hem"),
        "outwear": ("neckline", "collar", "opening_upper", "opening_middle", "opening_lower"),
        "shorts": ("waist", "leg_side", "cuff_out"),
        "trousers": ("waist", "leg_side", "leg_lower", "cuff_out"),
        "skirt": ("waist", "skirt_side", "skirt_hem"),
    }
    names = order.get(category.split("_")[-1], order["top"])
    for garment in _several(category, 6, "hanger"):
        points = garment.landmarks()
        heights = [_middle_of(points, name) for name in names]
        assert heights == sorted(heights)


def test_closed_fronts_meet_and_open_ones_do_not():
    gaps = {"open": [], "closed": []}
    for garment in _several("long_sleeve_outwear", 16):
        points = garment.landmarks()
        gap = points["opening_lower_right"][0] - points["opening_lower_left"][0]
        gaps["open" if garment.attributes["opening"] == "open" else "closed"].append(gap)
    assert max(gaps["closed"]) < 0.1 <= min(gaps["open"])
    assert min(gaps["closed"]) > 0
