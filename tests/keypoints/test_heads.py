import numpy as np
import pytest
from numpy.testing import assert_array_equal

from aifashion import matching
from aifashion.datasets.deepfashion2.landmarks import AGGREGATED, CATEGORIES, CHANNELS, KEYPOINTS
from aifashion.keypoints.heads import carried_shares, carry_over


def _carried(given: dict, own: dict, there, here) -> tuple[matching.Match, list[str]]:
    match = matching.match({name: array.shape for name, array in own.items()}, given)
    return carry_over(match, given, own, (there, here))


def _head(keypoints: int, width: int = 2, start: float = 0.0) -> dict[str, np.ndarray]:
    """Of each channel its own number: 0, 1, 2 …; and a backbone."""
    numbers = start + np.arange(keypoints, dtype="float32")
    kernel = np.tile(numbers, (1, 1, width, 1))
    return {"head/kernel": kernel, "head/bias": 10 * numbers, "stem/kernel": np.ones((3, 3))}


# === Which channel is made of which ===


@pytest.mark.parametrize(("there", "here"), [((), ()), ((), ("crotch",)), (("crotch",), ())])
def test_no_channels(there, here):
    assert_array_equal(carried_shares(there, here), np.zeros((len(here), len(there))))


def test_by_name_and_else_by_keypoint():
    there = ("waist_left", "shorts.crotch", "trousers.crotch", "nose")
    here = ("trousers.crotch", "skirt.waist_left", "crotch", "waist_right")
    shares = [
        [0, 0, 1, 0],  # the same name
        [1, 0, 0, 0],  # the same keypoint
        [0, 0.5, 0.5, 0],  # the mean of both categories'
        [0, 0, 0, 0],
    ]
    assert_array_equal(carried_shares(there, here), shares)


def test_from_the_shared_keypoints_to_every_categorys_and_back():
    apart = carried_shares(KEYPOINTS, CHANNELS)
    assert_array_equal(apart.argmax(axis=1), AGGREGATED)
    assert_array_equal(apart.sum(axis=1), np.ones(294))
    together = carried_shares(CHANNELS, KEYPOINTS)
    crotch = together[KEYPOINTS.index("crotch")]
    assert {CHANNELS[n] for n in np.flatnonzero(crotch)} == {"shorts.crotch", "trousers.crotch"}
    np.testing.assert_allclose(together @ apart, np.eye(81), atol=1e-6)


# === What is carried over ===


def test_nothing_where_everything_fits():
    head = _head(3)
    match, said = _carried(head, head, None, tuple("abc"))
    assert said == [] and len(match.matched) == 3


def test_channels_by_name_and_new_ones():
    given, own = _head(3), _head(4, start=100)
    match, said = _carried(given, own, ("a", "b", "c"), ("b", "x.a", "d", "c"))
    assert said == ["  head: 3 of 4 channels taken by name, 1 new"]
    assert match.reshaped == [] and match.unused == [] and len(match.matched) == 3
    assert_array_equal(match.matched["head/kernel"], [[[[1, 0, 102, 2]] * 2]])
    assert_array_equal(match.matched["head/bias"], [10, 0, 1020, 20])
    assert match.matched["head/bias"].dtype == "float32"
    assert match.matched["stem/kernel"] is given["stem/kernel"]


def test_what_takes_the_keypoints_in():
    given = {"condition/kernel": np.float32([[1, 2], [3, 4]])}
    own = {"condition/kernel": np.zeros((3, 2), "float32")}
    match, _ = _carried(given, own, ("a", "b"), ("b", "c", "a"))
    assert_array_equal(match.matched["condition/kernel"], [[3, 4], [0, 0], [1, 2]])


def test_of_unknown_names_nothing():
    given, own = _head(17), _head(4)
    match, said = _carried(given, own, None, tuple("abcd"))
    assert said == ["  head: all 4 channels are new, those given have no names"]
    assert list(match.matched) == ["stem/kernel"] and len(match.reshaped) == 2


def test_of_names_that_are_none_of_them_nothing():
    match, said = _carried(_head(2), _head(3, start=100), ("nose", "ear"), CATEGORIES["skirt"][:3])
    assert said == ["  head: 0 of 3 channels taken by name, 3 new"]
    assert_array_equal(match.matched["head/bias"], [1000, 1010, 1020])


def test_of_a_network_of_another_width_nothing():
    match, said = _carried(_head(2), _head(3, width=4), ("a", "b"), ("a", "b", "c"))
    assert said == [] and {name for name, *_ in match.reshaped} == {"head/kernel", "head/bias"}


def test_of_another_number_of_channels_than_names_nothing():
    match, said = _carried(_head(5), _head(3), ("a", "b"), ("a", "b", "c"))
    assert said == [] and {name for name, *_ in match.reshaped} == {"head/kernel", "head/bias"}


@pytest.mark.parametrize("shape", [(3,), (1, 1, 3, 3), (3, 2, 3)])
def test_other_differences_are_no_heads(shape):
    given, own = {"a": np.zeros((2, 2, 2))}, {"a": np.zeros(shape)}
    match, said = _carried(given, own, ("a", "b"), ("a", "b", "c"))
    assert said == [] and match.matched == {}
