"""What the report says of how its numbers came about."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from wan_streamer.eval.conversations.make_talks import TALKS
from wan_streamer.eval.conversations.names import MODEL
from wan_streamer.eval.conversations.options import ConverseOptions
from wan_streamer.eval.conversations.own_codecs import own_codecs
from wan_streamer.eval.conversations.performance import Performance
from wan_streamer.eval.conversations.talk_folder import TalkFolder
from wan_streamer.eval.evidence import Weights, describe_data, describe_weights
from wan_streamer.model.codec_weights import load_codec
from wan_streamer.model.shipped import shipped_codec, shipped_transformer
from wan_streamer.model.weights_file import read_metadata


def used_weights(options: ConverseOptions, systems: Sequence[str]) -> Iterator[Weights]:
    """The files of the Transformer, where there is one and it took part, and of the codecs that are not in it.

    Raises:
        InvalidInput: the codecs are missing or damaged.
    """
    transformer = _transformer(options)
    has_codecs = options.weights is not None and bool(own_codecs(options.weights))
    if transformer is not None and (MODEL in systems or has_codecs):
        yield describe_weights(transformer, read_metadata(transformer))
    if has_codecs:
        return
    for kind in ("audio", "video"):
        path = shipped_codec(options.preset, kind)
        yield describe_weights(path, load_codec(path, kind).metadata)


def remarks(options: ConverseOptions, performances: Sequence[Performance], films: int) -> Iterator[str]:
    """Sentences on the data, the model, how long a unit took and whose films were judged.

    Args:
        films: of how many conversations.
    """
    for data in map(describe_data, options.data):
        known = [axis for axis in ("voices", "faces") if data.splits.get(axis) != "held_out"]
        if known:
            yield f"**{data.name} is no held-out data**: its {' and '.join(known)} are not of that split."
    systems = [one.system for one in performances]
    if MODEL in systems and _transformer(options) is None:
        yield f"No trained Transformer ships for {options.preset}: the model's weights are drawn from seed 0."
    for one in performances:
        talks = [TalkFolder(options.out / TALKS / one.system / judged.name).read() for judged in one.talks]
        unit_ms = sum(talk.unit_ms for talk in talks) / len(talks)
        other_s = sum(judged.heard.other_sound_us for judged in one.talks) / 1e6
        yield (
            f"{one.system}: {unit_ms:.0f} ms a unit with drawing and writing, {options.processes} processes; "
            f"{other_s:.1f} s of loud sound that is no speech"
        )
    yield f"Films judged: those of the first {films} conversations. Every talk is in `{TALKS}/`."


def _transformer(options: ConverseOptions) -> Path | None:
    path = options.weights or shipped_transformer(options.preset)
    return path if path.is_file() else None
