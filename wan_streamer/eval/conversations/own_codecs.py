"""The codecs in an avatar's weights."""

from pathlib import Path

from wan_streamer.model.codec_weights import TrainedCodec
from wan_streamer.model.config import AudioCodecConfig, VideoCodecConfig
from wan_streamer.model.model_weights import config_of, load_own_codecs
from wan_streamer.model.presets import untrained


def own_codecs(weights: Path) -> dict[str, TrainedCodec]:
    """The "audio" and "video" codecs that a file of a Transformer's weights has in it; empty where it has none.

    Raises:
        InvalidInput: WEIGHTS_DAMAGED or WEIGHTS_KIND.
    """
    model = untrained(config_of(weights), 0)
    if not load_own_codecs(weights, model):
        return {}
    configs: dict[str, AudioCodecConfig | VideoCodecConfig] = {
        "audio": model.config.agent_audio,
        "video": model.config.agent_video,
    }
    return {
        kind: TrainedCodec(
            codec=model.codec(kind).eval(),
            config=config,
            latent_mean=getattr(model, f"{kind}_latent_mean"),
            latent_deviation=getattr(model, f"{kind}_latent_deviation"),
            metadata={},
        )
        for kind, config in configs.items()
    }
