"""What a unit's work is made of, and what each part waits for: the schedule of engine, services and simulator, as data.

unit k     hear -- think -- solve -- decode -- commit    thinker: hear, think, decode, commit
                               `---- clean               performer: solve, clean

Who is late catches up: a unit that arrives while the one before is solved is heard in that time. When yet another one
is there when that is solved, the one that was heard goes first, and is solved while the one before is decoded:

unit k     ... solve -- commit ------------ decode
unit k + 1     hear          `---- think -- solve ...
"""

from dataclasses import dataclass
from typing import Final, Literal

Process = Literal["thinker", "performer"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a process does for a unit without a pause, when it is its turn.

    Attributes:
        stages: of which it consists, as they are stamped.
        after: jobs of the same unit that it needs.
        after_before: jobs of the unit before that it needs; the first unit needs none.
    """

    name: str
    process: Process
    stages: tuple[str, ...]
    after: tuple[str, ...] = ()
    after_before: tuple[str, ...] = ()


JOBS: Final = (
    Job(name="hear", process="thinker", stages=("encode",), after_before=("think",)),
    Job(name="think", process="thinker", stages=("state", "text"), after=("hear",)),
    Job(name="solve", process="performer", stages=("append", "solve"), after=("think",), after_before=("clean",)),
    Job(name="decode", process="thinker", stages=("decode",), after=("solve",), after_before=("decode",)),
    Job(name="clean", process="performer", stages=("clean",), after=("solve",)),
    Job(name="commit", process="thinker", stages=("commit",), after=("solve",), after_before=("commit",)),
)


def may_think(open_unit_count: int, lag: int) -> bool:
    """Whether the next state pass has all that it may see: it sees the latents of units before k - `lag`.

    Args:
        open_unit_count: units thought of whose latents are not committed.
    """
    return open_unit_count <= lag
