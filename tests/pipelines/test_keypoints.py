import re
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

import aifashion.keypoints
from aifashion import affine, images
from aifashion.datasets.fashionai import CATEGORIES, KEYPOINTS, SCHEMA
from aifashion.datasets.schema import KeypointRecord
from aifashion.keypoints.predict import View
from aifashion.recipes import Augmentation
from pipelines import keypoints as pipeline

K, SIZE = len(KEYPOINTS), 96
WIDTH, HEIGHT = 90, 70
DOTS = {  # of a skirt; what is left is red, what is right is green
    "waistband_left": (28.3, 20.6),
    "waistband_right": (60.8, 18.2),
    "hemline_left": (20.1, 51.9),
    "hemline_right": (66.4, 53.3),
}
STILL = Augmentation(
    flip=0.0, rotation=0.0, rotation_probability=0.0, scale=(1.0, 1.0), shift=0.0, brightness=0.0,
    contrast=0.0, saturation=0.0, channels=0.0, blur=0.0, erase=0.0,
)  # fmt: skip
WILD = Augmentation()


def _record(path, category: str, points: dict[str, tuple[float, float]]) -> KeypointRecord:
    truth, visibility = np.full((K, 2), -0.5), np.zeros(K, np.int8)
    for name, point in points.items():
        truth[KEYPOINTS.index(name)], visibility[KEYPOINTS.index(name)] = point, 2
    return KeypointRecord(path.name, path, category, truth, visibility)


@pytest.fixture(scope="module")
def skirts(tmp_path_factory) -> pipeline.Source:
    """Soft dots on black; grey has no colour, so |red - green| shows them alone."""
    path = tmp_path_factory.mktemp("skirts") / "skirt.png"
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    image = np.zeros((HEIGHT, WIDTH, 3))
    for name, (px, py) in DOTS.items():
        dot = np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 1.5**2))
        image[..., 0 if "_left" in name else 1] += 230 * dot
    images.write(path, np.rint(image).astype(np.uint8))
    return pipeline.Source([_record(path, "skirt", DOTS)] * 64, SCHEMA, KEYPOINTS, (SIZE, SIZE))


@pytest.fixture(scope="module")
def noise(tmp_path_factory) -> pipeline.Source:
    """Ten small pictures of every size and category, keypoints anywhere in them."""
    folder, rng = tmp_path_factory.mktemp("noise"), np.random.default_rng(0)
    records = []
    for row in range(10):
        width, height = rng.integers(20, 60, 2)
        path = folder / f"{row}.jpg"
        images.write(path, rng.integers(0, 256, (height, width, 3), np.uint8))
        category = list(CATEGORIES)[row % 5]
        points = {name: rng.uniform(0, (width, height)) for name in CATEGORIES[category]}
        records.append(_record(path, category, points))
    return pipeline.Source(records, SCHEMA, KEYPOINTS, (32, 32))


def _training(source, augmentation, steps: range, batch_size: int = 4, **fields) -> list:
    order = pipeline.Order(len(source.records), batch_size, fields.pop("seed", 0))
    batches = pipeline.training(source, order, augmentation, steps, **fields)
    return list(batches.as_numpy_iterator())


def _flat(batches: list) -> list[np.ndarray]:
    return [array for batch in batches for part in batch for array in part.values()]


def _assert_same(batches: list, expected: list) -> None:
    for array, other in zip(_flat(batches), _flat(expected), strict=True):
        assert_array_equal(array, other)


# === Contract ===


def _contract() -> dict[str, dict[str, tf.TensorSpec]]:
    """The table in the docstring of `aifashion.keypoints`, for 2 pictures."""
    letters = {"B": 2, "H": SIZE, "W": SIZE, "K": K}
    parts: dict[str, dict[str, tf.TensorSpec]] = {}
    part = ""
    for line in aifashion.keypoints.__doc__.splitlines():
        row = re.match(r"    (\w*) +(\w+) +\((B[^)]*)\) +(u?int\d+|float32)", line)
        if row:
            part = row[1] or part
            sides = [side.strip() for side in row[3].split(",") if side.strip()]
            shape = [letters.get(side) or int(side) for side in sides]
            parts.setdefault(part, {})[row[2]] = tf.TensorSpec(shape, row[4])
    return parts


