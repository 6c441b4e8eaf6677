"""Pictures through the codec, beside the original and H.264 at the same bits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.codec.coded_stream import film_through, film_units, streaming_difference
from wan_streamer.eval.codec.filmed_clips import FilmedClip
from wan_streamer.eval.codec.h264_baseline import DEFAULT, STREAMING, through_h264_at
from wan_streamer.eval.codec.latent_rounding import kilobits_per_s
from wan_streamer.eval.codec.limits import LIP_CORRELATION_DROP, LIP_OFFSET_MS, PSNR_DB
from wan_streamer.eval.codec.mouths import LipFollowing, follow_lips, mouth_pairs
from wan_streamer.eval.codec.picture_error import psnr_db
from wan_streamer.eval.codec.unit_curves import frame_changes
from wan_streamer.eval.codec.unit_rhythm import compare_rhythm, rhythm
from wan_streamer.eval.face_landmarks import Landmarks
from wan_streamer.eval.judge import Availability, Unavailable
from wan_streamer.eval.table import NOTHING, Cell, Table, at_least, at_most, number, unavailable
from wan_streamer.model.codec_weights import TrainedCodec
from wan_streamer.unit import FRAMES_PER_SECOND, FRAMES_PER_UNIT

Film = NDArray[np.uint8]

RAW, CODEC = "raw", "codec"
# MediaPipe finds small faces better when they are enlarged.
FACE_SCALE: Final = 3.0
RGB_BITS: Final = 24
H264_WAYS: Final = (("H.264 streaming", STREAMING), ("H.264 default", DEFAULT))
ROW_COUNT: Final = 2 + len(H264_WAYS)
COLUMNS: Final = (
    "kbps",
    "PSNR dB",
    "PSNR mouth dB",
    "lip offset ms",
    "clips within 40 ms %",
    "jaw correlation",
    "flicker",
)


class SeesFaces(Protocol):
    """As `FaceLandmarkJudge`."""

    def availability(self) -> Availability:
        """Whether it can run."""

    def landmarks(self, films: Sequence[Film], *, scale: float = 1.0) -> list[Landmarks]:
        """Points of the face in every frame, NaN where none is seen."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SentFilms:
    """One way to send the clips, and how they came back."""

    name: str
    kilobits_per_s: float
    films: tuple[Film, ...]


def send_films(films: Sequence[Film], trained: TrainedCodec, on_step: Callable[[], None]) -> tuple[SentFilms, ...]:
    """All films in every way: as they are, through the codec, through H.264 at the codec's bits."""
    seconds = sum(map(len, films)) / FRAMES_PER_SECOND
    cost = kilobits_per_s(trained.config)
    raw_cost = films[0][0].size / 3 * RGB_BITS * FRAMES_PER_SECOND / 1000
    coded = []
    for film in films:
        coded.append(film_through(trained, film))
        on_step()
    ways = [
        SentFilms(name=RAW, kilobits_per_s=raw_cost, films=tuple(films)),
        SentFilms(name=CODEC, kilobits_per_s=cost, films=tuple(coded)),
    ]
    for name, options in H264_WAYS:
        found = through_h264_at(films, options, cost * 1000 * seconds, on_step)
        ways.append(
            SentFilms(
                name=f"{name}, CRF {found.crf:.1f}",
                kilobits_per_s=found.bit_count / seconds / 1000,
                films=found.films,
            )
        )
    return tuple(ways)


def video_table(
    title: str,
    clips: Sequence[FilmedClip],
    trained: TrainedCodec,
    faces: SeesFaces,
    *,
    limits_psnr: bool,
    on_step: Callable[[], None],
) -> Table:
    """The table of one side of the conversations.

    Args:
        limits_psnr: whether PSNR has its limit.
        on_step: called after each film through the codec, each try of H.264, and each row that is looked at.
    """
    sent = send_films([clip.film for clip in clips], trained, on_step)
    seen = _Seen.of(clips, sent, faces)
    rows = []
    for row in sent:
        rows.append((row.name, _cells(row, sent[0], seen, limits_psnr)))
        on_step()
    return Table(title=title, columns=COLUMNS, rows=tuple(rows), notes=_notes(clips, trained, seen))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Seen:
    """What the judge of faces has seen: faces of the originals, and how the lips follow, by row."""

    faces: tuple[Landmarks, ...] | Unavailable
    lips: dict[str, LipFollowing | Unavailable]

    @classmethod
    def of(cls, clips: Sequence[FilmedClip], sent: Sequence[SentFilms], judge: SeesFaces) -> "_Seen":
        found = judge.availability()
        jaws = [clip.jaw for clip in clips if clip.jaw is not None]
        if isinstance(found, Unavailable):
            return cls(faces=found, lips={row.name: found for row in sent} if jaws else {})
        if not jaws:
            return cls(faces=tuple(judge.landmarks(sent[0].films, scale=FACE_SCALE)), lips={})
        films = [film for row in sent for film in row.films]
        landmarks = judge.landmarks(films, scale=FACE_SCALE)
        by_row = [landmarks[place : place + len(clips)] for place in range(0, len(films), len(clips))]
        lips = {row.name: _lips(points, jaws) for row, points in zip(sent, by_row, strict=True)}
        return cls(faces=tuple(by_row[0]), lips=lips)


