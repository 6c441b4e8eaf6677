"""What visitors say, as letters come out of it: a causal encoder on the pretrained ears, learned by CTC.

Connectionist temporal classification (Graves et al., ICML 2006) needs no more than sound and words, and learns to hear
in minutes what next-word losses of the whole Transformer do not learn in hours. Speech models take their encoders from
such a task; the head that writes letters serves nothing else.

Shape letters: B batch, U units, N tokens, C channels, T steps of all units, D width of steps.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.model.causal import CausalConv1d
from wan_streamer.model.config import LETTER_CLASSES, LETTERS, STEPS_PER_TOKEN, WHISPER_FEATURES, EarConfig

# The class that is no letter.
BLANK: Final = len(LETTERS)
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
    """Features of the ears [B, U, N, C] -> what they say [B, U, N, STEPS_PER_TOKEN * D].

    Args:
        width: of the backbone, whose words it foretells.

    Attributes:
        token_width: STEPS_PER_TOKEN * D.
        mean, deviation: of each feature in what it is trained on, [C]. Features differ from each other far more than
            each does from moment to moment: without these nothing is learned.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: EarConfig, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(config.listened_features))
        self.register_buffer("deviation", torch.ones(config.listened_features))
        self.ear_features, self.token_width = config.features, STEPS_PER_TOKEN * config.width
        self.enter = nn.Linear(config.features + WHISPER_FEATURES // STEPS_PER_TOKEN, config.width)
        self.blocks = nn.Sequential(*(SpeechBlock(config.width, dilation) for dilation in config.dilations))
        self.leave = nn.LayerNorm(config.width)
        self.letters = nn.Linear(config.width, LETTER_CLASSES)
        self.answers = nn.Linear(self.token_width, width)

    def set_statistics(self, mean_C: Tensor, deviation_C: Tensor) -> None:
        """Mean and deviation of each feature of the ear."""
        self.mean.copy_(mean_C)
        self.deviation.copy_(deviation_C)

    def forward(self, features_BUNC: Tensor) -> Tensor:
        ear, whisper = ((features_BUNC - self.mean) / self.deviation).tensor_split([self.ear_features], dim=3)
        # Whisper's tokens come in time's order; the other ear has one for all of them.
        steps = whisper.unflatten(3, (STEPS_PER_TOKEN, -1))
        steps = torch.cat([ear.unsqueeze(3).expand(-1, -1, -1, STEPS_PER_TOKEN, -1), steps], dim=4)
        x_BTD = self.leave(self.blocks(self.enter(steps.flatten(1, 3))))
        return x_BTD.reshape(*features_BUNC.shape[:3], -1)

    def heard(self, features_BUNC: Tensor) -> Tensor:
        """Features of the ears [B, U, N, C] -> what the backbone takes: chances of letters, and the ear that is there
        at once, normalised, [B, U, N, STEPS_PER_TOKEN * classes + features]."""
        chances = self.spell(self(features_BUNC)).exp().reshape(*features_BUNC.shape[:3], -1)
        own = slice(self.ear_features)
        return torch.cat([chances, (features_BUNC[..., own] - self.mean[own]) / self.deviation[own]], dim=3)

    def spell(self, said_BUND: Tensor) -> Tensor:
        """What `forward` gave -> log-probabilities of letters and of BLANK, [B, STEPS_PER_TOKEN * U * N, classes]."""
        steps = said_BUND.unflatten(3, (STEPS_PER_TOKEN, -1)).flatten(1, 3)
        return F.log_softmax(self.letters(steps).float(), dim=-1)

    def foretell(self, said_BUND: Tensor, words_VD: Tensor) -> Tensor:
        """What `forward` gave -> log-probabilities of the words that will be answered, [B, U, V].

        Args:
            words_VD: embeddings of the vocabulary; their directions count, and they stay as they are.
        """
        directions_VD = F.normalize(words_VD.detach(), dim=-1)
        return F.log_softmax((self.answers(said_BUND[:, :, -1]) @ directions_VD.T).float(), dim=-1)
