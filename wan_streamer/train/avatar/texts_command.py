"""`python -m wan_streamer.train.avatar.texts_command DIR`: what `wan-streamer avatar texts` starts."""

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from tyro.conf import Positional

from wan_streamer.train.avatar.plan import FILE_NAME, Plan, read_plan
from wan_streamer.train.avatar.steps import DRAWS, WORDINGS
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.events import AgentTurn
from wan_streamer.train.data.recordings import words_key
from wan_streamer.train.data.sources.program import run_program


@dataclass(frozen=True, kw_only=True)
class TextsOptions:
    """Print every sentence that an avatar says in its training and its evaluation: what to record."""

    folder: Positional[Path]
    """Folder that `wan-streamer avatar new` wrote."""


def show(options: TextsOptions, console: Console) -> None:
    """Prints them, one a line.

    Raises:
        InvalidInput: the folder is not as it should be.
    """
    for text in agent_texts(options.folder, read_plan(options.folder / FILE_NAME)):
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def agent_texts(folder: Path, plan: Plan) -> list[str]:
    """All that the agent says in the scripts that the plan draws, what has the same words once; sorted.

    Raises:
        InvalidInput: the domain is wrong.
    """
    found: dict[str, str] = {}
    for name, how in DRAWS.items():
        options = DrawOptions(
            domain=folder,
            seed=how.seed,
            count=getattr(plan, name),
            split=how.split,
            more_voices=how.more_voices,
            wordings=WORDINGS,
        )
        for script in options.generator().scripts(options.seed, options.count):
            turns = (event.text for event in script.events if isinstance(event, AgentTurn))
            found |= {words_key(text): text for text in turns}
    return sorted(found.values())


if __name__ == "__main__":
    sys.exit(run_program(TextsOptions, show))
