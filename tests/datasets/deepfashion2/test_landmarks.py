"""The names of DeepFashion2's keypoints, against the published tables."""

import json
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

from aifashion.datasets.deepfashion2 import landmarks
from aifashion.datasets.deepfashion2.landmarks import (
    CATEGORIES,
    CHANNELS,
    COUNTS,
    KEYPOINTS,
    OWN,
    SCHEMA,
    slots,
)  # fmt: skip
from aifashion.datasets.schema import flip_permutation

PUBLISHED = json.loads((Path(__file__).parent / "published_landmarks.json").read_text())


def test_81_names_and_294_slots():
    assert len(KEYPOINTS) == len(set(KEYPOINTS)) == 81
    assert len(CHANNELS) == len(set(CHANNELS)) == landmarks.SLOTS == 294
    assert KEYPOINTS[46] == "hem_middle" and KEYPOINTS[69] == "crotch"
    assert CHANNELS[168] == "trousers.waist_left" and CHANNELS[-1] == "sling_dress.strap_right"


def test_each_slot_has_the_published_shared_keypoint():
    assert landmarks.AGGREGATED.tolist() == PUBLISHED["keypoint_of_slot"]
    for name, own in CATEGORIES.items():
        assert len(set(own)) == len(own) == COUNTS[name]
        assert_array_equal(landmarks.AGGREGATED[slots(name)], OWN[name])
        assert CHANNELS[slots(name)] == tuple(f"{name}.{keypoint}" for keypoint in own)


def test_categories_offsets_and_their_names_in_files():
    mine = [
        [landmarks.RAW_NAMES[name], landmarks.COCO_NAMES[name], landmarks.OFFSETS[name], count]
        for name, count in COUNTS.items()
    ]
    assert mine == PUBLISHED["categories"]
    assert list(landmarks.NUMBERS.values()) == list(range(1, 14))
    assert slots("trousers") == slice(168, 182)  # the evaluation's own example: 169 to 182, from 1


def test_other_names_of_categories():
    assert SCHEMA.aliases["1"] == SCHEMA.aliases["short_sleeved_shirt"] == "short_sleeve_top"
    assert SCHEMA.aliases["13"] == "sling_dress" and SCHEMA.aliases["vest dress"] == "vest_dress"
    assert set(SCHEMA.aliases.values()) == set(CATEGORIES)
    assert not set(SCHEMA.aliases) & set(CATEGORIES)
    assert (
        SCHEMA.named("Short Sleeve Top") == SCHEMA.named("SHORT_SLEEVE_TOP") == "short_sleeve_top"
    )
    assert SCHEMA.named("14") == "14" and SCHEMA.named("all") == "all"


@pytest.mark.parametrize(
    ("names", "mirrored", "pairs", "selves"),
    [(KEYPOINTS, "mirrored_81", 37, 7), (CHANNELS, "mirrored_294", 131, 32)],
)
def test_mirroring_follows_from_the_names(names, mirrored, pairs, selves):
    permutation = flip_permutation(names)
    assert permutation.tolist() == PUBLISHED[mirrored]
    assert_array_equal(permutation[permutation], range(len(names)))
    own = sum(permutation == range(len(names)))
    assert (len(names) - own) // 2 == pairs and own == selves


def test_sigmas():
    assert landmarks.SLOT_SIGMAS.tolist() == PUBLISHED["sigmas"]
    assert {name: len(own) for name, own in SCHEMA.sigmas.items()} == COUNTS
    mirrored = landmarks.SLOT_SIGMAS[flip_permutation(CHANNELS)]
    uneven = [CHANNELS[k] for k in (mirrored != landmarks.SLOT_SIGMAS).nonzero()[0]]
    ends = ["long_inner_1_left", "long_inner_1_right"]
    assert uneven == [f"long_sleeve_dress.{name}" for name in ends]


def test_outlines_go_through_every_own_keypoint_once():
    for name, edges in SCHEMA.skeletons.items():
        degrees = Counter(chain(*edges))
        assert set(degrees) == set(CATEGORIES[name]) and min(degrees.values()) >= 2
        assert len(set(map(frozenset, edges))) == len(edges)
    assert ("crotch" in dict(SCHEMA.skeletons["trousers"]).values()) is True
    assert ("opening_lower_left", "side_lower_left") in SCHEMA.skeletons["long_sleeve_outwear"]
    assert ("opening_lower_right", "side_lower_right") in SCHEMA.skeletons["long_sleeve_outwear"]
