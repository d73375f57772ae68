import functools
import json
import re
import zlib
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import keras
import numpy as np
import pytest
from formula import picture, uniform, weights
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.backbones.names_resnet import OIHW_TO_HWIO
from aifashion.backbones.resnet import ResNet
from aifashion.backbones.senet import SENet
from aifashion.datasets.fashionai import CATEGORIES
from aifashion.keypoints.garment_cpn import GarmentCPN
from aifashion.keypoints.names_garment_cpn import garment_cpn_names
from aifashion.ops import heatmaps

RECORDED = json.loads((Path(__file__).parent / "recorded_garment_cpn.json").read_text())
SKIRT = CATEGORIES["skirt"]  # four keypoints
BOUND = 1e-4  # of the standard deviation of the original's maps
TINY = {
    "resnet": ResNet(blocks=(1, 1, 1, 1), width=8, stride_in="3x3", pixels="fashionai"),
    "senet": SENet(blocks=(1, 1, 1, 1), width=8, groups=4, reduction=4),
}


def _tiny(backbone: str = "resnet", **fields) -> GarmentCPN:
    fields = {"keypoints": SKIRT, "sigma": 2.0, **fields}
    return GarmentCPN(size=64, backbone=TINY[backbone], width=16, **fields)


@functools.cache
def _network(backbone: str) -> keras.Model:
    return _tiny(backbone).build()


def _run(network: keras.Model, inputs: dict) -> dict[str, np.ndarray]:
    return {name: np.array(maps) for name, maps in network(inputs, training=False).items()}


def _inputs(pictures: int, keypoints: int = 4) -> dict:
    image = np.concatenate([picture(64, seed) for seed in range(pictures)])
    return {"image": image, "keypoint_mask": np.ones((pictures, keypoints), "float32")}


def _truth(visibility) -> dict:
    """Points near the middle of 64 pixels, of the visibilities (B, K)."""
    points = 32 + 8 * uniform((*np.shape(visibility), 2), 7)
    return {"keypoints": points.astype("float32"), "visibility": np.array(visibility, "int32")}


def _numbers(terms: dict) -> dict[str, tuple[float, float]]:
    return {name: (float(total), float(weight)) for name, (total, weight) in terms.items()}


# === Fields and structure ===


WRONG = (
    {"mining": "none"}, {"targets": "dark"}, {"size": 100}, {"size": 0}, {"width": 0},
    {"width": 18}, {"sigma": 0.0}, {"amplitude": -1.0}, {"hard_keypoints": 0},
    {"occluded_weight": -0.5}, {"occluded_weight": 0.5, "mining": "batch"},
)  # fmt: skip


@pytest.mark.parametrize("fields", WRONG)
def test_a_wrong_field_is_named(fields):
    with pytest.raises(ValueError, match=f"GarmentCPN.{next(iter(fields))} is"):
        GarmentCPN(**fields)


@pytest.mark.parametrize("backbone", TINY)
def test_shapes_and_masks(backbone):
    inputs = _inputs(2)
    inputs["keypoint_mask"][0, 2] = 0
    outputs = _run(_network(backbone), inputs)
    assert [*outputs] == ["global", "refine"]
    assert {maps.shape for maps in outputs.values()} == {(2, 16, 16, 4)}
    for maps in outputs.values():
        assert_array_equal(np.abs(maps).max(axis=(1, 2)) > 0, inputs["keypoint_mask"] == 1)


def test_outputs_are_float32_under_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = _tiny("senet").build()
    finally:
        keras.config.set_dtype_policy("float32")
    assert {maps.dtype for maps in network.output.values()} == {"float32"}
    assert all(np.isfinite(maps).all() for maps in _run(network, _inputs(1)).values())


