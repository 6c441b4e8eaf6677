"""`python -m wan_streamer.train.spell_command`: what `wan-streamer data spell` starts."""

import dataclasses
import functools
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from tyro.conf import arg

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import HEARD_LETTERS, STEPS_PER_TOKEN
from wan_streamer.model.senses import senses_fingerprint
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.events import SPEECH, AgentTurn, words_of
from wan_streamer.train.data.make import agent_speech, seed_of
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.sound.sound_bank import SoundBank
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.data.timeline import Durations, Spoken
from wan_streamer.train.data.voices.voice_bank import VoiceBank
from wan_streamer.train.encode_command import model_with_senses
from wan_streamer.train.encoded import Encoder
from wan_streamer.train.encoded_set import EncodedSet
from wan_streamer.train.record_pool import make_missing
from wan_streamer.train.word_bank import STEP_US, Piece, WordBank, put_together


@dataclass(frozen=True, kw_only=True)
class SpellOptions(DrawOptions):
    """Draw conversations and write what would be spelled of them, put together of what was spelled of others.

    Nothing is spoken: a hundred thousand questions in minutes, to learn what is answered to which words.
    """

    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory of the records; the same command goes on where an interrupted one stopped."""
    like: Annotated[tuple[Path, ...], arg(metavar="ENCODED")]
    """Encoded conversations whose words are taken (`wan-streamer data encode`, `data hear`)."""
    preset: str = "nano"
    """Size of the model."""
    processes: int = 2
    """Conversations that are made at the same time."""
    cache: Path = field(default_factory=default_root)
    """Folder of the fetched sources; the agent's speech is kept there."""


def spell(options: SpellOptions, console: Console) -> None:
    """Writes what is not there yet.

    Raises:
        InvalidInput: options or domain are wrong, a source is not fetched, no codecs ship for the preset, or the folder
            holds records of other data.
        OSError: a file cannot be written; those before it are whole.
    """
    scripts = list(options.generator().scripts(options.seed, options.count))
    make_missing(
        options.out,
        _about(options, scripts),
        functools.partial(_Maker, options, scripts),
        processes=options.processes,
        doing="spelling",
        console=console,
    )


def _about(options: SpellOptions, scripts: Sequence[Script]) -> dict[str, Any]:
    likes = [EncodedSet(folder).about for folder in options.like]
    drawn = json.dumps([likes, options.agent.text, [dataclasses.asdict(script) for script in scripts]], sort_keys=True)
    return {
        "data_sha256": hashlib.sha256(drawn.encode()).hexdigest(),
        "model": senses_fingerprint(model_with_senses(options.preset), pictures=False),
        "preset": options.preset,
        "pictures": False,
        "agent_sound": False,
        "count": len(scripts),
    }


class _Maker:
    def __init__(self, options: SpellOptions, scripts: Sequence[Script]) -> None:
        cache, model = DataCache(options.cache), model_with_senses(options.preset)
        self.scripts, self.voices, self.sounds = scripts, VoiceBank(cache), SoundBank(cache)
        self.say = agent_speech(options.agent, self.voices)
        self.encoder = Encoder(model, None)
        vocabulary = vocabulary_named(model.config.vocabulary)
        records = [one for folder in options.like for one in EncodedSet(folder).conversations]
        self.bank = WordBank(records, vocabulary)

    def records(self, number: int) -> NDArray[Any]:
        """A record for each unit of a conversation."""
        script = self.scripts[number]
        random = np.random.default_rng(seed_of(script.name))
        pieces = {
            event.id: [self.bank.draw(word, random) for word in words_of(event.text)]
            for event in script.events
            if isinstance(event, SPEECH) and not isinstance(event, AgentTurn)
        }
        try:
            timeline = schedule(script, self._durations(script, pieces))
        except InvalidInput as error:
            if error.reason != "SCRIPT":
                raise
            # Words turned out longer or shorter than the script had room for: a conversation of no length.
            return np.zeros(0, self.encoder.heard_type)
        tokens = self.encoder.heard_type["heard"].shape[0]
        silence = self.bank.silence(len(timeline.units) * tokens * STEPS_PER_TOKEN, random)
        chances = put_together(timeline, pieces, silence).reshape(len(timeline.units), tokens, HEARD_LETTERS)
        return self.encoder.encode_spelled(timeline, chances)

    def _durations(self, script: Script, pieces: Mapping[str, Sequence[Piece]]) -> Durations:
        speech = {name: _spoken(said) for name, said in pieces.items()}
        for event in script.events:
            if isinstance(event, AgentTurn):
                speech[event.id] = self.say(event.text).spoken
        return Durations(speech=speech, sounds_us=self.sounds.durations_us(script))


def _spoken(said: Sequence[Piece]) -> Spoken:
    """Words that take as long as it took to spell them."""
    ends = np.cumsum([len(piece.chances) * STEP_US for piece in said]).tolist()
    return Spoken(duration_us=ends[-1], words=tuple(zip([0, *ends[:-1]], ends, strict=True)))


if __name__ == "__main__":
    sys.exit(run_program(SpellOptions, spell))
