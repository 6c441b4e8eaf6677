"""agent.yaml: who it describes, what is refused, and that data sets keep it."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("yaml")
pytest.importorskip("pyarrow")

from tests.support.conversations import small_conversation, small_script
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.agent import DEFAULT_FILE, Agent, Looks, default_agent, parse_agent, read_agent
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.generate.cast import default_cast
from wan_streamer.train.data.store.data_set import DataSet, shard_entry, write_manifest
from wan_streamer.train.data.store.row import to_row
from wan_streamer.train.data.store.shard import write_shard

OTHER = """
voice: kokoro-kumo
face:
  people: {man-asian-old: 0.5, man-caucasian-young: 0.5}
  skin: "#8d6a55"
  eyes: "#201810"
  lips: "#8a5a50"
  hair: {style: short, colour: "#777777"}
  brows: "#444444"
  beard: 0.4
  glasses: "#000000"
  clothes: {outfit: jacket, colour: "#ffffff"}
place: window
place_seed: 7
"""


def looks_of(agent: Agent) -> Looks:
    assert isinstance(agent.looks, Looks)
    return agent.looks


def test_an_agent_is_what_its_file_says() -> None:
    agent = parse_agent(OTHER, source="other")
    looks = looks_of(agent)
    assert (agent.voice, looks.place, looks.place_seed) == ("kokoro-kumo", "window", 7)
    assert looks.face.anchors == {"man-asian-old": 0.5, "man-caucasian-young": 0.5}
    assert looks.face.glasses == (0.0, 0.0, 0.0)
    assert looks.face.clothes.colour == (1.0, 1.0, 1.0)
    # IEC 61966-2-1: 0x77 is 0.467 of the greatest byte, 18.4 % of the light.
    assert looks.face.hair.colour == pytest.approx((0.1845, 0.1845, 0.1845), abs=1e-4)
    assert (looks.face.beard, looks.face.lashes) == (0.4, 1.0)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("kokoro-kumo", "kokoro-nobody", "other:2: got the voice 'kokoro-nobody'"),
        ("man-asian-old: 0.5", "man-asian-old: 0.7", "other:4: got a mapping, expected shares of people that add up"),
        ('"#8d6a55"', '"8d6a55"', "other:5: got text '8d6a55', expected a colour like"),
        ('"#8d6a55"', '"#8d6a5"', "expected a colour like"),
        ("style: short", "style: mohawk", "other:8: got text 'mohawk', expected one of bald, buzz"),
        ("place: window", "place: moon", "other:13: got text 'moon', expected one of desk, foyer"),
        ("voice: kokoro-kumo", "", "got no 'voice'"),
        ("beard: 0.4", "wings: 2", "unknown key 'wings'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, complaint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_agent(OTHER.replace(old, new), source="other")
    assert complaint in str(refused.value)


def test_no_visitor_has_the_agents_voice(tmp_path: Path) -> None:
    """The museum's texts with another agent: whose voice it is leaves the cast, and nobody else does."""
    for file in DEFAULT_FILE.parent.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "agent.yaml").unlink()
    options = DrawOptions(domain=tmp_path)
    assert options.agent == default_agent()
    (tmp_path / "agent.yaml").write_text(OTHER)
    options = DrawOptions(domain=tmp_path)
    assert options.agent.voice == "kokoro-kumo"
    for split in ("train", "validation", "held_out"):
        assert set(default_cast().voices_of(split)) - set(options.cast.voices_of(split)) <= {"kokoro-kumo"}
        assert "kokoro-kumo" not in options.cast.voices_of(split)


def test_a_data_set_keeps_its_agent(tmp_path: Path) -> None:
    write_shard(tmp_path / "shard-00000.parquet", [to_row(small_conversation("one", seed=0))])
    entries = [shard_entry(tmp_path / "shard-00000.parquet")]
    write_manifest(tmp_path, {"agent": OTHER}, entries)
    assert DataSet(tmp_path).conversation(0).agent == parse_agent(OTHER, source="")
    write_manifest(tmp_path, {}, entries)
    assert DataSet(tmp_path).conversation(0).agent == read_agent(DEFAULT_FILE)


def test_it_speaks_with_its_voice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each turn of the agent is said by the file's voice, each of a visitor by the visitor's."""
    pytest.importorskip("scipy")
    from wan_streamer.train.data import make
    from wan_streamer.train.data.sources.cache import DataCache

    class Spoken(Exception):
        pass

    asked: list[tuple[str, str]] = []

    def speak(_bank: object, voice: str, text: str) -> None:
        asked.append((voice, text))
        if len(asked) == 2:
            raise Spoken

    monkeypatch.setattr("wan_streamer.train.data.make.VoiceBank.speak", speak)
    script = small_script("one")
    with pytest.raises(Spoken):
        make.ConversationMaker(DataCache(tmp_path), parse_agent(OTHER, source="other")).make(script)
    assert {voice for voice, _ in asked} == {script.visitors[0].voice, "kokoro-kumo"}


def test_it_has_its_face(heads_folder: Path) -> None:
    """Two agents in one talk look different, and each the same again."""
    pytest.importorskip("moderngl", reason="pictures are drawn with moderngl")
    import dataclasses

    from wan_streamer.train.data.pictures import Pictures

    one = small_conversation("one", seed=0)
    other = dataclasses.replace(one, agent=parse_agent(OTHER, source="other"))
    with Pictures(heads_folder, height=64, width=112) as pictures:
        first, second, again = (next(pictures.agent(talk, range(1))) for talk in (one, other, one))
    assert np.abs(first.astype(int) - second).mean() > 10
    assert np.array_equal(first, again)
