"""Drawn scripts: the same seed draws the same, held-out things never reach training, the mixing rules hold."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scripts import small_cast, small_domain
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.events import AgentTurn, UserTurn
from wan_streamer.train.data.generate.answers import draw_wording
from wan_streamer.train.data.generate.cast import default_cast
from wan_streamer.train.data.generate.generator import ScriptGenerator
from wan_streamer.train.data.generate.mixing import Mixing, Range, SituationShares
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.generate.splits import Split, SplitChoice, place, speaker_of, split_of, split_of_family
from wan_streamer.train.data.generate.statistics import Share, count_scripts
from wan_streamer.train.data.generate.template import Grammar
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.voices.names import KOKORO_MIXED, MORE_VOICES

BOOK = PhraseBook(small_domain())
CAST = small_cast()


def generator(split: Split = "train", **shares: float) -> ScriptGenerator:
    mixing = Mixing()
    if shares:
        nothing = dict.fromkeys(SituationShares().by_name(), 0.0)
        mixing = replace(mixing, situations=SituationShares(**(nothing | shares)))
    splits = SplitChoice(voices=split, faces=split, phrasings=split, families=split)
    return ScriptGenerator(BOOK, CAST, mixing=mixing, splits=splits)


def as_bytes(script: Script) -> bytes:
    return json.dumps(asdict(script)).encode()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(), script_index=st.integers(0, 1_000_000))
def test_the_same_seed_draws_the_same_bytes(seed: int, script_index: int) -> None:
    """A script depends on seed and number only: not on what was drawn before, nor on another generator."""
    one = as_bytes(generator().script(seed, script_index))
    other = ScriptGenerator(PhraseBook(small_domain()), small_cast())
    other.script(seed + 1, 0)
    assert one == as_bytes(other.script(seed, script_index))
    assert one != as_bytes(other.script(seed, script_index + 1))


def test_another_process_draws_the_same_bytes() -> None:
    """Neither scripts nor splits depend on the process's hash seed."""
    code = (
        "import tests.unit.test_data_script_generate as t, sys;"
        "sys.stdout.buffer.write(b''.join(t.as_bytes(s) for s in t.generator().scripts(7, 20)))"
    )
    drawn = [
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert drawn[0] == drawn[1] == b"".join(as_bytes(script) for script in generator().scripts(7, 20))


def test_places_are_written_down() -> None:
    """The places of names are these for ever: data sets that exist rely on them."""
    assert [round(place("voice", f"tone-{speaker}"), 4) for speaker in range(3)] == [0.1941, 0.2013, 0.6572]


@pytest.mark.parametrize("split", ["train", "validation", "held_out"])
def test_nothing_of_another_split_is_drawn(split: Split) -> None:
    """Of 300 scripts of a split every voice, face, family, phrasing and sentence belongs to that split alone."""
    frames = {(name, text) for name, text in BOOK.frames_in(split)}
    side_talk = {lines[0] for lines in BOOK.side_talk_in(split)}
    for script in generator(split).scripts(5, 300):
        assert split_of_family(script.family) == split
        assert {visitor.voice for visitor in script.visitors} <= set(CAST.voices_of(split))
        assert {visitor.face for visitor in script.visitors} <= set(CAST.faces_of(split))
        for turn in script.events:
            if isinstance(turn, UserTurn) and turn.to == "agent":
                assert (turn.intent, turn.phrasing) in frames
                assert BOOK.split_of_sentence(turn.text) == split
            elif isinstance(turn, UserTurn):
                assert turn.phrasing in side_talk


def test_a_sentence_that_a_held_out_frame_can_make_is_not_drawn_from_another() -> None:
    """Two frames that make the same sentence: if one is held out, training never hears that sentence."""
    makers: dict[str, set[Split]] = {}
    for topic in BOOK.domain.topics():
        grammar = Grammar(topic.grammar, BOOK.domain.slots)
        for frame in BOOK.frames(topic):
            for sentence in grammar.patterns(frame.sequence):
                makers.setdefault(sentence, set()).add(frame.split)
    assert any({"held_out", "train"} <= splits for splits in makers.values())
    for sentence, splits in makers.items():
        strongest = next(split for split in ("held_out", "validation", "train") if split in splits)
        assert BOOK.split_of_sentence(sentence) == strongest


def test_the_splits_of_the_cast_are_whole() -> None:
    """Every voice and face is in exactly one split, accents of one speaker in the same."""
    splits: tuple[Split, ...] = ("train", "validation", "held_out")
    assert sorted(v for split in splits for v in CAST.voices_of(split)) == sorted(CAST.voices)
    assert sorted(f for split in splits for f in CAST.faces_of(split)) == sorted(CAST.faces)
    for split in splits:
        voices = CAST.voices_of(split)
        assert ("tone-8@north" in voices) == ("tone-8@south" in voices)


def test_adding_a_phrasing_moves_no_other() -> None:
    """A new phrasing leaves the split of all others as it was, where the hash has given each split one."""
    names = [f"phrasing {n}" for n in range(50)]
    before = {name: split_of("phrasing", name) for name in names}
    assert before == {name: split_of("phrasing", name) for name in [*names, "a new one"] if name in before}
    assert set(before.values()) == {"train", "validation", "held_out"}


def test_the_shares_are_what_the_mixing_says() -> None:
    """Of 3,000 scripts each share is within five standard deviations and a tenth of what the rules want."""
    counted = count_scripts(generator().scripts(0, 3000), Mixing(), BOOK, "train")
    for share in (*counted.situations, *counted.rates):
        assert abs(share.drawn - share.wanted) < 0.1 * share.wanted + 5 * deviation(share), share


def deviation(share: Share) -> float:
    return float((share.wanted * (1 - share.wanted) / share.base_count) ** 0.5)


def test_statistics_count_what_is_there() -> None:
    """The counts of interruptions, turns and words are those of a plain count."""
    scripts = list(generator().scripts(1, 200))
    counts = dict(count_scripts(scripts, Mixing(), BOOK, "train").counts)
    events = [event for script in scripts for event in script.events]
    situations = Counter(situation for script in scripts for situation in script.situations)
    assert counts["interruptions"] == sum(n for name, n in situations.items() if name.startswith("interruption"))
    assert counts["agent turns"] == sum(isinstance(event, AgentTurn) for event in events)
    assert counts["words of the agent"] == sum(len(e.text.split()) for e in events if isinstance(e, AgentTurn))
    assert counts["hesitations"] == situations["hesitation"]
    assert counts["overlaps without interruption"] == situations["early_question"]
    assert counts["action come_back"] == situations["come_back"]


@pytest.mark.parametrize("situation", list(SituationShares().by_name()))
def test_every_situation_holds_what_it_says(situation: str) -> None:
    """A script of one situation alone can be drawn and has the agent turns that belong to it."""
    quiet = {"side_talk", "idle", "noise_burst", "cough_in_idle"}
    script = generator(**{situation: 1.0}).script(3, 0)
    assert set(script.situations) == {situation}
    assert script.family == situation
    assert any(isinstance(event, AgentTurn) for event in script.events) == (situation not in quiet)


def test_a_repeat_request_repeats() -> None:
    """What the agent says after "say that again" contains what it said before."""
    for script in generator(repeat_request=1.0).scripts(0, 20):
        turns = [event for event in script.events if isinstance(event, AgentTurn)]
        for first, again in zip(turns[::2], turns[1::2], strict=True):
            assert first.text in again.text


def test_fewer_wordings_leave_the_other_draws_alone() -> None:
    """Only the first so many are said, and what is drawn afterwards is the same."""
    wordings = ("a", "b", "c")
    said, after = {}, {}
    for most in (0, 1, 2, 9):
        random = Random(3)
        said[most] = {draw_wording(wordings, random, most) for _ in range(60)}
        after[most] = random.random()
    assert said == {0: {"a", "b", "c"}, 1: {"a"}, 2: {"a", "b"}, 9: {"a", "b", "c"}}
    assert len(set(after.values())) == 1


def test_only_scripts_with_what_is_asked_for() -> None:
    """Every script has one of the situations that are named; an unknown one is refused with those there are."""
    only = ScriptGenerator(BOOK, CAST, situations=("wave", "come_back"))
    assert all({"wave", "come_back"} & set(script.situations) for script in only.scripts(0, 20))
    with pytest.raises(InvalidInput, match="got situations dance, expected some of question, hesitation"):
        ScriptGenerator(BOOK, CAST, situations=("dance", "wave"))


def test_a_follow_up_needs_the_turn_before_and_has_its_slots() -> None:
    """A follow-up names the turn it needs, and the answer is filled."""
    for script in generator(follow_up=1.0).scripts(0, 20):
        follow_ups = [e for e in script.events if isinstance(e, UserTurn) and "." in e.intent]
        assert follow_ups
        assert all(turn.needs is not None for turn in follow_ups)
        assert not any("{" in e.text for e in script.events if isinstance(e, AgentTurn))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SituationShares(question=0.5), "the sum 1"),
        (lambda: Mixing(noise_bed=1.5), "expected 0 to 1"),
        (lambda: Range(least=2, most=1), "least <= most"),
        (lambda: replace(CAST, voices=("a-1", "a-2")), "no voice or no face"),
        (lambda: replace(CAST, faces=("f", "f", "g", "h", "i")), "twice"),
        (lambda: generator("held_out", question=1.0).script(0, 0), "allow more situations"),
    ],
)
def test_wrong_rules_are_named(make: object, words: str) -> None:
    """Shares, ranges and casts that cannot be are refused."""
    assert callable(make)
    with pytest.raises(InvalidInput) as caught:
        make()
    assert words in str(caught.value)