def test_batches_are_those_of_the_contract(skirts):
    contract = _contract()
    assert set(contract) == {"inputs", "targets", "both", "notes"}
    inputs = contract["inputs"] | contract["both"]
    order = pipeline.Order(64, 2, seed=0)
    training = pipeline.training(skirts, order, WILD, range(1), workers=1)
    assert training.element_spec == (inputs, contract["targets"])
    evaluation = pipeline.evaluation(skirts, 2, workers=1)
    assert evaluation.element_spec == (inputs, contract["notes"])


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_mask_is_the_categorys(tmp_path, category):
    record = _record(tmp_path / "none.png", category, {})
    mask = pipeline.Source([record], SCHEMA, KEYPOINTS, (SIZE, SIZE)).mask(0)
    assert (
        mask.sum()
        == {"blouse": 13, "outwear": 14, "trousers": 7, "skirt": 4, "dress": 15}[category]
    )
    assert {name for name, own in zip(KEYPOINTS, mask, strict=True) if own} == set(
        CATEGORIES[category]
    )
    assert mask[KEYPOINTS.index("bottom_right_out")] == (category == "trousers")


def test_a_network_of_fewer_keypoints_sees_its_own(skirts):
    few = pipeline.Source(skirts.records, SCHEMA, ("crotch", "hemline_right"), (SIZE, SIZE))
    assert_array_equal(few.mask(0), [0, 1])
    points, visibility = few.truth(0)
    assert_array_equal(points[1], DOTS["hemline_right"])
    assert_array_equal(visibility, [0, 2])


# === Order ===


def test_an_epoch_takes_every_record_once():
    order = pipeline.Order(records=12, batch_size=3, seed=5)
    assert order.steps_per_epoch == 4
    epochs = [
        np.concatenate([order.batch(step)[1] for step in range(4 * epoch, 4 * epoch + 4)])
        for epoch in range(3)
    ]
    for records in epochs:
        assert_array_equal(np.sort(records), np.arange(12))
    assert [order.batch(step)[0] for step in (0, 3, 4, 11)] == [0, 0, 1, 2]
    assert len({tuple(records) for records in (*epochs, np.arange(12))}) == 4
    other = pipeline.Order(12, 3, seed=6)
    assert not np.array_equal(other.batch(0)[1], order.batch(0)[1])


def test_the_last_incomplete_batch_is_left_out():
    order = pipeline.Order(records=11, batch_size=4, seed=0)
    assert order.steps_per_epoch == 2
    records = np.concatenate([order.batch(step)[1] for step in (0, 1)])
    assert len(set(records)) == 8 and order.batch(2)[0] == 1


def test_records_repeat_where_there_are_fewer_than_a_batch():
    epoch, records = pipeline.Order(records=3, batch_size=7, seed=0).batch(2)
    assert epoch == 2 and sorted(set(records)) == [0, 1, 2]
    assert_array_equal(records[3:6], records[:3])


# === Training ===


def test_no_steps(noise):
    assert _training(noise, WILD, range(3, 3)) == []


def test_batches_depend_on_nothing_but_seed_and_step(noise):
    expected = _training(noise, WILD, range(6), workers=1)
    records = np.concatenate([inputs["record"] for inputs, _ in expected[:2]])
    assert len(set(records)) == 8  # of ten, in batches of four
    for workers in (2, 4):
        _assert_same(_training(noise, WILD, range(6), workers=workers), expected)
    _assert_same(_training(noise, WILD, range(3, 6), workers=2), expected[3:])
    assert len({tuple(inputs["seed"]) for inputs, _ in expected}) == 6
    other = _training(noise, WILD, range(1), seed=1, workers=1)
    assert (other[0][0]["image"] != expected[0][0]["image"]).mean() > 0.5


