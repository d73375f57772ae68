import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.ops import heatmaps


def _points_everywhere(cells: int, stride: float) -> np.ndarray:
    """(1, K, 2): in the corners, at the rim, on centres, between cells and anywhere."""
    side = cells * stride
    least = side * 1e-6
    ends = [0.0, least, stride / 2, stride, 2.25 * stride, side / 2, side - stride, side - least]
    grid = np.stack(np.meshgrid(ends, ends), axis=-1).reshape(-1, 2)
    anywhere = np.random.default_rng(0).uniform(0, side, (200, 2))
    return np.concatenate([grid, anywhere])[None].astype("float32")


def _one_map(cells: np.ndarray) -> np.ndarray:
    return np.asarray(cells, "float32")[None, :, :, None]


# === Encoding ===


def test_no_pictures():
    maps = heatmaps.encode(np.zeros((0, 3, 2)), (4, 5), 4.0, 1.0)
    assert maps.shape == (0, 4, 5, 3)
    points, peaks = heatmaps.decode(maps, 4.0)
    assert points.shape == (0, 3, 2) and peaks.shape == (0, 3)


def test_gaussian_by_hand():
    # The centre of cell (4, 4) at stride 4 is (4 + 0.5) * 4 = 18.
    maps = np.array(heatmaps.encode([[[18.0, 18.0]]], (9, 9), 4.0, 2.0))
    # exp(-r^2 / 2 sigma^2) at r = 0, 1, 2 (sigma), 4 (2 sigma): exp of 0, -1/8, -1/2 and -2.
    assert_allclose(maps[0, 4, [4, 5, 6, 8], 0], [1, 0.8824969, 0.6065307, 0.1353353], atol=1e-6)
    # x runs across, y down, and a diagonal is the product: r^2 = 2^2 + 1 is exp(-5/8).
    assert_allclose(maps[0, 5, 6, 0], 0.5352614, atol=1e-6)
    assert maps.dtype == "float32"


def test_the_fraction_of_a_cell_is_kept():
    # (20, 18) lies half way between the cells 4 and 5: both exp(-0.25 / 2) at sigma 1.
    maps = heatmaps.encode([[[20.0, 18.0]]], (9, 10), 4.0, 1.0)
    assert_allclose(maps[0, 4, 3:7, 0], [0.3246525, 0.8824969, 0.8824969, 0.3246525], atol=1e-6)


def test_published_targets_are_rounded_and_cut():
    # 19.9 / 4 - 0.5 = 4.475, rounded 4; 20.1 gives 4.525, rounded 5. Cut beyond 3 sigma, 3 cells:
    # exp(-9 / 2) still stands.
    maps = np.array(heatmaps.encode([[[19.9, 18.0], [20.1, 18.0]]], (9, 10), 4.0, 1.0, "msra"))
    expected = np.array([0.011109, 0.1353353, 0.6065307, 1, 0.6065307, 0.1353353, 0.011109])
    assert_allclose(maps[0, 4, :, 0], [0, *expected, 0, 0], atol=1e-6)
    assert_allclose(maps[0, 4, :, 1], [0, 0, *expected, 0], atol=1e-6)
    assert_allclose(maps[0, :, 4, 0], [0, *expected, 0], atol=1e-6)
    assert_array_equal(maps[0, 4, [0, 8, 9], 0], 0)
    # The first and the last point of the picture belong to its first and last cell.
    rim = heatmaps.encode([[[0.0, 39.99]]], (10, 10), 4.0, 1.0, "msra")
    assert np.unravel_index(np.argmax(rim), (10, 10)) == (9, 0)


def test_an_unknown_kind_of_targets_is_named():
    with pytest.raises(ValueError, match="'unbiased' or 'msra', not 'dark'"):
        heatmaps.encode(np.zeros((1, 1, 2)), (4, 4), 4.0, 1.0, "dark")


# === Round trip ===


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
@pytest.mark.parametrize(("cells", "stride"), [(32, 2), (32, 4), (32, 8), (128, 4)])
def test_decode_is_the_inverse_of_encode(cells, stride, sigma):
    points = _points_everywhere(cells, stride)
    maps = heatmaps.encode(points, (cells, cells), stride, sigma)
    decoded, peaks = heatmaps.decode(maps, stride)
    assert_allclose(decoded, points, atol=0.01)
    # The largest cell is half a cell away at most, along both axes.
    assert np.min(peaks) >= np.exp(-0.25 / sigma**2) - 1e-5 and np.max(peaks) <= 1


def test_round_trip_of_other_than_squares_and_scales():
    points = np.array([[[3.1, 70.2], [38.7, 5.9]], [[20.0, 40.0], [0.5, 79.0]]], "float32")
    maps = 100 * heatmaps.encode(points, (20, 10), 4.0, 1.5)
    decoded, peaks = heatmaps.decode(maps, 4.0)
    assert_allclose(decoded, points, atol=0.01)
    assert_allclose(peaks, np.max(maps, axis=(1, 2)))


