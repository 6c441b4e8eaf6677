"""The record of one conversation: what was sent, what came back, and when each unit played."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wan_streamer.client.events import Attached, Unit
from wan_streamer.client.playout import Playout
from wan_streamer.telemetry.units_file import ClientRow
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit, unit_start_us


@dataclass(frozen=True, kw_only=True)
class PlayedUnit:
    """One agent unit and what the player did with it."""

    unit: Unit
    playout: Playout


@dataclass(kw_only=True)
class Conversation:
    """Grows while the conversation runs. Times are microseconds on the visitor's capture clock.

    `playout_start_us` is when unit 0 plays; None when nothing came back. `visitor_end_us` is how much of the file was
    sent.
    """

    input_path: Path
    attached: Attached
    units: list[PlayedUnit] = field(default_factory=list)
    playout_start_us: int | None = None
    visitor_end_us: int = 0

    @property
    def unit_count(self) -> int:
        """How many units the agent's track has, counted from index 0."""
        return max((played.unit.unit_index for played in self.units), default=-1) + 1

    @property
    def end_us(self) -> int:
        """When both have ended."""
        agent_us = 0 if self.playout_start_us is None else self.playout_start_us + unit_start_us(self.unit_count)
        return max(self.visitor_end_us, agent_us)

    @property
    def text(self) -> str:
        """All words of the agent."""
        return "".join(played.unit.text for played in self.units)

    def client_rows(self) -> list[ClientRow]:
        """What the client knows of each unit, for units.jsonl."""
        return [_client_row(played) for played in self.units]

    def heard_and_seen(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int16]]]:
        """Frames uint8 [4, height, width, 3] and audio int16 [samples] of each index from 0, as the player showed them.

        Where nothing was played the last picture stands (black before the first one) and the sound is silent.
        """
        by_index = {played.unit.unit_index: played for played in self.units}
        picture = np.zeros((self.attached.video_height, self.attached.video_width, 3), np.uint8)
        silence = np.zeros(samples_per_unit(self.attached.audio_sample_rate_hz), np.int16)
        for unit_index in range(self.unit_count):
            played = by_index.get(unit_index)
            if played is not None and played.playout.is_played:
                frames = played.unit.frames
                picture = frames[-1]
                yield frames, played.unit.audio
            else:
                yield np.broadcast_to(picture, (FRAMES_PER_UNIT, *picture.shape)), silence

    def heard(self) -> NDArray[np.int16]:
        """The agent's sound from unit 0 on, int16 [samples], with silence where nothing was played."""
        samples = samples_per_unit(self.attached.audio_sample_rate_hz)
        sound = np.zeros(self.unit_count * samples, np.int16)
        for played in self.units:
            if played.playout.is_played:
                start = played.unit.unit_index * samples
                sound[start : start + samples] = played.unit.audio
        return sound


def _client_row(played: PlayedUnit) -> ClientRow:
    unit, playout = played.unit, played.playout
    capture_to_playout_us = playout.capture_to_playout_us
    return {
        "unit_index": unit.unit_index,
        "trace_id": unit.trace_id,
        "session_id": unit.session_id,
        "generation": unit.generation,
        "epoch": unit.epoch,
        "outcome": unit.outcome.name,
        "skip_reason": unit.skip_reason.name if unit.skip_reason else "",
        "capture_start_unix_us": unit.capture_time_unix_us,
        "deadline_unix_us": unit.deadline_unix_us,
        "emitted_unix_us": unit.emitted_time_unix_us,
        "model_latency_ms": None if unit.is_skipped else unit.model_latency_ms,
        "capture_to_playout_ms": None if capture_to_playout_us is None else capture_to_playout_us / 1000,
        "missed_playout": playout.is_missed,
        "audio_lost": unit.user_audio_lost,
        "video_lost": unit.user_video_lost,
        "text": unit.text,
    }
