import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.eval_codec.made_up_codecs import moving_square, noise, small_audio_codec, small_video_codec
from wan_streamer.eval.codec.audio_table import ROW_COUNT, audio_table
from wan_streamer.eval.codec.filmed_clips import FilmedClip
from wan_streamer.eval.codec.report import write_report
from wan_streamer.eval.codec.speech_scores import SpeechJudges, word_rise
from wan_streamer.eval.codec.spoken_clips import SpokenText
from wan_streamer.eval.codec.video_table import video_table
from wan_streamer.eval.evidence import Weights, gather_evidence
from wan_streamer.eval.judge import Availability, Available, Unavailable
from wan_streamer.eval.quality import SpeechQuality
from wan_streamer.eval.table import NOTHING, Table, at_least, at_most, number, unavailable
from wan_streamer.eval.word_errors import WordErrors

RATE_HZ = 8000


@dataclass
class Listener:
    """Hears an error where the sound is not one of those it knows."""

    known: list[NDArray[np.float32]]
    found: Availability

    def availability(self) -> Availability:
        return self.found

    def judge(self, reference: str, samples: NDArray[np.floating], rate_hz: int) -> WordErrors:
        wrong = not any(np.array_equal(samples, clip) for clip in self.known)
        return WordErrors(substituted=int(wrong), deleted=0, inserted=0, word_count=len(reference.split()))


class Rater:
    """Rates by loudness."""

    def availability(self) -> Availability:
        return Available()

    def judge(self, samples: NDArray[np.floating], rate_hz: int) -> SpeechQuality:
        return SpeechQuality(signal=3.0, background=4.0, overall=2.0 + float(np.abs(samples).mean()))


class NoEyes:
    """Cannot run."""

    def availability(self) -> Availability:
        return Unavailable("no environment; make it")

    def landmarks(self, films: list[NDArray[np.uint8]], *, scale: float = 1.0) -> list[NDArray[np.float32]]:
        raise AssertionError("an unavailable judge is never asked")


def clips() -> list[SpokenText]:
    return [SpokenText(text="one two three four", samples=noise(12, RATE_HZ, seed)) for seed in range(3)]


def audio(found: Availability) -> Table:
    judges = SpeechJudges(words=Listener([clip.samples for clip in clips()], found), quality=Rater())
    done: list[int] = []
    table = audio_table(
        "voice", clips(), small_audio_codec(), judges, seed=0, limits_words=True, on_clip=lambda: done.append(1)
    )
    assert len(done) == 3 * ROW_COUNT
    return table


def test_audio_table_has_every_way_and_its_limits() -> None:
    """Raw, codec and Opus; the codec's word errors rise by 25 points, which fails, and the limits are on it alone."""
    data = audio(Available()).data()["rows"]
    assert list(data) == ["raw", "codec", "Opus 6", "Opus 12"]
    assert data["raw"]["kbps"]["value"] == 128
    assert data["codec"]["WER rise, points"]["value"] == 25
    assert data["codec"]["WER rise, points"]["passed"] is False
    assert data["Opus 6"]["WER rise, points"]["passed"] is None
    assert "drop" not in data["raw"]
    assert data["Opus 12"]["log-mel L1"]["value"] > 0


def test_unavailable_judge_is_said_with_its_reason() -> None:
    """Without ears there is no rate, the reason stands below, and the rest of the table is there."""
    table = audio(Unavailable("model missing"))
    assert "- unavailable: model missing" in table.markdown()
    assert table.data()["rows"]["codec"]["WER %"]["value"] is None
    assert table.data()["rows"]["codec"]["DNSMOS overall"]["value"] > 2


@pytest.mark.long
def test_video_table_without_a_judge_of_faces() -> None:
    """PSNR and flicker are measured for the codec and for H.264 at its bits, lips say why they are not."""
    films = [FilmedClip(film=moving_square(6, seed), jaw=np.linspace(0, 1, 24)) for seed in range(2)]
    table = video_table("agent", films, small_video_codec(), NoEyes(), limits_psnr=True, on_step=lambda: None)
    rows = table.data()["rows"]
    codec, streaming = rows["codec"], next(row for name, row in rows.items() if name.startswith("H.264 streaming"))
    assert codec["PSNR dB"]["passed"] is False
    assert streaming["PSNR dB"]["value"] > codec["PSNR dB"]["value"]
    assert codec["flicker"]["passed"] is not None
    assert codec["lip offset ms"]["reason"] == "no environment; make it"


def test_limits_are_judged_before_rounding() -> None:
    """3.004 is above 3 though both read 3.00; a limit itself passes."""
    assert at_most(3.004, 3.0).passed is False
    assert at_most(3.0, 3.0).passed is True
    assert at_least(29.99, 30.0, 1).passed is False
    assert number(1.0).passed is None


def test_word_rise_is_of_all_words_and_knows_its_error() -> None:
    """One more error in eight words is 12.5 points; when every clip does the same the error is 0."""
    before = [WordErrors(substituted=1, deleted=0, inserted=0, word_count=4)] * 2
    after = [WordErrors(substituted=2, deleted=0, inserted=0, word_count=4), before[0]]
    assert word_rise(before, after, 0)[0] == pytest.approx(12.5)
    assert word_rise(before, after, 0)[1] > 5
    assert word_rise(before, before, 0) == (0.0, 0.0)


def test_report_is_written_as_markdown_and_json(tmp_path: Path) -> None:
    """Both files hold the numbers, limits, failures, seed and the weights' hash; nothing else is left."""
    row = (number(6.4, 1), at_most(9.0, 3.0), NOTHING, unavailable("no judge"))
    table = Table(title="voice", columns=("kbps", "rise", "drop", "lips"), rows=(("codec", row),), notes=("a note",))
    weights = Weights(file="a.safetensors", sha256="ab" * 32, metadata={"recipe_name": "nano", "steps": "7"})
    write_report(tmp_path / "out", [table], gather_evidence("wan_streamer.eval.codec", [weights], [], 5))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"table.md", "table.json"}
    written = json.loads((tmp_path / "out" / "table.json").read_text())
    assert written["tables"][0]["rows"]["codec"]["rise"]["limit"] == "<= 3.00"
    assert written["failures"] == ["voice: codec: rise 9.00, expected <= 3.00"]
    assert written["evidence"]["weights"][0]["sha256"] == "ab" * 32
    assert written["evidence"]["seed"] == 5
    markdown = (tmp_path / "out" / "table.md").read_text()
    assert "| codec | 6.4 | 9.00 (<= 3.00: **FAIL**) |  | unavailable |" in markdown
    assert "- a note\n- unavailable: no judge" in markdown
