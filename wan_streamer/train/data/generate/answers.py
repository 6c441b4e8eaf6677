"""Which answer belongs to a question."""

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.generate.domain import LAST_ANSWER, REACTION_EVENTS, Domain, Intent, where_of
from wan_streamer.train.data.generate.sentences import check_spoken
from wan_streamer.train.data.generate.splits import split_names
from wan_streamer.train.data.generate.template import SLOT_REFERENCE, tidy

# Slot -> the words that were said, and the attributes of the value.
Filled = Mapping[str, tuple[str, Mapping[str, str]]]

_MAX_SENTENCES: Final = 4


def draw_answer(
    intent: Intent, filled: Filled, random: Random, *, last_answer: str = "", max_variant_count: int = 0
) -> str:
    """The answer to a question whose slots are `filled`.

    Of the answers whose slots are all filled, one of those with the most.

    Args:
        last_answer: what the agent said last, for intents that repeat it.
        max_variant_count: only the first so many answers of the same slots; 0 is all. Fewer are learned sooner.
    """
    possible = [answer for answer in intent.answers if _slots(answer) - {LAST_ANSWER} <= filled.keys()]
    most = max(len(_slots(answer)) for answer in possible)
    best = [answer for answer in possible if len(_slots(answer)) == most]
    chosen = draw_wording(best, random, max_variant_count)

    def words(slot: str, attribute: str) -> str:
        if slot == LAST_ANSWER:
            return last_answer
        say, attributes = filled[slot]
        return attributes[attribute] if attribute else say

    return tidy(SLOT_REFERENCE.sub(lambda match: words(match[1], match[2] or ""), chosen))


def draw_wording(wordings: Sequence[str], random: Random, max_variant_count: int = 0) -> str:
    """One of them, or of the first so many: the same draws then differ in the wording alone."""
    index = random.randrange(len(wordings))
    return wordings[index % max_variant_count if max_variant_count else index]


def check_answers(domain: Domain, slot_sets: Mapping[str, set[frozenset[str]]]) -> None:
    """Every question has an answer and every event a reaction.

    Args:
        slot_sets: for each topic, the sets of slots that its sentences name.

    Raises:
        InvalidInput: one has not, or an answer names a slot or an attribute that is not there.
    """
    for intent in domain.intents:
        _check_topic(domain, intent, slot_sets[intent.name])
        always = frozenset.intersection(*slot_sets[intent.name])
        for follow_up in intent.follow_ups:
            _check_topic(domain, follow_up, {slots | always for slots in slot_sets[follow_up.name]})
    _check_topic(domain, domain.out_of_domain, slot_sets[domain.out_of_domain.name])
    there = {reaction.event for reaction in domain.reactions}
    for event in REACTION_EVENTS:
        if event not in there:
            raise _wrong("", f"no answers to the event {event!r} in {domain.name!r}", "some in events.yaml")
    for what, count, least in (
        ("backchannels", len(domain.backchannels), 1),
        ("exchanges of side talk", len(split_names("phrasing", (lines[0] for lines in domain.side_talk))), 3),
        ("intents", len([intent for intent in domain.intents if not (intent.repeats or intent.interrupts)]), 2),
    ):
        if count < least:
            raise _wrong("", f"{count} {what}", f"{least} or more")


def _check_topic(domain: Domain, intent: Intent, slot_sets: Iterable[frozenset[str]]) -> None:
    for answer in intent.answers:
        _check_answer(domain, intent, answer)
    for slots in sorted(slot_sets, key=sorted):
        if not any(_slots(answer) - {LAST_ANSWER} <= slots for answer in intent.answers):
            named = ", ".join(sorted(slots)) or "no slot"
            raise _wrong(
                intent.name, f"no answer of {intent.name!r} for a question that names {named}", "one without slots"
            )


def _check_answer(domain: Domain, intent: Intent, answer: str) -> None:
    bare = SLOT_REFERENCE.sub("x", answer)
    try:
        check_spoken([bare])
    except InvalidInput as error:
        raise InvalidInput(f"{where_of(answer)}{intent.name}: {error}", reason=error.reason) from error
    sentence_count = sum(bare.count(sign) for sign in ".?!")
    if sentence_count > _MAX_SENTENCES:
        raise _wrong(answer, f"{sentence_count} sentences in {answer!r}", f"at most {_MAX_SENTENCES}")
    for slot, attribute in SLOT_REFERENCE.findall(answer):
        if slot == LAST_ANSWER and intent.repeats:
            continue
        if slot not in domain.slots:
            raise _wrong(answer, f"{{{slot}}} in {answer!r}", f"a slot: {', '.join(sorted(domain.slots))}")
        for value in domain.slots[slot]:
            if attribute and attribute not in value.attributes:
                raise _wrong(
                    answer, f"{{{slot}.{attribute}}} in {answer!r}", f"{attribute!r} for {value.says[0]!r} too"
                )


def _slots(answer: str) -> set[str]:
    return {slot for slot, _ in SLOT_REFERENCE.findall(answer)}


def _wrong(place: str, got: str, expected: str) -> InvalidInput:
    return InvalidInput(f"{where_of(place)}got {got}, expected {expected}", reason="DOMAIN")
