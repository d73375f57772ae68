import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import affine, images
from aifashion.recipes import Augmentation
from pipelines import augment

NOTHING = Augmentation(
    flip=0.0, rotation=0.0, rotation_probability=0.0, scale=(1.0, 1.0), shift=0.0, brightness=0.0,
    contrast=0.0, saturation=0.0, channels=0.0, blur=0.0, erase=0.0,
)  # fmt: skip


def _only(**fields) -> Augmentation:
    return Augmentation(**{**vars(NOTHING), **fields})


RECORDS = np.arange(300)


def _draw(augmentation: Augmentation, records=RECORDS) -> augment.Changes:
    return augment.draw(augmentation, (100, 100), 0, 0, records)


def _coloured(augmentation: Augmentation, rgb) -> np.ndarray:
    """A colour under every record's change, before it is rounded: (R, 3)."""
    matrices = _draw(augmentation).colours
    return matrices[:, :, :3] @ rgb + matrices[:, :, 3]


# === Randomness ===


def test_split_mix_64():
    """The published sequence that begins at 1234567."""
    start = np.uint64(1234567) + np.arange(1, 4, dtype=np.uint64) * augment._GAMMA
    assert augment._mix(start).tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423,
    ]  # fmt: skip


def test_a_samples_draw_is_its_own():
    keys = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (2**31 - 1, 29, 10**6)]
    draws = [augment.uniforms(*key[:2], np.array(key[2:]), 2).tolist() for key in keys]
    assert len({number for ((a, b),) in draws for number in (a, b)}) == 2 * len(keys)
    together = augment.uniforms(0, 0, np.array([1, 0, 1]), 2).tolist()
    assert together == [*draws[3], *draws[0], *draws[3]]
    assert augment.uniforms(0, 0, np.array([], int), 2).shape == (0, 2)


def test_draws_are_uniform_and_independent():
    draws = augment.uniforms(3, 5, np.arange(20_000), 5)
    assert draws.min() >= 0 and draws.max() < 1
    counts = [np.histogram(column, 10, (0, 1))[0] for column in draws.T]
    assert np.abs(np.array(counts) - 2000).max() < 200  # standard deviation 42
    neighbours = [draws, np.roll(draws[:, :1], 1, axis=0)]  # the next record's first
    correlation = np.corrcoef(np.concatenate(neighbours, axis=1).T) - np.eye(6)
    assert np.abs(correlation).max() < 0.04  # standard deviation 0.007


def test_seeds_are_numbers_of_their_own():
    seeds = augment.seeds(0, 0, RECORDS)
    assert seeds.dtype == np.int32 and seeds.min() >= 0 and len(set(seeds.tolist())) == 300
    mirrored = _draw(_only(flip=0.5)).mirrored
    assert abs(np.corrcoef(seeds, mirrored)[0, 1]) < 0.25  # standard deviation 0.058


# === Geometry ===


def test_nothing_drawn_changes_nothing():
    changes = _draw(NOTHING)
    assert_allclose(changes.matrices, np.tile(affine.IDENTITY, (300, 1, 1)), atol=1e-12)
    assert not changes.mirrored.any() and not changes.blurs.any()


def test_mirroring():
    changes = _draw(_only(flip=1.0))
    assert changes.mirrored.all()
    points = np.tile([[30.0, 20.0]], (300, 1, 1))
    assert_allclose(affine.apply(changes.matrices, points)[:, 0], np.tile([70, 20], (300, 1)))
    share = _draw(_only(flip=0.25)).mirrored.mean()
    # Of 300 draws the standard deviation is sqrt(0.25 * 0.75 / 300) = 0.025.
    assert 0.15 < share < 0.35


