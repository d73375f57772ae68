"""A convolution and its batch normalisation: what every backbone is built of."""

from dataclasses import dataclass

import keras
from keras import layers

from aifashion.ops.norm import BatchNorm


@dataclass(frozen=True)
class NormalisedConvolution:
    """Makes convolutions without bias, each followed by batch normalisation.

    The convolution is called by the name given, the normalisation by that name with `norm` in
    place of `conv`.
    """

    momentum: float  # of the moving statistics
    epsilon: float
    fan: str = "fan_out"  # what He's spread of the first weights is measured by; or "fan_in"

    def __call__(self, x, filters: int, kernel: int, stride: int, name: str, groups: int = 1):
        """Maps (B, h, w, C) -> (B, h / stride, w / stride, filters), rounded up.

        An odd kernel is padded with zeros, by the same on every side.
        """
        if stride > 1 and kernel > 1:
            # Keras' "same" pads even sizes on the right and below only.
            x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
        x = layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding="valid" if stride > 1 else "same",
            groups=groups,
            use_bias=False,
            kernel_initializer=keras.initializers.VarianceScaling(
                2.0, mode=self.fan, distribution="untruncated_normal"
            ),
            name=name,
        )(x)
        norm = name.replace("conv", "norm")
        return BatchNorm(name=norm, momentum=self.momentum, epsilon=self.epsilon)(x)
