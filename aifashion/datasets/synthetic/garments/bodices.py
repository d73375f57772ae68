"""The body and the sleeves of a top, from their proportions. Frame: see `garments`."""

from dataclasses import dataclass

import numpy as np

from aifashion.datasets.synthetic.garments import landmarks
from aifashion.datasets.synthetic.garments.geometry import (
    FLIP,
    Warp,
    curve,
    edges,
    limb,
    line,
    smooth,
    waved,
)
from aifashion.datasets.synthetic.garments.parts import ARM, ARM_BEHIND, BODY, Fold, Part

Rng = np.random.Generator
REACH, HAND, STEP = 1.28, 0.2, 0.04  # root to wrist, wrist to fingertips, a limb's step
# The names of a body's keypoints beyond neckline, shoulders and armpits.
BODY_KEYPOINTS = {
    "blouse": ("center_front", "top_hem"),
    "outwear": ("waistline", "top_hem"),
    "dress": ("center_front", "waistline", "hemline"),
    "short_outwear": ("waistline", "top_hem"),
    "vest": ("center_front", "top_hem"),
    "sling": ("center_front", "top_hem"),
    "vest_dress": ("center_front", "waistline", "hemline"),
    "sling_dress": ("center_front", "waistline", "hemline"),
}
OUTWEAR = ("outwear", "short_outwear")
DRESSES = ("dress", "vest_dress", "sling_dress")


@dataclass(frozen=True)
class Cut:
    """The proportions of a top's body. x of a point is its distance from the middle."""

    neck: float
    depth: float
    neckline: str  # round, v, square
    slope: float
    armpit: tuple[float, float]
    waist: tuple[float, float]
    hem: tuple[float, float]
    sag: float  # how much lower the hem's middle is than its corners
    waves: int = 0  # folds along the hem
    span: float = 0.5  # where the shoulder ends; of a sling, its top edge beyond the strap
    top: float = 0.0  # how far below the neck the neckline's ends are, which straps hold

    @property
    def shoulder(self) -> tuple[float, float]:
        """The shoulder's outer end, on the line from the neckline's end to (0.5, slope)."""
        return self.span, self.top + self.slope * ((self.span - self.neck) / (0.5 - self.neck))


@dataclass(frozen=True)
class Arm:
    """How one arm is held; angles in radians from straight down, outwards positive."""

    heading: float
    bend: float
    behind: bool  # the body covers it


# === Body ===


def body(category: str, cut: Cut, seams: tuple[np.ndarray, ...], folds: list[Fold]) -> Part:
    """The body: one outline, symmetric but for its hem's folds, through all its keypoints."""
    upper = np.concatenate([neckline(cut), _side(cut)])
    low = whole_hem(cut)
    outline = np.concatenate([upper, low[1:-1], (upper * FLIP)[::-1]])
    ends = {"waistline": cut.waist, "top_hem": cut.hem, "hemline": cut.hem}
    pairs = {"neckline": (cut.neck, cut.top), "shoulder": cut.shoulder, "armpit": cut.armpit}
    pairs |= {name: ends[name] for name in BODY_KEYPOINTS[category] if name in ends}
    keypoints = {}
    for name, (x, y) in pairs.items():
        keypoints |= {f"{name}_left": np.array([-x, y]), f"{name}_right": np.array([x, y])}
    if "center_front" in BODY_KEYPOINTS[category]:
        keypoints["center_front"] = np.array([0.0, cut.depth])
    return Part("body", "body", "main", outline, BODY, keypoints, seams, tuple(folds))


def neckline(cut: Cut) -> np.ndarray:
    """The front neckline from its lowest point to its right end, (n, 2)."""
    low, end = (0.0, cut.depth), (cut.neck, cut.top)
    if cut.neckline == "v":
        return line(low, end)
    if cut.neckline == "square":
        return line(low, (0.85 * cut.neck, cut.depth), end)
    rise = cut.top + 0.6 * (cut.depth - cut.top)
    return curve(low, (0.6 * cut.neck, cut.depth), (cut.neck, rise), end)