def test_published_targets_decode_to_the_centre_of_their_cell():
    points = _points_everywhere(16, 4)
    maps = heatmaps.encode(points, (16, 16), 4.0, 1.0, "msra")
    centres = (np.floor(points / 4) + 0.5) * 4
    assert_allclose(heatmaps.decode(maps, 4.0)[0], centres, atol=0.01)


def test_a_tilted_gaussian():
    """exp(-(x^2 + x y + y^2) / 4) about (7.3, 6.8): along the diagonal wider than across it."""
    y, x = np.mgrid[:14, :16] + 0.5
    x, y = x - 7.3, y - 6.8
    maps = _one_map(np.exp(-(x**2 + x * y + y**2) / 4))
    assert_allclose(heatmaps.decode(maps, 1.0)[0], [[[7.3, 6.8]]], atol=1e-3)


# === Coarser ways to read a peak ===


def test_an_unknown_way_is_named():
    with pytest.raises(
        ValueError, match="peak is one of unbiased, quarter, neighbours, cell, not 'dark'"
    ):
        heatmaps.decode(np.zeros((1, 4, 4, 1)), 4.0, "dark")


@pytest.mark.parametrize(
    ("peak", "place"),
    [
        # The largest cell's centre: ((3 + 0.5) * 4, (1 + 0.5) * 4).
        ("cell", (14, 6)),
        # A quarter of the way to the second largest, at (6, 22): 14 - 8 / 4 and 6 + 16 / 4.
        ("quarter", (12, 10)),
        # The largest cell is in the row 1, so that no step is made.
        ("neighbours", (14, 6)),
    ],
)
def test_reading_by_hand(peak, place):
    cells = np.zeros((6, 5))
    cells[1, 3], cells[1, 2], cells[5, 1] = 0.8, 0.5, 0.6
    points, heights = heatmaps.decode(_one_map(cells), 4.0, peak)
    assert_allclose(points, [[place]])
    assert_allclose(heights, [[0.8]])


@pytest.mark.parametrize(
    ("peak", "place"), [("cell", (2, 2)), ("quarter", (3, 2)), ("neighbours", (2, 2))]
)
@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_of_equal_cells_the_first_ones_are_read(peak, place, value):
    points, _ = heatmaps.decode(np.full((1, 6, 5, 1), value, "float32"), 4.0, peak)
    assert_array_equal(points, [[place]])


@pytest.mark.parametrize(
    ("neighbours", "place"),
    [
        # The cell (2, 3) of stride 4 has its centre at (14, 10); a quarter of a cell is 1 pixel.
        ({}, (14, 10)),  # all neighbours are equal
        ({(2, 4): 0.1}, (15, 10)),
        ({(2, 2): 0.1}, (13, 10)),
        ({(3, 3): -0.1}, (14, 9)),  # below the zero on the other side
        ({(1, 3): 0.3, (3, 3): 0.2, (2, 4): 0.01, (2, 2): 0.7}, (13, 9)),
        ({(1, 3): 0.3, (3, 3): 0.3}, (14, 10)),
        ({(1, 2): 0.7, (3, 4): 0.1, (5, 5): 0.6}, (14, 10)),  # none of these is asked
    ],
)
def test_a_quarter_of_a_cell_towards_the_larger_neighbour(neighbours, place):
    cells = np.zeros((6, 7))
    cells[2, 3] = 0.8
    for cell, value in neighbours.items():
        cells[cell] = value
    points, heights = heatmaps.decode(_one_map(cells), 4.0, "neighbours")
    assert_allclose(points, [[place]])
    assert_allclose(heights, [[0.8]])


@pytest.mark.parametrize("row", range(6))
@pytest.mark.parametrize("column", range(7))
def test_no_step_from_the_rim_and_beside_its_beginning(row, column):
    """Rising to the right and below: a step of 1 pixel each, from inside alone."""
    y, x = np.mgrid[:6, :7]
    cells = (x + y) / 100
    cells[row, column] = 0.8
    points, _ = heatmaps.decode(_one_map(cells), 4.0, "neighbours")
    step = 1 if row in (2, 3, 4) and column in (2, 3, 4, 5) else 0
    assert_allclose(points, [[[4 * column + 2 + step, 4 * row + 2 + step]]])


@pytest.mark.parametrize("most", [0.0, -0.1])
def test_nothing_above_zero_is_read_at_the_first_cell(most):
    cells = np.full((6, 7), -1.0)
    cells[3, 4], cells[3, 5] = most, -0.5
    points, heights = heatmaps.decode(_one_map(cells), 4.0, "neighbours")
    assert_allclose(points, [[(2, 2)]])
    assert_allclose(heights, [[most]])


