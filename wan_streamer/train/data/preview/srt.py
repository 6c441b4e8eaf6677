"""Subtitles as a file beside the film (SubRip)."""

from collections.abc import Iterable

from wan_streamer.train.data.preview.captions import Caption


def to_srt(pages: Iterable[Caption]) -> str:
    """One entry a page: who, and what."""
    return "".join(
        f"{number}\n{_clock(page.begin_us)} --> {_clock(page.end_us)}\n{page.speaker}: {page.text}\n\n"
        for number, page in enumerate(pages, start=1)
    )


def _clock(time_us: int) -> str:
    seconds, milliseconds = divmod(time_us // 1000, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{milliseconds:03d}"
