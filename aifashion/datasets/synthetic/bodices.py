"""The body and the sleeves of a top, from their proportions. Frame: see `garments`."""

from dataclasses import dataclass, replace

import numpy as np

from aifashion.datasets.synthetic.garments import Part, both_sides, curve, edges, limb, line

ARM, HAND, STEP = 1.28, 0.2, 0.04  # root to wrist, wrist to fingertips, a limb's step
# The names of a body's keypoints beyond neckline, shoulders and armpits.
BODY_KEYPOINTS = {
    "blouse": ("center_front", "top_hem"),
    "outwear": ("waistline", "top_hem"),
    "dress": ("center_front", "waistline", "hemline"),
}


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
    sway: float  # how far the hem swings to one side

    @property
    def shoulder(self) -> tuple[float, float]:
        return 0.5, self.slope


@dataclass(frozen=True)
class Arm:
    """How one arm is held; angles in radians from straight down, outwards positive."""

    heading: float
    bend: float
    behind: bool  # the body covers it


# === Body ===


def body(category: str, cut: Cut, seams: tuple[np.ndarray, ...]) -> Part:
    """The body: one outline, symmetric, through all its keypoints."""
    half = np.concatenate([neckline(cut), _side(cut)])
    ends = {"waistline": cut.waist, "top_hem": cut.hem, "hemline": cut.hem}
    pairs = {"neckline": (cut.neck, 0.0), "shoulder": cut.shoulder, "armpit": cut.armpit}
    pairs |= {name: ends[name] for name in BODY_KEYPOINTS[category] if name in ends}
    keypoints = {}
    for name, (x, y) in pairs.items():
        keypoints |= {f"{name}_left": np.array([-x, y]), f"{name}_right": np.array([x, y])}
    if "center_front" in BODY_KEYPOINTS[category]:
        keypoints["center_front"] = np.array([0.0, cut.depth])
    return Part("body", "main", both_sides(half), keypoints, seams)


def neckline(cut: Cut) -> np.ndarray:
    """The front neckline from its lowest point to its right end, (n, 2)."""
    low, end = (0.0, cut.depth), (cut.neck, 0.0)
    if cut.neckline == "v":
        return line(low, end)
    if cut.neckline == "square":
        return line(low, (0.85 * cut.neck, cut.depth), end)
    return curve(low, (0.6 * cut.neck, cut.depth), (cut.neck, 0.6 * cut.depth), end)


def side(cut: Cut, y: float) -> float:
    """How far from the middle the body's side is at a height below the armpit."""
    outline = _side(cut)
    below = outline[(outline[:, 1] >= cut.armpit[1]) & (outline[:, 0] > 0.3 * cut.waist[0])]
    return float(np.interp(y, below[:, 1], below[:, 0]))


def _side(cut: Cut) -> np.ndarray:
    """From the right shoulder down to the hem's middle."""
    (ax, ay), (wx, wy), (hx, hy) = cut.armpit, cut.waist, cut.hem
    return np.concatenate([
        _armhole(cut),
        # Upright at the waist: the waistline is where the garment is narrowest.
        curve(cut.armpit, (ax, ay + 0.1), (wx, wy - 0.5 * (wy - ay)), cut.waist)[1:],
        curve(cut.waist, (wx, wy + 0.3 * (hy - wy)), (0.4 * wx + 0.6 * hx, wy + 0.6 * (hy - wy)),
              cut.hem)[1:],
        curve(cut.hem, (0.6 * hx, hy + cut.sag), (0.3 * hx, hy + cut.sag), (0, hy + cut.sag))[1:],
    ])  # fmt: skip


def _armhole(cut: Cut) -> np.ndarray:
    """From the right shoulder to the right armpit: the edge that body and sleeve share."""
    inmost, y = min(0.5, cut.armpit[0]) - 0.04, cut.armpit[1]
    return curve(cut.shoulder, (inmost, 0.45 * y), (inmost, 0.75 * y), cut.armpit)


def swung(part: Part, cut: Cut) -> Part:
    """The part with everything below the waist swung to one side."""

    def swing(points: np.ndarray) -> np.ndarray:
        below = np.clip((points[..., 1] - cut.waist[1]) / (cut.hem[1] - cut.waist[1]), 0, None)
        return points + np.stack([cut.sway * below**2, np.zeros_like(below)], -1)

    return replace(
        part,
        outline=swing(part.outline),
        keypoints={name: swing(point) for name, point in part.keypoints.items()},
        seams=tuple(swing(seam) for seam in part.seams),
    )


# === Sleeves, drawn as the right one ===


def arm(rng: np.random.Generator) -> Arm:
    """A way to hold an arm: hanging, on the hip or before the body, raised, or spread."""
    pose = rng.choice(4, p=(0.5, 0.22, 0.12, 0.16))
    heading, bend = (
        (rng.uniform(0.08, 0.4), rng.normal(0, 0.12)),
        (rng.uniform(0.3, 0.75), rng.uniform(-1.8, -0.8)),
        (rng.uniform(0.9, 1.6), rng.uniform(0.0, 1.0)),
        (rng.uniform(0.45, 1.2), rng.normal(0, 0.05)),
    )[pose]
    return Arm(heading, bend, behind=bool(rng.random() < 0.12))


def sleeve(cut: Cut, held: Arm, length: float, cuff: float) -> list[Part]:
    """The wearer's arm and the sleeve over it; `cuff` is the sleeve's half width at its end."""
    shoulder, armpit = np.array(cut.shoulder), np.array(cut.armpit)
    root = (shoulder + armpit) / 2
    along = np.arange(0, ARM + HAND, STEP)
    out = max(held.heading, 0.8)  # the shoulder's roundness, before the arm takes its heading
    headings = held.heading + (out - held.heading) * np.exp(-along / 0.12)
    headings = headings + held.bend * _smooth((along - 0.46) / 0.34)
    centre = limb(root, headings, STEP)
    end = max(round(length / STEP), 4)
    reach = along[: end + 1] / along[end]
    half = 0.185 + (cuff - 0.185) * reach**0.8
    outer, inner = edges(centre[: end + 1], headings[: end + 1], half)
    # Near the body the sleeve leaves its arm's shape to reach shoulder and armpit.
    free = min(9, end)
    ahead = 0.1 * np.array([np.sin(headings[free]), np.cos(headings[free])])
    start, join = shoulder + np.array((0.1, 0.05)), outer[free] - ahead
    outer = np.concatenate([curve(shoulder, start, join, outer[free]), outer[free + 1 :]])
    start, join = armpit + np.array((0.03, 0.05)), inner[free] - ahead
    inner = np.concatenate([curve(armpit, start, join, inner[free]), inner[free + 1 :]])
    seam = _armhole(cut)[1:-1]
    band = line(outer[-3], inner[-3])
    over = Part(
        "sleeve_right",
        "main",
        np.concatenate([outer, inner[::-1], seam[::-1] - (0.006, 0)]),
        {"cuff_right_out": outer[-1], "cuff_right_in": inner[-1]},
        (band,) if length > 0.4 else (),
        grain=-float(headings[end // 2]),
    )
    return [_bare_arm(centre, headings, along), over]


def _bare_arm(centre: np.ndarray, headings: np.ndarray, along: np.ndarray) -> Part:
    half = np.interp(along, (0, 0.3, ARM, ARM + 0.08, ARM + HAND), (0.03, 0.09, 0.05, 0.07, 0.03))
    outer, inner = edges(centre, headings, half)
    return Part("arm_right", "skin", np.concatenate([outer, inner[::-1]]))


def _smooth(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
