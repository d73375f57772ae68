"""DeepFashion2's landmarks of a garment, from the lines it is drawn with. Frame: see `garments`.

Every landmark is a point of a drawn outline; where several lie between two corners, they divide
the outline between these into equal lengths. A name is one for all categories: the landmark of a
category has the official number that its place in the category's list gives it. The functions
take the right half and give both; the docstrings say the official numbers, counted from 0, of the
left half (the viewer's), which are the sides' order in the files.

Beside what is below: `neckline_back` is the middle of the neck's back edge, on the lining (0 25 58
89 128 143 190 219 256 275), `hem_middle` the lowest point in the middle of a top (15 44 138 153),
`strap_left` the top of a strap (149 281), `waist_middle` the middle of a waistband's front edge
(159 169 183), `crotch` where the legs meet (164 176).
"""

from collections.abc import Mapping

import numpy as np

from aifashion.datasets.schema import other_side
from aifashion.datasets.synthetic.garments.geometry import FLIP

Points = dict[str, np.ndarray]  # name -> (2,) float64
SIDES = ("side_upper_right", "side_middle_right", "side_lower_right")


def at(path: np.ndarray, *shares: float) -> np.ndarray:
    """The points (len(shares), 2) after shares of a path's length; its ends are exact."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    lengths = np.array(shares) * along[-1]
    return np.stack([np.interp(lengths, along, path[:, axis]) for axis in (0, 1)], 1)


def both(right: Points) -> Points:
    """The points of a right half and their mirror images."""
    return right | {other_side(name): point * FLIP for name, point in right.items()}


def onto(points: Mapping[str, np.ndarray], *outlines: np.ndarray) -> Points:
    """The points moved to the nearest place on any of the closed outlines, (N, 2) each.

    A warp bends a line, but of a drawn outline it moves only the corners.
    """
    starts = np.concatenate(outlines)
    along = np.concatenate([np.roll(outline, -1, axis=0) for outline in outlines]) - starts
    lengths = np.maximum((along**2).sum(1), 1e-12)
    found = {}
    for name, point in points.items():
        share = np.clip(((point - starts) * along).sum(1) / lengths, 0, 1)
        places = starts + share[:, None] * along
        found[name] = places[((places - point) ** 2).sum(1).argmin()]
    return found


# === Tops and dresses ===


def neckline(half: np.ndarray) -> Points:
    """On the front neckline, of which the right half from its lowest point is given.

    `neck_left` is its end (1 26 59 90 129 144 191 220 257 276), `neckline_left` half way (2 27 60
    91 130 145 192 221 258 277), `neckline_front` the lowest point (3 28 131 146 193 222 259 278).
    """
    ends = both({"neckline_right": at(half, 0.5)[0], "neck_right": half[-1]})
    return {"neckline_front": half[0], **ends}


def shoulder(arms: str, outer: tuple[float, float], armpit: tuple[float, float]) -> Points:
    """The shoulder's outer end and the armpit, as the category calls them.

    `short_shoulder_left` (6 64 196), `long_shoulder_left` (31 95 225), `vest_shoulder_left` (134
    262); `short_armpit_left` (11 69 201), `long_armpit_left` (40 104 234).
    """
    if arms == "sling":
        return {}
    if arms == "vest":
        return both({"vest_shoulder_right": np.array(outer)})
    points = {f"{arms}_shoulder_right": np.array(outer), f"{arms}_armpit_right": np.array(armpit)}
    return both(points)


def sides(path: np.ndarray, arms: str) -> Points:
    """On the body's side, from the right armpit to a top's hem corner or a dress's waist.

    `side_upper_left` (12 41 70 105 135 150 202 235 263 282), `side_middle_left` (13 42 71 106 136
    151 203 236 264 283) and `side_lower_left` (14 43 72 107 137 152 204 237 265 284), the last at
    the path's end. Without a sleeve the upper one is the armpit, which has no other name there.
    """
    shares = (0.0, 0.5, 1.0) if arms in ("vest", "sling") else (1 / 3, 2 / 3, 1.0)
    return both(dict(zip(SIDES, at(path, *shares), strict=True)))


def dress(path: np.ndarray, middle: np.ndarray) -> Points:
    """On a dress's skirt, from the right of the waist to the right hem corner, and its middle.

    `dress_side_left` half way (205 238 266 285), `dress_hem_left` the corner (206 239 267 286),
    `dress_hem_middle` (207 240 268 287).
    """
    ends = both({"dress_side_right": at(path, 0.5)[0], "dress_hem_right": path[-1]})
    return {"dress_hem_middle": middle, **ends}


def sleeve(kind: str, outer: np.ndarray, inner: np.ndarray) -> Points:
    """On the right sleeve alone: between the shoulder, its two cuff corners, and the armpit.

    Short: `short_outer_left` (7 65 197), `short_cuff_out_left` (8 66 198), `short_cuff_in_left` (9
    67 199), `short_inner_left` (10 68 200). Long: `long_outer_1_left` (32 96 226) to
    `long_outer_3_left` (34 98 228), `long_cuff_out_left` (35 99 229), `long_cuff_in_left` (36 100
    230), `long_inner_3_left` (37 101 231) to `long_inner_1_left` (39 103 233), nearest
    to the armpit.
    """
    points = {f"{kind}_cuff_out_right": outer[-1], f"{kind}_cuff_in_right": inner[-1]}
    for name, path in (("outer", outer), ("inner", inner)):
        if kind == "short":
            points[f"short_{name}_right"] = at(path, 0.5)[0]
        else:
            quarters = enumerate(at(path, 0.25, 0.5, 0.75), 1)
            points |= {f"long_{name}_{n}_right": point for n, point in quarters}
    return points


# === The front of outwear ===


def collar(half: np.ndarray) -> Points:
    """On the right collar or lapel, along its inner edge from where it ends in front to the neck.

    `collar_left` is the end (61 92), `neckline_left` half way, `neck_left` at the neck.
    """
    return {
        "collar_right": half[0],
        "neckline_right": at(half, 0.5)[0],
        "neck_right": half[-1],
    }


def opening(right: np.ndarray, left: np.ndarray, hem: np.ndarray) -> Points:
    """On the front edges, each given from the collar's end down to beyond the hem.

    `opening_upper_left` (87 126), `opening_middle_left` (88 127) and `opening_lower_left` (73 108),
    the last on the hem.

    Args:
        right, left: the edges, (n, 2).
        hem: from the right corner to the left one, (n, 2).
    """
    points = {}
    for name, path in (("right", right), ("left", left)):
        thirds = at(_down_to(path, hem), 1 / 3, 2 / 3, 1.0)
        for place, point in zip(("upper", "middle", "lower"), thirds, strict=True):
            points[f"opening_{place}_{name}"] = point
    return points


def _down_to(path: np.ndarray, hem: np.ndarray) -> np.ndarray:
    """The path as far as the hem, or as it is if it ends above."""
    below = path[:, 1] - np.interp(path[:, 0], hem[::-1, 0], hem[::-1, 1])
    if below[-1] <= 0:
        return path
    last = int(np.argmax(below > 0))
    share = below[last - 1] / (below[last - 1] - below[last])
    end = path[last - 1] + share * (path[last] - path[last - 1])
    return np.concatenate([path[:last], end[None]])


# === Bottoms ===


def leg(outer: np.ndarray, inner: np.ndarray, short: bool) -> Points:
    """On the right leg alone: from the waist to the outer cuff corner, from the inner one up.

    `waist_left` (158 168 182), `cuff_out_left` (162 173), `cuff_in_left` (163 174). Shorts have
    `leg_side_left` half way down (161); trousers have it (171) and `leg_lower_left` (172) at the
    thirds, and `inseam_left` half way to the crotch (175).
    """
    points = {"waist_right": outer[0], "cuff_out_right": outer[-1], "cuff_in_right": inner[0]}
    if short:
        return points | {"leg_side_right": at(outer, 0.5)[0]}
    side, lower = at(outer, 1 / 3, 2 / 3)
    inseam = at(inner, 0.5)[0]
    return points | {"leg_side_right": side, "leg_lower_right": lower, "inseam_right": inseam}


def skirt(top: np.ndarray, right: np.ndarray, left: np.ndarray, low: np.ndarray) -> Points:
    """On a skirt: its waist from left to right, its sides downwards, its hem from right to left.

    `waist_left` (182), `waist_middle` (183), `skirt_side_left` half way down (185),
    `skirt_hem_left` (186), `skirt_hem_middle` (187).
    """
    return {
        "waist_left": top[0],
        "waist_middle": at(top, 0.5)[0],
        "waist_right": top[-1],
        "skirt_side_left": at(left, 0.5)[0],
        "skirt_side_right": at(right, 0.5)[0],
        "skirt_hem_left": low[-1],
        "skirt_hem_middle": at(low, 0.5)[0],
        "skirt_hem_right": low[0],
    }
