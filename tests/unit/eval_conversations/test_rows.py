"""Each row on clocks whose talks are known: what passes, what fails, and just at the limits."""

import pytest

from tests.support.scripts import small_cast, small_domain, steady_durations
from tests.unit.eval_conversations.made_up_clocks import THINGS, agent, clock, question, user
from tests.unit.eval_conversations.made_up_talks import SECOND_US, heard_of, judged, later, small_book, true_speech
from wan_streamer.eval.conversations.heard import Heard
from wan_streamer.eval.conversations.judged import Judged
from wan_streamer.eval.conversations.rows.backchannels import backchannels
from wan_streamer.eval.conversations.rows.false_starts import false_starts, idle_speech, idle_us
from wan_streamer.eval.conversations.rows.first_words import first_words
from wan_streamer.eval.conversations.rows.interruptions import interruptions
from wan_streamer.eval.conversations.rows.right_answers import (
    held_out_phrasings,
    known_phrasings,
    right_answers,
    right_facts,
)
from wan_streamer.eval.conversations.rows.take_over import take_overs
from wan_streamer.eval.conversations.score import Score
from wan_streamer.train.data.events import Backchannel, Interruption, Moment, Pause, Sound, VisitorAction
from wan_streamer.train.data.generate.generator import ScriptGenerator
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.timeline import Span, Timeline
from wan_streamer.unit import UNIT_US

SILENT = Heard(spans=(), utterances=(), stretches=())
ROWS = (right_answers, right_facts, take_overs, interruptions, backchannels, first_words)


def truth(timeline: Timeline) -> Judged:
    return judged(timeline, heard_of(true_speech(timeline)))


def test_the_script_passes_every_row_and_silence_none() -> None:
    """In 60 drawn scripts the script's own agent passes every trial, and silence fails every one without a false start.

    This is the main test: a row that the truth does not pass has a mistake.
    """
    generator = ScriptGenerator(PhraseBook(small_domain()), small_cast())
    book = small_book()
    counts = dict.fromkeys(ROWS, 0)
    for script in generator.scripts(3, 60):
        timeline = schedule(script, steady_durations(script, word_us=400_000))
        true = judged(timeline, heard_of(true_speech(timeline)), book=book)
        silent = judged(timeline, SILENT, book=book)
        for row in ROWS:
            assert [trial for trial in row(true) if not trial.passed] == [], script.name
            assert not any(trial.passed for trial in row(silent))
            counts[row] += len(row(true))
        assert false_starts(true) == false_starts(silent) == ()
    assert min(counts.values()) >= 10


def test_another_answer_is_wrong() -> None:
    """An answer to something else, none, or one that comes after the next turn's begin, does not pass."""
    timeline = clock(
        user("u1", Moment(offset_ms=1000)),
        agent("a1", "u1"),
        user("u2", Moment(of="a1", edge="end", offset_ms=1000), "things", "Where is the map?"),
        agent("a2", "u2", "things", THINGS),
    )
    spans = true_speech(timeline)
    swapped = [(span, "nothing of the kind") for span, _ in spans]
    assert [trial.passed for trial in right_answers(truth(timeline))] == [True, True]
    assert [trial.passed for trial in right_answers(judged(timeline, heard_of(swapped)))] == [False, False]
    late_us = timeline.utterances[2].begin_us - spans[0][0].begin_us
    late = judged(timeline, heard_of(true_speech(timeline, later(late_us))))
    assert next((trial.passed, trial.wanted) for trial in right_answers(late)) == (False, "hours")


def test_answers_are_split_by_phrasing() -> None:
    """A turn whose phrasing is kept out of training counts in the row of held-out phrasings, and only there."""
    timeline = question()
    heard = heard_of(true_speech(timeline))
    unknown = judged(timeline, heard, unknown=[("hours", "When are you open?")])
    assert (len(known_phrasings(unknown)), len(held_out_phrasings(unknown))) == (0, 1)
    assert (len(known_phrasings(judged(timeline, heard))), len(held_out_phrasings(judged(timeline, heard)))) == (1, 0)


