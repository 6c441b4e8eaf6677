"""The performer: the flow-matching solver and its history, nothing else."""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.latent_pass import LatentPass
from wan_streamer.engine.slice_check import check_slice
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.flow import solve, unit_noise
from wan_streamer.model.layout import Kind
from wan_streamer.model.wan_streamer import WanStreamer


class UnitPerformer(Protocol):
    """What solves units: this process alone, or ranks in others. A session is what its own `open` returned."""

    @property
    def config(self) -> ModelConfig:
        """The model's."""

    @property
    def kv_head_count(self) -> int:
        """Key-value heads of the slices it takes."""

    def open(self, seed: int) -> Any: ...

    def append(self, session: Any, kv_slice: KvSlice) -> None: ...

    def solve(self, session: Any, unit_index: int) -> Latents: ...

    def commit(self, session: Any, latents: Latents) -> None: ...

    def close(self, session: Any) -> None: ...


@dataclass
class PerformerSession:
    """A conversation's history on the performer."""

    seed: int
    cache: KvCache
    last_unit_index: int = -1


class Performer:
    """Alone, without other ranks. For each unit: `append`, `solve`, and, off the response path, `commit`."""

    def __init__(self, model: WanStreamer) -> None:
        self.model = model
        self.config = model.config
        self._latent_pass = LatentPass(model)
        self._user_kinds = (Kind.USER_VIDEO, Kind.USER_AUDIO)

    @property
    def kv_head_count(self) -> int:
        """Key-value heads that a slice must have."""
        return self.model.config.backbone.kv_head_count

    def open(self, seed: int) -> PerformerSession:
        """A conversation before its first unit; its memory is allocated here and stays."""
        return PerformerSession(seed, KvCache(self.model))

    @torch.inference_mode()
    def append(self, session: PerformerSession, kv_slice: KvSlice) -> None:
        """Stages what the thinker added at a unit.

        Raises:
            InvalidInput: the slice does not follow the last unit or has another shape than the model's.
        """
        check_slice(kv_slice, self.model.config, session.last_unit_index, kv_head_count=self.kv_head_count)
        start = 0
        for kind in (*self._user_kinds, Kind.AGENT_TEXT):
            count = kv_slice.text_token_count if kind is Kind.AGENT_TEXT else self.model.layout.counts[kind]
            session.cache.stage(kind, kv_slice.unit_index, kv_slice.keys_values[:, :, :, start : start + count])
            start += count
        session.last_unit_index = kv_slice.unit_index

    @torch.inference_mode()
    def solve(self, session: PerformerSession, unit_index: int) -> Latents:
        """Clean latents of the unit that was appended, from noise, audio and video jointly."""
        attend = self._latent_pass.attention(session.cache, unit_index)
        rotation = self._latent_pass.rotation(unit_index)

        def velocity(latents: tuple[Tensor, Tensor], tau: float) -> tuple[Tensor, Tensor]:
            context = self._latent_pass(latents, tau, rotation, attend)
            audio, video = self.model.velocities(context)
            return audio[0], video[0]

        audio, video = solve(self._noise(session.seed, unit_index), self._latent_pass.times, velocity)
        return Latents(unit_index=unit_index, audio=audio, video=video)

    @torch.inference_mode()
    def commit(self, session: PerformerSession, latents: Latents) -> None:
        """The clean pass; the whole unit becomes history."""
        self._latent_pass.commit(session.cache, latents, tuple(Kind))

    def discard(self, session: PerformerSession, unit_index: int) -> None:
        """Forgets a unit that was appended and failed."""
        session.cache.discard(unit_index)

    def close(self, session: PerformerSession) -> None:
        """Ends a conversation. Here its memory goes with it; a group's ranks have to be told."""

    def _noise(self, seed: int, unit_index: int) -> tuple[Tensor, Tensor]:
        config, counts = self.model.config, self.model.layout.counts
        like = self.model.layer_modulation
        shapes = (
            (counts[Kind.AGENT_AUDIO], config.agent_audio.latent_channels),
            (counts[Kind.AGENT_VIDEO], config.agent_video.latent_channels),
        )
        audio, video = (unit_noise(shape, seed, unit_index, stream) for stream, shape in enumerate(shapes))
        return audio.to(like), video.to(like)
