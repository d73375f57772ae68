"""Affine maps on tensors: moving heat maps from one picture frame into another."""

from keras import ops


def warp(maps, matrix, size: tuple[int, int], smooth: bool = False):
    """Resamples maps; what lies outside the source is 0.

    Bilinear sampling blurs a cell the more the further it lies from the source's centres, which
    moves the peak of a resampled Gaussian by up to 0.15 cells. `smooth` takes a cubic B-spline
    instead, which blurs every cell alike (a variance of 1 / 3 cell^2) and leaves the peak in place.

    A gather, so that it compiles under XLA and runs on every backend.

    Args:
        maps: (B, h, w, K).
        matrix: (B, 2, 3), from the result's continuous coordinates to the source's, in cells
            (a cell's centre at +0.5).
        size: (H, W) of the result.
        smooth: for maps whose peaks are read afterwards.

    Returns:
        (B, H, W, K), the dtype of `maps`.
    """
    _, h, w, k = maps.shape
    height, width = size
    x, y = ops.meshgrid(ops.arange(width, dtype="float32"), ops.arange(height, dtype="float32"))
    grid = ops.stack([x + 0.5, y + 0.5, ops.ones_like(x)], axis=-1)  # (H, W, 3)
    source = ops.einsum("bij,hwj->bhwi", ops.cast(matrix, "float32"), grid) - 0.5
    left, top = ops.floor(source[..., 0]), ops.floor(source[..., 1])
    weights = _spline if smooth else _linear
    across, down = weights(source[..., 0] - left), weights(source[..., 1] - top)

    padded = ops.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    flat = ops.reshape(padded, (-1, k))
    # Of each picture, its number times its cells; the batch may be unknown, so it is counted.
    number = ops.cumsum(ops.ones_like(left[:, :1, :1], dtype="int32"), axis=0) - 1
    start = number * ((h + 2) * (w + 2))
    result = 0.0
    for dy, weight_y in down.items():
        for dx, weight_x in across.items():
            column = ops.cast(ops.clip(left + dx + 1, 0, w + 1), "int32")
            row = ops.cast(ops.clip(top + dy + 1, 0, h + 1), "int32")
            values = ops.take(flat, start + row * (w + 2) + column, axis=0)
            result = result + values * ops.cast(weight_y * weight_x, maps.dtype)[..., None]
    return result


def _linear(t) -> dict:
    """{cell: weight} of a point at 0 <= t < 1 between the cells 0 and 1."""
    return {0: 1 - t, 1: t}


def _spline(t) -> dict:
    """The same of the cubic B-spline, which reaches from cell -1 to cell 2."""
    s = 1 - t
    return {
        -1: s**3 / 6,
        0: (4 - 6 * t**2 + 3 * t**3) / 6,
        1: (4 - 6 * s**2 + 3 * s**3) / 6,
        2: t**3 / 6,
    }