def test_names():
    of_resnet, of_senet = garment_cpn_names(ResNet(depth=152)), garment_cpn_names(SENet())
    assert of_resnet["stage4_block36_conv3/kernel"] == "global_net.layer3.35.conv3.weight"
    assert of_senet["stem_conv1/kernel"] == "global_net.layer0.conv1.weight"
    for names in (of_resnet, of_senet):
        assert names["lateral_C5/bias"] == "global_net.latlayer1.bias"
        assert names["global_maps/kernel"] == "global_net.toplayer3.weight"
        assert names["refine_join_norm_shortcut/gamma"] == "refine_net.output.0.shortcut.1.weight"


@pytest.mark.parametrize("name", RECORDED["networks"])
def test_names_and_order_of_the_published_state_dict(name):
    order = "\n".join(_published_order(garment_cpn_names(_system(name).backbone).values()))
    assert zlib.crc32(order.encode()) == RECORDED["networks"][name]["names_crc32"]


@pytest.mark.parametrize("backbone", TINY)
def test_every_variable_has_a_name(backbone):
    names = garment_cpn_names(TINY[backbone])
    assert set(names) == {variable.path for variable in _network(backbone).variables}


# === Parity with the published networks ===


def _system(name: str) -> GarmentCPN:
    recorded = RECORDED["networks"][name]
    if name.startswith("senet"):
        backbone = SENet(blocks=tuple(recorded["blocks"]), pixels="fashionai")
    else:
        backbone = replace(GarmentCPN().backbone, blocks=tuple(recorded["blocks"]))
    keypoints = tuple(f"keypoint{k}" for k in range(recorded["keypoints"]))
    return GarmentCPN(size=recorded["size"], keypoints=keypoints, backbone=backbone)


def _published_order(names) -> list[str]:
    """As the state dict lists them: in a block of ResNet the shortcut comes last."""

    def block(name: str) -> str:
        return (re.match(r"global_net\.layer[1-4]\.\d+", name) or [""])[0]

    blocks = [list(group) for _, group in groupby(names, block)]
    return [name for group in blocks for name in sorted(group, key=lambda n: "downsample" in n)]


def _filled(name: str, seed: int = 0) -> keras.Model:
    """The network with the weights of the recorded one."""
    config, recorded = _system(name), RECORDED["networks"][name]
    network = config.build()
    ours = {theirs: path for path, theirs in garment_cpn_names(config.backbone).items()}
    variables = {variable.path: variable for variable in network.variables}
    assert set(ours.values()) == set(variables)
    count = sum(int(np.prod(v.shape)) for v in network.trainable_variables)
    assert count == recorded["parameters"]
    shapes = {k: _oihw(variables[ours[k]].shape) for k in _published_order(ours)}
    fans = {k: int(np.prod(shape[1:])) for k, shape in shapes.items() if len(shape) == 4}
    # A transposed kernel, twice as wide as its step, gives an output four terms an input.
    fans |= {k: 4 * shapes[k][0] for k in fans if ours[k].endswith("_up/kernel")}
    for k, array in weights(shapes, fans, seed).items():
        variables[ours[k]].assign(array.transpose(OIHW_TO_HWIO) if array.ndim == 4 else array)
    return network


def _oihw(shape) -> tuple[int, ...]:
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else tuple(shape)


def _deviations(network: keras.Model, name: str, seed: int = 0) -> dict[str, float]:
    """The largest difference from the recorded maps, in their standard deviations."""
    config = _system(name)
    mask = np.ones((1, len(config.keypoints)), "float32")
    outputs = _run(network, {"image": picture(config.size, seed), "keypoint_mask": mask})
    deviations = {}
    for output, recorded in RECORDED["networks"][name]["maps"][str(seed)].items():
        maps, values = outputs[output], np.array(recorded["values"])
        start, step = (101, 12347) if values.size < maps.size else (0, 1)
        found = maps.ravel()[(np.arange(values.size) * step + start) % maps.size]
        distance = [*(found - values), maps.mean() - recorded["mean"], maps.std() - recorded["sd"]]
        deviations[output] = float(np.abs(distance).max() / recorded["sd"])
    return deviations


@pytest.fixture(name="reduced", scope="module")
def _reduced() -> keras.Model:
    return _filled("resnet_small")