def test_a_domain_without_what_the_mixing_wants() -> None:
    """A domain without an intent that interrupts cannot draw that situation, and says what to do."""
    domain = small_domain()
    book = PhraseBook(replace(domain, intents=tuple(i for i in domain.intents if not i.interrupts)))
    nothing = dict.fromkeys(SituationShares().by_name(), 0.0)
    mixing = Mixing(situations=SituationShares(**(nothing | {"interruption_stop": 1.0})))
    with pytest.raises(InvalidInput, match="set the share to 0"):
        ScriptGenerator(book, CAST, mixing=mixing).script(0, 0)


def test_the_document_has_the_mixing_rules() -> None:
    """Every share in docs/scripts.md is the one that the code wants."""
    text = (Path(__file__).parents[2] / "docs" / "scripts.md").read_text(encoding="utf-8")
    wanted = {**SituationShares().by_name(), **{name: getattr(Mixing(), name) for name in RATES}}
    assert re.findall(r"^\| `(\w+)` \| [\w ]+ \| ([\d.]+) \|", text, re.MULTILINE) == [
        (name, f"{share:.2f}") for name, share in wanted.items()
    ]


RATES = ("noise_bed", "bystander", "nod", "smile", "agent_pause", "handwritten")


def test_more_voices_are_for_training_alone() -> None:
    """They change no split, and no speaker of theirs is in one."""
    more, cast = DrawOptions(more_voices=True).cast, default_cast()
    for split in ("validation", "held_out"):
        assert more.voices_of(split) == cast.voices_of(split)
    added = set(more.voices_of("train")) - set(cast.voices_of("train"))
    assert added == set(MORE_VOICES)
    assert len(MORE_VOICES) >= 100
    assert {speaker_of(voice) for voice in added}.isdisjoint(speaker_of(voice) for voice in cast.voices)
    assert {f"kokoro-{speaker}" for speaker in KOKORO_MIXED} <= set(cast.voices_of("train"))


def test_voices_of_some_synthesisers_stay_in_their_splits() -> None:
    """Fewer voices to draw from, each where it was; a synthesiser whose speakers fill no split is refused."""
    some = DrawOptions(engines=("espeak", "flite")).cast
    for split in get_args(Split):
        assert set(some.voices_of(split)) < set(default_cast().voices_of(split))
    with pytest.raises(InvalidInput, match="no voice"):
        _ = DrawOptions(engines=("piper",)).cast
