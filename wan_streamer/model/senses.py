"""What a Transformer's latents mean: the weights of codecs and ear that make them.

Latents of other codecs look alike and mean something else.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch

from wan_streamer.errors import InvalidInput
from wan_streamer.model.wan_streamer import WanStreamer

SOUND = ("user_audio.ear", "user_audio.whisper", "user_audio.speech", "audio_codec", "audio_latent")
PICTURES = ("video_codec", "video_latent")
HASH, WITH_PICTURES = "senses_sha256", "senses_pictures"


def senses_fingerprint(model: WanStreamer, *, pictures: bool) -> str:
    """Hash of the weights that encode sound, and pictures where there are some."""
    digest = hashlib.sha256()
    state: dict[str, Any] = model.state_dict()
    for name in sorted(state):
        if name.startswith(SOUND + PICTURES if pictures else SOUND):
            digest.update(name.encode() + state[name].cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def senses_metadata(model: WanStreamer, *, pictures: bool) -> dict[str, str]:
    """What trained weights say of the senses that they were trained with."""
    return {HASH: senses_fingerprint(model, pictures=pictures), WITH_PICTURES: str(pictures).lower()}


def check_senses(metadata: Mapping[str, str], model: WanStreamer, source: object) -> None:
    """Whether a model has the senses that weights or data were made with; those that do not say pass.

    Raises:
        InvalidInput: SENSES_DIFFER, it has others.
    """
    expected = metadata.get(HASH)
    if expected and expected != senses_fingerprint(model, pictures=metadata.get(WITH_PICTURES) == "true"):
        raise InvalidInput(
            f"got {source}, made with other codecs or another ear than the model's, expected the same; encode the data "
            "and train anew, or take the codecs it was made with",
            reason="SENSES_DIFFER",
        )
