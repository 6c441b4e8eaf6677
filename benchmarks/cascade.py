"""How hard are the questions to hear? Whisper base at each question of held-out conversations, cut out with its true
begin and end, and the intent of the nearest phrasing of training.

    .venv/bin/python benchmarks/cascade.py known new     # data sets (`wan-streamer data render --split held_out`)

No agent could be built of it: it hears each question whole, with what follows, and is told where it lies. It says what
a larger listener, trained on people, makes of the same sound. The intent alone is asked for, not the facts.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import tyro
from machine import describe_machine
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from tyro.conf import Positional

from wan_streamer.eval.conversations.asked import Asked, asked
from wan_streamer.eval.conversations.held_out import choose_conversations
from wan_streamer.eval.conversations.intervals import wilson
from wan_streamer.eval.word_errors import count_word_errors
from wan_streamer.eval.words import WordJudge
from wan_streamer.train.data.conversation import USER_RATE_HZ, Conversation
from wan_streamer.train.data.generate.domain_files import DEFAULT_DOMAIN, read_domain
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.sources.cache import DataCache, default_root

# What is left of the room around a question.
MARGIN_US = 250_000


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which conversations."""

    data: Positional[tuple[Path, ...]]
    """Data sets of held-out conversations."""
    phrasings: int = 60
    """Sentences drawn of each intent."""
    shown: int = 8
    """Questions to print."""


class Nearest:
    """The intent of the sentence that shares most letter triples with something heard, rare ones counting more."""

    def __init__(self, sentences: Sequence[tuple[str, str]]) -> None:
        self._intents = [intent for intent, _ in sentences]
        triples = [Counter(_triples(text)) for _, text in sentences]
        count = Counter(triple for found in triples for triple in found)
        self._rarity = {triple: math.log(len(sentences) / n) for triple, n in count.items()}
        self._lengths = [self._length(found) for found in triples]
        self._places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for index, found in enumerate(triples):
            for triple, times in found.items():
                self._places[triple].append((index, times))

    def intent(self, heard: str) -> str:
        """By the cosine of the two."""
        shared: dict[int, float] = defaultdict(float)
        for triple, times in Counter(_triples(heard)).items():
            for index, there in self._places.get(triple, ()):
                shared[index] += times * there * self._rarity[triple] ** 2
        best = max(shared, key=lambda index: shared[index] / self._lengths[index], default=0)
        return self._intents[best]

    def _length(self, found: Counter[str]) -> float:
        return math.sqrt(sum((times * self._rarity[triple]) ** 2 for triple, times in found.items())) or 1.0


def main(options: Options) -> None:
    """Prints the share of words wrong and of intents right, for each data set."""
    console, judge = Console(soft_wrap=True), WordJudge(DataCache(default_root()))
    nearest = Nearest(_sentences(judge, options.phrasings))
    console.print(describe_machine())
    for folder in options.data:
        right = wrong_words = words = trials = 0
        for one in track(choose_conversations((folder,), None), description=folder.name, transient=True):
            conversation = one.conversation()
            for turn in asked(conversation.timeline):
                said = [word for spoken in turn.turn.words for word in judge.words(spoken.text)]
                heard = judge.words(judge.transcribe(_sound(conversation, turn), USER_RATE_HZ))
                intent = nearest.intent(" ".join(heard))
                errors = count_word_errors(said, heard)
                wrong_words += errors.substituted + errors.deleted + errors.inserted
                words, trials, right = words + len(said), trials + 1, right + (intent == turn.event.intent)
                if trials <= options.shown:
                    console.print(f"{' '.join(said)} | {' '.join(heard)} | {intent}", markup=False, highlight=False)
        low, high = wilson(right, trials)
        console.print(
            f"{folder.name}: {wrong_words / words:.1%} of words wrong, intent right {right / trials:.1%} "
            f"({low:.1%} to {high:.1%}, {trials} questions)"
        )


def _sentences(judge: WordJudge, count: int) -> list[tuple[str, str]]:
    """Intent and words of sentences of training, the same in every run."""
    domain, random = read_domain(DEFAULT_DOMAIN), Random(0)
    book = PhraseBook(domain)
    drawn = {
        (str(topic.name), " ".join(judge.words(book.draw(topic, "train", random).text)))
        for topic in domain.topics()
        for _ in range(count)
    }
    return sorted(drawn)


def _sound(conversation: Conversation, turn: Asked) -> NDArray[np.float32]:
    samples, per_us = conversation.user_audio.reshape(-1), USER_RATE_HZ / 1e6
    begin, end = max(0, turn.turn.begin_us - MARGIN_US), turn.turn.end_us + MARGIN_US
    return samples[round(begin * per_us) : round(end * per_us)]


def _triples(text: str) -> list[str]:
    padded = f" {text} "
    return [padded[at : at + 3] for at in range(len(padded) - 2)]


if __name__ == "__main__":
    main(tyro.cli(Options))
