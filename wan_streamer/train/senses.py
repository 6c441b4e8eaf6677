"""What encodes is part of the data: latents of other codecs look alike and mean something else."""

import hashlib
from typing import Any

import torch

from wan_streamer.errors import InvalidInput
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.encoded_set import EncodedSet

SOUND = ("user_audio.ear", "audio_codec", "audio_latent")
PICTURES = ("video_codec", "video_latent")


def senses_fingerprint(model: WanStreamer, *, pictures: bool) -> str:
    """Hash of the weights that encode sound, and pictures where there are some."""
    digest = hashlib.sha256()
    state: dict[str, Any] = model.state_dict()
    for name in sorted(state):
        if name.startswith(SOUND + PICTURES if pictures else SOUND):
            digest.update(name.encode() + state[name].cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def check_senses(encoded: EncodedSet, model: WanStreamer) -> None:
    """Whether a set was encoded with what the model has.

    Raises:
        InvalidInput: ENCODED_OTHERWISE, it was not.
    """
    if encoded.about["model"] != senses_fingerprint(model, pictures=encoded.about["pictures"]):
        raise InvalidInput(
            f"got {encoded.folder}, encoded with other codecs or another ear than the model's, expected the same; make "
            "it anew with wan-streamer data encode",
            reason="ENCODED_OTHERWISE",
        )
