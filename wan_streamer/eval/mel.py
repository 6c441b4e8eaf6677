"""Mel spectrograms in numpy, as librosa makes them (Slaney's scale and area norm, centred, zeros beyond the ends)."""

import numpy as np

from wan_streamer.eval.sound import Samples
from wan_streamer.model.mel_bank import mel_bank


def mel_power(sound: Samples, rate_hz: int, *, window_samples: int, hop_samples: int, bands: int) -> Samples:
    """Power in mel bands, [frames, bands]; frame f is centred at sample f * hop_samples."""
    half = window_samples // 2
    padded = np.pad(sound, half)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window_samples)[::hop_samples]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_samples) / window_samples)
    power = np.abs(np.fft.rfft(frames * hann.astype(np.float32), axis=1)) ** 2
    return np.asarray(power @ mel_bank(rate_hz, window_samples, bands).T, np.float32)
