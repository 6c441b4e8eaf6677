"""Conversations as the Transformer meets them: a record for each unit with all that is not trained already computed.

Encoding costs a hundred times what a training step costs a unit (faces are drawn, codecs run), so it is done once.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from wan_streamer.model.config import EarConfig, ModelConfig
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.model.user_encoder import EarEncoder
from wan_streamer.model.vocabulary import vocabulary_named, vocabulary_path
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.data.conversation import AGENT_RATE_HZ, Conversation
from wan_streamer.train.data.events import AgentTurn, UserTurn, VisitorAction
from wan_streamer.train.data.pictures import Pictures
from wan_streamer.train.data.timeline import Timeline, Utterance
from wan_streamer.train.heard_variant import hear_variant
from wan_streamer.train.video_data import as_frames
from wan_streamer.train.vocabulary import TextTokens
from wan_streamer.train.words import TimedWord, tokens_of_units
from wan_streamer.unit import FRAMES_PER_UNIT, UNIT_US

# Words are written so much before they are said: a sound needs to know what comes after it.
LEAD_US: Final = 2 * UNIT_US
# What a visitor does is named so long after it begins: then it can be seen what it is.
NOTICE_US: Final = 3 * UNIT_US
# Units that go through a codec at once.
BLOCK_UNITS: Final = 25


def unit_type(config: ModelConfig, *, pictures: bool, agent_sound: bool = True) -> np.dtype[Any]:
    """The record of one unit. All latents have mean 0 and deviation 1.

    heard: chances of letters, and features of the other ear; words: the agent's text tokens (NOTHING where there is
    none); said: the visitors' words to the agent, when they are over; noticed: what a visitor does ("show card red");
    speaks: the agent speaks.
    With the agent's sound also audio: its latents. With pictures also seen: latents of what the camera sees, and video:
    of the agent's picture.
    """
    ear, agent = config.user_audio, config.agent_audio
    assert isinstance(ear, EarConfig)
    fields: list[Any] = [
        ("heard", np.float16, (ear.tokens_per_unit, ear.heard_features)),
        ("words", np.int32, (config.max_text_tokens,)),
        ("said", np.int32, (config.max_text_tokens,)),
        ("noticed", np.int32, (config.max_text_tokens,)),
        ("speaks", np.bool_),
    ]
    if agent_sound:
        fields += [("audio", np.float16, (agent.tokens_per_unit, agent.latent_channels))]
    if pictures:
        shape = (config.agent_video.tokens_per_unit, config.agent_video.latent_channels)
        fields += [("seen", np.float16, shape), ("video", np.float16, shape)]
    return np.dtype(fields)


class Encoder:
    """Encodes conversations; to be used from one thread.

    Args:
        model: whose codecs, ear and vocabulary are used.
        heads: the faces, or None to leave pictures out.
        bfloat16: the ears compute in it; features of Whisper's differ by 2 % of their deviation.
    """

    def __init__(self, model: WanStreamer, heads: Path | None, *, bfloat16: bool = False) -> None:
        self._model, self._heads, self._bfloat16 = model, heads, bfloat16
        self._vocabulary = vocabulary_named(model.config.vocabulary)
        self._tokens = TextTokens(vocabulary_path(model.config.vocabulary))
        self.type = unit_type(model.config, pictures=heads is not None)
        self.heard_type = unit_type(model.config, pictures=False, agent_sound=False)

    def encode(self, conversation: Conversation, variant: np.random.Generator | None = None) -> NDArray[Any]:
        """A record for each unit, [units].

        Args:
            variant: changes what is heard (`hear_variant`), None leaves it as it is.

        Raises:
            InvalidInput: faces are not exported, or there is no OpenGL.
        """
        records = np.zeros(conversation.unit_count, self.type)
        self._add_heard(records, conversation.timeline, conversation.user_audio, variant)
        records["audio"] = self._encode_voice(conversation.agent_audio)
        if self._heads is not None:
            self._add_pictures(records, conversation, self._heads)
        return records

    def encode_heard(
        self, timeline: Timeline, samples: NDArray[np.float32], variant: np.random.Generator | None = None
    ) -> NDArray[Any]:
        """A record of `heard_type` for each unit of a conversation of which there is nothing but what is heard."""
        records = np.zeros(len(timeline.units), self.heard_type)
        self._add_heard(records, timeline, samples, variant)
        return records

    def _add_heard(
        self,
        records: NDArray[Any],
        timeline: Timeline,
        samples: NDArray[np.float32],
        variant: np.random.Generator | None,
    ) -> None:
        records["heard"] = self._hear(samples, variant)
        self._add_words(records, timeline)

    def encode_spelled(self, timeline: Timeline, letters: NDArray[np.float32]) -> NDArray[Any]:
        """A record of `heard_type` for each unit of a conversation that nobody has spoken.

        Args:
            letters: chances of letters, [units, tokens, STEPS_PER_TOKEN * classes].
        """
        records = np.zeros(len(timeline.units), self.heard_type)
        records["heard"] = np.nan
        records["heard"][..., : letters.shape[2]] = letters
        self._add_words(records, timeline)
        return records

    def _add_words(self, records: NDArray[Any], timeline: Timeline) -> None:
        records["words"] = self._place(timeline.agent_turns(), len(records), begin=True)
        turns = [one for one in timeline.utterances if isinstance(one.event, UserTurn)]
        records["said"] = self._place(turns, len(records), begin=False)
        records["noticed"] = self._name_actions(timeline, len(records))
        records["speaks"] = [label.agent in ("speak", "yield") for label in timeline.units]

    @torch.inference_mode()
    def _hear(self, samples: NDArray[np.float32], variant: np.random.Generator | None) -> NDArray[np.float32]:
        encoder = self._model.user_audio
        assert isinstance(encoder, EarEncoder)
        heard = torch.from_numpy(samples)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            sensed = encoder.sense(heard[None])[0] if variant is None else hear_variant(encoder, heard, variant)
        return sensed.float().numpy()

    @torch.inference_mode()
    def _encode_voice(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        config = self._model.config.agent_audio
        wanted = len(samples) * config.sample_rate_hz // AGENT_RATE_HZ
        resampled = soxr.resample(samples, AGENT_RATE_HZ, config.sample_rate_hz)[:wanted]
        resampled = np.pad(resampled, (0, wanted - len(resampled)))
        latents = self._model.encode_audio(torch.from_numpy(resampled)[None])[0]
        return latents.unflatten(0, (-1, config.tokens_per_unit)).numpy()

    def _place(self, utterances: "list[Utterance] | tuple[Utterance, ...]", count: int, *, begin: bool) -> Any:
        words = []
        for utterance in utterances:
            event = utterance.event
            assert isinstance(event, AgentTurn | UserTurn)
            tokens = self._tokens.of_words(event.text)
            for word, pieces in zip(utterance.words, tokens, strict=False):
                at_us = max(0, word.begin_us - LEAD_US) if begin else word.end_us
                words.append(TimedWord(from_us=at_us, tokens=tuple(pieces)))
        return self._in_units(words, count)

    def _name_actions(self, timeline: Timeline, count: int) -> Any:
        words = []
        for happening in timeline.happenings:
            if isinstance(happening.event, VisitorAction):
                name = f"{happening.event.action} {happening.event.item or ''}".replace("_", " ").strip()
                pieces = itertools.chain.from_iterable(self._tokens.of_words(name))
                words.append(TimedWord(from_us=happening.begin_us + NOTICE_US, tokens=tuple(pieces)))
        return self._in_units(words, count)

    def _in_units(self, words: list[TimedWord], count: int) -> NDArray[np.int32]:
        words.sort(key=lambda word: word.from_us)
        return tokens_of_units(words, count, max_tokens=self._model.config.max_text_tokens, vocabulary=self._vocabulary)

    def _add_pictures(self, records: NDArray[Any], conversation: Conversation, heads: Path) -> None:
        config = self._model.config.agent_video
        frames = range(conversation.unit_count * FRAMES_PER_UNIT)
        with Pictures(heads, height=config.height, width=config.width) as pictures:
            sides = {
                "video": pictures.agent(conversation, frames),
                "seen": pictures.visitors(conversation, frames),
            }
            for name, drawn in sides.items():
                first = 0
                for latents in self._encode_film(drawn):
                    records[name][first : first + len(latents)] = latents
                    first += len(latents)

    @torch.inference_mode()
    def _encode_film(self, drawn: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        stream = Stream.of(self._model.video_codec)
        while block := list(itertools.islice(drawn, BLOCK_UNITS * FRAMES_PER_UNIT)):
            units = np.stack(block).reshape(-1, FRAMES_PER_UNIT, *block[0].shape)
            with streaming(stream):
                yield self._model.encode_video(as_frames(units)[None])[0].numpy()
