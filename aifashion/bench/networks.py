"""Speed of a recipe's training step and of prediction, beside stock Keras on the same network."""

import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import ops

from aifashion import training
from aifashion.bench.rounds import Figure, compare
from aifashion.keypoints.predict import FLIP, PLAIN, Predictor
from aifashion.recipes import Recipe
from pipelines import keypoints as pipeline

STEPS = 4  # a measurement
FROM_PIPELINE = 10  # steps of the measurement of waiting


def training_figures(recipe: Recipe, source: pipeline.Source, rounds: int) -> list[Figure]:
    """Pictures a second of ours and Keras' step, ms a step, and the share of waiting for data."""
    size = recipe.training.batch_size
    order = pipeline.Order(len(source.records), size, seed=0)

    def batches(steps: int) -> Iterator:
        return iter(pipeline.training(source, order, recipe.augmentation, range(steps)))

    inputs, targets = next(batches(1))
    trainer = training.Trainer(recipe.system, recipe.system.build(), recipe.training, 1000)
    stock = keras_network(recipe)
    packed = keras_targets(stock, inputs, targets)
    own = training.inputs_of(stock, inputs)
    measures = {
        "ours": lambda: _speed(lambda: _step(trainer, (inputs, targets)), size),
        "Keras train_on_batch": lambda: _speed(lambda: stock.train_on_batch(own, packed), size),
    }
    topic = f"training step of {recipe.system.size} px, batches of {size}"
    speeds = compare(topic, "pictures/s", measures, rounds)
    milliseconds = tuple(1000 * size / speed for speed in speeds[0].values)
    shares = tuple(_waiting_share(trainer, batches(FROM_PIPELINE)) for _ in range(rounds))
    return [
        *speeds,
        Figure(topic, "ours", "ms/step", milliseconds),
        Figure(topic, "waiting for data, fed from the pipeline", "%", shares),
    ]


def prediction_figures(recipe: Recipe, source: pipeline.Source, rounds: int) -> list[Figure]:
    """Pictures a second of the predictor, and of the bare network on the same batch."""
    size = recipe.training.batch_size
    network = recipe.system.build()
    batch = next(iter(pipeline.evaluation(source, size)))
    inputs, notes = ({name: tensor.numpy() for name, tensor in part.items()} for part in batch)
    own = training.inputs_of(network, inputs)
    plain = Predictor(recipe.system, network, PLAIN)
    mirrored = Predictor(recipe.system, network, FLIP)
    measures = {
        "ours, plain": lambda: _speed(lambda: plain.batch(inputs, notes), size),
        "ours, mirrored too": lambda: _speed(lambda: mirrored.batch(inputs, notes), size),
        "network.predict_on_batch alone": lambda: _speed(
            lambda: network.predict_on_batch(own), size
        ),
    }
    topic = f"prediction of {recipe.system.size} px, batches of {size}"
    return compare(topic, "pictures/s", measures, rounds)


def _speed(call: Callable[[], object], pictures: int) -> float:
    began = time.perf_counter()
    for _ in range(STEPS):
        call()
    return STEPS * pictures / (time.perf_counter() - began)


def _step(trainer: training.Trainer, batch) -> dict[str, float]:
    """A step as the training loop takes it: its losses are read, so it has ended."""
    return {name: float(value) for name, value in trainer.step(batch).items()}


def _waiting_share(trainer: training.Trainer, batches: Iterator) -> float:
    """Per cent of the time of training in which the next batch is not there yet."""
    next(batches)
    began, waited = time.perf_counter(), 0.0
    while True:
        asked = time.perf_counter()
        batch = next(batches, None)
        waited += time.perf_counter() - asked
        if batch is None:
            return 100 * waited / (time.perf_counter() - began)
        _step(trainer, batch)


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
