"""What a Transformer's latents mean: the weights of codecs and ear that make them.

Latents of other codecs look alike and mean something else.
"""

import hashlib
from collections.abc import Mapping

import torch

from wan_streamer.errors import InvalidInput
from wan_streamer.model.row_integers import SCALE, rounded
from wan_streamer.model.wan_streamer import WanStreamer

SOUND = ("user_audio.ear", "user_audio.whisper", "audio_codec", "audio_latent")
PICTURES = ("video_codec", "video_latent")
HASH, WITH_PICTURES = "senses_sha256", "senses_pictures"


def senses_fingerprint(model: WanStreamer, *, pictures: bool) -> str:
    """Hash of the weights that encode sound, and pictures where there are some, as near as 8-bit integers say them.

    A run writes codecs in float16, the package carries them rounded: they mean the same.
    """
    digest = hashlib.sha256()
    kinds = SOUND + PICTURES if pictures else SOUND
    state = rounded({name: tensor for name, tensor in model.state_dict().items() if name.startswith(kinds)})
    for name in sorted(state):
        if not name.endswith(SCALE):
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
