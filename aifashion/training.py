"""The training loop: one compiled step over `strategy.run`, and everything a checkpoint holds.

Generic: it takes a system (`loss_terms`), its network and batches, and knows no task. This is the
only module that knows of replicas.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from aifashion.errors import Exit, Failure

Groups = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Training:
    """How a network is trained."""

    epochs: int = 30
    batch_size: int = 8
    optimizer: str = "adam"  # "adam", "adamw", "sgd" (momentum 0.9)
    learning_rate: float = 1e-4
    schedule: str = "constant"  # or "cosine": down to 0 at the last step
    warmup: float = 0.0  # epochs of linear rise from 0, under "cosine"
    weight_decay: float = 0.0  # of kernels alone
    clip_norm: float | None = None  # of the gradient of all weights together
    ema: float | None = None  # decay of the moving average of the weights; evaluation uses it

    def __post_init__(self):
        if self.optimizer not in ("adam", "adamw", "sgd"):
            raise ValueError(
                f"Training.optimizer is one of adam, adamw, sgd, not {self.optimizer!r}"
            )
        if self.schedule not in ("constant", "cosine"):
            raise ValueError(f"Training.schedule is constant or cosine, not {self.schedule!r}")


def use_gpus(indices: tuple[int, ...] | None) -> list[int]:
    """Makes only these GPUs visible, None leaves all; returns those that are not there."""
    there = tf.config.list_physical_devices("GPU")
    if indices is None:
        return []
    tf.config.set_visible_devices([there[i] for i in indices if i < len(there)], "GPU")
    return [index for index in indices if index >= len(there)]


def make_schedule(training: Training, steps_per_epoch: int) -> Callable:
    """The learning rate of a step (a tensor), a stock Keras schedule."""
    rate = training.learning_rate
    if training.schedule == "constant":
        return lambda step: rate
    warmup = round(training.warmup * steps_per_epoch)
    total = training.epochs * steps_per_epoch
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else rate,
        decay_steps=max(1, total - warmup),
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
    )


def make_optimizer(training: Training) -> keras.optimizers.Optimizer:
    """The stock Keras optimizer that `training` names, its variables under "optimizer"."""
    rate, decay, name = training.learning_rate, training.weight_decay or None, "optimizer"
    if training.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, 0.9, weight_decay=decay, name=name)
    elif training.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=decay or 0.0, name=name)
    else:
        optimizer = keras.optimizers.Adam(rate, weight_decay=decay, name=name)
    if decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class Trainer:
    """A network with its optimizer and averaged weights, and the one compiled step."""

    def __init__(self, system, network: keras.Model, training: Training, steps_per_epoch: int):
        self.system, self.network, self.training = system, network, training
        self.strategy = tf.distribute.get_strategy()
        self.schedule = make_schedule(training, steps_per_epoch)
        self.optimizer = make_optimizer(training)
        self.optimizer.build(network.trainable_variables)
        self.average = []
        if training.ema is not None:
            # Moving BatchNorm statistics are averaged along: they belong to the averaged weights.
            self.average = [tf.Variable(v.value, trainable=False) for v in network.variables]
        self.step = tf.function(self._step, autograph=False)

    # === Step ===

    def _step(self, batch) -> dict:
        """One update from the global batch (inputs, targets): each loss term's mean, by name."""
        losses = self.strategy.run(self._replica_step, args=batch)
        return tf.nest.map_structure(
            lambda value: self.strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None), losses
        )

    def _replica_step(self, inputs, targets) -> dict:
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.network(inputs_of(self.network, inputs), training=True)
            terms = self.system.loss_terms(outputs, inputs, targets)
            losses = {name: self._global_mean(*term) for name, term in terms.items()}
            loss = tf.add_n(list(losses.values()))
        gradients = tape.gradient(loss, [v.value for v in variables])
        if self.training.clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self.training.clip_norm)
        # Keras would evaluate a schedule again for every variable that decays.
        self.optimizer.learning_rate.assign(self.schedule(self.optimizer.iterations))
        self.optimizer.apply(gradients, variables)
        self._update_average()
        return losses

    def _global_mean(self, total, weight):
        """This replica's share of sum / weight over the global batch; the shares add up to it."""
        context = tf.distribute.get_replica_context()
        weight = context.all_reduce(tf.distribute.ReduceOp.SUM, weight)
        return total / tf.maximum(weight, 1e-6)

    def _update_average(self):
        if not self.average:
            return
        # The average would otherwise remember the random start for 1 / (1 - decay) steps.
        steps = tf.cast(self.optimizer.iterations.value, tf.float32)
        decay = tf.minimum(self.training.ema, (1 + steps) / (10 + steps))
        for average, variable in zip(self.average, self.network.variables, strict=True):
            if average.dtype.is_floating:
                average.assign_sub((1 - tf.cast(decay, average.dtype)) * (average - variable.value))

    # === State ===

    @property
    def learning_rate(self) -> float:
        """Of the last step."""
        return float(keras.ops.convert_to_numpy(self.optimizer.learning_rate))

    @contextmanager
    def averaged(self) -> Iterator[keras.Model]:
        """The network with the averaged weights in place of its own, where there are any."""
        if not self.average:
            yield self.network
            return
        own = [v.numpy() for v in self.network.variables]
        _assign(self.network.variables, [a.numpy() for a in self.average])
        try:
            yield self.network
        finally:
            _assign(self.network.variables, own)

    def arrays(self) -> Groups:
        """Everything that is learnt: {"weights": …, "ema": …, "optimizer": …} by variable path."""
        groups = {
            "weights": weights_of(self.network),
            "optimizer": {v.path: keras.ops.convert_to_numpy(v) for v in self.optimizer.variables},
        }
        if self.average:
            names = [v.path for v in self.network.variables]
            groups["ema"] = {n: a.numpy() for n, a in zip(names, self.average, strict=True)}
        return groups

    def restore(self, groups: Groups) -> None:
        """Takes up where `arrays` was called. Raises Failure (BAD_MODEL) where they do not fit."""
        set_weights(self.network, groups["weights"])
        _assign_by_path(self.optimizer.variables, groups["optimizer"], "optimizer")
        if self.average:
            if "ema" not in groups:
                raise Failure(Exit.BAD_MODEL, "the checkpoint holds no averaged weights (ema)")
            for variable, average in zip(self.network.variables, self.average, strict=True):
                average.assign(groups["ema"][variable.path])


