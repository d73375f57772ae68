import cv2
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import affine
from aifashion.ops import heatmaps
from aifashion.ops.affine import warp


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def _smooth(height: int, width: int) -> np.ndarray:
    """(1, h, w, 2): two wide bumps each, far from the rim."""
    y, x = np.mgrid[:height, :width] + 0.5
    maps = [
        np.exp(-((x - width * a) ** 2 + (y - height * b) ** 2) / (2 * 3.0**2))
        + 0.5 * np.exp(-((x - width * b) ** 2 + (y - height * 0.5) ** 2) / (2 * 4.0**2))
        for a, b in ((0.4, 0.55), (0.6, 0.45))
    ]
    return np.stack(maps, axis=-1)[None].astype("float32")


def _about_the_middle(size: tuple[int, int], *steps: np.ndarray) -> np.ndarray:
    height, width = size
    there = affine.translation(-width / 2, -height / 2)
    back = affine.translation(width / 2, height / 2)
    return affine.compose(there, *steps, back)[None]


def test_no_pictures():
    assert warp(_noise(0, 4, 5, 2), np.zeros((0, 2, 3)), (3, 6)).shape == (0, 3, 6, 2)


def test_identity_is_exact():
    maps = _noise(2, 5, 7, 3)
    assert_array_equal(warp(maps, np.repeat(affine.IDENTITY[None], 2, 0), (5, 7)), maps)


def test_whole_cells_move_exactly():
    maps = _noise(1, 5, 7, 2)
    # The matrix leads from the result to the source: +2 in x takes what is two cells further on.
    moved = warp(maps, affine.translation(2, -1)[None], (5, 7))
    expected = np.zeros_like(maps)
    expected[:, 1:, :5] = maps[:, :4, 2:]
    assert_array_equal(moved, expected)


def test_each_picture_has_its_own_matrix():
    maps = np.repeat(_noise(1, 5, 7, 2), 2, axis=0)
    moved = warp(maps, np.array([affine.IDENTITY, affine.mirror(7)]), (5, 7))
    assert_array_equal(moved[0], maps[0])
    assert_array_equal(moved[1], maps[1, :, ::-1])


def test_a_quarter_turn_is_rot90():
    maps = _noise(1, 5, 7, 2)
    # rot90 takes result (x, y) of a 7 high, 5 wide picture from (7 - y, x) of the source.
    matrix = np.array([[[0, -1, 7], [1, 0, 0]]], float)
    assert_allclose(warp(maps, matrix, (7, 5)), np.rot90(maps, axes=(1, 2)), atol=1e-6)
    # Positive turns x towards y, so this is the same turn by its angle.
    turn = affine.compose(
        affine.translation(-2.5, -3.5), affine.about((0, 0), 90), affine.translation(3.5, 2.5)
    )
    assert_allclose(warp(maps, turn[None], (7, 5)), np.rot90(maps, axes=(1, 2)), atol=1e-5)


def test_between_cells_by_hand():
    maps = np.array([10.0, 20.0], "float32").reshape(1, 1, 2, 1)
    # A quarter of a cell on: 3/4 * 10 + 1/4 * 20, then 3/4 * 20 + 1/4 of the 0 outside.
    moved = warp(maps, affine.translation(0.25, 0)[None], (1, 2))
    assert_allclose(np.ravel(moved), [12.5, 15])


@pytest.mark.parametrize("shift", [(50, 0), (-50, 3), (0, 1e6), (-1e6, -1e6)])
def test_outside_is_zero(shift):
    assert_array_equal(warp(_noise(1, 5, 7, 2), affine.translation(*shift)[None], (4, 6)), 0)


def test_there_and_back():
    maps = _smooth(32, 40)
    matrix = _about_the_middle((32, 40), affine.about((0, 0), 17), affine.scaling(0.9))
    there = warp(maps, matrix, (32, 40))
    back = warp(there, affine.invert(matrix[0])[None], (32, 40))
    # Bilinear sampling flattens a bump of sigma 3 by at most 1 / 8 of its curvature, 1 / 3^2, an
    # axis and a pass: 4 / 72 = 0.056.
    assert_allclose(back, maps, atol=0.056)
    assert np.abs(there - maps).max() > 0.2


