"""What visitors say, as letters come out of it: causal convolutions on the tokens of Whisper's ear, learned by CTC.

Connectionist temporal classification (Graves et al., ICML 2006) needs no more than sound and words, and learns to hear
in minutes what next-word losses of the whole Transformer do not learn in hours. Letters, unlike what they were heard
from, can be written without sound: what is answered to which words is learned from far more questions than are spoken.

Shape letters: B batch, T steps of 20 ms, C channels, D width, K classes.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.model.causal import CausalConv1d
from wan_streamer.model.config import LETTER_CLASSES, LETTERS

# The class that is no letter.
BLANK: Final = len(LETTERS)
KERNEL: Final = 3
WIDTH, DILATIONS = 256, (1, 2, 4, 8)


class GatedBlock(nn.Module):
    """A gated dilated convolution beside its input (WaveNet, arXiv 1609.03499), [B, T, D] -> [B, T, D]."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = CausalConv1d(width, 2 * width, KERNEL, dilation=dilation)
        self.out = nn.Linear(width, width)

    def forward(self, x_BTD: Tensor) -> Tensor:
        gated = F.glu(self.conv(self.norm(x_BTD).transpose(1, 2)), dim=1)
        return x_BTD + self.out(gated.transpose(1, 2))


class Speller(nn.Sequential):
    """What an ear hears [B, T, C] -> log-probabilities of letters and of BLANK, [B, T, K]."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Linear(channels, WIDTH),
            *(GatedBlock(WIDTH, dilation) for dilation in DILATIONS),
            nn.LayerNorm(WIDTH),
            nn.Linear(WIDTH, LETTER_CLASSES),
        )

    def forward(self, heard_BTC: Tensor) -> Tensor:
        logits = super().forward(heard_BTC)
        return F.log_softmax(logits, dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))


def collapsed(classes: "Tensor | list[int]") -> str:
    """The letters that a row of classes spells: what repeats counts once, BLANK not at all."""
    row = classes.tolist() if isinstance(classes, Tensor) else classes
    kept = [one for before, one in zip([BLANK, *row], row, strict=False) if one not in (BLANK, before)]
    return "".join(LETTERS[one] for one in kept)
