"""Systems small enough to check by hand, and what their training needs."""

import keras
import numpy as np
from keras import ops

from aifashion import training
from aifashion.ops.norm import BatchNorm
from aifashion.training import Trainer, Training

SGD = Training(epochs=2, batch_size=2, optimizer="sgd", learning_rate=0.1)


def squared_error(outputs, inputs, targets) -> dict:
    """The mean over the batch, or over what the batch gives as its rows' weights."""
    error = ops.square(ops.cast(outputs["y"], "float32") - targets["y"])
    return {"fit": (ops.sum(error), ops.cast(ops.size(error), "float32"))}


class Line:
    """y = w x, w = 0 at first."""

    loss_terms = staticmethod(squared_error)

    def build(self) -> keras.Model:
        x = keras.Input((1,), name="x")
        y = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="line")(x)
        return keras.Model({"x": x}, {"y": y})


class Chain:
    """y = b h x, b = 1 and h = 2 at first: the weights backbone/kernel and head/kernel."""

    loss_terms = staticmethod(squared_error)

    def build(self) -> keras.Model:
        y = x = keras.Input((1,), name="x")
        for name, weight in (("backbone", 1.0), ("head", 2.0)):
            start = keras.initializers.Constant(weight)
            y = keras.layers.Dense(1, use_bias=False, kernel_initializer=start, name=name)(y)
        return keras.Model({"x": x}, {"y": y})


class Normed:
    """y = w n(x), w = 1 at first and n a BatchNorm: x, y (B, 1, 1, 1)."""

    loss_terms = staticmethod(squared_error)

    def build(self) -> keras.Model:
        x = keras.Input((1, 1, 1), name="x")
        n = BatchNorm("norm", momentum=0.5)(x)
        y = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="line")(n)
        return keras.Model({"x": x}, {"y": y})


def make(settings: Training = SGD, system=None, steps_per_epoch: int = 4) -> Trainer:
    """A trainer of a fresh network."""
    keras.utils.set_random_seed(0)
    system = system or Line()
    network = training.build(system, settings, training.devices(most=1))
    return Trainer(system, network, settings, steps_per_epoch)


def batch(x: list, y: list) -> tuple[dict, dict]:
    """Rows of one number each."""
    return {"x": np.float32(x)[:, None]}, {"y": np.float32(y)[:, None]}


def pictures(x: list, y: list) -> tuple[dict, dict]:
    """The same as pictures of one pixel, which `Normed` takes."""
    return tuple(
        {name: array[:, None, None] for name, array in part.items()} for part in batch(x, y)
    )


def weight(trainer: Trainer, layer: str = "line") -> float:
    """The one number of a layer's kernel."""
    return float(trainer.network.get_layer(layer).kernel[0, 0])


def assert_same(groups: dict, others: dict) -> None:
    """Two `Trainer.arrays()` are equal to the bit."""
    assert {g: list(named) for g, named in groups.items()} == {
        g: list(named) for g, named in others.items()
    }
    for group, named in groups.items():
        for name, array in named.items():
            np.testing.assert_array_equal(others[group][name], array, err_msg=f"{group} {name}")
