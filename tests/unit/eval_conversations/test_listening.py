"""From sound to speech: which spans count, how they join, and that nothing is heard twice."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wan_streamer.engine.exchange import AgentOutput
from wan_streamer.eval.activity import SpeechSpan
from wan_streamer.eval.conversations.heard import Heard, join_spans
from wan_streamer.eval.conversations.listen import Listener, loud_frames
from wan_streamer.eval.conversations.talk_folder import TalkFolder, TalkMedia, TalkWriter
from wan_streamer.eval.judge import Availability, Available, Unavailable
from wan_streamer.eval.quality import SpeechQuality
from wan_streamer.train.data.timeline import Span

RATE_HZ = 8000
UNIT = RATE_HZ * 160 // 1000


class Judge:
    """Answers as it is told, and counts how often it is asked."""

    name = measures = "made up"

    def __init__(self, spans: Sequence[tuple[float, float]] = (), found: Availability | None = None) -> None:
        self._spans, self._found, self.asked = spans, found or Available(), 0

    def availability(self) -> Availability:
        return self._found

    def spans(self, samples: NDArray[np.floating], rate_hz: int) -> list[SpeechSpan]:
        self.asked += 1
        return [SpeechSpan(begin_s=begin_s, end_s=end_s) for begin_s, end_s in self._spans]

    def transcribe(self, samples: NDArray[np.floating], rate_hz: int) -> str:
        self.asked += 1
        return f"{len(samples) / rate_hz:.2f}"

    def judge(self, samples: NDArray[np.floating], rate_hz: int) -> SpeechQuality:
        self.asked += 1
        return SpeechQuality(signal=1.0, background=1.0, overall=2.5)


def talk(folder: Path, loudness: Sequence[float]) -> TalkFolder:
    """A talk of noise, with a loudness for each unit."""
    random = np.random.default_rng(0)
    with TalkWriter(folder, TalkMedia(rate_hz=RATE_HZ, height=0, width=0)) as writer:
        for unit_index, loud in enumerate(loudness):
            audio = (32767 * loud * random.uniform(-1, 1, UNIT)).astype(np.int16)
            frames = np.zeros((0, 2, 2, 3), np.uint8)
            writer.write(AgentOutput(unit_index=unit_index, audio=audio, video=frames, text=""), audio)
        writer.finish("model", {}, 0.0)
    return TalkFolder(folder)


def test_speech_is_what_is_speech_and_loud(tmp_path: Path) -> None:
    """Spans without sound do not count; near ones are one utterance, nearer than an answer's pause one stretch."""
    folder = talk(tmp_path / "a", [0.3] * 20 + [0.001] * 10 + [0.3] * 10)
    spans = [(0.1, 0.9), (1.2, 1.5), (2.2, 3.0), (3.5, 4.0), (5.0, 5.5)]
    heard = Listener(Judge(spans), Judge(), Judge()).listen(folder)
    assert [(s.begin_us, s.end_us) for s in heard.spans] == [
        (100_000, 900_000), (1_200_000, 1_500_000), (2_200_000, 3_000_000), (5_000_000, 5_500_000),
    ]  # fmt: skip
    assert [s.begin_us for s in heard.utterances] == [100_000, 2_200_000, 5_000_000]
    assert [s.begin_us for s in heard.stretches] == [100_000, 5_000_000]
    assert [s.quality for s in heard.stretches] == [2.5, None]
    assert heard.utterances[1].text == "1.15"
    assert heard.speaks_at(1_800_000)
    assert not heard.speaks_at(4_000_000)
    assert 900_000 < heard.other_sound_us < 2_000_000


def test_nothing_is_heard_twice(tmp_path: Path) -> None:
    """The second time no judge is asked; another sound, or another set of judges, is heard anew."""
    words = Judge()
    folder = talk(tmp_path / "a", [0.3] * 10)
    listener = Listener(Judge([(0.1, 0.9)]), words, Judge())
    first = listener.listen(folder)
    assert listener.listen(folder) == first
    assert words.asked == 1
    talk(tmp_path / "a", [0.4] * 10)
    listener.listen(folder)
    assert words.asked == 2
    deaf = Listener(Judge([(0.1, 0.9)]), Judge(found=Unavailable("gone")), Judge()).listen(folder)
    assert deaf.utterances[0].text is None


def test_heard_survives_json() -> None:
    """What is kept is what was heard."""
    spans = (Span(begin_us=1, end_us=5),)
    heard = Heard(spans=spans, utterances=(), stretches=(), other_sound_us=3)
    assert Heard.from_json(json.loads(json.dumps(heard.to_json()))) == heard


def test_gaps_join_below_their_limit() -> None:
    """A gap of the limit stays one."""
    spans = [Span(begin_us=0, end_us=10), Span(begin_us=19, end_us=30), Span(begin_us=40, end_us=50)]
    assert [(s.begin_us, s.end_us) for s in join_spans(spans, 10)] == [(0, 30), (40, 50)]


def test_loud_frames_are_those_above_the_limit() -> None:
    """-40 dBFS is loud, -50 dBFS is not."""
    level = np.concatenate([np.full(RATE_HZ, 10 ** (-40 / 20)), np.full(RATE_HZ, 10 ** (-50 / 20))])
    assert loud_frames(level.astype(np.float32), RATE_HZ).tolist() == [True] * 50 + [False] * 50
