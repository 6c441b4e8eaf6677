"""A talk on disk: what the agent said and showed in a conversation, kept for whoever wants to look and listen.

agent.flac: its sound. agent.mp4: its picture, with the visitors' voices on the left and its own on the right.
talk.json: its words by unit, and what it was made from. The judges read these files and nothing else.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from wan_streamer.engine.exchange import AgentOutput
from wan_streamer.errors import InvalidInput
from wan_streamer.eval.conversations.flac import from_flac, to_flac
from wan_streamer.media.mp4_writer import Mp4Writer

SOUND, FILM, ABOUT = "agent.flac", "agent.mp4", "talk.json"
PART: Final = ".part"


@dataclass(frozen=True, kw_only=True)
class Talk:
    """What is known of a talk besides its media.

    Attributes:
        made_from: all that it follows from, data and weights by their hashes.
        words: what the agent wrote, by unit.
        has_film: whether there are pictures.
        unit_ms: mean time that a unit took.
    """

    system: str
    name: str
    made_from: dict[str, str]
    words: tuple[str, ...]
    has_film: bool
    unit_ms: float

    @property
    def text(self) -> str:
        """All words."""
        return " ".join("".join(self.words).split())


@dataclass(frozen=True)
class TalkFolder:
    """The folder of a talk."""

    path: Path

    def find(self) -> Talk | None:
        """The talk, None where there is none yet.

        Raises:
            InvalidInput: its talk.json cannot be read.
        """
        file = self.path / ABOUT
        if not file.is_file():
            return None
        try:
            content: dict[str, Any] = json.loads(file.read_text("utf-8"))
            return Talk(**{**content, "words": tuple(content["words"])})
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput(f"got {file} that is no talk ({error}); delete its folder", reason="TALK") from error

    def read(self) -> Talk:
        """The talk.

        Raises:
            InvalidInput: there is none, or it cannot be read.
        """
        talk = self.find()
        if talk is None:
            raise InvalidInput(f"got no talk in {self.path}, expected one; make it first", reason="TALK")
        return talk

    def sound(self) -> tuple[NDArray[np.float32], int]:
        """The agent's samples in -1..1, [S], and their rate.

        Raises:
            InvalidInput: the file is damaged.
            OSError: it is missing.
        """
        return from_flac((self.path / SOUND).read_bytes())

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """The agent's pictures, sRGB [height, width, 3] each.

        Raises:
            InvalidInput: the film is damaged.
        """
        try:
            with av.open(str(self.path / FILM)) as container:
                for frame in container.decode(video=0):
                    yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        except (av.FFmpegError, IndexError) as error:
            raise InvalidInput(f"got {self.path / FILM} that cannot be read ({error})", reason="TALK") from error


@dataclass(frozen=True, kw_only=True)
class TalkMedia:
    """The shape of a talk's media: rate of the sound, size of the pictures; no film when `height` is 0."""

    rate_hz: int
    height: int
    width: int


class TalkWriter:
    """Writes a talk unit by unit beside its place; it gets its name when it is whole.

    A context manager; an interrupted talk leaves nothing.
    """

    def __init__(self, folder: Path, media: TalkMedia) -> None:
        self._folder, self._media = folder, media
        self._part = folder.with_name(f".{folder.name}.{os.getpid()}{PART}")
        self._sounds: list[NDArray[np.int16]] = []
        self._words: list[str] = []
        self._stack = ExitStack()
        self._film: Mp4Writer | None = None

    def __enter__(self) -> "TalkWriter":
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.mkdir(parents=True)
        if self._media.height:
            film = Mp4Writer(
                self._part / FILM,
                self._media.width,
                self._media.height,
                self._media.rate_hz,
                layout="stereo",
                source_type="compositeWithTrainedAlgorithmicMedia",
            )
            self._film = self._stack.enter_context(film)
        return self

    def write(self, output: AgentOutput, visitors: NDArray[np.int16]) -> None:
        """A unit.

        Args:
            visitors: what they say meanwhile, as many samples as the agent's.
        """
        self._sounds.append(output.audio)
        self._words.append(output.text)
        if self._film is not None:
            self._film.write(output.video, np.stack([visitors, output.audio], axis=1))

    def finish(self, system: str, made_from: dict[str, str], unit_ms: float) -> None:
        """Puts the talk into its place."""
        self._stack.close()
        talk = Talk(
            system=system,
            name=self._folder.name,
            made_from=made_from,
            words=tuple(self._words),
            has_film=self._film is not None,
            unit_ms=round(unit_ms, 1),
        )
        (self._part / SOUND).write_bytes(to_flac(np.concatenate(self._sounds), self._media.rate_hz))
        (self._part / ABOUT).write_text(json.dumps(asdict(talk), ensure_ascii=False) + "\n", "utf-8")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._part.rename(self._folder)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # After `finish` there is nothing left to close or to remove.
        self._stack.__exit__(kind, error, None)
        shutil.rmtree(self._part, ignore_errors=True)


def remove_parts(talks: Path) -> None:
    """Removes what killed processes have left below a folder of talks; nobody else may be writing there."""
    for part in talks.glob(f"*/.*{PART}"):
        shutil.rmtree(part, ignore_errors=True)
