"""Sound and pictures through a codec, unit by unit as in a session, with latents of eight bits."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wan_streamer.eval.codec.latent_rounding import latent_codes, latents_of
from wan_streamer.model.codec_weights import TrainedCodec
from wan_streamer.model.config import AudioCodecConfig
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.train.codec_file import CodecStream
from wan_streamer.train.video_data import as_frames, as_pictures
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit

Samples = NDArray[np.float32]
Film = NDArray[np.uint8]


class RoundedStream:
    """One stream through a codec: a unit in, the same unit out, from rounded latents."""

    def __init__(self, trained: TrainedCodec) -> None:
        self._trained = trained
        self._stream = Stream.of(trained.codec)

    @torch.inference_mode()
    def pass_unit(self, unit: Tensor) -> Tensor:
        """A unit with its batch axis of one."""
        with streaming(self._stream):
            mean, _ = self._trained.codec.encode(unit)
            return self._trained.codec.decode(latents_of(latent_codes(mean, self._trained), self._trained))


def sound_through(trained: TrainedCodec, samples: Samples) -> Samples:
    """Sound of whole units, [S] at the codec's rate, as it comes back."""
    stream = RoundedStream(trained)
    return np.concatenate([stream.pass_unit(unit)[0].numpy() for unit in sound_units(trained, samples)])


def film_through(trained: TrainedCodec, film: Film) -> Film:
    """A film of whole units, uint8 [frames, height, width, 3] of the codec's size, as it comes back."""
    stream = RoundedStream(trained)
    return np.concatenate([as_pictures(stream.pass_unit(unit)[0, 0]) for unit in film_units(film)])


@torch.inference_mode()
def streaming_difference(trained: TrainedCodec, units: Sequence[Tensor]) -> float:
    """By how much media that is passed unit by unit differs from the same in one pass, at most; without rounding.

    Args:
        units: with a batch axis of one, in order; samples [1, S] or frames [1, 1, 4, 3, height, width].
    """
    stream = CodecStream(trained)
    streamed = torch.cat([stream.pass_unit(unit) for unit in units], dim=1)
    mean, _ = trained.codec.encode(torch.cat(list(units), dim=1))
    return float((streamed - trained.codec.decode(mean)).abs().max())


def sound_units(trained: TrainedCodec, samples: Samples) -> list[Tensor]:
    """Sound of whole units, [S] at the codec's rate, cut into units [1, S]."""
    assert isinstance(trained.config, AudioCodecConfig)
    units = samples.reshape(-1, samples_per_unit(trained.config.sample_rate_hz))
    return [torch.from_numpy(unit)[None] for unit in units]


def film_units(film: Film) -> list[Tensor]:
    """A film of whole units, uint8 [frames, height, width, 3], cut into units [1, 1, 4, 3, height, width]."""
    units = film.reshape(-1, FRAMES_PER_UNIT, *film.shape[1:])
    return [as_frames(unit)[None, None] for unit in units]
