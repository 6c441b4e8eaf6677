"""One Parquet file of conversations: a row group each, so that any of them is read without the others."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.conversation import Conversation
from wan_streamer.train.data.store.row import SCHEMA, from_row

FORMAT: Final = "wan-streamer-conversations-2"
COMPRESSION_LEVEL: Final = 9


def write_shard(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes the rows that `to_row` made, whole or not at all.

    Raises:
        OSError: it cannot be written, the disk is full; what was there stays.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    schema = SCHEMA.with_metadata({"format": FORMAT})
    try:
        with pq.ParquetWriter(
            part, schema, compression="zstd", compression_level=COMPRESSION_LEVEL, write_page_checksum=True
        ) as writer:
            for row in rows:
                writer.write_table(pa.Table.from_pylist([row], schema=schema))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class Shard:
    """A shard opened for reading; cheap to open, reads a conversation at a time.

    Raises:
        InvalidInput: it is missing, cut off or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._reading():
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
        found = (self._file.schema_arrow.metadata or {}).get(b"format", b"none").decode()
        if found != FORMAT:
            raise InvalidInput(
                f"got {path} of format {found!r}, expected {FORMAT!r}; make the data again", reason="SHARD"
            )

    def __len__(self) -> int:
        return int(self._file.num_row_groups)

    def unit_counts(self) -> list[int]:
        """Units of each conversation."""
        with self._reading():
            return [int(count) for count in self._file.read(columns=["unit_count"])["unit_count"].to_pylist()]

    def names(self) -> list[str]:
        """Name of each conversation."""
        with self._reading():
            return [str(name) for name in self._file.read(columns=["name"])["name"].to_pylist()]

    def conversation(self, index: int) -> Conversation:
        """One conversation.

        Raises:
            InvalidInput: it is damaged.
        """
        columns = [name for name in SCHEMA.names if name != "units"]
        with self._reading():
            rows = self._file.read_row_group(index, columns=columns).to_pylist()
        return from_row(rows[0])

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise InvalidInput(
                f"got {self.path} that cannot be read ({error}), expected a whole shard; copy or make it again",
                reason="SHARD",
            ) from error
