"""What do three processes and two hops cost? The same units through the suite and through one process, paired.

    .venv/bin/python benchmarks/suite_overhead.py

For each unit: media in, media out. One process: cut, think, solve, decode, encode, one after the other. The suite: the
same media sent to the gateway until the agent's unit is back. They take turns, unit by unit, and each commits its unit
while the other one is not running, as both do off the response path in a live conversation.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from machine import describe_machine
from rich.progress import track

from wan_streamer.client import AudioFormat, Session, Unit, VideoFormat, connect
from wan_streamer.client.suite import STOP_LIMIT_S, Suite, SuiteOptions
from wan_streamer.engine.exchange import UserInput
from wan_streamer.engine.schedule import Duplex, DuplexSession
from wan_streamer.media.cutter import UnitCutter
from wan_streamer.media.files import VideoBlock, read_media
from wan_streamer.media.formats import UnitFormat
from wan_streamer.media.jpeg import encode_jpeg
from wan_streamer.model.presets import nano, untrained
from wan_streamer.telemetry.summary import stage_order
from wan_streamer.unit import FRAME_US, FRAMES_PER_SECOND, FRAMES_PER_UNIT, samples_per_unit, unit_start_us

RATE_HZ = nano().user_audio.sample_rate_hz
AUDIO, VIDEO = AudioFormat(sample_rate_hz=RATE_HZ, channel_count=1), VideoFormat(frame_rate_hz=FRAMES_PER_SECOND)
WARM_UP_UNITS = 10
# Long enough for the clean passes of a unit.
SETTLE_S = 0.08


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    units: int = 150
    """Units to measure, after a few to warm up."""
    threads: int = 1
    """Threads of torch, in the one process as in each service."""
    input: Path = Path("examples/visitor.mp4")
    """Whose pictures are sent, over and over."""


@dataclass(frozen=True)
class Media:
    """A unit's media as a client sends them."""

    pcm: np.ndarray
    jpegs: list[bytes]


def media_of(path: Path) -> Iterator[Media]:
    """Units of a file's pictures with noise to hear, without end."""
    jpegs = [block.data for block in read_media(path) if isinstance(block, VideoBlock)]
    random = np.random.default_rng(0)
    frame = 0
    while True:
        pcm = random.integers(-3000, 3000, samples_per_unit(RATE_HZ)).astype(np.int16)
        yield Media(pcm, [jpegs[(frame + j) % len(jpegs)] for j in range(FRAMES_PER_UNIT)])
        frame += FRAMES_PER_UNIT


class OneProcess:
    """The whole path of a unit without a hop."""

    def __init__(self) -> None:
        config = nano()
        target = UnitFormat(
            audio_sample_rate_hz=RATE_HZ, video_width=config.user_video.width, video_height=config.user_video.height
        )
        self._cutter = UnitCutter(AUDIO, VIDEO, target)
        self._duplex = Duplex(untrained(config, 0))
        self._session: DuplexSession = self._duplex.open(seed=0)

    def answer_ms(self, media: Media) -> float:
        """Milliseconds from a unit's media to the agent's encoded unit; the clean passes come after it."""
        thinker, performer, session = self._duplex.thinker, self._duplex.performer, self._session
        start = time.perf_counter()
        k = self._cutter.next_unit_index
        self._cutter.push_audio(k * samples_per_unit(RATE_HZ), unit_start_us(k), media.pcm.tobytes())
        for j, jpeg in enumerate(media.jpegs):
            self._cutter.push_video(unit_start_us(k) + j * FRAME_US, jpeg)
        cut = self._cutter.cut()
        user = UserInput(unit_index=k, audio=cut.audio, video=cut.video)
        performer.append(session.performer, thinker.hear_and_think(session.thinker, user))
        latents = performer.solve(session.performer, k)
        output = thinker.decode(session.thinker, latents)
        output.audio.tobytes()
        for frame in output.video:
            encode_jpeg(frame)
        answered_ms = (time.perf_counter() - start) * 1e3
        performer.commit(session.performer, latents)
        thinker.commit(session.thinker, latents)
        return answered_ms


