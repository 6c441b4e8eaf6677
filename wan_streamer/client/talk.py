"""Plays a media file to the agent at real-time pace, as a visitor's device would, and records what comes back."""

import asyncio
from collections.abc import AsyncIterator

from wan_streamer.client.capture import CaptureClock, Piece, read_ahead
from wan_streamer.client.conversation import Conversation, PlayedUnit
from wan_streamer.client.events import Flush, GoAway, Resumed, Unit
from wan_streamer.client.playout import DEFAULT_BUFFER_US, Playout, PlayoutClock
from wan_streamer.client.session import Session, connect
from wan_streamer.errors import WanStreamerError
from wan_streamer.media.files import AudioBlock, MediaFile
from wan_streamer.rpc.status import single_cause
from wan_streamer.rpc.tls import ChannelTls
from wan_streamer.telemetry.flight import FlightRecorder
from wan_streamer.unit import UNIT_US


class Talk:
    """One conversation with a file as the visitor.

    Args:
        media: what the visitor says and shows.
        address: the gateway.
        recorder: takes the client's part of each unit's trace.
        seed: makes what the model draws at random repeatable.
        tls: None: plaintext.
        buffer_us: how long the player waits with the first unit.
    """

    def __init__(
        self,
        media: MediaFile,
        address: str,
        recorder: FlightRecorder,
        *,
        seed: int | None = None,
        tls: ChannelTls | None = None,
        buffer_us: int = DEFAULT_BUFFER_US,
    ) -> None:
        self._media = media
        self._address = address
        self._recorder = recorder
        self._seed = seed
        self._tls = tls
        self._playout_clock = PlayoutClock(buffer_us)
        self._playhead: asyncio.Queue[Playout | None] = asyncio.Queue()
        self._clock = CaptureClock()
        self.conversation: Conversation | None = None
        self.go_away: GoAway | None = None
        self.resume_count = 0
        self.missed_unit_count = 0
        """Units that were lost because no stream was there."""

    @property
    def position_us(self) -> int:
        """Time on the visitor's capture clock; 0 before the first capture."""
        return self._clock.now_us() if self.conversation is not None else 0

    async def play(self) -> None:
        """Plays the file as it is, then says EndOfInput and plays what still comes.

        `conversation` holds what has happened so far, also when this is cancelled or fails.

        Raises:
            WanStreamerError: the file cannot be read, nobody answers, or the session failed.
        """
        async with (
            read_ahead(self._media) as pieces,
            connect(
                self._address,
                audio=self._media.audio_format,
                video=self._media.video_format,
                seed=self._seed,
                tls=self._tls,
                auto_playout=False,
            ) as session,
        ):
            self._clock = CaptureClock()
            self._conversation = Conversation(input_path=self._media.path, attached=session.attached)
            self.conversation = self._conversation
            try:
                await self._converse(session, pieces)
            except BaseExceptionGroup as errors:
                cause = single_cause(errors)
                if isinstance(cause, WanStreamerError):
                    raise cause from errors
                raise

    async def _converse(self, session: Session, pieces: AsyncIterator[Piece]) -> None:
        async with asyncio.TaskGroup() as tasks:
            sender = tasks.create_task(self._send(session, pieces))
            tasks.create_task(self._report_playout(session))
            await self._receive(session)
            sender.cancel()
            self._playhead.put_nowait(None)

    async def _send(self, session: Session, pieces: AsyncIterator[Piece]) -> None:
        async for piece in pieces:
            await self._clock.sleep_until(piece.due_us)
            block = piece.block
            if isinstance(block, AudioBlock):
                await session.send_audio(
                    block.data, first_sample_index=block.first_sample_index, capture_offset_us=block.capture_offset_us
                )
            else:
                await session.send_frame(block.data, block.capture_offset_us)
            self._conversation.visitor_end_us = piece.due_us
        await session.end()

    async def _receive(self, session: Session) -> None:
        async for event in session:
            match event:
                case Unit():
                    self._take(event)
                case Flush():
                    self._flush()
                case GoAway():
                    self.go_away = event
                case Resumed():
                    self.resume_count += 1
            self.missed_unit_count = session.missed_unit_count

    def _take(self, unit: Unit) -> None:
        arrival_us = self._clock.at_monotonic_ns(unit.received_monotonic_ns)
        playout = self._playout_clock.arrived(unit.unit_index, arrival_us, is_skipped=unit.is_skipped)
        self._conversation.playout_start_us = self._playout_clock.start_us
        arrival_unix_ns = self._clock.unix_ns(arrival_us)
        self._conversation.units.append(PlayedUnit(unit=unit, playout=playout))
        self._playhead.put_nowait(playout)
        self._trace(unit, playout, arrival_unix_ns)

    def _trace(self, unit: Unit, playout: Playout, arrival_unix_ns: int) -> None:
        # By the gateway's clock; when that runs ahead of ours the way has no length.
        emitted_unix_ns = min(unit.emitted_time_unix_us * 1000, arrival_unix_ns)
        flight = self._recorder.begin(
            unit.session_id,
            unit.unit_index,
            unit.traceparent,
            generation=unit.generation,
            epoch=unit.epoch,
            start_unix_ns=emitted_unix_ns,
        )
        flight.add_stage("transit", emitted_unix_ns, arrival_unix_ns)
        # A unit that is not played (too late, or skipped) waits for nothing: the stage is there, 0 long.
        wait_until_us = playout.due_us if playout.is_played and playout.due_us is not None else playout.arrival_us
        flight.add_stage("playout_wait", arrival_unix_ns, self._clock.unix_ns(wait_until_us))
        latency_us = playout.capture_to_playout_us
        played = {} if latency_us is None else {"capture_to_playout_ms": latency_us / 1000}
        flight.end(unit.outcome.name, missed_playout=playout.is_missed, **played)

    def _flush(self) -> None:
        now_us = self._clock.now_us()
        units = self._conversation.units
        for position, played in enumerate(units):
            units[position] = PlayedUnit(unit=played.unit, playout=played.playout.flushed_at(now_us))

    async def _report_playout(self, session: Session) -> None:
        """Says of each unit when it begins to play; of what is never played as soon as that is known."""
        end_us = 0
        while (playout := await self._playhead.get()) is not None:
            if playout.is_played and playout.due_us is not None:
                await self._clock.sleep_until(playout.due_us)
                end_us = playout.due_us + UNIT_US
            await session.played(playout.unit_index)
        await self._clock.sleep_until(end_us)
