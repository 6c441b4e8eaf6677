"""Whether a device computes what the CPU does, and graphs what eager passes do. A part of gpu_check.py."""

from typing import Any, Final

import numpy as np
import torch
from unit_cost import noisy_unit

from wan_streamer.engine.captured import Eager, Recorder, recorder_on
from wan_streamer.engine.number_type import NumberType, serve_in
from wan_streamer.engine.schedule import Duplex
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.presets import untrained

UNITS: Final = 12
# Of the latents' own size. bfloat16 has 8 bits, and the errors of a conversation add up.
LIMITS: Final = {"float32 to CPU": 1e-3, "graph to eager": 1e-5, "bfloat16 to CPU": 0.2}


def measure_agreement(config: ModelConfig, device: torch.device) -> dict[str, Any]:
    """Largest differences of latents over some units of a small model, relative to the largest latent."""
    reference = _latents(config, torch.device("cpu"), "float32", Eager(torch.device("cpu")))
    graphs = _latents(config, device, "float32", recorder_on(device))
    pairs = {
        "float32 to CPU": (graphs, reference),
        "graph to eager": (graphs, _latents(config, device, "float32", Eager(device))),
        "bfloat16 to CPU": (_latents(config, device, "bfloat16", recorder_on(device)), reference),
    }
    differences = {name: float((a - b).abs().max() / b.abs().max()) for name, (a, b) in pairs.items()}
    return {
        name: {"difference": value, "limit": LIMITS[name], "agrees": value <= LIMITS[name]}
        for name, value in differences.items()
    }


def _latents(config: ModelConfig, device: torch.device, number_type: NumberType, recorder: Recorder) -> torch.Tensor:
    """Video latents of all units. Words are forced by none: a word that differs shows in what follows."""
    model = serve_in(untrained(config, 0), number_type).to(device)
    duplex = Duplex(model, recorder)
    session, random, latents = duplex.open(0), np.random.default_rng(0), []
    for k in range(UNITS):
        duplex.step(session, noisy_unit(config, k, random))
        assert session.latents is not None
        latents.append(session.latents.video.float().cpu())
    return torch.stack(latents)