async def suite_ms(session: Session, media: Media) -> tuple[float, float]:
    """Milliseconds from the same media, sent to the gateway, to the agent's unit here; and the model's part of them."""
    start = time.perf_counter()
    await session.send_audio(media.pcm)
    for jpeg in media.jpegs:
        await session.send_frame(jpeg)
    async for event in session:
        if isinstance(event, Unit):
            return (time.perf_counter() - start) * 1e3, event.model_latency_ms
    raise RuntimeError("the session ended before the unit came")


async def measure(options: Options, out: Path) -> tuple[list[float], list[float], list[float]]:
    """Times of one process, of the suite, and of the suite's model side."""
    suite = Suite(SuiteOptions(out=out), on_wait=lambda name: print(f"waiting for {name}"))
    one_process, media = OneProcess(), media_of(options.input)
    one_ms, through_suite_ms, model_ms = [], [], []
    try:
        await suite.start()
        async with connect(suite.address, audio=AUDIO, video=VIDEO, pace="media", seed=0) as session:
            for _ in track(range(WARM_UP_UNITS + options.units), description="units"):
                unit = next(media)
                one_ms.append(one_process.answer_ms(unit))
                whole_ms, of_model_ms = await suite_ms(session, unit)
                through_suite_ms.append(whole_ms)
                model_ms.append(of_model_ms)
                await asyncio.sleep(SETTLE_S)
    finally:
        await suite.stop(STOP_LIMIT_S)
    return one_ms[WARM_UP_UNITS:], through_suite_ms[WARM_UP_UNITS:], model_ms[WARM_UP_UNITS:]


def stage_medians_ms(trace_dir: Path) -> dict[tuple[str, str], float]:
    """Median time of each stage of each service."""
    times_ms: dict[tuple[str, str], list[float]] = defaultdict(list)
    for path in trace_dir.glob("*.jsonl"):
        for span in map(json.loads, path.read_text().splitlines()):
            attributes = span["attributes"]
            if "stage" in attributes and attributes["unit.index"] >= WARM_UP_UNITS:
                duration_ms = (span["end_unix_ns"] - span["start_unix_ns"]) / 1e6
                times_ms[span["service"], attributes["stage"]].append(duration_ms)
    return {key: statistics.median(times_ms[key]) for key in sorted(times_ms, key=lambda key: stage_order(*key))}


def main() -> None:
    """Runs both and prints the ratio and where the difference goes."""
    options = tyro.cli(Options, description=__doc__)
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        one_ms, through_suite_ms, model_ms = asyncio.run(measure(options, Path(folder)))
        stages = stage_medians_ms(Path(folder) / "traces")
    ratios = [suite / one for suite, one in zip(through_suite_ms, one_ms, strict=True)]
    print(f"nano, {len(one_ms)} units in turns, {options.threads} threads each; {describe_machine()}")
    print(f"one process   {statistics.median(one_ms):7.1f} ms a unit, media in to media out (median)")
    print(
        f"suite         {statistics.median(through_suite_ms):7.1f} ms, "
        f"of which model side {statistics.median(model_ms):.1f}"
    )
    print(f"ratio         {statistics.median(ratios):7.2f} (median of the pairs)")
    print("where the suite's time goes (median ms):")
    for (service, stage), median_ms in stages.items():
        print(f"  {service:10}{stage:12}{median_ms:7.1f}")
    solving_ms = sum(stages["performer", stage] for stage in ("queue", "append", "solve"))
    print(f"  performer hop, both ways  {stages['thinker', 'latents'] - solving_ms:5.1f}")
    print(f"  client hop and gateway    {statistics.median(through_suite_ms) - statistics.median(model_ms):5.1f}")


if __name__ == "__main__":
    main()
