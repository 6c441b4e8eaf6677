"""Which text token is written: silence against all words together, then the likeliest word."""

from typing import Final

import torch
from torch import Tensor

# People answer after 0.3 to 1.5 s, so each of some units has a part of the likelihood to begin, and none the half of
# it. Chosen on conversations of validation (docs/log.md).
SPEAKS_FROM: Final = 0.25


def likeliest(logits_V: Tensor, listen: int) -> Tensor:
    """LISTEN, unless the likelihood of all other tokens together reaches SPEAKS_FROM; then the likeliest of them.

    The largest of all logits would be LISTEN long after the agent should speak: the likelihood to begin is shared by
    the first words of all answers it may be, that of silence is not.

    Args:
        logits_V: of the next token.
        listen: the token that stands for no words.

    Returns:
        The token, int64 []: it stays on its device, nobody waits for it.
    """
    chances_V = logits_V.float().softmax(0)
    is_silent = chances_V[listen] > 1 - SPEAKS_FROM
    words_V = chances_V.clone()
    words_V[listen].fill_(0)
    word = words_V.argmax()
    return torch.where(is_silent, torch.full_like(word, listen), word)
