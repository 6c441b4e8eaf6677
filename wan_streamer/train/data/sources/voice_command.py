"""`python -m wan_streamer.train.data.sources.voice_command`: what `wan-streamer data voice` starts."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from rich.console import Console

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.fetch import fetch_sources
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.data.sources.spoken_texts import choose_from_sources, read_text_file, text_recipes
from wan_streamer.train.data.sources.voice import SAMPLE_RATE_HZ, Speak, hibari_voice, speak_all
from wan_streamer.train.data.voices.names import AGENT_VOICE
from wan_streamer.train.data.voices.voice_bank import VoiceBank

SECONDS_A_MINUTE = 60


@dataclass(frozen=True, kw_only=True)
class VoiceOptions:
    """Speak sentences in the agent's voice."""

    text_file: Path | None = None
    """One sentence a line; sentences chosen from the fetched sources when absent."""
    out: Path | None = None
    """Folder for the sounds; agent-voice in the cache when absent."""
    voice: str = AGENT_VOICE
    """Another voice (wan_streamer/train/data/voices/names.py)."""
    cache: Path = field(default_factory=default_root)
    """Folder of the cache."""
    count: int = 1500
    """Sentences to choose, without --text-file."""
    seed: int = 0
    """Which sentences are chosen, and the breath in the voice."""


def speak(options: VoiceOptions, console: Console) -> None:
    """Speaks what is not spoken yet and says how much there is.

    Raises:
        InvalidInput: the text, the voice or a source is missing or damaged.
    """
    if options.count < 1:
        raise InvalidInput(f"got --count {options.count}, expected 1 or more", reason="COUNT")
    voice, name = _voice(options)
    if options.text_file is not None:
        sentences = read_text_file(options.text_file)
    else:
        cache = DataCache(options.cache)
        if not all(cache.has(package) for recipe in text_recipes() for package in recipe.packages):
            fetch_sources(text_recipes(), cache, console)
        sentences = choose_from_sources(cache, options.count, seed=options.seed)
    out = options.out or options.cache / "agent-voice"
    spoken = speak_all(sentences, out, voice, name, seed=options.seed, console=console)
    speed = f", {spoken.speed:.0f}x real time" if spoken.made_seconds else " (all there already)"
    console.print(
        f"{out}: {spoken.sentence_count} sentences, {spoken.seconds / SECONDS_A_MINUTE:.1f} minutes{speed}",
        highlight=False,
        soft_wrap=True,
    )


def _voice(options: VoiceOptions) -> tuple[Speak, str]:
    if options.voice == AGENT_VOICE:
        return hibari_voice()
    bank = VoiceBank(DataCache(options.cache))

    def speak(text: str, _seed: int) -> NDArray[np.float32]:
        sound = bank.sound(options.voice, text)
        return np.asarray(soxr.resample(sound.samples, sound.sample_rate_hz, SAMPLE_RATE_HZ), np.float32)

    return speak, options.voice


if __name__ == "__main__":
    sys.exit(run_program(VoiceOptions, speak))
