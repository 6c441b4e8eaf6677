"""The engine itself: the unit step that serves, in one process, open loop."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wan_streamer.engine.exchange import AgentOutput, UserInput
from wan_streamer.engine.schedule import Duplex
from wan_streamer.errors import InvalidInput
from wan_streamer.eval.conversations.talkers.unit_samples import units_at
from wan_streamer.model.model_weights import config_of, load_trained
from wan_streamer.model.presets import preset, untrained
from wan_streamer.model.shipped import use_shipped_senses, use_shipped_transformer
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.data.conversation import USER_RATE_HZ, Conversation
from wan_streamer.train.data.make import seed_of
from wan_streamer.train.data.pictures import Pictures
from wan_streamer.unit import FRAMES_PER_UNIT


def open_model(name: str, weights: Path | None, solver_steps: int | None) -> WanStreamer:
    """A preset with its shipped codecs and ear.

    Args:
        weights: of the Transformer, whose configuration is taken too; those that ship when None, and where none ship
            drawn from seed 0.
        solver_steps: the preset's when None.

    Raises:
        InvalidInput: an unknown preset, one without codecs, or weights that are damaged or do not fit.
    """
    config = preset(name) if weights is None else config_of(weights)
    if solver_steps is not None:
        config = dataclasses.replace(config, solver_steps=solver_steps)
    model = untrained(config, 0)
    if not use_shipped_senses(model):
        raise InvalidInput(f"got the preset {name}, expected one whose codecs ship", reason="PRESET")
    if weights is None:
        use_shipped_transformer(model)
    else:
        load_trained(weights, model)
    return model


class ModelTalker:
    """The model hears and sees the visitors unit by unit.

    Args:
        heads: the faces that the visitors' pictures are drawn from.
        seed: of the solver's noise, together with the conversation's name.
    """

    def __init__(self, model: WanStreamer, heads: Path, seed: int) -> None:
        self._model, self._heads, self._seed = model, heads, seed
        self._duplex = Duplex(model)

    @property
    def rate_hz(self) -> int:
        """Of its sound."""
        return self._model.config.agent_audio.sample_rate_hz

    @property
    def made_from(self) -> dict[str, str]:
        """Model and seed."""
        steps = str(self._model.config.solver_steps)
        return {"model": self._model.fingerprint(), "solver_steps": steps, "seed": str(self._seed)}

    def talk(self, parts: Sequence[Conversation], *, film: bool) -> Iterator[AgentOutput]:
        """One session; pictures are always there, since the model makes them together with its sound."""
        session = self._duplex.open(seed_of(f"{self._seed} {parts[0].script.name}"))
        for unit_index, (audio, video) in enumerate(self._user_units(parts)):
            yield self._duplex.step(session, UserInput(unit_index=unit_index, audio=audio, video=video))

    def _user_units(self, parts: Sequence[Conversation]) -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
        config = self._model.config
        with Pictures(self._heads, height=config.user_video.height, width=config.user_video.width) as pictures:
            for conversation in parts:
                samples = units_at(conversation.user_audio, USER_RATE_HZ, config.user_audio.sample_rate_hz)
                frames = pictures.visitors(conversation, range(conversation.unit_count * FRAMES_PER_UNIT))
                for audio in samples:
                    yield audio, np.stack([next(frames) for _ in range(FRAMES_PER_UNIT)])
