"""The keypoints of DeepFashion2: 81 names for all categories, and the 294 slots of its files.

Every category numbers its own keypoints from 1; a file keeps all of them behind one another, 294
slots. Slots of one meaning in several categories share one of the 81 names here, and within a
category no name stands twice: a record, which has one category, loses nothing in 81 keypoints.
Left and right are the viewer's. Of short sleeve outwear, keypoint 2 is the left point of the neck
and 4 the left end of the collar, as in long sleeve outwear: so the published sigmas are
symmetric, which the figure's numbers are not.
"""

from itertools import accumulate, pairwise

import numpy as np

from aifashion.datasets.schema import KeypointSchema, other_side


def _mirrored(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(other_side, names))


def _ring(left: tuple[str, ...], *middle: str) -> tuple[str, ...]:
    """Down the left side, over the middle, and up the right side."""
    return (*left, *middle, *_mirrored(left)[::-1])


def _both_sides(*chains: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Edges along each chain of keypoints, on the left as written and on the right mirrored."""
    edges = [pair for chain in chains for pair in pairwise(chain)]
    return tuple(dict.fromkeys((*edges, *map(_mirrored, edges))))


# === Keypoints ===

_NECKLINE = _ring(("neck_left", "neckline_left"), "neckline_front")
_OPENING = ("opening_upper_left", "opening_middle_left", "opening_lower_left")
_SHORT_SLEEVE = (
    "short_shoulder_left", "short_outer_left", "short_cuff_out_left", "short_cuff_in_left",
    "short_inner_left", "short_armpit_left",
)  # fmt: skip
_LONG_SLEEVE = (
    "long_shoulder_left", "long_outer_1_left", "long_outer_2_left", "long_outer_3_left",
    "long_cuff_out_left", "long_cuff_in_left", "long_inner_3_left", "long_inner_2_left",
    "long_inner_1_left", "long_armpit_left",
)  # fmt: skip
_VEST = ("vest_shoulder_left",)
_SLING = ("strap_left",)
_SIDE = ("side_upper_left", "side_middle_left", "side_lower_left")
_DRESS = ("dress_side_left", "dress_hem_left")
_WAIST = _ring(("waist_left",), "waist_middle")
_CUFF = ("cuff_out_left", "cuff_in_left")
_SHORTS = ("leg_side_left", *_CUFF)
_TROUSERS = ("leg_side_left", "leg_lower_left", *_CUFF, "inseam_left")
_SKIRT = ("skirt_side_left", "skirt_hem_left")
_HEM, _DRESS_HEM, _SKIRT_HEM, _CROTCH = (
    "hem_middle",
    "dress_hem_middle",
    "skirt_hem_middle",
    "crotch",
)

KEYPOINTS = (
    "neckline_back", *_NECKLINE, *_ring(("collar_left",)), *_ring(_SHORT_SLEEVE),
    *_ring(_LONG_SLEEVE), *_ring(_SIDE), _HEM, *_mirrored(_OPENING), *_OPENING, *_ring(_VEST),
    *_ring(_SLING), *_ring(_DRESS, _DRESS_HEM), *_WAIST, *_ring(_CUFF), _CROTCH,
    *_ring(("leg_side_left",)), *_ring(("leg_lower_left", "inseam_left")),
    *_ring(_SKIRT, _SKIRT_HEM),
)  # fmt: skip


# === Categories: their own keypoints in the official order, and their outlines for drawing ===

_Garment = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]


def _top(left: tuple[str, ...], hem: str) -> _Garment:
    """What has a neck: a chain down the left side, mirrored on the right, and the hem between."""
    own = ("neckline_back", *_NECKLINE, *_ring(left, hem))
    front = ("neckline_front", "neckline_left", "neck_left", *left, hem)
    return own, _both_sides(front, ("neckline_back", "neck_left"))


def _outwear(sleeve: tuple[str, ...]) -> _Garment:
    """An open front: its left hem stands where tops have their middle, its right edge last."""
    left = (*sleeve, *_SIDE)
    neck = [name.replace("neckline_front", "collar_left") for name in _NECKLINE]
    right_front = ("collar_right", *_mirrored(_OPENING), *_OPENING[:-1])
    own = ("neckline_back", *neck, *_ring(left, _OPENING[-1]), *right_front)
    front = ("neck_left", "neckline_left", "collar_left", *_OPENING, *left[::-1], "neck_left")
    return own, _both_sides(front, ("neckline_back", "neck_left"))


def _bottom(left: tuple[str, ...], middle: str) -> _Garment:
    """What hangs from a waist: a chain down the left side, mirrored, and its middle."""
    return (*_WAIST, *_ring(left, middle)), _both_sides((*_WAIST[1::-1], *left, middle))


_GARMENTS = {
    "short_sleeve_top": _top((*_SHORT_SLEEVE, *_SIDE), _HEM),
    "long_sleeve_top": _top((*_LONG_SLEEVE, *_SIDE), _HEM),
    "short_sleeve_outwear": _outwear(_SHORT_SLEEVE),
    "long_sleeve_outwear": _outwear(_LONG_SLEEVE),
    "vest": _top((*_VEST, *_SIDE), _HEM),
    "sling": _top((*_SLING, *_SIDE), _HEM),
    "shorts": _bottom(_SHORTS, _CROTCH),
    "trousers": _bottom(_TROUSERS, _CROTCH),
    "skirt": _bottom(_SKIRT, _SKIRT_HEM),
    "short_sleeve_dress": _top((*_SHORT_SLEEVE, *_SIDE, *_DRESS), _DRESS_HEM),
    "long_sleeve_dress": _top((*_LONG_SLEEVE, *_SIDE, *_DRESS), _DRESS_HEM),
    "vest_dress": _top((*_VEST, *_SIDE, *_DRESS), _DRESS_HEM),
    "sling_dress": _top((*_SLING, *_SIDE, *_DRESS), _DRESS_HEM),
}
CATEGORIES = {name: own for name, (own, _) in _GARMENTS.items()}
# As the data set's own evaluation has them; the one asymmetry, in long sleeve dresses, is its own.
SIGMAS = {
    "short_sleeve_top": (
        .012, .0158, .0169, .0165, .0169, .0158, .0298, .0329, .0321, .0323, .034, .0388,
        .0452, .0574, .0492, .0352, .0492, .0574, .0452, .0388, .034, .0323, .0321, .0329,
        .0298,
    ),
    "long_sleeve_top": (
        .0194, .017, .0185, .0193, .0185, .017, .0286, .0471, .0547, .0526, .043, .0392,
        .0513, .0566, .0509, .0564, .0542, .0604, .0599, .052, .0599, .0604, .0542, .0564,
        .0509, .0566, .0513, .0392, .043, .0526, .0547, .0471, .0286,
    ),
    "short_sleeve_outwear": (
        .0074, .0085, .0165, .0248, .0165, .0085, .0156, .0231, .0296, .0137, .0195, .025,
        .0347, .038, .0257, .037, .0257, .038, .0347, .025, .0195, .0137, .0296, .0231,
        .0156, .0248, .0469, .0632, .037, .0469, .0632,
    ),
    "long_sleeve_outwear": (
        .0137, .0153, .0243, .0377, .0243, .0153, .0203, .0366, .0467, .0433, .0393, .0329,
        .0418, .0477, .0399, .0331, .042, .0492, .0436, .0478, .0436, .0492, .042, .0331,
        .0399, .0477, .0418, .0329, .0393, .0433, .0467, .0366, .0203, .0377, .0645, .0573,
        .0478, .0645, .0573,
    ),
    "vest": (
        .0352, .0158, .021, .0214, .021, .0158, .0196, .05, .0489, .0404, .0401, .0404,
        .0489, .05, .0196,
    ),
    "sling": (
        .0276, .0548, .0283, .0204, .0283, .0548, .0369, .0726, .0677, .064, .0251, .064,
        .0677, .0726, .0369,
    ),
    "shorts": (
        .0308, .0216, .0308, .0506, .0494, .0463, .0477, .0463, .0494, .0506,
    ),
    "trousers": (
        .0275, .0202, .0275, .0651, .0451, .035, .028, .0392, .0362, .0392, .028, .035,
        .0451, .0651,
    ),
    "skirt": (
        .0253, .0195, .0253, .0513, .0543, .0415, .0543, .0513,
    ),
    "short_sleeve_dress": (
        .0153, .023, .0167, .0145, .0167, .023, .0332, .0391, .0391, .0396, .044, .0452,
        .0498, .0514, .0585, .0655, .0635, .0602, .0635, .0655, .0585, .0514, .0498, .0452,
        .044, .0396, .0391, .0391, .0332,
    ),
    "long_sleeve_dress": (
        .0121, .0134, .0158, .0162, .0158, .0134, .0246, .0406, .047, .0404, .0463, .0466,
        .0435, .0499, .0455, .044, .0411, .049, .0576, .0685, .0618, .0483, .0618, .0685,
        .0576, .049, .0411, .044, .0486, .0499, .0435, .0466, .0463, .0404, .047, .0406,
        .0246,
    ),
    "vest_dress": (
        .0116, .0167, .016, .018, .016, .0167, .0196, .0385, .0421, .0497, .0562, .0528,
        .0428, .0528, .0562, .0497, .0421, .0385, .0196,
    ),
    "sling_dress": (
        .0244, .0297, .0244, .0208, .0244, .0297, .0173, .0616, .0659, .0712, .0707, .0685,
        .0339, .0685, .0707, .0712, .0659, .0616, .0173,
    ),
}  # fmt: skip


# === Names of a category in files ===

NUMBERS = {name: number for number, name in enumerate(CATEGORIES, start=1)}
RAW_NAMES = {name: name.replace("_", " ") for name in CATEGORIES}
COCO_NAMES = {
    name: name.replace("_sleeve_", "_sleeved_").replace("_top", "_shirt") for name in CATEGORIES
}
ALIASES = {
    alias: name
    for name, number in NUMBERS.items()
    for alias in (str(number), RAW_NAMES[name], COCO_NAMES[name])
    if alias != name
}
SCHEMA = KeypointSchema(
    "deepfashion2",
    KEYPOINTS,
    CATEGORIES,
    normalisers={},
    skeletons={name: edges for name, (_, edges) in _GARMENTS.items()},
    sigmas=SIGMAS,
    aliases=ALIASES,
)


# === The 294 slots ===

COUNTS = {name: len(own) for name, own in CATEGORIES.items()}
OFFSETS = dict(zip(CATEGORIES, accumulate(COUNTS.values(), initial=0), strict=False))
SLOTS = sum(COUNTS.values())
CHANNELS = tuple(f"{name}.{keypoint}" for name, own in CATEGORIES.items() for keypoint in own)
OWN = {name: SCHEMA.indices(own) for name, own in CATEGORIES.items()}  # positions among the 81
AGGREGATED = np.concatenate(list(OWN.values()))  # of each slot, its keypoint among the 81, (294,)
SLOT_SIGMAS = np.concatenate(list(SIGMAS.values()))  # (294,)


def slots(category: str) -> slice:
    """Where a category's own keypoints stand among the 294."""
    return slice(OFFSETS[category], OFFSETS[category] + COUNTS[category])
