"""The judges of speech against ground truth."""

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np

from wan_streamer.eval.activity import ActivityJudge
from wan_streamer.eval.quality import QualityJudge
from wan_streamer.eval.sound import JUDGE_RATE_HZ, Samples, at_rate
from wan_streamer.eval.speaker import SpeakerJudge
from wan_streamer.eval.validation.finding import Finding, separation, share_within
from wan_streamer.eval.validation.spoken import AGENT, KnownSpeech
from wan_streamer.eval.webrtc_activity import WebrtcActivityJudge
from wan_streamer.eval.word_errors import add_word_errors
from wan_streamer.eval.words import WordJudge

WORD_ERROR_LIMIT: Final = 0.06
EDGE_LIMIT_S: Final = 0.06
# Speech begins and ends where its level passes 30 dB below its loudest 20 ms: -22 dBFS speech ends above a quiet room.
EDGE_LEVEL_DB: Final = -30.0
LEVEL_WINDOW, LEVEL_HOP = 320, 160
NOISE_LEVELS_DBFS: Final = (None, -60.0, -50.0, -40.0)
SNRS_DB: Final = (30.0, 15.0, 5.0)


def validate_words(judge: WordJudge, clips: Sequence[KnownSpeech]) -> Finding:
    """Word error rate on clean clips."""
    errors = add_word_errors(judge.judge(clip.text, clip.samples, clip.rate_hz) for clip in clips)
    return Finding(
        judge=judge.name,
        question="word error rate of clean agent speech",
        bound="at most",
        limit=WORD_ERROR_LIMIT,
        value=errors.rate,
        case_count=len(clips),
        note=f"{errors.word_count} words: {errors.substituted} other, {errors.deleted} missing, {errors.inserted} more",
    )


def validate_quality(judge: QualityJudge, clips: Sequence[KnownSpeech]) -> Finding:
    """How often the background score falls when noise gets louder."""
    falls: list[bool] = []
    clean = []
    for index, clip in enumerate(clips):
        sound = at_rate(clip.samples, clip.rate_hz)
        steps = [sound, *(_with_noise(sound, snr_db, seed=index) for snr_db in SNRS_DB)]
        scores = [judge.judge(step, JUDGE_RATE_HZ) for step in steps]
        clean.append(scores[0])
        falls += [louder.background < quieter.background for quieter, louder in itertools.pairwise(scores)]
    means = [float(np.mean([getattr(one, kind) for one in clean])) for kind in ("signal", "background", "overall")]
    return Finding(
        judge=judge.name,
        question="share of steps to louder noise (none, 30, 15, 5 dB SNR) that lower the background score",
        bound="at least",
        limit=0.95,
        value=float(np.mean(falls)),
        case_count=len(clips),
        note=f"clean: signal {means[0]:.2f}, background {means[1]:.2f}, overall {means[2]:.2f}",
    )


def validate_activity(judge: ActivityJudge, clips: Sequence[KnownSpeech]) -> Finding:
    """Edges of clips that were laid at known times into silence and noise."""
    errors: dict[float | None, list[float]] = {level: [] for level in NOISE_LEVELS_DBFS}
    for index, clip in enumerate(clips):
        for level in NOISE_LEVELS_DBFS:
            sound, begin_s, end_s = placed(at_rate(clip.samples, clip.rate_hz), level, seed=index)
            spans = judge.spans(sound, JUDGE_RATE_HZ)
            found = (spans[0].begin_s, spans[-1].end_s) if spans else (-1.0, -1.0)
            errors[level] += [found[0] - begin_s, found[1] - end_s]
    shares = ", ".join(
        f"{'silence' if level is None else f'{level:.0f} dBFS'} {share_within(found, EDGE_LIMIT_S):.0%}"
        for level, found in errors.items()
    )
    everything = list(itertools.chain.from_iterable(errors.values()))
    return Finding(
        judge=judge.name,
        question="share of edges of speech within 60 ms, in silence and noise",
        bound="at least",
        limit=0.9,
        value=share_within(everything, EDGE_LIMIT_S),
        case_count=len(everything),
        note=f"{shares}; median {np.median(everything) * 1000:.0f} ms",
    )


