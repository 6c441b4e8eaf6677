"""Speech through the codec, beside the original and Opus."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.codec.coded_stream import sound_through, sound_units, streaming_difference
from wan_streamer.eval.codec.latent_rounding import kilobits_per_s
from wan_streamer.eval.codec.limits import QUALITY_DROP, WORD_RISE_POINTS
from wan_streamer.eval.codec.opus_baseline import through_opus
from wan_streamer.eval.codec.speech_scores import (
    SpeechJudges,
    SpeechScores,
    log_mel_distance,
    score_speech,
    word_rise,
)
from wan_streamer.eval.codec.spoken_clips import SpokenText
from wan_streamer.eval.codec.unit_curves import MS_A_S, energy_every_ms
from wan_streamer.eval.codec.unit_rhythm import compare_rhythm, harmonic_ratios
from wan_streamer.eval.judge import Unavailable
from wan_streamer.eval.table import NOTHING, Cell, Table, at_most, number, unavailable
from wan_streamer.eval.word_errors import add_word_errors
from wan_streamer.model.codec_weights import TrainedCodec
from wan_streamer.model.config import AudioCodecConfig
from wan_streamer.unit import UNIT_MS

Samples = NDArray[np.float32]

OPUS_BITS_PER_S: Final = (6_000, 12_000)
RAW_BITS: Final = 16
RAW, CODEC = "raw", "codec"
ROW_COUNT: Final = 2 + len(OPUS_BITS_PER_S)
COLUMNS: Final = (
    "kbps",
    "WER %",
    "WER rise, points",
    "DNSMOS overall",
    "drop",
    "signal",
    "background",
    "log-mel L1",
    "border energy",
    "of it, units alone",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class SentSpeech:
    """One way to send the clips, and how they came back."""

    name: str
    kilobits_per_s: float
    sounds: tuple[Samples, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Row:
    sent: SentSpeech
    scores: SpeechScores


def send_speech(clips: Sequence[SpokenText], trained: TrainedCodec) -> tuple[SentSpeech, ...]:
    """All clips in every way: as they are, through the codec, through Opus.

    Raises:
        InvalidInput: OPUS_RATE, the codec's rate is none of Opus'.
    """
    rate_hz = _config(trained).sample_rate_hz
    seconds = sum(len(clip.samples) for clip in clips) / rate_hz
    ways = [
        SentSpeech(name=RAW, kilobits_per_s=rate_hz * RAW_BITS / MS_A_S, sounds=tuple(clip.samples for clip in clips)),
        SentSpeech(
            name=CODEC,
            kilobits_per_s=kilobits_per_s(trained.config),
            sounds=tuple(sound_through(trained, clip.samples) for clip in clips),
        ),
    ]
    for bits_per_s in OPUS_BITS_PER_S:
        coded = [through_opus(clip.samples, rate_hz, bits_per_s) for clip in clips]
        cost = sum(sound.bit_count for sound in coded) / seconds / MS_A_S
        sounds = tuple(sound.samples for sound in coded)
        ways.append(SentSpeech(name=f"Opus {bits_per_s // MS_A_S}", kilobits_per_s=cost, sounds=sounds))
    return tuple(ways)


def audio_table(
    title: str,
    clips: Sequence[SpokenText],
    trained: TrainedCodec,
    judges: SpeechJudges,
    *,
    seed: int,
    limits_words: bool,
    on_clip: Callable[[], None],
) -> Table:
    """The table of one set of clips.

    Args:
        limits_words: whether the rise of the word error rate has its limit.
        on_clip: called when a clip of one of the ROW_COUNT rows is judged.

    Raises:
        InvalidInput: OPUS_RATE, the codec's rate is none of Opus'.
    """
    config = _config(trained)
    rows = [
        _Row(sent=sent, scores=score_speech(clips, sent.sounds, config.sample_rate_hz, judges, on_clip))
        for sent in send_speech(clips, trained)
    ]
    cells = [(row.sent.name, _cells(row, rows[0], config, seed, limits_words)) for row in rows]
    return Table(title=title, columns=COLUMNS, rows=tuple(cells), notes=_notes(clips, rows, trained, seed))


def _cells(row: _Row, raw: _Row, config: AudioCodecConfig, seed: int, limits_words: bool) -> tuple[Cell, ...]:
    distance = log_mel_distance(raw.sent.sounds, row.sent.sounds, config.sample_rate_hz, config.mel_bands)
    return (
        number(row.sent.kilobits_per_s, 1),
        *_word_cells(row, raw, seed, limits_words),
        *_quality_cells(row, raw),
        NOTHING if row is raw else number(distance, 3),
        *_border_cells(row, raw, config),
    )


def _word_cells(row: _Row, raw: _Row, seed: int, limits_words: bool) -> tuple[Cell, Cell]:
    words, before = row.scores.words, raw.scores.words
    if isinstance(words, Unavailable) or isinstance(before, Unavailable):
        assert isinstance(words, Unavailable), "a judge is there for all rows or for none"
        return unavailable(words.reason), NOTHING if row is raw else unavailable(words.reason)
    rate = number(add_word_errors(words).rate * 100, 1)
    rise, _ = word_rise(before, words, seed)
    if row is raw:
        return rate, NOTHING
    return rate, at_most(rise, WORD_RISE_POINTS, 1) if limits_words and row.sent.name == CODEC else number(rise, 1)


def _quality_cells(row: _Row, raw: _Row) -> tuple[Cell, ...]:
    quality, before = row.scores.quality, raw.scores.quality
    if isinstance(quality, Unavailable) or isinstance(before, Unavailable):
        assert isinstance(quality, Unavailable), "a judge is there for all rows or for none"
        nothing = unavailable(quality.reason)
        return nothing, NOTHING if row is raw else nothing, nothing, nothing
    drop = before.overall - quality.overall
    limited = at_most(drop, QUALITY_DROP) if row.sent.name == CODEC else number(drop)
    return (
        number(quality.overall),
        NOTHING if row is raw else limited,
        number(quality.signal),
        number(quality.background),
    )


def _border_cells(row: _Row, raw: _Row, config: AudioCodecConfig) -> tuple[Cell, Cell]:
    curves, before = (
        [energy_every_ms(sound, config.sample_rate_hz) for sound in sent.sounds] for sent in (row.sent, raw.sent)
    )
    ratios = harmonic_ratios(curves, UNIT_MS)
    is_token_rate = np.arange(1, len(ratios) + 1) % config.tokens_per_unit == 0
    units_alone = number(float(ratios[~is_token_rate].mean()))
    if row.sent.name != CODEC:
        return number(float(ratios.mean())), units_alone
    change = compare_rhythm(before, curves, UNIT_MS)
    return at_most(change.coded, change.limit), units_alone


def _notes(clips: Sequence[SpokenText], rows: Sequence[_Row], trained: TrainedCodec, seed: int) -> tuple[str, ...]:
    config = _config(trained)
    seconds = sum(len(clip.samples) for clip in clips) / config.sample_rate_hz
    difference = streaming_difference(trained, sound_units(trained, clips[0].samples))
    before, after = (row.scores.words for row in rows[:2])
    errors = []
    if not isinstance(before, Unavailable) and not isinstance(after, Unavailable):
        count, (_, error) = add_word_errors(before).word_count, word_rise(before, after, seed)
        errors = [f"{count} words; the codec's rise has a standard error of {error:.1f} points (bootstrap over clips)."]
    return (
        f"{len(clips)} clips, {seconds:.0f} s, {config.sample_rate_hz} Hz.",
        *errors,
        "The codec streams unit by unit, its latents rounded to 8 bits (steps of 1/16 of their deviation, within +-8); "
        f"without rounding, streaming differs from one pass by at most {difference:.1e}.",
        f"Border energy: energy every millisecond at {MS_A_S / UNIT_MS:g} Hz and its harmonics, as a multiple of what "
        "is between them; 1 keeps no step with the units. The limit is the original's value and 99 % of chance. `Units "
        f"alone` leaves out multiples of {MS_A_S * config.tokens_per_unit / UNIT_MS:g} Hz, the rate of the latents.",
    )


def _config(trained: TrainedCodec) -> AudioCodecConfig:
    assert isinstance(trained.config, AudioCodecConfig)
    return trained.config
