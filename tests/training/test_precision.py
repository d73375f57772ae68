"""Networks that compute in half precision: what stays float32, and how near the results are."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from small_systems import SGD, Chain, batch, make, weight

from aifashion import training
from aifashion.backbones.resnet import ResNet
from aifashion.keypoints.cpn import CPN
from aifashion.training import precision

LEVELS = ("P2", "P3", "P4", "P5", "refine")


def test_precision_ends_with_its_block():
    before = keras.config.dtype_policy()
    with pytest.raises(ZeroDivisionError), precision("bfloat16"):
        assert keras.config.dtype_policy().compute_dtype == "bfloat16"
        raise ZeroDivisionError
    assert keras.config.dtype_policy() == before


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_weights_slots_and_losses_stay_float32(name):
    settings = replace(SGD, optimizer="adam", ema=0.9, precision=name)
    trainer, exact = make(settings, Chain()), make(replace(settings, precision="float32"), Chain())
    trainer.loss_scale.scale = 1.0 if name == "bfloat16" else 8.0
    assert trainer.network.get_layer("head").compute_dtype == name
    losses = [
        [each.step(batch([1, 2], [3, 1]), number).losses["fit"] for number in range(3)]
        for each in (trainer, exact)
    ]
    for group, named in trainer.arrays().items():
        for path, array in named.items():
            assert array.dtype == exact.arrays()[group][path].dtype, path
            assert array.dtype == ("int64" if path.endswith("iteration") else "float32"), path
    assert_allclose(*losses, rtol=0.02)
    assert losses[0] != losses[1]  # it is half precision
    assert_allclose(weight(trainer, "head"), weight(exact, "head"), rtol=0.02)


def test_heads_of_a_keypoint_network_are_float32():
    system = CPN(size=32, backbone=ResNet(blocks=(1, 1, 1, 1), width=8), width=8)
    draw = np.random.default_rng(0)
    count = len(system.keypoints)
    inputs = {
        "image": draw.integers(0, 256, (2, 32, 32, 3), np.uint8),
        "keypoint_mask": np.ones((2, count), np.float32),
    }
    points = draw.uniform(0, 32, (2, count, 2)).astype(np.float32)
    targets = {"keypoints": points, "visibility": np.full((2, count), 2, np.int32)}
    networks = [
        training.build(system, replace(SGD, precision=name), training.devices(most=1))
        for name in ("float32", "bfloat16")
    ]
    networks[1].set_weights(networks[0].get_weights())
    assert {v.dtype for v in networks[1].variables} == {"float32"}
    exact, rough = (network(inputs, training=False) for network in networks)
    terms = system.loss_terms(rough, inputs, targets)
    assert set(terms) == set(LEVELS)
    for name in ("global_P2", "global_P5", "refine"):
        layers = [networks[1].get_layer(f"{name}_{part}") for part in ("project", "maps")]
        assert [layer.compute_dtype for layer in layers] == ["bfloat16", "float32"]
    for level in LEVELS:
        assert rough[level].dtype == "float32"
        assert [number.dtype for number in terms[level]] == ["float32", "float32"]
        largest = np.abs(exact[level]).max()
        assert 0 < np.abs(rough[level] - exact[level]).max() < 0.05 * largest, level
