"""Sentences for the agent's voice to speak, chosen from the fetched texts.

A sentence is clean when it has 3 to 20 words of letters and apostrophes, starts with a capital, ends with one of
`. ? !`, and has nothing that a voice may read in two ways: no digits, brackets, quotes, words in capitals, dots in a
row or stretched letters. Equal sentences (letters only) count once. At most MAX_SAME_START may start with the same
three words, or the templates of a corpus would fill the set. From each source come as many as its share says, in the
order of sha256(seed, text), so a larger set holds the smaller one and no random generator has to stay the same.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MIN_WORDS: Final = 3
MAX_WORDS: Final = 20
MAX_SAME_START: Final = 3
START_WORDS: Final = 3
_ALLOWED: Final = re.compile(r"[A-Z][A-Za-z' ,;:-]*[.?!]")
_STRETCHED: Final = re.compile(r"([a-z])\1\1", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"(?<=[.?!])\s+")
_WORD: Final = re.compile(r"[A-Za-z']+")


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence, the source whose text it is, and that text's licence."""

    text: str
    source: str
    licence: str


def split_sentences(text: str) -> list[str]:
    """A text cut behind `.`, `?` and `!`."""
    return [part.strip() for part in _BETWEEN.split(text.strip()) if part.strip()]


def is_clean(sentence: str) -> bool:
    """Whether a voice and a reader will agree on the words; see the top of this file."""
    words = _WORD.findall(sentence)
    return (
        MIN_WORDS <= len(words) <= MAX_WORDS
        and _ALLOWED.fullmatch(sentence) is not None
        and not _STRETCHED.search(sentence)
        and not any(word.isupper() and len(word) > 1 for word in words)
    )


def choose_sentences(sources: Sequence[Iterable[Sentence]], count: int, *, seed: int) -> list[Sentence]:
    """`count` clean sentences, or all there are: equal shares of the sources, the rest from those that have more.

    Args:
        sources: the sentences of each, in any order.
    """
    wells = _clean_and_distinct(sources, seed)
    chosen: list[Sentence] = []
    # Small sources first, so that what they lack is shared among the others.
    for position, well in enumerate(sorted(wells, key=len)):
        share = (count - len(chosen)) // (len(wells) - position)
        chosen += well[:share]
    return sorted(chosen, key=lambda sentence: _rank(sentence.text, seed))


def _clean_and_distinct(sources: Sequence[Iterable[Sentence]], seed: int) -> list[list[Sentence]]:
    seen: set[str] = set()
    starts: Counter[str] = Counter()
    wells = []
    for source in sources:
        well = []
        for sentence in sorted(source, key=lambda sentence: _rank(sentence.text, seed)):
            words = [word.lower() for word in _WORD.findall(sentence.text)]
            key, start = " ".join(words), " ".join(words[:START_WORDS])
            if not is_clean(sentence.text) or key in seen or starts[start] >= MAX_SAME_START:
                continue
            seen.add(key)
            starts[start] += 1
            well.append(sentence)
        wells.append(well)
    return wells


def _rank(text: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {text}".encode()).hexdigest()
