"""Talks as the judges would hear them, made up from the clock of a script."""

from collections.abc import Callable, Sequence

from tests.support.scripts import small_domain
from wan_streamer.eval.conversations.answer_book import AnswerBook
from wan_streamer.eval.conversations.heard import (
    PAUSE_US,
    UTTERANCE_GAP_US,
    Heard,
    Said,
    Stretch,
    join_spans,
)
from wan_streamer.eval.conversations.judged import Judged
from wan_streamer.eval.conversations.looked import Looked
from wan_streamer.train.data.timeline import Span, Timeline

Change = Callable[[Span], Span | None]
SECOND_US = 1_000_000


def plain_words(text: str) -> list[str]:
    """Small letters without punctuation."""
    return "".join(sign if sign.isalnum() or sign == " " else " " for sign in text.lower()).split()


def small_book() -> AnswerBook:
    """Of the small domain."""
    return AnswerBook(small_domain(), plain_words)


def heard_of(said: Sequence[tuple[Span, str]]) -> Heard:
    """What judges without a fault hear of speech."""
    spans = tuple(span for span, _ in said)
    utterances = []
    for joined in join_spans(spans, UTTERANCE_GAP_US):
        texts = [text for span, text in said if joined.begin_us <= span.begin_us < joined.end_us]
        utterances.append(Said(begin_us=joined.begin_us, end_us=joined.end_us, text=" ".join(texts)))
    return Heard(
        spans=spans,
        utterances=tuple(utterances),
        stretches=tuple(Stretch(begin_us=s.begin_us, end_us=s.end_us) for s in join_spans(spans, PAUSE_US)),
    )


def true_speech(timeline: Timeline, change: Change = lambda span: span) -> list[tuple[Span, str]]:
    """The words of the script's agent, each a span; `change` moves them or leaves them out."""
    words = [word for turn in timeline.agent_turns() for word in turn.words]
    changed = [(change(word), word.text) for word in words]
    return [(Span(begin_us=span.begin_us, end_us=span.end_us), text) for span, text in changed if span is not None]


def later(by_us: int) -> Change:
    """Everything is said so much later."""
    return lambda span: Span(begin_us=span.begin_us + by_us, end_us=span.end_us + by_us)


def judged(
    timeline: Timeline,
    heard: Heard,
    *,
    unknown: Sequence[tuple[str, str]] = (),
    written: str = "",
    looked: Looked | None = None,
    book: AnswerBook | None = None,
    name: str = "made-up",
) -> Judged:
    """A talk with all that is known of it."""
    return Judged(
        name=name,
        timeline=timeline,
        unknown_phrasings=frozenset(unknown),
        written=written,
        heard=heard,
        looked=looked,
        book=book or small_book(),
    )
