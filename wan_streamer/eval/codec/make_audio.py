"""The tables of the audio codec."""

from collections.abc import Iterator

from rich.console import Console

from wan_streamer.eval.bar import progress_bar
from wan_streamer.eval.codec.audio_table import ROW_COUNT, audio_table
from wan_streamer.eval.codec.options import CodecOptions
from wan_streamer.eval.codec.speech_scores import SpeechJudges
from wan_streamer.eval.codec.spoken_clips import agent_clips, held_out_clips
from wan_streamer.eval.quality import QualityJudge
from wan_streamer.eval.table import Table
from wan_streamer.eval.words import WordJudge
from wan_streamer.model.codec_weights import TrainedCodec
from wan_streamer.model.config import AudioCodecConfig
from wan_streamer.train.data.generate.domain_files import DEFAULT_DOMAIN, read_domain
from wan_streamer.train.data.sources.cache import DataCache


def make_audio_tables(options: CodecOptions, trained: TrainedCodec, console: Console) -> Iterator[Table]:
    """One of the agent's voice, one of held-out speakers.

    Raises:
        InvalidInput: a source is not fetched, or nobody is held out.
    """
    assert isinstance(trained.config, AudioCodecConfig)
    cache, rate_hz = DataCache(options.cache), trained.config.sample_rate_hz
    judges = SpeechJudges(words=WordJudge(cache, thread_count=options.threads), quality=QualityJudge(cache))
    # Both at once, so that a missing source is said at once.
    agent = list(agent_clips(cache, read_domain(DEFAULT_DOMAIN), options.sentences, rate_hz, options.seed))
    others = list(held_out_clips(cache, options.sentences, rate_hz, options.seed))
    for title, clips, limits_words in (
        ("The agent's voice, new sentences", agent, True),
        ("Held-out speakers", others, False),
    ):
        with progress_bar(console, title, ROW_COUNT * len(clips)) as advance:
            yield audio_table(
                title, clips, trained, judges, seed=options.seed, limits_words=limits_words, on_clip=advance
            )
