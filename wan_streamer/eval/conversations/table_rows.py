"""The rows of the report: what is measured, what must be reached, what is aimed at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from wan_streamer.eval.conversations import names
from wan_streamer.eval.conversations.judged import Judged, Trial
from wan_streamer.eval.conversations.long_look import LongLook
from wan_streamer.eval.conversations.performance import Performance
from wan_streamer.eval.conversations.rows.backchannels import backchannels
from wan_streamer.eval.conversations.rows.false_starts import false_starts, idle_speech, idle_us
from wan_streamer.eval.conversations.rows.first_words import first_words
from wan_streamer.eval.conversations.rows.identity import face_distance, picture_drift
from wan_streamer.eval.conversations.rows.interruptions import interruptions
from wan_streamer.eval.conversations.rows.lip_sync import lip_correlation, lips_in_time
from wan_streamer.eval.conversations.rows.nods import nods
from wan_streamer.eval.conversations.rows.right_answers import held_out_phrasings, known_phrasings, right_facts
from wan_streamer.eval.conversations.rows.speech_quality import speech_quality
from wan_streamer.eval.conversations.rows.spoken_words import spoken_words
from wan_streamer.eval.conversations.rows.take_over import take_overs
from wan_streamer.eval.conversations.score import NoTrials, Result, Score, rate, share

US_AN_HOUR: Final = 3_600_000_000
Trials = Callable[[Judged], tuple[Trial, ...]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A measure.

    Attributes:
        group: the name that chooses it (`names.ROWS`).
        must, aim: None where nothing is asked.
        better: which way; "level" is an interval that holds 0 and does not go beyond what is wanted, up or down.
        unit: written after the number; "%" multiplies it by 100.
        judges: names of those without whom there is no number.
        trials: each single one, for whoever wants to know which failed; None for what is no share.
    """

    group: str
    title: str
    must: float | None = None
    aim: float | None = None
    better: Literal["more", "less", "level"] = "more"
    unit: str = "%"
    digits: int = 0
    judges: tuple[str, ...] = ()
    measure: Callable[[Performance], Result]
    trials: Trials | None = None

    def reaches(self, score: Score, wanted: float | None) -> bool:
        """Whether a number is as good as `must` or `aim`."""
        if wanted is None:
            return False
        if self.better == "level":
            low, high = score.low or 0.0, score.high or 0.0
            return -wanted <= low <= 0 <= high <= wanted
        return score.value >= wanted if self.better == "more" else score.value <= wanted


WORDS, ACTIVITY, QUALITY, LANDMARKS = "words", "speech activity", "speech quality", "face landmarks"


def _share(
    group: str, title: str, trials: Trials, must: float | None, aim: float | None, *judges: str, unreached: str = ""
) -> Row:
    def measure(performance: Performance) -> Result:
        return share([trial for judged in performance.talks for trial in trials(judged)], unreached)

    needed = (ACTIVITY, *judges)
    return Row(group=group, title=title, must=must, aim=aim, judges=needed, measure=measure, trials=trials)


def _false_starts(performance: Performance) -> Result:
    count = sum(len(false_starts(judged)) for judged in performance.talks)
    hours = sum(map(idle_us, performance.talks)) / US_AN_HOUR
    return rate(count, hours, f"in {hours:.1f} h" if hours >= 1 else f"in {60 * hours:.1f} min")


def _long(measure: Callable[[LongLook, int], Result]) -> Callable[[Performance], Result]:
    return lambda it: NoTrials("no long talk") if it.long is None else measure(it.long, it.seed)


def all_rows() -> Iterator[Row]:
    """In the order of the report."""
    yield _share(names.ANSWERS, "right answer, known phrasings", known_phrasings, 0.85, 0.97, WORDS)
    yield _share(names.ANSWERS, "right answer, held-out phrasings", held_out_phrasings, 0.65, 0.90, WORDS)
    yield _share(names.ANSWERS, "right answer and right facts in it", right_facts, None, None, WORDS)
    yield Row(
        group=names.WORDS,
        title="WER of speech against its own text",
        must=0.15,
        aim=0.05,
        better="less",
        digits=1,
        judges=(ACTIVITY, WORDS),
        measure=lambda it: spoken_words(it.talks, it.words, it.seed),
    )
    yield Row(
        group=names.QUALITY,
        title="DNSMOS of speech",
        must=2.6,
        aim=3.2,
        unit="",
        digits=2,
        judges=(ACTIVITY, QUALITY),
        measure=lambda it: speech_quality(it.talks, it.seed),
    )
    yield _share(names.LIPS, "lips within 60 ms of the sound", lips_in_time, 0.80, 0.95, LANDMARKS)
    yield Row(
        group=names.LIPS,
        title="correlation of lips and sound, of the rendered truth's",
        must=0.7,
        aim=0.9,
        unit="x",
        digits=2,
        judges=(ACTIVITY, LANDMARKS),
        measure=lambda it: lip_correlation(it.talks, it.rendered, it.seed),
    )
    yield _share(names.TAKE_OVER, "begins to answer in 0.3-1.5 s, not before", take_overs, 0.85, 0.97)
    yield _share(
        names.INTERRUPTIONS,
        "yields to an interruption in 0.5 s and answers it",
        interruptions,
        0.80,
        0.95,
        WORDS,
        unreached="not speaking in {count}",
    )
    yield _share(
        names.BACKCHANNELS,
        "goes on through backchannel, cough, noise",
        backchannels,
        0.70,
        0.90,
        unreached="not speaking in {count}",
    )
    yield Row(
        group=names.FALSE_STARTS,
        title="false starts an hour, idle and side talk",
        must=6,
        aim=1,
        better="less",
        unit="",
        digits=1,
        judges=(ACTIVITY,),
        measure=_false_starts,
    )
    yield Row(
        group=names.FALSE_STARTS,
        title="of idle time and side talk, share with speech",
        better="less",
        judges=(ACTIVITY,),
        measure=lambda it: idle_speech(it.talks, it.seed),
    )
    yield _share(names.FIRST_WORDS, "speaks first within 1.6 s of what it sees", first_words, 0.75, 0.95)
    yield Row(
        group=names.IDENTITY,
        title="face after a long talk, distance to its beginning",
        must=0.38,
        aim=0.38,
        better="less",
        unit="",
        digits=2,
        measure=_long(lambda look, _: face_distance(look)),
    )
    yield Row(
        group=names.IDENTITY,
        title="drift of the picture, grey levels in 10 minutes",
        must=10,
        aim=5,
        better="level",
        unit="",
        digits=1,
        measure=_long(picture_drift),
    )
    yield Row(
        group=names.NODS,
        title="nods to phrases, p against a time-shuffled control",
        must=0.01,
        aim=0.01,
        better="less",
        unit="",
        digits=4,
        judges=(ACTIVITY, LANDMARKS),
        measure=lambda it: nods(it.talks, it.seed),
    )
