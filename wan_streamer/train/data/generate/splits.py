"""Who and what is kept out of training: a pure function of names, so nothing has to be remembered.

Four axes are split: voices, faces, phrasings, script families. `held_out` is for the final evaluation only,
`validation` for choosing between models.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

Split = Literal["train", "validation", "held_out"]
Axis = Literal["voice", "face", "phrasing", "family"]

HELD_OUT_SHARE: Final = 0.15
VALIDATION_SHARE: Final = 0.10


@dataclass(frozen=True, kw_only=True)
class SplitChoice:
    """From which split each axis is drawn; an evaluation may ask for held-out voices with known phrasings."""

    voices: Split = "train"
    faces: Split = "train"
    phrasings: Split = "train"
    families: Split = "train"


def place(axis: Axis, name: str) -> float:
    """Where a name stands in its axis, 0 to 1, evenly spread and the same on every machine."""
    digest = hashlib.blake2b(f"{axis}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def split_of(axis: Axis, name: str) -> Split:
    """The split of a name on its own."""
    where = place(axis, name)
    if where < HELD_OUT_SHARE:
        return "held_out"
    return "validation" if where < HELD_OUT_SHARE + VALIDATION_SHARE else "train"


def split_names(axis: Axis, names: Iterable[str]) -> dict[str, Split]:
    """The split of each name of a closed set.

    As `split_of`, and where none of three or more names falls into a split, it gets the name that stands nearest to
    it: of a small set (the phrasings of an intent, the voices) some are held out too.
    """
    ordered = sorted(dict.fromkeys(names), key=lambda name: (place(axis, name), name))
    splits = {name: split_of(axis, name) for name in ordered}
    if len(ordered) < 3:
        return dict.fromkeys(ordered, "train")
    if "held_out" not in splits.values():
        splits[ordered[0]] = "held_out"
    if "validation" not in splits.values():
        splits[next((name for name in ordered[1:] if splits[name] == "train"), ordered[1])] = "validation"
    if "train" not in splits.values():
        splits[ordered[-1]] = "train"
    return splits


def split_speakers(voices: Iterable[str]) -> dict[str, Split]:
    """The split of each speaker, for each engine (`flite`, `espeak`) on its own: every kind of voice is held out."""
    engines: dict[str, list[str]] = {}
    for voice in voices:
        engines.setdefault(voice.partition("-")[0], []).append(speaker_of(voice))
    return {name: split for speakers in engines.values() for name, split in split_names("voice", speakers).items()}


def speaker_of(voice: str) -> str:
    """The speaker of a voice: `espeak-f3@en-gb` and `espeak-f3@en-us` are one, and are held out together."""
    return voice.partition("@")[0]


def family_of(situations: Iterable[str]) -> str:
    """The family of a script: the set of its situations."""
    return "+".join(sorted(set(situations)))


def split_of_family(family: str) -> Split:
    """A situation alone must be learned, so only combinations are held out."""
    return split_of("family", family) if "+" in family else "train"


def families(situations: Iterable[str], *, max_count: int) -> list[str]:
    """All families of at most `max_count` situations."""
    names = sorted(set(situations))
    return ["+".join(chosen) for count in range(1, max_count + 1) for chosen in combinations(names, count)]
