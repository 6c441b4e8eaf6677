"""Does the suite keep up? A conversation of minutes over gRPC at real-time pace: units on time, times, memory.

    .venv/bin/python benchmarks/real_time.py                 # ten minutes
    .venv/bin/python benchmarks/real_time.py --minutes 2

Gateway, thinker and performer as three processes, and this one as the client, which plays a visitor's film over and
over. Leave the machine alone meanwhile: it says how much else ran.
"""

import asyncio
import os
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tyro
from machine import describe_machine
from rich.progress import Progress
from suite_overhead import stage_medians_ms

from wan_streamer.client import Session, Unit, connect
from wan_streamer.client.capture import CaptureClock, Piece, pieces
from wan_streamer.client.suite import STOP_LIMIT_S, Suite, SuiteOptions
from wan_streamer.errors import WanStreamerError
from wan_streamer.media.files import AudioBlock, MediaFile, read_media
from wan_streamer.unit import UNIT_US

# By then everything has been used once.
WARM_S = 20


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to play."""

    minutes: float = 10
    """Length of the conversation."""
    input: Path = Path("examples/visitor.mp4")
    """Whose sound and pictures are sent, over and over."""


@dataclass(kw_only=True)
class Found:
    """What came back."""

    outcomes: Counter[str] = field(default_factory=Counter)
    model_ms: list[float] = field(default_factory=list)
    words: int = 0


def looped(media: MediaFile, minutes: float) -> Iterator[tuple[int, Piece]]:
    """A film's pieces over and over, each with the microseconds that its round begins after the first."""
    once = list(pieces(media))
    # Rounds follow each other by whole units: the last, broken one is left out.
    round_us = max(piece.due_us for piece in once) // UNIT_US * UNIT_US
    once = [piece for piece in once if piece.due_us <= round_us]
    for start_us in range(0, round(minutes * 60e6), round_us):
        for piece in once:
            if start_us + piece.due_us > minutes * 60e6:
                return
            yield start_us, piece


async def send(session: Session, media: MediaFile, options: Options) -> None:
    """Plays the visitor as a microphone and a camera would, each piece when it is complete."""
    clock = CaptureClock()
    with Progress() as progress:
        bar = progress.add_task("talking", total=options.minutes * 60)
        for start_us, piece in looped(media, options.minutes):
            await clock.sleep_until(start_us + piece.due_us)
            progress.update(bar, completed=(start_us + piece.due_us) / 1e6)
            if isinstance(piece.block, AudioBlock):
                await session.send_audio(piece.block.data)
            else:
                await session.send_frame(piece.block.data, start_us + piece.block.capture_offset_us)
    await session.end()


async def receive(session: Session) -> Found:
    """Counts until the conversation is over."""
    found = Found()
    async for event in session:
        if isinstance(event, Unit):
            found.outcomes[event.outcome.name] += 1
            found.words += len(event.text.split())
            if not event.is_skipped:
                found.model_ms.append(event.model_latency_ms)
    return found


def resident_mb() -> float:
    """Memory of the three services and what they started, MB."""
    pages, waiting = 0, children(os.getpid())
    while waiting:
        pid = waiting.pop()
        pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        waiting += children(pid)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


async def converse(options: Options, out: Path) -> tuple[Found, list[float]]:
    """What came back, and the services' memory after WARM_S and at the end."""
    suite = Suite(SuiteOptions(out=out), on_wait=lambda name: print(f"waiting for {name}"))
    media, memory = read_media(options.input), []
    try:
        await suite.start()
        async with connect(suite.address, audio=media.audio_format, video=media.video_format, seed=0) as session:
            playing = asyncio.gather(receive(session), send(session, media, options))
            await asyncio.sleep(min(WARM_S, options.minutes * 30))
            memory.append(resident_mb())
            found, _ = await playing
            memory.append(resident_mb())
    finally:
        await suite.stop(STOP_LIMIT_S)
    return found, memory


def main() -> None:
    """Runs it and prints what came of it."""
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as folder:
        try:
            found, (first_mb, last_mb) = asyncio.run(converse(options, Path(folder)))
        except WanStreamerError as error:
            raise SystemExit(f"The conversation broke off: {error}") from error
        stages = stage_medians_ms(Path(folder) / "traces")
    total = found.outcomes.total()
    centiles = statistics.quantiles(found.model_ms, n=100)
    print(f"nano, {options.minutes:g} minutes; {describe_machine()}, load {os.getloadavg()[2]:.1f} over 15 minutes")
    print(f"units         {total}: " + ", ".join(f"{count} {name}" for name, count in found.outcomes.most_common()))
    print(f"on time       {found.outcomes['ON_TIME'] / total:.2%}")
    print(f"model side    {statistics.median(found.model_ms):.1f} ms (median), {centiles[89]:.1f} (90 %), ", end="")
    print(f"{centiles[98]:.1f} (99 %), {max(found.model_ms):.1f} (most)")
    print(f"memory        {first_mb:.0f} MB after {WARM_S} s, {last_mb:.0f} MB at the end, all services")
    print(f"words         {found.words} of the agent's")
    print("stages (median ms):")
    for (service, stage), median_ms in stages.items():
        print(f"  {service:10}{stage:12}{median_ms:7.1f}")


if __name__ == "__main__":
    main()
