"""How far a decoded voice is from the original, as the ear would have it.

Shape letters: B batch, T samples, F bins, N frames. Every loss is a mean over the items of a batch, so that the mean
over two halves of a batch is the loss of the whole: data parallel training rests on it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from wan_streamer.model.causal import mel_filters
from wan_streamer.train.pitch import track_pitch

# Under this amplitude (-80 dB of full scale) spectra do not differ. It also keeps the gradient of a root finite on
# digital silence, where the root of an exact zero has an infinite one.
AMPLITUDE_FLOOR = 1e-4
HOPS_PER_WINDOW = 4
# Of a latent of 40 ms: 1 ms each.
PLACES = 40


@dataclass(frozen=True, kw_only=True)
class AudioLossConfig:
    """Weights of the losses and their resolutions, in samples and bands."""

    spectrum_weight: float = 1.0
    mel_weight: float = 5.0
    pitch_weight: float = 5.0
    beat_weight: float = 4.0
    kl_weight: float = 0.01
    fft_sizes: tuple[int, ...] = (128, 256, 512, 1024)
    # (window in samples, bands)
    mels: tuple[tuple[int, int], ...] = ((256, 20), (512, 40), (1024, 80))


def spectrum(samples_BT: Tensor, fft_size: int) -> Tensor:
    """Complex spectrum [B, F, N] scaled so that a full-scale sine has amplitude 1; four frames a window."""
    window = torch.hann_window(fft_size, dtype=samples_BT.dtype, device=samples_BT.device)
    spectrum_BFN = torch.stft(
        samples_BT, fft_size, fft_size // HOPS_PER_WINDOW, window=window, pad_mode="constant", return_complex=True
    )
    return spectrum_BFN * (2 / window.sum())


def amplitude(spectrum_BFN: Tensor) -> Tensor:
    """Amplitudes, rounded off at AMPLITUDE_FLOOR."""
    power = spectrum_BFN.real.square() + spectrum_BFN.imag.square()
    return torch.sqrt(power + AMPLITUDE_FLOOR**2)


def spectrum_distance(one_BFN: Tensor, other_BFN: Tensor) -> Tensor:
    """L1 between amplitudes: of their logarithms, and of their square roots (the loud parts)."""
    one, other = amplitude(one_BFN), amplitude(other_BFN)
    return (one.log() - other.log()).abs().mean() + (one.sqrt() - other.sqrt()).abs().mean()


def pitch_distance(said_BN: Tensor, samples_BT: Tensor, sample_rate_hz: int) -> Tensor:
    """L1 in octaves between the pitch that the decoder says and that of the original, over the voiced frames."""
    hop = samples_BT.shape[1] // said_BN.shape[1]
    with torch.no_grad():
        pitch, voiced = track_pitch(samples_BT, sample_rate_hz, hop)
    return ((said_BN - pitch).abs() * voiced).mean()


def beat_distance(one_BT: Tensor, other_BT: Tensor, period: int) -> Tensor:
    """Squared difference of the log energies at each of PLACES places of a latent's `period`, the mean over latents.

    A decoder that is a little softer at the borders of its latents beats at their rate; no other loss minds.
    """
    one, other = (
        part.unflatten(1, (-1, PLACES, period // PLACES)).square().mean(dim=(1, 3)) for part in (one_BT, other_BT)
    )
    return ((one + AMPLITUDE_FLOOR**2).log() - (other + AMPLITUDE_FLOOR**2).log()).square().mean()


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of the latents' posterior from the unit normal, in nats a latent number."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


class LogMelDistance(nn.Module):
    """L1 between log-mel energies, the mean over several windows."""

    def __init__(self, sample_rate_hz: int, mels: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        self.fft_sizes = tuple(fft_size for fft_size, _ in mels)
        for fft_size, bands in mels:
            self.register_buffer(f"filters_{fft_size}", mel_filters(sample_rate_hz, fft_size, bands), persistent=False)

    def forward(self, one_BT: Tensor, other_BT: Tensor) -> Tensor:
        distances = [
            (self._log_mel(one_BT, size) - self._log_mel(other_BT, size)).abs().mean() for size in self.fft_sizes
        ]
        return torch.stack(distances).mean()

    def _log_mel(self, samples_BT: Tensor, fft_size: int) -> Tensor:
        energies = amplitude(spectrum(samples_BT, fft_size)).transpose(1, 2) @ self.get_buffer(f"filters_{fft_size}")
        return torch.log(energies + AMPLITUDE_FLOOR)


class AudioReconstructionLoss(nn.Module):
    """The parts of the reconstruction loss, each times its weight."""

    def __init__(self, config: AudioLossConfig, sample_rate_hz: int, token_samples: int) -> None:
        super().__init__()
        self.config = config
        self.sample_rate_hz, self.token_samples = sample_rate_hz, token_samples
        self.log_mel = LogMelDistance(sample_rate_hz, config.mels)

    def forward(self, decoded_BT: Tensor, original_BT: Tensor, pitch_BN: Tensor) -> dict[str, Tensor]:
        config = self.config
        pairs = [(spectrum(decoded_BT, size), spectrum(original_BT, size)) for size in config.fft_sizes]
        return {
            "spectrum": config.spectrum_weight * _mean(spectrum_distance(*pair) for pair in pairs),
            "pitch": config.pitch_weight * pitch_distance(pitch_BN, original_BT, self.sample_rate_hz),
            "beat": config.beat_weight * beat_distance(decoded_BT, original_BT, self.token_samples),
            "log_mel": config.mel_weight * self.log_mel(decoded_BT, original_BT),
        }


def _mean(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(losses)).mean()
