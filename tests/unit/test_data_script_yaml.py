"""Scripts and domains as YAML: the round trip, and errors that name file and line."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.scripts import drawn_durations, small_cast, small_domain, steady_durations
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data import script_command
from wan_streamer.train.data.generate.cast import default_cast
from wan_streamer.train.data.generate.domain_files import DEFAULT_DOMAIN, read_domain
from wan_streamer.train.data.generate.generator import ScriptGenerator
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import Moment, NoiseBed, Script, UserTurn, Visitor
from wan_streamer.train.data.script_yaml import from_yaml, read_scripts, to_yaml, write_scripts

yaml = pytest.importorskip("yaml", reason="scripts and domains are YAML; PyYAML comes with the extra `train`")

GENERATOR = ScriptGenerator(PhraseBook(small_domain()), small_cast())
SCRIPT = """\
format: wan-streamer-script-1
name: by-hand
domain: small
family: question
visitors:
- {id: ann, voice: tone-1, face: face-1}
events:
- kind: user_turn
  id: u
  begins: {offset_ms: 500}
  visitor: ann
  text: When are you open?
  intent: hours
  phrasing: When are you open?
- kind: agent_turn
  id: a
  begins: {of: u, edge: end, offset_ms: 400}
  text: From ten to six.
  intent: hours
  answers: u
