"""Clocks of small scripts whose words last 0.25 s each."""

from typing import Any

from tests.support.scripts import steady_durations
from wan_streamer.train.data.events import AgentTurn, Moment, UserTurn, Visitor
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.timeline import Timeline

WORD_US = 250_000
HOURS = "We are open from ten to six, every day but Monday. Come and see us soon."
THINGS = "At the desk on your left. It is next to the big stairs, you cannot miss it."
ANN = Visitor(id="ann", voice="tone-1", face="face-1")
BEN = Visitor(id="ben", voice="tone-2", face="face-2")


def user(name: str, begins: Moment, intent: str = "hours", text: str = "When are you open?", **more: Any) -> UserTurn:
    """A visitor's turn."""
    return UserTurn(**{"visitor": "ann", "phrasing": text} | more, id=name, begins=begins, text=text, intent=intent)


def agent(name: str, answers: str, intent: str = "hours", text: str = HOURS, **more: Any) -> AgentTurn:
    """An answer, half a second after its reason."""
    begins = more.pop("begins", Moment(of=answers, edge="end", offset_ms=500))
    return AgentTurn(id=name, begins=begins, text=text, intent=intent, answers=answers, **more)


def clock(*events: Any, tail_ms: int = 3000) -> Timeline:
    """Events on their clock."""
    script = Script(name="s", domain="small", family="f", visitors=(ANN, BEN), events=events, tail_ms=tail_ms)
    return schedule(script, steady_durations(script, word_us=WORD_US))


def question() -> Timeline:
    """A question at 1 s, its answer at 2.5 s."""
    return clock(user("u1", Moment(offset_ms=1000)), agent("a1", "u1"))
