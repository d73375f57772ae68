"""What a picture file says about itself, read from its head and by its magic bytes alone.

No pixel is allocated and no suffix is believed, so this is the guard in front of every decoder:
`images.py` refuses by it what is too large and turns pictures by the orientation found here.
Formats: ITU-T T.81, EXIF 2.32, PNG 3rd edition, RFC 9649 (WebP), GIF89a, BMP, TIFF 6.0, ISO BMFF.
"""

import io
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aifashion.errors import Exit, Failure

# Far above what any camera or editor writes, far below what would keep a parser busy.
_MAX_PARTS = 4096  # segments of a JPEG, chunks of a WebP, boxes of an AVIF
_MAX_CHUNKS = 65_536  # of a PNG: the pixels of large ones come in thousands
_MAX_STRAY = 512  # bytes between two JPEG segments, which libjpeg skips as well
_MAX_EXIF = 65_536
_MAX_META = 2**20

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SOF_PLAIN = (0xC0, 0xC1, 0xC2)  # baseline, extended sequential, progressive; Huffman coded
_APP1, _APP14, _SOS, _EOI = 0xE1, 0xEE, 0xDA, 0xD9
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}  # markers without a length


@dataclass(frozen=True)
class Header:
    """The facts one needs before decoding."""

    format: str  # "jpeg", "png", "webp", "gif", "bmp", "tiff" or "avif"
    width: int  # as shown: after the orientation is applied
    height: int
    orientation: int  # EXIF, 1..8; 1 is upright
    plain: bool  # upright 8-bit Huffman-coded JPEG, grey or YCbCr: any libjpeg gives these pixels


@dataclass(frozen=True)
class _Stored:
    """A header before the orientation is applied."""

    width: int
    height: int
    orientation: int = 1
    plain: bool = False


def read_header(source: bytes | Path | str) -> Header:
    """Reads the header of a picture, in memory or in a file, of which no pixels are read.

    Orientation comes from EXIF in JPEG, PNG and WebP. Pictures `images.decode` could show only
    wrongly (see `_tiff`, `_avif`, `_png`) are refused here, with the reason.

    Raises:
        Failure: BAD_DATA; of a file, the message begins with its path.
    """
    if isinstance(source, bytes):
        return _parse(io.BytesIO(source))
    with opened(Path(source)) as (descriptor, _), open(descriptor, "rb", closefd=False) as file:
        return _parse(file)


@contextmanager
def opened(path: Path) -> Iterator[tuple[int, int]]:
    """Opens a picture's file: its descriptor and its size in bytes.

    Any fault, here or in the body, is a Failure that names the path. Descriptors, because Python's
    file objects make ten system calls where four do, and threads wait for each other at each.
    """
    try:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait for ever
        except ValueError:
            raise bad("not a possible name of a file") from None
        try:
            yield descriptor, _regular_size(os.fstat(descriptor))
        finally:
            os.close(descriptor)
    except Failure as failure:
        raise Failure(failure.exit_code, f"{path}: {failure}") from None
    except FileNotFoundError:
        raise bad(f"{path}: no such file{_hint(path)}") from None
    except OSError as error:
        raise bad(f"{path}: cannot be read ({error.strerror or error})") from None


