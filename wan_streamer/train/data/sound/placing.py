"""Puts the pieces of clips where the timeline says, to the sample."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sound.sample_clock import sample_at
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.timeline import Piece, Utterance

FADE_US: Final = 5_000


def place_utterances(
    utterances: Iterable[Utterance], clips: Mapping[str, SpokenClip], *, duration_us: int, rate_hz: int
) -> NDArray[np.float32]:
    """One track of the whole conversation. Where a clip is cut it fades for 5 ms inside its piece.

    Args:
        clips: by the ids of the turns and backchannels.

    Raises:
        InvalidInput: a clip is missing, or is another text's, or shorter than its piece.
    """
    track = np.zeros(sample_at(duration_us, rate_hz), np.float32)
    for utterance in utterances:
        clip = _clip_of(utterance, clips)
        samples = clip_at_rate(clip, rate_hz)
        for piece in utterance.pieces:
            _add(track, samples, piece, clip.duration_us, rate_hz)
    return track


def clip_at_rate(clip: SpokenClip, rate_hz: int) -> NDArray[np.float32]:
    """A clip's samples at another rate."""
    if clip.sample_rate_hz == rate_hz:
        return clip.samples
    return np.asarray(soxr.resample(clip.samples, clip.sample_rate_hz, rate_hz), np.float32)


def _clip_of(utterance: Utterance, clips: Mapping[str, SpokenClip]) -> SpokenClip:
    event = utterance.event
    clip = clips.get(event.id)
    if clip is None:
        raise InvalidInput(f"got no clip of {event.id!r}, expected one for each turn; speak it first", reason="CLIP")
    end_us = max(piece.clip_end_us for piece in utterance.pieces)
    if clip.text != event.text or end_us > clip.duration_us:
        raise InvalidInput(
            f"got a clip of {clip.duration_us} us that says {clip.text!r} for {event.id!r}, expected {end_us} us of "
            f"{event.text!r}; schedule with the same clips",
            reason="CLIP",
        )
    return clip


def _add(track: NDArray[np.float32], samples: NDArray[np.float32], piece: Piece, clip_us: int, rate_hz: int) -> None:
    begin, at = sample_at(piece.clip_begin_us, rate_hz), sample_at(piece.at_us, rate_hz)
    # The length from the conversation's clock, so that what follows a cut is silent to the sample.
    length = sample_at(piece.at_us + piece.clip_end_us - piece.clip_begin_us, rate_hz) - at
    part = samples[begin : begin + min(length, len(track) - at)].copy()
    fade = np.linspace(0, 1, min(sample_at(FADE_US, rate_hz), len(part)), dtype=np.float32)
    if piece.clip_begin_us > 0:
        part[: len(fade)] *= fade
    if piece.clip_end_us < clip_us:
        part[len(part) - len(fade) :] *= fade[::-1]
    track[at : at + len(part)] += part
