"""A conversation through the gateway, against a peer that speaks ThinkerService."""

import asyncio
import io
import time

import numpy as np
import pytest
from gateway_client import END, INTERRUPT, JPEG, PCM, audio_of_unit, playout, running_gateway
from PIL import Image

from wan_streamer.errors import ClientGone
from wan_streamer.media.provenance import GENERATED_PICTURE
from wan_streamer.unit import UNIT_US
from wan_streamer.v1 import session_pb2 as pb
from wan_streamer.v1 import unit_pb2

ON_TIME, LATE, SKIPPED = unit_pb2.UNIT_OUTCOME_ON_TIME, unit_pb2.UNIT_OUTCOME_LATE, unit_pb2.UNIT_OUTCOME_SKIPPED


def indices(units):
    return [unit.header.unit_index for unit in units]


async def test_every_unit_comes_back_whole_and_once() -> None:
    """Sound, four pictures and words of each unit come together, in order, with its header; then Ended and OK."""
    began_unix_us = time.time_ns() // 1000
    async with running_gateway(deadline_ms=60_000) as gateway:
        talk = await gateway.attach()
        assert (talk.attached.outcome, talk.attached.generation, talk.attached.epoch) == (pb.ATTACH_OUTCOME_NEW, 1, 7)
        assert talk.attached.agent_media.video_width == 32
        await talk.send(*(audio_of_unit(k, value=100 * k) for k in range(6)), END)
        units, others = await talk.rest()
    assert indices(units) == list(range(6))
    assert [other.ended.unit_count for other in others] == [6]
    for k, unit in enumerate(units):
        assert (unit.outcome, unit.text, unit.model_latency_us) == (ON_TIME, f"{k} ", 1234)
        assert set(np.frombuffer(unit.audio_pcm_s16le, "<i2")) == {100 * k}
        assert [Image.open(io.BytesIO(jpeg)).size for jpeg in unit.video_jpeg] == [(32, 16)] * 4
        assert all(Image.open(io.BytesIO(jpeg)).info["xmp"] == GENERATED_PICTURE for jpeg in unit.video_jpeg)
        header = unit.header
        assert (header.session_id, header.generation, header.epoch) == (talk.session_id, 1, 7)
        assert header.deadline_unix_us == header.capture_time_unix_us + UNIT_US + 60_000_000
        assert not unit.user_media_loss.audio_lost
    assert len({unit.header.traceparent for unit in units}) == 6
    times = [began_unix_us, *(unit.emitted_time_unix_us for unit in units), time.time_ns() // 1000]
    assert times == sorted(times)


async def test_a_half_close_ends_the_input_too_and_the_last_part_of_a_unit_counts() -> None:
    """After a half-close the rest comes without credit, the partial last unit completed; then OK."""
    async with running_gateway() as gateway:
        talk = await gateway.attach(credit_units=1)
        part = pb.AudioChunk(first_sample_index=7 * 2560, capture_offset_us=7 * UNIT_US, data=bytes(200))
        await talk.send(*(audio_of_unit(k) for k in range(7)), pb.ConnectRequest(audio=part))
        await talk.stream.end()
        units, others = await talk.rest(plays=False)
    assert indices(units) == list(range(8))
    assert others[-1].ended.unit_count == 8


async def test_the_last_unit_is_committed_and_the_place_free_when_the_client_hears_the_end() -> None:
    """The gateway lets the thinker end its stream by itself before it says Ended: who comes next is not refused."""
    async with running_gateway() as gateway:
        gateway.peer.commit_s = 0.3
        talk = await gateway.attach()
        await talk.send(audio_of_unit(0), END)
        _, others = await talk.rest()
        assert others[-1].ended.unit_count == 1
        assert gateway.peer.committed
        assert not gateway.peer.live


async def test_pictures_of_the_user_reach_the_thinker() -> None:
    """JPEG frames are decoded and letterboxed to the model's size before the thinker sees them."""
    picture = io.BytesIO()
    Image.new("RGB", (64, 32), (200, 10, 10)).save(picture, "JPEG", quality=95)
    async with running_gateway() as gateway:
        talk = await gateway.attach(video=JPEG)
        for k in range(2):
            await talk.send(audio_of_unit(k))
            for frame in range(4):
                video = pb.VideoFrame(capture_offset_us=k * UNIT_US + frame * 40_000, data=picture.getvalue())
                await talk.send(pb.ConnectRequest(video=video))
        await talk.send(END)
        await talk.rest()
        received = gateway.peer.received[talk.session_id]
    assert [list(unit.video.shape) for unit in received] == [[4, 16, 32, 3]] * 2
    seen = np.frombuffer(received[0].video.data, np.uint8).reshape(4, 16, 32, 3)
    assert np.abs(seen.astype(int) - (200, 10, 10)).max() < 12


async def test_a_unit_past_its_deadline_is_late_and_still_comes() -> None:
    """Whether a unit is late is decided when it is emitted, by its own deadline."""
    async with running_gateway(deadline_ms=-1) as gateway:
        talk = await gateway.attach()
        await talk.send(audio_of_unit(0), END)
        units, _ = await talk.rest()
    assert [(unit.outcome, len(unit.video_jpeg)) for unit in units] == [(LATE, 4)]


async def test_no_unit_without_credit() -> None:
    """Before any Playout come as many units as credit was asked for; each Playout grants as many more."""
    async with running_gateway() as gateway:
        talk = await gateway.attach(credit_units=2)
        await talk.send(*(audio_of_unit(k) for k in range(6)))
        assert indices(await talk.units(2)) == [0, 1]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.shield(waiting := asyncio.ensure_future(talk.read()))
        await talk.send(playout(0))
        assert indices([(await waiting).unit]) == [2]
        await talk.send(playout(2), END)
        assert indices((await talk.rest())[0]) == [3, 4, 5]


async def test_media_pace_waits_and_loses_nothing() -> None:
    """While the thinker stands still a client at media pace is held back, and nothing is dropped afterwards."""
    async with running_gateway() as gateway:
        gateway.peer.answering.clear()
        talk = await gateway.attach(credit_units=16)
        writing = asyncio.ensure_future(talk.send(*(audio_of_unit(k) for k in range(400)), END))
        await asyncio.sleep(1.0)
        assert not writing.done(), "two megabytes were swallowed although nobody could take them"
        gateway.peer.answering.set()
        (units, _), _ = await asyncio.gather(talk.rest(), writing)
    assert indices(units) == list(range(400))
    assert {unit.outcome for unit in units} <= {ON_TIME, LATE}


async def test_a_playout_behind_much_media_is_found() -> None:
    """A client that writes a whole file before it plays does not lock itself up: credit is found behind the media."""
    async with running_gateway() as gateway:
        talk = await gateway.attach(credit_units=1)
        await talk.send(*(audio_of_unit(k) for k in range(150)))
        assert indices(await talk.units(1)) == [0]
        await talk.send(playout(0), END)
        units, _ = await talk.rest()
    assert indices(units) == list(range(1, 150))


async def test_a_live_client_that_does_not_play_loses_the_oldest_and_is_told() -> None:
    """Live, of more than 3 units that wait for credit the oldest are skipped as CLIENT_STALLED; no index is missing."""
    async with running_gateway() as gateway:
        talk = await gateway.attach(credit_units=1, pace=pb.PACE_LIVE)
        for k in range(8):
            await talk.send(audio_of_unit(k))
            await asyncio.sleep(0.05)
        units = await talk.units(5)
        assert indices(units) == [0, 1, 2, 3, 4]
        assert [unit.outcome for unit in units[1:]] == [SKIPPED] * 4
        assert {unit.skip_reason for unit in units[1:]} == {unit_pb2.SKIP_REASON_CLIENT_STALLED}
        assert not any(unit.video_jpeg or unit.audio_pcm_s16le or unit.text for unit in units[1:])
        await talk.send(playout(4), END)
        units, _ = await talk.rest()
    assert indices(units)[:3] == [5, 6, 7]
    assert all(unit.video_jpeg for unit in units[:3])


async def test_a_thinker_that_is_too_slow_costs_the_oldest_units_and_says_so() -> None:
    """Live, of more than 3 units that wait for the thinker the oldest are OVERLOADED; no index is missing."""
    async with running_gateway() as gateway:
        gateway.peer.answering.clear()
        talk = await gateway.attach(credit_units=16, pace=pb.PACE_LIVE)
        for k in range(12):
            await talk.send(audio_of_unit(k))
            await asyncio.sleep(0.03)
        gateway.peer.answering.set()
        await talk.send(END)
        units, _ = await talk.rest()
    assert indices(units)[:12] == list(range(12))
    skipped = [unit for unit in units if unit.outcome == SKIPPED]
    assert {unit.skip_reason for unit in skipped} == {unit_pb2.SKIP_REASON_OVERLOADED}
    assert indices(skipped)[0] == 4, "those that the thinker had already are kept"
    assert not {9, 10, 11} & set(indices(skipped)), "the newest are kept"


async def test_an_interruption_flushes_what_waits() -> None:
    """What waits for credit is skipped as INTERRUPTED at once, under a higher output epoch that stays."""
    async with running_gateway() as gateway:
        talk = await gateway.attach(credit_units=1)
        await talk.send(*(audio_of_unit(k) for k in range(4)))
        first = await talk.units(1)
        await asyncio.sleep(0.3)
        await talk.send(INTERRUPT)
        flushed = await talk.units(3)
        await talk.send(playout(3), audio_of_unit(4), END)
        rest, _ = await talk.rest()
    assert first[0].output_epoch == 0
    assert [unit.skip_reason for unit in flushed] == [unit_pb2.SKIP_REASON_INTERRUPTED] * 3
    assert {unit.output_epoch for unit in (*flushed, *rest)} == {1}
    assert (indices(rest), rest[0].outcome != SKIPPED) == ([4], True)


async def test_live_time_goes_on_without_the_client() -> None:
    """When a live client falls silent its units are cut on time, said to be lost; in the end it is sent away."""
    async with running_gateway(idle_seconds=1.0) as gateway:
        talk = await gateway.attach(credit_units=16, pace=pb.PACE_LIVE)
        await talk.send(audio_of_unit(0))
        units = await talk.units(4)
        refusal = await talk.failure()
        await gateway.peer.until_live(0)
    assert indices(units) == [0, 1, 2, 3]
    assert [unit.user_media_loss.audio_lost for unit in units] == [False, True, True, True]
    assert units[1].user_media_loss.lost_audio_sample_count == 2560
    starts = [unit.header.capture_time_unix_us for unit in units]
    assert np.diff(starts).tolist() == [UNIT_US] * 3
    assert (type(refusal), refusal.reason) == (ClientGone, "CLIENT_IDLE")


async def test_media_pace_is_patient_with_the_thinker_and_not_with_the_client() -> None:
    """A client at media pace that waits for a slow thinker is not idle; one that owes media is."""
    async with running_gateway(idle_seconds=0.5) as gateway:
        gateway.peer.answering.clear()
        talk = await gateway.attach()
        await talk.send(audio_of_unit(0))
        await asyncio.sleep(1.0)
        gateway.peer.answering.set()
        assert indices(await talk.units(1)) == [0]
        assert (await talk.failure()).reason == "CLIENT_IDLE"


async def test_two_clients_do_not_hear_each_other() -> None:
    """Sessions that run at the same time get their own units only."""
    async with running_gateway() as gateway:
        talks = [await gateway.attach(f"r{n}", audio=PCM) for n in range(3)]
        for k in range(3):
            for n, talk in enumerate(talks):
                await talk.send(audio_of_unit(k, value=1000 * n + k))
        await asyncio.gather(*(talk.send(END) for talk in talks))
        for n, talk in enumerate(talks):
            units, _ = await talk.rest()
            assert [np.frombuffer(unit.audio_pcm_s16le, "<i2")[0] for unit in units] == [1000 * n + k for k in range(3)]
