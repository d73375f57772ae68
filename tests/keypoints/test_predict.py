"""The network is no network but a fixed function of the picture that finds coloured dots."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import images
from aifashion.datasets.fashionai import SCHEMA
from aifashion.datasets.schema import KeypointRecord, flip_permutation
from aifashion.keypoints.cpn import CPN
from aifashion.keypoints.predict import FLIP, PLAIN, SCALED, TURNED, Member, Predictor, View, Views
from pipelines import keypoints as pipeline

NAMES = ("waistband_left", "waistband_right", "crotch", "bottom_left_in", "bottom_right_in")
SYSTEM = CPN(size=128, keypoints=NAMES, loss="mse", amplitude=1.0)
WIDTH, HEIGHT = 150, 110
# The waistband's ends are red, the crotch is blue and the hems are green; of a pair, the left one
# is in the left half of the picture, here as in the mirrored picture.
POINTS = np.array([(41.3, 40.2), (108.6, 37.9), (75.4, 58.1), (52.7, 80.8), (97.5, 83.4)])
COLOURS = np.array([0, 0, 2, 1, 1])


def _picture(points: np.ndarray) -> np.ndarray:
    """Soft dots on black, wide enough for a map of stride 4 to hold their shape."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    image = np.zeros((HEIGHT, WIDTH, 3))
    for (px, py), colour in zip(points, COLOURS, strict=True):
        dot = np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 8.0**2))
        image[..., colour] = np.maximum(image[..., colour], 255 * dot)
    return np.rint(image).astype(np.uint8)


def _network(names=NAMES, size=128) -> keras.Model:
    image = keras.Input((size, size, 3), dtype="uint8", name="image")
    mask = keras.Input((len(names),), dtype="float32", name="keypoint_mask")
    pixels = ops.cast(image, "float32") / 255
    pure = ops.relu(2 * pixels - ops.sum(pixels, axis=-1, keepdims=True))  # grey is nothing
    channels = ops.take(pure, [COLOURS[NAMES.index(name)] for name in names], axis=-1)
    left = np.arange(size) < size // 2
    halves = [
        left if "_left" in name else ~left if "_right" in name else left | ~left for name in names
    ]
    channels = channels * np.stack(halves, axis=-1).astype("float32")
    maps = ops.average_pool(channels, 4, 4) * ops.reshape(mask, (-1, 1, 1, len(names)))
    return keras.Model({"image": image, "keypoint_mask": mask}, {"refine": maps}, name="dots")


NETWORK = _network()
ALONE = [Member(SYSTEM, NETWORK)]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> pipeline.Source:
    """Three pictures, the dots of each elsewhere; the second one lies on its side."""
    folder = tmp_path_factory.mktemp("dots")
    records = []
    for row in range(3):
        points = POINTS + 1.7 * row
        images.write(folder / f"{row}.png", _picture(points))
        truth = np.full((len(SCHEMA.keypoints), 2), -0.5)
        truth[SCHEMA.indices(NAMES)] = points
        visibility = np.where(np.isin(SCHEMA.keypoints, NAMES), 2, 0)
        record = KeypointRecord(str(row), folder / f"{row}.png", "trousers", truth, visibility)
        records.append(record)
    return pipeline.Source(records, SCHEMA, NAMES, (128, 128))


def _predict(source: pipeline.Source, views: Views, batch_size: int) -> list:
    batches = pipeline.evaluation(source, batch_size, views.each, workers=1)
    return list(Predictor(ALONE, views)(zip(batches)))


def test_no_batches():
    assert list(Predictor(ALONE)([])) == []


@pytest.mark.parametrize("views", [PLAIN, FLIP, Views((View(10.0), View(-20.0))), SCALED, TURNED])
def test_points_in_the_pictures_own_pixels(source, views):
    """Two pictures a batch, so that the second batch is filled up with a grey row."""
    predictions = _predict(source, views, batch_size=2)
    assert [prediction.record for prediction in predictions] == [0, 1, 2]
    for prediction in predictions:
        truth, _ = source.truth(prediction.record)
        assert_allclose(prediction.keypoints, truth, atol=0.05)
        assert prediction.keypoints.dtype == np.float64
        assert ((prediction.confidence > 0.8) & (prediction.confidence <= 1)).all()


