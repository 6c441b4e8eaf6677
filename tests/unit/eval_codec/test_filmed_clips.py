from dataclasses import replace

import pytest

pytest.importorskip("pyarrow", reason="data sets need the train extra")
pytest.importorskip("moderngl", reason="drawing needs the train extra")

from tests.support.conversations import small_conversation
from wan_streamer.errors import InvalidInput
from wan_streamer.eval.codec.filmed_clips import LEAST_UNITS, MOST_UNITS, choose_places, held_out_conversations
from wan_streamer.train.data.conversation import Conversation
from wan_streamer.train.data.generate.splits import split_of

HELD_OUT_FACE = next(name for name in (f"face-{n:03d}" for n in range(200)) if split_of("face", name) == "held_out")
TRAIN_FACE = next(name for name in (f"face-{n:03d}" for n in range(200)) if split_of("face", name) == "train")


class Shelf(list[Conversation]):
    """A data set in memory."""

    folder = "shelf"

    def conversation(self, index: int) -> Conversation:
        return self[index]


def conversation(face: str, words: int) -> Conversation:
    made = small_conversation(words=words)
    visitors = tuple(replace(visitor, face=face) for visitor in made.script.visitors)
    return replace(made, script=replace(made.script, visitors=visitors))


def test_only_conversations_with_new_faces_are_taken() -> None:
    """Of two conversations the one with a face of training is left out; with none left it is an error."""
    assert held_out_conversations(Shelf([conversation(TRAIN_FACE, 4), conversation(HELD_OUT_FACE, 4)])) == [1]
    with pytest.raises(InvalidInput, match="--faces held_out") as error:
        held_out_conversations(Shelf([conversation(TRAIN_FACE, 4)]))
    assert error.value.reason == "HELD_OUT"


def test_places_are_around_speech_and_not_too_long() -> None:
    """A turn of 9 s gives a piece of 32 units that begins with it; one of less than 2 s gives none."""
    shelf = Shelf([conversation(HELD_OUT_FACE, 30)])
    (place,) = choose_places(shelf, "visitors", 5, 0)
    assert len(place.units) == MOST_UNITS
    assert place.units.start == 400 // 160
    assert LEAST_UNITS * 0.16 > 3 * 0.3
    with pytest.raises(InvalidInput, match="no piece"):
        choose_places(shelf, "agent", 5, 0)
