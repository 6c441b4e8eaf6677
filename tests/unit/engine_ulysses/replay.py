"""A conversation's slices and latents, recorded with one process, to be solved again by ranks."""

import dataclasses
from dataclasses import dataclass

import torch

from tests.support.tiny import random_unit
from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.thinker import Thinker
from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.performer import UlyssesPerformer
from wan_streamer.engine.ulysses.rank_group import RankGroup, Traffic
from wan_streamer.model.wan_streamer import WanStreamer

SEED = 5


@dataclass(frozen=True)
class Recording:
    """What the performer was sent, and what one process answered."""

    slices: list[KvSlice]
    latents: list[Latents]


@dataclass(frozen=True)
class RankRecording:
    """What one rank answered, and what it sent to the others in all units together."""

    latents: list[Latents]
    traffic: Traffic
    cache_bytes: int


def record(model: WanStreamer, unit_indices: list[int]) -> Recording:
    """One process."""
    thinker, performer = Thinker(model), Performer(model)
    hearing, solving = thinker.open(), performer.open(SEED)
    recording = Recording([], [])
    for k in unit_indices:
        recording.slices.append(thinker.hear_and_think(hearing, random_unit(model.config, k)))
        performer.append(solving, recording.slices[-1])
        recording.latents.append(performer.solve(solving, k))
        performer.commit(solving, recording.latents[-1])
        thinker.commit(hearing, recording.latents[-1])
    return recording


def rank_slice(kv_slice: KvSlice, heads: HeadSplit, rank: int) -> KvSlice:
    """A rank's heads of a slice."""
    return dataclasses.replace(kv_slice, keys_values=kv_slice.keys_values[:, :, heads.kv_slice(rank)])


def replay(model: WanStreamer, recording: Recording, group: RankGroup) -> RankRecording:
    """One of several ranks."""
    performer = UlyssesPerformer(model, group)
    heads = HeadSplit.of(model.config.backbone, group.rank_count)
    session = performer.open(SEED)
    latents = []
    for kv_slice in recording.slices:
        performer.append(session, rank_slice(kv_slice, heads, group.rank))
        latents.append(performer.solve(session, kv_slice.unit_index))
        performer.commit(session, latents[-1])
    return RankRecording(latents, group.traffic, session.cache.byte_count)


def largest_difference(a: list[Latents], b: list[Latents]) -> float:
    """Over all units, sound and pictures."""
    assert [each.unit_index for each in a] == [each.unit_index for each in b]
    return max(
        float((getattr(one, name) - getattr(other, name)).abs().max())
        for one, other in zip(a, b, strict=True)
        for name in ("audio", "video")
    )


def same(a: Latents, b: Latents) -> bool:
    """Bit for bit."""
    return torch.equal(a.audio, b.audio) and torch.equal(a.video, b.video)
