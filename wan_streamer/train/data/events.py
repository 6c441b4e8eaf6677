"""What can happen in a conversation: the parts of a script, see `script.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from wan_streamer.errors import InvalidInput

START: Final = "start"
AGENT: Final = "agent"

Edge = Literal["begin", "end"]
SoundName = Literal["cough", "sneeze", "laugh", "door", "phone", "footsteps"]
NoiseName = Literal["babble", "street", "hum", "music", "rain"]
ActionName = Literal["arrive", "come_back", "leave", "wave", "show_ticket", "show_card", "show_object"]
GestureName = Literal["nod", "smile"]

ACTIONS_WITH_ITEM: Final = ("show_card", "show_object")
CARD_COLOURS: Final = ("red", "green", "blue", "yellow")
OBJECTS: Final = ("umbrella", "bottle", "book", "phone", "bag", "camera")
ITEMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"show_card": CARD_COLOURS, "show_object": OBJECTS})


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, as `word_index` and the lengths of words count them."""
    return tuple(text.split())


@dataclass(frozen=True, kw_only=True)
class Moment:
    """An instant, relative to something that happens.

    Raises:
        InvalidInput: a negative word.
    """

    of: str = START
    """Id of the event that it depends on; `start` is the beginning of the conversation."""
    edge: Edge = "begin"
    """Where that event, or its word, begins or ends (where an interrupted turn falls silent)."""
    word_index: int | None = None
    """The word of it, counted from 0; None is the whole event."""
    offset_ms: int = 0
    """Later by so much; negative is earlier, which is how things overlap."""

    def __post_init__(self) -> None:
        if self.word_index is not None and self.word_index < 0:
            raise _wrong(f"the word {self.word_index} of {self.of!r}", "0 for the first word, or more")
        if self.of == START and self.word_index is not None:
            raise _wrong(f"word {self.word_index} of the start", "an id of a turn; the start has no words")


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody in front of the agent."""

    id: str
    voice: str
    """Name in the cast, see `generate/cast.py`."""
    face: str
    """Name in the cast."""
    is_there_at_start: bool = True

    def __post_init__(self) -> None:
        _check_id(self.id)


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Silence inside a turn."""

    after_word_index: int
    duration_ms: int

    def __post_init__(self) -> None:
        _check_duration(self.duration_ms, "pause")


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """The turn that holds it silences the agent."""

    turn: str
    """Id of the agent's turn."""
    yields_after_ms: int
    """How long the agent still speaks after the interruption begins."""

    def __post_init__(self) -> None:
        _check_duration(self.yields_after_ms, "yields_after_ms")


@dataclass(frozen=True, kw_only=True)
class Event:
    """What all events share."""

    id: str
    begins: Moment = Moment()

    def __post_init__(self) -> None:
        _check_id(self.id)


@dataclass(frozen=True, kw_only=True)
class UserTurn(Event):
    """A visitor speaks."""

    visitor: str
    text: str
    intent: str
    """What is asked, `intent` or `intent.follow_up`; `side_talk` between visitors."""
    phrasing: str
    """The frame that the text was made from; the phrasing splits go by it."""
    to: str = AGENT
    """`agent`, or the id of the visitor who is spoken to."""
    pauses: tuple[Pause, ...] = ()
    """Hesitations: the turn is not over in them."""
    interrupts: Interruption | None = None
    needs: str | None = None
    """Id of the turn without which this one cannot be understood."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_speech(self.id, self.text, self.pauses)


@dataclass(frozen=True, kw_only=True)
class AgentTurn(Event):
    """The agent speaks."""

    text: str
    """All that it would say; an interruption cuts it."""
    intent: str
    """What is answered; `event.NAME` when it speaks first because of something it sees."""
    answers: str
    """Id of the user turn or of the action that is its reason to speak."""
    pauses: tuple[Pause, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_speech(self.id, self.text, self.pauses)


@dataclass(frozen=True, kw_only=True)
class Backchannel(Event):
    """A visitor's "mhm": the agent goes on."""

    visitor: str
    text: str
    during: str
    """Id of the agent's turn."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_speech(self.id, self.text, ())


@dataclass(frozen=True, kw_only=True)
class Sound(Event):
    """A sound that is no speech; its length is that of the recording that is chosen for it."""

    sound: SoundName
    visitor: str | None = None
    """Who makes it; None for a door or a phone in the room."""


@dataclass(frozen=True, kw_only=True)
class NoiseBed(Event):
    """Noise in the background."""

    noise: NoiseName
    snr_db: float
    """Loudness of the visitors' speech above it."""
    ends: Moment | None = None
    """None: it lasts to the end of the conversation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not -20 <= self.snr_db <= 80:
            raise _wrong(f"snr_db {self.snr_db} in {self.id!r}", "-20 to 80")


@dataclass(frozen=True, kw_only=True)
class VisitorAction(Event):
    """Something that a visitor does and that the agent can see."""

    visitor: str
    action: ActionName
    duration_ms: int
    item: str | None = None
    """The colour of the card, the object."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_duration(self.duration_ms, f"action {self.id!r}")
        items = ITEMS.get(self.action)
        if items is None and self.item is not None:
            raise _wrong(f"the item {self.item!r} for {self.action}", "none")
        if items is not None and self.item not in items:
            raise _wrong(f"the item {self.item!r} for {self.action}", f"one of {', '.join(items)}")


@dataclass(frozen=True, kw_only=True)
class AgentGesture(Event):
    """A visible sign that the agent listens."""

    gesture: GestureName


@dataclass(frozen=True, kw_only=True)
class Silence(Event):
    """Nobody speaks and nothing sounds (noise beds excepted); what contradicts it is an error."""

    duration_ms: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_duration(self.duration_ms, f"silence {self.id!r}")


AnyEvent = UserTurn | AgentTurn | Backchannel | Sound | NoiseBed | VisitorAction | AgentGesture | Silence
Speech = UserTurn | AgentTurn | Backchannel
SPEECH: Final = (UserTurn, AgentTurn, Backchannel)


def _check_id(name: str) -> None:
    if not name or name in (START, AGENT) or not all(sign.isalnum() or sign in "-_." for sign in name):
        raise _wrong(f"the id {name!r}", f"letters, digits and - _ . only, and neither {START!r} nor {AGENT!r}")


def _check_duration(duration_ms: int, name: str) -> None:
    if not 0 < duration_ms <= 3_600_000:
        raise _wrong(f"{duration_ms} ms for {name}", "more than 0 and at most an hour")


def _check_speech(name: str, text: str, pauses: tuple[Pause, ...]) -> None:
    count = len(words_of(text))
    if not count or not text.isprintable():
        raise _wrong(f"the text {text!r} in {name!r}", "words on one line")
    places = [pause.after_word_index for pause in pauses]
    if places != sorted(set(places)) or any(not 0 <= place < count - 1 for place in places):
        raise _wrong(
            f"pauses after the words {places} in {name!r}", f"rising numbers from 0 to {count - 2}, between words"
        )


def _wrong(got: str, expected: str) -> InvalidInput:
    return InvalidInput(f"got {got}, expected {expected}", reason="SCRIPT")
