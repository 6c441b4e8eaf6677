"""What the held-out table is made of, on the command line."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from wan_streamer.errors import InvalidInput
from wan_streamer.model.shipped import shipped_codec
from wan_streamer.train.data.sources.cache import default_root


@dataclass(frozen=True, kw_only=True)
class CodecOptions:
    """Measure the codecs on speech and faces that they were not trained on, beside Opus and H.264 at the same bits.

    Scores are of synthetic voices and rendered faces, and of the held-out speakers of one game.

    Raises:
        InvalidInput: a count is below 1, or there is no data set for the video codec.
    """

    audio_weights: Path = field(default_factory=lambda: shipped_codec("nano", "audio"))
    """Weights of the audio codec; those that ship when absent."""
    video_weights: Path = field(default_factory=lambda: shipped_codec("nano", "video"))
    """Weights of the video codec; those that ship when absent."""
    data: Annotated[Path | None, arg(metavar="DATASET")] = None
    """Data set with conversations of held-out faces (`wan-streamer data render --faces held_out`)."""
    only: Literal["both", "audio", "video"] = "both"
    """Leave the other codec out."""
    sentences: int = 60
    """Clips of the agent's voice, and of held-out speakers."""
    clips: int = 20
    """Pieces of conversations of up to 5.12 s, for each of both sides."""
    seed: int = 0
    """Draws clips and pieces."""
    threads: int = 1
    """Threads of the processor."""
    cache: Path = field(default_factory=default_root)
    """Folder of the fetched sources and judges."""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """Folder for table.md and table.json; without it the table is only shown."""

    def __post_init__(self) -> None:
        if min(self.sentences, self.clips, self.threads) < 1:
            raise InvalidInput("got --sentences, --clips or --threads below 1, expected 1 or more", reason="COUNT")
        if self.only != "audio" and self.data is None:
            raise InvalidInput(
                "got no data set for the video codec, expected --data DATASET; make one with wan-streamer data render "
                "--faces held_out, or leave the video codec out with --only audio",
                reason="DATA_SET",
            )
