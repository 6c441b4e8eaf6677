"""Pieces of conversations with faces that no training sees, drawn: the agent while it speaks, and visitors."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.conversation import Conversation
from wan_streamer.train.data.events import AgentTurn
from wan_streamer.train.data.face.heads import default_heads_folder
from wan_streamer.train.data.generate.splits import split_of
from wan_streamer.train.data.pictures import Pictures
from wan_streamer.train.data.store.data_set import DataSet
from wan_streamer.train.data.timeline import Utterance
from wan_streamer.train.takes import Side
from wan_streamer.unit import FRAMES_PER_UNIT, UNIT_US

# The longest and the shortest piece: 5.12 s and 1.92 s.
MOST_UNITS, LEAST_UNITS = 32, 12
JAW: Final = "jawOpen"


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmedClip:
    """A piece of one side.

    Attributes:
        film: uint8 [frames, height, width, 3], whole units.
        jaw: what opened the agent's mouth, [frames]; None for visitors.
    """

    film: NDArray[np.uint8]
    jaw: NDArray[np.float64] | None


@dataclass(frozen=True, kw_only=True)
class Place:
    """A piece of a data set: units `units` of conversation `index`."""

    index: int
    units: range


def held_out_conversations(data_set: DataSet) -> list[int]:
    """Those whose visitors all have held-out faces.

    Raises:
        InvalidInput: HELD_OUT, there is none.
    """
    found = [index for index in range(len(data_set)) if _is_held_out(data_set.conversation(index))]
    if not found:
        raise InvalidInput(
            f"got the data set {data_set.folder} whose {len(data_set)} conversations all have faces of training, "
            "expected held-out ones; make some with wan-streamer data render --faces held_out",
            reason="HELD_OUT",
        )
    return found


def choose_places(data_set: DataSet, side: Side, count: int, seed: int) -> list[Place]:
    """So many pieces, each around something that this side says, in an order that the seed draws.

    Raises:
        InvalidInput: HELD_OUT, nobody is held out, or this side never speaks long enough.
    """
    places = [place for index in held_out_conversations(data_set) for place in _places(data_set, index, side)]
    if not places:
        raise InvalidInput(
            f"got no piece of {LEAST_UNITS} units around speech of the {side} in {data_set.folder}, expected some; "
            "make more conversations",
            reason="HELD_OUT",
        )
    return sorted(places, key=lambda place: hashlib.sha256(f"{seed} {place}".encode()).hexdigest())[:count]


def draw_clips(data_set: DataSet, places: Sequence[Place], side: Side, height: int, width: int) -> Iterator[FilmedClip]:
    """Draws pieces.

    Raises:
        InvalidInput: a shard is damaged, the faces are not exported, or there is no OpenGL.
    """
    with Pictures(default_heads_folder(), height=height, width=width) as pictures:
        for place in places:
            conversation = data_set.conversation(place.index)
            frames = range(place.units.start * FRAMES_PER_UNIT, place.units.stop * FRAMES_PER_UNIT)
            if side == "visitors":
                yield FilmedClip(film=np.stack(list(pictures.visitors(conversation, frames))), jaw=None)
                continue
            jaw = conversation.agent_curves.column(JAW)[frames.start : frames.stop].astype(np.float64)
            yield FilmedClip(film=np.stack(list(pictures.agent(conversation, frames))), jaw=jaw)


def _is_held_out(conversation: Conversation) -> bool:
    return all(split_of("face", visitor.face) == "held_out" for visitor in conversation.script.visitors)


def _places(data_set: DataSet, index: int, side: Side) -> Iterator[Place]:
    conversation = data_set.conversation(index)
    for utterance in conversation.timeline.utterances:
        if isinstance(utterance.event, AgentTurn) == (side == "agent"):
            units = _units(utterance, conversation.unit_count)
            if len(units) >= LEAST_UNITS:
                yield Place(index=index, units=units)


def _units(utterance: Utterance, unit_count: int) -> range:
    first = utterance.begin_us // UNIT_US
    return range(first, min(first + MOST_UNITS, -(-utterance.end_us // UNIT_US), unit_count))
