"""The trained weights that ship with the package."""

from pathlib import Path

from wan_streamer.errors import InvalidInput
from wan_streamer.model.codec_weights import load_codec
from wan_streamer.model.ear import load_ear
from wan_streamer.model.model_weights import config_of, load_trained
from wan_streamer.model.presets import untrained
from wan_streamer.model.user_encoder import EarEncoder
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.model.whisper_ear import load_whisper_ear

SHIPPED = Path(__file__).parents[1] / "weights"
EAR, WHISPER_EAR = SHIPPED / "ear.safetensors", SHIPPED / "whisper-ear.safetensors"


def shipped_codec(preset: str, kind: str) -> Path:
    """Where the "audio" or "video" codec of a preset lies, if there is one."""
    return SHIPPED / f"{preset}-{kind}-codec.safetensors"


def shipped_transformer(preset: str) -> Path:
    """Where the trained Transformer of a preset lies, if there is one."""
    return SHIPPED / f"{preset}.safetensors"


def use_shipped_senses(model: WanStreamer) -> bool:
    """Loads the codecs of the model's preset with the statistics of their latents, and the ear; False without codecs.

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
    if isinstance(model.user_audio, EarEncoder):
        model.user_audio.ear.load_state_dict(load_ear(EAR).state_dict())
        model.user_audio.whisper.load_state_dict(load_whisper_ear(WHISPER_EAR).state_dict())
    return True


def trained_model(path: Path) -> WanStreamer:
    """The model whose weights lie in a file, with the senses that ship, or the codecs of an avatar's.

    Raises:
        InvalidInput: the file is damaged, or its weights were trained with other codecs.
    """
    model = untrained(config_of(path), 0)
    use_shipped_senses(model)
    load_trained(path, model)
    return model


def use_shipped_transformer(model: WanStreamer) -> bool:
    """Loads the trained Transformer of the model's preset; False where none ships.

    Raises:
        InvalidInput: the file is damaged or of another configuration.
    """
    path = shipped_transformer(model.config.name)
    if not path.is_file():
        return False
    load_trained(path, model)
    return True
