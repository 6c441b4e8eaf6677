"""The thinker: hears, sees, thinks in words, and turns latents into sound and pictures."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from wan_streamer.engine.captured import Recorder, Work, recorder_on
from wan_streamer.engine.exchange import AgentOutput, KvSlice, Latents, Stage, UserInput, unstamped
from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.latent_pass import LatentPass, UnitLatents
from wan_streamer.engine.number_type import media_dtype, media_stream
from wan_streamer.engine.order import may_think
from wan_streamer.engine.seats import Seats
from wan_streamer.engine.unit_words import HEARD_KINDS, TokenPass, UnitWords
from wan_streamer.errors import InvalidInput
from wan_streamer.model.layout import LATENT_KINDS, USER_KINDS, Kind
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.model.vocabulary import TextStream, vocabulary_named
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit


@dataclass(frozen=True)
class ThinkerSeat:
    """A session's memory and the passes over it: the state pass, the words, and the clean pass of the latents."""

    cache: KvCache
    stream: Stream
    heard: UnitWords
    unit: UnitLatents
    state: Work
    text: Work
    clean: Work

    def clear(self) -> None:
        """Forgets the session."""
        self.cache.clear()
        for _, state in self.stream.states:
            state.past.zero_()


@dataclass
class ThinkerSession:
    """A conversation's history and codec states on the thinker.

    Attributes:
        words: text tokens of the units that are not decoded yet.
        open_units: those thought of whose latents are not committed, for which the next state pass may have to wait.
        heard: unit and tokens [1, T, D] of what was encoded, and not thought of yet.
    """

    seat: ThinkerSeat
    text: TextStream
    words: dict[int, list[int]] = field(default_factory=dict)
    open_units: set[int] = field(default_factory=set)
    heard: tuple[int, Tensor] | None = None
    last_unit_index: int = -1

    @property
    def cache(self) -> KvCache:
        """Its keys and values."""
        return self.seat.cache

    @property
    def stream(self) -> Stream:
        """Its encoders' and codecs' states."""
        return self.seat.stream


class Thinker:
    """For each unit: `hear`, `think`; when the latents are back `decode` and, off the response path, `commit`.

    Encoders know nothing of the agent's side: `hear` may be called while the latents of the unit before are awaited.
    Decoders know nothing of history: `commit` may come first, and units be thought of before `decode`.

    Args:
        recorder: how passes run; by default as is best on the model's device.
    """

    def __init__(self, model: WanStreamer, recorder: Recorder | None = None) -> None:
        self.model = model
        self._recorder = recorder or recorder_on(model.layer_modulation.device)
        self._latent_pass = LatentPass(model)
        self._vocabulary = vocabulary_named(model.config.vocabulary)
        self._token_pass = TokenPass(model, self._vocabulary)
        self._seats = Seats(self._new_seat)

    def reserve(self, count: int) -> int:
        """Makes memory for sessions and records their passes; for how many the device has room.

        Raises:
            InvalidInput: MEMORY, for none.
        """
        return self._seats.reserve(count)

    def open(self) -> ThinkerSession:
        """A conversation before its first unit; its memory is there, and stays."""
        return ThinkerSession(self._seats.take(), TextStream(self._vocabulary))

    def close(self, session: ThinkerSession) -> None:
        """Ends a conversation; its memory is free for another one."""
        self._seats.give_back(session.seat)

    def may_think(self, session: ThinkerSession) -> bool:
        """Whether every latent that the next state pass may see has come back (the `lag` of the mask)."""
        return may_think(len(session.open_units), self.model.config.lag)

    @torch.inference_mode()
    def hear(self, session: ThinkerSession, user: UserInput, stage: Stage = unstamped) -> None:
        """Encodes the user's unit, which must be thought of before the next one is heard.

        Raises:
            InvalidInput: wrong shapes, numbers that are not finite, or a unit that does not follow the last one; the
                session is as it was before.
        """
        assert session.heard is None
        self.check(session, user)
        with stage("encode"):
            session.heard = (user.unit_index, self._encode(session, user))

    @torch.inference_mode()
    def think(self, session: ThinkerSession, stage: Stage = unstamped) -> KvSlice:
        """Runs the state pass over the unit that was heard and writes the agent's words."""
        assert session.heard is not None
        assert self.may_think(session)
        (k, tokens), session.heard = session.heard, None
        seat = session.seat
        with stage("state"):
            seat.cache.move(seat.heard.place, k)
            seat.heard.user_1TD.copy_(tokens)
            seat.state()
        with stage("text"):
            seat.text()
            words = seat.heard.words()
        seat.cache.keep_first(Kind.AGENT_TEXT, k, len(words))
        kv_slice = self._slice(session, k, len(words))
        seat.cache.commit(HEARD_KINDS, k)
        session.words[k] = words
        session.open_units.add(k)
        session.last_unit_index = k
        return kv_slice

    def hear_and_think(self, session: ThinkerSession, user: UserInput, stage: Stage = unstamped) -> KvSlice:
        """Both at once, for who has nothing to wait for between them; raises what `hear` raises."""
        self.hear(session, user, stage)
        return self.think(session, stage)

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
            text=session.text.feed(session.words.pop(latents.unit_index)),
        )

    @torch.inference_mode()
    def commit(self, session: ThinkerSession, latents: Latents) -> None:
        """Adds the clean latents to history, before the state pass that may see them."""
        seat = session.seat
        seat.cache.move(seat.unit.place, latents.unit_index)
        for own, clean in zip(seat.unit.latents, (latents.audio, latents.video), strict=True):
            own.copy_(clean, non_blocking=True)
        seat.clean()
        seat.cache.commit(LATENT_KINDS, latents.unit_index)
        session.open_units.remove(latents.unit_index)

    def discard(self, session: ThinkerSession, unit_index: int) -> None:
        """Forgets a unit whose latents will not come."""
        session.cache.discard(unit_index)
        session.words.pop(unit_index, None)
        session.open_units.discard(unit_index)

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
        device, dtype = self.model.layer_modulation.device, media_dtype(self.model)
        samples = torch.tensor(user.audio).to(device, dtype, non_blocking=True)[None]
        frames = torch.tensor(user.video).to(device, non_blocking=True).permute(0, 3, 1, 2).to(dtype) / 127.5 - 1
        with streaming(session.stream):
            return self.model.embed_user(self.model.see(frames[None, None]), self.model.hear(samples))[:, 0]

    def _slice(self, session: ThinkerSession, unit_index: int, text_token_count: int) -> KvSlice:
        counts = self.model.layout.counts
        parts = [session.cache.staged(kind, unit_index, counts[kind]) for kind in USER_KINDS]
        parts.append(session.cache.staged(Kind.AGENT_TEXT, unit_index, text_token_count))
        return KvSlice(unit_index=unit_index, keys_values=torch.cat(parts, dim=3), text_token_count=text_token_count)

    def _new_seat(self) -> ThinkerSeat:
        cache = KvCache(self.model)
        heard = UnitWords(self._token_pass, cache, may_read=self._recorder.may_read)
        unit = UnitLatents(self._latent_pass, cache)
        # Passes are tried while they are recorded: on a unit that sees itself.
        for place in (heard.place, unit.place):
            cache.move(place, 0)
        state, text, clean = (self._recorder.record(work) for work in (heard.state, heard.text, unit.clean))
        seat = ThinkerSeat(cache, media_stream(self.model), heard, unit, state, text, clean)
        seat.clear()
        return seat
