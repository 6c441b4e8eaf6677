"""The thinker: hears, sees, thinks in words, and turns latents into sound and pictures."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from wan_streamer.engine.choose_token import likeliest
from wan_streamer.engine.exchange import AgentOutput, KvSlice, Latents, Stage, UserInput, unstamped
from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.latent_pass import LatentPass
from wan_streamer.engine.order import may_think
from wan_streamer.errors import InvalidInput
from wan_streamer.model.layout import LATENT_KINDS, POSITIONS_PER_UNIT, USER_KINDS, Kind
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.model.vocabulary import TextStream, vocabulary_named
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit

HEARD_KINDS = (*USER_KINDS, Kind.AGENT_TEXT)


@dataclass
class ThinkerSession:
    """A conversation's history and codec states on the thinker.

    Attributes:
        words: text tokens of the units whose latents have not come back yet; they are what the next state pass may
            have to wait for.
    """

    cache: KvCache
    stream: Stream
    text: TextStream
    words: dict[int, list[int]] = field(default_factory=dict)
    last_unit_index: int = -1


class Thinker:
    """For each unit: `think`; when the latents are back `decode` and, off the response path, `commit`."""

    def __init__(self, model: WanStreamer) -> None:
        self.model = model
        self._latent_pass = LatentPass(model)
        self._plain = model.no_modulation()
        self._vocabulary = vocabulary_named(model.config.vocabulary)
        self._offsets = model.layout.offsets_T3().to(model.layer_modulation.device)

    def open(self) -> ThinkerSession:
        """A conversation before its first unit; its memory is allocated here and stays."""
        return ThinkerSession(KvCache(self.model), Stream.of(self.model), TextStream(self._vocabulary))

    def may_think(self, session: ThinkerSession) -> bool:
        """Whether every latent that the next state pass may see has come back (the `lag` of the mask)."""
        return may_think(len(session.words), self.model.config.lag)

    @torch.inference_mode()
    def think(self, session: ThinkerSession, user: UserInput, stage: Stage = unstamped) -> KvSlice:
        """Encodes the user's unit, runs the state pass and writes the agent's words.

        Raises:
            InvalidInput: wrong shapes, numbers that are not finite, or a unit that does not follow the last one; the
                session is as it was before.
        """
        assert self.may_think(session)
        self.check(session, user)
        k = user.unit_index
        with stage("encode"):
            tokens = self._encode(session, user)
        with stage("state"):
            rotation = self.model.rotation(self._positions(k, self.model.layout.slice(*USER_KINDS)))
            context = self.model.transformer(tokens, rotation, self._plain, session.cache.attend(USER_KINDS, k))
        with stage("text"):
            words = self._write_words(session, k, context[:, -1])
        kv_slice = self._slice(session, k, len(words))
        session.cache.commit(HEARD_KINDS, k)
        session.words[k] = words
        session.last_unit_index = k
        return kv_slice

    @torch.inference_mode()
    def decode(self, session: ThinkerSession, latents: Latents) -> AgentOutput:
        """Sound, pictures and words of a unit."""
        with streaming(session.stream):
            samples = self.model.decode_audio(latents.audio[None])[0]
            frames = self.model.decode_video(latents.video[None, None])[0, 0]
        return AgentOutput(
            unit_index=latents.unit_index,
            audio=(samples.float() * np.iinfo(np.int16).max).round().to(torch.int16).cpu().numpy(),
            video=((frames.float() + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy(),
            text=session.text.feed(session.words[latents.unit_index]),
        )

    @torch.inference_mode()
    def commit(self, session: ThinkerSession, latents: Latents) -> None:
        """Adds the clean latents to history, before the state pass that may see them."""
        self._latent_pass.commit(session.cache, latents, LATENT_KINDS)
        del session.words[latents.unit_index]

    def discard(self, session: ThinkerSession, unit_index: int) -> None:
        """Forgets a unit whose latents will not come."""
        session.cache.discard(unit_index)
        session.words.pop(unit_index, None)

    def check(self, session: ThinkerSession, user: UserInput) -> None:
        """Raises InvalidInput unless `user` can be the session's next unit."""
        config = self.model.config
        if user.unit_index <= session.last_unit_index:
            raise InvalidInput(
                f"got unit {user.unit_index} after unit {session.last_unit_index}, expected a later one",
                reason="UNIT_INDEX_PAST",
            )
        audio_shape = (samples_per_unit(config.user_audio.sample_rate_hz),)
        video_shape = (FRAMES_PER_UNIT, config.user_video.height, config.user_video.width, 3)
        for name, array, shape in (("audio", user.audio, audio_shape), ("video", user.video, video_shape)):
            if array.shape != shape:
                raise InvalidInput(f"got user {name} of shape {array.shape}, expected {shape}", reason="TENSOR_SHAPE")
        if not np.isfinite(user.audio).all():
            raise InvalidInput("got user audio with NaN or infinity, expected samples in -1..1", reason="NOT_FINITE")

    def _encode(self, session: ThinkerSession, user: UserInput) -> Tensor:
        like = self.model.layer_modulation
        samples = torch.tensor(user.audio).to(like)[None]
        frames = torch.tensor(user.video).to(like.device).permute(0, 3, 1, 2).to(like.dtype) / 127.5 - 1
        with streaming(session.stream):
            return self.model.embed_user(self.model.see(frames[None, None]), self.model.hear(samples))[:, 0]

    def _write_words(self, session: ThinkerSession, unit_index: int, context_1D: Tensor) -> list[int]:
        """Likeliest words of a unit: at least one token (LISTEN: no words), at most `max_text_tokens`."""
        words: list[int] = []
        places = range(*self.model.layout.slice(Kind.AGENT_TEXT).indices(self.model.layout.token_count))
        for index, place in enumerate(places):
            words.append(likeliest(self.model.text_head(context_1D)[0], self._vocabulary.listen))
            token = self.model.embed_text(torch.tensor([words[-1:]], device=context_1D.device))
            rotation = self.model.rotation(self._positions(unit_index, slice(place, place + 1)))
            attend = session.cache.attend_token(Kind.AGENT_TEXT, index, unit_index)
            context_1D = self.model.transformer(token, rotation, self._plain, attend)[:, 0]
            if words[-1] in (self._vocabulary.listen, self._vocabulary.end):
                break
        return words

    def _slice(self, session: ThinkerSession, unit_index: int, text_token_count: int) -> KvSlice:
        counts = self.model.layout.counts
        parts = [session.cache.staged(kind, unit_index, counts[kind]) for kind in USER_KINDS]
        parts.append(session.cache.staged(Kind.AGENT_TEXT, unit_index, text_token_count))
        return KvSlice(unit_index=unit_index, keys_values=torch.cat(parts, dim=3), text_token_count=text_token_count)

    def _positions(self, unit_index: int, tokens: slice) -> Tensor:
        return self._offsets[tokens] + unit_index * POSITIONS_PER_UNIT
