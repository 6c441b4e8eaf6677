"""Which commands make an avatar, in order. Each goes on where it was interrupted; a second time it finds all done."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wan_streamer.model.shipped import shipped_codec
from wan_streamer.train.avatar.plan import Plan
from wan_streamer.train.data.agent import Agent
from wan_streamer.train.data.generate.splits import Split
from wan_streamer.train.data.recordings import find_recordings

RECIPES: Final = "wan_streamer.train.avatar.recipes"
PRESET: Final = "nano"
# One wording of each answer is learned sooner than several.
WORDINGS: Final = 1
# Clients send PCM: nearer to it than the factory's usual rate.
USER_BIT_RATE: Final = 32_000


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Which scripts a part of the data is of; of different seeds, so that no question is made twice."""

    seed: int
    split: Split = "train"
    more_voices: bool = False


DRAWS: Final = {
    "conversations": Draw(seed=1),
    "heard": Draw(seed=2, more_voices=True),
    "spelled": Draw(seed=3),
    "held_out": Draw(seed=4, split="held_out"),
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """A module to start with these arguments; one that `trains` may run as several processes."""

    title: str
    module: str
    arguments: tuple[str, ...]
    trains: bool = False


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where an avatar's files lie."""

    folder: Path

    @property
    def work(self) -> Path:
        """What is made on the way; may be deleted afterwards."""
        return self.folder / "work"

    @property
    def start(self) -> Path:
        """What the Transformer begins with, and the codecs that data is encoded with."""
        return self.work / "start.safetensors"

    @property
    def result(self) -> Path:
        """The avatar."""
        return self.folder / f"{self.folder.resolve().name}.safetensors"

    @property
    def evaluation(self) -> Path:
        """What the judges say of it."""
        return self.folder / "evaluation"

    def weights(self, run: str) -> Path:
        """What a training wrote."""
        return self.work / run / "weights.safetensors"


def steps(
    places: Places, agent: Agent, plan: Plan, *, processes: int, evaluates: bool, computing: Sequence[str] = ()
) -> Iterator[Step]:
    """All of them.

    Args:
        computing: options of the Transformer's trainings that make them faster here.

    Raises:
        InvalidInput: it was recorded, and recordings are missing.
    """
    work, domain = places.work, ("--domain", str(places.folder), "--wordings", str(WORDINGS))
    data = "wan_streamer.train.data."
    heard = ("--user-bit-rate", str(USER_BIT_RATE))
    start = ("--preset", str(places.start))
    many = ("--processes", str(processes))

    def draw(name: str) -> tuple[str, ...]:
        how = DRAWS[name]
        chosen = ("--count", str(getattr(plan, name)), "--seed", str(how.seed), "--split", how.split)
        more = ("--more-voices",) if how.more_voices else ()
        return (*domain, *chosen, *more, "--out", str(work / name), *many)

    def learn(title: str, recipe: str, count: int, *arguments: str) -> Step:
        name = recipe.replace("_", "-")
        given = (f"{RECIPES}:{recipe}", "--steps", str(count), "--out", str(work / name), *arguments)
        return Step(title=title, module="wan_streamer.train", arguments=given, trains=True)

    if agent.voice is not None:
        yield Step(
            title="the voice says sentences",
            module=data + "sources.voice_command",
            arguments=("--voice", agent.voice, "--count", str(plan.sentences), "--out", str(work / "voice")),
        )
    yield Step(
        title="conversations",
        module=data + "store.render_command",
        arguments=(*draw("conversations"), *heard),
    )
    # Films by name: idle may be without sound.
    sound = find_recordings(agent.looks).values() if isinstance(agent.looks, Path) else [work / "voice"]
    yield learn(
        "the codec learns the voice", "audio_codec", plan.audio_codec_steps, "--data", *map(str, sorted(sound)),
        "--initial-weights", str(shipped_codec(PRESET, "audio")),
    )  # fmt: skip
    yield learn(
        "the codec learns the face", "video_codec", plan.video_codec_steps, "--data", str(work / "conversations"),
        "--initial-weights", str(shipped_codec(PRESET, "video")),
    )  # fmt: skip
    yield Step(
        title="what training begins with",
        module="wan_streamer.train.avatar.join_command",
        arguments=(
            "--audio-codec", str(places.weights("audio-codec")), "--video-codec", str(places.weights("video-codec")),
            "--out", str(places.start),
        ),
    )  # fmt: skip
    yield Step(
        title="conversations, encoded",
        module="wan_streamer.train.encode_command",
        arguments=(str(work / "conversations"), "--out", str(work / "encoded"), *start, *many),
    )
    yield Step(
        title="more questions, heard",
        module="wan_streamer.train.hear_command",
        arguments=(*draw("heard"), *heard, *start),
    )
    yield Step(
        title="many more, spelled",
        module="wan_streamer.train.spell_command",
        arguments=(*draw("spelled"), "--like", str(work / "heard"), *start),
    )
    questions = ("--data", str(work / "heard"), str(work / "spelled"))
    begin = ("--initial-weights", str(places.start))
    yield learn("reading", "reading", plan.reading_steps, *questions, *begin)
    everything = (*questions, str(work / "encoded"), *computing)
    yield learn(
        "speaking", "speaking", plan.speaking_steps, *everything, *begin,
        "--initial-reader", str(places.weights("reading")),
    )  # fmt: skip
    yield Step(
        title="conversations, as it makes them itself",
        module="wan_streamer.train.roll_command",
        arguments=(
            str(work / "encoded"), "--weights", str(places.weights("speaking")), "--out", str(work / "rolled"), *many,
        ),
    )  # fmt: skip
    yield learn(
        "conversing", "conversing", plan.conversing_steps, *questions, str(work / "encoded"), str(work / "rolled"),
        *computing, "--initial-weights", str(places.weights("speaking")),
    )  # fmt: skip
    yield Step(
        title="the avatar",
        module="wan_streamer.train.ship_weights",
        arguments=(str(places.weights("conversing")), "--out", str(places.result)),
    )
    if evaluates:
        yield Step(
            title="held-out conversations",
            module=data + "store.render_command",
            arguments=(*draw("held_out"), *heard),
        )
        yield Step(
            title="what the judges say",
            module="wan_streamer.eval.conversations",
            arguments=(
                "--data", str(work / "held_out"), "--domain", str(places.folder), "--weights", str(places.result),
                "--out", str(places.evaluation), "--systems", "model", "--long-minutes", "0", *many,
            ),
        )  # fmt: skip
