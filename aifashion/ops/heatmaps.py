"""Heat maps: keypoints drawn as Gaussians, and Gaussians read back as keypoints.

B: pictures of the batch; K: keypoints; h, w: cells of the map; stride: input pixels per cell.
Points are (x, y) in pixels of the network's input; cell i covers [i * stride, (i + 1) * stride),
its centre is (i + 0.5) * stride. `encode` and `decode` are inverse to each other.
"""

import numpy as np
from keras import ops

PEAKS = ("unbiased", "quarter", "neighbours", "cell")
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


def decode(maps, stride: float, peak: str = "unbiased"):
    """Reads the place and height of each map's peak.

    Noise-free Gaussians at stride 4 are read 0.00 ("unbiased"), 0.91 ("quarter"), 0.77
    ("neighbours") and 1.53 ("cell") pixels off on average.

    Args:
        maps: (B, h, w, K), the larger the likelier; h, w >= 3.
        stride: input pixels per cell.
        peak: "unbiased": one Newton step on the logarithm of the map from its largest cell (Zhang
            et al., DARK, CVPR 2020, eq. 7 to 9), exact for a Gaussian; a map that is no summit
            there is read at the centre of its largest cell. "quarter": a quarter of the way from
            the centre of the largest cell to that of the second largest, wherever it lies.
            "neighbours": a quarter of a cell towards the larger of both neighbours on each axis,
            where the largest cell is neither of the first two nor the last on either; a map without
            anything above 0 is read at its first cell. "cell": the centre of the largest cell. Of
            equal cells the first is the largest.

    Returns:
        points (B, K, 2) in input pixels, and heights (B, K), the value of the largest cell.
    """
    if peak not in PEAKS:
        raise ValueError(f"peak is one of {', '.join(PEAKS)}, not {peak!r}")
    _, h, w, k = maps.shape
    flat = ops.reshape(ops.transpose(ops.cast(maps, "float32"), (0, 3, 1, 2)), (-1, k, h * w))
    best = ops.argmax(flat, axis=-1)
    height = ops.take_along_axis(flat, best[..., None], axis=-1)[..., 0]
    place = _place(best, w)
    if peak == "quarter":
        taken = ops.equal(ops.arange(h * w), ops.cast(best, "int32")[..., None])
        second = ops.argmax(ops.where(taken, -np.inf, flat), axis=-1)
        place = (3 * place + _place(second, w)) / 4
    elif peak == "neighbours":
        place = _towards_neighbours(flat, best, height, (h, w))
    elif peak == "unbiased":
        place = _summit(flat, best, height, (h, w), place)
    return (place + 0.5) * stride, height


def _place(index, w: int):
    """Column and row of cells (B, K) of the flattened map, (B, K, 2)."""
    return ops.cast(ops.stack([index % w, index // w], axis=-1), "float32")


def _towards_neighbours(flat, best, height, size: tuple[int, int]):
    """As HRNet's published code reads: column and row, (B, K, 2)."""
    h, w = size
    best = ops.where(height > 0, best, 0)
    row, column = best // w, best % w
    patch = _neighbours(flat, ops.clip(row, 1, h - 2) * w + ops.clip(column, 1, w - 2), w)
    slope = ops.stack([patch[..., 5] - patch[..., 3], patch[..., 7] - patch[..., 1]], axis=-1)
    inner = (row > 1) & (row < h - 1) & (column > 1) & (column < w - 1)
    step = 0.25 * ops.sign(slope) * ops.cast(inner, "float32")[..., None]
    return _place(best, w) + step


def _summit(flat, best, height, size: tuple[int, int], place):
    """The summit's column and row, (B, K, 2), or `place` where there is none.

    At the rim the stencil moves one cell inwards, which a parabola does not mind.
    """
    h, w = size
    row = ops.clip(best // w, 1, h - 2)
    column = ops.clip(best % w, 1, w - 2)
    patch = _neighbours(flat, row * w + column, w)  # (B, K, 9), row by row
    log = ops.log(ops.maximum(patch, ops.maximum(height, 1e-20)[..., None] * _LOG_FLOOR))
    step_x, step_y, found = _newton_step(log)
    x = ops.cast(column, "float32") + step_x
    y = ops.cast(row, "float32") + step_y
    return ops.where(found[..., None], ops.stack([x, y], axis=-1), place)


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


def moved_right(maps, columns: int):
    """Maps (B, h, w, K) moved by some columns, of which the first ones stay as they are."""
    if columns == 0:
        return maps
    return ops.concatenate([maps[:, :, :columns], maps[:, :, :-columns]], axis=2)


def blur(maps, sigma: float):
    """Smooths maps (B, h, w, K) by a Gaussian of `sigma` cells; their rim loses nothing."""
    _, h, w, _ = maps.shape
    return _along_both(maps, _blur_matrix(h, sigma), _blur_matrix(w, sigma))


def enlarge(maps, factor: int):
    """Bicubic enlargement (B, h, w, K) -> (B, factor h, factor w, K); the picture stays in place.

    Cubic convolution, a = -0.5 (Keys, "Cubic convolution interpolation for digital image
    processing", 1981); at the rim the weights of the cells there are share the whole, as in
    `keras.ops.image.resize`, which TensorFlow does not compile with XLA.
    """
    if factor == 1:
        return maps
    _, h, w, _ = maps.shape
    return _along_both(maps, _enlarging_matrix(h, factor), _enlarging_matrix(w, factor))


def _along_both(maps, down: np.ndarray, across: np.ndarray):
    """down (H, h) and across (W, w) applied to maps (B, h, w, K), (B, H, W, K)."""
    return ops.einsum("ij,bhjk->bhik", across, ops.einsum("ij,bjwk->biwk", down, maps))


def _blur_matrix(cells: int, sigma: float) -> np.ndarray:
    distance = np.arange(cells)[:, None] - np.arange(cells)[None, :]
    return _shares(np.exp(-0.5 * np.square(distance / sigma)))


def _enlarging_matrix(cells: int, factor: int) -> np.ndarray:
    centres = (np.arange(cells * factor) + 0.5) / factor - 0.5  # in indices of the given cells
    d = np.abs(centres[:, None] - np.arange(cells)[None, :])
    near = (1.5 * d - 2.5) * d**2 + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return _shares(np.where(d <= 1, near, np.where(d < 2, far, 0.0)))


def _shares(weights: np.ndarray) -> np.ndarray:
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")
