"""Forced alignment: which phone is said when in a sound whose words are known.

Two passes of pocketsphinx's Viterbi search: the first finds the words (and the silences between them, and which of a
word's pronunciations is said), the second the phones inside them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.spoken_clip import Phone
from wan_streamer.train.data.voices.engine import Sound

RATE_HZ: Final = 16_000
FRAME_US: Final = 10_000
_PEAK: Final = 0.6
# Its models want silence to begin and end in, more than a synthesiser leaves, and the hiss of a microphone in it: zeros
# are like nothing that they were trained on (one voice in 25 sentences: 7 aligned without, 25 with).
_PADDING_US: Final = 100_000
_HISS: Final = 0.001
# The second is for voices that its models know badly: slow, and follows nearly anything.
_BEAMS: Final[tuple[dict[str, float], ...]] = ({}, {"beam": 1e-120, "wbeam": 1e-100, "pbeam": 1e-120})

How = Literal["aligned", "wide", "guessed"]
Pronounce = Callable[[str], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class AlignedWord:
    """One token and its phones, microseconds from the sound's beginning, without gaps."""

    phones: tuple[Phone, ...]

    @property
    def begin_us(self) -> int:
        """Where it begins."""
        return self.phones[0].begin_us

    @property
    def end_us(self) -> int:
        """Where it ends."""
        return self.phones[-1].end_us


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """The tokens' times, and how they were found; `guessed` is by their number of phones alone."""

    words: tuple[AlignedWord, ...]
    how: How


class Aligner:
    """Keeps the acoustic model and a growing dictionary.

    Args:
        pronounce: phones of a word that the dictionary lacks.

    Raises:
        InvalidInput: pocketsphinx is not installed.
    """

    def __init__(self, pronounce: Pronounce) -> None:
        self._pronounce = pronounce
        self._decoders = [_decoder(beam) for beam in _BEAMS[:1]]

    def align(self, sound: Sound, tokens: Sequence[str], *, begin_us: int, end_us: int) -> Aligned:
        """The times of all tokens; never fails.

        Args:
            begin_us, end_us: where in the sound there is speech, for a guess.
        """
        names = [token.lower() for token in tokens]
        pcm = _pcm(sound)
        for index in range(len(_BEAMS)):
            if index == len(self._decoders):
                self._decoders.append(_decoder(_BEAMS[index]))
            words = self._search(self._decoders[index], names, tokens, pcm)
            if words is not None and _lie_inside(words, sound):
                return Aligned(words=words, how="wide" if index else "aligned")
        return Aligned(words=self._guess(names, tokens, begin_us, end_us), how="guessed")

    def _search(
        self, decoder: Any, names: Sequence[str], tokens: Sequence[str], pcm: bytes
    ) -> tuple[AlignedWord, ...] | None:
        for name, token in zip(names, tokens, strict=True):
            if decoder.lookup_word(name) is None:
                decoder.add_word(name, " ".join(self._pronounce(token)), True)
        # forgets the level of what was aligned before
        decoder.reinit_feat()
        try:
            decoder.set_align_text(" ".join(names))
            _decode(decoder, pcm)
            decoder.set_alignment()
            _decode(decoder, pcm)
            found = decoder.get_alignment()
        except RuntimeError:
            # "Failed to ...": its way of saying that no path reaches the end
            return None
        if found is None:
            return None
        words = tuple(_word(entry) for entry in found if not _is_filler(entry.name))
        return words if len(words) == len(names) else None

    def _guess(
        self, names: Sequence[str], tokens: Sequence[str], begin_us: int, end_us: int
    ) -> tuple[AlignedWord, ...]:
        said = [
            _known(self._decoders[0], name) or tuple(self._pronounce(token))
            for name, token in zip(names, tokens, strict=True)
        ]
        edges = np.linspace(begin_us, end_us, sum(map(len, said)) + 1).astype(int).tolist()
        words, position = [], 0
        for phones in said:
            spans = zip(phones, edges[position:], edges[position + 1 :], strict=False)
            words.append(AlignedWord(phones=tuple(Phone(name=n, begin_us=b, end_us=e) for n, b, e in spans)))
            position += len(phones)
        return tuple(words)


def _decoder(beam: dict[str, float]) -> Any:
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise InvalidInput(
            "got no pocketsphinx, expected it to align speech; python -m pip install 'wan-streamer[train]'",
            reason="MISSING_EXTRA",
        ) from error
    return Decoder(samprate=RATE_HZ, bestpath=False, cmn="batch", loglevel="FATAL", **beam)


def _known(decoder: Any, name: str) -> tuple[str, ...]:
    return tuple((decoder.lookup_word(name) or "").split())


def _decode(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def _pcm(sound: Sound) -> bytes:
    samples: NDArray[np.float32] = soxr.resample(sound.samples, sound.sample_rate_hz, RATE_HZ)
    padding = np.zeros(_PADDING_US * RATE_HZ // 1_000_000, np.float32)
    level = _PEAK / max(float(np.abs(samples).max(initial=0)), 1e-6)
    padded = np.concatenate([padding, samples * level, padding])
    padded += _HISS * np.random.default_rng(0).standard_normal(len(padded))
    return np.asarray(np.rint(np.clip(padded, -1, 1) * 32767), "<i2").tobytes()


def _lie_inside(words: Sequence[AlignedWord], sound: Sound) -> bool:
    """Whether no word was pushed into the padding: of a short sound the search sometimes takes the hiss for a word."""
    sound_us = len(sound.samples) * 1_000_000 // sound.sample_rate_hz
    inside_us = (min(word.end_us, sound_us) - max(word.begin_us, 0) for word in words)
    return all(time_us >= len(word.phones) * FRAME_US for time_us, word in zip(inside_us, words, strict=True))


def _is_filler(name: str) -> bool:
    return name.startswith(("<", "[", "+"))


def _word(entry: Any) -> AlignedWord:
    return AlignedWord(
        phones=tuple(
            Phone(name=phone.name, begin_us=_time_us(phone.start), end_us=_time_us(phone.start + phone.duration))
            for phone in entry
        )
    )


def _time_us(frame: int) -> int:
    return frame * FRAME_US - _PADDING_US
