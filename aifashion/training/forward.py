"""Prediction on every device of this process: a whole batch for each at a time.

Each replica sees batches of the size that one device alone would see, so that the results do not
depend on how many devices there are.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import keras
import numpy as np
import tensorflow as tf

from aifashion.training.devices import Cluster, check_compilation


class Forward:
    """A network's outputs of batches, in their order.

    Args:
        network: takes and returns dicts of tensors.
        cluster: whose own devices compute; None: the one TensorFlow stands at.
        jit_compile: by XLA, on one device.

    Raises:
        Failure: USAGE for XLA on several devices.
    """

    def __init__(
        self, network: keras.Model, cluster: Cluster | None = None, jit_compile: bool = False
    ):
        self.network = network
        self.cluster = cluster or Cluster()
        check_compilation(jit_compile, self.cluster)
        self._compiled = tf.function(self._run, autograph=False, jit_compile=jit_compile or None)

    def __call__(self, batches: Iterable[dict]) -> Iterator[dict[str, np.ndarray]]:
        """The outputs (B, …) of each batch of inputs (B, …)."""
        batches, own = iter(batches), self.cluster.own_replicas
        while group := list(islice(batches, len(own))):
            # Replicas without a batch of their own compute the last one again.
            shares = [group[min(n, len(group) - 1)] for n in range(len(own))]
            outputs = self._compiled(self.cluster.per_replica(lambda r, s=shares: s[r - own[0]]))
            for number in range(len(group)):
                yield tf.nest.map_structure(lambda value, n=number: self._read(value, n), outputs)

    def _run(self, inputs: dict):
        return self.cluster.strategy.run(self._replica, args=(inputs,))

    def _replica(self, inputs: dict):
        return self.network(inputs, training=False)

    def _read(self, value, number: int) -> np.ndarray:
        return self.cluster.strategy.experimental_local_results(value)[number].numpy()
