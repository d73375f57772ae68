"""The head of a network for other keypoints: its channels are carried over by their names.

A channel is named after its keypoint, "crotch", or after a category's own one, "trousers.crotch".
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from aifashion.matching import Match, Shape


def carry_over(
    match: Match,
    given: Mapping[str, np.ndarray],
    own: Mapping[str, np.ndarray],
    names: tuple[Sequence[str] | None, Sequence[str]],
) -> tuple[Match, list[str]]:
    """A match in which arrays that differ by the number of keypoints alone fit too.

    Where others do not fit either, it is another network, of which no head is taken.

    Args:
        match: how the given arrays fit the network.
        given: a start file's arrays.
        own: the network's; channels that nothing is carried over to stay as they are there.
        names: the keypoints of the start file's network, None where they are not known; and the
            network's.

    Returns:
        the match, and the line that tells a person what was done, where there was anything to do.
    """
    there, here = names
    axes = {name: _axis(has, wants, len(here)) for name, has, wants in match.reshaped}
    if not axes or None in axes.values():
        return match, []
    if there is None:
        return match, [f"  head: all {len(here)} channels are new, those given have no names"]
    if any(given[name].shape[axis] != len(there) for name, axis in axes.items()):
        return match, []  # not the arrays of the network that those names belong to
    shares = carried_shares(there, here)
    carried = {name: _carried(given[name], own[name], shares, axis) for name, axis in axes.items()}
    taken = int(shares.any(axis=1).sum())
    line = f"  head: {taken} of {len(here)} channels taken by name, {len(here) - taken} new"
    reshaped = [entry for entry in match.reshaped if entry[0] not in carried]
    return replace(match, matched={**match.matched, **carried}, reshaped=reshaped), [line]


def carried_shares(there: Sequence[str], here: Sequence[str]) -> np.ndarray:
    """How much each channel is made of each given one, (len(here), len(there)) float32.

    A channel is the given one of the same name, or else the mean of those of the same keypoint;
    all 0 where there is none.
    """
    shares = np.zeros((len(here), len(there)), np.float32)
    for row, name in enumerate(here):
        same = [name == other for other in there]
        if not any(same):
            same = [_keypoint(name) == _keypoint(other) for other in there]
        shares[row] = np.array(same) / max(sum(same), 1)
    return shares


def _keypoint(name: str) -> str:
    return name.rpartition(".")[2]


def _axis(has: Shape, wants: Shape, keypoints: int) -> int | None:
    """The axis of the keypoints, where two shapes differ on that alone."""
    if len(has) != len(wants):
        return None
    different = [
        axis for axis, sizes in enumerate(zip(has, wants, strict=True)) if len({*sizes}) > 1
    ]
    if len(different) != 1 or wants[different[0]] != keypoints:
        return None
    return different[0]


def _carried(given: np.ndarray, own: np.ndarray, shares: np.ndarray, axis: int) -> np.ndarray:
    made = np.moveaxis(np.tensordot(shares, given, (1, axis)), 0, axis)
    known = np.expand_dims(shares.any(axis=1), [n for n in range(own.ndim) if n != axis])
    return np.where(known, made, own).astype(own.dtype)
