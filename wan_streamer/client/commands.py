"""What `wan-streamer run`, `serve` and `talk` do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from wan_streamer.client.file_talk import FileTalk, TalkOptions
from wan_streamer.client.interruption import Interruption
from wan_streamer.client.report import weights_sentence
from wan_streamer.client.results import prepare_trace_dir
from wan_streamer.client.suite import HURRIED_STOP_LIMIT_S, STOP_LIMIT_S, Suite, SuiteOptions
from wan_streamer.rpc.channel import open_channel
from wan_streamer.v1.thinker_pb2 import DescribeThinkerRequest
from wan_streamer.v1.thinker_pb2_grpc import ThinkerServiceStub

# The services write their spans every 200 ms.
SPAN_DELAY_S: Final = 0.5


async def run(options: TalkOptions, suite_options: SuiteOptions, console: Console) -> bool:
    """Starts the suite, plays the file through it, stops it and writes the results; False after Ctrl-C.

    Raises:
        WanStreamerError: what went wrong; what could be written was written.
    """
    with Interruption() as interruption:
        file_talk = FileTalk(options, suite_options.trace_dir, interruption, console)
        async with _suite(suite_options, interruption, console) as suite:
            if suite is None:
                return False
            await file_talk.play(suite.address, suite)
            limit_s = HURRIED_STOP_LIMIT_S if interruption.is_requested else STOP_LIMIT_S
            await file_talk.finish(asyncio.create_task(suite.stop(limit_s)))
        return not interruption.is_requested


async def talk(options: TalkOptions, address: str, trace_dir: Path | None, console: Console) -> None:
    """Plays the file to a suite that runs already and writes the results.

    Args:
        trace_dir: where that suite writes its spans, when it runs on this machine.

    Raises:
        WanStreamerError: what went wrong; what could be written was written.
    """
    own_trace_dir = options.out / "traces"
    with Interruption() as interruption:
        if trace_dir is None:
            prepare_trace_dir(own_trace_dir)
        file_talk = FileTalk(options, trace_dir or own_trace_dir, interruption, console)
        await file_talk.play(address)
        await file_talk.finish(asyncio.sleep(SPAN_DELAY_S if trace_dir else 0.0))


async def serve(suite_options: SuiteOptions, console: Console) -> None:
    """Keeps the suite running until Ctrl-C.

    Raises:
        WanStreamerError: a service did not start or ended by itself.
    """
    with Interruption() as interruption:
        async with _suite(suite_options, interruption, console) as suite:
            if suite is None:
                return
            _show_how_to_connect(console, suite, await _model_description(suite))
            failure = await interruption.unless(suite.wait_for_failure())
            await suite.stop(HURRIED_STOP_LIMIT_S)
            if failure is not None:
                raise failure
        console.print("The suite has stopped.")


@asynccontextmanager
async def _suite(options: SuiteOptions, interruption: Interruption, console: Console) -> AsyncIterator[Suite | None]:
    """A healthy suite, stopped at the end; None when Ctrl-C came before it was healthy."""
    prepare_trace_dir(options.trace_dir)
    with console.status("starting the suite") as status:
        suite = Suite(
            options, lambda name: status.update(f"waiting for the {name} (log: {options.log_dir / name}.log)")
        )
        started = await interruption.unless(suite.start())
    if not started:
        console.print("Stopped before the suite was ready.")
        yield None
        return
    try:
        yield suite
    finally:
        await suite.stop(HURRIED_STOP_LIMIT_S)


async def _model_description(suite: Suite) -> str:
    async with open_channel(suite.process("thinker").address) as channel:
        answer = await ThinkerServiceStub(channel).DescribeThinker(DescribeThinkerRequest(), timeout=5.0)
    return answer.model.text


def _show_how_to_connect(console: Console, suite: Suite, model_description: str) -> None:
    options, address = suite.options, suite.address
    lines = [
        f"The suite is ready at {address} ({model_description}).",
        f"  talk to it    wan-streamer talk FILE --server {address} --trace-dir {options.trace_dir}",
        f"  look at it    grpcurl -plaintext {address} describe wan_streamer.v1.SessionService",
        f"  its health    grpcurl -plaintext {address} grpc.health.v1.Health/Check",
        f"  its logs      {options.log_dir}",
    ]
    if options.metrics_port:
        ports = range(options.metrics_port, options.metrics_port + 3)
        addresses = ", ".join(f"http://127.0.0.1:{port}/metrics" for port in ports)
        lines.append(f"  its metrics   {addresses} (gateway, thinker, performer)")
    if sentence := weights_sentence(model_description):
        lines.append(sentence)
    lines.append("Ctrl-C stops it.")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
