"""A pretrained causal ear: Google's speech embedding behind its mel front end, as openWakeWord carries them.

The network (Lin et al., "Training Keyword Spotters with Limited and Synthesized Speech Data", arXiv 2002.01322) was
published for windows of 76 mel frames every 8. Its convolutions have no padding in time and its poolings divide 8, so
running it over a stream with the past of every convolution kept gives the same numbers, and computes each once.

Shape letters: B batch, T samples, M mel frames, R mel bands (rows), C channels, U units, F features.
"""

from contextlib import ExitStack
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import MEL_FRAME_MS, EarConfig
from wan_streamer.model.streaming import CausalLayer, PastState, Stream, streaming
from wan_streamer.unit import samples_per_unit

EAR_SAMPLE_RATE_HZ, EAR_FEATURES = EarConfig.sample_rate_hz, EarConfig.features
TOKENS_PER_UNIT = EarConfig.tokens_per_unit

UNIT_SAMPLES = samples_per_unit(EAR_SAMPLE_RATE_HZ)
HOP_SAMPLES = EAR_SAMPLE_RATE_HZ * MEL_FRAME_MS // 1000
TOKEN_FRAMES = UNIT_SAMPLES // HOP_SAMPLES // TOKENS_PER_UNIT
MEL_WINDOW_SAMPLES, FFT_SIZE, MEL_BANDS = 400, 512, 32
# The mel front end was made for 16-bit numbers.
SAMPLE_SCALE = 32_768
# In decades of power: the floor under digital silence, how far a frame may lie under the loudest of its token, and
# what brings the result near to what the network was trained on.
POWER_FLOOR, RANGE_DECADES, OFFSET_DECADES = 1e-10, 8.0, 2.0
LEAK, LEAK_FLOOR = 0.2, -0.4
# Units that one pass of a long sequence takes: more do not make it faster, only larger.
BLOCK_UNITS = 64