def test_flipping_needs_left_and_right(source):
    """The network mirrors as it should, and without the exchange it would be far off."""
    inputs, _ = next(iter(pipeline.evaluation(source, 1, workers=1)))
    image, mask = np.array(inputs["image"]), np.array(inputs["keypoint_mask"])
    straight = np.array(NETWORK({"image": image, "keypoint_mask": mask})["refine"])
    mirrored = NETWORK({"image": image[:, :, ::-1], "keypoint_mask": mask})["refine"]
    back = np.array(mirrored)[:, :, ::-1]
    assert_allclose(back[..., flip_permutation(NAMES)], straight, atol=1e-6)
    assert np.abs(back - straight)[..., 0].max() > 0.5


def test_rows_without_record_are_left_out_and_the_order_kept(source):
    inputs, notes = next(iter(pipeline.evaluation(source, 3, workers=1)))
    inputs = {name: np.array(values) for name, values in inputs.items()}
    inputs["record"] = np.array([7, -1, 4])
    predictions = Predictor(ALONE).batch((inputs, notes))
    assert [prediction.record for prediction in predictions] == [7, 4]
    assert_allclose(predictions[1].keypoints, source.truth(2)[0], atol=0.05)


def test_nothing_outside_the_category_is_sure(source):
    inputs, notes = next(iter(pipeline.evaluation(source, 1, workers=1)))
    mask = np.array([[1, 1, 0, 1, 0]], "float32")
    prediction = Predictor(ALONE, FLIP).batch(({**inputs, "keypoint_mask": mask}, notes))[0]
    assert_array_equal(prediction.confidence > 0, [True, True, False, True, False])
    assert np.isfinite(prediction.keypoints).all()


def test_several_networks_are_averaged_in_one_frame(source):
    """The second sees smaller pictures and knows its keypoints in another order, two less."""
    names = ("crotch", "bottom_right_in", "bottom_left_in")
    assert NETWORK.name == "dots"
    other = Member(CPN(size=96, keypoints=names, loss="mse", amplitude=1.0), _network(names, 96))
    for members, frame in (([*ALONE, other], (128, 128)), ([other, *ALONE], (96, 96))):
        predictor = Predictor(members, FLIP)
        assert predictor.frames[0] == frame
        order = [name for name in members[0].system.keypoints if name in names]
        assert list(predictor.keypoints) == order
        at_sizes = [
            replace(source, keypoints=predictor.keypoints, frame=f) for f in predictor.frames
        ]
        batches = zip(*(pipeline.evaluation(s, 2, workers=1) for s in at_sizes), strict=True)
        predictions = list(predictor(batches))
        assert [prediction.record for prediction in predictions] == [0, 1, 2]
        for prediction in predictions:
            truth, _ = at_sizes[0].truth(prediction.record)
            assert_allclose(prediction.keypoints, truth, atol=0.1)
            assert (prediction.confidence > 0.7).all()


def test_a_blind_network_halves_the_map(source):
    """Where one of two sees nothing, confidence is half and the place stays; sure of equals."""
    blind = keras.Model(NETWORK.input, {"refine": NETWORK.output["refine"] * 0.0})
    batch = next(iter(pipeline.evaluation(source, 1, workers=1)))
    one, twice, half = (
        Predictor(members).batch(batch)[0]
        for members in (ALONE, ALONE * 2, [*ALONE, Member(SYSTEM, blind)])
    )
    assert_allclose(twice.keypoints, one.keypoints, atol=1e-5)
    assert_allclose(twice.confidence, one.confidence, rtol=1e-6)
    assert_allclose(half.keypoints, one.keypoints, atol=1e-5)
    assert_allclose(half.confidence, one.confidence / 2, rtol=1e-6)


def test_views_are_averaged(source):
    """A view that sees nothing halves the map, and the place stays."""
    views = Views((View(), View(10.0)))
    inputs, notes = next(iter(pipeline.evaluation(source, 1, views.each, workers=1)))
    blind = {name: np.array(values) for name, values in inputs.items()}
    blind["image"][1] = images.GREY
    predictor = Predictor(ALONE, views)
    both, one = (predictor.batch((rows, notes))[0] for rows in (inputs, blind))
    assert_allclose(both.confidence, 2 * one.confidence, rtol=0.01)
    for prediction in (both, one):
        assert_allclose(prediction.keypoints, source.truth(0)[0], atol=0.05)
