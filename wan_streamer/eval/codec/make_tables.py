"""Makes the tables that the options ask for."""

import torch
from rich.console import Console

from wan_streamer.eval.codec.options import CodecOptions
from wan_streamer.eval.codec.report import report_markdown, write_report
from wan_streamer.eval.evidence import Weights, describe_weights, gather_evidence
from wan_streamer.eval.table import Table
from wan_streamer.model.codec_weights import load_codec


def evaluate_codecs(options: CodecOptions, console: Console) -> None:
    """Measures, shows the tables and writes them.

    Raises:
        InvalidInput: weights are missing or damaged, nothing is held out in the data, a source is not fetched; nothing
            is written then.
        OSError: the folder cannot be written.
    """
    torch.set_num_threads(options.threads)
    audio = load_codec(options.audio_weights, "audio") if options.only != "video" else None
    video = load_codec(options.video_weights, "video") if options.only != "audio" else None
    weights: list[Weights] = []
    tables: list[Table] = []
    # The short part first: what is wrong with the data set is said before an hour of listening.
    if video and options.data:
        # Drawing needs the train extra, listening does not.
        from wan_streamer.eval.codec.make_video import make_video_tables

        weights.append(describe_weights(options.video_weights, video.metadata))
        tables += make_video_tables(options, video, options.data, console)
    if audio:
        from wan_streamer.eval.codec.make_audio import make_audio_tables

        weights.append(describe_weights(options.audio_weights, audio.metadata))
        tables = [*make_audio_tables(options, audio, console), *tables]
    evidence = gather_evidence(
        "wan_streamer.eval.codec", weights, [options.data] if video and options.data else [], options.seed
    )
    console.print(report_markdown(tables, evidence), markup=False, highlight=False, soft_wrap=True)
    if options.out is not None:
        write_report(options.out, tables, evidence)
