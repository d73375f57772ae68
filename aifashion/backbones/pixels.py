"""From uint8 RGB pixels to the numbers a pretrained backbone was trained on.

Weights are tied to the normalisation they were trained with, so it is a part of the network.
"""

from dataclasses import dataclass

import numpy as np
from keras import ops


@dataclass(frozen=True)
class Pixels:
    """A normalisation: (pixel - mean) / std, all in 0 … 255 and in the order of the channels."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False  # blue comes first, in mean and std too


NORMALISATION = {
    # Caffe's and MSRA's networks, and keras.applications' ResNet v1, converted from them.
    "caffe": Pixels(mean=(103.939, 116.779, 123.68), std=(1.0, 1.0, 1.0), bgr=True),
    # torchvision and timm: mean (0.485, 0.456, 0.406) and std (0.229, 0.224, 0.225) of 0 … 1.
    "torch": Pixels(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
    # The published networks of one garment each: mean 0.65 and std 0.25 of 0 … 1, all channels.
    "fashionai": Pixels(mean=(165.75, 165.75, 165.75), std=(63.75, 63.75, 63.75)),
    # The published all-in-one network: (p - 128) / 256, about -0.5 … 0.5.
    "fashionai_2018": Pixels(mean=(128.0, 128.0, 128.0), std=(256.0, 256.0, 256.0), bgr=True),
}


def normalise(image, style: str):
    """RGB image (B, H, W, 3), uint8 or float in 0 … 255, -> float32 (B, H, W, 3).

    Float32 under every dtype policy: half precision would round the pixels themselves.

    Args:
        image: a tensor, or a symbolic one of a functional graph.
        style: a key of `NORMALISATION`.

    Raises:
        ValueError: the style is none of them.
    """
    if style not in NORMALISATION:
        raise ValueError(f"pixels is one of {', '.join(NORMALISATION)}, not {style!r}")
    pixels = NORMALISATION[style]
    x = ops.cast(image, "float32")
    if pixels.bgr:
        x = ops.flip(x, axis=-1)
    return (x - np.array(pixels.mean, "float32")) / np.array(pixels.std, "float32")
