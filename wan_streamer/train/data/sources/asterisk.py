"""Telephone prompts by one voice: which file says what."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wan_streamer.errors import InvalidInput

SPEAKER: Final = "ALLISON"
TEXT_PATH: Final = "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
SOUND_PATH: Final = "usr/share/asterisk/sounds/en_US_f_Allison"
# Tones, silence and remarks to the reader stand in brackets; nobody says them.
_REMARK: Final = re.compile(r"\[[^\]]*\]|\([^)]*\)")
_SPACES: Final = re.compile(r"\s+")


def read_prompts(path: Path) -> Iterator[tuple[str, str]]:
    """Name (without suffix) and text of each prompt that has words, in the order of the file.

    Raises:
        InvalidInput: the file is damaged or no such list.
    """
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InvalidInput(f"got {path} that cannot be read ({error}); fetch it again", reason="ASTERISK") from error
    prompts = [line.partition(":") for line in lines if line.strip() and not line.startswith(";")]
    if not prompts or any(not colon for _, colon, _ in prompts[:1]):
        raise InvalidInput(f"got {path} without 'name: text' lines, expected the list of prompts", reason="ASTERISK")
    for name, _, text in prompts:
        said = _SPACES.sub(" ", _REMARK.sub(" ", text)).strip()
        if any(character.isalnum() for character in said):
            yield name.strip(), said


def family(name: str) -> str:
    """Prompts of one menu belong together: the part before the first "-" or "/"."""
    return re.split(r"[-/]", name, maxsplit=1)[0]
