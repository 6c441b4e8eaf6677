"""`python -m wan_streamer.eval.conversations.storyboard`: a talk as a picture and a transcript, for people to judge."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from tyro.conf import Positional, arg

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.unit import FRAMES_PER_UNIT, UNIT_US

Picture = NDArray[np.uint8]
FRAMES_PER_S: Final = FRAMES_PER_UNIT * 1_000_000 // UNIT_US


@dataclass(frozen=True, kw_only=True)
class StoryboardOptions:
    """Draw a talk of an evaluation: the visitors' picture above the agent's every few seconds; print its transcript.

    Raises:
        InvalidInput: too few pictures.
    """

    talk: Annotated[Positional[Path], arg(metavar="TALK")]
    """Folder of the talk: OUT/talks/SYSTEM/NAME."""
    data: Annotated[Path, arg(metavar="DIR")]
    """Data set that its conversation is of."""
    out: Annotated[Path, arg(aliases=["-o"], metavar="FILE")]
    """PNG file."""
    columns: int = 6
    """Moments in a row."""
    rows: int = 2
    """Rows of moments, evenly spaced over the talk."""
    cache: Path = field(default_factory=default_root)
    """Folder of the fetched sources and judges."""

    def __post_init__(self) -> None:
        if min(self.columns, self.rows) < 1:
            raise InvalidInput("got --columns or --rows below 1, expected more", reason="COUNT")


def main(options: StoryboardOptions, console: Console) -> None:
    """Writes the picture and prints the transcript."""
    from wan_streamer.eval.conversations.held_out import choose_conversations
    from wan_streamer.eval.conversations.listen import open_listener
    from wan_streamer.eval.conversations.talk_folder import TalkFolder
    from wan_streamer.eval.conversations.transcript import markdown, transcript
    from wan_streamer.train.data.face.heads import default_heads_folder
    from wan_streamer.train.data.pictures import Pictures

    folder = TalkFolder(options.talk)
    talk = folder.read()
    held_out = next((one for one in choose_conversations([options.data], None) if one.name == talk.name), None)
    if held_out is None:
        raise InvalidInput(f"got {options.data} without {talk.name}, expected the talk's data set", reason="DATA_SET")
    conversation = held_out.conversation()
    moments = options.columns * options.rows
    chosen = [round((index + 0.5) * conversation.unit_count * FRAMES_PER_UNIT / moments) for index in range(moments)]
    agent = list(_at(folder.frames(), chosen))
    height, width = agent[0].shape[:2]
    with Pictures(default_heads_folder(), height=height, width=width) as pictures:
        # Only the moments that are shown are drawn.
        visitors = [next(iter(pictures.visitors(conversation, range(frame, frame + 1)))) for frame in chosen]
    pairs = [np.concatenate(pair) for pair in zip(visitors, agent, strict=True)]
    lines = [np.concatenate(pairs[at:to], axis=1) for at, to in pairwise(range(0, moments + 1, options.columns))]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(lines)).save(options.out, optimize=True)
    heard = open_listener(DataCache(options.cache)).listen(folder)
    seconds = ", ".join(f"{frame / FRAMES_PER_S:.1f}" for frame in chosen)
    text = (
        f"Pictures at {seconds} s.\n\n{markdown(transcript(conversation.timeline, talk.words, heard))}\n\n{options.out}"
    )
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _at(frames: Iterator[Picture], chosen: list[int]) -> Iterator[Picture]:
    wanted = set(chosen)
    return (frame for index, frame in enumerate(frames) if index in wanted)


if __name__ == "__main__":
    sys.exit(run_program(StoryboardOptions, main))
