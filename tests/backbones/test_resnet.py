"""Run as a script, this file writes the features of a small network: the second backend's half."""

import importlib.util
import os
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from aifashion.backbones import resnet
from aifashion.backbones.names_resnet import (
    OIHW_TO_HWIO,
    keras_applications_names,
    torchvision_names,
)
from aifashion.backbones.pixels import normalise
from aifashion.backbones.resnet import ResNet, load_imagenet, load_weight_file
from aifashion.errors import Exit, Failure

ROOT = Path(__file__).parents[2]
SMALL = ResNet(blocks=(1, 1, 1, 1), width=16, stride_in="3x3", epsilon=1e-5, pixels="torch")


def _image(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)


def _drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A variable's values as a function of its torch name and torch shape alone."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if len(shape) == 4:
        return rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
    ranges = {"weight": (0.5, 1.5), "running_var": (0.5, 1.5)}
    return rng.uniform(*ranges.get(name.rsplit(".", 1)[-1], (-0.2, 0.2)), shape)


def _drawn_network(config: ResNet, size: int) -> keras.Model:
    model = config.build(size, size)
    names = torchvision_names(config.stage_blocks)
    for variable in model.variables:
        shape = tuple(variable.shape)
        if len(shape) == 4:
            oihw = (shape[3], shape[2], *shape[:2])
            variable.assign(_drawn(names[variable.path], oihw).transpose(OIHW_TO_HWIO))
        else:
            variable.assign(_drawn(names[variable.path], shape))
    return model


def _features(model: keras.Model, image: np.ndarray) -> dict[str, np.ndarray]:
    return {level: np.array(x) for level, x in model(image, training=False).items()}


# === Structure ===


@pytest.mark.parametrize(
    "fields",
    [{"depth": 34}, {"stride_in": "2x2"}, {"pixels": "rgb"}, {"blocks": (1, 1, 1)}],
)
def test_a_wrong_field_is_named(fields):
    with pytest.raises(ValueError, match=f"ResNet.{next(iter(fields))} is"):
        ResNet(**fields)


# The published counts of torchvision's networks less those of the classifier, 2048 x 1000 + 1000.
@pytest.mark.parametrize(
    "depth, count",
    [(50, 25_557_032 - 2_049_000), (101, 44_549_160 - 2_049_000), (152, 60_192_808 - 2_049_000)],
)
def test_parameters_and_names(depth, count):
    config = ResNet(depth=depth)
    model = config.build(None, None)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == count
    paths = {variable.path for variable in model.variables}
    assert (
        paths
        == set(torchvision_names(config.stage_blocks))
        == set(keras_applications_names(config.stage_blocks))
    )
    assert len(set(torchvision_names(config.stage_blocks).values())) == len(paths)


def test_names():
    config = ResNet(depth=101)
    torch, theirs = (
        torchvision_names(config.stage_blocks),
        keras_applications_names(config.stage_blocks),
    )
    assert torch["stem_norm/moving_variance"] == "bn1.running_var"
    # The fourth block of stage 3, which the published Keras port of 2018 lost.
    assert torch["stage3_block4_conv3/kernel"] == "layer2.3.conv3.weight"
    assert torch["stage5_block1_norm_shortcut/gamma"] == "layer4.0.downsample.1.weight"
    assert theirs["stem_conv/kernel"] == "conv1_conv/kernel"
    assert theirs["stage4_block1_norm_shortcut/beta"] == "conv4_block1_0_bn/beta"
    assert theirs["stage4_block23_conv2/kernel"] == "conv4_block23_2_conv/kernel"


def test_strides_and_channels():
    model = ResNet(blocks=(1, 1, 1, 1), width=4).build(64, 96)
    shapes = {level: x.shape[1:] for level, x in _features(model, np.zeros((1, 64, 96, 3))).items()}
    assert shapes == {"C2": (16, 24, 16), "C3": (8, 12, 32), "C4": (4, 6, 64), "C5": (2, 3, 128)}


