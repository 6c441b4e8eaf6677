"""Scripts on the clock: times by hand, contradictions, labels against an oracle in plain Python."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scripts import drawn_durations, small_cast, small_domain, steady_durations
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.generate.generator import ScriptGenerator
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import (
    AgentTurn,
    Backchannel,
    Interruption,
    Moment,
    NoiseBed,
    Pause,
    Script,
    Silence,
    Sound,
    UserTurn,
    Visitor,
    VisitorAction,
)
from wan_streamer.train.data.timeline import Durations, Piece, Spoken, Timeline
from wan_streamer.unit import UNIT_US

ANN = Visitor(id="ann", voice="tone-1", face="face-1")
BEN = Visitor(id="ben", voice="tone-2", face="face-2", is_there_at_start=False)
GENERATOR = ScriptGenerator(PhraseBook(small_domain()), small_cast())


def user(name: str, begins: Moment, text: str = "one two three", **more: Any) -> UserTurn:
    return UserTurn(**{"visitor": "ann", "phrasing": "p", "intent": name} | more, id=name, begins=begins, text=text)


def agent(name: str, answers: str, text: str = "a b c d e", **more: Any) -> AgentTurn:
    begins = more.pop("begins", Moment(of=answers, edge="end", offset_ms=400))
    return AgentTurn(id=name, begins=begins, text=text, intent=answers, answers=answers, **more)


def timeline(*events: Any, tail_ms: int = 0, durations: Durations | None = None) -> Timeline:
    script = Script(name="s", domain="d", family="f", visitors=(ANN, BEN), events=events, tail_ms=tail_ms)
    return schedule(script, durations or steady_durations(script))


def spans(made: Timeline) -> dict[str, tuple[int, int]]:
    return {u.event.id: (u.begin_us // 1000, u.end_us // 1000) for u in (*made.utterances, *made.happenings)}


def test_an_interruption_at_a_word() -> None:
    """An interruption at word 2 of an answer begins there, and the answer falls silent when it has yielded."""
    made = timeline(
        user("u1", Moment(offset_ms=100)),
        agent("a1", "u1"),
        user("u2", Moment(of="a1", word_index=2), interrupts=Interruption(turn="a1", yields_after_ms=250)),
        agent("a2", "u2"),
    )
    assert spans(made) == {"u1": (100, 700), "a1": (1120, 1770), "u2": (1520, 2120), "a2": (2560, 3560)}
    cut = made.agent_turns()[0]
    assert cut.is_cut
    assert [(word.text, word.end_us // 1000, word.is_cut) for word in cut.words] == [
        ("a", 1320, False),
        ("b", 1520, False),
        ("c", 1720, False),
        ("d", 1770, True),
    ]
    assert [unit.agent for unit in made.units] == (
        ["listen"] * 7 + ["speak"] * 2 + ["yield"] * 2 + ["listen"] * 5 + ["speak"] * 7
    )
    assert [unit.unit_index for unit in made.units if unit.interruption] == [1520 // 160]
    assert made.units[8].agent_words == ("b",)
    assert (made.units[5].intent, made.units[20].intent) == ("u1", "u2")


def test_a_pause_divides_the_clip() -> None:
    """A pause lies half-way between two words, shifts what comes after it, and divides the clip in two pieces."""
    spoken = Spoken(duration_us=900_000, words=((100_000, 300_000), (400_000, 500_000), (500_000, 800_000)))
    turn = user("u", Moment(offset_ms=1000), pauses=(Pause(after_word_index=0, duration_ms=700),))
    made = timeline(turn, durations=Durations(speech={"u": spoken}))
    (utterance,) = made.utterances
    assert (utterance.begin_us, utterance.end_us) == (1_000_000, 2_600_000)
    assert [word.begin_us for word in utterance.words] == [1_100_000, 2_100_000, 2_200_000]
    assert utterance.pieces == (
        Piece(clip_begin_us=0, clip_end_us=350_000, at_us=1_000_000),
        Piece(clip_begin_us=350_000, clip_end_us=900_000, at_us=2_050_000),
    )
    assert made.units[1_500_000 // UNIT_US].agent == "listen"


def test_the_agent_speaks_unit_by_unit() -> None:
    """Its turns begin with a unit, and go on after a pause where they were in theirs."""
    spoken = Spoken(duration_us=900_000, words=((100_000, 300_000), (400_000, 500_000), (500_000, 800_000)))
    asked = Spoken(duration_us=610_000, words=((0, 610_000),))
    turn = agent("a", "u", "a b c", pauses=(Pause(after_word_index=0, duration_ms=161),))
    made = timeline(user("u", Moment(), "one"), turn, durations=Durations(speech={"u": asked, "a": spoken}))
    assert spans(made)["a"] == (1120, 1120 + 900 + 320)
    assert [word.begin_us // 1000 - 1120 for word in made.agent_turns()[0].words] == [100, 720, 820]


def test_an_early_question_is_no_interruption() -> None:
    """A question that begins 200 ms before the answer ends cuts nothing and is no interruption."""
    made = timeline(
        user("u1", Moment()),
        agent("a1", "u1"),
        user("u2", Moment(of="a1", edge="end", offset_ms=-200)),
        agent("a2", "u2"),
    )
    assert spans(made)["u2"] == (1920, 2520)
    assert not made.agent_turns()[0].is_cut
    assert not any(unit.interruption or unit.agent == "yield" for unit in made.units)


def test_what_is_seen_and_who_is_there() -> None:
    """Events, presence, noise, sounds and side talk stand in the units in which they happen; the agent idles."""
    made = timeline(
        NoiseBed(id="n", noise="rain", snr_db=10, ends=Moment(offset_ms=320)),
        VisitorAction(id="in", begins=Moment(offset_ms=480), visitor="ben", action="arrive", duration_ms=320),
        user("s", Moment(of="in", edge="end"), visitor="ben", to="ann", intent="side_talk"),
        Sound(id="c", begins=Moment(of="s", edge="end"), sound="cough", visitor="ann"),
        VisitorAction(
            id="card", begins=Moment(of="c", edge="end"), visitor="ben", action="show_card", item="red", duration_ms=320
        ),
        agent("a", "card", begins=Moment(of="card", offset_ms=500)),
        tail_ms=100,
    )
    assert [unit.noise for unit in made.units[:3]] == ["rain", "rain", None]
    assert [unit.present for unit in made.units[2:4]] == [("ann",), ("ann", "ben")]
    assert [unit.event for unit in made.units[3:6]] == ["arrive", "arrive", None]
    talk = made.units[6]
    assert (talk.side_talk, talk.user_speaks, talk.voices, talk.agent) == (True, False, ("ben",), "idle")
    assert made.units[10].sound == "cough"
    assert "show_card.red" in {unit.event for unit in made.units}
    assert [unit.agent for unit in made.units if unit.event == "show_card.red"][-1] == "listen"
    assert made.duration_us % UNIT_US == 0


def test_a_backchannel_does_not_stop_the_agent() -> None:
    """During a backchannel the agent speaks on."""
    made = timeline(
        user("u", Moment()),
        agent("a", "u"),
        Backchannel(id="b", begins=Moment(of="a", word_index=1), visitor="ann", text="mhm", during="a"),
    )
    marked = [unit for unit in made.units if unit.backchannel]
    assert marked
    assert {unit.agent for unit in marked} == {"speak"}


ASKED = (user("u", Moment()), agent("a", "u"))
LEAVES = VisitorAction(id="out", begins=Moment(offset_ms=100), visitor="ann", action="leave", duration_ms=500)
LATE = Moment(of="a", edge="end", offset_ms=50)
AFTER = Moment(of="a", edge="end", word_index=4, offset_ms=50)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ((user("u", Moment(of="v", edge="end")), user("v", Moment(of="u", edge="end"))), "wait for each other"),
        ((user("u", Moment(of="u")),), "u's begin after u's begin"),
        ((user("u", Moment(offset_ms=-10)),), "10 ms before the conversation"),
        ((*ASKED, user("i", LATE, interrupts=Interruption(turn="a", yields_after_ms=200))), "which it causes itself"),
        (
            (*ASKED, user("i", AFTER, interrupts=Interruption(turn="a", yields_after_ms=200))),
            "the interruption 'i' at 2170 ms, while 'a' lasts from 1120 ms to 2120 ms",
        ),
        (
            (*ASKED, user("i", Moment(of="a"), interrupts=Interruption(turn="a", yields_after_ms=200))),
            "inside that turn",
        ),
        (
            (
                *ASKED,
                user("i", Moment(of="a", word_index=1), interrupts=Interruption(turn="a", yields_after_ms=100)),
                user("j", Moment(of="a", word_index=2), interrupts=Interruption(turn="a", yields_after_ms=100)),
            ),
            "interrupted by 'i' and by 'j'",
        ),
        (
            (
                *ASKED,
                user("i", Moment(of="a", word_index=1), interrupts=Interruption(turn="a", yields_after_ms=100)),
                Sound(id="c", begins=Moment(of="a", word_index=3), sound="door"),
            ),
            "word 3 of 'a', which is interrupted before it",
        ),
        ((LEAVES, user("u", Moment(offset_ms=2000))), "who is away then"),
        ((LEAVES, user("u", Moment(offset_ms=200))), "who is away then"),
        ((user("u", Moment(), visitor="ben"),), "'u' of visitor 'ben'"),
        ((user("u", Moment(), to="ben"),), "spoken to visitor 'ben', who is away"),
        ((VisitorAction(id="x", visitor="ann", action="arrive", duration_ms=9),), "is there already"),
        ((VisitorAction(id="x", visitor="ben", action="come_back", duration_ms=9),), "has not been there before"),
        ((VisitorAction(id="x", visitor="ben", action="leave", duration_ms=9),), "is away"),
        ((VisitorAction(id="x", visitor="ben", action="wave", duration_ms=9),), "who is away then"),
        (
            (*ASKED, Backchannel(id="b", begins=LATE, visitor="ann", text="mhm", during="a")),
            "the backchannel 'b' at",
        ),
        ((user("u", Moment()), user("v", Moment(of="u", word_index=1))), "one at a time"),
        ((user("u", Moment()), agent("a", "u", begins=Moment(of="u", word_index=2))), "'u', which it answers, ends at"),
        ((*ASKED, user("v", Moment(of="a", word_index=1), "a b c d")), "`interrupts: {turn: a"),
        ((*ASKED, user("v", Moment(of="u", edge="end", offset_ms=300))), "speaking into 'v'"),
        ((*ASKED, Silence(id="s", begins=Moment(of="a", word_index=4), duration_ms=300)), "'a' inside the silence 's'"),
        ((user("u", Moment(), needs="v"), user("v", Moment(of="u", edge="end"))), "which it needs"),
        ((NoiseBed(id="n", noise="hum", snr_db=1, begins=Moment(offset_ms=5), ends=Moment()),), "ending before"),
    ],
)
def test_contradictions_are_named(events: tuple[Any, ...], words: str) -> None:
    """What cannot be true is refused with a message that names the events and the times."""
    with pytest.raises(InvalidInput) as caught:
        timeline(*events)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("durations", "words"),
    [
        (Durations(speech={}), "no duration of 'u'"),
        (Durations(speech={"u": Spoken(duration_us=9, words=((0, 9),))}), "1 word times for 'u', expected 3"),
        (Durations(speech={"u": Spoken(duration_us=9, words=((0, 2), (1, 3), (3, 4)))}), "go backwards"),
        (Durations(speech={"u": Spoken(duration_us=3, words=((0, 2), (2, 3), (3, 4)))}), "leave the clip"),
    ],
)
def test_durations_are_checked(durations: Durations, words: str) -> None:
    """Word times that are missing or do not fit the text are refused."""
    with pytest.raises(InvalidInput, match=words):
        timeline(user("u", Moment()), durations=durations)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), script_index=st.integers(0, 10_000))
def test_every_drawn_script_can_be_scheduled(seed: int, script_index: int) -> None:
    """Whatever is drawn holds no contradiction for lengths as speech has them, and twice the same gives the same."""
    script = GENERATOR.script(seed, script_index)
    durations = drawn_durations(script, seed)
    made = schedule(script, durations)
    assert made == schedule(script, durations)
    assert_labels_are_true(made)


def assert_labels_are_true(made: Timeline) -> None:
    """Looks at each millisecond of each unit instead of at spans."""
    for unit in made.units:
        times = range(unit.unit_index * UNIT_US, (unit.unit_index + 1) * UNIT_US, 1000)
        agent_ms = sum(any(u.begin_us <= t < u.end_us for u in made.agent_turns()) for t in times)
        users = [u for u in made.utterances if isinstance(u.event, UserTurn) and u.event.to == "agent"]
        user_ms = sum(any(u.begin_us <= t < u.end_us for u in users) for t in times)
        if agent_ms > 81:
            assert unit.agent in ("speak", "yield")
        if agent_ms == 0:
            assert unit.agent in ("listen", "idle")
        if user_ms > 81:
            assert unit.user_speaks
            assert unit.agent != "idle"
        if user_ms == 0:
            assert not unit.user_speaks
    said = [word.text for turn in made.agent_turns() for word in turn.words]
    assert [word for unit in made.units for word in unit.agent_words] == said
