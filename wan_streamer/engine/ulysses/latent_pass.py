"""The pass over a rank's share of a unit's latents."""

from wan_streamer.engine.latent_pass import LatentPass
from wan_streamer.engine.ulysses.attention import UlyssesAttention
from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.rank_group import RankGroup
from wan_streamer.engine.ulysses.tokens import TokenSplit
from wan_streamer.engine.unit_place import CacheAttention
from wan_streamer.model.wan_streamer import WanStreamer


class UlyssesLatentPass(LatentPass):
    """Audio tokens are on all ranks, video tokens are split; all ranks make the same calls in the same order."""

    def __init__(self, model: WanStreamer, group: RankGroup, heads: HeadSplit, tokens: TokenSplit) -> None:
        super().__init__(model)
        self._group = group
        self._heads = heads
        self._tokens = tokens
        self.offsets_T3 = tokens.own(self.offsets_T3, group.rank, 0)

    def attention(self, attend: CacheAttention) -> UlyssesAttention:
        """Attention of this rank's heads over its cache and all latents of a unit."""
        return UlyssesAttention(group=self._group, heads=self._heads, tokens=self._tokens, inner=attend)
