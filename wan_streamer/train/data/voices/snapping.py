"""Moves the edges of words to where the sound itself says that silence begins and ends.

The aligner counts in 10 ms and often gives a word some of the silence beside it, most where it knows a voice badly.
Taking silence from a word is safe; giving it more of the sound is done over a short way only, for what is there may be
noise, or its neighbour.
"""

from collections.abc import Sequence
from typing import Final

from wan_streamer.train.data.spoken_clip import Phone
from wan_streamer.train.data.voices.aligner import AlignedWord
from wan_streamer.train.data.voices.loudness import Loudness

_MOST_TAKEN_US: Final = 250_000
_MOST_GIVEN_US: Final = 60_000
# The silence between words that is one; a stop's closure is shorter.
_LEAST_GAP_US: Final = 50_000
_LEAST_PHONE_US: Final = 10_000


def snap(words: Sequence[AlignedWord], loudness: Loudness, *, end_us: int) -> list[AlignedWord]:
    """The same words; those that follow or precede silence begin and end with the sound.

    Args:
        end_us: of the sound; nothing lies outside it.
    """
    snapped = [_move(word, max(word.begin_us, 0), min(word.end_us, end_us)) for word in words]
    snapped[0] = _begin_at(snapped[0], loudness.span_us[0])
    for index in range(len(snapped) - 1):
        left, right = snapped[index], snapped[index + 1]
        if right.begin_us - left.end_us < _LEAST_GAP_US:
            continue
        silence = loudness.silence_us(
            max(left.end_us - _MOST_TAKEN_US, left.begin_us), min(right.begin_us + _MOST_TAKEN_US, right.end_us)
        )
        if silence is not None and silence[1] - silence[0] >= _LEAST_GAP_US:
            snapped[index], snapped[index + 1] = _end_at(left, silence[0]), _begin_at(right, silence[1])
    snapped[-1] = _end_at(snapped[-1], loudness.span_us[1])
    return snapped


def _begin_at(word: AlignedWord, time_us: int) -> AlignedWord:
    is_near = -_MOST_GIVEN_US <= time_us - word.begin_us <= _MOST_TAKEN_US
    return _move(word, time_us, word.end_us) if is_near else word


def _end_at(word: AlignedWord, time_us: int) -> AlignedWord:
    is_near = -_MOST_TAKEN_US <= time_us - word.end_us <= _MOST_GIVEN_US
    return _move(word, word.begin_us, time_us) if is_near else word


def _move(word: AlignedWord, begin_us: int, end_us: int) -> AlignedWord:
    """With other edges; phones that would lie outside are squeezed inside. As it was where they have no room."""
    count = len(word.phones)
    if end_us - begin_us < count * _LEAST_PHONE_US:
        return word
    edges_us = [begin_us]
    for index, phone in enumerate(word.phones[:-1], 1):
        earliest_us, latest_us = edges_us[-1] + _LEAST_PHONE_US, end_us - (count - index) * _LEAST_PHONE_US
        edges_us.append(min(max(phone.end_us, earliest_us), latest_us))
    edges_us.append(end_us)
    spans = zip(word.phones, edges_us, edges_us[1:], strict=False)
    return AlignedWord(phones=tuple(Phone(name=phone.name, begin_us=b, end_us=e) for phone, b, e in spans))
