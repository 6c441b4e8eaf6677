"""Listens to a talk's sound; what was heard is kept beside it."""

import hashlib
import json
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.activity import ActivityJudge, SpeechSpan
from wan_streamer.eval.conversations.heard import PAUSE_US, US_PER_S, UTTERANCE_GAP_US, Heard, Said, Stretch, join_spans
from wan_streamer.eval.conversations.talk_folder import SOUND, TalkFolder
from wan_streamer.eval.judge import Available, Judge
from wan_streamer.eval.quality import QualityJudge, SpeechQuality
from wan_streamer.eval.words import WordJudge
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.timeline import Span

Samples = NDArray[np.float32]

HEARD: Final = "heard.json"
# Counts changes of how it is listened.
WAY: Final = 3
# Speech is louder than this somewhere, whatever the judge of speech thinks of a faint hiss.
LEAST_DBFS: Final = -45.0
FRAME_S: Final = 0.02
# Whisper hears a little before and after an utterance.
BEFORE_S, AFTER_S = 0.15, 0.2
# DNSMOS repeats what is short until it fills 9 s.
LEAST_RATED_S: Final = 2.0


class FindsSpeech(Judge, Protocol):
    """As `ActivityJudge`."""

    def spans(self, samples: NDArray[np.floating], rate_hz: int) -> list[SpeechSpan]:
        """When somebody speaks."""


class HearsWords(Judge, Protocol):
    """As `WordJudge`."""

    def transcribe(self, samples: NDArray[np.floating], rate_hz: int) -> str:
        """What is said."""


class RatesSpeech(Judge, Protocol):
    """As `QualityJudge`."""

    def judge(self, samples: NDArray[np.floating], rate_hz: int) -> SpeechQuality:
        """How it sounds."""


def open_listener(cache: DataCache) -> "Listener":
    """With the judges that there are; they load their models when they are first asked."""
    return Listener(ActivityJudge(cache), WordJudge(cache), QualityJudge(cache))


class Listener:
    """Asks the judges of sound that are available; whether they are must not change while it is used."""

    def __init__(self, activity: FindsSpeech, words: HearsWords, quality: RatesSpeech) -> None:
        self._activity, self._words, self._quality = activity, words, quality

    def judges(self) -> tuple[Judge, ...]:
        """Those that are asked; without the first nothing is heard."""
        return self._activity, self._words, self._quality

    def listen(self, folder: TalkFolder) -> Heard:
        """What is heard in a talk, from its file of an earlier time if nothing has changed since.

        Raises:
            InvalidInput: the talk is damaged, or speech cannot be found here.
            OSError: a file cannot be read or written.
        """
        key = self._key(folder)
        file = folder.path / HEARD
        if file.is_file():
            content: dict[str, Any] = json.loads(file.read_text("utf-8"))
            if content.get("key") == key:
                return Heard.from_json(content)
        heard = self._hear(*folder.sound())
        text = json.dumps({"key": key, **heard.to_json()}, ensure_ascii=False) + "\n"
        replace_file(file, text.encode())
        return heard

    def _key(self, folder: TalkFolder) -> str:
        asked = [judge.name for judge in self.judges() if isinstance(judge.availability(), Available)]
        digest = hashlib.sha256((folder.path / SOUND).read_bytes()).hexdigest()
        return f"{WAY} {digest[:32]} {','.join(asked)}"

    def _hear(self, samples: Samples, rate_hz: int) -> Heard:
        found = self._activity.spans(samples, rate_hz)
        spans = [Span(begin_us=_us(one.begin_s), end_us=_us(one.end_s)) for one in found]
        spans = [span for span in spans if _is_loud(_cut(samples, rate_hz, span), rate_hz)]
        utterances, stretches = join_spans(spans, UTTERANCE_GAP_US), join_spans(spans, PAUSE_US)
        return Heard(
            spans=tuple(spans),
            utterances=tuple(self._understand(samples, rate_hz, span) for span in utterances),
            stretches=tuple(self._rate(samples, rate_hz, span) for span in stretches),
            other_sound_us=_other_sound_us(samples, rate_hz, utterances),
        )

    def _understand(self, samples: Samples, rate_hz: int, span: Span) -> Said:
        if not isinstance(self._words.availability(), Available):
            return Said(begin_us=span.begin_us, end_us=span.end_us)
        around = Span(begin_us=max(0, span.begin_us - _us(BEFORE_S)), end_us=span.end_us + _us(AFTER_S))
        text = self._words.transcribe(_cut(samples, rate_hz, around), rate_hz)
        return Said(begin_us=span.begin_us, end_us=span.end_us, text=text)

    def _rate(self, samples: Samples, rate_hz: int, span: Span) -> Stretch:
        is_long = span.end_us - span.begin_us >= _us(LEAST_RATED_S)
        if not is_long or not isinstance(self._quality.availability(), Available):
            return Stretch(begin_us=span.begin_us, end_us=span.end_us)
        quality = self._quality.judge(_cut(samples, rate_hz, span), rate_hz).overall
        return Stretch(begin_us=span.begin_us, end_us=span.end_us, quality=round(quality, 3))


def loud_frames(samples: Samples, rate_hz: int) -> NDArray[np.bool_]:
    """Which frames of 20 ms are louder than LEAST_DBFS."""
    frame = round(FRAME_S * rate_hz)
    frames = np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame).astype(np.float64)
    return np.asarray((frames**2).mean(1) > 10 ** (LEAST_DBFS / 10))


def _is_loud(samples: Samples, rate_hz: int) -> bool:
    return bool(loud_frames(samples, rate_hz).any())


def _other_sound_us(samples: Samples, rate_hz: int, speech: tuple[Span, ...]) -> int:
    loud, frame_us = loud_frames(samples, rate_hz), _us(FRAME_S)
    for span in speech:
        first, last = (span.begin_us - _us(BEFORE_S)) // frame_us, (span.end_us + _us(AFTER_S)) // frame_us
        loud[max(0, first) : last + 1] = False
    return int(loud.sum()) * frame_us


def _cut(samples: Samples, rate_hz: int, span: Span) -> Samples:
    return samples[span.begin_us * rate_hz // US_PER_S : span.end_us * rate_hz // US_PER_S]


def _us(seconds: float) -> int:
    return max(0, round(seconds * US_PER_S))
