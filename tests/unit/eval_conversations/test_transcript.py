"""A talk in words."""

from tests.unit.eval_conversations.made_up_clocks import BEN, agent, clock, user
from tests.unit.eval_conversations.made_up_talks import heard_of
from wan_streamer.eval.conversations.transcript import markdown, transcript
from wan_streamer.train.data.events import Backchannel, Moment, Sound, VisitorAction
from wan_streamer.train.data.timeline import Span

SECOND_US = 1_000_000


def test_lines_are_in_order_and_say_who_did_what() -> None:
    """Visitors, the room, what the script wants, what the agent wrote and what was heard, by their beginnings."""
    timeline = clock(
        user("u1", Moment(offset_ms=1000)),
        agent("a1", "u1", text="At ten."),
        Backchannel(id="b1", begins=Moment(of="a1", word_index=1), visitor="ann", text="Mhm", during="a1"),
        Sound(id="s1", begins=Moment(offset_ms=300), sound="door"),
        VisitorAction(
            id="v1", begins=Moment(offset_ms=500), visitor=BEN.id, action="show_card", item="red", duration_ms=900
        ),
    )
    heard = heard_of([(Span(begin_us=3 * SECOND_US, end_us=4 * SECOND_US), "at ten")])
    lines = transcript(timeline, ("", *[""] * 16, "At", " ten.", "", ""), heard)
    told = [(line.who, line.what) for line in lines]
    assert told[:3] == [("room", "(door)"), ("ben", "(show card red)"), ("ann", "**When are you open?**")]
    assert set(told[3:]) == {
        ("agent, wanted", "*At ten.*"),
        ("agent, written", "At ten."),
        ("agent, heard", "at ten"),
        ("ann", "Mhm (in passing)"),
    }
    assert [line.at_us for line in lines] == sorted(line.at_us for line in lines)


def test_words_far_apart_are_two_lines() -> None:
    """Silence between answers ends a line; the units of a long word do not."""
    timeline = clock(user("u1", Moment(offset_ms=1000)), agent("a1", "u1"))
    words = ("We", "", "", " are open.", *[""] * 8, "Tickets", " are free.")
    written = [line for line in transcript(timeline, words, heard_of([])) if line.who == "agent, written"]
    assert [(line.at_us, line.what) for line in written] == [(0, "We are open."), (12 * 160_000, "Tickets are free.")]


def test_the_table_keeps_its_columns() -> None:
    """A bar in the text would begin another column."""
    timeline = clock(user("u1", Moment(offset_ms=1000), text="Open|closed?"))
    assert markdown(transcript(timeline, (), heard_of([]))).splitlines() == [
        "| s | who | what |",
        "|---|---|---|",
        "| 1.0 | ann | **Open/closed?** |",
    ]