@pytest.mark.parametrize(
    ("peak", "error"),
    [
        # The distance from a square's middle is 0.7652 half sides on average, here of 2 pixels.
        ("cell", 1.5304),
        # One pixel along the axis on which the point is further off: with 0 < m < M < 2 the mean
        # of hypot(M - 1, m).
        ("quarter", 0.8937),
        # One pixel along both axes: the same square with half the side.
        ("neighbours", 0.7652),
        ("unbiased", 0.0),
    ],
)
@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_mean_error_without_noise(peak, error, sigma):
    places = 40 + (np.arange(20) + 0.5) * 4 / 20  # all over the cell (10, 10)
    points = np.stack(np.meshgrid(places, places), axis=-1).reshape(1, -1, 2).astype("float32")
    maps = heatmaps.encode(points, (21, 21), 4.0, sigma)
    decoded = np.array(heatmaps.decode(maps, 4.0, peak)[0])
    assert_allclose(np.linalg.norm(decoded - points, axis=-1).mean(), error, atol=0.004)


# === Maps that are no Gaussian ===


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-30, -1.0])
def test_a_constant_map_is_read_at_its_first_cell(value):
    points, peaks = heatmaps.decode(np.full((1, 6, 5, 1), value, "float32"), 4.0)
    assert_array_equal(points, [[[2, 2]]])  # the centre of the first cell
    assert_allclose(peaks, [[value]])


@pytest.mark.parametrize("cell", [(0, 0), (0, 3), (5, 4), (3, 0), (2, 2)])
def test_a_single_cell_is_read_at_its_centre(cell):
    cells = np.zeros((6, 5))
    cells[cell] = 0.7
    points, peaks = heatmaps.decode(_one_map(cells), 4.0)
    row, column = cell
    assert_allclose(points, [[[(column + 0.5) * 4, (row + 0.5) * 4]]], atol=1e-4)
    assert_allclose(peaks, [[0.7]])


def test_the_first_of_two_equal_peaks_is_taken():
    both = heatmaps.encode([[[18.0, 22.0]]], (16, 16), 4.0, 1.0)
    both = both + heatmaps.encode([[[46.0, 22.0]]], (16, 16), 4.0, 1.0)
    assert_allclose(heatmaps.decode(both, 4.0)[0], [[[18, 22]]], atol=0.01)


def test_an_edge_leaves_the_peak_at_the_rim():
    # Rising ever faster towards the right rim, where a parabola would have a minimum.
    cells = np.tile(np.exp(np.arange(8.0) ** 2 / 8), (8, 1))
    cells[4] *= 2
    assert_allclose(heatmaps.decode(_one_map(cells), 4.0)[0], [[[30, 18]]])  # cell (4, 7)


def test_noise_stays_finite_and_near_the_largest_cell():
    rng = np.random.default_rng(0)
    maps = rng.random((20, 16, 16, 8)) ** 4 * (rng.random((20, 16, 16, 8)) < 0.5)
    points, peaks = heatmaps.decode(maps.astype("float32"), 1.0)
    flat = maps.reshape(20, 256, 8)
    best = flat.argmax(axis=1)
    largest = np.stack([best % 16, best // 16], axis=-1) + 0.5
    assert_allclose(peaks, flat.max(axis=1), rtol=1e-6)
    # At most two cells from the stencil's middle, which is at most one from the largest cell.
    assert np.abs(points - largest).max() <= 3


# === Moved ===


def test_moving_to_the_right():
    cells = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert_array_equal(heatmaps.moved_right(_one_map(cells), 0)[0, :, :, 0], cells)
    once = heatmaps.moved_right(_one_map(cells), 1)
    assert_array_equal(once[0, :, :, 0], [[1, 1, 2, 3], [5, 5, 6, 7]])
    twice = heatmaps.moved_right(_one_map(cells), 2)
    assert_array_equal(twice[0, :, :, 0], [[1, 2, 1, 2], [5, 6, 5, 6]])
    assert heatmaps.moved_right(np.zeros((0, 2, 4, 3), "float32"), 1).shape == (0, 2, 4, 3)


# === Blur ===


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5])
def test_blur_keeps_place_and_mass(sigma):
    points = np.array([[[40.0, 50.3], [64.7, 70.0], [77.9, 33.1]]], "float32")
    maps = heatmaps.encode(points, (32, 32), 4.0, 1.5)
    blurred = heatmaps.blur(maps, sigma)
    assert_allclose(np.sum(blurred, axis=(1, 2)), np.sum(maps, axis=(1, 2)), rtol=1e-3)
    assert_allclose(heatmaps.decode(blurred, 4.0)[0], points, atol=0.01)


