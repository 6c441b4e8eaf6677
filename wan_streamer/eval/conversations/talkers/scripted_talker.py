"""A talker that is told what to say, through the codecs or as it was made."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from wan_streamer.engine.exchange import AgentOutput
from wan_streamer.eval.conversations.talkers.said import Says
from wan_streamer.eval.conversations.talkers.unit_samples import units_at
from wan_streamer.model.codec_weights import TrainedCodec
from wan_streamer.model.config import AudioCodecConfig, VideoCodecConfig
from wan_streamer.train.codec_file import CodecStream
from wan_streamer.train.data.conversation import AGENT_RATE_HZ, Conversation
from wan_streamer.train.data.pictures import Pictures
from wan_streamer.train.video_data import as_frames, as_pictures
from wan_streamer.unit import FRAMES_PER_UNIT

Samples = NDArray[np.float32]
INT16_MAX: Final = np.iinfo(np.int16).max


@dataclass(frozen=True, kw_only=True, eq=False)
class Codecs:
    """The agent's codecs, and which files they are (name to hash)."""

    audio: TrainedCodec
    video: TrainedCodec
    files: Mapping[str, str]


class ScriptedTalker:
    """Says what it is told to, through the codecs that the model speaks and shows with.

    Args:
        is_moving: the agent's picture is that of the script; else it is its first one all the time.
        is_coded: False leaves the codecs out: what was rendered, at the codecs' rate and size.
        about: what its talks follow from besides conversation and codecs.
    """

    def __init__(
        self,
        says: Says,
        codecs: Codecs,
        heads: Path,
        *,
        is_moving: bool,
        is_coded: bool = True,
        about: Mapping[str, str] | None = None,
    ) -> None:
        self._says, self._codecs, self._heads = says, codecs, heads
        self._is_moving, self._is_coded, self._about = is_moving, is_coded, dict(about or {})

    @property
    def rate_hz(self) -> int:
        """Of its sound."""
        config = self._codecs.audio.config
        assert isinstance(config, AudioCodecConfig)
        return config.sample_rate_hz

    @property
    def made_from(self) -> dict[str, str]:
        """The codecs' files."""
        return {**self._about, **(self._codecs.files if self._is_coded else {})}

    def talk(self, parts: Sequence[Conversation], *, film: bool) -> Iterator[AgentOutput]:
        """All conversations through one stream of each codec."""
        voice, face = CodecStream(self._codecs.audio), CodecStream(self._codecs.video)
        numbers = itertools.count()
        with Pictures(self._heads, height=self._size[0], width=self._size[1]) as pictures:
            for conversation in parts:
                said = self._says(conversation)
                samples = units_at(said.samples, AGENT_RATE_HZ, self.rate_hz)
                shown = self._shown(pictures, conversation) if film else itertools.repeat(self._no_pictures)
                for sound, frames, words in zip(samples, shown, said.words, strict=False):
                    yield AgentOutput(
                        unit_index=next(numbers),
                        audio=self._sound(voice, sound),
                        video=self._frames(face, frames) if film else frames,
                        text=words,
                    )

    def _sound(self, voice: CodecStream, samples: Samples) -> NDArray[np.int16]:
        if self._is_coded:
            samples = voice.pass_unit(torch.from_numpy(np.ascontiguousarray(samples))[None])[0].numpy()
        return np.rint(np.clip(samples, -1, 1) * INT16_MAX).astype(np.int16)

    def _frames(self, face: CodecStream, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return as_pictures(face.pass_unit(as_frames(frames)[None, None])[0, 0]) if self._is_coded else frames

    def _shown(self, pictures: Pictures, conversation: Conversation) -> Iterator[NDArray[np.uint8]]:
        if not self._is_moving:
            still = next(pictures.agent(conversation, range(1)))
            return itertools.repeat(np.stack([still] * FRAMES_PER_UNIT), conversation.unit_count)
        drawn = pictures.agent(conversation, range(conversation.unit_count * FRAMES_PER_UNIT))
        return (np.stack([next(drawn) for _ in range(FRAMES_PER_UNIT)]) for _ in range(conversation.unit_count))

    @property
    def _size(self) -> tuple[int, int]:
        config = self._codecs.video.config
        assert isinstance(config, VideoCodecConfig)
        return config.height, config.width

    @property
    def _no_pictures(self) -> NDArray[np.uint8]:
        return np.zeros((0, *self._size, 3), np.uint8)
