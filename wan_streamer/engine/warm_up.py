"""What a unit costs here: a short warm-up run, from which a service derives how many sessions it may admit."""

import time
from collections.abc import Callable

import numpy as np
import torch

from wan_streamer.engine.exchange import KvSlice, Latents, UserInput
from wan_streamer.engine.number_type import media_dtype
from wan_streamer.engine.performer import UnitPerformer
from wan_streamer.engine.phases import session_capacity
from wan_streamer.engine.thinker import Thinker
from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.layout import USER_KINDS, Kind, UnitLayout
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit

UNITS = 8


def silent_unit(config: ModelConfig, unit_index: int) -> UserInput:
    """A unit of silence and grey."""
    return UserInput(
        unit_index=unit_index,
        audio=np.zeros(samples_per_unit(config.user_audio.sample_rate_hz), np.float32),
        video=np.full((FRAMES_PER_UNIT, config.user_video.height, config.user_video.width, 3), 128, np.uint8),
    )


def performer_cost_ms(performer: UnitPerformer, units: int = UNITS) -> float:
    """Time of a performer's whole unit when nothing disturbs it, in milliseconds."""
    backbone, counts = performer.config.backbone, UnitLayout.of(performer.config).counts
    tokens = sum(counts[kind] for kind in (*USER_KINDS, Kind.AGENT_TEXT))
    shape = (backbone.layer_count, 2, performer.kv_head_count, tokens, backbone.head_size)
    keys_values = torch.zeros(shape, dtype=performer.dtype)
    session = performer.open(seed=0)

    def unit(k: int) -> None:
        performer.append(
            session,
            KvSlice(unit_index=k, keys_values=keys_values, text_token_count=counts[Kind.AGENT_TEXT]),
        )
        performer.commit(session, performer.solve(session, k))

    cost_ms = _undisturbed_ms(unit, units)
    performer.close(session)
    return cost_ms


def thinker_cost_ms(thinker: Thinker) -> float:
    """Time of a thinker's whole unit when nothing disturbs it, in milliseconds."""
    config, counts = thinker.model.config, thinker.model.layout.counts
    device, dtype = thinker.model.layer_modulation.device, media_dtype(thinker.model)
    audio = torch.zeros(counts[Kind.AGENT_AUDIO], config.agent_audio.latent_channels, dtype=dtype, device=device)
    video = torch.zeros(counts[Kind.AGENT_VIDEO], config.agent_video.latent_channels, dtype=dtype, device=device)
    session = thinker.open()

    def unit(k: int) -> None:
        thinker.hear_and_think(session, silent_unit(config, k))
        latents = Latents(unit_index=k, audio=audio, video=video)
        thinker.decode(session, latents)
        thinker.commit(session, latents)

    cost_ms = _undisturbed_ms(unit, UNITS)
    thinker.close(session)
    return cost_ms


def admitted(max_sessions: int, unit_cost_ms: float, reserve: Callable[[int], int]) -> int:
    """How many sessions a service admits: what it is told, or what its GPU has time and room for. All get their memory.

    Args:
        max_sessions: 0 for as many as fit.
        reserve: of thinker or performer.

    Raises:
        InvalidInput: MEMORY, there is no room for as many as it is told, or for one.
    """
    wanted = max_sessions or session_capacity(unit_cost_ms)
    seats = min(wanted, reserve(wanted))
    if seats < max_sessions:
        raise InvalidInput(
            f"got --max-sessions {max_sessions}, expected at most {seats}, for which the device has memory; say "
            f"--max-sessions {seats} or 0",
            reason="MEMORY",
        )
    return seats


def _undisturbed_ms(unit: Callable[[int], None], units: int) -> float:
    # The fastest unit: at start the other services load their models on the same cores.
    times_ms = []
    for k in range(units):
        start = time.perf_counter()
        unit(k)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times_ms.append((time.perf_counter() - start) * 1e3)
    return min(times_ms)
