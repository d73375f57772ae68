import json
import zlib
from pathlib import Path

import keras
import numpy as np
import pytest
from formula import picture, weights
from numpy.testing import assert_allclose

from aifashion.backbones.names_resnet import OIHW_TO_HWIO
from aifashion.backbones.names_senet import senet_names
from aifashion.backbones.pixels import normalise
from aifashion.backbones.senet import SENet

RECORDED = json.loads((Path(__file__).parent / "recorded_senet.json").read_text())
BOUND = 1e-4  # of the standard deviation of the original's output


def _run(model: keras.Model, image: np.ndarray) -> dict[str, np.ndarray]:
    return {level: np.array(x) for level, x in model(image, training=False).items()}


# === Fields and structure ===


@pytest.mark.parametrize(
    "fields",
    [
        {"blocks": (1, 1, 1)}, {"blocks": (1, 0, 1, 1)}, {"groups": 48}, {"groups": 0},
        {"width": 0}, {"reduction": 0}, {"reduction": 257}, {"pixels": "rgb"},
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(fields):
    with pytest.raises(ValueError, match=f"SENet.{next(iter(fields))} is"):
        SENet(**fields)


@pytest.fixture(name="tiny", scope="module")
def _tiny() -> keras.Model:
    return SENet(blocks=(1, 1, 1, 1), groups=4, reduction=4, width=8).build(64, 96)


def test_strides_and_channels(tiny):
    features = _run(tiny, np.zeros((1, 64, 96, 3), "uint8"))
    shapes = {level: x.shape[1:] for level, x in features.items()}
    assert shapes == {"C2": (16, 24, 32), "C3": (8, 12, 64), "C4": (4, 6, 128), "C5": (2, 3, 256)}


def test_a_channel_is_weighed_by_its_picture_alone(tiny):
    first, second = picture(96, 1)[:, :64], picture(96, 2)[:, :64]
    together = _run(tiny, np.concatenate([first, second]))["C5"]
    assert_allclose(together[:1], _run(tiny, first)["C5"], atol=1e-4 * together.std())
    assert np.abs(together[0] - together[1]).max() > 0.1 * together.std()


def test_names():
    names = senet_names(SENet().blocks)
    assert names["stem_norm3/moving_variance"] == "layer0.bn3.running_var"
    assert names["stage4_block36_conv2/kernel"] == "layer3.35.conv2.weight"
    assert names["stage3_block8_excite/bias"] == "layer2.7.se_module.fc2.bias"
    assert names["stage5_block1_norm_shortcut/gamma"] == "layer4.0.downsample.1.weight"
    assert len(set(names.values())) == len(names)


def test_pixels_of_the_published_garment_networks():
    red = np.array([[[[255, 0, 51]]]], np.uint8)
    # (1 - 0.65) / 0.25, -0.65 / 0.25, (0.2 - 0.65) / 0.25.
    assert_allclose(np.ravel(normalise(red, "fashionai")), [1.4, -2.6, -1.8], rtol=1e-6)


@pytest.mark.slow
def test_the_published_number_of_parameters():
    model = SENet().build(None, None)
    # Of the published network less those of its classifier, 2048 x 1000 + 1000.
    count = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert count == 115_088_984 - 2_049_000
    assert {variable.path for variable in model.variables} == set(senet_names(SENet().blocks))


# === Parity with the published PyTorch code ===


@pytest.fixture(name="network", scope="module")
def _network() -> keras.Model:
    """The reduced network with the recorded one's weights, for pictures of 66 x 98."""
    config = SENet(blocks=(1, 1, 1, 1))
    model, names = config.build(66, 98), senet_names(config.blocks)
    variables = {variable.path: variable for variable in model.variables}
    assert set(variables) == set(names)
    assert zlib.crc32("\n".join(names.values()).encode()) == RECORDED["names_crc32"]
    shapes = {theirs: _oihw(tuple(variables[ours].shape)) for ours, theirs in names.items()}
    fans = {name: int(np.prod(s[1:])) for name, s in shapes.items() if len(s) == 4}
    arrays = weights(shapes, fans)
    for ours, theirs in names.items():
        array = arrays[theirs]
        variables[ours].assign(array.transpose(OIHW_TO_HWIO) if array.ndim == 4 else array)
    return model


def _oihw(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape


def _deviations(network: keras.Model) -> dict[str, float]:
    """The largest difference from the recorded features, in their standard deviations."""
    features = _run(network, picture(98)[:, :66])
    deviations = {}
    for level, recorded in RECORDED["features"].items():
        x = features[level]
        assert list(x.shape) == recorded["shape"]
        values = x.ravel()[(np.arange(len(recorded["values"])) * 12347 + 101) % x.size]
        distance = [*(values - recorded["values"]), x.mean() - recorded["mean"]]
        distance.append(x.std() - recorded["sd"])
        deviations[level] = float(np.abs(distance).max() / recorded["sd"])
    return deviations


def test_equals_the_published_network(network):
    assert max(_deviations(network).values()) < BOUND


def test_another_epsilon_shows(network, monkeypatch):
    for layer in network.layers:
        if "norm" in layer.name:
            monkeypatch.setattr(layer, "epsilon", 1e-3)
    assert min(_deviations(network).values()) > 10 * BOUND


def test_padding_on_one_side_shows(network, monkeypatch):
    """Keras' own "same" padding, of an even side halved."""
    for layer in network.layers:
        if layer.name.endswith("_pad") and layer.name != "stem_pool_pad":
            monkeypatch.setattr(layer, "padding", ((0, 1), (0, 1)))
    # The stem halves an even side, so that stage 2 already differs.
    assert min(_deviations(network).values()) > 10 * BOUND


def test_the_place_of_the_stride_shows(network, monkeypatch):
    """Stages halved by the first 1x1 convolution in place of the 3x3 one."""
    for stage in (3, 4, 5):
        for number, stride in ((1, 2), (2, 1)):
            layer = network.get_layer(f"stage{stage}_block1_conv{number}")
            monkeypatch.setattr(layer, "strides", (stride, stride))
    deviations = _deviations(network)
    assert deviations["C2"] < BOUND  # not halved within
    assert min(deviations[level] for level in ("C3", "C4", "C5")) > 10 * BOUND