def test_equals_the_published_network(reduced):
    assert max(_deviations(reduced, "resnet_small").values()) < BOUND


@pytest.mark.parametrize("part", ["stage", "refine"])
def test_another_epsilon_shows(reduced, monkeypatch, part):
    for layer in reduced.layers:
        if layer.name.startswith(part) and "norm" in layer.name:
            monkeypatch.setattr(layer, "epsilon", 1e-3)
    deviations = _deviations(reduced, "resnet_small")
    assert deviations["refine"] > 10 * BOUND
    assert (deviations["global"] > 10 * BOUND) == (part == "stage")


def test_padding_on_one_side_shows(reduced, monkeypatch):
    """Keras' own "same" padding, of an even side halved."""
    for layer in reduced.layers:
        if layer.name.endswith("conv2_pad") or layer.name == "stem_conv_pad":
            before = layer.padding[0][0] - 1
            monkeypatch.setattr(layer, "padding", ((before, before + 1),) * 2)
    assert min(_deviations(reduced, "resnet_small").values()) > 10 * BOUND


def test_the_place_of_the_stride_shows(reduced, monkeypatch):
    """Stages halved by the first 1x1 convolution in place of the 3x3 one."""
    for stage in (3, 4, 5):
        for number, stride in ((1, 2), (2, 1)):
            layer = reduced.get_layer(f"stage{stage}_block1_conv{number}")
            monkeypatch.setattr(layer, "strides", (stride, stride))
    assert min(_deviations(reduced, "resnet_small").values()) > 10 * BOUND


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", ["resnet_full", "senet_full"])
def test_equals_the_published_network_at_full_depth(name, seed):
    assert max(_deviations(_filled(name, seed), name, seed).values()) < BOUND


# === Loss ===


def _loss_and_gradients(config: GarmentCPN, outputs: dict, inputs: dict, truth: dict) -> tuple:
    import tensorflow as tf

    outputs = {name: tf.constant(maps, "float32") for name, maps in outputs.items()}
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        terms = config.loss_terms(outputs, inputs, truth)
        loss = tf.add_n([tf.math.divide_no_nan(*term) for term in terms.values()])
    return _numbers(terms), {k: np.array(x) for k, x in tape.gradient(loss, outputs).items()}


def test_equals_the_published_loss():
    recorded = RECORDED["loss"]
    config = replace(_tiny(mining="batch", sigma=4.0), size=128, keypoints=tuple("abcde"))
    points = 64 + 60 * uniform((3, 5, 2), 1)
    truth = {"keypoints": points.astype("f4"), "visibility": np.array(recorded["visibility"])}
    streams = {"global": 3, "refine": 4}
    outputs = {name: 20 + 60 * uniform((3, 32, 32, 5), k) for name, k in streams.items()}
    inputs = {"keypoint_mask": np.ones((3, 5), "float32")}
    terms, gradients = _loss_and_gradients(config, outputs, inputs, truth)
    for name, gradient in gradients.items():
        loss, pictures = terms[name]
        assert pictures == 3
        assert_allclose(loss / pictures, recorded[name]["loss"], rtol=1e-5)
        places = (np.arange(48) * 12347 + 101) % gradient.size
        assert_allclose(gradient.ravel()[places], recorded[name]["gradient"], rtol=1e-5)
        assert_allclose(np.abs(gradient).sum(), recorded[name]["gradient_sum"], rtol=1e-5)


@pytest.mark.parametrize("mining", ["sample", "batch"])
@pytest.mark.parametrize("pictures", [0, 2])
def test_nothing_visible_costs_nothing(mining, pictures):
    outputs = {name: 50 * uniform((pictures, 16, 16, 4), 1) for name in ("global", "refine")}
    inputs = {"keypoint_mask": np.ones((pictures, 4), "float32")}
    truth = _truth(np.zeros((pictures, 4)))
    terms, gradients = _loss_and_gradients(_tiny(mining=mining), outputs, inputs, truth)
    weight = pictures if mining == "batch" else 0
    assert terms == {"global": (0, weight), "refine": (0, weight)}
    for gradient in gradients.values():
        assert_array_equal(gradient, 0 * outputs["global"])


