"""What the evaluation of conversations is made of, on the command line."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

from tyro.conf import UseAppendAction, arg

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.conversations.names import ROWS, SYSTEMS
from wan_streamer.train.data.generate.domain_files import DEFAULT_DOMAIN
from wan_streamer.train.data.sources.cache import default_root

DEFAULT_SYSTEMS: Final = ("model", "truth", "silent", "common")


@dataclass(frozen=True, kw_only=True)
class ConverseOptions:
    """Let the agent take part in held-out conversations and judge what it says, shows and when.

    Every talk is kept; the same command goes on where an interrupted one stopped. Scores are of synthetic voices and
    rendered faces.

    Raises:
        InvalidInput: an unknown system or row, or a count below 1.
    """

    data: Annotated[tuple[Path, ...], UseAppendAction, arg(metavar="DIR")]
    """Data set of held-out conversations (`wan-streamer data render --split held_out`); may be said several times."""
    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Folder for evaluation.md, evaluation.json and the talks."""
    weights: Annotated[Path | None, arg(metavar="FILE")] = None
    """Weights of the Transformer; those that ship when absent."""
    solver_steps: int | None = None
    """Steps of the solver; the preset's when absent."""
    preset: str = "nano"
    """Size of the model."""
    systems: str = ",".join(DEFAULT_SYSTEMS)
    """Who takes part: the model, truth (the conversation's own agent through the codecs), silent, common (the most
    frequent answer after every turn), rendered (the truth without codecs)."""
    rows: str = ",".join(ROWS)
    """What is judged."""
    count: int | None = None
    """Only so many conversations of each data set."""
    films: int = 40
    """Conversations whose pictures are judged, the first ones; the model's are kept of all."""
    long_minutes: float = 10.0
    """Length of the talk that shows whether face and scene stay; the conversations follow each other in it."""
    processes: int = 2
    """Talks that are made or judged at the same time."""
    seed: int = 0
    """Draws the solver's noise, bootstraps and permutations."""
    domain: Annotated[Path, arg(metavar="DIR")] = DEFAULT_DOMAIN
    """Folder of the domain whose answers are known."""
    cache: Path = field(default_factory=default_root)
    """Folder of the fetched sources and judges."""

    def __post_init__(self) -> None:
        counts = [count for count in (self.processes, self.count, self.solver_steps) if count is not None]
        if min(counts) < 1 or min(self.films, self.long_minutes) < 0:
            raise InvalidInput(
                "got --count, --processes or --solver-steps below 1 or --films or --long-minutes below 0, expected "
                "more",
                reason="COUNT",
            )
        if not self.data:
            raise InvalidInput("got no data set, expected --data DIR", reason="DATA_SET")
        chosen(self.systems, SYSTEMS, "--systems")
        chosen(self.rows, ROWS, "--rows")


def chosen(words: str, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    """The names in a comma-separated list, in the order of `known`.

    Raises:
        InvalidInput: one is unknown, or there is none.
    """
    names = [name for name in words.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise InvalidInput(
            f"got {option} {words!r}, expected some of {','.join(known)}, with commas between", reason="OPTION"
        )
    return tuple(name for name in known if name in names)
