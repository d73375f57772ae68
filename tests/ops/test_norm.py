import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from aifashion.ops.norm import BatchNorm

ROOT = Path(__file__).parents[2]


def _built(layer: keras.Layer, channels: int) -> keras.Layer:
    layer.build((None, None, None, channels))
    layer.gamma.assign(np.linspace(0.5, 1.5, channels))
    layer.beta.assign(np.linspace(-1, 1, channels))
    layer.moving_mean.assign(np.linspace(-2, 2, channels))
    layer.moving_variance.assign(np.linspace(0.5, 4, channels))
    return layer


def _pair(channels: int, **fields) -> tuple[keras.Layer, keras.Layer]:
    """The same layer of Keras and of ours."""
    fields = {"momentum": 0.7, "epsilon": 1e-3, **fields}
    return tuple(
        _built(kind(**fields), channels) for kind in (keras.layers.BatchNormalization, BatchNorm)
    )


def _ops(layer: keras.Layer, shape: tuple[int, ...], dtype: str = "float32", **call) -> set[str]:
    """The types of the TensorFlow operations of one call."""
    function = tf.function(lambda x: layer(x, **call))
    graph = function.get_concrete_function(tf.TensorSpec(shape, dtype)).graph
    return {op.type for op in graph.get_operations()}


def test_no_pictures():
    layer = _built(BatchNorm(), 3)
    assert layer(np.zeros((0, 4, 4, 3), "float32"), training=False).shape == (0, 4, 4, 3)


def test_one_pixel_has_no_variance():
    layer = _built(BatchNorm(momentum=0.5), 2)
    result = layer(np.full((1, 1, 1, 2), 6.0, "float32"), training=True)
    # The pixel is its own mean, so beta remains; the statistics go half way to (6, 0).
    np.testing.assert_allclose(result[0, 0, 0], [-1, 1], atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean, [(-2 + 6) / 2, (2 + 6) / 2])
    np.testing.assert_allclose(layer.moving_variance, [0.5 / 2, 4 / 2])


def test_moving_statistics_by_hand():
    layer = BatchNorm(momentum=0.9, epsilon=0.0)
    result = layer(np.reshape([0.0, 4.0], (1, 1, 2, 1)).astype("float32"), training=True)
    # Mean 2, deviations -2 and 2, so variance 4 (the unbiased one, 8, would give 1.7 below).
    np.testing.assert_allclose(np.ravel(result), [-1, 1], atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean, [0.9 * 0 + 0.1 * 2], atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, [0.9 * 1 + 0.1 * 4], atol=1e-6)


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("how", ["eager", "graph", "xla"])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_equals_keras(dtype, how, trainable):
    x = np.random.default_rng(0).normal(2, 3, (4, 6, 5, 8)).astype("float32")
    weights = np.random.default_rng(1).normal(size=x.shape).astype("float32")

    def all_of(layer: keras.Layer) -> list[np.ndarray]:
        def step(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                loss = tf.reduce_sum(tf.cast(y, "float32") * weights)
            return y, *tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])

        run = step if how == "eager" else tf.function(step, jit_compile=how == "xla")
        y, *gradients = run(tf.constant(x))
        assert y.dtype == layer.compute_dtype and layer.moving_mean.dtype == "float32"
        inference = layer(x, training=False)
        results = (y, inference, *gradients, layer.moving_mean.value, layer.moving_variance.value)
        return [tf.cast(result, "float32").numpy() for result in results]

    theirs, ours = _pair(8, dtype=dtype, trainable=trainable)
    results = zip(all_of(theirs), all_of(ours), strict=True)
    for position, (expected, result) in enumerate(results):
        # Outputs of half precision may differ by the rounding of their last bit: 2^-8, 2^-11.
        rounding = {"mixed_bfloat16": 4e-3, "mixed_float16": 5e-4}.get(dtype, 0) * (position < 3)
        np.testing.assert_allclose(
            result, expected, rtol=1e-5 + rounding, atol=1e-5 * np.abs(expected).max()
        )
    moved = not np.allclose(ours.moving_mean, np.linspace(-2, 2, 8))
    assert moved == trainable


