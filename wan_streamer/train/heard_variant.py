"""The same conversation heard again by other ears: more voices for the model than were made.

Shape letters: T samples, U units, N tokens, C channels, F frequencies, R mel bands.
"""

import torch
from numpy.random import Generator
from torch import Tensor

from wan_streamer.model.ear import UNIT_SAMPLES
from wan_streamer.model.user_encoder import EarEncoder

# Voices of shorter and of longer vocal tracts than the one that spoke.
WARP = (0.88, 1.14)
# Above this share of the frequencies a warp is bent so that the highest one stays.
BEND = 0.8
GAIN_DB = 6.0
# Sound comes so much earlier at most: words meet the ear's clock at other places, and labels stay true.
EARLIER_SAMPLES = UNIT_SAMPLES // 2


@torch.inference_mode()
def hear_variant(encoder: EarEncoder, samples_T: Tensor, random: Generator) -> Tensor:
    """What `encoder` senses of samples of whole units as `random` changes them, [U, N, C].

    Frequencies are warped by vocal tract length perturbation (Jaitly and Hinton, ICML WDLASL 2013), level and time
    are moved a little.
    """
    earlier = int(random.integers(EARLIER_SAMPLES))
    moved = torch.cat([samples_T[earlier:], samples_T.new_zeros(earlier)])
    gain = 10 ** (random.uniform(-GAIN_DB, GAIN_DB) / 20)
    factor = random.uniform(*WARP)
    mels = [encoder.ear.mel.filters, encoder.whisper.mel.filters]
    plain = [filters.clone() for filters in mels]
    try:
        for filters in mels:
            filters.copy_(warped(filters, factor))
        return encoder.sense((moved * gain)[None])[0]
    finally:
        for filters, kept in zip(mels, plain, strict=True):
            filters.copy_(kept)


def warped(filters_FR: Tensor, factor: float) -> Tensor:
    """Mel filters that take each frequency for `factor` times itself, up to a bend from where the highest one stays."""
    count = len(filters_FR)
    at = torch.arange(count, dtype=torch.float64) / (count - 1)
    bend = BEND * min(1.0, 1 / factor)
    above = 1 - (1 - factor * bend) * (1 - at) / (1 - bend)
    places = torch.where(at <= bend, factor * at, above) * (count - 1)
    low = places.floor().long().clamp(max=count - 2)
    share = (places - low).to(filters_FR)[:, None]
    return filters_FR[low] * (1 - share) + filters_FR[low + 1] * share
