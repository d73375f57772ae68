"""Batch normalisation of every network: Keras' layer, computed by TensorFlow's fused kernel.

Keras composes batch normalisation of mean, variance, product and sum; `FusedBatchNormV3` computes
the same in one pass and keeps less for the gradient. Variables, their names, outputs, gradients and
moving statistics are those of `keras.layers.BatchNormalization`. Where the kernel does not apply
(another backend, masks, float64, inputs that are not (B, H, W, C)) Keras' own computation runs.

Replicas that share statistics exchange their own means and variances, once a layer. Keras exchanges
three sums, and subtracts the square of the mean from the mean of the squares, which loses digits
where the mean is large.

B batch, H W rows and columns, C channels, R replicas.
"""

import keras
from keras import ops

_FIELDS = ("name", "momentum", "epsilon", "synchronized", "trainable", "dtype")


class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the last axis, with gamma and beta, only faster.

    Args:
        name: of the layer; its variables are `<name>/gamma`, `beta`, `moving_mean` and
            `moving_variance`.
        momentum: share of the old moving statistics kept at a step (torch counts the new share:
            its 0.1 is 0.9 here).
        epsilon: added to the variance.
        synchronized: training statistics span the replicas, so that 1 and 2 replicas agree. On
            backends other than TensorFlow they always span the whole batch, and Keras refuses the
            field: there it is False whatever is asked.
        trainable: False freezes the layer: no updates, and the moving statistics normalise.
        dtype: Keras' dtype policy. Variables and statistics are float32 under the mixed ones.
    """

    def __init__(
        self,
        name: str | None = None,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        synchronized: bool = True,
        trainable: bool = True,
        dtype=None,
    ):
        super().__init__(
            name=name,
            momentum=momentum,
            epsilon=epsilon,
            synchronized=synchronized and keras.backend.backend() == "tensorflow",
            trainable=trainable,
            dtype=dtype,
        )

    @classmethod
    def from_config(cls, config: dict) -> "BatchNorm":
        """The layer of a `get_config()`, which also tells what is fixed here (axis, gamma …)."""
        return super().from_config({field: config[field] for field in _FIELDS})

    def call(self, inputs, training: bool | None = None, mask=None):
        """Normalises (..., C) over all axes but the last; the result is in the compute dtype."""
        learns = bool(training) and self.trainable
        if not self._is_fusible(inputs) or (learns and mask is not None):
            return super().call(inputs, training=training, mask=mask)
        if not learns:
            return self._infer(inputs)
        return self._learn(inputs) if self._is_alone() else self._learn_together(inputs)

    def _is_fusible(self, inputs) -> bool:
        if keras.backend.backend() != "tensorflow" or len(inputs.shape) != 4:
            return False
        known = keras.backend.standardize_dtype(inputs.dtype) in ("float32", "float16", "bfloat16")
        return known and self.moving_mean.dtype == "float32"

    def _is_alone(self) -> bool:
        """Whether statistics are those of this replica's batch."""
        import tensorflow as tf

        return not self.synchronized or tf.distribute.get_strategy().num_replicas_in_sync == 1

    def _learn(self, inputs):
        outputs, mean, variance = self._fused(inputs, ops.zeros((0,)), ops.zeros((0,)), learn=True)
        # The kernel returns n / (n - 1) times the batch's own variance; Keras averages its own.
        n = ops.cast(ops.size(inputs), "float32") / inputs.shape[-1]
        self._move(mean, variance * (n - 1) / n)
        return outputs

    def _learn_together(self, inputs):
        normalise = _normaliser_of_all(self.epsilon)
        outputs, mean, variance = normalise(inputs, self.gamma.value, self.beta.value)
        self._move(mean, variance)
        return ops.cast(outputs, self.compute_dtype)

    def _move(self, mean, variance) -> None:
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))

    def _infer(self, inputs):
        return self._fused(inputs, self.moving_mean, self.moving_variance, learn=False)[0]

    def _fused(self, inputs, mean, variance, learn: bool) -> tuple:
        """(outputs, mean (C,), variance (C,)); learning, those of the batch, the latter unbiased.

        `tf.compat.v1.nn.fused_batch_norm` is not used: it raises epsilon to 1.001e-5 for the sake
        of old cuDNN versions.
        """
        import tensorflow as tf

        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=ops.convert_to_tensor(self.gamma),
            offset=ops.convert_to_tensor(self.beta),
            mean=ops.convert_to_tensor(mean),
            variance=ops.convert_to_tensor(variance),
            epsilon=self.epsilon,
            is_training=learn,
        )
        return ops.cast(outputs, self.compute_dtype), mean, variance


def _normaliser_of_all(epsilon: float):
    """(inputs (B, H, W, C), gamma (C,), beta (C,)) -> (outputs, mean, variance) over all replicas.

    Its own gradient: as Ioffe and Szegedy (2015, section 3) derive it, over every replica's batch.
    Replicas exchange once forward and once backward, where differentiating the exchange would add
    a graph several times as large; and of a bfloat16 batch nothing in float32 is kept in between.
    """
    import tensorflow as tf

    axes = (0, 1, 2)

    @tf.custom_gradient
    def normalise(inputs, gamma, beta):
        mean, variance, count = _moments_of_all(tf.cast(inputs, "float32"))
        scale = tf.math.rsqrt(variance + epsilon)

        def normal():
            return (tf.cast(inputs, "float32") - mean) * scale

        def gradient(d_outputs, *_):  # mean and variance are for the moving statistics alone
            d_outputs, normalised = tf.cast(d_outputs, "float32"), normal()
            d_beta = tf.reduce_sum(d_outputs, axes)
            d_gamma = tf.reduce_sum(d_outputs * normalised, axes)
            context = tf.distribute.get_replica_context()
            sums = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.stack([d_beta, d_gamma]))
            mean_of_d, mean_of_product = tf.unstack(sums / count)
            d_normal = d_outputs - mean_of_d - normalised * mean_of_product
            return tf.cast(gamma * scale * d_normal, inputs.dtype), d_gamma, d_beta

        outputs = tf.cast(normal() * gamma + beta, inputs.dtype)
        return (outputs, mean, variance), gradient

    return normalise


def _moments_of_all(inputs) -> tuple:
    """Mean and variance (C,) over every replica's inputs (B, H, W, C) float32, and their count.

    Each replica puts its own into its row of an array of zeros, and the rows are added up.
    """
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    count = tf.cast(tf.size(inputs), "float32") / inputs.shape[-1]
    mean, variance = tf.nn.moments(inputs, (0, 1, 2))
    row = tf.concat([mean, variance, count[None]], 0)
    place = tf.one_hot(context.replica_id_in_sync_group, context.num_replicas_in_sync)
    table = context.all_reduce(tf.distribute.ReduceOp.SUM, place[:, None] * row)
    means, variances, counts = tf.split(table, [mean.shape[0], mean.shape[0], 1], 1)  # (R, …)
    shares = counts / tf.reduce_sum(counts)
    mean = tf.reduce_sum(shares * means, 0)
    variance = tf.reduce_sum(shares * (variances + (means - mean) ** 2), 0)
    return mean, variance, tf.reduce_sum(counts)
