"""The trained weights that ship with the package."""

from pathlib import Path

from wan_streamer.errors import InvalidInput
from wan_streamer.model.codec_weights import load_codec
from wan_streamer.model.wan_streamer import WanStreamer

SHIPPED = Path(__file__).parents[1] / "weights"


def shipped_codec(preset: str, kind: str) -> Path:
    """Where the "audio" or "video" codec of a preset lies, if there is one."""
    return SHIPPED / f"{preset}-{kind}-codec.safetensors"


def use_shipped_codecs(model: WanStreamer) -> bool:
    """Loads the codecs of the model's preset, with the statistics of their latents; False where none ship.

    Raises:
        InvalidInput: a file is damaged, or of another configuration than the preset.
    """
    paths = {kind: shipped_codec(model.config.name, kind) for kind in ("audio", "video")}
    if not all(path.is_file() for path in paths.values()):
        return False
    configs = {"audio": model.config.agent_audio, "video": model.config.agent_video}
    for kind, path in paths.items():
        trained = load_codec(path, kind)
        if trained.config != configs[kind]:
            raise InvalidInput(
                f"got {path} with {trained.config}, expected {configs[kind]} of the preset; install matching weights",
                reason="WEIGHTS_KIND",
            )
        model.codec(kind).load_state_dict(trained.codec.state_dict())
        model.set_latent_statistics(kind, trained.latent_mean, trained.latent_deviation)
    return True
