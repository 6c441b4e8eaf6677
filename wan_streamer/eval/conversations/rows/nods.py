"""Whether the agent nods to what it hears."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.conversations.asked import asked
from wan_streamer.eval.conversations.judged import Judged
from wan_streamer.eval.conversations.looked import Curve
from wan_streamer.eval.conversations.score import Failed, NoTrials, Result, Score
from wan_streamer.train.data.events import UserTurn
from wan_streamer.unit import FRAME_US

# A nod begins shortly after a phrase and is over after this.
FROM_US, UNTIL_US = 100_000, 900_000
# The head moves with speech, from a little before it.
SPEECH_MARGIN_US: Final = 200_000
# A nod is down and up within this; slower is posture.
NOD_FRAMES: Final = 12
LEAST_FRAMES: Final = 6
SHUFFLES: Final = 2000


@dataclass(frozen=True, kw_only=True, eq=False)
class _Silence:
    """The frames of a talk in which the agent does not speak, one after the other.

    Attributes:
        nodding: how far the head goes down and up around each, rad, [frames].
        windows: first and last + 1 of the frames after each phrase.
    """

    nodding: Curve
    windows: tuple[tuple[int, int], ...]


def nods(talks: Sequence[Judged], seed: int) -> Result:
    """How improbable it is that a head that does not listen nods so much after phrases: a permutation test.

    Nodding is the largest pitch of the head within 0.48 s less the smallest. Its mean is taken over the frames 0.1 to
    0.9 s after each phrase that is said to the agent (the end of a turn, a comma, a hesitation), as far as the agent
    does not speak. The control has the same windows, moved by a random time within the frames of the talk without
    speech, end joined to beginning; p is the share of 2,000 such moves with at least as much.
    """
    silences = [silence for judged in talks if (silence := _silence(judged)) is not None]
    if not any(silence.windows for silence in silences):
        seen = any(judged.looked is not None for judged in talks)
        return Failed("no face in the films") if seen and not silences else NoTrials("no phrases in films")
    random = np.random.default_rng(seed)
    found = _mean(silences, [0] * len(silences))
    control = [_mean(silences, [int(random.integers(len(s.nodding))) for s in silences]) for _ in range(SHUFFLES)]
    p = (1 + sum(value >= found for value in control)) / (1 + SHUFFLES)
    note = f"{np.degrees(found):.1f} against {np.degrees(np.mean(control)):.1f} degrees"
    count = sum(len(silence.windows) for silence in silences)
    return Score(value=p, count=count, counted="phrases", note=note)


def _silence(judged: Judged) -> _Silence | None:
    if judged.looked is None or not np.isfinite(judged.looked.pitch).any():
        return None
    nodding = _nodding(judged.looked.pitch)
    is_silent = np.isfinite(nodding)
    for span in judged.heard.stretches:
        first, last = (span.begin_us - SPEECH_MARGIN_US) // FRAME_US, (span.end_us + SPEECH_MARGIN_US) // FRAME_US
        is_silent[max(0, first) : last + 1] = False
    place = np.cumsum(is_silent) - is_silent
    windows = []
    for end_us in phrase_ends_us(judged):
        frames = np.arange((end_us + FROM_US) // FRAME_US, (end_us + UNTIL_US) // FRAME_US)
        frames = frames[frames < len(is_silent)]
        kept = frames[is_silent[frames]] if len(frames) else frames
        if len(kept) >= LEAST_FRAMES:
            windows.append((int(place[kept[0]]), int(place[kept[-1]]) + 1))
    return _Silence(nodding=nodding[is_silent], windows=tuple(windows)) if is_silent.any() else None


def phrase_ends_us(judged: Judged) -> Iterator[int]:
    """Where phrases that are said to the agent end."""
    for one in asked(judged.timeline):
        assert isinstance(one.turn.event, UserTurn)
        pauses = {pause.after_word_index for pause in one.turn.event.pauses}
        last = len(one.turn.words) - 1
        for index, word in enumerate(one.turn.words):
            if index == last or index in pauses or word.text.endswith(","):
                yield word.end_us


def _nodding(pitch: Curve) -> Curve:
    """Largest less smallest pitch in the frames around each; NaN where a face is missing."""
    padded = np.pad(pitch, (NOD_FRAMES // 2, NOD_FRAMES - NOD_FRAMES // 2 - 1), mode="edge")
    windows: NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(padded, NOD_FRAMES)
    return np.asarray(windows.max(1) - windows.min(1))


def _mean(silences: Sequence[_Silence], moves: Sequence[int]) -> float:
    values = [
        np.take(silence.nodding, np.arange(first + move, end + move), mode="wrap")
        for silence, move in zip(silences, moves, strict=True)
        for first, end in silence.windows
    ]
    return float(np.concatenate(values).mean())
