"""The reference decoder, on pictures made here byte by byte."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import images
from aifashion.errors import Exit, Failure
from aifashion.image_headers import Header

RED, GREEN, BLUE, WHITE, BLACK = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0),
)  # fmt: skip


# === Pictures and files ===


def corners(width: int = 48, height: int = 32) -> np.ndarray:
    """A quarter of each colour: red top left, green top right, blue bottom left, black."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = RED
    image[: height // 2, width // 2 :] = GREEN
    image[height // 2 :, : width // 2] = BLUE
    return image


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(suffix: str, image: np.ndarray, *options: int) -> bytes:
    """cv2's file of an RGB, RGBA or grey picture."""
    if image.ndim == 3:
        swapped = [2, 1, 0, 3][: image.shape[2]]
        image = np.ascontiguousarray(image[:, :, swapped])
    return cv2.imencode(suffix, image, options)[1].tobytes()


def exif(orientation: int, order: str = "<") -> bytes:
    """A TIFF block of one directory with one SHORT: tag 0x0112."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def turned(suffix: str, image: np.ndarray, orientation: int) -> bytes:
    """A file that stores `image` as it is and asks for `orientation`."""
    if suffix == ".jpg":
        data = encoded(suffix, image, cv2.IMWRITE_JPEG_QUALITY, 95)
        return data[:2] + segment(0xE1, b"Exif\0\0" + exif(orientation, ">")) + data[2:]
    if suffix == ".png":
        data = encoded(suffix, image)
        return data[:33] + chunk(b"eXIf", exif(orientation)) + data[33:]
    body = encoded(suffix, image, cv2.IMWRITE_WEBP_QUALITY, 101)[12:]  # 101 is lossless
    height, width = image.shape[:2]
    flags = 0x08 | (0x10 if image.shape[2] == 4 else 0)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    if body.startswith(b"VP8X"):
        body = body[18:]
    head = b"VP8X" + struct.pack("<IB3x", 10, flags) + size
    block = exif(orientation)
    body = b"WEBP" + head + body + b"EXIF" + struct.pack("<I", len(block)) + block
    return b"RIFF" + struct.pack("<I", len(body)) + body


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *chunks: bytes) -> bytes:
    """A PNG of raw filtered rows; `chunks` stand before the pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def flat_jpeg(levels: tuple[int, ...], transform: int) -> bytes:
    """An 8 x 8 JPEG of one colour, a component a level, with Adobe's colour transform.

    A flat block's only coefficient is 8·(level - 128); the quantiser is 8. A code of 4 bits names
    the length of level - 128, and one 0 bit ends the block.
    """
    bits = ""
    for level in levels:
        value = level - 128
        length = abs(value).bit_length()
        magnitude = value if value > 0 else value + (1 << length) - 1
        bits += f"{length:04b}" + (f"{magnitude:0{length}b}" if length else "") + "0"
    bits += "1" * (-len(bits) % 8)
    pixels = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    names = range(1, len(levels) + 1)
    frame = struct.pack(">BHHB", 8, 8, 8, len(levels)) + b"".join(
        bytes((name, 0x11, 0)) for name in names
    )
    scan = bytes((len(levels),)) + b"".join(bytes((name, 0)) for name in names) + b"\0\x3f\0"
    return b"".join((
        b"\xff\xd8",
        segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((transform,))),
        segment(0xDB, b"\0" + b"\x08" * 64),
        segment(0xC0, frame),
        segment(0xC4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12))),
        segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0"),
        segment(0xDA, scan) + pixels + b"\xff\xd9",
    ))  # fmt: skip


def failure(call, *arguments) -> str:
    """The message of the Failure that blames the data."""
    with pytest.raises(Failure) as caught:
        call(*arguments)
    assert caught.value.exit_code == Exit.BAD_DATA
    assert "\n" not in str(caught.value)
    return str(caught.value)


