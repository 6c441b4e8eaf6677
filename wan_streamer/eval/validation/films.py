"""The judges of faces against films whose curves are known."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.face_measures import find_blinks
from wan_streamer.eval.lip_offset import lip_curve_correlation
from wan_streamer.eval.lips import LipJudge, LipVerdict, TalkingFilm
from wan_streamer.eval.sound import Samples
from wan_streamer.eval.validation.agent_films import AgentFilm
from wan_streamer.eval.validation.finding import Finding, separation, share_within

SHIFTS_MS: Final = (-120, -80, -40, 0, 40, 80, 120)
SHIFT_LIMIT_MS: Final = 20.0
BLINK_WEIGHT: Final = 0.7
BLINK_LIMIT_FRAMES: Final = 2


def shift_sound(samples: Samples, rate_hz: int, shift_ms: float) -> Samples:
    """The sound later (positive) or earlier by so much, at its length, with silence where there is none."""
    count = round(abs(shift_ms) * rate_hz / 1000)
    if shift_ms >= 0:
        return np.pad(samples, (count, 0))[: len(samples)]
    return np.pad(samples, (0, count))[count:]


def validate_lip_offsets(
    judge: LipJudge, films: Sequence[TalkingFilm], verdicts: Sequence[LipVerdict], what: str
) -> Finding:
    """Whether the offset of shifted sound is found."""
    errors, fits = [], []
    for film, verdict in zip(films, verdicts, strict=True):
        for shift_ms in SHIFTS_MS:
            found = judge.offset(verdict.face, shift_sound(film.samples, film.rate_hz, shift_ms), film.rate_hz)
            errors.append(found.offset_ms - shift_ms if found else float("inf"))
            fits.append(found.correlation if found else 0.0)
    return Finding(
        judge=judge.name,
        question=f"share of {what}, sound shifted by -120 to 120 ms, whose offset is found within 20 ms",
        bound="at least",
        limit=0.9,
        value=share_within(errors, SHIFT_LIMIT_MS),
        case_count=len(errors),
        note=f"median error {np.median(errors):.0f} ms, 9 of 10 within {np.percentile(np.abs(errors), 90):.0f} ms, "
        f"median correlation {np.median(fits):.2f}",
    )


def validate_lip_match(judge: LipJudge, films: Sequence[TalkingFilm], verdicts: Sequence[LipVerdict]) -> Finding:
    """The correlation of lips with their own sound against that with the sound of other films."""
    own: list[float] = []
    other: list[float] = []
    for index, verdict in enumerate(verdicts):
        for step in (0, 1, 2, 3):
            film = films[(index + step) % len(films)]
            found = judge.offset(verdict.face, film.samples, film.rate_hz)
            (other if step else own).append(found.correlation if found else -1.0)
    right, threshold = separation(own, other)
    return Finding(
        judge=judge.name,
        question="share of pairs of film and sound told right by correlation as belonging together or not",
        bound="at least",
        limit=0.9,
        value=right,
        case_count=len(own) + len(other),
        note=f"threshold {threshold:.2f}; median own {np.median(own):.2f}, other {np.median(other):.2f}",
    )


def validate_lip_gap(judge: LipJudge, films: Sequence[AgentFilm], verdicts: Sequence[LipVerdict]) -> Finding:
    """The lip gap that is seen against the jaw that was commanded."""
    fits = [
        lip_curve_correlation(verdict.face.lip_gap, film.curves.column("jawOpen").astype(np.float64))
        for film, verdict in zip(films, verdicts, strict=True)
    ]
    seen = float(np.mean([verdict.face.seen for verdict in verdicts]))
    return Finding(
        judge=judge.name,
        question="median correlation of the lip gap that is seen with the jaw that was commanded",
        bound="at least",
        limit=0.9,
        value=float(np.median(fits)),
        case_count=len(films),
        note=f"least {min(fits):.2f}; a face in {seen:.1%} of the frames",
    )


def validate_head(films: Sequence[AgentFilm], verdicts: Sequence[LipVerdict]) -> Finding:
    """Yaw, pitch and roll that are seen against those that were commanded."""
    fits = {}
    for name in ("yaw", "pitch", "roll"):
        seen = np.concatenate([_centred(getattr(verdict.face, name)) for verdict in verdicts])
        drawn = np.concatenate([_centred(film.curves.column(f"head_{name}")) for film in films])
        known = np.isfinite(seen)
        fits[name] = float(np.corrcoef(seen[known], drawn[known])[0, 1])
    return Finding(
        judge="face landmarks",
        question="least correlation of yaw, pitch and roll that are seen with those that were commanded",
        bound="at least",
        limit=0.7,
        value=min(fits.values()),
        case_count=len(films),
        note=", ".join(f"{name} {fit:.2f}" for name, fit in fits.items()),
    )


def validate_blinks(films: Sequence[AgentFilm], verdicts: Sequence[LipVerdict]) -> Finding:
    """Blinks that are seen against those that were commanded: the harmonic mean of precision and recall."""
    right = drawn_count = seen_count = 0
    for film, verdict in zip(films, verdicts, strict=True):
        drawn = blink_frames(film.curves.column("eyeBlinkLeft"))
        seen = find_blinks(verdict.face.eye_opening)
        right += sum(any(abs(frame - other) <= BLINK_LIMIT_FRAMES for other in seen) for frame in drawn)
        drawn_count, seen_count = drawn_count + len(drawn), seen_count + len(seen)
    return Finding(
        judge="face landmarks",
        question="blinks that are found within 2 frames (F1)",
        bound="at least",
        limit=0.9,
        value=2 * right / max(1, drawn_count + seen_count),
        case_count=drawn_count,
        note=f"{drawn_count} drawn, {seen_count} seen, {right} of them right",
    )


def blink_frames(lid: NDArray[np.float32]) -> list[int]:
    """The frames in which a commanded lid is shut the most, one a blink."""
    edges = np.flatnonzero(np.diff(lid > BLINK_WEIGHT, prepend=False, append=False))
    return [int(first + np.argmax(lid[first:end])) for first, end in edges.reshape(-1, 2)]


def _centred(values: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(values - np.nanmean(values), np.float64)
