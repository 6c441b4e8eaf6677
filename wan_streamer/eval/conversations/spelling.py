"""One spelling for what Whisper writes in two ways, which its normaliser leaves as it is."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

Words = Callable[[str], list[str]]

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"alright": ("all", "right")})


def one_spelling(words: Words) -> Words:
    """The words of a text, whichever way they are written.

    Args:
        words: the words of a text after Whisper's normaliser.
    """

    def spelled(text: str) -> list[str]:
        return [part for word in words(text) for part in SPELLINGS.get(word, (word,))]

    return spelled
