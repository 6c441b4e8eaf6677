"""A media file cut into units, as a live session would cut it."""

from collections.abc import Iterator

from wan_streamer.media.cutter import CutUnit, UnitCutter
from wan_streamer.media.files import AudioBlock, MediaFile
from wan_streamer.media.formats import UnitFormat


def file_units(media: MediaFile, target: UnitFormat) -> Iterator[CutUnit]:
    """All units of a file, the last one filled up.

    Raises:
        InvalidInput: the file cannot be decoded.
    """
    cutter = UnitCutter(media.audio_format, media.video_format, target)
    for block in media:
        if isinstance(block, AudioBlock):
            cutter.push_audio(block.first_sample_index, block.capture_offset_us, block.data)
        else:
            cutter.push_video(block.capture_offset_us, block.data)
        while cutter.is_complete():
            yield cutter.cut()
    cutter.end()
    while cutter.has_media():
        yield cutter.cut()
