"""Whether the agent says what it writes."""

from collections.abc import Sequence

from wan_streamer.eval.conversations.heard import text_of
from wan_streamer.eval.conversations.intervals import bootstrap
from wan_streamer.eval.conversations.judged import Judged
from wan_streamer.eval.conversations.score import NoTrials, Result, Score
from wan_streamer.eval.conversations.spelling import Words
from wan_streamer.eval.word_errors import WordErrors, add_word_errors, count_word_errors


def spoken_words(talks: Sequence[Judged], words: Words, seed: int) -> Result:
    """Word error rate of all that is heard of the agent against all that it wrote, talk by talk, over all words.

    A word that is written and not said, because the agent was interrupted, is an error.
    """
    errors = [talk_errors(judged, words) for judged in talks]
    errors = [one for one in errors if one.word_count or one.inserted]
    if not add_word_errors(errors).word_count:
        return NoTrials("no words written")
    low, high = bootstrap(errors, _rate, seed)
    return Score(value=_rate(errors), low=low, high=high, count=add_word_errors(errors).word_count, counted="words")


def talk_errors(judged: Judged, words: Words) -> WordErrors:
    """The errors of one talk."""
    return count_word_errors(words(judged.written), words(text_of(judged.heard.utterances)))


def _rate(errors: Sequence[WordErrors]) -> float:
    return add_word_errors(errors).rate
