"""What is answered instead, by intent."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from wan_streamer.eval.conversations.answer_book import NONE
from wan_streamer.eval.conversations.judged import Judged
from wan_streamer.eval.conversations.rows.right_answers import right_answers


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """An intent and how its questions are answered.

    Attributes:
        instead: the most frequent wrong answers and how often they came.
    """

    intent: str
    count: int
    right: int
    instead: tuple[tuple[str, int], ...]


def worst_intents(talks: Sequence[Judged], most: int) -> tuple[Confusion, ...]:
    """So many intents at most that are answered wrongly, those with the most wrong answers first."""
    got: dict[str, list[str]] = defaultdict(list)
    for judged in talks:
        for trial in right_answers(judged):
            got[trial.wanted].append("" if trial.passed else trial.got or NONE)
    found = [_confusion(intent, answers) for intent, answers in got.items()]
    wrong = [one for one in found if one.right < one.count]
    return tuple(sorted(wrong, key=lambda one: (one.right - one.count, one.intent))[:most])


def _confusion(intent: str, answers: list[str]) -> Confusion:
    instead = Counter(answer for answer in answers if answer)
    return Confusion(intent=intent, count=len(answers), right=answers.count(""), instead=tuple(instead.most_common(3)))