def inputs_of(network: keras.Model, batch: dict) -> dict:
    """The part of a batch that the network takes."""
    return {name: batch[name] for name in network.input}


def weights_of(network: keras.Model) -> dict[str, np.ndarray]:
    """Every weight and statistic of a network by its Keras path."""
    return {v.path: keras.ops.convert_to_numpy(v) for v in network.variables}


def set_weights(network: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """The inverse of `weights_of`. Raises Failure (BAD_MODEL) naming what does not fit."""
    _assign_by_path(network.variables, arrays, "network")


def _assign(variables, values) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _assign_by_path(variables, arrays: dict[str, np.ndarray], owner: str) -> None:
    wanted = {v.path: tuple(v.shape) for v in variables}
    problems = [f"{name} is missing" for name in wanted if name not in arrays]
    problems += [f"{name} is unknown" for name in arrays if name not in wanted]
    problems += [
        f"{name} is {arrays[name].shape}, not {shape}"
        for name, shape in wanted.items()
        if name in arrays and arrays[name].shape != shape
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise Failure(
            Exit.BAD_MODEL, f"these weights are not this {owner}'s: {'; '.join(problems[:5])}{more}"
        )
    for variable in variables:
        variable.assign(arrays[variable.path])


# === Loop ===


@dataclass
class Progress:
    """Where the loop stands; a checkpoint keeps it beside the arrays."""

    step: int = 0  # updates made
    sums: dict[str, float] | None = None  # of each loss term over the epoch's steps so far

    def means(self, steps: int) -> dict[str, float]:
        return {name: total / steps for name, total in (self.sums or {}).items()}


@dataclass(frozen=True)
class Watch:
    """What the loop calls while it runs."""

    on_step: Callable[[int, dict[str, float], float, float], None]  # step, losses, seconds, wait
    stop_asked: Callable[[], bool]
    save: Callable[[Progress], None]


def epochs(
    trainer: Trainer,
    batches: Iterable,
    progress: Progress,
    steps_per_epoch: int,
    watch: Watch,
) -> Iterator[tuple[int, dict[str, float]]]:
    """Trains, and hands over (epoch, mean loss terms) at the end of each, counted from 0.

    `batches` begin at `progress.step`. When a stop is asked for, the step under way is finished,
    the state saved, and Failure (INTERRUPTED) raised.
    """
    iterator = iter(batches)
    while True:
        began = time.perf_counter()
        batch = next(iterator, None)
        if batch is None:
            return
        waited = time.perf_counter() - began
        losses = {name: float(value) for name, value in trainer.step(batch).items()}
        _check_finite(losses, progress.step)
        progress.step += 1
        sums = progress.sums or dict.fromkeys(losses, 0.0)
        progress.sums = {name: sums[name] + value for name, value in losses.items()}
        watch.on_step(progress.step, losses, time.perf_counter() - began, waited)
        if progress.step % steps_per_epoch == 0:
            means, progress.sums = progress.means(steps_per_epoch), None
            yield progress.step // steps_per_epoch - 1, means
        if watch.stop_asked():
            watch.save(progress)
            raise Failure(Exit.INTERRUPTED, "stopped as asked; go on with --resume auto")


def _check_finite(losses: dict[str, float], step: int) -> None:
    bad = [name for name, value in losses.items() if not np.isfinite(value)]
    if bad:
        raise Failure(
            Exit.DIVERGED,
            f"step {step}: the loss {', '.join(bad)} is not finite. Lower --learning-rate, "
            "or set training.clip_norm.",
        )
