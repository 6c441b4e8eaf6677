"""`python -m wan_streamer.train.data.preview_command`: what `wan-streamer data preview` starts."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import arg

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.conversation import Conversation
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.face.heads import default_heads_folder
from wan_streamer.train.data.make import ConversationMaker
from wan_streamer.train.data.pictures import Pictures
from wan_streamer.train.data.preview import write_preview
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.data.store.data_set import DataSet
from wan_streamer.unit import FRAMES_PER_UNIT


@dataclass(frozen=True, kw_only=True)
class PreviewOptions(DrawOptions):
    """Write films of conversations with subtitles and a label track, to look at and listen to."""

    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory for NAME.mp4 of each conversation."""
    data_set: Annotated[Path | None, arg(metavar="DIR")] = None
    """Show the first --count conversations of a data set instead of drawing new ones."""
    height: int = 128
    """Rows of each picture."""
    width: int = 224
    """Columns of each picture."""
    cache: Path = field(default_factory=default_root)
    """Folder of the fetched sources."""


def preview(options: PreviewOptions, console: Console) -> None:
    """Writes the films.

    Raises:
        InvalidInput: options, domain or data set are wrong, a source is not fetched, the faces are not exported.
        OSError: a film cannot be written.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    with Pictures(default_heads_folder(), height=options.height, width=options.width) as pictures:
        for conversation in _conversations(options):
            path = options.out / f"{conversation.script.name}.mp4"
            frames = range(conversation.unit_count * FRAMES_PER_UNIT)
            write_preview(
                path,
                conversation.timeline,
                conversation.user_audio,
                conversation.agent_audio,
                pictures.visitors(conversation, frames),
                pictures.agent(conversation, frames),
                console,
            )
            console.print(f"{path}: {conversation.timeline.duration_us / 1e6:.1f} s", highlight=False, soft_wrap=True)


def _conversations(options: PreviewOptions) -> Iterator[Conversation]:
    if options.data_set is not None:
        data_set = DataSet(options.data_set)
        if options.count > len(data_set):
            raise InvalidInput(
                f"got --count {options.count}, expected at most the {len(data_set)} conversations of "
                f"{options.data_set}",
                reason="COUNT",
            )
        yield from (data_set.conversation(index) for index in range(options.count))
        return
    maker = ConversationMaker(DataCache(options.cache), options.agent)
    for script in options.generator().scripts(options.seed, options.count):
        yield maker.make(script)


if __name__ == "__main__":
    sys.exit(run_program(PreviewOptions, preview))
