"""One update of a network's weights on every replica, and everything that is learnt.

A batch is computed in parts, one after the other where there are several, and a part's rows are
shared out to the replicas. Two compiled functions: gradients of a part, added to those of the parts
before; then the update. In between the host reads whether all is finite, so that an update can be
left out: optimizers cannot be called under a condition while there are replicas. On one device and
in one part they can, and one function does it all: gradients need not leave it.

B pictures of a batch.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from aifashion.errors import Exit, Failure
from aifashion.progress import say
from aifashion.training.config import Training
from aifashion.training.devices import Cluster, check_compilation
from aifashion.training.optimizers import freeze, make_groups
from aifashion.training.progress import LossScale
from aifashion.training.schedules import make_schedule
from aifashion.training.sharing import Sharing
from aifashion.training.weights import arrays_of, assign, inputs_of, set_weights, weights_of

Groups = dict[str, dict[str, np.ndarray]]
SUM = tf.distribute.ReduceOp.SUM


@dataclass(frozen=True)
class Outcome:
    """What a step came to."""

    losses: dict[str, float]  # each term's mean over a part, averaged over the batch's parts
    is_finite: bool  # all losses and gradients are, and so the weights were updated
    has_overflown: bool  # float16's range explains that they are not
    stop: bool  # a process was asked to stop


class Trainer:
    """A network with its optimizers and averaged weights, and the compiled step."""

    def __init__(
        self,
        system,
        network: keras.Model,
        training: Training,
        steps_per_epoch: int,
        cluster: Cluster | None = None,
    ):
        self.cluster = cluster or Cluster()
        self.strategy = self.cluster.strategy
        check_compilation(training.jit_compile, self.cluster)
        self.system, self.network, self.training = system, network, training
        self.steps_per_epoch = steps_per_epoch
        self.schedule = make_schedule(training, steps_per_epoch)
        self.sharing = Sharing(self.cluster, training.batch_size, training.accumulation)
        self.loss_scale = LossScale(LossScale.FIRST if training.precision == "float16" else 1.0)
        freeze(network, training.freeze)
        self.average = []
        with self.strategy.scope():
            self.groups = make_groups(training, network)
            if training.ema is not None:
                # Moving statistics are averaged along: they belong to the averaged weights.
                self.average = [_like(v) for v in network.variables]
        self.variables = [v for group in self.groups for v in group.variables]
        self._compile()

    def _compile(self) -> None:
        jit = self.training.jit_compile or None
        self._at_once = tf.function(self._whole, autograph=False, jit_compile=jit)
        self._traced = {}
        self._gradients = tf.function(self._part, autograph=False, jit_compile=jit)
        self._apply = tf.function(self._update, autograph=False, jit_compile=jit)
        # One kernel for some thousand small operations, which gradients do not overlap with here.
        self._apply_fused = tf.function(self._update, autograph=False, jit_compile=True)
        self._losses = tf.function(self._part_losses, autograph=False, jit_compile=jit)
        self._restore = tf.function(self._put_back, autograph=False)

    # === Step ===

    def step(self, batch: tuple, number: int, rate: float = 1.0, stop: bool = False) -> Outcome:
        """Updates the weights from this process's rows of a batch (inputs, targets).

        Args:
            number: of the step, from 0: where the schedule stands.
            rate: what the scheduled learning rate is multiplied by.
            stop: whether this process was asked to stop; the outcome tells it to all of them.

        Raises:
            Failure: INTERRUPTED where another process is lost, ENVIRONMENT where the memory does
                not hold one picture a replica or, with several processes, a part.
        """
        flags = (tf.constant(self.loss_scale.scale, tf.float32), tf.constant(float(stop)))
        place = (tf.constant(number, tf.int64), tf.constant(rate))
        with self.cluster.watched():
            numbers = self._in_one(batch, flags, place)
            if numbers is None:
                numbers = self._in_parts(batch, flags, place)
        _, stops, *losses = numbers.tolist()
        is_finite = bool(_is_sound(numbers))
        has_overflown = self.loss_scale.follow(is_finite)
        named = dict(zip(self._names, losses, strict=True))
        return Outcome(named, is_finite, has_overflown, stops > 0)

    def _in_one(self, batch: tuple, flags: tuple, place: tuple) -> np.ndarray | None:
        """The numbers of a step that one function takes; None where it cannot."""
        if self.sharing.parts > 1 or self.cluster.replicas > 1:
            return None
        try:
            # An update begins when the memory of the gradients' computation is free again.
            step = self._step_for(batch, flags, place)
            return step(batch, flags, place).numpy().astype(np.float64)
        except tf.errors.ResourceExhaustedError as error:
            self._share_finer(error)
            return None

    def _step_for(self, *arguments):
        """The step as traced for arguments of these shapes.

        A tf.function looks its trace up by a hash over all weights, which takes milliseconds.
        """
        if tf.config.functions_run_eagerly():  # who asked for that gets it
            return self._at_once
        given = [np.shape(array) for array in tf.nest.flatten(arguments)]
        key = tuple(map(tuple, given))
        if key not in self._traced:
            self._traced[key] = self._at_once.get_concrete_function(*arguments)
        return self._traced[key]

    def _whole(self, batch, flags, place):
        gradients, before, numbers = self._replica_part(*batch, 1.0, flags, [])
        tf.cond(
            _is_sound(numbers),
            lambda: self._apply_fused(gradients, *place),
            lambda: self._put_back(before),
        )
        return numbers

    def _in_parts(self, batch: tuple, flags: tuple, place: tuple) -> np.ndarray:
        """The numbers of a step whose gradients are computed first, part by part."""
        total, before, numbers = self._all_parts(batch, flags)
        if _is_sound(numbers):
            self._apply(total, *place)
        else:
            self._restore(before)
        return numbers

    def _all_parts(self, batch: tuple, flags: tuple) -> tuple:
        """Gradients, the moving statistics before, and the numbers of the whole batch."""
        while True:
            try:
                return self._parts(batch, flags)
            except tf.errors.ResourceExhaustedError as error:
                self._share_finer(error)

    def _share_finer(self, error: Exception) -> None:
        self.sharing = self.sharing.finer(error)
        say(
            f"Out of memory: from here on a batch is computed in {self.sharing.parts} "
            f"parts (training.accumulation={self.sharing.parts})."
        )

    def _parts(self, batch: tuple, flags: tuple) -> tuple:
        several = self.sharing.parts > 1
        total, first, numbers = self._zeros() if several else [], None, []
        for share, part in self.sharing.split(batch):
            total, before, own = self._gradients(part, tf.constant(share), flags, total)
            first = before if first is None else first
            numbers.append(own)
        return total, first, sum(self.cluster.read(own).astype(np.float64) for own in numbers)

    def _zeros(self):
        return self.cluster.per_replica(lambda _: [tf.zeros(v.shape) for v in self.variables])

    def _part(self, batch, share, flags, total) -> tuple:
        return self.strategy.run(self._replica_part, args=(*batch, share, flags, total))

    def _replica_part(self, inputs, targets, share, flags, total) -> tuple:
        """(gradients added to `total`, statistics as they were, numbers).

        Numbers are summed over the replicas: how many had a fault, how many are asked to stop, and
        the loss terms. One vector, since each thing that the host reads makes it wait.
        """
        scale, stop = flags
        before = [tf.identity(v.value) for v in self.network.non_trainable_variables]
        with tf.GradientTape() as tape:
            outputs = self.network(inputs_of(self.network, inputs), training=True)
            terms = self.system.loss_terms(outputs, inputs, targets)
            losses = {name: share * self._global_mean(*term) for name, term in terms.items()}
            loss = tf.add_n(list(losses.values()))
            scaled = loss * scale
        gradients = tape.gradient(scaled, [v.value for v in self.variables])
        gradients = [g / scale for g in gradients] if self.loss_scale.scale != 1.0 else gradients
        norm = tf.linalg.global_norm(gradients)
        faults = tf.cast(~tf.math.is_finite(norm), tf.float32)
        if total:
            gradients = [sum_ + gradient for sum_, gradient in zip(total, gradients, strict=True)]
        context = tf.distribute.get_replica_context()
        self._names = tuple(losses)  # known as soon as a step is traced
        numbers = context.all_reduce(SUM, tf.stack([faults, stop, *losses.values()]))
        return gradients, before, numbers

    def _global_mean(self, total, weight):
        """This replica's share of sum / weight over the part; the shares add up to it."""
        context = tf.distribute.get_replica_context()
        weight = context.all_reduce(SUM, weight)
        return total / tf.maximum(weight, 1e-6)

    def _update(self, total, number, factor) -> None:
        rate = self.schedule(number) * factor
        for group in self.groups:
            # Keras would evaluate a schedule again for every variable that decays.
            group.optimizer.learning_rate.assign(rate * group.rate)
        self.strategy.run(self._replica_update, args=(total,))
        self._update_average()

    def _replica_update(self, gradients) -> None:
        # An argument of a compiled function has no device, which a reduction asks for.
        gradients = [tf.identity(gradient) for gradient in gradients]
        if self.training.clip_norm is not None:
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce(SUM, gradients)
            gradients, _ = tf.clip_by_global_norm(gradients, self.training.clip_norm)
            # Every replica holds the sum now, and Keras' optimizers sum over the replicas again.
            gradients = [g / self.cluster.replicas for g in gradients]
        gradients = iter(gradients)
        for group in self.groups:
            own = [next(gradients) for _ in group.variables]
            group.optimizer.apply(own, group.variables)

    def _update_average(self) -> None:
        if not self.average:
            return
        # The average would otherwise remember the random start for 1 / (1 - decay) steps.
        updates = tf.cast(self.groups[0].optimizer.iterations.value, tf.float32)
        decay = tf.minimum(self.training.ema, (1 + updates) / (10 + updates))
        for average, variable in zip(self.average, self.network.variables, strict=True):
            if average.dtype.is_floating:
                _update(self.strategy, average, _approach, (variable.value, 1 - decay))

    def _put_back(self, before) -> None:
        for variable, value in zip(self.network.non_trainable_variables, before, strict=True):
            _update(self.strategy, variable.value, _take, (value,))

    # === Validation ===

    def mean_losses(self, batches: Iterable) -> dict[str, float]:
        """Each loss term's mean over all batches (inputs, targets), as the network stands."""
        sums, weights = {}, {}
        with self.cluster.watched():
            for batch in batches:
                for _, part in self.sharing.split(batch):
                    for name, (total, weight) in self._losses(part).items():
                        sums[name] = sums.get(name, 0.0) + float(self.cluster.read(total))
                        weights[name] = weights.get(name, 0.0) + float(self.cluster.read(weight))
        return {name: sums[name] / max(weights[name], 1e-6) for name in sums}

    def _part_losses(self, batch) -> dict:
        return self.strategy.run(self._replica_losses, args=batch)

    def _replica_losses(self, inputs, targets) -> dict:
        outputs = self.network(inputs_of(self.network, inputs), training=False)
        terms = self.system.loss_terms(outputs, inputs, targets)
        context = tf.distribute.get_replica_context()
        return {name: context.all_reduce(SUM, list(term)) for name, term in terms.items()}

    # === State ===

    @property
    def learning_rate(self) -> float:
        """Of the last update."""
        return float(keras.ops.convert_to_numpy(self.groups[0].optimizer.learning_rate))

    @contextmanager
    def averaged(self) -> Iterator[keras.Model]:
        """The network with the averaged weights in place of its own, where there are any."""
        if not self.average:
            yield self.network
            return
        own = [keras.ops.convert_to_numpy(v) for v in self.network.variables]
        _assign(self.network.variables, [a.numpy() for a in self.average])
        try:
            yield self.network
        finally:
            _assign(self.network.variables, own)

    def arrays(self) -> Groups:
        """Everything that is learnt: {"weights": …, "ema": …, "optimizer": …} by variable path."""
        groups = {"weights": weights_of(self.network), "optimizer": arrays_of(self._slots)}
        if self.average:
            names = [v.path for v in self.network.variables]
            groups["ema"] = {n: a.numpy() for n, a in zip(names, self.average, strict=True)}
        return groups

    def restore(self, groups: Groups) -> None:
        """Takes up where `arrays` was called. Raises Failure (BAD_MODEL) where they do not fit."""
        if self.average and "ema" not in groups:
            raise Failure(Exit.BAD_MODEL, "the checkpoint holds no averaged weights (ema)")
        set_weights(self.network, groups["weights"])
        assign(self._slots, groups["optimizer"], "optimizer")
        for variable, average in zip(self.network.variables, self.average, strict=False):
            average.assign(groups["ema"][variable.path])

    @property
    def _slots(self) -> list:
        return [v for group in self.groups for v in group.optimizer.variables]


def _is_sound(numbers):
    """Whether a step's numbers (faults, stops, losses …) let the weights be updated."""
    if isinstance(numbers, np.ndarray):
        return numbers[0] == 0 and np.isfinite(numbers).all()
    return (numbers[0] == 0) & tf.reduce_all(tf.math.is_finite(numbers))


def _like(variable) -> tf.Variable:
    return tf.Variable(variable.value, trainable=False)


def _update(strategy, variable: tf.Variable, change, arguments: tuple) -> None:
    """Changes every replica's copy of a variable by its own values of the arguments."""
    strategy.extended.update(variable, change, args=arguments, group=False)


def _approach(average, value, share) -> None:
    average.assign_sub(tf.cast(share, average.dtype) * (average - value))


def _take(variable, value) -> None:
    variable.assign(value)


def _assign(variables, values) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
