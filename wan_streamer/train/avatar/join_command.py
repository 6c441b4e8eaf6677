"""`python -m wan_streamer.train.avatar.join_command`: weights that ship and codecs of one's own as an avatar's file."""

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from wan_streamer.model.codec_weights import load_codec
from wan_streamer.model.model_weights import load_trained, pack_model
from wan_streamer.model.presets import preset, untrained
from wan_streamer.model.shipped import shipped_transformer, use_shipped_senses
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.program import run_program

PRESET = "nano"


@dataclass(frozen=True, kw_only=True)
class JoinOptions:
    """Put the Transformer that ships and two codecs into one file, from which an avatar's training begins."""

    audio_codec: Path
    """Weights of the codec of its voice."""
    video_codec: Path
    """Weights of the codec of its face."""
    out: Path
    """File to write."""


def join(options: JoinOptions, console: Console) -> None:
    """Does it.

    The Transformer knows other latents than these codecs': it is a beginning, no agent.

    Raises:
        InvalidInput: weights are missing, damaged, or of another configuration than nano's.
        OSError: the file cannot be written.
    """
    model = untrained(preset(PRESET), 0)
    use_shipped_senses(model)
    load_trained(shipped_transformer(PRESET), model)
    for kind, path in (("audio", options.audio_codec), ("video", options.video_codec)):
        trained = load_codec(path, kind)
        model.codec(kind).load_state_dict(trained.codec.state_dict())
        model.set_latent_statistics(kind, trained.latent_mean, trained.latent_deviation)
    replace_file(options.out, pack_model(model, {"steps": "0"}, torch.float16, with_codecs=True))
    console.print(f"wrote {options.out}", highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(run_program(JoinOptions, join))
