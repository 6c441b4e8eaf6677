"""The conversations that are judged, and which of their turns have phrasings that nobody trained on."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.conversation import Conversation
from wan_streamer.train.data.store.data_set import MANIFEST, DataSet


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A conversation of a data set.

    Attributes:
        name: of the data set and the script; its talks lie in a folder of this name.
        folder, index: where the conversation is.
        data_sha256: of the data set's manifest.
        unknown_phrasings: intent and phrasing of what is kept out of training.
    """

    name: str
    folder: Path
    index: int
    data_sha256: str
    unknown_phrasings: frozenset[tuple[str, str]]

    def conversation(self) -> Conversation:
        """Reads it.

        Raises:
            InvalidInput: its shard is damaged.
        """
        return DataSet(self.folder).conversation(self.index)


def choose_conversations(folders: Sequence[Path], count: int | None) -> tuple[HeldOut, ...]:
    """Those of all data sets, at most `count` of each.

    Raises:
        InvalidInput: a folder holds no data set, or two have the same name.
    """
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise InvalidInput(
            f"got data sets with the names {', '.join(names)}, expected different ones; rename a folder",
            reason="DATA_SET",
        )
    return tuple(one for folder in folders for one in _choose(folder, count))


def _choose(folder: Path, count: int | None) -> Iterator[HeldOut]:
    data_set = DataSet(folder)
    sha256 = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    unknown = frozenset(_unknown_phrasings(data_set.header.get("kept_out_of_training", {})))
    for index in range(len(data_set))[:count]:
        yield HeldOut(
            name=f"{folder.resolve().name}.{data_set.conversation(index).script.name}",
            folder=folder,
            index=index,
            data_sha256=sha256,
            unknown_phrasings=unknown,
        )


def _unknown_phrasings(kept_out: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for names in kept_out.values():
        for intent, phrasings in names.get("phrasings", {}).items():
            yield from ((intent, phrasing) for phrasing in phrasings)
