"""`wan-streamer codec`: a film's own sound and pictures through the codecs, unit by unit as a session would."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import Progress
from tyro.conf import Positional

from wan_streamer.errors import InvalidInput, WanStreamerError
from wan_streamer.media.files import Mp4Writer, read_media
from wan_streamer.media.formats import INT16_SCALE, UnitFormat
from wan_streamer.model.codec_weights import TrainedCodec, load_codec
from wan_streamer.model.presets import preset
from wan_streamer.model.shipped import shipped_codec
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.media_units import file_units
from wan_streamer.train.video_data import as_frames, as_pictures
from wan_streamer.unit import UNIT_US

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130
PRESET = "nano"
PICTURE_COLUMNS = 4


class CodecStream:
    """One stream through a codec: a unit in, the same unit out."""

    def __init__(self, trained: TrainedCodec) -> None:
        self._codec = trained.codec
        self._stream = Stream.of(trained.codec)

    @torch.inference_mode()
    def pass_unit(self, unit: torch.Tensor) -> torch.Tensor:
        """Encodes to the mean of the latents and decodes it; the batch axis is there, of one."""
        with streaming(self._stream):
            mean, _ = self._codec.encode(unit)
            return self._codec.decode(mean)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Send a film's own sound and pictures through the codecs, streaming, and write what comes back.

    What is recognisable here is what the agent's voice and face can be at best.
    """

    source: Positional[Path]
    """Media file: anything FFmpeg reads; what it lacks, sound or pictures, stays silent or black."""
    target: Positional[Path]
    """MP4 to write."""
    audio_weights: Path = field(default_factory=lambda: shipped_codec(PRESET, "audio"))
    """Weights of the audio codec; those that ship when absent."""
    video_weights: Path = field(default_factory=lambda: shipped_codec(PRESET, "video"))
    """Weights of the video codec; those that ship when absent."""
    only: Literal["audio", "video"] | None = None
    """The other passes by its codec, as the model's input would look and sound."""
    picture: Path | None = None
    """PNG to write: some frames, as they were above and as they came back below."""


def code_file(arguments: Arguments, console: Console) -> None:
    """Does it.

    Raises:
        InvalidInput: weights are missing or damaged, the film cannot be read or lacks sound or pictures, or the target
            cannot be written; nothing is written then.
    """
    media = read_media(arguments.source)
    found = {"audio": media.audio_format, "video": media.video_format}
    if arguments.only is not None and found[arguments.only] is None:
        raise InvalidInput(
            f"got {arguments.source} without {arguments.only}, expected some; try another file", reason="NO_MEDIA"
        )
    chosen = [kind for kind, there in found.items() if there is not None and arguments.only in (None, kind)]
    audio = load_codec(arguments.audio_weights, "audio") if "audio" in chosen else None
    video = load_codec(arguments.video_weights, "video") if "video" in chosen else None
    target = _unit_format(audio, video)
    width, height, rate_hz = target.video_width, target.video_height, target.audio_sample_rate_hz
    audio_stream, video_stream = (CodecStream(codec) if codec else None for codec in (audio, video))
    units = media.duration_us // UNIT_US if media.duration_us else None
    shown = _shown_units(units) if arguments.picture is not None else set()
    with ExitStack() as stack:
        bar = stack.enter_context(Progress(console=console, transient=True, disable=not console.is_terminal))
        task = bar.add_task("through the codecs", total=units)
        writer = stack.enter_context(Mp4Writer(arguments.target, width, height, rate_hz))
        pairs: list[NDArray[np.uint8]] = []
        for index, unit in enumerate(file_units(media, target)):
            pictures = _pictures(video_stream, unit.video)
            writer.write(pictures, _samples(audio_stream, unit.audio))
            if index in shown:
                pairs.append(np.concatenate([unit.video[0], pictures[0]]))
            bar.advance(task)
    if arguments.picture is not None:
        _write_picture(arguments.picture, pairs)
    console.print(f"wrote {arguments.target}", highlight=False, markup=False)


def _shown_units(units: int | None) -> set[int]:
    """The middles of equal parts of the film, or its beginning where its length is not known."""
    if units is None:
        return set(range(PICTURE_COLUMNS))
    return {units * (2 * place + 1) // (2 * PICTURE_COLUMNS) for place in range(PICTURE_COLUMNS)}


def _write_picture(path: Path, pairs: list[NDArray[np.uint8]]) -> None:
    content = BytesIO()
    Image.fromarray(np.concatenate(pairs, axis=1)).save(content, "PNG")
    replace_file(path, content.getvalue())


def _unit_format(audio: TrainedCodec | None, video: TrainedCodec | None) -> UnitFormat:
    config = preset(PRESET)
    audio_config = audio.config if audio else config.agent_audio
    video_config = video.config if video else config.agent_video
    return UnitFormat(
        audio_sample_rate_hz=audio_config.sample_rate_hz,  # type: ignore[union-attr]
        video_width=video_config.width,
        video_height=video_config.height,  # type: ignore[union-attr]
    )


def _samples(stream: CodecStream | None, audio: NDArray[np.float32]) -> NDArray[np.int16]:
    decoded = stream.pass_unit(torch.from_numpy(audio)[None])[0].numpy() if stream else audio
    return np.clip(np.rint(decoded * INT16_SCALE), -INT16_SCALE, INT16_SCALE - 1).astype(np.int16)


def _pictures(stream: CodecStream | None, video: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return as_pictures(stream.pass_unit(as_frames(video)[None, None])[0, 0]) if stream else video


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, 2 (an error, one line says which) or 130."""
    given = tyro.cli(Arguments, prog="python -m wan_streamer.train.codec_file", args=arguments)
    try:
        code_file(given, Console(soft_wrap=True))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except (WanStreamerError, OSError) as error:
        Console(stderr=True, soft_wrap=True).print(f"wan-streamer: {error}", style="red", markup=False, highlight=False)
        return EXIT_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
