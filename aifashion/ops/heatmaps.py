"""Heat maps: keypoints drawn as Gaussians, and Gaussians read back as keypoints.

B: pictures of the batch; K: keypoints; h, w: cells of the map; stride: input pixels per cell.
Points are (x, y) in pixels of the network's input; cell i covers [i * stride, (i + 1) * stride),
its centre is (i + 0.5) * stride. `encode` and `decode` are inverse to each other.
"""

import numpy as np
from keras import ops

_LOG_FLOOR = 1e-10  # relative to the peak: below it a map says nothing about the peak's place


def encode(points, size: tuple[int, int], stride: float, sigma: float, targets: str = "unbiased"):
    """Draws one Gaussian of peak 1 a keypoint.

    Args:
        points: (B, K, 2) in input pixels.
        size: (h, w) of the maps.
        stride: input pixels per cell.
        sigma: standard deviation in cells.
        targets: "unbiased" keeps the point's fraction of a cell (Zhang et al., DARK, CVPR 2020,
            section 3.3); "msra" rounds the centre to a cell and cuts the Gaussian at 3 sigma
            (Xiao et al., Simple Baselines, ECCV 2018).

    Returns:
        (B, h, w, K) float32.
    """
    centre = ops.cast(points, "float32") / stride - 0.5  # in cell indices
    if targets == "msra":
        centre = ops.floor(centre + 0.5)
    elif targets != "unbiased":
        raise ValueError(f"targets is 'unbiased' or 'msra', not {targets!r}")
    across = _profile(centre[..., 0], size[1], sigma, targets)  # (B, w, K)
    down = _profile(centre[..., 1], size[0], sigma, targets)  # (B, h, K)
    return down[:, :, None, :] * across[:, None, :, :]


def _profile(centre, cells: int, sigma: float, targets: str):
    """One axis of the separable Gaussian: centre (B, K) -> (B, cells, K)."""
    distance = ops.arange(cells, dtype="float32")[None, :, None] - centre[:, None, :]
    gaussian = ops.exp(-0.5 * ops.square(distance / sigma))
    if targets == "msra":
        gaussian = ops.where(ops.abs(distance) <= 3 * sigma, gaussian, 0.0)
    return gaussian


def decode(maps, stride: float):
    """Reads the place and height of each map's peak, to a small fraction of a cell.

    One Newton step on the logarithm of the map from its largest cell (DARK, eq. 7 to 9): exact for
    a Gaussian. At the rim the stencil moves one cell inwards, which a parabola does not mind. A map
    that is no summit there is read at the centre of its largest cell, of several the first.

    Args:
        maps: (B, h, w, K), the larger the likelier; h, w >= 3.
        stride: input pixels per cell.

    Returns:
        points (B, K, 2) in input pixels, and peaks (B, K), the value of the largest cell.
    """
    _, h, w, k = maps.shape
    flat = ops.reshape(ops.transpose(ops.cast(maps, "float32"), (0, 3, 1, 2)), (-1, k, h * w))
    best = ops.argmax(flat, axis=-1)
    peak = ops.take_along_axis(flat, best[..., None], axis=-1)[..., 0]
    row = ops.clip(best // w, 1, h - 2)
    column = ops.clip(best % w, 1, w - 2)

    patch = _neighbours(flat, row * w + column, w)  # (B, K, 9), row by row
    log = ops.log(ops.maximum(patch, ops.maximum(peak, 1e-20)[..., None] * _LOG_FLOOR))
    step_x, step_y, summit = _newton_step(log)
    x = ops.where(summit, ops.cast(column, "float32") + step_x, ops.cast(best % w, "float32"))
    y = ops.where(summit, ops.cast(row, "float32") + step_y, ops.cast(best // w, "float32"))
    return (ops.stack([x, y], axis=-1) + 0.5) * stride, peak


def _neighbours(flat, centre, w: int):
    offsets = np.array([dy * w + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)], "int32")
    cells = ops.cast(centre, "int32")[..., None] + offsets
    return ops.take_along_axis(flat, cells, axis=-1)


def _newton_step(log):
    """-H^-1 g of the 3 x 3 stencil (B, K, 9), in cells, and whether it has a summit."""
    a, b, c, d, e, f, g, h, i = (log[..., n] for n in range(9))
    dx, dy = (f - d) / 2, (h - b) / 2
    dxx, dyy = f - 2 * e + d, h - 2 * e + b
    dxy = (i - g - c + a) / 4
    determinant = dxx * dyy - dxy * dxy
    summit = (dxx < 0) & (dyy < 0) & (determinant > 1e-12)
    safe = ops.where(summit, determinant, 1.0)
    step_x = (dxy * dy - dyy * dx) / safe
    step_y = (dxy * dx - dxx * dy) / safe
    # Two cells: one to come back from the rim, one for a peak between cells.
    return ops.clip(step_x, -2.0, 2.0), ops.clip(step_y, -2.0, 2.0), summit


def blur(maps, sigma: float):
    """Smooths maps (B, h, w, K) by a Gaussian of `sigma` cells; their rim loses nothing."""
    _, h, w, _ = maps.shape
    down = ops.einsum("ij,bjwk->biwk", _blur_matrix(h, sigma), maps)
    return ops.einsum("ij,bhjk->bhik", _blur_matrix(w, sigma), down)


def _blur_matrix(cells: int, sigma: float) -> np.ndarray:
    distance = np.arange(cells)[:, None] - np.arange(cells)[None, :]
    weights = np.exp(-0.5 * np.square(distance / sigma))
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")
