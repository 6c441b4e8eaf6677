"""The sentences that the agent's voice speaks for codec training: from the texts of three fetched sources."""

from collections.abc import Iterator
from pathlib import Path

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources import asterisk
from wan_streamer.train.data.sources.amazon_queen.archive import read_archive
from wan_streamer.train.data.sources.amazon_queen.sounds import read_sounds
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.chatterbot import NOT_SPOKEN, read_conversations
from wan_streamer.train.data.sources.readers import QUEEN_PATH
from wan_streamer.train.data.sources.recipes import Recipe, amazon_queen, asterisk_prompts, chatterbot
from wan_streamer.train.data.sources.sentences import Sentence, choose_sentences, split_sentences


def text_recipes() -> tuple[Recipe, ...]:
    """What must be fetched first."""
    return (asterisk_prompts(), chatterbot(), amazon_queen())


def choose_from_sources(cache: DataCache, count: int, *, seed: int) -> list[Sentence]:
    """`count` sentences by the rules of `sentences.py`.

    Raises:
        InvalidInput: a source is damaged, or PyYAML is missing.
    """
    prompts, conversations, game = text_recipes()
    texts = asterisk.read_prompts(cache.unpacked_path(prompts.packages[1]) / asterisk.TEXT_PATH)
    sounds = read_sounds(read_archive(cache.unpacked_path(game.packages[0]) / QUEEN_PATH))
    talks = read_conversations(cache.unpacked_path(conversations.packages[0]))
    turns = (turn for topic, turns in talks if topic not in NOT_SPOKEN for turn in turns)
    return choose_sentences(
        [
            list(_sentences((text for _, text in texts), prompts)),
            list(_sentences(turns, conversations)),
            list(_sentences((sound.text for sound in sounds), game)),
        ],
        count,
        seed=seed,
    )


def _sentences(texts: Iterator[str], recipe: Recipe) -> Iterator[Sentence]:
    for text in texts:
        for sentence in split_sentences(text):
            yield Sentence(text=sentence, source=recipe.name, licence=recipe.packages[0].licence)


def read_text_file(path: Path) -> list[Sentence]:
    """One sentence a line; empty lines do not count.

    Raises:
        InvalidInput: it cannot be read, is not UTF-8 or is empty.
    """
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"got {path} that cannot be read ({error}), expected UTF-8 text", reason="TEXT") from error
    if not any(lines):
        raise InvalidInput(f"got {path} without a sentence, expected one a line", reason="TEXT")
    return [Sentence(text=line, source=path.name, licence="") for line in lines if line]