def test_an_answer_about_another_day_has_the_wrong_facts() -> None:
    """The intent is right, the facts are not."""
    friday = "On Friday we are open until six, and the desk is open one hour longer."
    timeline = clock(user("u1", Moment(offset_ms=1000)), agent("a1", "u1", text=friday))
    speech = [(span, "Sunday" if text == "Friday" else text) for span, text in true_speech(timeline)]
    heard = judged(timeline, heard_of(speech))
    assert right_answers(heard)[0].passed
    assert not right_facts(heard)[0].passed
    assert right_facts(heard)[0].got == "Meaning(intent='hours', facts='day=Sunday')"


@pytest.mark.parametrize(
    ("by_us", "passed"), [(0, True), (-250_000, True), (-270_000, False), (930_000, True), (950_000, False)]
)
def test_take_over_is_within_its_limits(by_us: int, passed: bool) -> None:
    """An answer that begins 0.3 to 1.5 s after the turn passes; the script's ends a unit, at 0.56."""
    timeline = question()
    moved = judged(timeline, heard_of(true_speech(timeline, later(by_us))))
    assert [trial.passed for trial in take_overs(moved)] == [passed]


def test_a_word_into_the_hesitation_fails_the_take_over() -> None:
    """Speech that begins while the visitor only pauses fails, however right the answer's time is."""
    turn = user("u1", Moment(offset_ms=1000), pauses=(Pause(after_word_index=1, duration_ms=900),))
    timeline = clock(turn, agent("a1", "u1"))
    early = (Span(begin_us=1_600_000, end_us=1_800_000), "yes")
    assert take_overs(truth(timeline))[0].passed
    assert not take_overs(judged(timeline, heard_of([early, *true_speech(timeline)])))[0].passed


def interrupted() -> Timeline:
    return clock(
        user("u1", Moment(offset_ms=1000)),
        agent("a1", "u1"),
        user(
            "u2",
            Moment(of="a1", word_index=6),
            "things",
            "Where do I get a map?",
            interrupts=Interruption(turn="a1", yields_after_ms=300),
        ),
        agent("a2", "u2", "things", THINGS),
    )


def test_an_interruption_wants_speech_silence_and_the_new_answer() -> None:
    """Each of the three alone fails it; a yield at 0.5 s is in time."""
    timeline = interrupted()
    begin_us = timeline.utterances[2].begin_us
    speech = true_speech(timeline)
    before = [pair for pair in speech if pair[0].begin_us < begin_us]
    after = [pair for pair in speech if pair[0].begin_us >= begin_us + SECOND_US]

    def passes(said: list[tuple[Span, str]]) -> bool:
        (trial,) = interruptions(judged(timeline, heard_of(said)))
        return trial.passed

    def until(end_us: int) -> list[tuple[Span, str]]:
        return [*before[:-1], (Span(begin_us=before[-1][0].begin_us, end_us=end_us), "x"), *after]

    assert passes(until(begin_us + 500_000))
    assert not passes(until(begin_us + 520_000))
    assert not passes(after)
    assert not passes(before)
    assert not interruptions(judged(timeline, heard_of(after)))[0].reached