def test_frozen_stays_in_inference_when_the_model_trains():
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, BatchNorm(trainable=False)(inputs))
    x = np.random.default_rng(0).normal(5, 2, (3, 4, 4, 2)).astype("float32")
    # Moving mean 0, variance 1: the identity up to epsilon; no batch of mean 5 normalises to that.
    np.testing.assert_allclose(model(x, training=True), x, rtol=1e-4)
    np.testing.assert_array_equal(model.layers[-1].moving_mean, [0, 0])


def test_config_round_trip():
    layer = BatchNorm("norm", 0.8, 1e-4, synchronized=False, trainable=False, dtype="mixed_float16")
    config = layer.get_config()
    again = BatchNorm.from_config(config)
    assert again.get_config() == config
    assert (again.name, again.momentum, again.epsilon) == ("norm", 0.8, 1e-4)
    assert not again.synchronized and not again.trainable and again.compute_dtype == "float16"
    # Keras' own layer has the same config and the same variables in the same order.
    theirs = keras.layers.BatchNormalization.from_config(config)
    assert theirs.get_config() == config
    for each in (theirs, again):
        each.build((None, 4, 4, 3))
    assert [v.path for v in again.variables] == [v.path for v in theirs.variables]
    assert again.gamma.path == "norm/gamma"


@pytest.mark.parametrize("training", [True, False])
def test_fused_kernel_is_used(training):
    assert "FusedBatchNormV3" in _ops(_built(BatchNorm(), 3), (2, 4, 4, 3), training=training)


def test_falls_back_where_the_kernel_does_not_apply():
    layer = BatchNorm()
    layer.build((None, 3))
    assert "FusedBatchNormV3" not in _ops(layer, (8, 3), training=True)
    layer = _built(BatchNorm(dtype="float64"), 3)
    assert "FusedBatchNormV3" not in _ops(layer, (2, 4, 4, 3), "float64", training=True)


def test_masked_statistics():
    x = np.reshape([0.0, 4.0, 100.0], (1, 1, 3, 1)).astype("float32")
    layer = BatchNorm(momentum=0.9)
    layer(x, training=True, mask=np.array([[[True, True, False]]]))
    # As in the test by hand: the masked 100 does not count.
    np.testing.assert_allclose(layer.moving_mean, [0.2], atol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, [1.3], atol=1e-5)


REPLICAS = """
import keras, numpy as np, tensorflow as tf
from aifashion.ops.norm import BatchNorm
cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    shared, own = BatchNorm(momentum=0.0), BatchNorm(momentum=0.0, synchronized=False)
    for layer in (shared, own):
        layer.build((None, 1, 1, 1))
halves = [np.full((2, 1, 1, 1), value, "float32") for value in (0, 4)]
batch = strategy.experimental_distribute_values_from_function(
    lambda context: halves[context.replica_id_in_sync_group])
for layer in (shared, own):
    step = tf.function(lambda x: layer(x, training=True))
    result = strategy.experimental_local_results(strategy.run(step, args=(batch,)))
    print(*(float(y[0, 0, 0, 0]) for y in result))
print(*(float(v[0]) for v in strategy.experimental_local_results(shared.moving_variance.value)))
few, more = [1000.5], [999.25, 1000.25, 1001]
parts = [np.reshape(np.float32(part), (-1, 1, 1, 1)) for part in (few, more)]
batch = strategy.experimental_distribute_values_from_function(
    lambda context: parts[context.replica_id_in_sync_group])
strategy.run(tf.function(lambda x: shared(x, training=True)), args=(batch,))
print(*(float(v[0]) for v in (shared.moving_mean, shared.moving_variance)))
"""


def test_statistics_span_the_replicas():
    """One replica sees only 0, the other only 4; then 1000.5, and the three others near 1000.

    The mean of 1000.5, 999.25, 1000.25 and 1001 is 1000.25 and their squared distances from it add
    up to 0.0625 + 1 + 0 + 0.5625, a quarter of which is 0.40625. Squares of about a million, summed
    in float32, could not tell.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-c", REPLICAS], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = ([float(x) for x in line.split()] for line in done.stdout.splitlines())
    shared, own, variance, uneven = lines
    np.testing.assert_allclose(shared, [-1, 1], atol=1e-4)  # mean 2, variance 4 of both halves
    np.testing.assert_allclose(own, [0, 0], atol=1e-4)  # each half is its own mean
    np.testing.assert_allclose(variance, [4, 4], atol=1e-4)
    np.testing.assert_allclose(uneven, [1000.25, 0.40625], rtol=1e-5)