def test_pixels_by_hand():
    red = np.array([[[[255, 0, 0]]]], np.uint8)
    # Blue first, and the red channel, now last, less 123.68.
    np.testing.assert_allclose(
        np.ravel(normalise(red, "caffe")), [-103.939, -116.779, 131.32], rtol=1e-6
    )
    # (1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225.
    np.testing.assert_allclose(
        np.ravel(normalise(red, "torch")), [2.248908, -2.035714, -1.804444], rtol=1e-6
    )
    with pytest.raises(ValueError, match="caffe, torch"):
        normalise(red, "Caffe")


# === Parity ===

# Outputs of torchvision 0.29.2 (commit f1228151), models/resnet.py run unmodified:
# ResNet(Bottleneck, [3, 4, 6, 3]).eval() with `_drawn` weights, on `_image(64)` / 255 less the
# mean (0.485, 0.456, 0.406) over the std (0.229, 0.224, 0.225), in float32 by torch 2.13.0.
# Of each layer's output, channels last: mean, std, and the values at (12347 i + 101) mod size.
TORCHVISION = {
    "C2": (
        (11.87105, 14.6697),
        (10.67086, 11.51792, 0.0, 0.0, 0.0, 48.5526, 21.85439, 0.0),
    ),
    "C3": (
        (86.52903, 114.3558),
        (124.4798, 0.0, 3.378553, 44.13941, 301.311, 186.7195, 0.0, 65.43106),
    ),
    "C4": (
        (1798.316, 2152.987),
        (0.0, 385.7589, 1404.388, 3088.613, 0.0, 0.0, 1745.331, 0.0),
    ),
    "C5": (
        (5748.879, 6943.683),
        (0.0, 14137.03, 0.0, 0.0, 7460.677, 3681.68, 0.0, 0.0),
    ),
}


def test_equals_torchvision():
    config = ResNet(stride_in="3x3", epsilon=1e-5, pixels="torch")
    features = _features(_drawn_network(config, 64), _image(64))
    for level, ((mean, std), values) in TORCHVISION.items():
        x = features[level]
        positions = (np.arange(8) * 12347 + 101) % x.size
        np.testing.assert_allclose(x.ravel()[positions], values, rtol=0, atol=1e-4 * std)
        np.testing.assert_allclose((x.mean(), x.std()), (mean, std), rtol=1e-5)


def _applications_resnet50() -> keras.Model:
    """keras.applications' network, random in every variable, and outputs named as ours."""
    model = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(64, 64, 3))
    rng = np.random.default_rng(1)
    ranges = {"gamma": (0.3, 0.7), "moving_variance": (0.5, 1.5)}
    for variable in model.variables:
        if variable.name != "kernel":
            low, high = ranges.get(variable.name, (-0.2, 0.2))
            variable.assign(rng.uniform(low, high, variable.shape))
    last = {"C2": "conv2_block3", "C3": "conv3_block4", "C4": "conv4_block6", "C5": "conv5_block3"}
    outputs = {level: model.get_layer(f"{name}_out").output for level, name in last.items()}
    return keras.Model(model.input, outputs)


