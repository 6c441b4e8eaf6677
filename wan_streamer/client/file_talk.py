"""A file played to the agent on the console: progress, results, tables."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from wan_streamer.client.interruption import Interruption
from wan_streamer.client.report import show_progress, show_summary, weights_sentence
from wan_streamer.client.results import ResultFiles, write_records, write_videos
from wan_streamer.client.side_by_side import MAX_HEIGHT
from wan_streamer.client.suite import Suite
from wan_streamer.client.talk import Talk
from wan_streamer.errors import WanStreamerError
from wan_streamer.media.files import read_media
from wan_streamer.rpc.config import otlp_endpoint_from_environment
from wan_streamer.rpc.tls import ChannelTls
from wan_streamer.telemetry.flight import FlightRecorder
from wan_streamer.telemetry.traces import configure_tracing

DEATH_DELAY_S: Final = 0.3
# After Ctrl-C the videos are cut off then: two seconds are the limit for everything.
HURRIED_VIDEO_LIMIT_S: Final = 1.3
# Then the pictures are small, so that more of the conversation fits into that time.
HURRIED_HEIGHT: Final = 180


@dataclass(frozen=True, kw_only=True)
class TalkOptions:
    """How a file is played.

    Args:
        path: the media file.
        out: where the results go.
        seed: of what the model draws at random; None: the gateway draws one.
        buffer_ms: how long the player waits with the first unit.
        tls: how to call the gateway; None: plaintext.
    """

    path: Path
    out: Path
    seed: int | None
    buffer_ms: float
    tls: ChannelTls | None = None


class FileTalk:
    """Plays one file once: `play`, then `finish`.

    Raises:
        InvalidInput: the file cannot be read or the results cannot be written.
    """

    def __init__(self, options: TalkOptions, trace_dir: Path, interruption: Interruption, console: Console) -> None:
        self._options = options
        self._trace_dir = trace_dir
        self._interruption = interruption
        self._console = console
        self._media = read_media(options.path)
        self._files = ResultFiles(out=options.out)
        self._files.prepare()
        self._failure: WanStreamerError | None = None

    async def play(self, address: str, suite: Suite | None = None) -> None:
        """Plays until the conversation is over, Ctrl-C, or a failure, of the session or of a service of `suite`."""
        tracing = configure_tracing("client", trace_dir=self._trace_dir, otlp_endpoint=otlp_endpoint_from_environment())
        with tracing:
            self._talk = Talk(
                self._media,
                address,
                FlightRecorder(tracing),
                seed=self._options.seed,
                tls=self._options.tls,
                buffer_us=round(self._options.buffer_ms * 1000),
            )
            try:
                await self._interruption.unless(self._watched(suite))
            except WanStreamerError as error:
                self._failure = error
        if self._talk.go_away is not None:
            self._say(f"[yellow]The gateway goes away ({self._talk.go_away.reason}).[/yellow]")
        if self._talk.resume_count:
            missed = f"{self._talk.missed_unit_count} units missed"
            self._say(
                f"[yellow]The stream was lost {self._talk.resume_count} times and taken up again; {missed}.[/yellow]"
            )
        if self._interruption.is_requested:
            self._say("Stopped; writing what there is.")
        if self._failure is not None and self._talk.conversation is not None:
            cause = escape(str(self._failure).partition("\n")[0])
            self._say(f"[red]The conversation broke off: {cause}[/red]\nWriting what there is.")

    async def finish(self, spans_written: Awaitable[None]) -> None:
        """Writes the results and shows them; `spans_written` returns when the services have written their spans.

        Raises:
            WanStreamerError: the failure that ended `play`.
        """
        conversation = self._talk.conversation
        if conversation is not None:
            hurries = self._interruption.is_requested
            max_height = HURRIED_HEIGHT if hurries else MAX_HEIGHT
            writing = asyncio.create_task(
                write_videos(conversation, self._media, self._files, self._may_go_on, max_height=max_height)
            )
            with self._console.status("writing the videos"):
                await spans_written
                notes = await writing
            summary = write_records(conversation, self._trace_dir, self._files)
            show_summary(self._console, summary, self._files)
            for note in notes:
                self._say(f"Cut short: {note}.")
            if sentence := weights_sentence(conversation.attached.model_description):
                self._say(sentence)
        else:
            await spans_written
        if self._failure is not None:
            raise self._failure

    def _may_go_on(self) -> bool:
        return self._interruption.has_left(HURRIED_VIDEO_LIMIT_S)

    async def _watched(self, suite: Suite | None) -> None:
        """Plays with a progress bar; ends at once with the failure of a service."""
        playing = asyncio.create_task(self._talk.play())
        ticking = asyncio.create_task(show_progress(self._console, self._talk, self._media.duration_us))
        watching = asyncio.create_task(_watch(suite))
        try:
            await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done() and playing.exception() is not None:
                # A service that dies breaks the call a moment before its end is seen; it is the better answer.
                await asyncio.wait({watching}, timeout=DEATH_DELAY_S)
        finally:
            await _cancelled(playing, ticking, watching)
        if not watching.cancelled():
            raise watching.result()
        playing.result()

    def _say(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False, soft_wrap=True)


async def _watch(suite: Suite | None) -> WanStreamerError:
    """The failure of a service; without a suite of ours it never comes."""
    if suite is None:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")
    return await suite.wait_for_failure()


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
