"""Weights and inputs from a formula: any program draws the same numbers, so none are stored.

u(i, k, seed) is a hash of the flat index i of a value in its array (C order) and of the array's
stream k, uniform in -1 … 1. The streams of a network are the positions of its parameters in the
original's own order, in the original's own layout.
"""

from collections.abc import Mapping

import numpy as np


def uniform(shape: tuple[int, ...], stream: int, seed: int = 0) -> np.ndarray:
    """u of every place of an array, float64 in -1 … 1. All arithmetic is modulo 2^32."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint32)
    start = (stream * 40503 + seed * 2246822519 + 12345) % 2**32
    x = i * np.uint32(2654435761) + np.uint32(start)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(2246822519)
    x = x ^ (x >> np.uint32(13))
    return ((x >> np.uint32(8)) / 2**24 * 2 - 1).reshape(shape)


def weights(shapes: Mapping[str, tuple[int, ...]], fans: Mapping[str, int], seed: int = 0) -> dict:
    """Weights of a network, and statistics of its normalisations that are not trivial.

    Args:
        shapes: of each parameter, in the original's order and layout.
        fans: of each kernel, what its numbers are divided by the root of: inputs of one output.
        seed: another network for each.

    Returns:
        name -> float32: kernels u sqrt(3 / fan); scales 1 + 0.1 u; variances 1 + 0.5 u; all else
        (biases, shifts, means) 0.1 u.
    """
    arrays = {}
    for stream, (name, shape) in enumerate(shapes.items()):
        u = uniform(shape, stream, seed)
        if name in fans:
            value = u * np.sqrt(3 / fans[name])
        elif name.endswith(("running_var", "moving_variance")):
            value = 1 + 0.5 * u
        elif name.endswith(("weight", "gamma")):
            value = 1 + 0.1 * u
        else:
            value = 0.1 * u
        arrays[name] = value.astype(np.float32)
    return arrays


def picture(size: int, seed: int = 0) -> np.ndarray:
    """A picture of noise, (1, size, size, 3) uint8."""
    return np.floor((uniform((1, size, size, 3), 1000, seed) + 1) * 128).astype(np.uint8)
