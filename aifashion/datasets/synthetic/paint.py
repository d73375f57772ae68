"""An outfit in pixels: coverage, cloth, light, seams and shadows, part by part, and the camera."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from aifashion.datasets.synthetic import fabrics
from aifashion.datasets.synthetic.garments.parts import Layer, Outfit, Part
from aifashion.datasets.synthetic.scenes.backgrounds import background
from aifashion.datasets.synthetic.shading import Light, Window, light, shade, shadow

Rng = np.random.Generator
FINE = 4  # edges are drawn this much finer, then averaged: cv2's own smooth edges are 0.6 px wide
_SKIN = ((236, 200, 176), (222, 180, 150), (198, 150, 118), (160, 112, 82), (118, 80, 58),
         (84, 58, 44))  # fmt: skip
_DUMMY = ((240, 238, 234), (206, 186, 158), (62, 60, 62), (180, 178, 178))
_HAIR = ((30, 26, 26), (58, 40, 30), (92, 62, 40), (150, 108, 62), (196, 160, 104))
_ROUND = {"arm": 1.0, "shin": 1.0, "face": 0.8, "neck": 0.8, "sleeve": 0.9, "leg": 0.9,
          "hair": 0.7, "stand": 1.0, "hanger": 0.8, "button": 0.6, "belt": 0.3}  # fmt: skip
_FLUSH = ("button", "print", "placket", "zipper", "neckline")  # too flat to throw a shadow
_FLAT = 0.55  # how much other parts swell
_NEAR = {"worn": 0.16, "mannequin": 0.2, "hanger": 0.45, "flat": 0.6}  # the background's nearness


def project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (N, 2) of the garment frame in the picture, by a (3, 3) homography."""
    found = points @ matrix[:, :2].T + matrix[:, 2]
    return found[:, :2] / found[:, 2:]


@dataclass(frozen=True)
class _Scene:
    """What every part is painted with."""

    matrix: np.ndarray
    shape: tuple[int, int]
    unit: float  # pixels of a garment unit
    turn: float
    lamp: Light
    looks: dict[tuple[int | None, str], fabrics.Fabric]
    swatches: dict
    rng: Rng


def paint(outfit: Outfit, matrix: np.ndarray, rng: Rng, shape: tuple[int, int]) -> np.ndarray:
    """The outfit in a scene, (H, W, 3) uint8 RGB for a shape (H, W)."""
    unit = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    turn = float(np.arctan2(matrix[1, 0], matrix[0, 0]))
    main = outfit.garments[0].cloths["main"]
    canvas = background(rng, outfit.setting or outfit.shown, shape, list(main.colours[:2]))
    scene = _Scene(matrix, shape, unit, turn, light(rng), _looks(rng, outfit), {}, rng)
    covered = np.zeros(shape, np.float32)
    for layer in outfit.layers:
        _paint_layer(scene, layer, canvas, covered, _NEAR[outfit.shown])
    return _photographed(rng, canvas)


def _looks(rng: Rng, outfit: Outfit) -> dict[tuple[int | None, str], fabrics.Fabric]:
    """The fabric of each cloth: a garment's own by its place, others' by None."""
    looks = {(n, name): c for n, g in enumerate(outfit.garments) for name, c in g.cloths.items()}
    own = [g.cloths["main"].colours[0] for g in outfit.garments]
    tones = _DUMMY if outfit.shown == "mannequin" else _SKIN
    skins = [np.array(tone, np.float64) for tone in tones]
    far = [tone for tone in skins if fabrics.distance(tone, own[0]) > 38] or skins
    skin = far[rng.integers(len(far))]
    plain = {
        "skin": skin,
        "lips": skin * (0.86, 0.55, 0.55),
        "eye": np.array([46.0, 38.0, 34.0]),
        "hair": np.array(_HAIR[rng.integers(len(_HAIR))], np.float64),
        "shoe": fabrics.contrasting(rng, [own[0]], 40.0, vivid=0.4),
        "thing": fabrics.contrasting(rng, own, 45.0, vivid=0.8),
        "paper": np.array([238.0, 236.0, 230.0]),
        "phone": np.array([38.0, 38.0, 42.0]),
        "wood": np.array([176.0, 130.0, 84.0]) * rng.uniform(0.5, 1.25),
        "metal": np.array([176.0, 176.0, 180.0]),
    }
    return looks | {(None, name): fabrics.plain(rgb) for name, rgb in plain.items()}