def _missed_by(config: GarmentCPN, truth: dict, near, far) -> dict:
    """Maps that miss their targets by `near` on the Gaussians and `far` off them, both (B, K)."""
    target = 100 * np.array(heatmaps.encode(truth["keypoints"], (16, 16), 4, config.sigma))
    target *= (truth["visibility"] > 0)[:, None, None]
    maps = target + np.where(target > 10, near[:, None, None], far[:, None, None])
    return {"global": maps, "refine": maps}


def test_mined_by_sample_by_hand():
    truth = _truth([[2, 1, 0, 2], [2, 0, 0, 0]])
    inputs = {"keypoint_mask": np.ones((2, 4), "float32")}
    near, far = np.array([[2, 2, 9, 4], [10, 9, 9, 9]]), np.array([[6, 0, 9, 0], [2, 9, 9, 9]])
    maps = _missed_by(_tiny(), truth, near, far)
    # Half of near and far: 4, 1, absent, 2 of the first picture, and 6 of the second.
    terms = _numbers(_tiny().loss_terms(maps, inputs, truth))
    assert_allclose(terms["global"], (13, 4), rtol=1e-4)
    # The hardest two of four: 4 and 2, and of the second picture the only one there is.
    assert_allclose(terms["refine"], (12, 3), rtol=1e-4)
    terms = _numbers(_tiny(occluded_weight=0.5).loss_terms(maps, inputs, truth))
    assert_allclose(terms["global"], (12.5, 3.5), rtol=1e-4)
    terms = _numbers(_tiny(hard_keypoints=1).loss_terms(maps, inputs, truth))
    assert_allclose(terms["refine"], (10, 2), rtol=1e-4)
    # A category of one keypoint: one is mined, not half of one.
    inputs["keypoint_mask"][0] = [1, 0, 0, 0]
    terms = _numbers(_tiny().loss_terms(maps, inputs, truth))
    assert_allclose([terms["global"], terms["refine"]], [(10, 2), (10, 2)], rtol=1e-4)


def test_mined_by_batch_by_hand():
    truth = _truth([[2, 1, 0, 2], [2, 0, 0, 0]])
    truth["keypoints"][:] = 34  # a cell's centre: all Gaussians are of the same cells
    inputs = {"keypoint_mask": np.ones((2, 4), "float32")}
    config = _tiny(mining="batch")
    near, far = np.array([[2, 2, 9, 4], [10, 9, 9, 9]]), np.array([[6, 0, 9, 0], [2, 9, 9, 9]])
    maps = _missed_by(config, truth, near, far)
    # The keypoints' own, over both pictures: (6 + 4) / 2, 1, none, 2. Their mean is 8 / 4, that of
    # the hardest two 7 / 2; both count twice, for two pictures.
    terms = _numbers(config.loss_terms(maps, inputs, truth))
    assert_allclose([terms["global"], terms["refine"]], [(4, 2), (7, 2)], rtol=1e-4)
    terms = _numbers(replace(config, hard_keypoints=1).loss_terms(maps, inputs, truth))
    assert_allclose(terms["refine"], (10, 2), rtol=1e-4)


def test_maps_below_zero_are_zero():
    truth, inputs = _truth([[2, 2, 2, 2]]), {"keypoint_mask": np.ones((1, 4), "float32")}
    maps = {name: np.zeros((1, 16, 16, 4)) for name in ("global", "refine")}
    below = {name: x - 7 for name, x in maps.items()}
    expected, _ = _loss_and_gradients(_tiny(), maps, inputs, truth)
    terms, gradients = _loss_and_gradients(_tiny(), below, inputs, truth)
    assert terms == expected and terms["global"][0] > 0
    assert not any(np.any(gradient) for gradient in gradients.values())


