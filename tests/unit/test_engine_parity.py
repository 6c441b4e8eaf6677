"""Serving step by step against one forward over the whole conversation with the training mask."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.support.tiny import random_model, random_unit, tiny_config
from wan_streamer.engine.choose_token import likeliest
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.thinker import Thinker
from wan_streamer.model.attention import attend_grouped
from wan_streamer.model.flow import unit_noise
from wan_streamer.model.layout import POSITIONS_PER_UNIT, USER_KINDS, Kind
from wan_streamer.model.mask import CLEAN, Tokens, may_attend, window_units
from wan_streamer.model.rope import Rotation, turn
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.model.wan_streamer import WanStreamer

# Many times every window; then, after a day of which every unit was lost, a few more.
UNITS = (*range(40), *range(540_000, 540_009))
SEED = 5


@dataclass(frozen=True)
class WindowAttention:
    """The oracle, unit by unit from scratch: plain softmax over the visible tokens alone, at positions in the window.

    It knows no absolute positions: keys come without RoPE and are turned by where they stand now, the sink at the
    window's beginning.
    """

    model: WanStreamer
    tokens: Tokens
    offsets_T3: Tensor
    mask: Tensor
    bound_units: int

    def __call__(self, layer: int, q_BTHS: Tensor, k_BTKS: Tensor, v_BTKS: Tensor) -> Tensor:
        groups = q_BTHS.shape[2] // k_BTKS.shape[2]
        out = torch.empty_like(q_BTHS)
        for unit in self.tokens.unit.unique().tolist():
            rows = self.tokens.unit == unit
            seen = self.mask[rows].any(0)
            queries = turn(q_BTHS[0, rows], self.rotation(rows, unit))
            keys = turn(k_BTKS[0, seen], self.rotation(seen, unit)).repeat_interleave(groups, 1)
            values = v_BTKS[0, seen].repeat_interleave(groups, 1)
            scores = torch.einsum("qhs,khs->hqk", queries, keys) * keys.shape[-1] ** -0.5
            weights = scores.masked_fill(~self.mask[rows][:, seen], float("-inf")).softmax(-1)
            out[0, rows] = torch.einsum("hqk,khs->qhs", weights, values)
        return out

    def rotation(self, which: Tensor, now: int) -> Rotation:
        """RoPE of tokens at positions that count from the beginning of the window of unit `now`."""
        units, is_sink = self.tokens.unit[which], self.tokens.unit[which] < self.model.config.history.sink_units
        in_window = torch.where(is_sink, units, units - max(0, now - self.bound_units))
        assert in_window.min() >= 0
        assert in_window.max() <= self.bound_units
        return self.model.rotation(self.offsets_T3[which] + in_window[:, None] * POSITIONS_PER_UNIT)


def serve(model: WanStreamer) -> tuple[list[tuple[Tensor, Tensor]], list[list[int]]]:
    """Latents and words of each unit, step by step."""
    thinker, performer = Thinker(model), Performer(model)
    hearing, solving = thinker.open(), performer.open(SEED)
    latents, words = [], []
    for k in UNITS:
        performer.append(solving, thinker.hear_and_think(hearing, random_unit(model.config, k)))
        words.append(hearing.words[k])
        solved = performer.solve(solving, k)
        thinker.decode(hearing, solved)
        performer.commit(solving, solved)
        thinker.commit(hearing, solved)
        latents.append((solved.audio, solved.video))
    return latents, words


def whole(model: WanStreamer, latents: list[tuple[Tensor, Tensor]], words: list[list[int]]) -> tuple[Tensor, Tokens]:
    """Contexts of all clean tokens and of one noisy copy of each unit's latents, in one forward."""
    layout, like = model.layout, model.layer_modulation
    kinds, indices, offsets = layout.kinds_T(), layout.indices_T(), layout.offsets_T3()
    stream = Stream.of(model)
    x, unit, kind, index, level, offset, modulation = [], [], [], [], [], [], []

    def add(k: int, embedded: Tensor, rows: Tensor, noise_level: int, tau: float | None) -> None:
        x.append(embedded[0])
        unit.append(torch.full((len(rows),), k))
        kind.append(kinds[rows])
        index.append(indices[rows])
        level.append(torch.full((len(rows),), noise_level))
        offset.append(offsets[rows])
        m = model.no_modulation() if tau is None else model.modulation(torch.full((1, 1), tau))
        modulation.append(m.expand(-1, -1, 1, len(rows), -1))

    rows_of = lambda *k: torch.arange(layout.token_count)[layout.slice(*k)]  # noqa: E731
    for k, z, text in zip(UNITS, latents, words, strict=True):
        user = random_unit(model.config, k)
        frames = torch.tensor(user.video).permute(0, 3, 1, 2).to(like) / 127.5 - 1
        with streaming(stream):
            heard = model.embed_user(
                model.see(frames[None, None]), model.hear(torch.tensor(user.audio).to(like)[None])
            )[:, 0]
        add(k, heard, rows_of(*USER_KINDS), CLEAN, None)
        add(k, model.embed_text(torch.tensor([text])), rows_of(Kind.AGENT_TEXT)[: len(text)], CLEAN, None)
        latent_rows = rows_of(Kind.AGENT_AUDIO, Kind.AGENT_VIDEO)
        add(k, model.embed_latents(z[0][None], z[1][None]), latent_rows, CLEAN, 0.0)
        noise = [unit_noise(tuple(part.shape), SEED, k, stream_).to(like) for stream_, part in enumerate(z)]
        add(k, model.embed_latents(noise[0][None], noise[1][None]), latent_rows, 1, 1.0)
    tokens = Tokens(*(torch.cat(part) for part in (unit, kind, index, level)))
    history = model.config.history
    mask = may_attend(tokens, tokens, lag=model.config.lag, history=history)
    bound = history.sink_units + int(window_units(history, torch.device("cpu")).max())
    attend = WindowAttention(model, tokens, torch.cat(offset), mask, bound)
    unturned = model.rotation(torch.zeros(len(tokens.unit), 3, dtype=torch.int64))
    context = model.transformer(torch.cat(x)[None], unturned, torch.cat(modulation, 3), attend)
    return context[0], tokens


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
@pytest.mark.parametrize("lag", [0, 1])
def test_serving_equals_the_training_forward(lag: int, dtype: torch.dtype, tolerance: float) -> None:
    """Latents and words far past every window, and a day later, equal those of one forward with the mask."""
    model = random_model(tiny_config(lag=lag, solver_steps=1), dtype)
    listen = vocabulary_named(model.config.vocabulary).listen
    with torch.inference_mode():
        latents, words = serve(model)
        context, tokens = whole(model, latents, words)
        noisy = tokens.level == 1
        for k, said, (audio, video) in zip(UNITS, words, latents, strict=True):
            velocities = model.velocities(context[noisy & (tokens.unit == k)][None])
            for stream, (served, velocity) in enumerate(zip((audio, video), velocities, strict=True)):
                expected = unit_noise(tuple(served.shape), SEED, k, stream).to(dtype) - velocity[0]
                assert (served - expected).abs().max() <= tolerance * max(1.0, float(expected.abs().max()))
            # The last user token predicts the first word, each word the next.
            of_unit = tokens.unit == k
            speakers = torch.cat(
                [
                    torch.nonzero(of_unit & (tokens.kind == Kind.USER_AUDIO))[-1:],
                    torch.nonzero(of_unit & (tokens.kind == Kind.AGENT_TEXT))[:-1],
                ]
            )[:, 0]
            assert [likeliest(logits, listen) for logits in model.text_head(context[speakers])] == said
    assert len({tuple(text) for text in words}) > 1, "the words never change, so the test would not notice much"


def test_attention_is_the_textbook_one() -> None:
    """Grouped attention without copies equals softmax(QK^T)V with repeated heads, for one mask row and for many."""
    torch.manual_seed(0)
    q, k, v = torch.randn(1, 5, 6, 8), torch.randn(1, 2, 9, 8), torch.randn(1, 2, 9, 8)
    for mask in (torch.rand(5, 9) > 0.3, torch.rand(1, 9) > 0.3):
        mask[:, 0] = True
        expected = F.scaled_dot_product_attention(
            q.transpose(1, 2), k.repeat_interleave(3, 1), v.repeat_interleave(3, 1), attn_mask=mask.expand(5, 9)
        ).transpose(1, 2)
        torch.testing.assert_close(attend_grouped(q, k, v, mask), expected)
