"""Whether a KV slice can be a session's next one."""

import torch

from wan_streamer.engine.exchange import KvSlice
from wan_streamer.engine.number_type import check_number_type, number_type_of
from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.layout import USER_KINDS, Kind, UnitLayout


def check_slice(
    kv_slice: KvSlice,
    config: ModelConfig,
    last_unit_index: int,
    *,
    dtype: torch.dtype,
    kv_head_count: int | None = None,
) -> None:
    """Holds a slice against the model and the session.

    Args:
        last_unit_index: the last unit that the session has a slice of; -1 before the first.
        dtype: numbers of the session's keys and values.
        kv_head_count: key-value heads of the rank that gets the slice; the model's when absent.

    Raises:
        InvalidInput: UNIT_INDEX_PAST, TEXT_TOKEN_COUNT, TENSOR_SHAPE or NUMBER_TYPE.
    """
    if kv_slice.unit_index <= last_unit_index:
        raise InvalidInput(
            f"got a slice of unit {kv_slice.unit_index} after unit {last_unit_index}, expected a later one",
            reason="UNIT_INDEX_PAST",
        )
    counts = UnitLayout.of(config).counts
    if not 1 <= kv_slice.text_token_count <= counts[Kind.AGENT_TEXT]:
        raise InvalidInput(
            f"got {kv_slice.text_token_count} text tokens, expected 1 to {counts[Kind.AGENT_TEXT]}",
            reason="TEXT_TOKEN_COUNT",
        )
    backbone = config.backbone
    tokens = sum(counts[kind] for kind in USER_KINDS) + kv_slice.text_token_count
    heads = kv_head_count or backbone.kv_head_count
    expected = (backbone.layer_count, 2, heads, tokens, backbone.head_size)
    if tuple(kv_slice.keys_values.shape) != expected:
        raise InvalidInput(
            f"got a slice of shape {tuple(kv_slice.keys_values.shape)}, expected {expected}: "
            "thinker and performer must run the same model",
            reason="TENSOR_SHAPE",
        )
    check_number_type(number_type_of(kv_slice.keys_values.dtype), number_type_of(dtype))
