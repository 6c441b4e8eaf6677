"""Opens a talker by its name."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from wan_streamer.eval.conversations.names import COMMON, MODEL, RENDERED, SILENT, TRUTH
from wan_streamer.eval.conversations.own_codecs import own_codecs
from wan_streamer.eval.conversations.talkers.model_talker import ModelTalker, open_model
from wan_streamer.eval.conversations.talkers.said import Says, SayTheCommon, say_nothing, say_the_truth
from wan_streamer.eval.conversations.talkers.scripted_talker import Codecs, ScriptedTalker
from wan_streamer.eval.conversations.talkers.talker import Talker
from wan_streamer.model.codec_weights import load_codec
from wan_streamer.model.shipped import shipped_codec
from wan_streamer.train.data.agent import Agent
from wan_streamer.train.data.face.heads import default_heads_folder
from wan_streamer.train.data.make import agent_speech
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.voices.voice_bank import VoiceBank


@dataclass(frozen=True, kw_only=True)
class TalkerConfig:
    """What talkers are opened with.

    Attributes:
        common_answer: what the one says that always says the same.
        agent: in whose voice.
    """

    preset: str
    weights: Path | None
    solver_steps: int | None
    seed: int
    common_answer: str
    agent: Agent
    cache: Path


def open_talker(system: str, config: TalkerConfig) -> Talker:
    """A talker.

    Raises:
        InvalidInput: weights are missing or damaged, or the agent's voice is not fetched.
    """
    heads = default_heads_folder()
    if system == MODEL:
        return ModelTalker(open_model(config.preset, config.weights, config.solver_steps), heads, config.seed)
    codecs = open_codecs(config.preset, config.weights)
    if system == COMMON:
        clip = agent_speech(config.agent, VoiceBank(DataCache(config.cache)))(config.common_answer)
        return ScriptedTalker(
            SayTheCommon(clip), codecs, heads, is_moving=False, about={"common_answer": config.common_answer}
        )
    says: Says = say_nothing if system == SILENT else say_the_truth
    return ScriptedTalker(says, codecs, heads, is_moving=system in (TRUTH, RENDERED), is_coded=system == TRUTH)


def open_codecs(preset: str, weights: Path | None) -> Codecs:
    """The codecs in an avatar's weights; those that ship for a preset where there are no weights, or no codecs in them.

    Raises:
        InvalidInput: there are none, or they are damaged.
    """
    if weights is not None and (own := own_codecs(weights)):
        return Codecs(audio=own["audio"], video=own["video"], files={weights.name: _digest(weights)})
    paths = {kind: shipped_codec(preset, kind) for kind in ("audio", "video")}
    audio, video = (load_codec(path, kind) for kind, path in paths.items())
    return Codecs(audio=audio, video=video, files={path.name: _digest(path) for path in paths.values()})


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
