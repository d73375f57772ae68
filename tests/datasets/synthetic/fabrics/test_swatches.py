"""Fabrics: patterns of the right size and name, without seams, at any resolution."""

from functools import cache

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.datasets.synthetic import fabrics
from aifashion.datasets.synthetic.fabrics import Fabric, fabric, look_up, motif, plain, swatch
from aifashion.datasets.synthetic.fabrics.palette import matching
from aifashion.datasets.synthetic.fabrics.prints import DESIGNS
from aifashion.datasets.synthetic.fabrics.tiles import Tile, layered, seen, spots
from aifashion.datasets.synthetic.fabrics.weaves import WEAVES
from aifashion.datasets.synthetic.garments import vocabulary

FIVE = np.array(
    [(230, 220, 40), (20, 30, 160), (200, 40, 60), (240, 240, 240), (60, 120, 70)], float
)


def _rng(seed=0):
    return np.random.default_rng(seed)


def _drawn(cloth, unit=100.0, seed=0):
    return swatch(cloth, _rng(seed), unit)


@cache
def _several():
    return [fabric(_rng([3, i])) for i in range(600)]


# === Choosing ===


def test_every_kind_occurs_in_its_share():
    kinds = [cloth.kind for cloth in _several()]
    shares = {kind: kinds.count(kind) / len(kinds) for kind in fabrics.KINDS}
    assert set(kinds) == set(fabrics.KINDS)
    assert 0.15 < shares["plain"] <= 0.3
    assert min(shares.values()) > 0.005


def test_a_fabric_says_what_it_is_in_words_of_the_vocabulary():
    for cloth in _several():
        assert cloth.pattern in vocabulary.ATTRIBUTES["pattern"]
        assert cloth.material in vocabulary.ATTRIBUTES["material"]
        assert cloth.design in DESIGNS and cloth.weave in WEAVES
        assert cloth.colours.shape[1] == 3 and len(cloth.colours) >= 2
        assert cloth.colours.min() >= 0 and cloth.colours.max() <= 255
        assert 0 <= cloth.gloss <= 1 and 0 <= cloth.stiffness <= 1
        assert cloth.thread.shape == (3,) and 0 <= cloth.thread.min() <= cloth.thread.max() <= 255


def test_pattern_and_material_are_those_of_the_kind():
    patterns = {"stripes": "stripes", "checks": "checks", "dots": "dots", "floral": "floral"}
    patterns["print"] = "abstract"
    for cloth in _several():
        assert cloth.pattern == patterns.get(cloth.kind, "plain")
        if cloth.kind in vocabulary.ATTRIBUTES["material"]:
            assert cloth.material == cloth.kind
    # A pattern can be on more than one material, so that neither says the other.
    assert len({cloth.material for cloth in _several() if cloth.kind == "stripes"}) > 1


def test_patterned_fabrics_have_colours_that_differ():
    for cloth in _several():
        if cloth.pattern != "plain":
            assert fabrics.distance(cloth.colours[0], cloth.colours[1]) > 25


def test_materials_behave_as_they_do():
    of = {name: [c for c in _several() if c.material == name] for name in
          ("denim", "knit", "leather", "satin")}  # fmt: skip
    assert min(c.gloss for c in of["satin"]) > 0.5 > max(c.gloss for c in of["knit"])
    assert min(c.stiffness for c in of["denim"]) > 0.5 > max(c.stiffness for c in of["satin"])
    oranges = [c for c in of["denim"] if c.thread[0] > c.thread[2] + 60]
    assert len(oranges) > 0.5 * len(of["denim"])


def test_the_same_seed_gives_the_same_fabric_and_swatch():
    for seed in range(20):
        one, other = fabric(_rng(seed)), fabric(_rng(seed))
        assert_array_equal(one.colours, other.colours)
        assert (one.kind, one.period, one.seed) == (other.kind, other.period, other.seed)
        assert_array_equal(_drawn(one).framed, _drawn(other).framed)


# === Swatches ===


