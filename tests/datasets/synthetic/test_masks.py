"""Masks: what is in front counts, what is seen through does not; boxes and polygons around them."""

import cv2
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.datasets.synthetic import masks
from aifashion.datasets.synthetic.garments.geometry import line
from aifashion.datasets.synthetic.garments.parts import Garment, Layer, Outfit, Part

SHAPE = (30, 40)


def _rectangle(x1, y1, x2, y2):
    return line((x1, y1), (x2, y1), (x2, y2), (x1, y2))


def _part(name, kind, outline, layer=0):
    return Part(name, kind, "main", outline, layer)


def _outfit(*parts):
    """Of (part, garment) from the back to the front."""
    places = sorted({place for _, place in parts if place is not None})
    garments = tuple(
        Garment("blouse", 0, {}, tuple(part for part, own in parts if own == place), (), (0.5, 1))
        for place in places
    )
    return Outfit(garments, tuple(Layer(*pair) for pair in parts), "flat")


BODY = _part("body", "body", _rectangle(10, 5, 30, 25))


def test_no_garments():
    assert masks.visible(_outfit(), np.eye(3), SHAPE) == []


def test_a_garment_alone():
    (mask,) = masks.visible(_outfit((BODY, 0)), np.eye(3), SHAPE)
    wanted = np.zeros(SHAPE, bool)
    wanted[5:25, 10:30] = True
    assert_array_equal(mask, wanted)
    assert masks.box(mask) == [10, 5, 30, 25]


def test_half_a_pixel_is_enough():
    shifted = _part("body", "body", _rectangle(10.3, 5.8, 30, 25))
    (mask,) = masks.visible(_outfit((shifted, 0)), np.eye(3), SHAPE)
    assert masks.box(mask) == [10, 6, 30, 25]


def test_what_is_in_front_counts():
    card = _part("card", "thing", _rectangle(10, 5, 20, 25))
    one, other = masks.visible(
        _outfit((BODY, 0), (card, None), (_part("leg", "leg", _rectangle(25, 0, 40, 10)), 1)),
        np.eye(3), SHAPE,
    )  # fmt: skip
    # Half of it is covered by the card, of the rest 5 x 5 pixels by the other garment.
    assert one.sum() == 200 - 25
    assert other.sum() == 150
    assert not (one & other).any()
    behind, _ = masks.visible(_outfit((card, None), (BODY, 0), (card, 1)), np.eye(3), SHAPE)
    assert behind.sum() == 200


def test_an_open_front_belongs_to_no_garment():
    inside = _part("opening", "inside", _rectangle(18, 5, 22, 25), 2)
    (mask,) = masks.visible(_outfit((BODY, 0), (inside, 0)), np.eye(3), SHAPE)
    assert mask.sum() == 400 - 80
    garment = _outfit((inside, 0), (BODY, 0)).garments[0]
    assert_allclose(masks.whole_area(garment, np.eye(3)), 320, rtol=0.1)


def test_a_whole_garment_is_larger_than_what_the_picture_shows():
    twice = np.diag((2.0, 2.0, 1.0))
    outfit = _outfit((BODY, 0))
    assert masks.visible(outfit, twice, SHAPE)[0].sum() == 20 * 20
    assert_allclose(masks.whole_area(outfit.garments[0], twice), 1600, rtol=0.05)


def test_shows_beside_the_pixel_too():
    mask = np.zeros((5, 6), bool)
    mask[2, 3] = True
    assert masks.shows(mask, np.array([3.5, 2.5])) and masks.shows(mask, np.array([2.1, 1.1]))
    assert not masks.shows(mask, np.array([1.9, 2.5])) and not masks.shows(mask, np.zeros(2))
    mask[0, 0] = True
    assert masks.shows(mask, np.zeros(2))


def test_polygons_are_closed_and_the_largest_is_first():
    mask = np.zeros(SHAPE, bool)
    mask[2:7, 3:8] = True
    mask[10:25, 15:35] = True
    mask[28, 1] = True  # too small a piece
    first, second = masks.polygons(mask)
    for polygon, (x1, y1, x2, y2) in ((first, (15, 10, 35, 25)), (second, (3, 2, 8, 7))):
        points = np.reshape(polygon, (-1, 2))
        assert_array_equal(points[0], points[-1])
        # The contour runs through the centres of half pixels.
        assert_allclose(points.min(0), (x1 + 0.25, y1 + 0.25))
        assert_allclose(points.max(0), (x2 - 0.25, y2 - 0.25))
    assert masks.polygons(np.zeros(SHAPE, bool)) == []


def test_a_polygon_has_its_masks_area():
    disc = np.zeros((120, 120), np.uint8)
    cv2.circle(disc, (60, 60), 45, 1, -1)
    (polygon,) = masks.polygons(disc.astype(bool))
    area = cv2.contourArea(np.reshape(polygon, (-1, 2)).astype(np.float32))
    assert_allclose(area, disc.sum(), rtol=0.03)
