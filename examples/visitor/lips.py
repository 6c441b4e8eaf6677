"""From sound to phones, by forced alignment."""

from __future__ import annotations

import re

import numpy as np
from pocketsphinx import Decoder
from scipy.signal import resample_poly

from visitor.voice import SAMPLE_RATE_HZ, Speech, SpokenLine
from wan_streamer.train.data.spoken_clip import Phone

ALIGNER_RATE_HZ = 16_000
ALIGNER_FRAME_US = 10_000


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
    begin_us = round(offset_s * 1e6) + entry.start * ALIGNER_FRAME_US  # type: ignore[attr-defined]
    return Phone(name=entry.name, begin_us=begin_us, end_us=begin_us + entry.duration * ALIGNER_FRAME_US)  # type: ignore[attr-defined]
