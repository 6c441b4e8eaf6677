"""What visitors say, as letters come out of it: a causal encoder on the pretrained ear, learned by CTC.

Connectionist temporal classification (Graves et al., ICML 2006) needs no more than sound and words, and learns to hear
in minutes what next-word losses of the whole Transformer do not learn in hours. Speech models take their encoders from
such a task; the head that writes letters serves nothing else.

Shape letters: B batch, U units, N tokens, C channels, T tokens of all units, D width.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.model.causal import CausalConv1d
from wan_streamer.model.config import EarConfig

LETTERS: Final = " 'abcdefghijklmnopqrstuvwxyz0123456789"
# The class that is no letter.
BLANK: Final = len(LETTERS)
# A token is 80 ms; letters come faster than that.
LETTERS_PER_TOKEN: Final = 3
KERNEL: Final = 3


class SpeechBlock(nn.Module):
    """A gated dilated convolution beside its input (WaveNet, arXiv 1609.03499), [B, T, D] -> [B, T, D]."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = CausalConv1d(width, 2 * width, KERNEL, dilation=dilation)
        self.out = nn.Linear(width, width)

    def forward(self, x_BTD: Tensor) -> Tensor:
        gated = F.glu(self.conv(self.norm(x_BTD).transpose(1, 2)), dim=1)
        return x_BTD + self.out(gated.transpose(1, 2))


class SpeechEncoder(nn.Module):
    """Features of the ear [B, U, N, C] -> what they say [B, U, N, D].

    Args:
        width: of the backbone, whose words it foretells.

    Attributes:
        mean, deviation: of each feature in what it is trained on, [C]. Features differ from each other far more than
            each does from moment to moment: without these nothing is learned.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: EarConfig, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(config.heard_features))
        self.register_buffer("deviation", torch.ones(config.heard_features))
        self.enter = nn.Linear(config.heard_features, config.width)
        self.blocks = nn.Sequential(*(SpeechBlock(config.width, dilation) for dilation in config.dilations))
        self.leave = nn.LayerNorm(config.width)
        self.letters = nn.Linear(config.width, LETTERS_PER_TOKEN * (len(LETTERS) + 1))
        self.answers = nn.Linear(config.width, width)

    def set_statistics(self, mean_C: Tensor, deviation_C: Tensor) -> None:
        """Mean and deviation of each feature of the ear."""
        self.mean.copy_(mean_C)
        self.deviation.copy_(deviation_C)

    def forward(self, features_BUNC: Tensor) -> Tensor:
        x_BTD = self.enter((features_BUNC.flatten(1, 2) - self.mean) / self.deviation)
        return self.leave(self.blocks(x_BTD)).unflatten(1, features_BUNC.shape[1:3])

    def spell(self, said_BUND: Tensor) -> Tensor:
        """What `forward` gave -> log-probabilities of letters and of BLANK, [B, LETTERS_PER_TOKEN * U * N, classes]."""
        logits = self.letters(said_BUND).unflatten(3, (LETTERS_PER_TOKEN, -1))
        return F.log_softmax(logits.float().flatten(1, 3), dim=-1)

    def foretell(self, said_BUND: Tensor, words_VD: Tensor) -> Tensor:
        """What `forward` gave -> log-probabilities of the words that will be answered, [B, U, V].

        Args:
            words_VD: embeddings of the vocabulary; their directions count, and they stay as they are.
        """
        directions_VD = F.normalize(words_VD.detach(), dim=-1)
        return F.log_softmax((self.answers(said_BUND[:, :, -1]) @ directions_VD.T).float(), dim=-1)