def test_rotation_turns_about_the_middle():
    matrices = _draw(_only(rotation=30.0, rotation_probability=0.6)).matrices
    angles = np.rad2deg(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    for matrix in matrices:
        assert_allclose(affine.apply(matrix, np.array([50.0, 50.0])), [50, 50])
        assert_allclose(np.linalg.det(matrix[:, :2]), 1)
    assert -30 < angles.min() < -25 and 25 < angles.max() < 30
    assert 0.3 < np.mean(angles == 0) < 0.5  # 0.4, standard deviation 0.028


def test_scale_and_shift():
    matrices = _draw(_only(scale=(0.75, 1.25), shift=0.08)).matrices
    zoom = matrices[:, 0, 0]
    assert 0.75 <= zoom.min() < 0.77 and 1.23 < zoom.max() <= 1.25
    middles = matrices[:, :, :2] @ [50.0, 50.0] + matrices[:, :, 2]
    assert_allclose(matrices[:, 0, 1], 0)
    # 0.08 of the canvas' 100 pixels, both ways along both axes.
    assert (np.abs(middles - 50) <= 8 + 1e-9).all()
    assert (middles.min(axis=0) < 43).all() and (middles.max(axis=0) > 57).all()


def test_a_mirrored_turn_is_drawn_in_the_mirrored_picture():
    """Mirrored first, then turned: the angle is the same whether or not it mirrors."""
    fields = {"rotation": 30.0, "rotation_probability": 1.0, "scale": (0.75, 1.25), "shift": 0.08}
    straight, mirrored = (_draw(_only(flip=flip, **fields)).matrices for flip in (0.0, 1.0))
    assert_allclose(mirrored, affine.compose(affine.mirror(100), straight), atol=1e-9)


# === Colours ===


def test_no_colours_drawn():
    assert_allclose(_coloured(NOTHING, [10, 200, 30]), np.tile([10, 200, 30], (300, 1)))


def test_contrast_turns_about_mid_grey():
    augmentation = _only(contrast=0.2)
    assert_allclose(_coloured(augmentation, [127.5] * 3), 127.5)
    whites = _coloured(augmentation, [255.0] * 3)[:, 0]
    # 127.5 +- 20 % of 127.5 above it.
    assert 229.5 <= min(whites) < 232 and 278 < max(whites) <= 280.5


def test_saturation_leaves_grey_and_the_luma():
    luma = np.array([0.299, 0.587, 0.114])  # of ITU-R BT.601
    augmentation = _only(saturation=0.3)
    assert_allclose(_coloured(augmentation, [90.0] * 3), 90.0)
    colour = np.array([200.0, 40.0, 90.0])
    drawn = _coloured(augmentation, colour)
    assert_allclose(drawn @ luma, luma @ colour)
    ratios = (drawn - luma @ colour) / (colour - luma @ colour)
    assert_allclose(ratios, ratios[:, :1] * np.ones(3))
    assert 0.7 <= ratios.min() < 0.72 and 1.28 < ratios.max() <= 1.3


def test_brightness_and_channels():
    brighter = _coloured(_only(brightness=0.15), [100.0] * 3)
    assert_allclose(np.ptp(brighter, axis=1), 0, atol=1e-9)
    # 0.15 of 255 is 38.25.
    assert 61.75 <= np.min(brighter) < 64 and 136 < np.max(brighter) <= 138.25
    gains = _coloured(_only(channels=0.05), [100.0] * 3)
    assert 95 <= np.min(gains) < 95.5 and 104.5 < np.max(gains) <= 105
    assert np.ptp(gains, axis=1).min() > 0


@pytest.mark.parametrize("level", [0, 255])
def test_the_outside_is_grey_whatever_the_colours(level):
    picture = np.full((40, 40, 3), level, np.uint8)
    moved = affine.translation(20, 0)
    changed = 0
    for colours in _draw(Augmentation()).colours[:50]:
        canvas = images.warp(picture, moved, (60, 40), colours)
        assert_array_equal(canvas[:, :19], 128)
        changed += (canvas[:, 25:] != level).any()
    assert changed > 10  # where the level was not beyond the range already


# === Blur ===


def test_blur_is_as_frequent_and_as_strong_as_asked():
    blurs = _draw(_only(blur=0.15)).blurs
    assert 25 < (blurs > 0).sum() < 70  # 45 of 300, standard deviation 6
    assert blurs[blurs > 0].min() >= 0.5 and blurs.max() < 1.5


def test_blur_works_in_place():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    for sigma in (0.0, 1.0):
        batch = np.stack([image, image])
        augment.blur(batch[0], sigma)
        assert_array_equal(batch[1], image)
        assert (batch[0] != image).any() == (sigma > 0)


# === Erasing ===

# The last two lie close to the first two, the others apart from all.
POINTS = np.array([(20.3, 30.7), (60, 50), (3, 96), (90, 20), (40, 80), (21, 29), (61.5, 50.5)])


def _erased(augmentation: Augmentation, record: int, visibility) -> tuple[np.ndarray, np.ndarray]:
    image, visibility = np.full((100, 100, 3), 77, np.uint8), np.array(visibility, np.int8)
    (draws,) = _draw(augmentation, np.array([record])).erasing
    augment.erase(draws, augmentation, image, POINTS, visibility)
    return (image != 77).any(axis=-1), visibility


@pytest.mark.parametrize(
    ("erase", "visibility"), [(0.0, [2] * 7), (1.0, [0, 1, 1, 0, 1, 1, 0]), (1.0, [0] * 7)]
)
def test_only_visible_keypoints_are_erased(erase, visibility):
    for record in range(20):
        hidden, after = _erased(_only(erase=erase), record, visibility)
        assert not hidden.any()
        assert_array_equal(after, visibility)


def test_what_lies_under_a_patch_is_occluded():
    before = np.array([2, 2, 2, 1, 0, 0, 2])
    drawn = near = 0
    for record in range(200):
        hidden, after = _erased(_only(erase=0.5), record, before)
        column, row = np.floor(POINTS).astype(int).T
        under = hidden[row, column]
        # Absent stays absent, occluded stays occluded, visible becomes occluded under a patch only.
        assert_array_equal(after, np.where(under & (before == 2), 1, before))
        assert hidden.any() == (after != before).any()
        drawn += hidden.any()
        near += under[[1, 6]].all()
    assert 70 < drawn < 130  # half of 200, standard deviation 7
    assert near > 20


def test_how_many_and_how_large():
    fields = {"erase": 1.0, "erase_size": (0.1, 0.2)}
    for record in range(50):
        hidden, after = _erased(_only(erase_most=1, **fields), record, [2, 0, 0, 0, 0, 0, 0])
        assert_array_equal(after, [1, 0, 0, 0, 0, 0, 0])
        rows, columns = np.nonzero(hidden)
        # One whole square of 10 to 20 pixels, its edges rounded.
        sides = (np.ptp(rows) + 1, np.ptp(columns) + 1)
        assert min(sides) >= 9 and max(sides) <= 21 and hidden.sum() == np.prod(sides)
    apart = [2, 2, 2, 2, 2, 0, 0]
    afters = [_erased(_only(erase_most=3, **fields), record, apart)[1] for record in range(60)]
    assert {int((after == 1).sum()) for after in afters} == {1, 2, 3}