# === Coverage ===


def coverage(outline: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, tuple[slice, slice]]:
    """How much of each pixel an outline (N, 2) in the picture covers.

    Returns:
        (h, w) uint8, 0 to 255, and the rows and columns of the picture (height, width) it is for.
    """
    (left, top), (right, bottom) = outline.min(0).tolist(), outline.max(0).tolist()
    x, y = _within(left, right, shape[1]), _within(top, bottom, shape[0])
    window, low = (y, x), (x.start, y.start)
    w, h = x.stop - x.start, y.stop - y.start
    if w == 0 or h == 0:
        return np.zeros((h, w), np.uint8), window
    fine = np.zeros((h * FINE, w * FINE), np.uint8)
    cv2.fillPoly(fine, [_fixed((outline - low) * FINE)], 255, shift=4)
    return cv2.resize(fine, (w, h), interpolation=cv2.INTER_AREA), window


def _within(low: float, high: float, side: int) -> slice:
    """The pixels between two coordinates and two more on each side, inside the picture."""
    start = min(max(math.floor(low) - 2, 0), side)
    return slice(start, max(min(math.ceil(high) + 2, side), start))


def _fixed(points: np.ndarray) -> np.ndarray:
    """Continuous points as cv2 wants them: pixel centres are integers there, with 4 bits below."""
    fixed = (points - 0.5) * 16
    return np.rint(np.minimum(np.maximum(fixed, -(2**22)), 2**22)).astype(np.int32)


# === Parts ===


_Place = tuple[np.ndarray, np.ndarray, Window]  # a part's outline, its mask and where that is


def _paint_layer(
    scene: _Scene, layer: Layer, canvas: np.ndarray, covered: np.ndarray, near: float
) -> None:
    """Throws the part's shadow, then lays its lit cloth over what is there."""
    part = layer.part
    outline = project(scene.matrix, part.outline)
    mask, window = coverage(outline, scene.shape)
    if not mask.any():
        return
    if part.kind not in _FLUSH:
        dark, around = shadow(mask, window, scene.shape, scene.unit, scene.lamp)
        dark *= near + np.float32(0.42 - near) * covered[around]
        canvas[around] *= (1 - dark)[..., None]
    cloth = scene.looks[layer.garment, part.cloth]
    alpha = mask.astype(np.float32) * np.float32(1 / 255)
    if part.kind == "print":
        colours, ink = _printed(outline, cloth, window)
        alpha *= ink
    else:
        colours = _cloth(scene, part, cloth, (outline, mask, window))
    canvas[window] += alpha[..., None] * (colours - canvas[window])
    covered[window] = np.maximum(covered[window], alpha)


def _cloth(scene: _Scene, part: Part, cloth: fabrics.Fabric, place: _Place) -> np.ndarray:
    """The part's fabric under the light, (h, w, 3) float32."""
    _, mask, window = place
    origin = (window[1].start, window[0].start)
    width = 1.25 - 0.5 * cloth.stiffness  # stiff cloth breaks, soft cloth bends
    folds = [
        (project(scene.matrix, fold.path) - origin, replace(fold, width=width * fold.width))
        for fold in part.folds
    ]
    bright, slope = shade(mask, folds, scene.unit, scene.lamp, _ROUND.get(part.kind, _FLAT))
    u, v = _threads(window, scene.turn + part.grain, scene.unit)
    key = id(cloth)
    if key not in scene.swatches:
        scene.swatches[key] = fabrics.swatch(cloth, scene.rng, scene.unit)
    bent = np.float32(0.02) * slope  # the pattern follows the folds
    colours = fabrics.look_up(scene.swatches[key], u + bent, v + bent)
    colours *= _sewn(scene, part, place, bright)
    if cloth.gloss > 0.15:
        shine = np.clip(-slope * np.float32(1.8) - np.float32(0.35), 0, 1) ** 2
        colours += (np.float32(190 * cloth.gloss) * shine)[..., None]
    return colours


