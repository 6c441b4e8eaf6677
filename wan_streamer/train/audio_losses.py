"""How far a decoded voice is from the original, as the ear would have it.

Shape letters: B batch, T samples, F bins, N frames. Every loss is a mean over the items of a batch, so that the mean
over two halves of a batch is the loss of the whole: data parallel training rests on it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from wan_streamer.model.causal import mel_filters

# Under this amplitude (-80 dB of full scale) spectra do not differ. It also keeps the gradient of a root finite on
# digital silence, where the root of an exact zero has an infinite one.
AMPLITUDE_FLOOR = 1e-4
# Power to which amplitudes of complex spectra are compressed, as loudness is roughly.
COMPRESSION = 0.3
HOPS_PER_WINDOW = 4


@dataclass(frozen=True, kw_only=True)
class AudioLossConfig:
    """Weights of the losses and their resolutions, in samples and bands."""

    spectrum_weight: float = 1.0
    mel_weight: float = 5.0
    complex_weight: float = 2.0
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


def complex_distance(one_BFN: Tensor, other_BFN: Tensor) -> Tensor:
    """L1 between real and imaginary parts of compressed spectra: what the phase is missing."""
    return (_compressed(one_BFN) - _compressed(other_BFN)).abs().mean()


def _compressed(spectrum_BFN: Tensor) -> Tensor:
    return torch.view_as_real(spectrum_BFN) * amplitude(spectrum_BFN)[..., None].pow(COMPRESSION - 1)


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

    def __init__(self, config: AudioLossConfig, sample_rate_hz: int) -> None:
        super().__init__()
        self.config = config
        self.log_mel = LogMelDistance(sample_rate_hz, config.mels)

    def forward(self, decoded_BT: Tensor, original_BT: Tensor) -> dict[str, Tensor]:
        config = self.config
        pairs = [(spectrum(decoded_BT, size), spectrum(original_BT, size)) for size in config.fft_sizes]
        return {
            "spectrum": config.spectrum_weight * _mean(spectrum_distance(*pair) for pair in pairs),
            "complex": config.complex_weight * _mean(complex_distance(*pair) for pair in pairs),
            "log_mel": config.mel_weight * self.log_mel(decoded_BT, original_BT),
        }


def _mean(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(losses)).mean()
