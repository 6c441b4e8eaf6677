"""`python -m wan_streamer.train.avatar.new_command DIR`: what `wan-streamer avatar new` starts."""

import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from tyro.conf import Positional

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.program import run_program

TEMPLATE: Final = Path(__file__).parent / "template"


@dataclass(frozen=True, kw_only=True)
class NewOptions:
    """Write a folder that describes an agent: who it is, what it can be asked, how much it learns."""

    folder: Positional[Path]
    """Folder to make."""


def new(options: NewOptions, console: Console) -> None:
    """Copies the template.

    Raises:
        InvalidInput: the folder is there already and not empty.
        OSError: it cannot be written.
    """
    folder = options.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(f"got {folder}, which is there already, expected a new folder; name another", reason="OUT")
    shutil.copytree(TEMPLATE, folder, dirs_exist_ok=True)
    name = shlex.quote(str(folder))
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.yaml"))
    console.print(
        f"wrote {folder}: {', '.join(files)}\n"
        "Change agent.yaml and the texts; each file says how. Look at it, then train it:\n"
        f"  wan-streamer data preview --domain {name} --out preview\n"
        f"  wan-streamer avatar train {name}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(run_program(NewOptions, new))
