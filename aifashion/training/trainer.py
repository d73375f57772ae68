"""One update of a network's weights on every replica, and everything that is learnt.

A batch is computed in parts, one after the other where there are several, and a part's rows are
shared out to the replicas. Two compiled functions: gradients of a part, added to those of the parts
before; then the update. In between the host reads whether all is finite, so that an update can be
left out: optimizers cannot be called under a condition while there are replicas.

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
from aifashion.training.devices import Cluster
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

    losses: dict[str, float]  # each term's mean over the batch
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
        self.cluster = cluster or Cluster(tf.distribute.get_strategy())
        self.strategy = self.cluster.strategy
        _check_compilation(training, self.cluster)
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
        self._gradients = tf.function(self._part, autograph=False, jit_compile=jit)
        self._apply = tf.function(self._update, autograph=False, jit_compile=jit)
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
                not hold one picture a replica.
        """
        with self.cluster.watched():
            total, before, read = self._all_parts(batch, stop)
            faults, stops = read.pop("faults"), read.pop("stops")
            is_finite = faults == 0 and all(map(np.isfinite, read.values()))
            if is_finite:
                self._apply(total, tf.constant(number, tf.int64), tf.constant(rate))
            else:
                self._restore(before)
        has_overflown = self.loss_scale.follow(is_finite)
        return Outcome(read, is_finite, has_overflown, stops > 0)

    def _all_parts(self, batch: tuple, stop: bool) -> tuple:
        """Gradients, the moving statistics before, and the losses of the whole batch."""
        while True:
            try:
                return self._parts(batch, stop)
            except tf.errors.ResourceExhaustedError as error:
                self.sharing = self.sharing.finer(error)
                say(
                    f"Out of memory: from here on a batch is computed in {self.sharing.parts} "
                    f"parts (training.accumulation={self.sharing.parts})."
                )

    def _parts(self, batch: tuple, stop: bool) -> tuple:
        several = self.sharing.parts > 1
        total, first, losses = self._zeros() if several else [], None, []
        flags = (tf.constant(self.loss_scale.scale, tf.float32), tf.constant(float(stop)))
        for share, part in self.sharing.split(batch):
            total, before, read = self._gradients(part, tf.constant(share), flags, total)
            first = before if first is None else first
            losses.append(read)
        read = [{k: self.cluster.read(v) for k, v in part.items()} for part in losses]
        return total, first, {name: sum(part[name] for part in read) for name in read[0]}

    def _zeros(self):
        return self.cluster.per_replica(lambda _: [tf.zeros(v.shape) for v in self.variables])

    def _part(self, batch, share, flags, total) -> tuple:
        return self.strategy.run(self._replica_part, args=(*batch, share, flags, total))

    def _replica_part(self, inputs, targets, share, flags, total) -> tuple:
        """(gradients added to `total`, statistics as they were, numbers summed over replicas)."""
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
        numbers = {**losses, "faults": faults, "stops": tf.identity(stop)}
        reduced = context.all_reduce(SUM, list(numbers.values()))
        return gradients, before, dict(zip(numbers, reduced, strict=True))

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
                        sums[name] = sums.get(name, 0.0) + self.cluster.read(total)
                        weights[name] = weights.get(name, 0.0) + self.cluster.read(weight)
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


def _check_compilation(training: Training, cluster: Cluster) -> None:
    if training.jit_compile and cluster.replicas > 1:
        raise Failure(
            Exit.USAGE,
            f"training.jit_compile works on one device; here are {cluster.replicas}. Leave it out, "
            "or choose one with --gpu 0.",
        )


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
