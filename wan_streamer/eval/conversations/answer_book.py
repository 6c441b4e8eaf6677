"""All answers of a domain with every value of their slots, and which of them something heard is."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wan_streamer.eval.conversations.spelling import Words
from wan_streamer.eval.word_errors import count_word_errors
from wan_streamer.train.data.events import UserTurn
from wan_streamer.train.data.generate.domain import LAST_ANSWER, Domain, SlotValue
from wan_streamer.train.data.generate.template import SLOT_REFERENCE, tidy
from wan_streamer.train.data.script import Script

# Of the words of an answer, so many may be wrong.
MOST_ERRORS: Final = 0.5
NONE: Final = "none"


@dataclass(frozen=True, kw_only=True, order=True)
class Meaning:
    """An intent, and the values that an answer gives to its slots ("day=Friday", "" without)."""

    intent: str
    facts: str


@dataclass(frozen=True, kw_only=True)
class Match:
    """What something heard is.

    Attributes:
        meanings: of the nearest answer, in order; several where intents share answers, none when no answer is near.
        rate: word error rate against it.
    """

    meanings: tuple[Meaning, ...]
    rate: float

    @property
    def intents(self) -> tuple[str, ...]:
        """Of all meanings."""
        return tuple(dict.fromkeys(meaning.intent for meaning in self.meanings))

    @property
    def name(self) -> str:
        """The first intent, or "none"."""
        return self.meanings[0].intent if self.meanings else NONE


@dataclass(frozen=True, kw_only=True)
class _Answer:
    words: tuple[str, ...]
    counts: Counter[str]
    meanings: frozenset[Meaning]


class AnswerBook:
    """The answers of all intents, follow-ups and reactions, and of what is out of the domain.

    An answer that repeats another ("Of course. ...") has that one's intent.

    Args:
        words: the words of a text that are compared.
    """

    def __init__(self, domain: Domain, words: Words) -> None:
        self._domain, self._words = domain, words
        self._repeating = {str(intent.name) for intent in domain.intents if intent.repeats}
        meanings: dict[tuple[str, ...], set[Meaning]] = defaultdict(set)
        for meaning, text in self._texts():
            meanings[tuple(words(text))].add(meaning)
        self._answers = [
            _Answer(words=key, counts=Counter(key), meanings=frozenset(found)) for key, found in meanings.items()
        ]
        self._known: dict[str, Match] = {}

    def match(self, heard: str) -> Match:
        """The nearest answer, if at most half of its words are wrong."""
        if heard not in self._known:
            self._known[heard] = self._match(self._words(heard))
        return self._known[heard]

    def expected(self, script: Script, turn: UserTurn) -> str:
        """The intent whose answer a turn wants; that of the turn before when it wants that again."""
        while turn.intent in self._repeating and turn.needs is not None:
            before = script.by_id[turn.needs]
            if not isinstance(before, UserTurn):
                break
            turn = before
        return turn.intent

    def _match(self, heard: list[str]) -> Match:
        counts = Counter(heard)
        best, meanings = MOST_ERRORS, frozenset[Meaning]()
        for least, answer in sorted(((_least_rate(a, counts), a) for a in self._answers), key=lambda pair: pair[0]):
            if least > best:
                break
            rate = count_word_errors(answer.words, heard).rate
            if rate < best:
                best, meanings = rate, answer.meanings
            elif rate == best:
                meanings |= answer.meanings
        return Match(meanings=tuple(sorted(meanings)), rate=best if meanings else 1.0)

    def _texts(self) -> Iterator[tuple[Meaning, str]]:
        own = [
            (str(topic.name), str(answer))
            for topic in self._domain.topics()
            if topic.name not in self._repeating
            for answer in topic.answers
        ]
        own += [(reaction.intent, str(answer)) for reaction in self._domain.reactions for answer in reaction.answers]
        repeats = [str(a) for topic in self._domain.intents if topic.repeats for a in topic.answers]
        for intent, template in own:
            for facts, text in self._filled(template):
                meaning = Meaning(intent=intent, facts=facts)
                yield meaning, text
                for repeat in repeats:
                    yield meaning, repeat.replace(f"{{{LAST_ANSWER}}}", text)

    def _filled(self, template: str) -> Iterator[tuple[str, str]]:
        slots = list(dict.fromkeys(slot for slot, _ in SLOT_REFERENCE.findall(template)))
        for chosen in itertools.product(*(_sayings(self._domain.slots[slot]) for slot in slots)):
            facts = ", ".join(f"{slot}={value.says[0]}" for slot, (_, value) in zip(slots, chosen, strict=True))
            yield facts, tidy(_fill(template, dict(zip(slots, chosen, strict=True))))


_Saying = tuple[str, SlotValue]


def _sayings(values: tuple[SlotValue, ...]) -> list[_Saying]:
    return [(say, value) for value in values for say in value.says]


def _fill(template: str, chosen: dict[str, _Saying]) -> str:
    def words(slot: str, attribute: str) -> str:
        say, value = chosen[slot]
        return value.attributes[attribute] if attribute else say

    return SLOT_REFERENCE.sub(lambda match: words(match[1], match[2] or ""), template)


def _least_rate(answer: _Answer, heard: Counter[str]) -> float:
    """No word order gives a lower rate."""
    longer = max(len(answer.words), heard.total())
    return (longer - (answer.counts & heard).total()) / max(1, len(answer.words))
