"""The tables of the video codec."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from wan_streamer.eval.bar import progress_bar
from wan_streamer.eval.codec.filmed_clips import choose_places, draw_clips
from wan_streamer.eval.codec.h264_baseline import TRIES
from wan_streamer.eval.codec.options import CodecOptions
from wan_streamer.eval.codec.video_table import ROW_COUNT, video_table
from wan_streamer.eval.face_landmarks import FaceLandmarkJudge
from wan_streamer.eval.table import Table
from wan_streamer.model.codec_weights import TrainedCodec
from wan_streamer.model.config import VideoCodecConfig
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.store.data_set import DataSet
from wan_streamer.train.takes import Side


def make_video_tables(options: CodecOptions, trained: TrainedCodec, folder: Path, console: Console) -> Iterator[Table]:
    """One of the agent, one of the visitors.

    Raises:
        InvalidInput: nobody is held out in the data set, the faces are not exported, or there is no OpenGL.
    """
    data_set = DataSet(folder)
    assert isinstance(trained.config, VideoCodecConfig)
    faces = FaceLandmarkJudge(DataCache(options.cache))
    sides: tuple[tuple[Side, str], ...] = (("agent", "The agent's picture"), ("visitors", "Visitors with new faces"))
    for side, title in sides:
        places = choose_places(data_set, side, options.clips, options.seed)
        with progress_bar(console, title, 2 * len(places) + 2 * TRIES + ROW_COUNT) as advance:
            clips = []
            for clip in draw_clips(data_set, places, side, trained.config.height, trained.config.width):
                clips.append(clip)
                advance()
            yield video_table(title, clips, trained, faces, limits_psnr=side == "agent", on_step=advance)