@pytest.mark.parametrize("mining", ["sample", "batch"])
def test_what_is_outside_the_category_or_absent_changes_nothing(mining):
    config, truth = _tiny(mining=mining), _truth([[2, 2, 1, 2], [1, 2, 2, 0]])
    truth["keypoints"][:] = 32  # between cells
    inputs = {"keypoint_mask": np.array([[1, 1, 0, 1], [1, 1, 0, 1]], "float32")}
    maps = {name: 60 * uniform((2, 16, 16, 4), 2) for name in ("global", "refine")}
    expected, _ = _loss_and_gradients(config, maps, inputs, truth)
    # Amid a cell, where the Gaussian's largest value, which parts a batch's cells, is higher.
    truth["keypoints"][:, 2] = truth["keypoints"][1, 3] = 34
    maps = {name: x * [1, 1, 5, 1] for name, x in maps.items()}
    terms, gradients = _loss_and_gradients(config, maps, inputs, truth)
    assert terms == expected and expected["refine"][0] > 0
    for gradient in gradients.values():
        assert not np.any(gradient[..., 2]) and np.any(gradient)


def test_half_batches_add_up():
    truth, inputs = _truth([[2, 1, 0, 2], [2, 0, 0, 0], [1, 2, 2, 2]]), _inputs(3)
    maps = {name: 60 * uniform((3, 16, 16, 4), 2) for name in ("global", "refine")}

    def part(rows: slice) -> dict:
        batch = keras.tree.map_structure(lambda x: np.float32(x[rows]), (maps, inputs, truth))
        return _numbers(_tiny().loss_terms(*batch))

    for name, whole in part(slice(0, 3)).items():
        halves = np.add(part(slice(0, 1))[name], part(slice(1, 3))[name])
        assert_allclose(halves, whole, rtol=1e-5)


# === Decoding ===


def test_decode_reads_what_was_learnt():
    config, truth = _tiny(), _truth([[2, 2, 2, 2]])
    maps = 100 * np.array(heatmaps.encode(truth["keypoints"], (16, 16), 4, 2.0))
    mask = np.array([[1, 1, 1, 0]], "float32")
    prediction = config.decode({"global": -maps, "refine": maps}, {"keypoint_mask": mask})
    assert_allclose(prediction["keypoints"], truth["keypoints"], atol=0.01)
    # At most half a cell from a centre on each axis: exp(-(0.25 + 0.25) / 8) of the peak is left.
    assert_allclose(prediction["confidence"], mask, atol=0.07)
    assert np.max(prediction["confidence"]) <= 1 and config.stride == 4
    assert np.min(config.heatmaps({"refine": maps - 50})) == 0


# === Everywhere the same ===


def test_compiled():
    import tensorflow as tf

    network, inputs, truth = _network("senet"), _inputs(2), _truth([[2, 1, 0, 2], [2, 0, 0, 0]])

    def call(inputs, truth):
        outputs = network(inputs, training=False)
        systems = (_tiny(mining="sample"), _tiny(mining="batch"))
        terms = [config.loss_terms(outputs, inputs, truth) for config in systems]
        return outputs, terms, systems[0].heatmaps(outputs)

    results = tf.nest.flatten(tf.function(call, jit_compile=True)(inputs, truth))
    for result, value in zip(results, tf.nest.flatten(call(inputs, truth)), strict=True):
        assert_allclose(result, value, rtol=1e-4, atol=1e-4 * np.abs(value).max())


def test_every_variable_learns():
    """Grouped and transposed convolutions too."""
    import tensorflow as tf

    config, inputs, truth = _tiny("senet"), _inputs(2), _truth([[2, 1, 2, 2], [2, 2, 2, 1]])
    network = _network("senet")

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            terms = config.loss_terms(network(inputs, training=True), inputs, truth)
            loss = tf.add_n([total / weight for total, weight in terms.values()])
        return tape.gradient(loss, [v.value for v in network.trainable_variables])

    for variable, gradient in zip(network.trainable_variables, gradients(), strict=True):
        assert np.isfinite(gradient).all() and np.any(gradient), variable.path
