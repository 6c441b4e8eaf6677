"""Speech that no codec was trained on: the agent's answers, and speakers who are held out."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.generate.domain import Domain
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.clip import Clip, read_samples
from wan_streamer.train.data.sources.manifest import read_manifest
from wan_streamer.train.data.sources.recipes import AMAZON_QUEEN
from wan_streamer.train.data.voices.names import AGENT_VOICE
from wan_streamer.train.data.voices.voice_bank import VoiceBank
from wan_streamer.unit import samples_per_unit

HELD_OUT: Final = "heldout_speaker"
LEAST_S, MOST_S = 2.0, 12.0
LEAST_WORDS: Final = 3

Samples = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class SpokenText:
    """A text and its sound, [S] of whole units."""

    text: str
    samples: Samples


def agent_clips(cache: DataCache, domain: Domain, count: int, rate_hz: int, seed: int) -> Iterator[SpokenText]:
    """The agent speaks answers of a domain, those without slots; codecs are trained on other texts.

    Raises:
        InvalidInput: the voice is not installed.
    """
    bank = VoiceBank(cache)
    for text in agent_sentences(domain, count, seed):
        clip = bank.speak(AGENT_VOICE, text)
        yield SpokenText(text=text, samples=placed(clip.samples, clip.sample_rate_hz, rate_hz, seed, text))


def agent_sentences(domain: Domain, count: int, seed: int) -> list[str]:
    """So many answers, or all there are; of a larger count the first ones are the same."""
    answers = {text for topic in domain.topics() for text in topic.answers}
    answers |= {text for reaction in domain.reactions for text in reaction.answers}
    return sorted((str(text) for text in answers if "{" not in text), key=lambda text: _rank(text, seed))[:count]


def held_out_clips(cache: DataCache, count: int, rate_hz: int, seed: int) -> Iterator[SpokenText]:
    """Recordings of speakers whom no training sees.

    Raises:
        InvalidInput: MANIFEST, their source is not fetched; HELD_OUT, it has none.
    """
    path = cache.root / "manifests" / f"{AMAZON_QUEEN}.jsonl"
    for clip in held_out_choice(read_manifest(path).split(HELD_OUT), count, seed):
        samples = placed(read_samples(clip, cache.root), clip.sample_rate_hz, rate_hz, seed, clip.name)
        yield SpokenText(text=clip.text, samples=samples)


def held_out_choice(clips: Sequence[Clip], count: int, seed: int) -> list[Clip]:
    """So many clips of 2 to 12 s with three words or more.

    Raises:
        InvalidInput: HELD_OUT, there is none.
    """
    fitting = [clip for clip in clips if LEAST_S <= clip.seconds <= MOST_S and len(clip.text.split()) >= LEAST_WORDS]
    if not fitting:
        raise InvalidInput(
            f"got no clip of a held-out speaker of {LEAST_S:.0f} to {MOST_S:.0f} s in {AMAZON_QUEEN}, expected some; "
            f"run wan-streamer data fetch {AMAZON_QUEEN} again",
            reason="HELD_OUT",
        )
    return sorted(fitting, key=lambda clip: _rank(clip.name, seed))[:count]


def placed(samples: Samples, rate_hz: int, target_rate_hz: int, seed: int, name: str) -> Samples:
    """Sound at another rate, begun at a random moment of a unit and filled up to whole units.

    Clips begin with their speech: without this all of them would begin a unit with it, which is a rhythm of its own.
    """
    unit = samples_per_unit(target_rate_hz)
    before = int(_rank(name, seed), 16) % unit
    resampled = soxr.resample(samples.astype(np.float32), rate_hz, target_rate_hz, quality="HQ")
    after = -(before + len(resampled)) % unit
    return np.pad(np.asarray(resampled, np.float32), (before, after)).clip(-1.0, 1.0)


def _rank(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()
