"""From raw speech to a clip with times: aligned, snapped to the sound, trimmed."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import words_of
from wan_streamer.train.data.spoken_clip import Phone, SpokenClip
from wan_streamer.train.data.voices.aligner import AlignedWord, Aligner, How
from wan_streamer.train.data.voices.engine import Sound
from wan_streamer.train.data.voices.loudness import loudness_of
from wan_streamer.train.data.voices.snapping import snap
from wan_streamer.train.data.voices.spelling import spoken_tokens

SILENCE: Final = "SIL"
# What is left of the silence before and after the speech.
MARGIN_US: Final = 30_000
_SECOND_US: Final = 1_000_000


def time_speech(sound: Sound, voice: str, text: str, aligner: Aligner) -> tuple[SpokenClip, How, int]:
    """The clip of a sentence, how its times were found, and when in the sound it begins, microseconds.

    Raises:
        InvalidInput: the text has no words, or the sound is silent.
    """
    tokens = [spoken_tokens(word) for word in words_of(text)]
    if not any(tokens):
        raise InvalidInput(f"got the text {text!r}, expected something that can be said", reason="TEXT")
    loudness = loudness_of(sound)
    begin_us, end_us = loudness.span_us
    if begin_us == end_us:
        raise InvalidInput(f"got no sound from {voice} for {text!r}; change the text", reason="VOICE")
    flat = [token for word in tokens for token in word]
    found = aligner.align(sound, flat, begin_us=begin_us, end_us=end_us)
    sound_us = len(sound.samples) * _SECOND_US // sound.sample_rate_hz
    words = snap(found.words, loudness, end_us=sound_us)
    # What is loud far from the words is the synthesiser's noise.
    clip_begin_us = max(0, words[0].begin_us - MARGIN_US)
    clip = _cut(sound, clip_begin_us, words[-1].end_us + MARGIN_US)
    words = [_shift(word, clip_begin_us) for word in words]
    duration_us = len(clip.samples) * _SECOND_US // clip.sample_rate_hz
    spoken_clip = SpokenClip(
        voice=voice,
        text=text,
        sample_rate_hz=clip.sample_rate_hz,
        samples=clip.samples,
        words=_word_times(tokens, words),
        phones=_phones(words, duration_us),
    )
    return spoken_clip, found.how, clip_begin_us


def _cut(sound: Sound, begin_us: int, end_us: int) -> Sound:
    begin, end = (time_us * sound.sample_rate_hz // _SECOND_US for time_us in (begin_us, end_us))
    return Sound(samples=sound.samples[begin:end], sample_rate_hz=sound.sample_rate_hz)


def _shift(word: AlignedWord, earlier_us: int) -> AlignedWord:
    moved = (
        replace(phone, begin_us=phone.begin_us - earlier_us, end_us=phone.end_us - earlier_us) for phone in word.phones
    )
    return AlignedWord(phones=tuple(moved))


def _word_times(tokens: Sequence[Sequence[str]], words: Sequence[AlignedWord]) -> tuple[tuple[int, int], ...]:
    """A word without sound (a bare dash) is an instant at the end of the word before it."""
    times: list[tuple[int, int]] = []
    position = 0
    for word in tokens:
        if word:
            times.append((words[position].begin_us, words[position + len(word) - 1].end_us))
        else:
            instant_us = times[-1][1] if times else words[0].begin_us
            times.append((instant_us, instant_us))
        position += len(word)
    return tuple(times)


def _phones(words: Sequence[AlignedWord], duration_us: int) -> tuple[Phone, ...]:
    """Silence fills what is between words, before and after them."""
    said = [phone for word in words for phone in word.phones]
    edges = [
        Phone(name=SILENCE, begin_us=0, end_us=0),
        *said,
        Phone(name=SILENCE, begin_us=duration_us, end_us=duration_us),
    ]
    filled: list[Phone] = []
    for left, right in pairwise(edges):
        if left.end_us > left.begin_us:
            filled.append(left)
        if right.begin_us > left.end_us:
            filled.append(Phone(name=SILENCE, begin_us=left.end_us, end_us=right.begin_us))
    return tuple(filled)
