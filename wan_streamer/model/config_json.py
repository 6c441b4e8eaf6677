"""Configurations as JSON, as weights carry them."""

import dataclasses
import json

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import (
    AudioCodecConfig,
    BackboneConfig,
    EarConfig,
    HistoryConfig,
    ModelConfig,
    VideoCodecConfig,
)
from wan_streamer.model.weights_file import parse_config


def config_json(config: ModelConfig) -> str:
    """The configuration, for people and for `read_config`."""
    return json.dumps(dataclasses.asdict(config))


def read_config(text: str, source: object) -> ModelConfig:
    """What `config_json` wrote; what was not yet there when it did has its default.

    Args:
        source: what to name in errors.

    Raises:
        InvalidInput: WEIGHTS_DAMAGED, it is no such text, or sizes do not fit.
    """
    try:
        content = parse_config(text)
        ears = EarConfig if "features" in content["user_audio"] else AudioCodecConfig
        parts = {
            "backbone": BackboneConfig(**content["backbone"]),
            "user_audio": ears(**content["user_audio"]),
            "user_video": VideoCodecConfig(**content["user_video"]),
            "agent_audio": AudioCodecConfig(**content["agent_audio"]),
            "agent_video": VideoCodecConfig(**content["agent_video"]),
            "history": HistoryConfig(**content["history"]),
        }
        return ModelConfig(**content | parts)
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput(
            f"got {source} with a configuration that cannot be read ({type(error).__name__}: {error}), expected a "
            "model's; take weights of this version of the package",
            reason="WEIGHTS_DAMAGED",
        ) from error