@pytest.mark.parametrize("sigma", [1.0, 1.5])
def test_blurred_gaussians_are_wider_gaussians(sigma):
    points = np.array([[[40.0, 50.3], [64.7, 70.0]]], "float32")
    blurred = heatmaps.blur(heatmaps.encode(points, (32, 32), 4.0, 1.5), sigma)
    # Two Gaussians make one of variance 1.5^2 + sigma^2, and the peak falls by the ratio.
    wider = heatmaps.encode(points, (32, 32), 4.0, np.hypot(1.5, sigma))
    assert_allclose(blurred, wider * 1.5**2 / (1.5**2 + sigma**2), atol=2e-3)


def test_blur_loses_nothing_at_the_rim():
    assert_allclose(heatmaps.blur(np.ones((1, 6, 5, 2), "float32"), 2.0), 1, rtol=1e-6)


def test_blur_by_hand():
    # exp(-1 / 2 0.5^2) = exp(-2) beside 1, and exp(-8) two cells away.
    near, far = 0.1353353, 0.0003355
    total = 1 + 2 * near + 2 * far
    cells = np.zeros((5, 5))
    cells[2, 2] = 1
    row = heatmaps.blur(_one_map(cells), 0.5)[0, 2, 1:4, 0]
    # The neighbours' own sum lacks the second far cell, which would lie outside.
    side = 1 + 2 * near + far
    assert_allclose(row, [near / side / total, 1 / total**2, near / side / total], rtol=1e-4)


# === Enlargement ===


def test_enlarging_nothing_and_by_one():
    maps = np.random.default_rng(0).random((1, 4, 5, 2)).astype("float32")
    assert heatmaps.enlarge(maps[:0], 2).shape == (0, 8, 10, 2)
    assert_array_equal(heatmaps.enlarge(maps, 1), maps)


def test_enlarging_by_hand():
    # A quarter of a cell beside it the kernel is 1.5 / 4^3 - 2.5 / 4^2 + 1 = 0.8671875, three
    # quarters 0.2265625, one and a quarter -0.0703125 and one and three quarters -0.0234375.
    kernel = [-0.0234375, -0.0703125, 0.2265625, 0.8671875]
    kernel += kernel[::-1]
    cells = np.zeros((9, 9))
    cells[4, 4] = 1
    maps = heatmaps.enlarge(_one_map(cells), 2)[0, :, :, 0]
    assert maps.shape == (18, 18)
    assert_allclose(maps[5:13, 5:13], np.outer(kernel, kernel), atol=1e-7)
    assert_allclose(np.sum(np.abs(maps)), np.abs(kernel).sum() ** 2, rtol=1e-6)


def test_enlarging_keeps_slopes_and_rims():
    y, x = np.mgrid[:10, :8] + 0.5
    maps = np.array(heatmaps.enlarge(_one_map(3 + 2 * x - y), 4))
    y, x = (np.mgrid[:40, :32] + 0.5) / 4
    # Two cells of the given map away from the rim, where they all are there.
    inner = np.s_[0, 8:-8, 8:-8, 0]
    assert_allclose(maps[inner], (3 + 2 * x - y)[8:-8, 8:-8], rtol=1e-5)
    assert_allclose(heatmaps.enlarge(np.ones((1, 3, 4, 1), "float32"), 3), 1, rtol=1e-6)


@pytest.mark.parametrize("factor", [2, 4])
def test_enlarging_is_what_keras_does(factor):
    maps = np.random.default_rng(0).random((2, 7, 5, 3)).astype("float32")
    expected = keras.ops.image.resize(maps, (7 * factor, 5 * factor), interpolation="bicubic")
    assert_allclose(heatmaps.enlarge(maps, factor), expected, atol=1e-5)


# === Everywhere the same ===


def _chain(points):
    maps = heatmaps.encode(points, (16, 12), 4.0, 1.5)
    cut = heatmaps.encode(points, (16, 12), 4.0, 1.0, "msra")
    blurred = heatmaps.blur(maps, 0.7)
    large = heatmaps.enlarge(maps, 3)
    read = [heatmaps.decode(m, 4.0) for m in (blurred, 0 * maps, large)]
    read += [heatmaps.decode(maps, 4.0, peak) for peak in ("quarter", "neighbours", "cell")]
    large = heatmaps.moved_right(large, 1)
    return maps, cut, blurred, large, *(tensor for pair in read for tensor in pair)


@pytest.mark.parametrize("how", ["graph", "xla", "tf.data"])
def test_the_same_however_it_is_run(how):
    points = tf.random.stateless_uniform((2, 5, 2), (0, 1), 0, 48)
    if how == "tf.data":
        results = next(iter(tf.data.Dataset.from_tensors(points).map(_chain)))
    else:
        results = tf.function(_chain, jit_compile=how == "xla")(points)
    for result, expected in zip(results, _chain(points), strict=True):
        assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