def test_batches_written_over_others_are_the_same(noise):
    order = pipeline.Order(10, 4, seed=0)
    (inputs, targets), (later, later_targets) = _training(noise, WILD, range(2), workers=1)
    batch = {name: array.copy() for name, array in (later | later_targets).items()}
    pipeline.fill_training(noise, order, WILD, 0, batch)
    for name, array in (inputs | targets).items():
        assert_array_equal(batch[name], array)


def test_without_augmentation_it_is_the_letterbox(noise):
    for inputs, targets in _training(noise, None, range(2), workers=1):
        for row, record in enumerate(inputs["record"]):
            picture = images.read(noise.records[record].path)
            matrix = affine.letterbox(picture.shape[1], picture.shape[0], 32, 32)
            assert_array_equal(inputs["image"][row], images.warp(picture, matrix, (32, 32)))
            points, visibility = noise.truth(record)
            assert_allclose(targets["keypoints"][row], affine.apply(matrix, points), rtol=1e-6)
            assert_array_equal(targets["visibility"][row], visibility)
            assert_array_equal(inputs["keypoint_mask"][row], noise.mask(record))


def _centroid(weight: np.ndarray, about: np.ndarray) -> np.ndarray:
    """Centre of mass of (H, W) within 7 pixels of a point."""
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
    weight = weight * (np.hypot(x - about[0], y - about[1]) <= 7)
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


def _samples(source, augmentation: Augmentation) -> list[tuple[np.ndarray, ...]]:
    """Of all 64 pictures: image, the dots' keypoints (4, 2) and their visibility (4,)."""
    index = SCHEMA.indices(tuple(DOTS))
    batches = _training(source, augmentation, range(16), workers=2)
    return [
        (image, points[index], visibility[index])
        for inputs, targets in batches
        for image, points, visibility in zip(inputs["image"], *targets.values(), strict=True)
    ]


def test_keypoints_stay_on_what_they_mark(skirts):
    """Under all augmentation but patches."""
    red_ones = np.array(["_left" in name for name in DOTS])
    mirrored, seen = 0, 0
    for image, points, visibility in _samples(skirts, replace(WILD, erase=0.0)):
        colour = image[..., 0].astype(float) - image[..., 1]  # red above 0, green below
        inside = np.flatnonzero(((points > 7) & (points < SIZE - 7)).all(axis=1))
        assert_array_equal(visibility[inside], 2)
        centroids = [_centroid(np.abs(colour), point) for point in points[inside]]
        assert_allclose(np.reshape(centroids, (-1, 2)), points[inside], atol=0.15)
        x, y = points[inside].astype(int).T
        exchanged = (colour[y, x] > 0) != red_ones[inside]
        assert exchanged.all() or not exchanged.any()
        mirrored += exchanged.any()
        seen += len(inside)
        # Mirrored or not, left stays left as the garment stands: from across to down is clockwise.
        left, right, low_left, low_right = points
        across, down = right + low_right - left - low_left, low_left + low_right - left - right
        assert across[0] * down[1] - across[1] * down[0] > 0
    assert 20 <= mirrored <= 44  # half of 64, standard deviation 4
    assert seen > 180  # of 256


def test_visibility_is_mirrored_along(skirts):
    left, right = (KEYPOINTS.index(f"hemline_{side}") for side in ("left", "right"))
    record = replace(skirts.records[0], visibility=skirts.records[0].visibility.copy())
    record.visibility[left] = 1
    source = replace(skirts, records=[record])
    for flip, seen in ((0.0, (1, 2)), (1.0, (2, 1))):
        ((_, targets),) = _training(source, replace(STILL, flip=flip), range(1), 1, workers=1)
        assert tuple(targets["visibility"][0, [left, right]]) == seen


