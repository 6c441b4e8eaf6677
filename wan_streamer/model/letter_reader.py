"""What visitors say, as the backbone takes it: grams of letters that fade, and the ear that is there at once.

Beside the backbone it is trained to say which answer comes; answers are bags of embedded words (StarSpace, Wu et al.,
arXiv 1709.03856). The head serves nothing else.

Shape letters: B batch, U units, N tokens, C channels, T tokens of all units, W width, D the backbone's, V vocabulary,
A answers.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.model.config import HEARD_LETTERS, STEPS_PER_TOKEN, EarConfig
from wan_streamer.model.letter_grams import FadingSum, LetterGrams
from wan_streamer.model.speller import GatedBlock


class LetterReader(nn.Module):
    """Letters and features of the ear [B, U, N, C] -> tokens of the backbone [B, U, N, D].

    Features that nobody heard are nan, and count as their mean: letters are also made without sound.

    Args:
        width: of the backbone, D.
        vocabulary_size: text tokens that answers consist of, V.

    Attributes:
        mean, deviation: of each feature of the ear in what is trained on, [C']. They differ from each other far more
            than each does from moment to moment.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: EarConfig, width: int, vocabulary_size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("deviation", torch.ones(config.features))
        self.find_grams = LetterGrams(config.grams, config.buckets)
        self.grams = nn.EmbeddingBag(config.buckets, config.width, mode="sum", padding_idx=0)
        self.fade = FadingSum(config.width, config.memories)
        self.even = nn.LayerNorm(config.width)
        self.enter = nn.Linear(config.width + config.features, 2 * config.width)
        self.blocks = nn.Sequential(*(GatedBlock(2 * config.width, dilation) for dilation in config.dilations))
        self.leave = nn.LayerNorm(2 * config.width)
        self.out = nn.Linear(2 * config.width, width)
        self.answers = nn.Sequential(nn.SiLU(), nn.Linear(width, width))
        self.words = nn.Embedding(vocabulary_size, width)

    def set_statistics(self, mean_C: Tensor, deviation_C: Tensor) -> None:
        """Mean and deviation of each feature of the ear."""
        self.mean.copy_(mean_C)
        self.deviation.copy_(deviation_C)

    def forward(self, heard_BUNC: Tensor) -> Tensor:
        letters_BTC, ear_BTC = heard_BUNC.flatten(1, 2).tensor_split([HEARD_LETTERS], dim=2)
        steps = letters_BTC.unflatten(2, (STEPS_PER_TOKEN, -1)).flatten(1, 2)
        numbers = self.find_grams(steps).unflatten(1, (-1, STEPS_PER_TOKEN)).flatten(2)
        new_BTW = self.grams(numbers.flatten(0, 1)).unflatten(0, numbers.shape[:2])
        known = ((ear_BTC - self.mean) / self.deviation).nan_to_num()
        x_BTW = self.enter(torch.cat([self.even(self.fade(new_BTW)), known], dim=2))
        return self.out(self.leave(self.blocks(F.silu(x_BTW)))).unflatten(1, heard_BUNC.shape[1:3])

    def tell_apart(self, read_BUND: Tensor, known_AV: Tensor) -> Tensor:
        """What `forward` gave -> log-probabilities of which of some answers comes, [B, U, A].

        Args:
            known_AV: shares of text tokens in each answer.
        """
        wanted_BUD = self.answers(read_BUND[:, :, -1])
        return F.log_softmax((wanted_BUD @ (known_AV @ self.words.weight).T).float(), dim=-1)
