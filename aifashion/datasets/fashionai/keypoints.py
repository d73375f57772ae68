"""The 24 keypoints of FashionAI by name, its five categories, their units and their skeletons."""

from itertools import pairwise

from aifashion.datasets.schema import KeypointSchema

KEYPOINTS = (
    "neckline_left", "neckline_right", "center_front", "shoulder_left", "shoulder_right",
    "armpit_left", "armpit_right", "waistline_left", "waistline_right", "cuff_left_in",
    "cuff_left_out", "cuff_right_in", "cuff_right_out", "top_hem_left", "top_hem_right",
    "waistband_left", "waistband_right", "hemline_left", "hemline_right", "crotch",
    "bottom_left_in", "bottom_left_out", "bottom_right_in", "bottom_right_out",
)  # fmt: skip
_NECK = ("neckline_left", "neckline_right")
_SHOULDERS = ("shoulder_left", "shoulder_right", "armpit_left", "armpit_right")
_WAIST = ("waistline_left", "waistline_right")
_CUFFS = ("cuff_left_in", "cuff_left_out", "cuff_right_in", "cuff_right_out")
_TOP_HEM = ("top_hem_left", "top_hem_right")
_WAISTBAND = ("waistband_left", "waistband_right")
_HEMLINE = ("hemline_left", "hemline_right")
_LEGS = ("crotch", "bottom_left_in", "bottom_left_out", "bottom_right_in", "bottom_right_out")
CATEGORIES = {
    "blouse": (*_NECK, "center_front", *_SHOULDERS, *_CUFFS, *_TOP_HEM),
    "outwear": (*_NECK, *_SHOULDERS, *_WAIST, *_CUFFS, *_TOP_HEM),
    "trousers": (*_WAISTBAND, *_LEGS),
    "skirt": (*_WAISTBAND, *_HEMLINE),
    "dress": (*_NECK, "center_front", *_SHOULDERS, *_WAIST, *_CUFFS, *_HEMLINE),
}
_ARMPITS = ("armpit_left", "armpit_right")
NORMALISERS = {
    "blouse": _ARMPITS, "outwear": _ARMPITS, "dress": _ARMPITS,
    "trousers": _WAISTBAND, "skirt": _WAISTBAND,
}  # fmt: skip


def _both_sides(*chains: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Edges along each chain of keypoints, on the left as written and on the right mirrored."""
    edges = [pair for chain in chains for pair in pairwise(chain)]
    right = [tuple(name.replace("left", "right") for name in edge) for edge in edges]
    return tuple(dict.fromkeys((*edges, *right)))


_SLEEVE = ("neckline_left", "shoulder_left", "cuff_left_out", "cuff_left_in", "armpit_left")
SKELETONS = {
    "blouse": (
        *_both_sides(("center_front", *_SLEEVE, "top_hem_left")),
        ("top_hem_left", "top_hem_right"),
    ),
    "outwear": (
        *_both_sides((*_SLEEVE, "waistline_left", "top_hem_left")),
        ("neckline_left", "neckline_right"),
        ("top_hem_left", "top_hem_right"),
    ),
    "trousers": (
        *_both_sides(("waistband_left", "bottom_left_out", "bottom_left_in", "crotch")),
        ("waistband_left", "waistband_right"),
    ),
    "skirt": (
        *_both_sides(("waistband_left", "hemline_left")),
        ("waistband_left", "waistband_right"),
        ("hemline_left", "hemline_right"),
    ),
    "dress": (
        *_both_sides(("center_front", *_SLEEVE, "waistline_left", "hemline_left")),
        ("hemline_left", "hemline_right"),
    ),
}
SCHEMA = KeypointSchema("fashionai", KEYPOINTS, CATEGORIES, NORMALISERS, SKELETONS)
