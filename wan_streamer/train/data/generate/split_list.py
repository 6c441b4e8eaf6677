"""Names all that is held out, for the manifest of a data set."""

from pathlib import Path
from typing import Any, Final

from wan_streamer.train.data.generate.cast import Cast
from wan_streamer.train.data.generate.mixing import Mixing
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.generate.splits import Split, families, split_of_family
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.yaml_file import import_yaml

_KEPT_OUT: Final[tuple[Split, ...]] = ("held_out", "validation")


def split_list(book: PhraseBook, cast: Cast, mixing: Mixing) -> dict[str, Any]:
    """For `held_out` and `validation`: voices, faces, phrasings by intent, first lines of side talk, families.

    All else is for training.
    """
    return {split: _names(book, cast, mixing, split) for split in _KEPT_OUT}


def split_list_yaml(book: PhraseBook, cast: Cast, mixing: Mixing) -> str:
    """`split_list` as YAML.

    Raises:
        InvalidInput: PyYAML is missing.
    """
    content = split_list(book, cast, mixing)
    return str(import_yaml().safe_dump(content, sort_keys=False, allow_unicode=True, width=120))


def write_split_list(path: Path, book: PhraseBook, cast: Cast, mixing: Mixing) -> None:
    """Writes `split_list` as YAML, whole or not at all.

    Raises:
        InvalidInput: PyYAML is missing.
        OSError: it cannot be written.
    """
    text = split_list_yaml(book, cast, mixing)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode())


def _names(book: PhraseBook, cast: Cast, mixing: Mixing, split: Split) -> dict[str, Any]:
    phrasings: dict[str, list[str]] = {}
    for intent, text in book.frames_in(split):
        phrasings.setdefault(str(intent), []).append(str(text))
    possible = families(mixing.situations.by_name(), max_count=mixing.situation_count.most)
    return {
        "voices": list(cast.voices_of(split)),
        "faces": list(cast.faces_of(split)),
        "phrasings": phrasings,
        "side_talk": [str(lines[0]) for lines in book.side_talk_in(split)],
        "families": [family for family in possible if split_of_family(family) == split],
    }
