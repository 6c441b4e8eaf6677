"""The state pass over the user's part of a unit, and the agent's words that follow from it.

Shape letters: T tokens, D width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from wan_streamer.engine.choose_token import likeliest
from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.unit_place import UnitPlace
from wan_streamer.model.layout import USER_KINDS, Kind
from wan_streamer.model.vocabulary import Vocabulary
from wan_streamer.model.wan_streamer import WanStreamer

HEARD_KINDS = (*USER_KINDS, Kind.AGENT_TEXT)


class TokenPass:
    """Runs the backbone over tokens that have no noise level: the user's, and words."""

    def __init__(self, model: WanStreamer, vocabulary: Vocabulary) -> None:
        self.model = model
        self.vocabulary = vocabulary
        self.offsets_T3 = model.layout.offsets_T3()[model.layout.slice(*HEARD_KINDS)].to(model.layer_modulation.device)
        self._modulation = model.no_modulation()

    def __call__(self, x_1TD: Tensor, cache: KvCache, place: UnitPlace, tokens: slice, query: int) -> Tensor:
        """Context of the last of the tokens of a place that `tokens` names, [1, D]; all see what `query` sees."""
        attend = cache.attention(place, tokens, query)
        return self.model.transformer(x_1TD, place.turned(tokens), self._modulation, attend)[:, -1]


class UnitWords:
    """What one session hears and says in a unit, and the passes over it, in memory that keeps its place.

    Args:
        may_read: whether `text` may look at the words as it chooses them, and stop behind the last. Otherwise it runs
            to the end of the unit; what comes after LISTEN or END is LISTEN, and `words` leaves it out.

    Attributes:
        place: of the unit; to be moved there before the passes.
        user_1TD: the user's tokens, embedded.
    """

    def __init__(self, token_pass: TokenPass, cache: KvCache, *, may_read: bool) -> None:
        model, self._vocabulary = token_pass.model, token_pass.vocabulary
        self._pass = token_pass
        self._cache = cache
        self._may_read = may_read
        self._word_count = model.layout.counts[Kind.AGENT_TEXT]
        self._user_count = sum(model.layout.counts[kind] for kind in USER_KINDS)
        words = [(Kind.AGENT_TEXT, index) for index in range(self._word_count)]
        self.place = cache.place(HEARD_KINDS, [(USER_KINDS[0], 0), *words], token_pass.offsets_T3)
        width, like = model.config.backbone.width, model.layer_modulation
        self.user_1TD = torch.zeros(1, self._user_count, width, dtype=like.dtype, device=like.device)
        self._context_1D = torch.zeros(1, width, dtype=like.dtype, device=like.device)
        self._words = torch.full((self._word_count,), self._vocabulary.listen, device=like.device)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All memory of the unit and its place."""
        return (*self.place.tensors, self.user_1TD, self._context_1D, self._words)

    def state(self) -> None:
        """The user's tokens become history; the last one's context says what to say."""
        self._context_1D.copy_(self._pass(self.user_1TD, self._cache, self.place, slice(0, self._user_count), 0))

    def text(self) -> None:
        """Likeliest words of the unit: at least one token (LISTEN: no words)."""
        model, listen, end = self._pass.model, self._vocabulary.listen, self._vocabulary.end
        self._words.fill_(listen)
        context_1D, goes_on = self._context_1D, torch.ones_like(self._words[0], dtype=torch.bool)
        for index in range(self._word_count):
            word = likeliest(model.text_head(context_1D)[0], listen)
            self._words[index].copy_(word.masked_fill(~goes_on, listen))
            context_1D = self._write(index)
            goes_on = goes_on & (word != listen) & (word != end)
            if self._may_read and not goes_on:
                break

    def dictate(self, words: Sequence[int]) -> None:
        """Words that somebody else has chosen for the unit, LISTEN or END included."""
        for index, word in enumerate(words):
            self._words[index] = word
            self._write(index)

    def _write(self, index: int) -> Tensor:
        token = self._pass.model.embed_text(self._words[None, index : index + 1])
        at = self._user_count + index
        return self._pass(token, self._cache, self.place, slice(at, at + 1), 1 + index)

    def words(self) -> list[int]:
        """What `text` chose, up to LISTEN or END. Waits for the GPU: once a unit."""
        words: list[int] = self._words.tolist()
        stops = (self._vocabulary.listen, self._vocabulary.end)
        last = next((index for index, word in enumerate(words) if word in stops), len(words) - 1)
        return words[: last + 1]