def test_points_outside_are_absent(skirts):
    outside = 0
    for _, points, visibility in _samples(skirts, replace(STILL, shift=0.5)):
        inside = ((points >= 0) & (points < SIZE)).all(axis=-1)
        assert_array_equal(visibility, np.where(inside, 2, 0))
        outside += (~inside).sum()
    assert 50 < outside < 200  # of 256


def test_patches_hide_keypoints(skirts):
    plain = _training(skirts, STILL, range(1), workers=1)[0][0]["image"][0]
    hidden = 0
    for image, points, visibility in _samples(skirts, replace(STILL, erase=0.5)):
        x, y = np.floor(points).astype(int).T
        covered = (image != plain)[y, x].any(axis=-1)
        assert_array_equal(visibility, np.where(covered, 1, 2))
        hidden += covered.any()
    assert 16 < hidden < 48  # half of 64, standard deviation 4


def _to_picture(points: np.ndarray) -> np.ndarray:
    """The way back that takes the keypoints to the dots, be they mirrored or not; (2, 3)."""
    own = np.column_stack([points, np.ones(4)])
    for permutation in ([0, 1, 2, 3], [1, 0, 3, 2]):
        dots = np.array(list(DOTS.values()))[permutation]
        solution, *_ = np.linalg.lstsq(own, dots, rcond=None)
        if np.allclose(own @ solution, dots, atol=1e-3):
            return solution.T
    raise AssertionError("no affine map")


def test_the_outside_is_grey(skirts):
    """Whatever the colours; a blur may reach some pixels over the edge."""
    centres = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1) + 0.5
    outside = 0
    for image, points, _ in _samples(skirts, replace(WILD, erase=0.0, blur=0.5)):
        places = affine.apply(_to_picture(points), centres)
        far = ((places < -5) | (places > np.array([WIDTH, HEIGHT]) + 5)).any(axis=-1)
        assert_array_equal(image[far], 128)
        inside = ((places > 5) & (places < np.array([WIDTH, HEIGHT]) - 5)).all(axis=-1)
        assert (image[inside] == 128).mean() < 0.1
        outside += far.sum()
    assert outside > 64 * 500


# === Pictures that cannot be read ===


