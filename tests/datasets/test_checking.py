"""Names that lead astray, files that are none, files that are no pictures, and near-duplicates."""

import os
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from aifashion import images
from aifashion.datasets.checking import ERROR, NOTE, Picture, examine, examine_all
from aifashion.datasets.duplicates import close_hashes, look_of, near_pairs

NOISE = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
JPEG = images.encode_jpeg(NOISE)
_OPENED: list[str] | None = None  # what is opened while a test listens


def _hook(event: str, arguments: tuple) -> None:
    if _OPENED is not None and event in ("open", "os.listdir", "os.scandir"):
        _OPENED.append(os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "")


sys.addaudithook(_hook)  # for the rest of the process: there is no taking it away


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """The paths opened from here to the test's end."""
    heard = []
    monkeypatch.setattr(sys.modules[__name__], "_OPENED", heard)
    return heard


def codes(picture: Picture) -> list[str]:
    return [fault.code for fault in picture.faults]


def put(root: Path, data: bytes, name: str = "a.jpg") -> Picture:
    """What is learnt of a file of these bytes."""
    (root / name).write_bytes(data)
    return examine(root, name)


# === Names ===

HOSTILE = [
    "", ".", "..", "../secret.jpg", "Images/../../secret.jpg", "Images/..", "/etc/passwd",
    "//server/share/a.jpg", "C:\\a.jpg", "C:a.jpg", "c:/a.jpg", "Images\\a.jpg",
    "..\\..\\secret.jpg", "\\\\server\\share\\a.jpg", "Images/a\0.jpg", "Images/a\n.jpg",
    "Images/a\r.jpg", "\x1b[2Ja.jpg", "file:///etc/passwd", "http://host/a.jpg", "a.jpg:stream",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_never_opened(name, tmp_path, opened):
    root = tmp_path / "root"
    (root / "Images").mkdir(parents=True)
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    del opened[:]
    picture = examine(root, name)
    assert codes(picture) == ["path-outside"] and picture.size is None
    assert opened == []
    assert len(picture.faults[0].message) < 150 and "\n" not in picture.faults[0].message


@pytest.mark.parametrize("link", ["a.jpg", "Images"])
def test_a_link_out_of_the_folder_is_never_opened(link, tmp_path, opened):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "a.jpg").write_bytes(JPEG)
    (root / link).symlink_to(outside / "a.jpg" if link == "a.jpg" else outside)
    name = link if link == "a.jpg" else "Images/a.jpg"
    del opened[:]
    assert codes(examine(root, name)) == ["path-link-outside"]
    if link == "Images":  # nor is its listing read, to look for another spelling
        assert codes(examine(root, "Images/A.JPG")) == ["picture-missing"]
    assert not [path for path in opened if "outside" in os.path.realpath(path)]


def test_a_link_within_the_folder_is_a_file_like_any_other(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG)
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "root").symlink_to(tmp_path)  # the folder itself may be reached by a link
    assert examine(tmp_path / "root", "b.jpg").faults == ()


def test_files_that_are_none(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "broken.jpg").symlink_to("nothing.jpg")
    (tmp_path / "round.jpg").symlink_to("round.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert codes(examine(tmp_path, "none.jpg")) == ["picture-missing"]
    assert codes(examine(tmp_path, "folder.jpg")) == ["picture-folder"]
    assert codes(examine(tmp_path, "broken.jpg")) == ["picture-link-broken"]
    assert codes(examine(tmp_path, "round.jpg")) == ["picture-link-broken"]
    assert codes(examine(tmp_path, "pipe.jpg")) == ["picture-not-file"]
    long = examine(tmp_path, "a" * 300 + ".jpg")
    assert codes(long) == ["picture-missing"] and "too long" in long.faults[0].message


def test_another_spelling_is_named(tmp_path):
    (tmp_path / "Images/blouse").mkdir(parents=True)
    (tmp_path / "Images/blouse/Größe.jpg").write_bytes(JPEG)
    (tmp_path / "Images/blouse/b.jpg").write_bytes(JPEG)
    right = "Images/blouse/Größe.jpg"
    for wrong in ("images/Blouse/GRÖSSE.JPG", "Images/blouse/Gro\u0308ße.jpg"):
        picture = examine(tmp_path, wrong)
        assert codes(picture) == ["path-spelling"] and picture.spelling == right
        assert f"did you mean '{right}'?" in picture.faults[0].message
    assert codes(examine(tmp_path, "images/blouse/c.jpg")) == ["picture-missing"]


# === Contents ===


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")


PNG = cv2.imencode(".png", NOISE)[1].tobytes()
CONTENTS = {
    "picture-empty": b"",
    "picture-web-page": b"<!DOCTYPE html><html>Not found</html>",
    "picture-unknown": b"PK\x03\x04 a zip by its first bytes",
    "picture-too-large": png(60_000, 60_000),
    "picture-unsupported": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40),
    "picture-damaged": PNG[:60] + bytes(80) + PNG[140:],  # its checksums no longer fit
}


def test_nothing_to_look_at():
    assert examine_all([], fast=False) == {}


def test_a_sound_picture(tmp_path):
    picture = put(tmp_path, JPEG)
    assert picture.faults == () and picture.size == (30, 40) and not picture.turned
    assert len(picture.digest) == 64 and picture.look.shape == (440,)
    fast = examine(tmp_path, "a.jpg", fast=True)
    assert fast == Picture(size=(30, 40))  # nothing but what the header says