def _all_of_each():
    """A fabric of every design and of every weave."""
    designs = [Fabric("a", FIVE, 0.2, design=design) for design in DESIGNS]
    weaves = [Fabric("b", FIVE * 0.7, weave=weave, gauge=0.1) for weave in WEAVES]
    return designs + weaves


@pytest.mark.parametrize("cloth", _all_of_each(), ids=lambda c: f"{c.design}-{c.weave}")
def test_a_swatch_meets_itself_at_its_edges(cloth):
    drawn = _drawn(cloth)
    lit = drawn.framed[1:-1, 1:-1]
    for axis in (0, 1):
        steps = np.abs(np.diff(lit, axis=axis, append=lit.take([0], axis))).mean((2, 1 - axis))
        assert steps[-1] <= steps[:-1].max() * 1.1 + 0.5


@pytest.mark.parametrize("cloth", _all_of_each(), ids=lambda c: f"{c.design}-{c.weave}")
def test_a_swatch_is_of_the_pictures_resolution(cloth):
    for unit in (1.0, 40.0, 130.0):
        drawn = _drawn(cloth, unit)
        size = len(drawn.relief)
        assert drawn.colours.shape == (size, size, 3) and drawn.relief.shape == (size, size)
        assert drawn.colours.dtype == drawn.relief.dtype == np.float32
        assert size == max(8, round(drawn.length * unit))
        assert_allclose(drawn.relief.mean(), 1, atol=1e-3)
        assert drawn.colours.min() > -0.01 and drawn.colours.max() < 255.01


@pytest.mark.parametrize("cloth", _all_of_each(), ids=lambda c: f"{c.design}-{c.weave}")
def test_the_mean_colour_lies_between_the_colours(cloth):
    points = np.random.default_rng(1).uniform(-2, 2, (2, 60, 60)).astype(np.float32)
    mean = look_up(_drawn(cloth), *points).mean((0, 1))
    assert (mean > cloth.colours.min(0) - 6).all() and (mean < cloth.colours.max(0) + 6).all()


def test_plain_is_its_colour_and_nearly_flat():
    drawn = _drawn(plain(np.array([200, 100, 50])))
    assert_allclose(drawn.framed.mean((0, 1)), (200, 100, 50), atol=0.5)
    assert drawn.relief.std() < 0.02


def _period(line):
    """Samples until a signal (n,) repeats: the first peak of its correlation with itself."""
    line = line - line.mean()
    same = np.fft.irfft(np.abs(np.fft.rfft(line)) ** 2, len(line)) / (line @ line)
    return next(
        i for i in range(1, len(line)) if same[i - 1] <= same[i] >= same[i + 1] and same[i] > 0.9
    )


# 20 pixels across the stripes are 20 pixels along an edge, or 28.3 where they run on the bias.
@pytest.mark.parametrize(("turn", "across", "along"), [
    (0, 20, None), (np.pi / 2, None, 20), (np.pi / 4, 28, 28), (-np.pi / 4, 28, 28),
])  # fmt: skip
def test_stripes_have_their_period_and_turn(turn, across, along):
    cloth = Fabric("stripes", FIVE, 0.2, design="even", turn=turn)
    red = _drawn(cloth).colours[..., 0]
    for line, expected in ((red[7], across), (red[:, 7], along)):
        if expected is None:
            assert np.ptp(line) == 0
        else:
            assert abs(_period(np.tile(line, 3)) - expected) <= 1
    if across and along:  # which diagonal: the phase stays the same one right and one up, or down
        moved = np.roll(red, (1 if turn < 0 else -1, 1), (0, 1))
        assert_array_equal(moved, red)


@pytest.mark.parametrize("design", ["gingham", "window", "tartan"])
def test_checks_have_their_period_both_ways(design):
    cloth = Fabric("checks", FIVE, 0.25, design=design)
    red = _drawn(cloth, 200.0).colours[..., 0]
    assert red.shape == (200, 200)
    for profile in (red.mean(0), red.mean(1)):
        assert _period(np.tile(profile, 2)) == 50


