"""Features -> a voice: pulses at the voice's pitch and noise, each through a filter that changes every 10 ms.

The source-filter model of speech (harmonic plus noise: Serra and Smith 1990; learned: DDSP, arXiv 2001.04643; neural
source filter, arXiv 1810.11946), made causal: filters are minimum phase, nothing is overlapped with what comes later.
The phase of the pulses runs on by itself, so that a tone stays a tone although no latent says where its phase is.

Shape letters: B batch, N frames (10 ms), C channels, S sources (pulses, noise), K taps of a filter, H samples of a
frame.
"""

import math

import torch
from torch import Tensor, nn

from wan_streamer.model.streaming import CausalLayer

# A filter's length: as long as a formant rings.
FILTER_MS = 16
LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 50.0, 500.0
# Pulses have overtones up to this part of the sample rate.
TOP_OVERTONE = 0.47
# exp() of these bounds a filter's gain at a frequency; the lower one is digital silence.
LEAST_LOG_GAIN, GREATEST_LOG_GAIN = -13.0, 3.0
# What logarithms are counted from: before training the voice is about as soft as speech.
SOFT_LOG_GAIN = -4.0
# The phase at a frame's begin is a multiple of this part of a cycle: sums of them are exact, so that a stream and a
# whole sequence never drift apart.
PHASE_GRID = 1 << 20
NOISE_FRAMES = 400
NOISE_SEED = 0
# Under it (-100 dB) there is nothing whose power could be kept; two opposite sounds do not become a loud one.
SMALL_POWER, GREATEST_FADE_GAIN = 1e-10, 1.5
# Below this the closed form of the pulses is nearly 0 / 0.
SMALL_SINE = 1e-4
SOURCES = 2


