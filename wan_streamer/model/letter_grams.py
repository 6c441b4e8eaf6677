"""What was spelled as a bag of n-grams of letters that fade: robust to letters that are wrong, missing or late.

Bags of hashed n-grams (Bojanowski et al., arXiv 1607.04606; as classifiers: Joulin et al., arXiv 1607.01759) learn from
few sentences what convolutions over time do not: how far apart letters come says nothing, a wrong one spoils few grams.

Shape letters: B batch, T steps of 20 ms or tokens, K classes, G sizes of grams, D width.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from wan_streamer.model.config import LETTERS
from wan_streamer.model.speller import BLANK
from wan_streamer.model.streaming import CausalLayer

SPACE = LETTERS.index(" ")
# A gram's first letter is no further back: what was said before a pause is another word.
WITHIN_STEPS = 75
# Knuth's multiplicative hash; letters are the digits of a number before it.
BASE, MULTIPLIER = 41, 2_654_435_761


class LetterGrams(CausalLayer):
    """Chances of letters [B, T, K] -> the numbers of the n-grams that end in each step, [B, T, G]; 0 where none does.

    Letters are what is likeliest, repeats count once, and spaces are left out: where words end is heard worst.

    Args:
        sizes: n of each gram.
        buckets: so many numbers there are.
    """

    def __init__(self, sizes: tuple[int, ...], buckets: int) -> None:
        # Whether the first letter of a gram is one depends on the step before it.
        super().__init__((WITHIN_STEPS + 1,), time_axis=1)
        self.sizes, self.buckets = sizes, buckets

    def forward(self, chances_BTK: Tensor) -> Tensor:
        steps = chances_BTK.shape[1]
        # Before the beginning nothing was spelled: a state of zeros is spaces.
        classes = self.with_past(chances_BTK.argmax(dim=2).to(chances_BTK)).long()
        before = F.pad(classes[:, :-1], (1, 0), value=SPACE)
        is_letter = (classes != BLANK) & (classes != before) & (classes != SPACE)
        at = torch.arange(classes.shape[1], device=classes.device).expand_as(classes)
        newest = torch.where(is_letter, at, -1).cummax(dim=1).values
        previous = F.pad(newest[:, :-1], (1, 0), value=-1)
        number, first, grams = classes, torch.where(is_letter, at, -1), []
        for size in range(2, max(self.sizes) + 1):
            known = first >= 0
            first = torch.where(known, previous.gather(1, first.clamp(min=0)), -1)
            number = number + classes.gather(1, first.clamp(min=0)) * BASE ** (size - 1)
            if size in self.sizes:
                there = (first >= 0) & (at - first <= WITHIN_STEPS)
                hashed = 1 + (number * MULTIPLIER + size) % (self.buckets - 1)
                grams.append(torch.where(there, hashed, 0)[:, -steps:])
        return torch.stack(grams, dim=2)


class FadingSum(CausalLayer):
    """The sum of all tokens so far, each fading: [B, T, D] -> [B, T, D]. Channels fade at several rates.

    Args:
        width: D.
        memories: tokens after which a share 1/e is left, for equal parts of the channels.
    """

    rates: Tensor

    def __init__(self, width: int, memories: tuple[float, ...]) -> None:
        super().__init__((1, width), time_axis=1)
        self.register_buffer("rates", 1 / torch.tensor(memories), persistent=False)

    def forward(self, x_BTD: Tensor) -> Tensor:
        past, count = self.state_for(x_BTD).past, x_BTD.shape[1]
        ages = torch.arange(count, device=x_BTD.device)
        # [parts, T, T]: what is left of each token in each later one.
        apart = ages[:, None] - ages
        left = torch.exp(-self.rates[:, None, None] * apart.clamp(min=0)) * (apart >= 0)
        parts = x_BTD.unflatten(2, (len(self.rates), -1))
        summed = torch.einsum("gij,bjgd->bigd", left.to(x_BTD), parts)
        left_of_past = torch.exp(-self.rates * (ages[:, None] + 1))[..., None].to(x_BTD)
        summed = (summed + left_of_past * past.unflatten(2, (len(self.rates), -1)).to(x_BTD)).flatten(2)
        self.remember(summed[:, -1:])
        return summed