def _lips(landmarks: Sequence[Landmarks], jaws: Sequence[NDArray[np.float64]]) -> LipFollowing | Unavailable:
    try:
        return follow_lips(landmarks, jaws)
    except InvalidInput as error:
        return Unavailable(str(error))


def _cells(row: SentFilms, raw: SentFilms, seen: _Seen, limits_psnr: bool) -> tuple[Cell, ...]:
    return (
        number(row.kilobits_per_s, 1),
        *_error_cells(row, raw, seen, limits_psnr),
        *_lip_cells(row, raw, seen),
        _flicker_cell(row, raw),
    )


def _error_cells(row: SentFilms, raw: SentFilms, seen: _Seen, limits_psnr: bool) -> tuple[Cell, Cell]:
    if row is raw:
        return NOTHING, NOTHING
    error_db = psnr_db(zip(raw.films, row.films, strict=True))
    whole = at_least(error_db, PSNR_DB, 1) if limits_psnr and row.name == CODEC else number(error_db, 1)
    if isinstance(seen.faces, Unavailable):
        return whole, unavailable(seen.faces.reason)
    return whole, number(psnr_db(mouth_pairs(raw.films, row.films, seen.faces)), 1)


def _lip_cells(row: SentFilms, raw: SentFilms, seen: _Seen) -> tuple[Cell, Cell, Cell]:
    if not seen.lips:
        return NOTHING, NOTHING, NOTHING
    lips, before = seen.lips[row.name], seen.lips[raw.name]
    if isinstance(lips, Unavailable):
        # Where the original has lips to follow, a codec without them has failed.
        failed = False if row.name == CODEC and isinstance(before, LipFollowing) else None
        nothing = replace(unavailable(lips.reason), limit="" if failed is None else "lips", passed=failed)
        return nothing, unavailable(lips.reason), nothing
    offset, correlation = number(lips.offset_ms, 0), number(lips.correlation, 3)
    if row.name == CODEC and isinstance(before, LipFollowing):
        is_on_time = abs(lips.offset_ms) <= LIP_OFFSET_MS
        offset = replace(offset, limit=f"within {LIP_OFFSET_MS:.0f}", passed=is_on_time)
        correlation = at_least(lips.correlation, before.correlation - LIP_CORRELATION_DROP, 3)
    return offset, number(lips.in_sync * 100, 0), correlation


def _flicker_cell(row: SentFilms, raw: SentFilms) -> Cell:
    curves, before = ([frame_changes(film) for film in sent.films] for sent in (row, raw))
    if row.name != CODEC:
        return number(rhythm(curves, FRAMES_PER_UNIT))
    change = compare_rhythm(before, curves, FRAMES_PER_UNIT)
    return at_most(change.coded, change.limit)


def _notes(clips: Sequence[FilmedClip], trained: TrainedCodec, seen: _Seen) -> tuple[str, ...]:
    difference = streaming_difference(trained, film_units(clips[0].film))
    height, width = clips[0].film.shape[1:3]
    rate_hz = FRAMES_PER_SECOND / FRAMES_PER_UNIT
    lips = seen.lips.get(RAW)
    followed = (
        [f"A face is seen in {lips.seen:.0%} of the original's frames."] if isinstance(lips, LipFollowing) else []
    )
    return (
        f"{len(clips)} clips, {sum(len(clip.film) for clip in clips) / FRAMES_PER_SECOND:.0f} s, {width}x{height}.",
        *followed,
        "The codec streams unit by unit, its latents rounded to 8 bits (steps of 1/16 of their deviation, within +-8); "
        f"without rounding, streaming differs from one pass by at most {difference:.1e} on a scale of -1 to 1.",
        "H.264 is x264 in 4:2:0, each clip from its own key frame, with the one quality (CRF) for all clips whose bits "
        "match the codec's within 5 %; PSNR is of RGB. Streaming: zerolatency, no B-frames.",
        f"Flicker: mean absolute change of pictures at {rate_hz:g} and {2 * rate_hz:g} Hz, as a multiple of what is "
        "between them; 1 keeps no step with the units. The limit is the original's value and 99 % of chance.",
    )
