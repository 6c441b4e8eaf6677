"""Everything that moves besides the mouth: head, gaze, lids, brows, breath, a smile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from visitor.voice import SAMPLE_RATE_HZ, Speech

Curve = NDArray[np.float64]

BLINK_CLOSE_S, BLINK_OPEN_S = 0.09, 0.17
GAZE_SHIFT_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Motion:
    """One value (or row) a frame. head: rotation vectors in radians, pitch yaw roll. gaze: yaw and pitch of the
    eyes relative to the head, radians. face: weights of facial actions. breath_m: how far the chest is lifted."""

    head: NDArray[np.float64]
    gaze: NDArray[np.float64]
    face: dict[str, Curve]
    breath_m: Curve

    @property
    def frame_count(self) -> int:
        return len(self.head)


def move(speech: Speech, mouth: dict[str, Curve], *, frame_rate_hz: int, seed: int) -> Motion:
    """Movement that fits what is said, plus the small unrest of a living person."""
    frame_count = round(speech.duration_s * frame_rate_hz)
    time_s = (np.arange(frame_count) + 0.5) / frame_rate_hz
    random = np.random.default_rng(seed)
    head = _head(time_s, speech, frame_rate_hz, random)
    looked_at = _gaze_targets(time_s, speech)
    gaze = gaussian_filter1d(looked_at, GAZE_SHIFT_S * frame_rate_hz, axis=0) - head[:, [1, 0]] * [0.8, -0.8]
    gaze += gaussian_filter1d(random.normal(0, 0.012, gaze.shape), 1.5, axis=0)
    face = dict(mouth)
    _add(face, _lids(time_s, speech, gaze[:, 1]))
    _add(face, _expression(time_s, speech))
    return Motion(head=head, gaze=gaze, face=face, breath_m=0.002 * np.sin(2 * np.pi * time_s / 3.9))


def _head(time_s: Curve, speech: Speech, frame_rate_hz: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Slow sway, a nod with each stress of the voice, a turn towards the halls when they are spoken of."""
    phase = random.uniform(0, 2 * np.pi, 6)
    sway = np.stack(
        [
            np.sin(2 * np.pi * time_s / 4.7 + phase[0]) + 0.5 * np.sin(2 * np.pi * time_s / 2.3 + phase[1]),
            np.sin(2 * np.pi * time_s / 5.9 + phase[2]) + 0.5 * np.sin(2 * np.pi * time_s / 3.1 + phase[3]),
            np.sin(2 * np.pi * time_s / 6.7 + phase[4]) + 0.4 * np.sin(2 * np.pi * time_s / 2.7 + phase[5]),
        ],
        1,
    )
    head = np.radians(sway * [0.9, 1.6, 1.0])
    stress = loudness(speech, len(time_s), frame_rate_hz)
    nod = gaussian_filter1d(stress, 0.16 * frame_rate_hz) - gaussian_filter1d(stress, 0.6 * frame_rate_hz)
    head[:, 0] += np.radians(9.0) * nod
    _, second, third = speech.lines
    head[:, 1] += np.radians(7.0) * _bump(time_s, second.start_s + 1.0, second.end_s - 0.9, 0.22)
    head[:, 2] += np.radians(-4.0) * _bump(time_s, second.end_s, third.start_s + 0.2, 0.3)
    head[:, 2] += np.radians(3.0) * _bump(time_s, third.start_s + 0.5, third.end_s + 1.2, 0.3)
    return head


def loudness(speech: Speech, frame_count: int, frame_rate_hz: int) -> Curve:
    """Root mean square of each frame's sound, 1 at the loudest."""
    frames = speech.samples[: frame_count * SAMPLE_RATE_HZ // frame_rate_hz].reshape(frame_count, -1)
    level = np.sqrt((frames.astype(np.float64) ** 2).mean(1))
    return level / level.max()


def _gaze_targets(time_s: Curve, speech: Speech) -> NDArray[np.float64]:
    """At the listener, but towards the halls when they are spoken of, and up and aside for a thought in the pause."""
    _, second, third = speech.lines
    target = np.zeros((len(time_s), 2))
    target[_within(time_s, second.start_s + 1.05, second.end_s - 1.0)] = np.radians([14.0, 1.0])
    target[_within(time_s, third.start_s - 0.75, third.start_s - 0.12)] = np.radians([-9.0, 6.0])
    return target


def _lids(time_s: Curve, speech: Speech, gaze_pitch: Curve) -> dict[str, Curve]:
    """Blinks where people blink: after a phrase and when the eyes jump; and lids that follow the eyes."""
    first, second, third = speech.lines
    blinks_s = (
        0.30,
        first.end_s + 0.05,
        second.start_s + 1.0,
        second.end_s + 0.15,
        third.start_s - 0.15,
        third.end_s + 0.1,
        third.end_s + 1.25,
    )
    blink = np.zeros_like(time_s)
    for start_s in blinks_s:
        since_s = time_s - start_s
        closing = np.clip(since_s / BLINK_CLOSE_S, 0, 1)
        opening = np.clip((since_s - BLINK_CLOSE_S) / BLINK_OPEN_S, 0, 1)
        blink = np.maximum(blink, closing - opening)
    lowered = np.clip(-gaze_pitch / 0.35, 0, 1) * 0.6
    raised = np.clip(gaze_pitch / 0.35, 0, 1) * 0.5
    return _sides(
        {"eyeBlink": np.maximum(blink, 0.06), "eyeLookDown": lowered * (1 - blink), "eyeLookUp": raised * (1 - blink)}
    )


def _expression(time_s: Curve, speech: Speech) -> dict[str, Curve]:
    first, second, third = speech.lines
    smile = (
        0.38 * _bump(time_s, 0.0, first.end_s - 0.2, 0.3) + 0.52 * _bump(time_s, third.end_s - 0.2, 99.0, 0.35) + 0.10
    )
    asking = _bump(time_s, second.start_s + 0.1, second.start_s + 1.0, 0.2) + _bump(
        time_s, third.start_s, third.end_s + 0.5, 0.25
    )
    return {
        **_sides(
            {"mouthSmile": smile, "cheekSquint": 0.5 * smile, "eyeSquint": 0.25 * smile, "browOuterUp": 0.3 * asking}
        ),
        "browInnerUp": 0.38 * asking + 0.25 * _bump(time_s, second.end_s + 0.2, third.start_s, 0.2),
    }


def _sides(curves: dict[str, Curve]) -> dict[str, Curve]:
    return {f"{name}{side}": curve for name, curve in curves.items() for side in ("Left", "Right")}


def _add(face: dict[str, Curve], more: dict[str, Curve]) -> None:
    for action, curve in more.items():
        face[action] = face.get(action, 0.0) + curve


def _bump(time_s: Curve, start_s: float, end_s: float, ramp_s: float) -> Curve:
    """0, up to 1 around start_s, down to 0 around end_s."""
    rise = np.clip((time_s - start_s) / ramp_s + 0.5, 0, 1)
    fall = np.clip((end_s - time_s) / ramp_s + 0.5, 0, 1)
    level = np.minimum(rise, fall)
    return level * level * (3 - 2 * level)


def _within(time_s: Curve, start_s: float, end_s: float) -> NDArray[np.bool_]:
    return (time_s >= start_s) & (time_s < end_s)
