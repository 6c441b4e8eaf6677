"""Writes the preview of a conversation."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from wan_streamer.errors import InvalidInput
from wan_streamer.media.mp4_writer import Mp4Writer
from wan_streamer.train.data.conversation import AGENT_RATE_HZ, USER_RATE_HZ
from wan_streamer.train.data.preview.page import Page
from wan_streamer.train.data.preview.srt import to_srt
from wan_streamer.train.data.timeline import Timeline
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit

Picture = NDArray[np.uint8]
FULL_SCALE = 32767


def write_preview(
    path: Path,
    timeline: Timeline,
    user_audio: NDArray[np.float32],
    agent_audio: NDArray[np.float32],
    user_frames: Iterable[Picture],
    agent_frames: Iterable[Picture],
    console: Console,
) -> None:
    """Writes an MP4 (the visitors' picture and voice on the left, the agent's on the right) and an SRT beside it.

    Args:
        path: of the MP4; its folder exists.
        user_audio, agent_audio: as long as the timeline, at USER_RATE_HZ and AGENT_RATE_HZ, -1 to 1.
        user_frames, agent_frames: uint8 [height, width, 3] at 25 a second, as many as the timeline has.
        console: shows the progress.

    Raises:
        InvalidInput: sound or pictures do not have the length of the timeline, pictures change their size,
            or the film cannot be written.
        OSError: the subtitles cannot be written.
    """
    units = len(timeline.units)
    _check_length("user audio", len(user_audio), units * samples_per_unit(USER_RATE_HZ))
    _check_length("agent audio", len(agent_audio), units * samples_per_unit(AGENT_RATE_HZ))
    pairs = _pairs(user_frames, agent_frames, units * FRAMES_PER_UNIT)
    first_pair = next(pairs)
    page = Page(timeline, first_pair[0].shape[:2], first_pair[1].shape[:2])
    samples = samples_per_unit(AGENT_RATE_HZ)
    left = _fitted(soxr.resample(user_audio, USER_RATE_HZ, AGENT_RATE_HZ), len(agent_audio))
    with Mp4Writer(path, page.width, page.height, AGENT_RATE_HZ, layout="stereo") as film:
        for unit_index in track(range(units), path.name, console=console, transient=True):
            pictures = []
            for frame in range(unit_index * FRAMES_PER_UNIT, (unit_index + 1) * FRAMES_PER_UNIT):
                user, agent = first_pair if frame == 0 else next(pairs)
                _check_sizes(frame, (user, agent), first_pair)
                pictures.append(page.draw(frame, user, agent))
            heard = slice(unit_index * samples, (unit_index + 1) * samples)
            film.write(np.stack(pictures), _as_int16(left[heard], agent_audio[heard]))
        next(pairs, None)  # an error where pictures are left over
    path.with_suffix(".srt").write_text(to_srt(page.captions), encoding="utf-8")


def _as_int16(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.int16]:
    both = np.clip(np.stack([left, right], axis=1), -1, 1) * FULL_SCALE
    return np.asarray(both.astype(np.int16))


def _pairs(users: Iterable[Picture], agents: Iterable[Picture], frame_count: int) -> Iterator[tuple[Picture, Picture]]:
    """Both pictures of each frame, and an error where one side ends too early or goes on."""
    user_frames, agent_frames = iter(users), iter(agents)
    for frame in range(frame_count):
        user, agent = next(user_frames, None), next(agent_frames, None)
        if user is None or agent is None:
            _check_length("user frames" if user is None else "agent frames", frame, frame_count)
        else:
            yield user, agent
    for name, frames in (("user frames", user_frames), ("agent frames", agent_frames)):
        if next(frames, None) is not None:
            _check_length(name, frame_count + 1, frame_count)


def _check_length(name: str, got: int, expected: int) -> None:
    if got != expected:
        raise InvalidInput(
            f"got {got} of {name}, expected {expected} for the timeline; make them together", reason="PREVIEW"
        )


def _check_sizes(frame: int, pair: tuple[Picture, Picture], first_pair: tuple[Picture, Picture]) -> None:
    for picture, first in zip(pair, first_pair, strict=True):
        if picture.shape != first.shape or picture.dtype != np.uint8:
            raise InvalidInput(
                f"got a picture {picture.dtype} {picture.shape} at frame {frame}, expected uint8 {first.shape}",
                reason="PREVIEW",
            )


def _fitted(samples: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Resampling may end a sample early or late."""
    return np.pad(samples[:count], (0, max(0, count - len(samples))))
