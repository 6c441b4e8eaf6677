"""Pictures of a data set's conversations as training data of a video codec."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from wan_streamer.unit import FRAMES_PER_UNIT

Side = Literal["agent", "visitors"]

# Of each conversation five seconds: a picture changes little in a minute, so many scenes teach more than long ones, and
# a second of pictures takes 2 MB on disk.
TAKE_UNITS: Final = 32


@dataclass(frozen=True, kw_only=True)
class Take:
    """Some seconds of one side of a conversation, drawn from its curves; `folder` is the data set's."""

    folder: Path
    index: int
    side: Side
    name: str


def takes_of(folder: Path) -> list[Take]:
    """Both sides of every conversation; the sides are named like folders, so each is learned from as often.

    Raises:
        InvalidInput: it is no data set, a shard is damaged, or it holds what is kept out of training.
    """
    # Without the train extra an audio codec can still be trained.
    from wan_streamer.train.data.store.data_set import DataSet

    data = DataSet(folder)
    data.check_for_training()
    sides: tuple[Side, ...] = ("agent", "visitors")
    return [
        Take(folder=folder, index=index, side=side, name=f"{side}/{folder.name}/{index:05d}")
        for index, side in itertools.product(range(len(data)), sides)
    ]


def take_units(take: Take, height: int, width: int) -> Iterator[NDArray[np.uint8]]:
    """At most TAKE_UNITS units that follow each other, from a place by chance, uint8 [1, 4, height, width, 3].

    The same take gives the same units.

    Raises:
        InvalidInput: a shard is damaged, the faces are not exported, or there is no OpenGL.
    """
    from wan_streamer.train.data.face.heads import default_heads_folder
    from wan_streamer.train.data.pictures import Pictures
    from wan_streamer.train.data.store.data_set import DataSet

    conversation = DataSet(take.folder).conversation(take.index)
    count = min(TAKE_UNITS, conversation.unit_count)
    first = random.Random(f"{take.index} {take.side}").randrange(conversation.unit_count - count + 1)  # noqa: S311  - draws data
    frames = range(first * FRAMES_PER_UNIT, (first + count) * FRAMES_PER_UNIT)
    with Pictures(default_heads_folder(), height=height, width=width) as pictures:
        if take.side == "agent":
            drawn = pictures.agent(conversation, frames)
        else:
            drawn = pictures.visitors(conversation, frames)
        for _ in range(count):
            yield np.stack(list(itertools.islice(drawn, FRAMES_PER_UNIT)))[None]
