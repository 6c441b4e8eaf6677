"""What the agent can talk about: the content of a folder of `domains/`, see `domains/README.md`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wan_streamer.train.data.agent import Agent, default_agent
from wan_streamer.train.data.events import ActionName

OUT_OF_DOMAIN: Final = "out_of_domain"
LAST_ANSWER: Final = "last_answer"

# What the agent may react to by speaking first; "leave" needs no word.
REACTION_EVENTS: Final[tuple[ActionName, ...]] = (
    "arrive",
    "come_back",
    "wave",
    "show_ticket",
    "show_card",
    "show_object",
)


class PlacedText(str):
    """Text that knows its file and line, for messages."""

    __slots__ = ("where",)
    where: str

    @classmethod
    def at(cls, text: str, where: str) -> "PlacedText":
        """The text with its place."""
        placed = cls(text)
        placed.where = where
        return placed


def where_of(text: str) -> str:
    """`file:line: ` of a placed text, nothing of another."""
    return f"{text.where}: " if isinstance(text, PlacedText) else ""


@dataclass(frozen=True, kw_only=True)
class Intent:
    """Something that can be asked.

    Attributes:
        name: `opening_hours`; of a follow-up `opening_hours.other_day`.
        phrasings: templates written by hand.
        grammar: rules; the alternatives of `start` are templates of whole sentences.
        answers: templates with `{slot}` and `{slot.attribute}` only.
        follow_ups: what can be asked after it; they have none of their own.
        repeats: asks for the last answer again.
        interrupts: is said only to make the agent stop.
    """

    name: str
    phrasings: tuple[str, ...]
    answers: tuple[str, ...]
    grammar: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    follow_ups: tuple["Intent", ...] = ()
    repeats: bool = False
    interrupts: bool = False


@dataclass(frozen=True, kw_only=True)
class SlotValue:
    """A value of a slot: ways to say it, and attributes for the answers."""

    says: tuple[str, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """What the agent says by itself when it sees `event` (with `item`, if it has one)."""

    event: ActionName
    answers: tuple[str, ...]
    item: str | None = None

    @property
    def intent(self) -> str:
        """The name that labels it."""
        return f"event.{self.event}" + (f".{self.item}" if self.item else "")


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A whole domain. `PhraseBook` checks it and draws from it."""

    name: str
    intents: tuple[Intent, ...]
    out_of_domain: Intent
    backchannels: tuple[str, ...]
    reactions: tuple[Reaction, ...]
    side_talk: tuple[tuple[str, ...], ...]
    slots: Mapping[str, tuple[SlotValue, ...]] = field(default_factory=dict)
    agent: Agent = field(default_factory=default_agent)

    def topics(self) -> tuple[Intent, ...]:
        """All that can be said to the agent: intents, follow-ups, and what is out of the domain."""
        follow_ups = (follow_up for intent in self.intents for follow_up in intent.follow_ups)
        return (*self.intents, *follow_ups, self.out_of_domain)