def test_gingham_is_ground_half_and_colour():
    cloth = Fabric("checks", np.array([(240, 240, 240), (0, 0, 0)], float), 0.5, design="gingham")
    grey = cv2.blur(_drawn(cloth, 40.0).colours[..., 0], (5, 5))
    # Squares of 10 pixels: the middles of the first four, clockwise.
    assert_allclose(
        (grey[5, 5], grey[5, 15], grey[15, 15], grey[15, 5]), (240, 120, 0, 120), atol=9
    )


def test_dots_lie_in_order_and_cover_what_they_should():
    cloth = Fabric("dots", np.array([(0, 0, 0), (200, 200, 200)], float), 0.25, design="polka")
    grey = _drawn(cloth, 160.0).colours[..., 0]
    # Two dots of radius 0.22 periods in every square of one period.
    assert_allclose(grey.mean() / 200, 2 * np.pi * 0.22**2, atol=0.01)
    assert_allclose(grey, np.roll(grey, 40, 1), atol=1e-2)
    assert grey[20, 20] == 200 and grey[0, 20] == 0


@pytest.mark.parametrize("design", ["even", "pin", "gingham", "houndstooth", "polka", "ditsy"])
def test_what_is_finer_than_two_pixels_is_averaged_away(design):
    cloth = Fabric("stripes", FIVE, 0.2, design=design)
    fine, coarse = (_drawn(cloth, unit).colours for unit in (9.0, 100.0))  # 1.8 and 20 pixels
    assert np.ptp(fine, (0, 1)).max() < 0.01
    assert np.ptp(coarse, (0, 1)).max() > 50


def test_fine_threads_are_averaged_away():
    # A rib of 0.1 units has 1.2 pixels at 12 a unit, 25 at 250.
    for weave in ("wale", "rib", "stockinette", "cable"):
        assert _drawn(Fabric("knit", FIVE, weave=weave, gauge=0.1), 12.0).relief.std() < 0.06
        assert _drawn(Fabric("knit", FIVE, weave=weave, gauge=0.1), 250.0).relief.std() > 0.06


