"""What a conversation leaves behind: two videos, the units with their traces, the timeline and the words."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wan_streamer.client.conversation import Conversation
from wan_streamer.client.reply import write_reply
from wan_streamer.client.side_by_side import MAX_HEIGHT, write_side_by_side
from wan_streamer.errors import InvalidInput
from wan_streamer.media.files import MediaFile
from wan_streamer.telemetry.summary import RunSummary, summarize
from wan_streamer.telemetry.timeline import write_timeline
from wan_streamer.telemetry.units_file import read_units_file, write_units_file


@dataclass(frozen=True, kw_only=True)
class ResultFiles:
    """Where everything goes, below one directory."""

    out: Path

    @property
    def reply(self) -> Path:
        """The agent's picture and sound."""
        return self.out / "reply.mp4"

    @property
    def conversation(self) -> Path:
        """Visitor and agent side by side."""
        return self.out / "conversation.mp4"

    @property
    def units(self) -> Path:
        """One line a unit, with its spans."""
        return self.out / "units.jsonl"

    @property
    def timeline(self) -> Path:
        """The units drawn."""
        return self.out / "timeline.html"

    @property
    def transcript(self) -> Path:
        """The agent's words; only when there are any."""
        return self.out / "transcript.txt"

    def prepare(self) -> None:
        """Makes the directory and removes the results of an earlier run, so that nothing is mixed up.

        Raises:
            InvalidInput: the directory cannot be written.
        """
        with _writable(self.out):
            for path in (self.reply, self.conversation, self.units, self.timeline, self.transcript):
                path.unlink(missing_ok=True)


def prepare_trace_dir(trace_dir: Path) -> None:
    """Makes the directory for spans and removes those of earlier runs.

    Raises:
        InvalidInput: the directory cannot be written.
    """
    with _writable(trace_dir):
        for path in trace_dir.glob("*.jsonl"):
            path.unlink(missing_ok=True)


@contextmanager
def _writable(directory: Path) -> Iterator[None]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise InvalidInput(
            f"got {directory} to write to, which cannot be written ({error.strerror}); choose another with --out",
            reason="OUT_DIRECTORY",
        ) from error


async def write_videos(
    conversation: Conversation,
    media: MediaFile,
    files: ResultFiles,
    may_go_on: Callable[[], bool],
    *,
    max_height: int = MAX_HEIGHT,
) -> list[str]:
    """Writes reply.mp4 and conversation.mp4 (at most so high) in threads; they ask `may_go_on` each unit.

    Returns:
        What is not whole, in words.
    """
    if not conversation.units:
        return ["no unit came back, so there are no videos"]
    unit_count, seconds = await asyncio.gather(
        asyncio.to_thread(write_reply, conversation, files.reply, may_go_on),
        asyncio.to_thread(
            write_side_by_side, conversation, media, files.conversation, may_go_on, max_height=max_height
        ),
    )
    notes = []
    if unit_count < conversation.unit_count:
        notes.append(f"{files.reply.name} holds the first {unit_count} of {conversation.unit_count} units")
    if seconds * 1e6 < conversation.end_us:
        notes.append(f"{files.conversation.name} holds {seconds:.1f} of {conversation.end_us / 1e6:.1f} s")
    return notes


def write_records(conversation: Conversation, trace_dir: Path, files: ResultFiles) -> RunSummary:
    """Writes units.jsonl (from the client's rows and the spans in `trace_dir`), the timeline and the words."""
    if conversation.text:
        files.transcript.write_text(conversation.text + "\n", encoding="utf-8")
    write_units_file(conversation.client_rows(), trace_dir, files.units)
    rows = read_units_file(files.units)
    if rows:
        write_timeline(files.units, files.timeline)
    return summarize(rows)
