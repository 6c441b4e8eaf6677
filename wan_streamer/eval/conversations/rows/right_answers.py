"""Whether the agent answers what was asked."""

from wan_streamer.eval.conversations.answer_book import Match
from wan_streamer.eval.conversations.asked import Asked, asked
from wan_streamer.eval.conversations.heard import text_of
from wan_streamer.eval.conversations.judged import Judged, Trial
from wan_streamer.unit import UNIT_US

# An answer may begin a unit before the question has ended.
EARLY_US = UNIT_US


def known_phrasings(judged: Judged) -> tuple[Trial, ...]:
    """`right_answers` to questions whose phrasings are in the training data."""
    return _of_phrasings(judged, unknown=False)


def held_out_phrasings(judged: Judged) -> tuple[Trial, ...]:
    """`right_answers` to questions whose phrasings are kept out of training."""
    return _of_phrasings(judged, unknown=True)


def right_facts(judged: Judged) -> tuple[Trial, ...]:
    """As `right_answers`, but the values of the answer's slots must be right too: Friday's hours, not Sunday's."""
    return tuple(_facts_trial(judged, one) for one in _plain(judged))


def right_answers(judged: Judged) -> tuple[Trial, ...]:
    """Passes: of all answers of the domain the one nearest to what is heard has the intent of the question.

    Trials are the turns to the agent that neither interrupt nor have their answer interrupted. Heard is all speech that
    begins between 0.16 s before the turn's end and the next reason to speak (a turn to the agent, an action that it
    answers). Nearest: least word error rate, at most 0.5.
    """
    return tuple(answer_trial(judged, one) for one in _plain(judged))


def answer_trial(judged: Judged, one: Asked) -> Trial:
    """Whether a turn is answered by its intent."""
    found = heard_answer(judged, one)
    wanted = judged.book.expected(judged.timeline.script, one.event)
    return Trial(event=one.event.id, passed=wanted in found.intents, wanted=wanted, got=found.name)


def heard_answer(judged: Judged, one: Asked) -> Match:
    """What is heard in answer to a turn."""
    return judged.book.match(text_of(judged.heard.begun_in(one.turn.end_us - EARLY_US, one.until_us)))


def _plain(judged: Judged) -> list[Asked]:
    return [one for one in asked(judged.timeline) if one.event.interrupts is None and not one.answer.is_cut]


def _of_phrasings(judged: Judged, *, unknown: bool) -> tuple[Trial, ...]:
    return tuple(
        answer_trial(judged, one)
        for one in _plain(judged)
        if ((one.event.intent, one.event.phrasing) in judged.unknown_phrasings) == unknown
    )


def _facts_trial(judged: Judged, one: Asked) -> Trial:
    found, wanted = heard_answer(judged, one), judged.book.match(one.answer.event.text)
    return Trial(
        event=one.event.id,
        passed=bool(set(found.meanings) & set(wanted.meanings)),
        wanted=str(wanted.meanings[0]) if wanted.meanings else "",
        got=str(found.meanings[0]) if found.meanings else "",
    )