def test_an_unreadable_picture_is_grey_and_named(skirts, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    records = [
        _record(tmp_path / "broken.jpg", "skirt", DOTS),
        skirts.records[0],
        _record(tmp_path / "missing.jpg", "skirt", DOTS),
    ]
    source = pipeline.Source(records, SCHEMA, KEYPOINTS, (SIZE, SIZE))
    ((inputs, targets),) = _training(source, WILD, range(1), batch_size=3, workers=1)
    assert set(source.faults) == {0, 2}
    assert "broken.jpg" in source.faults[0] and "missing.jpg" in source.faults[2]
    bad = inputs["record"] != 1
    assert bad.sum() == 2
    assert_array_equal(inputs["image"][bad], 128)
    for array in (inputs["keypoint_mask"], *targets.values()):
        assert_array_equal(array[bad], 0)
        assert array[~bad].any()

    batch = {name: np.full_like(array, 7) for name, array in (inputs | targets).items()}
    pipeline.fill_training(source, pipeline.Order(3, 3, seed=0), WILD, 0, batch)
    for name, array in (inputs | targets).items():
        assert_array_equal(batch[name], array)

    source.faults.clear()
    ((inputs, notes),) = pipeline.evaluation(source, 3, workers=1).as_numpy_iterator()
    assert set(source.faults) == {0, 2}
    assert_array_equal(inputs["record"], [0, 1, 2])
    assert_array_equal(inputs["image"][[0, 2]], 128)
    assert_array_equal(inputs["keypoint_mask"].sum(axis=1), [0, 4, 0])
    assert np.linalg.det(notes["to_input"][:, :, :2]).min() > 0  # so that it can be inverted


# === Evaluation ===


def test_no_records():
    source = pipeline.Source([], SCHEMA, KEYPOINTS, (SIZE, SIZE))
    assert list(pipeline.evaluation(source, 4, workers=1)) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_evaluation_takes_every_record_in_order(noise, workers):
    batches = list(pipeline.evaluation(noise, 4, workers=workers).as_numpy_iterator())
    records = np.concatenate([inputs["record"] for inputs, _ in batches])
    assert_array_equal(records, [*range(10), -1, -1])
    assert_array_equal(batches[2][0]["image"][2:], 128)
    assert_array_equal(batches[2][0]["keypoint_mask"][2:], 0)
    for inputs, notes in batches:
        for row, record in enumerate(inputs["record"]):
            if record >= 0:
                picture = images.read(noise.records[record].path)
                assert_array_equal(notes["size"][row], picture.shape[1::-1])
                matrix = affine.letterbox(picture.shape[1], picture.shape[0], 32, 32)
                assert_allclose(notes["to_input"][row], matrix, rtol=1e-6, atol=1e-5)
                assert_array_equal(inputs["image"][row], images.warp(picture, matrix, (32, 32)))


def test_records_without_truth_can_be_evaluated(skirts):
    record = replace(skirts.records[0], keypoints=None, visibility=None)
    source = pipeline.Source([record], SCHEMA, KEYPOINTS, (SIZE, SIZE))
    ((inputs, _),) = pipeline.evaluation(source, 1, workers=1).as_numpy_iterator()
    assert inputs["keypoint_mask"].sum() == 4


def test_a_box_fills_the_input(skirts):
    """Its corners lie on the input's; a square of 20 pixels is as large as the input."""
    source = replace(skirts, records=skirts.records[:2])
    boxes = np.array([[10.0, 5.0, 30.0, 25.0], [-4.0, 2.0, 6.0, 22.0]])
    batches = pipeline.evaluation(source, 2, boxes=boxes, workers=1)
    ((inputs, notes),) = batches.as_numpy_iterator()
    ways = notes["to_input"].astype(float)
    corners = affine.apply(ways[0], boxes[0].reshape(2, 2))
    assert_allclose(corners, [[0, 0], [SIZE, SIZE]], atol=1e-4)
    # Ten wide and twenty high: a quarter of the input is left on each side.
    corners = affine.apply(ways[1], boxes[1].reshape(2, 2))
    assert_allclose(corners, [[SIZE / 4, 0], [SIZE * 3 / 4, SIZE]], atol=1e-4)
    outside = inputs["image"][1][:, : SIZE // 4 + SIZE // 10]  # four pixels left of the picture
    assert (outside == images.GREY).all()


def test_to_input_maps_the_picture_onto_every_view(skirts):
    source = replace(skirts, records=skirts.records[:3])
    angles, scales = (0.0, -20.0, 15.0), (1.0, 1.0, 0.9)
    views = [View(angle, scale) for angle, scale in zip(angles, scales, strict=True)]
    batches = list(pipeline.evaluation(source, 2, views, workers=1).as_numpy_iterator())
    records = [inputs["record"].tolist() for inputs, _ in batches]
    assert records == [[0, 0, 0, 1, 1, 1], [2, 2, 2, -1, -1, -1]]
    inputs, notes = batches[0]
    for row, angle in enumerate(angles):
        matrix = notes["to_input"][row].astype(float)
        turned = np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0]))
        assert_allclose(turned, angle, atol=1e-4)
        stretched = np.linalg.norm(matrix[:, 0]) / np.linalg.norm(notes["to_input"][0][:, 0])
        assert_allclose(stretched, scales[row], atol=1e-5)
        colour = np.ptp(inputs["image"][row].astype(float)[..., :2], axis=-1)
        for point in affine.apply(matrix, np.array(list(DOTS.values()))):
            assert_allclose(_centroid(colour, point), point, atol=0.1)
    assert_array_equal(inputs["image"][:3], inputs["image"][3:])
