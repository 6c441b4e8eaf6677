"""JPEG pictures of strangers: a header check that costs microseconds, then a decoder that only sees what passed it."""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from wan_streamer.errors import InvalidInput
from wan_streamer.media.formats import MAX_FRAME_BYTES, MAX_FRAME_HEIGHT, MAX_FRAME_WIDTH
from wan_streamer.media.letterbox import fitted_size

START_OF_IMAGE = b"\xff\xd8"
START_OF_SCAN = b"\xff\xda"
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
# C4, C8 and CC look like frame headers by number but are tables.
FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

# Pillow walks the segments in Python, and each progressive scan costs a pass over the whole picture: a 2 MB file of
# nothing but those would hold a core for minutes. Cameras write under 30 segments, progressive encoders about 10 scans.
MAX_SEGMENT_COUNT = 256
MAX_SCAN_COUNT = 32

# What Pillow raises for broken files, over its many layers.
DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error)


def encode_jpeg(frame: NDArray[np.uint8], quality: int = 85, *, xmp: bytes = b"") -> bytes:
    """JPEG of uint8 [height, width, 3] RGB; quality 1 to 95; with what it says of itself (`provenance.py`)."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ValueError(f"got a frame of {frame.dtype} {list(frame.shape)}, expected uint8 [height, width, 3]")
    encoded = io.BytesIO()
    Image.fromarray(frame).save(encoded, "JPEG", quality=quality, xmp=xmp)
    return encoded.getvalue()


def check_jpeg(jpeg: bytes) -> tuple[int, int]:
    """Width and height from the header, without decoding.

    Raises:
        InvalidInput: FRAME_TOO_LARGE (bytes or pixels), or JPEG_INVALID when the header is not that of an 8-bit
            baseline or progressive JPEG of 1, 3 or 4 components.
    """
    if len(jpeg) > MAX_FRAME_BYTES:
        raise InvalidInput(
            f"got a frame of {len(jpeg)} bytes, expected at most {MAX_FRAME_BYTES}; lower the JPEG quality or the size",
            reason="FRAME_TOO_LARGE",
        )
    width, height = _read_frame_header(jpeg)
    if width > MAX_FRAME_WIDTH or height > MAX_FRAME_HEIGHT:
        raise InvalidInput(
            f"got a frame of {width}x{height} pixels, expected at most {MAX_FRAME_WIDTH}x{MAX_FRAME_HEIGHT}; "
            "scale it down before sending",
            reason="FRAME_TOO_LARGE",
        )
    scan_count = jpeg.count(START_OF_SCAN)
    if scan_count > MAX_SCAN_COUNT:
        raise _invalid(f"{scan_count} scans", f"at most {MAX_SCAN_COUNT}")
    return width, height


def decode_jpeg(jpeg: bytes, *, box: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The picture as uint8 [height, width, 3] RGB; greyscale and CMYK are converted.

    With a `box` (width, height) that it will be letterboxed into, it may come at 1/2, 1/4 or 1/8 of its size, but never
    smaller than what fills the box: several times faster for large pictures.

    Raises:
        InvalidInput: as `check_jpeg`; JPEG_INVALID also when the body is broken or cut off.
    """
    size = check_jpeg(jpeg)
    try:
        # Not Image.open: it would try other formats and warn where check_jpeg has already decided.
        with JpegImageFile(io.BytesIO(jpeg)) as image:
            if image.size != size:
                raise _invalid(f"a second size of {image.size} pixels", f"{size}")
            if box is not None:
                image.draft("RGB", fitted_size(*size, *box))
            return np.array(image.convert("RGB"))
    except DECODE_ERRORS as error:
        raise _invalid(f"a broken body ({error})", "a whole picture") from error


def _read_frame_header(jpeg: bytes) -> tuple[int, int]:
    """Width and height of the only frame header; walks the segments up to the first scan."""
    if jpeg[:2] != START_OF_IMAGE:
        raise _invalid(f"bytes that begin with {jpeg[:4]!r}", f"a JPEG, which begins with {START_OF_IMAGE!r}")
    size: tuple[int, int] | None = None
    position = 2
    for _ in range(MAX_SEGMENT_COUNT):
        marker, position = _next_marker(jpeg, position)
        if marker == START_OF_SCAN[1]:
            if size is None:
                raise _invalid("a scan without a frame header", "a frame header before it")
            return size
        length = int.from_bytes(jpeg[position : position + 2], "big")
        if length < 2 or position + length > len(jpeg):
            raise _invalid(f"a segment of {length} bytes at {position} of {len(jpeg)}", "a segment inside the file")
        if marker in FRAME_HEADERS:
            if size is not None:
                raise _invalid("two frame headers", "one")
            size = _parse_frame_header(marker, jpeg[position + 2 : position + length])
        position += length
    raise _invalid(f"more than {MAX_SEGMENT_COUNT} segments before the picture", "fewer; strip its metadata")


def _next_marker(jpeg: bytes, position: int) -> tuple[int, int]:
    """The marker at a position (any number of fill bytes before it) and the position after it."""
    start = position
    while jpeg[position : position + 1] == b"\xff":
        position += 1
    if position == start or position >= len(jpeg) or jpeg[position] in (0x00, 0xD8, 0xD9):
        raise _invalid(f"no segment at byte {start} of {len(jpeg)}", "segments up to the picture")
    return jpeg[position], position + 1


def _parse_frame_header(marker: int, header: bytes) -> tuple[int, int]:
    if marker not in (BASELINE, EXTENDED, PROGRESSIVE):
        raise _invalid(f"coding process 0x{marker:X}", "baseline or progressive")
    if len(header) < 6:
        raise _invalid(f"a frame header of {len(header)} bytes", "6 or more")
    precision, height, width, component_count = struct.unpack(">BHHB", header[:6])
    if precision != 8 or component_count not in (1, 3, 4):
        raise _invalid(f"{component_count} components of {precision} bits", "1, 3 or 4 of 8 bits")
    if width == 0 or height == 0:
        raise _invalid(f"{width}x{height} pixels", "a size")
    return width, height


def _invalid(got: str, expected: str) -> InvalidInput:
    return InvalidInput(f"got {got}, expected {expected}; send each frame as one whole JPEG", reason="JPEG_INVALID")
