"""All that the rows are computed from: a talk, its conversation's clock, and what the judges heard and saw."""

from dataclasses import dataclass

from wan_streamer.eval.conversations.answer_book import AnswerBook
from wan_streamer.eval.conversations.heard import Heard
from wan_streamer.eval.conversations.looked import Looked
from wan_streamer.train.data.timeline import Timeline


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A talk and everything that is known of it.

    Attributes:
        name: of the conversation.
        timeline: of the conversation; what the visitors do, and what the script's agent does.
        unknown_phrasings: intent and phrasing of what nobody trained on.
        written: the agent's own words.
        heard: its speech.
        looked: its face, None when nobody looked.
        book: of all answers.
    """

    name: str
    timeline: Timeline
    unknown_phrasings: frozenset[tuple[str, str]]
    written: str
    heard: Heard
    looked: Looked | None
    book: AnswerBook


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One time that something was to be done.

    Attributes:
        event: id of the event of the script.
        reached: whether the agent was where it could have been done (spoke when it was interrupted).
        wanted, got: in words.
    """

    event: str
    passed: bool
    reached: bool = True
    wanted: str = ""
    got: str = ""