def validate_second_activity(judge: WebrtcActivityJudge, clips: Sequence[KnownSpeech]) -> Finding:
    """Share of frames that are right about clips in quiet noise."""
    right: list[float] = []
    for index, clip in enumerate(clips):
        sound, begin_s, end_s = placed(at_rate(clip.samples, clip.rate_hz), -60.0, seed=index)
        frames = judge.frames(sound, JUDGE_RATE_HZ)
        time_s = (np.arange(len(frames)) + 0.5) / 100
        right.append(float(np.mean(frames == ((time_s > begin_s) & (time_s < end_s)))))
    return Finding(
        judge=judge.name,
        question="share of frames of 10 ms that are right, pauses inside a clip counted as speech",
        bound="at least",
        limit=0.85,
        value=float(np.mean(right)),
        case_count=len(clips),
    )


def validate_speakers(judge: SpeakerJudge, clips: Sequence[KnownSpeech]) -> Finding:
    """Pairs of clips of one speaker against pairs of two."""
    voices = [judge.embed(clip.samples, clip.rate_hz) for clip in clips]
    same: list[float] = []
    other: list[float] = []
    agent: list[float] = []
    for first, second in itertools.combinations(range(len(clips)), 2):
        likeness = judge.likeness(voices[first], voices[second])
        speakers = {clips[first].speaker, clips[second].speaker}
        (same if len(speakers) == 1 else other).append(likeness)
        if speakers == {AGENT}:
            agent.append(likeness)
    right, threshold = separation(same, other)
    return Finding(
        judge=judge.name,
        question="share of pairs of clips told right as same or other voice",
        bound="at least",
        limit=0.9,
        value=right,
        case_count=len(same) + len(other),
        note=f"threshold {threshold:.2f}; median same {np.median(same):.2f}, agent {np.median(agent):.2f}, "
        f"other {np.median(other):.2f}",
    )


def placed(sound: Samples, noise_dbfs: float | None, *, seed: int) -> tuple[Samples, float, float]:
    """A clip at 16 kHz between 1 to 2 s of noise and 1 s of it; and when its speech begins and ends, in seconds."""
    random = np.random.default_rng(seed)
    before = int(random.integers(JUDGE_RATE_HZ, 2 * JUDGE_RATE_HZ))
    whole = np.pad(sound, (before, JUDGE_RATE_HZ))
    if noise_dbfs is not None:
        whole = whole + random.normal(0, 10 ** (noise_dbfs / 20), len(whole)).astype(np.float32)
    begin_s, end_s = energy_edges(sound)
    return whole, before / JUDGE_RATE_HZ + begin_s, before / JUDGE_RATE_HZ + end_s


def energy_edges(sound: Samples) -> tuple[float, float]:
    """When a clean clip at 16 kHz begins and ends to be louder than 30 dB below its loudest moment, in seconds."""
    padded = np.pad(sound.astype(np.float64), LEVEL_WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, LEVEL_WINDOW)[::LEVEL_HOP]
    level = 10 * np.log10((windows**2).mean(1) + 1e-12)
    loud = np.flatnonzero(level > level.max() + EDGE_LEVEL_DB)
    return float(loud[0]) * LEVEL_HOP / JUDGE_RATE_HZ, float(loud[-1]) * LEVEL_HOP / JUDGE_RATE_HZ


def _with_noise(sound: Samples, snr_db: float, *, seed: int) -> Samples:
    noise = np.random.default_rng(seed).normal(0, 1, len(sound))
    level = np.sqrt(np.mean(sound.astype(np.float64) ** 2)) * 10 ** (-snr_db / 20)
    return np.asarray(sound + level * noise, np.float32)