@pytest.mark.parametrize("design", ["blossom", "confetti", "strokes", "camouflage"])
def test_a_pattern_is_the_same_at_every_resolution(design):
    cloth = Fabric("print", FIVE, 0.3, design=design, seed=5)
    coarse, fine = (_drawn(cloth, unit, seed=int(unit)).colours for unit in (60.0, 240.0))
    reduced = cv2.resize(fine, (60, 60), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(coarse.ravel(), reduced.ravel())[0, 1] > 0.85
    other = _drawn(Fabric("print", FIVE, 0.3, design=design, seed=6), 60.0).colours
    assert np.corrcoef(other.ravel(), reduced.ravel())[0, 1] < 0.85


# === Looking up ===


def test_look_up_of_nothing_is_empty():
    nothing = np.zeros((0, 4), np.float32)
    assert look_up(_drawn(plain(FIVE[0])), nothing, nothing).shape == (0, 4, 3)


def test_look_up_at_pixel_centres_is_the_swatch_itself():
    drawn = _drawn(Fabric("floral", FIVE, 0.2, design="daisy"))
    at = (np.arange(100, dtype=np.float32) + 0.5) / 100
    u, v = np.meshgrid(at, at)
    lit = np.clip(drawn.colours * drawn.relief[..., None], 0, 255)
    assert_allclose(look_up(drawn, u, v), lit, atol=0.05)


def test_look_up_on_the_edge_is_between_the_last_and_the_first_pixel():
    drawn = _drawn(Fabric("stripes", FIVE, 0.5, design="even", weave="twill"), 50.0)
    lit = np.clip(drawn.colours * drawn.relief[..., None], 0, 255)
    middle = (np.arange(50, dtype=np.float32)[None] + 0.5) / 50
    edge = np.zeros_like(middle)
    assert_allclose(look_up(drawn, edge, middle)[0], (lit[:, 0] + lit[:, -1]) / 2, atol=0.05)
    assert_allclose(look_up(drawn, middle, edge)[0], (lit[0] + lit[-1]) / 2, atol=0.05)


def test_look_up_repeats_and_leaves_its_input_alone():
    drawn = _drawn(Fabric("checks", FIVE, 0.23, design="tartan", weave="twill"))
    u, v = np.random.default_rng(2).uniform(-1, 1, (2, 50, 40)).astype(np.float32)
    kept = u.copy(), v.copy()
    here = look_up(drawn, u, v)
    assert_array_equal((u, v), kept)
    for du, dv in ((1, 0), (0, 1), (-2, 1)):
        there = look_up(drawn, u + np.float32(du * drawn.length), v + np.float32(dv * drawn.length))
        # A shift moves a float a little, and cv2 knows 32 places between two pixels.
        assert np.abs(there - here).mean() < 1
    assert here.shape == (50, 40, 3) and here.dtype == np.float32


def test_look_up_stays_within_a_byte():
    for index in range(60):
        cloth = fabric(_rng([8, index]))
        points = np.random.default_rng(3).uniform(-3, 3, (2, 30, 30)).astype(np.float32)
        seen_there = look_up(_drawn(cloth, 70.0), *points)
        assert seen_there.min() >= 0 and seen_there.max() <= 255


# === What they are made with ===


def test_layered_without_overlap_and_with():
    ground, first, second = FIVE[:3]
    masks = [np.array([[0, 1, 1, 0.5]], np.float32), np.array([[0, 0, 1, 0]], np.float32)]
    mixed = layered(masks, FIVE[:3])
    assert_allclose(mixed[0], (ground, first, second, (ground + first) / 2), atol=1e-3)


def test_seen():
    assert [seen(pixels) for pixels in (0.5, 2, 3, 4, 50)] == [0, 0, 0.5, 1, 1]


def test_spots_keep_their_distance_across_the_seam():
    assert spots(_rng(), 0, 0.1).shape == (0, 2)
    places = spots(_rng(), 120, 0.15)
    away = np.abs(places[:, None] - places)
    gaps = np.linalg.norm(np.minimum(away, 1 - away), axis=2) + np.eye(len(places))
    assert gaps.min() >= 0.15
    assert 15 < len(places) < 45


def test_a_tile_counts_whole_things():
    tile = Tile(100, 0.5)
    assert (tile.unit, tile.count(0.1), tile.count(9.0)) == (200, 5, 1)
    # 4 pixels of 200 a unit are 0.02; at least the width itself, at most twice.
    assert_allclose([tile.fine(width, 4) for width in (0.005, 0.015, 0.03)], (0.01, 0.02, 0.03))


def test_matching_colours_stand_out():
    for index in range(40):
        ground = fabrics.colour(_rng(index))
        for other in matching(_rng(index), ground, 3, 50.0):
            assert fabrics.distance(ground, other) > 30


def test_colours_are_not_neon():
    """The most vivid tenth of the colours is still duller than a screen's pure ones."""
    drawn = np.stack([fabrics.colour(_rng(index)) for index in range(400)])
    assert drawn.min() >= 0 and drawn.max() <= 255
    assert np.quantile(np.ptp(drawn, axis=1), 0.9) < 190
    grey = np.stack([fabrics.colour(_rng(index), vivid=0.2) for index in range(400)])
    assert np.ptp(grey, axis=1).mean() < 0.4 * np.ptp(drawn, axis=1).mean()


def test_motifs_are_pictures_that_stand_out_from_their_ground():
    shapes = set()
    for index in range(40):
        ground = fabrics.colour(_rng(index))
        picture = motif(_rng(index), ground)
        assert picture.shape == (96, 96, 4) and picture.dtype == np.uint8
        shown = picture[..., 3] == 255
        assert 0.02 < shown.mean() < 0.9
        assert min(fabrics.distance(rgb, ground) for rgb in picture[shown][::50, :3]) > 20
        shapes.add(shown.tobytes())
    assert len(shapes) > 12
    assert_array_equal(motif(_rng(4)), motif(_rng(4)))
