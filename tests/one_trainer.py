"""Several runs in one process with one compiled trainer: compiling takes most of a small run."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import pytest

from aifashion import checkpoints, training
from aifashion.api.fitting import fit, validation


@contextmanager
def one_trainer() -> Iterator[None]:
    """Every run gets the first one's network and trainer, set back to how they began.

    What is learnt meanwhile is forgotten each time. Runs of another recipe are as ever.
    """
    made, predictors = [], {}
    build, restore, predictor = fit._trainer, training.Trainer.restore, validation.Predictor
    seed = keras.utils.set_random_seed

    def trainer(run, steps_per_epoch, cluster):
        if not made:
            made.append(build(run, steps_per_epoch, cluster))
            made.append(made[0].arrays())
        found, first = made
        if (found.system, found.training) != (run.recipe.system, run.recipe.training):
            return build(run, steps_per_epoch, cluster)
        restore(found, first)
        found.loss_scale = training.LossScale()
        if not checkpoints.steps(run.checkpoints):
            fit.start_weights(found.network, run.recipe)
            began = training.weights_of(found.network)
            restore(found, {**first, "weights": began, "ema": began})
        return found

    def one_predictor(members, views, forward):
        key = id(members[0].network)
        if key not in predictors:
            predictors[key] = predictor(members, views, forward)
        return predictors[key]

    def seed_once(number):  # TensorFlow forgets what it has compiled when it is seeded
        return made or seed(number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.utils, "set_random_seed", seed_once)
        patch.setattr(fit, "_trainer", trainer)
        patch.setattr(validation, "Predictor", one_predictor)
        yield