def _write_published_layout(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """HDF5 as tf.keras wrote it: group `layer`, dataset `layer/variable:0`, names as attributes."""
    layers: dict[str, list[str]] = {}
    for name in arrays:
        layers.setdefault(name.split("/")[0], []).append(name)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer, names in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{name}:0".encode() for name in names]
            for name in names:
                group[f"{name}:0"] = arrays[name]


def test_imagenet_file_of_keras_applications(tmp_path):
    theirs = _applications_resnet50()
    path = tmp_path / "weights.h5"
    _write_published_layout(path, {v.path: keras.ops.convert_to_numpy(v) for v in theirs.variables})
    model = ResNet(depth=50).build(64, 64)
    load_weight_file(model, ResNet(depth=50), path)

    image = _image(64)
    pixels = keras.applications.resnet.preprocess_input(image.astype("float32"))
    expected = _features(theirs, pixels)
    for level, x in _features(model, image).items():
        np.testing.assert_allclose(x, expected[level], rtol=0, atol=1e-4 * expected[level].std())


def test_second_backend(tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path / "features.npz")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(tmp_path / "features.npz") as other:
        for level, x in _features(_drawn_network(SMALL, 32), _image(32)).items():
            np.testing.assert_allclose(other[level], x, rtol=0, atol=1e-4 * x.std())


def _write_features(path: str) -> None:
    # Compiled as a whole: JAX would compile every operation of an eager call by itself.
    np.savez(path, **_drawn_network(SMALL, 32).predict(_image(32), verbose=0))
    assert keras.backend.backend() == "jax" and "tensorflow" not in sys.modules


# === Weight files that do not fit ===


def _fitting(config: ResNet, model: keras.Model) -> dict[str, np.ndarray]:
    names = keras_applications_names(config.stage_blocks)
    return {names[v.path]: np.full(v.shape, 7, "float32") for v in model.variables}


@pytest.mark.parametrize(
    "change, fault",
    [
        ({}, "no conv1_bn/beta"),
        (
            {"conv1_conv/kernel": np.zeros((7, 7, 3, 8))},
            r"conv1_conv/kernel is \(7, 7, 3, 8\), not \(7, 7, 3, 16\)",
        ),
        ({"predictions/kernel": np.zeros((2048, 1000))}, "unknown predictions/kernel"),
        ({"conv1_conv/bias": np.zeros(8)}, "unknown conv1_conv/bias"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(tmp_path, change, fault):
    model = SMALL.build(32, 32)
    arrays = _fitting(SMALL, model) | change
    if not change:
        del arrays["conv1_bn/beta"]
    _write_published_layout(tmp_path / "weights.h5", arrays)
    with pytest.raises(Failure, match=fault) as failure:
        load_weight_file(model, SMALL, tmp_path / "weights.h5")
    assert failure.value.exit_code == Exit.BAD_MODEL
    assert not any(np.all(keras.ops.convert_to_numpy(v) == 7) for v in model.variables)


def test_no_hdf5_file(tmp_path):
    (tmp_path / "weights.h5").write_bytes(b"<html>404</html>")
    with pytest.raises(Failure, match=r"weights\.h5: no readable HDF5 file") as failure:
        load_weight_file(SMALL.build(32, 32), SMALL, tmp_path / "weights.h5")
    assert failure.value.exit_code == Exit.BAD_MODEL


@pytest.fixture(name="offline")
def _offline(monkeypatch):
    def get_file(*_, **__):
        raise Exception("URL fetch failure on https://…: None -- no route\nto host")

    monkeypatch.setattr(resnet.keras.utils, "get_file", get_file)


NAME = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("content", [None, b"half a file"])
def test_imagenet_weights_that_cannot_be_had(tmp_path, content):
    if content is not None:
        (tmp_path / NAME).write_bytes(content)
    with pytest.raises(Failure) as failure:
        load_imagenet(None, ResNet(depth=50), tmp_path)
    assert failure.value.exit_code == Exit.ENVIRONMENT
    message = str(failure.value)
    assert "\n" not in message
    assert ("no route to host" if content is None else "delete it") in message
    for word in (
        str(tmp_path),
        f"keras-applications/resnet/{NAME}",
        "4d473c1dd8",
        "--weights none",
    ):
        assert word in message
    assert content is None or (tmp_path / NAME).read_bytes() == content


def test_imagenet_weights_of_another_arrangement():
    for config in (ResNet(stride_in="3x3"), ResNet(pixels="torch"), ResNet(blocks=(1, 1, 1, 1))):
        with pytest.raises(Failure, match="they need") as failure:
            load_imagenet(None, config)
        assert failure.value.exit_code == Exit.USAGE


def test_the_published_hashes_are_those_keras_checks():
    from keras.src.applications.resnet import BASE_WEIGHTS_PATH, WEIGHTS_HASHES

    assert resnet._URL == BASE_WEIGHTS_PATH
    for depth, (name, md5) in resnet._FILES.items():
        assert name.startswith(f"resnet{depth}_") and md5 == WEIGHTS_HASHES[f"resnet{depth}"][1]


if __name__ == "__main__":
    _write_features(sys.argv[1])
