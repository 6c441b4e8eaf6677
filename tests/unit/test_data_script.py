"""Scripts: what can be said in one, and which mistakes are found at once."""

import pickle
from typing import Any

import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.script import (
    AgentTurn,
    Backchannel,
    Interruption,
    Moment,
    NoiseBed,
    Pause,
    Script,
    Silence,
    Sound,
    UserTurn,
    Visitor,
    VisitorAction,
)

ANN = Visitor(id="ann", voice="tone-1", face="face-1")
BEN = Visitor(id="ben", voice="tone-2", face="face-2")


def user(**changes: Any) -> UserTurn:
    return UserTurn(**{"id": "u", "visitor": "ann", "text": "one two three", "intent": "x", "phrasing": "x"} | changes)


def agent(**changes: Any) -> AgentTurn:
    given = {"id": "a", "begins": Moment(of="u", edge="end"), "text": "four five", "intent": "x", "answers": "u"}
    return AgentTurn(**given | changes)


def script(*events: Any) -> Script:
    return Script(name="s", domain="d", family="f", visitors=(ANN, BEN), events=events)


def test_a_script_knows_its_events_by_id_and_travels_to_workers() -> None:
    """Events are found by id, and a script survives pickling, as worker processes need it."""
    made = script(user(), agent())
    assert made.by_id["a"] == agent()
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: script(user(), user()), "'u' twice"),
        (lambda: script(user(id="ann")), "'ann' twice"),
        (lambda: user(id="start"), "the id 'start'"),
        (lambda: user(id="a b"), "letters, digits"),
        (lambda: script(user(begins=Moment(of="nobody"))), "'nobody' in 'u'"),
        (lambda: script(user(visitor="carl")), "'carl' in 'u', expected one of ann, ben"),
        (lambda: script(user(to="ann")), "'agent' or another visitor"),
        (lambda: script(user(), agent(answers="a")), "the id of a user turn or an action"),
        (lambda: script(user(needs="w"), wave()), "the id of a turn"),
        (lambda: script(user(interrupts=Interruption(turn="u", yields_after_ms=200))), "the id of an agent turn"),
        (lambda: script(user(), murmur(during="u")), "the id of an agent turn"),
        (lambda: script(user(), agent(begins=Moment(of="u", word_index=3))), "word 3 of 'u', which has 3 words"),
        (lambda: script(wave(), user(begins=Moment(of="w", word_index=0))), "which is no speech"),
        (lambda: Moment(of="u", word_index=-1), "0 for the first word"),
        (lambda: Moment(word_index=1), "the start has no words"),
        (lambda: user(text="  "), "words on one line"),
        (lambda: user(text="one\ntwo"), "words on one line"),
        (lambda: user(pauses=(Pause(after_word_index=2, duration_ms=100),)), "rising numbers from 0 to 1"),
        (lambda: Pause(after_word_index=0, duration_ms=0), "0 ms for pause, expected more than 0"),
        (lambda: Interruption(turn="a", yields_after_ms=-1), "yields_after_ms"),
        (lambda: Silence(id="s", duration_ms=-5), "silence 's'"),
        (lambda: wave(action="show_card"), "expected one of red, green"),
        (lambda: wave(item="red"), "the item 'red' for wave, expected none"),
        (lambda: NoiseBed(id="n", noise="rain", snr_db=float("nan")), "-20 to 80"),
        (lambda: script(Sound(id="c", sound="cough", visitor="carl")), "'carl' in 'c'"),
    ],
)
def test_mistakes_are_named(make: Any, words: str) -> None:
    """Each mistake that needs no lengths is refused when the script is made, and the message names it."""
    with pytest.raises(InvalidInput) as caught:
        make()
    assert words in str(caught.value)
    assert caught.value.reason == "SCRIPT"


def wave(**changes: Any) -> VisitorAction:
    return VisitorAction(**{"id": "w", "visitor": "ann", "action": "wave", "duration_ms": 900} | changes)


def murmur(**changes: Any) -> Backchannel:
    return Backchannel(**{"id": "b", "visitor": "ann", "text": "mhm", "during": "a"} | changes)
