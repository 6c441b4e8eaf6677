"""One rank of a performer group."""

import torch
from torch import Tensor

from wan_streamer.engine.captured import Recorder
from wan_streamer.engine.exchange import Latents
from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.performer import Performer, PerformerSession
from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.latent_pass import UlyssesLatentPass
from wan_streamer.engine.ulysses.rank_group import RankGroup
from wan_streamer.engine.ulysses.tokens import TokenSplit
from wan_streamer.model.layout import Kind
from wan_streamer.model.wan_streamer import WanStreamer


class UlyssesPerformer(Performer):
    """Computes what `Performer` does, together with the other ranks: all make the same calls in the same order.

    A session's cache has the rank's key-value heads only, and `append` takes slices of just these
    (`HeadSplit.kv_slice`). `solve` returns the whole latents on every rank, and `commit` takes them.

    Raises:
        InvalidInput: RANKS, the model's heads cannot be split evenly.
    """

    def __init__(self, model: WanStreamer, group: RankGroup, recorder: Recorder | None = None) -> None:
        super().__init__(model, recorder)
        counts = model.layout.counts
        self.group = group
        self._heads = HeadSplit.of(model.config.backbone, group.rank_count)
        self._tokens = TokenSplit(
            rank_count=group.rank_count,
            replicated_count=counts[Kind.AGENT_AUDIO],
            split_count=counts[Kind.AGENT_VIDEO],
        )
        self._latent_pass = UlyssesLatentPass(model, group, self._heads, self._tokens)

    @property
    def kv_head_count(self) -> int:
        """Key-value heads of this rank."""
        return self._heads.rank_kv_heads

    @torch.inference_mode()
    def solve(self, session: PerformerSession, unit_index: int) -> Latents:
        """As `Performer.solve`; the video latents of all ranks come together at the end."""
        own = super().solve(session, unit_index)
        video = self._tokens.join(self.group.all_gather(own.video), 0)
        return Latents(unit_index=unit_index, audio=own.audio, video=video)

    @torch.inference_mode()
    def commit(self, session: PerformerSession, latents: Latents) -> None:
        """As `Performer.commit`."""
        own = Latents(unit_index=latents.unit_index, audio=latents.audio, video=self._own(latents.video))
        super().commit(session, own)

    def _new_cache(self) -> KvCache:
        return KvCache(self.model, kv_head_count=self.kv_head_count)

    def _noise(self, seed: int, unit_index: int) -> tuple[Tensor, Tensor]:
        audio, video = super()._noise(seed, unit_index)
        return audio, self._own(video)

    def _own(self, video: Tensor) -> Tensor:
        return self._tokens.shares(video, 0)[self.group.rank]
