"""Several runs in one process with one compiled trainer: compiling takes most of a small run."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import pytest

from aifashion import checkpoints, training
from aifashion.api import fit


@contextmanager
def one_trainer() -> Iterator[None]:
    """Every run gets the first one's network and trainer, set back to how they began.

    The runs must be of one recipe; what is learnt meanwhile is forgotten each time.
    """
    made, forwards = [], {}
    build, restore, forward = fit._trainer, training.Trainer.restore, training.Forward
    seed = keras.utils.set_random_seed

    def trainer(run, steps_per_epoch, cluster):
        if not made:
            made.append(build(run, steps_per_epoch, cluster))
            made.append(made[0].arrays())
        found, first = made
        restore(found, first)
        found.loss_scale = training.LossScale()
        if not checkpoints.steps(run.checkpoints):
            fit.start_weights(found.network, run.recipe)
            began = training.weights_of(found.network)
            restore(found, {**first, "weights": began, "ema": began})
        return found

    def compiled(network, cluster, jit_compile):
        if id(network) not in forwards:
            forwards[id(network)] = forward(network, cluster, jit_compile)
        return forwards[id(network)]

    def seed_once(number):  # TensorFlow forgets what it has compiled when it is seeded
        if not made:
            seed(number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.utils, "set_random_seed", seed_once)
        patch.setattr(fit, "_trainer", trainer)
        patch.setattr(training, "Forward", compiled)
        yield
