"""A pretrained ear for words: Whisper's encoder (Radford et al., arXiv 2212.04356) over the last two seconds.

Its attention looks both ways over 30 s, so it cannot run over a stream, and with a causal mask it is no use. Over short
windows of the past it needs no change: every second unit hears the two seconds that end with it, and gives the tokens
that have 0.24 s to their right. So words arrive 0.4 s after their sound; the other ear (`ear.py`) is there at once.

Shape letters: B batch, T samples, U units, W windows, F mel frames, N tokens of a window, D width.
"""

import math
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.errors import InvalidInput
from wan_streamer.model.ear import (
    EAR_SAMPLE_RATE_HZ,
    HOP_SAMPLES,
    MEL_WINDOW_SAMPLES,
    POWER_FLOOR,
    RANGE_DECADES,
    TOKENS_PER_UNIT,
    UNIT_SAMPLES,
)
from wan_streamer.model.mel_bank import mel_bank
from wan_streamer.model.row_integers import restored
from wan_streamer.model.speller import Speller
from wan_streamer.model.streaming import CausalLayer

WIDTH, LAYERS, HEADS, MEL_BANDS = 384, 4, 6, 80
# Two mel frames are a token.
STRIDE: Final = 2
WINDOW_FRAMES: Final = 200
WINDOW_SAMPLES: Final = (WINDOW_FRAMES - 1) * HOP_SAMPLES + MEL_WINDOW_SAMPLES
# Windows come every so many units, and give as many units' tokens.
UNITS_PER_WINDOW: Final = 2
UNIT_TOKENS: Final = UNIT_SAMPLES // HOP_SAMPLES // STRIDE
# Tokens of a window that are left out at its end: they have not heard enough of what follows.
RIGHT_TOKENS: Final = 12
# Windows that go through at once.
BLOCK_WINDOWS: Final = 32


class WhisperBlock(nn.Module):
    """Attention both ways and an MLP, each behind a norm and beside its input; [W, N, D] -> [W, N, D]."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.queries_keys_values = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.mlp_norm = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x_WND: Tensor) -> Tensor:
        heads = self.queries_keys_values(self.attention_norm(x_WND)).unflatten(2, (3, HEADS, -1)).transpose(1, 3)
        seen = F.scaled_dot_product_attention(*heads.unbind(2)).transpose(1, 2).flatten(2)
        x_WND = x_WND + self.out(seen)
        return x_WND + self.mlp(self.mlp_norm(x_WND))


class WhisperEncoder(nn.Module):
    """Log-mel energies as Whisper takes them [W, 80, F] -> tokens [W, F / 2, 384], as published."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv1d(MEL_BANDS, WIDTH, 3, padding=1)
        self.halve = nn.Conv1d(WIDTH, WIDTH, 3, stride=STRIDE, padding=1)
        self.blocks = nn.Sequential(*(WhisperBlock() for _ in range(LAYERS)))
        self.leave = nn.LayerNorm(WIDTH)

    def forward(self, mel_WRF: Tensor) -> Tensor:
        x_WND = F.gelu(self.halve(F.gelu(self.enter(mel_WRF)))).transpose(1, 2)
        return self.leave(self.blocks(x_WND + _sinusoids(x_WND.shape[1]).to(x_WND)))


