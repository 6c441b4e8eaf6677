"""Films through H.264, at the bits of another codec."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from wan_streamer.unit import FRAMES_PER_SECOND

Film = NDArray[np.uint8]

ENCODER, DECODER = "libx264", "h264"
# As a call would send it: no frame waits for a later one, and one key frame at the beginning.
STREAMING: Final[Mapping[str, str]] = {"preset": "medium", "tune": "zerolatency", "bf": "0", "g": "100000"}
# As `ffmpeg` does without options: looks 40 frames ahead, and B-frames.
DEFAULT: Final[Mapping[str, str]] = {"preset": "medium"}
BEST_CRF, WORST_CRF = 1.0, 51.0
TOLERANCE: Final = 0.05
TRIES: Final = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class CodedFilms:
    """Films as they came back, and what all of them cost together; `crf` is the constant rate factor."""

    films: tuple[Film, ...]
    bit_count: int
    crf: float


def through_h264_at(
    films: Sequence[Film], options: Mapping[str, str], wanted_bits: float, on_try: Callable[[], None] = lambda: None
) -> CodedFilms:
    """Films with the one quality for all of them whose bits come within 5 % of those wanted.

    When even the best quality needs fewer bits it is the best; the same for the worst. Bisection: bits fall with CRF.
    """
    low, high = BEST_CRF, WORST_CRF
    crf = (low + high) / 2
    for _ in range(TRIES):
        on_try()
        coded = through_h264(films, options, crf)
        if abs(coded.bit_count / wanted_bits - 1) <= TOLERANCE:
            return coded
        low, high = (crf, high) if coded.bit_count > wanted_bits else (low, crf)
        crf = (low + high) / 2
    return coded


def through_h264(films: Sequence[Film], options: Mapping[str, str], crf: float) -> CodedFilms:
    """Each film, uint8 [frames, height, width, 3] of even sizes, through an encoder of its own (4:2:0)."""
    coded = [_through_one(film, {**options, "crf": f"{crf:.3f}"}) for film in films]
    return CodedFilms(
        films=tuple(film for film, _ in coded), bit_count=sum(bits for _, bits in coded), crf=round(crf, 3)
    )


def _through_one(film: Film, options: Mapping[str, str]) -> tuple[Film, int]:
    encoder = VideoCodecContext.create(ENCODER, "w")
    assert isinstance(encoder, VideoCodecContext)
    _, encoder.height, encoder.width, _ = film.shape
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, FRAMES_PER_SECOND)
    encoder.framerate, encoder.thread_count = Fraction(FRAMES_PER_SECOND), 1
    encoder.colorspace, encoder.color_range = Colorspace.ITU601, ColorRange.MPEG
    encoder.options = dict(options)
    packets = [packet for index, picture in enumerate(film) for packet in encoder.encode(_frame(picture, index))]
    packets += encoder.encode(None)
    decoder = VideoCodecContext.create(DECODER, "r")
    assert isinstance(decoder, VideoCodecContext)
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    frames += decoder.decode(None)
    assert len(frames) == len(film), "H.264 gives back every frame"
    return np.stack([_picture(frame) for frame in frames]), sum(packet.size for packet in packets) * 8


def _frame(picture: NDArray[np.uint8], index: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG)
    frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_SECOND)
    return frame


def _picture(frame: av.VideoFrame) -> NDArray[np.uint8]:
    rgb = frame.reformat(format="rgb24", src_colorspace=Colorspace.ITU601, src_color_range=ColorRange.MPEG)
    return np.asarray(rgb.to_ndarray(), np.uint8)
