"""`python -m wan_streamer.train.data.face.export_command`: what `wan-streamer data faces` starts."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from wan_streamer.train.data.face.heads import FILE_NAME, default_heads_folder
from wan_streamer.train.data.sources.program import run_program

BYTES_A_MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class FaceOptions:
    """Export the heads that the agent and the visitors are drawn from, once."""

    out: Path = field(default_factory=default_heads_folder)
    """Folder for them."""
    again: bool = False
    """Export them even if they are there."""


def export(options: FaceOptions, console: Console) -> None:
    """Exports the heads unless they are there and says where they are.

    Raises:
        InvalidInput: anny is not installed.
    """
    from wan_streamer.train.data.face.export_heads import export_heads

    path = options.out / FILE_NAME
    if options.again or not path.is_file():
        export_heads(options.out, console)
    size_mb = path.stat().st_size / BYTES_A_MEGABYTE
    console.print(f"{path}: {size_mb:.1f} MB; {options.out / 'anny'} may be deleted", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(run_program(FaceOptions, export))