def test_going_on_through_a_cough() -> None:
    """A sentence's pause is none; an end, or a pause of over 1.3 s, within 1.5 s of the cough is a yield."""
    timeline = clock(
        user("u1", Moment(offset_ms=1000)),
        agent("a1", "u1"),
        Sound(id="cough", begins=Moment(of="a1", word_index=3), sound="cough", visitor="ann"),
        Backchannel(id="mhm", begins=Moment(of="a1", word_index=5), visitor="ann", text="mhm", during="a1"),
        Sound(id="door", begins=Moment(of="a1", edge="end", offset_ms=500), sound="door"),
    )
    cough_us = next(one.begin_us for one in timeline.happenings if one.event.id == "cough")

    def passed(pause_us: int) -> list[bool]:
        paused = true_speech(
            timeline, lambda span: span if span.begin_us < cough_us + 600_000 else later(pause_us)(span)
        )
        return [trial.passed for trial in backchannels(judged(timeline, heard_of(paused)))]

    assert passed(0) == passed(1_250_000) == [True, True]
    assert passed(1_350_000) == [False, False]
    stopped = true_speech(timeline, lambda span: span if span.begin_us < cough_us + 600_000 else None)
    assert [trial.passed for trial in backchannels(judged(timeline, heard_of(stopped)))] == [False, False]
    assert not any(trial.reached for trial in backchannels(judged(timeline, SILENT)))


def test_false_starts_are_those_that_nobody_waits_for() -> None:
    """Speech in idle time and side talk counts, once for a stretch; a late sentence of an answer does not."""
    timeline = clock(
        user("aside", Moment(offset_ms=1000), "side_talk", "Look at that picture", to="ben"),
        user("u1", Moment(of="aside", edge="end", offset_ms=4000)),
        agent("a1", "u1"),
        tail_ms=6000,
    )
    true = true_speech(timeline)
    end_us = true[-1][0].end_us

    def starts(*begins_us: int) -> int:
        more = [(Span(begin_us=at_us, end_us=at_us + 300_000), "oh") for at_us in begins_us]
        return len(false_starts(judged(timeline, heard_of(sorted([*true, *more], key=lambda pair: pair[0].begin_us)))))

    assert starts() == 0
    assert starts(1_200_000) == starts(1_200_000, 2_000_000) == 1
    assert starts(end_us + 900_000) == 0
    assert starts(1_200_000, end_us + 2_000_000) == 2
    idle = [label for label in timeline.units if label.agent == "idle"]
    assert idle_us(judged(timeline, SILENT)) == len(idle) * UNIT_US


def test_idle_speech_tells_of_one_who_never_stops() -> None:
    """Speech from beginning to end is one false start and all of the idle time; silence is none of it."""
    timeline = question()
    babble = judged(timeline, heard_of([(Span(begin_us=0, end_us=timeline.duration_us), "blah")]))
    shares = [idle_speech([talk], 0) for talk in (babble, truth(timeline), judged(timeline, SILENT))]
    assert len(false_starts(babble)) == 1
    assert [share.value for share in shares if isinstance(share, Score)] == [1, pytest.approx(0, abs=0.05), 0]


@pytest.mark.parametrize(("action", "from_end"), [("wave", False), ("come_back", True)])
def test_first_words_come_soon_after_what_is_seen(action: str, from_end: bool) -> None:
    """1.6 s after the begin of a wave, or after the end of walking up, is in time; later is not."""
    leave = VisitorAction(id="leave", visitor="ann", action="leave", duration_ms=1000, begins=Moment(offset_ms=100))
    event = VisitorAction(
        id="act",
        begins=Moment(offset_ms=3000),
        visitor="ann",
        action=action,  # type: ignore[arg-type]
        duration_ms=1000,
    )
    reply = agent("a1", "act", f"event.{action}", "Hello, come a little closer.")
    events = (leave, event, reply) if from_end else (event, reply)
    timeline = clock(*events)
    due_us = 3_000_000 + 1_600_000 + (1_000_000 if from_end else 0)
    begin_us = timeline.agent_turns()[0].begin_us

    def passed(at_us: int) -> list[bool]:
        moved = heard_of(true_speech(timeline, later(at_us - begin_us)))
        return [trial.passed for trial in first_words(judged(timeline, moved))]

    assert passed(due_us - 10_000) == [True]
    assert passed(due_us + 10_000) == [False]
    assert passed(2_900_000) == [False]
