"""Sentences as words: when are two the same, which slot values stand in them, what may stand in them."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import words_of
from wan_streamer.train.data.generate.domain import SlotValue, where_of

_NO_WORD: Final = re.compile(r"[^\w{}'-]+")
_ALLOWED_SIGNS: Final = " '-.,;:?!\u2019"


class SentenceKeys:
    """The key of a sentence: lower case, no punctuation, slot values replaced by their slots.

    Two sentences with one key are the same for the splits: "Are you open on Sunday?" and "are you open on {day}".

    Raises:
        InvalidInput: the same words are a value of two slots.
    """

    def __init__(self, slots: Mapping[str, tuple[SlotValue, ...]]) -> None:
        self._slot_of: dict[tuple[str, ...], str] = {}
        for name, values in slots.items():
            for says in (say for value in values for say in value.says):
                words = _words(says)
                if not words or self._slot_of.setdefault(words, name) != name:
                    raise InvalidInput(
                        f"{where_of(says)}got the words {says!r} in the slots {self._slot_of.get(words)!r} and "
                        f"{name!r}, expected them in one",
                        reason="DOMAIN",
                    )
        self._longest = max(map(len, self._slot_of), default=0)
        self._first_words = {words[0] for words in self._slot_of}

    def key(self, text: str) -> str:
        """The key of a sentence or pattern."""
        words = _words(text)
        found: list[str] = []
        position = 0
        while position < len(words):
            length = self._value_length(words, position) if words[position] in self._first_words else 0
            found.append(f"{{{self._slot_of[words[position : position + length]]}}}" if length else words[position])
            position += length or 1
        return " ".join(found)

    def _value_length(self, words: tuple[str, ...], position: int) -> int:
        for length in range(min(self._longest, len(words) - position), 0, -1):
            if words[position : position + length] in self._slot_of:
                return length
        return 0


def check_spoken(texts: Iterable[str]) -> None:
    """Texts that are said as they are written.

    Raises:
        InvalidInput: one is empty or has digits or signs that nobody says.
    """
    for text in texts:
        wrong = sorted({sign for sign in text if not (sign.isalpha() or sign in _ALLOWED_SIGNS)})
        if wrong or not any(sign.isalpha() for sign in text):
            raise InvalidInput(
                f"{where_of(text)}got {''.join(wrong)!r} in {text!r}, expected letters, apostrophes, hyphens "
                "and . , ; : ? ! only; write numbers in words",
                reason="DOMAIN",
            )


def sentence_ends(text: str) -> list[int]:
    """Indices of the words that end a sentence, without the last."""
    return [index for index, word in enumerate(words_of(text)[:-1]) if word[-1] in ".?!"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in _NO_WORD.sub(" ", text.lower().replace("\u2019", "'")).split() if word.strip("-'"))
