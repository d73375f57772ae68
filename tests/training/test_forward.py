"""Prediction: a network's outputs of batches, in their order."""

from types import GeneratorType

import numpy as np
import pytest
from numpy.testing import assert_allclose
from small_systems import Chain, Normed, pictures

from aifashion.training import Forward


def test_no_batches():
    assert list(Forward(Chain().build())([])) == []


@pytest.mark.parametrize("jit_compile", [False, True])
def test_outputs_are_the_networks_in_order(jit_compile):
    network = Normed().build()
    network.get_layer("norm").moving_mean.assign([1.0])
    batches = [pictures(x, x)[0] for x in ([2, 3], [5], [2, 3, 7])]
    forward = Forward(network, jit_compile=jit_compile)
    outputs = forward(batches)
    assert isinstance(outputs, GeneratorType)
    outputs = [each["y"] for each in outputs]
    # y = x - 1 by the moving mean 1 and variance 1, not by the batch's own.
    expected = [[1, 2], [4], [1, 2, 6]]
    for output, numbers, inputs in zip(outputs, expected, batches, strict=True):
        assert isinstance(output, np.ndarray)
        assert_allclose(output[:, 0, 0, 0], numbers, rtol=1e-4)
        assert_allclose(output, network(inputs, training=False)["y"], rtol=1e-6)
    assert_allclose(network.get_layer("norm").moving_mean, [1.0])
    assert is_compiled_by_xla(forward, batches[0]) == jit_compile


def is_compiled_by_xla(forward: Forward, inputs: dict) -> bool:
    try:
        return "HloModule" in forward._compiled.experimental_get_compiler_ir(inputs)(stage="hlo")
    except ValueError:
        return False
