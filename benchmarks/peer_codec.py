"""The codecs' decoders unit by unit in a stream, and over a whole clip at once.

Shape letters: B batch, U units, N tokens, C channels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.model.wan_streamer import WanStreamer


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """One decoder, and latents of a clip cut into units along an axis.

    Attributes:
        tokens: of a unit along the axis.
    """

    decode: Callable[[Tensor], Tensor]
    model: WanStreamer
    latents: Tensor
    axis: int
    tokens: int

    def streamed(self) -> Tensor:
        """Unit by unit, each going on where the last one ended."""
        with streaming(Stream.of(self.model)):
            return torch.cat([self.decode(unit) for unit in self._units()], dim=1)

    def alone(self) -> Tensor:
        """Unit by unit, without anything remembered: what a step costs but for its memory."""
        return torch.cat([self.decode(unit) for unit in self._units()], dim=1)

    def whole(self) -> Tensor:
        """All at once."""
        return self.decode(self.latents)

    def _units(self) -> Iterator[Tensor]:
        return iter(self.latents.split(self.tokens, dim=self.axis))


def decodings(model: WanStreamer, units: int) -> dict[str, Decoding]:
    """The agent's video and audio of a clip of noise."""
    audio, video = model.config.agent_audio, model.config.agent_video
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(1, units, video.tokens_per_unit, video.latent_channels, generator=generator)
    sound = torch.randn(1, units * audio.tokens_per_unit, audio.latent_channels, generator=generator)
    return {
        "video": Decoding(decode=model.decode_video, model=model, latents=pictures, axis=1, tokens=1),
        "audio": Decoding(decode=model.decode_audio, model=model, latents=sound, axis=1, tokens=audio.tokens_per_unit),
    }