def side(cut: Cut, y: float) -> float:
    """How far from the middle the body's side is at a height below the armpit."""
    outline = _side(cut)
    below = outline[(outline[:, 1] >= cut.armpit[1]) & (outline[:, 0] > 0.3 * cut.waist[0])]
    return float(np.interp(y, below[:, 1], below[:, 0]))


def hem(cut: Cut) -> np.ndarray:
    """From the right hem corner to the hem's middle."""
    hx, hy = cut.hem
    low = hy + cut.sag
    return curve(cut.hem, (0.6 * hx, low), (0.3 * hx, low), (0, low))


def _side(cut: Cut) -> np.ndarray:
    """From the right shoulder down to the right hem corner."""
    above, below = _flanks(cut)
    return np.concatenate([_armhole(cut), above[1:], below[1:]])


def _flanks(cut: Cut) -> tuple[np.ndarray, np.ndarray]:
    """From the right armpit to the waist, and from there to the right hem corner."""
    (ax, ay), (wx, wy), (hx, hy) = cut.armpit, cut.waist, cut.hem
    # Upright at the waist: the waistline is where the garment is narrowest.
    return (
        curve(cut.armpit, (ax, ay + 0.1), (wx, wy - 0.5 * (wy - ay)), cut.waist),
        curve(cut.waist, (wx, wy + 0.3 * (hy - wy)), (0.4 * wx + 0.6 * hx, wy + 0.6 * (hy - wy)),
              cut.hem),
    )  # fmt: skip


def whole_hem(cut: Cut) -> np.ndarray:
    """The hem with its folds from the right corner to the left one."""
    half = hem(cut)
    return waved(np.concatenate([half, (half * FLIP)[-2::-1]]), cut.waves, 0.025, 1.0)


def _armhole(cut: Cut) -> np.ndarray:
    """From the right shoulder to the right armpit: the edge that body and sleeve share."""
    if cut.top > 0:  # an edge under the arm, without a shoulder
        (x, y), (ax, ay) = cut.shoulder, cut.armpit
        return curve(
            cut.shoulder, (x + 0.02, y + 0.5 * (ay - y)), (ax - 0.1, ay - 0.03), cut.armpit
        )
    inmost, y = min(cut.span, cut.armpit[0]) - 0.04, cut.armpit[1]
    return curve(cut.shoulder, (inmost, 0.45 * y), (inmost, 0.75 * y), cut.armpit)