def _regular_size(status: os.stat_result) -> int:
    if stat.S_ISDIR(status.st_mode):
        raise bad("a folder, not a picture. Name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise bad("not a regular file")
    return status.st_size


def bad(message: str) -> Failure:
    """A Failure that blames the data."""
    return Failure(Exit.BAD_DATA, message)


def _hint(path: Path) -> str:
    """Names the file that differs in case only: the usual fault of lists made on Windows."""
    try:
        similar = [p.name for p in path.parent.iterdir() if p.name.lower() == path.name.lower()]
    except OSError:
        return ". Check the path."
    return f"; did you mean {min(similar)}?" if similar else ". Check the path."


def _parse(file: BinaryIO) -> Header:
    head = file.read(32)
    format, parser = _recognise(head)
    stored = parser(file)
    if stored.width <= 0 or stored.height <= 0:
        raise bad(f"{format}: the header says {stored.width} x {stored.height} pixels")
    size = (stored.width, stored.height)
    width, height = size if stored.orientation < 5 else size[::-1]
    return Header(format, width, height, stored.orientation, stored.plain)


def _recognise(head: bytes) -> tuple:
    for magic, format, parser in _MAGIC:
        if head.startswith(magic):
            return format, parser
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp", _webp
    if head[4:8] == b"ftyp":
        return "avif", _avif
    if not head:
        raise bad("the file is empty (0 bytes). Fetch it again.")
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        raise bad("a web page or XML, not a picture. Fetch the picture again.")
    raise bad(
        f"not a picture that can be read (it begins with {head[:8]!r}). "
        "Use jpeg, png, webp, gif, bmp, tiff or avif."
    )


def _take(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise bad("the file ends within its header. Fetch it again.")
    return data


# === JPEG ===


def _jpeg(file: BinaryIO) -> _Stored:
    file.seek(2)
    exif = adobe = b""
    for _ in range(_MAX_PARTS):
        marker = _next_marker(file)
        if marker in _BARE:
            continue
        if marker in (_SOS, _EOI):
            raise bad("jpeg: its pixels begin before their size is given")
        segment = _take(file, max(int.from_bytes(_take(file, 2)) - 2, 0))
        if marker in _SOF:
            return _frame(marker, segment, exif, adobe)
        if marker == _APP1 and segment.startswith(b"Exif\0"):
            exif = exif or segment
        elif marker == _APP14 and segment.startswith(b"Adobe"):
            adobe = segment
    raise bad("jpeg: too many segments before its size")


def _next_marker(file: BinaryIO) -> int:
    escaped = False
    for _ in range(_MAX_STRAY):
        byte = _take(file, 1)[0]
        if escaped and byte not in (0x00, 0xFF):
            return byte
        escaped = byte == 0xFF
    raise bad("jpeg: no segment where one must begin")


def _frame(marker: int, frame: bytes, exif: bytes, adobe: bytes) -> _Stored:
    """The frame header. RGB is told from YCbCr as libjpeg does: Adobe's segment or the names."""
    if len(frame) < 6 or len(frame) < 6 + 3 * frame[5]:
        raise bad("jpeg: its frame header is cut short")
    bits, height, width, components = struct.unpack_from(">BHHB", frame)
    orientation = _orientation(exif)
    is_rgb = adobe[11:12] == b"\0" or frame[6::3] == b"RGB"
    colours = components == 1 or (components == 3 and not is_rgb)
    plain = marker in _SOF_PLAIN and bits == 8 and colours and orientation == 1
    return _Stored(width, height, orientation, plain)


# === EXIF and TIFF ===


def _directory(file: BinaryIO, tags: frozenset[int]) -> dict[int, int]:
    """The first value of each wanted SHORT or LONG tag in the first directory of a TIFF block."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(file.read(4))
    if order is None:
        raise bad("tiff: not a TIFF block")
    (start,) = struct.unpack(order + "I", _take(file, 4))
    file.seek(start)
    (count,) = struct.unpack(order + "H", _take(file, 2))
    found = {}
    for tag, kind, number, value in struct.iter_unpack(order + "HHI4s", _take(file, 12 * count)):
        form = {3: "H", 4: "I"}.get(kind)
        if tag not in tags or form is None or number == 0:
            continue
        if number * struct.calcsize(form) > 4:
            file.seek(struct.unpack(order + "I", value)[0])
            value = _take(file, 4)
        found.setdefault(tag, struct.unpack_from(order + form, value)[0])
    return found


def _orientation(exif: bytes) -> int:
    """EXIF orientation, 1..8; upright where EXIF is absent or damaged, as viewers take it."""
    try:
        block = io.BytesIO(exif.removeprefix(b"Exif\0\0"))
        value = _directory(block, frozenset({0x0112})).get(0x0112, 1)
    except Failure:
        return 1
    return value if 1 <= value <= 8 else 1


_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _TURN = 256, 257, 258, 262, 274
_PLANES, _EXTRA, _SAMPLE = 284, 338, 339
_TIFF_TAGS = frozenset({_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _TURN, _PLANES, _EXTRA, _SAMPLE})


def _tiff(file: BinaryIO) -> _Stored:
    """Simple files only: cv2 premultiplies alpha, turns by itself and takes CMYK for BGRA."""
    file.seek(0)
    tags = _directory(file, _TIFF_TAGS)
    simple = (
        tags.get(_BITS, 1) in (8, 16)
        and tags.get(_PHOTOMETRIC) in (1, 2, 3, 6)  # grey, RGB, palette, YCbCr
        and tags.get(_TURN, 1) == 1
        and tags.get(_PLANES, 1) == 1
        and _EXTRA not in tags
        and tags.get(_SAMPLE, 1) == 1  # unsigned integers
    )
    if not simple:
        raise bad(
            "tiff: only upright 8- or 16-bit grey, RGB and palette pictures without alpha "
            "are read. Save it as PNG."
        )
    return _Stored(tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0))


# === PNG, WebP, GIF, BMP ===


def _png(file: BinaryIO) -> _Stored:
    """Walks all chunks: eXIf may stand on either side of the pixels, and cv2 allocates what a
    chunk claims to hold, up to 4 GB, before it looks whether the file is that long."""
    end = file.seek(0, io.SEEK_END)
    file.seek(8)
    size, kind, width, height, _, colour = struct.unpack(">I4sIIBB", _take(file, 18))
    if kind != b"IHDR" or size != 13:
        raise bad("png: it does not begin with its header")
    at, exif = 33, b""
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        size, kind = struct.unpack(">I4s", _take(file, 8))
        at += size + 12
        if at > end:
            raise bad("png: the file is cut short or damaged. Fetch it again.")
        if kind == b"IEND":
            return _Stored(width, height, _orientation(exif))
        if kind == b"eXIf":
            exif = _take(file, min(size, _MAX_EXIF))
        if kind == b"tRNS" and colour == 0:  # cv2 would show the hidden grey
            raise bad("png: grey with one transparent level is not read. Save it with alpha.")
    raise bad("png: too many chunks")


def _webp(file: BinaryIO) -> _Stored:
    file.seek(12)
    kind = _take(file, 8)[:4]
    body = _take(file, 10)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return _Stored(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return _Stored((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        width = int.from_bytes(body[4:7], "little") + 1
        height = int.from_bytes(body[7:10], "little") + 1
        return _Stored(width, height, _webp_orientation(file) if body[0] & 0x08 else 1)
    raise bad("webp: its first chunk is not a picture")


def _webp_orientation(file: BinaryIO) -> int:
    for _ in range(_MAX_PARTS):
        chunk = file.read(8)
        if len(chunk) < 8:
            return 1
        kind, size = struct.unpack("<4sI", chunk)
        if kind == b"EXIF":
            return _orientation(file.read(min(size, _MAX_EXIF)))
        file.seek(size + size % 2, io.SEEK_CUR)
    raise bad("webp: too many chunks")


def _gif(file: BinaryIO) -> _Stored:
    file.seek(6)
    return _Stored(*struct.unpack("<HH", _take(file, 4)))


def _bmp(file: BinaryIO) -> _Stored:
    file.seek(14)
    (size,) = struct.unpack("<I", _take(file, 4))
    form = "<HH" if size == 12 else "<ii"  # OS/2 1.x, or any later one
    width, height = struct.unpack(form, _take(file, struct.calcsize(form)))
    return _Stored(width, abs(height))  # a negative height: rows from top to bottom


# === AVIF ===


def _avif(file: BinaryIO) -> _Stored:
    """Simple files only: one size for all items, and no turn, which cv2 would not apply."""
    file.seek(0)
    brands = b""
    for _ in range(_MAX_PARTS):
        head = file.read(8)
        if len(head) < 8:
            break
        size, kind = struct.unpack(">I4s", head)
        if size < 8:
            raise bad("avif: a box of unusual length. Save the picture as PNG.")
        if kind == b"ftyp":
            brands = _take(file, min(size - 8, _MAX_EXIF))
            if not {b"avif", b"avis"} & {brands[i : i + 4] for i in range(0, len(brands), 4)}:
                raise bad(f"{brands[:4]!r} (HEIC or video) is not read. Save it as JPEG or PNG.")
        elif kind == b"meta":
            return _avif_meta(_take(file, min(size - 8, _MAX_META)))
        else:
            file.seek(size - 8, io.SEEK_CUR)
    raise bad("avif: the size is nowhere given")


def _avif_meta(meta: bytes) -> _Stored:
    inside = dict(_boxes(meta[4:]))  # after version and flags
    properties = list(_boxes(dict(_boxes(inside.get(b"iprp", b""))).get(b"ipco", b"")))
    sizes = {body[4:12] for kind, body in properties if kind == b"ispe" and len(body) >= 12}
    turned = any(
        kind == b"imir" or (kind == b"irot" and body[:1] != b"\0") for kind, body in properties
    )
    if len(sizes) != 1 or turned:
        raise bad("avif: turned, tiled or of several sizes, which is not read. Save it as PNG.")
    return _Stored(*struct.unpack(">II", sizes.pop()))


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = 0
    while start + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8:
            return
        yield kind, data[start + 8 : start + size]
        start += size


_MAGIC = (
    (b"\xff\xd8\xff", "jpeg", _jpeg),
    (b"\x89PNG\r\n\x1a\n", "png", _png),
    (b"GIF87a", "gif", _gif),
    (b"GIF89a", "gif", _gif),
    (b"BM", "bmp", _bmp),
    (b"II*\0", "tiff", _tiff),
    (b"MM\0*", "tiff", _tiff),
)
