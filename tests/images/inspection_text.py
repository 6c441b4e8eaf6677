"""The script that looks at an image from inside."""

from pathlib import Path
from typing import Final

# Nobody else is there; nano's thinker and performer need no more.
ARGUMENTS: Final = {
    "gateway": ["--thinker=127.0.0.1:57301"],
    "thinker": ["--max-sessions=1"],
    "performer": ["--max-sessions=1"],
}


def inspection_text(service: str) -> str:
    """inspection.py for one service."""
    return (
        f"SERVICE, ARGUMENTS = {service!r}, {ARGUMENTS[service]!r}\n"
        + Path(__file__).with_name("inspection.py").read_text()
    )
