"""What a unit's exchanges among ranks cost, from the configuration alone."""

from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.rank_group import Traffic
from wan_streamer.model.config import ModelConfig


def unit_traffic(config: ModelConfig, rank_count: int, number_bytes: int) -> Traffic:
    """Collectives of a unit, and bytes that each rank sends to others (docs/architecture.md, "A group of ranks").

    Args:
        number_bytes: of one number: 4 for float32, 2 for bfloat16.

    Raises:
        InvalidInput: RANKS, the model's heads cannot be split evenly.
    """
    backbone, heads = config.backbone, HeadSplit.of(config.backbone, rank_count)
    audio, video = config.agent_audio.tokens_per_unit, -(-config.agent_video.tokens_per_unit // rank_count)
    # The solver's steps and the clean pass.
    layers = (config.solver_steps + 1) * backbone.layer_count
    inwards = video * heads.packed_heads * backbone.head_size
    back = (audio + video) * heads.rank_heads * backbone.head_size
    gathered = video * config.agent_video.latent_channels
    return Traffic(
        collectives=2 * layers + 1,
        sent_bytes=(rank_count - 1) * (layers * (inwards + back) + gathered) * number_bytes,
    )