"""


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_drawn_script_comes_back(seed: int) -> None:
    """Written and read again, a script is equal and is written as the same bytes."""
    script = GENERATOR.script(seed, 0)
    text = to_yaml(script)
    assert from_yaml(text) == script
    assert to_yaml(from_yaml(text)) == text
    assert yaml.safe_load(text)["name"] == script.name


@settings(suppress_health_check=[HealthCheck.filter_too_much], deadline=None)
@given(
    text=st.text(min_size=1, max_size=40).filter(lambda t: bool(t.split()) and t.isprintable()), snr=st.floats(-20, 80)
)
def test_any_words_come_back(text: str, snr: float) -> None:
    """Words that look like YAML (no, 1.5, - x, {y}) and any number come back as they were."""
    turn = UserTurn(id="u", visitor="ann", text=text, intent="no", phrasing="1.5", begins=Moment(offset_ms=-3))
    script = Script(
        name="yes",
        domain="null",
        family="~",
        visitors=(Visitor(id="ann", voice="off", face="007", is_there_at_start=False),),
        events=(turn, NoiseBed(id="n", noise="hum", snr_db=snr)),
    )
    assert from_yaml(to_yaml(script)) == script


def test_files_hold_many_scripts(tmp_path: Path) -> None:
    """A file is written whole, over an older one, and leaves nothing else behind."""
    path = tmp_path / "new" / "scripts.yaml"
    write_scripts(path, GENERATOR.scripts(0, 5))
    scripts = list(GENERATOR.scripts(1, 3))
    write_scripts(path, scripts)
    assert read_scripts(path) == scripts
    assert [file.name for file in path.parent.iterdir()] == ["scripts.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: by-hand", "name: 5", "x.yaml:2: got a whole number 5"),
        (
            "format: wan-streamer-script-1",
            "format: other",
            "x.yaml:1: got text 'other', expected wan-streamer-script-1",
        ),
        ("format: wan-streamer-script-1\n", "", "write 'format: wan-streamer-script-1' first"),
        ("family: question\n", "", "x.yaml:1: got no 'family'"),
        ("  answers: u\n", "  answer: u\n", "x.yaml:20: got the unknown key 'answer'"),
        ("kind: agent_turn", "kind: agent", "x.yaml:15: got text 'agent', expected one of user_turn"),
        ("- kind: agent_turn\n  id: a", "- id: a", "an event with a 'kind'"),
        ("edge: end", "edge: middle", "x.yaml:17: got text 'middle', expected one of begin, end"),
        ("offset_ms: 500", "offset_ms: 0.5", "x.yaml:10: got a number 0.5, expected a whole number"),
        ("text: When are you open?", "text: no", "x.yaml:12: got true or false False, expected text; put it in quotes"),
        ("text: When are you open?", "text: [When]", "x.yaml:12: got a list"),
        ("text: When are you open?", "text: 2026-01-01", "x.yaml:12: got a value of type timestamp"),
        ("text: When are you open?", "text: !!python/name:os.system", "a value of type os.system"),
        ("answers: u", "answers: ann", "the id of a user turn or an action"),
        ("id: ann,", "id: '',", "x.yaml:6: got the id ''"),
        ("events:", "events: [", "x.yaml:8: not YAML"),
        ("  intent: hours\n  answers: u", "  intent: &x hours\n  answers: *x", "got an alias"),
        ("  id: u\n", "  id: u\n  id: v\n", "x.yaml:10: got the key 'id' twice"),
    ],
)
def test_mistakes_in_a_script_name_the_line(old: str, new: str, words: str) -> None:
    """Each mistake in a script is refused with its file and line."""
    assert from_yaml(SCRIPT).name == "by-hand"
    with pytest.raises(InvalidInput) as caught:
        from_yaml(SCRIPT.replace(old, new), source="x.yaml")
    assert words in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_script_or_refused(text: str) -> None:
    """No text fails in another way than with InvalidInput."""
    with pytest.raises(InvalidInput):
        from_yaml(text)


def test_lists_without_end_are_refused() -> None:
    """A document of a hundred thousand open brackets is refused, not a crash."""
    with pytest.raises(InvalidInput):
        from_yaml("[" * 100_000)


@pytest.fixture(scope="module")
def museum() -> PhraseBook:
    return PhraseBook(read_domain(DEFAULT_DOMAIN))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_scripts_of_the_museum_can_be_scheduled(museum: PhraseBook, seed: int) -> None:
    """What is drawn for the museum comes back from YAML and holds no contradiction."""
    script = ScriptGenerator(museum, default_cast()).script(seed, 1)
    assert from_yaml(to_yaml(script)) == script
    assert schedule(script, drawn_durations(script, seed)).units


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("intents/hours.yaml", "phrasings:", "phrases:", "hours.yaml:"),
        ("intents/hours.yaml", "answers:\n", "answers:\n  - We open at 9.\n", "write numbers in words"),
        ("intents/hours.yaml", "answers:\n", "answers:\n  - Use {nothing}.\n", "expected a slot"),
        ("intents/hours.yaml", "answers:\n", "answers:\n  - yes\n", "put it in quotes if it is a word"),
        ("intents/hours.yaml", "phrasings:\n", "phrasings:\n  - What (about?\n", "with an open ("),
        ("intents/hours.yaml", "phrasings:\n", "phrasings:\n  - What about {week}?\n", "a rule or a slot"),
        ("backchannels.yaml", "backchannels:", "back:", "backchannels.yaml:"),
        ("events.yaml", "wave", "dance", "expected one of arrive, come_back"),
        ("side_talk.yaml", "side_talk:\n", "side_talk:\n  - [Only one line.]\n", "expected 2 to 6"),
    ],
)
def test_mistakes_in_a_domain_name_the_file(tmp_path: Path, file: str, old: str, new: str, words: str) -> None:
    """Each mistake in a domain's files is refused, and the message names file and line."""
    folder = tmp_path / "museum"
    shutil.copytree(DEFAULT_DOMAIN, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        PhraseBook(read_domain(folder))
    assert words in str(caught.value)
    assert f"{folder / file}:" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A folder that is no domain, or lacks a file, is refused by name."""
    with pytest.raises(InvalidInput, match="check the path"):
        read_domain(tmp_path)
    folder = tmp_path / "museum"
    shutil.copytree(DEFAULT_DOMAIN, folder)
    (folder / "slots.yaml").unlink()
    with pytest.raises(InvalidInput, match=r"slots\.yaml: cannot be read"):
        read_domain(folder)


def test_the_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With -o the same scripts lie in files that were printed without it, and splits.yaml names what is held out."""
    assert script_command.main(["--count", "3", "--seed", "5"]) == 0
    printed = capsys.readouterr().out
    assert script_command.main(["--count", "3", "--seed", "5", "-o", str(tmp_path)]) == 0
    files = sorted(tmp_path.glob("museum-*.yaml"))
    assert "".join(file.read_text(encoding="utf-8") for file in files) == printed
    splits = yaml.safe_load((tmp_path / "splits.yaml").read_text(encoding="utf-8"))
    assert list(splits) == ["held_out", "validation"]
    assert all(splits["held_out"][axis] for axis in ("voices", "faces", "phrasings", "side_talk", "families"))


def test_the_command_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """--stats prints wanted and drawn shares of every situation."""
    assert script_command.main(["--count", "50", "--stats"]) == 0
    printed = capsys.readouterr().out
    for word in ("wanted", "drawn", "interruption_question", "side_talk", "noise_bed"):
        assert word in printed


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake gives one line and exit code 2."""
    assert script_command.main(["--domain", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("wan-streamer: got no files")


def test_the_example_of_the_document_is_a_script() -> None:
    """The script in docs/scripts.md can be read and scheduled."""
    text = (Path(__file__).parents[2] / "docs" / "scripts.md").read_text(encoding="utf-8")
    script = from_yaml(text.split("```yaml\n")[1].split("```")[0])
    assert schedule(script, steady_durations(script)).agent_turns()[0].is_cut
