"""From sound to lips: forced alignment gives phones, a table gives mouth shapes, smoothing gives curves."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder
from scipy.ndimage import gaussian_filter1d
from scipy.signal import resample_poly

from visitor.voice import SAMPLE_RATE_HZ, Speech, SpokenLine

ALIGNER_RATE_HZ = 16_000
ALIGNER_FRAME_S = 0.01
CURVE_RATE_HZ = 200
ARTICULATION = 1.25  # smoothing flattens the peaks; a person at a counter speaks clearly
# Rounding of the lips begins early and ends late; the jaw follows closely.
JAW_SMOOTHING_S = 0.030
LIP_SMOOTHING_S = 0.045
CLOSURE_SMOOTHING_S = 0.022

Shape = dict[str, float]


def _both(name: str, weight: float) -> Shape:
    return {f"{name}Left": weight, f"{name}Right": weight}


# Mouth shapes in ARKit's words; a phone names one of them. Two phones that look alike share a shape.
SHAPES: dict[str, Shape] = {
    "rest": {},
    "open": {"jawOpen": 0.50, **_both("mouthLowerDown", 0.25), **_both("mouthUpperUp", 0.12)},
    "half_open": {"jawOpen": 0.36, **_both("mouthLowerDown", 0.22), **_both("mouthUpperUp", 0.10)},
    "wide": {
        "jawOpen": 0.20,
        **_both("mouthStretch", 0.28),
        **_both("mouthSmile", 0.25),
        **_both("mouthLowerDown", 0.22),
    },
    "wide_open": {
        "jawOpen": 0.40,
        **_both("mouthStretch", 0.20),
        **_both("mouthLowerDown", 0.28),
        **_both("mouthUpperUp", 0.15),
    },
    "round_open": {"jawOpen": 0.40, "mouthFunnel": 0.45, "mouthPucker": 0.12},
    "round": {"jawOpen": 0.16, "mouthPucker": 0.75, "mouthFunnel": 0.30},
    "round_narrow": {"jawOpen": 0.10, "mouthPucker": 0.85, "mouthFunnel": 0.15},
    "bilabial": {"jawOpen": 0.05, "mouthClose": 0.06, **_both("mouthPress", 0.30)},
    "labiodental": {"jawOpen": 0.08, "mouthRollLower": 0.50, **_both("mouthUpperUp", 0.20)},
    "dental": {"jawOpen": 0.16, "tongueOut": 0.25, **_both("mouthLowerDown", 0.20)},
    "alveolar": {"jawOpen": 0.14, **_both("mouthLowerDown", 0.20), **_both("mouthStretch", 0.10)},
    "sibilant": {
        "jawOpen": 0.07,
        **_both("mouthStretch", 0.20),
        **_both("mouthLowerDown", 0.30),
        **_both("mouthUpperUp", 0.12),
    },
    "postalveolar": {"jawOpen": 0.10, "mouthFunnel": 0.55, "mouthPucker": 0.15},
    "velar": {"jawOpen": 0.20, **_both("mouthLowerDown", 0.12)},
    "rhotic": {"jawOpen": 0.17, "mouthPucker": 0.35, "mouthFunnel": 0.25},
}

# ARPAbet phone -> the shapes it passes through; a diphthong passes through two.
PHONES: dict[str, tuple[str, ...]] = {
    "SIL": ("rest",),
    "+SPN+": ("rest",),
    "+NSN+": ("rest",),
    "AA": ("open",),
    "AE": ("wide_open",),
    "AH": ("half_open",),
    "AO": ("round_open",),
    "AW": ("open", "round"),
    "AY": ("open", "wide"),
    "EH": ("wide_open",),
    "ER": ("rhotic",),
    "EY": ("wide_open", "wide"),
    "IH": ("wide",),
    "IY": ("wide",),
    "OW": ("round_open", "round"),
    "OY": ("round_open", "wide"),
    "UH": ("round",),
    "UW": ("round_narrow",),
    "B": ("bilabial",),
    "M": ("bilabial",),
    "P": ("bilabial",),
    "F": ("labiodental",),
    "V": ("labiodental",),
    "TH": ("dental",),
    "DH": ("dental",),
    "D": ("alveolar",),
    "L": ("alveolar",),
    "N": ("alveolar",),
    "T": ("alveolar",),
    "S": ("sibilant",),
    "Z": ("sibilant",),
    "CH": ("postalveolar",),
    "JH": ("postalveolar",),
    "SH": ("postalveolar",),
    "ZH": ("postalveolar",),
    "G": ("velar",),
    "HH": ("velar",),
    "K": ("velar",),
    "NG": ("velar",),
    "R": ("rhotic",),
    "W": ("round_narrow",),
    "Y": ("wide",),
}

# Shapes that a fast speaker must still reach: lips that touch each other or the teeth.
CLOSURES = ("bilabial", "labiodental")


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A phone on the film's clock."""

    name: str
    start_s: float
    end_s: float


