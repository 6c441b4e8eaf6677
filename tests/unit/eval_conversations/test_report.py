"""The report: every result in words, and in data."""

import json
from pathlib import Path

import pytest

from tests.unit.eval_conversations.made_up_clocks import agent, clock, question, user
from tests.unit.eval_conversations.made_up_talks import heard_of, judged, plain_words, true_speech
from wan_streamer.errors import InvalidInput
from wan_streamer.eval.conversations.confusions import worst_intents
from wan_streamer.eval.conversations.heard import Heard
from wan_streamer.eval.conversations.names import ROWS, SYSTEMS
from wan_streamer.eval.conversations.options import ConverseOptions, chosen
from wan_streamer.eval.conversations.performance import Performance
from wan_streamer.eval.conversations.report import Findings, report_markdown, write_report
from wan_streamer.eval.conversations.rows.full_duplex_bench import duplex_scores
from wan_streamer.eval.conversations.table_rows import all_rows
from wan_streamer.eval.evidence import Evidence
from wan_streamer.eval.judge import Unavailable
from wan_streamer.train.data.events import Moment

EVIDENCE = Evidence(
    command="python -m it", seed=3, date="2026-01-01", hardware="a core", torch="2", pyav="18", weights=(), data=()
)


def performances() -> tuple[Performance, ...]:
    """The truth plays the model; silence."""
    timeline = question()
    truth = judged(timeline, heard_of(true_speech(timeline)), written=" ".join(t for _, t in true_speech(timeline)))
    silent = judged(timeline, Heard(spans=(), utterances=(), stretches=()))
    return tuple(
        Performance(system=system, talks=(talk,), long=None, rendered=(), words=plain_words, seed=0)
        for system, talk in (("model", truth), ("silent", silent))
    )


def findings() -> Findings:
    played = performances()
    rows = []
    for row in all_rows():
        results = {one.system: row.measure(one) for one in played}
        rows.append((row, {**results, "silent": Unavailable("no ears")} if row.group == "quality" else results))
    duplex = {one.system: duplex_scores(one.talks) for one in played}
    return Findings(performances=played, rows=tuple(rows), duplex=duplex, evidence=EVIDENCE, notes=("a note",))


def test_every_row_is_in_the_report_with_its_limits(tmp_path: Path) -> None:
    """Numbers with interval and count, what is missed and reached, no trials, and why a judge has no number."""
    write_report(tmp_path, findings())
    text = (tmp_path / "evaluation.md").read_text()
    assert (
        "| right answer, known phrasings | >= 85 % | >= 97 % | 100 % (21 to 100, n 1): aim reached | 0 % (0 to" in text
    )
    assert "| right answer, held-out phrasings | >= 65 % | >= 90 % | no trials | no trials |" in text
    assert "| DNSMOS of speech | >= 2.60 | >= 3.20 | no speech of 2 s | unavailable |" in text
    assert "- unavailable: no ears" in text
    assert "| false starts an hour, idle and side talk | <= 6 | <= 1 | 0.0 (0.0 to" in text
    assert "The data differ" in text
    assert "`python -m it`" in text
    for row in all_rows():
        assert f"| {row.title} |" in text
    data = json.loads((tmp_path / "evaluation.json").read_text())
    assert len(data["rows"]) == len(list(all_rows()))
    assert data["rows"][0]["systems"]["model"]["trials"][0]["wanted"] == "hours"
    assert data["full_duplex_bench"]["silent"]["turn_take_over"] == 0


def test_only_the_model_is_graded() -> None:
    """A baseline that misses a row is not told so."""
    assert "**missed**" not in report_markdown(findings())
    silent = [one for one in performances() if one.system == "silent"]
    rows = [row for row in all_rows() if row.group == "answers"]
    as_model = [Performance(**{**vars(one), "system": "model"}) for one in silent]
    results = tuple((row, {"model": row.measure(as_model[0])}) for row in rows)
    graded = Findings(performances=tuple(as_model), rows=results, duplex={}, evidence=EVIDENCE, notes=())
    assert "0 % (0 to 79, n 1): **missed**" in report_markdown(graded)
    assert "| hours | 0 of 1 | none 1 |" in report_markdown(graded)


def test_the_worst_intents_come_first() -> None:
    """Those with the most wrong answers, and what was heard instead."""
    events = []
    for index in range(3):
        begins = Moment(offset_ms=1000) if index == 0 else Moment(of=f"a{index - 1}", edge="end", offset_ms=2000)
        intent = "things" if index else "hours"
        events += [user(f"u{index}", begins, intent), agent(f"a{index}", f"u{index}", intent)]
    timeline = clock(*events)
    found = worst_intents([judged(timeline, heard_of(true_speech(timeline)))], 10)
    assert [(one.intent, one.right, one.count, one.instead) for one in found] == [("things", 0, 2, (("hours", 2),))]


def test_options_name_what_there_is() -> None:
    """Unknown systems and rows, and counts below 1, are told; the order is the report's."""
    assert chosen("silent,model", SYSTEMS, "--systems") == ("model", "silent")
    for words in ("", "modle"):
        with pytest.raises(InvalidInput, match="expected some of model,truth"):
            chosen(words, SYSTEMS, "--systems")
    data = (Path("a"),)
    assert ConverseOptions(data=data, out=Path("b")).rows.split(",") == list(ROWS)
    with pytest.raises(InvalidInput, match="below 1"):
        ConverseOptions(data=data, out=Path("b"), count=0)
    with pytest.raises(InvalidInput, match="--data"):
        ConverseOptions(data=(), out=Path("b"))
