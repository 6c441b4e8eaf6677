"""Learns a vocabulary from what is said in a domain, and cuts texts into its tokens."""

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from tyro.conf import arg

from wan_streamer.errors import InvalidInput
from wan_streamer.model.vocabulary import END_TOKEN, LISTEN_TOKEN
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.events import SPEECH, words_of
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.program import run_program

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class TextTokens:
    """Cuts texts into the tokens of a vocabulary.

    Args:
        path: a vocabulary's file.
    """

    path: Path

    def of_words(self, text: str) -> list[list[int]]:
        """The tokens of each word of a turn; a space is the beginning of its word, also of the first."""
        words = words_of(text)
        return [self._tokenizer.encode(" " + word).ids for word in words]

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(self.path))


def learn_vocabulary(texts: Iterator[str], size: int) -> str:
    """Byte-level BPE of `size` tokens as the JSON of the tokenizers library.

    Raises:
        InvalidInput: MISSING_EXTRA, the library is missing; VOCABULARY_SIZE, too small for all bytes.
    """
    try:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    except ImportError as error:
        raise InvalidInput(
            "got no tokenizers, expected it to learn a vocabulary; python -m pip install 'wan-streamer[train]'",
            reason="MISSING_EXTRA",
        ) from error
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = [LISTEN_TOKEN, END_TOKEN]
    if size < len(alphabet) + len(special):
        raise InvalidInput(
            f"got a vocabulary of {size}, expected at least {len(alphabet) + len(special)}: every byte is a token",
            reason="VOCABULARY_SIZE",
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return str(tokenizer.to_str())


def texts_of(scripts: Sequence[Script]) -> Iterator[str]:
    """Every word that anybody says in scripts, with the space before it: tokens end where words end."""
    said = (event.text for script in scripts for event in script.events if isinstance(event, SPEECH))
    return (" " + word for text in said for word in words_of(text))


@dataclass(frozen=True, kw_only=True)
class VocabularyOptions(DrawOptions):
    """Learn the text tokens of a domain from drawn scripts."""

    out: Annotated[Path, arg(aliases=["-o"], metavar="PATH")]
    """File to write, for the tokenizers library."""
    size: int = 1024
    """Tokens: 256 bytes, two of our own, and pieces of words."""


def learn(options: VocabularyOptions, console: Console) -> None:
    """Draws, learns, writes.

    Raises:
        InvalidInput: wrong options or domain, or the library is missing.
        OSError: the file cannot be written.
    """
    scripts = list(options.generator().scripts(options.seed, options.count))
    content = learn_vocabulary(texts_of(scripts), options.size)
    replace_file(options.out, (content + "\n").encode())
    tokens = TextTokens(options.out)
    texts = itertools.islice(texts_of(scripts), 20_000)
    counts = [(len(text), sum(map(len, tokens.of_words(text)))) for text in texts]
    characters, pieces = (sum(column) for column in zip(*counts, strict=True))
    console.print(f"{options.out}: {characters / pieces:.1f} characters a token", highlight=False, markup=False)


if __name__ == "__main__":
    sys.exit(run_program(VocabularyOptions, learn))
