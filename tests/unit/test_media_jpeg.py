"""JPEG pictures of friends and of strangers."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wan_streamer.errors import InvalidInput
from wan_streamer.media.jpeg import check_jpeg, decode_jpeg, encode_jpeg

RAMP = np.stack(np.broadcast_arrays(np.arange(48)[:, None] * 5, np.arange(64)[None] * 3, np.uint8(90)), -1).astype(
    np.uint8
)


def saved(mode: str = "RGB", **options: object) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(RAMP).convert(mode).save(encoded, "JPEG", quality=95, **options)
    return encoded.getvalue()


SAMPLES = [
    saved(),
    saved("L"),
    saved("CMYK"),
    saved(progressive=True),
    saved("L", progressive=True),
    saved(subsampling=0),
]


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """The same file with another size in its frame header."""
    at = next(jpeg.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in jpeg)
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def reason_of(jpeg: bytes) -> str:
    with pytest.raises(InvalidInput, match="expected") as refusal:
        decode_jpeg(jpeg)
    return refusal.value.reason


def test_a_picture_survives_the_round_trip() -> None:
    """Encoding and decoding keeps size and colours."""
    jpeg = encode_jpeg(RAMP, quality=95)
    assert check_jpeg(jpeg) == (64, 48)
    assert abs(decode_jpeg(jpeg).astype(int) - RAMP).mean() < 3


@pytest.mark.parametrize("index", range(len(SAMPLES)))
def test_every_usual_kind_becomes_rgb(index: int) -> None:
    """Baseline, progressive, greyscale, CMYK and 4:4:4 all decode to RGB of the true colours."""
    mode = Image.open(io.BytesIO(SAMPLES[index])).mode
    truth = np.asarray(Image.fromarray(RAMP).convert(mode).convert("RGB")).astype(int)
    decoded = decode_jpeg(SAMPLES[index])
    assert decoded.dtype == np.uint8
    assert decoded.shape == RAMP.shape
    assert abs(decoded - truth).mean() < 4


def test_a_large_picture_for_a_small_box_comes_reduced() -> None:
    """With a box the picture is reduced by a power of two, but not below what fills the box."""
    jpeg = encode_jpeg(np.full((720, 1280, 3), 77, np.uint8))
    assert decode_jpeg(jpeg, box=(224, 128)).shape == (180, 320, 3)
    assert decode_jpeg(jpeg, box=(1920, 1080)).shape == (720, 1280, 3)
    assert decode_jpeg(jpeg).shape == (720, 1280, 3)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_random_bytes_are_invalid(noise: bytes, with_start: bool) -> None:
    """Bytes that are no JPEG, with or without its first marker, are JPEG_INVALID and nothing else."""
    assert reason_of((b"\xff\xd8" if with_start else b"") + noise) == "JPEG_INVALID"


@settings(max_examples=400, deadline=None)
@given(
    sample=st.sampled_from(SAMPLES),
    keep=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=6),
    in_header=st.booleans(),
    box=st.sampled_from([None, (16, 16)]),
)
def test_damaged_pictures_decode_or_are_refused(
    sample: bytes, keep: float, flips: list[tuple[float, int]], in_header: bool, box: tuple[int, int] | None
) -> None:
    """A real JPEG, cut off or with flipped bits, either decodes to RGB or is InvalidInput; nothing else happens."""
    damaged = bytearray(sample[: int(len(sample) * keep)] if keep < 0.9 else sample)
    for where, bits in flips:
        if damaged:
            reach = min(len(damaged), 640) if in_header else len(damaged)
            damaged[int(where * reach)] ^= bits
    try:
        decoded = decode_jpeg(bytes(damaged), box=box)
    except InvalidInput:
        return
    assert decoded.dtype == np.uint8
    assert decoded.shape[2] == 3


@pytest.mark.parametrize(
    "noise", [bytes(10_000_000), b"\xff\xd8" + b"\xff" * 10_000_000, b"\xff\xd8\xff\xe0" * 2_500_000]
)
def test_ten_megabytes_of_noise_fail_by_their_size(noise: bytes) -> None:
    """A frame over the byte limit is refused before anything reads it."""
    assert reason_of(noise) == "FRAME_TOO_LARGE"


def test_two_megabytes_of_noise_are_invalid() -> None:
    """Noise under the byte limit is refused by its first bytes, or by its first segments."""
    noise = np.random.default_rng(3).integers(0, 256, 1_999_998, np.uint8).tobytes()
    assert reason_of(noise) == "JPEG_INVALID"
    assert reason_of(b"\xff\xd8" + noise) == "JPEG_INVALID"
    assert reason_of(b"\xff\xd8" + b"\xff" * 1_999_998) == "JPEG_INVALID"


@pytest.mark.parametrize("size", [(65500, 65500), (1921, 1080), (1920, 1081), (60000, 1)])
@pytest.mark.parametrize("sample", [SAMPLES[0], SAMPLES[3]])
def test_a_small_file_that_claims_a_huge_picture_is_refused(size: tuple[int, int], sample: bytes) -> None:
    """A decompression bomb is stopped by the size in its header, before any memory is taken."""
    assert reason_of(with_size(sample, *size)) == "FRAME_TOO_LARGE"


def test_a_picture_without_size_is_invalid() -> None:
    """Zero width or height is refused."""
    assert reason_of(with_size(SAMPLES[0], 0, 48)) == "JPEG_INVALID"
    assert reason_of(with_size(SAMPLES[0], 64, 0)) == "JPEG_INVALID"


def test_floods_of_segments_and_scans_are_refused() -> None:
    """Files that would keep a parser or a progressive decoder busy for minutes are refused by counting."""
    comments = b"\xff\xfe\x00\x02" * 400_000
    assert reason_of(SAMPLES[0][:2] + comments + SAMPLES[0][2:]) == "JPEG_INVALID"
    scan = SAMPLES[3][SAMPLES[3].rindex(b"\xff\xda") : -2]
    assert reason_of(SAMPLES[3][:-2] + scan * 1000 + b"\xff\xd9") == "JPEG_INVALID"


def test_two_frame_headers_are_refused() -> None:
    """A second frame header, which a decoder might believe instead of the first, is refused."""
    at = SAMPLES[0].index(b"\xff\xc0")
    header = SAMPLES[0][at : at + 19]
    assert reason_of(SAMPLES[0][:at] + header + SAMPLES[0][at:]) == "JPEG_INVALID"


@pytest.mark.parametrize("process", [0xC3, 0xC5, 0xC9, 0xCA, 0xCB])
def test_unusual_coding_processes_are_refused(process: int) -> None:
    """Lossless, hierarchical and arithmetic JPEG are refused by name."""
    at = SAMPLES[0].index(b"\xff\xc0")
    assert reason_of(SAMPLES[0][: at + 1] + bytes([process]) + SAMPLES[0][at + 2 :]) == "JPEG_INVALID"


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.int16), np.zeros((4, 0, 3), np.uint8)]
)
def test_only_rgb_frames_are_encoded(frame: np.ndarray) -> None:
    """Another shape or type is a ValueError that says what is expected."""
    with pytest.raises(ValueError, match="expected uint8"):
        encode_jpeg(frame)
