"""An agent that was recorded: its sound has the times of its words, its pictures are those of its films."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("hibari")
pytest.importorskip("pocketsphinx")

from wan_streamer.errors import InvalidInput
from wan_streamer.media.mp4_writer import Mp4Writer
from wan_streamer.train.data.events import AgentTurn, Moment, VisitorAction
from wan_streamer.train.data.recordings import BLEND_US, RecordedAgent, RecordedVoice, find_recordings
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import Script, Visitor
from wan_streamer.train.data.sources.voice import SAMPLE_RATE_HZ, hibari_voice
from wan_streamer.train.data.timeline import Durations, Timeline
from wan_streamer.unit import FRAME_US, FRAMES_PER_SECOND

TEXT = "Good morning. How can I help you?"
HEIGHT, WIDTH = 32, 48
SILENCE_S = 0.6
FRAME_SAMPLES = SAMPLE_RATE_HZ // FRAMES_PER_SECOND


def write_film(path: Path, greys: Sequence[int], samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    """A frame of each grey, and sound."""
    with Mp4Writer(path, WIDTH, HEIGHT, SAMPLE_RATE_HZ) as writer:
        for first in range(0, len(greys), 4):
            frames = np.stack([np.full((HEIGHT, WIDTH, 3), grey, np.uint8) for grey in greys[first : first + 4]])
            sound = samples[first * FRAME_SAMPLES : (first + 4) * FRAME_SAMPLES]
            writer.write(frames, np.rint(sound * 32767).astype(np.int16))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence whose frames become lighter from 40 on, and a dark idle film."""
    folder = tmp_path_factory.mktemp("clips")
    silence = np.zeros(round(SILENCE_S * SAMPLE_RATE_HZ), np.float32)
    speech = np.concatenate([silence, hibari_voice()[0](TEXT, 0), silence])
    frames = len(speech) // FRAME_SAMPLES // 4 * 4
    write_film(folder / "hello.mp4", [40 + index for index in range(frames)], speech)
    (folder / "hello.txt").write_text("good morning, how can I help you\n")
    write_film(folder / "idle.mp4", [10] * 160, np.zeros(160 * FRAME_SAMPLES, np.float32))
    return folder


def timeline_of(voice: RecordedVoice) -> Timeline:
    """A visitor waves, the agent says its sentence a second later."""
    script = Script(
        name="one",
        domain="museum",
        family="wave",
        visitors=(Visitor(id="ann", voice="flite-awb", face="face-000"),),
        events=(
            VisitorAction(id="wave", visitor="ann", action="wave", duration_ms=1000),
            AgentTurn(
                id="agent-1", begins=Moment(of="wave", offset_ms=2000), text=TEXT, intent="event.wave", answers="wave"
            ),
        ),
        tail_ms=2000,
    )
    return schedule(script, Durations(speech={"agent-1": voice.speak(TEXT).spoken}))


def test_a_sentence_has_its_sound_and_the_times_of_its_words(folder: Path) -> None:
    """Spelled otherwise it is the same; the silence around it is gone, and where it was is known."""
    voice = RecordedVoice(folder)
    clip = voice.speak(TEXT)
    film, begin_us = voice.film_of(TEXT)
    assert film == folder / "hello.mp4"
    loud_s = np.flatnonzero(np.abs(hibari_voice()[0](TEXT, 0)) > 0.02)[0] / SAMPLE_RATE_HZ
    assert begin_us == pytest.approx((SILENCE_S + loud_s) * 1e6, abs=60_000)
    assert len(clip.words) == 7
    assert all(0 <= begin < end <= clip.duration_us for begin, end in clip.words)
    assert float(np.abs(clip.samples).max()) > 0.1


def test_its_pictures_are_those_of_the_film_when_it_speaks(folder: Path) -> None:
    """At each instant of the sentence the film's frame of that instant, idle before and after, mixed between."""
    voice, agent = RecordedVoice(folder), RecordedAgent(folder, height=HEIGHT, width=WIDTH)
    timeline = timeline_of(voice)
    [turn] = timeline.agent_turns()
    _, begin_us = voice.film_of(TEXT)
    for at_us in range(turn.begin_us + FRAME_US, turn.end_us - FRAME_US, 5 * FRAME_US):
        frame = at_us // FRAME_US
        index = (frame * FRAME_US - turn.begin_us + begin_us) / FRAME_US
        assert float(agent.draw(timeline, frame).mean()) == pytest.approx(40 + index, abs=3), at_us
    before, after = turn.begin_us - BLEND_US - FRAME_US, turn.end_us + BLEND_US + FRAME_US
    for at_us in (0, before, after):
        assert float(agent.draw(timeline, at_us // FRAME_US).mean()) == pytest.approx(10, abs=3)
    half = float(agent.draw(timeline, (turn.begin_us - BLEND_US // 2) // FRAME_US).mean())
    assert 12 < half < 40 + begin_us / FRAME_US


def test_a_picture_stands_still_in_a_pause_and_ends_when_it_is_cut(folder: Path) -> None:
    """A pause of a second inside the sentence, and an end before its own."""
    voice, agent = RecordedVoice(folder), RecordedAgent(folder, height=HEIGHT, width=WIDTH)
    timeline = timeline_of(voice)
    [turn] = timeline.agent_turns()
    [piece] = turn.pieces
    middle_us = 800_000
    pieces = (
        dataclasses.replace(piece, clip_end_us=middle_us),
        dataclasses.replace(piece, clip_begin_us=middle_us, at_us=piece.at_us + middle_us + 1_000_000),
    )
    cut_us = turn.begin_us + 2_200_000
    paused = dataclasses.replace(turn, pieces=pieces, end_us=cut_us, is_cut=True)
    timeline = dataclasses.replace(timeline, utterances=(paused,))

    def grey(at_us: int) -> float:
        return float(agent.draw(timeline, at_us // FRAME_US).mean())

    still = grey(turn.begin_us + middle_us + 100_000)
    assert still == pytest.approx(grey(turn.begin_us + middle_us + 900_000), abs=0.5)
    assert grey(turn.begin_us + middle_us + 1_300_000) > still + 3
    assert grey(cut_us + BLEND_US + FRAME_US) == pytest.approx(10, abs=3)


def test_what_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no recording of 'Goodbye"):
        RecordedVoice(folder).speak("Goodbye.")
    with pytest.raises(InvalidInput, match=r"no film .*idle"):
        find_recordings(tmp_path)
    for name in ("idle.mp4", "hello.mp4", "hello.txt"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "again.txt").write_text(TEXT)
    with pytest.raises(InvalidInput, match=r"no film .*again\.mp4"):
        find_recordings(tmp_path)
    (tmp_path / "again.mp4").symlink_to(folder / "hello.mp4")
    with pytest.raises(InvalidInput, match=r"hello\.txt and again\.txt with the same words"):
        find_recordings(tmp_path)
    (tmp_path / "again.txt").unlink()
    (tmp_path / "idle.mp4").unlink()
    write_film(tmp_path / "idle.mp4", [10] * 40, np.zeros(40 * FRAME_SAMPLES, np.float32))
    with pytest.raises(InvalidInput, match="s of idle"):
        RecordedAgent(tmp_path, height=HEIGHT, width=WIDTH)
