"""The names of FashionAI: which category has which keypoints, and what mirrors into what."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from aifashion.datasets.fashionai import CATEGORIES, KEYPOINTS, SCHEMA
from aifashion.datasets.schema import flip_permutation

# Membership as the competition's table has it, by position among the 24.
MEMBERS = {
    "blouse": [0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14],
    "outwear": [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
    "trousers": [15, 16, 19, 20, 21, 22, 23],
    "skirt": [15, 16, 17, 18],
    "dress": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 17, 18],
}
FLIP = [1, 0, 2, 4, 3, 6, 5, 8, 7, 11, 12, 9, 10, 14, 13, 16, 15, 18, 17, 19, 22, 23, 20, 21]


def test_no_names():
    assert flip_permutation(()).shape == (0,)
    assert SCHEMA.indices(()).shape == (0,)


def test_names_in_capitals_or_not():
    known = replace(SCHEMA, aliases={"Rock": "skirt"})
    assert [known.named(name) for name in ("rock", "ROCK", "Skirt", "skirt")] == ["skirt"] * 4
    assert known.named("Hat") == "Hat" and SCHEMA.named("Rock") == "Rock"


def test_membership():
    assert len(KEYPOINTS) == len(set(KEYPOINTS)) == 24
    counts = {"blouse": 13, "outwear": 14, "trousers": 7, "skirt": 4, "dress": 15}
    assert {name: len(own) for name, own in CATEGORIES.items()} == counts
    assert list(CATEGORIES) == list(MEMBERS)
    for category, members in MEMBERS.items():
        assert_array_equal(SCHEMA.mask(category), np.isin(np.arange(24), members))
        assert sorted(SCHEMA.indices(CATEGORIES[category])) == members
    # The last keypoint of all is one like the others, and no background.
    assert KEYPOINTS[-1] == "bottom_right_out" and SCHEMA.mask("trousers")[-1]


def test_indices_keep_the_order_asked_for():
    assert SCHEMA.indices(("crotch", "neckline_left")).tolist() == [19, 0]
    with pytest.raises(ValueError):
        SCHEMA.indices(("collar",))


def test_flip_permutation():
    assert flip_permutation(KEYPOINTS).tolist() == FLIP
    assert_array_equal(np.array(FLIP)[FLIP], np.arange(24))


@pytest.mark.parametrize("category", CATEGORIES)
def test_flip_permutation_of_a_category(category):
    own = CATEGORIES[category]
    mirrored = [own[k] for k in flip_permutation(own)]
    # The same pairs as among all 24, said in names.
    assert mirrored == [KEYPOINTS[FLIP[KEYPOINTS.index(name)]] for name in own]
    assert flip_permutation(own)[flip_permutation(own)].tolist() == list(range(len(own)))


def test_flip_permutation_needs_both_of_a_pair():
    with pytest.raises(ValueError):
        flip_permutation(("crotch", "bottom_left_in"))


def test_left_is_a_word_of_a_name():
    assert flip_permutation(("cleft", "left_hem", "right_hem")).tolist() == [0, 2, 1]


def test_normalisers_and_skeletons_join_keypoints_of_the_category():
    for category, own in CATEGORIES.items():
        assert set(SCHEMA.normalisers[category]) <= set(own)
        joined = {name for edge in SCHEMA.skeletons[category] for name in edge}
        assert joined == set(own)
        mirror = dict(zip(own, (own[k] for k in flip_permutation(own)), strict=True))
        edges = {frozenset(edge) for edge in SCHEMA.skeletons[category]}
        assert {frozenset(mirror[name] for name in edge) for edge in edges} == edges
    armpits, waistband = ("armpit_left", "armpit_right"), ("waistband_left", "waistband_right")
    assert {name: SCHEMA.normalisers[name] for name in ("blouse", "outwear", "dress")} == (
        dict.fromkeys(("blouse", "outwear", "dress"), armpits)
    )
    assert SCHEMA.normalisers["trousers"] == SCHEMA.normalisers["skirt"] == waistband
