"""Lines: ends exact, sides where they belong."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.datasets.synthetic.garments.geometry import (
    across,
    both_sides,
    curve,
    edges,
    limb,
    line,
    placed,
    smooth,
    waved,
)


def test_a_curve_starts_and_ends_at_its_controls():
    points = curve((0, 0), (1, 0), (1, 1), (3, 1), steps=5)
    assert_array_equal(points[[0, -1]], [(0, 0), (3, 1)])
    # Half way: (0 + 3·1 + 3·1 + 3) / 8 and (0 + 0 + 3·1 + 1) / 8.
    assert_allclose(points[2], (1.125, 0.5))


def test_a_limb_hangs_and_its_sides_lie_beside_it():
    centre = limb((1, 2), np.zeros(4), 0.5)
    assert_allclose(centre, [(1, 2), (1, 2.5), (1, 3), (1, 3.5)])
    one, other = edges(centre, np.zeros(4), np.full(4, 0.25))
    assert_allclose(one[:, 0], 1.25)
    assert_allclose(other[:, 0], 0.75)


def test_mirror_images():
    half = line((0, 0), (1, 0), (1, 2))
    assert_allclose(both_sides(half), [(0, 0), (1, 0), (1, 2), (-1, 2), (-1, 0), (0, 0)])
    assert_allclose(across(half), [(-1, 2), (-1, 0), (0, 0), (1, 0), (1, 2)])


def test_placed_turns_x_towards_y():
    assert_allclose(placed(line((1, 0)), np.array((5.0, 5.0)), np.pi / 2), [(5, 6)], atol=1e-12)


def test_smooth_is_flat_outside():
    assert_allclose(smooth(np.array([-1, 0, 0.5, 1, 2])), [0, 0, 0.5, 1, 1])


def test_waves_keep_the_ends():
    path = line(*((x, 0) for x in np.linspace(0, 1, 41)))
    assert_array_equal(waved(path, 0, 0.1, 0.0), path)
    wave = waved(path, 4, 0.1, 0.3)
    assert_array_equal(wave[[0, -1]], path[[0, -1]])
    assert 0.05 < np.ptp(wave[:, 1]) <= 0.2
    # Four waves cross the middle about eight times.
    assert 6 <= (np.diff(np.sign(wave[1:-1, 1])) != 0).sum() <= 9