class EarMel(CausalLayer):
    """Samples [B, T] in -1..1 -> log-mel energies [B, M, R] in decades; the newest window ends with the newest sample.

    Frames are limited to 80 dB below the loudest of their own 80 ms, as openWakeWord does in a stream of 80 ms chunks;
    over a whole file it takes the loudest of the file, which no causal ear can know.
    """

    window: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__((MEL_WINDOW_SAMPLES - HOP_SAMPLES,), time_axis=1)
        self.register_buffer("window", torch.hann_window(MEL_WINDOW_SAMPLES), persistent=False)
        self.register_buffer("filters", torch.zeros(FFT_SIZE // 2 + 1, MEL_BANDS))

    @property
    def in_stream(self) -> bool:
        """Whether a call now continues a stream."""
        return bool(self._entered)

    def forward(self, samples_BT: Tensor) -> Tensor:
        frames = self.with_past(samples_BT).unfold(1, MEL_WINDOW_SAMPLES, HOP_SAMPLES)
        spectrum = torch.fft.rfft(frames * (self.window * SAMPLE_SCALE), FFT_SIZE)
        power = spectrum.real.square() + spectrum.imag.square()
        decades = (power @ self.filters).clamp_(min=POWER_FLOOR).log10_().unflatten(1, (-1, TOKEN_FRAMES))
        lowest = decades.amax(dim=(2, 3), keepdim=True) - RANGE_DECADES
        return torch.maximum(decades, lowest).flatten(1, 2) + OFFSET_DECADES


class TimeConv(CausalLayer):
    """Convolution over three mel frames, the present and two past; [B, C, M, R] -> [B, C', M, R].

    A stream begins after endless digital silence: `silence`, [C, 1, R], is the layer's input then. It depends on the
    weights before the layer and comes with them.
    """

    silence: Tensor

    def __init__(self, channels: int, out_channels: int, bands: int, *, across: int = 1, bias: bool = True) -> None:
        super().__init__((channels, 2, bands), time_axis=2)
        self.conv = nn.Conv2d(channels, out_channels, (3, across), padding=(0, across // 2), bias=bias)
        self.register_buffer("silence", torch.zeros(channels, 1, bands))

    def fresh_state(self, batch: int, dtype: torch.dtype, device: torch.device) -> PastState:
        return PastState(self.silence.to(device, dtype).expand(batch, *self.past_shape).clone())

    def forward(self, x_BCMR: Tensor) -> Tensor:
        return self.conv(self.with_past(x_BCMR))


class EarActivation(nn.Module):
    """A leaky ReLU that leaks down to -0.4; writes over its input."""

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu_(x, LEAK).clamp_(min=LEAK_FLOOR)


class EarStem(nn.Module):
    """The first convolution, over frames and bands; normalises after its ReLU, so that cannot be folded into it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = TimeConv(1, channels, MEL_BANDS, across=3, bias=False)
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x_BCMR: Tensor) -> Tensor:
        return torch.addcmul(self.shift, F.relu_(self.conv(x_BCMR)), self.scale)


def _mix(channels: int, out_channels: int, bands: int) -> list[nn.Module]:
    """A convolution across bands, one over time, each with its activation."""
    across = nn.Conv2d(channels, out_channels, (1, 3), padding=(0, 1))
    return [across, EarActivation(), TimeConv(out_channels, out_channels, bands), EarActivation()]


def _layers() -> nn.Sequential:
    return nn.Sequential(
        EarStem(24),
        EarActivation(),
        *_mix(24, 24, 32),
        nn.MaxPool2d((2, 2)),
        *_mix(24, 48, 16),
        *_mix(48, 48, 16),
        nn.MaxPool2d((1, 2)),
        *_mix(48, 72, 8),
        *_mix(72, 72, 8),
        nn.MaxPool2d((2, 2)),
        *_mix(72, 96, 4),
        *_mix(96, 96, 4),
        nn.MaxPool2d((1, 2)),
        *_mix(96, 96, 2),
        *_mix(96, 96, 2),
        nn.MaxPool2d((2, 2)),
        TimeConv(96, EAR_FEATURES, 1, bias=False),
    )


class Ear(nn.Module):
    """Samples [B, T] of whole units, 16 kHz in -1..1 -> features [B, U, 2, 96]; frozen.

    Token j of a unit hears the 775 ms before the end of the unit's j-th 80 ms, up to its last sample; the limit of the
    oldest frames looks back 40 ms more (see `EarMel`). Before its beginning a conversation was digitally silent. Made
    without weights it hears nothing: see `load_ear`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mel = EarMel()
        self.layers = _layers()
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, samples_BT: Tensor) -> Tensor:
        """Features as the network gives them, about -80..80; no gradient passes.

        Hours may come at once: long sequences go through block by block, as a stream of their own.

        Raises:
            ValueError: the samples are no whole units.
        """
        batch, count = samples_BT.shape
        if not count or count % UNIT_SAMPLES:
            raise ValueError(f"got {count} samples, expected a positive multiple of the unit's {UNIT_SAMPLES}")
        blocks = samples_BT.split(max(1, BLOCK_UNITS // batch) * UNIT_SAMPLES, dim=1)
        with ExitStack() as stack:
            if len(blocks) > 1 and not self.mel.in_stream:
                stack.enter_context(streaming(Stream.of(self, batch=batch)))
            return torch.cat([self._block(block) for block in blocks], dim=1)

    def _block(self, samples_BT: Tensor) -> Tensor:
        features_BFN = self.layers(self.mel(samples_BT)[:, None]).squeeze(3)
        return features_BFN.transpose(1, 2).unflatten(1, (-1, TOKENS_PER_UNIT))


def load_ear(path: Path) -> Ear:
    """The ear with the weights of a safetensors file; it computes in float32.

    Raises:
        InvalidInput: WEIGHTS_MISSING, or WEIGHTS_DAMAGED (not such a file, cut off, or of another network).
    """
    if not path.is_file():
        raise InvalidInput(
            f"got no weights of the ear at {path}, expected a safetensors file; make it with "
            f"`python -m wan_streamer.train.ear_weights --out {path}`, or name another",
            reason="WEIGHTS_MISSING",
        )
    ear = Ear()
    try:
        ear.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise InvalidInput(
            f"got {path}, expected weights of the ear ({error}); copy them again, or make them again with "
            f"`python -m wan_streamer.train.ear_weights --out {path}`",
            reason="WEIGHTS_DAMAGED",
        ) from error
    return ear.eval()
