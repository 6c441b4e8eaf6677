"""Which answer something heard is."""

from dataclasses import replace

from tests.support.scripts import small_domain
from tests.unit.eval_conversations.made_up_clocks import HOURS, agent, clock, user
from tests.unit.eval_conversations.made_up_talks import plain_words, small_book
from wan_streamer.eval.conversations.answer_book import AnswerBook, Meaning
from wan_streamer.eval.conversations.spelling import one_spelling
from wan_streamer.train.data.events import Moment, UserTurn
from wan_streamer.train.data.generate.domain import Intent


def test_the_nearest_answer_wins_and_half_of_it_must_be_right() -> None:
    """A few wrong words keep the intent; with more than half of them wrong it is nobody's answer."""
    book = small_book()
    assert book.match(HOURS).name == "hours"
    assert book.match("we are open from ten to six every day but sunday come and see us").name == "hours"
    assert book.match("your ticket is fun").name == "event.show_ticket"
    assert book.match("your ticket was yellow then").name == "none"
    assert book.match("").name == "none"


def test_a_slot_gives_the_facts_and_a_shared_answer_has_both_intents() -> None:
    """An answer with a slot tells its value; what two intents answer alike means both."""
    book = small_book()
    match = book.match("On Sunday we are open until six")
    assert match.meanings == (Meaning(intent="hours.other_day", facts="day=Sunday"),)
    domain = small_domain()
    twin = Intent(name="twin", phrasings=("a", "b", "c"), answers=(HOURS,))
    both = AnswerBook(replace(domain, intents=(*domain.intents, twin)), plain_words).match(HOURS)
    assert both.intents == ("hours", "twin")
    assert both.rate == 0


def test_a_repeated_answer_is_that_answer() -> None:
    """ "I said: ..." has the intent of what is said again, and so does the question for it."""
    book = small_book()
    assert book.match(f"I said: {HOURS}").intents == ("hours",)
    timeline = clock(
        user("u1", Moment(offset_ms=1000)),
        agent("a1", "u1"),
        user("u2", Moment(of="a1", edge="end", offset_ms=500), "again", "Pardon me?", needs="u1"),
        agent("a2", "u2", "again"),
    )
    again = timeline.script.by_id["u2"]
    assert isinstance(again, UserTurn)
    assert book.expected(timeline.script, again) == "hours"


def test_pruning_changes_nothing() -> None:
    """The bound that spares most comparisons never hides a nearer answer: brute force finds the same."""
    from wan_streamer.eval.word_errors import count_word_errors

    book = small_book()
    texts = [HOURS, "on friday we are closed", "at the desk on the left it is next to stairs", "welcome to the desk"]
    for text in texts:
        heard = plain_words(text)
        rates = [count_word_errors(answer.words, heard).rate for answer in book._answers]
        found = book.match(text)
        assert found.rate == (min(rates) if min(rates) <= 0.5 else 1.0)


def test_alright_is_all_right() -> None:
    """Both spellings are the same words."""
    words = one_spelling(plain_words)
    assert words("Alright, then.") == words("all right then")
