"""Speed of training steps and of prediction, beside stock Keras on the same network."""

import gc
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from aifashion import training
from aifashion.bench.rounds import Figure, compare
from aifashion.keypoints.predict import FLIP, PLAIN, Member, Predictor
from aifashion.recipes import Recipe, input_size
from pipelines import keypoints as pipeline

STEPS = 8  # a measurement
OFTEN = 128 * 128 * 16  # pixels of a batch; a step of more is measured
FEW = 2  # times, on as many pictures, whatever its recipe's batch


def step_figures(recipe: Recipe, source: pipeline.Source, rounds: int) -> list[Figure]:
    """Pictures a second of our loop and of Keras' `fit`, the same batches lying ready for both."""
    size = recipe.training.batch_size
    order = pipeline.Order(len(source.records), size, seed=0)
    inputs, targets = next(iter(pipeline.training(source, order, recipe.augmentation, range(1))))
    trainer = training.Trainer(recipe.system, recipe.system.build(), recipe.training, 1000)
    stock = keras_network(recipe)
    own, packed = training.inputs_of(stock, inputs), keras_targets(stock, inputs, targets)
    ours, theirs = _again((inputs, targets)), _again((own, packed))
    measures = {
        "ours": lambda: _speed(lambda: watched_steps(trainer, ours), size, 1),
        "Keras fit": lambda: _speed(lambda: stock.fit(theirs, verbose=0), size, 1),
        "Keras train_on_batch": lambda: _speed(lambda: stock.train_on_batch(own, packed), size),
    }
    topic = f"training step of {input_size(recipe.system)} px, batches of {size}, data lying ready"
    return compare(topic, "pictures/s", measures, rounds, {"Keras fit": 1.0})


def _again(batch: tuple) -> tf.data.Dataset:
    """The same batch STEPS times.

    Without tuning, of which there is nothing: the end of an iterator waits for the tuner, which may
    sleep for seconds, and Keras makes an iterator every time.
    """
    return pipeline.without_autotuning(tf.data.Dataset.from_tensors(batch).repeat(STEPS))


@dataclass(frozen=True)
class Steps:
    """What some steps of the training loop took."""

    milliseconds: tuple[float, ...]  # each, its waiting included
    waiting_share: float  # for data, %


def watched_steps(trainer: training.Trainer, batches: Iterable, warm_up: int = 0) -> Steps:
    """Trains on the batches by the loop that trains runs; the first few steps do not count."""
    timings = []
    watch = training.Watch(
        on_step=lambda progress, outcome, timing: timings.append(timing),
        on_skip=lambda progress, outcome, batch: None,
        stop_asked=lambda: False,
        save=lambda progress: None,
    )
    for _ in training.epochs(trainer, batches, training.Progress(), watch):
        pass
    del timings[:warm_up]
    whole, waiting = sum(t.whole for t in timings), sum(t.waiting for t in timings)
    return Steps(tuple(1000 * t.whole for t in timings), 100 * waiting / whole)


def fed_figures(name: str, recipe: Recipe, source: pipeline.Source, rounds: int) -> list[Figure]:
    """A recipe's step time, pictures a second and share of waiting, fed from the pipeline.

    A recipe whose batches two cores compute in seconds is measured as it stands; of a larger one a
    few steps on a few pictures, and the figures' topic says so.
    """
    gc.collect()  # a network is a web of objects: else this one comes on top of the last
    settings = recipe.training
    is_large = math.prod(source.frame) * settings.batch_size > OFTEN
    size, steps = (FEW, FEW) if is_large else (settings.batch_size, STEPS)
    order = pipeline.Order(len(source.records), size, seed=0)
    settings = replace(settings, batch_size=size, accumulation=1)
    trainer = training.Trainer(recipe.system, recipe.system.build(), settings, 1000)

    batches = pipeline.training(source, order, recipe.augmentation, range(1 + steps))
    found = [watched_steps(trainer, batches, 1) for _ in range(1 if is_large else rounds)]
    milliseconds = tuple(sum(f.milliseconds) / len(f.milliseconds) for f in found)
    topic = f"training {name} from the pipeline, {input_size(recipe.system)} px, batches of {size}"
    if is_large:
        topic += f" (its own: {recipe.training.batch_size}), {steps} steps after 1 to warm up"
    return [
        Figure(topic, "step", "ms", milliseconds),
        Figure(topic, "speed", "pictures/s", tuple(1000 * size / each for each in milliseconds)),
        Figure(topic, "waiting for data", "%", tuple(f.waiting_share for f in found)),
    ]


def prediction_figures(recipe: Recipe, source: pipeline.Source, rounds: int) -> list[Figure]:
    """Pictures a second of the predictor, and of the bare network on the same batch."""
    size = recipe.training.batch_size
    network = recipe.system.build()
    batch = next(iter(pipeline.evaluation(source, size)))
    inputs, notes = ({name: tensor.numpy() for name, tensor in part.items()} for part in batch)
    own = training.inputs_of(network, inputs)
    alone = [Member(recipe.system, network)]
    plain, mirrored = Predictor(alone, PLAIN), Predictor(alone, FLIP)
    measures = {
        "ours, plain": lambda: _speed(lambda: plain.batch((inputs, notes)), size),
        "ours, mirrored too": lambda: _speed(lambda: mirrored.batch((inputs, notes)), size),
        "network.predict_on_batch alone": lambda: _speed(
            lambda: network.predict_on_batch(own), size
        ),
    }
    topic = f"prediction of {input_size(recipe.system)} px, batches of {size}"
    return compare(topic, "pictures/s", measures, rounds)


def _speed(call: Callable[[], object], pictures: int, calls: int = STEPS) -> float:
    """Pictures a second of so many calls, which take STEPS batches together."""
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return STEPS * pictures / (time.perf_counter() - began)


# === The same in stock Keras ===


def keras_network(recipe: Recipe) -> keras.Model:
    """The recipe's network, compiled with its losses and optimizer (at a constant rate)."""
    asked, network = recipe.training, recipe.system.build()
    optimizer = training.make_optimizer(asked)
    optimizer.global_clipnorm = asked.clip_norm
    if asked.ema is not None:
        optimizer.use_ema, optimizer.ema_momentum = True, asked.ema
    losses = {level: _keras_loss(recipe.system, level) for level in network.output}
    network.compile(optimizer, losses)
    return network


def keras_targets(network: keras.Model, inputs: dict, targets: dict) -> dict[str, np.ndarray]:
    """What Keras' losses get: x, y, visibility and mask in one array an output, (B, K, 4, 1)."""
    parts = (
        np.asarray(targets["keypoints"]),
        np.asarray(targets["visibility"])[..., None],
        np.asarray(inputs["keypoint_mask"])[..., None],
    )
    packed = np.concatenate(parts, axis=-1).astype(np.float32)[..., None]
    return dict.fromkeys(network.output, packed)


def _keras_loss(system, level: str) -> Callable:
    def loss(packed, maps):
        x, y, visibility, mask = ops.unstack(packed[..., 0], 4, axis=-1)
        targets = {"keypoints": ops.stack([x, y], axis=-1), "visibility": visibility}
        terms = system.loss_terms({level: maps}, {"keypoint_mask": mask}, targets)
        total, weight = terms[level]
        return total / ops.maximum(weight, 1e-6)

    return loss
