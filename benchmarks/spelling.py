"""How well the speech encoder spells what visitors say: share of letters wrong, questions of encoded conversations.

.venv/bin/python benchmarks/spelling.py stage-1-hearing/weights.safetensors encoded-validation
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from rich.console import Console
from rich.progress import track
from tyro.conf import Positional

from wan_streamer.eval.word_errors import count_word_errors
from wan_streamer.model.model_weights import config_of, load_trained
from wan_streamer.model.presets import untrained
from wan_streamer.model.shipped import use_shipped_senses
from wan_streamer.model.speech_encoder import BLANK, LETTERS
from wan_streamer.model.user_encoder import EarEncoder
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.train.encoded_set import EncodedSet
from wan_streamer.train.recipes import SPELL, stage_1_nano_hearing
from wan_streamer.train.spelling import spell
from wan_streamer.train.windows import VALIDATION_STEP, Windows

BATCH = 32


@dataclass(frozen=True, kw_only=True)
class Options:
    """Weights, and the conversations to hear."""

    weights: Positional[Path]
    """Weights of any stage after stage-1-nano-hearing."""
    data: Positional[Path]
    """Encoded conversations (`wan-streamer data encode`)."""
    count: int = 256
    """Questions."""
    shown: int = 8
    """Questions to print."""


def main(options: Options) -> None:
    """Prints the share of wrong letters and some questions beside what was written."""
    model = untrained(config_of(options.weights), 0)
    use_shipped_senses(model)
    load_trained(options.weights, model)
    encoder = model.user_audio
    assert isinstance(encoder, EarEncoder)
    vocabulary = vocabulary_named(model.config.vocabulary)
    windows = Windows(EncodedSet(options.data).conversations, SPELL)
    pairs: list[tuple[list[int], list[int]]] = []
    for first in track(range(0, options.count, BATCH), description="hearing"):
        items = range(first, min(first + BATCH, options.count))
        batch = windows.batch(stage_1_nano_hearing(), VALIDATION_STEP, items)
        assert batch.heard is not None
        written = encoder.speech.spell(encoder.speech(batch.heard)).argmax(dim=-1)
        pairs += [
            (spell(words.flatten().tolist(), vocabulary), collapsed(row.tolist()))
            for words, row in zip(batch.words, written, strict=True)
        ]
    errors = [count_word_errors([LETTERS[i] for i in said], [LETTERS[i] for i in heard]) for said, heard in pairs]
    wrong = sum(one.substituted + one.deleted + one.inserted for one in errors)
    console = Console(soft_wrap=True)
    for said, heard in pairs[: options.shown]:
        console.print(f"{text(said)} | {text(heard)}", markup=False, highlight=False)
    console.print(f"letters wrong: {wrong / sum(one.word_count for one in errors):.1%} of {len(pairs)} questions")


def collapsed(places: list[int]) -> list[int]:
    """The letters that the likeliest class of each place spells: repeats are one, blanks are none."""
    return [one for at, one in enumerate(places) if one != BLANK and (at == 0 or places[at - 1] != one)]


def text(letters: list[int]) -> str:
    """Letters by their numbers."""
    return "".join(LETTERS[letter] for letter in letters)


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main(tyro.cli(Options)))
