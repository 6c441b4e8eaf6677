"""What `wan-streamer run`, `serve` and `talk` do."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from wan_streamer.client.interruption import Interruption
from wan_streamer.client.report import TalkProgress, show_summary, weights_sentence
from wan_streamer.client.results import ResultFiles, write_records, write_videos
from wan_streamer.client.suite import HURRIED_STOP_LIMIT_S, STOP_LIMIT_S, Suite, SuiteOptions
from wan_streamer.client.talk import Talk
from wan_streamer.errors import WanStreamerError
from wan_streamer.media.files import MediaFile, read_media
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.config import otlp_endpoint_from_environment
from wan_streamer.telemetry.flight import FlightRecorder
from wan_streamer.telemetry.traces import configure_tracing
from wan_streamer.v1.thinker_pb2 import DescribeThinkerRequest
from wan_streamer.v1.thinker_pb2_grpc import ThinkerServiceStub

PROGRESS_INTERVAL_S: Final = 0.1
# The services write their spans every 200 ms.
SPAN_DELAY_S: Final = 0.5
# After Ctrl-C the videos are cut off then; two seconds are the limit for everything.
HURRIED_VIDEO_LIMIT_S: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class TalkOptions:
    """How a file is played.

    Args:
        path: the media file.
        out: where the results go.
        seed: of what the model draws at random; None: the gateway draws one.
        buffer_ms: how long the player waits with the first unit.
    """

    path: Path
    out: Path
    seed: int | None
    buffer_ms: float


async def run(options: TalkOptions, suite_options: SuiteOptions, console: Console) -> None:
    """Starts the suite, plays the file through it, stops it and writes the results.

    Raises:
        WanStreamerError: what went wrong; what could be written was written.
    """
    media, files = read_media(options.path), ResultFiles(out=options.out)
    files.prepare()
    _forget_spans(suite_options.trace_dir)
    with Interruption() as interruption:
        async with AsyncExitStack() as stack:
            suite = await _started(suite_options, stack, interruption, console)
            if suite is None:
                return
            talk, failure = await _play(options, media, suite.address, suite_options.trace_dir, interruption, console, suite)
            stopping = asyncio.create_task(suite.stop(HURRIED_STOP_LIMIT_S if interruption.is_requested else STOP_LIMIT_S))
            await _finish(talk, media, files, suite_options.trace_dir, interruption, console, stopping)
            if failure is not None:
                raise failure


async def talk(options: TalkOptions, address: str, trace_dir: Path | None, console: Console) -> None:
    """Plays the file to a suite that runs already and writes the results.

    Raises:
        WanStreamerError: what went wrong; what could be written was written.
    """
    media, files = read_media(options.path), ResultFiles(out=options.out)
    files.prepare()
    own_trace_dir = trace_dir or options.out / "traces"
    with Interruption() as interruption:
        spoken, failure = await _play(options, media, address, own_trace_dir, interruption, console, None)
        delay_s = SPAN_DELAY_S if trace_dir is not None else 0.0
        flushing = asyncio.create_task(asyncio.sleep(delay_s))
        await _finish(spoken, media, files, own_trace_dir, interruption, console, flushing)
        if failure is not None:
            raise failure


async def serve(suite_options: SuiteOptions, console: Console) -> None:
    """Keeps the suite running until Ctrl-C.

    Raises:
        WanStreamerError: a service did not start or ended by itself.
    """
    ResultFiles(out=suite_options.out).prepare_directory()
    _forget_spans(suite_options.trace_dir)
    with Interruption() as interruption:
        async with AsyncExitStack() as stack:
            suite = await _started(suite_options, stack, interruption, console)
            if suite is None:
                return
            _show_how_to_connect(console, suite, await _model_description(suite))
            failure = await interruption.unless(suite.wait_for_failure())
            await suite.stop(HURRIED_STOP_LIMIT_S)
            if failure is not None:
                raise failure
            console.print("stopped")
