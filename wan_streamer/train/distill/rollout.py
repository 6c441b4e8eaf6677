"""The student in conversation: the engine's cache and passes, unit by unit, the visitors and the words from data.

Shape letters: N tokens of a kind, C channels.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.latent_pass import LatentPass, UnitLatents
from wan_streamer.engine.number_type import media_dtype, media_stream
from wan_streamer.engine.unit_words import HEARD_KINDS, TokenPass, UnitWords
from wan_streamer.model.layout import LATENT_KINDS, Kind
from wan_streamer.model.streaming import streaming
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.distill.matching import Pair, make_at
from wan_streamer.train.words import NOTHING

# A unit of an encoded conversation (`wan_streamer/train/encoded.py`).
Record = NDArray[Any]


class Passes:
    """The engine's passes with the weights as they are now; to be made anew when these have changed.

    What noise levels do to the blocks is computed here, with a gradient where there is one.
    """

    def __init__(self, model: WanStreamer) -> None:
        self.model = model
        self.tokens = TokenPass(model, vocabulary_named(model.config.vocabulary))
        self.latents = LatentPass(model)


class Rollout:
    """A session of one conversation, as a thinker has it: everything in one cache.

    All that it does follows the engine's order (`Thinker.think`, `UnitLatents`, `Thinker.commit`); only the words are
    dictated, and one velocity of a unit may have a gradient.
    """

    def __init__(self, model: WanStreamer) -> None:
        self._model = model
        self._cache = KvCache(model)
        self._stream = media_stream(model)
        self.unit_count = 0

    def next_unit(self, passes: Passes, record: Record, noise: Pair, exit_step: int) -> Pair:
        """The latents of the next unit, audio [N, C] and video [N, C].

        Args:
            record: what is heard and seen of the visitors, and the agent's words.
            noise: audio and video that the solver starts from.
            exit_step: the solver's step whose clean latents are taken; its velocity has a gradient in grad mode.
        """
        with torch.no_grad():
            self._hear(passes, record)
        unit = UnitLatents(passes.latents, self._cache)
        with torch.no_grad():
            self._cache.move(unit.place, self.unit_count)
        made = make_at(noise, passes.latents.times, unit.velocity, exit_step)
        with torch.no_grad():
            for own, clean in zip(unit.latents, made, strict=True):
                own.copy_(clean)
            unit.clean()
        self._cache.commit(LATENT_KINDS, self.unit_count)
        self.unit_count += 1
        return made

    def _hear(self, passes: Passes, record: Record) -> None:
        model, k = self._model, self.unit_count
        heard = UnitWords(passes.tokens, self._cache, may_read=True)
        self._cache.move(heard.place, k)
        with streaming(self._stream):
            tokens = model.embed_user(*(_one_unit(record[name], model) for name in ("seen", "heard")))
        heard.user_1TD.copy_(tokens[:, 0])
        heard.state()
        words = record["words"][record["words"] != NOTHING].tolist()
        heard.dictate(words)
        self._cache.keep_first(Kind.AGENT_TEXT, k, len(words))
        self._cache.commit(HEARD_KINDS, k)


def _one_unit(values: NDArray[Any], model: WanStreamer) -> Tensor:
    return torch.from_numpy(np.array(values)).to(model.layer_modulation.device, media_dtype(model))[None, None]
