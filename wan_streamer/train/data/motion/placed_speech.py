"""The phones, the phrases and the loudness of speech on the conversation's clock, pauses put in and cuts made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.motion.easing import Curve
from wan_streamer.train.data.spoken_clip import Phone, SpokenClip
from wan_streamer.train.data.timeline import Piece, Span, Utterance
from wan_streamer.unit import FRAME_US

# A silence that a listener takes for the end of a phrase, and in which a speaker breathes.
LEAST_PHRASE_GAP_US: Final = 200_000
SILENT_PHONES: Final = ("SIL", "+SPN+", "+NSN+")
# The level that counts as loud: few frames of a clip are above it.
LOUD_QUANTILE: Final = 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacedSpeech:
    """An utterance and the sound of it.

    Attributes:
        phones: on the conversation's clock; nothing after a cut.
        phrases: from the first sound to the last between two longer silences.
    """

    utterance: Utterance
    clip: SpokenClip
    phones: tuple[Phone, ...]
    phrases: tuple[Span, ...]


def place_speech(utterances: Iterable[Utterance], clips: Mapping[str, SpokenClip]) -> tuple[PlacedSpeech, ...]:
    """Puts clips on the clock.

    Raises:
        InvalidInput: an utterance has no clip.
    """
    placed = []
    for utterance in utterances:
        clip = clips.get(utterance.event.id)
        if clip is None:
            raise InvalidInput(f"got no clip of {utterance.event.id!r}, expected one for each turn", reason="CLIPS")
        phones = tuple(phone for piece in utterance.pieces for phone in _phones_in(clip, piece))
        placed.append(PlacedSpeech(utterance=utterance, clip=clip, phones=phones, phrases=_phrases(phones)))
    return tuple(placed)


def loudness(speech: Iterable[PlacedSpeech], frame_count: int) -> Curve:
    """How loud each frame is, [frames]: 0 is silence, 1 a loud moment of its clip."""
    level = np.zeros(frame_count)
    edges_us = np.arange(frame_count + 1) * FRAME_US
    for placed in speech:
        energy = np.concatenate([[0.0], np.cumsum(np.square(placed.clip.samples, dtype=np.float64))])
        samples_a_frame = placed.clip.sample_rate_hz * FRAME_US / 1_000_000
        own = np.zeros(frame_count)
        for piece in placed.utterance.pieces:
            in_clip_us = np.clip(edges_us - piece.at_us + piece.clip_begin_us, piece.clip_begin_us, piece.clip_end_us)
            sample = np.minimum(in_clip_us * placed.clip.sample_rate_hz // 1_000_000, len(placed.clip.samples))
            own += np.sqrt(np.maximum(np.diff(energy[sample]), 0) / samples_a_frame)
        heard = own[own > 0]
        level += own / np.quantile(heard, LOUD_QUANTILE) if len(heard) else 0
    return np.minimum(level, 1.3)


def _phones_in(clip: SpokenClip, piece: Piece) -> Iterable[Phone]:
    shift_us = piece.at_us - piece.clip_begin_us
    for phone in clip.phones:
        begin_us, end_us = max(phone.begin_us, piece.clip_begin_us), min(phone.end_us, piece.clip_end_us)
        if begin_us < end_us:
            yield Phone(name=phone.name, begin_us=begin_us + shift_us, end_us=end_us + shift_us)


def _phrases(phones: tuple[Phone, ...]) -> tuple[Span, ...]:
    sounding = [phone for phone in phones if phone.name not in SILENT_PHONES]
    if not sounding:
        return ()
    borders = [
        (before.end_us, after.begin_us)
        for before, after in pairwise(sounding)
        if after.begin_us - before.end_us >= LEAST_PHRASE_GAP_US
    ]
    begins = [sounding[0].begin_us, *(begin_us for _, begin_us in borders)]
    ends = [*(end_us for end_us, _ in borders), sounding[-1].end_us]
    return tuple(Span(begin_us=begin_us, end_us=end_us) for begin_us, end_us in zip(begins, ends, strict=True))
