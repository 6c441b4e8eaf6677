"""The pitch of a voice, as the codec's decoder is told it in training.

Shape letters: B batch, T samples, N frames, W samples of a window, L lags.
"""

import torch
from torch import Tensor

from wan_streamer.model.vocoder import HIGHEST_PITCH_HZ, LOWEST_PITCH_HZ

WINDOW_MS = 25
# A likeness of the signal with itself, one period later, from which a frame counts as voiced.
VOICED_LIKENESS = 0.65
# Of several lags that are about as like, the shortest is the period; the others are its multiples.
AS_LIKE = 0.93
SOFTEST_VOICED = 1e-3
MEDIAN_FRAMES = 5


def track_pitch(samples_BT: Tensor, sample_rate_hz: int, hop_samples: int) -> tuple[Tensor, Tensor]:
    """Pitch in octaves above 1 Hz at the end of each frame, and whether it is voiced there, each [B, N].

    By normalised cross-correlation (as in RAPT, Talkin 1995), the shortest lag that is nearly the best, and a median
    over MEDIAN_FRAMES.
    """
    shortest, longest = int(sample_rate_hz / HIGHEST_PITCH_HZ), int(sample_rate_hz / LOWEST_PITCH_HZ)
    window = sample_rate_hz * WINDOW_MS // 1000
    likeness_BNL, loudness_BN = _likeness(samples_BT, hop_samples, window, longest + 1)
    inner = likeness_BNL[..., shortest:longest]
    best = inner.amax(dim=2)
    peak = (inner >= likeness_BNL[..., shortest - 1 : longest - 1]) & (
        inner >= likeness_BNL[..., shortest + 1 : longest + 1]
    )
    good = peak & (inner >= AS_LIKE * best[..., None])
    lag = good.to(torch.uint8).argmax(dim=2) + shortest
    pitch = torch.log2(sample_rate_hz / _refined(likeness_BNL, lag))
    voiced = (best > VOICED_LIKENESS) & (loudness_BN > SOFTEST_VOICED) & good.any(dim=2)
    return _median(pitch), voiced


def _likeness(samples_BT: Tensor, hop: int, window: int, lags: int) -> tuple[Tensor, Tensor]:
    """Cross-correlation of each window with itself 0 to `lags` samples earlier, -1 to 1; and the window's loudness."""
    reach = window + lags
    half = window // 2
    # The window's middle is the frame's end; what it compares with lies before.
    padded = torch.nn.functional.pad(samples_BT, (reach - half - hop, half))
    windows_BNR = padded.unfold(1, reach, hop)
    size = 1 << (reach + window - 1).bit_length()
    newest = windows_BNR[..., lags:]
    spectrum = torch.fft.rfft(windows_BNR, size) * torch.fft.rfft(newest, size).conj()
    # Offset lags is no lag; smaller offsets are earlier.
    product = torch.fft.irfft(spectrum, size)[..., : lags + 1].flip(-1)
    energy = torch.cat([torch.zeros_like(windows_BNR[..., :1]), windows_BNR.square().cumsum(dim=-1)], dim=-1)
    earlier = (energy[..., window:] - energy[..., :-window])[..., : lags + 1].flip(-1)
    now = earlier[..., :1]
    return product / torch.sqrt(now * earlier + 1e-9), torch.sqrt(now[..., 0] / window)


def _refined(likeness_BNL: Tensor, lag_BN: Tensor) -> Tensor:
    """The lag between samples, by a parabola through the peak."""
    left, middle, right = (likeness_BNL.gather(2, (lag_BN + step)[..., None])[..., 0] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = torch.where(bend.abs() > 1e-9, 0.5 * (left - right) / bend, torch.zeros_like(bend))
    return lag_BN + shift.clamp(-0.5, 0.5)


def _median(pitch_BN: Tensor) -> Tensor:
    side = MEDIAN_FRAMES // 2
    padded = torch.nn.functional.pad(pitch_BN[:, None], (side, side), mode="replicate")[:, 0]
    return padded.unfold(1, MEDIAN_FRAMES, 1).median(dim=2).values
