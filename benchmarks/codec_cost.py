"""What do encoding the user and decoding the agent cost, unit by unit? Streaming, one conversation.

    .venv/bin/python benchmarks/codec_cost.py                # nano, 1 and 2 threads

Median and 90th percentile of the milliseconds of one unit, from bytes to tokens and from latents to bytes, in a stream
as the thinker has it. Weights from a seed: the cost does not depend on their values. The parts take turns, so that a
busy moment of the machine falls on all of them.
"""

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import tyro
from machine import describe_machine
from rich.progress import track

from wan_streamer.model.presets import preset, untrained
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.video_data import as_frames, as_pictures
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit

WARM_UP_UNITS = 5
# Milliseconds of a unit on 2 cores, median: both parts of a direction together.
LIMITS_MS = {"encode user audio + video": 15.0, "decode agent audio + video": 20.0}
PARTS = {
    "encode user audio + video": ("encode user audio", "encode user video"),
    "decode agent audio + video": ("decode agent audio", "decode agent video"),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    preset: str = "nano"
    """Size of the model."""
    units: int = 200
    """Units of each part."""
    threads: tuple[int, ...] = (1, 2)
    """Threads of torch, one after the other; the limits are for 2."""


def parts(model: WanStreamer) -> dict[str, Callable[[], object]]:
    """Each part for one unit."""
    config = model.config
    user, agent = config.user_video, config.agent_video
    sound = torch.randn(1, samples_per_unit(config.user_audio.sample_rate_hz)) * 0.1
    pictures = torch.randint(0, 256, (FRAMES_PER_UNIT, user.height, user.width, 3), dtype=torch.uint8).numpy()
    audio = torch.randn(1, config.agent_audio.tokens_per_unit, config.agent_audio.latent_channels)
    video = torch.randn(1, 1, agent.tokens_per_unit, agent.latent_channels)
    return {
        "encode user audio": lambda: model.embed_heard(model.hear(sound)),
        "encode user video": lambda: model.embed_seen(model.see(as_frames(pictures)[None, None])),
        "decode agent audio": lambda: model.decode_audio(audio),
        "decode agent video": lambda: as_pictures(model.decode_video(video)[0, 0]),
    }


@torch.inference_mode()
def measure(model: WanStreamer, units: int, threads: int) -> dict[str, list[float]]:
    """Milliseconds of each unit of each part, and of both parts of a direction together."""
    torch.set_num_threads(threads)
    stream, times_ms = Stream.of(model), defaultdict[str, list[float]](list)
    run = parts(model)
    with streaming(stream):
        for unit in track(range(WARM_UP_UNITS + units), description=f"{threads} threads"):
            for name, part in run.items():
                start = time.perf_counter()
                part()
                if unit >= WARM_UP_UNITS:
                    times_ms[name].append((time.perf_counter() - start) * 1e3)
    for together, names in PARTS.items():
        times_ms[together] = [sum(both) for both in zip(*(times_ms[name] for name in names), strict=True)]
    return times_ms


def lines(threads: int, times_ms: dict[str, list[float]]) -> Iterator[str]:
    """Rows of the table."""
    for name, times in times_ms.items():
        limit, median = LIMITS_MS.get(name), statistics.median(times)
        verdict = "" if limit is None else f"{limit:g}: {'pass' if median <= limit else '**FAIL**'}"
        yield f"| {threads} | {name} | {median:.1f} | {statistics.quantiles(times, n=10)[-1]:.1f} | {verdict} |"


def main() -> None:
    """Measures and prints the table, in Markdown."""
    options = tyro.cli(Options, description=__doc__)
    # Before the measurement itself adds to it: beside other work the numbers mean nothing.
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    model = untrained(preset(options.preset), 0)
    rows = [line for count in options.threads for line in lines(count, measure(model, options.units, count))]
    print(f"{options.preset}, {describe_machine()}, torch {torch.__version__}, batch 1, {options.units} units")
    print(f"load before: {load:.1f} on {cores} cores{', BUSY: measure again' if load > cores / 2 else ''}\n")
    print("| threads | part | median ms | 90 % | limit |\n|---|---|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
