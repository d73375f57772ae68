"""Colours clothes have, and colours that go together."""

import colorsys
from collections.abc import Callable, Sequence

import numpy as np

Rng = np.random.Generator
LUMA = np.array([0.3, 0.59, 0.11])  # how much the eye makes of red, green and blue
_USUAL = 0.8  # the share of colours that stand in CLOTHING; the rest is any colour
NEUTRALS = np.array([
    (24, 24, 27), (44, 46, 52), (84, 86, 92), (134, 135, 138), (192, 193, 194), (243, 243, 240),
    (236, 228, 212), (212, 194, 165), (34, 42, 72), (98, 70, 50),
], np.float64)  # fmt: skip
CLOTHING = np.concatenate([NEUTRALS, np.array([
    (24, 24, 27), (243, 243, 240), (34, 42, 72),  # black, white and navy are worn most
    (186, 146, 100), (150, 136, 100), (92, 94, 62), (128, 116, 104), (106, 30, 44), (184, 40, 46),
    (176, 86, 50), (206, 160, 58), (240, 220, 148), (28, 72, 56), (156, 174, 146), (186, 220, 202),
    (30, 108, 116), (150, 190, 222), (190, 208, 230), (42, 78, 164), (76, 104, 148),
    (188, 172, 212), (94, 50, 94), (214, 166, 168), (240, 216, 210), (234, 126, 104),
    (192, 48, 112), (70, 130, 90), (124, 150, 176),
], np.float64)])  # fmt: skip
LEAVES = np.array([(58, 94, 56), (96, 122, 74), (40, 70, 52), (130, 150, 96)], np.float64)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """How far two RGB colours are apart, 0 to 255, brightness counting as the eye sees it."""
    return float(np.sqrt((LUMA * (one - other) ** 2).sum()))


def any_of(rng: Rng, colours: np.ndarray, spread: float = 7.0) -> np.ndarray:
    """One of the colours (n, 3), a little off: (3,) float64."""
    chosen = colours[rng.integers(len(colours))] * rng.uniform(0.9, 1.06)
    return np.clip(chosen + rng.normal(0, spread, 3), 12, 247)


def colour(rng: Rng, vivid: float = 1.0) -> np.ndarray:
    """A colour clothes have: mostly a usual one, a third of them white, grey, black or beige.

    Args:
        rng: the source of chance.
        vivid: 1 as clothes are, less for greyer ones.

    Returns:
        (3,) float64 RGB, 0 to 255.
    """
    if rng.random() < _USUAL:
        rgb = any_of(rng, CLOTHING)
        grey = float(LUMA @ rgb)
        return grey + min(vivid, 1.0) * (rgb - grey)
    # Neither neon nor mud: the lighter, the paler.
    saturation = rng.uniform(0.15, 0.72)
    return _from_hsv(rng.random(), vivid * saturation, rng.uniform(0.25, 1.0 - 0.35 * saturation))


def contrasting(
    rng: Rng, others: Sequence[np.ndarray], least: float, vivid: float = 1.0
) -> np.ndarray:
    """A colour at least so far from all the others, or the farthest of 24 tries. (3,) RGB."""
    return _farthest(lambda: colour(rng, vivid), others, least)


def matching(
    rng: Rng, ground: np.ndarray, count: int, least: float, others: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """Colours that go with a ground and stand out from it and, less, from one another.

    Each is a neutral, the ground's own hue lighter or darker, a neighbour's or the opposite one.

    Args:
        rng: the source of chance.
        ground: (3,) RGB.
        count: how many.
        least: how far from the ground each is, if it can be, as by `distance`.
        others: colours (3,) they also stand out from.

    Returns:
        (count, 3) float64 RGB, 0 to 255.
    """
    others = [ground, *others]
    chosen = [_farthest(lambda: _companion(rng, ground), others, least)]
    while len(chosen) < count:
        # The ground is to be seen as well, but two shades beside it may be near each other.
        apart = [ground + 0.35 * (other - ground) for other in chosen]
        chosen.append(_farthest(lambda: _companion(rng, ground), [*others, *apart], least))
    return np.stack(chosen)


def _companion(rng: Rng, ground: np.ndarray) -> np.ndarray:
    hue, saturation, value = colorsys.rgb_to_hsv(*(ground / 255))
    kind = rng.random()
    if kind < 0.45 or (saturation < 0.12 and kind < 0.6):
        return any_of(rng, NEUTRALS, 4.0)
    if saturation < 0.12:
        return any_of(rng, CLOTHING)
    turn = 0.0 if kind < 0.65 else rng.uniform(-0.1, 0.1) if kind < 0.85 else 0.5
    other = rng.uniform(0.75, 0.97) if value < 0.6 else rng.uniform(0.2, 0.5)
    return _from_hsv(hue + turn, np.clip(saturation * rng.uniform(0.5, 1.1), 0, 0.85), other)


def _farthest(
    draw: Callable[[], np.ndarray], others: Sequence[np.ndarray], least: float
) -> np.ndarray:
    """The first colour drawn that is `least` from all the others, or the farthest of 24."""
    best, far = draw(), -1.0
    for _ in range(24):
        candidate = draw()
        nearest = min((distance(candidate, other) for other in others), default=least)
        if nearest > far:
            best, far = candidate, nearest
        if far >= least:
            break
    return best


def _from_hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    # Nobody wears the green of a screen: from lime to mint the eye sees far more colour.
    green = max(0.0, 1 - abs(hue % 1 - 0.33) / 0.16)
    rgb = colorsys.hsv_to_rgb(hue % 1, saturation * (1 - 0.4 * green), value * (1 - 0.2 * green))
    return 255 * np.array(rgb)