class Remembered(CausalLayer):
    """The value of the frame before, for each frame; zeros before the first."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__((1, *shape), time_axis=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.with_past(x)[:, :-1]


class RunningPhase(CausalLayer):
    """Cycles of each frame [B, N] -> the phase at its begin, 0 to 1, on the grid of PHASE_GRID."""

    def __init__(self) -> None:
        super().__init__((1,), time_axis=1)

    def forward(self, cycles_BN: Tensor) -> Tensor:
        steps = torch.cat([torch.zeros_like(cycles_BN[:, :1]), cycles_BN], dim=1).double().mul(PHASE_GRID).round()
        past = self.state_for(cycles_BN).past
        phase = (past.double() + steps.cumsum(dim=1) / PHASE_GRID).remainder(1.0).to(cycles_BN.dtype)
        self.remember(phase[:, -1:])
        return phase[:, :-1]


class Noise(CausalLayer):
    """The same endless noise in every conversation, so that a stream and a whole sequence sound alike."""

    table: Tensor

    def __init__(self, hop_samples: int) -> None:
        super().__init__((1,), time_axis=1)
        table = torch.randn(NOISE_FRAMES, hop_samples, generator=torch.Generator().manual_seed(NOISE_SEED))
        self.register_buffer("table", table, persistent=False)

    def forward(self, like_BN: Tensor) -> Tensor:
        """[B, N, H] for as many frames as `like_BN` has."""
        begin_B1 = self.state_for(like_BN).past
        count = like_BN.shape[1]
        frames_BN = begin_B1.long() + torch.arange(count, device=like_BN.device)
        self.remember((begin_B1 + count) % NOISE_FRAMES)
        return self.table[frames_BN % NOISE_FRAMES]


class SourceFilterHead(nn.Module):
    """Features [B, N, C] of 10 ms frames -> samples [B, N * H], and the pitch [B, N] in octaves above 1 Hz.

    A frame's pitch and filters are those at its end; over the frame they go there from those of the frame before.
    """

    def __init__(self, width: int, sample_rate_hz: int, hop_samples: int) -> None:
        super().__init__()
        self.sample_rate_hz, self.hop_samples = sample_rate_hz, hop_samples
        self.taps = sample_rate_hz * FILTER_MS // 1000
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.pitch = nn.Linear(width, 1)
        self.gains = nn.Linear(width, SOURCES * (self.taps // 2 + 1))
        self.phase, self.noise = RunningPhase(), Noise(hop_samples)
        self.pitch_before = Remembered(())
        self.filters_before = Remembered((SOURCES, self.taps))
        self.sources_before = CausalLayer((SOURCES, self.taps - 1), time_axis=2)

    def forward(self, x_BNC: Tensor) -> tuple[Tensor, Tensor]:
        # Filters are made by FFT, which knows no half precision.
        with torch.autocast(x_BNC.device.type, enabled=False):
            features = self.norm(x_BNC if x_BNC.dtype == torch.float64 else x_BNC.float())
            pitch_BN = self._pitch(features)
            filters_BNSK = self._filters(features)
            with torch.no_grad():
                sources_BST = torch.stack([self._pulses(pitch_BN), self.noise(pitch_BN).flatten(1)], dim=1)
            return self._filtered(sources_BST, filters_BNSK), pitch_BN

    def _pitch(self, features_BNC: Tensor) -> Tensor:
        low, high = math.log2(LOWEST_PITCH_HZ), math.log2(HIGHEST_PITCH_HZ)
        return low + (high - low) * self.pitch(features_BNC)[..., 0].sigmoid()

    def _filters(self, features_BNC: Tensor) -> Tensor:
        log_gains = self.gains(features_BNC).unflatten(2, (SOURCES, -1)) + SOFT_LOG_GAIN
        return minimum_phase(log_gains.clamp(LEAST_LOG_GAIN, GREATEST_LOG_GAIN))

    def _pulses(self, pitch_BN: Tensor) -> Tensor:
        """Cosines at all multiples of the pitch, with unit power together; [B, N * H]."""
        now_hz = torch.exp2(pitch_BN)
        before_hz = self.pitch_before(now_hz)
        before_hz = torch.where(before_hz == 0, now_hz, before_hz)
        begin = self.phase((before_hz + now_hz) * (0.5 * self.hop_samples / self.sample_rate_hz))
        time = torch.arange(1, self.hop_samples + 1, device=pitch_BN.device, dtype=pitch_BN.dtype)
        bend = (now_hz - before_hz)[..., None] * time.square() / (2 * self.hop_samples)
        phase_BNH = begin[..., None] + (before_hz[..., None] * time + bend) / self.sample_rate_hz
        overtones = torch.floor(TOP_OVERTONE * self.sample_rate_hz / torch.maximum(before_hz, now_hz))[..., None]
        return (cosine_sum(phase_BNH, overtones) * torch.sqrt(2 / overtones)).flatten(1)

    def _filtered(self, sources_BST: Tensor, filters_BNSK: Tensor) -> Tensor:
        """Each frame of the sources through its filters, which fade in over those of the frame before; [B, N * H]."""
        reach = self.hop_samples + self.taps - 1
        size = 1 << (reach - 1).bit_length()
        windows_BSNR = self.sources_before.with_past(sources_BST).unfold(2, reach, self.hop_samples)
        spectra = torch.fft.rfft(windows_BSNR, size).transpose(1, 2)
        both = torch.cat([self.filters_before(filters_BNSK), filters_BNSK], dim=1)
        before, now = (
            torch.fft.irfft((spectra * part).sum(dim=2), size)[..., self.taps - 1 : reach]
            for part in torch.fft.rfft(both, size).chunk(2, dim=1)
        )
        return fade(before, now).flatten(1)


def fade(before: Tensor, now: Tensor) -> Tensor:
    """From one sound to another over their length [..., H], both of the same sources; the power goes there in a line.

    A plain cross-fade of two filters' noise is softer in its middle, which beats at the rate of the frames.
    """
    share = torch.arange(1, now.shape[-1] + 1, device=now.device, dtype=now.dtype) / now.shape[-1]
    mixed = before + (now - before) * share
    with torch.no_grad():
        first, last = before.square().mean(-1, keepdim=True), now.square().mean(-1, keepdim=True)
        both = (before * now).mean(-1, keepdim=True)
        wanted = first + (last - first) * share
        got = (1 - share).square() * first + share.square() * last + 2 * share * (1 - share) * both
        gain = torch.sqrt((wanted + SMALL_POWER) / (got + SMALL_POWER))
    return mixed * gain.clamp(max=GREATEST_FADE_GAIN)


def minimum_phase(log_gains: Tensor) -> Tensor:
    """Log gains [..., K / 2 + 1] from 0 to half the rate -> taps [..., K] of the filter that has them and least delay.

    By folding the cepstrum (Oppenheim and Schafer, Discrete-Time Signal Processing, section 13.5).
    """
    size = 2 * (log_gains.shape[-1] - 1)
    cepstrum = torch.fft.irfft(log_gains, size)
    fold = torch.zeros(size, dtype=cepstrum.dtype, device=cepstrum.device)
    fold[0] = fold[size // 2] = 1.0
    fold[1 : size // 2] = 2.0
    return torch.fft.irfft(torch.exp(torch.fft.rfft(cepstrum * fold)), size)


def cosine_sum(phase: Tensor, count: Tensor) -> Tensor:
    """The sum over k = 1 ... `count` of cos(2 pi k `phase`), in closed form (Dirichlet's kernel)."""
    half = torch.sin(math.pi * phase)
    near = half.abs() < SMALL_SINE
    kernel = torch.sin(math.pi * (2 * count + 1) * phase) / torch.where(near, torch.ones_like(half), half)
    return 0.5 * torch.where(near, 2 * count + 1, kernel) - 0.5
