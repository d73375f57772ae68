"""Colours follow from names, and keep apart for every eye."""

from itertools import combinations

import numpy as np
import pytest

from aifashion import visualize
from aifashion.datasets import fashionai
from aifashion.visualize import colours

SCHEMA = fashionai.SCHEMA


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("neckline_left", "neckline"),
        ("center_front", "neckline"),
        ("shoulder_right", "body"),
        ("armpit_left", "body"),
        ("waistline_left", "waist"),
        ("waistband_right", "waist"),
        ("cuff_left_in", "sleeve"),
        ("top_hem_left", "hem"),
        ("hemline_right", "hem"),
        ("crotch", "leg"),
        ("bottom_left_out", "leg"),
        ("left leg cuff-outer", "leg"),
        ("Long_Sleeve_Left_3", "sleeve"),
        ("bottom_hem_2", "hem"),
        ("kpt_17", "other"),
        ("", "other"),
        ("themselves", "other"),  # words, not letters
    ],
)
def test_a_name_says_its_part(name, part):
    assert visualize.part_of(name) == part


def test_every_keypoint_of_fashionai_has_a_part():
    assert {visualize.part_of(name) for name in SCHEMA.keypoints} == set(visualize.PARTS) - {
        "other"
    }


@pytest.mark.parametrize(
    ("start", "end", "part", "side"),
    [
        ("shoulder_left", "cuff_left_out", "sleeve", "left"),
        ("cuff_right_in", "armpit_right", "sleeve", "right"),
        ("waistband_left", "bottom_left_out", "leg", "left"),
        ("bottom_right_in", "crotch", "leg", "right"),
        ("neckline_left", "shoulder_left", "body", "left"),
        ("armpit_left", "top_hem_left", "body", "left"),
        ("waistline_right", "hemline_right", "body", "right"),
        ("neckline_left", "center_front", "neckline", "left"),
        ("neckline_left", "neckline_right", "neckline", "middle"),
        ("hemline_right", "kpt_3", "hem", "right"),
        ("kpt_3", "kpt_4", "other", "middle"),
    ],
)
def test_an_edge_has_its_parts_colour(start, end, part, side):
    assert visualize.edge_colour(start, end) == colours.shade(part, side)
    assert visualize.edge_colour(end, start) == colours.shade(part, side)


def linear(colour) -> np.ndarray:
    """sRGB 0..255 as light, (3,)."""
    share = np.array(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("part", visualize.PARTS)
def test_left_is_light_and_right_dark_and_both_stand_out_from_the_halo(part):
    light, middle, dark = (float(LUMINANCE @ linear(tone)) for tone in colours.SHADES[part])
    assert light > 1.25 * middle > 1.25 * 1.25 * dark
    halo = float(LUMINANCE @ linear(colours.INK))
    assert (dark + 0.05) / (halo + 0.05) > 3  # the contrast asked of graphics


# What the eyes without red, green or blue cones see of light (Machado, Oliveira, Fernandes 2009).
EYES = {
    "all": np.eye(3),
    "no red": np.array([
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
    "no green": np.array([
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "no blue": np.array([
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ]),
}  # fmt: skip


def lightness_and_hue(light: np.ndarray) -> np.ndarray:
    """Linear RGB as OKLab, where 0.02 is a difference one just sees."""
    cones = np.array([
        [0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ])  # fmt: skip
    mixed = np.array([
        [0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ])  # fmt: skip
    return mixed @ np.cbrt(cones @ np.clip(light, 0, 1))


@pytest.mark.parametrize("eye", EYES)
def test_parts_differ_for_every_eye(eye):
    families = [part for part in visualize.PARTS if part != "other"]
    for one, other in combinations(families, 2):
        for first, second in zip(colours.SHADES[one], colours.SHADES[other], strict=True):
            seen = [lightness_and_hue(EYES[eye] @ linear(tone)) for tone in (first, second)]
            assert np.linalg.norm(seen[0] - seen[1]) > 0.05, (one, other)
