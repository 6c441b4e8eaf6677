"""The pass over a unit's agent latents: solver steps and the clean pass are the same function at other noise levels.

Shape letters: T tokens, D width.
"""

import torch
from torch import Tensor

from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.number_type import media_dtype
from wan_streamer.engine.unit_place import CacheAttention
from wan_streamer.model.flow import solve, solver_times
from wan_streamer.model.layout import LATENT_KINDS, Kind
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
        self.offsets_T3 = model.layout.offsets_T3()[model.layout.slice(*LATENT_KINDS)].to(device)

    def attention(self, attend: CacheAttention) -> Attend:
        """Attention of the passes over a unit: to what the cache shows it, and to itself."""
        return attend

    def __call__(self, latents: tuple[Tensor, Tensor], tau: float, rotation: Rotation, attend: Attend) -> Tensor:
        """Contexts [1, T, D] of audio and video latents [tokens, channels] at a noise level of the solver."""
        dtype = self.model.layer_modulation.dtype
        x = self.model.embed_latents(latents[0][None].to(dtype), latents[1][None].to(dtype))
        return self.model.transformer(x, rotation, self._modulations[tau], attend)


class UnitLatents:
    """The latents of a unit of one session and the passes over them, in memory that keeps its place.

    Latents are float32 at least: the solver's steps are small beside what they are added to.

    Attributes:
        place: of the unit; to be moved there before the passes.
        noise: audio and video [tokens, channels] that `solve` starts from.
        latents: what it ends at, and what `clean` commits.
    """

    def __init__(self, latent_pass: LatentPass, cache: KvCache) -> None:
        model = latent_pass.model
        self._pass = latent_pass
        self.place = cache.place(LATENT_KINDS, [(Kind.AGENT_AUDIO, 0)], latent_pass.offsets_T3)
        self._attend = latent_pass.attention(cache.attention(self.place, slice(None), 0))
        audio_count = model.layout.counts[Kind.AGENT_AUDIO]
        shapes = (
            (audio_count, model.config.agent_audio.latent_channels),
            (self.place.offsets_T3.shape[0] - audio_count, model.config.agent_video.latent_channels),
        )
        dtype, device = media_dtype(model), model.layer_modulation.device
        self.noise = _pair(*(torch.zeros(shape, dtype=dtype, device=device) for shape in shapes))
        self.latents = _pair(*(torch.zeros(shape, dtype=dtype, device=device) for shape in shapes))

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All memory of the latents and their place."""
        return (*self.place.tensors, *self.noise, *self.latents)

    def solve(self) -> None:
        """All steps from noise to clean latents, audio and video jointly."""
        solved = solve(self.noise, self._pass.times, self.velocity)
        for own, each in zip(self.latents, solved, strict=True):
            own.copy_(each)

    def velocity(self, latents: tuple[Tensor, Tensor], tau: float) -> tuple[Tensor, Tensor]:
        """Audio and video velocities [tokens, channels] at a noise level of the solver."""
        audio, video = self._pass.model.velocities(self._pass(latents, tau, self.place.rotation, self._attend))
        return audio[0], video[0]

    def clean(self) -> None:
        """The clean pass: writes the keys and values of the clean latents into the cache."""
        self._pass(self.latents, CLEAN_TAU, self.place.rotation, self._attend)


def _pair(audio: Tensor, video: Tensor) -> tuple[Tensor, Tensor]:
    return audio, video