def body_landmarks(category: str, cut: Cut, arms: str) -> dict[str, np.ndarray]:
    """The landmarks on the body's outline, of outwear without those on its front opening.

    Args:
        category: a key of BODY_KEYPOINTS.
        arms: short, long, vest or sling: what the names of its shoulders begin with.
    """
    low, (above, below) = whole_hem(cut), _flanks(cut)
    middle = low[len(low) // 2]
    points = landmarks.shoulder(arms, cut.shoulder, cut.armpit)
    if category not in OUTWEAR:
        points |= landmarks.neckline(neckline(cut))
    if category in DRESSES:
        points |= landmarks.sides(above, arms) | landmarks.dress(below, middle)
    else:
        points |= landmarks.sides(np.concatenate([above, below[1:]]), arms)
        points |= {} if category in OUTWEAR else {"hem_middle": middle}
    return points


def swing(cut: Cut, sway: float) -> Warp:
    """Everything below the waist moved to one side, the hem by `sway`."""

    def warp(points: np.ndarray) -> np.ndarray:
        below = np.maximum((points[..., 1] - cut.waist[1]) / (cut.hem[1] - cut.waist[1]), 0)
        moved = points.copy()
        moved[..., 0] += sway * below**2
        return moved

    return warp


# === Folds ===


def body_folds(pose: Rng, cut: Cut, flare: float) -> list[Fold]:
    """Where cloth pulls from the armpits, gathers at the waist, and falls from there in folds.

    Args:
        flare: 0 for straight bodies, 1 for wide skirts: how deep the falling folds are.
    """
    (ax, ay), (wx, wy), (hx, hy) = cut.armpit, cut.waist, cut.hem
    folds = []
    for flip in (-1, 1):
        for _ in range(int(pose.integers(1, 4))):
            start = np.array((flip * (ax - pose.uniform(0, 0.06)), ay + pose.uniform(0.0, 0.1)))
            along = np.array((-flip * pose.uniform(0.1, 0.3), pose.uniform(0.05, 0.35)))
            folds.append(_bow(pose, start, start + along, 0.035, -pose.uniform(0.4, 1)))
        for _ in range(int(pose.integers(1, 4))):
            start = np.array((flip * wx * 0.98, wy + pose.normal(0, 0.09)))
            along = np.array((-flip * pose.uniform(0.1, 0.3), pose.uniform(-0.06, 0.1)))
            folds.append(_bow(pose, start, start + along, 0.03, -pose.uniform(0.3, 0.9)))
    spread = pose.uniform(0.5, 1)
    for spot in np.linspace(-0.85, 0.85, max(cut.waves, 2)) + pose.normal(0, 0.04):
        start = (spot * wx * 0.7, wy + 0.1 + pose.uniform(0, 0.3) * (hy - wy))
        end = (spot * hx + pose.normal(0, 0.02), hy + cut.sag * (1 - spot**2))
        height = (0.25 + 0.75 * flare) * spread * pose.choice((-1.0, 0.8))
        folds.append(Fold(line(start, end), 0.03 + 0.05 * flare, height))
    return folds


def _bow(pose: Rng, start: np.ndarray, end: np.ndarray, width: float, height: float) -> Fold:
    """A slightly bent crease."""
    aside = (end - start)[::-1] * FLIP * pose.normal(0, 0.12)
    third = (end - start) / 3
    path = curve(start, start + third + aside, end - third + aside, end, steps=6)
    return Fold(path, width, height)


# === Sleeves, drawn as the right one ===


def arm(pose: Rng, shown: str) -> Arm:
    """A way to hold an arm: hanging, on the hip or before the body, raised, or spread."""
    if shown == "hanger":
        return Arm(pose.uniform(0.06, 0.22), pose.normal(0, 0.05), behind=False)
    shares = {"flat": (0.35, 0.1, 0.05, 0.5), "mannequin": (0.85, 0.1, 0.0, 0.05)}
    kind = pose.choice(4, p=shares.get(shown, (0.5, 0.22, 0.12, 0.16)))
    heading, bend = (
        (pose.uniform(0.08, 0.4), pose.normal(0, 0.12)),
        (pose.uniform(0.3, 0.75), pose.uniform(-1.8, -0.8)),
        (pose.uniform(0.9, 1.6), pose.uniform(0.0, 1.0)),
        (pose.uniform(0.45, 1.2), pose.normal(0, 0.05)),
    )[kind]
    return Arm(heading, bend, behind=bool(pose.random() < 0.12))


@dataclass(frozen=True)
class Sleeve:
    """Its cut: length from the arm's root, half widths at the elbow's height and at the end."""

    length: float
    cuff: float
    band: bool = False  # a cuff sewn on

    @property
    def kind(self) -> str:
        """The one word for it in landmarks' names: short to the elbow, long beyond it."""
        return "long" if self.length > 0.82 else "short"


def sleeve(pose: Rng, cut: Cut, held: Arm, made: Sleeve) -> tuple[list[Part], Part]:
    """The right sleeve's parts, and the wearer's arm under it."""
    shoulder, armpit = np.array(cut.shoulder), np.array(cut.armpit)
    along = np.arange(0, REACH + HAND, STEP)
    out = max(held.heading, 0.8)  # the shoulder's roundness, before the arm takes its heading
    headings = held.heading + (out - held.heading) * np.exp(-along / 0.12)
    headings = headings + held.bend * smooth((along - 0.46) / 0.34)
    centre = limb((shoulder + armpit) / 2, headings, STEP)
    end = max(round(made.length / STEP), 4)
    reach = along[: end + 1] / along[end]
    half = 0.185 + (made.cuff - 0.185) * reach**0.8
    outer, inner = edges(centre[: end + 1], headings[: end + 1], half)
    outer, inner = _rooted(cut, outer, inner, headings)
    layer = ARM_BEHIND if held.behind else ARM
    folds = _sleeve_folds(pose, centre[: end + 1], headings[: end + 1], half)
    over = Part(
        "sleeve_right",
        "sleeve",
        "main",
        np.concatenate([outer, inner[::-1], _armhole(cut)[-2:0:-1] - (0.006, 0)]),
        layer + 1,
        {"cuff_right_out": outer[-1], "cuff_right_in": inner[-1]},
        (line(outer[-3], inner[-3]),) if made.length > 0.4 and not made.band else (),
        tuple(folds),
        grain=-float(headings[end // 2]),
        landmarks=landmarks.sleeve(made.kind, outer, inner),
    )
    parts = [over, _band(outer, inner, layer)] if made.band and made.length > 0.9 else [over]
    return parts, _bare_arm(centre, headings, along, layer)


def _rooted(
    cut: Cut, outer: np.ndarray, inner: np.ndarray, headings: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The sleeve's sides; near the body they leave the arm's shape to reach shoulder and armpit."""
    shoulder, armpit = np.array(cut.shoulder), np.array(cut.armpit)
    free = min(9, len(outer) - 1)
    ahead = 0.1 * np.array([np.sin(headings[free]), np.cos(headings[free])])
    start, join = shoulder + np.array((0.1, 0.05)), outer[free] - ahead
    outer = np.concatenate([curve(shoulder, start, join, outer[free]), outer[free + 1 :]])
    start, join = armpit + np.array((0.03, 0.05)), inner[free] - ahead
    inner = np.concatenate([curve(armpit, start, join, inner[free]), inner[free + 1 :]])
    return outer, inner


def _band(outer: np.ndarray, inner: np.ndarray, layer: float) -> Part:
    """A cuff sewn to the sleeve's end; the corners, and so the keypoints, stay the sleeve's."""
    shape = line(outer[-4], outer[-1], inner[-1], inner[-4])
    return Part("cuff_right", "cuff", "trim", shape, layer + 2, seams=(line(outer[-4], inner[-4]),))


def _sleeve_folds(
    pose: Rng, centre: np.ndarray, headings: np.ndarray, half: np.ndarray
) -> list[Fold]:
    """Creases across the sleeve, most where it bends and above its end."""
    right = np.stack([np.cos(headings), -np.sin(headings)], 1)
    turning = np.abs(np.gradient(headings)) + 0.004
    turning[: min(6, len(turning) // 3)] = 0.004  # the shoulder's roundness makes none
    folds = []
    for _ in range(int(pose.integers(2, 5) + 4 * (turning.max() > 0.04))):
        place = int(pose.choice(len(centre), p=turning / turning.sum()))
        slant = min(max(place + int(pose.integers(-4, 5)), 0), len(centre) - 1)
        start = centre[place] - right[place] * half[place]
        end = centre[slant] + right[slant] * half[slant] * pose.uniform(-0.3, 0.6)
        folds.append(_bow(pose, start, end, 0.03, -pose.uniform(0.4, 1)))
    low = max(len(centre) - 5, 1)
    folds.append(Fold(centre[min(6, low) : low : 3], 0.05, pose.uniform(0.1, 0.4)))
    return [fold for fold in folds if len(fold.path) > 1]


def _bare_arm(centre: np.ndarray, headings: np.ndarray, along: np.ndarray, layer: float) -> Part:
    wrist = (0, 0.3, REACH, REACH + 0.08, REACH + HAND)
    half = np.interp(along, wrist, (0.03, 0.09, 0.05, 0.07, 0.03))
    outer, inner = edges(centre, headings, half)
    outline = np.concatenate([outer, inner[::-1]])
    return Part("arm_right", "arm", "skin", outline, layer)
