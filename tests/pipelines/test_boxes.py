"""Garments in boxes of their picture, inputs that are no square, channels of one category each."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import affine, images
from aifashion.datasets.schema import ABSENT_POINT, KeypointRecord, KeypointSchema
from aifashion.recipes import Augmentation
from pipelines import keypoints as pipeline

SCHEMA = KeypointSchema(
    name="two",
    keypoints=("end_left", "end_right", "tip"),
    categories={"bow": ("end_left", "end_right"), "hat": ("end_left", "end_right", "tip")},
    normalisers={},
    skeletons={},
)
FRAME = (96, 128)
BOX = np.array([10.0, 20.0, 30.0, 60.0])
STILL = Augmentation(
    flip=1.0, rotation=0.0, rotation_probability=0.0, scale=(1.0, 1.0), shift=0.0, brightness=0.0,
    contrast=0.0, saturation=0.0, channels=0.0, blur=0.0, erase=0.0,
)  # fmt: skip


def _record(path, category: str, box=BOX) -> KeypointRecord:
    """The left end at the box's upper left corner, the right one at its lower right."""
    points = np.array([(10.0, 20.0), (30.0, 60.0), ABSENT_POINT])
    return KeypointRecord("1/1", path, category, points, np.array([2, 1, 0], np.int8), box)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> pipeline.Source:
    path = tmp_path_factory.mktemp("boxes") / "1.png"
    images.write(path, np.full((80, 100, 3), 200, np.uint8))
    return pipeline.Source([_record(path, "bow")], SCHEMA, SCHEMA.keypoints, FRAME)


def _picture(source) -> np.ndarray:
    return images.read(source.records[0].path)


def test_a_box_is_shown_a_quarter_larger(source):
    # 20 x 40 becomes 25 x 50, which fits 128 / 50 times; its middle is the input's.
    way = source.way(0, _picture(source))
    assert_allclose(way[:, :2], 2.56 * np.eye(2))
    assert_allclose(affine.apply(way, np.array([[20.0, 40.0]])), [[48.0, 64.0]])


@pytest.mark.parametrize("box", [(10, 20, 30, 60), (0, 0, 90, 30), (5, 5, 41, 53)])
def test_it_is_the_published_way(source, box):
    """Theirs speaks of pixel indices, so that the same pixels lie half a pixel aside, scaled."""
    x1, y1, x2, y2 = box
    width, height = max(x2 - x1, 0.75 * (y2 - y1)), max(y2 - y1, (x2 - x1) / 0.75)
    assert width == pytest.approx(0.75 * height)
    k = FRAME[0] / (1.25 * width)
    theirs = [
        [k, 0, FRAME[0] / 2 - k * (x1 + x2) / 2],
        [0, k, FRAME[1] / 2 - k * (y1 + y2) / 2],
    ]
    found = replace(source, records=[replace(source.records[0], box=np.array(box, float))])
    assert_allclose(found.way(0, _picture(source)), theirs, atol=1e-9)


def test_without_a_box_all_of_the_picture_is_shown(source):
    bare = replace(source, records=[replace(source.records[0], box=None)])
    assert_allclose(bare.way(0, _picture(source)), affine.letterbox(100, 80, *FRAME))


def test_training_batches_are_as_high_and_wide_as_the_frame(source):
    order = pipeline.Order(1, 2, seed=0)
    ((inputs, targets),) = pipeline.training(source, order, STILL, range(1)).as_numpy_iterator()
    assert inputs["image"].shape == (2, 128, 96, 3)
    # Mirrored: the ends change places, at 2.56 times their distance from the middle.
    assert_allclose(targets["keypoints"][0, :2], [(22.4, 115.2), (73.6, 12.8)], atol=1e-5)
    assert_array_equal(targets["visibility"], [[1, 2, 0]] * 2)


def test_shifts_are_shares_of_each_side():
    moved = replace(STILL, flip=0.0, shift=0.5)
    matrices = pipeline.augment.draw(moved, (100, 1000), 0, 0, np.arange(2000)).matrices
    across, down = matrices[:, :, 2].T
    assert 45 < np.abs(across).max() <= 50 and 450 < np.abs(down).max() <= 500


def test_evaluation_inverts_the_way(source):
    ((inputs, notes),) = pipeline.evaluation(source, 1, workers=1).as_numpy_iterator()
    assert inputs["image"].shape == (1, 128, 96, 3)
    assert_allclose(notes["to_input"][0], source.way(0, _picture(source)), rtol=1e-6)
    assert_array_equal(notes["size"], [(100, 80)])


# === Channels of one category each ===

CHANNELS = ("bow.end_left", "bow.end_right", "hat.end_left", "hat.end_right", "hat.tip")


def test_channels_belong_to_their_category(source):
    apart = replace(source, keypoints=CHANNELS)
    assert_array_equal(apart.mask(0), [1, 1, 0, 0, 0])
    points, visibility = apart.truth(0)
    assert_array_equal(points[:2], [(10, 20), (30, 60)])
    assert_array_equal(visibility, [2, 1, 0, 0, 0])
    assert_array_equal(apart.mirrored, [1, 0, 3, 2, 4])


def test_the_schema_finds_both_kinds_of_names():
    assert_array_equal(SCHEMA.indices(CHANNELS), [0, 1, 0, 1, 2])
    assert_array_equal(SCHEMA.has("hat", CHANNELS), [0, 0, 1, 1, 1])
    assert_array_equal(SCHEMA.has("bow", SCHEMA.keypoints), [1, 1, 0])
    assert_array_equal(SCHEMA.has("bow", ()), np.empty(0))