@pytest.mark.parametrize("code", CONTENTS)
def test_a_file_that_is_no_picture(code, tmp_path):
    picture = put(tmp_path, CONTENTS[code], "a.png")
    assert codes(picture) == [code] and picture.faults[0].severity == ERROR
    assert picture.faults[0].remedy and str(tmp_path) not in picture.faults[0].message


@pytest.mark.parametrize("share", [0.002, 0.3, 0.5, 0.95])
def test_a_picture_that_is_cut_short(share, tmp_path):
    assert codes(put(tmp_path, JPEG[: int(share * len(JPEG)) + 4])) == ["picture-truncated"]
    assert codes(put(tmp_path, PNG[: int(share * len(PNG)) + 16], "a.png")) == ["picture-truncated"]


def test_a_large_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_BYTES", len(JPEG) - 1)
    picture = put(tmp_path, JPEG)
    assert codes(picture) == ["picture-too-large"] and picture.digest is None


def test_fast_sees_headers_alone(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG[: len(JPEG) // 2])
    (tmp_path / "b.png").write_bytes(png(60_000, 60_000))
    (tmp_path / "c.jpg").write_bytes(b"")
    assert codes(examine(tmp_path, "a.jpg", fast=True)) == []
    assert codes(examine(tmp_path, "b.png", fast=True)) == ["picture-too-large"]
    assert codes(examine(tmp_path, "c.jpg", fast=True)) == ["picture-empty"]


def turned(orientation: int) -> bytes:
    """The picture with an EXIF block that says how it is to be turned."""
    tiff = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x112, 3, 1, orientation, 0)
    block = b"Exif\0\0" + tiff + bytes(4)
    return JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + JPEG[2:]


@pytest.mark.parametrize(("orientation", "size"), [(3, (30, 40)), (6, (40, 30))])
def test_a_turned_picture_is_noted(orientation, size, tmp_path):
    picture = put(tmp_path, turned(orientation))
    assert codes(picture) == ["picture-turned"] and picture.faults[0].severity == NOTE
    assert picture.size == size and picture.turned == (orientation == 6)


def test_a_wrong_suffix_and_an_animation_are_noted(tmp_path):
    assert codes(put(tmp_path, PNG, "a.jpg")) == ["picture-suffix"]
    assert codes(put(tmp_path, JPEG, "a.JPEG")) == []
    animation = cv2.Animation()
    animation.frames = [np.full((20, 20, 4), level, np.uint8) for level in (0, 200)]
    animation.durations = [100, 100]
    assert cv2.imwriteanimation(str(tmp_path / "a.webp"), animation)
    picture = examine(tmp_path, "a.webp")
    assert codes(picture) == ["picture-animated"] and picture.faults[0].severity == NOTE


def test_each_name_is_looked_at_once(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG)
    (tmp_path / "b.jpg").write_bytes(JPEG)
    names = [(tmp_path, name) for name in ("a.jpg", "b.jpg", "a.jpg", "c.jpg")]
    found = examine_all(names, fast=False)
    assert list(found) == [names[0], names[1], names[3]]
    assert found[names[0]].digest == found[names[1]].digest
    assert codes(found[names[3]]) == ["picture-missing"]


# === Near-duplicates ===


def test_hash_by_hand():
    # Brightness falls from left to right in the upper half and rises in the lower one.
    ramp = np.tile(np.linspace(0, 255, 90).astype(np.uint8), (80, 1))
    ramp[:40] = ramp[:40, ::-1]
    look = look_of(np.dstack([ramp] * 3))
    assert_array_equal(look[:8], [0, 0, 0, 0, 255, 255, 255, 255])


def test_no_pairs():
    assert near_pairs([]) == [] and near_pairs([look_of(NOISE)]) == []


def test_close_hashes_are_all_found():
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**64, 300, dtype=np.uint64)
    for i, bits in enumerate((1, 3, 7, 8)):  # planted: 10 and 100, 11 and 101, …
        flipped = rng.choice(64, bits, replace=False).astype(np.uint64)
        hashes[100 + i] = hashes[10 + i] ^ np.bitwise_or.reduce(np.uint64(1) << flipped)
    found = {tuple(sorted(pair)) for pair in close_hashes(hashes)}
    i, j = np.triu_indices(300, 1)
    close = np.bitwise_count(hashes[i] ^ hashes[j]) <= 7
    assert found == set(zip(i[close].tolist(), j[close].tolist(), strict=True))
    assert {(10, 100), (11, 101), (12, 102)} <= found and (13, 103) not in found


def test_copies_are_near_and_others_are_not(sample):
    paths = sorted((sample / "train/Images").rglob("*.jpg"))
    pictures = [images.read(path) for path in paths]
    small = cv2.resize(pictures[3], None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    rough = cv2.imencode(".jpg", pictures[5][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    rough = images.decode(rough.tobytes())
    looks = [look_of(image) for image in (*pictures, small, rough)]
    assert near_pairs(looks) == [(3, len(pictures)), (5, len(pictures) + 1)]


def test_blank_pictures_hang_together_in_a_chain():
    # Equal hashes, two levels: those of one level follow one another, the levels stay apart.
    looks = [look_of(np.full((9, 9, 3), level, np.uint8)) for level in (10, 200, 10, 200, 10)]
    assert near_pairs(looks) == [(0, 2), (1, 3), (2, 4)]


def test_one_pair_among_twenty_thousand():
    looks = np.random.default_rng(2).integers(0, 256, (20_000, 440), np.uint8)
    looks[777] = looks[19_999]
    assert near_pairs(looks) == [(777, 19_999)]