def _printed(
    corners: np.ndarray, cloth: fabrics.Fabric, window: Window
) -> tuple[np.ndarray, np.ndarray]:
    """A picture printed between four corners: (h, w, 3) float32, and how much ink, (h, w)."""
    picture = fabrics.motif(np.random.default_rng(cloth.seed), cloth.colours[0])
    rows, columns = window
    side = picture.shape[0]
    ends = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32) - 0.5
    places = (corners - (columns.start, rows.start) - 0.5).astype(np.float32)
    way = cv2.getPerspectiveTransform(ends, places)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    shown = cv2.warpPerspective(picture, way, size, flags=cv2.INTER_AREA).astype(np.float32)
    return 0.94 * shown[..., :3], 0.9 / 255 * shown[..., 3]


def _sewn(scene: _Scene, part: Part, place: _Place, bright: np.ndarray) -> np.ndarray:
    """Brightness with the part's edge a little darker and its seams drawn, (h, w, 1)."""
    outline, mask, window = place
    seams = [project(scene.matrix, seam) for seam in part.seams]
    edge = _lines(mask.shape, [np.vstack([outline, outline[:1]])], window, scene.unit)
    bright = bright * (1 - np.float32(0.2) * edge)
    if seams:
        drawn = _lines(mask.shape, seams, window, scene.unit)
        bright = bright * (1 - np.float32(0.45 * min(1.0, scene.unit / 60)) * drawn)
    return bright[..., None]


def _lines(
    shape: tuple[int, int], paths: list[np.ndarray], window: Window, unit: float
) -> np.ndarray:
    """Where the paths run, (h, w) float32 from 0 to 1."""
    drawn = np.zeros(shape, np.uint8)
    origin = (window[1].start, window[0].start)
    thick = max(1, round(unit / 130))
    fixed = [_fixed(path - origin) for path in paths]
    cv2.polylines(drawn, fixed, False, 255, thick, cv2.LINE_AA, shift=4)
    return drawn.astype(np.float32) * np.float32(1 / 255)


def _threads(window: Window, turn: float, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (h, w) float32 across and along the fabric's threads, in units."""
    rows, columns = window
    x = np.arange(columns.start, columns.stop, dtype=np.float32)[None] / np.float32(unit)
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] / np.float32(unit)
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return c * x + s * y, c * y - s * x


# === The camera ===


def _photographed(rng: Rng, canvas: np.ndarray) -> np.ndarray:
    """Focus, exposure, white balance, vignette and grain: (H, W, 3) uint8."""
    h, w = canvas.shape[:2]
    if rng.random() < 0.25:
        sigma = rng.uniform(0.3, 0.0035 * max(h, w) + 0.35)
        canvas = cv2.GaussianBlur(canvas, (0, 0), sigma)
    balance = rng.normal(1, 0.03, 3) * rng.normal(1, 0.07)
    y, x = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    fall = (1 - np.float32(rng.uniform(0, 0.14)) * (x**2 + y**2)).astype(np.float32)
    canvas *= fall[..., None] * balance.astype(np.float32)
    grain = rng.standard_normal((128, 128)).astype(np.float32) * np.float32(rng.uniform(0.5, 4))
    canvas += np.tile(grain, (-(-h // 128), -(-w // 128)))[:h, :w, None]
    return np.clip(canvas, 0, 255).astype(np.uint8)
