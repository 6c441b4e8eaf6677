"""The performer: the flow-matching solver and its history, nothing else."""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from wan_streamer.engine.captured import Recorder, Work, recorder_on
from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.latent_pass import LatentPass, UnitLatents
from wan_streamer.engine.seats import Seats
from wan_streamer.engine.slice_check import check_slice
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.flow import unit_noise
from wan_streamer.model.layout import USER_KINDS, Kind
from wan_streamer.model.wan_streamer import WanStreamer


class UnitPerformer(Protocol):
    """What solves units: this process alone, or ranks in others. A session is what its own `open` returned."""

    @property
    def config(self) -> ModelConfig:
        """The model's."""

    @property
    def kv_head_count(self) -> int:
        """Key-value heads of the slices it takes."""

    @property
    def dtype(self) -> torch.dtype:
        """Numbers of the slices it takes."""

    def reserve(self, count: int) -> int: ...

    def open(self, seed: int) -> Any: ...

    def append(self, session: Any, kv_slice: KvSlice) -> None: ...

    def solve(self, session: Any, unit_index: int) -> Latents: ...

    def commit(self, session: Any, latents: Latents) -> None: ...

    def close(self, session: Any) -> None: ...


@dataclass(frozen=True)
class PerformerSeat:
    """A session's memory and the passes over it: all solver steps, and the clean pass, which the answer goes before."""

    cache: KvCache
    unit: UnitLatents
    solve: Work
    clean: Work

    def clear(self) -> None:
        """Forgets the session."""
        self.cache.clear()


@dataclass
class PerformerSession:
    """A conversation's history on the performer."""

    seed: int
    seat: PerformerSeat
    last_unit_index: int = -1

    @property
    def cache(self) -> KvCache:
        """Its keys and values."""
        return self.seat.cache


class Performer:
    """Alone, without other ranks. For each unit: `append`, `solve`, and, off the response path, `commit`.

    Args:
        recorder: how passes run; by default as is best on the model's device.
    """

    def __init__(self, model: WanStreamer, recorder: Recorder | None = None) -> None:
        self.model = model
        self.config = model.config
        self._recorder = recorder or recorder_on(model.layer_modulation.device)
        self._latent_pass = LatentPass(model)
        self._seats = Seats(self._new_seat)

    @property
    def kv_head_count(self) -> int:
        """Key-value heads that a slice must have."""
        return self.model.config.backbone.kv_head_count

    @property
    def dtype(self) -> torch.dtype:
        """Numbers that a slice must have."""
        return self.model.layer_modulation.dtype

    def reserve(self, count: int) -> int:
        """Makes memory for sessions and records their passes; for how many the device has room.

        Raises:
            InvalidInput: MEMORY, for none.
        """
        return self._seats.reserve(count)

    def open(self, seed: int) -> PerformerSession:
        """A conversation before its first unit; its memory is there, and stays."""
        return PerformerSession(seed, self._seats.take())

    @torch.inference_mode()
    def append(self, session: PerformerSession, kv_slice: KvSlice) -> None:
        """Stages what the thinker added at a unit.

        Raises:
            InvalidInput: the slice does not follow the last unit or has another shape than the model's.
        """
        check_slice(kv_slice, self.config, session.last_unit_index, dtype=self.dtype, kv_head_count=self.kv_head_count)
        start = 0
        for kind in (*USER_KINDS, Kind.AGENT_TEXT):
            count = kv_slice.text_token_count if kind is Kind.AGENT_TEXT else self.model.layout.counts[kind]
            session.cache.stage(kind, kv_slice.unit_index, kv_slice.keys_values[:, :, :, start : start + count])
            start += count
        session.last_unit_index = kv_slice.unit_index

    @torch.inference_mode()
    def solve(self, session: PerformerSession, unit_index: int) -> Latents:
        """Clean latents of the unit that was appended, from noise, audio and video jointly."""
        seat = session.seat
        seat.cache.move(seat.unit.place, unit_index)
        for own, noise in zip(seat.unit.noise, self._noise(session.seed, unit_index), strict=True):
            own.copy_(noise, non_blocking=True)
        seat.solve()
        audio, video = (latents.clone() for latents in seat.unit.latents)
        return Latents(unit_index=unit_index, audio=audio, video=video)

    @torch.inference_mode()
    def commit(self, session: PerformerSession, latents: Latents) -> None:
        """The clean pass over the unit that was solved last; the whole unit becomes history."""
        seat = session.seat
        for own, clean in zip(seat.unit.latents, (latents.audio, latents.video), strict=True):
            own.copy_(clean, non_blocking=True)
        seat.clean()
        seat.cache.commit(tuple(Kind), latents.unit_index)

    def discard(self, session: PerformerSession, unit_index: int) -> None:
        """Forgets a unit that was appended and failed."""
        session.cache.discard(unit_index)

    def close(self, session: PerformerSession) -> None:
        """Ends a conversation; its memory is free for another one."""
        self._seats.give_back(session.seat)

    def _new_cache(self) -> KvCache:
        return KvCache(self.model)

    def _new_seat(self) -> PerformerSeat:
        cache = self._new_cache()
        unit = UnitLatents(self._latent_pass, cache)
        # Passes are tried while they are recorded: on a unit that sees itself.
        cache.move(unit.place, 0)
        seat = PerformerSeat(cache, unit, self._recorder.record(unit.solve), self._recorder.record(unit.clean))
        seat.clear()
        return seat

    def _noise(self, seed: int, unit_index: int) -> tuple[Tensor, Tensor]:
        config, counts = self.model.config, self.model.layout.counts
        shapes = (
            (counts[Kind.AGENT_AUDIO], config.agent_audio.latent_channels),
            (counts[Kind.AGENT_VIDEO], config.agent_video.latent_channels),
        )
        audio, video = (unit_noise(shape, seed, unit_index, stream) for stream, shape in enumerate(shapes))
        return audio, video