def align(speech: Speech) -> list[Phone]:
    """Phones of every line. Raises ValueError where the aligner cannot follow the text."""
    return [phone for line in speech.lines for phone in _align_line(line)]


def _align_line(line: SpokenLine) -> list[Phone]:
    pcm = resample_poly(line.samples, ALIGNER_RATE_HZ, SAMPLE_RATE_HZ)
    pcm_bytes = (np.clip(pcm / np.abs(pcm).max() * 0.6, -1, 1) * 32767).astype("<i2").tobytes()
    decoder = Decoder(samprate=ALIGNER_RATE_HZ, bestpath=False, loglevel="FATAL")
    decoder.set_align_text(" ".join(re.findall(r"[a-z']+", line.text.lower())))
    _decode(decoder, pcm_bytes)
    decoder.set_alignment()  # the second pass refines words into phones
    _decode(decoder, pcm_bytes)
    alignment = decoder.get_alignment()
    if alignment is None:
        raise ValueError(
            f"got no alignment for {line.text!r}; expected the voice to say just that. Change the text or the seed."
        )
    return [_phone(entry, line.start_s) for entry in alignment.phones()]


def _decode(decoder: Decoder, pcm_bytes: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm_bytes, full_utt=True)
    decoder.end_utt()


def _phone(entry: object, offset_s: float) -> Phone:
    start_s = offset_s + entry.start * ALIGNER_FRAME_S  # type: ignore[attr-defined]
    return Phone(name=entry.name, start_s=start_s, end_s=start_s + entry.duration * ALIGNER_FRAME_S)  # type: ignore[attr-defined]


def mouth_curves(phones: list[Phone], *, frame_count: int, frame_rate_hz: int) -> dict[str, NDArray[np.float64]]:
    """Weight of every mouth action in each frame, taken at the middle of the frame."""
    point_count = frame_count * CURVE_RATE_HZ // frame_rate_hz
    actions = sorted({action for shape in SHAPES.values() for action in shape})
    targets = np.zeros((len(actions), point_count))
    closures = {name: np.zeros(point_count) for name in CLOSURES}
    for shape_name, first, last in _segments(phones):
        targets[:, first:last] = _vector(shape_name, actions)[:, None]
        if shape_name in closures:
            closures[shape_name][first:last] = 1.0
    curves = _smooth(targets, actions) * ARTICULATION
    for name, track in closures.items():
        hold = np.clip(gaussian_filter1d(track, CLOSURE_SMOOTHING_S * CURVE_RATE_HZ) * 1.4, 0, 1)
        curves = curves * (1 - hold) + _vector(name, actions)[:, None] * hold
    at_frame = ((np.arange(frame_count) + 0.5) * CURVE_RATE_HZ / frame_rate_hz).astype(int)
    return {action: curve[at_frame] for action, curve in zip(actions, curves, strict=True)}


def _segments(phones: list[Phone]) -> list[tuple[str, int, int]]:
    """(shape, first point, last point) for every shape that is passed through."""
    segments: list[tuple[str, int, int]] = []
    for phone in phones:
        shapes = PHONES[phone.name]
        edges = np.linspace(phone.start_s, phone.end_s, len(shapes) + 1)
        points = np.round(edges * CURVE_RATE_HZ).astype(int)
        segments += [(shape, int(a), int(b)) for shape, a, b in zip(shapes, points, points[1:], strict=False)]
    return segments


def _vector(shape_name: str, actions: list[str]) -> NDArray[np.float64]:
    return np.array([SHAPES[shape_name].get(action, 0.0) for action in actions])


def _smooth(targets: NDArray[np.float64], actions: list[str]) -> NDArray[np.float64]:
    seconds = [JAW_SMOOTHING_S if action == "jawOpen" else LIP_SMOOTHING_S for action in actions]
    return np.stack([gaussian_filter1d(row, s * CURVE_RATE_HZ) for row, s in zip(targets, seconds, strict=True)])
