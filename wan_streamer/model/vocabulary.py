"""Text tokens: pieces of UTF-8 and two of our own, LISTEN ("no words in this unit") and END (its words end here).

A vocabulary is a file that the `tokenizers` library reads and writes, byte-level BPE as GPT-2 and Qwen have it. Serving
only turns tokens into text, for which no library is needed.
"""

import codecs
import json
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Final

from wan_streamer.errors import InvalidInput

LISTEN_TOKEN, END_TOKEN = "<listen>", "<end>"
BYTES: Final = "bytes"
_FOLDER = Path(__file__).parents[1] / "weights"
_BYTE_COUNT = 256
# Bytes that stand for themselves in the files; the others are characters from 256 on (GPT-2's table).
_PRINTABLE = (*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1))


@dataclass(frozen=True)
class Vocabulary:
    """What each token stands for.

    Attributes:
        pieces: UTF-8 bytes by token; empty for tokens that are no text.
    """

    pieces: tuple[bytes, ...]
    listen: int
    end: int

    def __len__(self) -> int:
        return len(self.pieces)


class TextStream:
    """Turns the tokens of a conversation into text, as characters become complete."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._pieces = vocabulary.pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @property
    def pending(self) -> bytes:
        """The beginning of a character that is not complete yet."""
        return self._decoder.getstate()[0]

    def resume(self, pending: bytes) -> None:
        """Continues where another stream had this `pending`."""
        self._decoder.setstate((pending, 0))

    def feed(self, tokens: list[int]) -> str:
        """The new text that these tokens complete; LISTEN and END add nothing, nor does what stands for nothing."""
        known = (self._pieces[token] for token in tokens if token < len(self._pieces))
        return self._decoder.decode(b"".join(known))


@cache
def vocabulary_named(name: str) -> Vocabulary:
    """A vocabulary that ships, one in a file (*.json), or "bytes": every byte is a token.

    Raises:
        InvalidInput: VOCABULARY, there is none of this name, or its file is damaged.
    """
    if name == BYTES:
        pieces = tuple(bytes([byte]) for byte in range(_BYTE_COUNT))
        return Vocabulary((*pieces, b"", b""), listen=_BYTE_COUNT, end=_BYTE_COUNT + 1)
    return read_vocabulary(vocabulary_path(name))


def vocabulary_path(name: str) -> Path:
    """Where a vocabulary lies: in the file of this name (*.json), or where it ships."""
    return Path(name) if name.endswith(".json") else _FOLDER / f"{name}-vocabulary.json"


def read_vocabulary(path: Path) -> Vocabulary:
    """A file of the `tokenizers` library: byte-level BPE, with LISTEN and END among the added tokens.

    Raises:
        InvalidInput: VOCABULARY, it cannot be read or is no such file.
    """
    try:
        return parse_vocabulary(path.read_text("utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise _no_vocabulary(path, error) from error


def parse_vocabulary(text: str, source: object) -> Vocabulary:
    """What such a file says.

    Args:
        source: what to name in errors.

    Raises:
        InvalidInput: VOCABULARY, it is something else.
    """
    try:
        content = json.loads(text)
        added = {str(token["content"]): int(token["id"]) for token in content["added_tokens"]}
        texts = {**content["model"]["vocab"], **added}
        pieces = [b""] * (max(texts.values()) + 1)
        table = _byte_of_character()
        for text, token in content["model"]["vocab"].items():
            if text not in added:
                pieces[token] = bytes(table[character] for character in text)
        return Vocabulary(tuple(pieces), listen=added[LISTEN_TOKEN], end=added[END_TOKEN])
    except (ValueError, KeyError, TypeError) as error:
        raise _no_vocabulary(source, error) from error


def _no_vocabulary(source: object, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"got {source} ({type(error).__name__}: {error}), expected byte-level BPE of the tokenizers library with "
        f"{LISTEN_TOKEN} and {END_TOKEN}; install the vocabulary of the weights",
        reason="VOCABULARY",
    )


def _byte_of_character() -> dict[str, int]:
    others = count(_BYTE_COUNT)
    return {chr(byte if byte in _PRINTABLE else next(others)): byte for byte in range(_BYTE_COUNT)}
