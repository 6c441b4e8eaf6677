"""The performer service on several ranks: real processes, what they answer, and how they end."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.performer.rank_process import Load
from tests.support.faults import COMMIT, STAGE, Fault, RankModel, any_alive, formed_group, refused_model
from tests.support.group_talk import Talk, describe, matches, solved_by_one_process
from tests.support.suite import tiny_performer
from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.errors import InvalidInput, PlacementLost
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.status import from_rpc_error

RANKS = 2
UNITS = 4
# Promises of the group: an epoch ends within this time, the next one begins within that.
END_LIMIT_S, FORM_LIMIT_S = 1.0, 5.0


@pytest.fixture(scope="module")
def conversation() -> list[tuple[KvSlice, Latents]]:
    return solved_by_one_process(UNITS)


@asynccontextmanager
async def group(load: Load, ranks: int = RANKS) -> AsyncIterator[grpc.aio.Channel]:
    """The service with its ranks."""
    async with tiny_performer(ranks=ranks, load=load) as address, open_channel(address) as channel:
        yield channel


async def gone_at(process_ids: list[int]) -> float:
    """When none of the processes existed any more."""
    while any_alive(process_ids):
        await asyncio.sleep(0.01)
    return time.time()


@pytest.mark.parametrize("ranks", [2, 4])
async def test_ranks_answer_what_one_process_answers(
    ranks: int, tmp_path: Path, conversation: list[tuple[KvSlice, Latents]]
) -> None:
    """Two sessions that take turns on a group get the latents that each would get from one process."""
    async with group(RankModel(folder=tmp_path), ranks) as channel:
        description = await describe(channel)
        assert description.rank_count == ranks
        talks = [Talk(channel, description, name) for name in ("a", "b")]
        for talk in talks:
            await talk.start()
        for kv_slice, latents in conversation:
            for talk in talks:
                await talk.send(kv_slice)
            for talk in talks:
                await talk.expect(latents)
        assert (await describe(channel)).session_count == len(talks)


# Every place at which a unit can be torn, on one rank or the other; some of them frozen instead of killed.
KILL, FREEZE = signal.SIGKILL, signal.SIGSTOP
FAULTS = {
    "not-yet-appended": Fault(rank=1, place=STAGE, is_after=False, signal_number=KILL),
    "half-appended-frozen": Fault(rank=0, place=STAGE, pass_index=1, is_after=False, signal_number=FREEZE),
    "appended": Fault(rank=1, place="transformer", pass_index=0, is_after=False, signal_number=KILL),
    "appended-frozen": Fault(rank=0, place="transformer", pass_index=0, is_after=False, signal_number=FREEZE),
    "in-first-step": Fault(rank=0, place="transformer.blocks.1", pass_index=0, is_after=False, signal_number=KILL),
    "in-first-step-frozen": Fault(
        rank=1, place="transformer.blocks.1", pass_index=0, is_after=False, signal_number=FREEZE
    ),
    "first-step-done": Fault(rank=1, place="video_head", pass_index=0, is_after=True, signal_number=KILL),
    "solved": Fault(rank=0, place="video_head", pass_index=1, is_after=True, signal_number=KILL),
    "solved-other-rank": Fault(rank=1, place="video_head", pass_index=1, is_after=True, signal_number=KILL),
    "answered": Fault(rank=1, place="transformer", pass_index=2, is_after=False, signal_number=KILL),
    "in-clean-pass": Fault(rank=0, place="transformer.blocks.1", pass_index=2, is_after=False, signal_number=KILL),
    "in-clean-pass-frozen": Fault(
        rank=1, place="transformer.blocks.1", pass_index=2, is_after=False, signal_number=FREEZE
    ),
    "cleaned": Fault(rank=1, place="transformer", pass_index=2, is_after=True, signal_number=KILL),
    "committed": Fault(rank=1, place=COMMIT, is_after=True, signal_number=KILL),
    "committed-rank-0": Fault(rank=0, place=COMMIT, is_after=True, signal_number=KILL),
    "cleaned-rank-0": Fault(rank=0, place="transformer", pass_index=2, is_after=True, signal_number=KILL),
}


# One killed and one frozen in every run of the tests, all places in the long ones.
OFTEN = ("in-first-step-frozen", "solved")


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, id=name, marks=() if name in OFTEN else pytest.mark.long) for name, fault in FAULTS.items()],
)
async def test_a_torn_unit_ends_the_epoch_and_nothing_of_it_is_left(
    fault: Fault, tmp_path: Path, conversation: list[tuple[KvSlice, Latents]]
) -> None:
    """Wherever a rank is killed or frozen: within a second all ranks are gone and all sessions, busy or idle, are told
    PlacementLost; what was answered was whole; the next epoch knows nothing of it and solves as one process does."""
    load = RankModel(folder=tmp_path, fault=fault)
    (torn_slice, torn_latents) = conversation[fault.unit_index]
    async with group(load) as channel:
        first = await describe(channel)
        busy, idle = Talk(channel, first, "busy"), Talk(channel, first, "idle")
        await busy.start()
        await idle.start()
        process_ids = [load.process_id(rank) for rank in range(RANKS)]
        for kv_slice, latents in conversation[: fault.unit_index]:
            await busy.send(kv_slice)
            await busy.expect(latents)
        await busy.send(torn_slice)
        (answered, busy_error, busy_at), (unasked, idle_error, idle_at), all_gone_at = await asyncio.gather(
            busy.end(), idle.end(), gone_at(process_ids)
        )
        struck_at = float(load.struck.read_text())
        for error in (busy_error, idle_error):
            assert isinstance(error, PlacementLost)
            assert error.reason == "EPOCH"
        assert max(busy_at, idle_at, all_gone_at) - struck_at < END_LIMIT_S
        # Latents of the torn unit are answered whole, and only after all ranks had solved it.
        assert not unasked
        assert len(answered) == int(fault.is_answered)
        assert all(matches(each, torn_latents) for each in answered)

        second = await formed_group(channel)
        assert time.time() - struck_at < FORM_LIMIT_S
        assert second.epoch > first.epoch
        late, again = Talk(channel, first, "late"), Talk(channel, second, "busy")
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await late.start()
        assert isinstance(from_rpc_error(refusal.value), PlacementLost)
        await again.start()
        for kv_slice, latents in conversation:
            await again.send(kv_slice)
            await again.expect(latents)
        assert second.session_count == 0


@pytest.mark.parametrize("signal_number", [KILL, FREEZE], ids=["killed", "frozen"])
async def test_an_idle_group_notices_and_says_so(signal_number: int, tmp_path: Path) -> None:
    """Between units, too, a rank that is killed or frozen ends the epoch; health says so until the next one begins."""
    load = RankModel(folder=tmp_path)
    async with group(load) as channel:
        first = await describe(channel)
        idle = Talk(channel, first, "idle")
        await idle.start()
        struck_at = time.time()
        os.kill(load.process_id(1), signal_number)
        latents, error, at = await idle.end()
        assert (latents, error.reason) == ([], "EPOCH")
        assert at - struck_at < END_LIMIT_S
        assert (await formed_group(channel)).epoch > first.epoch
        assert time.time() - struck_at < FORM_LIMIT_S
        health = health_pb2_grpc.HealthStub(channel)
        async with asyncio.timeout(10):
            while (
                await health.Check(health_pb2.HealthCheckRequest())
            ).status != health_pb2.HealthCheckResponse.SERVING:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("ranks", [0, 3])
async def test_a_number_of_ranks_that_does_not_fit_is_refused(ranks: int, tmp_path: Path) -> None:
    """No service starts on ranks that the model's four heads cannot be split among; the message says what can be."""
    with pytest.raises(InvalidInput, match=rf"got {ranks} ranks .*expected|got {ranks} ranks, expected") as caught:
        async with group(RankModel(folder=tmp_path), ranks):
            pass
    assert caught.value.reason == "RANKS"


async def test_what_keeps_a_rank_from_loading_keeps_the_service_from_starting() -> None:
    """The error of a rank's model is the service's own, with its reason."""
    with pytest.raises(InvalidInput) as caught:
        async with group(refused_model):
            pass
    assert caught.value.reason == "PRESET_UNKNOWN"


async def test_no_rank_outlives_its_service(tmp_path: Path) -> None:
    """Leaving the service ends its ranks."""
    load = RankModel(folder=tmp_path)
    async with group(load):
        process_ids = [load.process_id(rank) for rank in range(RANKS)]
        assert any_alive(process_ids)
    await asyncio.wait_for(gone_at(process_ids), 5)
