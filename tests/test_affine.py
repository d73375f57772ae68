"""Affine matrices: each on points whose images a person can write down, and every inverse."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import affine

POINTS = np.array([[0.0, 0.0], [4.0, 1.0], [-2.0, 0.5]])


def test_no_points():
    assert affine.apply(affine.about((0, 0), 30), np.empty((0, 2))).shape == (0, 2)


def test_identity():
    assert_array_equal(affine.apply(affine.IDENTITY, POINTS), POINTS)
    assert_array_equal(affine.compose(), affine.IDENTITY)


@pytest.mark.parametrize(
    ("matrix", "images"),
    [
        (affine.translation(3, -1), [[3, -1], [7, 0], [1, -0.5]]),
        (affine.scaling(2), [[0, 0], [8, 2], [-4, 1]]),
        (affine.scaling(2, 10), [[0, 0], [8, 10], [-4, 5]]),
        # A quarter turn, x towards y: right becomes down.
        (affine.about((0, 0), 90), [[0, 0], [-1, 4], [-0.5, -2]]),
        (affine.about((0, 0), -180), [[0, 0], [-4, -1], [2, -0.5]]),
        (affine.mirror(4), [[4, 0], [0, 1], [6, 0.5]]),
    ],
)
def test_each_on_points(matrix, images):
    assert matrix.shape == (2, 3)
    assert_allclose(affine.apply(matrix, POINTS), images, atol=1e-12)
    # Any leading shape, point by point.
    assert_allclose(affine.apply(matrix, POINTS[None, :, None]), np.array(images)[None, :, None],
                    atol=1e-12)  # fmt: skip


def test_mirroring_exchanges_the_first_and_the_last_pixel():
    # Four pixels wide: centres at 0.5, 1.5, 2.5, 3.5.
    centres = np.array([[0.5, 0], [1.5, 0], [2.5, 0], [3.5, 0]])
    assert_array_equal(affine.apply(affine.mirror(4), centres), centres[::-1])


def test_compose_applies_the_first_one_first():
    moved_then_doubled = affine.compose(affine.translation(1, 0), affine.scaling(2))
    doubled_then_moved = affine.compose(affine.scaling(2), affine.translation(1, 0))
    assert_array_equal(affine.apply(moved_then_doubled, POINTS[0]), [2, 0])
    assert_array_equal(affine.apply(doubled_then_moved, POINTS[0]), [1, 0])
    # Three at once: (4, 1) moves to (5, 1), turns to (-1, 5), doubles to (-2, 10).
    three = affine.compose(affine.translation(1, 0), affine.about((0, 0), 90), affine.scaling(2))
    assert_allclose(affine.apply(three, POINTS[1]), [-2, 10], atol=1e-12)


def test_invert():
    matrix = affine.compose(
        affine.translation(-7, 3),
        affine.about((0, 0), 33),
        affine.scaling(0.4, 3),
        affine.mirror(512),
    )
    inverse = affine.invert(matrix)
    assert_allclose(affine.compose(matrix, inverse), affine.IDENTITY, atol=1e-12)
    assert_allclose(affine.compose(inverse, matrix), affine.IDENTITY, atol=1e-12)
    assert_allclose(affine.apply(inverse, affine.apply(matrix, POINTS)), POINTS, atol=1e-12)
    with pytest.raises(np.linalg.LinAlgError):
        affine.invert(affine.scaling(0))


@pytest.mark.parametrize(
    ("picture", "canvas", "corners"),
    [
        # 400 x 300 into 512 x 512: scale 1.28, 512 x 384, 64 rows of grey above and below.
        ((400, 300), (512, 512), [[0, 64], [512, 448]]),
        ((300, 400), (512, 512), [[64, 0], [448, 512]]),
        ((100, 100), (64, 64), [[0, 0], [64, 64]]),
        # 10 x 40 into 100 x 20: half as large, 5 x 20, in the middle of the width.
        ((10, 40), (100, 20), [[47.5, 0], [52.5, 20]]),
    ],
)
def test_letterbox(picture, canvas, corners):
    matrix = affine.letterbox(*picture, *canvas)
    assert_allclose(affine.apply(matrix, np.array([(0, 0), picture])), corners, atol=1e-12)
    assert matrix[0, 0] == matrix[1, 1] > 0 and matrix[0, 1] == matrix[1, 0] == 0


def test_about_turns_and_stretches_around_its_point():
    # (4, -1) lies (3, -2) from (1, 1); a quarter turn clockwise makes that (2, 3), twice (4, 6).
    turned = affine.about((1, 1), 90, scale=2)
    assert_allclose(affine.apply(turned, np.array([[1, 1], [4, -1]])), [[1, 1], [5, 7]], atol=1e-12)


def test_many_at_once_are_each_on_its_own():
    angles, scales, shifts = np.array([0.0, 30.0, -80.0]), np.array([1.0, 0.5, 2.0]), np.arange(3.0)
    turns, moves = affine.about((3, 4), angles, scales), affine.translation(shifts, -shifts)
    both = affine.compose(affine.mirror(10), turns, moves)
    assert both.shape == (3, 2, 3)
    for n in range(3):
        turn = affine.about((3, 4), angles[n], scales[n])
        alone = affine.compose(affine.mirror(10), turn, affine.translation(n, -n))
        assert_allclose(both[n], alone, atol=1e-12)
        assert_allclose(affine.invert(both)[n], affine.invert(alone), atol=1e-12)
        points = affine.apply(both, np.stack([POINTS] * 3))
        assert_allclose(points[n], affine.apply(alone, POINTS), atol=1e-12)
    assert affine.about((3, 4), angles[:0]).shape == (0, 2, 3)


# === Boxes ===


def test_a_box_of_nothing_is_a_pixel():
    box = np.array([5.0, 7.0, 5.0, 7.0])
    assert_array_equal(affine.enlarged(box, 1.25), [4.5, 6.5, 5.5, 7.5])


def test_a_box_is_stretched_about_its_middle():
    assert_array_equal(affine.enlarged(np.array([10, 20, 30, 60]), 1.5), [5, 10, 35, 70])


def test_a_box_fits_into_a_frame():
    way = affine.fit(np.array([10.0, 20.0, 30.0, 60.0]), (60, 80))
    assert_allclose(affine.apply(way, np.array([(10.0, 20.0), (30.0, 60.0)])), [(10, 0), (50, 80)])


def test_a_picture_without_a_box_is_shown_whole():
    assert_array_equal(
        affine.into_frame((100, 80), None, (96, 128)), affine.letterbox(100, 80, 96, 128)
    )
