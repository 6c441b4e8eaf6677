"""What `benchmarks/peers.py` times computes the same on both sides."""

import pytest
import torch

from benchmarks.paired import HEADER, in_turns, line
from benchmarks.peer_codec import decodings
from benchmarks.peer_state_pass import OurPasses, Qwen3Passes, operators, pairs
from tests.support.ranks import on_ranks
from tests.support.tiny import tiny_config
from wan_streamer.engine.ulysses.rank_group import RankGroup
from wan_streamer.model.layout import POSITIONS_PER_UNIT, Kind
from wan_streamer.model.presets import untrained
from wan_streamer.model.wan_streamer import WanStreamer

UNITS = 4


def tiny_model() -> WanStreamer:
    """With norms that are not one, where a forgotten one would not show."""
    model = untrained(tiny_config(), 0)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.transformer.named_parameters():
        if "norm" in name:
            parameter += torch.randn(parameter.shape, generator=generator) / 4
    return model


@torch.inference_mode()
def test_text_tokens_have_the_contexts_of_transformers_with_a_static_cache() -> None:
    """Token by token through our cache and through theirs: the same contexts, over several units."""
    pytest.importorskip("transformers", reason="the peer is a development dependency")
    model = tiny_model()
    ours, words = OurPasses(model, first_unit=0), model.config.max_text_tokens
    theirs = Qwen3Passes(model.transformer, slots=UNITS * words)
    generator = torch.Generator().manual_seed(1)
    for unit in range(UNITS):
        for index in range(words):
            x = torch.randn(1, 1, model.config.backbone.width, generator=generator)
            expected = theirs.forward(x, slot=unit * words + index, position=unit * POSITIONS_PER_UNIT + index)
            torch.testing.assert_close(ours.forward(x, ours.of_word(index)), expected, atol=1e-5, rtol=0)
        ours.cache.commit((Kind.AGENT_TEXT,), unit)
        ours.unit_index += 1


@torch.inference_mode()
def test_every_comparison_of_passes_runs() -> None:
    """Whole passes and their parts run on both sides past every window, and give a row of the table."""
    pytest.importorskip("transformers", reason="the peer is a development dependency")
    ours = OurPasses(tiny_model(), first_unit=12)
    theirs = Qwen3Passes(ours.model.transformer, ours.cache.slot_count)
    for name, tokens, (our, peer) in pairs(ours, theirs):
        assert line(in_turns(name, our, peer, rounds=2, per=tokens)).count("|") == HEADER.splitlines()[0].count("|") - 1
        assert 0 < operators(our) < 10_000


@pytest.mark.parametrize("rank_count", [2, 4])
def test_both_exchanges_give_the_same(rank_count: int) -> None:
    """Ours and yunchang's, with attention between the exchanges; with fewer key-value heads than ranks, too."""
    pytest.importorskip("yunchang", reason="the peer is a development dependency")
    from benchmarks.peer_exchange import Exchanges, Shape, attend

    shape = Shape(token_count=8, head_count=4, kv_head_count=2, head_size=4)

    def difference(group: RankGroup) -> float:
        exchanges = Exchanges(group, shape)
        exchanges.collectives(are_packed=True)()
        exchanges.collectives(are_packed=False)()
        return float((exchanges.ours(attend)() - exchanges.theirs(attend)()).abs().max())

    assert max(on_ranks(rank_count, difference)) <= 1e-6


@pytest.mark.parametrize("kind", ["audio", "video"])
@torch.inference_mode()
def test_a_stream_decodes_what_a_whole_clip_decodes(kind: str) -> None:
    """Frame for frame the same, and not without the stream's memory."""
    decoding = decodings(untrained(tiny_config(), 0), UNITS)[kind]
    torch.testing.assert_close(decoding.streamed(), decoding.whole(), atol=1e-4, rtol=0)
    assert (decoding.alone() - decoding.whole()).abs().max() > 1e-3
