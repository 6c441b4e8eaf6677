"""Counts what scripts hold and compares it with the mixing rules."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from wan_streamer.train.data.events import AGENT, AgentGesture, AgentTurn, AnyEvent, NoiseBed, UserTurn, words_of
from wan_streamer.train.data.generate.mixing import Mixing
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.generate.sentences import sentence_ends
from wan_streamer.train.data.generate.splits import Split
from wan_streamer.train.data.script import Script


@dataclass(frozen=True, kw_only=True)
class Share:
    """One mixing rule.

    Attributes:
        of: what it is a share of.
        wanted: by the rules.
        drawn_count, base_count: what was drawn.
    """

    name: str
    of: str
    wanted: float
    drawn_count: int
    base_count: int

    @property
    def drawn(self) -> float:
        """The share that was drawn; 0 when there was nothing to draw it from."""
        return self.drawn_count / self.base_count if self.base_count else 0.0


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What a number of scripts holds.

    Attributes:
        situations, rates: each mixing rule, wanted and drawn.
        counts: how many of everything.
    """

    situations: tuple[Share, ...]
    rates: tuple[Share, ...]
    counts: tuple[tuple[str, int], ...]


def count_scripts(scripts: Iterable[Script], mixing: Mixing, book: PhraseBook, phrasings: Split) -> Statistics:
    """Counts scripts.

    Args:
        mixing: the rules that they were drawn by.
        phrasings: the split of phrasings that they were drawn from.
    """
    scripts = list(scripts)
    drawn = Counter(situation for script in scripts for situation in script.situations)
    situations = tuple(
        Share(name=name, of="situations", wanted=wanted, drawn_count=drawn[name], base_count=drawn.total())
        for name, wanted in mixing.situations.by_name().items()
    )
    return Statistics(
        situations=situations, rates=_rates(scripts, mixing, book, phrasings), counts=tuple(_counts(scripts).items())
    )


def _rates(scripts: list[Script], mixing: Mixing, book: PhraseBook, phrasings: Split) -> tuple[Share, ...]:
    to_agent = [e for script in scripts for e in script.events if isinstance(e, UserTurn) and e.to == AGENT]
    agent = [event for script in scripts for event in script.events if isinstance(event, AgentTurn)]
    with_choice = [turn for turn in to_agent if book.has_both(turn.intent, phrasings)]
    two_sentences = [turn for turn in agent if sentence_ends(turn.text)]
    greetings = [t for t in agent if t.intent in ("event.wave", "event.arrive", "event.come_back")]
    alone = [script for script in scripts if "side_talk" not in script.situations]
    found = {
        "noise_bed": (_with(scripts, NoiseBed), len(scripts)),
        "bystander": (sum(_has_bystander(script) for script in alone), len(alone)),
        "nod": (_gestures(scripts, "nod"), len(to_agent)),
        "smile": (_gestures(scripts, "smile"), len(greetings)),
        "agent_pause": (sum(bool(turn.pauses) for turn in two_sentences), len(two_sentences)),
        "handwritten": (sum(book.is_handwritten(turn.intent, turn.phrasing) for turn in with_choice), len(with_choice)),
    }
    of = {item.name: str(item.metadata["of"]) for item in fields(mixing) if "of" in item.metadata}
    return tuple(
        Share(name=name, of=of[name], wanted=getattr(mixing, name), drawn_count=drawn, base_count=base)
        for name, (drawn, base) in found.items()
    )


def _counts(scripts: list[Script]) -> dict[str, int]:
    events = [event for script in scripts for event in script.events]
    turns = [event for event in events if isinstance(event, UserTurn)]
    agent = [event for event in events if isinstance(event, AgentTurn)]
    interrupting = [(script, turn) for script in scripts for turn in script.events if _interrupts(turn)]
    counts = {
        "scripts": len(scripts),
        "families": len({script.family for script in scripts}),
        "voices": len({visitor.voice for script in scripts for visitor in script.visitors}),
        "faces": len({visitor.face for script in scripts for visitor in script.visitors}),
        "turns to the agent": sum(turn.to == AGENT for turn in turns),
        "turns between visitors": sum(turn.to != AGENT for turn in turns),
        "agent turns": len(agent),
        "agent turns that nobody asked for": sum(turn.intent.startswith("event.") for turn in agent),
        "words of visitors": sum(len(words_of(turn.text)) for turn in turns),
        "words of the agent": sum(len(words_of(turn.text)) for turn in agent),
        "intents and follow-ups": len({turn.intent for turn in turns if turn.to == AGENT}),
        "phrasings": len({(turn.intent, turn.phrasing) for turn in turns}),
        "different questions": len({turn.text for turn in turns if turn.to == AGENT}),
        "different answers": len({turn.text for turn in agent}),
        "hesitations": sum(len(turn.pauses) for turn in turns),
        "overlaps without interruption": sum(turn.begins.offset_ms < 0 and turn.to == AGENT for turn in turns),
        "interruptions": len(interrupting),
    }
    parts = Counter(_part_of_turn(script, turn) for script, turn in interrupting)
    kinds: tuple[tuple[str, Callable[[AnyEvent], str | None]], ...] = (
        ("backchannel", lambda event: "" if type(event).__name__ == "Backchannel" else None),
        ("sound", lambda event: getattr(event, "sound", None)),
        ("noise", lambda event: getattr(event, "noise", None)),
        ("action", lambda event: getattr(event, "action", None)),
        ("gesture", lambda event: getattr(event, "gesture", None)),
    )
    counts |= {f"  in the {part} third of the turn": parts[part] for part in ("first", "second", "last")}
    for title, kind_of in kinds:
        by_kind = Counter(kind for event in events if (kind := kind_of(event)) is not None)
        counts |= {f"{title} {kind}".strip(): number for kind, number in sorted(by_kind.items())}
    return counts


def _with(scripts: list[Script], kind: type) -> int:
    return sum(any(isinstance(event, kind) for event in script.events) for script in scripts)


def _gestures(scripts: list[Script], gesture: str) -> int:
    return sum(isinstance(e, AgentGesture) and e.gesture == gesture for script in scripts for e in script.events)


def _has_bystander(script: Script) -> bool:
    there_at_start = sum(visitor.is_there_at_start for visitor in script.visitors)
    return there_at_start > (0 if script.situations[0] == "new_visitor" else 1)


def _interrupts(event: AnyEvent) -> bool:
    return isinstance(event, UserTurn) and event.interrupts is not None


def _part_of_turn(script: Script, event: AnyEvent) -> str:
    turn = script.by_id[event.begins.of]
    assert isinstance(turn, AgentTurn)
    assert event.begins.word_index is not None
    return ("first", "second", "last")[3 * event.begins.word_index // len(words_of(turn.text))]