# === What is no picture ===


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"hello, world", "not a picture"),
        (b"\xff\xd8\xff", "ends within its header"),
        (b"\xff\xd8\xff\xd9", "before their size"),
        (b"\x89PNG\r\n\x1a\n", "ends within its header"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\0", "HEIC"),
        (png(0, 4, 8, 2, b""), "0 x 4"),
    ],
)
def test_refused_with_the_reason(data, reason):
    assert reason in failure(images.decode, data)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".bmp", ".tiff", ".avif"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_cut_short(suffix, part):
    data = encoded(suffix, texture(60, 80))
    assert images.decode(data).shape == (60, 80, 3)
    failure(images.decode, data[: int(len(data) * part)])


def test_jpeg_needs_its_end_and_may_be_padded():
    data = encoded(".jpg", texture(60, 80), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert_array_equal(images.decode(data + bytes(5000)), images.decode(data))
    failure(images.decode, data[:-2])


def test_damage_never_crashes():
    """300 cuts and changed bytes: a picture or a Failure, nothing else."""
    rng = np.random.default_rng(7)
    files = [encoded(s, corners(), *o) for s, o in ((".jpg", ()), (".png", ()), (".gif", ()))]
    files.append(turned(".webp", corners(), 6))
    outcomes = {"picture": 0, "failure": 0}
    for trial in range(300):
        data = bytearray(files[trial % 4])
        if trial % 3 == 0:
            del data[rng.integers(0, len(data)) :]
        else:
            for at in rng.integers(0, min(len(data), 400), 3):
                data[at] = rng.integers(0, 256)
        try:
            image = images.decode(bytes(data), 10**6)
        except Failure:
            outcomes["failure"] += 1
        else:
            assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
            outcomes["picture"] += 1
    assert min(outcomes.values()) > 20  # both ends of the promise were seen


# === Limits ===

BOMBS = """
import sys, time
from pathlib import Path
from aifashion.errors import Failure
from aifashion.images import decode
def peak():  # KiB this process has ever held
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
for name in sys.argv[1:]:
    data = Path(name).read_bytes()
    before, start = peak(), time.perf_counter()
    try:
        decode(data)
    except Failure as failure:
        assert any(word in str(failure) for word in ("00 x ", "cut short")), failure
    else:
        raise SystemExit("a bomb was decoded")
    print(time.perf_counter() - start, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_bombs_cost_nothing(tmp_path):
    """In its own process, whose peak of memory is its own: believed, they take 0.4, 11 and 3 GB."""
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(b"\0" * 1501) for _ in range(12000)) + packer.flush()
    real = png(12000, 12000, 1, 0, b"")  # 1 bit a pixel: 1 + 1500 bytes a row
    real = real[:33] + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    claimed = png(60000, 60000, 8, 2, b"\0")
    chunk_claimed = encoded(".png", corners())
    chunk_claimed = (
        chunk_claimed[:33] + b"\xa8" + chunk_claimed[34:]
    )  # the pixels: 0xa8...... bytes
    names = [tmp_path / f"{name}.png" for name in ("real", "claimed", "chunk")]
    for name, data in zip(names, (real, claimed, chunk_claimed), strict=True):
        name.write_bytes(data)
    command = [sys.executable, "-c", BOMBS, *map(str, names)]
    root = Path(__file__).parents[1]
    lines = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    for line in lines.splitlines():
        seconds, kib = map(float, line.split())
        assert seconds < 0.05
        assert kib < 50 * 1024
    assert len(lines.splitlines()) == 3


def test_limits_are_inclusive_and_sizes_must_agree(monkeypatch):
    data = encoded(".png", corners(48, 32))
    assert images.decode(data, 48 * 32).shape == (32, 48, 3)
    assert "48 x 32" in failure(images.decode, data, 48 * 32 - 1)
    monkeypatch.setattr(images, "MAX_BYTES", len(data))
    assert images.decode(data).shape == (32, 48, 3)
    assert "larger than" in failure(images.decode, data + b"\0")
    monkeypatch.setattr(images, "read_header", lambda _: Header("png", 40, 32, 1, False))
    assert "not of the size" in failure(images.decode, data)


# === Orientation ===

# The corners as one sees them, clockwise from the top left, after each EXIF orientation of
# `corners()`: 6, say, turns the picture clockwise, so its bottom left comes to the top left.
SEEN = {
    1: (RED, GREEN, BLACK, BLUE), 2: (GREEN, RED, BLUE, BLACK),
    3: (BLACK, BLUE, RED, GREEN), 4: (BLUE, BLACK, GREEN, RED),
    5: (RED, BLUE, BLACK, GREEN), 6: (BLUE, RED, GREEN, BLACK),
    7: (BLACK, GREEN, RED, BLUE), 8: (GREEN, BLACK, BLUE, RED),
}  # fmt: skip


def seen(image: np.ndarray) -> np.ndarray:
    return image[[3, 3, -4, -4], [3, -4, -4, 3]]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(suffix, orientation):
    data = turned(suffix, corners(48, 32), orientation)
    size = (48, 32) if orientation < 5 else (32, 48)
    header = images.read_header(data)
    name = {".jpg": "jpeg", ".png": "png", ".webp": "webp"}[suffix]
    assert header == Header(name, *size, orientation, name == "jpeg" and orientation == 1)
    image = images.decode(data)
    assert image.shape == (*size[::-1], 3)
    assert_allclose(seen(image), SEEN[orientation], atol=3 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_orientation_with_alpha(suffix):
    rgba = np.dstack([corners(), np.full((32, 48), 255, np.uint8)])
    rgba[:16, :24, 3] = 0
    shown = images.decode(turned(suffix, rgba, 6))
    assert_array_equal(seen(shown), (BLUE, WHITE, GREEN, BLACK))  # red was transparent


def test_orientation_after_the_pixels_of_a_png():
    data = encoded(".png", corners())
    late = data[:-12] + chunk(b"eXIf", exif(8)) + data[-12:]
    assert_array_equal(seen(images.decode(late)), SEEN[8])


def test_orientation_out_of_range_is_upright():
    assert images.read_header(turned(".jpg", corners(), 9)).orientation == 1


# === Colour ===


def test_grey_becomes_rgb():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert_array_equal(images.decode(encoded(".png", grey)), np.dstack([grey] * 3))


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_divided_by_257(channels):
    # 257·v is v exactly; 128 more is just below the middle between v and v + 1, 129 just above
    deep = np.array([[0, 128, 129, 257 * 100, 257 * 100 + 129, 65535]] * 2, np.uint16)
    deep = deep if channels == 1 else np.dstack([deep] * 3)
    assert_array_equal(images.decode(encoded(".png", deep))[0, :, 0], [0, 0, 1, 100, 101, 255])


def test_alpha_lies_on_white():
    rgba = np.array([[(255, 0, 0, 0), (255, 0, 0, 255), (255, 0, 0, 51)]], np.uint8)
    # 51/255 is a fifth: green and blue are 4/5 of white, 204
    expected = [[WHITE, RED, (255, 204, 204)]]
    assert_array_equal(images.decode(encoded(".png", rgba)), expected)


def test_palette_with_a_transparent_colour():
    colours = chunk(b"PLTE", bytes(RED + GREEN + BLUE))
    rows = b"\0\0\1\2"  # no filter, then the colours 0, 1, 2
    assert_array_equal(images.decode(png(3, 1, 8, 3, rows, colours)), [[RED, GREEN, BLUE]])
    data = png(3, 1, 8, 3, rows, colours, chunk(b"tRNS", b"\xff\0"))  # 1 is transparent
    assert_array_equal(images.decode(data), [[RED, WHITE, BLUE]])


def test_transparent_grey_level_is_refused():
    data = png(3, 1, 8, 0, b"\0\0\1\2", chunk(b"tRNS", b"\0\1"))
    assert "transparent" in failure(images.decode, data)


def test_cmyk_and_rgb_jpeg():
    cmyk = flat_jpeg((255, 0, 0, 255), 0)  # Adobe stores what is left white: no cyan, no black
    assert images.read_header(cmyk) == Header("jpeg", 8, 8, 1, False)
    assert_allclose(images.decode(cmyk), np.full((8, 8, 3), RED), atol=1)  # cv2 divides by 256
    rgb = flat_jpeg((10, 200, 30), 0)
    assert images.read_header(rgb) == Header("jpeg", 8, 8, 1, False)
    assert_array_equal(images.decode(rgb), np.full((8, 8, 3), (10, 200, 30)))
    ycc = flat_jpeg((90, 128, 128), 1)
    assert images.read_header(ycc) == Header("jpeg", 8, 8, 1, True)
    assert_array_equal(images.decode(ycc), np.full((8, 8, 3), 90))


# === Files ===


def test_read_names_the_path(tmp_path):
    path = tmp_path / "Dress.JPG"
    assert failure(images.read, path) == f"{path}: no such file. Check the path."
    (tmp_path / "dress.jpg").touch()
    assert failure(images.read, path) == f"{path}: no such file; did you mean dress.jpg?"
    assert failure(images.read, tmp_path / "dress.jpg").startswith(f"{tmp_path / 'dress.jpg'}: the")
    (tmp_path / "x.jpg").mkdir()
    assert failure(images.read, tmp_path / "x.jpg").startswith(f"{tmp_path / 'x.jpg'}: a folder")
    assert "no such" in failure(images.read_header, path)
    assert "possible name" in failure(images.read, tmp_path / "a\0b.jpg")


def test_read_without_permission(tmp_path, monkeypatch):
    path = tmp_path / "dress.jpg"
    path.write_bytes(encoded(".jpg", corners()))

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    assert failure(images.read, path) == f"{path}: cannot be read (Permission denied)"


def test_the_suffix_is_not_believed(tmp_path):
    path = tmp_path / "dress.jpg"
    path.write_bytes(encoded(".png", corners()))
    assert_array_equal(images.read(path), corners())
    path.write_bytes(b"<html>moved</html>")
    assert failure(images.read, path).startswith(f"{path}: a web page")


def test_size_shown_needs_the_head_only(tmp_path):
    data = turned(".jpg", corners(48, 32), 6)
    profile = segment(0xE2, bytes(60_000)) * 3  # a long colour profile pushes the size back
    path = tmp_path / "head.jpg"
    path.write_bytes((data[:2] + profile + data[2:])[: len(profile) + 300])
    assert images.read_shown_size(path) == (32, 48)
    failure(images.read, path)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".gif", ".bmp", ".tiff", ".avif", ".jpg"])
def test_header_of_every_format(suffix):
    header = images.read_header(encoded(suffix, texture(33, 57)))
    assert (header.width, header.height, header.orientation) == (57, 33, 1)


def test_write_and_read(tmp_path):
    picture = cv2.GaussianBlur(texture(40, 60), (0, 0), 3)
    images.write(tmp_path / "new" / "a.png", picture)
    assert_array_equal(images.read(tmp_path / "new" / "a.png"), picture)
    images.write(tmp_path / "new" / "a.jpg", picture)
    assert np.abs(images.read(tmp_path / "new" / "a.jpg").astype(int) - picture).mean() < 2
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["a.jpg", "a.png"]
    with pytest.raises(Failure, match="jpg or") as caught:
        images.write(tmp_path / "a.webp", picture)
    assert caught.value.exit_code == Exit.USAGE
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="cannot be written") as caught:
        images.write(tmp_path / "file" / "a.png", picture)
    assert caught.value.exit_code == Exit.ENVIRONMENT
