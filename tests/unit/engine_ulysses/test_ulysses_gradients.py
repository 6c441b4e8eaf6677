"""Training through the exchange: gradients of P ranks together are those of one process."""

import dataclasses

import pytest
import torch
from torch import Tensor

from tests.support.ranks import on_ranks
from tests.support.tiny import random_model, random_unit, tiny_config
from wan_streamer.engine.exchange import KvSlice
from wan_streamer.engine.latent_pass import UnitLatents
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.thinker import Thinker
from wan_streamer.engine.ulysses.attention import UlyssesAttention
from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.performer import UlyssesPerformer
from wan_streamer.engine.ulysses.rank_group import RankGroup
from wan_streamer.engine.ulysses.tokens import TokenSplit
from wan_streamer.model.attention import WholeAttention
from wan_streamer.model.layout import Kind
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.distill.matching import make_at

BATCH = 2


class Problem:
    """A unit of every kind of token under a random mask; the loss weighs every number of every token."""

    def __init__(self, model: WanStreamer) -> None:
        generator = torch.Generator().manual_seed(3)
        layout, like = model.layout, model.layer_modulation
        self.model = model
        self.video_count = layout.counts[Kind.AGENT_VIDEO]
        self.count = layout.token_count
        self.x = torch.randn(BATCH, self.count, model.config.backbone.width, generator=generator).to(like)
        self.weights = torch.randn(self.x.shape, generator=generator).to(like)
        self.mask = torch.rand(BATCH, self.count, self.count, generator=generator) > 0.3
        self.mask |= torch.eye(self.count, dtype=torch.bool)
        self.offsets = layout.offsets_T3()

    def gradients(self, loss: Tensor) -> dict[str, Tensor]:
        parameters = {name: p for name, p in self.model.named_parameters() if name.startswith(("transformer", "layer"))}
        return dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))

    def whole(self) -> dict[str, Tensor]:
        """One process."""
        modulation = self.model.layer_modulation[:, :, None, None]
        context = self.model.transformer(
            self.x, self.model.rotation(self.offsets), modulation, WholeAttention(self.mask)
        )
        return self.gradients((context * self.weights).sum())

    def on_rank(self, group: RankGroup, *, checkpointing: bool) -> dict[str, Tensor]:
        """A rank's part: its own video tokens' loss, and its part of the loss of the tokens that all have."""
        replicated = self.count - self.video_count
        tokens = TokenSplit(rank_count=group.rank_count, replicated_count=replicated, split_count=self.video_count)
        attend = UlyssesAttention(
            group=group,
            heads=HeadSplit.of(self.model.config.backbone, group.rank_count),
            tokens=tokens,
            inner=WholeAttention(self.mask),
        )
        x, weights = (tokens.own(whole, group.rank, 1) for whole in (self.x, self.weights))
        rotation = self.model.rotation(tokens.own(self.offsets, group.rank, 0))
        self.model.transformer.checkpointing = checkpointing
        context = self.model.transformer(x, rotation, self.model.layer_modulation[:, :, None, None], attend)
        losses = (context * weights).sum((0, 2))
        return self.gradients(losses[:replicated].sum() / group.rank_count + losses[replicated:].sum())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("checkpointing", [False, True], ids=["kept", "checkpointed"])
@pytest.mark.parametrize(("rank_count", "heads"), [(2, (4, 2)), (3, (6, 3)), (4, (4, 2)), (4, (4, 1))])
def test_gradients_of_all_ranks_add_up_to_those_of_one_process(
    rank_count: int, heads: tuple[int, int], checkpointing: bool, dtype: torch.dtype, tolerance: float
) -> None:
    """Every parameter's gradient, summed over ranks, equals autograd through the whole model."""
    problem = Problem(random_model(tiny_config(heads=heads), dtype).requires_grad_(True))
    expected = problem.whole()
    ranks = on_ranks(rank_count, lambda group: problem.on_rank(group, checkpointing=checkpointing))
    for name, gradient in expected.items():
        together = sum((rank[name] for rank in ranks), torch.zeros_like(gradient))
        assert (together - gradient).abs().max() <= tolerance * max(1.0, float(gradient.abs().max())), name
        assert gradient.abs().max() > 0, name


