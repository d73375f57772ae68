"""The affine warp: exact where pixels move whole, true to the matrix where they do not."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import images


def texture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def grey_to_rgb(image: np.ndarray) -> np.ndarray:
    return np.repeat(image[:, :, None], 3, axis=2)


WIDTH, HEIGHT = 53, 37


@pytest.mark.parametrize(
    ("matrix", "size", "expected"),
    [
        ([[1, 0, 0], [0, 1, 0]], (WIDTH, HEIGHT), lambda image: image),
        ([[-1, 0, WIDTH], [0, 1, 0]], (WIDTH, HEIGHT), np.fliplr),
        ([[0, 1, 0], [-1, 0, WIDTH]], (HEIGHT, WIDTH), np.rot90),  # (x, y) -> (y, W - x)
    ],
)
def test_warp_moves_whole_pixels_exactly(matrix, size, expected):
    image = texture(HEIGHT, WIDTH)
    assert_array_equal(images.warp(image, matrix, size), expected(image))
    out = np.zeros((size[1], size[0], 3), np.uint8)
    images.warp(image, matrix, size, out=out)
    assert_array_equal(out, expected(image))


def test_warp_fills_what_a_shift_uncovers():
    image = texture(5, 6)
    moved = images.warp(image, [[1, 0, 2], [0, 1, -1]], (6, 5))
    expected = np.full_like(image, 128)
    expected[:4, 2:] = image[1:, :4]
    assert_array_equal(moved, expected)


def test_warp_upscales_between_centres():
    # Levels 0 and 100 at x = 0.5 and 1.5. Output centres lie at 0.25, 0.75, 1.25, 1.75: a quarter
    # of the grey outside, then 25, 75, and a quarter of it again: 32 and 75 + 32.
    image = grey_to_rgb(np.array([[0, 100]] * 3, np.uint8))
    larger = images.warp(image, [[2, 0, 0], [0, 2, 0]], (4, 6))
    assert_array_equal(larger[2:4, :, 0], [[32, 25, 75, 107]] * 2)


def test_recolouring_leaves_the_outside_grey():
    # Each channel of (10, 20, 30) doubled, plus 5; the two columns a shift uncovers stay 128.
    image = np.tile(np.uint8([10, 20, 30]), (4, 6, 1))
    brighter = images.recolour(2 * np.eye(3), 5)
    moved = images.warp(image, [[1, 0, 2], [0, 1, 0]], (6, 4), brighter)
    assert_array_equal(moved[:, 2:], np.tile(np.uint8([25, 45, 65]), (4, 4, 1)))
    assert_array_equal(moved[:, :2], 128)


def test_recolouring_can_exchange_channels():
    image = texture(5, 7)
    mix = np.eye(3)[[2, 0, 1]]
    assert_array_equal(
        images.warp(image, np.eye(3)[:2], (7, 5), images.recolour(mix, 0)), image[:, :, [2, 0, 1]]
    )


@pytest.mark.parametrize(
    ("scale", "side"),
    [(1.0, 96), (2.3, 96), (0.7, 96), (0.5, 96), (0.5, 97), (0.3, 160), (0.25, 161)],
)
def test_warp_carries_a_blob(scale, side):
    centre = np.array([0.47 * side, 0.55 * side + 0.3])
    centres = np.arange(side) + 0.5
    x, y = (np.exp(-((centres - c) ** 2) / (2 * (0.08 * side) ** 2)) for c in centre)
    image = grey_to_rgb(np.rint(128 + 127 * np.outer(y, x)).astype(np.uint8))
    cosine, sine = scale * np.cos(0.4), scale * np.sin(0.4)
    matrix = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]])
    size = int(np.ceil(side * max(scale, 1)))
    matrix[:, 2] = np.array([0.45, 0.52]) * size - matrix[:, :2] @ centre
    level = images.warp(image, matrix, (size, size))[:, :, 0] - 128.0
    at = np.arange(size) + 0.5
    centroid = [(level * at).sum(), (level * at[:, None]).sum()] / level.sum()
    assert_allclose(centroid, matrix @ [*centre, 1], atol=0.02)


def test_warp_does_not_alias():
    # Sampled at every fourth centre, a chessboard of single pixels would be all black or all white.
    board = grey_to_rgb(((np.indices((64, 64)).sum(axis=0) % 2) * 255).astype(np.uint8))
    small = images.warp(board, [[0.25, 0, 0.125], [0, 0.25, 0.125]], (16, 16))
    assert_allclose(small, 127.5, atol=1)


@pytest.mark.parametrize("matrix", [[[1, 0, 0], [1, 0, 0]], [[np.nan, 0, 0], [0, 1, 0]]])
def test_warp_needs_an_inverse(matrix):
    with pytest.raises(ValueError, match="inverted"):
        images.warp(texture(4, 4), np.array(matrix, float), (4, 4))
