"""The pass over a unit's agent latents: solver steps and the clean pass are the same function at other noise levels."""

import torch
from torch import Tensor

from wan_streamer.engine.exchange import Latents
from wan_streamer.engine.kv import KvCache
from wan_streamer.model.flow import solver_times
from wan_streamer.model.layout import LATENT_KINDS, POSITIONS_PER_UNIT, Kind
from wan_streamer.model.rope import Rotation
from wan_streamer.model.transformer import Attend
from wan_streamer.model.wan_streamer import WanStreamer

CLEAN_TAU = 0.0


class LatentPass:
    """Runs the backbone over audio and video latents; the modulation of each noise level is computed once."""

    def __init__(self, model: WanStreamer) -> None:
        self.model = model
        self.times = solver_times(model.config.solver_steps)
        device = model.layer_modulation.device
        self._modulations = {tau: model.modulation(torch.full((1, 1), tau, device=device)) for tau in self.times}
        self._offsets = model.layout.offsets_T3()[model.layout.slice(*LATENT_KINDS)].to(device)

    def rotation(self, unit_index: int) -> Rotation:
        """RoPE of the latents of a unit."""
        return self.model.rotation(self._offsets + unit_index * POSITIONS_PER_UNIT)

    def attention(self, cache: KvCache, unit_index: int) -> Attend:
        """Attention of the passes over a unit: to what the cache shows it, and to itself."""
        return cache.attend(LATENT_KINDS, unit_index)

    def __call__(self, latents: tuple[Tensor, Tensor], tau: float, rotation: Rotation, attend: Attend) -> Tensor:
        """Contexts [1, T, D] of audio and video latents [tokens, channels] at a noise level of the solver."""
        x = self.model.embed_latents(latents[0][None], latents[1][None])
        return self.model.transformer(x, rotation, self._modulations[tau], attend)

    def commit(self, cache: KvCache, latents: Latents, kinds: tuple[Kind, ...]) -> None:
        """The clean pass: writes the unit's clean latents into the cache and makes `kinds` history."""
        attend = self.attention(cache, latents.unit_index)
        self((latents.audio, latents.video), CLEAN_TAU, self.rotation(latents.unit_index), attend)
        cache.commit(kinds, latents.unit_index)
