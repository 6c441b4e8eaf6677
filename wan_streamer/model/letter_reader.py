"""What was spelled, as the backbone takes it: a causal encoder of letters and of the ear that is there at once.

Letters, unlike what they were heard from, can be written without sound: what is answered to which words is learned from
a hundred times as many questions as are worth being spoken.

Shape letters: B batch, U units, N tokens, C channels, D width.
"""

from torch import Tensor, nn

from wan_streamer.model.config import EarConfig
from wan_streamer.model.speech_encoder import SpeechBlock

# Words are read in the past second, sentences in the past five.
WIDTH, WORD_DILATIONS, SENTENCE_DILATIONS = 128, (1, 2, 4), (8, 16)


class LetterReader(nn.Module):
    """Letters and features [B, U, N, C] -> tokens of the backbone [B, U, N, D]."""

    def __init__(self, config: EarConfig, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(config.heard_features, WIDTH)
        self.words = nn.Sequential(*(SpeechBlock(WIDTH, dilation) for dilation in WORD_DILATIONS))
        self.sentences = nn.Sequential(*(SpeechBlock(WIDTH, dilation) for dilation in SENTENCE_DILATIONS))
        self.leave = nn.LayerNorm(WIDTH)
        self.out = nn.Linear(WIDTH, width)

    def forward(self, heard_BUNC: Tensor) -> Tensor:
        x_BTD = self.sentences(self.words(self.enter(heard_BUNC.flatten(1, 2))))
        return self.out(self.leave(x_BTD)).unflatten(1, heard_BUNC.shape[1:3])
