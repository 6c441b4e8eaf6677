"""Speech whose text and speaker are known: the agent's clips and recorded actors."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.sound import Samples
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.clip import read_samples
from wan_streamer.train.data.sources.fetch import manifest_path
from wan_streamer.train.data.sources.manifest import read_manifest
from wan_streamer.train.data.sources.recipes import AMAZON_QUEEN

AGENT: Final = "agent"


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownSpeech:
    """Mono speech, its words and who says them."""

    text: str
    speaker: str
    samples: Samples
    rate_hz: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate_hz


def agent_speech(cache: DataCache, *, skip: int = 0) -> Iterator[KnownSpeech]:
    """The agent's clips in order, from number `skip` on.

    Raises:
        InvalidInput: there are none.
    """
    for path in _paths(cache)[skip:]:
        samples, rate_hz = _read_wav(path)
        yield KnownSpeech(text=_text(path), speaker=AGENT, samples=samples, rate_hz=rate_hz)


def agent_texts(cache: DataCache, *, skip: int = 0) -> Iterator[str]:
    """Only what it says in them.

    Raises:
        InvalidInput: there are none.
    """
    return (_text(path) for path in _paths(cache)[skip:])


def actors(cache: DataCache, *, clips_each: int, least_s: float) -> Iterator[KnownSpeech]:
    """Some clips of each recorded actor.

    Raises:
        InvalidInput: the source is not fetched.
    """
    taken: dict[str, int] = {}
    for clip, _ in read_manifest(manifest_path(cache, AMAZON_QUEEN)).clips:
        if clip.speaker and clip.seconds >= least_s and taken.get(clip.speaker, 0) < clips_each:
            taken[clip.speaker] = taken.get(clip.speaker, 0) + 1
            samples = read_samples(clip, cache.root)
            yield KnownSpeech(text=clip.text, speaker=clip.speaker, samples=samples, rate_hz=clip.sample_rate_hz)


def _paths(cache: DataCache) -> list[Path]:
    folder = cache.root / "agent-voice"
    paths = sorted(folder.glob("*.wav"))
    if not paths:
        raise InvalidInput(f"got no clips in {folder}; run wan-streamer data voice", reason="CLIPS")
    return paths


def _text(path: Path) -> str:
    return path.with_suffix(".txt").read_text().strip()


def _read_wav(path: Path) -> tuple[Samples, int]:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono")
        frames = list(container.decode(audio=0))
        pieces = [piece.to_ndarray()[0] for frame in frames for piece in resampler.resample(frame)]
    return np.concatenate(pieces).astype(np.float32), frames[0].sample_rate
