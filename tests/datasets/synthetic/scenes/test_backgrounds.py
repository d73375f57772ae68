"""Backgrounds: every kind at odd sizes, the same again from the same seed, clear of the garment."""

from collections import Counter

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.datasets.synthetic import fabrics
from aifashion.datasets.synthetic.scenes.backdrop import (
    MARGIN,
    View,
    distances,
    fill,
    fill_each,
    picked,
)
from aifashion.datasets.synthetic.scenes.backgrounds import (
    PAINTERS,
    PLACES,
    SETTINGS,
    background,
    kind_of,
    painted,
)

RED, GREY = np.array([190.0, 40.0, 50.0]), np.array([128.0, 128.0, 128.0])


def _rng(*seed):
    return np.random.default_rng(seed)


# === Kinds ===


def test_settings_name_painters_and_their_shares_add_up():
    assert list(SETTINGS) == ["worn", "mannequin", "hanger", "flat"]
    assert {kind for kinds in SETTINGS.values() for kind in kinds} == set(PAINTERS)
    for kinds in SETTINGS.values():
        assert_allclose(sum(kinds.values()), 1)


def test_places_name_painters_and_their_shares_add_up():
    assert list(PLACES) == ["plain", "outside"]
    for kinds in PLACES.values():
        assert set(kinds) <= set(PAINTERS)
        assert_allclose(sum(kinds.values()), 1)


@pytest.mark.parametrize("shown", [*SETTINGS, *PLACES])
def test_kinds_occur_by_their_shares(shown):
    rng = _rng(1)
    counts = Counter(kind_of(rng, shown) for _ in range(2000))
    shares = (SETTINGS | PLACES)[shown]
    assert set(counts) == set(shares)
    for kind, share in shares.items():
        assert_allclose(counts[kind] / 2000, share, atol=0.04)


# === Canvases ===


@pytest.mark.parametrize("shape", [(97, 61), (150, 192)])
@pytest.mark.parametrize("kind", PAINTERS)
def test_every_kind_at_odd_sizes(kind, shape):
    for seed in range(3):
        canvas = painted(_rng(2, seed), kind, shape, [RED, GREY])
        assert canvas.shape == (*shape, 3) and canvas.dtype == np.float32
        assert np.isfinite(canvas).all()
        assert canvas.min() >= 0 and canvas.max() <= 255
        assert canvas.std() > 1, "nothing is drawn"


@pytest.mark.parametrize("kind", PAINTERS)
def test_the_smallest_picture(kind):
    assert painted(_rng(3), kind, (1, 1), []).shape == (1, 1, 3)
    assert painted(_rng(3), kind, (5, 3), [GREY]).shape == (5, 3, 3)


@pytest.mark.parametrize("kind", PAINTERS)
def test_same_state_same_bytes(kind):
    one, other = (painted(_rng(4), kind, (70, 90), [RED]) for _ in range(2))
    assert_array_equal(one, other)
    assert not np.array_equal(one, painted(_rng(5), kind, (70, 90), [RED]))


def test_numpys_global_state_is_not_used():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for kind in PAINTERS:
        painted(_rng(6), kind, (40, 40), [RED])
    assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_background_is_its_kind_painted():
    rng = _rng(7)
    expected = painted(rng, kind_of(rng, "flat"), (33, 47), [GREY])
    assert_array_equal(background(_rng(7), "flat", (33, 47), [GREY]), expected)


# === Colours ===


def test_distances_are_those_of_fabrics():
    colours = _rng(8).uniform(0, 255, (5, 3))
    expected = [min(fabrics.distance(c, RED), fabrics.distance(c, GREY)) for c in colours]
    assert_allclose(distances(colours, np.stack([RED, GREY])), expected, atol=1e-9)


def test_picked_colours_keep_away():
    # A palette of the garment's own colour alone: the tries beyond it must find another.
    view = View(_rng(9), (8, 8), GREY[None])
    found = picked(view, GREY[None], 4)
    assert found.shape == (4, 3)
    assert (distances(found, GREY[None]) >= MARGIN).all()
    nothing_to_avoid = View(_rng(9), (8, 8), np.zeros((0, 3)))
    assert distances(picked(nothing_to_avoid, GREY[None]), GREY[None])[0] < 20


def test_large_areas_stay_clear_of_the_garment():
    shares = []
    for seed in range(200):
        rng, shown = _rng(10, seed), list(SETTINGS)[seed % 4]
        first = fabrics.colour(rng)
        own = np.stack([first, 0.78 * first])
        canvas = background(rng, shown, (48, 36), list(own))
        shares.append((distances(canvas.astype(np.float64), own) < MARGIN).mean())
    assert np.mean(shares) < 0.15
    assert np.mean(np.array(shares) > 0.25) < 0.1


# === Shapes ===


def test_fill_covers_its_share_of_the_canvas():
    canvas = np.zeros((8, 8, 3), np.float32)
    fill(canvas, [], (1.0, 2.0, 3.0))
    assert not canvas.any()
    left = np.array([(-1, -1), (0.5, -1), (0.5, 2), (-1, 2)])
    fill(canvas, [left], (1.0, 2.0, 3.0))
    assert_array_equal(canvas[:, :3], np.broadcast_to((1, 2, 3), (8, 3, 3)))
    assert not canvas[:, 6:].any()
    fill_each(canvas, np.stack([left, left]), np.array([(4.0, 4, 4), (5.0, 6, 7)]))
    assert_array_equal(canvas[4, 1], (5, 6, 7))


def test_threads_do_not_change_the_picture():
    threads = cv2.getNumThreads()
    several = painted(_rng(11), "park", (200, 160), [RED])
    cv2.setNumThreads(1)
    try:
        assert_array_equal(painted(_rng(11), "park", (200, 160), [RED]), several)
    finally:
        cv2.setNumThreads(threads)
