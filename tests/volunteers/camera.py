"""Reads a QR code off the pixels of a PNG, as a camera does: written apart from what draws ours."""

import struct
import zlib
from collections.abc import Iterator

from qrcode.base import rs_blocks
from qrcode.util import mask_func, pattern_position

Squares = list[list[bool]]
LETTERS, BYTES = 0b0010, 0b0100
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def read(png: bytes) -> str:
    """The text. Errors: AssertionError for anything but a small code of one part, undamaged."""
    dark = squares(png)
    version = (len(dark) - 17) // 4
    # Beside the upper left finder: level of correction and mask, under a mask of their own.
    masked = int("".join("01"[dark[8][x]] for x in range(5)), 2) ^ 0b10101
    blocks = rs_blocks(version, masked >> 3)
    words = list(_words(dark, version, masked & 0b111))
    longest = max(block.data_count for block in blocks)
    data: list[list[int]] = [[] for _block in blocks]
    taken = iter(words)
    for place in range(longest):
        for block, found in zip(blocks, data, strict=True):
            if place < block.data_count:
                found.append(next(taken))
    bits = "".join(f"{word:08b}" for found in data for word in found)
    assert version < 10
    return _as_bytes(bits) if int(bits[:4], 2) == BYTES else _as_letters(bits)


def _as_bytes(bits: str) -> str:
    end = 12 + 8 * int(bits[4:12], 2)
    return bytes(int(bits[at : at + 8], 2) for at in range(12, end, 8)).decode()


def _as_letters(bits: str) -> str:
    """Digits, capitals and some signs: two of them in eleven bits, a last one in six."""
    assert int(bits[:4], 2) == LETTERS
    count, text, at = int(bits[4:13], 2), "", 13
    for _pair in range(count // 2):
        text += "".join(ALPHABET[place] for place in divmod(int(bits[at : at + 11], 2), 45))
        at += 11
    return text + (ALPHABET[int(bits[at : at + 6], 2)] if count % 2 else "")


def squares(png: bytes) -> Squares:
    """What is dark, square by square, without the white edge."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name = png[at + 4 : at + 8]
        chunks[name] = chunks.get(name, b"") + png[at + 8 : at + 8 + length]
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) == (1, 0)
    lines = list(_lines(zlib.decompress(chunks[b"IDAT"]), height, (width + 7) // 8 + 1))
    dark = [[not line[x // 8] >> (7 - x % 8) & 1 for x in range(width)] for line in lines]
    edge = next(y for y, line in enumerate(dark) if any(line))
    step = (dark[edge].index(False, edge) - edge) // 7
    middles = range(edge + step // 2, width - edge, step)
    return [[dark[y][x] for x in middles] for y in middles]


def _lines(data: bytes, height: int, stride: int) -> Iterator[bytes]:
    """The lines of pixels. Each is stored as it is, or as what differs from the one above."""
    line = bytes(stride - 1)
    for at in range(0, height * stride, stride):
        assert data[at] in (0, 2)
        above = line if data[at] else bytes(stride - 1)
        line = bytes((a + b) % 256 for a, b in zip(data[at + 1 : at + stride], above, strict=True))
        yield line


def _words(dark: Squares, version: int, mask: int) -> Iterator[int]:
    """The bytes in their order: two columns at a time from the right, up and down in turn."""
    size, hides = len(dark), mask_func(mask)
    columns = [*range(size - 1, 6, -2), *range(5, 0, -2)]
    bits: list[bool] = []
    for turn, column in enumerate(columns):
        for row in range(size - 1, -1, -1) if turn % 2 == 0 else range(size):
            for x in (column, column - 1):
                if not _is_pattern(row, x, size, version):
                    bits.append(dark[row][x] != hides(row, x))
    for at in range(0, len(bits) - 7, 8):
        yield int("".join("01"[bit] for bit in bits[at : at + 8]), 2)


def _is_pattern(y: int, x: int, size: int, version: int) -> bool:
    """Whether a square belongs to the finders, the timing, the alignment or the format, not to the data."""
    finder = (y < 9 and x < 9) or (y < 9 and x >= size - 8) or (y >= size - 8 and x < 9)
    centres = pattern_position(version)
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    aligned = any(
        abs(y - cy) < 3 and abs(x - cx) < 3 for cy in centres for cx in centres if (cy, cx) not in corners
    )
    version_told = version >= 7 and ((y < 6 and x >= size - 11) or (x < 6 and y >= size - 11))
    return finder or 6 in (y, x) or aligned or version_told
