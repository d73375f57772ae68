"""Pictures that are nearly the same: recompressed, scaled, lightly edited.

A difference hash of 64 bits finds candidates fast, a small copy in colour then tells: on white
backgrounds hashes alone agree too often. N: pictures.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

SIDE = 12  # of the small copy
BITS = 7  # the hashes of copies differ in 7 bits or fewer (99 % of those we made)
LEVELS = 4.0  # mean difference of the small copies; ours had 1.6 at most, other pictures 23 on
_BLOCK = 2048  # rows compared at once


def look_of(image: np.ndarray) -> np.ndarray:
    """A picture's hash and small copy, (8 + 12 * 12 * 3,) uint8, from (H, W, 3) uint8 RGB."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    bits = np.packbits(grey[:, 1:] > grey[:, :-1])
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.concatenate([bits, small.ravel()])


def near_pairs(looks: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of nearly the same pictures among (N,) looks.

    Of pictures with equal hashes each is compared with its next in brightness only, so that
    thousands of blank ones cost nothing: they hang together in a chain.
    """
    if len(looks) < 2:
        return []
    table = np.stack(looks)
    hashes = np.ascontiguousarray(table[:, :8]).view(np.uint64)[:, 0]
    copies = table[:, 8:].astype(np.int16)
    order = np.lexsort((copies.sum(axis=1), hashes))
    same = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
    pairs = {tuple(sorted((int(order[k]), int(order[k + 1])))) for k in same}
    first = order[np.r_[True, np.diff(hashes[order]) != 0]]  # one picture a hash
    for i, j in close_hashes(hashes[first]):
        pairs.add(tuple(sorted((int(first[i]), int(first[j])))))
    return sorted(pair for pair in pairs if _alike(copies, pair))


def _alike(copies: np.ndarray, pair: tuple[int, int]) -> bool:
    return float(np.abs(copies[pair[0]] - copies[pair[1]]).mean()) <= LEVELS


def close_hashes(hashes: np.ndarray, bits: int = BITS) -> Iterator[tuple[int, int]]:
    """Pairs (i, j) of (N,) uint64 hashes that differ in at most `bits` < 8 bits; may repeat.

    Where fewer than 8 bits differ, one of the 8 bytes is the same in both: only hashes that share
    a byte are compared, about 1 in 256.
    """
    for byte in hashes.view(np.uint8).reshape(-1, 8).T:
        order = np.argsort(byte, kind="stable")
        cuts = np.flatnonzero(np.diff(byte[order])) + 1
        for bucket in np.split(order, cuts):
            for start in range(0, len(bucket), _BLOCK):
                block = bucket[start : start + _BLOCK]
                rest = bucket[start:]
                distance = np.bitwise_count(hashes[block][:, None] ^ hashes[rest][None])
                for i, j in zip(*np.nonzero(np.triu(distance <= bits, 1)), strict=True):
                    yield int(block[i]), int(rest[j])