class WhisperMel(nn.Module):
    """Windows of samples [W, T] in -1..1 -> log-mel energies [W, 80, F], 80 dB deep, as Whisper takes them.

    The loudest frame of the window counts, not that of a whole file.
    """

    window: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(MEL_WINDOW_SAMPLES), persistent=False)
        filters_RF = mel_bank(EAR_SAMPLE_RATE_HZ, MEL_WINDOW_SAMPLES, MEL_BANDS)
        self.register_buffer("filters", torch.tensor(filters_RF.T, dtype=torch.float32), persistent=False)

    def forward(self, samples_WT: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(samples_WT.unfold(1, MEL_WINDOW_SAMPLES, HOP_SAMPLES) * self.window)
        power = spectrum.real.square() + spectrum.imag.square()
        decades = (power @ self.filters).clamp_(min=POWER_FLOOR).log10_()
        lowest = decades.amax(dim=(1, 2), keepdim=True) - RANGE_DECADES
        return ((torch.maximum(decades, lowest) + 4) / 4).transpose(1, 2)


class WhisperEar(nn.Module):
    """Samples [B, T] of whole units, 16 kHz in -1..1 -> chances of letters and of BLANK, [B, U, 2, 4 * K]; frozen.

    Before its beginning a conversation was digitally silent, and in its first two units nothing is heard. Made without
    weights it hears nothing at all: see `load_whisper_ear`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mel = WhisperMel()
        self.encoder = WhisperEncoder()
        self.speller = Speller(WIDTH)
        self.past = CausalLayer((WINDOW_SAMPLES - UNIT_SAMPLES,), time_axis=1)
        self.waiting = CausalLayer((UNIT_TOKENS, WIDTH), time_axis=1)
        self.units = CausalLayer((1,), time_axis=1)
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, samples_BT: Tensor) -> Tensor:
        """No gradient passes.

        Raises:
            ValueError: the samples are no whole units.
        """
        unit_count, rest = divmod(samples_BT.shape[1], UNIT_SAMPLES)
        if not unit_count or rest:
            raise ValueError(
                f"got {samples_BT.shape[1]} samples, expected a positive multiple of the unit's {UNIT_SAMPLES}"
            )
        before = self.units.state_for(samples_BT).past
        # A stream's units are counted: which of them ends a window, and whether a unit's tokens are waiting.
        # Without numbers it is the dearer one.
        odd = UNITS_PER_WINDOW - 1 if before.is_meta else int(before[0, 0]) % UNITS_PER_WINDOW
        self.units.remember((before + unit_count) % UNITS_PER_WINDOW)
        ends_BWT = self.past.with_past(samples_BT).unfold(1, WINDOW_SAMPLES, UNIT_SAMPLES)
        new = self._hear(ends_BWT[:, 1 - odd :: UNITS_PER_WINDOW])
        waiting = self.waiting.state_for(samples_BT).past
        tokens = new if odd else torch.cat([waiting.to(new), new], dim=1)
        now, later = tokens.split([unit_count * UNIT_TOKENS, tokens.shape[1] - unit_count * UNIT_TOKENS], dim=1)
        if later.shape[1]:
            self.waiting.remember(later)
        return self.speller(now).exp().reshape(len(now), unit_count, TOKENS_PER_UNIT, -1)

    def _hear(self, windows_BWT: Tensor) -> Tensor:
        """Tokens of windows, [B, 16 W, D]."""
        kept = slice(-RIGHT_TOKENS - UNITS_PER_WINDOW * UNIT_TOKENS, -RIGHT_TOKENS)
        blocks = windows_BWT.flatten(0, 1).split(BLOCK_WINDOWS)
        tokens = [self.encoder(self.mel(block))[:, kept] for block in blocks if len(block)]
        if not tokens:
            return windows_BWT.new_zeros(len(windows_BWT), 0, WIDTH)
        return torch.cat(tokens).unflatten(0, windows_BWT.shape[:2]).flatten(1, 2)


def load_whisper_ear(path: Path) -> WhisperEar:
    """The ear with the weights of a safetensors file; it computes in float32.

    Raises:
        InvalidInput: WEIGHTS_MISSING, or WEIGHTS_DAMAGED (not such a file, cut off, or of another network).
    """
    make = f"`python -m wan_streamer.train.whisper_ear_weights --out {path}`"
    if not path.is_file():
        raise InvalidInput(
            f"got no weights of Whisper's ear at {path}, expected a safetensors file; make it with {make}",
            reason="WEIGHTS_MISSING",
        )
    ear = WhisperEar()
    try:
        ear.load_state_dict(restored(load_file(path)))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise InvalidInput(
            f"got {path}, expected weights of Whisper's ear ({error}); copy them again, or make them with {make}",
            reason="WEIGHTS_DAMAGED",
        ) from error
    return ear.eval()


def _sinusoids(count: int) -> Tensor:
    """Whisper's positions, [N, D]."""
    rates = torch.exp(-math.log(10_000) / (WIDTH // 2 - 1) * torch.arange(WIDTH // 2))
    turns = torch.arange(count)[:, None] * rates
    return torch.cat([turns.sin(), turns.cos()], dim=1)
