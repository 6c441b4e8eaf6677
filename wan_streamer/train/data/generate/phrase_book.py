"""A domain, checked and ready to draw questions and answers from, each from its split."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.generate.answers import Filled, check_answers
from wan_streamer.train.data.generate.domain import Domain, Intent, where_of
from wan_streamer.train.data.generate.sentences import SentenceKeys, check_spoken
from wan_streamer.train.data.generate.splits import Split, split_names
from wan_streamer.train.data.generate.template import SLOT_REFERENCE, START_RULE, Grammar, Sequence, tidy

_TRIES: Final = 200
_STRENGTH: Final[Mapping[Split, int]] = {"train": 0, "validation": 1, "held_out": 2}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A template of whole sentences: a phrasing, or an alternative of `start`."""

    text: str
    sequence: Sequence
    is_handwritten: bool
    split: Split


@dataclass(frozen=True, kw_only=True)
class Question:
    """A drawn sentence.

    Attributes:
        phrasing: the frame, as it is written in the domain.
        filled: slot -> the words said, and the value.
    """

    text: str
    intent: Intent
    phrasing: str
    filled: Filled


class PhraseBook:
    """All frames of a domain in their splits.

    A sentence belongs to `held_out` if a held-out frame of any intent can make it, else to `validation` if one of that
    split can, else to `train`. Only sentences of the wanted split are drawn.

    Raises:
        InvalidInput: the domain has a mistake; the message says where.
    """

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self._keys = SentenceKeys(domain.slots)
        check_spoken(_spoken_texts(domain))
        self._grammars = {topic.name: _grammar(topic, domain) for topic in domain.topics()}
        self._frames = {topic.name: self._make_frames(topic) for topic in domain.topics()}
        self._split_of_key: dict[str, Split] = {}
        self.pattern_counts: dict[str, int] = {}
        slot_sets = self._read_patterns()
        check_answers(domain, slot_sets)
        self._drawable: dict[str, dict[Split, list[Frame]]] = {
            topic.name: {split: self._drawable_frames(topic, split) for split in _STRENGTH} for topic in domain.topics()
        }
        self._side_talk = split_names("phrasing", (lines[0] for lines in domain.side_talk))

    def frames(self, intent: Intent) -> tuple[Frame, ...]:
        """All frames of an intent, as written."""
        return self._frames[intent.name]

    def frames_in(self, split: Split) -> list[tuple[str, str]]:
        """Intent and text of all frames of a split."""
        return [(name, frame.text) for name, frames in self._frames.items() for frame in frames if frame.split == split]

    def has_both(self, name: str, split: Split) -> bool:
        """Whether a topic has hand-written phrasings and frames of its grammar in a split."""
        return len({frame.is_handwritten for frame in self._drawable[name][split]}) == 2

    def is_handwritten(self, name: str, phrasing: str) -> bool:
        """Whether a frame of a topic is a hand-written phrasing."""
        return any(frame.text == phrasing and frame.is_handwritten for frame in self._frames[name])

    def split_of_sentence(self, text: str) -> Split:
        """The split that a sentence belongs to, whoever made it."""
        return self._split_of_key.get(self._keys.key(text), "train")

    def side_talk_in(self, split: Split) -> list[tuple[str, ...]]:
        """The exchanges of a split."""
        return [lines for lines in self.domain.side_talk if self._side_talk[lines[0]] == split]

    def draw(self, intent: Intent, split: Split, random: Random, *, handwritten_share: float = 0.5) -> Question:
        """A question from a split.

        Args:
            handwritten_share: how often a hand-written phrasing is taken where the grammar has sentences too.
        """
        frames = self._drawable[intent.name][split]
        is_handwritten = random.random() < handwritten_share
        chosen = [frame for frame in frames if frame.is_handwritten == is_handwritten] or frames
        frame = random.choice(chosen)
        pattern = self._draw_pattern(intent, frame, split, random)
        filled: dict[str, tuple[str, Mapping[str, str]]] = {}
        for slot, _ in SLOT_REFERENCE.findall(pattern):
            value = random.choice(self.domain.slots[slot])
            filled[slot] = (random.choice(value.says), value.attributes)
        text = tidy(SLOT_REFERENCE.sub(lambda match: filled[match[1]][0], pattern))
        return Question(text=text, intent=intent, phrasing=frame.text, filled=filled)

    def _draw_pattern(self, intent: Intent, frame: Frame, split: Split, random: Random) -> str:
        grammar = self._grammars[intent.name]
        for _ in range(_TRIES):
            pattern = grammar.draw(frame.sequence, random)
            if self.split_of_sentence(pattern) == split:
                return pattern
        possible = [p for p in grammar.patterns(frame.sequence) if self.split_of_sentence(p) == split]
        return random.choice(possible)

    def _make_frames(self, intent: Intent) -> tuple[Frame, ...]:
        grammar = self._grammars[intent.name]
        texts = dict.fromkeys((*intent.phrasings, *intent.grammar.get(START_RULE, ())))
        splits = split_names("phrasing", texts)
        if len(texts) < 3:
            raise _wrong(intent.name, f"{len(texts)} phrasings of {intent.name!r}", "3 or more, one for each split")
        frames = []
        for text in texts:
            try:
                sequence = grammar.frame(text)
            except InvalidInput as error:
                raise InvalidInput(f"{where_of(text)}{intent.name}: {error}", reason=error.reason) from error
            is_handwritten = text in intent.phrasings
            frames.append(Frame(text=text, sequence=sequence, is_handwritten=is_handwritten, split=splits[text]))
        return tuple(frames)

    def _read_patterns(self) -> dict[str, set[frozenset[str]]]:
        """Goes through every pattern once; returns for each topic the sets of slots that its sentences name."""
        owners: dict[str, str] = {}
        slot_sets: dict[str, set[frozenset[str]]] = {}
        follow_ups = {follow_up.name for intent in self.domain.intents for follow_up in intent.follow_ups}
        for name, frames in self._frames.items():
            slot_sets[name] = set()
            keys_of_topic: set[str] = set()
            for frame in frames:
                for pattern in self._grammars[name].patterns(frame.sequence):
                    slots = [slot for slot, _ in SLOT_REFERENCE.findall(pattern)]
                    if len(set(slots)) < len(slots):
                        raise _wrong(
                            frame.text, f"a slot twice in {pattern!r} ({name})", "each slot once in a sentence"
                        )
                    slot_sets[name].add(frozenset(slots))
                    key = self._keys.key(pattern)
                    keys_of_topic.add(key)
                    self._note_split(key, frame.split)
                    if name not in follow_ups and owners.setdefault(key, name) != name:
                        raise _wrong(frame.text, f"{pattern!r} in {owners[key]!r} and in {name!r}", "it in one intent")
            self.pattern_counts[name] = len(keys_of_topic)
        return slot_sets

    def _note_split(self, key: str, split: Split) -> None:
        if _STRENGTH[split] > _STRENGTH[self._split_of_key.get(key, "train")]:
            self._split_of_key[key] = split

    def _drawable_frames(self, intent: Intent, split: Split) -> list[Frame]:
        grammar = self._grammars[intent.name]
        frames = [
            frame
            for frame in self._frames[intent.name]
            if frame.split == split
            and any(self.split_of_sentence(p) == split for p in grammar.patterns(frame.sequence))
        ]
        if not frames:
            raise _wrong(
                intent.phrasings[0],
                f"no phrasing of {intent.name!r} left for {split}: held-out phrasings make the same sentences",
                "some; write a few more, different ones",
            )
        return frames


def _grammar(topic: Intent, domain: Domain) -> Grammar:
    try:
        return Grammar(topic.grammar, domain.slots)
    except InvalidInput as error:
        raise InvalidInput(f"{where_of(topic.name)}grammar of {topic.name}: {error}", reason=error.reason) from error


def _spoken_texts(domain: Domain) -> Iterable[str]:
    yield from domain.backchannels
    for values in domain.slots.values():
        for value in values:
            yield from value.says
            yield from value.attributes.values()
    for reaction in domain.reactions:
        yield from reaction.answers
    for lines in domain.side_talk:
        yield from lines


def _wrong(place: str, got: str, expected: str) -> InvalidInput:
    return InvalidInput(f"{where_of(place)}got {got}, expected {expected}", reason="DOMAIN")