def test_smooth_by_hand():
    # The cubic B-spline is 1/6, 4/6, 1/6 on cells, and 1/48, 23/48, 23/48, 1/48 half way between.
    cells = np.zeros((1, 5, 9, 1), "float32")
    cells[0, 2, 4] = 1
    same = np.array(warp(cells, affine.IDENTITY[None], (5, 9), smooth=True))
    row = np.array([1, 4, 1]) / 6
    assert_allclose(same[0, 1:4, 3:6, 0], np.outer(row, row), atol=1e-6)
    assert_allclose(same.sum(), 1, rtol=1e-6)
    between = np.array(warp(cells, affine.translation(0.5, 0)[None], (5, 9), smooth=True))
    assert_allclose(
        between[0, 2, 1:7, 0] * 6 / 4, [0, 1 / 48, 23 / 48, 23 / 48, 1 / 48, 0], atol=1e-6
    )


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("degrees", [-20, -10, 10, 20])
def test_smooth_leaves_peaks_in_place(degrees, sigma):
    """Where bilinear sampling moves them by about a fifteenth of a cell."""
    points = np.random.default_rng(0).uniform(10, 22, (1, 200, 2))
    matrix = _about_the_middle((32, 32), affine.about((0, 0), degrees))
    maps = heatmaps.encode(affine.apply(matrix[0], points), (32, 32), 1.0, sigma)

    def worst(smooth: bool) -> float:
        return np.abs(heatmaps.decode(warp(maps, matrix, (32, 32), smooth), 1.0)[0] - points).max()

    assert worst(smooth=True) < 0.025 / sigma**2
    assert worst(smooth=False) > 0.06


@pytest.mark.parametrize("size", [(32, 40), (20, 48)])
def test_equals_cv2(size):
    maps = _smooth(32, 40)
    matrix = _about_the_middle((32, 40), affine.about((0, 0), -23), affine.scaling(1.2, 0.8))
    # Continuous coordinates -> cv2's, where the first centre is 0.
    indexed = affine.compose(
        affine.translation(0.5, 0.5), matrix[0], affine.translation(-0.5, -0.5)
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    expected = cv2.warpAffine(maps[0], indexed, size[::-1], flags=flags)
    # cv2 may round the weights to 1 / 32 of a cell: times the steepest slope, 0.6 / 3.
    assert_allclose(warp(maps, matrix, size)[0], expected, atol=0.2 / 32)


def test_half_precision_is_kept():
    maps = _smooth(16, 16).astype("float16")
    moved = warp(maps, _about_the_middle((16, 16), affine.about((0, 0), 10)), (16, 16))
    full = warp(
        maps.astype("float32"), _about_the_middle((16, 16), affine.about((0, 0), 10)), (16, 16)
    )
    assert moved.dtype == "float16"
    assert_allclose(moved, full, atol=4e-3)


@pytest.mark.parametrize("how", ["graph", "xla", "tf.data"])
def test_the_same_however_it_is_run(how):
    maps = tf.constant(_noise(2, 8, 9, 3))
    matrix = tf.constant(
        [
            affine.about((0, 0), 30),
            affine.compose(affine.scaling(0.7), affine.translation(1.3, -0.4)),
        ],
        "float32",
    )

    def call(maps, matrix):
        return warp(maps, matrix, (6, 7)) + warp(maps, matrix, (6, 7), smooth=True)

    expected = call(maps, matrix)
    if how == "tf.data":
        result = next(iter(tf.data.Dataset.from_tensors((maps, matrix)).map(call)))
    else:
        result = tf.function(call, jit_compile=how == "xla")(maps, matrix)
    assert_allclose(result, expected, atol=1e-5)
