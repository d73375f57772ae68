"""Pixels and truth agree: contours pass through keypoints, masks have their outlines' areas."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from aifashion.datasets.synthetic.draw import draw, stand
from aifashion.datasets.synthetic.garments.geometry import line
from aifashion.datasets.synthetic.garments.outfits import made
from aifashion.datasets.synthetic.garments.parts import Layer, Outfit
from aifashion.datasets.synthetic.garments.tops import Pose
from aifashion.datasets.synthetic.garments.vocabulary import CATEGORIES
from aifashion.datasets.synthetic.paint import coverage, project


def _garments(category, count):
    return [made(category, i, Pose("worn", np.random.default_rng([5, i]))) for i in range(count)]


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_contour_passes_through_every_keypoint(category):
    # Averaging over pixels cuts corners: of a right angle's corner pixel a quarter is covered, of
    # a deep V's lowest pixel nearly all. So one of three levels passes within half a pixel; and
    # drawn four times as large, the level of a half is within 0.3 of these pixels.
    shape, count = (200, 150), 0
    for i, garment in enumerate(_garments(category, 8)):
        matrix = stand(garment, np.random.default_rng(i), shape)
        for part in (part for part in garment.parts if part.keypoints):
            points = project(matrix, np.array(list(part.keypoints.values())))
            points = points[((points > 3) & (points < np.array(shape[::-1]) - 3)).all(1)]
            if not len(points):
                continue
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


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_mask_has_the_area_of_its_outline(category):
    """Within 1 % and half the perimeter, in pixels: simple outlines, drawn whole."""
    compared = 0
    for i, garment in enumerate(_garments(category, 4)):
        matrix = stand(garment, np.random.default_rng(i), (400, 300))
        for part in garment.parts:
            outline = project(matrix, part.outline)
            inside = (outline > 2) & (outline < (298, 398))
            if not inside.all() or not _is_simple(part.outline):
                continue
            x, y = outline.T
            area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
            perimeter = np.linalg.norm(outline - np.roll(outline, -1, axis=0), axis=1).sum()
            mask, _ = coverage(outline, (400, 300))
            assert abs((mask > 127).sum() - area) <= 0.01 * area + perimeter / 2
            compared += 1
    assert compared >= 4


def _is_simple(outline) -> bool:
    """Whether no two sides of the outline cross (a sharply bent sleeve's may)."""
    a, b = outline, np.roll(outline, -1, axis=0)
    for i in range(len(outline)):
        others = np.arange(i + 2, len(outline) - (i == 0))
        p, r = a[i], b[i] - a[i]
        q, s = a[others], b[others] - a[others]
        cross = r[0] * s[:, 1] - r[1] * s[:, 0]
        cross = np.where(np.abs(cross) < 1e-12, np.inf, cross)
        t = ((q - p)[:, 0] * s[:, 1] - (q - p)[:, 1] * s[:, 0]) / cross
        u = ((q - p)[:, 0] * r[1] - (q - p)[:, 1] * r[0]) / cross
        if ((t > 1e-9) & (t < 1 - 1e-9) & (u > 1e-9) & (u < 1 - 1e-9)).any():
            return False
    return True


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
    """The far side of a keypoint on a waistband differs from the near one: nothing is shifted."""
    garment = made("skirt", 0, Pose("flat", np.random.default_rng(0)))
    body = next(part for part in garment.parts if part.name == "body")
    outfit = Outfit((garment,), (Layer(body, 0),), "worn")
    differences = []
    for seed in range(6):
        picture = draw(outfit, np.random.default_rng(seed), 256)
        left, right = (picture.keypoints[f"waistband_{side}"] for side in ("left", "right"))
        along = (right - left) / np.linalg.norm(right - left)
        low = picture.keypoints["hemline_left"] - left
        into = along + 0.4 * low / np.linalg.norm(low)
        for corner, inward in ((left, into), (right, into - 2 * along)):
            inside, outside = ((corner + step * inward).astype(int) for step in (6, -6))
            shape = np.array(picture.image.shape[1::-1])
            if all(((p >= 0) & (p < shape)).all() for p in (inside, outside)):
                a, b = (picture.image[p[1], p[0]].astype(int) for p in (inside, outside))
                differences.append(np.abs(a - b).max())
    assert len(differences) >= 6 and np.median(differences) > 40