def heard(model: WanStreamer) -> list[KvSlice]:
    """What a thinker adds at four units."""
    thinker, performer = Thinker(model), Performer(model)
    hearing, solving = thinker.open(), performer.open(0)
    slices = []
    for k in range(4):
        slices.append(thinker.hear_and_think(hearing, random_unit(model.config, k)))
        performer.append(solving, slices[-1])
        latents = performer.solve(solving, k)
        performer.commit(solving, latents)
        thinker.commit(hearing, latents)
    return slices


def student_gradients(
    model: WanStreamer, performer: Performer, slices: list[KvSlice], rank: int, rank_count: int
) -> dict[str, Tensor]:
    """Stage 3's gradient by what a student makes of its fourth unit at its last step, behind three of history."""
    heads, solving = HeadSplit.of(model.config.backbone, rank_count), performer.open(0)
    for k, whole in enumerate(slices):
        own_heads = whole.keys_values[:, :, heads.kv_slice(rank)]
        performer.append(solving, dataclasses.replace(whole, keys_values=own_heads))
        if k < 3:
            performer.commit(solving, performer.solve(solving, k))
    unit = UnitLatents(performer._latent_pass, solving.cache)
    solving.cache.move(unit.place, 3)
    audio_noise, video_noise = (noise.to(torch.float64) for noise in performer._noise(0, 3))
    made = make_at((audio_noise, video_noise), performer._latent_pass.times, unit.velocity, exit_step=1)
    weights = torch.randn(model.layout.token_count, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    first = rank * made[1].shape[0]
    audio, video = (
        (part * weights[start : start + len(part), : part.shape[1]]).sum()
        for part, start in zip(made, (0, made[0].shape[0] + first), strict=True)
    )
    parameters = {
        name: p for name, p in model.named_parameters() if name.startswith(("transformer", "layer", "tau", "video_"))
    }
    gradients = torch.autograd.grad(
        audio / rank_count + video, list(parameters.values()), allow_unused=True, materialize_grads=True
    )
    return dict(zip(parameters, gradients, strict=True))


@pytest.mark.parametrize("rank_count", [2, 4])
def test_a_student_learns_on_ranks_what_it_learns_on_one(rank_count: int) -> None:
    """Stage 3's gradient through the engine's cache and the exchange, summed over ranks (float64)."""
    model = random_model(tiny_config(), torch.float64).requires_grad_(True)
    slices = heard(model)
    expected = student_gradients(model, Performer(model), slices, 0, 1)
    ranks = on_ranks(
        rank_count,
        lambda group: student_gradients(model, UlyssesPerformer(model, group), slices, group.rank, rank_count),
    )
    for name, gradient in expected.items():
        together = sum((rank[name] for rank in ranks), torch.zeros_like(gradient))
        assert (together - gradient).abs().max() <= 1e-10 * max(1.0, float(gradient.abs().max())), name
    assert float(expected["transformer.blocks.0.attention.qkv.weight"].abs().max()) > 0
    assert float(expected["video_in.weight"].abs().max()) > 0


def test_the_exchange_is_its_own_gradient() -> None:
    """Finite differences agree with autograd through one exchange of two ranks."""
    torch.manual_seed(0)
    sent = [torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    weights = torch.randn(2, 2, 3, dtype=torch.float64)

    def gradient(group: RankGroup) -> Tensor:
        received = group.all_to_all(sent[group.rank])
        return torch.autograd.grad((received * weights[group.rank]).sum(), sent[group.rank])[0]

    for rank, got in enumerate(on_ranks(2, gradient)):
        # Part p of what a rank sends arrives at rank p as part [rank].
        assert torch.equal(got, weights[:, rank])
