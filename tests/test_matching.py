"""Which arrays of a file fit a network, told apart by name and shape, and the lines that say so."""

import numpy as np

from aifashion.matching import Match, describe, match

FILE = "weights.safetensors"


def test_nothing():
    empty = match({}, {})
    assert empty == Match({}, [], [], [])
    assert describe(empty, FILE) == [f"{FILE}: 0 of 0 arrays fit"]


def test_nothing_given():
    none = match({"b": (2,), "a": ()}, {})
    assert none == Match({}, ["b", "a"], [], [])
    assert describe(none, FILE) == [f"{FILE}: 0 of 2 arrays fit", "  not in it: b, a"]


def test_nothing_wanted():
    none = match({}, {"b": np.zeros(2), "a": np.zeros(())})
    assert none == Match({}, [], [], ["b", "a"])
    assert describe(none, FILE) == [f"{FILE}: 0 of 0 arrays fit", "  not used: b, a"]


def test_each_kind():
    wanted = {
        "stem/kernel": (7, 7, 3, 64),
        "head/kernel": (3, 3, 64, 24),
        "head/bias": (24,),
        "step": (),
    }
    given = {
        "Stem/kernel": np.zeros((7, 7, 3, 64)),  # another name
        "head/kernel": np.zeros((3, 3, 64, 13)),
        "stem/kernel": np.ones((7, 7, 3, 64)),
        "step": np.zeros(1),  # one number in a row is not a number
    }
    found = match(wanted, given)
    assert list(found.matched) == ["stem/kernel"]
    assert found.matched["stem/kernel"] is given["stem/kernel"]
    assert found.missing == ["head/bias"]
    assert found.reshaped == [
        ("head/kernel", (3, 3, 64, 13), (3, 3, 64, 24)),
        ("step", (1,), ()),
    ]
    assert found.unused == ["Stem/kernel"]
    assert describe(found, FILE) == [
        f"{FILE}: 1 of 4 arrays fit",
        "  not in it: head/bias",
        "  of another shape: head/kernel (3, 3, 64, 13), not (3, 3, 64, 24); step (1,), not ()",
        "  not used: Stem/kernel",
    ]


def test_all_fit():
    given = {"a": np.zeros((2, 3)), "b": np.zeros(0)}
    found = match({"b": (0,), "a": [2, 3]}, given)  # shapes may come as lists
    assert list(found.matched) == ["b", "a"]
    assert found.missing == found.reshaped == found.unused == []
    assert describe(found, FILE) == [f"{FILE}: 2 of 2 arrays fit"]


def test_a_long_list_is_counted():
    names = [f"n{number}" for number in range(8)]
    found = match(dict.fromkeys(names, (2,)), {"other": np.zeros(2)})
    assert describe(found, FILE)[1] == "  not in it: n0, n1, n2, n3, n4 … and 3 more"
    assert describe(found, FILE, most=7)[1].endswith(": n0, n1, n2, n3, n4, n5, n6 … and 1 more")
    assert describe(found, FILE, most=8)[1].endswith(": n0, n1, n2, n3, n4, n5, n6, n7")
    shapes = match(dict.fromkeys(names, (2,)), dict.fromkeys(names, np.zeros(3)))
    last = "  of another shape: n0 (3,), not (2,); n1 (3,), not (2,) … and 6 more"
    assert describe(shapes, FILE, most=2) == [f"{FILE}: 0 of 8 arrays fit", last]


def test_names_of_strangers_stay_on_their_line():
    given = {"a\nb": np.zeros(1), "": np.zeros(1), "\x1b[2J": np.zeros(1), "größe/천": np.zeros(1)}
    shown = describe(match({}, given), FILE)[1]
    assert shown == r"  not used: 'a\nb', '', '\x1b[2J', größe/천"
    (line,) = describe(match({}, {"x" * 10**6: np.zeros(1)}), FILE)[1:]
    assert line == "  not used: " + "x" * 100 + "…"
