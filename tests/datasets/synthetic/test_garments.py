"""The drawn garments: their keypoints lie on their contours, named as the viewer sees them."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from aifashion.datasets import fashionai
from aifashion.datasets.synthetic.draw import coverage, draw, placed, project
from aifashion.datasets.synthetic.fashionai import GARMENTS
from aifashion.datasets.synthetic.garments import Garment, Part, line, mirrored

SQUARE = line((0, 0), (1, 0), (1, 1), (0, 1))


def _several(category, count=12):
    return [GARMENTS[category](np.random.default_rng([5, i])) for i in range(count)]


# === What a part and a garment are ===


def test_garment_without_parts_hides_nothing():
    empty = Garment("blouse", ())
    assert empty.keypoints() == {}
    assert empty.hidden() == set()


def test_hidden_only_well_inside_a_part_in_front():
    # One point in the middle of the square in front, one on its corner, one outside it.
    points = {"armpit_left": (0.5, 0.5), "crotch": (1.0, 1.0), "cuff_left_in": (2.0, 0.5)}
    own = Part("body", "main", SQUARE * 3, {name: np.array(p) for name, p in points.items()})
    front = Part("card", "paper", SQUARE)
    assert Garment("blouse", (own, front)).hidden() == {"armpit_left"}
    assert Garment("blouse", (front, own)).hidden() == set()


def test_mirrored_exchanges_names_and_signs():
    part = Part("sleeve_right", "main", SQUARE, {"cuff_right_in": np.array([1.0, 2.0])}, grain=0.3)
    other = mirrored(part)
    assert (other.name, other.grain) == ("sleeve_left", -0.3)
    assert_allclose(other.keypoints["cuff_left_in"], (-1, 2))
    assert_allclose(mirrored(other).outline, part.outline)


# === The five garments ===


@pytest.mark.parametrize("category", GARMENTS)
def test_a_garment_has_exactly_its_categorys_keypoints(category):
    for garment in _several(category, 3):
        assert garment.category == category
        assert set(garment.keypoints()) == set(fashionai.CATEGORIES[category])


def test_the_five_garments_have_all_24_keypoints():
    assert list(GARMENTS) == list(fashionai.CATEGORIES)
    names = {name for category in GARMENTS for name in _several(category, 1)[0].keypoints()}
    assert names == set(fashionai.KEYPOINTS) and len(names) == 24


@pytest.mark.parametrize("category", GARMENTS)
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


@pytest.mark.parametrize("category", GARMENTS)
def test_the_contour_passes_through_every_keypoint(category):
    # Averaging over pixels cuts corners: of a right angle's corner pixel a quarter is covered, of
    # a deep V's lowest pixel nearly all. So one of three levels passes within half a pixel; and
    # drawn four times as large, the level of a half is within 0.3 of these pixels.
    shape, count = (200, 150), 0
    for i, garment in enumerate(_several(category, 8)):
        matrix = placed(garment, np.random.default_rng(i), shape)
        for part in (part for part in garment.parts if part.keypoints):
            points = project(matrix, np.array(list(part.keypoints.values())))
            points = points[((points > 3) & (points < np.array(shape[::-1]) - 3)).all(1)]
            outline = project(matrix, part.outline)
            borders = np.concatenate([_border(outline, shape, level) for level in (64, 128, 192)])
            large = _border(4 * outline, (800, 600), 128) / 4
            for point in points:
                assert np.linalg.norm(borders - point, axis=1).min() < 0.5
                assert np.linalg.norm(large - point, axis=1).min() < 0.3
            count += len(points)
    assert count >= 20


def _border(outline, shape, level):
    """Where the coverage of the outline crosses a level of 255, (N, 2), found between pixels."""
    mask, (rows, columns) = coverage(outline, shape)
    whole = np.zeros(shape, np.uint8)
    whole[rows, columns] = mask
    finer = cv2.resize(whole, None, fx=8, fy=8, interpolation=cv2.INTER_LINEAR)
    covered = (finer >= level).astype(np.uint8)
    contours, _ = cv2.findContours(covered, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return (np.concatenate(contours)[:, 0] + 0.5) / 8


def test_coverage_of_a_square_between_pixels():
    # From 2.5 to 5.5: three pixels wide, half of the first and of the last column and row.
    mask, (rows, columns) = coverage(line((2.5, 2.5), (5.5, 2.5), (5.5, 5.5), (2.5, 5.5)), (9, 9))
    whole = np.zeros((9, 9))
    whole[rows, columns] = mask / 255
    expected = np.array([0, 0, 0.5, 1, 1, 0.5, 0, 0, 0])
    # Drawn four times as fine with its border pixels: up to a quarter of a pixel too wide a side.
    assert_allclose(whole[4], expected, atol=0.26)
    assert_allclose(whole[:, 4], expected, atol=0.26)


def test_coverage_outside_the_picture_is_empty():
    mask, _ = coverage(line((-20, 0), (-10, 0), (-10, 5)), (9, 9))
    assert not mask.any()


def test_drawn_truth_is_where_the_colours_change():
    # The far side of a keypoint on a hem differs from the near one: the truth is not shifted.
    garment = GARMENTS["skirt"](np.random.default_rng(0))
    body = Garment("skirt", garment.parts[-1:])
    picture = draw(body, np.random.default_rng(4), 256)
    left, right = (picture.keypoints[f"waistband_{side}"] for side in ("left", "right"))
    along = (right - left) / np.linalg.norm(right - left)
    low = picture.keypoints["hemline_left"] - left
    into = along + 0.4 * low / np.linalg.norm(low)
    for corner, inward in ((left, into), (right, into - 2 * along)):
        inside, outside = ((corner + step * inward).astype(int) for step in (5, -5))
        difference = (
            picture.image[inside[1], inside[0]].astype(int) - picture.image[outside[1], outside[0]]
        )
        assert np.abs(difference).max() > 30
